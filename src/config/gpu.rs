//! `net.gpu`: where networks train if `--device` does not say.

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::from_node::VARIABLE;
use super::{Diagnostics, FromNode, Node, Value};

/// Matches "auto", "true" and "false" in any case.
const ANY_CASE: &str = "^([Aa][Uu][Tt][Oo]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$";

/// Whether networks train on a graphics card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuSpec {
    /// The spec does not say: on the processor.
    #[default]
    Unsaid,
    /// On the processor.
    Never,
    /// Where it pays: for convolutions.
    Auto,
    /// On the first card, or the one of this number; on the processor where there is none.
    Card(Option<usize>),
}

impl FromNode for GpuSpec {
    const ACCEPTS_NULL: bool = true;

    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let gpu = match &node.value {
            Value::Null => Some(Self::Unsaid),
            Value::Bool(false) => Some(Self::Never),
            Value::Bool(true) => Some(Self::Card(None)),
            Value::Int(index) => usize::try_from(*index).ok().map(|index| Self::Card(Some(index))),
            Value::Str(text) => match text.to_ascii_lowercase().as_str() {
                "auto" => Some(Self::Auto),
                "true" => Some(Self::Card(None)),
                "false" => Some(Self::Never),
                _ => None,
            },
            _ => None,
        };
        if gpu.is_none() {
            let what = node.describe();
            let text =
                format!("expected true, false, \"auto\" or the number of a card, found {what}");
            found.error(node.unset_variable().unwrap_or_else(|| node.error(text)));
        }
        gpu
    }

    fn schema() -> Json {
        json!({ "anyOf": [
            { "type": ["boolean", "null"] },
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": ANY_CASE },
            { "type": "string", "pattern": VARIABLE },
        ] })
    }
}

impl Serialize for GpuSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = match self {
            Self::Unsaid => Json::Null,
            Self::Never => json!(false),
            Self::Auto => json!("auto"),
            Self::Card(None) => json!(true),
            Self::Card(Some(index)) => json!(index),
        };
        json.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse, to_json};
    use super::*;

    fn read(text: &str) -> (Option<GpuSpec>, Vec<String>) {
        let mut found = Diagnostics::new();
        let gpu = GpuSpec::from_node(&parse("t.json", text).unwrap(), &mut found);
        (gpu, found.errors.into_iter().map(|error| error.message).collect())
    }

    #[test]
    fn a_card_is_wanted_refused_chosen_or_left_open() {
        for (text, gpu) in [
            ("null", GpuSpec::Unsaid),
            ("false", GpuSpec::Never),
            ("\"false\"", GpuSpec::Never),
            ("true", GpuSpec::Card(None)),
            ("\"True\"", GpuSpec::Card(None)),
            ("\"auto\"", GpuSpec::Auto),
            ("0", GpuSpec::Card(Some(0))),
            ("3", GpuSpec::Card(Some(3))),
        ] {
            assert_eq!(read(text), (Some(gpu), Vec::new()), "{text}");
            assert_eq!(read(&to_json(&gpu).to_string()).0, Some(gpu), "what is saved is read");
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        for (text, found) in [
            ("-1", "-1"),
            ("0.5", "0.5"),
            ("\"yes\"", "the text \"yes\""),
            ("[0, 1]", "a list of 2"),
        ] {
            let message =
                format!("expected true, false, \"auto\" or the number of a card, found {found}");
            assert_eq!(read(text), (None, vec![message]));
        }
    }
}
