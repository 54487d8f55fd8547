//! The same seed gives the same files, however the work is spread.

use std::fs;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use slm_lab::experiment::{RunOptions, Silent, run_trial};

use crate::comparison::{assert_same_run, files};
use crate::specs::{NAMES, file, find, options, plan_of, run};

#[test]
fn the_same_seed_gives_the_same_files_however_many_threads_work() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let serial = RunOptions { sessions_in_parallel: 1, threads: 1, ..options(one.path()) };
    let parallel = RunOptions { sessions_in_parallel: 2, threads: 2, ..options(two.path()) };
    for name in NAMES {
        let (a, b) = (run(name, &serial), run(name, &parallel));
        assert_same_run(&a.folder, &b.folder);
    }
}

#[test]
fn graphs_are_the_same_too() {
    let data = tempfile::tempdir().unwrap();
    let options = RunOptions { graphs: true, ..options(data.path()) };
    // PPO: returns and their average, loss and three variables of both sessions, train and eval, without
    // the loss at first; and the trial's two graphs twice. Random, which learns nothing and leaves no
    // policy: the two graphs of returns, as often.
    for (name, pictures) in [("ppo", 20), ("random", 12)] {
        let (a, b) = (run(name, &options), run(name, &options));
        let is_picture = |name: &std::path::PathBuf| name.extension().is_some_and(|e| e == "png");
        assert_same_run(&a.folder, &b.folder);
        assert!(files(&a.folder).iter().filter(|name| is_picture(name)).count() >= pictures);
    }
}

#[test]
fn sessions_of_a_run_and_other_seeds_learn_something_else() {
    let data = tempfile::tempdir().unwrap();
    let seven = run("ppo", &options(data.path()));
    let eight = run("ppo", &RunOptions { seed: Some(8), ..options(data.path()) });
    let policy = |folder, session: usize| {
        fs::read(find(folder, &format!("s{session}_policy.safetensors"))).unwrap()
    };
    assert_ne!(policy(&seven.folder, 0), policy(&seven.folder, 1));
    assert_ne!(policy(&seven.folder, 0), policy(&eight.folder, 0));
}

#[test]
fn a_session_is_the_same_alone_and_beside_others() {
    let data = tempfile::tempdir().unwrap();
    let together = run("ppo", &options(data.path()));
    let mut file = file();
    file["ppo"]["meta"]["max_session"] = json!(1);
    let plan = plan_of("ppo", &file);
    let alone = run_trial(&plan, &options(data.path()), &Silent, &AtomicBool::new(false)).unwrap();
    let policy = |folder| fs::read(find(folder, "s0_policy.safetensors")).unwrap();
    assert_eq!(policy(&together.folder), policy(&alone.folder));
}

#[test]
fn evaluation_does_not_perturb_training() {
    let data = tempfile::tempdir().unwrap();
    let with = run("a2c_separate", &options(data.path()));
    let mut file = file();
    file["a2c_separate"]["meta"]["rigorous_eval"] = json!(0);
    let plan = plan_of("a2c_separate", &file);
    let without =
        run_trial(&plan, &options(data.path()), &Silent, &AtomicBool::new(false)).unwrap();
    let rows = |session: usize| {
        let csv =
            |table: &slm_lab::analysis::session_table::SessionTable| table.to_deterministic_csv();
        (csv(&with.sessions[session].table), csv(&without.sessions[session].table))
    };
    for session in 0..2 {
        let (with, without) = rows(session);
        assert_eq!(with, without);
    }
    // Frames 300, 600, 900 and 1200 against the end alone.
    assert_eq!((with.sessions[0].eval_table.len(), without.sessions[0].eval_table.len()), (4, 1));
}

#[test]
fn a_seed_is_chosen_once_and_recorded_where_none_is_given() {
    let data = tempfile::tempdir().unwrap();
    let report = run("random", &RunOptions { seed: None, ..options(data.path()) });
    let saved = fs::read_to_string(find(&report.folder, "t0_s1_spec.json")).unwrap();
    let saved: serde_json::Value = serde_json::from_str(&saved).unwrap();
    assert_eq!(saved["meta"]["random_seed"], json!(report.seed));
    let again = run("random", &RunOptions { seed: Some(report.seed), ..options(data.path()) });
    assert_same_run(&report.folder, &again.folder);
}
