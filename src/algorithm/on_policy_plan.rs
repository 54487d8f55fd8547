//! What an on-policy agent is built from, whatever its rule.

use serde_json::Value as Json;

use super::agent::{Agent, AgentContext, AgentPlan};
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
}

impl Resolver<'_> {
    /// The memory that the spec names.
    pub fn memory(&mut self) -> Option<MemorySpec> {
        if self.agent.memory.is_null() {
            self.error("name", "this algorithm needs `agent.memory`");
            return None;
        }
        MemorySpec::from_node(&self.agent.memory, self.found)
    }

    /// When to learn: `frequency` counts vector steps or episodes, as the memory does.
    pub fn update_every(&mut self, memory: &MemorySpec, frequency: usize) -> UpdateEvery {
        match memory {
            MemorySpec::OnPolicyBatchReplay(_) => UpdateEvery::Steps(frequency),
            MemorySpec::OnPolicyReplay(_) => UpdateEvery::Episodes(frequency as u64),
        }
    }

    /// Warns where a session ends before the first update.
    pub fn warn_if_never_due(&mut self, key: &'static str, update_every: UpdateEvery) {
        let UpdateEvery::Steps(steps) = update_every else { return };
        let frames = steps as u128 * self.env.num_envs as u128;
        if frames > u128::from(self.env.max_frame) {
            let text =
                format!("an update takes {frames} frames and a session has {}", self.env.max_frame);
            let warning = self.agent.algorithm.error_in(key, text);
            self.found.warning(warning.with_help("nothing will be learned".to_owned()));
        }
    }

    /// Widths of stored rows.
    pub fn rollout(&self, dist: Dist) -> RolloutPlan {
        RolloutPlan {
            num_envs: self.env.num_envs,
            obs_width: self.env.obs_space.width(),
            action_width: dist.action_width(),
        }
    }
}
