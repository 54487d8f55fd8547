//! Networks on a device act there, and learn from what they were shown.

use burn::tensor::Device;
use slm_env::ObsBatch;
use slm_policy::{Family, Scratch};

use super::passes::pays_on_device;
use super::tests::{EveryColumn, ROWS, conv_net, net, rms_prop, rollout, train};
use super::*;
use crate::net::{Cell, ConvShape, LayerPlan, OptimPlan, Sgd, acting_network, conv, plain};

const NUM_ENVS: usize = ROWS / 4;

fn nets(plan: &NetsPlan) -> DeviceNets {
    let compute = Compute::burn(Device::flex());
    match PolicyValueNets::new(plan, &mut Rng::from_seed(1), &compute) {
        PolicyValueNets::Device(nets) => *nets,
        PolicyValueNets::Host(_) => panic!("a device was asked for"),
    }
}

/// Policy and value of pixels in one network, and of features in two.
fn plans() -> [NetsPlan; 2] {
    let dist = Dist::Categorical { n: 3 };
    let critic = CriticPlan::Separate(net(&[1], None).into(), rms_prop().into());
    let features = NetsPlan { dist, actor: net(&[3], None), train: rms_prop(), critic };
    let critic = CriticPlan::Shared;
    [NetsPlan { actor: conv_net(&[3, 1]), critic, ..features.clone() }, features]
}

/// The observations of one vector step.
fn step_of(rollout: &Rollout, t: usize) -> ObsBatch {
    let width = rollout.plan().obs_width;
    let range = t * NUM_ENVS * width..(t + 1) * NUM_ENVS * width;
    match rollout.obs.values() {
        ObsBatch::F32(values) => ObsBatch::F32(values[range].to_vec()),
        ObsBatch::U8(values) => ObsBatch::U8(values[range].to_vec()),
    }
}

/// Acts on a vector step as a whole.
fn act(nets: &mut DeviceNets, obs: &ObsBatch) -> Vec<f32> {
    nets.act(obs, 0..NUM_ENVS)
}

/// The same with observations of zeros.
fn blinded(rollout: &Rollout) -> Rollout {
    let mut blind = rollout.clone();
    let zeros = match rollout.obs.values() {
        ObsBatch::F32(values) => ObsBatch::F32(vec![0.0; values.len()]),
        ObsBatch::U8(values) => ObsBatch::U8(vec![0; values.len()]),
    };
    blind.obs.clear();
    blind.obs.extend(&zeros);
    blind
}

/// Evaluates and learns in two epochs; what was said before, the loss, and the parameters after.
fn learned(nets: &mut DeviceNets, rollout: &Rollout) -> (Vec<f32>, Vec<f32>, f64, Vec<f32>) {
    let returns: Vec<f32> = (0..ROWS).map(|k| (k as f32).sin()).collect();
    let before = nets.evaluate(rollout);
    let batch = TrainingBatch::of(rollout, &returns, &before);
    let epochs = [5, 7].map(|stride| Epoch {
        order: (0..ROWS as u32).map(|k| k * stride % ROWS as u32).collect(),
        advantages: returns.iter().map(|r| 1.0 - r).collect(),
    });
    let loss = nets.learn(batch, 10, &mut epochs.into_iter(), &EveryColumn).loss;
    (before.next_values, before.log_probs, loss, nets.actor_params())
}

#[test]
fn what_was_acted_on_is_learned_from_as_it_was_shown() {
    for plan in plans() {
        let rollout = rollout(&plan.dist, &plan.actor, &mut Rng::from_seed(5));
        let expected = learned(&mut nets(&plan), &rollout);
        let mut acting = nets(&plan);
        (0..4).for_each(|t| drop(act(&mut acting, &step_of(&rollout, t))));
        // The host's copy is not looked at: it says something else.
        assert_eq!(learned(&mut acting, &blinded(&rollout)), expected);
        assert_eq!(acting.shown.rows(), 0);
        assert_ne!(learned(&mut nets(&plan), &blinded(&rollout)), expected);
    }
}

/// While a half steps, the other is computed: the second of the same step, the first of the next. The last step
/// is not looked ahead of.
#[test]
fn halves_are_acted_on_and_learned_from_as_the_whole_is() {
    let half = NUM_ENVS / 2;
    for plan in plans() {
        let rollout = rollout(&plan.dist, &plan.actor, &mut Rng::from_seed(5));
        let (mut whole, mut halved) = (nets(&plan), nets(&plan));
        for t in 0..4 {
            let obs = step_of(&rollout, t);
            let mut found = halved.act(&obs, 0..half);
            halved.begin(&obs, half..NUM_ENVS);
            found.extend(halved.act(&obs, half..NUM_ENVS));
            if t < 3 {
                halved.begin(&step_of(&rollout, t + 1), 0..half);
            }
            assert_eq!(found, act(&mut whole, &obs), "step {t}");
        }
        assert!(halved.begun.is_none());
        let blind = blinded(&rollout);
        assert_eq!(learned(&mut halved, &blind), learned(&mut whole, &blind));
    }
}

#[test]
fn after_a_checkpoint_what_was_acted_on_before_it_comes_from_the_host() {
    for plan in plans() {
        let rollout = rollout(&plan.dist, &plan.actor, &mut Rng::from_seed(5));
        let expected = learned(&mut nets(&plan), &rollout);
        let mut acting = nets(&plan);
        act(&mut acting, &step_of(&blinded(&rollout), 0));
        let mut state = StateWriter::new();
        acting.save(&mut state);
        acting.load(&mut StateReader::new(&state.into_bytes())).unwrap();
        (2..4).for_each(|t| drop(act(&mut acting, &step_of(&rollout, t))));
        assert_eq!(acting.shown.rows(), 2 * NUM_ENVS);
        assert_eq!(learned(&mut acting, &rollout), expected);
    }
}

#[test]
fn a_rollout_that_does_not_fit_goes_up_minibatch_by_minibatch_to_the_same_end() {
    for plan in plans() {
        let rollout = rollout(&plan.dist, &plan.actor, &mut Rng::from_seed(5));
        let expected = learned(&mut nets(&plan), &rollout);
        // Two of the four steps fit.
        let bytes = DeviceObs::bytes(rollout.obs.values(), 2 * NUM_ENVS, plan.actor.input);
        let mut tight = DeviceNets { most_bytes: bytes, ..nets(&plan) };
        for (t, rows) in [1, 2, 0, 0].into_iter().enumerate() {
            act(&mut tight, &step_of(&rollout, t));
            assert_eq!(tight.shown.rows(), rows * NUM_ENVS);
        }
        assert!(tight.evaluate(&rollout).on_device.is_none());
        act(&mut tight, &step_of(&rollout, 0));
        assert_eq!(tight.shown.rows(), NUM_ENVS, "the next rollout begins anew");
        tight.forget_shown();
        assert_eq!(learned(&mut tight, &rollout), expected);
    }
}

#[test]
fn the_device_acts_as_the_exported_network_before_and_after_learning() {
    let dist = Dist::Continuous { family: Family::Normal, k: 2 };
    let train = train(OptimPlan::Sgd(Sgd {
        momentum: 0.0,
        dampening: 0.0,
        weight_decay: 0.0,
        nesterov: false,
    }));
    let plan = NetsPlan { dist, actor: conv_net(&[2, 2, 1]), train, critic: CriticPlan::Shared };
    let rollout = rollout(&plan.dist, &plan.actor, &mut Rng::from_seed(5));
    let obs = step_of(&rollout, 0);
    let mut nets = nets(&plan);
    let [before, after] = [(); 2].map(|()| {
        let found = act(&mut nets, &obs);
        let network = acting_network(&plan.actor, &nets.actor_params(), 4);
        let mut scratch = Scratch::default();
        let expected = network.forward(obs.as_f32s(&mut Vec::new()), NUM_ENVS, &mut scratch);
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).for_each(|(f, e)| assert!((f - e).abs() < 1e-5, "{f} {e}"));
        nets.forget_shown();
        learned(&mut nets, &rollout);
        found
    });
    assert_ne!(before, after);
}

#[test]
fn a_log_std_of_its_own_comes_with_every_row_that_is_acted_on() {
    let dist = Dist::Continuous { family: Family::Normal, k: 2 };
    let actor = NetPlan { log_std_init: Some(-0.3), ..conv_net(&[2, 1]) };
    let plan = NetsPlan { dist, actor, train: rms_prop(), critic: CriticPlan::Shared };
    let rollout = rollout(&plan.dist, &plan.actor, &mut Rng::from_seed(5));
    let rows = act(&mut nets(&plan), &step_of(&rollout, 0));
    assert_eq!(rows.len(), NUM_ENVS * 4);
    assert!(rows.chunks_exact(4).all(|row| row[2..] == [-0.3, -0.3]));
}

/// Nature's network takes 84·84·4 pixels: 20·20·32·256 + 9·9·64·512 + 7·7·64·576 + 3136·512 + 512·7 ≈ 9.35e6
/// multiply-adds a row; two layers of 64 on four features 4·64 + 64·64 + 64·3 = 4544.
#[test]
fn convolutions_act_on_a_device_and_small_or_recurrent_networks_on_the_host() {
    let layer = |input, outputs, kernel, stride| match conv(input, outputs, stride) {
        LayerPlan::Conv2d { shape, bias } => {
            LayerPlan::Conv2d { shape: ConvShape { kernel: [kernel; 2], ..shape }, bias }
        }
        _ => unreachable!("a convolution was made"),
    };
    let nature = vec![
        layer([4, 84, 84], 32, 8, 4),
        layer([32, 20, 20], 64, 4, 2),
        layer([64, 9, 9], 64, 3, 1),
        LayerPlan::Linear { width: 512, bias: true },
    ];
    let linear = |width| LayerPlan::Linear { width, bias: true };
    assert!(pays_on_device(&plain(84 * 84 * 4, nature.clone(), &[6, 1]), 1));
    assert!(!pays_on_device(&plain(4, vec![linear(64), linear(64)], &[2, 1]), 461));
    // 2²¹ / 4544 = 461.5
    assert!(pays_on_device(&plain(4, vec![linear(64), linear(64)], &[2, 1]), 462));
    let cell = LayerPlan::Recurrent { cell: Cell::Gru, hidden: 64 };
    let recurrent = plain(84 * 84 * 4, [nature, vec![cell]].concat(), &[6, 1]);
    assert!(!pays_on_device(&recurrent, 128));
}
