//! From the spec of one network, and the observations it takes, to its plan.

use slm_env::Space;
use slm_policy::{Activation, ConvShape};

use super::resolve::{Resolver, init_plan};
use super::resolve_acting::kind_of;
use super::trunk::{Body, Inputs, Takes, Trunk};
use crate::config::{
    ActivationSpec, ArcSpec, BodySpec, ConvLayerSpec, HeadActivationSpec, LayerSpec, MlpNetSpec,
    NetPartSpec, Node, SpecError,
};
use crate::net::{BatchNormPlan, LayerPlan, NetPlan};

/// ε of layer normalization where a spec gives none, `PyTorch`'s default.
const LAYER_NORM_EPS: f64 = 1e-5;
/// What pixels are multiplied by where a spec says `normalize`.
const PIXEL_SCALE: f32 = 1.0 / 255.0;
/// Batch normalization with `PyTorch`'s defaults, of vectors.
const BATCH_NORM: BatchNormPlan =
    BatchNormPlan { positions: 1, eps: 1e-5, momentum: 0.1, affine: true, renorm: None };

impl Resolver<'_> {
    /// The plan of a network with heads of these widths; of a dueling network the only head is Q.
    /// Recurrent ones are refused.
    pub(super) fn net_plan(
        &mut self,
        part: &NetPartSpec,
        heads: &[usize],
        head_std: &[Option<f64>],
        log_std_init: Option<f32>,
    ) -> Option<NetPlan> {
        self.refuse_recurrent(part)?;
        self.sequence_net_plan(part, heads, head_std, log_std_init)
    }

    /// As [`net_plan`](Self::net_plan), also of a recurrent network, for what learns from sequences.
    pub(super) fn sequence_net_plan(
        &mut self,
        part: &NetPartSpec,
        heads: &[usize],
        head_std: &[Option<f64>],
        log_std_init: Option<f32>,
    ) -> Option<NetPlan> {
        let inputs = Inputs { dims: self.obs_dims()?, beside: 0 };
        self.net_plan_over(part, inputs, heads, head_std, log_std_init)
    }

    /// A network whose rows are observations with `beside` more numbers after each. What it makes of a
    /// picture is flat before its first linear layer, which takes the numbers as well.
    pub(super) fn net_plan_beside(
        &mut self,
        part: &NetPartSpec,
        heads: &[usize],
        head_std: &[Option<f64>],
        beside: usize,
    ) -> Option<NetPlan> {
        self.refuse_recurrent(part)?;
        let mut inputs = Inputs { dims: self.obs_dims()?, beside };
        if inputs.dims.len() == 1 && !divides_pixels(&part.body) {
            // The first layer takes both, whichever it is.
            inputs = Inputs { dims: vec![inputs.width()], beside: 0 };
        }
        self.net_plan_over(part, inputs, heads, head_std, None)
    }

    fn net_plan_over(
        &mut self,
        part: &NetPartSpec,
        inputs: Inputs,
        heads: &[usize],
        head_std: &[Option<f64>],
        log_std_init: Option<f32>,
    ) -> Option<NetPlan> {
        let input = inputs.width();
        let Body { trunk, branches, weights } = self.trunk(part, inputs, heads)?;
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
        let plan = NetPlan {
            input,
            obs_scale: if divides_pixels(&part.body) { PIXEL_SCALE } else { 1.0 },
            trunk,
            branches,
            weights,
            seq_len: seq_len(&part.body),
            heads,
            dueling,
            out_activation,
            log_std_init,
            init: init_plan(part.training.init_fn, activation(part.body.activation())),
            head_std,
        };
        self.need_of_net(part, &plan);
        Some(plan)
    }

    /// Notes the memory of a network: weights, gradients, two moments.
    fn need_of_net(&mut self, part: &NetPartSpec, plan: &NetPlan) {
        let keys = ["hid_layers", "fc_hid_layers", "arc"];
        let key = keys.into_iter().find(|key| part.place.0.get(key).is_some());
        let place = key.and_then(|key| part.place.0.get(key)).unwrap_or(&part.place.0);
        let params = plan.num_params() as u64;
        let what = place.error(format!("a network of {params} parameters"));
        self.found.need(what, params.saturating_mul(4 * size_of::<f32>() as u64));
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

    /// Dimensions of an observation: `[width]`, or those of an image, with its channels first or last.
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

    /// The layers up to the heads, of these widths.
    fn trunk(&mut self, part: &NetPartSpec, inputs: Inputs, heads: &[usize]) -> Option<Body> {
        let body = match &part.body {
            BodySpec::Mlp(mlp) | BodySpec::DuelingMlp(mlp) => Ok(mlp_trunk(mlp).into()),
            BodySpec::Recurrent(net) => Ok(self.recurrent_trunk(part, net)?.into()),
            BodySpec::Conv(net) => conv_trunk(
                inputs,
                &ConvLayers {
                    convolutions: &net.conv_hid_layers,
                    widths: &net.fc_hid_layers,
                    hidden: activation(net.hid_layers_activation),
                    batch_norm: net.batch_norm,
                },
            ),
            BodySpec::DuelingConv(net) => conv_trunk(
                inputs,
                &ConvLayers {
                    convolutions: &net.conv_hid_layers,
                    widths: &net.fc_hid_layers,
                    hidden: activation(net.hid_layers_activation),
                    batch_norm: net.batch_norm,
                },
            ),
            BodySpec::TorchArc(net) => arc_trunk(inputs, &net.arc),
            BodySpec::HydraMlp(net) => return self.hydra(part, net, heads),
        };
        body.map_err(|wrong| self.found.error(wrong.at(part))).ok()
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
    let norm = hidden_norm(mlp.batch_norm, mlp.layer_norm);
    let hidden = LayerPlan::Activation(activation(mlp.hid_layers_activation));
    let layers = mlp
        .hid_layers
        .iter()
        .flat_map(|&width| [Some(LayerPlan::Linear { width, bias: true }), norm, Some(hidden)]);
    layers.flatten().collect()
}

/// Normalization of a hidden layer before its activation.
pub(super) fn hidden_norm(batch_norm: bool, layer_norm: bool) -> Option<LayerPlan> {
    match (batch_norm, layer_norm) {
        (true, _) => Some(LayerPlan::BatchNorm(BATCH_NORM)),
        (false, true) => Some(LayerPlan::LayerNorm { eps: LAYER_NORM_EPS, affine: true }),
        (false, false) => None,
    }
}

/// What a network for images is made of.
struct ConvLayers<'a> {
    convolutions: &'a [ConvLayerSpec],
    /// Of the linear layers after them.
    widths: &'a [usize],
    hidden: Activation,
    /// Whether every convolution but the first is normalized, after its activation.
    batch_norm: bool,
}

fn conv_trunk(inputs: Inputs, layers: &ConvLayers<'_>) -> Result<Body, WrongLayer> {
    let mut trunk = Trunk::of_images(inputs);
    for (index, layer) in layers.convolutions.iter().enumerate() {
        let kernel = ConvShape {
            input: [0; 3],
            outputs: layer.out_channels,
            kernel: [layer.kernel; 2],
            stride: [layer.stride; 2],
            padding: [layer.padding; 2],
            dilation: [layer.dilation; 2],
        };
        trunk.conv(kernel, true).map_err(|message| WrongLayer { index, message })?;
        trunk.push(LayerPlan::Activation(layers.hidden));
        if layers.batch_norm && index > 0 {
            trunk.push(LayerPlan::BatchNorm(BATCH_NORM));
        }
    }
    for &width in layers.widths {
        trunk.push(LayerPlan::Linear { width, bias: true });
        trunk.push(LayerPlan::Activation(layers.hidden));
    }
    Ok(trunk.into())
}

fn arc_trunk(inputs: Inputs, arc: &ArcSpec) -> Result<Body, WrongLayer> {
    let takes_images =
        |layer: &LayerSpec| matches!(layer, LayerSpec::Conv2d(_) | LayerSpec::BatchNorm2d(_));
    let mut trunk = if arc.layers.iter().any(takes_images) {
        Trunk::of_images(inputs)
    } else {
        Trunk::new(inputs)
    };
    for (index, layer) in arc.layers.iter().enumerate() {
        let pushed = match layer {
            LayerSpec::Linear(linear) => trunk.linear(linear),
            LayerSpec::WeightNormLinear(linear) => trunk.weight_norm_linear(linear),
            LayerSpec::Conv2d(conv) => trunk.arc_conv(conv),
            LayerSpec::LayerNorm(norm) => trunk.layer_norm(norm),
            LayerSpec::BatchNorm1d(norm) => trunk.batch_norm(norm, Takes::Rows),
            LayerSpec::BatchNorm2d(norm) => trunk.batch_norm(norm, Takes::Images),
            LayerSpec::BatchRenorm1d(norm) => trunk.batch_renorm(norm),
            LayerSpec::Flatten => {
                trunk.flatten();
                Ok(())
            }
            LayerSpec::Activation(kind) => {
                trunk.push(LayerPlan::Activation(activation(*kind)));
                Ok(())
            }
        };
        pushed.map_err(|message| WrongLayer { index, message })?;
    }
    Ok(trunk.into())
}

fn is_dueling(body: &BodySpec) -> bool {
    matches!(body, BodySpec::DuelingMlp(_) | BodySpec::DuelingConv(_))
}

/// Steps that gradients go back through time.
fn seq_len(body: &BodySpec) -> usize {
    if let BodySpec::Recurrent(net) = body { net.seq_len } else { 1 }
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

pub(super) fn activation(spec: ActivationSpec) -> Activation {
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

#[cfg(test)]
mod tests {
    use slm_env::Space;

    use super::*;
    use crate::algorithm::agent::{AgentPlan, EnvShape};
    use crate::algorithm::conformance::plan_in;
    use crate::algorithm::{actor_critic, dqn};
    use crate::config::Diagnostics;

    /// What an agent with the network `net` says in an environment of such observations.
    fn resolve(net: &str, shape: &[usize]) -> (Option<Box<dyn AgentPlan>>, Diagnostics) {
        let agent = format!(
            "{{algorithm: {{name: ActorCritic, gamma: 0.9, lam: 0.9, training_frequency: 8}},
              memory: {{name: OnPolicyBatchReplay}},
              net: {{shared: true, use_same_optim: true, hid_layers_activation: relu, {net}}}}}"
        );
        let mut found = Diagnostics::new();
        (plan_in(&actor_critic::DEF, &agent, &env(shape), &mut found), found)
    }

    fn env(shape: &[usize]) -> EnvShape {
        let bounds = vec![1.0; shape.iter().product()];
        EnvShape {
            num_envs: 4,
            max_frame: 1000,
            obs_space: Space::Box { low: bounds.clone(), high: bounds, shape: shape.to_vec() },
            obs_u8: false,
            action_space: Space::Discrete { n: 2 },
        }
    }

    /// The message and the place of the only error.
    fn error(net: &str, shape: &[usize]) -> (String, String) {
        let (plan, found) = resolve(net, shape);
        assert!(plan.is_none() && found.errors.len() == 1, "{found:?}");
        (found.errors[0].message.clone(), found.errors[0].path.clone())
    }

    fn arc(layers: &str) -> String {
        format!(
            "type: TorchArcNet, arc: {{modules: {{body: {{Sequential: [{layers}]}}}},
              graph: {{input: x, modules: {{body: [x]}}, output: body}}}}"
        )
    }

    /// 1 x 7 x 7 to 4 x 5 x 5 to 6 x 4 x 4: the second convolution's 16 positions are normalized.
    #[test]
    fn every_convolution_but_the_first_is_normalized_after_its_activation() {
        let layer = |out_channels, kernel| ConvLayerSpec {
            out_channels,
            kernel,
            stride: 1,
            padding: 0,
            dilation: 1,
        };
        let (convolutions, hidden) = ([layer(4, 3), layer(6, 2)], Activation::Relu);
        let layers =
            ConvLayers { convolutions: &convolutions, widths: &[9], hidden, batch_norm: true };
        let inputs = Inputs { dims: vec![1, 7, 7], beside: 0 };
        let trunk = conv_trunk(inputs, &layers).ok().expect("the kernels fit").trunk;
        let relu = LayerPlan::Activation(Activation::Relu);
        assert_eq!(trunk.len(), 7);
        assert_eq!([trunk[1], trunk[3], trunk[6]], [relu; 3]);
        assert_eq!(trunk[4], LayerPlan::BatchNorm(BatchNormPlan { positions: 16, ..BATCH_NORM }));
    }

    #[test]
    fn a_perceptron_takes_images_as_rows() {
        let (plan, found) = resolve("type: MLPNet, hid_layers: [8]", &[2, 3, 3]);
        assert!(plan.is_some(), "{found:?}");
    }

    #[test]
    fn a_convolution_that_does_not_fit_is_an_error_at_its_own_place() {
        let conv = "type: ConvNet, batch_norm: false, fc_hid_layers: [], conv_hid_layers: ";
        let (message, path) = error(&format!("{conv}[[4, 3, 2], [8, 4]]"), &[1, 8, 7]);
        assert_eq!(path, "agent.net.conv_hid_layers.1");
        let expected = "its kernel reaches over [4, 4] pixels, and an image of [4, 3, 3] with its \
                        padding has [3, 3]";
        assert_eq!(message, expected);
        let (message, path) = error(&format!("{conv}[[4, 3, 2]]"), &[8]);
        assert_eq!(path, "agent.net.conv_hid_layers.0");
        assert!(message.contains("takes images"), "{message}");
    }

    #[test]
    fn layers_of_an_arc_that_do_not_meet_are_errors_at_the_layer() {
        let conv = "{LazyConv2d: {out_channels: 2, kernel_size: 3}}";
        let linear = "{Linear: {in_features: 9, out_features: 4}}";
        let cases = [
            (format!("{conv}, {linear}"), 1, "put `Flatten` before it"),
            (format!("{conv}, {{Flatten: }}, {linear}"), 2, "it takes 9 features, not the 18"),
            (format!("{{Flatten: }}, {conv}"), 1, "takes images"),
            ("{Conv2d: {in_channels: 3, out_channels: 2, kernel_size: 3}}".into(), 0, "3 channels"),
            (format!("{conv}, {{LayerNorm: {{normalized_shape: 3}}}}"), 1, "normalizes over [3]"),
        ];
        for (layers, index, expected) in cases {
            let (message, path) = error(&arc(&layers), &[1, 5, 5]);
            assert!(message.contains(expected), "{message}");
            assert_eq!(path, format!("agent.net.arc.modules.body.Sequential.{index}"));
        }
        let norms = [
            (format!("{conv}, {{LazyBatchNorm1d: }}"), 1, "it takes rows"),
            ("{Flatten: }, {BatchNorm2d: {num_features: 1}}".to_owned(), 1, "it takes images"),
            (format!("{conv}, {{BatchNorm2d: {{num_features: 3}}}}"), 1, "it takes 3 features"),
            (format!("{conv}, {{LazyBatchRenorm1d: }}"), 1, "it takes rows"),
        ];
        for (layers, index, expected) in norms {
            let (message, path) = error(&arc(&layers), &[1, 5, 5]);
            assert!(message.contains(expected), "{message}");
            assert_eq!(path, format!("agent.net.arc.modules.body.Sequential.{index}"));
        }
        let fits = format!(
            "{conv}, {{LayerNorm: {{normalized_shape: [2, 3, 3]}}}}, {{LazyBatchNorm2d: }}, {{Flatten: }},
              {{LazyBatchRenorm1d: {{warmup_steps: 5}}}}"
        );
        assert!(resolve(&arc(&fits), &[1, 5, 5]).0.is_some());
    }

    #[test]
    fn one_activation_may_follow_all_heads() {
        let net = |activation: &str| {
            format!("type: MLPNet, hid_layers: [8], out_layer_activation: {activation}")
        };
        for all in ["tanh", "[tanh, tanh]", "null", "[null, null]"] {
            assert!(resolve(&net(all), &[4]).0.is_some(), "{all}");
        }
        let (_, found) = resolve(&net("[tanh, null]"), &[4]);
        assert_eq!(found.unavailable[0].path, "agent.net.out_layer_activation");
        let (message, path) = error(&net("[tanh]"), &[4]);
        assert_eq!(
            (message.as_str(), path.as_str()),
            ("expected one per head, 2, found 1", "agent.net.out_layer_activation")
        );
    }

    #[test]
    fn a_dueling_network_is_for_algorithms_of_action_values() {
        let dueling = "type: DuelingMLPNet, hid_layers: [8]";
        let (message, path) = error(dueling, &[4]);
        assert_eq!(message, "DuelingMLPNet gives action values, and ActorCritic learns none");
        assert_eq!(path, "agent.net.type");
        let agent = |net: &str| {
            format!(
                "{{algorithm: {{name: DQN, gamma: 0.9, training_batch_iter: 1, training_iter: 1,
                  training_frequency: 4}}, memory: {{name: Replay, batch_size: 4, max_size: 9}},
                  net: {{{net}, hid_layers_activation: relu}}}}"
            )
        };
        let mut found = Diagnostics::new();
        let plan = plan_in(&dqn::DQN, &agent(dueling), &env(&[4]), &mut found);
        assert!(plan.is_some(), "{found:?}");
        let activated = agent(&format!("{dueling}, out_layer_activation: tanh"));
        assert!(plan_in(&dqn::DQN, &activated, &env(&[4]), &mut found).is_none());
        assert!(found.errors[0].message.contains("have no activation"));
    }
}
