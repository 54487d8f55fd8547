//! `slm-lab completions SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::failure::Outcome;
use super::terminal::print;

/// Prints a completion script.
pub(super) fn run(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "slm-lab", &mut script);
    Ok(print(&String::from_utf8_lossy(&script))?)
}
