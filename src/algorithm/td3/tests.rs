//! Deterministic policy gradients against numbers worked by hand, and the agent contract.

use slm_env::{ObsBatch, Space, Step};
use slm_policy::Activation;

use super::*;
use crate::algorithm::critics::CriticLoss;
use crate::algorithm::device_agreement::{self, Sight};
use crate::algorithm::{conformance, conformance_images};
use crate::memory::ReplayPlan;
use crate::net::{LayerPlan, LossFn, LrSchedule, OptimPlan, Sgd, plain};

const AGENT: &str = "{
    algorithm: {name: TD3, gamma: 0.9, training_frequency: 4, training_iter: 1,
      training_start_step: 40},
    memory: {name: Replay, batch_size: 32, max_size: 2000},
    net: {type: MLPNet, hid_layers: [16], hid_layers_activation: tanh,
      optim_spec: {name: Adam, lr: 0.005}, update_type: polyak, polyak_coef: 0.05}}";

fn ddpg() -> String {
    AGENT.replace("name: TD3", "name: DDPG")
}

#[test]
fn td3_keeps_the_agent_contract() {
    conformance::check_continuous(&TD3, AGENT);
}

#[test]
fn ddpg_keeps_the_agent_contract() {
    conformance::check_continuous(&DDPG, &ddpg());
}

#[test]
fn both_keep_the_agent_contract_where_they_see_pixels() {
    let pixels = |agent: &str| {
        agent
            .replace(
                "type: MLPNet, hid_layers: [16]",
                "type: ConvNet, conv_hid_layers: [[6, 3, 2]], fc_hid_layers: [24], normalize: true",
            )
            .replace("training_iter: 1", "training_iter: 4")
    };
    conformance_images::check_continuous(&TD3, &pixels(AGENT));
    conformance_images::check_continuous(&DDPG, &pixels(&ddpg()));
}

#[test]
fn critics_whose_observations_are_scaled_keep_the_agent_contract() {
    let net = "type: TorchArcNet, normalize: true, arc: {
        modules: {body: {Sequential: [{LazyLinear: {out_features: 16}}, {Tanh: }]}},
        graph: {input: x, modules: {body: [x]}, output: body}}";
    let agent = AGENT.replace("type: MLPNet, hid_layers: [16], hid_layers_activation: tanh", net);
    conformance::check_continuous(&TD3, &agent);
}

#[test]
fn keeps_the_agent_contract_with_every_key_in_use() {
    let keys = "gamma: 0.9, policy_delay: 3, policy_noise: 0.1, noise_clip: 0.2, explore_var_spec:
        {name: linear_decay, start_val: 0.5, end_val: 0.05, start_step: 0, end_step: 4000}";
    let critic_net = "critic_net: {type: MLPNet, hid_layers: [12], hid_layers_activation: relu,
        loss_spec: {name: SmoothL1Loss}, optim_spec: {name: Adam, lr: 0.005}}";
    let agent = AGENT
        .replace("gamma: 0.9", keys)
        .replace("name: Replay", "name: PrioritizedReplay, alpha: 0.6, epsilon: 0.01")
        .replace(
            "update_type: polyak, polyak_coef: 0.05}",
            "update_type: replace, update_frequency: 40}",
        )
        .replace("}}", &format!("}}, {critic_net}}}"));
    conformance::check_continuous(&TD3, &agent);
}

#[test]
fn what_is_no_vector_between_minus_one_and_one_is_refused() {
    for (def, agent) in [(&TD3, AGENT), (&DDPG, &ddpg())] {
        for space in [Space::Discrete { n: 2 }, Space::MultiBinary { n: 2 }] {
            conformance::refuses(def, agent, &space, "learns continuous actions");
        }
        conformance::refuses(def, agent, &Space::symmetric(&[1.0, 0.5]), "from -1 to 1");
    }
    let continuous = Space::symmetric(&[1.0]);
    let agent = AGENT.replace("gamma", "explore_var_spec: {name: no_decay, start_val: -1}, gamma");
    conformance::refuses(&TD3, &agent, &continuous, "never negative");
}

fn sgd() -> TrainPlan {
    let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
    let optim = OptimPlan::Sgd(sgd);
    TrainPlan { optim, lr: 0.1, lr_schedule: LrSchedule::Constant, clip_grad: None }
}

/// One observation, one action; the actor is linear, critics have `hidden` units of tanh.
fn plan<const N: usize>(hidden: usize, policy_delay: u64) -> Td3Plan<N> {
    let trunk = match hidden {
        0 => Vec::new(),
        width => {
            vec![LayerPlan::Linear { width, bias: true }, LayerPlan::Activation(Activation::Tanh)]
        }
    };
    let target_update = TargetUpdate::Polyak { coef: 0.5 };
    Td3Plan {
        actor: plain(1, Vec::new(), &[1]),
        actor_train: sgd(),
        target_update,
        critics: CriticsPlan {
            net: plain(2, trunk, &[1]),
            train: sgd(),
            target_update: Some(target_update),
            loss: CriticLoss { kind: LossFn::Mse, symlog: false },
        },
        gamma: 0.5,
        training_iter: 1,
        policy_delay,
        smoothing: None,
    }
}

fn rule<const N: usize>(plan: &Td3Plan<N>) -> Td3<N> {
    plan.make(&mut Rng::from_seed(1), &Compute::kernels(1))
}

/// Two transitions, of which the second ends its episode.
fn two_rows() -> Batch {
    Batch {
        obs: vec![1.0, 1.0],
        actions: vec![0.5, -0.5],
        next_obs: vec![2.0, 3.0],
        rewards: vec![1.0, -1.0],
        terminated: vec![false, true],
        weights: vec![1.0, 1.0],
        ..Batch::default()
    }
}

/// Target actor 0.5·s − 0.5, so μ'(2) = tanh ½ = 0.4621172. Target critics s + 2a + 1 and
/// 2s − 3a give 3.9242343 and 2.6136485 there; r + γ·min = 1 + ½·2.6136485, and the second row ends.
#[test]
fn the_smaller_target_value_of_the_target_action_is_learned() {
    let mut td3 = rule(&plan::<2>(0, 2));
    set_target(&mut td3.target_actor, &[0.5, -0.5]);
    td3.critics.set_targets([&[1.0, 2.0, 1.0], &[2.0, -3.0, 0.0]]);
    td3.batch = two_rows();
    td3.learn_critics(&mut Rng::from_seed(0));
    let expected = [2.306_824_2f32, -1.0];
    for (found, expected) in td3.targets.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
    let mut ddpg = rule(&plan::<1>(0, 1));
    set_target(&mut ddpg.target_actor, &[0.5, -0.5]);
    ddpg.critics.set_targets([&[1.0, 2.0, 1.0]]);
    ddpg.batch = two_rows();
    ddpg.learn_critics(&mut Rng::from_seed(0));
    // 1 + ½·3.9242343.
    assert!((ddpg.targets[0] - 2.962_117_2).abs() < 1e-6, "{:?}", ddpg.targets);
}

/// As above with noise far beyond its bound of ¼, so that μ' + ε is 0.7121172 or 0.2121172 and the
/// smaller target value 4 − 3·(μ' + ε).
#[test]
fn the_target_action_is_smoothed() {
    let smoothing = Some(Smoothing { std: 1e6, clip: 0.25 });
    let mut td3 = rule(&Td3Plan { smoothing, ..plan::<2>(0, 2) });
    set_target(&mut td3.target_actor, &[0.5, -0.5]);
    td3.critics.set_targets([&[0.0, 0.0, 9.0], &[2.0, -3.0, 0.0]]);
    let mut rng = Rng::from_seed(0);
    let targets: Vec<f32> = (0..20)
        .map(|_| {
            td3.batch = two_rows();
            td3.learn_critics(&mut rng);
            td3.targets[0]
        })
        .collect();
    // 1 + ½·(4 − 3·0.7121172) and 1 + ½·(4 − 3·0.2121172).
    for expected in [1.931_824_2f32, 2.681_824_2] {
        assert!(targets.iter().any(|found| (found - expected).abs() < 1e-5), "{targets:?}");
    }
}

/// −mean Q₁(s, tanh u) by central differences of u.
#[test]
fn the_actor_climbs_the_first_critic() {
    let mut td3 = rule(&plan::<2>(8, 1));
    let (obs, rows) = ([0.3f32, -1.2, 0.8], [0.4f32, -0.7, 1.1]);
    let mut loss = |rows: &[f32]| {
        td3.policy.set(rows);
        let value = td3.policy.differentiate(&obs, &mut td3.critics, 3);
        (value, td3.policy.d_rows.clone())
    };
    let (_, found) = loss(&rows);
    for j in 0..rows.len() {
        let mut at = |step: f32| {
            let mut moved = rows;
            moved[j] += step;
            loss(&moved).0
        };
        let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
        assert!((f64::from(found[j]) - slope).abs() < 1e-4, "{j}: {} is not {slope}", found[j]);
        assert!(slope.abs() > 1e-3, "the critic depends on action {j}");
    }
}

/// With a delay of 2 the first batch moves critics only, the second the actor and every target.
#[test]
fn actor_and_targets_wait_for_the_critics() {
    let (mut td3, mut rng) = (rule(&plan::<2>(4, 2)), Rng::from_seed(3));
    let mut replay = full_replay();
    let mut states = vec![state(&td3)];
    for _ in 0..2 {
        td3.learn(&mut replay, &mut rng);
        states.push(state(&td3));
    }
    let changed = |from: usize| -> Vec<bool> {
        states[from].iter().zip(&states[from + 1]).map(|(a, b)| a != b).collect()
    };
    assert_eq!(changed(0), [false, false, true, false], "actor, its target, critics, targets");
    assert_eq!(changed(1), [true; 4]);
}

fn full_replay() -> Replay {
    let mut replay = Replay::new(ReplayPlan {
        num_envs: 1,
        obs_width: 1,
        obs_u8: false,
        action_width: 1,
        max_size: 16,
        batch_size: 4,
        use_cer: false,
        priorities: None,
    });
    for i in 0..8u8 {
        let obs = ObsBatch::F32(vec![f32::from(i) / 8.0]);
        replay.push_acted(&obs, &[0.5 - f32::from(i) / 8.0]);
        let step = Step { reward: f64::from(i), terminated: i == 7, truncated: false };
        replay.push_observed(&obs, &obs, &[step]);
    }
    replay
}

/// What is saved of the actor, its target, the critics and theirs.
fn state<const N: usize>(td3: &Td3<N>) -> [Vec<u8>; 4] {
    let saved = |save: &dyn Fn(&mut StateWriter)| {
        let mut out = StateWriter::new();
        save(&mut out);
        out.into_bytes()
    };
    let critics = |out: &mut StateWriter| td3.critics.nets().for_each(|net| net.save(out));
    [
        saved(&|out| td3.actor.save(out)),
        saved(&|out| td3.target_actor.save(out)),
        saved(&critics),
        saved(&|out| td3.critics.save_targets(out)),
    ]
}

fn set_target(target: &mut TargetNet, params: &[f32]) {
    let mut out = StateWriter::new();
    out.f32s(params);
    target.load(&mut StateReader::new(&out.into_bytes())).unwrap();
}

/// Two draws an update.
const ON_DEVICE: &str = "{
    algorithm: {name: TD3, gamma: 0.9, training_frequency: 4, training_iter: 2,
      training_start_step: 32},
    memory: {name: Replay, batch_size: 16, max_size: 2000},
    net: {type: MLPNet, hid_layers: [16], hid_layers_activation: tanh,
      optim_spec: {name: Adam, lr: 0.005}, update_type: polyak, polyak_coef: 0.05}}";

#[test]
fn both_learn_alike_on_a_device() {
    let space = Space::symmetric(&[1.0, 1.0]);
    device_agreement::check(&TD3, ON_DEVICE, Sight::Numbers, &space);
    let ddpg = ON_DEVICE.replace("name: TD3", "name: DDPG");
    device_agreement::check(&DDPG, &ddpg, Sight::Numbers, &space);
    let keys = "gamma: 0.9, policy_delay: 3, policy_noise: 0.3, noise_clip: 0.2";
    let agent = ON_DEVICE
        .replace("gamma: 0.9", keys)
        .replace("name: Replay", "name: PrioritizedReplay, alpha: 0.6, epsilon: 0.01")
        .replace(
            "update_type: polyak, polyak_coef: 0.05",
            "update_type: replace, update_frequency: 20",
        );
    device_agreement::check(&TD3, &agent, Sight::Numbers, &space);
}

#[test]
fn both_learn_alike_on_a_device_where_they_see_pixels() {
    let agent = ON_DEVICE.replace(
        "type: MLPNet, hid_layers: [16]",
        "type: ConvNet, conv_hid_layers: [[6, 3, 2]], fc_hid_layers: [12], normalize: true",
    );
    let space = Space::symmetric(&[1.0, 1.0]);
    device_agreement::check(&TD3, &agent, Sight::Pixels, &space);
    let ddpg = agent.replace("name: TD3", "name: DDPG");
    device_agreement::check(&DDPG, &ddpg, Sight::Pixels, &space);
}
