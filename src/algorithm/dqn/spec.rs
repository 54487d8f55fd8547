//! Keys of `agent.algorithm` for the DQN family, and what they mean.

use slm_env::Space;

use super::recurrent::{RecurrentDqnPlan, sequence_len};
use super::{DqnPlan, NextValue};
use crate::algorithm::acting_spec::ActingSpec;
use crate::algorithm::agent::{AgentPlan, AlgorithmDef, EnvShape};
use crate::algorithm::off_policy::{LearnTiming, OffPolicyPlan};
use crate::algorithm::off_policy_plan::{ResolvedOffPolicy, target_update};
use crate::algorithm::resolve::Resolver;
use crate::algorithm::resolve_value::ValueNet;
use crate::algorithm::target_update::TargetUpdate;
use crate::config::{AgentSpec, Diagnostics, algorithm_schema, read_algorithm, spec, to_json};
use crate::memory::ReplayPlan;

/// Deep Q-learning of one network.
pub const VANILLA_DQN: AlgorithmDef = def(
    "VanillaDQN",
    "deep Q-learning without a target network (Mnih et al. 2013)",
    |agent, env, found| plan(agent, env, found, |_| NextValue::Online, false),
);
/// Deep Q-learning with a target network.
pub const DQN: AlgorithmDef =
    def("DQN", "deep Q-learning with a target network (Mnih et al. 2015)", |agent, env, found| {
        plan(agent, env, found, NextValue::Target, false)
    });
/// Deep Q-learning in which one network chooses and the other evaluates.
pub const DOUBLE_DQN: AlgorithmDef = def(
    "DoubleDQN",
    "DQN whose online network chooses and target network evaluates (van Hasselt et al. 2016)",
    |agent, env, found| plan(agent, env, found, NextValue::Double, false),
);
/// Deep Q-learning with a head of values for each of several actions.
pub const HYDRA_DQN: AlgorithmDef = def(
    "HydraDQN",
    "DQN with a head of values for each of several discrete actions",
    |agent, env, found| plan(agent, env, found, NextValue::Target, true),
);

type PlanFn = fn(&AgentSpec, &EnvShape, &mut Diagnostics) -> Option<Box<dyn AgentPlan>>;

const fn def(name: &'static str, summary: &'static str, plan: PlanFn) -> AlgorithmDef {
    AlgorithmDef {
        name,
        summary,
        check: |agent, found| {
            read_algorithm::<DqnSpec>(&agent.algorithm, found);
        },
        plan,
        schema: || algorithm_schema::<DqnSpec>("DQN"),
    }
}

spec! {
    /// Deep Q-learning.
    pub struct DqnSpec {
        /// How actions are chosen.
        acting: ActingSpec = flatten;
        /// Discount γ of future rewards.
        gamma: f64 = required, in 0.0..=1.0;
        /// Gradient steps per batch.
        training_batch_iter: usize = required, in 1..;
        /// Batches per update.
        training_iter: usize = required, in 1..;
        /// Transitions between updates; there is at most one update per vector step.
        training_frequency: usize = required, in 1..;
        /// Transitions before the first update; null means `agent.memory.batch_size`.
        training_start_step: Option<usize> = nullable;
    }
    ignored {
        normalize_state: "since SLM-Lab 5 the key is `env.normalize_obs`";
    }
}

fn plan(
    agent: &AgentSpec,
    env: &EnvShape,
    found: &mut Diagnostics,
    next_value: fn(TargetUpdate) -> NextValue,
    is_hydra: bool,
) -> Option<Box<dyn AgentPlan>> {
    let spec = read_algorithm::<DqnSpec>(&agent.algorithm, found);
    let mut resolver = Resolver { agent, env, found };
    let replay = resolver.replay(env.action_space.width());
    let (spec, (memory, replay)) = (spec?, replay?);
    let dist = resolver.value_dist(&spec.acting, is_hydra)?;
    let acting = resolver.value_acting(&spec.acting, &dist);
    let heads = heads(&env.action_space);
    let net = resolver.sequence_value_net(&heads)?;
    let next_value = next_value(target_update(&net.part.training));
    if next_value == NextValue::Online {
        resolver.refuse_target_keys(&net.part);
    } else {
        resolver.check_target_keys(&net.part);
    }
    let rule = rule_plan(&spec, net, heads, next_value);
    let timing = resolver.timing(&spec, &replay, &rule)?;
    let plan = OffPolicyPlan { acting: acting?, replay, timing, random_frames: 0 };
    let (algorithm, memory) = (to_json(&spec), to_json(&memory));
    Some(if rule.net.is_recurrent() {
        let rule = RecurrentDqnPlan(rule);
        Box::new(ResolvedOffPolicy { plan, rule, algorithm, memory })
    } else {
        Box::new(ResolvedOffPolicy { plan, rule, algorithm, memory })
    })
}

impl Resolver<'_> {
    /// When it learns: where it does from sequences, not before there are some.
    fn timing(
        &mut self,
        spec: &DqnSpec,
        replay: &ReplayPlan,
        rule: &DqnPlan,
    ) -> Option<LearnTiming> {
        let start = spec.training_start_step.unwrap_or(replay.batch_size) as u64;
        let training_start_step = start.max(self.before_sequences(replay, rule)?);
        let training_frequency = spec.training_frequency as u64;
        self.warn_if_never_started(training_start_step, training_frequency);
        Some(LearnTiming { training_start_step, training_frequency })
    }

    /// Transitions up to which `replay` has no sequence to draw; 0 where none are drawn.
    fn before_sequences(&mut self, replay: &ReplayPlan, rule: &DqnPlan) -> Option<u64> {
        if !rule.net.is_recurrent() {
            return Some(0);
        }
        if replay.priorities.is_some() {
            let message = "a RecurrentNet learns from sequences, which have no priorities";
            let error = self.agent.memory.error_in("name", message);
            self.found.error(error.with_help("it needs a Replay".to_owned()));
            return None;
        }
        let before = (sequence_len(rule) - 1) * replay.num_envs;
        if before >= replay.max_size {
            let message = format!(
                "sequences of 2·`seq_len` steps of {} environments need more than {before} transitions",
                replay.num_envs
            );
            self.found.error(self.agent.memory.error_in("max_size", message));
            return None;
        }
        Some(before as u64)
    }
}

fn rule_plan(spec: &DqnSpec, net: ValueNet, heads: Vec<usize>, next_value: NextValue) -> DqnPlan {
    DqnPlan {
        next_value,
        loss: net.loss,
        net: net.plan,
        train: net.train,
        heads,
        gamma: spec.gamma,
        training_iter: spec.training_iter,
        training_batch_iter: spec.training_batch_iter,
    }
}

/// Actions of each head.
fn heads(space: &Space) -> Vec<usize> {
    match space {
        Space::MultiDiscrete { nvec } => nvec.iter().map(|&n| n as usize).collect(),
        Space::Discrete { n } => vec![*n as usize],
        space => unreachable!("there are no action values over {space:?}"),
    }
}
