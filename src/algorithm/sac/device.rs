//! A soft actor-critic as tensors: the rule of the host, of which a device is asked nothing until the end
//! of an update, or of a draw by priorities.

use burn::tensor::{Device, Tensor};
use slm_env::Rng;

use super::{ENTROPY_MEMORY, Sac};
use crate::algorithm::agent::TrainStats;
use crate::algorithm::critics::device::{Learned, join_on_device};
use crate::algorithm::device_batch::{DeviceBatch, read_update, set_priorities};
use crate::memory::Replay;

/// What an update came to so far, on the device.
struct Progress {
    /// Loss of the critics, one a batch.
    critic_losses: Vec<Tensor<1>>,
    /// Mean value of the actions taken in the latest batch.
    mean_value: Tensor<1>,
    /// Running mean of the entropy; none before the first.
    running_entropy: Option<Tensor<1>>,
    /// Loss and entropy at the actor's latest step.
    actor: Option<[Tensor<1>; 2]>,
}

/// Learns from draws of `replay`.
pub(super) fn learn(sac: &mut Sac, replay: &mut Replay, rng: &mut Rng) -> TrainStats {
    let device = sac.actor.on_device().device();
    let mut progress = Progress::new(sac, &device);
    for _ in 0..sac.plan.training_iter {
        let batch = draw(sac, replay, rng, &device);
        let learned = learn_critics(sac, &batch);
        if moves_actor(sac) {
            learn_actor(sac, &batch, &learned, &mut progress);
            sac.critics.blend_targets();
        }
        set_priorities(replay, &sac.stored, vec![learned.errors]);
        progress.critic_losses.push(learned.loss);
        progress.mean_value = learned.mean_value;
    }
    progress.read(sac);
    TrainStats { loss: sac.critic_loss + sac.actor_loss }
}

/// Draws a batch with the noise of its next actions and, where the actor learns from it, of its own.
fn draw(sac: &mut Sac, replay: &mut Replay, rng: &mut Rng, device: &Device) -> DeviceBatch {
    replay.sample(rng, &mut sac.stored);
    sac.iterations += 1;
    let (b, draws) = (sac.stored.rewards.len(), 1 + usize::from(moves_actor(sac)));
    let noise: Vec<Vec<f32>> = (0..draws).filter_map(|_| sac.plan.actions.noise(b, rng)).collect();
    let noise: Vec<&[f32]> = noise.iter().map(Vec::as_slice).collect();
    DeviceBatch::upload(&sac.stored, &noise, device)
}

/// Whether the actor learns from the latest batch.
fn moves_actor(sac: &Sac) -> bool {
    sac.iterations.is_multiple_of(sac.plan.policy_delay)
}

/// One gradient step of both critics.
fn learn_critics(sac: &mut Sac, batch: &DeviceBatch) -> Learned<2> {
    let Sac { plan, actor, critics, temperature, .. } = sac;
    let (actions, actor) = (plan.actions, actor.on_device());
    let next =
        actions.on_device(actor.frozen().forward(batch.next_obs.clone()), batch.noise.first());
    let stored = actions.stored_on_device(&batch.actions);
    let pass = critics.pass(
        join_on_device(&batch.obs, stored.as_ref()),
        &join_on_device(&batch.next_obs, next.actions()),
    );
    let alpha = temperature.alpha_on(&actor.device());
    let next_values = next.values(pass.next_values.clone(), alpha);
    let targets = batch.bootstrap(plan.gamma, next_values);
    let taken = |values| actions.values_of_stored(values, &batch.actions);
    critics.descend(pass, batch, taken, &targets)
}

/// One gradient step of the actor and of α. Exact expectations use the critics' values of the batch
/// before their step.
fn learn_actor(sac: &mut Sac, batch: &DeviceBatch, learned: &Learned<2>, progress: &mut Progress) {
    let Sac { plan, actor, critics, temperature, .. } = sac;
    let actor = actor.on_device();
    let mut net = actor.tracked();
    let policy =
        plan.actions.on_device(net.forward_training(batch.obs.clone()), batch.noise.get(1));
    let q = policy.actions().map_or_else(
        || {
            let [first, second] = learned.values.clone();
            (first + second) * 0.5
        },
        |actions| critics.smallest_value(&batch.obs, actions, 2),
    );
    let soft_value = policy.soft_value(q, temperature.alpha_on(&actor.device())).mean();
    let entropy = policy.entropy();
    let excess = progress.excess(&entropy);
    let coef = plan.entropy_penalty_coef;
    let loss =
        if coef == 0.0 { soft_value.neg() } else { excess.square() * (0.5 * coef) - soft_value };
    actor.step(&net, &loss);
    temperature.learn_on_device(entropy.clone().inner());
    progress.actor = Some([loss.inner(), entropy.inner()]);
}

impl Progress {
    fn new(sac: &Sac, device: &Device) -> Self {
        let running = sac.running_entropy;
        Self {
            critic_losses: Vec::new(),
            mean_value: Tensor::zeros([1], device),
            running_entropy: (!running.is_nan()).then(|| Tensor::full([1], running, device)),
            actor: None,
        }
    }

    /// How far `entropy` `[1]` is above its running mean, which then takes it in.
    fn excess(&mut self, entropy: &Tensor<1>) -> Tensor<1> {
        let running = self.running_entropy.take().unwrap_or_else(|| entropy.clone().inner());
        let excess = entropy.clone() - running.clone();
        self.running_entropy = Some(running + excess.clone().inner() * (1.0 - ENTROPY_MEMORY));
        excess
    }

    /// Reads what the update came to.
    fn read(self, sac: &mut Sac) {
        let mut values = vec![Tensor::cat(self.critic_losses, 0).mean(), self.mean_value];
        if let (Some(actor), Some(running_entropy)) = (self.actor, self.running_entropy) {
            values.extend(actor);
            values.push(running_entropy);
        }
        let critics = sac.critics.on_device();
        let read =
            read_update(values, std::iter::once(sac.actor.on_device()).chain(critics).collect());
        (sac.critic_loss, sac.critics.mean_value) = (read[0], read[1]);
        if let [_, _, loss, entropy, running_entropy] = read[..] {
            sac.actor_loss = loss;
            (sac.entropy, sac.running_entropy) = (entropy as f32, running_entropy as f32);
        }
    }
}
