//! Networks as Burn tensors: they learn on any device, and Burn differentiates their losses.

use burn::tensor::{Device, Tensor};
use slm_env::{ObsBatch, Rng, StateError, StateReader, StateWriter};

use super::chunked::Carried;
use super::minibatch::{Batch, Minibatch, Seen};
use super::stepped::Whose;
use super::{CriticPlan, Epoch, Evaluation, NetsPlan, TrainingBatch, UpdateMeans};
use crate::algorithm::policy_loss::{Losses, PolicyLoss, Rows};
use crate::memory::Rollout;
use crate::net::{DeviceLearner, Dist, Net, NetPlan, Tensors};

/// Rows per forward pass where nothing is learned, to bound memory.
const CHUNK_ROWS: usize = 4096;

/// Networks on a device.
pub struct DeviceNets {
    pub(super) dist: Dist,
    pub(super) actor: DeviceLearner,
    pub(super) critic: Critic,
    /// Where a network is recurrent.
    pub(super) carried: Option<Carried>,
}

pub(super) enum Critic {
    Absent,
    Shared,
    Separate(Box<DeviceLearner>),
}

/// Sums over gradient steps, kept on the device until the update ends.
struct Sums {
    loss: Tensor<1>,
    entropy: Tensor<1>,
    count: usize,
}

impl DeviceNets {
    pub(super) fn new(plan: &NetsPlan, rng: &mut Rng, tensors: &Tensors) -> Self {
        let actor = DeviceLearner::new(plan.actor.clone(), plan.train.clone(), rng, tensors);
        let critic = match &plan.critic {
            CriticPlan::Absent => Critic::Absent,
            CriticPlan::Shared => Critic::Shared,
            CriticPlan::Separate(net, train) => Critic::Separate(Box::new(DeviceLearner::new(
                (**net).clone(),
                (**train).clone(),
                rng,
                tensors,
            ))),
        };
        Self { dist: plan.dist.clone(), actor, critic, carried: Carried::new(plan) }
    }

    pub(super) fn seq_len(&self) -> usize {
        self.carried.as_ref().map_or(1, Carried::seq_len)
    }

    pub(super) fn is_recurrent(&self) -> bool {
        self.carried.is_some()
    }

    pub(super) fn evaluate(&mut self, rollout: &Rollout) -> Evaluation {
        if let Some(mut carried) = self.carried.take() {
            let evaluation = self.evaluate_in_time(&mut carried, rollout);
            self.carried = Some(carried);
            return evaluation;
        }
        let widths = rollout.plan();
        let obs = self.upload_obs(rollout.obs.values());
        let actions = self.upload(&rollout.actions, widths.action_width);
        let bootstrap_obs = self.upload_obs(&rollout.bootstrap_obs());
        let values = host(self.frozen_values(&obs));
        let bootstrap = host(self.frozen_values(&bootstrap_obs));
        let next_values = rollout.next_values(&values, &bootstrap);
        let outputs = self.policy_columns(in_chunks(&self.actor.frozen(), &obs));
        let log_probs = host(self.dist.log_prob_and_entropy(outputs, actions).0);
        Evaluation { values, next_values, log_probs }
    }

    pub(super) fn values(&self, obs: &ObsBatch) -> Vec<f32> {
        if obs.is_empty() {
            return Vec::new();
        }
        host(self.frozen_values(&self.upload_obs(obs)))
    }

    pub(super) fn learn(
        &mut self,
        batch: TrainingBatch<'_>,
        minibatch_size: usize,
        epochs: &mut dyn Iterator<Item = Epoch>,
        loss: &dyn PolicyLoss,
    ) -> UpdateMeans {
        let histories = batch.histories.map(|histories| self.upload_histories(histories));
        let batch = self.upload_batch(batch);
        let device = self.actor.device();
        let mut sums = Sums::new(&device);
        for Epoch { order, advantages } in epochs {
            let ordered = batch.in_order(&order);
            let advantages = Tensor::<1>::from_data(advantages.as_slice(), &device);
            for (k, indices) in order.chunks(minibatch_size).enumerate() {
                let (start, len) = (k * minibatch_size, indices.len());
                let rows = ordered.narrow(start, len);
                let seen = match (&self.carried, &histories) {
                    (None, _) => Seen::Rows(Box::new(rows.obs.clone())),
                    (Some(_), Some(histories)) => Seen::Chunks(histories.pick(indices).into()),
                    (Some(carried), None) => {
                        Seen::Chunks(carried.batch(&batch.obs, indices).into())
                    }
                };
                let advantage = advantages.clone().narrow(0, start, len);
                self.step(Minibatch { seen, rows, advantage }, loss, &mut sums);
            }
        }
        sums.means()
    }

    pub(super) fn actor_plan(&self) -> &NetPlan {
        self.actor.plan()
    }

    pub(super) fn actor_params(&self) -> Vec<f32> {
        self.actor.host_values()
    }

    pub(super) fn finish_update(&mut self, frame: u64, loss: f64) {
        self.learners_mut().for_each(|learner| learner.finish_update(frame, loss));
    }

    pub(super) fn opt_steps(&self) -> u64 {
        self.learners().map(DeviceLearner::opt_steps).sum()
    }

    pub(super) fn lr(&self) -> f64 {
        let (sum, count) = self.learners().fold((0.0, 0.0), |(s, n), l| (s + l.lr(), n + 1.0));
        sum / count
    }

    pub(super) fn grad_norm(&self) -> f64 {
        let squares = self.learners().filter_map(DeviceLearner::grad_norm).map(|norm| norm * norm);
        squares.sum::<f64>().sqrt()
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        self.learners().for_each(|learner| learner.save(out));
        self.carried.iter().for_each(|carried| carried.save(out));
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.learners_mut().try_for_each(|learner| learner.load(from))?;
        self.carried.as_mut().map_or(Ok(()), |carried| carried.load(from))
    }

    /// One gradient step.
    fn step(&mut self, minibatch: Minibatch, loss: &dyn PolicyLoss, sums: &mut Sums) {
        let Minibatch { seen, rows, advantage } = minibatch;
        let column = |j: usize| rows.targets.clone().narrow(1, j, 1).squeeze_dim::<1>(1);
        let (return_, old_value, old_log_prob) = (column(0), column(1), column(2));
        let mut actor = self.actor.tracked();
        let outputs = seen.forward_training(&mut actor, Whose::Actor);
        let (critic, value) = self.tracked_values(&outputs, &seen);
        let policy = self.policy_columns(outputs);
        let (log_prob, entropy) = self.dist.log_prob_and_entropy(policy, rows.actions);
        let mean_entropy = entropy.clone().mean();
        let losses = loss.on_device(Rows {
            log_prob,
            entropy,
            value,
            advantage,
            return_,
            old_value,
            old_log_prob,
        });
        sums.add(&losses, &mean_entropy);
        self.descend(&actor, critic.as_ref(), losses);
    }

    /// V `[batch]` with its gradients recorded, and the critic's own network if it has one.
    fn tracked_values(
        &mut self,
        outputs: &Tensor<2>,
        seen: &Seen,
    ) -> (Option<Net>, Option<Tensor<1>>) {
        match &mut self.critic {
            Critic::Absent => (None, None),
            Critic::Shared => (None, Some(value_column(outputs.clone()))),
            Critic::Separate(critic) => {
                let mut net = critic.tracked();
                let value = value_column(seen.forward_training(&mut net, Whose::Critic));
                (Some(net), Some(value))
            }
        }
    }

    /// On the sum of the losses if one network carries both, else on each.
    fn descend(&mut self, actor: &Net, critic_net: Option<&Net>, losses: Losses<Tensor<1>>) {
        match (&mut self.critic, critic_net, losses.value) {
            (Critic::Separate(critic), Some(net), Some(value)) => {
                self.actor.step(actor, &losses.policy);
                critic.step(net, &value);
            }
            (_, _, Some(value)) => self.actor.step(actor, &(losses.policy + value)),
            (_, _, None) => self.actor.step(actor, &losses.policy),
        }
    }

    fn frozen_values(&self, obs: &Tensor<2>) -> Tensor<1> {
        match &self.critic {
            Critic::Absent => Tensor::zeros([obs.dims()[0]], &obs.device()),
            Critic::Shared => value_column(in_chunks(&self.actor.frozen(), obs)),
            Critic::Separate(critic) => value_column(in_chunks(&critic.frozen(), obs)),
        }
    }

    fn upload_batch(&self, batch: TrainingBatch<'_>) -> Batch {
        let columns = [batch.returns, batch.old_values, batch.old_log_probs];
        let targets = columns.map(|values| self.upload(values, 1));
        Batch {
            obs: self.upload_obs(batch.obs),
            actions: self.upload(batch.actions, self.dist.action_width()),
            targets: Tensor::cat(targets.to_vec(), 1),
        }
    }

    /// Observations as a tensor `[rows, input]`.
    fn upload_obs(&self, obs: &ObsBatch) -> Tensor<2> {
        self.upload(obs.as_f32s(&mut Vec::new()), self.actor.plan().input)
    }

    /// Host rows as a tensor `[rows, width]`.
    fn upload(&self, rows: &[f32], width: usize) -> Tensor<2> {
        let flat = Tensor::<1>::from_data(rows, &self.actor.device());
        flat.reshape([rows.len() / width, width])
    }

    fn policy_columns(&self, outputs: Tensor<2>) -> Tensor<2> {
        outputs.narrow(1, 0, self.dist.width())
    }

    fn learners(&self) -> impl Iterator<Item = &DeviceLearner> {
        let critic = match &self.critic {
            Critic::Separate(critic) => Some(&**critic),
            Critic::Absent | Critic::Shared => None,
        };
        std::iter::once(&self.actor).chain(critic)
    }

    fn learners_mut(&mut self) -> impl Iterator<Item = &mut DeviceLearner> {
        let critic = match &mut self.critic {
            Critic::Separate(critic) => Some(&mut **critic),
            Critic::Absent | Critic::Shared => None,
        };
        std::iter::once(&mut self.actor).chain(critic)
    }
}

impl Sums {
    fn new(device: &Device) -> Self {
        let zero = Tensor::zeros([1], device);
        Self { loss: zero.clone(), entropy: zero, count: 0 }
    }

    fn add(&mut self, losses: &Losses<Tensor<1>>, entropy: &Tensor<1>) {
        self.loss = self.loss.clone() + losses.policy.clone().inner();
        if let Some(value) = &losses.value {
            self.loss = self.loss.clone() + value.clone().inner();
        }
        self.entropy = self.entropy.clone() + entropy.clone().inner();
        self.count += 1;
    }

    /// The update's only reads from the device.
    fn means(self) -> UpdateMeans {
        let sums = host(Tensor::cat(vec![self.loss, self.entropy], 0));
        let mean = |sum: f32| f64::from(sum) / self.count as f64;
        UpdateMeans { loss: mean(sums[0]), entropy: mean(sums[1]) }
    }
}

/// The value is the last column.
fn value_column(outputs: Tensor<2>) -> Tensor<1> {
    let last = outputs.dims()[1] - 1;
    outputs.narrow(1, last, 1).squeeze_dim(1)
}

fn in_chunks(net: &Net, obs: &Tensor<2>) -> Tensor<2> {
    if obs.dims()[0] <= CHUNK_ROWS {
        return net.forward(obs.clone());
    }
    let chunks = obs.clone().split(CHUNK_ROWS, 0);
    Tensor::cat(chunks.into_iter().map(|chunk| net.forward(chunk)).collect(), 0)
}

fn host(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("values are f32")
}
