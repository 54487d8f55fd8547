//! Soft actor-critics keep the agent contract, and learn what their plans say.

use crate::algorithm::conformance;

use super::*;

const AGENT: &str = "{
    algorithm: {name: SoftActorCritic, gamma: 0.9, training_frequency: 4, training_iter: 1,
      training_start_step: 40, alpha_lr: 0.01},
    memory: {name: Replay, batch_size: 32, max_size: 2000},
    net: {type: MLPNet, hid_layers: [16], hid_layers_activation: tanh,
      optim_spec: {name: Adam, lr: 0.005}, update_type: polyak, polyak_coef: 0.05}}";

fn with(change: (&str, &str)) -> String {
    assert!(AGENT.contains(change.0));
    AGENT.replace(change.0, change.1)
}

#[test]
fn keeps_the_agent_contract_with_discrete_actions() {
    conformance::check_discrete(&SAC, AGENT);
}

#[test]
fn keeps_the_agent_contract_with_continuous_actions() {
    conformance::check_continuous(&SAC, AGENT);
}

#[test]
fn keeps_the_agent_contract_with_straight_through_actions() {
    let agent = with(("gamma: 0.9", "gamma: 0.9, action_pdtype: GumbelSoftmax"));
    conformance::check_discrete(&SAC, &agent);
}

#[test]
fn keeps_the_agent_contract_with_every_key_in_use() {
    let keys = "gamma: 0.9, policy_delay: 2, symlog: true, entropy_penalty_coef: 0.1,
        entropy_anneal: {start_ratio: 0.6, end_ratio: 0.1, frames: 4000}";
    let agent = with(("gamma: 0.9", keys))
        .replace("name: Replay", "name: PrioritizedReplay, alpha: 0.6, epsilon: 0.01")
        .replace(
            "update_type: polyak, polyak_coef: 0.05",
            "update_type: replace, update_frequency: 80",
        );
    conformance::check_discrete(&SAC, &agent);
    conformance::check_continuous(&SAC, &agent);
}

#[test]
fn several_actions_at_once_are_refused() {
    let space = slm_env::Space::MultiDiscrete { nvec: vec![2, 2] };
    conformance::refuses(&SAC, AGENT, &space, "continuous or discrete actions");
    let discrete = slm_env::Space::Discrete { n: 2 };
    let agent = with(("gamma: 0.9", "gamma: 0.9, action_pdtype: Argmax"));
    conformance::refuses(&SAC, &agent, &discrete, "no probabilities");
}
