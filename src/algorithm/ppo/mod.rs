//! Proximal policy optimization. Schulman et al. (2017), arXiv:1707.06347.
//!
//! One update: advantages by GAE over a rollout, then `training_epoch` passes over shuffled
//! minibatches, each one gradient step on the clipped surrogate (eq. 7), the value loss and the
//! entropy bonus (eq. 9).
//!
//! Unlike the paper: advantages are normalized per minibatch, and the log-ratio is clamped to ±20
//! against overflow. Unlike SLM-Lab 5: a truncated episode bootstraps from its own final
//! observation and cuts the trace.

mod loss;
mod spec;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use self::loss::PpoLoss;
use super::agent::TrainStats;
use super::nets::{Epoch, PolicyValueNets, TrainingBatch};
use super::on_policy::OnPolicyRule;
use super::value_target::{ValueLoss, ValueTarget};
use crate::memory::{Chunks, Rollout};
use crate::net::LossFn;
use crate::ops::{PercentileScale, Schedule, gae, standardize};

pub(super) use spec::resolve;
pub use spec::{AdvantageScaleSpec, DEF, PpoSpec};

/// How advantages are brought to a common scale, per minibatch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AdvantageScale {
    /// Mean 0, standard deviation 1.
    Standardize,
    /// Divided by a moving range between percentiles.
    Percentile(PercentileScale),
}

/// Numbers of one PPO agent.
#[derive(Clone, Debug, PartialEq)]
pub struct PpoPlan {
    /// Discount γ.
    pub gamma: f32,
    /// GAE's λ.
    pub lam: f32,
    /// Clipping range ε over frames.
    pub clip_eps: Schedule,
    /// Entropy bonus over frames.
    pub entropy_coef: Schedule,
    /// Weight of the value loss.
    pub val_loss_coef: f64,
    /// Rows per gradient step.
    pub minibatch_size: usize,
    /// Passes over a rollout.
    pub training_epoch: usize,
    /// Value loss where it is not clipped.
    pub value_loss: LossFn,
    /// Clip the value's change to ±ε as the policy's.
    pub clip_vloss: bool,
    /// Compare values on a symmetric logarithmic scale.
    pub symlog: bool,
    /// Divide values and targets by the targets' running deviation.
    pub normalize_v_targets: bool,
    /// How advantages are scaled.
    pub advantage_scale: AdvantageScale,
}

/// The chunks of a rollout in some order; single rows where nothing is recurrent.
struct Shuffled {
    all: Chunks,
    order: Vec<u32>,
}

/// PPO's rule.
pub struct Ppo {
    plan: PpoPlan,
    value_target: ValueTarget,
    advantage_scale: AdvantageScale,
    clip_eps: f64,
    entropy_coef: f64,
    entropy: f64,
}

impl Ppo {
    /// PPO at frame 0.
    pub fn new(plan: PpoPlan) -> Self {
        Self {
            value_target: ValueTarget::new(plan.normalize_v_targets),
            advantage_scale: plan.advantage_scale,
            clip_eps: plan.clip_eps.at(0),
            entropy_coef: plan.entropy_coef.at(0),
            entropy: f64::NAN,
            plan,
        }
    }

    fn loss(&self) -> PpoLoss {
        PpoLoss {
            clip_eps: self.clip_eps,
            entropy_coef: self.entropy_coef,
            value: ValueLoss {
                kind: self.plan.value_loss,
                coef: self.plan.val_loss_coef,
                sigma: self.value_target.sigma(),
                symlog: self.plan.symlog,
                clip: self.plan.clip_vloss.then_some(self.clip_eps),
            },
        }
    }

    /// One epoch: chunks shuffled, advantages scaled per minibatch.
    fn epoch(&mut self, advantages: &[f32], chunks: &mut Shuffled, rng: &mut Rng) -> Epoch {
        rng.shuffle(&mut chunks.order);
        let order: Vec<u32> =
            chunks.order.iter().flat_map(|&chunk| chunks.all.rows(chunk as usize)).collect();
        let mut scaled: Vec<f32> = order.iter().map(|&row| advantages[row as usize]).collect();
        for minibatch in scaled.chunks_mut(self.plan.minibatch_size) {
            match &mut self.advantage_scale {
                AdvantageScale::Standardize => standardize(minibatch),
                AdvantageScale::Percentile(scale) => scale.normalize(minibatch),
            }
        }
        Epoch { order, advantages: scaled }
    }
}

impl OnPolicyRule for Ppo {
    fn learn(
        &mut self,
        nets: &mut PolicyValueNets,
        rollout: &Rollout,
        rng: &mut Rng,
    ) -> TrainStats {
        let before = nets.evaluate(rollout);
        let transitions = rollout.transitions(&before.next_values);
        let advantages = gae(transitions, &before.values, self.plan.gamma, self.plan.lam);
        let returns: Vec<f32> = advantages.iter().zip(&before.values).map(|(a, v)| a + v).collect();
        self.value_target.update(&returns);
        let loss = self.loss();
        let batch = TrainingBatch::of(rollout, &returns, &before);
        let all = rollout.chunks(nets.seq_len());
        let mut chunks = Shuffled { all, order: (0..all.count() as u32).collect() };
        let (epochs, minibatch_size) = (self.plan.training_epoch, self.plan.minibatch_size);
        let mut epochs = (0..epochs).map(|_| self.epoch(&advantages, &mut chunks, rng));
        let means = nets.learn(batch, minibatch_size, &mut epochs, &loss);
        self.entropy = means.entropy;
        TrainStats { loss: means.loss }
    }

    fn advance(&mut self, frame: u64) {
        self.clip_eps = self.plan.clip_eps.at(frame);
        self.entropy_coef = self.plan.entropy_coef.at(frame);
    }

    fn metric_names(&self) -> Vec<&'static str> {
        vec!["clip_eps", "entropy_coef", "entropy"]
    }

    fn metrics(&self) -> Vec<f64> {
        vec![self.clip_eps, self.entropy_coef, self.entropy]
    }

    fn save(&self, out: &mut StateWriter) {
        self.value_target.save(out);
        out.f64(self.clip_eps);
        out.f64(self.entropy_coef);
        out.f64(self.entropy);
        if let AdvantageScale::Percentile(scale) = self.advantage_scale {
            out.f64(scale.low);
            out.f64(scale.high);
        }
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.value_target.load(from)?;
        self.clip_eps = from.f64()?;
        self.entropy_coef = from.f64()?;
        self.entropy = from.f64()?;
        if let AdvantageScale::Percentile(scale) = &mut self.advantage_scale {
            *scale = PercentileScale { low: from.f64()?, high: from.f64()? };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
