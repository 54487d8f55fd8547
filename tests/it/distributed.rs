//! Workers that train one set of networks, in lockstep or as they come.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value as Json, json};
use slm_lab::config::{Available, Diagnostics, Spec, SpecFile};
use slm_lab::device::{DeviceChoice, open};
use slm_lab::experiment::{
    Mode, Observer, Plan, Progress, RunError, RunOptions, Silent, TrialReport, resume_trial,
    run_trial,
};
use slm_lab::registry::{algorithm_names, env_names};

use crate::comparison::{assert_same_run, files};
use crate::specs::{distributed, find, options, plan_of};

/// Specs with networks, and one without.
const NAMES: [&str; 12] = [
    "ppo",
    "ppo_continuous",
    "a2c_separate",
    "a2c_nstep",
    "reinforce",
    "sil",
    "dqn",
    "sac",
    "td3",
    "random",
    "ppo_recurrent",
    "dqn_recurrent",
];

fn train(name: &str, file: &Json, options: &RunOptions) -> TrialReport {
    run_trial(&plan_of(name, file), options, &Silent, &AtomicBool::new(false)).unwrap()
}

fn policy(report: &TrialReport, worker: usize) -> Vec<u8> {
    fs::read(find(&report.folder, &format!("s{worker}_policy.safetensors"))).unwrap()
}

/// The weights of a policy, whose file also says of which session it is.
fn weights(bytes: &[u8]) -> &[u8] {
    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    &bytes[8 + header..]
}

#[test]
fn workers_in_lockstep_leave_the_same_files_again_however_fast_each_is() {
    let data = tempfile::tempdir().unwrap();
    let file = distributed("synced");
    for name in NAMES {
        let options = options(data.path());
        let first = train(name, &file, &options);
        let second = train(name, &file, &RunOptions { threads: 2, ..options });
        assert_same_run(&first.folder, &second.folder);
        assert_eq!(first.sessions.len(), 3);
        assert!(first.sessions.iter().all(|session| session.frame == 1200), "{name}");
    }
}

#[test]
fn workers_in_lockstep_end_with_the_same_weights_from_experience_of_their_own() {
    let data = tempfile::tempdir().unwrap();
    let file = distributed("synced");
    let report = train("a2c_nstep", &file, &options(data.path()));
    let ends = [0, 1, 2].map(|worker| policy(&report, worker));
    assert_eq!(weights(&ends[0]), weights(&ends[1]));
    assert_eq!(weights(&ends[0]), weights(&ends[2]));
    let losses = |k: usize| report.sessions[k].table.column("loss").unwrap();
    assert_ne!(losses(0), losses(1));
}

/// Raises the flag when a worker has come to a frame.
struct StopAt<'a> {
    worker: usize,
    frame: u64,
    interrupt: &'a AtomicBool,
}

impl Observer for StopAt<'_> {
    fn progress(&self, session: usize, progress: &Progress) {
        if session == self.worker && progress.frame >= self.frame {
            self.interrupt.store(true, Ordering::Relaxed);
        }
    }
}

/// The folder of a run that was stopped.
fn cut(name: &str, file: &Json, options: &RunOptions, (worker, frame): (usize, u64)) -> PathBuf {
    let interrupt = AtomicBool::new(false);
    let observer = StopAt { worker, frame, interrupt: &interrupt };
    match run_trial(&plan_of(name, file), options, &observer, &interrupt) {
        Err(RunError::Interrupted { folder }) => folder,
        other => panic!("{name} was not interrupted at {frame}: {other:?}"),
    }
}

fn resume(folder: &Path, options: &RunOptions) -> TrialReport {
    resume_trial(folder, options, &Silent, &AtomicBool::new(false)).unwrap()
}

#[test]
fn workers_in_lockstep_that_were_cut_short_end_as_those_that_were_not() {
    let data = tempfile::tempdir().unwrap();
    let (file, options) = (distributed("synced"), options(data.path()));
    for name in NAMES {
        let whole = train(name, &file, &options);
        for place in [(0, 1), (1, 500), (2, 1000)] {
            let folder = cut(name, &file, &options, place);
            let resumed = resume(&folder, &options);
            assert_same_run(&whole.folder, &resumed.folder);
        }
    }
}

#[test]
fn a_lost_checkpoint_of_a_worker_in_lockstep_is_refused_and_not_made_up_for() {
    let data = tempfile::tempdir().unwrap();
    let (file, options) = (distributed("synced"), options(data.path()));
    let folder = cut("ppo", &file, &options, (0, 600));
    let written: Vec<_> =
        files(&folder).into_iter().filter(|file| is_checkpoint(file, 1)).collect();
    for file in &written {
        fs::remove_file(folder.join(file)).unwrap();
    }
    let error = resume_trial(&folder, &options, &Silent, &AtomicBool::new(false)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("some workers have lost their checkpoints"), "{error}");
}

fn is_checkpoint(file: &Path, worker: usize) -> bool {
    let name = file.to_string_lossy();
    name.contains(&format!("_s{worker}_latest")) && name.ends_with(".ckpt")
}

/// Makes a worker panic after so many of its steps.
struct Saboteur {
    worker: usize,
    steps: AtomicU64,
}

impl Observer for Saboteur {
    fn wants_frame(&self, session: usize) -> bool {
        if session == self.worker {
            let steps = self.steps.fetch_sub(1, Ordering::Relaxed);
            assert!(steps > 1, "sabotaged");
        }
        false
    }
}

#[test]
fn a_worker_that_fails_stops_those_in_step_with_it_and_the_run_can_go_on_from_before() {
    let data = tempfile::tempdir().unwrap();
    let (file, options) = (distributed("synced"), options(data.path()));
    for (name, steps) in [("ppo", 150), ("reinforce", 1000), ("dqn", 20)] {
        let observer = Saboteur { worker: 1, steps: AtomicU64::new(steps) };
        let plan = plan_of(name, &file);
        let error = run_trial(&plan, &options, &observer, &AtomicBool::new(false)).unwrap_err();
        let RunError::AllSessionsFailed(errors) = &error else { panic!("{error}") };
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!((said[1].as_str(), said.len()), ("session 1 stopped on a bug: sabotaged", 3));
        for k in [0, 2] {
            assert!(matches!(errors[k], RunError::PartnerFailed { session } if session == k));
        }
        assert_eq!(error.exit_code(), 1);
        let whole = train(
            name,
            &file,
            &RunOptions { data_dir: data.path().join("whole"), ..options.clone() },
        );
        let folder = slm_lab::experiment::find_latest(data.path(), name).unwrap();
        resume(&folder, &options);
        assert_same_run(&whole.folder, &folder);
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn workers_that_diverge_all_end() {
    let data = tempfile::tempdir().unwrap();
    for mode in ["synced", "shared"] {
        let mut file = distributed(mode);
        file["a2c_nstep"]["agent"]["net"]["optim_spec"]["lr"] = json!(1e30);
        let plan = plan_of("a2c_nstep", &file);
        let error = run_trial(&plan, &options(data.path()), &Silent, &AtomicBool::new(false));
        let Err(RunError::AllSessionsFailed(errors)) = &error else { panic!("{error:?}") };
        assert_eq!(errors.len(), 3);
        assert!(errors.iter().any(|error| matches!(error, RunError::NonFinite { .. })));
    }
}

#[test]
fn an_asynchronous_worker_that_fails_costs_no_other() {
    let data = tempfile::tempdir().unwrap();
    let observer = Saboteur { worker: 1, steps: AtomicU64::new(100) };
    let plan = plan_of("ppo", &distributed("shared"));
    let report =
        run_trial(&plan, &options(data.path()), &observer, &AtomicBool::new(false)).unwrap();
    assert_eq!((report.sessions.len(), report.exit_code()), (2, 1));
    assert_eq!(report.failures[0].session, 1);
}

#[test]
fn asynchronous_workers_run_all_their_frames_and_resume() {
    let data = tempfile::tempdir().unwrap();
    let (file, options) = (distributed("shared"), options(data.path()));
    for name in NAMES {
        let folder = cut(name, &file, &options, (1, 500));
        let report = resume(&folder, &options);
        assert_eq!((report.sessions.len(), report.exit_code()), (3, 0), "{name}");
        assert!(report.sessions.iter().all(|session| session.frame == 1200), "{name}");
    }
}

/// CartPole under n-step A2C: what a worker's returns come to.
fn cartpole(mode: &str, optim: &str) -> Json {
    let mut file = distributed(mode);
    let spec = &mut file["a2c_nstep"];
    spec["env"] = json!({"name": "CartPole-v1", "num_envs": 4, "max_frame": 150_000});
    spec["meta"]["log_frequency"] = json!(5000);
    spec["meta"]["rigorous_eval"] = json!(0);
    spec["agent"]["algorithm"] = json!({
        "name": "ActorCritic", "gamma": 0.99, "num_step_returns": 8, "val_loss_coef": 0.5,
        "policy_loss_coef": 1.0, "training_frequency": 8,
    });
    spec["agent"]["net"] = json!({
        "type": "MLPNet", "hid_layers": [32], "hid_layers_activation": "tanh", "shared": true,
        "clip_grad_val": 0.5, "optim_spec": {"name": optim, "lr": 0.003},
    });
    file
}

#[test]
fn workers_learn_cartpole_together_either_way() {
    let data = tempfile::tempdir().unwrap();
    for (mode, optim) in [("shared", "Adam"), ("shared", "GlobalAdam"), ("synced", "GlobalAdam")] {
        let report = train("a2c_nstep", &cartpole(mode, optim), &options(data.path()));
        let evals: Vec<f64> =
            report.sessions.iter().map(|session| session.eval_return.unwrap()).collect();
        // A random policy has 20 to 25. Who ends first has not seen all that the others learn.
        let best = evals.iter().copied().fold(f64::NAN, f64::max);
        assert!(best > 60.0, "{mode} {optim}: the workers come to {evals:?}");
    }
}

#[test]
fn a_try_of_a_distributed_spec_is_one_worker_with_its_share_of_the_frames() {
    let data = tempfile::tempdir().unwrap();
    let options = RunOptions { mode: Mode::Dev, ..options(data.path()) };
    for mode in ["shared", "synced"] {
        let file = distributed(mode);
        let whole = train("ppo", &file, &options);
        assert_eq!((whole.sessions.len(), whole.sessions[0].frame), (1, 1200));
        let folder = cut("ppo", &file, &options, (0, 500));
        let resumed = resume(&folder, &options);
        assert_eq!(resumed.sessions[0].frame, 1200);
        // One worker alone depends on nobody.
        assert_same_run(&whole.folder, &resumed.folder);
    }
}

#[test]
fn workers_do_not_train_on_a_device() {
    let data = tempfile::tempdir().unwrap();
    let device = open(DeviceChoice::Flex).unwrap();
    let options = RunOptions { devices: device.into(), ..options(data.path()) };
    let plan = plan_of("ppo", &distributed("synced"));
    let error = run_trial(&plan, &options, &Silent, &AtomicBool::new(false)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().starts_with("`meta.distributed`: "), "{error}");
    assert_eq!(files(data.path()), Vec::<PathBuf>::new());
}

#[test]
fn more_workers_than_frames_are_an_error_at_their_number() {
    let mut file = distributed("shared");
    file["ppo"]["env"]["max_frame"] = json!(2);
    let raw = SpecFile::parse("test.json", &file.to_string()).unwrap().choose("ppo").unwrap();
    let (algorithms, envs) = (algorithm_names(), env_names());
    let available = Available { algorithms: &algorithms, envs: &envs };
    let mut found = Diagnostics::new();
    let spec = Spec::read(&raw, &available, &mut found).unwrap();
    Plan::resolve(spec, &mut found);
    let error = &found.errors[0];
    assert_eq!(error.path, "meta.max_session");
    assert_eq!(error.message, "3 workers can not divide 2 frames between them");
}
