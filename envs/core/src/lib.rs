//! Environments for reinforcement learning: the contract between an environment's author and a learner.
//!
//! An author implements [`Env`] for one environment, statically and without allocating; [`EnvRows`] turns
//! it into a [`VecEnv`], a batch of copies behind one virtual call a step. Random numbers are those of
//! `NumPy`, so that a seed gives the initial states that Gymnasium gives.
#![forbid(unsafe_code)]

mod batch;
pub mod conformance;
mod def;
mod env;
mod env_rows;
mod episode_stats;
mod error;
mod filters;
mod frame;
mod normalizer;
mod options;
mod part;
mod preprocess;
mod rng;
mod rollout;
mod rows;
mod seed;
mod segment;
mod space;
mod state;
mod vec_env;
mod workers;
mod ziggurat;

pub use batch::{ActionBatch, ObsBatch, StepBatch};
pub use def::EnvDef;
pub use env::{Action, Element, Env, Step};
pub use env_rows::EnvRows;
pub use episode_stats::{Episode, EpisodeStats};
pub use error::{EnvError, nearest_name};
pub use frame::{Color, Frame};
pub use normalizer::{ObsNormalizer, RunningStats};
pub use options::{EnvOptions, OptionDef, OptionKind, OptionValue};
pub use preprocess::{PreprocessedEnv, Preprocessing};
pub use rng::Rng;
pub use rollout::{Rollout, RolloutRow};
pub use rows::{StepRow, StepRows};
pub use seed::SeedSequence;
pub use segment::{Segment, SegmentSource, segment_bytes};
pub use space::Space;
pub use state::{StateError, StateReader, StateWriter};
pub use vec_env::VecEnv;
