//! A network that learns wherever it lives: rows of numbers in, rows of numbers out.

use std::borrow::Cow;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::compute::Compute;
use super::device_learner::DeviceLearner;
#[cfg(test)]
use super::device_learner::{host_rows, upload_rows};
use super::host_learner::HostLearner;
use super::plan::{NetPlan, TrainPlan};
use super::unroll::Sequences;

/// A network and everything that changes while it learns, under kernels or as tensors.
///
/// Of rows on the host, losses are differentiated by hand with respect to the outputs, and what lies before the
/// outputs by the kernels or by Burn. Off-policy rules whose networks are [on a device](Self::on_device) leave
/// all of it to Burn.
pub enum NetLearner {
    /// In host memory.
    Host(Box<HostLearner>),
    /// On a device of Burn's.
    Device(Box<DeviceLearner>),
}

/// Calls the same method on whichever learner there is.
macro_rules! either {
    ($net:expr, $name:ident => $call:expr) => {
        match $net {
            Self::Host($name) => $call,
            Self::Device($name) => $call,
        }
    };
}

const BURN_DIFFERENTIATES: &str = "on a device Burn differentiates with respect to inputs";

impl NetLearner {
    /// A freshly initialized network, its weights drawn from `rng`.
    pub fn new(plan: NetPlan, train: TrainPlan, rng: &mut Rng, compute: &Compute) -> Self {
        match &compute.of(&plan) {
            Compute::Kernels(kernels) => {
                Self::Host(Box::new(HostLearner::new(plan, train, rng, kernels)))
            }
            Compute::Burn(tensors) => {
                Self::Device(Box::new(DeviceLearner::new(plan, train, rng, tensors)))
            }
        }
    }

    /// What the network looks like.
    pub fn plan(&self) -> &NetPlan {
        either!(self, net => net.plan())
    }

    /// The learner on its device.
    ///
    /// # Panics
    /// In host memory.
    pub fn on_device(&mut self) -> &mut DeviceLearner {
        match self {
            Self::Device(net) => net,
            Self::Host(_) => panic!("a network in host memory is on no device"),
        }
    }

    /// Whether it is on a device of Burn's.
    pub fn is_on_device(&self) -> bool {
        matches!(self, Self::Device(_))
    }

    /// Outputs `[n, output]` of `inputs` `[n, input]`, from which nothing is learned.
    pub fn infer(&mut self, inputs: &[f32]) -> &[f32] {
        either!(self, net => net.infer(inputs))
    }

    /// Outputs `[n, output]` of `inputs` `[n, input]`, kept for one [`step`](Self::step). Batch
    /// normalization goes by the batch here, and by its running statistics everywhere else.
    pub fn forward(&mut self, inputs: &[f32]) -> &[f32] {
        either!(self, net => net.outputs(inputs))
    }

    /// Outputs `[T, m, output]` of sequences that begin in `states` `[m, state_width]`, kept for one
    /// [`step`](Self::step).
    ///
    /// # Panics
    /// Under the kernels, where no recurrent network is.
    pub fn forward_sequences(&mut self, sequences: Sequences<'_>, states: &[f32]) -> &[f32] {
        match self {
            Self::Host(_) => unreachable!("`Compute::of` trains recurrent networks as tensors"),
            Self::Device(net) => net.outputs_of_sequences(sequences, states),
        }
    }

    /// Outputs `[n, output]` of `inputs` `[n, input]`, kept for one
    /// [`input_gradients`](Self::input_gradients).
    ///
    /// # Panics
    /// On a device.
    pub fn forward_for_inputs(&mut self, inputs: &[f32]) -> &[f32] {
        match self {
            Self::Host(net) => net.infer(inputs),
            Self::Device(_) => unreachable!("{BURN_DIFFERENTIATES}"),
        }
    }

    /// One optimizer step, given the loss's derivatives `[n, output]` with respect to the outputs of
    /// the latest [`forward`](Self::forward).
    pub fn step(&mut self, d_outputs: &[f32]) {
        either!(self, net => net.step_outputs(d_outputs));
    }

    /// The loss's derivatives `[n, input]` with respect to the inputs of the latest
    /// [`forward_for_inputs`](Self::forward_for_inputs), given those with respect to its outputs;
    /// nothing is learned. Where numbers come in [beside](super::LayerPlan::Beside) observations, the
    /// derivatives `[n, beside]` are those with respect to them alone.
    ///
    /// # Panics
    /// On a device.
    pub fn input_gradients(&mut self, d_outputs: &[f32]) -> &[f32] {
        match self {
            Self::Host(net) => net.input_gradients(d_outputs),
            Self::Device(_) => unreachable!("{BURN_DIFFERENTIATES}"),
        }
    }

    /// Parameters `[num_params]` in the plan's order, then buffers `[num_buffers]`.
    pub fn params(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Host(net) => net.values(),
            Self::Device(net) => net.host_values().into(),
        }
    }

    /// Replaces the parameters.
    #[cfg(test)]
    pub(crate) fn set_params(&mut self, params: &[f32]) {
        let mut start = StateWriter::new();
        start.f32s(params);
        let mut whole = StateWriter::new();
        self.save(&mut whole);
        let (start, mut state) = (start.into_bytes(), whole.into_bytes());
        state[..start.len()].copy_from_slice(&start);
        self.load(&mut StateReader::new(&state)).expect("the state is its own");
    }

    /// Outputs `[n, output]` of `inputs` `[n, input]`, and the derivatives `[n, width]` of half the sum of
    /// their squares with respect to the last `width` inputs of each row: as actors ask critics.
    #[cfg(test)]
    pub(crate) fn slopes(&mut self, inputs: &[f32], width: usize) -> [Vec<f32>; 2] {
        let input = self.plan().input;
        if !self.is_on_device() {
            let outputs = self.forward_for_inputs(inputs).to_vec();
            let d_inputs = self.input_gradients(&outputs);
            let d_rows = d_inputs.chunks_exact(d_inputs.len() * input / inputs.len());
            let d_last = d_rows.flat_map(|row| &row[row.len() - width..]).copied();
            return [outputs.clone(), d_last.collect()];
        }
        let net = self.on_device();
        let rows = upload_rows(inputs, input, &net.device());
        let last = rows.clone().narrow(1, input - width, width).autodiff().require_grad();
        let outputs = net.frozen().forward_beside(rows.narrow(1, 0, input - width), last.clone());
        let grads = (outputs.clone().square().sum() * 0.5).backward();
        [outputs.inner(), last.grad(&grads).expect("outputs depend on inputs")].map(host_rows)
    }

    /// Marks the end of one update at `frame` with its mean loss, on which learning-rate schedules
    /// depend.
    pub fn finish_update(&mut self, frame: u64, loss: f64) {
        either!(self, net => net.finish_update(frame, loss));
    }

    /// Optimizer steps taken.
    pub fn opt_steps(&self) -> u64 {
        either!(self, net => net.opt_steps())
    }

    /// Learning rate of the next step.
    pub fn lr(&self) -> f64 {
        either!(self, net => net.lr())
    }

    /// L2 norm of the last gradient before clipping.
    pub fn grad_norm(&self) -> Option<f64> {
        either!(self, net => net.grad_norm())
    }

    /// Writes the network; the same bytes from host and device.
    pub fn save(&self, out: &mut StateWriter) {
        either!(self, net => net.save(out));
    }

    /// Reads what [`save`](Self::save) wrote, here or on another device.
    ///
    /// # Errors
    /// When the state belongs to another network.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        either!(self, net => net.load(from))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::net::plan::tests::{conv, critic_of_pictures, plain, renorm};
    use crate::net::{Activation, Adam, LayerPlan, LrSchedule, OptimPlan, WeightsPlan};

    fn train() -> TrainPlan {
        let adam = Adam {
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            amsgrad: false,
        };
        let lr_schedule = LrSchedule::Constant;
        TrainPlan { optim: OptimPlan::Adam(adam), lr: 0.01, lr_schedule, clip_grad: Some(0.5) }
    }

    fn saved(net: &NetLearner) -> Vec<u8> {
        let mut out = StateWriter::new();
        net.save(&mut out);
        out.into_bytes()
    }

    /// On a device the network that acts is kept from step to step. Batches are normalized by what was seen,
    /// and singular vectors move before each pass that is learned from.
    #[test]
    fn what_is_inferred_follows_what_is_learned_and_read() {
        let linear = LayerPlan::Linear { width: 4, bias: true };
        let normalized = plain(3, vec![linear, renorm()], &[2]);
        let plain = plain(3, vec![linear], &[2]);
        let spectral = NetPlan { weights: WeightsPlan::SpectralNorm(vec![0]), ..plain.clone() };
        let inputs: Vec<f32> = (0..15).map(|i| (i as f32 * 1.7).sin()).collect();
        for plan in [plain, spectral, normalized] {
            let compute = Compute::burn(Device::flex());
            let new = || NetLearner::new(plan.clone(), train(), &mut Rng::from_seed(2), &compute);
            let mut net = new();
            let (start, state) = (net.infer(&inputs).to_vec(), saved(&net));
            for _ in 0..3 {
                let before = net.infer(&inputs).to_vec();
                let outputs = net.forward(&inputs).to_vec();
                net.step(&outputs);
                let mut fresh = new();
                fresh.load(&mut StateReader::new(&saved(&net))).unwrap();
                assert_ne!(net.infer(&inputs), before);
                assert_eq!(net.infer(&inputs), fresh.infer(&inputs));
            }
            net.load(&mut StateReader::new(&state)).unwrap();
            assert_eq!(net.infer(&inputs), start);
        }
    }

    /// What is left of three steps and of one pass to the inputs, on so many threads.
    fn learned(plan: &NetPlan, n: usize, threads: usize) -> Vec<f32> {
        let compute = Compute::kernels(threads);
        let mut net = NetLearner::new(plan.clone(), train(), &mut Rng::from_seed(2), &compute);
        let inputs: Vec<f32> = (0..n * plan.input).map(|i| (i as f32 * 0.37).sin()).collect();
        for _ in 0..3 {
            let outputs = net.forward(&inputs).to_vec();
            net.step(&outputs);
        }
        let outputs = net.forward_for_inputs(&inputs).to_vec();
        let d_inputs = net.input_gradients(&outputs).to_vec();
        [net.params().into_owned(), outputs, d_inputs].concat()
    }

    /// Batches large enough to be shared between threads: 300 · 20,000, 40 · 100,000 and 3000 · 1300
    /// multiply-adds.
    #[test]
    fn any_number_of_threads_learns_the_same_bits() {
        let wide = || LayerPlan::Linear { width: 128, bias: true };
        let relu = LayerPlan::Activation(Activation::Relu);
        let mlp = plain(9, vec![wide(), renorm(), relu, wide(), relu], &[3]);
        let images = plain(3 * 16 * 16, vec![conv([3, 16, 16], 24, 1), relu], &[2]);
        for (plan, n) in [(mlp, 300), (images, 40), (critic_of_pictures(), 3000)] {
            assert!(plan.multiply_adds() * n >= 3 << 20, "the batch is shared");
            let alone = learned(&plan, n, 1);
            assert!(alone.iter().all(|x| x.is_finite()));
            for threads in [2, 3] {
                assert_eq!(learned(&plan, n, threads), alone, "{threads} threads");
            }
        }
    }
}
