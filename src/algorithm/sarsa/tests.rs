//! SARSA against numbers worked by hand, and the agent contract.

use slm_env::{ObsBatch, SeedSequence, Space, Step};
use slm_kernels::Sgd;

use super::*;
use crate::algorithm::acting::ActionPolicy;
use crate::algorithm::{conformance, conformance_images};
use crate::net::{Compute, Dist, LrSchedule, OptimPlan, plain};
use crate::ops::Schedule;

const AGENT: &str = "{
    algorithm: {name: SARSA, action_policy: boltzmann, gamma: 0.9, training_frequency: 8,
      explore_var_spec: {name: linear_decay, start_val: 1.0, end_val: 0.1, start_step: 0, end_step: 500}},
    memory: {name: OnPolicyBatchReplay},
    net: {type: MLPNet, hid_layers: [8], hid_layers_activation: tanh, clip_grad_val: 1.0,
      optim_spec: {name: RMSprop, lr: 0.01}}}";

#[test]
fn keeps_the_agent_contract() {
    conformance::check_values(&DEF, AGENT);
}

#[test]
fn keeps_the_agent_contract_where_it_sees_pixels() {
    let agent = AGENT.replace(
        "type: MLPNet, hid_layers: [8]",
        "type: DuelingConvNet, conv_hid_layers: [[6, 3, 2]], fc_hid_layers: [12], normalize: true",
    );
    conformance_images::check(&DEF, &agent);
}

#[test]
fn keeps_the_agent_contract_with_whole_episodes_and_random_actions_now_and_then() {
    let agent = AGENT
        .replace("boltzmann", "epsilon_greedy")
        .replace("OnPolicyBatchReplay", "OnPolicyReplay")
        .replace("training_frequency: 8", "training_frequency: 32");
    conformance::check_values(&DEF, &agent);
}

/// Q(x) = (x, 2x), γ = ½, ε = ½, two environments over two steps, all rewards 1.
///
/// Environment 0: x = 1 with action 0, then x = 2 with action 1, then x = 3 is next: targets
/// 1 + ½·4 = 3, and 1 + ½·(6 + ½·(4.5 − 6)) = 3.625. Environment 1: x = 1 with action 1, truncated at x = 4:
/// 1 + ½·(8 + ½·(6 − 8)) = 4.5; then x = 5 with action 0, terminated: 1.
#[test]
fn the_next_action_is_the_one_taken_or_what_the_policy_would_take_on_average() {
    let seed = SeedSequence::new(1_u64);
    let context = AgentContext { compute: &Compute::kernels(1), seed: &seed };
    let mut sarsa = Sarsa::new(two_steps_of_two(), &context);
    sarsa.net.set_params(&[1.0, 2.0, 0.0, 0.0]);
    let step = |terminated, truncated| Step { reward: 1.0, terminated, truncated };
    let obs = |values: [f32; 2]| ObsBatch::F32(values.into());
    sarsa.rollout.push_acted(&obs([1.0, 1.0]), &[0.0, 1.0]);
    let steps = [step(false, false), step(false, true)];
    sarsa.rollout.push_observed(&obs([2.0, 5.0]), &obs([0.0, 4.0]), &steps);
    sarsa.rollout.push_acted(&obs([2.0, 5.0]), &[1.0, 0.0]);
    let steps = [step(false, false), step(true, false)];
    sarsa.rollout.push_observed(&obs([3.0, 7.0]), &obs([0.0, 9.0]), &steps);
    assert_eq!(sarsa.targets(), [3.0, 4.5, 3.625, 1.0]);
}

/// Learns from two steps of two environments with ε = ½ and γ = ½.
fn two_steps_of_two() -> SarsaPlan {
    let optim = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
    let (space, dist) = (Space::Discrete { n: 2 }, Dist::Argmax { n: 2 });
    SarsaPlan {
        net: plain(1, Vec::new(), &[2]),
        train: TrainPlan {
            optim: OptimPlan::Sgd(optim),
            lr: 0.1,
            lr_schedule: LrSchedule::Constant,
            clip_grad: None,
        },
        acting: ActingPlan {
            dist,
            action_policy: ActionPolicy::EpsilonGreedy(Schedule::Constant(0.5)),
            action_space: space,
        },
        rollout: RolloutPlan { num_envs: 2, obs_width: 1, obs_u8: false, action_width: 1 },
        update_every: UpdateEvery::Steps(2),
        gamma: 0.5,
        loss: LossFn::Mse,
    }
}
