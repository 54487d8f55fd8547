//! What runs: a spec's meaning, the training loop, and everything a run writes and reads back.

mod artifact;
mod checkpoint;
mod clock;
mod enjoy;
mod env_plan;
mod error;
mod observer;
mod options;
mod outputs;
mod plan;
mod player;
mod profile;
mod report;
mod run_folder;
mod session;
mod session_state;
mod snapshot;
mod tracker;
mod trial;
mod writer;

pub use checkpoint::{Checkpoint, CheckpointError, FORMAT_VERSION};
pub use enjoy::{EnjoyOptions, EnjoyReport, EnjoySource, enjoy, render_fps};
pub use env_plan::EnvPlan;
pub use error::RunError;
pub use observer::{Level, Observer, Progress, Silent};
pub use options::{Mode, RunOptions};
pub use plan::Plan;
pub use profile::{Phase, Profile};
pub use report::{SessionFailure, SessionReport, TrialReport};
pub use trial::{find_latest, resume_trial, run_trial};
