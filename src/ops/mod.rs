//! Reinforcement-learning arithmetic on host slices: pure functions, nothing remembered.

mod normalize;
mod returns;
mod schedule;

pub use normalize::{PercentileScale, VarianceScale, standardize};
pub use returns::{Transitions, bootstrapped_returns, gae};
pub use schedule::{Ramp, Schedule};
