//! Self-imitation keeps the agent contract and learns from what turned out better than expected.

use slm_env::{ObsBatch, Step};
use slm_policy::Activation;

use super::*;
use crate::algorithm::nets::{CriticPlan, NetsPlan};
use crate::algorithm::{conformance, conformance_images, memory_task};
use crate::config::Diagnostics;
use crate::memory::{PriorityPlan, RolloutPlan};
use crate::net::{
    Adam, Cell, Compute, Dist, Init, LayerPlan, LrSchedule, NetPlan, OptimPlan, TrainPlan, plain,
};

const SIL_AGENT: &str = "{
    algorithm: {name: SIL, gamma: 0.9, lam: 0.9, training_frequency: 8,
      entropy_coef_spec: {name: no_decay, start_val: 0.01}, sil_policy_loss_coef: 0.5,
      sil_val_loss_coef: 0.1, training_iter: 2, training_batch_iter: 2},
    memory: {name: OnPolicyBatchReplay, batch_size: 16, max_size: 500, use_cer: true},
    net: {type: MLPNet, shared: true, use_same_optim: true, hid_layers: [8],
      hid_layers_activation: tanh, clip_grad_val: 0.5, optim_spec: {name: Adam, lr: 0.01}}}";

const PPO_SIL_AGENT: &str = "{
    algorithm: {name: PPOSIL, gamma: 0.9, lam: 0.9, time_horizon: 16, minibatch_size: 16,
      training_epoch: 4, clip_eps_spec: {name: no_decay, start_val: 0.2}, entropy_coef_spec: {name: no_decay, start_val: 0.1},
      sil_policy_loss_coef: 0.5, sil_val_loss_coef: 0.1, training_iter: 1, training_batch_iter: 3},
    memory: {name: OnPolicyBatchReplay, sil_replay_name: PrioritizedReplay, alpha: 0.6,
      epsilon: 0.01, batch_size: 16, max_size: 500},
    net: {type: MLPNet, shared: false, use_same_optim: true, hid_layers: [8],
      hid_layers_activation: tanh, clip_grad_val: 0.5, optim_spec: {name: Adam, lr: 0.001}}}";

#[test]
fn keeps_the_agent_contract_around_the_actor_critic() {
    conformance::check(&SIL, SIL_AGENT);
}

#[test]
fn keeps_the_agent_contract_around_ppo_with_priorities() {
    conformance::check(&PPO_SIL, PPO_SIL_AGENT);
}

#[test]
fn keeps_the_agent_contract_with_whole_episodes() {
    let agent = SIL_AGENT
        .replace("OnPolicyBatchReplay", "OnPolicyReplay, sil_replay_name: Replay")
        .replace("training_frequency: 8", "training_frequency: 32")
        .replace(", training_iter: 2, training_batch_iter: 2", "");
    conformance::check_discrete(&SIL, &agent);
    let agent = PPO_SIL_AGENT
        .replace("time_horizon: 16", "training_frequency: 64")
        .replace("OnPolicyBatchReplay", "OnPolicyReplay");
    conformance::check_discrete(&PPO_SIL, &agent);
}

#[test]
fn keeps_the_agent_contract_where_it_sees_pixels() {
    let agent = SIL_AGENT.replace(
        "type: MLPNet, shared: true, use_same_optim: true, hid_layers: [8]",
        "type: ConvNet, shared: true, use_same_optim: true, conv_hid_layers: [[6, 3, 2]],
          fc_hid_layers: [12], batch_norm: false, normalize: true",
    );
    conformance_images::check(&SIL, &agent);
}

fn recurrent(agent: &str) -> String {
    let net = "type: RecurrentNet, rnn_hidden_size: 8, seq_len: 4, fc_hid_layers: [],";
    agent.replace("type: MLPNet,", net).replace("hid_layers: [8],", "")
}

#[test]
fn keeps_the_agent_contract_with_recurrent_networks() {
    conformance::check_discrete(&SIL, &recurrent(SIL_AGENT));
    conformance::check_discrete(&PPO_SIL, &recurrent(PPO_SIL_AGENT));
}

#[test]
fn a_recurrent_network_learns_what_takes_memory() {
    let agent = recurrent(SIL_AGENT).replace("start_val: 0.01", "start_val: 0.02");
    memory_task::check(&SIL, &agent, 4000);
}

#[test]
fn a_second_memory_that_is_missing_or_impossible_is_refused_at_its_key() {
    use slm_env::Space;
    let space = Space::Discrete { n: 2 };
    let refuses = |from: &str, to: &str, reason: &str| {
        conformance::refuses(&PPO_SIL, &PPO_SIL_AGENT.replace(from, to), &space, reason);
    };
    refuses("batch_size: 16, ", "", "the key `batch_size` is missing");
    refuses(", max_size: 500", "", "the key `max_size` is missing");
    refuses("alpha: 0.6,", "", "the key `alpha` is missing");
    refuses("max_size: 500", "max_size: 15", "a batch of 16 needs a max_size");
    refuses("sil_replay_name: PrioritizedReplay", "sil_replay_name: Reply", "unknown replay");
    let cross_entropy = SIL_AGENT.replace(
        "{name: OnPolicyBatchReplay, batch_size: 16, max_size: 500, use_cer: true}",
        "{name: OnPolicyCrossEntropy}",
    );
    conformance::refuses(&SIL, &cross_entropy, &space, "can not go with an OnPolicyCrossEntropy");
}

#[test]
fn keys_of_priorities_warn_where_the_second_memory_has_none() {
    let agent = PPO_SIL_AGENT.replace("name: PrioritizedReplay", "name: Replay");
    let (space, mut found) = (slm_env::Space::Discrete { n: 2 }, Diagnostics::new());
    assert!(conformance::plan(&PPO_SIL, &agent, &space, &mut found).is_some());
    let said: Vec<&str> = found.warnings.iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(said, ["agent.memory.alpha", "agent.memory.epsilon"]);
}

/// A rule that learns nothing.
struct Idle;

impl OnPolicyRule for Idle {
    fn learn(&mut self, _: &mut PolicyValueNets, _: &Rollout, _: &mut Rng) -> TrainStats {
        TrainStats { loss: 0.0 }
    }

    fn advance(&mut self, _: u64) {}

    fn metric_names(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn metrics(&self) -> Vec<f64> {
        Vec::new()
    }

    fn save(&self, _: &mut StateWriter) {}

    fn load(&mut self, _: &mut StateReader<'_>) -> Result<(), StateError> {
        Ok(())
    }
}

const OBS: [f32; 2] = [1.0, -0.5];

fn net(output: usize) -> NetPlan {
    let trunk =
        vec![LayerPlan::Linear { width: 8, bias: true }, LayerPlan::Activation(Activation::Tanh)];
    NetPlan { init: Init::Orthogonal { gain: 0.1 }, ..plain(2, trunk, &[output]) }
}

fn nets(compute: &Compute) -> PolicyValueNets {
    nets_of(net, compute)
}

fn nets_of(net: fn(usize) -> NetPlan, compute: &Compute) -> PolicyValueNets {
    let adam = Adam {
        // Without momentum, which would carry values past the returns.
        betas: [0.0, 0.999],
        eps: 1e-8,
        weight_decay: 0.0,
        decoupled: false,
        amsgrad: false,
    };
    let train = TrainPlan {
        optim: OptimPlan::Adam(adam),
        lr: 0.01,
        lr_schedule: LrSchedule::Constant,
        clip_grad: None,
    };
    let plan = NetsPlan {
        dist: Dist::Categorical { n: 2 },
        actor: net(2),
        train: train.clone(),
        critic: CriticPlan::Separate(Box::new(net(1)), Box::new(train)),
    };
    PolicyValueNets::new(&plan, &mut Rng::from_seed(1), compute)
}

/// Episodes of one step from `OBS`: action 0 returns −3, action 1 returns 3, half of them cut.
fn rollout() -> Rollout {
    let mut rollout =
        Rollout::new(RolloutPlan { num_envs: 1, obs_width: 2, obs_u8: false, action_width: 1 });
    let obs = ObsBatch::F32(OBS.to_vec());
    for k in 0..8_u8 {
        let action = f32::from(k % 2);
        rollout.push_acted(&obs, &[action]);
        let terminated = k % 4 < 2;
        let reward = if action == 1.0 { 3.0 } else { -3.0 };
        rollout.push_observed(&obs, &obs, &[Step { reward, terminated, truncated: !terminated }]);
    }
    rollout
}

/// Without an on-policy part: the probability of what paid and the value of where it was, after
/// self-imitation alone.
fn imitate(compute: &Compute, priorities: Option<PriorityPlan>) -> (f32, f32) {
    let replay = ReplayPlan {
        num_envs: 1,
        obs_width: 2,
        obs_u8: false,
        action_width: 1,
        max_size: 8,
        batch_size: 8,
        use_cer: false,
        priorities,
    };
    let plan = SelfImitationPlan {
        replay,
        gamma: 0.0,
        policy_loss_coef: 1.0,
        val_loss_coef: 1.0,
        training_iter: 100,
        training_batch_iter: 2,
    };
    let (mut nets, mut rng) = (nets(compute), Rng::from_seed(2));
    let stats = SelfImitation::new(Idle, &plan).learn(&mut nets, &rollout(), &mut rng);
    assert!(stats.loss.is_finite());
    let after = nets.evaluate(&rollout());
    (after.log_probs[1].exp(), after.values[0])
}

#[test]
fn what_paid_more_than_expected_is_repeated_and_expected() {
    let priorities = PriorityPlan { alpha: 0.6, epsilon: 0.01, beta: None };
    let (probability, value) = imitate(&Compute::kernels(1), None);
    assert!(probability > 0.8 && (2.0..3.1).contains(&value), "{probability} {value}");
    let (probability, value) = imitate(&Compute::kernels(1), Some(priorities));
    assert!(probability > 0.8 && (2.0..3.1).contains(&value), "{probability} {value}");
}

#[test]
fn a_device_imitates_as_the_host_does() {
    let device = burn::tensor::Device::flex();
    let (on_host, on_device) =
        (imitate(&Compute::kernels(1), None), imitate(&Compute::burn(device), None));
    assert!((on_host.0 - on_device.0).abs() < 1e-3, "{on_host:?} {on_device:?}");
    assert!((on_host.1 - on_device.1).abs() < 1e-3, "{on_host:?} {on_device:?}");
}

/// A network that sees one number at a time and remembers.
fn memory(output: usize) -> NetPlan {
    let gru = LayerPlan::Recurrent { cell: Cell::Gru, hidden: 8 };
    NetPlan { seq_len: 2, ..plain(1, vec![gru], &[output]) }
}

/// Episodes of two steps: a cue, 1 or -1, then nothing to be seen. The second action returns 3 if it is
/// 1 after the cue 1, or 0 after -1, else -3.
fn cued_rollout() -> Rollout {
    let mut rollout =
        Rollout::new(RolloutPlan { num_envs: 1, obs_width: 1, obs_u8: false, action_width: 1 });
    for k in 0..8_u8 {
        let (cue, action) = (k % 2 * 2, k / 2 % 2);
        let obs = [f32::from(cue) - 1.0, 0.0].map(|x| ObsBatch::F32(vec![x]));
        let is_right = action * 2 == cue;
        let end =
            Step { reward: if is_right { 3.0 } else { -3.0 }, terminated: true, truncated: false };
        rollout.push_acted(&obs[0], &[f32::from(k / 4)]);
        rollout.push_observed(&obs[1], &obs[1], &[Step::default()]);
        rollout.push_acted(&obs[1], &[f32::from(action)]);
        rollout.push_observed(&obs[0], &obs[0], &[end]);
    }
    rollout
}

#[test]
fn a_recurrent_network_imitates_what_paid_after_what_it_saw_before() {
    let replay = ReplayPlan {
        num_envs: 1,
        obs_width: 1,
        obs_u8: false,
        action_width: 1,
        max_size: 16,
        batch_size: 16,
        use_cer: false,
        priorities: Some(PriorityPlan { alpha: 0.6, epsilon: 0.01, beta: None }),
    };
    let plan = SelfImitationPlan {
        replay,
        gamma: 1.0,
        policy_loss_coef: 1.0,
        // Values stay below the returns of 3.
        val_loss_coef: 0.0,
        training_iter: 300,
        training_batch_iter: 2,
    };
    let (mut nets, mut rng) = (nets_of(memory, &Compute::kernels(1)), Rng::from_seed(2));
    let rollout = cued_rollout();
    SelfImitation::new(Idle, &plan).learn(&mut nets, &rollout, &mut rng);
    let after = nets.evaluate(&rollout);
    for (row, reward) in rollout.rewards.iter().enumerate().filter(|(_, reward)| **reward > 0.0) {
        let probability = after.log_probs[row].exp();
        assert!(probability > 0.9, "{probability} of the action in row {row}, which gave {reward}");
    }
}
