//! A network that learns on the processor.
//!
//! The same plans, initial weights, formulas and saved state as
//! [`DeviceLearner`](super::DeviceLearner), so that either can go on from the other's checkpoint;
//! results agree up to rounding.

use std::borrow::Cow;

use slm_env::{ObsBatch, Rng, StateError, StateReader, StateWriter};

use super::compute::Kernels;
use super::descent::Descent;
use super::host_net::{HostNet, Mode};
use super::init::init_params;
use super::learning_rate::LearningRate;
use super::plan::{NetPlan, TrainPlan};
use super::weights::HostWeights;

/// A network and everything that changes while it learns, in host memory.
pub struct HostLearner {
    net: HostNet,
    train: TrainPlan,
    /// Which parameters are learned, where not all are.
    mask: Option<Vec<f32>>,
    /// What is learned, where it is not the parameters themselves.
    weights: Option<HostWeights>,
    grads: Vec<f32>,
    d_inputs: Vec<f32>,
    descent: Descent,
    lr: LearningRate,
    grad_norm: Option<f64>,
}

impl HostLearner {
    /// A freshly initialized network, its weights drawn from `rng`.
    pub fn new(plan: NetPlan, train: TrainPlan, rng: &mut Rng, kernels: &Kernels) -> Self {
        let mut params = init_params(&plan, rng);
        let mut weights = HostWeights::new(&plan, &params, rng);
        let worker = kernels.worker.as_ref();
        let descent = change(&mut weights, &mut params, |learned| {
            Descent::new(&train.optim, learned, worker)
        });
        Self {
            mask: plan.mask(),
            weights,
            grads: vec![0.0; params.len()],
            d_inputs: Vec::new(),
            descent,
            net: HostNet::new(plan, params, kernels.threads.clone()),
            lr: LearningRate::new(&train),
            train,
            grad_norm: None,
        }
    }

    /// What the network looks like.
    pub fn plan(&self) -> &NetPlan {
        self.net.plan()
    }

    /// Parameters `[num_params]` in the plan's order.
    pub fn params(&self) -> &[f32] {
        self.net.params()
    }

    /// The log σ that does not depend on the observation; empty where there is none.
    pub fn log_std(&self) -> &[f32] {
        self.net.log_std()
    }

    /// Parameters, then buffers: what it takes to act.
    pub fn values(&self) -> Cow<'_, [f32]> {
        match self.net.buffers() {
            [] => self.params().into(),
            buffers => [self.params(), buffers].concat().into(),
        }
    }

    /// Heads `[rows, head_width]` of the given rows of `obs` `[n, input]`, kept for one
    /// [`step`](Self::step).
    pub fn forward_rows(&mut self, obs: &ObsBatch, rows: &[u32]) -> &[f32] {
        self.start_pass();
        self.net.forward_rows(obs, rows, Mode::Training)
    }

    /// Heads `[rows, head_width]` of the given rows of `obs` `[n, input]`, from which nothing is
    /// learned.
    pub fn infer_rows(&mut self, obs: &ObsBatch, rows: &[u32]) -> &[f32] {
        self.net.forward_rows(obs, rows, Mode::Evaluation)
    }

    /// Heads of the latest forward pass.
    pub fn heads(&self) -> &[f32] {
        self.net.heads()
    }

    /// One optimizer step, given the loss's derivatives with respect to the latest heads
    /// `[n, head_width]` and to [`log_std`](Self::log_std).
    pub fn step(&mut self, d_heads: &[f32], d_log_std: &[f32]) {
        self.net.backward(d_heads, d_log_std, &mut self.grads);
        self.descend();
    }

    /// Output rows `[n, output]` of `inputs` `[n, input]`, from which nothing is learned, kept for
    /// [`input_gradients`](Self::input_gradients).
    pub fn infer(&mut self, inputs: &[f32]) -> &[f32] {
        self.net.outputs(inputs, Mode::Evaluation)
    }

    /// Output rows `[n, output]` of `inputs` `[n, input]`, kept for one
    /// [`step_outputs`](Self::step_outputs).
    pub fn outputs(&mut self, inputs: &[f32]) -> &[f32] {
        self.start_pass();
        self.net.outputs(inputs, Mode::Training)
    }

    /// One optimizer step, given the loss's derivatives with respect to the latest output rows
    /// `[n, output]`.
    pub fn step_outputs(&mut self, d_outputs: &[f32]) {
        self.net.backward_outputs(d_outputs, &mut self.grads);
        self.descend();
    }

    /// The loss's derivatives `[n, input]` with respect to the inputs of the latest output rows.
    pub fn input_gradients(&mut self, d_outputs: &[f32]) -> &[f32] {
        self.net.input_gradients(d_outputs, &mut self.d_inputs);
        &self.d_inputs
    }

    /// The network alone.
    pub(super) fn net(&self) -> &HostNet {
        &self.net
    }

    /// Marks the end of one update at `frame` with the mean loss of its gradient steps, on which
    /// learning-rate schedules depend; of workers in lockstep, everybody's.
    pub fn finish_update(&mut self, frame: u64, loss: f64) {
        let descent = &mut self.descent;
        change(&mut self.weights, self.net.params_mut(), |learned| descent.end_update(learned));
        self.lr.finish_update(frame, loss);
    }

    /// Learning rate of the next step.
    pub fn lr(&self) -> f64 {
        self.lr.lr()
    }

    /// Number of optimizer steps taken.
    pub fn opt_steps(&self) -> u64 {
        self.descent.steps()
    }

    /// L2 norm of the last gradient before clipping.
    pub fn grad_norm(&self) -> Option<f64> {
        self.grad_norm
    }

    /// Writes what is learned, schedule position, optimizer, the last gradient's norm and, if there
    /// are any, buffers and singular vectors, as [`DeviceLearner`](super::DeviceLearner) does.
    pub fn save(&self, out: &mut StateWriter) {
        out.f32s(self.weights.as_ref().map_or(self.params(), HostWeights::raw));
        self.lr.save(out);
        self.descent.save(out);
        out.f64(self.grad_norm.unwrap_or(0.0));
        self.net.save_buffers(out);
        self.weights.iter().for_each(|weights| weights.save(out));
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state belongs to another network or optimizer.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let Self { net, weights, lr, descent, grad_norm, .. } = self;
        change(weights, net.params_mut(), |learned| {
            from.f32s_into(learned)?;
            lr.load(from)?;
            descent.load(learned, from)
        })?;
        *grad_norm = Some(from.f64()?);
        net.load_buffers(from)?;
        weights.as_mut().map_or(Ok(()), |weights| weights.load(net.params_mut(), from))
    }

    /// Before a pass that is learned from.
    fn start_pass(&mut self) {
        if let Some(weights) = &mut self.weights {
            weights.start_pass(self.net.params_mut());
        }
    }

    /// Down the gradient that the backward pass left.
    fn descend(&mut self) {
        if let Some(mask) = &self.mask {
            self.grads.iter_mut().zip(mask).for_each(|(grad, learned)| *grad *= learned);
        }
        let (lr, clip) = (self.lr(), self.train.clip_grad);
        let (params, descent) = (self.net.params_mut(), &mut self.descent);
        let norm = match &mut self.weights {
            None => descent.step(params, &mut self.grads, lr, clip),
            Some(weights) => {
                weights.step(params, &self.grads, |raw, d_raw| descent.step(raw, d_raw, lr, clip))
            }
        };
        self.grad_norm = Some(norm);
    }
}

/// Changes what is learned: the raw vector where there is one, and `params` with it.
fn change<T>(
    weights: &mut Option<HostWeights>,
    params: &mut Vec<f32>,
    change: impl FnOnce(&mut Vec<f32>) -> T,
) -> T {
    match weights {
        None => change(params),
        Some(weights) => weights.change(params, change),
    }
}
