//! Deep Q-learning. Mnih et al. (2015), doi:10.1038/nature14236.
//!
//! L = E[w·loss(Q(s, a), r + γ·(1 − terminated)·V(s'))] over draws of a replay, where V is
//! max Q of the same network (VanillaDQN; Mnih et al. 2013, arXiv:1312.5602), max Q of the target network (DQN), or
//! the target network's value of the online network's choice (DoubleDQN; van Hasselt et al. 2016,
//! arXiv:1509.06461). w are the importance weights of prioritized replay, else 1.
//!
//! Unlike SLM-Lab 5, whose DQN is the same algorithm as its DoubleDQN, and whose target network
//! starts from weights of its own. HydraDQN has one head of values per action dimension, all learned
//! from the same reward; the loss is the mean over heads.

mod device;
mod recurrent;
mod spec;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::action_value::{ActionValueGradients, ActionValueLoss, values_of_best};
use super::agent::TrainStats;
use super::off_policy::{MakeRule, OffPolicyRule};
use super::target_update::TargetUpdate;
use crate::memory::{Batch, Replay, StoredBatch};
use crate::net::{Compute, LossFn, NetLearner, NetPlan, TargetNet, TrainPlan};

pub use spec::{DOUBLE_DQN, DQN, DqnSpec, HYDRA_DQN, VANILLA_DQN};

/// Which network says what the next state is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NextValue {
    /// The online network chooses and evaluates.
    Online,
    /// The target network chooses and evaluates.
    Target(TargetUpdate),
    /// The online network chooses, the target network evaluates.
    Double(TargetUpdate),
}

/// Numbers of one DQN agent.
#[derive(Clone, Debug, PartialEq)]
pub struct DqnPlan {
    /// The value network.
    pub net: NetPlan,
    /// How it is trained.
    pub train: TrainPlan,
    /// Actions of each head.
    pub heads: Vec<usize>,
    /// Where the next state's value comes from.
    pub next_value: NextValue,
    /// Discount γ.
    pub gamma: f64,
    /// Loss of a TD error.
    pub loss: LossFn,
    /// Batches per update.
    pub training_iter: usize,
    /// Gradient steps per batch.
    pub training_batch_iter: usize,
}

/// The DQN rule.
pub struct Dqn {
    plan: DqnPlan,
    online: NetLearner,
    target: Option<TargetNet>,
    batch: Batch,
    /// As the replay holds it, on its way to a device.
    stored: StoredBatch,
    /// What Q should be, `[b, heads]`.
    targets: Vec<f32>,
    gradients: ActionValueGradients,
}

impl MakeRule for DqnPlan {
    type Rule = Dqn;

    fn make(&self, rng: &mut Rng, compute: &Compute) -> Dqn {
        let online = NetLearner::new(self.net.clone(), self.train.clone(), rng, compute);
        let target = (self.next_value != NextValue::Online).then(|| TargetNet::of(&online));
        Dqn {
            plan: self.clone(),
            online,
            target,
            batch: Batch::default(),
            stored: StoredBatch::default(),
            targets: Vec::new(),
            gradients: ActionValueGradients::default(),
        }
    }
}

impl Dqn {
    /// One gradient step on the batch; returns the loss.
    fn step(&mut self) -> f64 {
        let Self { plan, online, batch, targets, gradients, .. } = self;
        let values = online.forward(&batch.obs);
        let Batch { actions, weights, .. } = batch;
        let loss = ActionValueLoss { heads: &plan.heads, kind: plan.loss, weights };
        let loss = gradients.set(loss, values, actions, targets);
        online.step(&gradients.values);
        loss
    }

    /// r + γ·(1 − terminated)·V(s') for each row and head.
    fn set_targets(&mut self) {
        let Self { plan, online, target, batch, targets, .. } = self;
        let next_obs = &batch.next_obs;
        let (choosing, evaluating) = match (plan.next_value, target) {
            (NextValue::Double(_), Some(target)) => {
                (online.infer(next_obs), target.infer(next_obs))
            }
            (_, Some(target)) => {
                let values = target.infer(next_obs);
                (values, values)
            }
            (_, None) => {
                let values = online.infer(next_obs);
                (values, values)
            }
        };
        values_of_best(&plan.heads, choosing, evaluating, targets);
        discounted(plan, &batch.rewards, &batch.terminated, targets);
    }
}

/// Makes r + γ·(1 − terminated)·v of each value v of what follows, `[rows, heads]`.
fn discounted(plan: &DqnPlan, rewards: &[f32], terminated: &[bool], values: &mut [f32]) {
    for (i, value) in values.iter_mut().enumerate() {
        let row = i / plan.heads.len();
        let future = if terminated[row] { 0.0 } else { plan.gamma as f32 * *value };
        *value = rewards[row] + future;
    }
}

impl NextValue {
    /// Moves the target network on, at a vector step from frame `previous` to `frame`.
    fn follow(
        self,
        target: Option<&mut TargetNet>,
        online: &NetLearner,
        previous: u64,
        frame: u64,
    ) {
        if let (Self::Target(update) | Self::Double(update), Some(target)) = (self, target) {
            update.apply(target, online, previous, frame);
        }
    }
}

impl OffPolicyRule for Dqn {
    fn policy_rows(&mut self, obs: &[f32]) -> &[f32] {
        self.online.infer(obs)
    }

    fn learn(&mut self, replay: &mut Replay, rng: &mut Rng) -> TrainStats {
        if self.online.is_on_device() {
            return device::learn(self, replay, rng);
        }
        let (iters, batch_iters) = (self.plan.training_iter, self.plan.training_batch_iter);
        let mut loss = 0.0;
        for _ in 0..iters {
            replay.sample(rng, &mut self.batch);
            for i in 0..batch_iters {
                // The target network stands still meanwhile; what the online one chooses moves.
                if i == 0 || !matches!(self.plan.next_value, NextValue::Target(_)) {
                    self.set_targets();
                }
                loss += self.step();
                replay.set_priorities(&self.batch, &self.gradients.errors);
            }
        }
        TrainStats { loss: loss / (iters * batch_iters) as f64 }
    }

    fn advance(&mut self, previous: u64, frame: u64) {
        self.plan.next_value.follow(self.target.as_mut(), &self.online, previous, frame);
    }

    fn finish_update(&mut self, frame: u64, stats: TrainStats) {
        self.online.finish_update(frame, stats.loss);
    }

    fn nets(&self) -> Vec<&NetLearner> {
        vec![&self.online]
    }

    fn opt_steps(&self) -> u64 {
        self.online.opt_steps()
    }

    fn metric_names(&self) -> &'static [&'static str] {
        &["q_mean"]
    }

    fn metrics(&self) -> Vec<f64> {
        vec![self.gradients.mean_value]
    }

    fn save(&self, out: &mut StateWriter) {
        self.online.save(out);
        self.target.iter().for_each(|target| target.save(out));
        out.f64(self.gradients.mean_value);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.online.load(from)?;
        self.target.iter_mut().try_for_each(|target| target.load(from))?;
        self.gradients.mean_value = from.f64()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
