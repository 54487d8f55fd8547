//! Networks: what a plan describes, Burn runs and a flat parameter vector holds.

mod dist;
mod frozen;
mod host_learner;
mod init;
mod learner;
mod loss;
mod lr_schedule;
mod mlp;
mod optim;
mod plan;

pub use dist::{Dist, LOG_STD_BOUNDS};
pub use frozen::{acting_network, log_std};
pub use host_learner::HostLearner;
pub use init::{Init, gain};
pub use learner::{Learner, TrainPlan};
pub use loss::{LossFn, symlog};
pub use lr_schedule::LrSchedule;
pub use mlp::Net;
pub use optim::{Optim, OptimPlan};
pub use plan::{LayerPlan, NetPlan};
pub use slm_policy::Activation;
