//! What the `env` part of a spec means: which environments, wrapped how.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use slm_env::{EnvDef, EnvError, EnvOptions, OptionValue, PreprocessedEnv, Preprocessing, VecEnv};

use crate::algorithm::Agent;
use crate::config::{EnvSpec, Kwargs};

/// Discount of the reward's running deviation where the algorithm has no `gamma`, as in SLM-Lab.
const DEFAULT_GAMMA: f64 = 0.99;

/// Environments by definition and options, and what lies between them and the agent.
#[derive(Clone, Debug)]
pub struct EnvPlan {
    /// The environment.
    pub def: &'static EnvDef,
    /// How many step together.
    pub num_envs: usize,
    /// Frames of a session.
    pub max_frame: u64,
    /// Steps after which an episode is truncated, in place of the environment's own limit.
    pub max_episode_steps: Option<u32>,
    /// Options of the environment itself.
    pub kwargs: BTreeMap<String, OptionValue>,
    /// What lies between the environments and the agent.
    pub preprocessing: Preprocessing,
}

impl EnvPlan {
    /// What `spec` means for the environment `def` and an algorithm that discounts by `gamma`.
    pub(super) fn new(spec: &EnvSpec, def: &'static EnvDef, gamma: Option<f64>) -> Self {
        let gamma = gamma.unwrap_or(DEFAULT_GAMMA);
        let preprocessing = Preprocessing {
            normalize_obs: spec.normalize_obs,
            clip_obs: spec.obs_clip().map(|clip| clip as f32),
            normalize_reward: spec.normalize_reward.then_some(gamma),
            clip_reward: spec.reward_clip().map(|clip| (clip.low, clip.high)),
            rescale_action: true,
        };
        Self {
            def,
            num_envs: spec.num_envs,
            max_frame: spec.max_frame,
            max_episode_steps: spec.max_t,
            kwargs: env_options(&spec.kwargs, def),
            preprocessing,
        }
    }

    /// The environments as the agent sees them, env i of seed + i.
    ///
    /// # Errors
    /// When the options do not fit or something outside the program is missing.
    pub fn make(&self, seed: u64, threads: usize) -> Result<Box<dyn VecEnv>, EnvError> {
        self.preprocessed(&self.options(self.num_envs, seed, threads))
    }

    /// As [`make`](Self::make), in halves where `agent` gains from them. Statistics are of all rows together.
    ///
    /// # Errors
    /// As [`make`](Self::make).
    pub fn make_for(
        &self,
        agent: &dyn Agent,
        seed: u64,
        threads: usize,
    ) -> Result<Box<dyn VecEnv>, EnvError> {
        let mut options = self.options(self.num_envs, seed, threads);
        if !self.preprocessing.has_statistics() {
            options.min_nanos_per_half = agent.min_nanos_per_half();
        }
        self.preprocessed(&options)
    }

    /// `n` environments as they are, for a policy that preprocesses by itself.
    ///
    /// # Errors
    /// As [`make`](Self::make).
    pub fn make_raw(&self, n: usize) -> Result<Box<dyn VecEnv>, EnvError> {
        self.def.make(&self.options(n, 0, 1))
    }

    /// Everything that is wrong with the environments' own options.
    pub(super) fn option_errors(&self) -> Vec<EnvError> {
        self.def.option_errors(&self.options(1, 0, 1))
    }

    fn preprocessed(&self, options: &EnvOptions) -> Result<Box<dyn VecEnv>, EnvError> {
        let raw = self.def.make(options)?;
        Ok(Box::new(PreprocessedEnv::new(raw, &self.preprocessing)?))
    }

    fn options(&self, num_envs: usize, seed: u64, threads: usize) -> EnvOptions {
        EnvOptions {
            threads,
            max_episode_steps: self.max_episode_steps,
            kwargs: self.kwargs.clone(),
            ..EnvOptions::new(num_envs, seed)
        }
    }
}

/// Options as environments take them: null leaves one that `def` has as it is; lists of two bounds, of which null is
/// an open one, are ranges, and mappings to numbers or lists of them are numbers by name. Other lists and mappings,
/// which none takes, are kept as they are written for the environment to refuse.
pub fn env_options(kwargs: &Kwargs, def: &EnvDef) -> BTreeMap<String, OptionValue> {
    let has = |name: &str| def.options.iter().any(|option| option.name == name);
    let option = |name: &str, value: &Json| match value {
        Json::Bool(flag) => Some(OptionValue::Bool(*flag)),
        Json::Number(number) => number.as_f64().map(OptionValue::Number),
        Json::String(text) => Some(OptionValue::Text(text.clone())),
        Json::Null if has(name) => None,
        other => {
            let known = range(other).or_else(|| numbers(other));
            Some(known.unwrap_or_else(|| OptionValue::Other(other.to_string())))
        }
    };
    kwargs.iter().filter_map(|(name, value)| Some((name.clone(), option(name, value)?))).collect()
}

/// Two bounds, infinite where they are null.
fn range(value: &Json) -> Option<OptionValue> {
    let bound = |value: &Json, open: f64| if value.is_null() { Some(open) } else { value.as_f64() };
    let [low, high] = value.as_array()?.as_slice() else { return None };
    Some(OptionValue::Range(bound(low, f64::NEG_INFINITY)?, bound(high, f64::INFINITY)?))
}

/// Numbers by name.
fn numbers(value: &Json) -> Option<OptionValue> {
    let several = |value: &Json| match value {
        Json::Array(values) => values.iter().map(Json::as_f64).collect::<Option<Vec<f64>>>(),
        one => Some(vec![one.as_f64()?]),
    };
    let entries = value.as_object()?.iter();
    let numbers = entries.map(|(name, value)| Some((name.clone(), several(value)?)));
    Some(OptionValue::Numbers(numbers.collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slm_env::Space;

    use super::*;
    use crate::config::{Diagnostics, FromNode, parse};
    use crate::registry::find_env;

    fn plan(text: &str, gamma: Option<f64>) -> EnvPlan {
        let node = parse("env.json", text).unwrap();
        let spec = EnvSpec::from_node(&node, &mut Diagnostics::new()).unwrap();
        EnvPlan::new(&spec, find_env(&spec.name).unwrap(), gamma)
    }

    #[test]
    fn normalizing_clips_at_ten_and_discounts_as_the_algorithm_does() {
        let text = r#"{"name": "Pendulum-v1", "max_frame": 100, "normalize_obs": true,
                       "normalize_reward": true}"#;
        let learned = plan(text, Some(0.9)).preprocessing;
        assert_eq!((learned.clip_obs, learned.clip_reward), (Some(10.0), Some((-10.0, 10.0))));
        assert_eq!(learned.normalize_reward, Some(0.9));
        assert_eq!(plan(text, None).preprocessing.normalize_reward, Some(0.99));
    }

    #[test]
    fn max_t_is_the_time_limit() {
        let limited = plan(r#"{"name": "CartPole-v1", "max_frame": 100, "max_t": 7}"#, None);
        assert_eq!(limited.make(0, 1).unwrap().max_episode_steps(), 7);
        let free = plan(r#"{"name": "CartPole-v1", "max_frame": 100}"#, None);
        assert_eq!(free.make(0, 1).unwrap().max_episode_steps(), 500);
    }

    #[test]
    fn agents_act_in_unit_boxes_and_policies_in_the_environments_units() {
        let pendulum = plan(r#"{"name": "Pendulum-v1", "max_frame": 100, "num_envs": 2}"#, None);
        let agent_side = pendulum.make(0, 1).unwrap();
        assert_eq!(agent_side.action_space(), &Space::vector(&[-1.0], &[1.0]));
        let raw = pendulum.make_raw(3).unwrap();
        assert_eq!((raw.num_envs(), raw.action_space()), (3, &Space::vector(&[-2.0], &[2.0])));
    }

    #[test]
    fn options_are_passed_on_by_kind() {
        let kwargs = json!({"a": true, "b": 3, "c": "x", "g": null, "h": null, "e": [1], "f": [0.5, null],
                   "i": {"k": 1, "l": [2, 3.5]}, "j": {"k": "1"}});
        let read = env_options(kwargs.as_object().unwrap(), find_env("Pendulum-v1").unwrap());
        let of_i = [("k".to_owned(), vec![1.0]), ("l".to_owned(), vec![2.0, 3.5])];
        // Pendulum has an option g, and none of the others.
        let expected = [
            ("a", OptionValue::Bool(true)),
            ("b", OptionValue::Number(3.0)),
            ("c", OptionValue::Text("x".to_owned())),
            ("e", OptionValue::Other("[1]".to_owned())),
            ("f", OptionValue::Range(0.5, f64::INFINITY)),
            ("h", OptionValue::Other("null".to_owned())),
            ("i", OptionValue::Numbers(of_i.into())),
            ("j", OptionValue::Other(r#"{"k":"1"}"#.to_owned())),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }
}
