//! Lookahead: slow weights behind those of another optimizer.
//!
//! Zhang et al. (2019), "Lookahead Optimizer: k steps forward, 1 step back", arXiv:1907.08610,
//! algorithm 1.

use crate::optim_pass::LookaheadPass;
use crate::simd::Isa;

/// Every `k` steps of another optimizer the slow weights follow the fast ones, which go on from
/// there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lookahead {
    /// How far the slow weights follow: 0 not at all, 1 all the way.
    pub alpha: f64,
    /// Steps of the other optimizer between two of the slow weights.
    pub k: u64,
}

impl Lookahead {
    /// Prepares step `number`, 1 at the first: that is where `slow` starts at `params`, both
    /// `[num_params]`.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn before(&self, number: u64, params: &[f32], slow: &mut [f32]) {
        if number == 1 {
            slow.copy_from_slice(params);
        }
    }

    /// Ends step `number`: slow += α(fast − slow) and fast = slow at each `k`-th, both
    /// `[num_params]`.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn after(&self, number: u64, params: &mut [f32], slow: &mut [f32]) {
        assert_eq!(params.len(), slow.len(), "there is one number for each parameter");
        if self.is_due(number) {
            Isa::detect().run(LookaheadPass { alpha: self.alpha as f32, params, slow });
        }
    }

    /// Whether the slow weights follow at the end of step `number`.
    pub fn is_due(&self, number: u64) -> bool {
        number.is_multiple_of(self.k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::tests::{assert_close, steps};
    use crate::{OptStep, RAdam, Sgd};

    fn looked_ahead(
        number: usize,
        plan: Lookahead,
        step: impl Fn(OptStep, &mut [f32], &[f32], &mut [Vec<f32>]),
        num_moments: usize,
    ) -> Vec<f32> {
        steps(number, num_moments + 1, |now, params, grads, moments| {
            let (slow, moments) = moments.split_last_mut().unwrap();
            plan.before(now.number, params, slow);
            step(now, params, grads, moments);
            plan.after(now.number, params, slow);
        })
    }

    /// Algorithm 1 around PyTorch 2.8.0's `RAdam`, lr 0.1, recorded.
    #[test]
    fn lookahead_around_radam_matches_the_recorded_values() {
        let radam = RAdam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false };
        for (number, k, expected) in [
            (4, 5, [0.903_855_14, -2.015_420_4]),
            (5, 5, [0.941_844_8, -2.017_379]),
            (12, 5, [0.935_012_76, -2.023_548_6]),
            (8, 3, [0.939_031_06, -2.019_868_1]),
        ] {
            let plan = Lookahead { alpha: 0.5, k };
            let found = looked_ahead(number, plan, |now, p, g, m| radam.step(now, p, g, m), 2);
            assert_close(&found, expected);
        }
    }

    /// Plain descent at lr 0.1 from 1, -2: the fast weights reach 0.95, -1.9 and 0.975, -2.1;
    /// α = 0.2 leaves 1 + 0.2·(0.975 − 1), −2 + 0.2·(−2.1 + 2).
    #[test]
    fn slow_weights_go_a_part_of_the_way() {
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        let plan = Lookahead { alpha: 0.2, k: 2 };
        let found = looked_ahead(2, plan, |now, p, g, m| sgd.step(now, p, g, m), 0);
        assert_close(&found, [0.995, -2.02]);
    }
}
