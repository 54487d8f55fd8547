//! Reading one mapping key by key: every error is noted, and every key nothing asked for.

use std::ops::RangeBounds;

use serde_json::{Map, Value as Json, json};

use super::error::{Diagnostics, SpecError};
use super::from_node::FromNode;
use super::nearest::{did_you_mean, nearest};
use super::node::{Entry, Node};
use super::other_names::key_from_elsewhere;
use super::range::{Ranged, bound_schema};

/// The keys of one mapping, being read.
pub struct Fields<'a> {
    node: &'a Node,
    asked: Vec<&'static str>,
    ignored: Vec<(&'static str, &'static str)>,
    open: bool,
    found: &'a mut Diagnostics,
}

impl<'a> Fields<'a> {
    /// Starts reading `node`; `None`, with an error noted, if it is not a mapping.
    pub fn new(node: &'a Node, found: &'a mut Diagnostics) -> Option<Self> {
        if !node.is_map() {
            found.error(
                node.error(format!("expected a mapping of keys, found {}", node.describe())),
            );
            return None;
        }
        Some(Self { node, asked: Vec::new(), ignored: Vec::new(), open: false, found })
    }

    /// The mapping that is read.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Where findings go.
    pub fn found(&mut self) -> &mut Diagnostics {
        self.found
    }

    /// The node under `key`, which counts as read from here on.
    pub fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.node.get(key)
    }

    /// The value under `key`, which has to be there.
    pub fn required<T: FromNode>(&mut self, key: &'static str) -> Option<T> {
        if let Some(node) = self.get(key) {
            return T::from_node(node, self.found);
        }
        let present = self.node.entries().iter().map(|entry| entry.key.as_str());
        let close = nearest(key, present.filter(|key| !self.asked.contains(key)));
        let help = close.map(|close| format!("is `{close}` a misspelling of it?"));
        let error = self.node.error_in(key, format!("the key `{key}` is missing"));
        self.found.error(error.with_help(help));
        None
    }

    /// The value under `key`, or `default` where it is absent (or null, for types without null).
    pub fn or_default<T: FromNode>(
        &mut self,
        key: &'static str,
        default: impl FnOnce() -> T,
    ) -> Option<T> {
        match self.get(key) {
            Some(node) if T::ACCEPTS_NULL || !node.is_null() => T::from_node(node, self.found),
            _ => Some(default()),
        }
    }

    /// `value`, read from `key`, if every number in it lies in `range`.
    pub fn within<T: Ranged>(
        &mut self,
        key: &str,
        value: Option<T>,
        range: &impl RangeBounds<T::Number>,
    ) -> Option<T> {
        let Some(node) = self.node.get(key).filter(|node| !node.is_null()) else { return value };
        value.filter(|value| value.check(node, range, self.found))
    }

    /// Declares that `key` is known to be set in specs although nothing reads it, and why.
    pub fn ignore(&mut self, key: &'static str, why: &'static str) {
        self.ignored.push((key, why));
    }

    /// Takes every key that was not asked for, for sections with free keys.
    pub fn rest(&mut self) -> Kwargs {
        self.open = true;
        self.unasked().map(|entry| (entry.key.clone(), entry.node.to_json())).collect()
    }

    /// Notes every key that nothing asked for.
    pub fn finish(self) {
        if self.open {
            return;
        }
        let issues: Vec<(SpecError, bool)> =
            self.unasked().map(|entry| self.unread_key(entry)).collect();
        for (issue, known) in issues {
            if known { self.found.warning(issue) } else { self.found.unread_key(issue) }
        }
    }

    fn unasked(&self) -> impl Iterator<Item = &'a Entry> + '_ {
        self.node.entries().iter().filter(|entry| !self.asked.contains(&entry.key.as_str()))
    }

    /// What to say about a key that nothing asked for, and whether that is expected of it.
    fn unread_key(&self, entry: &Entry) -> (SpecError, bool) {
        let key = entry.key.as_str();
        // `actor_init_std` is read as `init_std` of the actor; the file's word is in the path.
        let written = entry.node.path.rsplit('.').next().unwrap_or(key);
        let why = self.ignored.iter().find(|(ignored, _)| *ignored == key).map(|(_, why)| why);
        let message = match why {
            Some(why) => format!("the key `{written}` is not read: {why}"),
            None => format!("unknown key `{written}`, which nothing reads"),
        };
        let help = match why {
            Some(_) => None,
            None => key_from_elsewhere(key, &self.asked)
                .or_else(|| did_you_mean(key, self.asked.iter().copied())),
        };
        (SpecError { help, ..about_key(entry, message) }, why.is_some())
    }
}

/// A finding about a key instead of its value.
fn about_key(entry: &Entry, message: String) -> SpecError {
    let (path, at) = (entry.node.path.clone(), entry.key_at.clone());
    SpecError { path, message, at, defined: None, help: None }
}

/// Keys that are passed on as they are, such as an environment's own options.
pub type Kwargs = Map<String, Json>;

/// Reads a whole mapping as a record, without a tag.
pub fn read_record<T: Record>(node: &Node, found: &mut Diagnostics) -> Option<T> {
    let mut fields = Fields::new(node, found)?;
    let record = T::read(&mut fields);
    fields.finish();
    record
}

/// Reads a mapping whose `tag` key was read by someone else: `agent.algorithm` with its `name`.
pub fn read_tagged<T: Record>(
    node: &Node,
    tag: &'static str,
    found: &mut Diagnostics,
) -> Option<T> {
    let mut fields = Fields::new(node, found)?;
    fields.get(tag);
    let record = T::read(&mut fields);
    fields.finish();
    record
}

/// A set of keys declared by `spec!`: how to read, write and describe it.
pub trait Record: Sized {
    /// The first lines of its documentation.
    const DOC: &'static [&'static str];

    /// Reads every key, noting every error; `None` if there was one.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;

    /// Writes every key with its value, defaults included.
    fn write(&self, out: &mut Map<String, Json>);

    /// Adds every key to the schema of a mapping.
    fn describe(schema: &mut RecordSchema);
}

/// The JSON schema of a mapping, being put together.
#[derive(Default)]
pub struct RecordSchema {
    properties: Map<String, Json>,
    required: Vec<Json>,
    open: bool,
}

impl RecordSchema {
    /// Allows keys beyond the declared ones.
    pub fn open(&mut self) {
        self.open = true;
    }

    /// Adds a key: its schema, its documentation, its default or that it has none.
    pub fn key(&mut self, key: &str, mut schema: Json, doc: &[&str], default: Option<Json>) {
        let doc = paragraph(doc);
        if !doc.is_empty() && schema.is_object() {
            schema["description"] = json!(doc);
        }
        match default {
            Some(default) if schema.is_object() => schema["default"] = default,
            Some(_) => {}
            None => self.required.push(json!(key)),
        }
        self.properties.insert(key.to_owned(), schema);
    }

    /// Adds a key that is allowed but has no effect.
    pub fn ignored(&mut self, key: &str, why: &str) {
        let schema = json!({ "description": format!("Not read: {why}."), "deprecated": true });
        self.properties.insert(key.to_owned(), schema);
    }

    /// The finished schema.
    pub fn finish(self, doc: &[&str]) -> Json {
        json!({
            "type": "object",
            "description": paragraph(doc),
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": self.open,
        })
    }
}

/// The schema of a record; `tag` is a key with a fixed value beside the declared ones.
pub fn record_schema<T: Record>(tag: Option<(&str, &str)>) -> Json {
    let mut schema = RecordSchema::default();
    if let Some((key, name)) = tag {
        schema.key(key, json!({ "const": name }), &[], None);
    }
    T::describe(&mut schema);
    schema.finish(T::DOC)
}

/// Adds the bounds of `range` to a schema.
pub fn within_schema<T: Ranged>(mut schema: Json, range: &impl RangeBounds<T::Number>) -> Json {
    bound_schema(&mut schema, range);
    schema
}

/// Doc lines as one paragraph.
pub(super) fn paragraph(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn each_key_is_read_once_and_what_is_left_warns_at_its_key() {
        let node = parse("t.yaml", "a: 1\nbb: 2\n").unwrap();
        let mut found = Diagnostics::new();
        let mut fields = Fields::new(&node, &mut found).unwrap();
        assert_eq!(fields.required::<u8>("a"), Some(1));
        assert_eq!(fields.or_default("c", || 7_u8), Some(7));
        fields.finish();
        let warning = &found.warnings[0];
        assert_eq!((warning.path.as_str(), warning.at.line, warning.at.column), ("bb", 2, 1));
    }

    #[test]
    fn a_range_is_checked_only_where_there_is_a_value() {
        let node = parse("t.yaml", "a: 5\nb: null\n").unwrap();
        let mut found = Diagnostics::new();
        let mut fields = Fields::new(&node, &mut found).unwrap();
        assert_eq!(fields.within("a", Some(5_u8), &(..5)), None);
        assert_eq!(fields.within("b", Some(9_u8), &(..5)), Some(9));
        assert_eq!(fields.within("c", None::<u8>, &(..5)), None);
        assert_eq!(found.errors.len(), 1);
    }

    #[test]
    fn a_finished_schema_lists_what_is_required() {
        let mut schema = RecordSchema::default();
        schema.key("a", json!({}), &[" One", " line. "], None);
        schema.key("b", json!({}), &[], Some(json!(3)));
        schema.ignored("c", "it is old");
        let schema = schema.finish(&[" Doc."]);
        assert_eq!(schema["required"], json!(["a"]));
        assert_eq!(schema["properties"]["a"]["description"], "One line.");
        assert_eq!(schema["properties"]["b"]["default"], json!(3));
        assert_eq!(schema["properties"]["c"]["description"], "Not read: it is old.");
    }
}
