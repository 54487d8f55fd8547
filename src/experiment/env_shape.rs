//! What the agent must know of the environments, and what is wrong with their options.

use slm_env::{EnvError, ObsBatch, nearest_name};

use super::env_plan::EnvPlan;
use crate::algorithm::EnvShape;
use crate::config::{
    Diagnostics, EnvSpec, FromNode, Spec, SpecError, did_you_mean, key_from_elsewhere,
};

/// What is known of environments that a spec describes, rightly or not.
pub(super) struct KnownShape {
    /// Their shape; that without its wrong options, where it has some.
    pub(super) shape: EnvShape,
    /// Whether they can be made as they are described.
    pub(super) is_right: bool,
    /// Whether the shape stays the same, whatever was meant by a wrong option.
    pub(super) is_sure: bool,
}

impl KnownShape {
    /// The shape of `env`; everything that is wrong with its options goes to `found`. `None` where no
    /// environment can be made even without them.
    pub(super) fn of(env: &EnvPlan, spec: &Spec, found: &mut Diagnostics) -> Option<Self> {
        let mut rest = env.clone();
        let mut errors = env.option_errors();
        let wrong: Vec<String> =
            errors.iter().filter_map(|error| Some(error.option()?.to_owned())).collect();
        rest.kwargs.retain(|name, _| !wrong.contains(name));
        let shape = shape(&rest).or_else(|error| {
            errors.push(error);
            rest.preprocessing.normalize_obs = false;
            rest.preprocessing.clip_obs = None;
            self::shape(&rest)
        });
        for error in &errors {
            found.error(at_option(spec, error));
        }
        let shape = shape.ok()?;
        let is_sure = wrong.iter().all(|name| keeps(&shape, &rest, name));
        Some(Self { shape, is_right: errors.is_empty(), is_sure })
    }
}

/// What the agent must know of the environments. One is made to see: options are checked on the way.
pub(super) fn shape(env: &EnvPlan) -> Result<EnvShape, EnvError> {
    let one = EnvPlan { num_envs: 1, ..env.clone() }.make(0, 1)?;
    Ok(EnvShape {
        num_envs: env.num_envs,
        max_frame: env.max_frame,
        obs_space: one.obs_space().clone(),
        obs_u8: matches!(one.new_batch().obs, ObsBatch::U8(_)),
        action_space: one.action_space().clone(),
    })
}

/// Whether the spaces of `env` are those of `of` with the option that `name` means on as well as off. An
/// option that is no switch takes neither; numbers change no spaces.
fn keeps(of: &EnvShape, env: &EnvPlan, name: &str) -> bool {
    let names = env.def.options.iter().map(|option| option.name);
    let Some(meant) = nearest_name(name, names) else { return true };
    [true, false].into_iter().all(|is_on| {
        let mut tried = env.clone();
        tried.kwargs.insert(meant.to_owned(), is_on.into());
        shape(&tried).map_or(true, |tried| {
            tried.obs_space == of.obs_space && tried.action_space == of.action_space
        })
    })
}

fn at_option(spec: &Spec, error: &EnvError) -> SpecError {
    let env = spec.source.get("env").unwrap_or(&spec.source);
    match error {
        EnvError::UnknownOption { env: id, name, valid } => {
            let error = env.error_at_key(name, format!("{id} has no option `{name}`"));
            error.with_help(options_there_are(id, name, valid))
        }
        EnvError::WrongOption { name, .. } => env.error_in(name, error.to_string()),
        EnvError::Missing { .. } | EnvError::WrongAction { .. } => {
            env.error_in("name", error.to_string())
        }
        EnvError::Preprocessing { .. } => {
            let key = if spec.env.normalize_obs { "normalize_obs" } else { "clip_obs" };
            env.error_in(key, error.to_string())
        }
    }
}

/// What was probably meant by `wrong`, an option of `id` or a key of `env`, and the options there are.
fn options_there_are(id: &str, wrong: &str, valid: &[&str]) -> String {
    let schema = EnvSpec::schema();
    let keys = schema["properties"].as_object().into_iter().flat_map(|keys| keys.keys());
    let names: Vec<&str> = valid.iter().copied().chain(keys.map(String::as_str)).collect();
    let question = key_from_elsewhere(wrong, &names).or_else(|| did_you_mean(wrong, names));
    let meant = question.map_or_else(String::new, |meant| {
        let end = if meant.ends_with('?') { " " } else { "; " };
        meant + end
    });
    match valid {
        [] => format!("{meant}{id} takes no options"),
        _ => format!("{meant}{id} takes {}", valid.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Available, SpecFile};
    use crate::experiment::Plan;
    use crate::registry::{algorithm_names, env_names};

    /// Errors of the demo with other lines for `env` and for `lam`, each by line, path and help.
    fn errors(env: &str, agent: &str) -> Vec<(u32, String, String)> {
        let text = format!(
            "s:\n  meta: {{max_session: 1}}\n  agent:\n    net: {{type: MLPNet, hid_layers: [8], \
             hid_layers_activation: tanh}}\n    memory: {{name: Replay, batch_size: 2, max_size: 9}}\n    algorithm: \
             {{{agent}}}\n  env:\n    max_frame: 100\n{env}"
        );
        let raw = SpecFile::parse("t.yaml", &text).unwrap().choose("s").unwrap();
        let (algorithms, envs) = (algorithm_names(), env_names());
        let available = Available { algorithms: &algorithms, envs: &envs };
        let mut found = Diagnostics::new();
        let spec = Spec::read(&raw, &available, &mut found).unwrap();
        assert!(Plan::resolve(spec, &mut found).is_none());
        let said = |error: SpecError| (error.at.line, error.path, error.help.unwrap_or_default());
        found.errors.into_iter().map(said).collect()
    }

    const PPO: &str = "name: PPO, gamma: 0.9, lam: 2, training_epoch: 1, \
                       clip_eps_spec: {name: no_decay, start_val: 0.2}";

    #[test]
    fn every_wrong_option_is_told_at_once_and_hides_no_error_of_the_agent() {
        let env = "    name: LunarLander-v3\n    gravty: -9\n    gravity: 3\n    enable_wind: 7\n    \
                   num_env: 4\n    lr: null\n";
        let there_are = "LunarLander-v3 takes continuous, gravity, enable_wind, wind_power, \
                         turbulence_power";
        let mut said = errors(env, PPO);
        said.sort();
        let rollout = "it needs an OnPolicyBatchReplay, OnPolicyReplay or OnPolicyCrossEntropy";
        let expected = [
            (5, "agent.memory.name", rollout.to_owned()),
            (6, "agent.algorithm.lam", String::new()),
            (10, "env.gravty", format!("did you mean `gravity`? {there_are}")),
            (11, "env.gravity", String::new()),
            (12, "env.enable_wind", String::new()),
            (13, "env.num_env", format!("did you mean `num_envs`? {there_are}")),
            (14, "env.lr", format!("its name here is `agent.net.optim_spec.lr`; {there_are}")),
        ];
        assert_eq!(said, expected.map(|(line, path, help)| (line, path.to_owned(), help)));
    }

    #[test]
    fn an_option_that_may_change_the_actions_makes_no_errors_of_what_they_are() {
        let env = "    name: LunarLander-v3\n    continous: true\n";
        let paths = |agent| errors(env, agent).into_iter().map(|(_, path, _)| path);
        // With `continuous` misspelt the actions are discrete, which DDPG can not have.
        let ddpg = "name: DDPG, gamma: 2, training_frequency: 1, training_start_step: 9";
        assert_eq!(paths(ddpg).collect::<Vec<_>>(), ["env.continous", "agent.algorithm.gamma"]);
    }

    #[test]
    fn pictures_that_can_not_be_normalized_hide_no_error_of_the_agent() {
        let env = "    name: CarRacing-v3\n    clip_obs: 5\n";
        let paths: Vec<String> = errors(env, PPO).into_iter().map(|(_, path, _)| path).collect();
        assert!(paths.contains(&"env.clip_obs".to_owned()), "{paths:?}");
        assert!(paths.contains(&"agent.algorithm.lam".to_owned()), "{paths:?}");
    }
}
