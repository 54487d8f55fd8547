//! The policy of a soft actor-critic as tensors: what its rows mean, and gradients through samples.
//!
//! The formulas are those of the host (`squashed.rs`, `discrete.rs`, `relaxed.rs`), which state their
//! sources; here Burn differentiates them.

use std::f32::consts::LN_2;

use burn::tensor::{Int, Tensor, activation::log_softmax, activation::softmax};
use slm_env::Rng;
use slm_policy::Noise;

use super::policy::SacActions;
use super::relaxed::TEMPERATURE;
use super::squashed::HALF_LN_2PI;
use crate::algorithm::HostNoise;
use crate::net::LOG_STD_BOUNDS;

/// What the policy says of a batch.
pub(super) enum DevicePolicy {
    /// Drawn actions as critics read them `[b, input_width]`, and log π of them `[b, 1]`.
    Drawn { actions: Tensor<2>, log_prob: Tensor<2> },
    /// π and log π of all actions `[b, n]`.
    Exact { probs: Tensor<2>, log_probs: Tensor<2> },
}

impl SacActions {
    /// Noise `[b, width]` that a policy's actions are drawn with, in the order in which the host draws it;
    /// `None` where expectations are exact.
    pub(super) fn noise(self, b: usize, rng: &mut Rng) -> Option<Vec<f32>> {
        match self {
            Self::Squashed { k } => {
                Some((0..b * k).map(|_| rng.standard_normal() as f32).collect())
            }
            Self::Categorical { .. } => None,
            Self::Relaxed { n } => Some((0..b * n).map(|_| HostNoise(rng).gumbel()).collect()),
        }
    }

    /// What the actor's `rows` say, given the noise that was drawn for them.
    pub(super) fn on_device(self, rows: Tensor<2>, noise: Option<&Tensor<2>>) -> DevicePolicy {
        match (self, noise) {
            (Self::Squashed { k }, Some(noise)) => squashed(&rows, noise, k),
            (Self::Relaxed { n }, Some(noise)) => relaxed(rows, noise, n),
            (Self::Categorical { .. }, _) => {
                let log_probs = log_softmax(rows, 1);
                DevicePolicy::Exact { probs: log_probs.clone().exp(), log_probs }
            }
            (_, None) => unreachable!("samples are drawn with noise"),
        }
    }

    /// Stored actions `[b, action_width]` as critics read them; `None` where they read none.
    pub(super) fn stored_on_device(self, stored: &Tensor<2>) -> Option<Tensor<2>> {
        match self {
            Self::Squashed { .. } => Some(stored.clone().tanh()),
            Self::Categorical { .. } => None,
            Self::Relaxed { n } => Some(one_hot(stored.clone().int(), n)),
        }
    }

    /// The value `[b, 1]` of each stored action, given the critics' `values` `[b, value_width]`.
    pub(super) fn values_of_stored(self, values: Tensor<2>, stored: &Tensor<2>) -> Tensor<2> {
        match self {
            Self::Categorical { .. } => values.gather(1, stored.clone().int()),
            Self::Squashed { .. } | Self::Relaxed { .. } => values,
        }
    }
}

impl DevicePolicy {
    /// Actions as critics read them; `None` where expectations are exact.
    pub(super) fn actions(&self) -> Option<&Tensor<2>> {
        match self {
            Self::Drawn { actions, .. } => Some(actions),
            Self::Exact { .. } => None,
        }
    }

    /// V `[b, 1]`: the smaller of the `values` of the actions drawn less α·log π, or the expectation of
    /// their mean, given α `[1]`.
    pub(super) fn values(&self, [first, second]: [Tensor<2>; 2], alpha: Tensor<1>) -> Tensor<2> {
        match self {
            Self::Drawn { .. } => self.soft_value(first.min_pair(second), alpha),
            Self::Exact { .. } => self.soft_value((first + second) * 0.5, alpha),
        }
    }

    /// Q − α·log π `[b, 1]` of the actions drawn, whose values are `q` `[b, 1]`; the expectation for `q`
    /// `[b, n]` where it is exact.
    pub(super) fn soft_value(&self, q: Tensor<2>, alpha: Tensor<1>) -> Tensor<2> {
        let alpha = alpha.reshape([1, 1]);
        match self {
            Self::Drawn { log_prob, .. } => q - alpha * log_prob.clone(),
            Self::Exact { probs, log_probs } => {
                (probs.clone() * (q - alpha * log_probs.clone())).sum_dim(1)
            }
        }
    }

    /// The mean entropy `[1]`, exact or estimated by −log π of the actions drawn.
    pub(super) fn entropy(&self) -> Tensor<1> {
        match self {
            Self::Drawn { log_prob, .. } => log_prob.clone().mean().neg(),
            Self::Exact { probs, log_probs } => {
                (probs.clone() * log_probs.clone()).sum_dim(1).mean().neg()
            }
        }
    }
}

/// a = tanh(μ + σ·ε) of rows `[b, 2·k]` of means, then logarithms of σ.
fn squashed(rows: &Tensor<2>, noise: &Tensor<2>, k: usize) -> DevicePolicy {
    let mean = rows.clone().narrow(1, 0, k);
    let log_std = rows.clone().narrow(1, k, k).clamp(LOG_STD_BOUNDS.0, LOG_STD_BOUNDS.1);
    let base = mean + log_std.clone().exp() * noise.clone();
    let density = noise.clone().square() * -0.5 - HALF_LN_2PI - log_std;
    let log_prob = (density - log_slope(base.clone())).sum_dim(1);
    DevicePolicy::Drawn { actions: base.tanh(), log_prob }
}

/// ln(1 − tanh² u) = 2·(ln 2 − |u| − ln(1 + e^(−2·|u|))), the same for u and −u.
fn log_slope(u: Tensor<2>) -> Tensor<2> {
    let size = u.abs();
    (size.clone() + (size * -2.0).exp().log1p() - LN_2) * -2.0
}

/// One-hot samples of rows of logits `[b, n]`; gradients pass them as if they were soft.
fn relaxed(logits: Tensor<2>, noise: &Tensor<2>, n: usize) -> DevicePolicy {
    let noisy = logits.clone() + noise.clone();
    let chosen = one_hot(noisy.clone().inner().argmax(1), n);
    let soft = softmax(noisy / TEMPERATURE, 1);
    // The soft part is zero, its gradient is not.
    let actions = chosen + (soft.clone() - soft.inner());
    let log_prob = (actions.clone() * log_softmax(logits, 1)).sum_dim(1);
    DevicePolicy::Drawn { actions, log_prob }
}

/// Rows `[b, n]` of zeros with a one at each index `[b, 1]`.
fn one_hot(indices: Tensor<2, Int>, n: usize) -> Tensor<2> {
    let b = indices.dims()[0];
    let all = Tensor::<1, Int>::arange(0..n as i64, &indices.device()).reshape([1, n]);
    all.expand([b, n]).equal(indices.expand([b, n])).float()
}
