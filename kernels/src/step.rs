//! One step of a network, a layer and the activation after it, on the memory of a tape.

use std::ops::Range;

use slm_policy::Activation;

use crate::activation::Activate;
use crate::activation::Differentiate;
use crate::activation::Keep;
use crate::activation::keep;
use crate::gemm::Gemm;
use crate::gemm::Rhs;
use crate::gemm::Start;
use crate::norm::NormBackward;
use crate::norm::NormForward;
use crate::norm::NormGrads;
use crate::simd::Isa;
use crate::tape::Tape;
use crate::tape::padded_rows;
use crate::tile::Lhs;

/// The layer of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Linear { bias: bool },
    LayerNorm { eps: f32, affine: bool },
    /// Only an activation.
    Copy,
}

/// A layer, the activation after it and where their numbers lie.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) activation: Activation,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// First parameter in the flat vector.
    pub(crate) params: usize,
    /// Blocks of kept values.
    input: Block,
    normalized: Block,
    scale: Block,
    /// Before the activation; the same as `output` where nothing else needs it.
    before: Block,
    pub(crate) output: Block,
    /// Gradient with respect to the output, and after `differentiate` to what is before.
    grad: Block,
    /// Gradient with respect to the input; `None` at the first step.
    input_grad: Option<Block>,
}

/// A block of columns in the memory of a tape.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    first: usize,
    width: usize,
}

impl Block {
    /// The next columns.
    fn after(columns: &mut usize, width: usize) -> Self {
        let first = *columns;
        *columns += width;
        Self { first, width }
    }

    /// Where `n` rows of the block lie.
    pub(crate) fn range(self, n: usize) -> Range<usize> {
        let start = self.first * padded_rows(n);
        start..start + self.width * n
    }
}

/// Which gradients of a step to compute, and where to put them.
pub(crate) struct GradShare<'a> {
    /// Rows of the weight.
    pub(crate) rows: Range<usize>,
    /// Their gradients `[rows, outputs]`.
    pub(crate) weight: &'a mut [f32],
    /// Gradients of the bias `[outputs]`, or empty if there is none or it is not in this share.
    pub(crate) bias: &'a mut [f32],
    /// Whether to add to what is there.
    pub(crate) resume: bool,
}

impl Step {
    pub(crate) fn new(kind: Kind, activation: Activation, widths: [usize; 2]) -> Self {
        let none = Block::default();
        Self {
            kind,
            activation,
            inputs: widths[0],
            outputs: widths[1],
            params: 0,
            input: none,
            normalized: none,
            scale: none,
            before: none,
            output: none,
            grad: none,
            input_grad: None,
        }
    }

    /// Takes blocks for this step after those of the one before, `previous`, or of the inputs.
    pub(crate) fn lay_out(&mut self, columns: &mut [usize; 2], previous: Option<&Step>) {
        self.input = Block { first: 0, width: self.inputs };
        if let Some(previous) = previous {
            self.input = previous.output;
            self.input_grad = Some(previous.grad);
        }
        let [values, grads] = columns;
        if matches!(self.kind, Kind::LayerNorm { .. }) {
            self.normalized = Block::after(values, self.inputs);
            self.scale = Block::after(values, 1);
        }
        self.before = Block::after(values, self.outputs);
        self.output = match keep(self.activation) {
            Keep::Output => self.before,
            Keep::Input => Block::after(values, self.outputs),
        };
        self.grad = Block::after(grads, self.outputs);
    }

    /// Rows of the weight gradient, each `outputs` wide.
    pub(crate) fn weight_rows(&self) -> usize {
        match self.kind {
            Kind::Linear { .. } => self.inputs,
            Kind::LayerNorm { affine, .. } => usize::from(affine),
            Kind::Copy => 0,
        }
    }

    /// Width of the bias, or 0.
    pub(crate) fn bias_width(&self) -> usize {
        match self.kind {
            Kind::Linear { bias: true } | Kind::LayerNorm { affine: true, .. } => self.outputs,
            _ => 0,
        }
    }

    pub(crate) fn num_params(&self) -> usize {
        self.weight_rows() * self.outputs + self.bias_width()
    }

    /// Weight and bias, empty where there is none.
    fn weight_and_bias<'p>(&self, params: &'p [f32]) -> (&'p [f32], &'p [f32]) {
        let own = &params[self.params..self.params + self.num_params()];
        own.split_at(self.weight_rows() * self.outputs)
    }

    /// From the input block to the output block.
    pub(crate) fn forward(&self, isa: Isa, params: &[f32], tape: &mut Tape) {
        let n = tape.n;
        match self.kind {
            Kind::Linear { .. } => self.linear(isa, params, tape),
            Kind::LayerNorm { eps, .. } => self.layer_norm(isa, params, eps, tape),
            Kind::Copy => {
                let input = self.input.range(n);
                tape.values.get_mut().copy_within(input, self.before.range(n).start);
            }
        }
        let values = tape.values.get_mut();
        if keep(self.activation) == Keep::Input {
            values.copy_within(self.before.range(n), self.output.range(n).start);
        }
        if self.activation != Activation::Identity {
            let values = &mut values[self.output.range(n)];
            isa.run(Activate { activation: self.activation, values });
        }
    }

    fn linear(&self, isa: Isa, params: &[f32], tape: &mut Tape) {
        let (weight, bias) = self.weight_and_bias(params);
        let out = self.before.range(tape.n);
        let (kept, free) = tape.values.get_mut().split_at_mut(out.start);
        isa.run(Gemm {
            m: tape.n,
            k: self.inputs,
            n: self.outputs,
            a: Lhs::rows(&kept[self.input.range(tape.n)], self.inputs),
            b: Rhs::Rows(weight),
            start: if bias.is_empty() { Start::Zero } else { Start::Bias(bias) },
            out: &mut free[..out.len()],
            column_sums: None,
            pack: tape.pack.get_mut(),
        });
    }

    fn layer_norm(&self, isa: Isa, params: &[f32], eps: f32, tape: &mut Tape) {
        let (gamma, beta) = self.weight_and_bias(params);
        let n = tape.n;
        let [normalized, scale, out] =
            [self.normalized, self.scale, self.before].map(|block| block.range(n));
        let (kept, free) = tape.values.get_mut().split_at_mut(normalized.start);
        let (to_normalized, free) = free.split_at_mut(scale.start - normalized.start);
        let (to_scale, free) = free.split_at_mut(out.start - scale.start);
        isa.run(NormForward {
            width: self.inputs,
            eps,
            gamma,
            beta,
            input: &kept[self.input.range(n)],
            normalized: &mut to_normalized[..normalized.len()],
            scale: &mut to_scale[..n],
            output: &mut free[..out.len()],
        });
    }

    /// Puts the gradient with respect to the output where the backward pass starts.
    pub(crate) fn set_grad(&self, d_output: &[f32], tape: &mut Tape) {
        tape.grads.get_mut()[self.grad.range(tape.n)].copy_from_slice(d_output);
    }

    /// Turns the gradient with respect to the output into that before the activation.
    pub(crate) fn differentiate(&self, isa: Isa, tape: &mut Tape) {
        if self.activation == Activation::Identity {
            return;
        }
        // The same block as the output unless the input is kept.
        let kept = &tape.values.get()[self.before.range(tape.n)];
        let grads = &mut tape.grads.get_mut()[self.grad.range(tape.n)];
        isa.run(Differentiate { activation: self.activation, kept, grads });
    }

    /// Gradients of the parameters; `differentiate` was before.
    pub(crate) fn weight_grads(
        &self,
        isa: Isa,
        tape: &Tape,
        pack: &mut [f32],
        share: GradShare<'_>,
    ) {
        if share.rows.is_empty() {
            return;
        }
        let d = &tape.grads.get()[self.grad.range(tape.n)];
        if let Kind::Linear { .. } = self.kind {
            let x = &tape.values.get()[self.input.range(tape.n)];
            isa.run(Gemm {
                m: share.rows.len(),
                k: tape.n,
                n: self.outputs,
                a: Lhs::transposed(&x[share.rows.start..], self.inputs),
                b: Rhs::Rows(d),
                start: if share.resume { Start::Output } else { Start::Zero },
                out: share.weight,
                column_sums: (!share.bias.is_empty()).then_some(share.bias),
                pack,
            });
        } else {
            self.norm_grads(isa, tape, share);
        }
    }

    fn norm_grads(&self, isa: Isa, tape: &Tape, share: GradShare<'_>) {
        if !share.resume {
            share.weight.fill(0.0);
            share.bias.fill(0.0);
        }
        isa.run(NormGrads {
            width: self.inputs,
            normalized: &tape.values.get()[self.normalized.range(tape.n)],
            d_output: &tape.grads.get()[self.grad.range(tape.n)],
            d_gamma: share.weight,
            d_beta: share.bias,
        });
    }

    /// Gradient with respect to the input, into the block of the step before, or at the first
    /// step into `d_inputs` if there is one.
    pub(crate) fn input_grads(
        &self,
        isa: Isa,
        params: &[f32],
        tape: &mut Tape,
        d_inputs: Option<&mut [f32]>,
    ) {
        let own = self.grad.range(tape.n);
        let (before, free) = tape.grads.get_mut().split_at_mut(own.start);
        let to = match (self.input_grad, d_inputs) {
            (Some(block), _) => &mut before[block.range(tape.n)],
            (None, Some(d_inputs)) => d_inputs,
            (None, None) => return,
        };
        let d_output = &free[..own.len()];
        let (weight, _) = self.weight_and_bias(params);
        match self.kind {
            Kind::Copy => to.copy_from_slice(d_output),
            Kind::Linear { .. } => isa.run(Gemm {
                m: tape.n,
                k: self.outputs,
                n: self.inputs,
                a: Lhs::rows(d_output, self.outputs),
                b: Rhs::Transposed(weight),
                start: Start::Zero,
                out: to,
                column_sums: None,
                pack: tape.pack.get_mut(),
            }),
            Kind::LayerNorm { .. } => isa.run(NormBackward {
                width: self.inputs,
                gamma: weight,
                normalized: &tape.values.get()[self.normalized.range(tape.n)],
                scale: &tape.values.get()[self.scale.range(tape.n)],
                d_output,
                d_input: to,
            }),
        }
    }
}
