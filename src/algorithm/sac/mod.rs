//! Soft actor-critic. Haarnoja et al. (2018), arXiv:1801.01290 and arXiv:1812.05905; for discrete
//! actions Christodoulou (2019), arXiv:1910.07207; without target networks CrossQ, Bhatt et al.
//! (2024), arXiv:1902.05605.
//!
//! - Critics: E[loss(Qᵢ(s, a), r + γ·(1 − terminated)·V(s'))], V = min(Q₁', Q₂') − α·log π of an action
//!   drawn at s'. Over discrete actions V = Σ π·(½·(Q₁' + Q₂') − α·log π), the mean and not the smaller value, as
//!   in SLM-Lab.
//! - Actor: E[α·log π − min(Q₁, Q₂)], reparameterized; over discrete actions the exact expectation.
//! - α: so that the entropy approaches its target ([`TargetEntropy`]).
//!
//! With `action_pdtype: GumbelSoftmax` discrete actions are drawn straight-through and given to the
//! critics as one-hot rows. CrossQ has no target networks: state and next state go through the
//! critics together, whose batch renormalization sees both.
//!
//! With `spectral_norm` the last hidden layer of each critic is divided by its largest singular value,
//! Miyato et al. (2018), arXiv:1802.05957; targets average the weights that come of it.
//!
//! Unlike SLM-Lab 5, log α is part of what is saved and resumed.

mod device;
mod device_policy;
mod discrete;
mod policy;
mod relaxed;
mod spec;
mod squashed;
mod temperature;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use self::policy::{ActorLoss, SacPolicy};
use self::temperature::Temperature;
use super::agent::TrainStats;
use super::critics::{Critics, CriticsPlan, bootstrap};
use super::off_policy::{MakeRule, OffPolicyRule};
use crate::memory::{Batch, Replay, StoredBatch};
use crate::net::{Compute, NetLearner, NetPlan, TrainPlan};

pub use policy::SacActions;
pub use spec::{CROSS_Q, SAC, SacSpec};
pub use temperature::{TargetEntropy, TemperaturePlan};

/// Weight of the past in the running entropy of `entropy_penalty_coef`.
const ENTROPY_MEMORY: f32 = 0.99;

/// Numbers of one soft actor-critic.
#[derive(Clone, Debug, PartialEq)]
pub struct SacPlan {
    /// The policy's network.
    pub actor: NetPlan,
    /// How it is trained.
    pub actor_train: TrainPlan,
    /// Twin critics.
    pub critics: CriticsPlan,
    /// What the actor's rows mean.
    pub actions: SacActions,
    /// Discount γ.
    pub gamma: f64,
    /// Batches per update.
    pub training_iter: usize,
    /// Batches per step of the actor.
    pub policy_delay: u64,
    /// Weight of ½·(H̃ − H)², H̃ being a running mean of H; 0 is none.
    pub entropy_penalty_coef: f64,
    /// How α comes about.
    pub temperature: TemperaturePlan,
}

/// The rule of a soft actor-critic.
pub struct Sac {
    plan: SacPlan,
    actor: NetLearner,
    critics: Critics<2>,
    policy: SacPolicy,
    temperature: Temperature,
    batch: Batch,
    /// As the replay holds it, on its way to a device.
    stored: StoredBatch,
    next_values: Vec<f32>,
    /// Batches learned from.
    iterations: u64,
    entropy: f32,
    /// Running mean of the entropy; no number before the first.
    running_entropy: f32,
    actor_loss: f64,
    critic_loss: f64,
}

impl MakeRule for SacPlan {
    type Rule = Sac;

    fn make(&self, rng: &mut Rng, compute: &Compute) -> Sac {
        let (actor, train) = (self.actor.clone(), self.actor_train.clone());
        Sac {
            actor: NetLearner::new(actor, train, rng, compute),
            critics: Critics::new(&self.critics, rng, compute),
            policy: SacPolicy::new(self.actions),
            temperature: Temperature::new(self.temperature.clone(), compute),
            batch: Batch::default(),
            stored: StoredBatch::default(),
            next_values: Vec::new(),
            iterations: 0,
            entropy: f32::NAN,
            running_entropy: f32::NAN,
            actor_loss: 0.0,
            critic_loss: 0.0,
            plan: self.clone(),
        }
    }
}

impl Sac {
    /// One gradient step of both critics; returns the sum of their losses.
    fn learn_critics(&mut self, rng: &mut Rng) -> f64 {
        let Self { plan, actor, critics, policy, batch, next_values, .. } = self;
        policy.set(actor.infer(&batch.next_obs), rng);
        policy.lay_out(batch);
        critics.forward(&policy.rows, &policy.next_rows);
        policy.values(critics.next_values(), self.temperature.alpha(), next_values);
        bootstrap(batch, plan.gamma, next_values);
        critics.learn(batch, &policy.columns, next_values)
    }

    /// One gradient step of the actor and of α; returns the actor's loss.
    fn learn_actor(&mut self, rng: &mut Rng) -> f64 {
        let Self { actor, critics, policy, batch, temperature, .. } = self;
        policy.set(actor.forward(&batch.obs), rng);
        self.entropy = policy.entropy();
        if self.running_entropy.is_nan() {
            self.running_entropy = self.entropy;
        }
        let (excess, coef) = (self.entropy - self.running_entropy, self.plan.entropy_penalty_coef);
        let loss = ActorLoss { alpha: temperature.alpha(), d_entropy: coef as f32 * excess };
        let value = policy.differentiate(&batch.obs, critics, loss);
        actor.step(&policy.d_rows);
        temperature.learn(self.entropy);
        self.running_entropy += (1.0 - ENTROPY_MEMORY) * excess;
        value + 0.5 * coef * f64::from(excess * excess)
    }
}

impl OffPolicyRule for Sac {
    fn policy_rows(&mut self, obs: &[f32]) -> &[f32] {
        self.actor.infer(obs)
    }

    fn learn(&mut self, replay: &mut Replay, rng: &mut Rng) -> TrainStats {
        if self.actor.is_on_device() {
            return device::learn(self, replay, rng);
        }
        let (mut critic_loss, iters) = (0.0, self.plan.training_iter);
        for _ in 0..iters {
            replay.sample(rng, &mut self.batch);
            critic_loss += self.learn_critics(rng);
            replay.set_priorities(&self.batch, &self.critics.errors);
            self.iterations += 1;
            if self.iterations.is_multiple_of(self.plan.policy_delay) {
                self.actor_loss = self.learn_actor(rng);
                self.critics.blend_targets();
            }
        }
        self.critic_loss = critic_loss / iters as f64;
        TrainStats { loss: self.critic_loss + self.actor_loss }
    }

    fn advance(&mut self, previous: u64, frame: u64) {
        self.temperature.advance(frame);
        self.critics.copy_to_targets(previous, frame);
    }

    fn finish_update(&mut self, frame: u64, _: TrainStats) {
        self.actor.finish_update(frame, self.actor_loss);
        self.critics.finish_update(frame, self.critic_loss);
    }

    fn nets(&self) -> Vec<&NetLearner> {
        std::iter::once(&self.actor).chain(self.critics.nets()).collect()
    }

    fn opt_steps(&self) -> u64 {
        self.iterations
    }

    fn metric_names(&self) -> &'static [&'static str] {
        &["alpha", "entropy", "q_mean", "critic_loss", "actor_loss"]
    }

    fn metrics(&self) -> Vec<f64> {
        let (alpha, entropy) = (f64::from(self.temperature.alpha()), f64::from(self.entropy));
        vec![alpha, entropy, self.critics.mean_value, self.critic_loss, self.actor_loss]
    }

    fn save(&self, out: &mut StateWriter) {
        self.actor.save(out);
        self.critics.save(out);
        self.temperature.save(out);
        out.u64(self.iterations);
        out.f32(self.entropy);
        out.f32(self.running_entropy);
        out.f64(self.actor_loss);
        out.f64(self.critic_loss);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.actor.load(from)?;
        self.critics.load(from)?;
        self.temperature.load(from)?;
        self.iterations = from.u64()?;
        self.entropy = from.f32()?;
        self.running_entropy = from.f32()?;
        self.actor_loss = from.f64()?;
        self.critic_loss = from.f64()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
