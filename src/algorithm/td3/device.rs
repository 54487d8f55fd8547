//! A deterministic policy gradient as tensors: the rule of the host, of which a device is asked nothing
//! until the end of an update, or of a draw by priorities.

use burn::tensor::{Device, Tensor};
use slm_env::Rng;

use super::Td3;
use crate::algorithm::agent::TrainStats;
use crate::algorithm::critics::device::{Learned, join_on_device};
use crate::algorithm::device_batch::{DeviceBatch, read_update, set_priorities};
use crate::memory::Replay;

/// Learns from draws of `replay`.
pub(super) fn learn<const N: usize>(
    td3: &mut Td3<N>,
    replay: &mut Replay,
    rng: &mut Rng,
) -> TrainStats {
    let device = td3.actor.on_device().device();
    let (mut critic_losses, mut mean_value, mut actor_loss) = (Vec::new(), None, None);
    for _ in 0..td3.plan.training_iter {
        let batch = draw(td3, replay, rng, &device);
        let learned = learn_critics(td3, &batch);
        td3.iterations += 1;
        if td3.iterations.is_multiple_of(td3.plan.policy_delay) {
            actor_loss = Some(learn_actor(td3, &batch));
            td3.blend_targets();
        }
        set_priorities(replay, &td3.stored, vec![learned.errors]);
        critic_losses.push(learned.loss);
        mean_value = Some(learned.mean_value);
    }
    let critic_loss = Tensor::cat(critic_losses, 0).mean();
    read(td3, std::iter::once(critic_loss).chain(mean_value).chain(actor_loss).collect());
    TrainStats { loss: td3.critic_loss + td3.actor_loss }
}

/// Reads what an update came to: the critics' loss, their mean value and, where it had a step, the actor's loss.
fn read<const N: usize>(td3: &mut Td3<N>, values: Vec<Tensor<1>>) {
    let critics = td3.critics.on_device();
    let nets = std::iter::once(td3.actor.on_device()).chain(critics).collect();
    let read = read_update(values, nets);
    (td3.critic_loss, td3.critics.mean_value) = (read[0], read[1]);
    td3.actor_loss = read.get(2).copied().unwrap_or(td3.actor_loss);
}

/// Draws a batch, with the noise of the target's actions where they have any.
fn draw<const N: usize>(
    td3: &mut Td3<N>,
    replay: &mut Replay,
    rng: &mut Rng,
    device: &Device,
) -> DeviceBatch {
    replay.sample(rng, &mut td3.stored);
    let Some(smoothing) = td3.plan.smoothing else {
        return DeviceBatch::upload(&td3.stored, &[], device);
    };
    let noise = td3.stored.actions.iter().map(|_| smoothing.clipped(rng.standard_normal()));
    DeviceBatch::upload(&td3.stored, &[&noise.collect::<Vec<f32>>()], device)
}

/// One gradient step of each critic.
fn learn_critics<const N: usize>(td3: &mut Td3<N>, batch: &DeviceBatch) -> Learned<N> {
    let Td3 { plan, target_actor, critics, .. } = td3;
    let mut next_actions = target_actor.on_device().forward(batch.next_obs.clone()).tanh();
    if let [noise] = &batch.noise[..] {
        next_actions = (next_actions + noise.clone()).clamp(-1.0, 1.0);
    }
    let pass = critics.pass(
        join_on_device(&batch.obs, Some(&batch.actions)),
        &join_on_device(&batch.next_obs, Some(&next_actions)),
    );
    let smallest = pass.next_values.iter().cloned().reduce(Tensor::min_pair);
    let targets = batch.bootstrap(plan.gamma, smallest.expect("there is a critic"));
    critics.descend(pass, batch, |values| values, &targets)
}

/// One gradient step of the actor; returns its loss `[1]`.
fn learn_actor<const N: usize>(td3: &mut Td3<N>, batch: &DeviceBatch) -> Tensor<1> {
    let Td3 { actor, critics, .. } = td3;
    let actor = actor.on_device();
    let mut net = actor.tracked();
    let actions = net.forward_training(batch.obs.clone()).tanh();
    let loss = critics.smallest_value(&batch.obs, &actions, 1).mean().neg();
    actor.step(&net, &loss);
    loss.inner()
}
