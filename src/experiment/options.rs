//! How a run is to be made, apart from what its spec says.

use std::path::PathBuf;
use std::time::Duration;

use crate::device::{DeviceChoice, Devices};

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One session, with extra columns to look into it.
    Dev,
    /// All sessions of the spec.
    Train,
}

impl Mode {
    /// Its name in specs and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Train => "train",
        }
    }
}

/// How a run is to be made.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// What it is for.
    pub mode: Mode,
    /// Where the folders of runs lie.
    pub data_dir: PathBuf,
    /// Where networks train: what the sessions take in turn.
    pub devices: Devices,
    /// Where they were asked to, in place of where the spec says: recorded, so that a resumed run goes on there.
    pub device: Option<DeviceChoice>,
    /// Base seed, in place of `meta.random_seed`.
    pub seed: Option<u64>,
    /// Most sessions that train at a time.
    pub sessions_in_parallel: usize,
    /// Threads of each session, for environments and networks; results do not depend on them.
    pub threads: usize,
    /// Shortest time between two checkpoints of a session; zero is one at every log row that the disk keeps up with.
    pub checkpoint_interval: Duration,
    /// Shortest time between two reports of a session's progress.
    pub progress_interval: Duration,
    /// Whether graphs are drawn; they take most of the time of a very short run.
    pub graphs: bool,
    /// Measure where the time goes.
    pub profile: bool,
}

impl RunOptions {
    /// A checkpoint at most this often, unless asked otherwise: what a kill can cost.
    pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(2);

    /// Progress is reported this often.
    pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

    /// Plain options: into `data`, as many sessions at a time as there are cores.
    pub fn new(mode: Mode, devices: impl Into<Devices>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            mode,
            data_dir: PathBuf::from("data"),
            devices: devices.into(),
            device: None,
            seed: None,
            sessions_in_parallel: cores,
            threads: 1,
            checkpoint_interval: Self::CHECKPOINT_INTERVAL,
            progress_interval: Self::PROGRESS_INTERVAL,
            graphs: true,
            profile: false,
        }
    }
}
