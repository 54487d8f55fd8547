//! A spec file: a mapping of names to specs, of which one is chosen.

use super::node::Location;
use super::{Diagnostics, Node, SpecError, SpecErrors, did_you_mean, parse};

/// A parsed spec file.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecFile {
    root: Node,
}

/// One spec of a file, before it is read: `${…}` may still be in it.
#[derive(Clone, Debug, PartialEq)]
pub struct RawSpec {
    /// The name it was chosen by, with what `-s env=…` adds to it.
    pub name: String,
    /// What it says; paths count from the spec.
    pub node: Node,
}

impl SpecFile {
    /// Parses the text of a spec file that messages call `name`.
    ///
    /// # Errors
    /// When the text is no JSON or YAML, or not a mapping of names to specs.
    pub fn parse(name: &str, text: &str) -> Result<Self, SpecErrors> {
        let root = parse(name, text)?;
        let file = Self { root };
        if file.names().is_empty() {
            let what = file.root.describe();
            let message = format!("expected a mapping of names to specs, found {what}");
            return Err(file.root.error(message).into());
        }
        Ok(file)
    }

    /// The file's name in messages.
    pub fn name(&self) -> &str {
        &self.root.at.source.name
    }

    /// The names of its specs, in order; keys that start with `_` hold anchors and are none.
    pub fn names(&self) -> Vec<&str> {
        if self.is_one_spec() {
            return vec![self.only_name()];
        }
        let keys = self.root.entries().iter().map(|entry| entry.key.as_str());
        keys.filter(|key| !key.starts_with('_')).collect()
    }

    /// Whether the file is one spec instead of a mapping: what a run saves.
    fn is_one_spec(&self) -> bool {
        ["agent", "env", "meta"].iter().all(|key| self.root.get(key).is_some())
    }

    fn only_name(&self) -> &str {
        let file = self.name().rsplit('/').next().unwrap_or_default();
        let stem = file.split('.').next().unwrap_or_default();
        self.root.get("name").and_then(Node::as_str).unwrap_or(stem)
    }

    /// The spec called `name`.
    ///
    /// # Errors
    /// When there is none; the error lists the names there are.
    pub fn choose(&self, name: &str) -> Result<RawSpec, SpecErrors> {
        if self.is_one_spec() && name == self.only_name() {
            return Ok(RawSpec { name: name.to_owned(), node: self.root.clone() });
        }
        match self.root.get(name).filter(|_| !self.is_one_spec()) {
            Some(node) => Ok(RawSpec { name: name.to_owned(), node: node.clone().rebased("") }),
            None => Err(self.no_such(name).into()),
        }
    }

    fn no_such(&self, name: &str) -> SpecError {
        let names = self.names();
        let all = format!("specs in this file: {}", names.join(", "));
        let help = match did_you_mean(name, names) {
            Some(question) => format!("{question} ({all})"),
            None => all,
        };
        let at = Location { line: 0, ..self.root.at.clone() };
        let message = format!("there is no spec `{name}` in this file");
        SpecError { path: String::new(), message, at, defined: None, help: Some(help) }
    }
}

impl RawSpec {
    /// Notes an error at every `${name}` that nothing filled.
    pub fn check_variables(&self, found: &mut Diagnostics) {
        check_node(&self.node, found);
    }
}

fn check_node(node: &Node, found: &mut Diagnostics) {
    if let Some(error) = node.unset_variable() {
        found.error(error);
    }
    node.items().iter().for_each(|item| check_node(item, found));
    node.entries().iter().for_each(|entry| check_node(&entry.node, found));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_an_underscore_are_no_specs() {
        let file = SpecFile::parse("t.yaml", "_a: {x: 1}\nb: {y: 2}\nc: {}").unwrap();
        assert_eq!(file.names(), ["b", "c"]);
        assert_eq!(file.choose("b").unwrap().node.get("y").unwrap().path, "y");
    }

    #[test]
    fn a_wrong_name_gives_the_nearest_and_all() {
        let file = SpecFile::parse("t.yaml", "ppo_cartpole: {}\na2c: {}").unwrap();
        let error = file.choose("ppo_cartpol").unwrap_err();
        let expected = "\
error: there is no spec `ppo_cartpol` in this file
 --> t.yaml
  = help: did you mean `ppo_cartpole`? (specs in this file: ppo_cartpole, a2c)

1 error
";
        assert_eq!(error.render(false), expected);
    }

    #[test]
    fn a_saved_spec_is_a_file_of_one() {
        let file =
            SpecFile::parse("data/x_s0_spec.json", "{agent: {}, env: {}, meta: {}, name: x}");
        let file = file.unwrap();
        assert_eq!(file.names(), ["x"]);
        assert!(file.choose("x").unwrap().node.get("agent").is_some());
        assert!(file.choose("agent").is_err());
    }

    #[test]
    fn a_file_without_specs_is_an_error() {
        assert!(SpecFile::parse("t.yaml", "").is_err());
        assert!(SpecFile::parse("t.yaml", "[1]").is_err());
    }
}
