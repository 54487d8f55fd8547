//! A sequential network as Burn tensors: views of one flat parameter vector.

use burn::tensor::module::{conv2d, linear};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, activation};
use slm_policy::{Activation, ConvShape};

use super::batch_norm::BatchNorm;
use super::plan::NetPlan;
use super::recurrent::{DeviceSequences, RecurrentLayer};
use super::views::Views;

/// A network at one moment of training.
///
/// A frozen net lives on the plain device; a tracked one records its forward passes for
/// [`DeviceLearner::step`](super::DeviceLearner::step).
pub struct Net {
    obs_scale: f32,
    seen: usize,
    layers: Vec<Layer>,
    head: Linear,
    dueling: bool,
    out_activation: Activation,
    log_std: Option<Tensor<1>>,
}

pub(super) enum Layer {
    /// Of that many channels.
    ChannelsFirst(usize),
    Beside,
    Linear(Linear),
    Conv(Conv),
    Recurrent(Box<RecurrentLayer>),
    Norm {
        eps: f64,
        affine: Option<Affine>,
    },
    BatchNorm(Box<BatchNorm>),
    Activation(Activation),
}

/// Weight `[input, output]` and bias `[output]`.
pub(super) struct Linear {
    pub(super) weight: Tensor<2>,
    pub(super) bias: Option<Tensor<1>>,
}

/// Weight `[outputs, patch]` and bias `[outputs]`.
pub(super) struct Conv {
    pub(super) shape: ConvShape,
    pub(super) weight: Tensor<2>,
    pub(super) bias: Option<Tensor<1>>,
}

/// Gain and bias `[width]`.
pub(super) struct Affine {
    pub(super) gamma: Tensor<1>,
    pub(super) beta: Tensor<1>,
}

impl Net {
    /// Views of `params` `[num_params]` and `buffers` `[num_buffers]`, of which a network without
    /// any has none; `tracked` parameters are leaves that collect gradients.
    pub(super) fn new(
        plan: &NetPlan,
        params: &Tensor<1>,
        buffers: Option<&Tensor<1>>,
        tracked: bool,
    ) -> Self {
        let mut views = Views::new(params, buffers, tracked);
        let mut width = plan.seen();
        let mut layers = Vec::with_capacity(plan.trunk.len());
        for layer in &plan.trunk {
            layers.push(views.layer(layer, width));
            width = layer.output(width);
        }
        Self {
            obs_scale: plan.obs_scale,
            seen: plan.seen(),
            layers,
            head: views.linear([width, plan.head_width()], true),
            dueling: plan.dueling,
            out_activation: plan.out_activation,
            log_std: plan.log_std_init.map(|_| views.vector(plan.heads[0])),
        }
    }

    /// Output rows `[batch, output]` of `obs` `[batch, input]`: the heads in order, with log σ
    /// after the first where the plan keeps one apart from the state; Q of a dueling network.
    ///
    /// Batches are normalized by running statistics, and recurrent layers take each row for the
    /// first of an episode.
    pub fn forward(&self, obs: Tensor<2>) -> Tensor<2> {
        let (seen, beside) = self.parts(obs);
        self.forward_parts(seen, beside.as_ref())
    }

    /// As [`forward`](Self::forward), of rows in two parts: what the first layer takes `[batch, seen]`
    /// and what comes in [beside](super::LayerPlan::Beside) it.
    fn forward_parts(&self, seen: Tensor<2>, beside: Option<&Tensor<2>>) -> Tensor<2> {
        let seen = self.scaled(seen);
        let features = self.layers.iter().fold(seen, |x, layer| layer.forward(x, beside));
        self.outputs(features)
    }

    /// As [`forward`](Self::forward), of observations and of numbers after them in two tensors. Where
    /// the numbers come in beside a picture, gradients that reach them alone do not go through it.
    pub fn forward_beside(&self, obs: Tensor<2>, numbers: Tensor<2>) -> Tensor<2> {
        if obs.dims()[1] == self.seen {
            return self.forward_parts(obs.autodiff(), Some(&numbers));
        }
        self.forward_parts(Tensor::cat(vec![obs.autodiff(), numbers], 1), None)
    }

    /// As [`forward`](Self::forward), for a pass that is learned from: batches are normalized by
    /// their own statistics, which the running ones take in.
    pub fn forward_training(&mut self, obs: Tensor<2>) -> Tensor<2> {
        let (seen, beside) = self.parts(obs);
        let (seen, beside) = (self.scaled(seen), beside.as_ref());
        let layers = self.layers.iter_mut();
        let features = layers.fold(seen, |x, layer| layer.forward_training(x, beside));
        self.outputs(features)
    }

    /// Output rows `[T, m, output]` of the steps of sequences, in which states are carried on.
    pub fn forward_sequences(&self, sequences: &DeviceSequences) -> Tensor<2> {
        let mut start = 0;
        let obs = self.scaled(sequences.obs.clone());
        let features = self.layers.iter().fold(obs, |x, layer| match layer {
            Layer::Recurrent(cell) => {
                let state = sequences.states.clone().narrow(1, start, cell.state_width());
                start += cell.state_width();
                cell.unroll(x, &sequences.keep, state)
            }
            layer => layer.forward(x, None),
        });
        self.outputs(features)
    }

    /// Whether it carries states.
    pub fn is_recurrent(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer, Layer::Recurrent(_)))
    }

    /// Buffers `[num_buffers]` after the latest pass; `None` if there are none.
    pub(super) fn buffers(&self) -> Option<Tensor<1>> {
        let norms = self.layers.iter().filter_map(|layer| match layer {
            Layer::BatchNorm(norm) => Some(&**norm),
            _ => None,
        });
        let buffers: Vec<Tensor<1>> = norms.flat_map(BatchNorm::buffers).collect();
        (!buffers.is_empty()).then(|| Tensor::cat(buffers, 0))
    }

    /// Rows `[batch, input]` as what the first layer takes and what comes in beside it.
    fn parts(&self, rows: Tensor<2>) -> (Tensor<2>, Option<Tensor<2>>) {
        let width = rows.dims()[1];
        if width == self.seen {
            return (rows, None);
        }
        let beside = rows.clone().narrow(1, self.seen, width - self.seen);
        (rows.narrow(1, 0, self.seen), Some(beside))
    }

    fn scaled(&self, obs: Tensor<2>) -> Tensor<2> {
        if self.obs_scale == 1.0 { obs } else { obs * self.obs_scale }
    }

    /// Output rows from the trunk's.
    fn outputs(&self, features: Tensor<2>) -> Tensor<2> {
        let heads = self.head.forward(features);
        let heads = activate(self.out_activation, if self.dueling { duel(heads) } else { heads });
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
                Layer::Linear(Linear { weight, bias }) | Layer::Conv(Conv { weight, bias, .. }) => {
                    leaves.push(Leaf::Matrix(weight));
                    leaves.extend(bias.iter().map(Leaf::Vector));
                }
                Layer::Recurrent(cell) => {
                    for Linear { weight, bias: _ } in cell.maps() {
                        leaves.push(Leaf::Matrix(weight));
                    }
                    for Linear { weight: _, bias } in cell.maps() {
                        leaves.extend(bias.iter().map(Leaf::Vector));
                    }
                }
                Layer::Norm { affine: Some(Affine { gamma, beta }), .. } => {
                    leaves.extend([Leaf::Vector(gamma), Leaf::Vector(beta)]);
                }
                Layer::BatchNorm(norm) => leaves.extend(norm.affine().map(Leaf::Vector)),
                Layer::ChannelsFirst(_)
                | Layer::Beside
                | Layer::Norm { affine: None, .. }
                | Layer::Activation(_) => {}
            }
        }
        leaves.push(Leaf::Matrix(&self.head.weight));
        leaves.extend(self.head.bias.iter().map(Leaf::Vector));
        leaves.extend(self.log_std.iter().map(Leaf::Vector));
        leaves
    }
}

/// A parameter tensor of a tracked net.
pub(super) enum Leaf<'a> {
    Matrix(&'a Tensor<2>),
    Vector(&'a Tensor<1>),
}

impl Layer {
    fn forward(&self, x: Tensor<2>, beside: Option<&Tensor<2>>) -> Tensor<2> {
        match self {
            Self::ChannelsFirst(channels) => channels_first(x, *channels),
            Self::Beside => {
                let beside = beside.expect("rows hold what comes in beside what is seen");
                Tensor::cat(vec![x, beside.clone()], 1)
            }
            Self::Linear(layer) => layer.forward(x),
            Self::Conv(layer) => layer.forward(x),
            Self::Recurrent(layer) => layer.begin(x),
            Self::Norm { eps, affine } => layer_norm(x, *eps, affine.as_ref()),
            Self::BatchNorm(norm) => norm.forward(x),
            Self::Activation(kind) => activate(*kind, x),
        }
    }

    fn forward_training(&mut self, x: Tensor<2>, beside: Option<&Tensor<2>>) -> Tensor<2> {
        match self {
            Self::BatchNorm(norm) => norm.forward_training(x),
            _ => self.forward(x, beside),
        }
    }
}

impl Linear {
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        linear(x, self.weight.clone(), self.bias.clone())
    }
}

impl Conv {
    /// Flat images `[batch, c·h·w]` to flat images `[batch, outputs·h·w]`.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let ConvShape { input: [c, h, w], outputs, kernel, stride, padding, dilation } = self.shape;
        let batch = x.dims()[0];
        let weight = self.weight.clone().reshape([outputs, c, kernel[0], kernel[1]]);
        let options = ConvOptions::new(stride, padding, dilation, 1);
        let images = conv2d(x.reshape([batch, c, h, w]), weight, self.bias.clone(), options);
        images.flatten(1, 3)
    }
}

/// Pictures `[batch, channels · pixels]` of pictures `[batch, pixels · channels]`.
fn channels_first(x: Tensor<2>, channels: usize) -> Tensor<2> {
    let [batch, width] = x.dims();
    x.reshape([batch, width / channels, channels]).swap_dims(1, 2).reshape([batch, width])
}

/// Q `[batch, n]` of rows of V and A `[batch, 1 + n]`.
fn duel(rows: Tensor<2>) -> Tensor<2> {
    let n = rows.dims()[1] - 1;
    let (value, advantages) = (rows.clone().narrow(1, 0, 1), rows.narrow(1, 1, n));
    let mean = advantages.clone().mean_dim(1);
    value + advantages - mean
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
