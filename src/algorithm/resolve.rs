//! From the specs of networks and memories to the plans that on-policy agents are made of.

use slm_policy::Activation;

use super::agent::EnvShape;
use super::nets::{CriticPlan, NetsPlan};
use super::resolve_train::train_plan;
use crate::config::{
    AgentSpec, Diagnostics, InitFnSpec, LossSpec, NetPartSpec, NetSpec, ScheduleKind, ScheduleSpec,
};
use crate::net::{Dist, Init, LossFn, gain};
use crate::ops::{Ramp, Schedule};

/// Why keys of target networks change nothing in on-policy agents.
pub(super) const NO_TARGET: &str = "this algorithm has no target network";

/// Resolves networks and acting of one agent, noting every problem it meets.
pub struct Resolver<'a> {
    /// The `agent` block.
    pub agent: &'a AgentSpec,
    /// What it acts in.
    pub env: &'a EnvShape,
    /// Where problems go.
    pub found: &'a mut Diagnostics,
}

impl Resolver<'_> {
    /// One network for the policy alone.
    pub fn policy_net(&mut self, dist: &Dist) -> Option<NetsPlan> {
        let net = self.policy_spec()?;
        let part = &net.actor;
        self.note_critics(&net);
        self.note_target_keys(part, None, NO_TARGET);
        self.warn_of_loss(part, "this algorithm learns no values");
        let (heads, log_std_init) = self.policy_heads(dist, part.training.log_std_init)?;
        let stds = vec![part.training.init_std; heads.len()];
        let actor = self.sequence_net_plan(part, &heads, &stds, log_std_init)?;
        Some(NetsPlan {
            dist: dist.clone(),
            actor,
            train: train_plan(&part.training),
            critic: CriticPlan::Absent,
        })
    }

    /// Networks for policy and value, as `shared` and `use_same_optim` ask.
    pub fn actor_critic_nets(&mut self, dist: &Dist) -> Option<NetsPlan> {
        let net = self.policy_spec()?;
        let (actor, critic) = (&net.actor, &net.critic);
        self.check_actor_critic(&net);
        if self.required(net.shared, "shared")? {
            let (mut heads, log_std_init) = self.policy_heads(dist, actor.training.log_std_init)?;
            let mut stds = vec![actor.training.init_std; heads.len()];
            heads.push(1);
            stds.push(critic.training.init_std);
            let plan = self.sequence_net_plan(actor, &heads, &stds, log_std_init)?;
            let train = train_plan(&actor.training);
            let (dist, critic) = (dist.clone(), CriticPlan::Shared);
            return Some(NetsPlan { dist, actor: plan, train, critic });
        }
        // With `use_same_optim` SLM-Lab builds the critic from the actor's spec.
        let same = self.required(net.use_same_optim, "use_same_optim")?;
        let critic_source = if same { actor } else { critic };
        let (heads, log_std_init) = self.policy_heads(dist, actor.training.log_std_init)?;
        let stds = vec![actor.training.init_std; heads.len()];
        let actor_plan = self.sequence_net_plan(actor, &heads, &stds, log_std_init)?;
        let critic_stds = [critic.training.init_std];
        let critic_plan = self.sequence_net_plan(critic_source, &[1], &critic_stds, None)?;
        self.check_seq_len(&actor_plan, &critic_plan, critic_source)?;
        let critic_train = train_plan(&critic_source.training);
        let critic = CriticPlan::Separate(critic_plan.into(), critic_train.into());
        Some(NetsPlan {
            dist: dist.clone(),
            actor: actor_plan,
            train: train_plan(&actor.training),
            critic,
        })
    }

    /// The loss of the values of a network that `part` describes.
    pub(super) fn value_loss(&mut self, part: &NetPartSpec) -> Option<LossFn> {
        let loss = loss_plan(&part.training.loss_spec);
        if loss.is_none() {
            let message = "CrossEntropyLoss compares classes, and this algorithm learns values";
            let error = part.place.0.error_in("loss_spec", message);
            self.found.error(error.with_help("MSELoss compares values".to_owned()));
        }
        loss
    }

    /// The loss of the values that `agent.net` estimates beside its policy.
    pub(super) fn critic_loss(&mut self) -> Option<LossFn> {
        let agent = self.agent;
        agent.net.as_ref().and_then(|net| self.value_loss(&net.critic))
    }

    /// Notes an error at `agent.algorithm.key`.
    pub fn error(&mut self, key: &'static str, message: impl Into<String>) {
        let error = self.agent.algorithm.error_in(key, message.into());
        self.found.error(error);
    }

    /// Networks of policy and value, neither of which can be one of action values.
    fn policy_spec(&mut self) -> Option<NetSpec> {
        let net = self.net_spec()?;
        self.refuse_dueling(&net.actor)?;
        self.refuse_dueling(&net.critic)?;
        Some(net)
    }

    pub(super) fn net_spec(&mut self) -> Option<NetSpec> {
        if self.agent.net.is_none() && !self.agent.has_wrong_net {
            self.error("name", "this algorithm needs `agent.net`");
        }
        self.agent.net.clone()
    }

    fn required(&mut self, value: Option<bool>, key: &'static str) -> Option<bool> {
        if value.is_none() {
            let message = format!("this algorithm needs `agent.net.{key}`: true or false");
            self.error("name", message);
        }
        value
    }
}

/// Schedule of a value over frames.
pub fn schedule_plan(spec: &ScheduleSpec) -> Schedule {
    let ramp = Ramp {
        start_val: spec.start_val,
        end_val: spec.end_val.unwrap_or(spec.start_val),
        start_step: spec.start_step as f64,
        end_step: spec.end_step as f64,
    };
    match spec.name {
        ScheduleKind::NoDecay => Schedule::Constant(spec.start_val),
        ScheduleKind::LinearDecay => Schedule::Linear(ramp),
        ScheduleKind::RateDecay => Schedule::Rate(ramp),
        ScheduleKind::PeriodicDecay => Schedule::Periodic(ramp),
    }
}

/// Schedule of a coefficient that is 0 where the spec is null.
pub fn coef_plan(spec: Option<&ScheduleSpec>) -> Schedule {
    spec.map_or(Schedule::Constant(0.0), schedule_plan)
}

/// The loss of values that a spec names, if it is one.
fn loss_plan(spec: &LossSpec) -> Option<LossFn> {
    match spec {
        LossSpec::Mse(_) => Some(LossFn::Mse),
        LossSpec::L1(_) => Some(LossFn::L1),
        LossSpec::SmoothL1(loss) if loss.beta == 0.0 => Some(LossFn::L1),
        LossSpec::SmoothL1(loss) => Some(LossFn::SmoothL1 { beta: loss.beta }),
        LossSpec::Huber(loss) => Some(LossFn::Huber { delta: loss.delta }),
        LossSpec::CrossEntropy(_) => None,
    }
}

pub(super) fn init_plan(spec: Option<InitFnSpec>, hidden: Activation) -> Init {
    let gain = gain(hidden);
    match spec {
        None => Init::Default,
        Some(InitFnSpec::Orthogonal) => Init::Orthogonal { gain },
        Some(InitFnSpec::XavierUniform) => Init::XavierUniform { gain },
        Some(InitFnSpec::XavierNormal) => Init::XavierNormal { gain },
        Some(InitFnSpec::KaimingUniform) => Init::KaimingUniform { gain },
        Some(InitFnSpec::KaimingNormal) => Init::KaimingNormal { gain },
    }
}
