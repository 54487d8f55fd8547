//! A network that learns on the processor: flat parameters under the fused kernels, no tensors.
//!
//! The same plans, initial weights, formulas and saved state as [`Learner`](super::Learner), so
//! that either can go on from the other's checkpoint; results agree up to rounding.

use slm_env::{Rng, StateError, StateReader, StateWriter};
use slm_kernels::{Adam, Layer, Mlp, OptStep, RmsProp, Sgd, Tape, clip_scale, global_norm};

use super::init::init_params;
use super::learner::TrainPlan;
use super::lr_schedule::Progress;
use super::optim::OptimPlan;
use super::plan::{LayerPlan, NetPlan};

/// A network and everything that changes while it learns, in host memory.
pub struct HostLearner {
    plan: NetPlan,
    train: TrainPlan,
    mlp: Mlp,
    params: Vec<f32>,
    grads: Vec<f32>,
    moments: Vec<Vec<f32>>,
    steps: u64,
    progress: Progress,
    grad_norm: Option<f64>,
    tape: Tape,
}

impl HostLearner {
    /// A freshly initialized network, its weights drawn from `rng`.
    pub fn new(plan: NetPlan, train: TrainPlan, rng: &mut Rng) -> Self {
        let params = init_params(&plan, rng);
        let zeros = vec![0.0; params.len()];
        Self {
            mlp: Mlp::new(plan.input, &layers(&plan)),
            moments: vec![zeros.clone(); train.optim.num_moments()],
            grads: zeros,
            params,
            plan,
            train,
            steps: 0,
            progress: Progress::default(),
            grad_norm: None,
            tape: Tape::default(),
        }
    }

    /// What the network looks like.
    pub fn plan(&self) -> &NetPlan {
        &self.plan
    }

    /// Parameters `[num_params]` in the plan's order.
    pub fn params(&self) -> &[f32] {
        &self.params
    }

    /// The log σ that does not depend on the observation; empty where there is none.
    pub fn log_std(&self) -> &[f32] {
        &self.params[self.mlp.num_params()..]
    }

    /// Heads `[n, head_width]` of the observations `[n, input]`.
    pub fn forward(&mut self, obs: &[f32]) -> &[f32] {
        let n = obs.len() / self.plan.input;
        let params = &self.params[..self.mlp.num_params()];
        self.mlp.forward(params, obs, n, &mut self.tape)
    }

    /// Heads `[rows, head_width]` of the given rows of `obs` `[n, input]`, kept for one
    /// [`step`](Self::step).
    pub fn forward_rows(&mut self, obs: &[f32], rows: &[u32]) -> &[f32] {
        let params = &self.params[..self.mlp.num_params()];
        self.mlp.forward_rows(params, obs, rows, &mut self.tape)
    }

    /// Heads of the latest forward pass.
    pub fn heads(&self) -> &[f32] {
        self.mlp.output(&self.tape)
    }

    /// One optimizer step, given the loss's derivatives with respect to the latest heads
    /// `[n, head_width]` and to [`log_std`](Self::log_std).
    pub fn step(&mut self, d_heads: &[f32], d_log_std: &[f32]) {
        let (params, log_std) = self.grads.split_at_mut(self.mlp.num_params());
        self.mlp.backward(&self.params[..params.len()], d_heads, &mut self.tape, params);
        log_std.copy_from_slice(d_log_std);
        let norm = global_norm(&self.grads);
        self.grad_norm = Some(norm);
        self.steps += 1;
        let step = OptStep {
            number: self.steps,
            lr: self.lr(),
            grad_scale: self.train.clip_grad.map_or(1.0, |max| clip_scale(norm, max)),
        };
        let (params, grads, moments) = (&mut self.params, &self.grads, &mut self.moments);
        match self.train.optim {
            OptimPlan::Adam { betas, eps, weight_decay, decoupled } => {
                Adam { betas, eps, weight_decay, decoupled }.step(step, params, grads, moments);
            }
            OptimPlan::RmsProp { alpha, eps, weight_decay, momentum, centered } => {
                let plan = RmsProp { alpha, eps, weight_decay, momentum, centered };
                plan.step(step, params, grads, moments);
            }
            OptimPlan::Sgd { momentum, dampening, weight_decay, nesterov } => {
                let plan = Sgd { momentum, dampening, weight_decay, nesterov };
                plan.step(step, params, grads, moments);
            }
        }
    }

    /// Marks the end of one update at `frame`, on which learning-rate schedules count.
    pub fn finish_update(&mut self, frame: u64) {
        self.progress = Progress { updates: self.progress.updates + 1, frame };
    }

    /// Learning rate of the next step.
    pub fn lr(&self) -> f64 {
        self.train.lr_schedule.lr(self.train.lr, self.progress)
    }

    /// Number of optimizer steps taken.
    pub fn opt_steps(&self) -> u64 {
        self.steps
    }

    /// L2 norm of the last gradient before clipping.
    pub fn grad_norm(&self) -> Option<f64> {
        self.grad_norm
    }

    /// Writes parameters, optimizer and schedule position, as [`Learner`](super::Learner) does.
    pub fn save(&self, out: &mut StateWriter) {
        out.f32s(&self.params);
        out.u64(self.progress.updates);
        out.u64(self.progress.frame);
        out.u64(self.steps);
        self.moments.iter().for_each(|moment| out.f32s(moment));
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state belongs to another network or optimizer.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        from.f32s_into(&mut self.params)?;
        self.progress = Progress { updates: from.u64()?, frame: from.u64()? };
        self.steps = from.u64()?;
        self.moments.iter_mut().try_for_each(|moment| from.f32s_into(moment))
    }
}

/// The plan's layers as the kernels know them, the heads as one last affine map.
fn layers(plan: &NetPlan) -> Vec<Layer> {
    let mut inputs = plan.input;
    let mut layers = Vec::with_capacity(plan.trunk.len() + 1);
    for layer in &plan.trunk {
        layers.push(match *layer {
            LayerPlan::Linear { width, bias } => {
                let linear = Layer::Linear { inputs, outputs: width, bias };
                inputs = width;
                linear
            }
            LayerPlan::LayerNorm { eps, affine } => {
                Layer::LayerNorm { width: inputs, eps: eps as f32, affine }
            }
            LayerPlan::Activation(activation) => Layer::Activation(activation),
        });
    }
    layers.push(Layer::Linear { inputs, outputs: plan.head_width(), bias: true });
    layers
}
