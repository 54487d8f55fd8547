//! Returns of a uniformly random policy, which strength is measured against.
//!
//! The table is SLM-Lab's `_random_baseline.json`: mean and standard deviation over 100 episodes.

use std::collections::HashMap;

use serde::Deserialize;

const TABLE: &str = include_str!("../../assets/random_baseline.json");

/// Mean and standard deviation of the episode return of a random policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomBaseline {
    /// Mean return; 0 for an unknown environment.
    pub mean: f64,
    /// Standard deviation of the returns; 0 for an unknown environment.
    pub std: f64,
    /// Whether the table has this environment. If not, strength is the return itself and deserves a
    /// warning.
    pub is_known: bool,
}

#[derive(Deserialize)]
struct Entry {
    mean: f64,
    std: f64,
}

/// Looks an environment up by its Gymnasium name, as `CartPole-v1`.
///
/// # Panics
/// When the embedded table is not valid JSON, which a test rules out.
pub fn random_baseline(env: &str) -> RandomBaseline {
    let table: HashMap<String, Option<Entry>> =
        serde_json::from_str(TABLE).expect("the embedded baseline table is valid JSON");
    match table.get(env) {
        Some(Some(entry)) => RandomBaseline { mean: entry.mean, std: entry.std, is_known: true },
        _ => RandomBaseline { mean: 0.0, std: 0.0, is_known: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_classic_environments() {
        // SLM-Lab's documentation rounds these to 22.97, -499.86, -1197.15 and -200.
        let means = ["CartPole-v1", "Acrobot-v1", "Pendulum-v1", "MountainCar-v0"]
            .map(|env| (random_baseline(env).mean * 100.0).round() / 100.0);
        assert_eq!(means, [22.97, -499.86, -1197.15, -200.0]);
        assert!(random_baseline("CartPole-v1").is_known);
    }

    #[test]
    fn an_unknown_environment_is_zero_and_says_so() {
        let zero = RandomBaseline { mean: 0.0, std: 0.0, is_known: false };
        assert_eq!(random_baseline("playground/CartpoleBalance"), zero);
    }

    #[test]
    fn an_entry_without_numbers_counts_as_unknown() {
        assert!(!random_baseline("GymV21Environment-v0").is_known);
    }
}
