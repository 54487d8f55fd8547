//! Networks as Burn tensors: they learn on any device, and Burn differentiates their losses.

use burn::tensor::{Device, Int, Tensor};
use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::chunked::{Carried, ChunkBatch};
use super::minibatch::{Minibatch, Order, Seen};
use super::passes::{pays_on_device, value_column};
use super::shown::Shown;
use super::source::ObsSource;
use super::stepped::Whose;
use super::{CriticPlan, Epoch, NetsPlan, TrainingBatch, UpdateMeans};
use crate::algorithm::policy_loss::{Losses, PolicyLoss, Rows};
use crate::net::{DeviceLearner, Dist, Net, NetPlan, Tensors};

/// Most bytes of observations that are kept on the device from being acted on until they are learned from,
/// and as many again while they are put together: what every card has, and its drivers take as one
/// buffer. Larger rollouts go up minibatch by minibatch.
const MOST_BYTES: usize = 1 << 30;

/// Networks on a device.
pub struct DeviceNets {
    pub(super) dist: Dist,
    pub(super) actor: DeviceLearner,
    pub(super) critic: Critic,
    /// Where a network is recurrent.
    pub(super) carried: Option<Carried>,
    /// Policy columns `[rows, width]` that the device computes ahead.
    pub(super) begun: Option<Tensor<2>>,
    pub(super) shown: Shown,
    pub(super) most_bytes: usize,
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
        Self {
            dist: plan.dist.clone(),
            actor,
            critic,
            carried: Carried::new(plan),
            begun: None,
            shown: Shown::default(),
            most_bytes: MOST_BYTES,
        }
    }

    pub(super) fn seq_len(&self) -> usize {
        self.carried.as_ref().map_or(1, Carried::seq_len)
    }

    pub(super) fn is_recurrent(&self) -> bool {
        self.carried.is_some()
    }

    /// Whether `rows` environments are acted in here.
    pub(super) fn acts(&self, rows: usize) -> bool {
        self.carried.is_none() && pays_on_device(self.actor.plan(), rows)
    }

    /// Reads nothing from the device before all steps are taken, where nothing is recurrent.
    pub(super) fn learn(
        &mut self,
        batch: TrainingBatch<'_>,
        minibatch_size: usize,
        epochs: &mut dyn Iterator<Item = Epoch>,
        loss: &dyn PolicyLoss,
    ) -> UpdateMeans {
        let histories = batch.histories.map(|histories| self.upload_histories(histories));
        let obs = match histories {
            None => self.source(batch.obs, batch.on_device),
            Some(_) => self.on_host(batch.obs),
        };
        let columns = self.upload_columns(&batch);
        let device = self.actor.device();
        let mut sums = Sums::new(&device);
        for order in &Order::upload(epochs.collect(), &device) {
            let columns = columns.clone().select(0, order.on_device.clone());
            for (k, rows) in order.rows.chunks(minibatch_size).enumerate() {
                let place = k * minibatch_size..k * minibatch_size + rows.len();
                let seen = self.seen(&obs, histories.as_ref(), rows, || order.picks(&place));
                let minibatch = Minibatch::new(seen, &columns, order, &place);
                self.step(minibatch, loss, &mut sums);
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
        self.begun = None;
        self.shown.clear();
        self.learners_mut().try_for_each(|learner| learner.load(from))?;
        self.carried.as_mut().map_or(Ok(()), |carried| carried.load(from))
    }

    /// What the networks see of `rows`, whose indices on the device are `picks`.
    fn seen(
        &self,
        obs: &ObsSource<'_>,
        histories: Option<&ChunkBatch>,
        rows: &[u32],
        picks: impl FnOnce() -> Tensor<1, Int>,
    ) -> Seen {
        match (&self.carried, histories) {
            (None, _) => Seen::Rows(Box::new(obs.pick(rows, &picks()))),
            (Some(_), Some(histories)) => Seen::Chunks(histories.pick(rows).into()),
            (Some(carried), None) => {
                Seen::Chunks(carried.batch(obs, rows, &self.actor.device()).into())
            }
        }
    }

    /// One gradient step.
    fn step(&mut self, minibatch: Minibatch, loss: &dyn PolicyLoss, sums: &mut Sums) {
        let Minibatch { seen, columns, advantage } = minibatch;
        let k = self.dist.action_width();
        let actions = columns.clone().narrow(1, 0, k);
        let column = |j: usize| columns.clone().narrow(1, k + j, 1).squeeze_dim::<1>(1);
        let (return_, old_value, old_log_prob) = (column(0), column(1), column(2));
        let mut actor = self.actor.tracked();
        let outputs = seen.forward_training(&mut actor, Whose::Actor);
        let (critic, value) = self.tracked_values(&outputs, &seen);
        let policy = self.policy_columns(outputs);
        let (log_prob, entropy) = self.dist.log_prob_and_entropy(policy, actions);
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

    /// Columns of the rows: the action as it is stored, return, old value, old log-probability.
    fn upload_columns(&self, batch: &TrainingBatch<'_>) -> Tensor<2> {
        let k = self.dist.action_width();
        let mut rows = Vec::with_capacity(batch.returns.len() * (k + 3));
        for (row, action) in batch.actions.chunks_exact(k).enumerate() {
            rows.extend_from_slice(action);
            rows.extend([batch.returns[row], batch.old_values[row], batch.old_log_probs[row]]);
        }
        self.upload(&rows, k + 3)
    }

    /// Host rows as a tensor `[rows, width]`.
    pub(super) fn upload(&self, rows: &[f32], width: usize) -> Tensor<2> {
        let flat = Tensor::<1>::from_data(rows, &self.actor.device());
        flat.reshape([rows.len() / width, width])
    }

    /// Those of the network's outputs that parameterize the policy.
    pub(super) fn policy_columns(&self, outputs: Tensor<2>) -> Tensor<2> {
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

    /// Reads both at once.
    fn means(self) -> UpdateMeans {
        let sums = host(Tensor::cat(vec![self.loss, self.entropy], 0));
        let mean = |sum: f32| f64::from(sum) / self.count as f64;
        UpdateMeans { loss: mean(sums[0]), entropy: mean(sums[1]) }
    }
}

pub(super) fn host(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("values are f32")
}
