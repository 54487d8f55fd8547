//! `RMSprop` and gradient descent in one pass over flat slices, with `PyTorch`'s formulas.
//!
//! Tieleman & Hinton (2012), lecture 6.5 (`RMSprop`); Polyak (1964) (momentum).

use crate::optim_pass::RmsPropPass;
use crate::optim_pass::SgdPass;
use crate::simd::Isa;

/// What changes from one optimizer step to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptStep {
    /// 1 at the first step.
    pub number: u64,
    /// Learning rate.
    pub lr: f64,
    /// Factor on the gradients, as [`clip_scale`](crate::clip_scale) gives it; 1 is none.
    pub grad_scale: f32,
}

/// `RMSprop`; ε is added outside the root.
///
/// Unlike `PyTorch`, a centered variance that rounding made negative counts as zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Smoothing of the squared gradient.
    pub alpha: f64,
    /// Added to the root.
    pub eps: f64,
    /// L2 strength.
    pub weight_decay: f64,
    /// Heavy-ball factor; 0 is none.
    pub momentum: f64,
    /// Divide by the estimated variance instead of the second moment.
    pub centered: bool,
}

/// Stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Heavy-ball factor; 0 is none.
    pub momentum: f64,
    /// Share of the new gradient left out of the momentum.
    pub dampening: f64,
    /// L2 strength.
    pub weight_decay: f64,
    /// Look ahead along the momentum.
    pub nesterov: bool,
}

impl RmsProp {
    /// Number of moment vectors: of the squared gradient, of the gradient if centered, velocity
    /// if there is momentum.
    pub fn num_moments(&self) -> usize {
        1 + usize::from(self.centered) + usize::from(self.momentum > 0.0)
    }

    /// Moves `params` one step against `grads` and updates the moments, all `[num_params]`.
    ///
    /// # Panics
    /// When a slice has another length or the number of moments is another.
    pub fn step(&self, step: OptStep, params: &mut [f32], grads: &[f32], moments: &mut [Vec<f32>]) {
        check(self.num_moments(), params, grads, moments);
        let (second, moments) = moments.split_first_mut().expect("checked right before");
        let (mean, velocity) = moments.split_at_mut(usize::from(self.centered));
        let (mean, velocity) = (mean.first_mut(), velocity.first_mut());
        Isa::detect().run(RmsPropPass { plan: self, step, params, grads, second, mean, velocity });
    }
}

impl Sgd {
    /// Number of moment vectors: the velocity if there is momentum.
    pub fn num_moments(&self) -> usize {
        usize::from(self.momentum > 0.0)
    }

    /// Moves `params` one step against `grads` and updates the velocity, all `[num_params]`.
    ///
    /// # Panics
    /// When a slice has another length or the number of moments is another.
    pub fn step(&self, step: OptStep, params: &mut [f32], grads: &[f32], moments: &mut [Vec<f32>]) {
        check(self.num_moments(), params, grads, moments);
        let velocity = moments.first_mut();
        Isa::detect().run(SgdPass { plan: self, step, params, grads, velocity });
    }
}

/// Panics unless there are `num_moments` moments and all lengths agree.
pub(crate) fn check(num_moments: usize, params: &[f32], grads: &[f32], moments: &[Vec<f32>]) {
    assert_eq!(moments.len(), num_moments, "there are as many moments as the plan says");
    let same = |values: &Vec<f32>| values.len() == params.len();
    let fit = grads.len() == params.len() && moments.iter().all(same);
    assert!(fit, "there is one number for each parameter");
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Steps from p = [1, -2] against g = [0.5, -1] and g = [-0.25, 2] in turn, at lr 0.1, where
    /// half the gradient arrives and is scaled by two; repeated to fill vectors and a tail.
    pub(crate) fn steps(
        number: usize,
        num_moments: usize,
        step: impl Fn(OptStep, &mut [f32], &[f32], &mut [Vec<f32>]),
    ) -> Vec<f32> {
        let mut params = [1.0, -2.0].repeat(19);
        let mut moments = vec![vec![0.0; params.len()]; num_moments];
        let grads = [[0.25, -0.5], [-0.125, 1.0]];
        for (number, grads) in (1..).zip(grads.iter().cycle().take(number)) {
            let now = OptStep { number, lr: 0.1, grad_scale: 2.0 };
            step(now, &mut params, &grads.repeat(19), &mut moments);
        }
        params
    }

    pub(crate) fn assert_close(found: &[f32], expected: [f32; 2]) {
        for (f, e) in found.iter().zip(expected.iter().cycle()) {
            assert!((f - e).abs() < 2e-6, "{found:?} is not {expected:?}");
        }
    }

    // Expected values recorded from PyTorch 2.8.0 (`torch.optim`), lr 0.1.

    #[test]
    fn rms_prop_equals_pytorch_plain_and_centered_with_momentum() {
        for (weight_decay, momentum, centered, expected) in [
            (0.0, 0.0, false, [0.449_013_44, -1.895_323]),
            (0.1, 0.9, true, [-0.522_099_3, -0.937_615_7]),
        ] {
            let plan = RmsProp { alpha: 0.99, eps: 1e-8, weight_decay, momentum, centered };
            let found = steps(2, plan.num_moments(), |now, p, g, m| plan.step(now, p, g, m));
            assert_close(&found, expected);
        }
    }

    #[test]
    fn sgd_equals_pytorch_plain_nesterov_and_dampened() {
        for (momentum, dampening, weight_decay, nesterov, expected) in [
            (0.0, 0.0, 0.0, false, [0.975, -2.1]),
            (0.9, 0.0, 0.1, true, [0.868_065_95, -2.021_132]),
            (0.9, 0.5, 0.0, false, [0.917_5, -1.91]),
        ] {
            let plan = Sgd { momentum, dampening, weight_decay, nesterov };
            let found = steps(2, plan.num_moments(), |now, p, g, m| plan.step(now, p, g, m));
            assert_close(&found, expected);
        }
    }

    #[test]
    fn a_constant_gradient_does_not_turn_centered_rms_prop_into_nan() {
        let plan =
            RmsProp { alpha: 0.5, eps: 1e-8, weight_decay: 0.0, momentum: 0.0, centered: true };
        let (mut params, mut moments) = (vec![0.0; 40], vec![vec![0.0; 40]; 2]);
        let grads: Vec<f32> = (0..40).map(|i| 0.1 + 0.37 * i as f32).collect();
        for number in 1..200 {
            let now = OptStep { number, lr: 1e-9, grad_scale: 1.0 };
            plan.step(now, &mut params, &grads, &mut moments);
        }
        assert!(params.iter().all(|p| p.is_finite()), "{params:?}");
    }
}
