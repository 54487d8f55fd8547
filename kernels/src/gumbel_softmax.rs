//! Relaxed samples of categorical distributions: Jang, Gu and Poole (2017), arXiv:1611.01144.

use crate::math;
use crate::rows::Group;
use crate::rows::Rows;
use crate::rows::RowsMut;
use crate::simd::Isa;
use crate::simd::Kernel;
use crate::simd::Simd;

/// Samples `n` rows: index `chosen` `[n]` of the largest logit + noise, a categorical sample, and the
/// relaxed one-hot `soft` `[n, k]` = softmax((logits + noise) / temperature).
///
/// `noise` `[n, k]` is drawn from the standard Gumbel distribution: -ln(-ln u).
///
/// # Panics
/// When a slice is too short, or the temperature is not positive.
pub fn gumbel_softmax(
    logits: Rows<'_>,
    noise: Rows<'_>,
    temperature: f32,
    chosen: &mut [u32],
    soft: RowsMut<'_>,
) {
    assert!(temperature > 0.0, "a temperature is positive");
    let k = soft.stride;
    let inverse = 1.0 / temperature;
    Isa::detect().run(Forward { logits, noise, inverse, k, chosen, soft });
}

/// Gradient with respect to the logits, given that of a straight-through sample `[n, k]`, which is
/// one-hot forward and `soft` backward: pⱼ (dⱼ - Σ d p) / temperature.
///
/// # Panics
/// When a slice is too short.
pub fn gumbel_softmax_backward(
    soft: Rows<'_>,
    temperature: f32,
    d_sample: Rows<'_>,
    d_logits: RowsMut<'_>,
) {
    let (k, inverse) = (soft.stride, 1.0 / temperature);
    assert!(k > 0 && d_logits.stride >= k, "each row has its own gradient");
    Isa::detect().run(Backward { soft, inverse, k, d_sample, d_logits });
}

struct Forward<'a> {
    logits: Rows<'a>,
    noise: Rows<'a>,
    inverse: f32,
    k: usize,
    chosen: &'a mut [u32],
    soft: RowsMut<'a>,
}

struct Backward<'a> {
    soft: Rows<'a>,
    inverse: f32,
    k: usize,
    d_sample: Rows<'a>,
    d_logits: RowsMut<'a>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        for group in Group::all::<S>(self.chosen.len()) {
            let noisy = |j| s.add(group.column(s, self.logits, j), group.column(s, self.noise, j));
            let (mut max, mut best) = (noisy(0), s.splat(0.0));
            for j in 1..self.k {
                let x = noisy(j);
                best = s.select_gt(x, max, s.splat(j as f32), best);
                max = s.select_gt(x, max, x, max);
            }
            let mut total = s.splat(0.0);
            for j in 0..self.k {
                let x = s.mul(s.sub(noisy(j), max), s.splat(self.inverse));
                let e = math::exp(s, x);
                total = s.add(total, e);
                group.set_column(s, e, &mut self.soft, j);
            }
            let scale = s.div(s.splat(1.0), total);
            for j in 0..self.k {
                let soft = Rows { values: self.soft.values, stride: self.soft.stride };
                let p = s.mul(group.column(s, soft, j), scale);
                group.set_column(s, p, &mut self.soft, j);
            }
            let best = s.to_array(best);
            for (to, index) in self.chosen[group.range()].iter_mut().zip(best) {
                *to = index as u32;
            }
        }
    }
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        for group in Group::all::<S>(self.soft.values.len() / self.k) {
            let mut mean = s.splat(0.0);
            for j in 0..self.k {
                let d = group.column(s, self.d_sample, j);
                mean = s.fma(group.column(s, self.soft, j), d, mean);
            }
            for j in 0..self.k {
                let p = s.mul(group.column(s, self.soft, j), s.splat(self.inverse));
                let d = s.mul(p, s.sub(group.column(s, self.d_sample, j), mean));
                group.set_column(s, d, &mut self.d_logits, j);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits 0, ln 2 with noise ln 3, 0: the weights 3 and 2 give index 0 and p = (0.6, 0.4) at
    /// temperature 1, (9, 4)/13 at ½.
    #[test]
    fn samples_equal_hand_computation() {
        let logits = [0.0, 2.0_f32.ln(), 99.0];
        let noise = [3.0_f32.ln(), 0.0];
        for (temperature, expected) in [(1.0, [0.6, 0.4]), (0.5, [9.0 / 13.0, 4.0 / 13.0])] {
            let (mut chosen, mut soft) = ([7], [9.0; 2]);
            let to = RowsMut { values: &mut soft, stride: 2 };
            let (logits, noise) =
                (Rows { values: &logits, stride: 3 }, Rows { values: &noise, stride: 2 });
            gumbel_softmax(logits, noise, temperature, &mut chosen, to);
            assert_eq!(chosen, [0]);
            for (f, e) in soft.iter().zip(expected) {
                assert!((f - e).abs() < 1e-6, "{soft:?} is not {expected:?}");
            }
        }
    }

    /// p = (0.6, 0.4), d = (1, 3): mean 1.8, so 0.6 · -0.8 / 2 and 0.4 · 1.2 / 2 at temperature 2.
    #[test]
    fn the_gradient_equals_hand_computation() {
        let mut d = [9.0; 2];
        let (soft, d_sample) =
            (Rows { values: &[0.6, 0.4], stride: 2 }, Rows { values: &[1.0, 3.0], stride: 2 });
        gumbel_softmax_backward(soft, 2.0, d_sample, RowsMut { values: &mut d, stride: 2 });
        assert!((d[0] + 0.24).abs() < 1e-6 && (d[1] - 0.24).abs() < 1e-6, "{d:?}");
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_relaxed_sample() {
        let (n, k, temperature) = (19, 4, 0.7);
        let wave = |by: f32| -> Vec<f32> { (0..n * k).map(|i| (i as f32 * by).sin()).collect() };
        let (logits, noise, weights) = (wave(0.61), wave(0.37), wave(0.89));
        let soft_of = |logits: &[f32]| {
            let (mut chosen, mut soft) = (vec![0; n], vec![0.0; n * k]);
            let to = RowsMut { values: &mut soft, stride: k };
            let noise = Rows { values: &noise, stride: k };
            gumbel_softmax(Rows { values: logits, stride: k }, noise, temperature, &mut chosen, to);
            soft
        };
        let soft = soft_of(&logits);
        let mut found = vec![0.0; n * k];
        let (rows, d) = (Rows { values: &soft, stride: k }, Rows { values: &weights, stride: k });
        gumbel_softmax_backward(rows, temperature, d, RowsMut { values: &mut found, stride: k });
        let loss = |logits: &[f32]| -> f64 {
            let soft = soft_of(logits);
            soft.iter().zip(&weights).map(|(p, w)| f64::from(p * w)).sum()
        };
        for at in 0..n * k {
            let moved = |by: f32| {
                let mut logits = logits.clone();
                logits[at] += by;
                loss(&logits)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((f64::from(found[at]) - slope).abs() < 1e-3, "{} is not {slope}", found[at]);
        }
    }
}
