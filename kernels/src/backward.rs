//! The backward pass of one step.

use std::ops::Range;

use slm_policy::Activation;

use crate::activation::Differentiate;
use crate::conv::Conv;
use crate::conv::ConvGrads;
use crate::conv::ConvInputs;
use crate::gemm::End;
use crate::gemm::Gemm;
use crate::gemm::PACK;
use crate::gemm::Rhs;
use crate::gemm::Start;
use crate::narrow::add_columns;
use crate::narrow::transpose;
use crate::norm::NormBackward;
use crate::norm::NormGrads;
use crate::simd::Isa;
use crate::step::Kind;
use crate::step::Step;
use crate::tape::Tape;
use crate::tile::Lhs;

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
    /// Puts the gradient with respect to the output where the backward pass starts.
    pub(crate) fn set_grad(&self, d_output: &[f32], tape: &mut Tape) {
        tape.grads.get_mut()[self.grad.range(tape.n)].copy_from_slice(d_output);
    }

    /// Turns the gradient with respect to the output into that before the activation, unless the
    /// step after did.
    pub(crate) fn differentiate(&self, isa: Isa, tape: &mut Tape) {
        if self.activation == Activation::Identity || self.is_fused_after {
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
        match &self.kind {
            _ if share.rows.is_empty() => {}
            Kind::Linear { .. } if self.is_narrow(isa) => {
                self.narrow_grads(isa, tape, pack, share);
            }
            Kind::Linear { .. } => self.linear_grads(isa, tape, pack, share),
            Kind::Conv(conv) => self.conv_grads(isa, conv, tape, pack, share),
            Kind::BatchNorm(norm) => self.batch_norm_grads(norm, tape, share),
            Kind::LayerNorm { .. } | Kind::Beside | Kind::Copy => {
                self.norm_grads(isa, tape, share);
            }
        }
    }

    fn linear_grads(&self, isa: Isa, tape: &Tape, pack: &mut [f32], share: GradShare<'_>) {
        let GradShare { rows, weight, bias, resume } = share;
        let x = &tape.values.get()[self.input.range(tape.n)];
        let d = &tape.grads.get()[self.grad.range(tape.n)];
        isa.run(Gemm {
            m: rows.len(),
            k: tape.n,
            n: self.outputs,
            a: Lhs::transposed(&x[rows.start..], self.inputs),
            b: Rhs::Rows { values: d, stride: self.outputs },
            start: if resume { Start::Output } else { Start::Zero },
            end: End::Keep,
            out: weight,
            column_sums: (!bias.is_empty()).then_some(bias),
            pack,
        });
    }

    /// The same for few outputs: the transposed gradient, whose rows are long.
    fn narrow_grads(&self, isa: Isa, tape: &Tape, pack: &mut [f32], share: GradShare<'_>) {
        let GradShare { rows, weight, bias, resume } = share;
        let x = &tape.values.get()[self.input.range(tape.n)];
        let d = &tape.grads.get()[self.grad.range(tape.n)];
        let (pack, turned) = pack.split_at_mut(PACK);
        let turned = &mut turned[..weight.len()];
        if resume {
            transpose(weight, self.outputs, turned);
        } else {
            bias.fill(0.0);
        }
        isa.run(Gemm {
            m: self.outputs,
            k: tape.n,
            n: rows.len(),
            a: Lhs::transposed(d, self.outputs),
            b: Rhs::Rows { values: &x[rows.start..], stride: self.inputs },
            start: if resume { Start::Output } else { Start::Zero },
            end: End::Keep,
            out: turned,
            column_sums: None,
            pack,
        });
        transpose(turned, rows.len(), weight);
        if !bias.is_empty() {
            add_columns(d, bias);
        }
    }

    fn conv_grads(
        &self,
        isa: Isa,
        conv: &Conv,
        tape: &Tape,
        scratch: &mut [f32],
        share: GradShare<'_>,
    ) {
        let GradShare { rows, weight, bias, resume } = share;
        isa.run(ConvGrads {
            conv,
            channels: rows,
            input: &tape.values.get()[self.input.range(tape.n)],
            d_output: &tape.grads.get()[self.grad.range(tape.n)],
            weight,
            bias,
            resume,
            scratch,
        });
    }

    fn norm_grads(&self, isa: Isa, tape: &Tape, share: GradShare<'_>) {
        let GradShare { weight, bias, resume, .. } = share;
        if !resume {
            weight.fill(0.0);
            bias.fill(0.0);
        }
        isa.run(NormGrads {
            width: self.inputs,
            normalized: &tape.values.get()[self.normalized.range(tape.n)],
            d_output: &tape.grads.get()[self.grad.range(tape.n)],
            d_gamma: weight,
            d_beta: bias,
        });
    }

    /// Gradient with respect to the input, into the block of the step before, or at the first
    /// step into `d_inputs` if there is one. Of numbers beside the input, `d_inputs` is theirs.
    pub(crate) fn input_grads(
        &self,
        isa: Isa,
        params: &[f32],
        tape: &mut Tape,
        mut d_inputs: Option<&mut [f32]>,
    ) {
        let own = self.grad.range(tape.n);
        let (before, free) = tape.grads.get_mut().split_at_mut(own.start);
        if let (Kind::Beside, Some(d_beside)) = (&self.kind, &mut d_inputs) {
            return self.copy_columns(&free[..own.len()], self.inputs..self.outputs, d_beside);
        }
        let to = match (self.input_grad, d_inputs) {
            (Some(block), _) => &mut before[block.range(tape.n)],
            (None, Some(d_inputs)) => d_inputs,
            (None, None) => return,
        };
        let d_output = &free[..own.len()];
        let (weight, _) = self.weight_and_bias(params);
        let (values, input) = (tape.values.get(), self.input.range(tape.n));
        match &self.kind {
            Kind::Copy => to.copy_from_slice(d_output),
            Kind::Beside => self.copy_columns(d_output, 0..self.inputs, to),
            Kind::Linear { .. } => {
                let end = self.slope_before(&values[input]);
                isa.run(self.linear_inputs(weight, d_output, to, end, tape.pack.get_mut()));
            }
            Kind::Conv(conv) => {
                let from = [weight, &values[input], d_output];
                isa.run(self.conv_inputs(conv, from, to, tape.pack.get_mut()));
            }
            Kind::LayerNorm { .. } => isa.run(self.norm_inputs(weight, values, d_output, to)),
            Kind::BatchNorm(norm) => {
                let from = [tape.stats.get(), values, d_output];
                isa.run(self.batch_norm_inputs(norm, from, tape.row_share, to));
            }
        }
    }

    /// Some columns of rows `[n, outputs]`.
    fn copy_columns(&self, rows: &[f32], columns: Range<usize>, to: &mut [f32]) {
        let places = to.chunks_exact_mut(columns.len());
        for (row, to) in rows.chunks_exact(self.outputs).zip(places) {
            to.copy_from_slice(&row[columns.clone()]);
        }
    }

    fn conv_inputs<'a>(
        &self,
        conv: &'a Conv,
        [weight, kept, d_output]: [&'a [f32]; 3],
        d_input: &'a mut [f32],
        scratch: &'a mut [f32],
    ) -> ConvInputs<'a> {
        let before = self.fused_before;
        ConvInputs { conv, weight, d_output, before, kept, d_input, scratch }
    }

    fn norm_inputs<'a>(
        &self,
        gamma: &'a [f32],
        values: &'a [f32],
        d_output: &'a [f32],
        d_input: &'a mut [f32],
    ) -> NormBackward<'a> {
        let n = d_output.len() / self.outputs;
        let [normalized, scale] =
            [self.normalized, self.scale].map(|block| &values[block.range(n)]);
        NormBackward { width: self.inputs, gamma, normalized, scale, d_output, d_input }
    }

    /// d · weightᵀ.
    fn linear_inputs<'a>(
        &self,
        weight: &'a [f32],
        d_output: &'a [f32],
        out: &'a mut [f32],
        end: End<'a>,
        pack: &'a mut [f32],
    ) -> Gemm<'a> {
        Gemm {
            m: d_output.len() / self.outputs,
            k: self.outputs,
            n: self.inputs,
            a: Lhs::rows(d_output, self.outputs),
            b: Rhs::Transposed(weight),
            start: Start::Zero,
            end,
            out,
            column_sums: None,
            pack,
        }
    }

    /// The derivative of the activation before, where this step applies it.
    fn slope_before<'a>(&self, kept: &'a [f32]) -> End<'a> {
        match self.fused_before {
            Activation::Relu => End::ReluSlope(kept),
            Activation::Tanh => End::TanhSlope(kept),
            _ => End::Keep,
        }
    }
}
