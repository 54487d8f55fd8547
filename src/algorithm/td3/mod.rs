//! Deterministic policy gradients: DDPG, Lillicrap et al. (2016), arXiv:1509.02971, and TD3, Fujimoto
//! et al. (2018), arXiv:1802.09477.
//!
//! - Critics: E[loss(Qᵢ(s, a), r + γ·(1 − terminated)·min Qⱼ'(s', a'))]. DDPG has one critic and
//!   a' = μ'(s'); TD3 has two, and a' = clip(μ'(s') + clip(ε, ±c), ±1), ε ~ N(0, σ²).
//! - Actor: −E[Q₁(s, μ(s))], with TD3 once in `policy_delay` batches, as the targets of all networks.
//!
//! Actions μ(s) are the tanh of the actor's outputs. Normal noise explores, with DDPG too, whose
//! authors took an Ornstein-Uhlenbeck process; until learning starts actions are uniform.

mod device;
mod policy;
mod spec;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use self::policy::DeterministicPolicy;
use super::agent::TrainStats;
use super::critics::{Critics, CriticsPlan, bootstrap};
use super::off_policy::{MakeRule, OffPolicyRule};
use super::target_update::TargetUpdate;
use crate::memory::{Batch, Replay, StoredBatch};
use crate::net::{Compute, NetLearner, NetPlan, TargetNet, TrainPlan};

pub use policy::Smoothing;
pub use spec::{DDPG, DdpgSpec, TD3, Td3Spec};

/// Numbers of one deterministic policy gradient with so many critics.
#[derive(Clone, Debug, PartialEq)]
pub struct Td3Plan<const CRITICS: usize> {
    /// The policy's network.
    pub actor: NetPlan,
    /// How it is trained.
    pub actor_train: TrainPlan,
    /// How its target follows.
    pub target_update: TargetUpdate,
    /// The critics.
    pub critics: CriticsPlan,
    /// Discount γ.
    pub gamma: f64,
    /// Batches per update.
    pub training_iter: usize,
    /// Batches per step of the actor and of averaged targets.
    pub policy_delay: u64,
    /// Noise of the target's actions; DDPG has none.
    pub smoothing: Option<Smoothing>,
}

/// The rule of a deterministic policy gradient.
pub struct Td3<const CRITICS: usize> {
    plan: Td3Plan<CRITICS>,
    actor: NetLearner,
    target_actor: TargetNet,
    critics: Critics<CRITICS>,
    policy: DeterministicPolicy,
    batch: Batch,
    /// As the replay holds it, on its way to a device.
    stored: StoredBatch,
    /// What Q should be `[b]`.
    targets: Vec<f32>,
    /// Column of each action taken in its row of values `[b]`: there is but one.
    columns: Vec<usize>,
    /// Batches learned from.
    iterations: u64,
    actor_loss: f64,
    critic_loss: f64,
}

impl<const CRITICS: usize> MakeRule for Td3Plan<CRITICS> {
    type Rule = Td3<CRITICS>;

    fn make(&self, rng: &mut Rng, compute: &Compute) -> Td3<CRITICS> {
        let actor = NetLearner::new(self.actor.clone(), self.actor_train.clone(), rng, compute);
        Td3 {
            target_actor: TargetNet::of(&actor),
            actor,
            critics: Critics::new(&self.critics, rng, compute),
            policy: DeterministicPolicy::default(),
            batch: Batch::default(),
            stored: StoredBatch::default(),
            targets: Vec::new(),
            columns: Vec::new(),
            iterations: 0,
            actor_loss: 0.0,
            critic_loss: 0.0,
            plan: self.clone(),
        }
    }
}

impl<const CRITICS: usize> Td3<CRITICS> {
    /// One gradient step of each critic; returns the sum of their losses.
    fn learn_critics(&mut self, rng: &mut Rng) -> f64 {
        let Self { plan, target_actor, critics, policy, batch, targets, columns, .. } = self;
        policy.set_next(target_actor.infer(&batch.next_obs), plan.smoothing, rng);
        policy.lay_out(batch);
        critics.forward(&policy.rows, &policy.next_rows);
        smallest(critics.next_values(), targets);
        bootstrap(batch, plan.gamma, targets);
        columns.clear();
        columns.resize(targets.len(), 0);
        critics.learn(batch, columns, targets)
    }

    /// One gradient step of the actor; returns its loss.
    fn learn_actor(&mut self) -> f64 {
        let Self { actor, critics, policy, batch, .. } = self;
        policy.set(actor.forward(&batch.obs));
        let loss = policy.differentiate(&batch.obs, critics, batch.rewards.len());
        actor.step(&policy.d_rows);
        loss
    }

    fn blend_targets(&mut self) {
        self.critics.blend_targets();
        if let update @ TargetUpdate::Polyak { .. } = self.plan.target_update {
            update.apply(&mut self.target_actor, &self.actor, 0, 0);
        }
    }
}

impl<const CRITICS: usize> OffPolicyRule for Td3<CRITICS> {
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
                self.actor_loss = self.learn_actor();
                self.blend_targets();
            }
        }
        self.critic_loss = critic_loss / iters as f64;
        TrainStats { loss: self.critic_loss + self.actor_loss }
    }

    fn advance(&mut self, previous: u64, frame: u64) {
        self.critics.copy_to_targets(previous, frame);
        if let update @ TargetUpdate::Replace { .. } = self.plan.target_update {
            update.apply(&mut self.target_actor, &self.actor, previous, frame);
        }
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
        &["q_mean", "critic_loss", "actor_loss"]
    }

    fn metrics(&self) -> Vec<f64> {
        vec![self.critics.mean_value, self.critic_loss, self.actor_loss]
    }

    fn save(&self, out: &mut StateWriter) {
        self.actor.save(out);
        self.target_actor.save(out);
        self.critics.save(out);
        out.u64(self.iterations);
        out.f64(self.actor_loss);
        out.f64(self.critic_loss);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.actor.load(from)?;
        self.target_actor.load(from)?;
        self.critics.load(from)?;
        self.iterations = from.u64()?;
        self.actor_loss = from.f64()?;
        self.critic_loss = from.f64()?;
        Ok(())
    }
}

/// The smallest of several values `[b]`, row by row.
fn smallest<const N: usize>(values: [&[f32]; N], to: &mut Vec<f32>) {
    to.clear();
    to.extend(
        (0..values[0].len())
            .map(|row| values.iter().map(|values| values[row]).fold(f32::INFINITY, f32::min)),
    );
}

#[cfg(test)]
mod tests;
