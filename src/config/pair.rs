//! Two sizes of an image layer: vertical and horizontal.

use std::ops::RangeBounds;

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::{Diagnostics, FromNode, Node, Ranged};

/// One number for both directions, or `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairSpec(pub [usize; 2]);

impl FromNode for PairSpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match node.items() {
            [] => usize::from_node(node, found).map(|both| Self([both; 2])),
            [vertical, horizontal] => {
                let (vertical, horizontal) =
                    (usize::from_node(vertical, found), usize::from_node(horizontal, found));
                Some(Self([vertical?, horizontal?]))
            }
            items => {
                let n = items.len();
                found.error(node.error(format!("expected a number or two, found a list of {n}")));
                None
            }
        }
    }

    fn schema() -> Json {
        let number = usize::schema();
        let pair = json!({ "type": "array", "items": number, "minItems": 2, "maxItems": 2 });
        json!({ "anyOf": [number, pair] })
    }
}

impl Ranged for PairSpec {
    type Number = usize;

    fn check(&self, node: &Node, range: &impl RangeBounds<usize>, found: &mut Diagnostics) -> bool {
        let items = node.items();
        let at = |i: usize| items.get(i).unwrap_or(node);
        let [vertical, horizontal] = self.0;
        vertical.check(at(0), range, found) && horizontal.check(at(1), range, found)
    }
}

impl Serialize for PairSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn one_number_counts_for_both_directions() {
        let read = |text| {
            let mut found = Diagnostics::new();
            let pair = PairSpec::from_node(&parse("t.json", text).unwrap(), &mut found);
            (pair.map(|pair| pair.0), found.errors.len())
        };
        assert_eq!(read("3"), (Some([3, 3]), 0));
        assert_eq!(read("[3, 5]"), (Some([3, 5]), 0));
        assert_eq!(read("[3, 5, 7]"), (None, 1));
        assert_eq!(read("[-1, 5]"), (None, 1));
        assert_eq!(read("same").1, 1);
    }
}
