//! Layers of Burn tensors as views of one flat parameter vector.

use burn::tensor::Tensor;
use slm_policy::{Cell, ConvShape};

use super::batch_norm::BatchNorm;
use super::mlp::{Affine, Conv, Layer, Linear};
use super::plan::{BatchNormPlan, LayerPlan};
use super::recurrent::RecurrentLayer;

/// Takes one view after the other; `tracked` ones are leaves that collect gradients.
pub(super) struct Views<'a> {
    params: &'a Tensor<1>,
    tracked: bool,
    start: usize,
    buffers: Option<&'a Tensor<1>>,
    buffer_start: usize,
}

impl<'a> Views<'a> {
    /// Before the first layer of a network with these parameters `[num_params]` and buffers
    /// `[num_buffers]`.
    pub(super) fn new(
        params: &'a Tensor<1>,
        buffers: Option<&'a Tensor<1>>,
        tracked: bool,
    ) -> Self {
        Self { params, tracked, start: 0, buffers, buffer_start: 0 }
    }

    /// The next layer, which takes rows of `width`.
    pub(super) fn layer(&mut self, layer: &LayerPlan, width: usize) -> Layer {
        match *layer {
            LayerPlan::ChannelsFirst { channels, .. } => Layer::ChannelsFirst(channels),
            LayerPlan::Beside { .. } => Layer::Beside,
            LayerPlan::Linear { width: out, bias } => {
                Layer::Linear(self.linear([width, out], bias))
            }
            LayerPlan::Conv2d { shape, bias } => Layer::Conv(self.conv(shape, bias)),
            LayerPlan::Recurrent { cell, hidden } => {
                Layer::Recurrent(Box::new(self.recurrent(cell, width, hidden)))
            }
            LayerPlan::LayerNorm { eps, affine } => {
                Layer::Norm { eps, affine: affine.then(|| self.affine(width)) }
            }
            LayerPlan::BatchNorm(norm) => Layer::BatchNorm(Box::new(self.batch_norm(norm, width))),
            LayerPlan::Activation(activation) => Layer::Activation(activation),
        }
    }

    /// The next affine map.
    pub(super) fn linear(&mut self, [input, output]: [usize; 2], bias: bool) -> Linear {
        let weight = self.matrix([input, output]);
        Linear { weight, bias: bias.then(|| self.vector(output)) }
    }

    fn conv(&mut self, shape: ConvShape, bias: bool) -> Conv {
        let weight = self.matrix([shape.outputs, shape.patch()]);
        Conv { shape, weight, bias: bias.then(|| self.vector(shape.outputs)) }
    }

    /// Both weights come before both biases.
    fn recurrent(&mut self, cell: Cell, input: usize, hidden: usize) -> RecurrentLayer {
        let width = cell.gates() * hidden;
        let weights = [self.matrix([input, width]), self.matrix([hidden, width])];
        let maps = weights.map(|weight| Linear { weight, bias: Some(self.vector(width)) });
        RecurrentLayer::new(cell, maps)
    }

    fn affine(&mut self, width: usize) -> Affine {
        Affine { gamma: self.vector(width), beta: self.vector(width) }
    }

    fn batch_norm(&mut self, plan: BatchNormPlan, width: usize) -> BatchNorm {
        let channels = width / plan.positions;
        let affine = plan.affine.then(|| [self.vector(channels), self.vector(channels)]);
        let running = [self.buffer(channels), self.buffer(channels)];
        let steps = plan.renorm.map(|_| self.buffer(1));
        BatchNorm::new(plan, affine, running, steps)
    }

    fn buffer(&mut self, len: usize) -> Tensor<1> {
        let buffers = self.buffers.expect("a network with batch normalization has buffers");
        let view = buffers.clone().narrow(0, self.buffer_start, len);
        self.buffer_start += len;
        view
    }

    fn matrix(&mut self, [rows, columns]: [usize; 2]) -> Tensor<2> {
        let matrix = self.take(rows * columns).reshape([rows, columns]);
        if self.tracked { matrix.autodiff().require_grad() } else { matrix }
    }

    /// The next vector.
    pub(super) fn vector(&mut self, len: usize) -> Tensor<1> {
        let vector = self.take(len);
        if self.tracked { vector.autodiff().require_grad() } else { vector }
    }

    fn take(&mut self, len: usize) -> Tensor<1> {
        let view = self.params.clone().narrow(0, self.start, len);
        self.start += len;
        view
    }
}
