//! Networks that depend on what came before: they are stepped through rollouts and histories on the host.

use super::Evaluation;
use super::chunked::{Carried, ChunkBatch};
use super::device::{Critic, DeviceNets};
use super::stepped::{Stepped, Whose};
use crate::memory::Rollout;
use crate::net::{HostActions, HostDist, Sequences, log_std};

impl DeviceNets {
    /// Steps the networks through the rollout on the host, as they act.
    pub(super) fn evaluate_in_time(&self, carried: &mut Carried, rollout: &Rollout) -> Evaluation {
        carried.begin(rollout);
        let actor = Stepped::new(Whose::Actor, &self.actor);
        let said = carried.say(&actor, rollout);
        let (values, bootstrap) = match &self.critic {
            Critic::Absent => (vec![0.0; rollout.len()], vec![0.0; rollout.bootstrap_rows().len()]),
            Critic::Shared => said.values(&actor),
            Critic::Separate(critic) => {
                let critic = Stepped::new(Whose::Critic, critic);
                carried.say(&critic, rollout).values(&critic)
            }
        };
        let next_values = rollout.next_values(&values, &bootstrap);
        let log_probs = self.log_probs(&said.rows, rollout);
        Evaluation { values, next_values, log_probs, on_device: None }
    }

    /// V `[m]` at the end of `histories`.
    pub(super) fn values_after(&self, histories: Sequences<'_>) -> Vec<f32> {
        self.stepped_values()
            .map_or(vec![0.0; histories.count], |net| net.values(&net.to_end(histories).outputs))
    }

    /// V of what a time limit cut off in the latest rollout.
    pub(super) fn truncated_values(&mut self, rollout: &Rollout) -> Vec<f32> {
        if let Some(carried) = &self.carried
            && let Some(net) = self.stepped_values()
        {
            return carried.truncated_values(&net, rollout);
        }
        self.values(rollout.truncated_rows_obs())
    }

    /// Histories that are learned from, on the device.
    pub(super) fn upload_histories(&self, histories: Sequences<'_>) -> ChunkBatch {
        let actor = Stepped::new(Whose::Actor, &self.actor);
        let critic = match &self.critic {
            Critic::Absent | Critic::Shared => None,
            Critic::Separate(critic) => Some(Stepped::new(Whose::Critic, critic)),
        };
        ChunkBatch::of_histories(histories, &actor, critic.as_ref(), &self.actor.device())
    }

    /// log π of a rollout's actions, of which the policy's network said `rows`.
    fn log_probs(&self, rows: &[f32], rollout: &Rollout) -> Vec<f32> {
        let (plan, params) = (self.actor.plan(), self.actor.host_params());
        let mut actions = HostActions::default();
        actions.set(&self.dist, rollout.actions.chunks_exact(self.dist.action_width()));
        let (mut log_probs, mut entropies) = (Vec::new(), Vec::new());
        HostDist {
            dist: &self.dist,
            heads: rows,
            width: plan.head_width(),
            log_std: log_std(plan, &params),
            actions: &actions,
        }
        .log_prob_and_entropy(&mut log_probs, &mut entropies);
        log_probs
    }

    /// The network that values come from, stepped on the host.
    fn stepped_values(&self) -> Option<Stepped> {
        match &self.critic {
            Critic::Absent => None,
            Critic::Shared => Some(Stepped::new(Whose::Actor, &self.actor)),
            Critic::Separate(critic) => Some(Stepped::new(Whose::Critic, critic)),
        }
    }
}
