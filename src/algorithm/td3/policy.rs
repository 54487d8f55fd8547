//! A deterministic policy: actions are the tanh of its network's rows, and gradients pass through them.

use slm_env::Rng;

use crate::algorithm::critics::{Critics, join};
use crate::memory::Batch;

/// Noise of the target policy's actions. Fujimoto et al. (2018), arXiv:1802.09477, eq. 14.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothing {
    /// Its standard deviation before it is clipped.
    pub std: f64,
    /// Its bound, as ±.
    pub clip: f64,
}

/// The policy at work; buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct DeterministicPolicy {
    /// μ(s) `[b, k]`.
    actions: Vec<f32>,
    /// The target policy's actions at the next states `[b, k]`.
    next_actions: Vec<f32>,
    /// Rows of critics: observations, then actions.
    pub(super) rows: Vec<f32>,
    pub(super) next_rows: Vec<f32>,
    /// Derivatives of the actor's loss with respect to its rows `[b, k]`.
    pub(super) d_rows: Vec<f32>,
}

impl DeterministicPolicy {
    /// Takes over the actor's rows `[b, k]`.
    pub(super) fn set(&mut self, outputs: &[f32]) {
        self.actions.clear();
        self.actions.extend(outputs.iter().map(|x| x.tanh()));
    }

    /// Takes over the target actor's rows `[b, k]` at the next states.
    pub(super) fn set_next(
        &mut self,
        outputs: &[f32],
        smoothing: Option<Smoothing>,
        rng: &mut Rng,
    ) {
        self.next_actions.clear();
        self.next_actions.extend(outputs.iter().map(|x| x.tanh()));
        if let Some(smoothing) = smoothing {
            smoothing.apply(&mut self.next_actions, || rng.standard_normal());
        }
    }

    /// Lays out critics' rows for the batch and for what comes next under the target policy.
    pub(super) fn lay_out(&mut self, batch: &Batch) {
        let b = batch.rewards.len();
        let width = self.next_actions.len() / b;
        join(&batch.obs, &batch.actions, (b, width), &mut self.rows);
        join(&batch.next_obs, &self.next_actions, (b, width), &mut self.next_rows);
    }

    /// Differentiates −mean Q₁(s, μ(s)) at the observations whose rows were taken over last;
    /// returns it. ∂tanh u/∂u = 1 − tanh² u.
    pub(super) fn differentiate<const N: usize>(
        &mut self,
        obs: &[f32],
        critics: &mut Critics<N>,
        b: usize,
    ) -> f64 {
        let width = self.actions.len() / b;
        join(obs, &self.actions, (b, width), &mut self.rows);
        let (value, d_actions) = critics.action_gradients(&self.rows, width, 1);
        self.d_rows.clear();
        let slopes = self.actions.iter().map(|a| 1.0 - a * a);
        self.d_rows.extend(d_actions.iter().zip(slopes).map(|(d, slope)| -d * slope));
        -value
    }
}

impl Smoothing {
    /// Adds standard normal `noise` to actions, scaled and clipped, and clips them to ±1.
    fn apply(self, actions: &mut [f32], mut noise: impl FnMut() -> f64) {
        for action in actions {
            *action = (*action + self.clipped(noise())).clamp(-1.0, 1.0);
        }
    }

    /// Standard normal `noise`, scaled and clipped.
    pub(super) fn clipped(self, noise: f64) -> f32 {
        (self.std * noise).clamp(-self.clip, self.clip) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// σ = 0.2, c = 0.5: noise of 1, 5 and −4 is 0.2, 0.5 (not 1) and −0.5 (not −0.8); the second
    /// action would be 1.4.
    #[test]
    fn noise_is_clipped_and_so_is_the_smoothed_action() {
        let mut noise = [1.0, 5.0, -4.0].into_iter();
        let mut actions = [0.1f32, 0.9, 0.25];
        let smoothing = Smoothing { std: 0.2, clip: 0.5 };
        smoothing.apply(&mut actions, || noise.next().unwrap());
        for (found, expected) in actions.iter().zip([0.3f32, 1.0, -0.25]) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    #[test]
    fn next_actions_are_the_tanh_of_rows_where_nothing_is_smoothed() {
        let (mut policy, mut rng) = (DeterministicPolicy::default(), Rng::from_seed(0));
        let mut untouched = rng.clone();
        policy.set_next(&[0.5, -1.0], None, &mut rng);
        assert_eq!(policy.next_actions, [0.5f32.tanh(), (-1.0f32).tanh()]);
        assert_eq!(rng.random(), untouched.random());
    }
}
