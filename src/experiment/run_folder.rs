//! The folder of a run: made for a new one, read back for an old one, with all that a resume or playback needs.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use super::error::RunError;
use super::options::{Mode, RunOptions};
use super::plan::Plan;
use super::saved_spec::SavedSpec;
use crate::analysis::atomic_file::{FileError, remove_temporary_files};
use crate::analysis::json::write_json;
use crate::analysis::paths::{Checkpoint as Which, RunPaths};
use crate::analysis::run_folder::timestamp;
use crate::config::DistributedSpec;
use crate::device::DeviceChoice;

/// Until search there is one trial.
pub(super) const TRIAL: usize = 0;

/// The folder of a run and what its sessions share.
#[derive(Clone, Debug)]
pub(super) struct RunFolder {
    /// Where files go.
    pub(super) paths: RunPaths,
    /// Seed of all sessions.
    pub(super) seed: u64,
    /// What the run is for.
    pub(super) mode: Mode,
    /// How many sessions.
    pub(super) sessions: usize,
    /// Where it was asked to train; none where its spec says so.
    pub(super) device: Option<DeviceChoice>,
    timestamp: String,
}

/// The right to train in a run's folder, which one process at a time has; given back when dropped, and by
/// the operating system when the process ends, however it does.
#[derive(Debug)]
pub(super) struct RunLock {
    /// Locked as long as it is open. It stays where it is: to remove it would let two processes lock two files.
    _file: File,
}

impl RunFolder {
    /// Makes the folder of a new run and saves its specs in it.
    ///
    /// # Errors
    /// When something can not be written.
    pub(super) fn create(plan: &Plan, options: &RunOptions) -> Result<(Self, RunLock), RunError> {
        let sessions = match options.mode {
            Mode::Dev => 1,
            Mode::Train => plan.spec.meta.max_session,
        };
        let seed = options.seed.or(plan.spec.meta.seed()).unwrap_or_else(seed_of_the_moment);
        let moment = timestamp(unix_seconds() as u64);
        let folder = |data: &Path, timestamp: String| {
            let paths = RunPaths::new(data, &plan.spec.name, &timestamp);
            Self { paths, seed, mode: options.mode, sessions, device: options.device, timestamp }
        };
        let data = options.data_dir.as_path();
        for number in 0_u32.. {
            let stamp = if number == 0 { moment.clone() } else { format!("{moment}-{number}") };
            let staged = folder(&data.join(staging_name()), stamp.clone());
            let new = folder(data, stamp);
            if new.paths.root().exists() {
                continue;
            }
            // Locked before anyone can see it: the lock moves along with the folder.
            let lock = staged.save(plan)?.lock()?;
            if staged.publish(&new, data)? {
                return Ok((new, lock));
            }
        }
        unreachable!("a number is free among four billion")
    }

    /// Reads the folder of an earlier run.
    ///
    /// # Errors
    /// When it holds no run, or its spec no longer has a meaning.
    pub(super) fn open(root: &Path) -> Result<(Self, Plan), RunError> {
        let paths = find_paths(root)?;
        let saved = SavedSpec::read(&paths.trial_spec(TRIAL))?;
        let folder = Self {
            paths,
            seed: saved.number("random_seed")?,
            mode: saved.mode(),
            sessions: match saved.mode() {
                Mode::Dev => 1,
                Mode::Train => saved.number("max_session")? as usize,
            },
            device: saved.meta("device").as_str().and_then(|device| device.parse().ok()),
            timestamp: saved.meta("experiment_ts").as_str().unwrap_or_default().to_owned(),
        };
        Ok((folder, saved.resolve()?))
    }

    /// Takes the right to train here, and clears away what a killed process left half written.
    ///
    /// # Errors
    /// [`RunError::Busy`] when another process has it.
    pub(super) fn lock(&self) -> Result<RunLock, RunError> {
        let root = self.paths.root();
        let path = root.join(".lock");
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(FileError::at("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(RunError::Busy { folder: root.to_owned() });
            }
            Err(TryLockError::Error(error)) => {
                return Err(FileError::at("lock", &path)(error).into());
            }
        }
        let inner = ["info", "graph", "log", "model"].map(|name| root.join(name));
        for folder in inner.iter().map(PathBuf::as_path).chain([root]).filter(|f| f.is_dir()) {
            remove_temporary_files(folder)?;
        }
        Ok(RunLock { _file: file })
    }

    /// `model/P_t0_s{session}_latest.ckpt`
    pub(super) fn checkpoint(&self, session: usize) -> PathBuf {
        self.checkpoint_in(session, 0)
    }

    /// The first or second of the two places for checkpoints of a worker in lockstep:
    /// `…_latest.ckpt` or `…_latest-1.ckpt`.
    pub(super) fn checkpoint_in(&self, session: usize, place: usize) -> PathBuf {
        let name = if place == 0 { "latest.ckpt" } else { "latest-1.ckpt" };
        self.paths.model(TRIAL, session, Which::Latest, name)
    }

    /// `model/P_t0_joint_checkpoint.json`: which of them count.
    pub(super) fn joint_checkpoint(&self) -> PathBuf {
        let name = format!("{}_t{TRIAL}_joint_checkpoint.json", self.paths.prefix());
        self.paths.root().join("model").join(name)
    }

    /// `traces/P_t0_trace.json`
    pub(super) fn trace(&self) -> PathBuf {
        let name = format!("{}_t{TRIAL}_trace.json", self.paths.prefix());
        self.paths.root().join("traces").join(name)
    }

    /// What a checkpoint must agree with to be one of this session: everything that learning depends on.
    pub(super) fn identity(&self, plan: &Plan, session: usize) -> Json {
        let spec = plan.expanded();
        let mut identity = json!({
            "name": spec["name"], "agent": spec["agent"], "env": spec["env"],
            "log_frequency": spec["meta"]["log_frequency"],
            "eval_frequency": spec["meta"]["eval_frequency"],
            "rigorous_eval": spec["meta"]["rigorous_eval"],
            "lab_mode": self.mode.name(), "random_seed": self.seed, "session": session,
        });
        if plan.spec.meta.distributed != DistributedSpec::Off {
            identity["distributed"] = spec["meta"]["distributed"].clone();
            identity["max_session"] = json!(plan.spec.meta.max_session);
        }
        identity
    }

    fn save(&self, plan: &Plan) -> Result<&Self, FileError> {
        self.paths.create_folders()?;
        write_json(&self.paths.spec(), &self.spec(plan, None, None))?;
        write_json(&self.paths.trial_spec(TRIAL), &self.spec(plan, Some(TRIAL), None))?;
        for session in 0..self.sessions {
            let spec = self.spec(plan, Some(TRIAL), Some(session));
            write_json(&self.paths.session_spec(TRIAL, session), &spec)?;
        }
        Ok(self)
    }

    /// Moves this folder with all its specs to its place in one go, so that a kill leaves a run or none;
    /// false when another run was faster.
    fn publish(&self, new: &Self, data: &Path) -> Result<bool, FileError> {
        let (from, to) = (self.paths.root(), new.paths.root());
        let moved = fs::rename(from, to);
        let staging = from.parent().expect("a staged folder lies in a folder of its own");
        // What can not be removed is hidden and empty, or in the way of nothing.
        let _ = fs::remove_dir_all(staging);
        match moved {
            Ok(()) => {}
            Err(_) if to.exists() => return Ok(false),
            Err(error) => return Err(FileError::at("create", to)(error)),
        }
        let synced = fs::File::open(data).and_then(|data| data.sync_all());
        synced.map_err(FileError::at("sync the folder", data))?;
        Ok(true)
    }

    /// `meta.max_session` as saved: of a distributed run that of the spec, by which the frames are
    /// divided, even where one worker alone is tried.
    fn saved_sessions(&self, plan: &Plan) -> usize {
        match plan.spec.meta.distributed {
            DistributedSpec::Off => self.sessions,
            DistributedSpec::Shared | DistributedSpec::Synced => plan.spec.meta.max_session,
        }
    }

    /// The spec with every default filled in and SLM-Lab's run-time keys in `meta`.
    fn spec(&self, plan: &Plan, trial: Option<usize>, session: Option<usize>) -> Json {
        let index = |index: Option<usize>| index.map_or(json!(-1), |index| json!(index));
        let mut spec = plan.expanded();
        let run_time = [
            ("max_session", json!(self.saved_sessions(plan))),
            ("experiment", json!(0)),
            ("trial", index(trial)),
            ("session", index(session)),
            ("experiment_ts", json!(self.timestamp)),
            ("random_seed", json!(self.seed)),
            ("seed", Json::Null),
            ("lab_mode", json!(self.mode.name())),
            ("device", json!(self.device.map(|device| device.to_string()))),
            ("program", json!(concat!("slm-lab ", env!("CARGO_PKG_VERSION")))),
        ];
        for (key, value) in run_time {
            spec["meta"][key] = value;
        }
        spec
    }
}

/// The paths of an earlier run.
pub(super) fn find_paths(root: &Path) -> Result<RunPaths, RunError> {
    if !root.is_dir() {
        return Err(RunError::unusable(root, "there is no such folder"));
    }
    let absolute = fs::canonicalize(root).map_err(FileError::at("find", root))?;
    let paths = RunPaths::from_folder(&absolute).filter(|paths| paths.trial_spec(TRIAL).exists());
    paths.ok_or_else(|| {
        RunError::unusable(
            root,
            "holds no run; a run's folder has to keep its name, `{spec}_{timestamp}`",
        )
    })
}

/// A hidden folder beside the runs that no one else uses.
fn staging_name() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!(".starting-{}-{nanos}", std::process::id())
}

/// Seconds since 1970.
pub(super) fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A seed nobody chose; it is recorded in the saved specs.
fn seed_of_the_moment() -> u64 {
    (unix_seconds() * 1e6) as u64 % 1_000_000_000
}
