//! Keys of `agent.algorithm` for PPO, and what they mean.

use super::{AdvantageScale, Ppo, PpoPlan};
use crate::algorithm::acting_spec::ActingSpec;
use crate::algorithm::agent::{AgentPlan, AlgorithmDef, EnvShape};
use crate::algorithm::on_policy::{OnPolicyPlan, UpdateEvery};
use crate::algorithm::on_policy_plan::{ResolvedOnPolicy, counts_episodes};
use crate::algorithm::resolve::{Resolver, coef_plan, schedule_plan};
use crate::config::{
    AgentSpec, Diagnostics, MemorySpec, ScheduleSpec, algorithm_schema, read_algorithm, spec,
    spec_enum, to_json,
};
use crate::net::LossFn;
use crate::ops::PercentileScale;

/// The registry line.
pub const DEF: AlgorithmDef = AlgorithmDef {
    name: "PPO",
    summary: "proximal policy optimization, clipped (Schulman et al. 2017)",
    check: |agent, found| {
        read_algorithm::<PpoSpec>(&agent.algorithm, found);
    },
    plan,
    schema: || algorithm_schema::<PpoSpec>("PPO"),
};

spec_enum! {
    /// How advantages are scaled, per minibatch.
    pub enum AdvantageScaleSpec: "advantage normalization" {
        /// Mean 0, standard deviation 1.
        Standardize = "standardize",
        /// Divided by a moving range between the 5th and 95th percentile.
        Percentile = "percentile",
    }
}

spec! {
    /// Proximal policy optimization.
    pub struct PpoSpec {
        /// How actions are chosen.
        acting: ActingSpec = flatten;
        /// Discount γ of future rewards.
        gamma: f64 = required, in 0.0..=1.0;
        /// λ of generalized advantage estimation: 0 trusts the critic, 1 the returns.
        lam: f64 = required, in 0.0..=1.0;
        /// Clipping range ε over frames; larger lets the policy move further per update.
        clip_eps_spec: ScheduleSpec = required;
        /// Entropy bonus over frames; null means none.
        entropy_coef_spec: Option<ScheduleSpec> = nullable;
        /// Weight of the value loss.
        val_loss_coef: f64 = default(1.0), in 0.0..;
        /// Vector steps per rollout; may be left out with `OnPolicyReplay`, which counts episodes.
        time_horizon: Option<usize> = nullable, in 1..;
        /// Episodes per rollout, with `OnPolicyReplay` and without `time_horizon`.
        training_frequency: Option<usize> = nullable, in 1..;
        /// Rows per gradient step; SLM-Lab's default is 4.
        minibatch_size: usize = default(4), in 1..;
        /// Passes over each rollout.
        training_epoch: usize = required, in 1..;
        /// Whether values and targets are divided by the targets' running deviation.
        normalize_v_targets: bool = default(false);
        /// Whether the value's change is clipped to ±ε.
        clip_vloss: bool = default(false);
        /// Whether values are compared on a symmetric logarithmic scale.
        symlog: bool = default(false);
        /// How advantages are scaled.
        normalize_advantages: AdvantageScaleSpec = default(AdvantageScaleSpec::Standardize);
    }
    ignored {
        clip_val_loss: "the key is `clip_vloss`";
        policy_loss_coef: "PPO does not scale its policy loss";
        normalize_state: "since SLM-Lab 5 the key is `env.normalize_obs`";
    }
}

fn plan(agent: &AgentSpec, env: &EnvShape, found: &mut Diagnostics) -> Option<Box<dyn AgentPlan>> {
    let spec = read_algorithm::<PpoSpec>(&agent.algorithm, found);
    let mut resolver = Resolver { agent, env, found };
    let memory = resolver.memory();
    let (spec, memory) = (spec?, memory?);
    let plan = resolve(&spec, &memory, &mut resolver)?;
    Some(Box::new(plan))
}

/// What `spec` means in the agent that `resolver` has.
pub(in crate::algorithm) fn resolve(
    spec: &PpoSpec,
    memory: &MemorySpec,
    resolver: &mut Resolver<'_>,
) -> Option<ResolvedOnPolicy<Ppo>> {
    let update_every = update_every(spec, memory, resolver);
    let dist = resolver.dist(&spec.acting)?;
    let acting = resolver.acting(&spec.acting, &dist);
    let nets = resolver.actor_critic_nets(&dist);
    let rollout = resolver.rollout(&dist);
    let (acting, nets, update_every) = (acting?, nets?, update_every?);
    let elite = resolver.elite(memory, update_every, &nets);
    resolver.check_rollout("time_horizon", update_every);
    let rule = rule_plan(spec, resolver.critic_loss()?);
    Some(ResolvedOnPolicy {
        plan: OnPolicyPlan { nets, acting, rollout, update_every, elite },
        rule: Box::new(move || Ppo::new(rule.clone())),
        algorithm: to_json(spec),
        memory: to_json(memory),
    })
}

/// A rollout is cut by `time_horizon`; SLM-Lab's oldest specs cut it by episodes instead.
fn update_every(
    spec: &PpoSpec,
    memory: &MemorySpec,
    resolver: &mut Resolver<'_>,
) -> Option<UpdateEvery> {
    match (spec.time_horizon, memory, spec.training_frequency) {
        (Some(steps), memory, frequency) => {
            if frequency.is_some() || counts_episodes(memory) {
                let message = "nothing counts episodes here: PPO trains every `time_horizon` steps";
                let warning = resolver.agent.algorithm.error_in("time_horizon", message);
                resolver.found.warning(warning);
            }
            Some(UpdateEvery::Steps(steps))
        }
        (None, memory, Some(episodes)) if counts_episodes(memory) => {
            Some(UpdateEvery::Episodes(episodes as u64))
        }
        (None, ..) => {
            resolver.error("time_horizon", "the key `time_horizon` is missing");
            None
        }
    }
}

fn rule_plan(spec: &PpoSpec, value_loss: LossFn) -> PpoPlan {
    PpoPlan {
        gamma: spec.gamma as f32,
        lam: spec.lam as f32,
        clip_eps: schedule_plan(&spec.clip_eps_spec),
        entropy_coef: coef_plan(spec.entropy_coef_spec.as_ref()),
        val_loss_coef: spec.val_loss_coef,
        minibatch_size: spec.minibatch_size,
        training_epoch: spec.training_epoch,
        value_loss,
        clip_vloss: spec.clip_vloss,
        symlog: spec.symlog,
        normalize_v_targets: spec.normalize_v_targets,
        advantage_scale: match spec.normalize_advantages {
            AdvantageScaleSpec::Standardize => AdvantageScale::Standardize,
            AdvantageScaleSpec::Percentile => {
                AdvantageScale::Percentile(PercentileScale::default())
            }
        },
    }
}
