//! Experience: what an agent remembers between updates.

mod batch;
mod chunks;
mod cross_entropy;
#[cfg(test)]
mod exactness;
mod obs_arena;
mod page;
mod priorities;
mod replay;
mod return_replay;
mod rollout;
mod sampling;
mod sum_tree;

pub use batch::{Batch, Histories, SequenceBatch, StoredBatch, Transitions};
pub use chunks::Chunks;
pub use cross_entropy::CrossEntropy;
pub use obs_arena::{ObsArena, ObsRows};
pub use priorities::PriorityPlan;
pub use replay::{Replay, ReplayPlan};
pub use return_replay::{ReturnBatch, ReturnReplay};
pub use rollout::{Rollout, RolloutPlan};
