//! What an on-policy agent is built from, whatever its rule.

use serde_json::Value as Json;

use super::agent::{Agent, AgentContext, AgentPlan};
use super::nets::NetsPlan;
use super::on_policy::{OnPolicy, OnPolicyPlan, OnPolicyRule, UpdateEvery};
use super::resolve::Resolver;
use crate::config::{FromNode, MemorySpec};
use crate::memory::RolloutPlan;
use crate::net::Dist;

/// An on-policy agent, resolved: its plan, how to make its rule, and the spec it came from.
pub(super) struct ResolvedOnPolicy<R> {
    /// Networks, acting, rollout.
    pub plan: OnPolicyPlan,
    /// Makes the rule afresh.
    pub rule: Box<dyn Fn() -> R + Send + Sync>,
    /// `agent.algorithm` with defaults.
    pub algorithm: Json,
    /// `agent.memory` with defaults.
    pub memory: Json,
}

impl<R: OnPolicyRule + 'static> AgentPlan for ResolvedOnPolicy<R> {
    fn build(&self, context: &AgentContext<'_>) -> Box<dyn Agent> {
        Box::new(OnPolicy::new(&self.plan, (self.rule)(), context))
    }

    fn algorithm_json(&self) -> Json {
        self.algorithm.clone()
    }

    fn memory_json(&self) -> Json {
        self.memory.clone()
    }

    fn is_recurrent(&self) -> bool {
        self.plan.nets.is_recurrent()
    }
}

impl Resolver<'_> {
    /// As [`memories`](Self::memories), for agents without a second memory.
    pub fn memory(&mut self) -> Option<MemorySpec> {
        let memory = self.memories()?;
        self.warn_of_second_memory(&memory);
        Some(memory)
    }

    /// The memory that the spec names, which has to be one of the latest experience only, and may
    /// carry the keys of a second one.
    pub fn memories(&mut self) -> Option<MemorySpec> {
        if self.agent.memory.is_null() {
            self.error("name", "this algorithm needs `agent.memory`");
            return None;
        }
        let memory = MemorySpec::from_node(&self.agent.memory, self.found)?;
        if let MemorySpec::Replay(_) | MemorySpec::PrioritizedReplay(_) = memory {
            let message = format!("this algorithm can not learn from a {}", memory.name());
            let error = self.agent.memory.error_in("name", message);
            let help = "it needs an OnPolicyBatchReplay, OnPolicyReplay or OnPolicyCrossEntropy";
            self.found.error(error.with_help(help.to_owned()));
            return None;
        }
        Some(memory)
    }

    /// When to learn: `frequency` counts vector steps or episodes, as the memory does.
    pub fn update_every(&mut self, memory: &MemorySpec, frequency: usize) -> UpdateEvery {
        if counts_episodes(memory) {
            UpdateEvery::Episodes(frequency as u64)
        } else {
            UpdateEvery::Steps(frequency)
        }
    }

    /// The quantile of total rewards from which on the memory keeps episodes; `None` where it keeps all.
    /// Episodes are picked apart from what came before them, which a recurrent network may need.
    pub fn elite(
        &mut self,
        memory: &MemorySpec,
        update_every: UpdateEvery,
        nets: &NetsPlan,
    ) -> Option<f64> {
        let MemorySpec::OnPolicyCrossEntropy(spec) = memory else { return None };
        if nets.is_recurrent() && spec.cross_entropy < 1.0 {
            let message =
                "this memory takes episodes out of their order, in which a RecurrentNet learns";
            self.found.error(self.agent.memory.error_in("name", message));
        }
        if matches!(update_every, UpdateEvery::Steps(_)) {
            let message = "this memory is of whole episodes; here a number of steps is asked for";
            let error = self.agent.memory.error_in("name", message);
            self.found.error(error);
        }
        (spec.cross_entropy < 1.0).then_some(spec.cross_entropy)
    }

    /// Warns where a session ends before the first update, and notes the memory of what it waits for.
    pub fn check_rollout(&mut self, key: &'static str, update_every: UpdateEvery) {
        let UpdateEvery::Steps(steps) = update_every else { return };
        let frames = steps as u128 * self.env.num_envs as u128;
        if frames > u128::from(self.env.max_frame) {
            let text =
                format!("an update takes {frames} frames and a session has {}", self.env.max_frame);
            let warning = self.agent.algorithm.error_in(key, text);
            self.found.warning(warning.with_help("nothing will be learned".to_owned()));
        }
        let frames = frames.min(self.env.max_frame.into()) as u64;
        let number = if self.env.obs_u8 { 1 } else { size_of::<f32>() as u64 };
        let row = self.env.obs_space.width() as u64 * number;
        let what = self.agent.algorithm.error_in(key, format!("a rollout of {frames} frames"));
        self.found.need(what, frames.saturating_mul(row));
    }

    /// Widths of stored rows.
    pub fn rollout(&self, dist: &Dist) -> RolloutPlan {
        RolloutPlan {
            num_envs: self.env.num_envs,
            obs_width: self.env.obs_space.width(),
            obs_u8: self.env.obs_u8,
            action_width: dist.action_width(),
        }
    }
}

/// Whether the memory collects whole episodes.
pub(super) fn counts_episodes(memory: &MemorySpec) -> bool {
    matches!(memory, MemorySpec::OnPolicyReplay(_) | MemorySpec::OnPolicyCrossEntropy(_))
}
