//! A policy and, where the algorithm has one, a value function: in one network or in two.

mod chunked;
mod device;
mod host;
mod in_time;
mod minibatch;
mod passes;
mod shown;
mod source;
mod stepped;

use std::borrow::Cow;

use slm_env::{ObsBatch, Rng, StateError, StateReader, StateWriter};

pub use self::device::DeviceNets;
pub use self::host::HostNets;
pub use self::passes::LEAST_NANOS_PER_HALF;
use super::policy_loss::PolicyLoss;
use crate::memory::Rollout;
use crate::net::{Compute, DeviceObs, Dist, NetPlan, Sequences, TrainPlan};

/// Which networks an on-policy agent trains.
#[derive(Clone, Debug, PartialEq)]
pub struct NetsPlan {
    /// What the policy columns mean.
    pub dist: Dist,
    /// The policy's network; with [`CriticPlan::Shared`] its last head is the value.
    pub actor: NetPlan,
    /// How it is trained.
    pub train: TrainPlan,
    /// Where values come from.
    pub critic: CriticPlan,
}

/// Where values come from.
#[derive(Clone, Debug, PartialEq)]
pub enum CriticPlan {
    /// There are none.
    Absent,
    /// The last column of the policy's network.
    Shared,
    /// A network of its own.
    Separate(Box<NetPlan>, Box<TrainPlan>),
}

impl NetsPlan {
    /// The network of the values, where it is not the policy's.
    pub(super) fn separate_critic(&self) -> Option<&NetPlan> {
        match &self.critic {
            CriticPlan::Separate(net, _) => Some(net),
            CriticPlan::Absent | CriticPlan::Shared => None,
        }
    }

    /// Whether a network depends on the episode so far.
    pub fn is_recurrent(&self) -> bool {
        self.nets().any(NetPlan::is_recurrent)
    }

    /// Steps that gradients go back through time; 1 where nothing is recurrent.
    pub fn seq_len(&self) -> usize {
        self.nets().map(|net| net.seq_len).max().unwrap_or(1)
    }

    fn nets(&self) -> impl Iterator<Item = &NetPlan> {
        std::iter::once(&self.actor).chain(self.separate_critic())
    }

    /// What trains the networks, which have to be in one place.
    fn compute(&self, compute: &Compute) -> Compute {
        self.nets().fold(compute.clone(), |compute, net| compute.of(net))
    }
}

/// What the networks say about a rollout before they learn from it, all `[T, n]`.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// V of the observations acted on; 0 without a critic.
    pub values: Vec<f32>,
    /// V of the observations that followed.
    pub next_values: Vec<f32>,
    /// log π of the actions taken.
    pub log_probs: Vec<f32>,
    /// The observations acted on, where they are on the device of the networks now.
    pub on_device: Option<DeviceObs>,
}

/// Rows to learn from, of a rollout or drawn from a replay.
#[derive(Clone, Copy, Debug)]
pub struct TrainingBatch<'a> {
    /// Observations acted on `[rows, obs_width]`.
    pub obs: &'a ObsBatch,
    /// The same, where they are on the device of the networks already.
    pub on_device: Option<&'a DeviceObs>,
    /// Actions as stored `[rows, action_width]`.
    pub actions: &'a [f32],
    /// What V should be `[rows]`.
    pub returns: &'a [f32],
    /// V before the update `[rows]`; anything where the loss does not read it.
    pub old_values: &'a [f32],
    /// log π before the update `[rows]`; anything where the loss does not read it.
    pub old_log_probs: &'a [f32],
    /// Where recurrent networks see others than the latest rollout's rows: sequences of
    /// [`history_len`](PolicyValueNets::history_len) steps that end in the rows and begin with no state.
    pub histories: Option<Sequences<'a>>,
}

impl<'a> TrainingBatch<'a> {
    /// A whole rollout, as the networks saw it `before`, with its value targets `[T, n]`.
    pub fn of(rollout: &'a Rollout, returns: &'a [f32], before: &'a Evaluation) -> Self {
        Self {
            obs: rollout.obs.values(),
            on_device: before.on_device.as_ref(),
            actions: &rollout.actions,
            returns,
            old_values: &before.values,
            old_log_probs: &before.log_probs,
            histories: None,
        }
    }
}

/// One pass over a batch: its rows in order, cut into minibatches.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Rows in the order they are learned from.
    pub order: Vec<u32>,
    /// Advantages in that order.
    pub advantages: Vec<f32>,
}

/// Means over the gradient steps of one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateMeans {
    /// Of the sum of all losses.
    pub loss: f64,
    /// Of the policy's entropy.
    pub entropy: f64,
}

/// The networks at work: under fused kernels on the processor, as Burn tensors elsewhere.
pub enum PolicyValueNets {
    /// In host memory.
    Host(Box<HostNets>),
    /// On any device of Burn's.
    Device(Box<DeviceNets>),
}

/// Calls the same method on whichever networks there are.
macro_rules! either {
    ($nets:expr, $name:ident => $call:expr) => {
        match $nets {
            Self::Host($name) => $call,
            Self::Device($name) => $call,
        }
    };
}

impl PolicyValueNets {
    /// Freshly initialized networks.
    pub fn new(plan: &NetsPlan, rng: &mut Rng, compute: &Compute) -> Self {
        match plan.compute(compute) {
            Compute::Kernels(kernels) => Self::Host(Box::new(HostNets::new(plan, rng, &kernels))),
            Compute::Burn(tensors) => Self::Device(Box::new(DeviceNets::new(plan, rng, &tensors))),
        }
    }

    /// Whether `rows` environments are better acted in on a device, where the networks are, than on the host.
    pub fn acts_on_device(&self, rows: usize) -> bool {
        matches!(self, Self::Device(nets) if nets.acts(rows))
    }

    /// The networks, where they [act on a device](Self::acts_on_device).
    pub fn acting_on_device(&mut self, rows: usize) -> Option<&mut DeviceNets> {
        match self {
            Self::Host(_) => None,
            Self::Device(nets) => nets.acts(rows).then_some(&mut **nets),
        }
    }

    /// Forgets what was acted on on the device since the last update: another rollout is learned from.
    pub fn forget_shown(&mut self) {
        if let Self::Device(nets) = self {
            nets.forget_shown();
        }
    }

    /// Steps of one environment that are learned from together; 1 where nothing is recurrent.
    pub fn seq_len(&self) -> usize {
        match self {
            Self::Host(_) => 1,
            Self::Device(nets) => nets.seq_len(),
        }
    }

    /// Steps of the history that recurrent networks have to see of a row that is not the latest
    /// rollout's: as many to begin with as gradients go back. `None` where nothing is recurrent.
    pub fn history_len(&self) -> Option<usize> {
        match self {
            Self::Host(_) => None,
            Self::Device(nets) => nets.is_recurrent().then(|| 2 * nets.seq_len()),
        }
    }

    /// What the networks say about `rollout`, without gradients. Recurrent ones have to be shown each
    /// rollout once, as what follows the one before, and then [`learn`](Self::learn) from no other.
    pub fn evaluate(&mut self, rollout: &Rollout) -> Evaluation {
        either!(self, nets => nets.evaluate(rollout))
    }

    /// V `[rows]` of a batch, without gradients; 0 without a critic. Recurrent networks need its
    /// histories.
    pub fn values(&mut self, batch: TrainingBatch<'_>) -> Vec<f32> {
        match (self, batch.histories) {
            (Self::Device(nets), Some(histories)) => nets.values_after(histories),
            (Self::Device(nets), None) => nets.values(batch.obs),
            (Self::Host(nets), _) => nets.values(batch.obs),
        }
    }

    /// V of what a time limit cut off in the rollout that was evaluated last, in the order of
    /// [`truncated_rows_obs`](Rollout::truncated_rows_obs), without gradients; 0 without a critic.
    pub fn truncated_values(&mut self, rollout: &Rollout) -> Vec<f32> {
        match self {
            Self::Host(nets) => nets.values(rollout.truncated_rows_obs()),
            Self::Device(nets) => nets.truncated_values(rollout),
        }
    }

    /// One gradient step per minibatch of every epoch.
    pub fn learn(
        &mut self,
        batch: TrainingBatch<'_>,
        minibatch_size: usize,
        epochs: &mut dyn Iterator<Item = Epoch>,
        loss: &dyn PolicyLoss,
    ) -> UpdateMeans {
        either!(self, nets => nets.learn(batch, minibatch_size, epochs, loss))
    }

    /// What the network that acts looks like.
    pub fn actor_plan(&self) -> &NetPlan {
        either!(self, nets => nets.actor_plan())
    }

    /// Its parameters `[num_params]`, then buffers `[num_buffers]`.
    pub fn actor_params(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Host(nets) => nets.actor_params(),
            Self::Device(nets) => nets.actor_params().into(),
        }
    }

    /// Marks the end of one update at `frame` with its mean loss, on which learning-rate schedules
    /// depend.
    pub fn finish_update(&mut self, frame: u64, loss: f64) {
        either!(self, nets => nets.finish_update(frame, loss));
    }

    /// Optimizer steps of all networks.
    pub fn opt_steps(&self) -> u64 {
        either!(self, nets => nets.opt_steps())
    }

    /// Mean learning rate over the networks.
    pub fn lr(&self) -> f64 {
        either!(self, nets => nets.lr())
    }

    /// Root of the summed squares of the networks' last gradient norms.
    pub fn grad_norm(&self) -> f64 {
        either!(self, nets => nets.grad_norm())
    }

    /// Writes every network; the same bytes from host and device.
    pub fn save(&self, out: &mut StateWriter) {
        either!(self, nets => nets.save(out));
    }

    /// Reads what [`save`](Self::save) wrote, here or on another device.
    ///
    /// # Errors
    /// When the state belongs to other networks.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        either!(self, nets => nets.load(from))
    }
}

#[cfg(test)]
mod device_tests;
#[cfg(test)]
mod recurrent_tests;
#[cfg(test)]
mod tests;
