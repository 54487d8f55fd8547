//! Independent switches over rows of logits: log-probability, entropy and their gradients.

use crate::math;
use crate::rows::Group;
use crate::rows::Rows;
use crate::rows::RowsMut;
use crate::simd::Isa;
use crate::simd::Kernel;
use crate::simd::Simd;

/// Beyond ± this a probability is 0 or 1 in f32; it keeps such logits out of 0 · ∞.
const LARGEST: f32 = 104.0;

/// `k` switches per row, each 1 with probability sigmoid(logit).
#[derive(Clone, Copy, Debug)]
pub struct Bernoulli<'a> {
    /// Switches in an action.
    pub k: usize,
    /// Logits `[n, k]`.
    pub logits: Rows<'a>,
    /// Actions `[n, k]`, each 0 or 1.
    pub actions: Rows<'a>,
}

impl Bernoulli<'_> {
    /// log π(a|s) `[n]` and entropy `[n]`, summed over the switches: a x - softplus(x) and
    /// softplus(x) - p x.
    ///
    /// # Panics
    /// When a slice is too short.
    pub fn log_prob_entropy(&self, log_prob: &mut [f32], entropy: &mut [f32]) {
        assert_eq!(log_prob.len(), entropy.len(), "both are [n]");
        Isa::detect().run(Forward { dist: self, log_prob, entropy });
    }

    /// Gradient with respect to the logits, given those of log-probability and entropy, both `[n]`:
    /// `d_log_prob` (a - p) - `d_entropy` x p (1 - p).
    ///
    /// # Panics
    /// When a slice is too short.
    pub fn backward(&self, d_log_prob: &[f32], d_entropy: &[f32], d_logits: RowsMut<'_>) {
        assert_eq!(d_log_prob.len(), d_entropy.len(), "both are [n]");
        assert!(d_logits.stride > 0, "each row of logits has its own gradient");
        Isa::detect().run(Backward { dist: self, d_log_prob, d_entropy, d_logits });
    }
}

struct Forward<'a> {
    dist: &'a Bernoulli<'a>,
    log_prob: &'a mut [f32],
    entropy: &'a mut [f32],
}

struct Backward<'a> {
    dist: &'a Bernoulli<'a>,
    d_log_prob: &'a [f32],
    d_entropy: &'a [f32],
    d_logits: RowsMut<'a>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Bernoulli { k, logits, actions } = *self.dist;
        for group in Group::all::<S>(self.log_prob.len()) {
            let (mut log_prob, mut entropy) = (s.splat(0.0), s.splat(0.0));
            for j in 0..k {
                let x = math::clamp(s, group.column(s, logits, j), -f32::MAX, f32::MAX);
                let chosen = s.mul(group.column(s, actions, j), x);
                log_prob = s.add(log_prob, s.sub(chosen, math::softplus(s, x)));
                let x = math::clamp(s, x, -LARGEST, LARGEST);
                let expected = s.mul(math::sigmoid(s, x), x);
                entropy = s.add(entropy, s.sub(math::softplus(s, x), expected));
            }
            group.store(s, log_prob, self.log_prob);
            group.store(s, entropy, self.entropy);
        }
    }
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Bernoulli { k, logits, actions } = *self.dist;
        let one = s.splat(1.0);
        for group in Group::all::<S>(self.d_log_prob.len()) {
            let (d_log_prob, d_entropy) =
                (group.load(s, self.d_log_prob), group.load(s, self.d_entropy));
            for j in 0..k {
                let x = math::clamp(s, group.column(s, logits, j), -LARGEST, LARGEST);
                let p = math::sigmoid(s, x);
                let spread = s.mul(x, s.mul(p, s.sub(one, p)));
                let slope = s.sub(group.column(s, actions, j), p);
                let d = s.sub(s.mul(d_log_prob, slope), s.mul(d_entropy, spread));
                group.set_column(s, d, &mut self.d_logits, j);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// p = ¾ and ½, action (1, 0): log ¾ + log ½; entropies 0.5623351 + ln 2.
    #[test]
    fn two_switches_equal_hand_computation() {
        let values = [3.0_f32.ln(), 0.0, 99.0];
        let dist = Bernoulli {
            k: 2,
            logits: Rows { values: &values, stride: 3 },
            actions: Rows { values: &[1.0, 0.0], stride: 2 },
        };
        let (mut log_prob, mut entropy) = ([0.0], [0.0]);
        dist.log_prob_entropy(&mut log_prob, &mut entropy);
        assert!((log_prob[0] - 0.375_f32.ln()).abs() < 1e-6, "{log_prob:?}");
        assert!((entropy[0] - 1.255_482_3).abs() < 1e-6, "{entropy:?}");
    }

    /// d log π = a - p = (¼, -½); dH = -x p (1 - p) = (-ln 3 · 3/16, 0).
    #[test]
    fn the_gradient_of_two_switches_equals_hand_computation() {
        let values = [3.0_f32.ln(), 0.0];
        let dist = Bernoulli {
            k: 2,
            logits: Rows { values: &values, stride: 2 },
            actions: Rows { values: &[1.0, 0.0], stride: 2 },
        };
        let gradient = |d_log_prob: f32, d_entropy: f32| {
            let mut d = [9.0; 3];
            let d_logits = RowsMut { values: &mut d, stride: 3 };
            dist.backward(&[d_log_prob], &[d_entropy], d_logits);
            assert_eq!(d[2], 9.0);
            [d[0], d[1]]
        };
        for (found, expected) in
            [(gradient(1.0, 0.0), [0.25, -0.5]), (gradient(0.0, 1.0), [-0.205_989_8, 0.0])]
        {
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e).abs() < 1e-6, "{found:?} is not {expected:?}");
            }
        }
    }

    #[test]
    fn logits_of_any_size_are_finite() {
        let values = [1e9, f32::NEG_INFINITY, 3e38, -1e9];
        let dist = Bernoulli {
            k: 4,
            logits: Rows { values: &values, stride: 4 },
            actions: Rows { values: &[1.0, 0.0, 1.0, 0.0], stride: 4 },
        };
        let (mut log_prob, mut entropy, mut d) = ([9.0], [9.0], [9.0; 4]);
        dist.log_prob_entropy(&mut log_prob, &mut entropy);
        dist.backward(&[1.0], &[1.0], RowsMut { values: &mut d, stride: 4 });
        let all = log_prob.iter().chain(&entropy).chain(&d);
        assert!(all.clone().all(|x| x.abs() < 1e-6), "{log_prob:?} {entropy:?} {d:?}");
    }

    #[test]
    fn every_instruction_set_agrees_with_the_portable_one() {
        let (n, k) = (53, 3);
        let values: Vec<f32> = (0..n * k).map(|i| (i as f32 * 0.61).sin() * 4.0).collect();
        let actions: Vec<f32> = (0..n * k).map(|i| (i * 7 % 5 % 2) as f32).collect();
        let logits = Rows { values: &values, stride: k };
        let dist = Bernoulli { k, logits, actions: Rows { values: &actions, stride: k } };
        let results = Isa::available().into_iter().map(|isa| {
            let (mut log_prob, mut entropy) = (vec![0.0; n], vec![0.0; n]);
            let (to, h) = (&mut log_prob[..], &mut entropy[..]);
            isa.run(Forward { dist: &dist, log_prob: to, entropy: h });
            let mut d = vec![0.0; n * k];
            let d_logits = RowsMut { values: &mut d, stride: k };
            let (d_log_prob, d_entropy) = (&values[..n], &values[n..2 * n]);
            isa.run(Backward { dist: &dist, d_log_prob, d_entropy, d_logits });
            [log_prob, entropy, d].concat()
        });
        let results: Vec<_> = results.collect();
        for (a, b) in results.iter().flat_map(|r| r.iter().zip(&results[0])) {
            assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{a} is not {b}");
        }
    }
}
