//! DQN against numbers worked by hand, and the agent contract.

use slm_env::Space;
use slm_kernels::Sgd;
use slm_policy::Activation;

use super::*;
use crate::algorithm::device_agreement::{self, Sight};
use crate::algorithm::{AlgorithmDef, conformance, conformance_images, memory_task};
use crate::config::Diagnostics;
use crate::net::{LayerPlan, LrSchedule, OptimPlan, plain};

const AGENT: &str = "{
    algorithm: {name: DQN, action_policy: epsilon_greedy, gamma: 0.9,
      explore_var_spec: {name: linear_decay, start_val: 1.0, end_val: 0.1, start_step: 0, end_step: 500},
      training_batch_iter: 1, training_iter: 1, training_frequency: 4, training_start_step: 16},
    memory: {name: Replay, batch_size: 16, max_size: 500},
    net: {type: MLPNet, hid_layers: [8], hid_layers_activation: tanh, clip_grad_val: 1.0,
      loss_spec: {name: SmoothL1Loss}, optim_spec: {name: Adam, lr: 0.01},
      update_type: replace, update_frequency: 40}}";

fn plan(heads: &[usize], next_value: NextValue, loss: LossFn) -> DqnPlan {
    let optim =
        OptimPlan::Sgd(Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false });
    DqnPlan {
        net: plain(1, vec![LayerPlan::Activation(Activation::Identity)], heads),
        train: TrainPlan { optim, lr: 0.1, lr_schedule: LrSchedule::Constant, clip_grad: None },
        heads: heads.to_vec(),
        next_value,
        gamma: 0.5,
        loss,
        training_iter: 1,
        training_batch_iter: 1,
    }
}

fn two_rows(actions: &[f32]) -> Batch {
    Batch {
        actions: actions.to_vec(),
        obs: vec![1.0, 1.0],
        next_obs: vec![2.0, 3.0],
        rewards: vec![1.0, -1.0],
        terminated: vec![false, true],
        weights: vec![1.0, 0.5],
        ..Batch::default()
    }
}

/// The network is linear in one input: Q(x) = x·w + b. Online w = (1, 2), target w = (3, −1), b = 0:
/// at x = 2 the online values are (2, 4), the target's (6, −2). r = 1, γ = ½; the second row ends.
#[test]
fn targets_follow_their_papers() {
    let replace = TargetUpdate::Replace { update_frequency: 10 };
    for (next_value, expected) in [
        (NextValue::Online, 1.0 + 0.5 * 4.0),
        (NextValue::Target(replace), 1.0 + 0.5 * 6.0),
        (NextValue::Double(replace), 1.0 - 0.5 * 2.0),
    ] {
        let plan = plan(&[2], next_value, LossFn::Mse);
        let mut dqn = plan.make(&mut Rng::from_seed(1), &Compute::kernels(1));
        dqn.online.set_params(&[1.0, 2.0, 0.0, 0.0]);
        if let Some(target) = &mut dqn.target {
            let mut out = StateWriter::new();
            out.f32s(&[3.0, -1.0, 0.0, 0.0]);
            target.load(&mut StateReader::new(&out.into_bytes())).unwrap();
        }
        dqn.batch = two_rows(&[0.0, 1.0]);
        dqn.set_targets();
        assert_eq!(dqn.targets, [expected, -1.0], "{next_value:?}");
    }
}

#[test]
fn keeps_the_agent_contract() {
    conformance::check_values(&DQN, AGENT);
}

/// Rows of 1 observed number, an action and a reward take 4 + 8 + 1 bytes, and a priority 32; a session has
/// 1000 frames. The network has 2 · 8 + 8 · 2 + 2 parameters, each with gradient and moments of 4 bytes.
#[test]
fn the_memory_of_replay_and_network_is_that_of_what_a_session_can_fill() {
    let mut found = Diagnostics::new();
    let largest = AGENT
        .replace("name: Replay", "name: PrioritizedReplay, alpha: 0.6, epsilon: 0.01")
        .replace("max_size: 500", "max_size: 4294967295");
    let plan = conformance::plan(&DQN, &largest, &Space::Discrete { n: 2 }, &mut found);
    assert!(plan.is_some(), "{found:?}");
    let needs: Vec<(&str, &str, u64)> = found
        .needs
        .iter()
        .map(|need| (need.what.path.as_str(), need.what.message.as_str(), need.bytes))
        .collect();
    let expected = [
        ("agent.memory.max_size", "a replay of 1000 transitions", 45_000),
        ("agent.net.hid_layers", "a network of 34 parameters", 544),
    ];
    assert_eq!(needs, expected);
}

#[test]
fn a_loss_of_classes_is_refused() {
    let agent = AGENT.replace("SmoothL1Loss", "CrossEntropyLoss");
    conformance::refuses(&DQN, &agent, &Space::Discrete { n: 2 }, "compares classes");
}

#[test]
fn keeps_the_agent_contract_without_a_target_network() {
    let keys = ",\n      update_type: replace, update_frequency: 40";
    let agent = AGENT.replace("name: DQN", "name: VanillaDQN").replace(keys, "");
    conformance::check_values(&VANILLA_DQN, &agent);
}

#[test]
fn keeps_the_agent_contract_with_priorities_and_a_moving_average() {
    let agent = AGENT
        .replace("name: DQN", "name: DoubleDQN")
        .replace("name: Replay", "name: PrioritizedReplay, alpha: 0.6, epsilon: 0.01, use_cer: true,
          beta_spec: {name: linear_decay, start_val: 0.4, end_val: 1.0, start_step: 0, end_step: 900}")
        .replace("update_type: replace, update_frequency: 40", "update_type: polyak, polyak_coef: 0.1");
    conformance::check_values(&DOUBLE_DQN, &agent);
}

#[test]
fn a_dueling_network_that_sees_pixels_keeps_the_agent_contract() {
    let agent = AGENT.replace(
        "type: MLPNet, hid_layers: [8]",
        "type: DuelingConvNet, conv_hid_layers: [[6, 3, 2]], fc_hid_layers: [12], normalize: true",
    );
    conformance_images::check(&DQN, &agent);
}

#[test]
fn a_head_for_each_action_keeps_the_agent_contract() {
    let agent = AGENT.replace("name: DQN", "name: HydraDQN");
    conformance::check_values(&HYDRA_DQN, &agent);
    conformance::check_multi_discrete(&HYDRA_DQN, &agent);
}

fn recurrent(cell: &str) -> String {
    let net = format!(
        "type: RecurrentNet, cell_type: {cell}, fc_hid_layers: [], rnn_hidden_size: 8, seq_len: 4"
    );
    AGENT.replace("type: MLPNet, hid_layers: [8]", &net)
}

#[test]
fn a_recurrent_network_keeps_the_agent_contract() {
    conformance::check_values(&DQN, &recurrent("GRU"));
    let agent = recurrent("RNN").replace("name: DQN", "name: HydraDQN");
    conformance::check_multi_discrete(&HYDRA_DQN, &agent);
}

#[test]
fn a_recurrent_network_learns_what_takes_memory() {
    memory_task::check(&DQN, &recurrent("GRU"), 1500);
    let agent = recurrent("LSTM").replace("name: DQN", "name: DoubleDQN");
    memory_task::check(&DOUBLE_DQN, &agent.replace("max_size", "use_cer: true, max_size"), 1500);
    let agent = recurrent("GRU").replace("name: DQN", "name: VanillaDQN");
    memory_task::check(&VANILLA_DQN, &agent, 1500);
    memory_task::check_blind(&DQN, AGENT, 200);
}

#[test]
fn what_a_recurrent_network_exports_acts_as_it_does_itself() {
    let greedy = recurrent("LSTM").replace("end_val: 0.1", "end_val: 0.0");
    memory_task::check_export(&DQN, &greedy, 600);
}

/// Two draws an update and two steps a draw; what each variant changes is in use.
const ON_DEVICE: &str = "{
    algorithm: {name: DQN, action_policy: epsilon_greedy, gamma: 0.9,
      explore_var_spec: {name: linear_decay, start_val: 1.0, end_val: 0.1, start_step: 0, end_step: 500},
      training_batch_iter: 2, training_iter: 2, training_frequency: 4, training_start_step: 16},
    memory: {name: Replay, batch_size: 16, max_size: 500},
    net: {type: MLPNet, hid_layers: [8], hid_layers_activation: tanh, clip_grad_val: 1.0,
      loss_spec: {name: SmoothL1Loss, beta: 0.5}, optim_spec: {name: Adam, lr: 0.01},
      update_type: replace, update_frequency: 20}}";

fn agrees_on_a_device(def: &AlgorithmDef, agent: &str) {
    let agent = agent.replace("name: DQN", &format!("name: {}", def.name));
    device_agreement::check(def, &agent, Sight::Numbers, &Space::Discrete { n: 3 });
}

#[test]
fn every_value_of_what_comes_next_is_learned_alike_on_a_device() {
    let target = ",\n      update_type: replace, update_frequency: 20";
    agrees_on_a_device(&VANILLA_DQN, &ON_DEVICE.replace(target, ""));
    agrees_on_a_device(&DQN, ON_DEVICE);
    agrees_on_a_device(&DOUBLE_DQN, ON_DEVICE);
}

#[test]
fn priorities_and_their_weights_are_learned_by_alike_on_a_device() {
    let agent = ON_DEVICE
        .replace("name: Replay", "name: PrioritizedReplay, alpha: 0.6, epsilon: 0.01, use_cer: true,
          beta_spec: {name: linear_decay, start_val: 0.4, end_val: 1.0, start_step: 0, end_step: 900}")
        .replace("update_type: replace, update_frequency: 20", "update_type: polyak, polyak_coef: 0.1");
    agrees_on_a_device(&DOUBLE_DQN, &agent);
}

#[test]
fn several_heads_are_learned_alike_on_a_device() {
    let agent = ON_DEVICE.replace("name: DQN", "name: HydraDQN");
    let space = Space::MultiDiscrete { nvec: vec![2, 3] };
    device_agreement::check(&HYDRA_DQN, &agent, Sight::Numbers, &space);
}

#[test]
fn dueling_networks_of_pixels_are_learned_alike_on_a_device() {
    for kind in ["ConvNet", "DuelingConvNet"] {
        let net = format!(
            "type: {kind}, conv_hid_layers: [[6, 3, 2]], fc_hid_layers: [12], normalize: true"
        );
        let agent = ON_DEVICE.replace("type: MLPNet, hid_layers: [8]", &net);
        device_agreement::check(&DQN, &agent, Sight::Pixels, &Space::Discrete { n: 3 });
    }
    let dueling = ON_DEVICE.replace("type: MLPNet", "type: DuelingMLPNet");
    agrees_on_a_device(&DOUBLE_DQN, &dueling);
}
