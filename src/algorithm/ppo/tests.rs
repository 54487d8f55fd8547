//! PPO keeps the agent contract, whatever its networks are.

use super::DEF;
use crate::algorithm::conformance_images::{self, LARGE};
use crate::algorithm::{conformance, memory_task};

/// The network of [`AGENT`].
const NET: &str = "type: MLPNet, shared: false, use_same_optim: true, hid_layers: [8]";
const AGENT: &str = "{
    algorithm: {name: PPO, gamma: 0.9, lam: 0.9, time_horizon: 16, minibatch_size: 16,
      training_epoch: 4, clip_eps_spec: {name: linear_decay, start_val: 0.2, end_val: 0.1,
      start_step: 0, end_step: 900}, entropy_coef_spec: null, normalize_v_targets: true},
    memory: {name: OnPolicyBatchReplay},
    net: {type: MLPNet, shared: false, use_same_optim: true, hid_layers: [8],
      hid_layers_activation: tanh, optim_spec: {name: Adam, lr: 0.005}}}";

#[test]
fn keeps_the_agent_contract() {
    conformance::check(&DEF, AGENT);
}

#[test]
fn keeps_the_agent_contract_with_every_distribution() {
    conformance::check_every_dist(&DEF, AGENT);
}

#[test]
fn keeps_the_agent_contract_with_one_net_and_every_option() {
    let agent = AGENT
        .replace("shared: false", "shared: true")
        .replace("normalize_v_targets: true", "clip_vloss: true, symlog: true")
        .replace("{name: PPO,", "{name: PPO, normalize_advantages: percentile,");
    // Advantages that are not centered drive the mean of a normal policy away on this bandit.
    conformance::check_discrete(&DEF, &agent);
}

#[test]
fn keeps_the_agent_contract_where_it_sees_pixels() {
    let agent = AGENT.replace(
        NET,
        "type: ConvNet, shared: true, use_same_optim: true, conv_hid_layers: [[6, 3, 2]],
          fc_hid_layers: [12], batch_norm: false, normalize: true",
    );
    conformance_images::check(&DEF, &agent);
}

#[test]
fn a_network_of_pixels_does_on_a_device_what_it_does_on_the_processor() {
    let agent = AGENT
        .replace(NET, &format!("{LARGE}, shared: true, use_same_optim: true"))
        .replace("lr: 0.005", "lr: 0.0005");
    conformance_images::check_on_device(&DEF, &agent);
}

#[test]
fn keeps_the_agent_contract_where_weights_are_directions_and_lengths() {
    let agent = AGENT.replace(
        NET,
        "type: TorchArcNet, shared: false, use_same_optim: true, arc: {
          modules: {body: {Sequential: [{LazyWeightNormLinear: {out_features: 8}}, {Tanh: }]}},
          graph: {input: x, modules: {body: [x]}, output: body}}",
    );
    assert_ne!(agent, AGENT);
    conformance::check(&DEF, &agent);
}

#[test]
fn keeps_the_agent_contract_where_batches_are_normalized() {
    let agent = AGENT.replace(
        NET,
        "type: ConvNet, shared: true, use_same_optim: true, normalize: true,
          conv_hid_layers: [[6, 3], [6, 2]], fc_hid_layers: [12]",
    );
    conformance_images::check(&DEF, &agent);
}

#[test]
fn keeps_the_agent_contract_with_whole_episodes() {
    let agent = AGENT
        .replace("time_horizon: 16", "training_frequency: 64")
        .replace("OnPolicyBatchReplay", "OnPolicyReplay");
    conformance::check(&DEF, &agent);
}

#[test]
fn keeps_the_agent_contract_with_a_log_std_of_its_own_in_one_net() {
    let agent =
        AGENT.replace("shared: false", "shared: true, log_std_init: -0.5, actor_init_std: 0.01");
    conformance::check(&DEF, &agent);
}

#[test]
fn a_recurrent_network_keeps_the_agent_contract() {
    conformance::check_discrete(&DEF, &recurrent("false"));
}

#[test]
fn it_learns_what_takes_memory() {
    let agent = |shared| {
        recurrent(shared)
            .replace("time_horizon: 16, minibatch_size: 16", "time_horizon: 32, minibatch_size: 32")
            .replace(
                "entropy_coef_spec: null",
                "entropy_coef_spec: {name: no_decay, start_val: 0.05}",
            )
    };
    for shared in ["true", "false"] {
        memory_task::check(&DEF, &agent(shared), 3000);
    }
    memory_task::check_blind(&DEF, AGENT, 200);
}

fn recurrent(shared: &str) -> String {
    let net = format!(
        "type: RecurrentNet, shared: {shared}, use_same_optim: true, rnn_hidden_size: 8,
        seq_len: 4, fc_hid_layers: []"
    );
    AGENT.replace(NET, &net)
}
