//! A network on the processor: flat parameters under the fused kernels, no tensors.

use slm_env::{ObsBatch, StateError, StateReader, StateWriter};
use slm_kernels::{Buffers, Input, Layer, Mlp, SplitTape, Tape};
use slm_policy::{Activation, ConvShape};

use super::compute::Threads;
use super::dueling::{dueling_backward, dueling_forward};
use super::plan::{BatchNormPlan, LayerPlan, NetPlan, RenormPlan};

/// Multiply-adds of a forward pass from which on several threads are worth waking.
const SPLIT_WORK: usize = 3 << 20;

/// What batches are normalized by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Running statistics.
    Evaluation,
    /// Their own statistics, which the running ones take in.
    Training,
}

/// Parameters in host memory, and the latest pass over them.
pub struct HostNet {
    plan: NetPlan,
    /// Numbers of a row that are scaled.
    seen: usize,
    /// Those of the layers, then log σ.
    params: Vec<f32>,
    /// What is remembered of batches.
    buffers: Vec<f32>,
    pass: Pass,
    /// Observations that were scaled for a pass.
    inputs: Vec<f32>,
    /// Output rows `[n, output]`, where they are not the heads as they are.
    outputs: Vec<f32>,
    /// The part of an output gradient that belongs to the heads, and that of log σ.
    d_heads: Vec<f32>,
    d_log_std: Vec<f32>,
}

/// The layers, and what a forward pass keeps for the backward one.
struct Pass {
    mlp: Mlp,
    threads: Threads,
    is_split: bool,
    tape: Tape,
    split: SplitTape,
    /// Multiply-adds of one row.
    row_work: usize,
}

impl HostNet {
    /// The network of `plan` with `params` `[num_params]`.
    pub(super) fn new(plan: NetPlan, params: Vec<f32>, threads: Threads) -> Self {
        let pass = Pass {
            mlp: Mlp::new(plan.input, &layers(&plan)),
            threads,
            is_split: false,
            tape: Tape::default(),
            split: SplitTape::default(),
            row_work: plan.multiply_adds(),
        };
        let buffers = plan.init_buffers();
        let (inputs, outputs, d_heads, d_log_std) = Default::default();
        let seen = plan.seen();
        Self { plan, seen, params, buffers, pass, inputs, outputs, d_heads, d_log_std }
    }

    /// A network of its own with the same parameters and buffers.
    pub(super) fn copy(&self) -> Self {
        let copy = Self::new(self.plan.clone(), self.params.clone(), self.pass.threads.clone());
        Self { buffers: self.buffers.clone(), ..copy }
    }

    /// What the network looks like.
    pub(super) fn plan(&self) -> &NetPlan {
        &self.plan
    }

    /// Parameters `[num_params]` in the plan's order.
    pub(super) fn params(&self) -> &[f32] {
        &self.params
    }

    /// Parameters, to be changed.
    pub(super) fn params_mut(&mut self) -> &mut Vec<f32> {
        &mut self.params
    }

    /// Buffers `[num_buffers]`.
    pub(super) fn buffers(&self) -> &[f32] {
        &self.buffers
    }

    /// Replaces the buffers.
    pub(super) fn set_buffers(&mut self, buffers: &[f32]) {
        self.buffers.copy_from_slice(buffers);
    }

    /// Writes the buffers, if there are any.
    pub(super) fn save_buffers(&self, out: &mut StateWriter) {
        if !self.buffers.is_empty() {
            out.f32s(&self.buffers);
        }
    }

    /// Reads what [`save_buffers`](Self::save_buffers) wrote.
    pub(super) fn load_buffers(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        if self.buffers.is_empty() { Ok(()) } else { from.f32s_into(&mut self.buffers) }
    }

    /// The log σ that does not depend on the observation; empty where there is none.
    pub(super) fn log_std(&self) -> &[f32] {
        &self.params[self.pass.mlp.num_params()..]
    }

    /// Heads `[n, head_width]` of the observations `[n, input]`, kept for a backward pass.
    fn forward(&mut self, obs: &[f32], mode: Mode) {
        let (scale, n) = (self.plan.obs_scale, obs.len() / self.plan.input);
        let rows = if scale == 1.0 {
            obs
        } else {
            self.inputs.clear();
            for row in obs.chunks_exact(self.plan.input) {
                let (seen, beside) = row.split_at(self.seen);
                self.inputs.extend(seen.iter().map(|x| x * scale));
                self.inputs.extend_from_slice(beside);
            }
            &self.inputs
        };
        let buffers = buffers_for(&mut self.buffers, mode, n);
        self.pass.run(&self.params, buffers, Input::Rows(rows), n);
    }

    /// Heads `[rows, head_width]` of the given rows of `obs` `[n, input]`, kept likewise.
    pub(super) fn forward_rows(&mut self, obs: &ObsBatch, rows: &[u32], mode: Mode) -> &[f32] {
        let scale = self.plan.obs_scale;
        let input = match obs {
            ObsBatch::U8(x) => Input::Bytes { x, scale, indices: rows },
            ObsBatch::F32(x) if scale == 1.0 => Input::Picked { x, indices: rows },
            ObsBatch::F32(x) => {
                gather_scaled(x, self.plan.input, scale, rows, &mut self.inputs);
                Input::Rows(&self.inputs)
            }
        };
        let buffers = buffers_for(&mut self.buffers, mode, rows.len());
        self.pass.run(&self.params, buffers, input, rows.len());
        self.heads()
    }

    /// Heads of the latest forward pass.
    pub(super) fn heads(&self) -> &[f32] {
        self.pass.heads()
    }

    /// Output rows `[n, output]` of `inputs` `[n, input]`: the heads, log σ after the first; Q of a
    /// dueling network.
    pub(super) fn outputs(&mut self, inputs: &[f32], mode: Mode) -> &[f32] {
        self.forward(inputs, mode);
        if self.plan.dueling {
            let heads = self.pass.heads();
            dueling_forward(heads, self.plan.output(), &mut self.outputs);
            return &self.outputs;
        }
        let (first, k) = (self.plan.heads[0], self.plan.log_std_width());
        if k == 0 {
            return self.heads();
        }
        self.outputs.clear();
        for row in self.pass.heads().chunks_exact(self.plan.head_width()) {
            self.outputs.extend_from_slice(&row[..first]);
            self.outputs.extend_from_slice(&self.params[self.pass.mlp.num_params()..]);
            self.outputs.extend_from_slice(&row[first..]);
        }
        &self.outputs
    }

    /// Gradients `[num_params]` of a loss, given its derivatives `[n, output]` with respect to the
    /// latest output rows.
    pub(super) fn backward_outputs(&mut self, d_outputs: &[f32], grads: &mut [f32]) {
        if self.plan.log_std_width() == 0 && !self.plan.dueling {
            return self.backward(d_outputs, &[], grads);
        }
        self.split_output_gradient(d_outputs);
        let (d_heads, d_log_std) =
            (std::mem::take(&mut self.d_heads), std::mem::take(&mut self.d_log_std));
        self.backward(&d_heads, &d_log_std, grads);
        (self.d_heads, self.d_log_std) = (d_heads, d_log_std);
    }

    /// The loss's derivatives `[n, input]` with respect to the latest inputs, given those with
    /// respect to the output rows, in which no log σ stands apart. Where there are numbers beside the
    /// observations, those `[n, beside]` with respect to them alone.
    pub(super) fn input_gradients(&mut self, d_outputs: &[f32], d_inputs: &mut Vec<f32>) {
        let (rows, beside) = (d_outputs.len() / self.plan.output(), self.plan.input - self.seen);
        d_inputs.resize(rows * if beside > 0 { beside } else { self.seen }, 0.0);
        self.split_output_gradient(d_outputs);
        let (d_heads, params) = (&self.d_heads, &self.params[..self.pass.mlp.num_params()]);
        let Pass { mlp, threads, is_split, tape, split, .. } = &mut self.pass;
        match threads.pool().filter(|_| *is_split) {
            Some(mut pool) => {
                mlp.backward_inputs_on(&mut pool, params, d_heads, split, d_inputs);
            }
            None => mlp.backward_inputs(params, d_heads, tape, d_inputs),
        }
        if self.plan.obs_scale != 1.0 && beside == 0 {
            for d in d_inputs {
                *d *= self.plan.obs_scale;
            }
        }
    }

    /// Heads' columns to one buffer, the sum of log σ's rows to the other.
    fn split_output_gradient(&mut self, d_outputs: &[f32]) {
        let (first, k) = (self.plan.heads[0], self.plan.log_std_width());
        self.d_log_std.clear();
        self.d_log_std.resize(k, 0.0);
        if self.plan.dueling {
            return dueling_backward(d_outputs, self.plan.output(), &mut self.d_heads);
        }
        self.d_heads.clear();
        for row in d_outputs.chunks_exact(self.plan.output()) {
            self.d_heads.extend_from_slice(&row[..first]);
            let log_std = self.d_log_std.iter_mut().zip(&row[first..first + k]);
            log_std.for_each(|(sum, d)| *sum += d);
            self.d_heads.extend_from_slice(&row[first + k..]);
        }
    }

    /// Gradients `[num_params]` of a loss, given its derivatives with respect to the latest heads
    /// `[n, head_width]` and to [`log_std`](Self::log_std).
    pub(super) fn backward(&mut self, d_heads: &[f32], d_log_std: &[f32], grads: &mut [f32]) {
        let (grads, log_std) = grads.split_at_mut(self.pass.mlp.num_params());
        log_std.copy_from_slice(d_log_std);
        let params = &self.params[..grads.len()];
        let Pass { mlp, threads, is_split, tape, split, .. } = &mut self.pass;
        match threads.pool().filter(|_| *is_split) {
            Some(mut pool) => mlp.backward_on(&mut pool, params, d_heads, split, grads),
            None => mlp.backward(params, d_heads, tape, grads),
        }
    }
}

impl Pass {
    /// A pass over `n` rows.
    fn run(&mut self, params: &[f32], buffers: Buffers<'_>, input: Input<'_>, n: usize) {
        self.is_split = n * self.row_work >= SPLIT_WORK && self.threads.pool().is_some();
        let (mlp, params) = (&self.mlp, &params[..self.mlp.num_params()]);
        match self.threads.pool().filter(|_| self.is_split) {
            Some(mut pool) => {
                mlp.forward_pass_on(&mut pool, params, buffers, input, &mut self.split)
            }
            None => mlp.forward_pass(params, buffers, input, &mut self.tape),
        };
    }

    fn heads(&self) -> &[f32] {
        if self.is_split { self.mlp.output_on(&self.split) } else { self.mlp.output(&self.tape) }
    }
}

/// Buffers of a pass over `n` rows; a single row has no statistics of its own.
fn buffers_for(buffers: &mut [f32], mode: Mode, n: usize) -> Buffers<'_> {
    match mode {
        Mode::Training if n > 1 => Buffers::Training(buffers),
        Mode::Training | Mode::Evaluation => Buffers::Evaluation(buffers),
    }
}

/// The given rows of `obs` `[n, width]`, each number times `scale`.
fn gather_scaled(obs: &[f32], width: usize, scale: f32, rows: &[u32], out: &mut Vec<f32>) {
    out.clear();
    for &row in rows {
        let row = &obs[row as usize * width..][..width];
        out.extend(row.iter().map(|x| x * scale));
    }
}

/// The plan's layers as the kernels know them, the heads as one last affine map.
fn layers(plan: &NetPlan) -> Vec<Layer> {
    let mut inputs = plan.seen();
    let mut layers = Vec::with_capacity(plan.trunk.len() + 2);
    for layer in &plan.trunk {
        layers.push(match *layer {
            LayerPlan::ChannelsFirst { channels, pixels } => {
                Layer::ChannelsFirst { channels, pixels }
            }
            LayerPlan::Beside { width } => Layer::Beside { width },
            LayerPlan::Linear { width, bias } => Layer::Linear { inputs, outputs: width, bias },
            LayerPlan::Conv2d { shape, bias } => {
                let ConvShape { input, outputs, kernel, stride, padding, dilation } = shape;
                Layer::Conv2d { input, outputs, kernel, stride, padding, dilation, bias }
            }
            LayerPlan::Recurrent { .. } => {
                unreachable!("`Compute::of` trains recurrent networks as tensors")
            }
            LayerPlan::LayerNorm { eps, affine } => {
                Layer::LayerNorm { width: inputs, eps: eps as f32, affine }
            }
            LayerPlan::BatchNorm(norm) => batch_norm(norm, inputs),
            LayerPlan::Activation(activation) => Layer::Activation(activation),
        });
        inputs = layer.output(inputs);
    }
    layers.push(Layer::Linear { inputs, outputs: plan.head_width(), bias: true });
    if plan.out_activation != Activation::Identity {
        layers.push(Layer::Activation(plan.out_activation));
    }
    layers
}

fn batch_norm(norm: BatchNormPlan, width: usize) -> Layer {
    let BatchNormPlan { positions, affine, .. } = norm;
    let (eps, momentum) = (norm.eps as f32, norm.momentum as f32);
    match norm.renorm {
        None => {
            let channels = width / positions;
            Layer::BatchNorm { channels, positions, eps, momentum, affine }
        }
        Some(RenormPlan { r_max, d_max, warmup_steps }) => {
            let (r_max, d_max) = (r_max as f32, d_max as f32);
            Layer::BatchRenorm { width, eps, momentum, r_max, d_max, warmup_steps }
        }
    }
}
