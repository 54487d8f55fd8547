//! What can be said about a spec: errors, warnings and known features that are not built yet.

use std::fmt;

use super::node::{Location, Node};
use super::render;

/// One thing wrong (or, as a warning, odd) at one place of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecError {
    /// Dotted path, such as `agent.algorithm.gamma`; empty for the file as a whole.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// Where the value is used.
    pub at: Location,
    /// Where the value was written, when an anchor brought it to `at`.
    pub defined: Option<Location>,
    /// What to do about it.
    pub help: Option<String>,
}

impl SpecError {
    /// An error about the value of `node`.
    pub fn new(node: &Node, message: impl Into<String>) -> Self {
        Self {
            path: node.path.clone(),
            message: message.into(),
            at: node.at.clone(),
            defined: node.defined.clone(),
            help: None,
        }
    }

    /// The same error with a hint, if there is one.
    pub fn with_help(self, help: impl Into<Option<String>>) -> Self {
        Self { help: help.into(), ..self }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render::issue(render::Severity::Error, self, false))
    }
}

impl std::error::Error for SpecError {}

/// A feature that SLM-Lab has and this program knows, but does not have yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NotBuilt {
    /// What is missing, such as `network ConvNet`.
    pub feature: String,
    /// Dotted path of the value that asks for it.
    pub path: String,
    /// Where the spec asks for it.
    pub at: Location,
    /// What there is instead, where that is a list of names.
    pub help: Option<String>,
}

impl fmt::Display for NotBuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render::issue(render::Severity::Error, &self.as_error(), false))
    }
}

impl NotBuilt {
    pub(super) fn as_error(&self) -> SpecError {
        SpecError {
            path: self.path.clone(),
            message: format!("{} is known but not built yet", self.feature),
            at: self.at.clone(),
            defined: None,
            help: self.help.clone(),
        }
    }
}

/// Memory that a value of a spec takes of the machine that runs it.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryNeed {
    /// What takes it, as the beginning of a message at the value.
    pub what: SpecError,
    /// How much, in bytes.
    pub bytes: u64,
}

/// Everything found while reading a spec; reading goes on after an error, so that all are found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnostics {
    /// What makes the spec unusable.
    pub errors: Vec<SpecError>,
    /// What is odd but does no harm.
    pub warnings: Vec<SpecError>,
    /// What the spec rightly asks for and this program does not have yet.
    pub unavailable: Vec<NotBuilt>,
    /// What takes much memory.
    pub needs: Vec<MemoryNeed>,
    /// Whether a key that nothing reads is an error instead of a warning.
    pub strict: bool,
}

impl Diagnostics {
    /// No findings yet; keys that nothing reads will be warnings.
    pub fn new() -> Self {
        Self::default()
    }

    /// No findings yet; keys that nothing reads will be errors.
    pub fn strict() -> Self {
        Self { strict: true, ..Self::default() }
    }

    /// Notes an error.
    pub fn error(&mut self, error: SpecError) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Notes a warning.
    pub fn warning(&mut self, warning: SpecError) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Notes a key that nothing reads, unknown or idle here: a warning, or an error in strict mode.
    pub fn unread_key(&mut self, issue: SpecError) {
        if self.strict { self.error(issue) } else { self.warning(issue) }
    }

    /// Notes that the value of `node` asks for a feature that is not built yet.
    pub fn not_built(&mut self, node: &Node, feature: impl Into<String>) {
        self.missing(node, feature.into(), None);
    }

    /// As [`not_built`](Self::not_built), and says how to do about it, where something can be done.
    pub fn not_built_but(&mut self, node: &Node, feature: String, help: Option<String>) {
        self.missing(node, feature, help);
    }

    /// As [`not_built`](Self::not_built), and says what there is.
    pub fn not_built_among<'a>(
        &mut self,
        node: &Node,
        feature: impl Into<String>,
        built: impl IntoIterator<Item = &'a str>,
    ) {
        let built: Vec<&str> = built.into_iter().collect();
        let help = (!built.is_empty()).then(|| format!("there are {}", built.join(", ")));
        self.missing(node, feature.into(), help);
    }

    fn missing(&mut self, node: &Node, feature: String, help: Option<String>) {
        let missing = NotBuilt { feature, path: node.path.clone(), at: node.at.clone(), help };
        if !self.unavailable.contains(&missing) {
            self.unavailable.push(missing);
        }
    }

    /// Notes what a value takes of the machine's memory.
    pub fn need(&mut self, what: SpecError, bytes: u64) {
        self.needs.push(MemoryNeed { what, bytes });
    }

    /// Notes an error at each value that takes more than a machine of `memory` bytes has, or at the largest
    /// where only all of them together do, in one session or in those that train at a time. `fewer` says
    /// how to have no more than so many of these.
    pub fn refuse_beyond(&mut self, memory: u64, sessions: usize, fewer: fn(usize) -> String) {
        let mut needs = std::mem::take(&mut self.needs);
        needs.sort_by_key(|need| std::cmp::Reverse(need.bytes));
        let together = needs.iter().fold(0, |sum: u64, need| sum.saturating_add(need.bytes));
        let of_all = together.saturating_mul(sessions as u64);
        let Some(largest) = needs.first().cloned() else { return };
        if largest.bytes > memory {
            for need in needs.into_iter().filter(|need| need.bytes > memory) {
                self.error(beyond(need.what, "", need.bytes, memory));
            }
        } else if together > memory {
            let others = " and what else a session holds";
            self.error(beyond(largest.what, others, together, memory));
        } else if of_all > memory {
            let others =
                format!(" and what else a session holds, in {sessions} sessions at a time,");
            let help = fewer((memory / together) as usize);
            self.error(beyond(largest.what, &others, of_all, memory).with_help(help));
        }
    }

    /// Whether the spec can be run: no errors and nothing unavailable.
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty() && self.unavailable.is_empty()
    }

    /// `value`, if it was read and nothing speaks against running it; else everything that does.
    ///
    /// # Errors
    /// When an error was noted or an unavailable feature was asked for.
    pub fn finish<T>(&self, value: Option<T>) -> Result<T, SpecErrors> {
        match value {
            Some(value) if self.is_ok() => Ok(value),
            _ => Err(SpecErrors(self.all_errors())),
        }
    }

    fn all_errors(&self) -> Vec<SpecError> {
        self.errors.iter().cloned().chain(self.unavailable.iter().map(NotBuilt::as_error)).collect()
    }

    /// Everything found, as a compiler would print it: warnings first, then errors, then counts.
    pub fn render(&self, color: bool) -> String {
        render::report(&self.warnings, &self.all_errors(), color)
    }
}

/// All errors of a spec; never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecErrors(pub Vec<SpecError>);

impl SpecErrors {
    /// The errors as a compiler would print them.
    pub fn render(&self, color: bool) -> String {
        render::report(&[], &self.0, color)
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for SpecErrors {}

impl From<SpecError> for SpecErrors {
    fn from(error: SpecError) -> Self {
        Self(vec![error])
    }
}

impl From<Box<SpecError>> for SpecErrors {
    fn from(error: Box<SpecError>) -> Self {
        Self(vec![*error])
    }
}

/// The error of `what`, with others, that would take `bytes` of the `memory` there is.
fn beyond(what: SpecError, others: &str, bytes: u64, memory: u64) -> SpecError {
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    let (needed, there) = (gigabytes(bytes), gigabytes(memory));
    let message =
        format!("{}{others} would take {needed} of memory, and there are {there}", what.message);
    SpecError { message, ..what }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    #[test]
    fn the_same_finding_is_noted_once() {
        let node = parse("t.yaml", "a: 1").unwrap();
        let mut found = Diagnostics::new();
        found.error(node.error("no"));
        found.error(node.error("no"));
        found.not_built(&node, "network ConvNet");
        found.not_built(&node, "network ConvNet");
        assert_eq!((found.errors.len(), found.unavailable.len()), (1, 1));
    }

    #[test]
    fn a_feature_that_is_not_built_keeps_the_value_back_and_says_so() {
        let node = parse("t.yaml", "a: 1").unwrap();
        let mut found = Diagnostics::new();
        assert_eq!(found.finish(Some(3)), Ok(3));
        found.not_built(&node, "network ConvNet");
        let errors = found.finish(Some(3)).unwrap_err();
        assert_eq!(errors.0[0].message, "network ConvNet is known but not built yet");
    }

    #[test]
    fn what_takes_more_memory_than_there_is_is_an_error_at_its_place() {
        let node = parse("t.yaml", "a: 1").unwrap();
        let mut found = Diagnostics::new();
        found.need(node.error_in("a", "a list"), 2_000_000_000);
        found.need(node.error_in("b", "another"), 2_000_000_001);
        found.refuse_beyond(2_000_000_000, 1, few);
        let said: Vec<(&str, &str)> =
            found.errors.iter().map(|e| (e.path.as_str(), e.message.as_str())).collect();
        assert_eq!(said, [("b", "another would take 2.0 GB of memory, and there are 2.0 GB")]);
    }

    #[test]
    fn strict_mode_turns_unread_keys_into_errors() {
        let node = parse("t.yaml", "a: 1").unwrap();
        let mut lenient = Diagnostics::new();
        lenient.unread_key(node.error("unknown"));
        assert_eq!((lenient.errors.len(), lenient.warnings.len()), (0, 1));
        let mut strict = Diagnostics::strict();
        strict.unread_key(node.error("unknown"));
        assert_eq!((strict.errors.len(), strict.warnings.len()), (1, 0));
    }

    #[test]
    fn values_that_fit_one_by_one_and_not_together_are_an_error_at_the_largest() {
        let node = parse("t.yaml", "{a: 1, b: 2}").unwrap();
        let said = |memory| {
            let mut found = Diagnostics::new();
            found.need(node.error_in("a", "one"), 1_000_000_000);
            found.need(node.error_in("b", "another"), 2_000_000_000);
            found.refuse_beyond(memory, 1, few);
            found.errors.into_iter().map(|e| (e.path, e.message)).collect::<Vec<_>>()
        };
        assert!(said(3_000_000_000).is_empty());
        let message = "another and what else a session holds would take 3.0 GB of memory, and there are 2.9 GB";
        assert_eq!(said(2_900_000_000), [("b".to_owned(), message.to_owned())]);
    }

    fn few(sessions: usize) -> String {
        format!("no more than {sessions}")
    }

    /// Three sessions of 2.5 GB are 7.5 GB; of 6 GB two have room.
    #[test]
    fn what_fits_once_and_not_in_all_sessions_at_a_time_says_how_many_there_is_room_for() {
        let node = parse("t.yaml", "{a: 1, b: 2}").unwrap();
        let said = |sessions| {
            let mut found = Diagnostics::new();
            found.need(node.error_in("a", "one"), 500_000_000);
            found.need(node.error_in("b", "another"), 2_000_000_000);
            found.refuse_beyond(6_000_000_000, sessions, few);
            found.errors.into_iter().map(|e| (e.path, e.message, e.help)).collect::<Vec<_>>()
        };
        assert!(said(2).is_empty());
        let message = "another and what else a session holds, in 3 sessions at a time, would take \
                       7.5 GB of memory, and there are 6.0 GB";
        let help = Some("no more than 2".to_owned());
        assert_eq!(said(3), [("b".to_owned(), message.to_owned(), help)]);
    }
}
