//! `hid_layers` of a `HydraMLPNet`: heads, a body and tails.

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::net_layer::MAX_WIDTH;
use super::{Diagnostics, FromNode, Node, Ranged};

/// Widths of hidden layers, written `[heads, body, tails]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HydraLayersSpec {
    /// Of each head; the heads lie at the input, side by side.
    pub heads: Vec<Vec<usize>>,
    /// Of the body, which reads all heads.
    pub body: Vec<usize>,
    /// Of each tail, which reads the body and has an output of its own; one stands for all of them,
    /// none for tails without hidden layers.
    pub tails: Vec<Vec<usize>>,
}

impl FromNode for HydraLayersSpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let [heads, body, tails] = node.items() else {
            let what = node.describe();
            let expected = "expected [heads, body, tails] such as [[[32], [32]], [64], []]";
            found.error(node.error(format!("{expected}, found {what}")));
            return None;
        };
        let (heads, body, tails) =
            (branches(heads, found), widths(body, found), branches(tails, found));
        let spec = Self { heads: heads?, body: body?, tails: tails? };
        if spec.heads.is_empty() {
            found.error(node.items()[0].error("expected at least one head, found none"));
            return None;
        }
        for (node, branches) in node.items().iter().step_by(2).zip([&spec.heads, &spec.tails]) {
            if branches.iter().any(|branch| branch.len() != branches[0].len()) {
                found.not_built(node, "heads or tails of different depths");
            }
        }
        Some(spec)
    }

    fn schema() -> Json {
        let widths = json!({ "type": "array", "items": { "type": "integer", "minimum": 1, "maximum": MAX_WIDTH } });
        let branches = json!({ "type": "array", "items": widths });
        let heads = json!({ "type": "array", "items": widths, "minItems": 1 });
        json!({ "type": "array", "prefixItems": [heads, widths, branches], "minItems": 3, "maxItems": 3 })
    }
}

impl Serialize for HydraLayersSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.heads, &self.body, &self.tails).serialize(serializer)
    }
}

/// A list of lists of widths.
fn branches(node: &Node, found: &mut Diagnostics) -> Option<Vec<Vec<usize>>> {
    let branches = Vec::<Vec<usize>>::from_node(node, found)?;
    branches.check(node, &(1..=MAX_WIDTH), found).then_some(branches)
}

fn widths(node: &Node, found: &mut Diagnostics) -> Option<Vec<usize>> {
    let widths = Vec::<usize>::from_node(node, found)?;
    widths.check(node, &(1..=MAX_WIDTH), found).then_some(widths)
}

#[cfg(test)]
mod tests {
    use super::super::{parse, to_json};
    use super::*;

    fn read(text: &str) -> (Option<HydraLayersSpec>, Diagnostics) {
        let mut found = Diagnostics::new();
        (HydraLayersSpec::from_node(&parse("t.json", text).unwrap(), &mut found), found)
    }

    #[test]
    fn heads_body_and_tails_are_read_and_written_alike() {
        let text = "[[[32], [16]], [64, 8], [[4]]]";
        let spec = read(text).0.unwrap();
        assert_eq!((spec.heads.len(), &spec.body), (2, &vec![64, 8]));
        assert_eq!(to_json(&spec).to_string(), text.replace(' ', ""));
        assert_eq!(read("[[[32]], [], []]").0.unwrap().tails, [] as [Vec<usize>; 0]);
    }

    #[test]
    fn what_is_no_hydra_is_said_at_its_place() {
        let cases = [
            ("[32, 16]", "", "expected [heads, body, tails]"),
            ("64", "", "expected [heads, body, tails]"),
            ("[[], [64], []]", "0", "at least one head"),
            ("[[32], [64], []]", "0.0", "expected a list"),
            ("[[[32]], 64, []]", "1", "expected a list"),
            ("[[[0]], [64], []]", "0.0.0", "found 0"),
            ("[[[1]], [64], [[8, 0]]]", "2.0.1", "found 0"),
        ];
        for (text, path, message) in cases {
            let (spec, found) = read(text);
            assert_eq!(spec, None, "{text}");
            assert_eq!((found.errors.len(), found.errors[0].path.as_str()), (1, path), "{text}");
            assert!(found.errors[0].message.contains(message), "{found:?}");
        }
    }

    #[test]
    fn heads_of_different_depths_are_not_built() {
        for (text, path) in [("[[[8], [8, 4]], [], []]", "0"), ("[[[8]], [], [[2], []]]", "2")] {
            let found = read(text).1;
            assert_eq!((found.errors.len(), found.unavailable[0].path.as_str()), (0, path));
        }
    }
}
