//! Experience: what an agent remembers between updates.

mod rollout;

pub use rollout::{Rollout, RolloutPlan};
