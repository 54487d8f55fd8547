//! Agents: the contract, the part on-policy agents share, and one file per algorithm.

pub mod acting;
pub mod acting_spec;
pub mod action_value;
pub mod actor_critic;
pub mod agent;
mod choice;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod conformance_images;
pub mod critics;
#[cfg(test)]
mod device_agreement;
mod device_batch;
pub mod dqn;
mod hydra;
mod idle_keys;
#[cfg(test)]
mod memory_task;
pub mod nets;
pub mod off_policy;
mod off_policy_plan;
pub mod on_policy;
pub mod on_policy_plan;
pub mod policy_loss;
pub mod ppo;
pub mod random;
pub mod reinforce;
pub mod resolve;
mod resolve_acting;
mod resolve_net;
mod resolve_recurrent;
mod resolve_train;
mod resolve_value;
pub mod sac;
pub mod sarsa;
pub mod sil;
pub mod target_update;
pub mod td3;
mod trunk;
pub mod value_target;

pub use agent::{ActingNet, Agent, AgentContext, AgentPlan, AlgorithmDef, EnvShape, TrainStats};
pub use choice::HostNoise;
