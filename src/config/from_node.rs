//! Nodes to plain values: numbers, text, lists, options.

use serde_json::{Value as Json, json};

use super::error::Diagnostics;
use super::node::{Node, Value};

/// A value that can be read from a node.
pub trait FromNode: Sized {
    /// Whether `null` is a value of this type, instead of standing for the default.
    const ACCEPTS_NULL: bool = false;

    /// Reads the value; `None` means that `found` now says why there is none.
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self>;

    /// The JSON schema of what can be read.
    fn schema() -> Json;
}

/// Matches `${name}`, which every scalar of a spec may be until `-s name=value` fills it.
pub(super) const VARIABLE: &str = r"^\$\{\w+\}$";

fn wrong<T>(node: &Node, expected: &str, found: &mut Diagnostics) -> Option<T> {
    let message = || node.error(format!("expected {expected}, found {}", node.describe()));
    found.error(node.unset_variable().unwrap_or_else(message));
    None
}

impl FromNode for bool {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match node.value {
            Value::Bool(flag) => Some(flag),
            _ => wrong(node, "true or false", found),
        }
    }

    fn schema() -> Json {
        json!({ "type": ["boolean", "string"], "pattern": VARIABLE })
    }
}

impl FromNode for String {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            Value::Str(text) => Some(text.clone()),
            _ => wrong(node, "text", found),
        }
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

/// The whole number a node holds; `1e7` is one too.
fn whole(node: &Node) -> Option<i128> {
    /// Up to here every whole `f64` is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match node.value {
        Value::Int(int) => Some(int),
        Value::Float(float) if float.fract() == 0.0 && float.abs() <= EXACT => Some(float as i128),
        _ => None,
    }
}

macro_rules! whole_numbers {
    ($expected:literal: $($int:ty),*) => { $(
        impl FromNode for $int {
            fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
                match whole(node).and_then(|int| Self::try_from(int).ok()) {
                    Some(int) => Some(int),
                    None => wrong(node, $expected, found),
                }
            }

            fn schema() -> Json {
                json!({ "type": ["integer", "string"], "minimum": <$int>::MIN, "pattern": VARIABLE })
            }
        }
    )* };
}

whole_numbers!("a whole number of at least 0": u8, u16, u32, u64, usize);
whole_numbers!("a whole number": i32, i64);

impl FromNode for f64 {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        node.as_f64().or_else(|| wrong(node, "a number", found))
    }

    fn schema() -> Json {
        json!({ "type": ["number", "string"], "pattern": VARIABLE })
    }
}

impl FromNode for f32 {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match node.as_f64().map(|number| number as Self) {
            Some(number) if number.is_finite() => Some(number),
            _ => wrong(node, "a number of single precision", found),
        }
    }

    fn schema() -> Json {
        f64::schema()
    }
}

impl FromNode for Node {
    const ACCEPTS_NULL: bool = true;

    fn from_node(node: &Node, _: &mut Diagnostics) -> Option<Self> {
        Some(node.clone())
    }

    fn schema() -> Json {
        json!({})
    }
}

impl FromNode for Json {
    const ACCEPTS_NULL: bool = true;

    fn from_node(node: &Node, _: &mut Diagnostics) -> Option<Self> {
        Some(node.to_json())
    }

    fn schema() -> Json {
        json!({})
    }
}

impl<T: FromNode> FromNode for Option<T> {
    const ACCEPTS_NULL: bool = true;

    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        if node.is_null() { Some(None) } else { T::from_node(node, found).map(Some) }
    }

    fn schema() -> Json {
        or_null(T::schema())
    }
}

impl<T: FromNode> FromNode for Box<T> {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        T::from_node(node, found).map(Self::new)
    }

    fn schema() -> Json {
        T::schema()
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let Value::Seq(items) = &node.value else { return wrong(node, "a list", found) };
        let items: Vec<Option<T>> = items.iter().map(|item| T::from_node(item, found)).collect();
        items.into_iter().collect()
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
}

impl<T: FromNode, const N: usize> FromNode for [T; N] {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        if node.items().len() != N || !matches!(node.value, Value::Seq(_)) {
            return wrong(node, &format!("a list of {N}"), found);
        }
        Vec::from_node(node, found).and_then(|items| Self::try_from(items).ok())
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema(), "minItems": N, "maxItems": N })
    }
}

impl<A: FromNode, B: FromNode> FromNode for (A, B) {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let [a, b] = node.items() else { return wrong(node, "a list of 2", found) };
        let (a, b) = (A::from_node(a, found), B::from_node(b, found));
        Some((a?, b?))
    }

    fn schema() -> Json {
        json!({ "type": "array", "prefixItems": [A::schema(), B::schema()], "minItems": 2, "maxItems": 2 })
    }
}

/// The schema of what `schema` allows, or null.
fn or_null(mut schema: Json) -> Json {
    let plain = schema.get("enum").or(schema.get("type")).is_some();
    if !plain {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    }
    if let Some(names) = schema.get_mut("enum").and_then(Json::as_array_mut) {
        names.push(Json::Null);
    }
    match schema.get_mut("type") {
        Some(Json::Array(types)) => types.push(json!("null")),
        Some(one) => *one = json!([one.take(), "null"]),
        None => {}
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn read<T: FromNode>(text: &str) -> Result<T, String> {
        let node = parse("t.yaml", text).unwrap();
        let mut found = Diagnostics::new();
        let value = T::from_node(&node, &mut found);
        found.finish(value).map_err(|errors| errors.0[0].message.clone())
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats() {
        assert_eq!(read::<u64>("1e7"), Ok(10_000_000));
        assert_eq!(read::<i32>("-3.0"), Ok(-3));
        assert_eq!(
            read::<u64>("2.5"),
            Err("expected a whole number of at least 0, found 2.5".to_owned())
        );
        assert_eq!(
            read::<usize>("-1"),
            Err("expected a whole number of at least 0, found -1".to_owned())
        );
        assert!(read::<u8>("256").is_err());
        assert!(read::<u64>("1e30").is_err());
        assert_eq!(read::<u64>("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn text_is_not_a_number_and_a_number_is_not_text() {
        assert_eq!(read::<f64>("'1'"), Err("expected a number, found the text \"1\"".to_owned()));
        assert_eq!(read::<String>("1"), Err("expected text, found 1".to_owned()));
        assert_eq!(
            read::<bool>("yes"),
            Err("expected true or false, found the text \"yes\"".to_owned())
        );
    }

    #[test]
    fn lists_and_pairs_report_every_bad_item() {
        assert_eq!(read::<Vec<u8>>("[1, 2]"), Ok(vec![1, 2]));
        assert_eq!(read::<[f64; 2]>("[0.9, 0.999]"), Ok([0.9, 0.999]));
        assert_eq!(read::<(u8, String)>("[1, x]"), Ok((1, "x".to_owned())));
        assert!(read::<[f64; 2]>("[0.9]").is_err());
        let node = parse("t.yaml", "[a, 1, b]").unwrap();
        let mut found = Diagnostics::new();
        assert_eq!(Vec::<u8>::from_node(&node, &mut found), None);
        assert_eq!(found.errors.len(), 2);
    }

    #[test]
    fn single_precision_refuses_what_does_not_fit() {
        assert_eq!(read::<f32>("0.5"), Ok(0.5));
        assert!(read::<f32>("1e300").is_err());
    }

    #[test]
    fn options_add_null_to_every_kind_of_schema() {
        assert_eq!(Option::<String>::schema(), json!({"type": ["string", "null"]}));
        assert_eq!(or_null(json!({"enum": ["a"]})), json!({"enum": ["a", null]}));
        assert_eq!(
            or_null(json!({"oneOf": []})),
            json!({"anyOf": [{"oneOf": []}, {"type": "null"}]})
        );
    }
}
