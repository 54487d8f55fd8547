//! Keys of `agent.algorithm` for the actor-critic, and what they mean.

use super::{ActorCritic, ActorCriticPlan, Estimate};
use crate::algorithm::acting_spec::ActingSpec;
use crate::algorithm::agent::{AgentPlan, AlgorithmDef, EnvShape};
use crate::algorithm::on_policy::{OnPolicyPlan, UpdateEvery};
use crate::algorithm::on_policy_plan::ResolvedOnPolicy;
use crate::algorithm::resolve::{Resolver, coef_plan};
use crate::config::{
    AgentSpec, Diagnostics, MemorySpec, ScheduleSpec, algorithm_schema, read_algorithm, spec,
    to_json,
};
use crate::net::LossFn;

/// The registry line.
pub const DEF: AlgorithmDef = AlgorithmDef {
    name: "ActorCritic",
    summary: "advantage actor-critic, A2C (Mnih et al. 2016): GAE, n-step or Monte-Carlo returns",
    check: |agent, found| {
        read_algorithm::<ActorCriticSpec>(&agent.algorithm, found);
    },
    plan,
    schema: || algorithm_schema::<ActorCriticSpec>("ActorCritic"),
};

spec! {
    /// Advantage actor-critic.
    pub struct ActorCriticSpec {
        /// How actions are chosen.
        acting: ActingSpec = flatten;
        /// Discount γ of future rewards.
        gamma: f64 = required, in 0.0..=1.0;
        /// λ of generalized advantage estimation; null for n-step or Monte-Carlo returns.
        lam: Option<f64> = nullable, in 0.0..=1.0;
        /// Rewards before the critic takes over, where `lam` is null; null for Monte Carlo.
        num_step_returns: Option<usize> = nullable, in 1..;
        /// Entropy bonus over frames; null means none.
        entropy_coef_spec: Option<ScheduleSpec> = nullable;
        /// Weight of the policy loss.
        policy_loss_coef: f64 = default(1.0), in 0.0..;
        /// Weight of the value loss.
        val_loss_coef: f64 = default(1.0), in 0.0..;
        /// Vector steps (or episodes, with `OnPolicyReplay`) between updates; n-step returns set it.
        training_frequency: Option<usize> = nullable, in 1..;
        /// Whether values and targets are divided by the targets' running deviation.
        normalize_v_targets: bool = default(false);
    }
    ignored {
        normalize_state: "since SLM-Lab 5 the key is `env.normalize_obs`";
    }
}

fn plan(agent: &AgentSpec, env: &EnvShape, found: &mut Diagnostics) -> Option<Box<dyn AgentPlan>> {
    let spec = read_algorithm::<ActorCriticSpec>(&agent.algorithm, found);
    let mut resolver = Resolver { agent, env, found };
    let memory = resolver.memory();
    let (spec, memory) = (spec?, memory?);
    let plan = resolve(&spec, &memory, &mut resolver)?;
    Some(Box::new(plan))
}

/// What `spec` means in the agent that `resolver` has.
pub(in crate::algorithm) fn resolve(
    spec: &ActorCriticSpec,
    memory: &MemorySpec,
    resolver: &mut Resolver<'_>,
) -> Option<ResolvedOnPolicy<ActorCritic>> {
    let update_every = update_every(spec, memory, resolver);
    let dist = resolver.dist(&spec.acting)?;
    let acting = resolver.acting(&spec.acting, &dist);
    let nets = resolver.actor_critic_nets(&dist);
    let rollout = resolver.rollout(&dist);
    let (acting, nets, update_every) = (acting?, nets?, update_every?);
    let elite = resolver.elite(memory, update_every, &nets);
    resolver.check_rollout("training_frequency", update_every);
    let rule = rule_plan(spec, resolver.critic_loss()?);
    Some(ResolvedOnPolicy {
        plan: OnPolicyPlan { nets, acting, rollout, update_every, elite },
        rule: Box::new(move || ActorCritic::new(rule.clone())),
        algorithm: to_json(spec),
        memory: to_json(memory),
    })
}

fn update_every(
    spec: &ActorCriticSpec,
    memory: &MemorySpec,
    resolver: &mut Resolver<'_>,
) -> Option<UpdateEvery> {
    if let (None, Some(steps)) = (spec.lam, spec.num_step_returns) {
        return Some(UpdateEvery::Steps(steps));
    }
    let Some(frequency) = spec.training_frequency else {
        resolver.error("training_frequency", "the key `training_frequency` is missing");
        return None;
    };
    Some(resolver.update_every(memory, frequency))
}

fn rule_plan(spec: &ActorCriticSpec, value_loss: LossFn) -> ActorCriticPlan {
    ActorCriticPlan {
        gamma: spec.gamma,
        estimate: spec.lam.map_or(Estimate::Returns, |lam| Estimate::Gae(lam as f32)),
        entropy_coef: coef_plan(spec.entropy_coef_spec.as_ref()),
        policy_loss_coef: spec.policy_loss_coef,
        val_loss_coef: spec.val_loss_coef,
        value_loss,
        normalize_v_targets: spec.normalize_v_targets,
    }
}
