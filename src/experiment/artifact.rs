//! The policy that a session exports: acting network, frozen normalizer, action mapping, where it comes from.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use slm_env::VecEnv;
use slm_policy::{
    ActionHead, Bounds, ContinuousHead, Layer, Linear, LoadError, LogStd, Network, ObsNormalizer,
    Policy,
};

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

/// What of the policy is no number, if anything is.
pub(super) fn non_finite(net: &ActingNet, env: &dyn VecEnv) -> Option<&'static str> {
    let log_std = match &net.head {
        ActionHead::Continuous(ContinuousHead { log_std: LogStd::Vector(values), .. }) => {
            &values[..]
        }
        _ => &[],
    };
    let statistics = env.obs_normalizer().map_or([&[][..]; 2], |n| [n.mean(), n.var()]);
    if !is_finite(&net.network) {
        Some("a weight of the policy")
    } else if !log_std.iter().all(|x| x.is_finite()) {
        Some("log σ of the policy")
    } else if !statistics.concat().iter().all(|x| x.is_finite()) {
        Some("a statistic of the observations")
    } else {
        None
    }
}

fn is_finite(network: &Network) -> bool {
    let is_linear_finite =
        |linear: &Linear| linear.weight().iter().chain(linear.bias()).all(|x| x.is_finite());
    network.layers.iter().all(|layer| match layer {
        Layer::Linear(linear) => is_linear_finite(linear),
        Layer::Recurrent(cell) => {
            [cell.input(), cell.recurrence()].into_iter().all(is_linear_finite)
        }
        Layer::Conv2d(conv) => conv.weight().iter().chain(conv.bias()).all(|x| x.is_finite()),
        Layer::LayerNorm(norm) => norm.weight().iter().chain(norm.bias()).all(|x| x.is_finite()),
        Layer::Scale(scale) => scale.gain().iter().chain(scale.offset()).all(|x| x.is_finite()),
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
        (ActionHead::Continuous(mut head), Some((low, high))) => {
            head.bounds = Some(Bounds { low: low.to_vec(), high: high.to_vec() });
            ActionHead::Continuous(head)
        }
        (head, _) => head,
    }
}

#[cfg(test)]
mod tests {
    use slm_env::ActionBatch;
    use slm_policy::{Cell, Family, Recurrent, Scratch};

    use super::*;
    use crate::config::{Diagnostics, EnvSpec, FromNode, parse};
    use crate::registry::find_env;

    /// Pendulum's 3 numbers to a mean; log σ = -1.
    fn net() -> ActingNet {
        let linear = Linear::from_out_in(3, 1, &[0.5, -0.25, 0.125], &[0.1]).unwrap();
        let head = ContinuousHead::new(Family::Normal, 1, LogStd::Vector(vec![-1.0]), None);
        let network = Network { layers: vec![Layer::Linear(linear)] };
        ActingNet { network, head: ActionHead::Continuous(head) }
    }

    fn pendulum(keys: &str) -> EnvPlan {
        let text = format!(r#"{{"name": "Pendulum-v1", "max_frame": 100, "num_envs": 2{keys}}}"#);
        let node = parse("env.json", &text).unwrap();
        let spec = EnvSpec::from_node(&node, &mut Diagnostics::new()).unwrap();
        EnvPlan::new(&spec, find_env(&spec.name).unwrap(), None)
    }

    /// Steps the agent's environments and raw ones alike; returns both and their last observations.
    fn step_alike(plan: &EnvPlan) -> (Box<dyn VecEnv>, Vec<f32>, Vec<f32>) {
        let (mut agent_side, mut raw) = (plan.make(5, 1).unwrap(), plan.make_raw(2).unwrap());
        let (mut seen, mut raw_batch) = (agent_side.new_batch(), raw.new_batch());
        raw.seed(5);
        agent_side.reset(&mut seen);
        raw.reset(&mut raw_batch);
        for k in 0..20 {
            let action = 0.1 * k as f32 - 1.0;
            agent_side.step(&ActionBatch::Continuous(vec![action, -action]), &mut seen);
            let torque = 2.0 * action;
            raw.step(&ActionBatch::Continuous(vec![torque, -torque]), &mut raw_batch);
        }
        (agent_side, seen.obs.f32s().to_vec(), raw_batch.obs.f32s().to_vec())
    }

    #[test]
    fn the_policy_computes_from_raw_observations_what_the_agent_does_from_normalized_ones() {
        for keys in [r#", "normalize_obs": true"#, r#", "clip_obs": 0.5"#, ""] {
            let plan = pendulum(keys);
            let (env, seen, raw) = step_alike(&plan);
            let mut policy = policy(net(), &*env, &plan, BTreeMap::new()).unwrap();
            let expected = net().network.forward(&seen, 2, &mut Scratch::default()).to_vec();
            assert_eq!(policy.outputs(&raw), expected, "{keys}");
        }
    }

    #[test]
    fn the_policy_acts_in_the_environments_units() {
        let plan = pendulum("");
        let env = plan.make(0, 1).unwrap();
        let mut policy = policy(net(), &*env, &plan, BTreeMap::new()).unwrap();
        // 0.5 · 0.8 - 0.25 · 0.4 + 0.125 · 0 + 0.1 = 0.4, of torques from -2 to 2: 0.8.
        let slm_policy::Action::Continuous([torque]) = policy.act(&[0.8, 0.4, 0.0]) else {
            panic!("one torque")
        };
        assert!((torque - 0.8).abs() < 1e-6, "{torque}");
    }

    #[test]
    fn what_is_no_number_is_named() {
        let env = pendulum("").make(0, 1).unwrap();
        assert_eq!(non_finite(&net(), &*env), None);
        let bad = Linear::from_out_in(3, 1, &[f32::NAN, 0.0, 0.0], &[0.0]).unwrap();
        let network = Network { layers: vec![Layer::Linear(bad)] };
        let broken = ActingNet { network, ..net() };
        assert_eq!(non_finite(&broken, &*env), Some("a weight of the policy"));
        let map = |weight| Linear::from_out_in(1, 1, &[weight], &[0.0]).unwrap();
        let cell = Recurrent::new(Cell::Rnn, map(1.0), map(f32::INFINITY)).unwrap();
        let network = Network { layers: vec![Layer::Recurrent(cell)] };
        let broken = ActingNet { network, ..net() };
        assert_eq!(non_finite(&broken, &*env), Some("a weight of the policy"));
        let head =
            ContinuousHead::new(Family::Normal, 1, LogStd::Vector(vec![f32::INFINITY]), None);
        let broken = ActingNet { head: ActionHead::Continuous(head), ..net() };
        assert_eq!(non_finite(&broken, &*env), Some("log σ of the policy"));
    }
}
