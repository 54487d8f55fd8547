//! One step of a network, a layer and the activation after it, on the memory of a tape.

use std::ops::Range;

use slm_policy::Activation;

use crate::activation::Keep;
use crate::activation::keep;
use crate::batch_norm::BatchNorm;
use crate::conv::Conv;
use crate::gemm::PACK;
use crate::simd::Isa;
use crate::tape::padded_rows;

/// The layer of a step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Linear {
        bias: bool,
    },
    LayerNorm {
        eps: f32,
        affine: bool,
    },
    Conv(Box<Conv>),
    BatchNorm(BatchNorm),
    /// What comes, and after it the numbers of the input row that no step before saw.
    Beside,
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
    /// First buffer in the flat vector.
    pub(crate) buffers: usize,
    /// First of the statistics that a tape keeps.
    pub(crate) stats: usize,
    /// Blocks of kept values.
    pub(crate) input: Block,
    pub(crate) normalized: Block,
    pub(crate) scale: Block,
    /// Before the activation; the same as `output` where nothing else needs it.
    pub(crate) before: Block,
    pub(crate) output: Block,
    /// Gradient with respect to the output, and after `differentiate` to what is before.
    pub(crate) grad: Block,
    /// Numbers of the input row that this step puts after those of its input.
    pub(crate) beside: Block,
    /// Gradient with respect to the input; `None` at the first step.
    pub(crate) input_grad: Option<Block>,
    /// Activation of the step before whose derivative this step's product applies.
    pub(crate) fused_before: Activation,
    /// Whether the product of the step after applies this step's derivative.
    pub(crate) is_fused_after: bool,
}

/// A block of columns in the memory of a tape.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    first: usize,
    width: usize,
}

impl Block {
    /// The next columns.
    pub(crate) fn after(columns: &mut usize, width: usize) -> Self {
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

impl Step {
    pub(crate) fn new(kind: Kind, activation: Activation, widths: [usize; 2]) -> Self {
        let none = Block::default();
        Self {
            kind,
            activation,
            inputs: widths[0],
            outputs: widths[1],
            params: 0,
            buffers: 0,
            stats: 0,
            input: none,
            normalized: none,
            scale: none,
            before: none,
            output: none,
            grad: none,
            beside: none,
            input_grad: None,
            fused_before: Activation::Identity,
            is_fused_after: false,
        }
    }

    /// Takes blocks for this step after those of the one before, `previous`, or of the inputs.
    pub(crate) fn lay_out(&mut self, columns: &mut [usize; 2], previous: Option<&mut Step>) {
        self.input = Block { first: 0, width: self.inputs };
        if let Some(previous) = previous {
            self.input = previous.output;
            self.input_grad = Some(previous.grad);
            if self.can_fuse(previous.activation) {
                self.fused_before = previous.activation;
                previous.is_fused_after = true;
            }
        }
        let [values, grads] = columns;
        if matches!(self.kind, Kind::LayerNorm { .. } | Kind::BatchNorm(_)) {
            self.normalized = Block::after(values, self.inputs);
        }
        if matches!(self.kind, Kind::LayerNorm { .. }) {
            self.scale = Block::after(values, 1);
        }
        self.before = Block::after(values, self.outputs);
        self.output = match keep(self.activation) {
            Keep::Output => self.before,
            Keep::Input => Block::after(values, self.outputs),
        };
        self.grad = Block::after(grads, self.outputs);
    }

    /// Rows and columns of the weight.
    pub(crate) fn weight_shape(&self) -> [usize; 2] {
        match &self.kind {
            Kind::Linear { .. } => [self.inputs, self.outputs],
            Kind::LayerNorm { affine, .. } => [usize::from(*affine), self.outputs],
            Kind::Conv(conv) => [conv.shape.outputs, conv.num_taps()],
            Kind::BatchNorm(norm) => [usize::from(norm.affine), norm.channels],
            Kind::Beside | Kind::Copy => [0, 0],
        }
    }

    pub(crate) fn weight_len(&self) -> usize {
        self.weight_shape().iter().product()
    }

    /// Width of the bias, or 0.
    pub(crate) fn bias_width(&self) -> usize {
        match &self.kind {
            Kind::Linear { bias: true } | Kind::LayerNorm { affine: true, .. } => self.outputs,
            Kind::Conv(conv) if conv.shape.bias => conv.shape.outputs,
            Kind::BatchNorm(norm) if norm.affine => norm.channels,
            _ => 0,
        }
    }

    pub(crate) fn num_params(&self) -> usize {
        self.weight_len() + self.bias_width()
    }

    /// Where the gradients of some rows of the weight lie in the flat vector, and those of the
    /// bias, which go with their row in a convolution, elsewhere with the first row.
    pub(crate) fn param_ranges(&self, rows: &Range<usize>) -> [Range<usize>; 2] {
        let [_, columns] = self.weight_shape();
        let weight = self.params + rows.start * columns..self.params + rows.end * columns;
        let width = self.bias_width();
        let own = match self.kind {
            Kind::Conv(_) => width.min(rows.start)..width.min(rows.end),
            _ if rows.start == 0 => 0..width,
            _ => 0..0,
        };
        let bias = self.params + self.weight_len();
        [weight, bias + own.start..bias + own.end]
    }

    /// Whether dot products over the weight's rows beat vectors over its few columns.
    pub(crate) fn is_narrow(&self, isa: Isa) -> bool {
        let is_linear = matches!(self.kind, Kind::Linear { .. });
        is_linear && 2 * self.outputs <= isa.lanes() && self.inputs >= 2 * isa.lanes()
    }

    /// Numbers that the scratch of this step's products needs.
    pub(crate) fn pack_len(&self, isa: Isa) -> usize {
        match &self.kind {
            Kind::Linear { .. } if self.is_narrow(isa) => PACK + self.inputs * self.outputs,
            Kind::Linear { .. } => PACK,
            Kind::Conv(conv) => conv.scratch_len(),
            Kind::LayerNorm { .. } | Kind::BatchNorm(_) | Kind::Beside | Kind::Copy => 0,
        }
    }

    /// Weight and bias, empty where there is none.
    pub(crate) fn weight_and_bias<'p>(&self, params: &'p [f32]) -> (&'p [f32], &'p [f32]) {
        let own = &params[self.params..self.params + self.num_params()];
        own.split_at(self.weight_len())
    }

    /// Whether this step's matrix products can also apply that activation or its derivative.
    pub(crate) fn can_fuse(&self, activation: Activation) -> bool {
        let known = matches!(activation, Activation::Relu | Activation::Tanh);
        known && matches!(self.kind, Kind::Linear { .. } | Kind::Conv(_))
    }
}
