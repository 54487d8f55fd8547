//! The policy that a session exports: acting network, frozen normalizer, action mapping, where it comes from.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use slm_env::VecEnv;
use slm_policy::{ActionHead, Bounds, Layer, LoadError, Network, ObsNormalizer, Policy};

use super::clock::Clock;
use super::env_plan::EnvPlan;
use super::plan::Plan;
use crate::algorithm::ActingNet;

/// Where a policy comes from: nothing that two equal runs differ in.
pub(super) fn metadata(
    plan: &Plan,
    identity: &Json,
    clock: &Clock,
    score: Option<f64>,
) -> BTreeMap<String, String> {
    let mut metadata = BTreeMap::from([
        ("env", plan.env.def.id.to_owned()),
        ("env_spec", identity["env"].to_string()),
        ("algorithm", plan.algorithm.to_owned()),
        ("spec_name", plan.spec.name.clone()),
        ("seed", identity["random_seed"].to_string()),
        ("session", identity["session"].to_string()),
        ("frame", clock.frame().to_string()),
        ("program", concat!("slm-lab ", env!("CARGO_PKG_VERSION")).to_owned()),
    ]);
    if let Some(score) = score.filter(|score| score.is_finite()) {
        metadata.insert("score", score.to_string());
    }
    metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The policy that acts on raw observations of `env` as the agent does, but with statistics that no longer move.
///
/// # Errors
/// When the parts do not fit together, or a number of them is not finite.
pub(super) fn policy(
    net: ActingNet,
    env: &dyn VecEnv,
    plan: &EnvPlan,
    metadata: BTreeMap<String, String>,
) -> Result<Policy, LoadError> {
    let head = to_env_units(net.head, env);
    let shape = match env.obs_space().shape() {
        shape if shape.is_empty() => vec![1],
        shape => shape,
    };
    let mut policy = Policy::new(&shape, normalizer(env, plan)?, net.network, head)?;
    policy.metadata = metadata;
    Ok(policy)
}

/// Whether every weight is a number; `LayerNorm` and `Linear` are all the layers with weights.
pub(super) fn is_finite(network: &Network) -> bool {
    network.layers.iter().all(|layer| match layer {
        Layer::Linear(linear) => {
            linear.weight().iter().chain(linear.bias()).all(|x| x.is_finite())
        }
        Layer::LayerNorm(norm) => norm.weight().iter().chain(norm.bias()).all(|x| x.is_finite()),
        _ => true,
    })
}

fn normalizer(env: &dyn VecEnv, plan: &EnvPlan) -> Result<Option<ObsNormalizer>, LoadError> {
    if let Some(learned) = env.obs_normalizer() {
        let (mean, var) = (learned.mean(), learned.var());
        return ObsNormalizer::new(mean, var, learned.epsilon(), learned.clip()).map(Some);
    }
    let width = env.obs_space().width();
    let clip = plan.preprocessing.clip_obs;
    let clipping =
        clip.map(|clip| ObsNormalizer::new(&vec![0.0; width], &vec![1.0; width], 0.0, Some(clip)));
    clipping.transpose()
}

fn to_env_units(head: ActionHead, env: &dyn VecEnv) -> ActionHead {
    match (head, env.action_scaling()) {
        (ActionHead::Normal(mut normal), Some((low, high))) => {
            normal.bounds = Some(Bounds { low: low.to_vec(), high: high.to_vec() });
            ActionHead::Normal(normal)
        }
        (head, _) => head,
    }
}
