//! A sequential network over one flat parameter vector: forward and backward passes.

use slm_policy::Activation;

use crate::backward::GradShare;
use crate::conv::Conv;
use crate::conv::ConvShape;
use crate::simd::Isa;
use crate::step::Kind;
use crate::step::Step;
use crate::tape::Tape;

/// One layer of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layer {
    /// Affine map; parameters are the weight `[inputs, outputs]`, row-major, then the bias.
    Linear {
        /// Width of an input row.
        inputs: usize,
        /// Width of an output row.
        outputs: usize,
        /// Whether a bias `[outputs]` is added.
        bias: bool,
    },
    /// Convolution of images, channel first: a row `[channels · height · width]` gives a row
    /// `[outputs · height · width]`; parameters are the weight `[outputs, channels · kernel]`,
    /// row-major, then the bias. Of two numbers the first goes with the height.
    Conv2d {
        /// Channels, height and width of the input.
        input: [usize; 3],
        /// Channels of the output.
        outputs: usize,
        /// Rows and columns of the kernel.
        kernel: [usize; 2],
        /// Distance between neighboring positions of the kernel.
        stride: [usize; 2],
        /// Zeros added on each side of the input.
        padding: [usize; 2],
        /// Distance between neighboring taps of the kernel.
        dilation: [usize; 2],
        /// Whether a bias `[outputs]` is added.
        bias: bool,
    },
    /// Normalization over a row; parameters are gamma, then beta, if affine.
    LayerNorm {
        /// Width of a row.
        width: usize,
        /// Added to the variance.
        eps: f32,
        /// Whether there are a gain and a bias `[width]`.
        affine: bool,
    },
    /// Element-wise nonlinearity.
    Activation(Activation),
}

/// A sequential network whose parameters lie one after the other in a flat vector.
///
/// Rows are contiguous. Every element of an output or a gradient is summed in one fixed order, so
/// results depend on the processor's instruction set only, neither on the number of threads nor,
/// for outputs and input gradients, on the other rows of the batch.
#[derive(Clone, Debug)]
pub struct Mlp {
    pub(crate) isa: Isa,
    pub(crate) steps: Vec<Step>,
    inputs: usize,
    num_params: usize,
    /// Columns of kept values and of gradients in all blocks.
    columns: [usize; 2],
}

impl Mlp {
    /// A network on rows of `inputs` numbers, with the widest instructions available.
    ///
    /// # Panics
    /// When there is no layer, a width is zero or does not fit the layer before.
    pub fn new(inputs: usize, layers: &[Layer]) -> Self {
        Self::with_isa(Isa::detect(), inputs, layers)
    }

    /// Like [`Mlp::new`] with a chosen set of instructions.
    ///
    /// # Panics
    /// When there is no layer, a width is zero or does not fit the layer before.
    pub fn with_isa(isa: Isa, inputs: usize, layers: &[Layer]) -> Self {
        assert!(inputs > 0 && !layers.is_empty(), "a network has inputs and layers");
        let mut mlp = Mlp { isa, steps: Vec::new(), inputs, num_params: 0, columns: [inputs, 0] };
        for layer in layers {
            mlp.push(layer);
        }
        mlp.lay_out();
        mlp
    }

    fn push(&mut self, layer: &Layer) {
        let width = self.outputs();
        let step = match *layer {
            Layer::Linear { inputs, outputs, bias } => {
                assert!(inputs == width && outputs > 0, "a linear layer fits the one before");
                Step::new(Kind::Linear { bias }, Activation::Identity, [width, outputs])
            }
            Layer::Conv2d { input, outputs, kernel, stride, padding, dilation, bias } => {
                let shape = ConvShape { input, outputs, kernel, stride, padding, dilation, bias };
                Step::conv(Conv::new(shape), width)
            }
            Layer::LayerNorm { width: own, eps, affine } => {
                assert_eq!(own, width, "a layer norm fits the layer before");
                Step::new(Kind::LayerNorm { eps, affine }, Activation::Identity, [width, width])
            }
            Layer::Activation(activation) => match self.steps.last_mut() {
                Some(step) if step.activation == Activation::Identity => {
                    step.activation = activation;
                    return;
                }
                _ => Step::new(Kind::Copy, activation, [width, width]),
            },
        };
        self.steps.push(step);
    }

    fn lay_out(&mut self) {
        for i in 0..self.steps.len() {
            let (done, rest) = self.steps.split_at_mut(i);
            rest[0].params = self.num_params;
            rest[0].lay_out(&mut self.columns, done.last_mut());
            self.num_params += rest[0].num_params();
        }
    }

    /// Width of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Width of an output row.
    pub fn outputs(&self) -> usize {
        self.steps.last().map_or(self.inputs, |step| step.outputs)
    }

    /// Length of the parameter vector.
    pub fn num_params(&self) -> usize {
        self.num_params
    }

    /// Outputs `[n, outputs]` for rows `x` `[n, inputs]`; the tape keeps what a backward pass needs.
    ///
    /// # Panics
    /// When n is zero or a slice has another length.
    pub fn forward<'t>(
        &self,
        params: &[f32],
        x: &[f32],
        n: usize,
        tape: &'t mut Tape,
    ) -> &'t [f32] {
        assert_eq!(x.len(), n * self.inputs, "x is [n, inputs]");
        tape.start(n, self.columns, self.pack_len());
        tape.values.get_mut()[..x.len()].copy_from_slice(x);
        self.forward_kept(params, tape)
    }

    /// Like [`Mlp::forward`] for the rows of `x` `[m, inputs]` with the given indices.
    ///
    /// # Panics
    /// When there is no index or one is not below m.
    pub fn forward_rows<'t>(
        &self,
        params: &[f32],
        x: &[f32],
        indices: &[u32],
        tape: &'t mut Tape,
    ) -> &'t [f32] {
        tape.start(indices.len(), self.columns, self.pack_len());
        let input = &mut tape.values.get_mut()[..indices.len() * self.inputs];
        gather_rows(x, self.inputs, indices, input);
        self.forward_kept(params, tape)
    }

    /// Like [`Mlp::forward_rows`] for rows of bytes, such as pixels, each times `scale`.
    ///
    /// # Panics
    /// When there is no index or one is not below m.
    pub fn forward_rows_u8<'t>(
        &self,
        params: &[f32],
        x: &[u8],
        scale: f32,
        indices: &[u32],
        tape: &'t mut Tape,
    ) -> &'t [f32] {
        tape.start(indices.len(), self.columns, self.pack_len());
        let input = &mut tape.values.get_mut()[..indices.len() * self.inputs];
        for (i, to) in indices.iter().zip(input.chunks_exact_mut(self.inputs)) {
            let row = &x[*i as usize * self.inputs..][..self.inputs];
            to.iter_mut().zip(row).for_each(|(to, x)| *to = f32::from(*x) * scale);
        }
        self.forward_kept(params, tape)
    }

    /// Gradients `[num_params]` of the parameters, given those of the outputs of the last forward
    /// pass, `[n, outputs]`. What `grads` held before does not matter.
    ///
    /// # Panics
    /// When a slice has another length than in the forward pass.
    pub fn backward(&self, params: &[f32], d_outputs: &[f32], tape: &mut Tape, grads: &mut [f32]) {
        assert_eq!(grads.len(), self.num_params, "there is a gradient for each parameter");
        self.start_backward(params, d_outputs, tape);
        for step in self.steps.iter().rev() {
            step.differentiate(self.isa, tape);
            self.step_grads(step, tape, grads);
            step.input_grads(self.isa, params, tape, None);
        }
    }

    /// Gradients `[n, inputs]` of the inputs of the last forward pass, given those of its outputs;
    /// gradients of the parameters are not computed.
    ///
    /// # Panics
    /// When a slice has another length than in the forward pass.
    pub fn backward_inputs(
        &self,
        params: &[f32],
        d_outputs: &[f32],
        tape: &mut Tape,
        d_inputs: &mut [f32],
    ) {
        assert_eq!(d_inputs.len(), tape.n * self.inputs, "d_inputs is [n, inputs]");
        self.start_backward(params, d_outputs, tape);
        for step in self.steps.iter().rev() {
            step.differentiate(self.isa, tape);
            step.input_grads(self.isa, params, tape, Some(d_inputs));
        }
    }

    /// Outputs `[n, outputs]` of the last forward pass.
    ///
    /// # Panics
    /// When there was none.
    pub fn output<'t>(&self, tape: &'t Tape) -> &'t [f32] {
        let last = self.steps.last().expect("a network has layers");
        &tape.values.get()[last.output.range(tape.n)]
    }

    /// Numbers that the scratch of the matrix products needs.
    pub(crate) fn pack_len(&self) -> usize {
        self.steps.iter().map(|step| step.pack_len(self.isa)).max().unwrap_or(0)
    }

    /// The part of a backward pass in which every row is on its own.
    pub(crate) fn backward_rows(&self, params: &[f32], d_outputs: &[f32], tape: &mut Tape) {
        self.start_backward(params, d_outputs, tape);
        for step in self.steps.iter().rev() {
            step.differentiate(self.isa, tape);
            step.input_grads(self.isa, params, tape, None);
        }
    }

    fn forward_kept<'t>(&self, params: &[f32], tape: &'t mut Tape) -> &'t [f32] {
        assert_eq!(params.len(), self.num_params, "there are as many parameters as the net has");
        for step in &self.steps {
            step.forward(self.isa, params, tape);
        }
        self.output(tape)
    }

    fn start_backward(&self, params: &[f32], d_outputs: &[f32], tape: &mut Tape) {
        assert_eq!(params.len(), self.num_params, "there are as many parameters as the net has");
        assert_eq!(d_outputs.len(), tape.n * self.outputs(), "d_outputs is [n, outputs]");
        self.steps.last().expect("a network has layers").set_grad(d_outputs, tape);
    }

    /// All gradients of one step's parameters.
    fn step_grads(&self, step: &Step, tape: &mut Tape, grads: &mut [f32]) {
        let own = &mut grads[step.params..step.params + step.num_params()];
        let (weight, bias) = own.split_at_mut(step.weight_len());
        let share = GradShare { rows: 0..step.weight_shape()[0], weight, bias, resume: false };
        let mut pack = std::mem::take(&mut tape.pack);
        step.weight_grads(self.isa, tape, pack.get_mut(), share);
        tape.pack = pack;
    }
}

/// Copies the rows of `x` `[m, width]` with the given indices to `out` `[indices, width]`.
///
/// # Panics
/// When an index is not below m or `out` has another length.
pub fn gather_rows(x: &[f32], width: usize, indices: &[u32], out: &mut [f32]) {
    assert_eq!(out.len(), indices.len() * width, "out is [indices, width]");
    for (i, to) in indices.iter().zip(out.chunks_exact_mut(width)) {
        to.copy_from_slice(&x[*i as usize * width..][..width]);
    }
}
