//! What an environment is made with.

use std::collections::BTreeMap;
use std::fmt;

use crate::def::EnvDef;
use crate::error::EnvError;

/// How many copies of an environment, of which seed, with which constructor options.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvOptions {
    /// Copies that step together.
    pub num_envs: usize,
    /// Copy i draws from the generator of seed + i.
    pub seed: u64,
    /// Threads to use at most; results do not depend on it.
    pub threads: usize,
    /// Fewest copies that a thread is worth waking for; none lets the cost of a step decide.
    pub min_envs_per_thread: Option<usize>,
    /// From how many nanoseconds of stepping on the copies are to be in two halves that can step on their own,
    /// [`VecEnv::step_part`](crate::VecEnv::step_part); none for never. Results do not depend on it.
    pub min_nanos_per_half: Option<u64>,
    /// Steps after which an episode is truncated, in place of the environment's own limit.
    pub max_episode_steps: Option<u32>,
    /// Constructor options by name.
    pub kwargs: BTreeMap<String, OptionValue>,
}

/// The value of a constructor option.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A lower and an upper bound, infinite where there is none.
    Range(f64, f64),
    /// Numbers by name, one or several each.
    Numbers(BTreeMap<String, Vec<f64>>),
    /// What no option takes, as it was written.
    Other(String),
}

/// What values a constructor option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// `true` or `false`.
    Bool,
    /// A finite number.
    Number,
    /// A whole number that is not negative.
    Count,
    /// A text.
    Text,
    /// A whole number that is not negative, or a text.
    CountOrText,
    /// Two bounds, the lower first.
    Range,
    /// Numbers by name.
    Numbers,
}

/// A constructor option that an environment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionDef {
    /// Its name, that of Gymnasium's keyword.
    pub name: &'static str,
    /// What it takes.
    pub kind: OptionKind,
    /// What it does, and its default.
    pub summary: &'static str,
}

impl EnvOptions {
    /// `num_envs` copies of seed `seed`, on one thread, everything else as the environment has it.
    pub fn new(num_envs: usize, seed: u64) -> Self {
        Self {
            num_envs,
            seed,
            threads: 1,
            min_envs_per_thread: None,
            min_nanos_per_half: None,
            max_episode_steps: None,
            kwargs: BTreeMap::new(),
        }
    }

    /// These options with a constructor option added.
    pub fn with(mut self, name: &str, value: impl Into<OptionValue>) -> Self {
        self.kwargs.insert(name.to_owned(), value.into());
        self
    }

    /// The number given for an option, or its default. [`EnvOptions::check`] has seen that it is one.
    pub fn number(&self, name: &str, default: f64) -> f64 {
        match self.kwargs.get(name) {
            Some(OptionValue::Number(number)) => *number,
            _ => default,
        }
    }

    /// The truth value given for an option, or its default.
    pub fn bool(&self, name: &str, default: bool) -> bool {
        match self.kwargs.get(name) {
            Some(OptionValue::Bool(value)) => *value,
            _ => default,
        }
    }

    /// The text given for an option, or its default.
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        match self.kwargs.get(name) {
            Some(OptionValue::Text(text)) => text,
            _ => default,
        }
    }

    /// The bounds given for an option, or its default.
    pub fn range(&self, name: &str, default: (f64, f64)) -> (f64, f64) {
        match self.kwargs.get(name) {
            Some(&OptionValue::Range(low, high)) => (low, high),
            _ => default,
        }
    }

    /// The numbers by name given for an option.
    pub fn numbers(&self, name: &str) -> Option<&BTreeMap<String, Vec<f64>>> {
        match self.kwargs.get(name) {
            Some(OptionValue::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// Whether an environment can be made with these options.
    ///
    /// # Errors
    /// On an option that the environment does not have, a value that an option does not take, and a count of
    /// zero where one needs at least one.
    pub fn check(&self, def: &EnvDef) -> Result<(), EnvError> {
        for (name, value) in &self.kwargs {
            let Some(option) = def.options.iter().find(|option| option.name == name) else {
                let valid = def.options.iter().map(|option| option.name).collect();
                return Err(EnvError::UnknownOption { env: def.id, name: name.clone(), valid });
            };
            if !option.kind.takes(value) {
                return Err(def.wrong_option(name, option.kind, value));
            }
        }
        let counts = [
            ("num_envs", self.num_envs),
            ("max_episode_steps", self.max_episode_steps.unwrap_or(1) as usize),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            Some((name, count)) => Err(def.wrong_option(name, "at least 1", count)),
            None => Ok(()),
        }
    }
}

impl Default for EnvOptions {
    fn default() -> Self {
        Self::new(1, 0)
    }
}

impl OptionKind {
    fn takes(self, value: &OptionValue) -> bool {
        match (self, value) {
            (Self::Bool, OptionValue::Bool(_))
            | (Self::Text | Self::CountOrText, OptionValue::Text(_)) => true,
            (Self::Number, OptionValue::Number(number)) => number.is_finite(),
            (Self::Count | Self::CountOrText, OptionValue::Number(number)) => {
                *number >= 0.0 && number.fract() == 0.0
            }
            (Self::Range, OptionValue::Range(low, high)) => low <= high,
            (Self::Numbers, OptionValue::Numbers(numbers)) => {
                numbers.values().flatten().all(|number| number.is_finite())
            }
            _ => false,
        }
    }
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "true or false",
            Self::Number => "a finite number",
            Self::Count => "a whole number that is not negative",
            Self::Text => "a text",
            Self::CountOrText => "a whole number that is not negative, or a text",
            Self::Range => "two numbers, the lower first (null for no bound)",
            Self::Numbers => "names with a finite number or a list of them each",
        })
    }
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Range(low, high) => write!(f, "[{low}, {high}]"),
            Self::Numbers(numbers) => f.debug_map().entries(numbers).finish(),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<bool> for OptionValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for OptionValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for OptionValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEF: EnvDef = EnvDef {
        id: "Test-v0",
        summary: "Never made.",
        max_episode_steps: 10,
        reward_threshold: None,
        render_fps: 30,
        options: &[
            OptionDef { name: "g", kind: OptionKind::Number, summary: "a number" },
            OptionDef { name: "frames", kind: OptionKind::Count, summary: "a count" },
            OptionDef { name: "z", kind: OptionKind::Range, summary: "two bounds" },
            OptionDef { name: "view", kind: OptionKind::Numbers, summary: "where one looks from" },
        ],
        make: |_| Err(EnvError::Missing { what: "the test".into(), how: "it has none".into() }),
    };

    #[test]
    fn what_no_option_takes_is_shown_as_it_was_written() {
        let options = EnvOptions::default().with("z", OptionValue::Other("[0.8]".to_owned()));
        assert_eq!(
            error_of(&options),
            "Test-v0: option `z` should be two numbers, the lower first (null for no bound), not [0.8]"
        );
    }

    fn error_of(options: &EnvOptions) -> String {
        options.check(&DEF).expect_err("the options are wrong").to_string()
    }

    #[test]
    fn options_that_the_environment_takes_are_read_back() {
        let options = EnvOptions::new(2, 0).with("g", 9.81);
        assert_eq!(options.check(&DEF), Ok(()));
        assert_eq!((options.number("g", 10.0), options.number("frames", 4.0)), (9.81, 4.0));
    }

    #[test]
    fn a_count_is_whole_and_not_negative() {
        let options = EnvOptions::default().with("frames", 1.5);
        assert_eq!(
            error_of(&options),
            "Test-v0: option `frames` should be a whole number that is not negative, not 1.5"
        );
        assert!(EnvOptions::default().with("frames", 3.0).check(&DEF).is_ok());
    }

    #[test]
    fn an_episode_of_no_steps_is_refused() {
        let options = EnvOptions { max_episode_steps: Some(0), ..EnvOptions::default() };
        assert_eq!(
            error_of(&options),
            "Test-v0: option `max_episode_steps` should be at least 1, not 0"
        );
    }

    #[test]
    fn a_range_may_be_open_but_not_upside_down() {
        let range = |low, high| EnvOptions::default().with("z", OptionValue::Range(low, high));
        assert_eq!(range(0.7, f64::INFINITY).check(&DEF), Ok(()));
        assert_eq!(range(0.7, 2.0).range("z", (0.0, 1.0)), (0.7, 2.0));
        assert_eq!(
            error_of(&range(2.0, 0.7)),
            "Test-v0: option `z` should be two numbers, the lower first (null for no bound), \
             not [2, 0.7]"
        );
    }

    #[test]
    fn numbers_have_names_and_are_finite() {
        let view = |distance: f64| {
            let numbers = [("at", vec![0.0, 1.0]), ("distance", vec![distance])];
            let numbers = numbers.map(|(name, numbers)| (name.to_owned(), numbers)).into();
            EnvOptions::default().with("view", OptionValue::Numbers(numbers))
        };
        assert_eq!(view(2.0).check(&DEF), Ok(()));
        assert_eq!(view(2.0).numbers("view").expect("they are given")["distance"], [2.0]);
        assert_eq!(
            error_of(&view(f64::NAN)),
            "Test-v0: option `view` should be names with a finite number or a list of them each, \
             not {\"at\": [0.0, 1.0], \"distance\": [NaN]}"
        );
    }

    #[test]
    fn infinity_is_no_number() {
        assert!(EnvOptions::default().with("g", f64::INFINITY).check(&DEF).is_err());
    }
}
