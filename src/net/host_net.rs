//! A network on the processor: flat parameters under the fused kernels, no tensors.

use slm_env::ObsBatch;
use slm_kernels::{Layer, Mlp, SplitTape, Tape};
use slm_policy::{Activation, ConvShape};

use super::compute::Threads;
use super::dueling::{dueling_backward, dueling_forward};
use super::plan::{LayerPlan, NetPlan};

/// Multiply-adds of a forward pass from which on several threads are worth waking.
const SPLIT_WORK: usize = 1 << 20;

/// Parameters in host memory, and the latest pass over them.
pub struct HostNet {
    plan: NetPlan,
    mlp: Mlp,
    /// Those of the layers, then log σ.
    params: Vec<f32>,
    pass: Pass,
    /// Observations gathered or scaled for a pass.
    inputs: Vec<f32>,
    /// Output rows `[n, output]`, where they are not the heads as they are.
    outputs: Vec<f32>,
    /// The part of an output gradient that belongs to the heads, and that of log σ.
    d_heads: Vec<f32>,
    d_log_std: Vec<f32>,
}

/// What a forward pass keeps for the backward one.
struct Pass {
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
        let mlp = Mlp::new(plan.input, &layers(&plan));
        let pass = Pass {
            threads,
            is_split: false,
            tape: Tape::default(),
            split: SplitTape::default(),
            row_work: plan.multiply_adds(),
        };
        let (inputs, outputs, d_heads, d_log_std) = Default::default();
        Self { plan, mlp, params, pass, inputs, outputs, d_heads, d_log_std }
    }

    /// A network of its own with the same parameters.
    pub(super) fn copy(&self) -> Self {
        Self::new(self.plan.clone(), self.params.clone(), self.pass.threads.clone())
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

    /// The log σ that does not depend on the observation; empty where there is none.
    pub(super) fn log_std(&self) -> &[f32] {
        &self.params[self.mlp.num_params()..]
    }

    /// Heads `[n, head_width]` of the observations `[n, input]`, kept for a backward pass.
    fn forward(&mut self, obs: &[f32]) {
        let (scale, params) = (self.plan.obs_scale, &self.params[..self.mlp.num_params()]);
        if scale == 1.0 {
            self.pass.run(&self.mlp, params, obs);
        } else {
            self.inputs.clear();
            self.inputs.extend(obs.iter().map(|x| x * scale));
            self.pass.run(&self.mlp, params, &self.inputs);
        }
    }

    /// Heads `[rows, head_width]` of the given rows of `obs` `[n, input]`, kept likewise.
    pub(super) fn forward_rows(&mut self, obs: &ObsBatch, rows: &[u32]) -> &[f32] {
        let (scale, params) = (self.plan.obs_scale, &self.params[..self.mlp.num_params()]);
        self.pass.is_split = self.pass.splits(rows.len());
        let tape = &mut self.pass.tape;
        match obs {
            ObsBatch::F32(obs) if scale == 1.0 && !self.pass.is_split => {
                self.mlp.forward_rows(params, obs, rows, tape);
            }
            ObsBatch::U8(obs) if !self.pass.is_split => {
                self.mlp.forward_rows_u8(params, obs, scale, rows, tape);
            }
            _ => {
                gather_scaled(obs, self.plan.input, scale, rows, &mut self.inputs);
                self.pass.run(&self.mlp, params, &self.inputs);
            }
        }
        self.heads()
    }

    /// Heads of the latest forward pass.
    pub(super) fn heads(&self) -> &[f32] {
        self.pass.heads(&self.mlp)
    }

    /// Output rows `[n, output]` of `inputs` `[n, input]`: the heads, log σ after the first; Q of a
    /// dueling network.
    pub(super) fn outputs(&mut self, inputs: &[f32]) -> &[f32] {
        self.forward(inputs);
        if self.plan.dueling {
            let heads = self.pass.heads(&self.mlp);
            dueling_forward(heads, self.plan.output(), &mut self.outputs);
            return &self.outputs;
        }
        let (first, k) = (self.plan.heads[0], self.plan.log_std_width());
        if k == 0 {
            return self.heads();
        }
        self.outputs.clear();
        for row in self.pass.heads(&self.mlp).chunks_exact(self.plan.head_width()) {
            self.outputs.extend_from_slice(&row[..first]);
            self.outputs.extend_from_slice(&self.params[self.mlp.num_params()..]);
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
    /// respect to the output rows, in which no log σ stands apart.
    pub(super) fn input_gradients(&mut self, d_outputs: &[f32], d_inputs: &mut Vec<f32>) {
        d_inputs.resize(d_outputs.len() / self.plan.output() * self.plan.input, 0.0);
        self.split_output_gradient(d_outputs);
        let (d_heads, params) = (&self.d_heads, &self.params[..self.mlp.num_params()]);
        let Pass { threads, is_split, tape, split, .. } = &mut self.pass;
        match threads.pool().filter(|_| *is_split) {
            Some(mut pool) => {
                self.mlp.backward_inputs_on(&mut pool, params, d_heads, split, d_inputs);
            }
            None => self.mlp.backward_inputs(params, d_heads, tape, d_inputs),
        }
        if self.plan.obs_scale != 1.0 {
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
        let (grads, log_std) = grads.split_at_mut(self.mlp.num_params());
        log_std.copy_from_slice(d_log_std);
        let params = &self.params[..grads.len()];
        let Pass { threads, is_split, tape, split, .. } = &mut self.pass;
        match threads.pool().filter(|_| *is_split) {
            Some(mut pool) => self.mlp.backward_on(&mut pool, params, d_heads, split, grads),
            None => self.mlp.backward(params, d_heads, tape, grads),
        }
    }
}

impl Pass {
    /// Heads `[n, head_width]` of rows `[n, input]`.
    fn run(&mut self, mlp: &Mlp, params: &[f32], inputs: &[f32]) {
        let n = inputs.len() / mlp.inputs();
        self.is_split = self.splits(n);
        match self.threads.pool().filter(|_| self.is_split) {
            Some(mut pool) => mlp.forward_on(&mut pool, params, inputs, n, &mut self.split),
            None => mlp.forward(params, inputs, n, &mut self.tape),
        };
    }

    /// Whether a pass over `n` rows is worth several threads, and there are several.
    fn splits(&mut self, n: usize) -> bool {
        n * self.row_work >= SPLIT_WORK && self.threads.pool().is_some()
    }

    fn heads(&self, mlp: &Mlp) -> &[f32] {
        if self.is_split { mlp.output_on(&self.split) } else { mlp.output(&self.tape) }
    }
}

/// The given rows of `obs` `[n, width]`, each number times `scale`.
fn gather_scaled(obs: &ObsBatch, width: usize, scale: f32, rows: &[u32], out: &mut Vec<f32>) {
    out.clear();
    for &row in rows {
        let row = row as usize * width..(row as usize + 1) * width;
        match obs {
            ObsBatch::F32(obs) => out.extend(obs[row].iter().map(|x| x * scale)),
            ObsBatch::U8(obs) => out.extend(obs[row].iter().map(|&x| f32::from(x) * scale)),
        }
    }
}

/// The plan's layers as the kernels know them, the heads as one last affine map.
fn layers(plan: &NetPlan) -> Vec<Layer> {
    let mut inputs = plan.input;
    let mut layers = Vec::with_capacity(plan.trunk.len() + 2);
    for layer in &plan.trunk {
        layers.push(match *layer {
            LayerPlan::Linear { width, bias } => Layer::Linear { inputs, outputs: width, bias },
            LayerPlan::Conv2d { shape, bias } => {
                let ConvShape { input, outputs, kernel, stride, padding, dilation } = shape;
                Layer::Conv2d { input, outputs, kernel, stride, padding, dilation, bias }
            }
            LayerPlan::LayerNorm { eps, affine } => {
                Layer::LayerNorm { width: inputs, eps: eps as f32, affine }
            }
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
