//! Why an environment can not be made.

use std::fmt;

/// What is wrong with the request for an environment, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvError {
    /// The constructor has no option of this name.
    UnknownOption {
        /// The environment.
        env: &'static str,
        /// The name given.
        name: String,
        /// The names there are.
        valid: Vec<&'static str>,
    },
    /// An option has a value that it can not have.
    WrongOption {
        /// The environment.
        env: &'static str,
        /// The option.
        name: String,
        /// What it takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Something outside the program is missing: a library, a model, a ROM.
    Missing {
        /// What.
        what: String,
        /// How to get it.
        how: String,
    },
    /// An action that the action space does not have.
    WrongAction {
        /// The action space.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The environment can not be preprocessed as asked.
    Preprocessing {
        /// Why.
        reason: &'static str,
    },
}

impl EnvError {
    /// The option that is wrong, where it is one.
    pub fn option(&self) -> Option<&str> {
        match self {
            Self::UnknownOption { name, .. } | Self::WrongOption { name, .. } => Some(name),
            Self::Missing { .. } | Self::WrongAction { .. } | Self::Preprocessing { .. } => None,
        }
    }
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOption { env, name, valid } if valid.is_empty() => {
                write!(f, "{env} has no option `{name}`; it takes none")
            }
            Self::UnknownOption { env, name, valid } => {
                write!(f, "{env} has no option `{name}`")?;
                if let Some(nearest) = nearest_name(name, valid.iter().copied()) {
                    write!(f, ", did you mean `{nearest}`?")?;
                }
                write!(f, "; it takes {}", valid.join(", "))
            }
            Self::WrongOption { env, name, expected, found } => {
                write!(f, "{env}: option `{name}` should be {expected}, not {found}")
            }
            Self::Missing { what, how } => write!(f, "{what} is missing: {how}"),
            Self::WrongAction { expected, found } => {
                write!(f, "the action {found} is not in the action space: {expected}")
            }
            Self::Preprocessing { reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for EnvError {}

/// The name nearest to a mistyped one, where one is near enough to be meant: at most a third of the letters
/// (at least one) inserted, deleted or changed.
pub fn nearest_name<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|candidate| (edits(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= most)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_names_the_nearest_and_all() {
        let error = EnvError::UnknownOption {
            env: "CartPole-v1",
            name: "suton_barto_reward".into(),
            valid: vec!["sutton_barto_reward"],
        };
        assert_eq!(
            error.to_string(),
            "CartPole-v1 has no option `suton_barto_reward`, did you mean `sutton_barto_reward`?; \
             it takes sutton_barto_reward"
        );
    }

    #[test]
    fn kitten_is_three_edits_from_sitting() {
        assert_eq!(edits("kitten", "sitting"), 3);
    }

    #[test]
    fn a_far_name_is_not_suggested() {
        assert_eq!(nearest_name("continuous", ["g", "goal_velocity"]), None);
    }
}
