//! What goes wrong is said, and costs no more than it must.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use slm_lab::analysis::atomic_file::temporary_path;
use slm_lab::experiment::{
    Checkpoint, Level, Observer, RunError, RunOptions, Silent, resume_trial, run_trial,
};

use crate::cli_program::{Workplace, files_ending, wait_for};
use crate::comparison::{assert_same_run, files};
use crate::specs::{file, options, plan, plan_of, run};

/// Prepares the run's folder when its first session starts, and keeps what is said.
struct Saboteur<'a> {
    data: &'a Path,
    sabotage: fn(&Path),
    said: Mutex<Vec<(Level, String)>>,
}

impl Observer for Saboteur<'_> {
    fn session_started(&self, session: usize, _frame: u64, _max_frame: u64) {
        if session == 0 {
            (self.sabotage)(&the_run(self.data));
        }
    }

    fn message(&self, _session: Option<usize>, level: Level, text: &str) {
        self.said.lock().unwrap().push((level, text.to_owned()));
    }
}

fn saboteur(data: &Path, sabotage: fn(&Path)) -> Saboteur<'_> {
    Saboteur { data, sabotage, said: Mutex::default() }
}

/// The only run's folder.
fn the_run(data: &Path) -> PathBuf {
    let runs = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    runs.into_iter().find(|path| path.join("model").exists()).unwrap()
}

#[test]
fn diverged_learning_is_an_error_and_reaches_no_file() {
    let data = tempfile::tempdir().unwrap();
    let mut file = file();
    file["ppo"]["agent"]["net"]["optim_spec"]["lr"] = json!(1e38);
    let plan = plan_of("ppo", &file);
    let stopped = run_trial(&plan, &options(data.path()), &Silent, &AtomicBool::new(false));
    let Err(RunError::AllSessionsFailed(errors)) = stopped else { panic!("{stopped:?}") };
    assert_eq!(errors.len(), 2);
    for error in errors {
        let text = error.to_string();
        assert_eq!(error.exit_code(), 1);
        assert!(text.contains("is no finite number at frame "), "{text}");
    }
    let folder = the_run(data.path());
    for name in files(&folder).iter().filter(|name| name.starts_with("model")) {
        let bytes = fs::read(folder.join(name)).unwrap();
        let policy = match Checkpoint::from_bytes(&bytes) {
            Ok(checkpoint) => checkpoint.section("best_policy").unwrap().to_vec(),
            Err(_) => bytes,
        };
        if !policy.is_empty() {
            slm_policy::Policy::from_bytes(&policy).unwrap();
        }
    }
}

#[test]
fn graphs_and_events_that_can_not_be_written_are_warned_of_once_and_end_nothing() {
    let data = tempfile::tempdir().unwrap();
    let observer = saboteur(data.path(), |run| {
        for folder in ["graph", "log"] {
            fs::remove_dir_all(run.join(folder)).unwrap();
            fs::write(run.join(folder), "in the way").unwrap();
        }
    });
    let options = RunOptions { graphs: true, sessions_in_parallel: 1, ..options(data.path()) };
    let plan = plan("reinforce");
    let report = run_trial(&plan, &options, &observer, &AtomicBool::new(false)).unwrap();
    assert_eq!((report.sessions.len(), report.exit_code()), (2, 0));
    let said = observer.said.into_inner().unwrap();
    let about = |what: &str| said.iter().filter(|(_, text)| text.starts_with(what)).count();
    // Once per session; the trial's graphs, once more, are a message of their own.
    assert_eq!(["events", "log", "graphs"].map(about), [2, 2, 2]);
    assert!(said.iter().all(|(level, _)| *level == Level::Warning), "{said:?}");
}

#[test]
fn a_full_disk_keeps_the_checkpoint_there_is_and_the_run_can_be_finished_later() {
    let data = tempfile::tempdir().unwrap();
    // A folder in the place of the temporary file stops the write where a full disk would.
    let in_the_way = |run: &Path| temporary_path(&run.join("model/ppo_t0_s0_latest.ckpt"));
    let observer = saboteur(data.path(), |run| {
        fs::create_dir(temporary_path(&run.join("model/ppo_t0_s0_latest.ckpt"))).unwrap();
    });
    let options = options(data.path());
    let report = run_trial(&plan("ppo"), &options, &observer, &AtomicBool::new(false)).unwrap();
    assert_eq!((report.sessions.len(), report.failures[0].session), (1, 0));
    assert!(matches!(report.failures[0].error, RunError::File(_)));
    let warnings = observer.said.into_inner().unwrap();
    let warned = warnings.iter().filter(|(level, _)| *level == Level::Warning).count();
    assert_eq!(warned, 1, "{warnings:?}");
    fs::remove_dir(in_the_way(&report.folder)).unwrap();
    resume_trial(&report.folder, &options, &Silent, &AtomicBool::new(false)).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let whole = run("ppo", &RunOptions { data_dir: elsewhere.path().to_owned(), ..options });
    assert_same_run(&whole.folder, &report.folder);
}

/// Puts the log folder out of the way as a run starts, and back when it has been missed.
struct Repairer<'a>(&'a Path);

impl Observer for Repairer<'_> {
    fn session_started(&self, session: usize, _frame: u64, _max_frame: u64) {
        if session == 0 {
            let run = the_run(self.0);
            fs::rename(run.join("log"), run.join("log_away")).unwrap();
            fs::write(run.join("log"), "in the way").unwrap();
        }
    }

    fn message(&self, _session: Option<usize>, _level: Level, text: &str) {
        if text.starts_with("log not written") {
            let run = the_run(self.0);
            fs::remove_file(run.join("log")).unwrap();
            fs::rename(run.join("log_away"), run.join("log")).unwrap();
        }
    }
}

#[test]
fn rows_of_events_and_log_that_could_not_be_written_are_written_later() {
    let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let serial = |data| RunOptions { sessions_in_parallel: 1, ..options(data) };
    let observer = Repairer(data.path());
    let plan = plan("reinforce");
    let repaired =
        run_trial(&plan, &serial(data.path()), &observer, &AtomicBool::new(false)).unwrap();
    let whole = run("reinforce", &serial(elsewhere.path()));
    assert_same_run(&whole.folder, &repaired.folder);
}

/// Tries to train in a folder in which a run has just started.
struct Rival<'a> {
    data: &'a Path,
    refused: Mutex<Option<RunError>>,
}

impl Observer for Rival<'_> {
    fn session_started(&self, session: usize, _frame: u64, _max_frame: u64) {
        if session == 0 {
            let options = options(self.data);
            let tried =
                resume_trial(&the_run(self.data), &options, &Silent, &AtomicBool::new(false));
            *self.refused.lock().unwrap() = tried.err();
        }
    }
}

#[test]
fn nobody_else_trains_in_a_run_that_is_under_way_be_it_new_or_resumed() {
    let data = tempfile::tempdir().unwrap();
    let options = options(data.path());
    let rival = Rival { data: data.path(), refused: Mutex::default() };
    let refusal = || rival.refused.lock().unwrap().take().expect("the rival was refused");
    let calm = AtomicBool::new(false);
    let report = run_trial(&plan("random"), &options, &rival, &calm).unwrap();
    let refused = refusal();
    assert_eq!(refused.exit_code(), 2);
    let text = refused.to_string();
    assert!(text.starts_with("another process is training in "), "{text}");
    fs::remove_file(report.folder.join("model/random_t0_s0_latest.ckpt")).unwrap();
    resume_trial(&report.folder, &options, &rival, &calm).unwrap();
    assert!(matches!(refusal(), RunError::Busy { .. }));
}

#[test]
fn another_process_is_refused_until_the_one_that_trains_has_ended_however_it_did() {
    let place = Workplace::new();
    let endless = "-s env.max_frame=1000000000 -s meta.log_frequency=256";
    let mut child = place.program(endless).stderr(std::process::Stdio::null()).spawn().unwrap();
    wait_for(|| files_ending(&place.path().join("data"), ".ckpt").pop());
    place.run("train@latest").refused("another process is training in ");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut heir =
        place.program("train@latest").stderr(std::process::Stdio::piped()).spawn().unwrap();
    let checkpoint = files_ending(&place.path().join("data"), ".ckpt").pop().unwrap();
    let before = fs::metadata(&checkpoint).unwrap().modified().unwrap();
    let is_newer = || fs::metadata(&checkpoint).ok()?.modified().ok().filter(|t| *t > before);
    wait_for(is_newer);
    heir.kill().unwrap();
    heir.wait().unwrap();
}
