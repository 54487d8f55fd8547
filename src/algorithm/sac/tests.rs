//! Soft actor-critics keep the agent contract, and learn what their plans say.

use slm_env::Space;

use crate::algorithm::device_agreement::{self, Sight};
use crate::algorithm::{AlgorithmDef, conformance, conformance_images};

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
fn keeps_the_agent_contract_where_it_sees_pixels() {
    let agent = with((
        "type: MLPNet, hid_layers: [16]",
        "type: ConvNet, conv_hid_layers: [[6, 3, 2]], fc_hid_layers: [12], normalize: true",
    ));
    conformance_images::check(&SAC, &agent);
}

#[test]
fn keeps_the_agent_contract_where_it_sees_pixels_and_acts_in_numbers() {
    let agent = with((
        "type: MLPNet, hid_layers: [16]",
        "type: ConvNet, conv_hid_layers: [[6, 3, 2]], fc_hid_layers: [24], normalize: true",
    ));
    conformance_images::check_continuous(&SAC, &agent);
}

#[test]
fn critics_of_pixels_that_renormalize_batches_keep_the_agent_contract() {
    let critic_net = "critic_net: {type: TorchArcNet, normalize: true,
        optim_spec: {name: Adam, lr: 0.005}, arc: {
        modules: {body: {Sequential: [{LazyConv2d: {out_channels: 6, kernel_size: 3, stride: 2}}, {ReLU: },
          {Flatten: }, {LazyLinear: {out_features: 24}},
          {LazyBatchRenorm1d: {momentum: 0.01, eps: 0.001, warmup_steps: 200}}, {ReLU: }]}},
        graph: {input: x, modules: {body: [x]}, output: body}}}";
    let agent = with((
        "type: MLPNet, hid_layers: [16]",
        "type: ConvNet, conv_hid_layers: [[6, 3, 2]], fc_hid_layers: [24], normalize: true",
    ));
    let agent = agent
        .replace("name: SoftActorCritic", "name: CrossQ")
        .replace(", update_type: polyak, polyak_coef: 0.05}}", &format!("}}, {critic_net}}}"));
    conformance_images::check_continuous(&CROSS_Q, &agent);
}

#[test]
fn critics_that_renormalize_batches_keep_the_agent_contract() {
    let critic_net = "critic_net: {type: TorchArcNet, optim_spec: {name: Adam, lr: 0.005}, arc: {
        modules: {body: {Sequential: [{LazyLinear: {out_features: 16}},
          {LazyBatchRenorm1d: {momentum: 0.01, eps: 0.001, warmup_steps: 200}}, {ReLU: }]}},
        graph: {input: x, modules: {body: [x]}, output: body}}}";
    let agent = AGENT
        .replace("name: SoftActorCritic", "name: CrossQ")
        .replace(", update_type: polyak, polyak_coef: 0.05}}", &format!("}}, {critic_net}}}"));
    conformance::check_discrete(&CROSS_Q, &agent);
    conformance::check_continuous(&CROSS_Q, &agent);
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
    conformance::check_continuous(&SAC, &agent.replace("entropy_penalty_coef: 0.1,", ""));
}

#[test]
fn a_penalty_of_the_entropy_is_idle_but_for_categorical_actions() {
    let agent = with(("gamma: 0.9", "gamma: 0.9, entropy_penalty_coef: 0.1"));
    let agents = [AGENT, &agent];
    conformance::check_alike(&SAC, agents, &slm_env::Space::symmetric(&[1.0]));
    let relaxed = agents.map(|agent| {
        agent.replacen("algorithm: {", "algorithm: {action_pdtype: GumbelSoftmax, ", 1)
    });
    let relaxed = [&*relaxed[0], &relaxed[1]];
    conformance::check_alike(&SAC, relaxed, &slm_env::Space::Discrete { n: 2 });
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let discrete = slm_env::Space::Discrete { n: 2 };
    let agent = with(("gamma: 0.9", "gamma: 0.9, log_alpha_min: 3"));
    conformance::refuses(&SAC, &agent, &discrete, "above log_alpha_max");
}

#[test]
fn spectrally_normalized_critics_keep_the_agent_contract() {
    let agent = with(("gamma: 0.9", "gamma: 0.9, spectral_norm: true"))
        .replace("hid_layers: [16]", "hid_layers: [16, 16]");
    conformance::check_discrete(&SAC, &agent);
    conformance::check_continuous(&SAC, &agent);
    let discrete = slm_env::Space::Discrete { n: 2 };
    let shallow = agent.replace("hid_layers: [16, 16]", "hid_layers: []");
    conformance::refuses(&SAC, &shallow, &discrete, "no hidden linear layer");
    let arc = "type: TorchArcNet, arc: {
        modules: {body: {Sequential: [{LazyWeightNormLinear: {out_features: 16}}, {Tanh: }]}},
        graph: {input: x, modules: {body: [x]}, output: body}}";
    let twice = agent.replace("type: MLPNet, hid_layers: [16, 16]", arc);
    conformance::refuses(&SAC, &twice, &discrete, "weight norm already");
    conformance::check_discrete(
        &SAC,
        &twice.replace("spectral_norm: true", "spectral_norm: false"),
    );
}

#[test]
fn several_actions_at_once_are_refused() {
    let space = slm_env::Space::MultiDiscrete { nvec: vec![2, 2] };
    conformance::refuses(&SAC, AGENT, &space, "continuous or discrete actions");
    let discrete = slm_env::Space::Discrete { n: 2 };
    let agent = with(("gamma: 0.9", "gamma: 0.9, action_pdtype: Argmax"));
    conformance::refuses(&SAC, &agent, &discrete, "no probabilities");
}

/// Two draws an update, of which the actor learns from each.
const ON_DEVICE: &str = "{
    algorithm: {name: SoftActorCritic, gamma: 0.9, training_frequency: 4, training_iter: 2,
      training_start_step: 32, alpha_lr: 0.01},
    memory: {name: Replay, batch_size: 16, max_size: 2000},
    net: {type: MLPNet, hid_layers: [16], hid_layers_activation: tanh, clip_grad_val: 0.5,
      optim_spec: {name: Adam, lr: 0.005}, update_type: polyak, polyak_coef: 0.05}}";

/// Over continuous actions, exact expectations and straight-through samples.
fn agrees_on_a_device(def: &AlgorithmDef, agent: &str, sight: Sight) {
    let discrete = Space::Discrete { n: 3 };
    let relaxed = agent.replace("gamma: 0.9", "gamma: 0.9, action_pdtype: GumbelSoftmax");
    device_agreement::check(def, agent, sight, &Space::symmetric(&[1.0, 1.0]));
    device_agreement::check(def, agent, sight, &discrete);
    device_agreement::check(def, &relaxed, sight, &discrete);
}

#[test]
fn every_kind_of_policy_learns_alike_on_a_device() {
    agrees_on_a_device(&SAC, ON_DEVICE, Sight::Numbers);
}

#[test]
fn every_key_of_the_rule_means_the_same_on_a_device() {
    let keys = "gamma: 0.9, policy_delay: 3, symlog: true, spectral_norm: true,
        entropy_anneal: {start_ratio: 0.6, end_ratio: 0.1, frames: 4000}";
    let agent = ON_DEVICE
        .replace("gamma: 0.9", keys)
        .replace("name: Replay", "name: PrioritizedReplay, alpha: 0.6, epsilon: 0.01, use_cer: true,
          beta_spec: {name: linear_decay, start_val: 0.4, end_val: 1.0, start_step: 0, end_step: 900}")
        .replace("update_type: polyak, polyak_coef: 0.05", "update_type: replace, update_frequency: 20");
    agrees_on_a_device(&SAC, &agent, Sight::Numbers);
    let penalized = ON_DEVICE.replace(
        "alpha_lr: 0.01",
        "fixed_alpha: 0.1, alpha_anneal_frames: 900, policy_delay: 2, entropy_penalty_coef: 0.5",
    );
    device_agreement::check(&SAC, &penalized, Sight::Numbers, &Space::Discrete { n: 3 });
}

/// Without a bias before the normalization, whose gradient would be nothing but rounding, which Adam scales up.
#[test]
fn critics_that_renormalize_batches_learn_alike_on_a_device() {
    let critic_net = "critic_net: {type: TorchArcNet, optim_spec: {name: Adam, lr: 0.005}, arc: {
        modules: {body: {Sequential: [{LazyLinear: {out_features: 16, bias: false}},
          {LazyBatchRenorm1d: {momentum: 0.1, eps: 0.001, warmup_steps: 4}}, {Tanh: }]}},
        graph: {input: x, modules: {body: [x]}, output: body}}}";
    let agent = ON_DEVICE
        .replace("name: SoftActorCritic", "name: CrossQ")
        .replace(", update_type: polyak, polyak_coef: 0.05}}", &format!("}}, {critic_net}}}"));
    agrees_on_a_device(&CROSS_Q, &agent, Sight::Numbers);
}

#[test]
fn policies_and_critics_of_pixels_learn_alike_on_a_device() {
    let agent = ON_DEVICE.replace(
        "type: MLPNet, hid_layers: [16]",
        "type: ConvNet, conv_hid_layers: [[6, 3, 2]], fc_hid_layers: [12], normalize: true",
    );
    agrees_on_a_device(&SAC, &agent, Sight::Pixels);
}
