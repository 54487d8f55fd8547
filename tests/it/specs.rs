//! Short specs that exercise every algorithm, and runs of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::Value as Json;
use slm_lab::config::{Available, Diagnostics, Spec, SpecFile};
use slm_lab::device::{DeviceChoice, open};
use slm_lab::experiment::{Mode, Plan, RunOptions, Silent, TrialReport, run_trial};
use slm_lab::registry::{algorithm_names, env_names};

/// Names of the specs of [`file`]: every algorithm, discrete and continuous, vector and single.
pub(crate) const NAMES: [&str; 6] =
    ["ppo", "ppo_continuous", "a2c_separate", "a2c_nstep", "reinforce", "random"];

/// The spec file with all of them; each takes a fraction of a second.
pub(crate) fn file() -> Json {
    serde_json::from_str(include_str!("../data/short_specs.json")).unwrap()
}

/// The meaning of one of them.
pub(crate) fn plan(name: &str) -> Plan {
    plan_of(name, &file())
}

/// The meaning of a spec of `file`.
pub(crate) fn plan_of(name: &str, file: &Json) -> Plan {
    let raw = SpecFile::parse("test.json", &file.to_string()).unwrap().choose(name).unwrap();
    let (algorithms, envs) = (algorithm_names(), env_names());
    let available = Available { algorithms: &algorithms, envs: &envs };
    let mut found = Diagnostics::new();
    let spec = Spec::read(&raw, &available, &mut found);
    let plan = spec.and_then(|spec| Plan::resolve(spec, &mut found));
    found.finish(plan).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Options of a run of seed 7 into `data`, with a checkpoint at every row and without graphs.
pub(crate) fn options(data: &Path) -> RunOptions {
    RunOptions {
        data_dir: data.to_owned(),
        seed: Some(7),
        checkpoint_interval: Duration::ZERO,
        progress_interval: Duration::ZERO,
        graphs: false,
        ..RunOptions::new(Mode::Train, open(DeviceChoice::Cpu).unwrap())
    }
}

/// Runs a spec to its end.
pub(crate) fn run(name: &str, options: &RunOptions) -> TrialReport {
    run_trial(&plan(name), options, &Silent, &AtomicBool::new(false)).unwrap()
}

/// A file of a run's folder by the end of its path.
pub(crate) fn find(folder: &Path, end: &str) -> PathBuf {
    let files = crate::comparison::files(folder);
    let found = files.iter().find(|path| path.to_string_lossy().ends_with(end));
    folder.join(found.unwrap_or_else(|| panic!("no {end} among {files:#?}")))
}
