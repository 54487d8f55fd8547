//! The positioned tree: what a spec file says, and where it says it.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Number};

use super::error::SpecError;

/// A text that values come from: a file, a built-in spec or the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// What messages call it: the path as the user gave it, or the option of a setting.
    pub name: String,
    /// The whole text, for snippets.
    pub text: String,
}

/// A place in a source; lines and columns count from 1, columns in characters. Line 0 is the
/// source as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    /// The text this place lies in.
    pub source: Arc<Source>,
    /// Line, from 1; 0 for the source as a whole.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Location {
    /// The place at the given line and column of `source`.
    pub fn new(source: &Arc<Source>, line: u32, column: u32) -> Self {
        Self { source: Arc::clone(source), line, column }
    }

    /// The text of the line this place lies on, without its line break.
    pub fn line_text(&self) -> &str {
        let index = (self.line as usize).checked_sub(1);
        index.and_then(|index| self.source.text.lines().nth(index)).unwrap_or_default()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.source.name),
            line => write!(f, "{}:{line}:{}", self.source.name, self.column),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One value with its place and its dotted path within the spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it says.
    pub value: Value,
    /// Where it is used.
    pub at: Location,
    /// Where it was written, when it got here through an anchor or a merge key.
    pub defined: Option<Location>,
    /// Dotted path, such as `agent.algorithm.gamma`; items of a list are numbered from 0.
    pub path: String,
}

/// What a node says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A finite number with a fraction or an exponent.
    Float(f64),
    /// Text, quoted or plain.
    Str(String),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is written.
    pub key_at: Location,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a number.
    pub fn as_f64(&self) -> Option<f64> {
        match self.value {
            Value::Int(int) => Some(int as f64),
            Value::Float(float) => Some(float),
            _ => None,
        }
    }

    /// Whether this says nothing.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// Whether this is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// The node at a dotted path below this one; the empty path is this node itself.
    pub fn lookup(&self, path: &str) -> Option<&Self> {
        path.split('.').filter(|key| !key.is_empty()).try_fold(self, |node, key| node.child(key))
    }

    /// One step of a dotted path: a key of a mapping or an index of a list.
    pub fn child(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Seq(items) => items.get(key.parse::<usize>().ok()?),
            _ => self.get(key),
        }
    }

    /// One step of a dotted path, to change what is there.
    pub(super) fn child_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Seq(items) => items.get_mut(key.parse::<usize>().ok()?),
            Value::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node)
            }
            _ => None,
        }
    }

    /// The same tree with its dotted paths counted from `path`.
    pub fn rebased(mut self, path: &str) -> Self {
        self.rebase(path);
        self
    }

    fn rebase(&mut self, path: &str) {
        path.clone_into(&mut self.path);
        match &mut self.value {
            Value::Seq(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    item.rebase(&join(path, i));
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    entry.node.rebase(&join(path, &entry.key));
                }
            }
            _ => {}
        }
    }

    /// The error that a `${name}` in this text is not set, if there is one.
    pub fn unset_variable(&self) -> Option<SpecError> {
        let name = variables(self.as_str()?).next()?;
        let help = format!("add `-s {name}=VALUE` to the command");
        Some(self.error(format!("`${{{name}}}` is not set")).with_help(help))
    }

    /// An error about this value.
    pub fn error(&self, message: impl Into<String>) -> SpecError {
        SpecError::new(self, message)
    }

    /// An error about the value under `key`, or about this mapping where the key is absent.
    pub fn error_in(&self, key: &str, message: impl Into<String>) -> SpecError {
        match self.child(key) {
            Some(node) => node.error(message),
            None => SpecError { path: join(&self.path, key), ..self.error(message) },
        }
    }

    /// An error about the key `key` of this mapping itself, wherever it is written.
    pub fn error_at_key(&self, key: &str, message: impl Into<String>) -> SpecError {
        let entry = self.entries().iter().find(|entry| entry.key == key);
        let at = entry.map_or_else(|| self.at.clone(), |entry| entry.key_at.clone());
        SpecError { at, path: join(&self.path, key), ..self.error(message) }
    }

    /// What messages call this value: `the number 3`, `the text "abc"`, `a mapping`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Int(int) => int.to_string(),
            Value::Float(float) => float.to_string(),
            Value::Str(text) => format!("the text {}", quoted(text)),
            Value::Seq(items) => format!("a list of {}", items.len()),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    /// The same value as JSON, without places.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Int(int) => {
                Number::from_i128(*int).map_or(Json::from(*int as f64), Json::Number)
            }
            Value::Float(float) => Json::from(*float),
            Value::Str(text) => Json::String(text.clone()),
            Value::Seq(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.node.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// The names in every `${name}` of a text.
pub(super) fn variables(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    inside.filter(|name| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

/// `text` in quotes for a message, cut when it is long.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let cut: String = text.chars().take(SHOWN).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", cut.escape_debug())
}

/// The dotted path of `key` below `path`.
pub(super) fn join(path: &str, key: impl fmt::Display) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn tree(text: &str) -> Node {
        parse("t.yaml", text).unwrap()
    }

    #[test]
    fn dotted_paths_reach_keys_and_list_items() {
        let node = tree("a: {b: [10, {c: 20}]}");
        assert_eq!(node.lookup("a.b.1.c").unwrap().value, Value::Int(20));
        assert_eq!(node.lookup("a.b.1.c").unwrap().path, "a.b.1.c");
        assert_eq!(node.lookup("").unwrap(), &node);
        assert_eq!(node.lookup("a.b.2"), None);
        assert_eq!(node.lookup("a.x"), None);
    }

    #[test]
    fn rebasing_renames_every_path_below() {
        let node = tree("a: {b: [1]}").get("a").unwrap().clone().rebased("");
        assert_eq!(node.lookup("b.0").unwrap().path, "b.0");
    }

    #[test]
    fn json_keeps_order_and_the_difference_between_whole_and_fractional_numbers() {
        let json = tree("z: 1\na: 1.0\nm: [null, true, x]").to_json();
        assert_eq!(json.to_string(), r#"{"z":1,"a":1.0,"m":[null,true,"x"]}"#);
    }

    #[test]
    fn an_error_in_an_absent_key_points_at_the_mapping_and_names_the_key() {
        let node = tree("a:\n  b: 1");
        let error = node.get("a").unwrap().error_in("c", "missing");
        assert_eq!((error.path.as_str(), error.at.line, error.at.column), ("a.c", 2, 3));
    }

    #[test]
    fn variables_are_word_characters_in_braces() {
        let found: Vec<&str> = variables("a ${env} ${max_frame}${} ${a b} ${open").collect();
        assert_eq!(found, ["env", "max_frame"]);
    }

    #[test]
    fn long_text_is_cut_in_messages() {
        let node = tree(&format!("a: {}", "é".repeat(50)));
        assert_eq!(node.get("a").unwrap().describe(), format!("the text \"{}…\"", "é".repeat(40)));
    }
}
