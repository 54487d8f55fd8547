//! Deep Q-learning as tensors: the rule of the host, of which a device is asked nothing until the end
//! of an update, or of a draw by priorities.

use burn::tensor::Tensor;
use slm_env::Rng;

use super::{Dqn, DqnPlan, NextValue};
use crate::algorithm::agent::TrainStats;
use crate::algorithm::device_batch::{DeviceBatch, read_update, set_priorities};
use crate::memory::Replay;
use crate::net::Net;

/// What a gradient step leaves.
struct Learned {
    loss: Tensor<1>,
    /// Sizes of the differences `[b]`, the mean over heads.
    errors: Tensor<1>,
    /// Mean value of the actions taken.
    mean_value: Tensor<1>,
}

/// Learns from draws of `replay`.
pub(super) fn learn(dqn: &mut Dqn, replay: &mut Replay, rng: &mut Rng) -> TrainStats {
    let device = dqn.online.on_device().device();
    let (iters, batch_iters) = (dqn.plan.training_iter, dqn.plan.training_batch_iter);
    let (mut losses, mut mean_value) = (Vec::new(), None);
    for _ in 0..iters {
        replay.sample(rng, &mut dqn.stored);
        let batch = DeviceBatch::upload(&dqn.stored, &[], &device);
        let steps = learn_batch(dqn, &batch, batch_iters);
        let errors = steps.iter().map(|step| step.errors.clone()).collect();
        set_priorities(replay, &dqn.stored, errors);
        mean_value = steps.last().map(|step| step.mean_value.clone());
        losses.extend(steps.into_iter().map(|step| step.loss));
    }
    let loss = Tensor::cat(losses, 0).mean();
    let values = std::iter::once(loss).chain(mean_value).collect();
    let read = read_update(values, vec![dqn.online.on_device()]);
    dqn.gradients.mean_value = read[1];
    TrainStats { loss: read[0] }
}

/// So many gradient steps on one batch.
fn learn_batch(dqn: &mut Dqn, batch: &DeviceBatch, batch_iters: usize) -> Vec<Learned> {
    let mut targets = targets(dqn, batch);
    let mut steps = vec![step(dqn, batch, &targets)];
    for _ in 1..batch_iters {
        // The target network stands still meanwhile; what the online one chooses moves.
        if !matches!(dqn.plan.next_value, NextValue::Target(_)) {
            targets = self::targets(dqn, batch);
        }
        steps.push(step(dqn, batch, &targets));
    }
    steps
}

/// One gradient step toward `targets` `[b, heads]`.
fn step(dqn: &mut Dqn, batch: &DeviceBatch, targets: &Tensor<2>) -> Learned {
    let Dqn { plan, online, .. } = dqn;
    let online = online.on_device();
    let mut net = online.tracked();
    let values = taken(plan, &net.forward_training(batch.obs.clone()), &batch.actions);
    let difference = values.clone() - targets.clone();
    let share = batch.weights.clone() / (batch.len() * plan.heads.len()) as f32;
    let loss = (plan.loss.each(difference.clone()) * share).sum();
    online.step(&net, &loss);
    Learned {
        loss: loss.inner(),
        errors: difference.inner().abs().mean_dim(1).squeeze_dim(1),
        mean_value: values.inner().mean(),
    }
}

/// r + γ·(1 − terminated)·V(s') for each row and head `[b, heads]`.
fn targets(dqn: &mut Dqn, batch: &DeviceBatch) -> Tensor<2> {
    let Dqn { plan, online, target, .. } = dqn;
    let values = |net: &Net| net.forward(batch.next_obs.clone());
    let next_values = match (plan.next_value, target) {
        (NextValue::Double(_), Some(target)) => {
            let (choosing, evaluating) =
                (values(online.on_device().frozen()), values(&target.on_device()));
            by_head(plan, |_, first, n| {
                let chosen = choosing.clone().narrow(1, first, n).argmax(1);
                evaluating.clone().narrow(1, first, n).gather(1, chosen)
            })
        }
        (_, target) => {
            let values = match target {
                Some(target) => values(&target.on_device()),
                None => values(online.on_device().frozen()),
            };
            by_head(plan, |_, first, n| values.clone().narrow(1, first, n).max_dim(1))
        }
    };
    batch.bootstrap(plan.gamma, next_values)
}

/// The values `[b, heads]` of the `actions` taken `[b, heads]` among all of them `[b, actions]`.
fn taken(plan: &DqnPlan, values: &Tensor<2>, actions: &Tensor<2>) -> Tensor<2> {
    by_head(plan, |j, first, n| {
        let actions = actions.clone().narrow(1, j, 1).int();
        values.clone().narrow(1, first, n).gather(1, actions)
    })
}

/// What `column` `[b, 1]` says of each head: its number, its first action's place and how many it has.
fn by_head(plan: &DqnPlan, column: impl Fn(usize, usize, usize) -> Tensor<2>) -> Tensor<2> {
    if let [n] = plan.heads[..] {
        return column(0, 0, n);
    }
    let mut first = 0;
    let columns = plan.heads.iter().enumerate().map(|(j, &n)| {
        first += n;
        column(j, first - n, n)
    });
    Tensor::cat(columns.collect(), 1)
}
