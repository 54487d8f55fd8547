//! Names out of a fixed list: finding the one that is meant, or saying why there is none.

use serde_json::{Value as Json, json};

use super::error::Diagnostics;
use super::fields::{Fields, paragraph};
use super::nearest::hint;
use super::node::Node;

/// The names one enumeration knows.
pub struct Names {
    /// What they are names of, such as `optimizer`.
    pub noun: &'static str,
    /// Whether upper and lower case are the same.
    pub any_case: bool,
    /// Each name with its other spellings.
    pub names: &'static [(&'static str, &'static [&'static str])],
    /// Names that SLM-Lab knows and this program does not have yet.
    pub not_built: &'static [&'static str],
}

impl Names {
    /// The main spelling of the name that `node` holds; `None`, with the reason noted, if it
    /// holds none.
    pub fn read(&self, node: &Node, found: &mut Diagnostics) -> Option<&'static str> {
        let Some(text) = node.as_str() else {
            let (noun, what) = (self.noun, node.describe());
            let error = node.error(format!("expected the name of a known {noun}, found {what}"));
            found.error(error.with_help(hint("", self.all())));
            return None;
        };
        let name = self.find(text);
        if name.is_none() {
            self.refuse(node, text, found);
        }
        name
    }

    /// As `read`, for the name under `key` of a mapping.
    pub fn read_tag(
        &self,
        node: &Node,
        key: &'static str,
        found: &mut Diagnostics,
    ) -> Option<&'static str> {
        let tag = Fields::new(node, found)?.required::<Node>(key)?;
        self.read(&tag, found)
    }

    fn find(&self, text: &str) -> Option<&'static str> {
        let spellings = |(name, aliases): &(&'static str, &'static [&'static str])| {
            self.same(name, text) || aliases.iter().any(|alias| self.same(alias, text))
        };
        self.names.iter().find(|entry| spellings(entry)).map(|(name, _)| *name)
    }

    fn same(&self, name: &str, text: &str) -> bool {
        name == text || (self.any_case && name.eq_ignore_ascii_case(text))
    }

    fn refuse(&self, node: &Node, text: &str, found: &mut Diagnostics) {
        if let Some(name) = self.not_built.iter().find(|name| self.same(name, text)) {
            let built = self.names.iter().map(|(name, _)| *name);
            found.not_built_among(node, format!("{} {name}", self.noun), built);
            return;
        }
        let unknown = node.error(format!("unknown {} `{text}`", self.noun));
        let unknown = unknown.with_help(hint(text, self.all()));
        found.error(node.unset_variable().unwrap_or(unknown));
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().map(|(name, _)| *name).chain(self.not_built.iter().copied())
    }

    /// The JSON schema of the names; where case does not matter, editors see a suggestion only.
    pub fn schema(&self) -> Json {
        let all: Vec<&str> = self.all().collect();
        if self.any_case {
            return json!({ "type": "string", "examples": all });
        }
        json!({ "enum": all })
    }

    /// The JSON schema of a choice between records by `key`.
    pub fn union_schema(&self, doc: &[&str], key: &str, mut records: Vec<Json>) -> Json {
        if !self.not_built.is_empty() {
            records.push(json!({
                "type": "object",
                "description": "Known but not built yet.",
                "properties": { key: { "enum": self.not_built } },
                "required": [key],
            }));
        }
        json!({ "description": paragraph(doc), "oneOf": records })
    }
}

/// `value` as JSON, for saving.
///
/// # Panics
/// When the value has no JSON form: nothing that a spec holds is such.
pub fn to_json(value: &impl serde::Serialize) -> Json {
    serde_json::to_value(value).expect("spec values are plain numbers, text, lists and maps")
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const NAMES: Names = Names {
        noun: "fruit",
        any_case: true,
        names: &[("Apple", &["pomme"])],
        not_built: &["Fig"],
    };

    fn read(text: &str) -> (Option<&'static str>, Diagnostics) {
        let mut found = Diagnostics::new();
        (NAMES.read(&parse("t.yaml", text).unwrap(), &mut found), found)
    }

    #[test]
    fn every_spelling_leads_to_the_main_one() {
        assert_eq!(read("apple").0, Some("Apple"));
        assert_eq!(read("POMME").0, Some("Apple"));
    }

    #[test]
    fn what_is_no_name_is_told_from_what_is_not_built() {
        assert_eq!(read("fig").1.unavailable[0].feature, "fruit Fig");
        assert_eq!(read("3").1.errors[0].message, "expected the name of a known fruit, found 3");
        assert_eq!(read("Aple").1.errors[0].message, "unknown fruit `Aple`");
    }

    #[test]
    fn a_placeholder_says_that_it_is_not_set() {
        assert_eq!(read("${fruit}").1.errors[0].message, "`${fruit}` is not set");
    }
}
