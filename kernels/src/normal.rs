//! Diagonal normal distributions over rows: log-probability, entropy and their gradients.

use crate::math;
use crate::rows::Group;
use crate::rows::Rows;
use crate::rows::RowsMut;
use crate::simd::Isa;
use crate::simd::Kernel;
use crate::simd::Simd;

/// Bounds of log σ, as in SLM-Lab 5.
pub const LOG_STD_BOUNDS: (f32, f32) = (-5.0, 2.0);
/// ½·ln 2π.
const HALF_LN_2PI: f32 = 0.918_938_5;

/// Distributions of `k` independent numbers, one per row of the batch.
///
/// log σ is clamped to [`LOG_STD_BOUNDS`]; outside them its gradient is zero, at them it passes,
/// as `torch.clamp` does.
#[derive(Clone, Copy, Debug)]
pub struct Normal<'a> {
    /// Numbers in an action.
    pub k: usize,
    /// Means `[n, k]`.
    pub mean: Rows<'a>,
    /// log σ `[n, k]`, or with stride 0 one `[k]` for all rows.
    pub log_std: Rows<'a>,
    /// Actions `[n, k]`.
    pub actions: Rows<'a>,
}

impl Normal<'_> {
    /// log π(a|s) `[n]` and entropy `[n]`, summed over the k numbers.
    ///
    /// # Panics
    /// When a slice is too short.
    pub fn log_prob_entropy(&self, log_prob: &mut [f32], entropy: &mut [f32]) {
        assert_eq!(log_prob.len(), entropy.len(), "both are [n]");
        Isa::detect().run(Forward { dist: self, log_prob, entropy });
    }

    /// Gradients with respect to mean and log σ, given those of log-probability and entropy, both
    /// `[n]`. Where the rows written to have stride 0 they receive the sum over the batch.
    ///
    /// # Panics
    /// When a slice is too short.
    pub fn backward(
        &self,
        d_log_prob: &[f32],
        d_entropy: &[f32],
        d_mean: RowsMut<'_>,
        d_log_std: RowsMut<'_>,
    ) {
        assert_eq!(d_log_prob.len(), d_entropy.len(), "both are [n]");
        Isa::detect().run(Backward { dist: self, d_log_prob, d_entropy, d_mean, d_log_std });
    }
}

struct Forward<'a> {
    dist: &'a Normal<'a>,
    log_prob: &'a mut [f32],
    entropy: &'a mut [f32],
}

struct Backward<'a> {
    dist: &'a Normal<'a>,
    d_log_prob: &'a [f32],
    d_entropy: &'a [f32],
    d_mean: RowsMut<'a>,
    d_log_std: RowsMut<'a>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Normal { k, mean, log_std, actions } = *self.dist;
        let half = s.splat(-0.5);
        let constant = k as f32 * HALF_LN_2PI;
        for group in Group::all::<S>(self.log_prob.len()) {
            let (mut squares, mut logs) = (s.splat(0.0), s.splat(0.0));
            for j in 0..k {
                let raw = group.column(s, log_std, j);
                let clamped = math::clamp(s, raw, LOG_STD_BOUNDS.0, LOG_STD_BOUNDS.1);
                let difference = s.sub(group.column(s, actions, j), group.column(s, mean, j));
                let z = s.mul(difference, math::exp(s, math::neg(s, clamped)));
                squares = s.fma(z, z, squares);
                logs = s.add(logs, clamped);
            }
            let density = s.sub(s.mul(half, squares), s.add(logs, s.splat(constant)));
            group.store(s, density, self.log_prob);
            group.store(s, s.add(logs, s.splat(0.5 * k as f32 + constant)), self.entropy);
        }
    }
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Normal { k, mean, log_std, actions } = *self.dist;
        for to in [&mut self.d_mean, &mut self.d_log_std] {
            if to.stride == 0 {
                to.values[..k].fill(0.0);
            }
        }
        let (low, high) = (s.splat(LOG_STD_BOUNDS.0), s.splat(LOG_STD_BOUNDS.1));
        let zero = s.splat(0.0);
        for group in Group::all::<S>(self.d_log_prob.len()) {
            let (d_log_prob, d_entropy) =
                (group.load(s, self.d_log_prob), group.load(s, self.d_entropy));
            for j in 0..k {
                let raw = group.column(s, log_std, j);
                let clamped = math::clamp(s, raw, LOG_STD_BOUNDS.0, LOG_STD_BOUNDS.1);
                let inverse = math::exp(s, math::neg(s, clamped));
                let difference = s.sub(group.column(s, actions, j), group.column(s, mean, j));
                let z = s.mul(difference, inverse);
                let d_mean = s.mul(d_log_prob, s.mul(z, inverse));
                group.set_column(s, d_mean, &mut self.d_mean, j);
                let slope = s.sub(s.mul(z, z), s.splat(1.0));
                let d = s.fma(d_log_prob, slope, d_entropy);
                let d = s.select_gt(low, raw, zero, s.select_gt(raw, high, zero, d));
                group.set_column(s, d, &mut self.d_log_std, j);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From SLM-Lab's own function (before squashing), whose log σ of 3 and -7 are clamped to 2
    /// and -5.
    #[test]
    fn values_equal_the_recorded_ones() {
        let outputs = [0.3, -1.2, -1.0, 0.5, 0.0, 2.0, 3.0, -7.0];
        let dist = Normal {
            k: 2,
            mean: Rows { values: &outputs, stride: 4 },
            log_std: Rows { values: &outputs[2..], stride: 4 },
            actions: Rows { values: &[0.1, -1.0, 1.0, 2.0], stride: 2 },
        };
        let (mut log_prob, mut entropy) = ([0.0; 2], [0.0; 2]);
        dist.log_prob_entropy(&mut log_prob, &mut entropy);
        for (found, expected) in log_prob.iter().zip([-1.493_015_6, 1.152_965_1]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
        for (found, expected) in entropy.iter().zip([2.337_877, -0.162_122_7]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }

    /// σ = 1, a - μ = 2: d μ = 2, d log σ = 2² - 1 = 3, and 1 more from the entropy.
    #[test]
    fn gradients_equal_hand_computation_and_pass_at_the_bounds_but_not_beyond() {
        let gradients = |log_std: f32| {
            let dist = Normal {
                k: 1,
                mean: Rows { values: &[1.0], stride: 1 },
                log_std: Rows { values: &[log_std], stride: 0 },
                actions: Rows { values: &[3.0], stride: 1 },
            };
            let (mut mean, mut log) = ([0.0], [9.0]);
            let d_mean = RowsMut { values: &mut mean, stride: 1 };
            let d_log_std = RowsMut { values: &mut log, stride: 0 };
            dist.backward(&[1.0], &[1.0], d_mean, d_log_std);
            [mean[0], log[0]]
        };
        assert_eq!(gradients(0.0), [2.0, 4.0]);
        assert_eq!(gradients(2.1)[1], 0.0);
        assert_eq!(gradients(-5.1)[1], 0.0);
        // At 2: (2 e⁻²)² - 1 + 1.
        assert!((gradients(2.0)[1] - 0.073_262_55).abs() < 1e-6);
    }

    #[test]
    fn one_log_std_for_all_rows_collects_the_sum_of_their_gradients() {
        let (n, k) = (37, 3);
        let values: Vec<f32> = (0..n * k).map(|i| (i as f32 * 0.61).sin()).collect();
        let actions: Vec<f32> = (0..n * k).map(|i| (i as f32 * 0.37).cos()).collect();
        let one = [0.1, -0.4, 0.7];
        let many = one.repeat(n);
        let d: Vec<f32> = (0..n).map(|i| (i as f32 * 0.9).sin()).collect();
        let gradients = |log_std: Rows<'_>, len: usize, stride: usize| {
            let dist = Normal {
                k,
                mean: Rows { values: &values, stride: k },
                log_std,
                actions: Rows { values: &actions, stride: k },
            };
            let (mut d_mean, mut d_log_std) = (vec![0.0; n * k], vec![5.0; len]);
            let to = RowsMut { values: &mut d_log_std, stride };
            dist.backward(&d, &d, RowsMut { values: &mut d_mean, stride: k }, to);
            (d_mean, d_log_std)
        };
        let (mean_a, summed) = gradients(Rows { values: &one, stride: 0 }, k, 0);
        let (mean_b, each) = gradients(Rows { values: &many, stride: k }, n * k, k);
        assert_eq!(mean_a, mean_b);
        for (j, found) in summed.iter().enumerate() {
            let expected: f32 = each.iter().skip(j).step_by(k).sum();
            assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
        }
    }

    #[test]
    fn every_instruction_set_agrees_with_the_portable_one() {
        let (n, k) = (53, 3);
        let values: Vec<f32> = (0..3 * n * k).map(|i| (i as f32 * 0.61).sin() * 2.0).collect();
        let column = |at: usize| Rows { values: &values[at * n * k..][..n * k], stride: k };
        let dist = Normal { k, mean: column(0), log_std: column(1), actions: column(2) };
        let results = Isa::available().into_iter().map(|isa| {
            let (mut log_prob, mut entropy) = (vec![0.0; n], vec![0.0; n]);
            let (to, h) = (&mut log_prob[..], &mut entropy[..]);
            isa.run(Forward { dist: &dist, log_prob: to, entropy: h });
            let (mut mean, mut log_std) = (vec![0.0; n * k], vec![0.0; n * k]);
            let d_mean = RowsMut { values: &mut mean, stride: k };
            let d_log_std = RowsMut { values: &mut log_std, stride: k };
            let (d_log_prob, d_entropy) = (&values[..n], &values[n..2 * n]);
            isa.run(Backward { dist: &dist, d_log_prob, d_entropy, d_mean, d_log_std });
            [log_prob, entropy, mean, log_std].concat()
        });
        let results: Vec<_> = results.collect();
        for (a, b) in results.iter().flat_map(|r| r.iter().zip(&results[0])) {
            assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{a} is not {b}");
        }
    }
}
