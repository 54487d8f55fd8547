//! `-s KEY=VALUE`: fills `${KEY}` in a spec, or sets the value at a dotted path.

use std::sync::Arc;

use super::node::{Entry, Location, Source, Value, join, variables};
use super::parse::parse_at;
use super::{Diagnostics, Node, RawSpec, SpecError, did_you_mean};

/// A setting as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// What it was given by: `-s`, `--set` or the environment variable `SET`.
    pub option: &'static str,
    /// Its text, to be `KEY=VALUE`.
    pub text: String,
}

impl Given {
    /// What it says.
    ///
    /// # Errors
    /// As [`Setting::parse`].
    pub fn parse(&self) -> Result<Setting, SpecError> {
        Setting::parse_from(self.option, &self.text)
    }
}

/// One `-s KEY=VALUE` of the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    key: String,
    value: String,
    source: Arc<Source>,
}

impl Setting {
    /// Splits `text` at its first `=`.
    ///
    /// # Errors
    /// When there is no `=` or nothing before it.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        Self::parse_from("-s", text)
    }

    fn parse_from(option: &str, text: &str) -> Result<Self, SpecError> {
        let source = Arc::new(Source { name: option.to_owned(), text: text.to_owned() });
        match text.split_once('=').map(|(key, value)| (key.trim(), value)) {
            Some((key, value)) if !key.is_empty() => {
                Ok(Self { key: key.to_owned(), value: value.to_owned(), source })
            }
            _ => Err(SpecError {
                path: String::new(),
                message: format!("expected KEY=VALUE, found `{text}`"),
                at: Location::new(&source, 1, 1),
                defined: None,
                help: Some(
                    "for example `-s env=CartPole-v1` or `-s meta.max_session=1`".to_owned(),
                ),
            }),
        }
    }

    /// The place of the value on the command line.
    fn value_at(&self) -> Location {
        let text = &self.source.text;
        let key = text.find('=').map_or(0, |i| text[..=i].chars().count());
        Location::new(&self.source, 1, key as u32 + 1)
    }

    /// The value as a scalar: a number where it reads as one.
    fn scalar(&self) -> Value {
        let text = self.value.trim();
        if let Ok(int) = text.parse::<i128>() {
            return Value::Int(int);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => whole_or_not(number),
            _ if text == "true" || text == "false" => Value::Bool(text == "true"),
            _ => Value::Str(self.value.clone()),
        }
    }

    /// The value as it stands within a longer text.
    fn text(&self) -> String {
        match self.scalar() {
            Value::Int(int) => int.to_string(),
            Value::Float(float) => float.to_string(),
            _ => self.value.clone(),
        }
    }

    fn warning(&self, path: &str, message: String, help: Option<String>) -> SpecError {
        let at = Location::new(&self.source, 1, 1);
        SpecError { path: path.to_owned(), message, at, defined: None, help }
    }
}

fn whole_or_not(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        Value::Int(number as i128)
    } else {
        Value::Float(number)
    }
}

impl RawSpec {
    /// Applies every setting, in order.
    pub fn set(&mut self, settings: &[Setting], found: &mut Diagnostics) {
        for setting in settings {
            if setting.key == "env" {
                self.name = format!("{}_{}", self.name, short_env(&setting.value));
            }
            if fill(&mut self.node, setting) > 0 {
                continue;
            }
            match setting.key.rsplit_once('.') {
                Some((parent, key)) => set_path(&mut self.node, parent, key, setting, found),
                None => found.warning(self.unused(setting)),
            }
        }
    }

    fn unused(&self, setting: &Setting) -> SpecError {
        let (key, name) = (&setting.key, &self.name);
        let message = format!("there is no `${{{key}}}` in {name}, so this changes nothing");
        let path = path_of(&self.node, key);
        let help = path.map(|path| format!("to set {path}, write `-s {path}={}`", setting.value));
        setting.warning("", message, help)
    }
}

/// What `-s env=…` adds to the name of a spec: `ALE/Pong-v5` gives `pong`.
fn short_env(env: &str) -> String {
    let last = env.rsplit('/').next().unwrap_or(env);
    last.split('-').next().unwrap_or(last).to_lowercase()
}

/// Fills every `${KEY}` below `node`; in how many values.
fn fill(node: &mut Node, setting: &Setting) -> usize {
    let placeholder = format!("${{{}}}", setting.key);
    match &mut node.value {
        Value::Str(text) if variables(text).any(|name| name == setting.key) => {
            let whole = *text == placeholder;
            let text = text.replace(&placeholder, &setting.text());
            node.value = if whole { setting.scalar() } else { Value::Str(text) };
            node.defined = Some(setting.value_at());
            1
        }
        Value::Seq(items) => items.iter_mut().map(|item| fill(item, setting)).sum(),
        Value::Map(entries) => entries.iter_mut().map(|e| fill(&mut e.node, setting)).sum(),
        _ => 0,
    }
}

/// The dotted path that a bare key probably means: `env` stands for `env.name`.
fn path_of(node: &Node, key: &str) -> Option<String> {
    if let Some(section) = node.get(key) {
        let name = section.get("name").map(|name| name.path.clone());
        return if section.is_map() { name } else { Some(section.path.clone()) };
    }
    node.entries().iter().find_map(|entry| path_of(&entry.node, key))
}

fn set_path(root: &mut Node, parent: &str, key: &str, setting: &Setting, found: &mut Diagnostics) {
    let padding = " ".repeat(setting.value_at().column as usize - 1);
    let value = match parse_at(&setting.source, &(padding + &setting.value)) {
        Ok(value) => value,
        Err(error) => return found.error(*error),
    };
    if let Some(error) = missing_parent(root, parent, key, setting) {
        return found.error(error);
    }
    let parent = parent.split('.').try_fold(root, Node::child_mut);
    let parent = parent.expect("missing_parent found every step of this path");
    let value = value.rebased(&join(&parent.path, key));
    if let Some(node) = parent.child_mut(key) {
        *node = value;
    } else if let Value::Map(entries) = &mut parent.value {
        let key_at = Location::new(&setting.source, 1, 1);
        entries.push(Entry { key: key.to_owned(), key_at, node: value });
    }
}

/// Why the last step of a dotted path can not be taken, if it can not.
fn missing_parent(root: &Node, parent: &str, key: &str, setting: &Setting) -> Option<SpecError> {
    let mut node = root;
    for step in parent.split('.') {
        match node.child(step) {
            Some(child) => node = child,
            None => return Some(no_child(node, step, setting)),
        }
    }
    (!node.is_map() && node.child(key).is_none()).then(|| no_child(node, key, setting))
}

fn no_child(node: &Node, step: &str, setting: &Setting) -> SpecError {
    let nearest =
        if node.path.is_empty() { "the spec".to_owned() } else { format!("`{}`", node.path) };
    let message = format!("there is no `{step}` in {nearest}, which is {}", node.describe());
    let names = node.entries().iter().map(|entry| entry.key.as_str());
    let help = did_you_mean(step, names.clone()).or_else(|| {
        node.is_map().then(|| format!("it has {}", names.collect::<Vec<_>>().join(", ")))
    });
    setting.warning(&setting.key, message, help)
}

#[cfg(test)]
mod tests {
    use super::super::SpecFile;
    use super::*;

    const FILE: &str = "s:\n  agent: {algorithm: {gamma: 0.9}, net: {hid_layers: [64, 32]}}\n  \
                        env: {name: \"${env}\", max_frame: ${max_frame}, note: \"on ${env} for \
                        ${max_frame}\"}\n  meta: {max_session: 4}\n";

    fn set(settings: &[&str]) -> (RawSpec, Diagnostics) {
        let file = SpecFile::parse(
            "t.yaml",
            &FILE.replace("max_frame: ${max_frame}", "max_frame: \"${max_frame}\""),
        );
        let mut spec = file.unwrap().choose("s").unwrap();
        let mut found = Diagnostics::new();
        let settings: Vec<Setting> =
            settings.iter().map(|text| Setting::parse(text).unwrap()).collect();
        spec.set(&settings, &mut found);
        (spec, found)
    }

    fn value(spec: &RawSpec, path: &str) -> Value {
        spec.node.lookup(path).unwrap().value.clone()
    }

    /// The pairs recorded from SLM-Lab.
    #[test]
    fn env_adds_its_short_name_to_the_spec_as_in_slm_lab() {
        for (env, short) in [
            ("ALE/Pong-v5", "pong"),
            ("HalfCheetah-v5", "halfcheetah"),
            ("playground/CartpoleBalance", "cartpolebalance"),
        ] {
            assert_eq!(set(&[&format!("env={env}")]).0.name, format!("s_{short}"));
        }
    }

    #[test]
    fn a_quoted_placeholder_becomes_a_number_and_text_within_text_stays_text() {
        let (spec, found) = set(&["max_frame=3e6", "env=ALE/Pong-v5"]);
        assert_eq!(found, Diagnostics::new());
        assert_eq!(value(&spec, "env.max_frame"), Value::Int(3_000_000));
        assert_eq!(value(&spec, "env.name"), Value::Str("ALE/Pong-v5".to_owned()));
        let note = Value::Str("on ALE/Pong-v5 for 3000000".to_owned());
        assert_eq!(value(&spec, "env.note"), note);
    }

    #[test]
    fn a_filled_value_tells_where_it_was_written() {
        let (spec, _) = set(&["max_frame=many"]);
        let node = spec.node.lookup("env.max_frame").unwrap();
        assert_eq!(node.defined.as_ref().unwrap().to_string(), "-s:1:11");
        assert_eq!(node.at.line, 3);
    }

    #[test]
    fn what_is_not_filled_is_an_error_with_the_way_to_set_it() {
        let (spec, mut found) = set(&["env=A-v1"]);
        spec.check_variables(&mut found);
        let paths: Vec<&str> = found.errors.iter().map(|e| e.path.as_str()).collect();
        assert_eq!(paths, ["env.max_frame", "env.note"]);
        let help = found.errors[0].help.as_deref();
        assert_eq!(help, Some("add `-s max_frame=VALUE` to the command"));
    }

    #[test]
    fn dotted_paths_set_values_items_and_new_keys() {
        let (spec, found) = set(&[
            "agent.algorithm.gamma=0.5",
            "agent.net.hid_layers.1=128",
            "agent.algorithm.entropy={name: no_decay}",
            "meta.max_session=1",
        ]);
        assert_eq!(found, Diagnostics::new());
        assert_eq!(value(&spec, "agent.algorithm.gamma"), Value::Float(0.5));
        assert_eq!(value(&spec, "agent.net.hid_layers.1"), Value::Int(128));
        let name = spec.node.lookup("agent.algorithm.entropy.name").unwrap();
        assert_eq!((name.path.as_str(), name.at.column), ("agent.algorithm.entropy.name", 32));
        assert_eq!(value(&spec, "meta.max_session"), Value::Int(1));
    }

    #[test]
    fn a_path_below_nothing_is_an_error_that_names_the_nearest() {
        let (_, found) = set(&["agent.algoritm.gamma=0.5", "agent.net.hid_layers.5=1"]);
        assert_eq!(
            found.errors[0].message,
            "there is no `algoritm` in `agent`, which is a mapping"
        );
        assert_eq!(found.errors[0].help.as_deref(), Some("did you mean `algorithm`?"));
        assert_eq!(
            found.errors[1].message,
            "there is no `5` in `agent.net.hid_layers`, which is a list of 2"
        );
    }

    #[test]
    fn a_key_that_nothing_uses_warns_with_the_path_that_was_meant() {
        let (spec, found) = set(&["gamma=0.5", "nothing=1"]);
        assert_eq!(value(&spec, "agent.algorithm.gamma"), Value::Float(0.9));
        assert_eq!((found.errors.len(), found.warnings.len()), (0, 2));
        assert_eq!(
            found.warnings[0].help.as_deref(),
            Some("to set agent.algorithm.gamma, write `-s agent.algorithm.gamma=0.5`")
        );
        assert_eq!(found.warnings[1].help, None);
    }

    #[test]
    fn env_on_a_spec_without_the_variable_warns_and_still_names_the_spec() {
        let mut spec =
            SpecFile::parse("t.yaml", "s: {env: {name: A}}").unwrap().choose("s").unwrap();
        let mut found = Diagnostics::new();
        spec.set(&[Setting::parse("env=B-v1").unwrap()], &mut found);
        assert_eq!(spec.name, "s_b");
        let help = found.warnings[0].help.as_deref();
        assert_eq!(help, Some("to set env.name, write `-s env.name=B-v1`"));
    }

    #[test]
    fn a_setting_without_a_value_sign_is_an_error() {
        assert!(Setting::parse("gamma").is_err());
        assert!(Setting::parse("=3").is_err());
        assert!(Setting::parse("a=").is_ok());
    }

    #[test]
    fn an_error_names_the_option_that_was_typed() {
        let given = Given { option: "--set", text: "gamma".to_owned() };
        assert_eq!(given.parse().unwrap_err().at.to_string(), "--set:1:1");
    }
}
