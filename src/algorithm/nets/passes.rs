//! Passes on a device that nothing is learned from: to act, and to say what a rollout is worth.

use std::ops::Range;

use burn::tensor::Tensor;
use slm_env::ObsBatch;

use super::Evaluation;
use super::device::{Critic, DeviceNets, host};
use super::source::ObsSource;
use crate::memory::Rollout;
use crate::net::{DeviceObs, Net, NetPlan};

/// Most rows of such a pass, and most numbers of observations: they are spread out to 4 bytes each, and
/// convolutions take a multiple of that.
const CHUNK_ROWS: usize = 4096;
const CHUNK_NUMBERS: usize = 1 << 25;

/// Multiply-adds from which on a pass is faster on a device. A processor takes about 0.2 ms for so many, at ten
/// a nanosecond; an upload, ten launches and a download take as long, whatever they compute.
const LEAST_MULTIPLY_ADDS: usize = 1 << 21;

/// Nanoseconds of stepping from which on a pass of its own pays for half of the environments: as many as that
/// pass takes if it computes next to nothing, as above.
pub const LEAST_NANOS_PER_HALF: u64 = 200_000;

/// Whether rows of a network that is on a device are better acted on there than on the host. What a
/// recurrent network carries is on the host.
pub(super) fn pays_on_device(plan: &NetPlan, rows: usize) -> bool {
    !plan.is_recurrent() && plan.multiply_adds() * rows >= LEAST_MULTIPLY_ADDS
}

impl DeviceNets {
    /// Policy columns `[rows, width]` of some rows of the observations `[n, input]`: those that were begun last, if
    /// any were.
    pub fn act(&mut self, obs: &ObsBatch, rows: Range<usize>) -> Vec<f32> {
        let begun = self.begun.take();
        let outputs = begun.unwrap_or_else(|| self.shown_to_actor(obs, rows));
        host(outputs.flatten(0, 1))
    }

    /// Tells the device to compute what [`act`](Self::act) will be asked for next, and does not wait for it. A
    /// device does one thing after another, so what was computed before has to have been read.
    ///
    /// # Panics
    /// When the device has failed.
    pub fn begin(&mut self, obs: &ObsBatch, rows: Range<usize>) {
        self.begun = Some(self.shown_to_actor(obs, rows));
        // Else it would wait on the host for more to be told.
        self.actor.device().flush().expect("a device takes on what it is told");
    }

    /// Policy columns `[rows, width]`. The observations stay on the device to be learned from.
    fn shown_to_actor(&mut self, obs: &ObsBatch, rows: Range<usize>) -> Tensor<2> {
        let (width, device) = (self.actor.plan().input, self.actor.device());
        let shown = DeviceObs::upload(obs, rows.clone(), width, &device);
        if self.fits(obs, self.shown.rows() + rows.len()) {
            self.shown.push(&shown);
        } else {
            self.shown.give_up();
        }
        let outputs = in_chunks(self.actor.frozen(), &ObsSource::Device(Box::new(shown)));
        self.policy_columns(outputs)
    }

    /// Forgets what was acted on: something else is learned from.
    pub(super) fn forget_shown(&mut self) {
        self.shown.clear();
    }

    pub(super) fn evaluate(&mut self, rollout: &Rollout) -> Evaluation {
        if let Some(mut carried) = self.carried.take() {
            let evaluation = self.evaluate_in_time(&mut carried, rollout);
            self.carried = Some(carried);
            return evaluation;
        }
        let on_device = self.complete(rollout);
        let source = self.source(rollout.obs.values(), on_device.as_ref());
        let (outputs, values) = self.said_of(&source);
        let actions = self.upload(&rollout.actions, self.dist.action_width());
        let policy = self.policy_columns(outputs);
        let log_probs = self.dist.log_prob_and_entropy(policy, actions).0;
        let bootstrap_obs = rollout.bootstrap_obs();
        let bootstrap_obs = self.on_host(&bootstrap_obs);
        let bootstrap = self.values_of(&bootstrap_obs);
        let [values, bootstrap, log_probs] = downloaded(&[values, bootstrap, log_probs]);
        let next_values = rollout.next_values(&values, &bootstrap);
        Evaluation { values, next_values, log_probs, on_device }
    }

    pub(super) fn values(&mut self, obs: &ObsBatch) -> Vec<f32> {
        if obs.is_empty() {
            return Vec::new();
        }
        let obs = self.on_host(obs);
        host(self.values_of(&obs))
    }

    /// Observations `[rows, input]`: those that are on the device already, else `obs`, which go up if they fit.
    pub(super) fn source<'a>(
        &self,
        obs: &'a ObsBatch,
        on_device: Option<&DeviceObs>,
    ) -> ObsSource<'a> {
        let (width, device) = (self.actor.plan().input, self.actor.device());
        let rows = obs.len() / width;
        match on_device {
            Some(obs) => ObsSource::Device(Box::new(obs.clone())),
            None if self.fits(obs, rows) => {
                ObsSource::Device(Box::new(DeviceObs::upload(obs, 0..rows, width, &device)))
            }
            None => ObsSource::Host { obs, width, device },
        }
    }

    /// Observations `[rows, input]` that go up a few at a time.
    pub(super) fn on_host<'a>(&self, obs: &'a ObsBatch) -> ObsSource<'a> {
        ObsSource::Host { obs, width: self.actor.plan().input, device: self.actor.device() }
    }

    /// The rollout's observations on the device, where they fit.
    fn complete(&mut self, rollout: &Rollout) -> Option<DeviceObs> {
        let (obs, width) = (rollout.obs.values(), self.actor.plan().input);
        if self.fits(obs, rollout.len()) {
            return Some(self.shown.complete(obs, width, &self.actor.device()));
        }
        self.shown.clear();
        None
    }

    fn fits(&self, obs: &ObsBatch, rows: usize) -> bool {
        DeviceObs::bytes(obs, rows, self.actor.plan().input) <= self.most_bytes
    }

    /// Output rows of the policy's network `[rows, output]`, and V `[rows]`.
    fn said_of(&mut self, obs: &ObsSource<'_>) -> (Tensor<2>, Tensor<1>) {
        let outputs = in_chunks(self.actor.frozen(), obs);
        let values = match &self.critic {
            Critic::Shared => value_column(outputs.clone()),
            Critic::Absent | Critic::Separate(_) => self.values_of(obs),
        };
        (outputs, values)
    }

    /// V `[rows]`; 0 without a critic.
    fn values_of(&mut self, obs: &ObsSource<'_>) -> Tensor<1> {
        match &mut self.critic {
            Critic::Absent => Tensor::zeros([obs.rows()], &self.actor.device()),
            Critic::Shared => value_column(in_chunks(self.actor.frozen(), obs)),
            Critic::Separate(critic) => value_column(in_chunks(critic.frozen(), obs)),
        }
    }
}

/// The value is the last column.
pub(super) fn value_column(outputs: Tensor<2>) -> Tensor<1> {
    let last = outputs.dims()[1] - 1;
    outputs.narrow(1, last, 1).squeeze_dim(1)
}

/// Output rows `[rows, output]`, a few at a time.
fn in_chunks(net: &Net, obs: &ObsSource<'_>) -> Tensor<2> {
    let rows = obs.rows();
    let most = (CHUNK_NUMBERS / obs.width()).clamp(1, CHUNK_ROWS);
    let chunk = |start: usize| net.forward(obs.range(start..rows.min(start + most)));
    let mut outputs: Vec<Tensor<2>> = (0..rows).step_by(most).map(chunk).collect();
    if outputs.len() == 1 { outputs.remove(0) } else { Tensor::cat(outputs, 0) }
}

/// Several vectors on the host, by one read.
fn downloaded<const N: usize>(vectors: &[Tensor<1>; N]) -> [Vec<f32>; N] {
    let lengths = vectors.each_ref().map(|vector| vector.dims()[0]);
    let all = host(Tensor::cat(vectors.to_vec(), 0));
    let mut rest = all.as_slice();
    lengths.map(|len| {
        let (own, others) = rest.split_at(len);
        rest = others;
        own.to_vec()
    })
}
