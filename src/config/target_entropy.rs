//! `target_entropy` of a soft actor-critic: a number of nats, or "auto".

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::{Diagnostics, FromNode, Node, Value};

/// The entropy that a temperature is to bring about.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum TargetEntropySpec {
    /// As the action space suggests.
    #[default]
    Auto,
    /// So many nats.
    Nats(f64),
}

impl FromNode for TargetEntropySpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            Value::Str(text) if text.eq_ignore_ascii_case("auto") => Some(Self::Auto),
            Value::Str(_) if node.unset_variable().is_none() => {
                let found_here = node.describe();
                let message = format!("expected a number or \"auto\", found {found_here}");
                found.error(node.error(message));
                None
            }
            _ => f64::from_node(node, found).map(Self::Nats),
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [f64::schema(), { "const": "auto" }] })
    }
}

impl Serialize for TargetEntropySpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Nats(nats) => serializer.serialize_f64(*nats),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn read(text: &str) -> (Option<TargetEntropySpec>, Diagnostics) {
        let mut found = Diagnostics::new();
        (TargetEntropySpec::from_node(&parse("t.yaml", text).unwrap(), &mut found), found)
    }

    #[test]
    fn it_is_a_number_or_auto() {
        assert_eq!(read("-1.5").0, Some(TargetEntropySpec::Nats(-1.5)));
        assert_eq!(read("auto").0, Some(TargetEntropySpec::Auto));
        let (none, found) = read("automatic");
        assert_eq!(none, None);
        assert!(found.errors[0].message.starts_with("expected a number or \"auto\""), "{found:?}");
    }
}
