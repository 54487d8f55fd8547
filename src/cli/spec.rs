//! From words on the command line to the plan of a run.

use slm_lab::config::{Available, Diagnostics, Given, load, locate, nearest, wrapped};
use slm_lab::experiment::{Mode, Plan, refuse_beyond_memory};
use slm_lab::registry;

use super::args::command_names;
use super::failure::Failure;
use super::terminal;

/// A spec by file and name, with the settings of `-s`.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpecChoice<'a> {
    pub(super) file: &'a str,
    pub(super) name: &'a str,
    pub(super) settings: &'a [Given],
    pub(super) is_strict: bool,
}

impl SpecChoice<'_> {
    /// Reads the spec and everything it means; what is wrong or odd goes to `found`.
    pub(super) fn read(self, found: &mut Diagnostics) -> Option<Plan> {
        let (algorithms, envs) = (registry::algorithm_names(), registry::env_names());
        let available = Available { algorithms: &algorithms, envs: &envs };
        let spec = load(self.file, self.name, self.settings, &available, found)?;
        Plan::resolve(spec, found)
    }

    /// As [`read`](Self::read), for a spec that is to be trained on this machine with so many threads.
    pub(super) fn read_to_train(
        self,
        mode: Mode,
        threads: usize,
        found: &mut Diagnostics,
    ) -> Option<Plan> {
        let plan = self.read(found);
        refuse_beyond_memory(plan.as_ref(), mode, threads, found);
        plan
    }

    /// As [`read`](Self::read), where only a spec that can run will do. Says what is odd.
    pub(super) fn resolve(self) -> Result<Plan, Failure> {
        self.settle(|found| self.read(found))
    }

    /// As [`resolve`](Self::resolve), for a spec that is to be trained on this machine with so many threads.
    pub(super) fn resolve_to_train(self, mode: Mode, threads: usize) -> Result<Plan, Failure> {
        self.settle(|found| self.read_to_train(mode, threads, found))
    }

    fn settle(self, read: impl FnOnce(&mut Diagnostics) -> Option<Plan>) -> Result<Plan, Failure> {
        let mut found = self.diagnostics();
        let plan = read(&mut found);
        let report = found.render(terminal::has_color());
        match plan {
            Some(plan) if found.is_ok() => {
                if !found.warnings.is_empty() {
                    terminal::say(report.trim_end());
                }
                Ok(plan)
            }
            _ => Err(Failure::Spec(report.trim_end().to_owned())),
        }
    }

    /// Where findings go.
    pub(super) fn diagnostics(self) -> Diagnostics {
        if self.is_strict { Diagnostics::strict() } else { Diagnostics::new() }
    }
}

/// The names of the specs in a file.
pub(super) fn names(file: &str) -> Result<Vec<String>, Failure> {
    match locate(file) {
        Ok(found) => Ok(found.names().into_iter().map(str::to_owned).collect()),
        Err(errors) => Err(with_command_hint(file, errors.into())),
    }
}

/// The name given, or the file's only one.
pub(super) fn name_or_only(file: &str, name: Option<&str>) -> Result<String, Failure> {
    let mut names = names(file)?;
    match (name, names.len()) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, 1) => Ok(names.remove(0)),
        (None, _) => {
            let question = format!("which spec of {file}? It has {}", names.join(", "));
            let example = format!("for example `slm-lab {file} {} dev`", names[0]);
            Err(Failure::Request(format!("{}\n{example}", wrapped(&question, ""))))
        }
    }
}

/// Modes that people write first.
const MODES: [&str; 3] = ["train", "dev", "search"];

/// A first word that is neither a file nor a command may be a slip in a command, or a mode.
fn with_command_hint(file: &str, failure: Failure) -> Failure {
    let commands = command_names();
    let words = commands.iter().map(String::as_str).chain(MODES);
    match (nearest(file, words), failure) {
        (Some(mode), Failure::Spec(text)) if MODES.contains(&mode) => {
            let usage = format!("slm-lab SPEC_FILE SPEC_NAME {mode}");
            Failure::Spec(format!("{text}\nthe mode comes last, as in `{usage}`"))
        }
        (Some(command), Failure::Spec(text)) => {
            Failure::Spec(format!("{text}\ndid you mean the command `slm-lab {command}`?"))
        }
        (_, failure) => failure,
    }
}
