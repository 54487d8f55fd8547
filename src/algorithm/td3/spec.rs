//! Keys of `agent.algorithm` for deterministic policy gradients, and what they mean.

use slm_env::Space;
use slm_policy::Activation;

use super::{Smoothing, Td3Plan};
use crate::algorithm::acting::{ActingPlan, ActionPolicy};
use crate::algorithm::agent::{AgentPlan, AlgorithmDef, EnvShape};
use crate::algorithm::critics::CriticsPlan;
use crate::algorithm::off_policy::{LearnTiming, OffPolicyPlan};
use crate::algorithm::off_policy_plan::{ResolvedOffPolicy, target_update};
use crate::algorithm::resolve::Resolver;
use crate::algorithm::resolve_acting::kind_of;
use crate::algorithm::resolve_train::train_plan;
use crate::algorithm::target_update::TargetUpdate;
use crate::config::{
    AgentSpec, Diagnostics, NetPartSpec, ScheduleSpec, algorithm_schema, read_algorithm, spec,
    to_json,
};
use crate::net::{Dist, NetPlan, TrainPlan};
use crate::ops::Schedule;

/// Transitions before the first update where a spec gives none, at least.
const LEAST_START: usize = 1000;

/// Standard deviation of exploration where a spec gives none: Fujimoto et al. (2018), §6.1.
const EXPLORE_STD: f64 = 0.1;

/// Twin delayed deep deterministic policy gradient.
pub const TD3: AlgorithmDef = AlgorithmDef {
    name: "TD3",
    summary: "twin delayed DDPG (Fujimoto et al. 2018): continuous actions",
    check: |agent, found| {
        read_algorithm::<Td3Spec>(&agent.algorithm, found);
    },
    plan: |agent, env, found| {
        let spec = read_algorithm::<Td3Spec>(&agent.algorithm, found)?;
        let smoothing = Smoothing { std: spec.policy_noise, clip: spec.noise_clip };
        let rule = |nets| rule_plan::<2>(&spec.base, nets, spec.policy_delay, Some(smoothing));
        plan(agent, env, found, (&spec.base, to_json(&spec)), rule)
    },
    schema: || algorithm_schema::<Td3Spec>("TD3"),
};

/// Deep deterministic policy gradient.
pub const DDPG: AlgorithmDef = AlgorithmDef {
    name: "DDPG",
    summary: "deep deterministic policy gradient (Lillicrap et al. 2016): continuous actions",
    check: |agent, found| {
        read_algorithm::<DdpgSpec>(&agent.algorithm, found);
    },
    plan: |agent, env, found| {
        let spec = read_algorithm::<DdpgSpec>(&agent.algorithm, found)?;
        let rule = |nets| rule_plan::<1>(&spec, nets, 1, None);
        plan(agent, env, found, (&spec, to_json(&spec)), rule)
    },
    schema: || algorithm_schema::<DdpgSpec>("DDPG"),
};

spec! {
    /// Deep deterministic policy gradient.
    pub struct DdpgSpec {
        /// Standard deviation over frames of the normal noise that explores, of actions between ±1;
        /// null means 0.1.
        explore_var_spec: Option<ScheduleSpec> = nullable;
        /// Discount γ of future rewards.
        gamma: f64 = required, in 0.0..=1.0;
        /// Transitions between updates; there is at most one update per vector step.
        training_frequency: usize = required, in 1..;
        /// Batches per update; null means `env.num_envs`.
        training_iter: Option<usize> = nullable, in 1..;
        /// Transitions before the first update, until which actions are random; null means
        /// `agent.memory.batch_size`, at least 1000.
        training_start_step: Option<usize> = nullable;
    }
    ignored {
        action_pdtype: "the action is the tanh of the network's output, not drawn";
        action_policy: "the action with noise, see `explore_var_spec`";
    }
}

spec! {
    /// Twin delayed deep deterministic policy gradient.
    pub struct Td3Spec {
        /// What it has in common with DDPG.
        base: DdpgSpec = flatten;
        /// Batches per step of the actor and of targets that are averages.
        policy_delay: u64 = default(2), in 1..;
        /// Standard deviation of the noise that smooths the target policy, of actions between ±1.
        policy_noise: f64 = default(0.2), in 0.0..;
        /// Bound of that noise, as ±.
        noise_clip: f64 = default(0.5), in 0.0..;
    }
}

/// Networks, resolved.
struct Nets {
    actor: (NetPlan, TrainPlan),
    target_update: TargetUpdate,
    critics: CriticsPlan,
    num_envs: usize,
}

fn plan<const N: usize>(
    agent: &AgentSpec,
    env: &EnvShape,
    found: &mut Diagnostics,
    (spec, algorithm): (&DdpgSpec, serde_json::Value),
    rule: impl FnOnce(Nets) -> Td3Plan<N>,
) -> Option<Box<dyn AgentPlan>> {
    let mut resolver = Resolver { agent, env, found };
    let k = dimensions(&mut resolver)?;
    let replay = resolver.replay(k);
    let acting = acting(&mut resolver, spec, k);
    let nets = nets(&mut resolver, k);
    let (memory, replay) = replay?;
    let start = spec.training_start_step.unwrap_or(replay.batch_size.max(LEAST_START)) as u64;
    let training_frequency = spec.training_frequency as u64;
    resolver.warn_if_never_started(start, training_frequency);
    let timing = LearnTiming { training_start_step: start, training_frequency };
    Some(Box::new(ResolvedOffPolicy {
        plan: OffPolicyPlan { acting: acting?, replay, timing, random_frames: start },
        rule: rule(nets?),
        algorithm,
        memory: to_json(&memory),
    }))
}

/// Dimensions of an action, which has to be a vector of numbers.
fn dimensions(resolver: &mut Resolver<'_>) -> Option<usize> {
    let space = &resolver.env.action_space;
    if let Space::Box { .. } = space {
        return Some(space.width());
    }
    let message = format!("it learns continuous actions, not {}", kind_of(space));
    resolver.error("name", message);
    None
}

fn acting(resolver: &mut Resolver<'_>, spec: &DdpgSpec, k: usize) -> Option<ActingPlan> {
    let name = &resolver.agent.algorithm_name;
    resolver.refuse_other_bounds("name", name)?;
    let std = match &spec.explore_var_spec {
        Some(spec) => resolver.explore_var(spec)?,
        None => Schedule::Constant(EXPLORE_STD),
    };
    Some(ActingPlan {
        dist: Dist::Deterministic { k },
        action_policy: ActionPolicy::Gaussian(std),
        action_space: resolver.env.action_space.clone(),
    })
}

/// The actor of `agent.net`; the critics of `agent.critic_net`, or of the same.
fn nets(resolver: &mut Resolver<'_>, k: usize) -> Option<Nets> {
    let net = resolver.net_spec()?;
    let part = &net.actor;
    resolver.refuse_dueling(part)?;
    resolver.note_log_std(part, "a deterministic policy has no σ to start");
    resolver.check_target_keys(part);
    let actor = resolver.net_plan(part, &[k], &[part.training.init_std], None)?;
    warn_of_activation(resolver, part, &actor);
    let critics = resolver.critics(&net, 1, k, false)?;
    Some(Nets {
        actor: (actor, train_plan(&part.training)),
        target_update: target_update(&part.training),
        critics,
        num_envs: resolver.env.num_envs,
    })
}

/// Warns of actions that can not reach the bounds.
fn warn_of_activation(resolver: &mut Resolver<'_>, part: &NetPartSpec, actor: &NetPlan) {
    if actor.out_activation == Activation::Identity {
        return;
    }
    let text = "actions are the tanh of what this activation gives".to_owned();
    let warning = part.place.0.error_in("out_layer_activation", text);
    resolver.found.warning(warning.with_help("leave it out".to_owned()));
}

fn rule_plan<const N: usize>(
    spec: &DdpgSpec,
    nets: Nets,
    policy_delay: u64,
    smoothing: Option<Smoothing>,
) -> Td3Plan<N> {
    Td3Plan {
        actor: nets.actor.0,
        actor_train: nets.actor.1,
        target_update: nets.target_update,
        critics: nets.critics,
        gamma: spec.gamma,
        training_iter: spec.training_iter.unwrap_or(nets.num_envs),
        policy_delay,
        smoothing,
    }
}
