//! Bounds of numbers: checking them, saying them in words, and in JSON schema.

use std::fmt::Display;
use std::ops::{Bound, RangeBounds};

use serde_json::{Value as Json, json};

use super::error::Diagnostics;
use super::node::Node;

/// Everything above `low`, without `low` itself.
pub fn above<N>(low: N) -> (Bound<N>, Bound<N>) {
    (Bound::Excluded(low), Bound::Unbounded)
}

/// A value that holds numbers which a range can bound: a number, or a list or an option of them.
pub trait Ranged {
    /// The type of the numbers.
    type Number: PartialOrd + Display + serde::Serialize;

    /// Notes an error at each number outside `range`; whether there was none.
    fn check(
        &self,
        node: &Node,
        range: &impl RangeBounds<Self::Number>,
        found: &mut Diagnostics,
    ) -> bool;
}

macro_rules! ranged_numbers {
    ($($number:ty),*) => { $(
        impl Ranged for $number {
            type Number = Self;

            fn check(&self, node: &Node, range: &impl RangeBounds<Self>, found: &mut Diagnostics) -> bool {
                if !range.contains(self) {
                    let words = words(range);
                    found.error(node.error(format!("expected {words}, found {}", node.describe())));
                }
                range.contains(self)
            }
        }
    )* };
}

ranged_numbers!(u8, u16, u32, u64, usize, i32, i64, f32, f64);

impl<T: Ranged> Ranged for Option<T> {
    type Number = T::Number;

    fn check(
        &self,
        node: &Node,
        range: &impl RangeBounds<T::Number>,
        found: &mut Diagnostics,
    ) -> bool {
        self.as_ref().is_none_or(|value| value.check(node, range, found))
    }
}

impl<T: Ranged> Ranged for Vec<T> {
    type Number = T::Number;

    fn check(
        &self,
        node: &Node,
        range: &impl RangeBounds<T::Number>,
        found: &mut Diagnostics,
    ) -> bool {
        check_items(self, node, range, found)
    }
}

impl<T: Ranged, const N: usize> Ranged for [T; N] {
    type Number = T::Number;

    fn check(
        &self,
        node: &Node,
        range: &impl RangeBounds<T::Number>,
        found: &mut Diagnostics,
    ) -> bool {
        check_items(self, node, range, found)
    }
}

fn check_items<T: Ranged>(
    items: &[T],
    node: &Node,
    range: &impl RangeBounds<T::Number>,
    found: &mut Diagnostics,
) -> bool {
    let nodes = node.items();
    let checks = items.iter().enumerate();
    checks.fold(true, |ok, (i, item)| item.check(nodes.get(i).unwrap_or(node), range, found) && ok)
}

/// `a number from 0 to 1`, `a number of at least 1`, `a number above 0`.
fn words<N: Display>(range: &impl RangeBounds<N>) -> String {
    let low = match range.start_bound() {
        Bound::Included(low) => Some((low.to_string(), "of at least", "from")),
        Bound::Excluded(low) => Some((low.to_string(), "above", "above")),
        Bound::Unbounded => None,
    };
    let high = match range.end_bound() {
        Bound::Included(high) => Some((high.to_string(), "of at most", "to")),
        Bound::Excluded(high) => Some((high.to_string(), "below", "to below")),
        Bound::Unbounded => None,
    };
    match (low, high) {
        (Some((low, _, from)), Some((high, _, to))) => format!("a number {from} {low} {to} {high}"),
        (Some((bound, alone, _)), None) | (None, Some((bound, alone, _))) => {
            format!("a number {alone} {bound}")
        }
        (None, None) => "a number".to_owned(),
    }
}

/// Adds `minimum`, `maximum` and their exclusive forms to the schema of a number or a list.
pub(super) fn bound_schema<N: serde::Serialize>(schema: &mut Json, range: &impl RangeBounds<N>) {
    let target = match schema.get("items") {
        Some(Json::Object(_)) => &mut schema["items"],
        _ => schema,
    };
    match range.start_bound() {
        Bound::Included(low) => target["minimum"] = json!(low),
        Bound::Excluded(low) => target["exclusiveMinimum"] = json!(low),
        Bound::Unbounded => {}
    }
    match range.end_bound() {
        Bound::Included(high) => target["maximum"] = json!(high),
        Bound::Excluded(high) => target["exclusiveMaximum"] = json!(high),
        Bound::Unbounded => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    #[test]
    fn ranges_read_like_sentences() {
        assert_eq!(words(&(0.0..=1.0)), "a number from 0 to 1");
        assert_eq!(words(&(1..)), "a number of at least 1");
        assert_eq!(words(&(..5)), "a number below 5");
        assert_eq!(words(&above(0.0)), "a number above 0");
    }

    #[test]
    fn every_item_outside_is_named_at_its_own_place() {
        let node = parse("t.json", "[1, 0, 3, -1]").unwrap();
        let mut found = Diagnostics::new();
        assert!(!vec![1_i64, 0, 3, -1].check(&node, &(1..), &mut found));
        let columns: Vec<u32> = found.errors.iter().map(|e| e.at.column).collect();
        assert_eq!(columns, [5, 11]);
        assert_eq!(found.errors[0].message, "expected a number of at least 1, found 0");
    }

    #[test]
    fn an_absent_option_is_within_every_range() {
        let node = parse("t.json", "null").unwrap();
        assert!(None::<f64>.check(&node, &(0.0..=1.0), &mut Diagnostics::new()));
    }

    #[test]
    fn schema_bounds_go_to_the_items_of_a_list() {
        let mut schema = json!({"type": "array", "items": {"type": "integer"}});
        bound_schema(&mut schema, &(1_usize..));
        assert_eq!(schema["items"], json!({"type": "integer", "minimum": 1}));
        let mut schema = json!({"type": "number"});
        bound_schema(&mut schema, &above(0.0));
        assert_eq!(schema, json!({"type": "number", "exclusiveMinimum": 0.0}));
    }
}
