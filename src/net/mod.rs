//! Networks: what a plan describes, Burn runs and a flat parameter vector holds.

mod compute;
mod device_learner;
mod dist;
mod dist_continuous;
mod dist_host;
mod frozen;
mod host_learner;
mod host_net;
mod host_optim;
mod init;
mod loss;
mod lr_schedule;
mod mlp;
mod net_learner;
mod optim;
mod plan;
mod target_net;

pub use compute::{Compute, Threads};
pub use device_learner::DeviceLearner;
pub use dist::{Dist, LOG_STD_BOUNDS};
pub use dist_host::{DistGradients, HostActions, HostDist};
pub use frozen::{acting_network, log_std};
pub use host_learner::HostLearner;
pub use host_net::HostNet;
pub use init::{Init, gain};
pub use loss::{LossFn, symlog};
pub use lr_schedule::LrSchedule;
pub use mlp::Net;
pub use net_learner::NetLearner;
pub use optim::{Optim, OptimPlan};
pub use plan::{LayerPlan, NetPlan, TrainPlan};
pub use slm_policy::Activation;
pub use target_net::{DeviceTarget, TargetNet};
