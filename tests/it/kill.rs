//! Real processes, killed at various points of their work and resumed, end as the one that was left alone.
//!
//! `SLM_KILLS=200` makes it a long test; by default it is a short one.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use slm_env::Rng;
use slm_lab::experiment::{Checkpoint, find_latest};

use crate::comparison::assert_same_run;
use crate::specs::{NAMES, distributed, file};

/// Kills of the short tests.
const KILLS_PER_SPEC: usize = 2;

/// Kills between a start and the resume that is left alone.
const KILLS_PER_RUN: usize = 4;

/// How many of the short specs learn from rollouts alone.
const ON_POLICY: usize = 6;

/// Frames of a session of every spec, and of those in Box2D's environments.
const FRAMES: u64 = 1200;
const FRAMES_IN_BOX2D: u64 = 160;

/// What learns in which of Box2D's environments.
const IN_BOX2D: [(&str, &str); 3] =
    [("dqn", "LunarLander-v3"), ("sac", "BipedalWalker-v3"), ("random", "CarRacing-v3")];

/// Between two looks at what a process has done.
const GLANCE: Duration = Duration::from_micros(500);

/// Longest wait for a checkpoint that is being written.
const PATIENCE: Duration = Duration::from_millis(500);

/// One spec of a file in a folder of its own, run by the real program.
struct Lab<'a> {
    folder: &'a Path,
    name: &'a str,
    /// Frames of a session.
    frames: u64,
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

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after its start.
    After(Duration),
    /// When a checkpoint counts so many frames.
    AtFrame(u64),
    /// When, after that, a checkpoint is being written.
    InWriteFrom(u64),
}

/// The files of a run's models whose names contain `part`.
fn models(run: &Path, part: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("model")).into_iter().flatten().flatten();
    let is_one = |path: &PathBuf| path.to_string_lossy().contains(part);
    entries.map(|entry| entry.path()).filter(is_one).collect()
}

/// Whether a checkpoint of the run is being written at this moment.
fn is_writing_a_checkpoint(run: &Path) -> bool {
    models(run, ".ckpt.").iter().any(|path| path.extension().is_some_and(|e| e == "tmp"))
}

/// Frames that the furthest checkpoint of a run counts; of one that goes on, not of one that is complete.
fn furthest(run: &Path) -> u64 {
    let checkpoints = models(run, ".ckpt").into_iter().filter_map(|path| fs::read(path).ok());
    let frame = |bytes: Vec<u8>| {
        let checkpoint = Checkpoint::from_bytes(&bytes).ok()?;
        let meta: Json = serde_json::from_str(checkpoint.text("meta").ok()?).ok()?;
        meta["frame"].as_u64()
    };
    checkpoints.filter_map(frame).max().unwrap_or(0)
}

impl Moment {
    /// The k-th moment of a run that lasts so long and has such frames to go.
    fn draw(k: usize, lasts: Duration, frames: Range<u64>, rng: &mut Rng) -> Self {
        let share = rng.random();
        let left = frames.end.saturating_sub(frames.start);
        let frame = frames.start + (share * left as f64) as u64;
        match k % 4 {
            0 => Self::AtFrame(frame),
            2 => Self::After(lasts.mul_f64(share)),
            _ => Self::InWriteFrom(frame),
        }
    }

    /// Waits for it, or for the process to end.
    fn wait(self, child: &mut Child, lab: &Lab<'_>, data: &Path) {
        let (started, mut reached) = (Instant::now(), None);
        while child.try_wait().unwrap().is_none() {
            let run = lab.run(data);
            let is_reached = |frame| run.as_deref().map_or(0, furthest) >= frame;
            let is_now = match self {
                Self::After(delay) => started.elapsed() >= delay,
                Self::AtFrame(frame) => is_reached(frame),
                Self::InWriteFrom(frame) => {
                    if reached.is_none() && is_reached(frame) {
                        reached = Some(Instant::now());
                    }
                    reached.is_some_and(|since| {
                        since.elapsed() > PATIENCE
                            || run.is_some_and(|run| is_writing_a_checkpoint(&run))
                    })
                }
            };
            if is_now {
                return;
            }
            std::thread::sleep(GLANCE);
        }
    }
}

/// Kills a process at a moment; whether it was still alive.
fn kill(mut child: Child, lab: &Lab<'_>, data: &Path, moment: Moment) -> bool {
    moment.wait(&mut child, lab, data);
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
        let reached = lab.run(data.path()).as_deref().map_or(0, furthest);
        let moment = Moment::draw(k, lasts, reached..lab.frames, rng);
        met += usize::from(kill(lab.start(data.path()), lab, data.path(), moment));
    }
    assert!(lab.finish(data.path()).success(), "{} after {kills} kills", lab.name);
    let run = lab.run(data.path()).unwrap();
    assert_same_run(whole, &run);
    met
}

/// Kills runs of the specs of a file and compares what they come to with runs left alone.
fn kill_and_compare(file: &Json, names: &[&str], frames: u64) {
    let asked = std::env::var("SLM_KILLS").ok().and_then(|kills| kills.parse().ok());
    let wanted = asked.unwrap_or(KILLS_PER_SPEC * names.len());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("specs.json"), file.to_string()).unwrap();
    let mut rng = Rng::from_seed(11);
    let mut met = 0;
    for (i, name) in names.iter().enumerate() {
        let lab = Lab { folder: folder.path(), name, frames };
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

/// The short specs with one session each, but for PPO's two: a resumed run then finds one complete.
fn short() -> Json {
    let mut file = file();
    for (name, spec) in file.as_object_mut().unwrap() {
        spec["meta"]["max_session"] = if name == "ppo" { 2 } else { 1 }.into();
    }
    file
}

#[test]
fn killed_and_resumed_processes_that_learn_on_policy_equal_those_left_alone() {
    kill_and_compare(&short(), &NAMES[..ON_POLICY], FRAMES);
}

#[test]
fn killed_and_resumed_processes_that_learn_from_replays_equal_those_left_alone() {
    kill_and_compare(&short(), &NAMES[ON_POLICY..], FRAMES);
}

#[test]
fn killed_and_resumed_processes_in_box2d_equal_those_left_alone() {
    let mut file = short();
    for (name, env) in IN_BOX2D {
        file[name]["env"] =
            json!({"name": env, "num_envs": 2, "max_t": 30, "max_frame": FRAMES_IN_BOX2D});
        file[name]["meta"]["log_frequency"] = 16.into();
    }
    kill_and_compare(&file, &IN_BOX2D.map(|(name, _)| name), FRAMES_IN_BOX2D);
}

#[test]
fn workers_in_lockstep_that_were_killed_and_resumed_equal_those_left_alone() {
    kill_and_compare(&distributed("synced"), &["reinforce", "dqn"], FRAMES);
}
