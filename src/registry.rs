//! What exists: the algorithms and the environments of this build.

use slm_env::EnvDef;

use crate::algorithm::{
    AlgorithmDef, actor_critic, dqn, ppo, random, reinforce, sac, sarsa, sil, td3,
};

/// Every algorithm; to add one, add its line.
pub const ALGORITHMS: &[&AlgorithmDef] = &[
    &random::DEF,
    &reinforce::DEF,
    &sarsa::DEF,
    &dqn::VANILLA_DQN,
    &dqn::DQN,
    &dqn::DOUBLE_DQN,
    &dqn::HYDRA_DQN,
    &actor_critic::DEF,
    &ppo::DEF,
    &sil::SIL,
    &sil::PPO_SIL,
    &sac::SAC,
    &sac::CROSS_Q,
    &td3::DDPG,
    &td3::TD3,
];

/// Every family of environments; to add one, add its line.
pub const ENV_FAMILIES: &[&[EnvDef]] = &[
    slm_env_classic::ENVS,
    slm_env_box2d::ENVS,
    slm_env_synthetic::ENVS,
    #[cfg(feature = "mujoco")]
    slm_env_mujoco::ENVS,
];

/// How pictures are made where machines differ in it.
pub struct Pictures {
    /// In words, after "drawn".
    pub how: String,
    /// Whether it is a way out, for want of something.
    pub is_fallback: bool,
}

/// How an environment's pictures are made on this machine, where machines differ in it.
#[cfg(feature = "mujoco")]
pub fn pictures(def: &EnvDef) -> Option<Pictures> {
    let is_mujoco = slm_env_mujoco::ENVS.iter().any(|env| env.id == def.id);
    let how = is_mujoco.then(slm_env_mujoco::pictures)??;
    let is_fallback = matches!(how, slm_env_mujoco::Pictures::NoOpenGl(_));
    Some(Pictures { how: how.to_string(), is_fallback })
}

/// How an environment's pictures are made on this machine: as on all machines.
#[cfg(not(feature = "mujoco"))]
pub fn pictures(_: &EnvDef) -> Option<Pictures> {
    None
}

/// The features of this build that choose environments.
pub fn features() -> Vec<&'static str> {
    if cfg!(feature = "mujoco") { vec!["mujoco"] } else { Vec::new() }
}

/// The algorithm of this name.
pub fn find_algorithm(name: &str) -> Option<&'static AlgorithmDef> {
    ALGORITHMS.iter().copied().find(|def| def.name == name)
}

/// The environment of this id.
pub fn find_env(id: &str) -> Option<&'static EnvDef> {
    envs().find(|def| def.id == id)
}

/// Every environment, family by family.
pub fn envs() -> impl Iterator<Item = &'static EnvDef> {
    ENV_FAMILIES.iter().copied().flatten()
}

/// The names of all algorithms.
pub fn algorithm_names() -> Vec<&'static str> {
    ALGORITHMS.iter().map(|def| def.name).collect()
}

/// The ids of all environments.
pub fn env_names() -> Vec<&'static str> {
    envs().map(|def| def.id).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_there_once_and_found() {
        let algorithms = algorithm_names();
        assert_eq!(algorithms.iter().collect::<BTreeSet<_>>().len(), algorithms.len());
        assert!(
            algorithms.iter().all(|name| find_algorithm(name).is_some_and(|d| d.name == *name))
        );
        let envs = env_names();
        assert_eq!(envs.iter().collect::<BTreeSet<_>>().len(), envs.len());
        assert!(envs.iter().all(|id| find_env(id).is_some_and(|def| def.id == *id)));
    }

    #[test]
    fn other_names_are_not_found() {
        assert!(find_algorithm("ppo").is_none());
        assert!(find_env("CartPole").is_none());
    }
}
