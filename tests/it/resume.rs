//! A run that was cut short and resumed ends as the one that was not.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use slm_lab::device::DeviceChoice;
use slm_lab::experiment::{
    Checkpoint, Level, Mode, Observer, Progress, RunError, RunOptions, Silent, TrialReport,
    device_of_run, find_latest, resume_trial, run_trial,
};

use crate::comparison::assert_same_run;
use crate::specs::{NAMES, find, options, plan, run};

/// Raises the flag when any session, from number `first` on, has come to a frame.
struct StopAt<'a> {
    first: usize,
    frame: u64,
    interrupt: &'a AtomicBool,
}

impl Observer for StopAt<'_> {
    fn progress(&self, session: usize, progress: &Progress) {
        if session >= self.first && progress.frame >= self.frame {
            self.interrupt.store(true, Ordering::Relaxed);
        }
    }
}

/// Starts a run and stops it at `frame`; sessions after the first may not have begun by then.
fn cut(name: &str, frame: u64, options: &RunOptions) -> std::path::PathBuf {
    cut_from(0, name, frame, options)
}

/// Starts a run and stops it at `frame` of its second session, after the first has come to its end.
fn cut_second(name: &str, frame: u64, options: &RunOptions) -> std::path::PathBuf {
    cut_from(1, name, frame, &RunOptions { sessions_in_parallel: 1, ..options.clone() })
}

fn cut_from(first: usize, name: &str, frame: u64, options: &RunOptions) -> std::path::PathBuf {
    let interrupt = AtomicBool::new(false);
    let observer = StopAt { first, frame, interrupt: &interrupt };
    match run_trial(&plan(name), options, &observer, &interrupt) {
        Err(RunError::Interrupted { folder }) => folder,
        other => panic!("{name} was not interrupted at {frame}: {other:?}"),
    }
}

fn resume(folder: &Path, options: &RunOptions) -> TrialReport {
    resume_trial(folder, options, &Silent, &AtomicBool::new(false)).unwrap()
}

#[test]
fn a_resumed_run_trains_where_it_was_started_unless_asked_elsewhere() {
    let data = tempfile::tempdir().unwrap();
    let options = options(data.path());
    let folder_of = |device| run("random", &RunOptions { device, ..options.clone() }).folder;
    let device_of = |folder: &Path, asked| device_of_run(folder, asked).unwrap().0;
    let recorded = folder_of(Some(DeviceChoice::Flex));
    assert_eq!(device_of(&recorded, None), DeviceChoice::Flex);
    assert_eq!(device_of(&recorded, Some(DeviceChoice::Cpu)), DeviceChoice::Cpu);
    assert_eq!(device_of(&folder_of(None), None), DeviceChoice::Cpu);
}

#[test]
fn a_resumed_run_equals_the_uninterrupted_one_wherever_it_was_cut() {
    let data = tempfile::tempdir().unwrap();
    let options = options(data.path());
    for name in NAMES {
        let whole = run(name, &options);
        for frame in [1, 130, 700, 1000] {
            let folder = cut(name, frame, &options);
            let resumed = resume(&folder, &options);
            assert_eq!(resumed.sessions.len(), 2);
            assert_same_run(&whole.folder, &resumed.folder);
        }
    }
}

#[test]
fn a_run_cut_twice_equals_the_uninterrupted_one() {
    let data = tempfile::tempdir().unwrap();
    let options = RunOptions { sessions_in_parallel: 1, ..options(data.path()) };
    let whole = run("ppo", &options);
    let folder = cut("ppo", 300, &options);
    let interrupt = AtomicBool::new(false);
    let again = StopAt { first: 0, frame: 800, interrupt: &interrupt };
    let error = resume_trial(&folder, &options, &again, &interrupt).unwrap_err();
    assert_eq!(error.exit_code(), 130);
    resume(&folder, &options);
    assert_same_run(&whole.folder, &folder);
}

#[test]
fn dev_runs_resume_with_their_extra_column() {
    let data = tempfile::tempdir().unwrap();
    let options = RunOptions { mode: Mode::Dev, ..options(data.path()) };
    let whole = run("a2c_separate", &options);
    assert_eq!(whole.sessions.len(), 1);
    let columns = whole.sessions[0].table.columns();
    assert_eq!(columns.last().map(String::as_str), Some("grad_norm"));
    let folder = cut("a2c_separate", 500, &options);
    resume(&folder, &options);
    assert_same_run(&whole.folder, &folder);
}

#[test]
fn a_complete_run_is_not_run_again_but_its_lost_files_are_restored() {
    let data = tempfile::tempdir().unwrap();
    let options = options(data.path());
    let first = run("ppo", &options);
    let lost = [
        find(&first.folder, "s0_session_df_train.csv"),
        find(&first.folder, "s1_policy.safetensors"),
    ];
    let before = lost.each_ref().map(|path| fs::read(path).unwrap());
    for path in &lost {
        fs::remove_file(path).unwrap();
    }
    let again = resume(&first.folder, &options);
    assert!(again.was_complete() && !first.was_complete());
    assert_eq!(lost.map(|path| fs::read(path).unwrap()), before);
    let score = |report: &TrialReport| {
        report.sessions.iter().map(|s| s.total_reward_ma).collect::<Vec<_>>()
    };
    assert_eq!(score(&first), score(&again));
    assert_eq!(first.sessions[0].wall, again.sessions[0].wall);
}

#[test]
fn a_session_without_a_checkpoint_starts_from_its_seed() {
    let data = tempfile::tempdir().unwrap();
    let options = options(data.path());
    let whole = run("a2c_nstep", &options);
    let folder = cut_second("a2c_nstep", 600, &options);
    fs::remove_file(find(&folder, "s1_latest.ckpt")).unwrap();
    resume(&folder, &options);
    assert_same_run(&whole.folder, &folder);
}

#[test]
fn a_lost_event_file_is_written_again() {
    let data = tempfile::tempdir().unwrap();
    let options = options(data.path());
    let whole = run("reinforce", &options);
    let folder = cut("reinforce", 600, &options);
    fs::remove_file(find(&folder, "_s0/events.out.tfevents.slm-lab")).unwrap();
    resume(&folder, &options);
    assert_same_run(&whole.folder, &folder);
}

#[test]
fn a_damaged_checkpoint_is_named_and_costs_no_other_session() {
    let data = tempfile::tempdir().unwrap();
    let options = options(data.path());
    let folder = cut_second("ppo", 600, &options);
    let path = find(&folder, "s1_latest.ckpt");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let report = resume(&folder, &options);
    assert_eq!((report.sessions.len(), report.exit_code()), (1, 1));
    let failure = &report.failures[0];
    assert_eq!(failure.session, 1);
    let text = failure.error.to_string();
    assert!(text.contains("s1_latest.ckpt: this checkpoint is damaged"), "{text}");
    fs::write(&path, &bytes[..middle]).unwrap();
    let text = resume(&folder, &options).failures[0].error.to_string();
    assert!(text.contains("is cut off"), "{text}");
}

#[test]
fn an_edited_spec_is_refused_with_the_key() {
    let data = tempfile::tempdir().unwrap();
    let options = options(data.path());
    let folder = cut_second("ppo", 600, &options);
    let path = find(&folder, "ppo_t0_spec.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"gamma\": 0.99", "\"gamma\": 0.9")).unwrap();
    let error = resume_trial(&folder, &options, &Silent, &AtomicBool::new(false)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`agent.algorithm.gamma` was 0.99 and is 0.9"), "{text}");
}

#[test]
fn latest_is_the_newest_run_of_that_name() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(find_latest(data.path(), "random"), None);
    let runs = [run("random", &options(data.path())), run("random", &options(data.path()))];
    assert_ne!(runs[0].folder, runs[1].folder);
    assert_eq!(find_latest(data.path(), "random"), Some(runs[1].folder.clone()));
    assert_eq!(find_latest(data.path(), "ppo"), None);
}

#[test]
fn a_folder_without_a_run_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let missing = data.path().join("ppo_2026_01_01_000000");
    let attempt = |folder: &Path| {
        resume_trial(folder, &options(data.path()), &Silent, &AtomicBool::new(false)).unwrap_err()
    };
    assert_eq!(attempt(&missing).exit_code(), 2);
    fs::create_dir(&missing).unwrap();
    assert!(attempt(&missing).to_string().contains("holds no run"));
}

/// Raises the flag between a vector step and what follows on it.
struct StopAfterSteps<'a> {
    steps: AtomicU64,
    interrupt: &'a AtomicBool,
}

impl Observer for StopAfterSteps<'_> {
    fn wants_frame(&self, _session: usize) -> bool {
        if self.steps.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.interrupt.store(true, Ordering::Relaxed);
        }
        false
    }
}

#[test]
fn an_evaluation_can_be_interrupted_and_is_repeated_by_the_resumed_run() {
    let data = tempfile::tempdir().unwrap();
    let options = RunOptions { sessions_in_parallel: 1, ..options(data.path()) };
    let whole = run("a2c_separate", &options);
    // Two environments: after 150 steps the first evaluation is due (frame 300), after 600 the last.
    for (steps, evaluated) in [(150, 0), (600, 3)] {
        let interrupt = AtomicBool::new(false);
        let observer = StopAfterSteps { steps: AtomicU64::new(steps), interrupt: &interrupt };
        let stopped = run_trial(&plan("a2c_separate"), &options, &observer, &interrupt);
        let Err(RunError::Interrupted { folder }) = stopped else { panic!("{stopped:?}") };
        let checkpoint = fs::read(find(&folder, "s0_latest.ckpt")).unwrap();
        let checkpoint = Checkpoint::from_bytes(&checkpoint).unwrap();
        // A header, and a row for each evaluation.
        let rows = checkpoint.text("eval_rows").unwrap().lines().count() - 1;
        assert_eq!(rows, evaluated, "after {steps} steps");
        resume(&folder, &options);
        assert_same_run(&whole.folder, &folder);
    }
}

#[test]
fn latest_is_a_training_run_where_there_is_one() {
    let data = tempfile::tempdir().unwrap();
    let train = options(data.path());
    let dev = RunOptions { mode: Mode::Dev, ..train.clone() };
    let latest = |name| find_latest(data.path(), name).unwrap();
    run("random", &dev);
    let second = run("random", &dev).folder;
    assert_eq!(latest("random"), second, "there is nothing else");
    let trained = run("random", &train).folder;
    run("random", &dev);
    assert_eq!((latest("random"), latest("")), (trained.clone(), trained));
    // What is trained of one spec does not hide the tries of another.
    let other = run("reinforce", &dev).folder;
    assert_eq!(latest("reinforce"), other);
}

/// Keeps what is said.
#[derive(Default)]
struct Listener(Mutex<Vec<String>>);

impl Observer for Listener {
    fn message(&self, _session: Option<usize>, level: Level, text: &str) {
        assert_eq!(level, Level::Info);
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn a_run_with_nothing_left_to_do_says_of_which_mode_it_is() {
    let data = tempfile::tempdir().unwrap();
    for mode in [Mode::Dev, Mode::Train] {
        let options = RunOptions { mode, ..options(data.path()) };
        let folder = run("random", &options).folder;
        let listener = Listener::default();
        resume_trial(&folder, &options, &listener, &AtomicBool::new(false)).unwrap();
        let said = listener.0.into_inner().unwrap();
        let start = format!("the {} run in {}", mode.name(), folder.display());
        assert!(said[0].starts_with(&start) && said.len() == 1, "{said:?}");
    }
}
