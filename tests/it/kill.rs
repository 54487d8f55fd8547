//! Real processes, killed at random moments and resumed, end as the one that was left alone.
//!
//! `SLM_KILLS=200` makes it a long test; by default it is a short one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use slm_env::Rng;
use slm_lab::experiment::find_latest;

use crate::comparison::assert_same_run;
use crate::specs::{NAMES, distributed, file};

/// Kills of the short tests.
const KILLS_PER_SPEC: usize = 2;

/// Kills between a start and the resume that is left alone.
const KILLS_PER_RUN: usize = 4;

/// Longest wait for a checkpoint that is being written.
const PATIENCE: Duration = Duration::from_millis(500);

/// One spec of a file in a folder of its own, run by the real program.
struct Lab<'a> {
    folder: &'a Path,
    name: &'a str,
}

impl Lab<'_> {
    fn start(&self, data: &Path) -> Child {
        let mode = if self.run(data).is_some() { "train@latest" } else { "train" };
        Command::new(env!("CARGO_BIN_EXE_slm-lab"))
            .args(["run", "specs.json", self.name, mode, "--seed", "7"])
            .args(["--checkpoint-interval", "0", "--data-dir"])
            .arg(data)
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn finish(&self, data: &Path) -> ExitStatus {
        self.start(data).wait().unwrap()
    }

    fn run(&self, data: &Path) -> Option<PathBuf> {
        find_latest(data, self.name)
    }
}

/// Whether a checkpoint of the run is being written at this moment.
fn is_writing_a_checkpoint(run: &Path) -> bool {
    let model = fs::read_dir(run.join("model"));
    model.into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.contains(".ckpt.") && name.ends_with(".tmp")
    })
}

/// Lets a process live for a while, and then, if asked, until it writes a checkpoint; whether it was still alive.
fn kill(mut child: Child, lab: &Lab<'_>, data: &Path, delay: Duration, in_write: bool) -> bool {
    std::thread::sleep(delay);
    let waiting = Instant::now();
    while in_write && waiting.elapsed() < PATIENCE {
        if lab.run(data).is_some_and(|run| is_writing_a_checkpoint(&run)) {
            break;
        }
    }
    let was_alive = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_alive
}

/// Runs a spec with `kills` kills and compares it with `whole`; how many of them met a living process.
fn run_with_kills(
    lab: &Lab<'_>,
    whole: &Path,
    lasts: Duration,
    kills: usize,
    rng: &mut Rng,
) -> usize {
    let data = tempfile::tempdir().unwrap();
    let mut met = 0;
    for k in 0..kills {
        let delay = lasts.mul_f64(rng.random());
        met += usize::from(kill(lab.start(data.path()), lab, data.path(), delay, k % 2 == 1));
    }
    assert!(lab.finish(data.path()).success(), "{} after {kills} kills", lab.name);
    let run = lab.run(data.path()).unwrap();
    assert_same_run(whole, &run);
    met
}

/// Kills runs of the specs of a file and compares what they come to with runs left alone.
fn kill_and_compare(file: &Json, names: &[&str]) {
    let asked = std::env::var("SLM_KILLS").ok().and_then(|kills| kills.parse().ok());
    let wanted = asked.unwrap_or(KILLS_PER_SPEC * names.len());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("specs.json"), file.to_string()).unwrap();
    let mut rng = Rng::from_seed(11);
    let mut met = 0;
    for (i, name) in names.iter().enumerate() {
        let lab = Lab { folder: folder.path(), name };
        let data = folder.path().join("whole");
        let started = Instant::now();
        assert!(lab.finish(&data).success(), "{name}");
        let (lasts, whole) = (started.elapsed(), lab.run(&data).unwrap());
        let goal = wanted * (i + 1) / names.len();
        while met < goal {
            met += run_with_kills(&lab, &whole, lasts, (goal - met).min(KILLS_PER_RUN), &mut rng);
        }
    }
    assert_eq!(met, wanted);
}

#[test]
fn a_killed_and_resumed_process_equals_the_one_left_alone() {
    kill_and_compare(&file(), &NAMES);
}

#[test]
fn workers_in_lockstep_that_were_killed_and_resumed_equal_those_left_alone() {
    kill_and_compare(&distributed("synced"), &["reinforce", "dqn"]);
}
