//! The command line: one command per file, and what they share.

mod algorithm;
mod args;
mod bench;
mod check;
mod completions;
mod doctor;
mod enjoy;
mod env;
mod failure;
mod gif;
mod interrupt;
mod job;
mod json;
mod lab;
mod legacy;
mod machine;
mod mode;
mod progress;
mod rollout;
mod run;
mod run_args;
mod schema;
mod spec;
mod terminal;
mod train;
mod window;

use std::process::ExitCode;

use args::{AlgorithmCommand, Command, EnvCommand};
use failure::Outcome;

/// Does what the command line asks for.
///
/// Exit codes: 0 it is done, 1 the run failed, 2 the request is wrong, 130 interrupted after a checkpoint.
pub(crate) fn main() -> ExitCode {
    let cli = args::parse(std::env::args_os());
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                terminal::say(&message);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Schema => schema::run(),
        Command::Env(EnvCommand::List) => env::list(),
        Command::Env(EnvCommand::Show { name }) => env::show(&name),
        Command::Env(EnvCommand::Rollout(args)) => rollout::run(&args),
        Command::Algorithm(AlgorithmCommand::List) => algorithm::list(),
        Command::Bench(args) => bench::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions { shell } => completions::run(shell),
    }
}
