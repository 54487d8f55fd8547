//! `arc`: networks written layer by layer, in `TorchArc`'s notation.

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::arc_graph::chain;
use super::arc_module::layer_nodes;
use super::{Diagnostics, Fields, FromNode, Names, Node, Value, read_record, spec, spec_enum};

spec_enum! {
    /// An activation function: `PyTorch`'s class name in any case.
    pub enum ActivationSpec: "activation", any case {
        /// max(0, x).
        ReLU = "ReLU",
        /// Hyperbolic tangent.
        Tanh = "Tanh",
        /// Scaled exponential linear unit.
        Selu = "SELU",
        /// x · sigmoid(x).
        Silu = "SiLU",
        /// max(x, 0.01 x).
        LeakyReLU = "LeakyReLU" | "leaky_relu",
        /// 1 / (1 + e⁻ˣ).
        Sigmoid = "Sigmoid",
        /// x · Φ(x).
        Gelu = "GELU",
        /// x above 0, eˣ − 1 below.
        Elu = "ELU",
        /// x.
        Identity = "Identity",
    }
    not_built [
        "CELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LogSigmoid", "LogSoftmax",
        "Mish", "PReLU", "ReLU6", "RReLU", "Softmax", "Softplus", "Softshrink", "Softsign", "Tanhshrink"
    ]
}

spec! {
    /// A fully connected layer.
    pub struct LinearSpec {
        /// Width of its output.
        out_features: usize = required, in 1..;
        /// Width of its input; found out where absent.
        in_features: Option<usize> = nullable, in 1..;
        /// Whether it adds a bias.
        bias: bool = default(true);
    }
}

spec! {
    /// Normalization of each row to mean 0 and variance 1, with learned scale and shift.
    pub struct LayerNormSpec {
        /// Width of the row, in a list.
        normalized_shape: Vec<usize> = required, in 1..;
        /// Added to the variance.
        eps: f64 = default(1e-5), in 0.0..;
        /// Whether scale and shift are learned.
        elementwise_affine: bool = default(true);
    }
}

spec! {
    /// An activation has no keys that are read.
    struct NoKeys {}
    ignored {
        inplace: "it chooses PyTorch's implementation only";
    }
}

/// One layer of a chain.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerSpec {
    /// Fully connected.
    Linear(LinearSpec),
    /// Normalization of rows.
    LayerNorm(LayerNormSpec),
    /// Element by element.
    Activation(ActivationSpec),
}

impl LayerSpec {
    const NAMES: Names = Names {
        noun: "layer",
        any_case: false,
        names: &[
            ("Linear", &["LazyLinear"]),
            ("LayerNorm", &[]),
            ("ReLU", &[]),
            ("Tanh", &[]),
            ("SELU", &[]),
            ("SiLU", &[]),
            ("LeakyReLU", &[]),
            ("Sigmoid", &[]),
            ("GELU", &[]),
            ("ELU", &[]),
            ("Identity", &[]),
        ],
        not_built: &[
            "LazyConv2d",
            "Conv2d",
            "LazyConv1d",
            "Conv1d",
            "Flatten",
            "LazyBatchRenorm1d",
            "BatchRenorm1d",
            "LazyWeightNormLinear",
            "WeightNormLinear",
            "LazyBatchNorm1d",
            "BatchNorm1d",
            "LazyBatchNorm2d",
            "BatchNorm2d",
            "GroupNorm",
            "Dropout",
            "MaxPool2d",
            "AvgPool2d",
            "AdaptiveAvgPool2d",
            "GRU",
            "LSTM",
            "RNN",
            "Embedding",
            "Bilinear",
            "Unflatten",
            "Softmax",
            "Softplus",
            "Mish",
            "CELU",
            "ReLU6",
            "Hardtanh",
            "Reduce",
            "TorchFn",
            "ForkChunk",
            "ForkSplit",
            "Get",
            "Narrow",
            "IndexSelect",
            "MergeConcat",
            "MergeStack",
            "MergeSum",
            "MergeProd",
            "MergeMean",
            "MergeDot",
            "MergeBMM",
            "MergeFiLM",
        ],
    };

    /// Reads `{Class: arguments}`.
    fn from_module(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let [entry] = node.entries() else {
            let what = node.describe();
            found.error(
                node.error(format!("expected one layer `{{Class: arguments}}`, found {what}")),
            );
            return None;
        };
        let class = Node { value: Value::Str(entry.key.clone()), ..entry.node.clone() };
        let class = Node { at: entry.key_at.clone(), defined: None, ..class };
        let name = Self::NAMES.read(&class, found)?;
        let empty = Node { value: Value::Map(Vec::new()), ..entry.node.clone() };
        let arguments = if entry.node.is_null() { &empty } else { &entry.node };
        match name {
            "Linear" => read_record(arguments, found).map(Self::Linear),
            "LayerNorm" => layer_norm(arguments, found).map(Self::LayerNorm),
            _ => {
                read_record::<NoKeys>(arguments, found)?;
                ActivationSpec::from_node(&class, found).map(Self::Activation)
            }
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Linear(linear) => json!({ "Linear": linear }),
            Self::LayerNorm(norm) => json!({ "LayerNorm": norm }),
            Self::Activation(activation) => json!({ activation.name(): null }),
        }
    }
}

/// `normalized_shape` may be a number, as in `PyTorch`.
fn layer_norm(arguments: &Node, found: &mut Diagnostics) -> Option<LayerNormSpec> {
    let mut arguments = arguments.clone();
    if let Some(shape) = arguments.child_mut("normalized_shape").filter(|n| n.as_f64().is_some()) {
        shape.value = Value::Seq(vec![shape.clone()]);
    }
    read_record(&arguments, found)
}

/// A network body: layers one after another.
#[derive(Clone, Debug, PartialEq)]
pub struct ArcSpec {
    /// The layers, from input to output.
    pub layers: Vec<LayerSpec>,
}

impl FromNode for ArcSpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let mut fields = Fields::new(node, found)?;
        let modules = fields.required::<Node>("modules");
        let graph = fields.required::<Node>("graph");
        fields.finish();
        let modules = chain(&modules?, &graph?, found)?;
        let layers: Vec<Option<Vec<LayerSpec>>> =
            modules.iter().map(|module| module_layers(module, found)).collect();
        let layers = layers.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Self { layers: layers.concat() })
    }

    fn schema() -> Json {
        json!({
            "type": "object",
            "description": "A network in TorchArc's notation: modules, and the graph that joins them.",
            "properties": {
                "modules": { "type": "object", "additionalProperties": { "type": "object" } },
                "graph": {
                    "type": "object",
                    "properties": { "input": {}, "modules": { "type": "object" }, "output": {} },
                    "required": ["input", "modules", "output"],
                },
            },
            "required": ["modules", "graph"],
        })
    }
}

fn module_layers(module: &Node, found: &mut Diagnostics) -> Option<Vec<LayerSpec>> {
    let nodes = layer_nodes(module, found)?;
    let layers: Vec<Option<LayerSpec>> =
        nodes.iter().map(|node| LayerSpec::from_module(node, found)).collect();
    layers.into_iter().collect()
}

impl Serialize for ArcSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let layers: Vec<Json> = self.layers.iter().map(LayerSpec::to_json).collect();
        let arc = json!({
            "modules": { "body": { "Sequential": layers } },
            "graph": { "input": "x", "modules": { "body": ["x"] }, "output": "body" },
        });
        arc.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse, to_json};
    use super::*;

    fn read(text: &str) -> (Option<ArcSpec>, Diagnostics) {
        let node = parse("t.yaml", text).unwrap();
        let mut found = Diagnostics::new();
        (ArcSpec::from_node(&node, &mut found), found)
    }

    const GRAPH: &str = "graph: {input: x, modules: {body: [x]}, output: body}";

    #[test]
    fn a_sequential_body_becomes_its_layers_and_is_saved_readable() {
        let (arc, found) = read(&format!(
            "modules:\n  body:\n    Sequential:\n      - LazyLinear: {{out_features: 64}}\n      \
             - LayerNorm: {{normalized_shape: 64}}\n      - SiLU:\n{GRAPH}"
        ));
        let arc = arc.unwrap();
        assert_eq!(found, Diagnostics::new());
        assert_eq!(arc.layers.len(), 3);
        assert_eq!(arc.layers[2], LayerSpec::Activation(ActivationSpec::Silu));
        let (again, _) = read(&to_json(&arc).to_string());
        assert_eq!(again, Some(arc));
    }

    #[test]
    fn every_bad_layer_is_named_at_its_own_place() {
        let (arc, found) = read(&format!(
            "modules:\n  body:\n    Sequential:\n      - LazyLinear: {{out_feature: 64}}\n      \
             - Relu:\n      - LazyConv2d: {{out_channels: 3}}\n{GRAPH}"
        ));
        assert_eq!(arc, None);
        assert_eq!(found.errors[0].path, "modules.body.Sequential.0.LazyLinear.out_features");
        assert_eq!(found.errors[1].message, "unknown layer `Relu`");
        assert_eq!((found.errors[1].at.line, found.errors[1].at.column), (5, 9));
        assert_eq!(found.unavailable[0].feature, "layer LazyConv2d");
    }

    #[test]
    fn compact_notation_repeats_a_layer_with_what_goes_before_and_after() {
        let (arc, found) = read(&format!(
            "modules:\n  body:\n    compact:\n      layer: {{type: LazyLinear, keys: \
             [out_features], args: [64, [32]]}}\n      postlayer: [{{ReLU: null}}]\n{GRAPH}"
        ));
        let widths: Vec<usize> = arc
            .unwrap()
            .layers
            .iter()
            .filter_map(|layer| match layer {
                LayerSpec::Linear(linear) => Some(linear.out_features),
                _ => None,
            })
            .collect();
        assert_eq!((widths, found), (vec![64, 32], Diagnostics::new()));
    }
}
