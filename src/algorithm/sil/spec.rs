//! Keys of `agent.algorithm` and `agent.memory` for self-imitation, and what they mean.

use serde_json::Value as Json;

use super::{SelfImitation, SelfImitationPlan};
use crate::algorithm::actor_critic::{self, ActorCriticSpec};
use crate::algorithm::agent::{AgentPlan, AlgorithmDef, EnvShape};
use crate::algorithm::idle_keys::unread;
use crate::algorithm::off_policy_plan::priority_plan;
use crate::algorithm::on_policy::{OnPolicyPlan, OnPolicyRule};
use crate::algorithm::on_policy_plan::ResolvedOnPolicy;
use crate::algorithm::ppo::{self, PpoSpec};
use crate::algorithm::resolve::Resolver;
use crate::config::{
    AgentSpec, Diagnostics, FromNode, MemorySpec, PrioritizedReplaySpec, ReplaySpec, SilReplaySpec,
    algorithm_schema, read_algorithm, spec, to_json,
};
use crate::memory::{PriorityPlan, ReplayPlan};

/// The registry line.
pub const SIL: AlgorithmDef = AlgorithmDef {
    name: "SIL",
    summary: "advantage actor-critic with self-imitation (Oh et al. 2018)",
    check: |agent, found| {
        read_algorithm::<SilSpec>(&agent.algorithm, found);
    },
    plan: sil_plan,
    schema: || algorithm_schema::<SilSpec>("SIL"),
};

/// The registry line.
pub const PPO_SIL: AlgorithmDef = AlgorithmDef {
    name: "PPOSIL",
    summary: "PPO with self-imitation (Oh et al. 2018)",
    check: |agent, found| {
        read_algorithm::<PpoSilSpec>(&agent.algorithm, found);
    },
    plan: ppo_sil_plan,
    schema: || algorithm_schema::<PpoSilSpec>("PPOSIL"),
};

spec! {
    /// The part that imitates the agent's own best past.
    pub struct ImitationSpec {
        /// Weight of the policy loss on past transitions that turned out better than expected.
        sil_policy_loss_coef: f64 = default(1.0), in 0.0..;
        /// Weight of the value loss on them; the default is the paper's.
        sil_val_loss_coef: f64 = default(0.01), in 0.0..;
        /// Batches of past transitions per update; the default is the paper's.
        training_iter: usize = default(4), in 1..;
        /// Gradient steps per batch; the default is the paper's.
        training_batch_iter: usize = default(1), in 1..;
    }
}

spec! {
    /// Advantage actor-critic with self-imitation.
    pub struct SilSpec {
        /// The on-policy part.
        base: ActorCriticSpec = flatten;
        /// The part that imitates.
        imitation: ImitationSpec = flatten;
    }
}

spec! {
    /// Proximal policy optimization with self-imitation.
    pub struct PpoSilSpec {
        /// The on-policy part.
        base: PpoSpec = flatten;
        /// The part that imitates.
        imitation: ImitationSpec = flatten;
    }
}

/// How past transitions are kept and drawn.
struct SecondMemory {
    replay: ReplaySpec,
    priorities: Option<PriorityPlan>,
}

fn sil_plan(
    agent: &AgentSpec,
    env: &EnvShape,
    found: &mut Diagnostics,
) -> Option<Box<dyn AgentPlan>> {
    let spec = read_algorithm::<SilSpec>(&agent.algorithm, found);
    let mut resolver = Resolver { agent, env, found };
    let memory = resolver.memories();
    let (spec, memory) = (spec?, memory?);
    let second = resolver.second_memory(&memory);
    let base = actor_critic::resolve(&spec.base, &memory, &mut resolver)?;
    let replay = resolver.second_replay(second?, &base.plan);
    let sil = spec.imitation.plan(spec.base.gamma, replay);
    Some(imitating(base, sil, to_json(&spec)))
}

fn ppo_sil_plan(
    agent: &AgentSpec,
    env: &EnvShape,
    found: &mut Diagnostics,
) -> Option<Box<dyn AgentPlan>> {
    let spec = read_algorithm::<PpoSilSpec>(&agent.algorithm, found);
    let mut resolver = Resolver { agent, env, found };
    let memory = resolver.memories();
    let (spec, memory) = (spec?, memory?);
    let second = resolver.second_memory(&memory);
    let base = ppo::resolve(&spec.base, &memory, &mut resolver)?;
    let replay = resolver.second_replay(second?, &base.plan);
    let sil = spec.imitation.plan(spec.base.gamma, replay);
    Some(imitating(base, sil, to_json(&spec)))
}

/// The agent of `base` that also imitates.
fn imitating<R: OnPolicyRule + 'static>(
    base: ResolvedOnPolicy<R>,
    sil: SelfImitationPlan,
    algorithm: Json,
) -> Box<dyn AgentPlan> {
    let ResolvedOnPolicy { plan, rule, memory, .. } = base;
    let rule = Box::new(move || SelfImitation::new(rule(), &sil));
    Box::new(ResolvedOnPolicy { plan, rule, algorithm, memory })
}

impl ImitationSpec {
    fn plan(&self, gamma: f64, replay: ReplayPlan) -> SelfImitationPlan {
        SelfImitationPlan {
            replay,
            gamma,
            policy_loss_coef: self.sil_policy_loss_coef,
            val_loss_coef: self.sil_val_loss_coef,
            training_iter: self.training_iter,
            training_batch_iter: self.training_batch_iter,
        }
    }
}

impl Resolver<'_> {
    /// The replay whose keys stand beside those of the on-policy memory.
    fn second_memory(&mut self, memory: &MemorySpec) -> Option<SecondMemory> {
        let (MemorySpec::OnPolicyReplay(keys) | MemorySpec::OnPolicyBatchReplay(keys)) = memory
        else {
            let message = format!("self-imitation can not go with an {}", memory.name());
            let error = self.agent.memory.error_in("name", message);
            let help = "it needs an OnPolicyBatchReplay or OnPolicyReplay";
            self.found.error(error.with_help(help.to_owned()));
            return None;
        };
        if keys.sil_replay_name == Some(SilReplaySpec::PrioritizedReplay) {
            let spec = self.keys_of::<PrioritizedReplaySpec>()?;
            let priorities = Some(priority_plan(&spec));
            return Some(SecondMemory { replay: spec.replay, priorities });
        }
        for (key, value) in [("alpha", keys.alpha), ("epsilon", keys.epsilon)] {
            if value.is_some() {
                let why = "only a PrioritizedReplay has priorities, see `sil_replay_name`";
                self.found.unread_key(self.agent.memory.error_in(key, unread(key, why)));
            }
        }
        let replay = self.keys_of::<ReplaySpec>()?;
        Some(SecondMemory { replay, priorities: None })
    }

    /// The record among the keys of `agent.memory`, which has others besides.
    fn keys_of<T: FromNode>(&mut self) -> Option<T> {
        let mut found = Diagnostics::new();
        let record = T::from_node(&self.agent.memory, &mut found);
        found.errors.into_iter().for_each(|error| self.found.error(error));
        record
    }

    fn second_replay(&mut self, second: SecondMemory, base: &OnPolicyPlan) -> ReplayPlan {
        let SecondMemory { replay, priorities } = second;
        self.replay_plan(&replay, base.rollout.action_width, priorities)
    }
}
