//! The forward pass of one step.

use slm_policy::Activation;

use crate::activation::Activate;
use crate::activation::Keep;
use crate::activation::keep;
use crate::conv::Conv;
use crate::conv::ConvForward;
use crate::gemm::End;
use crate::gemm::Gemm;
use crate::gemm::PACK;
use crate::gemm::Rhs;
use crate::gemm::Start;
use crate::narrow::NarrowForward;
use crate::norm::NormForward;
use crate::simd::Isa;
use crate::step::Kind;
use crate::step::Step;
use crate::tape::Tape;
use crate::tile::Lhs;

impl Step {
    /// From the input block to the output block.
    pub(crate) fn forward(&self, isa: Isa, params: &[f32], tape: &mut Tape) {
        let n = tape.n;
        match &self.kind {
            Kind::Linear { .. } => self.linear(isa, params, tape),
            Kind::LayerNorm { eps, .. } => self.layer_norm(isa, params, *eps, tape),
            Kind::Conv(conv) => self.conv2d(isa, conv, params, tape),
            Kind::BatchNorm(norm) => self.batch_norm(isa, norm, tape),
            Kind::Beside => self.join(tape),
            Kind::Copy => {
                let input = self.input.range(n);
                tape.values.get_mut().copy_within(input, self.before.range(n).start);
            }
        }
        if self.can_fuse(self.activation) {
            return;
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
        let (inputs, outputs) = (self.inputs, self.outputs);
        let (kept, free) = tape.values.get_mut().split_at_mut(out.start);
        let (input, out) = (&kept[self.input.range(tape.n)], &mut free[..out.len()]);
        if self.is_narrow(isa) && !self.can_fuse(self.activation) {
            let turned = &mut tape.pack.get_mut()[PACK..][..weight.len()];
            isa.run(NarrowForward { inputs, outputs, input, weight, bias, out, turned });
            return;
        }
        isa.run(Gemm {
            m: tape.n,
            k: inputs,
            n: outputs,
            a: Lhs::rows(input, inputs),
            b: Rhs::Rows { values: weight, stride: outputs },
            start: if bias.is_empty() { Start::Zero } else { Start::Bias(bias) },
            end: match self.activation {
                Activation::Relu => End::Relu,
                Activation::Tanh => End::Tanh,
                _ => End::Keep,
            },
            out,
            column_sums: None,
            pack: tape.pack.get_mut(),
        });
    }

    fn conv2d(&self, isa: Isa, conv: &Conv, params: &[f32], tape: &mut Tape) {
        let (weight, bias) = self.weight_and_bias(params);
        let out = self.before.range(tape.n);
        let (kept, free) = tape.values.get_mut().split_at_mut(out.start);
        isa.run(ConvForward {
            conv,
            weight,
            bias,
            input: &kept[self.input.range(tape.n)],
            activation: self.activation,
            out: &mut free[..out.len()],
            scratch: tape.pack.get_mut(),
        });
    }

    /// Rows of the input, each with the numbers beside it after its own.
    fn join(&self, tape: &mut Tape) {
        let out = self.before.range(tape.n);
        let (kept, free) = tape.values.get_mut().split_at_mut(out.start);
        let input = kept[self.input.range(tape.n)].chunks_exact(self.inputs);
        let beside = kept[self.beside.range(tape.n)].chunks_exact(self.outputs - self.inputs);
        let rows = free[..out.len()].chunks_exact_mut(self.outputs);
        for (to, (own, rest)) in rows.zip(input.zip(beside)) {
            let (to_own, to_rest) = to.split_at_mut(self.inputs);
            to_own.copy_from_slice(own);
            to_rest.copy_from_slice(rest);
        }
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
}
