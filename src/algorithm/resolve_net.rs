//! From the spec of one network, and the observations it takes, to its plan.

use slm_env::Space;
use slm_policy::{Activation, ConvShape};

use super::resolve::{Resolver, init_plan};
use super::resolve_acting::kind_of;
use super::trunk::Trunk;
use crate::config::{
    ActivationSpec, ArcSpec, BodySpec, ConvLayerSpec, HeadActivationSpec, LayerSpec, MlpNetSpec,
    NetPartSpec, Node, SpecError,
};
use crate::net::{LayerPlan, NetPlan};

/// ε of layer normalization where a spec gives none, `PyTorch`'s default.
const LAYER_NORM_EPS: f64 = 1e-5;
/// What pixels are multiplied by where a spec says `normalize`.
const PIXEL_SCALE: f32 = 1.0 / 255.0;

impl Resolver<'_> {
    /// The plan of a network with heads of these widths; of a dueling network the only head is Q.
    pub(super) fn net_plan(
        &mut self,
        part: &NetPartSpec,
        heads: &[usize],
        head_std: &[Option<f64>],
        log_std_init: Option<f32>,
    ) -> Option<NetPlan> {
        let dims = self.obs_dims()?;
        let input = dims.iter().product();
        let trunk = self.trunk(part, dims)?;
        let dueling = is_dueling(&part.body);
        if dueling && heads.len() > 1 {
            let message = "a dueling network values one choice, not several at once";
            self.found.error(part.place.0.error_in("type", message));
            return None;
        }
        let (mut heads, mut head_std) = (heads.to_vec(), head_std.to_vec());
        let out_activation = self.out_activation(part, heads.len())?;
        if dueling {
            heads.insert(0, 1);
            head_std.insert(0, head_std[0]);
        }
        Some(NetPlan {
            input,
            obs_scale: if divides_pixels(&part.body) { PIXEL_SCALE } else { 1.0 },
            trunk,
            heads,
            dueling,
            out_activation,
            log_std_init,
            init: init_plan(part.training.init_fn, activation(part.body.activation())),
            head_std,
        })
    }

    /// Notes an error where a network gives Q values to an algorithm that learns none.
    pub(super) fn refuse_dueling(&mut self, part: &NetPartSpec) -> Option<()> {
        if is_dueling(&part.body) {
            let (net, name) = (part.body.name(), &self.agent.algorithm_name);
            let message = format!("{net} gives action values, and {name} learns none");
            self.found.error(part.place.0.error_in("type", message));
            return None;
        }
        Some(())
    }

    /// Dimensions of an observation: `[width]`, or `[channels, height, width]` of an image.
    fn obs_dims(&mut self) -> Option<Vec<usize>> {
        match &self.env.obs_space {
            Space::Box { shape, .. } if !shape.is_empty() => Some(shape.clone()),
            space => {
                let feature = format!("a network for {} observations", kind_of(space));
                self.found.not_built(&self.agent.algorithm, feature);
                None
            }
        }
    }

    /// What is applied to the heads' outputs: one function for all of them.
    fn out_activation(&mut self, part: &NetPartSpec, heads: usize) -> Option<Activation> {
        let place = &part.place.0;
        let key = "out_layer_activation";
        let one = match part.body.out_layer_activation() {
            None | Some(HeadActivationSpec::All(None)) => return Some(Activation::Identity),
            Some(HeadActivationSpec::All(Some(one))) => *one,
            Some(HeadActivationSpec::Each(each)) if each.len() != heads => {
                let message = format!("expected one per head, {heads}, found {}", each.len());
                self.found.error(place.error_in(key, message));
                return None;
            }
            Some(HeadActivationSpec::Each(each)) => {
                let first = each.first().copied().flatten();
                if each.iter().any(|one| *one != first) {
                    let node = place.child(key).unwrap_or(place);
                    self.found.not_built(node, "out_layer_activation that differs between heads");
                }
                first.unwrap_or(ActivationSpec::Identity)
            }
        };
        if is_dueling(&part.body) {
            let message = "the action values of a dueling network have no activation";
            self.found.error(place.error_in(key, message));
            return None;
        }
        Some(activation(one))
    }

    /// The layers up to the heads.
    fn trunk(&mut self, part: &NetPartSpec, dims: Vec<usize>) -> Option<Vec<LayerPlan>> {
        let trunk = match &part.body {
            BodySpec::Mlp(mlp) | BodySpec::DuelingMlp(mlp) => return Some(mlp_trunk(mlp)),
            BodySpec::Conv(net) => {
                let hidden = activation(net.hid_layers_activation);
                conv_trunk(dims, &net.conv_hid_layers, &net.fc_hid_layers, hidden)
            }
            BodySpec::DuelingConv(net) => {
                let hidden = activation(net.hid_layers_activation);
                conv_trunk(dims, &net.conv_hid_layers, &net.fc_hid_layers, hidden)
            }
            BodySpec::TorchArc(net) => arc_trunk(dims, &net.arc),
            BodySpec::Recurrent(_) | BodySpec::HydraMlp(_) => {
                let feature = format!("network {}", part.body.name());
                self.found.not_built(&part.place.0, feature);
                return None;
            }
        };
        trunk.map_err(|wrong| self.found.error(wrong.at(part))).ok()
    }
}

/// A layer that does not take what comes.
struct WrongLayer {
    /// Which layer of its list.
    index: usize,
    message: String,
}

impl WrongLayer {
    /// The error at the place where the layer is written.
    fn at(self, part: &NetPartSpec) -> SpecError {
        let place = &part.place.0;
        let convolutions = place.child("conv_hid_layers").map_or(&[][..], Node::items);
        let layer = match &part.body {
            BodySpec::TorchArc(net) => net.arc.places.get(self.index).map(|place| &place.0),
            _ => convolutions.get(self.index),
        };
        layer.unwrap_or(place).error(self.message)
    }
}

fn mlp_trunk(mlp: &MlpNetSpec) -> Vec<LayerPlan> {
    let norm = LayerPlan::LayerNorm { eps: LAYER_NORM_EPS, affine: true };
    let norm = mlp.layer_norm.then_some(norm);
    let hidden = LayerPlan::Activation(activation(mlp.hid_layers_activation));
    let layers = mlp
        .hid_layers
        .iter()
        .flat_map(|&width| [Some(LayerPlan::Linear { width, bias: true }), norm, Some(hidden)]);
    layers.flatten().collect()
}

fn conv_trunk(
    dims: Vec<usize>,
    convolutions: &[ConvLayerSpec],
    widths: &[usize],
    hidden: Activation,
) -> Result<Vec<LayerPlan>, WrongLayer> {
    let mut trunk = Trunk::new(dims);
    for (index, layer) in convolutions.iter().enumerate() {
        let kernel = ConvShape {
            input: [0; 3],
            outputs: layer.out_channels,
            kernel: [layer.kernel; 2],
            stride: [layer.stride; 2],
            padding: [layer.padding; 2],
            dilation: [layer.dilation; 2],
        };
        trunk.conv(kernel, true).map_err(|message| WrongLayer { index, message })?;
        trunk.push(LayerPlan::Activation(hidden));
    }
    for &width in widths {
        trunk.push(LayerPlan::Linear { width, bias: true });
        trunk.push(LayerPlan::Activation(hidden));
    }
    Ok(trunk.layers)
}

fn arc_trunk(dims: Vec<usize>, arc: &ArcSpec) -> Result<Vec<LayerPlan>, WrongLayer> {
    let mut trunk = Trunk::new(dims);
    for (index, layer) in arc.layers.iter().enumerate() {
        let pushed = match layer {
            LayerSpec::Linear(linear) => trunk.linear(linear),
            LayerSpec::Conv2d(conv) => trunk.arc_conv(conv),
            LayerSpec::LayerNorm(norm) => trunk.layer_norm(norm),
            LayerSpec::Flatten => Ok(trunk.flatten()),
            LayerSpec::Activation(kind) => Ok(trunk.push(LayerPlan::Activation(activation(*kind)))),
        };
        pushed.map_err(|message| WrongLayer { index, message })?;
    }
    Ok(trunk.layers)
}

fn is_dueling(body: &BodySpec) -> bool {
    matches!(body, BodySpec::DuelingMlp(_) | BodySpec::DuelingConv(_))
}

/// Whether observations are divided by 255.
fn divides_pixels(body: &BodySpec) -> bool {
    match body {
        BodySpec::Conv(net) => net.normalize,
        BodySpec::DuelingConv(net) => net.normalize,
        BodySpec::TorchArc(net) => net.normalize,
        BodySpec::Mlp(_)
        | BodySpec::DuelingMlp(_)
        | BodySpec::Recurrent(_)
        | BodySpec::HydraMlp(_) => false,
    }
}

fn activation(spec: ActivationSpec) -> Activation {
    match spec {
        ActivationSpec::ReLU => Activation::Relu,
        ActivationSpec::Tanh => Activation::Tanh,
        ActivationSpec::Selu => Activation::Selu,
        ActivationSpec::Silu => Activation::Silu,
        ActivationSpec::LeakyReLU => Activation::LEAKY_RELU,
        ActivationSpec::Sigmoid => Activation::Sigmoid,
        ActivationSpec::Gelu => Activation::Gelu,
        ActivationSpec::Elu => Activation::Elu { alpha: 1.0 },
        ActivationSpec::Identity => Activation::Identity,
    }
}
