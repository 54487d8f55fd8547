//! Text to positioned tree: JSON and YAML 1.2 (anchors, aliases, merge keys) through one parser.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location as Place, Spanned};

use super::comments::slashes;
use super::error::SpecError;
use super::node::{Entry, Location, Node, Source, Value, join};

/// Values a file may hold after its aliases are replayed: far above any spec, far below a bomb.
const MAX_NODES: usize = 200_000;
/// Nesting a file may have, three times that of any spec: bounds the recursion of everything that
/// walks the tree, also on the small stack of a thread in a program that is not optimized.
const MAX_DEPTH: usize = 40;

/// Reads `text`, called `name` in messages, into a positioned tree.
///
/// # Errors
/// When the text is not JSON or YAML, repeats a key, refers to an unknown anchor, holds a
/// number that is not finite, or is too large or too deep to be a spec.
pub fn parse(name: &str, text: &str) -> Result<Node, Box<SpecError>> {
    parse_at(&Arc::new(Source { name: name.to_owned(), text: text.to_owned() }), text)
}

/// As `parse`, with places in a given source.
pub(super) fn parse_at(source: &Arc<Source>, text: &str) -> Result<Node, Box<SpecError>> {
    if let Some((line, column)) = slashes(text) {
        let at = Location::new(source, line, column);
        let message =
            "no comment begins so: JSON has none, those of YAML begin with `#`".to_owned();
        let help = Some("leave it out, or write `# …`".to_owned());
        return Err(Box::new(SpecError { path: String::new(), message, at, defined: None, help }));
    }
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
        Ok(raw) => Ok(positioned(raw, source, "")),
        Err(error) => Err(Box::new(syntax_error(&error, source))),
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: MAX_NODES, max_depth: MAX_DEPTH },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_NODES },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn syntax_error(error: &serde_saphyr::Error, source: &Arc<Source>) -> SpecError {
    let at = error.location().map_or_else(|| Location::new(source, 1, 1), |p| place(p, source));
    let text = error.without_snippet().to_string();
    let position = format!(" at line {}, column {}", at.line, at.column);
    let text = text.strip_suffix(&position).unwrap_or(&text);
    let text = text.split(", set DuplicateKeyPolicy").next().unwrap_or(text);
    let message = format!("this is not a readable JSON or YAML file: {text}");
    SpecError { path: String::new(), message, at, defined: None, help: None }
}

fn place(place: Place, source: &Arc<Source>) -> Location {
    Location::new(source, (place.line() as u32).max(1), (place.column() as u32).max(1))
}

fn positioned(raw: Spanned<Raw>, source: &Arc<Source>, path: &str) -> Node {
    let at = place(raw.referenced, source);
    let defined = place(raw.defined, source);
    let value = match raw.value {
        Raw::Scalar(value) => value,
        Raw::Seq(items) => Value::Seq(
            items
                .into_iter()
                .enumerate()
                .map(|(i, item)| positioned(item, source, &join(path, i)))
                .collect(),
        ),
        Raw::Map(pairs) => Value::Map(
            pairs.into_iter().map(|(key, value)| entry(key, value, source, path)).collect(),
        ),
    };
    Node { value, defined: (defined != at).then_some(defined), at, path: path.to_owned() }
}

fn entry(key: Spanned<String>, value: Spanned<Raw>, source: &Arc<Source>, path: &str) -> Entry {
    let node = positioned(value, source, &join(path, &key.value));
    Entry { key_at: place(key.defined, source), key: key.value, node }
}

/// What the parser hands over, before places and paths are settled.
enum Raw {
    Scalar(Value),
    Seq(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Bool(flag)))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Int(int.into())))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Int(int.into())))
    }

    fn visit_i128<E>(self, int: i128) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Int(int)))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Float(float)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Str(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Map(pairs))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(node: &Node, path: &str) -> (u32, u32) {
        let at = &node.lookup(path).unwrap().at;
        (at.line, at.column)
    }

    #[test]
    fn json_positions_are_exact_also_in_one_line_maps_and_lists() {
        let text = "{\n  \"a\": {\"b\": 1.5, \"c\": [true,\n    \"x\"]}\n}";
        let node = parse("t.json", text).unwrap();
        assert_eq!(at(&node, ""), (1, 1));
        assert_eq!(at(&node, "a"), (2, 8));
        assert_eq!(at(&node, "a.b"), (2, 14));
        assert_eq!(at(&node, "a.c"), (2, 24));
        assert_eq!(at(&node, "a.c.0"), (2, 25));
        assert_eq!(at(&node, "a.c.1"), (3, 5));
        let keys = node.get("a").unwrap().entries();
        assert_eq!((keys[1].key_at.line, keys[1].key_at.column), (2, 19));
    }

    #[test]
    fn an_alias_is_used_at_its_star_and_defined_at_its_anchor() {
        let node = parse("t.yaml", "_m: &m\n  size: 3\nspec:\n  memory: *m\n").unwrap();
        let size = node.lookup("spec.memory.size").unwrap();
        assert_eq!((size.at.line, size.at.column), (4, 11));
        let defined = size.defined.as_ref().unwrap();
        assert_eq!((defined.line, defined.column), (2, 9));
        assert_eq!(node.lookup("_m.size").unwrap().defined, None);
    }

    #[test]
    fn merge_keys_are_shallow_and_the_nearer_value_wins() {
        let text = "_a: &a {x: 1, o: {p: 1, q: 2}}\n_b: &b {x: 2, y: 3}\n\
                    one: {<<: *a, o: {p: 5}}\ntwo: {<<: [*a, *b], z: 4}\n";
        let json = parse("t.yaml", text).unwrap().to_json();
        assert_eq!(json["one"], serde_json::json!({"o": {"p": 5}, "x": 1}));
        assert_eq!(json["two"]["x"], 1);
        assert_eq!(json["two"]["y"], 3);
        assert_eq!(json["two"]["o"]["q"], 2);
    }

    #[test]
    fn numbers_follow_yaml_1_2() {
        let text = "[3e-4, 1e7, 1.0e+7, 10e6, 1.5.2, \"5\", -0.5, 18446744073709551615, no, true]";
        let values: Vec<Value> =
            parse("t.yaml", text).unwrap().items().iter().map(|n| n.value.clone()).collect();
        let text = |s: &str| Value::Str(s.to_owned());
        let expected = vec![
            Value::Float(3e-4),
            Value::Float(1e7),
            Value::Float(1e7),
            Value::Float(1e7),
            text("1.5.2"),
            text("5"),
            Value::Float(-0.5),
            Value::Int(i128::from(u64::MAX)),
            text("no"),
            Value::Bool(true),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn a_repeated_key_is_an_error_at_its_second_place() {
        let error = parse("t.json", "{\"a\": 1,\n \"b\": 2,\n \"a\": 3}").unwrap_err();
        assert_eq!((error.at.line, error.at.column), (3, 2));
        assert_eq!(
            error.message,
            "this is not a readable JSON or YAML file: duplicate mapping key: a"
        );
    }

    #[test]
    fn an_unknown_anchor_an_open_bracket_and_infinity_are_errors_with_a_place() {
        for (text, place) in [("a: *x", (1, 4)), ("a: [1,\nb: 2", (1, 4)), ("x: .inf", (1, 4))] {
            let at = parse("t.yaml", text).unwrap_err().at;
            assert_eq!((at.line, at.column), place, "{text}");
        }
    }

    #[test]
    fn alias_bombs_and_deep_nesting_are_refused() {
        let line = |i: usize| {
            let alias = vec![format!("*a{}", i - 1); 10].join(", ");
            format!("a{i}: &a{i} [{alias}]\n")
        };
        let lines: Vec<String> = (1..9).map(line).collect();
        let bomb = format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}", lines.concat());
        assert!(parse("bomb.yaml", &bomb).is_err());
        assert!(parse("deep.json", &"[".repeat(100_000)).is_err());
        assert!(parse("deep.yaml", &"- ".repeat(100_000)).is_err());
        let nested = |depth: usize| format!("{}x{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse("deep.json", &nested(MAX_DEPTH)).is_ok());
        assert!(parse("deep.json", &nested(MAX_DEPTH + 1)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = parse("t.yaml", &text);
        }

        #[test]
        fn no_mixture_of_yaml_signs_makes_the_parser_panic(
            text in "([a-c]|[0-9.e-]|: |\\n|  |- |[{}\\[\\],\"'&*#|>!%@?~]|<<: |\\$\\{x\\}|é){0,60}"
        ) {
            if let Ok(node) = parse("t.yaml", &text) {
                prop_assert_eq!(node.path, "");
            }
        }
    }
}
