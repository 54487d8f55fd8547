//! What an off-policy agent is built from, whatever its rule.

use serde_json::Value as Json;

use super::agent::{Agent, AgentContext, AgentPlan};
use super::critics::{CriticLoss, CriticsPlan};
use super::off_policy::{MakeRule, OffPolicy, OffPolicyPlan};
use super::resolve::{Resolver, schedule_plan};
use super::resolve_train::train_plan;
use super::target_update::TargetUpdate;
use crate::config::{
    FromNode, MemorySpec, NetSpec, NetTrainingSpec, PrioritizedReplaySpec, ReplaySpec,
    UpdateTypeSpec,
};
use crate::memory::{PriorityPlan, ReplayPlan};

/// An off-policy agent, resolved: its plan, its rule's, and the spec they came from.
pub(super) struct ResolvedOffPolicy<M> {
    /// Acting, replay, timing.
    pub plan: OffPolicyPlan,
    /// Networks and numbers of the rule.
    pub rule: M,
    /// `agent.algorithm` with defaults.
    pub algorithm: Json,
    /// `agent.memory` with defaults.
    pub memory: Json,
}

impl<M> AgentPlan for ResolvedOffPolicy<M>
where
    M: MakeRule,
    M::Rule: 'static,
{
    fn build(&self, context: &AgentContext<'_>) -> Box<dyn Agent> {
        Box::new(OffPolicy::new(&self.plan, &self.rule, context))
    }

    fn algorithm_json(&self) -> Json {
        self.algorithm.clone()
    }

    fn memory_json(&self) -> Json {
        self.memory.clone()
    }

    fn is_recurrent(&self) -> bool {
        self.rule.is_recurrent()
    }
}

impl Resolver<'_> {
    /// The memory that the spec names, which has to be a replay, and what it holds.
    pub fn replay(&mut self, action_width: usize) -> Option<(MemorySpec, ReplayPlan)> {
        if self.agent.memory.is_null() {
            self.error("name", "this algorithm needs `agent.memory`");
            return None;
        }
        let memory = MemorySpec::from_node(&self.agent.memory, self.found)?;
        let (replay, priorities) = match &memory {
            MemorySpec::Replay(replay) => (replay, None),
            MemorySpec::PrioritizedReplay(spec) => (&spec.replay, Some(priority_plan(spec))),
            _ => {
                let message = format!("this algorithm can not learn from an {}", memory.name());
                let error = self.agent.memory.error_in("name", message);
                self.found
                    .error(error.with_help("it needs a Replay or PrioritizedReplay".to_owned()));
                return None;
            }
        };
        let plan = self.replay_plan(replay, action_width, priorities);
        Some((memory, plan))
    }

    /// What a replay of these keys holds.
    pub fn replay_plan(
        &mut self,
        spec: &ReplaySpec,
        action_width: usize,
        priorities: Option<PriorityPlan>,
    ) -> ReplayPlan {
        let plan = ReplayPlan {
            num_envs: self.env.num_envs,
            obs_width: self.env.obs_space.width(),
            obs_u8: self.env.obs_u8,
            action_width,
            max_size: spec.max_size,
            batch_size: spec.batch_size,
            use_cer: spec.use_cer,
            priorities,
        };
        let rows = self.env.max_frame.min(plan.max_size as u64);
        let what =
            self.agent.memory.error_in("max_size", format!("a replay of {rows} transitions"));
        self.found.need(what, plan.bytes(rows));
        plan
    }

    /// Critics whose rows are observations with `extra` more numbers and whose outputs are `width`
    /// values: as `agent.critic_net` says, else as `net` does. Targets follow as in `net`.
    pub fn critics(
        &mut self,
        net: &NetSpec,
        width: usize,
        extra: usize,
        symlog: bool,
    ) -> Option<CriticsPlan> {
        let part = self.agent.critic_net.as_ref().map_or(&net.critic, |net| &net.actor).clone();
        self.check_critics(net);
        let plan = self.net_plan_beside(&part, &[width], &[part.training.init_std], extra)?;
        Some(CriticsPlan {
            net: plan,
            train: train_plan(&part.training),
            target_update: Some(target_update(&net.actor.training)),
            loss: CriticLoss { kind: self.value_loss(&part)?, symlog },
        })
    }

    /// Notes what is said of critics where nothing reads it.
    fn check_critics(&mut self, net: &NetSpec) {
        self.warn_if_shared(net, "actor and critics are never shared here");
        let follow = "targets follow as the actor's keys in `agent.net` say";
        let agent = self.agent;
        let Some(critic) = &agent.critic_net else {
            return self.note_target_keys(&net.critic, Some(&net.actor), follow);
        };
        self.note_critic_keys(net, "`agent.critic_net` describes the critics");
        self.note_critic_keys(critic, "here every key is one of the critics");
        self.note_target_keys(&critic.actor, Some(&net.actor), follow);
        self.note_log_std(&critic.actor, "action values have no σ to start");
        self.warn_of_loss(&net.actor, "values are learned as `agent.critic_net` says");
    }

    /// Warns where a session ends before there is enough to learn from.
    pub fn warn_if_never_started(&mut self, training_start_step: u64, training_frequency: u64) {
        let max_frame = self.env.max_frame;
        if training_frequency > max_frame {
            let text = format!(
                "an update takes {training_frequency} frames and a session has {max_frame}"
            );
            let warning = self.agent.algorithm.error_in("training_frequency", text);
            self.found.warning(warning.with_help("nothing will be learned".to_owned()));
        }
        if training_start_step >= max_frame {
            let text = format!(
                "learning starts after {training_start_step} frames and a session has {max_frame}"
            );
            let warning = self.agent.algorithm.error_in("training_start_step", text);
            self.found.warning(warning.with_help("nothing will be learned".to_owned()));
        }
    }
}

/// How priorities follow from errors.
pub(super) fn priority_plan(spec: &PrioritizedReplaySpec) -> PriorityPlan {
    PriorityPlan {
        alpha: spec.alpha,
        epsilon: spec.epsilon,
        beta: spec.beta_spec.as_ref().map(schedule_plan),
    }
}

/// How target networks follow.
pub(super) fn target_update(spec: &NetTrainingSpec) -> TargetUpdate {
    match spec.update_type {
        UpdateTypeSpec::Replace => TargetUpdate::Replace {
            update_frequency: spec.update_frequency.round().max(1.0) as u64,
        },
        UpdateTypeSpec::Polyak => TargetUpdate::Polyak { coef: spec.polyak_coef },
    }
}
