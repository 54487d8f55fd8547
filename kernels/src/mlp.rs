//! A sequential network over one flat parameter vector: forward and backward passes.

use slm_policy::Activation;

use crate::backward::GradShare;
use crate::input::Buffers;
use crate::input::Input;
use crate::input::Layout;
use crate::layer::Layer;
use crate::simd::Isa;
use crate::step::Kind;
use crate::step::Step;
use crate::tape::Tape;

/// A sequential network whose parameters lie one after the other in a flat vector.
///
/// Rows are contiguous. Every element of an output or a gradient is summed in one fixed order, so
/// results depend on the processor's instruction set only, neither on the number of threads nor,
/// for outputs and input gradients, on the other rows of the batch, unless a batch normalization
/// trains.
#[derive(Clone, Debug)]
pub struct Mlp {
    pub(crate) isa: Isa,
    pub(crate) steps: Vec<Step>,
    /// Of an input row.
    pub(crate) layout: Layout,
    num_params: usize,
    num_buffers: usize,
    /// Numbers that batch normalizations keep of a batch.
    pub(crate) num_stats: usize,
    /// Which steps are batch normalizations.
    pub(crate) norms: Vec<usize>,
    /// The first step that numbers beside the input reach; the first of all where there are none.
    pub(crate) first_reached: usize,
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
        let mut mlp = Mlp {
            isa,
            steps: Vec::new(),
            layout: Layout::of(inputs, layers),
            num_params: 0,
            num_buffers: 0,
            num_stats: 0,
            norms: Vec::new(),
            first_reached: 0,
            columns: [inputs, 0],
        };
        let is_turned = matches!(layers.first(), Some(Layer::ChannelsFirst { .. }));
        for layer in &layers[usize::from(is_turned)..] {
            mlp.push(layer);
        }
        mlp.lay_out();
        mlp
    }

    fn push(&mut self, layer: &Layer) {
        let width = self.outputs();
        let step = match (*layer, self.steps.last_mut()) {
            (Layer::Activation(activation), Some(step))
                if step.activation == Activation::Identity =>
            {
                step.activation = activation;
                return;
            }
            (layer, _) => layer.step(width),
        };
        self.steps.push(step);
    }

    fn lay_out(&mut self) {
        for i in 0..self.steps.len() {
            let (done, rest) = self.steps.split_at_mut(i);
            rest[0].params = self.num_params;
            rest[0].buffers = self.num_buffers;
            rest[0].stats = self.num_stats;
            rest[0].lay_out(&mut self.columns, done.last_mut());
            if rest[0].kind == Kind::Beside {
                [_, rest[0].beside] = self.layout.blocks();
                self.first_reached = i;
            }
            self.num_params += rest[0].num_params();
            if let Kind::BatchNorm(norm) = &rest[0].kind {
                self.num_buffers += norm.num_buffers();
                self.num_stats += norm.num_stats();
                self.norms.push(i);
            }
        }
    }

    /// Width of an input row.
    pub fn inputs(&self) -> usize {
        self.layout.width()
    }

    /// Width of a row of [`Mlp::backward_inputs`].
    pub fn differentiated_inputs(&self) -> usize {
        if self.layout.beside > 0 { self.layout.beside } else { self.layout.seen }
    }

    /// Width of an output row.
    pub fn outputs(&self) -> usize {
        self.steps.last().map_or(self.layout.seen, |step| step.outputs)
    }

    /// Length of the parameter vector.
    pub fn num_params(&self) -> usize {
        self.num_params
    }

    /// Length of the vector of buffers, such as running statistics; zero for most networks.
    pub fn num_buffers(&self) -> usize {
        self.num_buffers
    }

    /// Sets buffers to what they are before the first batch.
    ///
    /// # Panics
    /// When there are not [`Mlp::num_buffers`] of them.
    pub fn init_buffers(&self, buffers: &mut [f32]) {
        assert_eq!(buffers.len(), self.num_buffers, "there are as many buffers as the net has");
        for step in &self.steps {
            step.init_buffers(buffers);
        }
    }

    /// Outputs `[n, outputs]` for rows `x` `[n, inputs]`; the tape keeps what a backward pass needs.
    ///
    /// # Panics
    /// When n is zero, a slice has another length or the network has buffers.
    pub fn forward<'t>(
        &self,
        params: &[f32],
        x: &[f32],
        n: usize,
        tape: &'t mut Tape,
    ) -> &'t [f32] {
        assert_eq!(x.len(), n * self.inputs(), "x is [n, inputs]");
        self.forward_pass(params, Buffers::NONE, Input::Rows(x), tape)
    }

    /// Like [`Mlp::forward`] for the rows of `x` `[m, inputs]` with the given indices.
    ///
    /// # Panics
    /// When there is no index, one is not below m or the network has buffers.
    pub fn forward_rows<'t>(
        &self,
        params: &[f32],
        x: &[f32],
        indices: &[u32],
        tape: &'t mut Tape,
    ) -> &'t [f32] {
        self.forward_pass(params, Buffers::NONE, Input::Picked { x, indices }, tape)
    }

    /// Like [`Mlp::forward_rows`] for rows of bytes, such as pixels, each times `scale`.
    ///
    /// # Panics
    /// When there is no index, one is not below m or the network has buffers.
    pub fn forward_rows_u8<'t>(
        &self,
        params: &[f32],
        x: &[u8],
        scale: f32,
        indices: &[u32],
        tape: &'t mut Tape,
    ) -> &'t [f32] {
        self.forward_pass(params, Buffers::NONE, Input::Bytes { x, scale, indices }, tape)
    }

    /// Outputs `[n, outputs]` of any network for any input; the tape keeps what a backward pass
    /// needs, also whether the buffers are those of training.
    ///
    /// # Panics
    /// When there is no row, a slice has another length, or a batch normalization trains on one
    /// number per channel.
    pub fn forward_pass<'t>(
        &self,
        params: &[f32],
        mut buffers: Buffers<'_>,
        input: Input<'_>,
        tape: &'t mut Tape,
    ) -> &'t [f32] {
        let n = input.rows(self.inputs());
        self.check(params, &buffers);
        self.start(n, tape);
        input.copy(0..n, self.layout, tape.values.get_mut());
        tape.row_share = buffers.row_share(n);
        for step in &self.steps {
            if let Kind::BatchNorm(norm) = &step.kind {
                step.prepare(self.isa, norm, params, &mut buffers, tape);
            }
            step.forward(self.isa, params, tape);
        }
        self.output(tape)
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
            step.sum_slopes(self.isa, tape);
            self.step_grads(step, tape, grads);
            step.input_grads(self.isa, params, tape, None);
        }
    }

    /// Gradients `[n, inputs]` of the inputs of the last forward pass, given those of its outputs;
    /// gradients of the parameters are not computed. Where a [`Layer::Beside`] takes some of the
    /// inputs, those `[n, width]` of these alone, which is all that is computed.
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
        let width = self.differentiated_inputs();
        assert_eq!(d_inputs.len(), tape.n * width, "d_inputs is [n, inputs]");
        self.start_backward(params, d_outputs, tape);
        for step in self.steps[self.first_differentiated(true)..].iter().rev() {
            step.differentiate(self.isa, tape);
            step.sum_slopes(self.isa, tape);
            step.input_grads(self.isa, params, tape, Some(d_inputs));
        }
        self.finish_inputs(d_inputs, tape);
    }

    /// Outputs `[n, outputs]` of the last forward pass.
    ///
    /// # Panics
    /// When there was none.
    pub fn output<'t>(&self, tape: &'t Tape) -> &'t [f32] {
        let last = self.steps.last().expect("a network has layers");
        &tape.values.get()[last.output.range(tape.n)]
    }

    /// The first step of a backward pass to the inputs or to the parameters: numbers beside the input
    /// reach only the steps from there on.
    pub(crate) fn first_differentiated(&self, of_inputs: bool) -> usize {
        if of_inputs { self.first_reached } else { 0 }
    }

    /// Brings the gradients of inputs into the order of the inputs.
    pub(crate) fn finish_inputs(&self, d_inputs: &mut [f32], tape: &mut Tape) {
        if self.layout.beside == 0 {
            self.layout.restore(d_inputs, tape.pack.get_mut());
        }
    }

    /// Numbers that the scratch of the matrix products and of a turned row needs.
    pub(crate) fn pack_len(&self) -> usize {
        let row = if self.layout.channels > 1 { self.layout.seen } else { 0 };
        self.steps.iter().map(|step| step.pack_len(self.isa)).max().unwrap_or(0).max(row)
    }

    /// Makes room in a tape for `n` rows.
    pub(crate) fn start(&self, n: usize, tape: &mut Tape) {
        tape.start(n, self.columns, self.pack_len(), self.num_stats);
    }

    pub(crate) fn check(&self, params: &[f32], buffers: &Buffers<'_>) {
        assert_eq!(params.len(), self.num_params, "there are as many parameters as the net has");
        assert_eq!(
            buffers.get().len(),
            self.num_buffers,
            "there are as many buffers as the net has"
        );
    }

    pub(crate) fn start_backward(&self, params: &[f32], d_outputs: &[f32], tape: &mut Tape) {
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
