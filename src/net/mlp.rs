//! A sequential network as Burn tensors: views of one flat parameter vector.

use burn::tensor::{Tensor, activation, module::linear};
use slm_policy::Activation;

use super::plan::{LayerPlan, NetPlan};

/// A network at one moment of training.
///
/// A frozen net lives on the plain device; a tracked one records its forward passes for
/// [`DeviceLearner::step`](super::DeviceLearner::step).
pub struct Net {
    layers: Vec<Layer>,
    head: Linear,
    log_std: Option<Tensor<1>>,
}

enum Layer {
    Linear(Linear),
    Norm { eps: f64, affine: Option<Affine> },
    Activation(Activation),
}

/// Weight `[input, output]` and bias `[output]`.
struct Linear {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
}

/// Gain and bias `[width]`.
struct Affine {
    gamma: Tensor<1>,
    beta: Tensor<1>,
}

impl Net {
    /// Views of `params` `[num_params]`; `tracked` ones are leaves that collect gradients.
    pub(super) fn new(plan: &NetPlan, params: &Tensor<1>, tracked: bool) -> Self {
        let mut views = Views { params, tracked, start: 0 };
        let mut width = plan.input;
        let mut layers = Vec::with_capacity(plan.trunk.len());
        for layer in &plan.trunk {
            layers.push(match *layer {
                LayerPlan::Linear { width: out, bias } => {
                    let linear = views.linear([width, out], bias);
                    width = out;
                    Layer::Linear(linear)
                }
                LayerPlan::LayerNorm { eps, affine } => {
                    Layer::Norm { eps, affine: affine.then(|| views.affine(width)) }
                }
                LayerPlan::Activation(activation) => Layer::Activation(activation),
            });
        }
        let head = views.linear([width, plan.head_width()], true);
        let log_std = plan.log_std_init.map(|_| views.vector(plan.heads[0]));
        Self { layers, head, log_std }
    }

    /// Output rows `[batch, output]` of `obs` `[batch, input]`: the heads in order, with log σ
    /// after the first where the plan keeps one apart from the state.
    pub fn forward(&self, obs: Tensor<2>) -> Tensor<2> {
        let features = self.layers.iter().fold(obs, |x, layer| layer.forward(x));
        let heads = self.head.forward(features);
        let Some(log_std) = &self.log_std else { return heads };
        let ([batch, width], [k]) = (heads.dims(), log_std.dims());
        let log_std = log_std.clone().reshape([1, k]).expand([batch, k]);
        let mut columns = vec![heads.clone().narrow(1, 0, k), log_std];
        if width > k {
            columns.push(heads.narrow(1, k, width - k));
        }
        Tensor::cat(columns, 1)
    }

    /// Every parameter tensor in the plan's order.
    pub(super) fn leaves(&self) -> Vec<Leaf<'_>> {
        let mut leaves = Vec::new();
        for layer in &self.layers {
            match layer {
                Layer::Linear(linear) => linear.push_leaves(&mut leaves),
                Layer::Norm { affine: Some(Affine { gamma, beta }), .. } => {
                    leaves.extend([Leaf::Vector(gamma), Leaf::Vector(beta)]);
                }
                Layer::Norm { affine: None, .. } | Layer::Activation(_) => {}
            }
        }
        self.head.push_leaves(&mut leaves);
        leaves.extend(self.log_std.iter().map(Leaf::Vector));
        leaves
    }
}

/// A parameter tensor of a tracked net.
pub(super) enum Leaf<'a> {
    Matrix(&'a Tensor<2>),
    Vector(&'a Tensor<1>),
}

struct Views<'a> {
    params: &'a Tensor<1>,
    tracked: bool,
    start: usize,
}

impl Views<'_> {
    fn linear(&mut self, [input, output]: [usize; 2], bias: bool) -> Linear {
        let weight = self.take(input * output).reshape([input, output]);
        let weight = if self.tracked { weight.autodiff().require_grad() } else { weight };
        Linear { weight, bias: bias.then(|| self.vector(output)) }
    }

    fn affine(&mut self, width: usize) -> Affine {
        Affine { gamma: self.vector(width), beta: self.vector(width) }
    }

    fn vector(&mut self, len: usize) -> Tensor<1> {
        let vector = self.take(len);
        if self.tracked { vector.autodiff().require_grad() } else { vector }
    }

    fn take(&mut self, len: usize) -> Tensor<1> {
        let view = self.params.clone().narrow(0, self.start, len);
        self.start += len;
        view
    }
}

impl Layer {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Linear(layer) => layer.forward(x),
            Self::Norm { eps, affine } => layer_norm(x, *eps, affine.as_ref()),
            Self::Activation(kind) => activate(*kind, x),
        }
    }
}

impl Linear {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        linear(x, self.weight.clone(), self.bias.clone())
    }

    fn push_leaves<'a>(&'a self, leaves: &mut Vec<Leaf<'a>>) {
        leaves.push(Leaf::Matrix(&self.weight));
        leaves.extend(self.bias.iter().map(Leaf::Vector));
    }
}

fn layer_norm(x: Tensor<2>, eps: f64, affine: Option<&Affine>) -> Tensor<2> {
    let mean = x.clone().mean_dim(1);
    let centered = x - mean;
    let variance = centered.clone().square().mean_dim(1);
    let scaled = centered / (variance + eps).sqrt();
    match affine {
        None => scaled,
        Some(Affine { gamma, beta }) => {
            scaled * gamma.clone().unsqueeze() + beta.clone().unsqueeze()
        }
    }
}

/// Burn's form of an activation.
fn activate(kind: Activation, x: Tensor<2>) -> Tensor<2> {
    match kind {
        Activation::Identity => x,
        Activation::Relu => activation::relu(x),
        Activation::LeakyRelu { slope } => activation::leaky_relu(x, f64::from(slope)),
        Activation::Tanh => activation::tanh(x),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Selu => activation::selu(x),
        Activation::Silu => activation::silu(x),
        Activation::Gelu => activation::gelu(x),
        Activation::Elu { alpha } => activation::elu(x, f64::from(alpha)),
        Activation::Softplus => activation::softplus(x, 1.0),
        Activation::Softsign => activation::softsign(x),
        Activation::Mish => activation::mish(x),
        Activation::Hardtanh => activation::hardtanh(x, -1.0, 1.0),
        Activation::Relu6 => activation::relu6(x),
    }
}
