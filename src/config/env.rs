//! `env`: the environment and how it is wrapped.

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::known::{Available, feature_of_env, is_unbuilt_env, unbuilt_envs};
use super::{Diagnostics, FromNode, Kwargs, Node, Value, above, hint, spec};

/// `clip_reward`: bounds of the reward, written as a number for ± that number, or as `[low, high]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipSpec {
    /// Least value.
    pub low: f64,
    /// Greatest value.
    pub high: f64,
}

impl FromNode for ClipSpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let (low, high) = match node.value {
            Value::Seq(_) => FromNode::from_node(node, found)?,
            _ => f64::from_node(node, found).map(|bound| (-bound, bound))?,
        };
        if low < high {
            return Some(Self { low, high });
        }
        found.error(
            node.error(format!("expected a lower bound below the upper, found {low}, {high}")),
        );
        None
    }

    fn schema() -> Json {
        json!({ "anyOf": [f64::schema(), <(f64, f64)>::schema()] })
    }
}

impl Serialize for ClipSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.low, self.high].serialize(serializer)
    }
}

spec! {
    /// The environment and how it is wrapped.
    pub struct EnvSpec {
        /// Environment id, such as `CartPole-v1`.
        name: String = required;
        /// Environments that run side by side.
        num_envs: usize = default(1), in 1..=1_000_000;
        /// Steps after which an episode is cut; null means the environment's own limit.
        max_t: Option<u32> = nullable, in 1..;
        /// Length of a session in frames, summed over the environments.
        max_frame: u64 = required, in 1..;
        /// Whether observations are normalized by their running mean and deviation.
        normalize_obs: bool = default(false);
        /// Whether rewards are scaled by the running deviation of the discounted return.
        normalize_reward: bool = default(false);
        /// Bound of observations, as ±; null means 10 if they are normalized, else none.
        clip_obs: Option<f64> = nullable, in above(0.0);
        /// Bounds of rewards; null means ±10 if they are normalized, else none.
        clip_reward: Option<ClipSpec> = nullable;
        /// Options of the environment itself, passed on as they are.
        kwargs: Kwargs = rest;
    }
}

impl EnvSpec {
    /// The bound of observations in force.
    pub fn obs_clip(&self) -> Option<f64> {
        self.clip_obs.or(self.normalize_obs.then_some(10.0))
    }

    /// The bounds of rewards in force.
    pub fn reward_clip(&self) -> Option<ClipSpec> {
        let default = ClipSpec { low: -10.0, high: 10.0 };
        self.clip_reward.or(self.normalize_reward.then_some(default))
    }
}

/// Notes whether the environment of an `env` mapping is built, known, or neither.
pub(super) fn check_env_name(env: &Node, available: &Available<'_>, found: &mut Diagnostics) {
    let Some((node, name)) = env.get("name").and_then(|node| Some((node, node.as_str()?))) else {
        return;
    };
    if available.envs.contains(&name) || node.unset_variable().is_some() {
        return;
    }
    if is_unbuilt_env(name) {
        let help = feature_of_env(name)
            .map(|feature| format!("a build with `--features {feature}` has it"));
        found.not_built_but(node, format!("environment {name}"), help);
        return;
    }
    let names = available.envs.iter().chain(unbuilt_envs().into_iter().flatten()).copied();
    let help = match super::did_you_mean(name, names) {
        Some(question) => question,
        None => hint(name, available.envs.iter().copied()),
    };
    found.error(node.error(format!("unknown environment `{name}`")).with_help(help));
}

#[cfg(test)]
mod tests {
    use super::super::{parse, to_json};
    use super::*;

    fn read(text: &str) -> (Option<EnvSpec>, Diagnostics) {
        let node = parse("t.yaml", text).unwrap();
        let mut found = Diagnostics::new();
        (EnvSpec::from_node(&node, &mut found), found)
    }

    #[test]
    fn normalization_brings_its_own_clipping() {
        let (env, _) =
            read("{name: A, max_frame: 1e6, normalize_obs: true, normalize_reward: true}");
        let env = env.unwrap();
        assert_eq!((env.max_frame, env.obs_clip()), (1_000_000, Some(10.0)));
        assert_eq!(env.reward_clip(), Some(ClipSpec { low: -10.0, high: 10.0 }));
        let (plain, _) = read("{name: A, max_frame: 1}");
        assert_eq!(plain.unwrap().obs_clip(), None);
    }

    #[test]
    fn rewards_are_clipped_by_a_number_or_a_pair() {
        let (env, _) = read("{name: A, max_frame: 1, clip_reward: 2}");
        assert_eq!(env.unwrap().clip_reward, Some(ClipSpec { low: -2.0, high: 2.0 }));
        let (env, _) = read("{name: A, max_frame: 1, clip_reward: [0, 1]}");
        assert_eq!(env.unwrap().clip_reward, Some(ClipSpec { low: 0.0, high: 1.0 }));
        let (env, found) = read("{name: A, max_frame: 1, clip_reward: -2}");
        assert_eq!((env, found.errors.len()), (None, 1));
    }

    #[test]
    fn other_keys_are_the_environments_own_options() {
        let (env, found) = read("{name: A, max_frame: 1, continuous: true, gravity: -9.0}");
        let env = env.unwrap();
        assert_eq!(to_json(&env.kwargs), json!({"continuous": true, "gravity": -9.0}));
        assert_eq!(to_json(&env)["gravity"], json!(-9.0));
        assert_eq!(found, Diagnostics::new());
    }

    #[test]
    fn an_unknown_environment_names_the_nearest_one() {
        let available = Available { algorithms: &[], envs: &["CartPole-v1"] };
        let said = |text: &str| {
            let mut found = Diagnostics::new();
            check_env_name(&parse("t.yaml", text).unwrap(), &available, &mut found);
            found
        };
        assert_eq!(said("name: CartPole-v1"), Diagnostics::new());
        let hopper = said("name: Hopper-v5").unavailable.remove(0);
        assert_eq!(hopper.feature, "environment Hopper-v5");
        assert_eq!(hopper.help.as_deref(), Some("a build with `--features mujoco` has it"));
        let unknown = said("name: cartpole");
        assert_eq!(unknown.errors[0].help.as_deref(), Some("did you mean `CartPole-v1`?"));
    }
}
