//! `slm-lab run`: what is to be done with which spec.

use std::path::Path;

use slm_lab::experiment::{self, Mode as TrainMode};

use super::failure::{Failure, Outcome};
use super::lab::Lab;
use super::mode::{Mode, Source};
use super::run_args::{ProfileSwitch, RunArgs};
use super::spec::{SpecChoice, name_or_only};
use super::{enjoy, job, train};

/// What `slm-lab` alone runs.
const DEMO: (&str, &str) = ("demo.json", "ppo_cartpole");

/// A spec, perhaps, and what to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The spec file; none where a run's folder says it all.
    pub(super) file: Option<String>,
    /// The spec's name.
    pub(super) name: Option<String>,
    /// What to do.
    pub(super) mode: Mode,
}

/// Does what the arguments ask for.
pub(super) fn run(args: &RunArgs) -> Outcome {
    args.legacy.check()?;
    match args.job_file() {
        Some(path) => job::run(&Lab::new(args), &path),
        None => execute(&Lab::new(args), &Request::new(args)),
    }
}

/// Does what one request asks for.
pub(super) fn execute(lab: &Lab<'_>, request: &Request) -> Outcome {
    note_idle_options(lab, &request.mode);
    match &request.mode {
        Mode::Search => Err(Failure::request(
            &"search is not built yet; dev and train run the spec as it is, with `search` left out",
        )),
        Mode::Dev => request.train(lab, TrainMode::Dev),
        Mode::Train => request.train(lab, TrainMode::Train),
        Mode::Resume(source) => {
            let folder = request.folder(lab, source)?;
            let folder =
                if folder.is_file() { folder.parent().unwrap_or(&folder) } else { &folder };
            request.check_same_spec(lab, folder)?;
            train::resume(lab, folder)
        }
        Mode::Enjoy(source) => {
            let folder = request.folder(lab, source)?;
            if folder.is_dir() {
                request.check_same_spec(lab, &folder)?;
            } else {
                Request::refuse_settings(lab)?;
            }
            enjoy::run(lab, &folder)
        }
    }
}

/// Names options that the mode has no use for. They may come from the environment, so they are no errors.
fn note_idle_options(lab: &Lab<'_>, mode: &Mode) {
    let args = lab.args;
    let (idle, reason): (&[(&str, bool)], _) = match mode {
        Mode::Enjoy(_) => (
            &[
                ("--device", args.device.is_some()),
                ("--cuda-offset", args.cuda_offset > 0),
                ("--threads", args.threads.is_some()),
                ("--profile", args.profile != ProfileSwitch::False),
                ("--checkpoint-interval", args.checkpoint_interval.is_some()),
            ],
            "is for training; a policy plays on one thread of the processor",
        ),
        // With --render, training ends in playback.
        _ if args.render => return,
        _ => (
            &[
                ("--sample", args.sample),
                ("--episodes", args.episodes.is_some()),
                ("--gif", args.gif.is_some()),
            ],
            "is for playback: enjoy@…, or --render",
        ),
    };
    for (option, _) in idle.iter().filter(|(_, is_given)| *is_given) {
        tracing::info!("{option} {reason}");
    }
}

impl Request {
    /// What the positional arguments mean: left out are the demo, a file's only spec, and mode dev.
    fn new(args: &RunArgs) -> Self {
        let (mut file, mut name, mut mode) =
            (args.spec_file.clone(), args.spec_name.clone(), args.mode.clone());
        let parse = |word: &Option<String>| word.as_deref().and_then(|word| word.parse().ok());
        if mode.is_none() && name.is_none() {
            // `slm-lab enjoy@FOLDER`: the folder says which spec.
            mode = parse(&file).filter(|m| matches!(m, Mode::Resume(_) | Mode::Enjoy(_)));
            file = file.filter(|_| mode.is_none());
        } else if mode.is_none() {
            // `slm-lab FILE train`
            mode = parse(&name);
            name = name.filter(|_| mode.is_none());
        }
        if file.is_none() && mode.is_none() {
            (file, name) = (Some(DEMO.0.to_owned()), Some(DEMO.1.to_owned()));
        }
        Self { file, name, mode: mode.unwrap_or(Mode::Dev) }
    }

    /// The plan of the spec, of which a run is there already.
    fn plan(&self, lab: &Lab<'_>) -> Result<experiment::Plan, Failure> {
        let name = name_or_only(self.spec_file(), self.name.as_deref())?;
        self.choice(lab, &name).resolve()
    }

    /// Trains the spec from the start.
    fn train(&self, lab: &Lab<'_>, mode: TrainMode) -> Outcome {
        let name = name_or_only(self.spec_file(), self.name.as_deref())?;
        let plan = self.choice(lab, &name).resolve_to_train(mode, lab.threads())?;
        train::fresh(lab, &plan, mode)
    }

    fn spec_file(&self) -> &str {
        self.file.as_deref().unwrap_or(DEMO.0)
    }

    fn choice<'a>(&'a self, lab: &'a Lab<'_>, name: &'a str) -> SpecChoice<'a> {
        let (settings, is_strict) = (lab.args.set.as_slice(), lab.args.strict);
        SpecChoice { file: self.spec_file(), name, settings, is_strict }
    }

    /// Sees that a spec given with `train@…` or `enjoy@…` is the run's own: nothing of it would take effect.
    fn check_same_spec(&self, lab: &Lab<'_>, folder: &Path) -> Outcome {
        if self.file.is_none() {
            return Self::refuse_settings(lab);
        }
        let plan = self.plan(lab)?;
        if lab.args.set.is_empty() {
            // Settings that the run was started with need not be repeated.
            return Ok(experiment::check_same_name(folder, &plan.spec.name)?);
        }
        Ok(experiment::check_same_spec(folder, &plan)?)
    }

    /// Refuses `-s` where nothing is left to set.
    fn refuse_settings(lab: &Lab<'_>) -> Outcome {
        let Some(given) = lab.args.set.first() else { return Ok(()) };
        let message = "sets nothing here: a run keeps the spec it was started with";
        Err(Failure::Request(format!("{} {message}", given.option)))
    }

    /// The folder (or a file in it) of the run that is meant.
    fn folder(&self, lab: &Lab<'_>, source: &Source) -> Result<std::path::PathBuf, Failure> {
        match source {
            Source::Path(path) => Ok(path.clone()),
            Source::Latest => {
                let name = match &self.file {
                    Some(_) => self.plan(lab)?.spec.name,
                    None => String::new(),
                };
                experiment::find_latest(&lab.args.data_dir, &name).ok_or_else(|| {
                    let of = if name.is_empty() { name } else { format!(" of {name}") };
                    let data = lab.args.data_dir.display();
                    Failure::Request(format!("there is no run{of} in {data}"))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser;

    use super::super::args::{Cli, Command, with_run};
    use super::*;

    fn request(text: &str) -> Request {
        let words = text.split_whitespace().map(std::ffi::OsString::from);
        match Cli::try_parse_from(with_run(words)).unwrap().command {
            Command::Run(args) => Request::new(&args),
            other => panic!("{other:?} is no run"),
        }
    }

    fn expected(file: Option<&str>, name: Option<&str>, mode: Mode) -> Request {
        Request { file: file.map(str::to_owned), name: name.map(str::to_owned), mode }
    }

    #[test]
    fn what_is_left_out_is_the_demo_the_only_spec_and_mode_dev() {
        let demo = expected(Some("demo.json"), Some("ppo_cartpole"), Mode::Dev);
        assert_eq!(request("slm-lab"), demo);
        assert_eq!(request("slm-lab a.json"), expected(Some("a.json"), None, Mode::Dev));
        assert_eq!(request("slm-lab a.json x"), expected(Some("a.json"), Some("x"), Mode::Dev));
        assert_eq!(request("slm-lab a.json train"), expected(Some("a.json"), None, Mode::Train));
    }

    #[test]
    fn a_folder_alone_says_which_spec() {
        let path = Source::Path(PathBuf::from("data/x"));
        assert_eq!(
            request("slm-lab enjoy@data/x"),
            expected(None, None, Mode::Enjoy(path.clone()))
        );
        assert_eq!(
            request("slm-lab a.json x train@data/x"),
            expected(Some("a.json"), Some("x"), Mode::Resume(path))
        );
        let latest = Mode::Resume(Source::Latest);
        assert_eq!(request("slm-lab train@latest"), expected(None, None, latest));
    }
}
