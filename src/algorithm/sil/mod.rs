//! Self-imitation learning. Oh et al. (2018), arXiv:1806.05635.
//!
//! After each update of an on-policy rule, ActorCritic's in SIL and PPO's in PPOSIL, batches of past
//! transitions are learned from whose discounted returns R exceed the value: with A⁺ = max(R − V, 0), the
//! loss is −c_π·mean(log π·A⁺) + c_V·½·mean(A⁺²) (eq. 1–3). Priorities, where there are any, are A⁺.
//!
//! A recurrent network sees each of those transitions at the end of twice `seq_len` steps of its episode: the
//! first half leads from no state to one, the second is what gradients go back through.
//!
//! Unlike the paper: no entropy bonus in this part, and no importance weights. Unlike SLM-Lab 5, which
//! computes "returns" along the rows of a shuffled batch and never steps a critic of its own: returns are
//! those of whole episodes, a time limit continued by the critic's value, and the value loss trains
//! the network that the values come from.

mod loss;
mod spec;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use self::loss::{SilLoss, advantage};
use super::agent::TrainStats;
use super::nets::{Epoch, PolicyValueNets, TrainingBatch};
use super::on_policy::OnPolicyRule;
use crate::memory::{Histories, ReplayPlan, ReturnBatch, ReturnReplay, Rollout};
use crate::net::Sequences;

pub use spec::{ImitationSpec, PPO_SIL, PpoSilSpec, SIL, SilSpec};

/// Numbers of the part that imitates.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfImitationPlan {
    /// What is remembered of past episodes.
    pub replay: ReplayPlan,
    /// Discount γ.
    pub gamma: f64,
    /// Weight of the policy loss.
    pub policy_loss_coef: f64,
    /// Weight of the value loss.
    pub val_loss_coef: f64,
    /// Batches per update.
    pub training_iter: usize,
    /// Gradient steps per batch.
    pub training_batch_iter: usize,
}

/// An on-policy rule that also learns from its own best past.
pub struct SelfImitation<R> {
    rule: R,
    loss: SilLoss,
    replay: ReturnReplay,
    training_iter: usize,
    /// What is done with each batch.
    epochs: Vec<Epoch>,
    sil_loss: f64,
}

impl<R> SelfImitation<R> {
    /// The rule with nothing remembered.
    pub fn new(rule: R, plan: &SelfImitationPlan) -> Self {
        let batch_size = plan.replay.batch_size;
        let order = (0..batch_size as u32).collect();
        // The loss works out advantages itself, from values that move with every step.
        let epoch = Epoch { order, advantages: vec![0.0; batch_size] };
        Self {
            rule,
            loss: SilLoss {
                policy_loss_coef: plan.policy_loss_coef,
                val_loss_coef: plan.val_loss_coef,
            },
            replay: ReturnReplay::new(plan.replay.clone(), plan.gamma),
            training_iter: plan.training_iter,
            epochs: vec![epoch; plan.training_batch_iter],
            sil_loss: f64::NAN,
        }
    }

    fn remember(&mut self, nets: &mut PolicyValueNets, rollout: &Rollout) {
        let truncated_values = nets.truncated_values(rollout);
        self.replay.push(rollout, &truncated_values);
    }

    /// Learns from draws of what is remembered; returns the mean loss.
    fn imitate(&mut self, nets: &mut PolicyValueNets, rng: &mut Rng) -> f64 {
        let (batch_size, has_priorities) = (self.replay.batch_size(), self.replay.has_priorities());
        let mut loss = 0.0;
        for _ in 0..self.training_iter {
            self.replay.sample(rng);
            let histories = nets.history_len().map(|len| self.replay.histories(len));
            let batch = training_batch(self.replay.drawn(), histories.as_ref());
            let mut epochs = self.epochs.iter().cloned();
            loss += nets.learn(batch, batch_size, &mut epochs, &self.loss).loss;
            if has_priorities {
                let values = nets.values(batch);
                let rows = batch.returns.iter().zip(&values);
                let advantages: Vec<f32> = rows.map(|(&r, &v)| advantage(r, v)).collect();
                self.replay.set_priorities(&advantages);
            }
        }
        loss / self.training_iter as f64
    }
}

fn training_batch<'a>(
    drawn: ReturnBatch<'a>,
    histories: Option<&'a Histories>,
) -> TrainingBatch<'a> {
    let ReturnBatch { obs, actions, returns } = drawn;
    // The loss does not look back.
    let (old_values, old_log_probs) = (returns, returns);
    let count = returns.len();
    let histories = histories.map(|Histories { obs, starts }| Sequences { count, obs, starts });
    TrainingBatch { obs, on_device: None, actions, returns, old_values, old_log_probs, histories }
}

impl<R: OnPolicyRule> OnPolicyRule for SelfImitation<R> {
    fn learn(
        &mut self,
        nets: &mut PolicyValueNets,
        rollout: &Rollout,
        rng: &mut Rng,
    ) -> TrainStats {
        let mut stats = self.rule.learn(nets, rollout, rng);
        self.remember(nets, rollout);
        if self.replay.has_batch() {
            self.sil_loss = self.imitate(nets, rng);
            stats.loss += self.sil_loss;
        }
        stats
    }

    fn advance(&mut self, frame: u64) {
        self.rule.advance(frame);
    }

    fn metric_names(&self) -> Vec<&'static str> {
        [self.rule.metric_names(), vec!["sil_loss"]].concat()
    }

    fn metrics(&self) -> Vec<f64> {
        [self.rule.metrics(), vec![self.sil_loss]].concat()
    }

    fn save(&self, out: &mut StateWriter) {
        self.rule.save(out);
        self.replay.save(out);
        out.f64(self.sil_loss);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.rule.load(from)?;
        self.replay.load(from)?;
        self.sil_loss = from.f64()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
