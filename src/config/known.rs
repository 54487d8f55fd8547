//! What SLM-Lab has, by name: tells what is not built yet from what was never there.

/// What is built, from the registry: it lies above this module and is passed in.
#[derive(Clone, Copy, Debug)]
pub struct Available<'a> {
    /// Names for `agent.algorithm.name`.
    pub algorithms: &'a [&'a str],
    /// Names for `env.name`.
    pub envs: &'a [&'a str],
}

/// Algorithms of SLM-Lab that are not built here.
const UNBUILT_ALGORITHMS: &[&str] = &["DQNBase"];

/// Environments that SLM-Lab's specs name and that are in no build, beyond whole families.
const UNBUILT_ENVS: &[&str] = &["VideoPinball-v0", "HalfCheetahBulletEnv-v0"];

/// Environments that a build with the feature `mujoco` has.
const MUJOCO: &[&str] = &[
    "Ant-v5",
    "HalfCheetah-v5",
    "Hopper-v5",
    "Humanoid-v5",
    "HumanoidStandup-v5",
    "InvertedDoublePendulum-v5",
    "InvertedPendulum-v5",
    "Pusher-v5",
    "Reacher-v5",
    "Swimmer-v5",
    "Walker2d-v5",
];

/// Families of such environments: an id that starts so is known.
const FAMILIES: &[&str] = &["ALE/", "playground/", "SLM/", "SLM-Sensorimotor"];

/// Whether SLM-Lab knows this algorithm, which is not built here.
pub(super) fn is_unbuilt_algorithm(name: &str) -> bool {
    UNBUILT_ALGORITHMS.contains(&name)
}

/// Whether SLM-Lab knows this environment, which is not built here.
pub(super) fn is_unbuilt_env(id: &str) -> bool {
    UNBUILT_ENVS.contains(&id)
        || MUJOCO.contains(&id)
        || FAMILIES.iter().any(|family| id.starts_with(family) && id != *family)
}

/// Those of them that are known by name: the ones in no build, and those of the feature `mujoco`.
pub(super) fn unbuilt_envs() -> [&'static [&'static str]; 2] {
    [UNBUILT_ENVS, MUJOCO]
}

/// The feature of a build that has this environment.
pub(super) fn feature_of_env(id: &str) -> Option<&'static str> {
    MUJOCO.contains(&id).then_some("mujoco")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_known_by_their_beginning() {
        for id in ["ALE/Pong-v5", "playground/CartpoleBalance", "SLM/Pong-v0", "Ant-v5"] {
            assert!(is_unbuilt_env(id), "{id}");
        }
        for id in ["ALE/", "CartPol-v1", "LunarLander-v2", "Ant-v9", ""] {
            assert!(!is_unbuilt_env(id), "{id}");
        }
    }
}
