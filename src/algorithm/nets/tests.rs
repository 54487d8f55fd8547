//! Host and device networks are the same networks.

use slm_env::{ObsBatch, Step};
use slm_policy::{Activation, Family};

use super::*;
use crate::algorithm::policy_loss::{Losses, RowGradients, Rows};
use crate::memory::RolloutPlan;
use crate::net::{
    Adam, Init, LayerPlan, LrSchedule, OptimPlan, RmsProp, batch_norm, conv, plain, renorm,
};

pub(super) const ROWS: usize = 24;
pub(super) const OBS: usize = 5;

/// A loss in which every column matters.
pub(super) struct EveryColumn;

impl PolicyLoss for EveryColumn {
    fn on_device(&self, rows: Rows<burn::tensor::Tensor<1>>) -> Losses<burn::tensor::Tensor<1>> {
        let change = rows.log_prob - rows.old_log_prob;
        let policy = (change * rows.advantage).mean().neg() - rows.entropy.mean() * 0.1;
        let value = rows.value.map(|value| {
            ((value.clone() - rows.return_).square() + (value - rows.old_value).square()).mean()
        });
        Losses { policy, value }
    }

    fn on_host(&self, rows: &Rows<&[f32]>, gradients: &mut RowGradients) -> Losses<f64> {
        let n = rows.log_prob.len() as f32;
        let (mut policy, mut loss) = (0.0, 0.0);
        for k in 0..rows.log_prob.len() {
            let change = rows.log_prob[k] - rows.old_log_prob[k];
            policy -= (change * rows.advantage[k] + 0.1 * rows.entropy[k]) / n;
            gradients.log_prob[k] = -rows.advantage[k] / n;
            gradients.entropy[k] = -0.1 / n;
            if let Some(value) = rows.value {
                let errors = [value[k] - rows.return_[k], value[k] - rows.old_value[k]];
                loss += (errors[0] * errors[0] + errors[1] * errors[1]) / n;
                gradients.value[k] = 2.0 * (errors[0] + errors[1]) / n;
            }
        }
        Losses { policy: policy.into(), value: rows.value.map(|_| loss.into()) }
    }
}

pub(super) fn net(heads: &[usize], log_std_init: Option<f32>) -> NetPlan {
    let trunk = vec![
        LayerPlan::Linear { width: 13, bias: true },
        LayerPlan::LayerNorm { eps: 1e-5, affine: true },
        LayerPlan::Activation(Activation::Tanh),
        LayerPlan::Linear { width: 7, bias: false },
        LayerPlan::Activation(Activation::Silu),
    ];
    let init = Init::Orthogonal { gain: 1.0 };
    NetPlan { log_std_init, init, ..plain(OBS, trunk, heads) }
}

/// A network that sees pixels.
pub(super) fn conv_net(heads: &[usize]) -> NetPlan {
    let relu = LayerPlan::Activation(Activation::Relu);
    let trunk = vec![
        conv([2, 9, 7], 6, 2),
        relu,
        conv([6, 4, 3], 5, 1),
        relu,
        LayerPlan::Linear { width: 8, bias: true },
        relu,
    ];
    NetPlan { obs_scale: 1.0 / 255.0, ..plain(2 * 9 * 7, trunk, heads) }
}

/// A network that sees pixels and normalizes over the batch.
fn batch_norm_net(heads: &[usize]) -> NetPlan {
    let relu = LayerPlan::Activation(Activation::Relu);
    let mut plan = conv_net(heads);
    plan.trunk.insert(2, batch_norm(12));
    plan.trunk.extend([renorm(), LayerPlan::Linear { width: 6, bias: true }, relu]);
    plan
}

pub(super) fn train(optim: OptimPlan) -> TrainPlan {
    TrainPlan { optim, lr: 0.01, lr_schedule: LrSchedule::Constant, clip_grad: Some(0.5) }
}

fn adam() -> TrainPlan {
    train(OptimPlan::Adam(Adam {
        betas: [0.9, 0.999],
        eps: 1e-5,
        weight_decay: 0.01,
        decoupled: true,
        amsgrad: false,
    }))
}

pub(super) fn rms_prop() -> TrainPlan {
    train(OptimPlan::RmsProp(RmsProp {
        alpha: 0.99,
        eps: 1e-5,
        weight_decay: 0.0,
        momentum: 0.9,
        centered: true,
    }))
}

/// Observations are pixels where the network divides them.
pub(super) fn rollout(dist: &Dist, net: &NetPlan, rng: &mut Rng) -> Rollout {
    let (num_envs, obs_width, action_width) = (ROWS / 4, net.input, dist.action_width());
    let obs_u8 = net.obs_scale != 1.0;
    let mut rollout = Rollout::new(RolloutPlan { num_envs, obs_width, obs_u8, action_width });
    let mut draw =
        |n: usize| -> Vec<f32> { (0..n).map(|_| rng.standard_normal() as f32).collect() };
    for t in 0..4 {
        let mut draw_obs = || {
            let obs = draw(num_envs * obs_width);
            let pixel = |x: &f32| (x.abs() * 100.0) as u8;
            if obs_u8 { ObsBatch::U8(obs.iter().map(pixel).collect()) } else { ObsBatch::F32(obs) }
        };
        let (obs, next) = (draw_obs(), draw_obs());
        let actions = match dist {
            Dist::Continuous { .. } => draw(num_envs * action_width),
            // Indices that each of these distributions has.
            _ => (0..num_envs * action_width).map(|i| ((i + t) % 2) as f32).collect(),
        };
        rollout.push_acted(&obs, &actions);
        let step = Step { reward: 1.0, terminated: false, truncated: t == 2 };
        rollout.push_observed(&next, &next, &vec![step; num_envs]);
    }
    rollout
}

/// Three epochs on a device and on the host from the same weights: the same losses, the same
/// parameters but for rounding.
fn assert_same(plan: &NetsPlan) {
    let rollout = rollout(&plan.dist, &plan.actor, &mut Rng::from_seed(5));
    let returns: Vec<f32> = (0..ROWS).map(|k| (k as f32).sin()).collect();
    let train = |nets: &mut PolicyValueNets| {
        let before = nets.evaluate(&rollout);
        let batch = TrainingBatch::of(&rollout, &returns, &before);
        let epoch = Epoch {
            order: (0..ROWS as u32).rev().collect(),
            advantages: returns.iter().map(|r| 1.0 - r).collect(),
        };
        let means = nets.learn(batch, 10, &mut vec![epoch; 3].into_iter(), &EveryColumn);
        let mut state = StateWriter::new();
        nets.save(&mut state);
        (means, nets.actor_params().into_owned(), before, state.into_bytes())
    };
    let device = burn::tensor::Device::flex();
    let new = |compute| PolicyValueNets::new(plan, &mut Rng::from_seed(1), &compute);
    let (mut on_device, mut on_host) = (new(Compute::burn(device)), new(Compute::kernels(1)));
    let (means, params, before, state) = train(&mut on_device);
    let (host_means, host_params, host_before, host_state) = train(&mut on_host);
    assert!((means.loss - host_means.loss).abs() < 1e-4, "{means:?} {host_means:?}");
    assert!((means.entropy - host_means.entropy).abs() < 1e-4, "{means:?} {host_means:?}");
    assert_close(&host_before.next_values, &before.next_values);
    assert_close(&host_before.log_probs, &before.log_probs);
    assert_close(&host_params, &params);
    assert_eq!(host_state.len(), state.len());
    assert_goes_on_from(&mut on_host, &state, &params);
}

/// A checkpoint of the device is one of the host.
fn assert_goes_on_from(nets: &mut PolicyValueNets, state: &[u8], params: &[f32]) {
    nets.load(&mut StateReader::new(state)).unwrap();
    assert_eq!(nets.actor_params(), params);
}

fn assert_close(found: &[f32], expected: &[f32]) {
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() < 1e-4, "{f} is not {e}");
    }
}

#[test]
fn a_categorical_policy_with_a_critic_of_its_own_learns_the_same_on_host_and_device() {
    let critic = CriticPlan::Separate(net(&[1], None).into(), rms_prop().into());
    let dist = Dist::Categorical { n: 3 };
    assert_same(&NetsPlan { dist, actor: net(&[3], None), train: adam(), critic });
}

#[test]
fn one_net_for_policy_and_value_learns_the_same_on_host_and_device() {
    let (dist, critic) = (Dist::Categorical { n: 3 }, CriticPlan::Shared);
    assert_same(&NetsPlan { dist, actor: net(&[3, 1], None), train: adam(), critic });
}

#[test]
fn a_normal_policy_without_a_critic_learns_the_same_on_host_and_device() {
    let (dist, critic) = (Dist::Continuous { family: Family::Normal, k: 2 }, CriticPlan::Absent);
    assert_same(&NetsPlan { dist, actor: net(&[2, 2], None), train: rms_prop(), critic });
}

#[test]
fn a_log_std_of_its_own_beside_a_value_learns_the_same_on_host_and_device() {
    let (dist, critic) = (Dist::Continuous { family: Family::Normal, k: 2 }, CriticPlan::Shared);
    assert_same(&NetsPlan { dist, actor: net(&[2, 1], Some(-0.3)), train: adam(), critic });
}

#[test]
fn every_distribution_learns_the_same_on_host_and_device_beside_a_value() {
    let tanh = Dist::Continuous { family: Family::NormalTanh, k: 2 };
    let beta = Dist::Continuous { family: Family::Beta, k: 2 };
    let choices = Dist::MultiCategorical { nvec: vec![2, 3] };
    for (dist, heads) in [
        (choices, vec![2, 3, 1]),
        (Dist::Bernoulli { n: 3 }, vec![3, 1]),
        (tanh, vec![2, 2, 1]),
        (beta, vec![2, 2, 1]),
    ] {
        let critic = CriticPlan::Shared;
        assert_same(&NetsPlan { dist, actor: net(&heads, None), train: adam(), critic });
    }
}

#[test]
fn a_policy_that_sees_pixels_learns_the_same_on_host_and_device() {
    let (dist, critic) = (Dist::Categorical { n: 3 }, CriticPlan::Shared);
    let actor = NetPlan { out_activation: Activation::Tanh, ..conv_net(&[3, 1]) };
    assert_same(&NetsPlan { dist: dist.clone(), actor, train: adam(), critic });
    let critic = CriticPlan::Separate(conv_net(&[1]).into(), adam().into());
    assert_same(&NetsPlan { dist, actor: conv_net(&[3]), train: adam(), critic });
}

#[test]
fn networks_with_batch_normalization_learn_the_same_on_host_and_device() {
    let (dist, critic) = (Dist::Categorical { n: 3 }, CriticPlan::Shared);
    let actor = batch_norm_net(&[3, 1]);
    let buffers = actor.num_buffers();
    assert_same(&NetsPlan { dist: dist.clone(), actor, train: adam(), critic });
    let critic = CriticPlan::Separate(batch_norm_net(&[1]).into(), adam().into());
    let plan = NetsPlan { dist, actor: batch_norm_net(&[3]), train: adam(), critic };
    assert_same(&plan);
    let nets = PolicyValueNets::new(&plan, &mut Rng::from_seed(1), &Compute::kernels(1));
    assert_eq!(nets.actor_params().len(), plan.actor.num_params() + buffers);
}
