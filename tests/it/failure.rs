//! What goes wrong is said, and costs no more than it must.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use slm_lab::experiment::{
    Checkpoint, Level, Observer, RunError, RunOptions, Silent, resume_trial, run_trial,
};

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
    let in_the_way = "model/.ppo_t0_s0_latest.ckpt.tmp";
    let observer = saboteur(data.path(), |run| {
        fs::create_dir(run.join("model/.ppo_t0_s0_latest.ckpt.tmp")).unwrap();
    });
    let options = options(data.path());
    let report = run_trial(&plan("ppo"), &options, &observer, &AtomicBool::new(false)).unwrap();
    assert_eq!((report.sessions.len(), report.failures[0].session), (1, 0));
    assert!(matches!(report.failures[0].error, RunError::File(_)));
    let warnings = observer.said.into_inner().unwrap();
    let warned = warnings.iter().filter(|(level, _)| *level == Level::Warning).count();
    assert_eq!(warned, 1, "{warnings:?}");
    fs::remove_dir(report.folder.join(in_the_way)).unwrap();
    resume_trial(&report.folder, &options, &Silent, &AtomicBool::new(false)).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let whole = run("ppo", &RunOptions { data_dir: elsewhere.path().to_owned(), ..options });
    assert_same_run(&whole.folder, &report.folder);
}
