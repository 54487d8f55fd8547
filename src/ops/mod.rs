//! Reinforcement-learning arithmetic on host slices: pure functions, nothing remembered.

mod normalize;
mod returns;
mod schedule;

pub use normalize::{PercentileScale, VarianceScale, percentile, standardize};
pub use returns::{Transitions, bootstrapped_returns, gae, mean_bootstrapped_returns};
pub use schedule::{Ramp, Schedule};
