//! `arc`: networks written layer by layer, in `TorchArc`'s notation.

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::arc_graph::chain;
use super::arc_layer::LayerSpec;
use super::arc_module::layer_nodes;
use super::place::Place;
use super::{Diagnostics, Fields, FromNode, Node};

/// A network body: layers one after another.
#[derive(Clone, Debug, PartialEq)]
pub struct ArcSpec {
    /// The layers, from input to output.
    pub layers: Vec<LayerSpec>,
    /// Where each of them is written.
    pub places: Vec<Place>,
}

impl FromNode for ArcSpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let mut fields = Fields::new(node, found)?;
        let modules = fields.required::<Node>("modules");
        let graph = fields.required::<Node>("graph");
        fields.finish();
        let modules = chain(&modules?, &graph?, found)?;
        let nodes: Vec<Option<Vec<Node>>> =
            modules.iter().map(|module| layer_nodes(module, found)).collect();
        let nodes = nodes.into_iter().collect::<Option<Vec<_>>>()?.concat();
        let layers: Vec<Option<LayerSpec>> =
            nodes.iter().map(|node| LayerSpec::from_module(node, found)).collect();
        let layers = layers.into_iter().collect::<Option<_>>()?;
        Some(Self { layers, places: nodes.into_iter().map(Place).collect() })
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
    use super::super::{ActivationSpec, PairSpec, parse, to_json};
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
             - Relu:\n      - LazyConv1d: {{out_channels: 3}}\n{GRAPH}"
        ));
        assert_eq!(arc, None);
        assert_eq!(found.errors[0].path, "modules.body.Sequential.0.LazyLinear.out_features");
        assert_eq!(found.errors[1].message, "unknown layer `Relu`");
        assert_eq!((found.errors[1].at.line, found.errors[1].at.column), (5, 9));
        assert_eq!(found.unavailable[0].feature, "layer LazyConv1d");
    }

    #[test]
    fn convolutions_take_one_number_or_a_pair_and_are_saved_readable() {
        let (arc, found) = read(&format!(
            "modules:\n  body:\n    Sequential:\n      - LazyConv2d: {{out_channels: 32, \
             kernel_size: 8, stride: [4, 2]}}\n      - Flatten:\n{GRAPH}"
        ));
        let arc = arc.unwrap();
        assert_eq!(found, Diagnostics::new());
        let LayerSpec::Conv2d(conv) = &arc.layers[0] else { panic!("{arc:?}") };
        assert_eq!((conv.kernel_size, conv.stride), (PairSpec([8, 8]), PairSpec([4, 2])));
        assert_eq!(
            (conv.padding, conv.dilation, conv.bias),
            (PairSpec([0; 2]), PairSpec([1; 2]), true)
        );
        assert_eq!(arc.layers[1], LayerSpec::Flatten);
        assert_eq!(read(&to_json(&arc).to_string()).0, Some(arc));
    }

    #[test]
    fn what_a_convolution_can_not_do_here_is_said_at_the_key() {
        let (_, found) = read(&format!(
            "modules:\n  body:\n    Sequential:\n      - Conv2d: {{out_channels: 4, \
             kernel_size: 0, groups: 2, padding_mode: reflect}}\n      - Flatten: {{start_dim: \
             2}}\n{GRAPH}"
        ));
        let paths: Vec<&str> = found.errors.iter().map(|e| e.path.as_str()).collect();
        let layer = "modules.body.Sequential";
        let expected =
            [format!("{layer}.0.Conv2d.kernel_size"), format!("{layer}.1.Flatten.start_dim")];
        assert_eq!(paths, expected);
        assert_eq!(found.unavailable[0].feature, "padding reflect");
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
