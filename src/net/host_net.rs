//! A network on the processor: flat parameters under the fused kernels, no tensors.

use slm_kernels::{Layer, Mlp, SplitTape, Tape, gather_rows};

use super::compute::Threads;
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
    /// Rows gathered for a pass on several threads.
    rows: Vec<f32>,
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
            rows: Vec::new(),
        };
        let (outputs, d_heads, d_log_std) = Default::default();
        Self { plan, mlp, params, pass, outputs, d_heads, d_log_std }
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
    pub(super) fn forward(&mut self, obs: &[f32]) -> &[f32] {
        let n = obs.len() / self.plan.input;
        let params = &self.params[..self.mlp.num_params()];
        let Pass { threads, is_split, tape, split, .. } = &mut self.pass;
        *is_split = false;
        if n * params.len() >= SPLIT_WORK
            && let Some(mut pool) = threads.pool()
        {
            *is_split = true;
            return self.mlp.forward_on(&mut pool, params, obs, n, split);
        }
        self.mlp.forward(params, obs, n, tape)
    }

    /// Heads `[rows, head_width]` of the given rows of `obs` `[n, input]`, kept likewise.
    pub(super) fn forward_rows(&mut self, obs: &[f32], rows: &[u32]) -> &[f32] {
        let params = &self.params[..self.mlp.num_params()];
        let Pass { threads, is_split, tape, split, rows: gathered } = &mut self.pass;
        *is_split = false;
        if rows.len() * params.len() >= SPLIT_WORK
            && let Some(mut pool) = threads.pool()
        {
            *is_split = true;
            gathered.resize(rows.len() * self.plan.input, 0.0);
            gather_rows(obs, self.plan.input, rows, gathered);
            return self.mlp.forward_on(&mut pool, params, gathered, rows.len(), split);
        }
        self.mlp.forward_rows(params, obs, rows, tape)
    }

    /// Heads of the latest forward pass.
    pub(super) fn heads(&self) -> &[f32] {
        let Pass { is_split, tape, split, .. } = &self.pass;
        if *is_split { self.mlp.output_on(split) } else { self.mlp.output(tape) }
    }

    /// Output rows `[n, output]` of `inputs` `[n, input]`: the heads, log σ after the first.
    pub(super) fn outputs(&mut self, inputs: &[f32]) -> &[f32] {
        self.forward(inputs);
        let (first, k) = (self.plan.heads[0], self.plan.log_std_width());
        if k == 0 {
            return self.heads();
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.clear();
        for row in self.heads().chunks_exact(self.plan.head_width()) {
            outputs.extend_from_slice(&row[..first]);
            outputs.extend_from_slice(self.log_std());
            outputs.extend_from_slice(&row[first..]);
        }
        self.outputs = outputs;
        &self.outputs
    }

    /// Gradients `[num_params]` of a loss, given its derivatives `[n, output]` with respect to the
    /// latest output rows.
    pub(super) fn backward_outputs(&mut self, d_outputs: &[f32], grads: &mut [f32]) {
        if self.plan.log_std_width() == 0 {
            return self.backward(d_outputs, &[], grads);
        }
        self.split_output_gradient(d_outputs);
        let (d_heads, d_log_std) =
            (std::mem::take(&mut self.d_heads), std::mem::take(&mut self.d_log_std));
        self.backward(&d_heads, &d_log_std, grads);
        (self.d_heads, self.d_log_std) = (d_heads, d_log_std);
    }

    /// The loss's derivatives `[n, input]` with respect to the latest inputs, given those with
    /// respect to the output rows, which are the heads.
    pub(super) fn input_gradients(&mut self, d_outputs: &[f32], d_inputs: &mut Vec<f32>) {
        d_inputs.resize(d_outputs.len() / self.plan.output() * self.plan.input, 0.0);
        let params = &self.params[..self.mlp.num_params()];
        let Pass { threads, is_split, tape, split, .. } = &mut self.pass;
        match threads.pool().filter(|_| *is_split) {
            Some(mut pool) => {
                self.mlp.backward_inputs_on(&mut pool, params, d_outputs, split, d_inputs);
            }
            None => self.mlp.backward_inputs(params, d_outputs, tape, d_inputs),
        }
    }

    /// Heads' columns to one buffer, the sum of log σ's rows to the other.
    fn split_output_gradient(&mut self, d_outputs: &[f32]) {
        let (first, k) = (self.plan.heads[0], self.plan.log_std_width());
        self.d_heads.clear();
        self.d_log_std.clear();
        self.d_log_std.resize(k, 0.0);
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
