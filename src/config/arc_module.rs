//! `modules` of an `arc`: one class, a `Sequential` list, or the `compact` notation, as layers.

use super::{Diagnostics, Entry, FromNode, Node, Value, spec};

spec! {
    /// Layers of one class that differ in their arguments.
    struct CompactSpec {
        /// Layers before each.
        prelayer: Option<Vec<Node>> = nullable;
        /// The layer that is repeated.
        layer: CompactLayerSpec = required;
        /// Layers after each.
        postlayer: Option<Vec<Node>> = nullable;
    }
}

spec! {
    /// The repeated layer of the compact notation.
    struct CompactLayerSpec {
        /// Its class.
        class as "type": Node = required;
        /// Names of its arguments.
        keys: Vec<String> = required;
        /// For each repetition the arguments: a list, or the only one.
        args: Vec<Node> = required;
    }
}

/// The layers of a module, each as a mapping `{Class: arguments}`.
pub(super) fn layer_nodes(module: &Node, found: &mut Diagnostics) -> Option<Vec<Node>> {
    let [entry] = module.entries() else {
        let what = module.describe();
        let message =
            format!("expected one of `Sequential`, `compact` or a layer class, found {what}");
        found.error(module.error(message));
        return None;
    };
    match entry.key.as_str() {
        "Sequential" => Vec::from_node(&entry.node, found),
        "compact" => compact(&entry.node, found),
        _ => Some(vec![module.clone()]),
    }
}

fn compact(node: &Node, found: &mut Diagnostics) -> Option<Vec<Node>> {
    let compact = CompactSpec::from_node(node, found)?;
    let (before, after) =
        (compact.prelayer.unwrap_or_default(), compact.postlayer.unwrap_or_default());
    let mut layers = Vec::new();
    for args in &compact.layer.args {
        layers.extend(before.iter().cloned());
        layers.push(repetition(&compact.layer, args, found)?);
        layers.extend(after.iter().cloned());
    }
    Some(layers)
}

/// One layer of the compact notation, written out.
fn repetition(layer: &CompactLayerSpec, args: &Node, found: &mut Diagnostics) -> Option<Node> {
    let values = if args.items().is_empty() { std::slice::from_ref(args) } else { args.items() };
    let class = String::from_node(&layer.class, found)?;
    if values.len() != layer.keys.len() {
        let (n, given) = (layer.keys.len(), values.len());
        found.error(args.error(format!("expected {n} arguments, one per key, found {given}")));
        return None;
    }
    let entry = |key: &String, node: &Node, at: &Node| Entry {
        key: key.clone(),
        key_at: at.at.clone(),
        node: node.clone(),
    };
    let keys = layer.keys.iter().zip(values).map(|(key, value)| entry(key, value, value)).collect();
    let arguments = Node { value: Value::Map(keys), ..args.clone() };
    let module = vec![entry(&class, &arguments, &layer.class)];
    Some(Node { value: Value::Map(module), ..args.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn layers(text: &str) -> (Option<String>, Diagnostics) {
        let node = parse("t.yaml", text).unwrap();
        let mut found = Diagnostics::new();
        let layers = layer_nodes(&node, &mut found);
        (layers.map(|layers| serde_json::to_string(&layers).unwrap()), found)
    }

    #[test]
    fn compact_writes_out_prelayer_layer_and_postlayer_for_each_arguments() {
        let (text, _) = layers(
            "compact: {prelayer: [{LayerNorm: }], layer: {type: Linear, keys: [in_features, \
             out_features], args: [[4, 8], [8, 2]]}, postlayer: [{ReLU: }]}",
        );
        let expected = r#"[{"LayerNorm":null},{"Linear":{"in_features":4,"out_features":8}},{"ReLU":null},{"LayerNorm":null},{"Linear":{"in_features":8,"out_features":2}},{"ReLU":null}]"#;
        assert_eq!(text.as_deref(), Some(expected));
    }

    #[test]
    fn compact_with_too_few_arguments_is_an_error() {
        let (text, found) = layers("compact: {layer: {type: Linear, keys: [a, b], args: [1]}}");
        assert_eq!(text, None);
        assert_eq!(found.errors[0].message, "expected 2 arguments, one per key, found 1");
    }

    #[test]
    fn one_class_is_one_layer_and_two_are_an_error() {
        assert_eq!(layers("{ReLU: }").0.as_deref(), Some(r#"[{"ReLU":null}]"#));
        assert_eq!(layers("{ReLU: , Tanh: }").1.errors.len(), 1);
    }
}
