//! Adam and what comes of it, in one pass over flat slices, with `PyTorch`'s formulas.
//!
//! Kingma & Ba (2015), arXiv:1412.6980 (Adam); Loshchilov & Hutter (2019), arXiv:1711.05101
//! (`AdamW`); Reddi et al. (2018), arXiv:1904.09237 (`AMSGrad`); Liu et al. (2020),
//! arXiv:1908.03265 (`RAdam`).

use crate::optim::OptStep;
use crate::optim::check;
use crate::optim_pass::AdamPass;
use crate::optim_pass::AdamStep;
use crate::optim_pass::AmsGradPass;
use crate::simd::Isa;

/// Adam; `weight_decay` is added to the gradient (L2), or decoupled from it (`AdamW`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the first and second moment.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Strength of the decay toward zero.
    pub weight_decay: f64,
    /// Decay the weights themselves instead of adding to the gradient.
    pub decoupled: bool,
    /// Divide by the largest second moment so far instead of the present one.
    pub amsgrad: bool,
}

/// Adam whose early steps, where the second moment is not known well, are smaller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RAdam {
    /// Decay of the first and second moment.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Strength of the decay toward zero.
    pub weight_decay: f64,
    /// Decay the weights themselves instead of adding to the gradient.
    pub decoupled: bool,
}

impl Adam {
    /// Number of moment vectors: of the gradient, of its square, the largest of the latter for
    /// `AMSGrad`.
    pub fn num_moments(&self) -> usize {
        2 + usize::from(self.amsgrad)
    }

    /// Moves `params` one step against `grads` and updates the moments, all `[num_params]`.
    ///
    /// # Panics
    /// When a slice has another length or the number of moments is another.
    pub fn step(&self, step: OptStep, params: &mut [f32], grads: &[f32], moments: &mut [Vec<f32>]) {
        check(self.num_moments(), params, grads, moments);
        let [first, second, largest @ ..] = moments else { panic!("checked right before") };
        let adam = AdamPass { step: self.numbers(step), params, grads, first, second };
        match largest.first_mut() {
            None => Isa::detect().run(adam),
            Some(largest) => Isa::detect().run(AmsGradPass { adam, largest }),
        }
    }

    fn numbers(&self, step: OptStep) -> AdamStep {
        let Self { betas, eps, weight_decay, decoupled, .. } = *self;
        let [correction1, correction2] = corrections(betas, step.number);
        let (l2, decay) = split_decay(weight_decay, decoupled, step.lr);
        let (root_scale, size) = (1.0 / correction2.sqrt(), step.lr / correction1);
        AdamStep { betas, l2, decay, root_scale, eps, size, grad_scale: step.grad_scale }
    }
}

impl RAdam {
    /// Number of moment vectors: of the gradient, of its square.
    pub const NUM_MOMENTS: usize = 2;

    /// Moves `params` one step against `grads` and updates both moments, all `[num_params]`.
    ///
    /// # Panics
    /// When a slice has another length or there are not two moments.
    pub fn step(&self, step: OptStep, params: &mut [f32], grads: &[f32], moments: &mut [Vec<f32>]) {
        check(Self::NUM_MOMENTS, params, grads, moments);
        let [first, second] = moments else { panic!("checked right before") };
        let step = self.numbers(step);
        Isa::detect().run(AdamPass { step, params, grads, first, second });
    }

    /// The factor r·√(1 − β₂ᵗ) on the size of step number t, once the variance of the second
    /// moment is tractable (ρₜ > 5); before that the step is not divided by the root at all.
    pub fn rectification(&self, number: u64) -> Option<f64> {
        let [_, correction2] = corrections(self.betas, number);
        let limit = 2.0 / (1.0 - self.betas[1]) - 1.0;
        let rho = limit - 2.0 * number as f64 * (1.0 - correction2) / correction2;
        let of = |rho: f64| (rho - 4.0) * (rho - 2.0) / rho;
        (rho > 5.0).then(|| (of(rho) / of(limit) * correction2).sqrt())
    }

    fn numbers(&self, step: OptStep) -> AdamStep {
        let Self { betas, eps, weight_decay, decoupled } = *self;
        let [correction1, _] = corrections(betas, step.number);
        let (l2, decay) = split_decay(weight_decay, decoupled, step.lr);
        let size = step.lr / correction1;
        // Without rectification the denominator is 0·√v + 1.
        let (root_scale, eps, size) = match self.rectification(step.number) {
            Some(rectification) => (1.0, eps, size * rectification),
            None => (0.0, 1.0, size),
        };
        AdamStep { betas, l2, decay, root_scale, eps, size, grad_scale: step.grad_scale }
    }
}

/// 1 − βᵗ of both moments at step t.
fn corrections(betas: [f64; 2], number: u64) -> [f64; 2] {
    let number = i32::try_from(number).unwrap_or(i32::MAX);
    betas.map(|beta| 1.0 - beta.powi(number))
}

/// What is added to the gradient per weight, and the factor on the weights.
fn split_decay(weight_decay: f64, decoupled: bool, lr: f64) -> (f64, f64) {
    if decoupled { (0.0, 1.0 - lr * weight_decay) } else { (weight_decay, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::tests::{assert_close, steps};

    // Expected values recorded from PyTorch 2.8.0 (`torch.optim`), lr 0.1.

    #[test]
    fn adam_equals_pytorch_with_both_kinds_of_weight_decay() {
        for (weight_decay, decoupled, expected) in [
            (0.0, false, [0.873_366_36, -1.936_610_3]),
            (0.1, false, [0.854_441_4, -1.925_017_8]),
            (0.1, true, [0.854_466_4, -1.897_810_3]),
        ] {
            let adam =
                Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay, decoupled, amsgrad: false };
            assert_close(&steps(2, 2, |now, p, g, m| adam.step(now, p, g, m)), expected);
        }
    }

    /// β₂ = ½ forgets fast enough that the largest moment is not the present one.
    #[test]
    fn amsgrad_equals_pytorch_and_differs_from_adam() {
        let adam = |decoupled, amsgrad| {
            let plan = Adam { betas: [0.9, 0.5], eps: 1e-8, weight_decay: 0.1, decoupled, amsgrad };
            steps(8, plan.num_moments(), |now, p, g, m| plan.step(now, p, g, m))
        };
        assert_close(&adam(false, false), [0.512_185_04, -1.986_242]);
        assert_close(&adam(false, true), [0.562_299_97, -1.986_586_3]);
        assert_close(&adam(true, true), [0.593_334_73, -1.908_695]);
    }

    /// With β₂ = 0.999 the first five steps are not rectified.
    #[test]
    fn radam_equals_pytorch_before_and_after_rectification_begins() {
        for (weight_decay, decoupled, after2, after8) in [
            (0.0, false, [0.939_473_7, -1.957_894_7], [0.880_531_97, -2.037_719_7]),
            (0.1, false, [0.919_789_5, -1.918_526_3], [0.831_222_6, -1.939_436_8]),
            (0.1, true, [0.920_073_7, -1.919_094_7], [0.809_561, -1.883_752_8]),
        ] {
            let radam = RAdam { betas: [0.9, 0.999], eps: 1e-8, weight_decay, decoupled };
            assert_close(&steps(2, 2, |now, p, g, m| radam.step(now, p, g, m)), after2);
            assert_close(&steps(8, 2, |now, p, g, m| radam.step(now, p, g, m)), after8);
        }
        let radam = RAdam { betas: [0.8, 0.9], eps: 1e-8, weight_decay: 0.0, decoupled: false };
        let found = steps(8, 2, |now, p, g, m| radam.step(now, p, g, m));
        assert_close(&found, [0.858_221_4, -2.081_015_8]);
    }

    /// ρ∞ = 1999; ρ₅ = 1999 − 10·0.999⁵/(1 − 0.999⁵) = 4.996, ρ₆ = 5.994; and in the limit
    /// r = 1.
    #[test]
    fn rectification_begins_at_the_sixth_step_and_ends_at_one() {
        let radam = RAdam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false };
        assert_eq!(radam.rectification(5), None);
        assert!(radam.rectification(6).is_some_and(|r| r > 0.0 && r < 0.01));
        assert!((radam.rectification(100_000).unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn every_instruction_set_takes_the_same_step() {
        let plan = Adam {
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.01,
            decoupled: true,
            amsgrad: true,
        };
        let step = plan.numbers(OptStep { number: 3, lr: 0.01, grad_scale: 0.7 });
        let values = |seed: usize| -> Vec<f32> {
            (0..101).map(|i| ((i * 37 + seed) % 89) as f32 / 89.0 + 0.01).collect()
        };
        let grads = values(4);
        let results = Isa::available().into_iter().flat_map(|isa| {
            let [mut params, mut first, mut second, mut largest] = [1, 2, 3, 5].map(values);
            let (first, second) = (&mut first, &mut second);
            let adam = AdamPass { step, params: &mut params, grads: &grads, first, second };
            isa.run(adam);
            let plain = params.clone();
            let adam = AdamPass { step, params: &mut params, grads: &grads, first, second };
            isa.run(AmsGradPass { adam, largest: &mut largest });
            [(0, plain), (1, params)]
        });
        let results: Vec<_> = results.collect();
        for (kind, found) in &results {
            for (a, b) in found.iter().zip(&results[*kind].1) {
                assert!((a - b).abs() <= 1e-6 * b.abs(), "{a} is not {b}");
            }
        }
    }
}
