//! Categorical distributions over rows of logits: log-probability, entropy and their gradient.

use crate::math;
use crate::rows::Group;
use crate::rows::Rows;
use crate::rows::RowsMut;
use crate::simd::Isa;
use crate::simd::Kernel;
use crate::simd::Simd;

/// log π(a|s) `[n]` and entropy `[n]` of softmax distributions for `actions` `[n]`.
///
/// # Panics
/// When a slice is too short or an action is not below `n_actions`.
pub fn categorical_log_prob_entropy(
    logits: Rows<'_>,
    n_actions: usize,
    actions: &[u32],
    log_prob: &mut [f32],
    entropy: &mut [f32],
) {
    check(n_actions, actions);
    Isa::detect().run(Forward { logits, n_actions, actions, log_prob, entropy });
}

/// Gradient with respect to the logits, given those of log-probability and entropy, both `[n]`:
/// `d_log_prob` (1\[j = a\] - pⱼ) - `d_entropy` pⱼ (log pⱼ + H).
///
/// # Panics
/// When a slice is too short or an action is not below `n_actions`.
pub fn categorical_backward(
    logits: Rows<'_>,
    n_actions: usize,
    actions: &[u32],
    d_log_prob: &[f32],
    d_entropy: &[f32],
    d_logits: RowsMut<'_>,
) {
    check(n_actions, actions);
    assert!(d_logits.stride > 0, "each row of logits has its own gradient");
    Isa::detect().run(Backward { logits, n_actions, actions, d_log_prob, d_entropy, d_logits });
}

fn check(n_actions: usize, actions: &[u32]) {
    assert!(actions.iter().all(|a| (*a as usize) < n_actions), "actions are below n_actions");
}

struct Forward<'a> {
    logits: Rows<'a>,
    n_actions: usize,
    actions: &'a [u32],
    log_prob: &'a mut [f32],
    entropy: &'a mut [f32],
}

struct Backward<'a> {
    logits: Rows<'a>,
    n_actions: usize,
    actions: &'a [u32],
    d_log_prob: &'a [f32],
    d_entropy: &'a [f32],
    d_logits: RowsMut<'a>,
}

/// Below this exp is zero beside one; it keeps the logits of impossible actions out of 0 · ∞.
const LOWEST: f32 = -104.0;

/// What all columns of a row share.
struct Softmax<S: Simd> {
    max: S::V,
    /// Σ exp(x - max).
    total: S::V,
    log_total: S::V,
    entropy: S::V,
}

#[inline(always)]
fn softmax<S: Simd>(s: S, group: Group, logits: Rows<'_>, n_actions: usize) -> Softmax<S> {
    let mut max = group.column(s, logits, 0);
    for j in 1..n_actions {
        max = s.max(max, group.column(s, logits, j));
    }
    let (mut total, mut weighted) = (s.splat(0.0), s.splat(0.0));
    for j in 0..n_actions {
        let x = s.max(s.splat(LOWEST), s.sub(group.column(s, logits, j), max));
        let e = math::exp(s, x);
        total = s.add(total, e);
        weighted = s.fma(e, x, weighted);
    }
    let log_total = math::ln(s, total);
    Softmax { max, total, log_total, entropy: s.sub(log_total, s.div(weighted, total)) }
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for group in Group::all::<S>(self.actions.len()) {
            let softmax = softmax(s, group, self.logits, self.n_actions);
            group.store(s, softmax.entropy, self.entropy);
            let chosen = &mut self.log_prob[group.range()];
            for (i, to) in group.range().zip(&mut *chosen) {
                *to = self.logits.values[i * self.logits.stride + self.actions[i] as usize];
            }
            let shifted = s.sub(s.load_some(chosen), softmax.max);
            s.store_some(s.sub(shifted, softmax.log_total), chosen);
        }
    }
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        for group in Group::all::<S>(self.actions.len()) {
            let softmax = softmax(s, group, self.logits, self.n_actions);
            let (d_log_prob, d_entropy) =
                (group.load(s, self.d_log_prob), group.load(s, self.d_entropy));
            let inverse = s.div(s.splat(1.0), softmax.total);
            let offset = s.sub(softmax.entropy, softmax.log_total);
            for j in 0..self.n_actions {
                let x = s.sub(group.column(s, self.logits, j), softmax.max);
                let x = s.max(s.splat(LOWEST), x);
                let p = s.mul(math::exp(s, x), inverse);
                let d = s.fma(d_entropy, s.add(x, offset), d_log_prob);
                let d = math::neg(s, s.mul(p, d));
                group.set_column(s, d, &mut self.d_logits, j);
            }
            for i in group.range() {
                let at = i * self.d_logits.stride + self.actions[i] as usize;
                self.d_logits.values[at] += self.d_log_prob[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// π = (¼, ¾) and (½, ½), entropies -¼ ln ¼ - ¾ ln ¾ and ln 2; the third column is not a
    /// logit.
    #[test]
    fn two_actions_equal_hand_computation() {
        let ln_3 = 3.0_f32.ln();
        let values = [0.0, ln_3, 99.0, -7.0, -7.0, 99.0];
        let logits = Rows { values: &values, stride: 3 };
        let (mut log_prob, mut entropy) = ([0.0; 2], [0.0; 2]);
        categorical_log_prob_entropy(logits, 2, &[1, 0], &mut log_prob, &mut entropy);
        for (found, expected) in log_prob.iter().zip([0.75_f32.ln(), 0.5_f32.ln()]) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
        for (found, expected) in entropy.iter().zip([0.562_335_1, core::f32::consts::LN_2]) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    /// For π = (¼, ¾), a = 1: d log π = (-¼, ¼); dH = -p (log p + H) = (¼·0.823959, -¾·0.274653).
    #[test]
    fn the_gradient_of_two_actions_equals_hand_computation() {
        let values = [0.0, 3.0_f32.ln()];
        let gradient = |d_log_prob: f32, d_entropy: f32| {
            let mut d = [9.0, 9.0, 9.0];
            let d_logits = RowsMut { values: &mut d, stride: 3 };
            let logits = Rows { values: &values, stride: 2 };
            categorical_backward(logits, 2, &[1], &[d_log_prob], &[d_entropy], d_logits);
            assert_eq!(d[2], 9.0);
            [d[0], d[1]]
        };
        for (found, expected) in
            [(gradient(2.0, 0.0), [-0.5, 0.5]), (gradient(0.0, 1.0), [0.205_989_7, -0.205_989_7])]
        {
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e).abs() < 1e-6, "{found:?} is not {expected:?}");
            }
        }
    }

    #[test]
    fn logits_of_any_size_are_finite() {
        let values = [1e9, -1e9, 0.0, 3e38, f32::NEG_INFINITY, 0.0];
        let logits = Rows { values: &values, stride: 3 };
        let (mut log_prob, mut entropy) = ([0.0; 2], [0.0; 2]);
        categorical_log_prob_entropy(logits, 2, &[0, 0], &mut log_prob, &mut entropy);
        assert!(
            log_prob.iter().chain(&entropy).all(|x| x.abs() < 1e-6),
            "{log_prob:?} {entropy:?}"
        );
    }

    #[test]
    fn every_instruction_set_agrees_with_the_portable_one() {
        let (n, k) = (53, 5);
        let values: Vec<f32> = (0..n * k).map(|i| (i as f32 * 0.61).sin() * 4.0).collect();
        let logits = Rows { values: &values, stride: k };
        let actions: Vec<u32> = (0..n as u32).map(|i| i * 7 % k as u32).collect();
        let results = Isa::available().into_iter().map(|isa| {
            let (mut log_prob, mut entropy) = (vec![0.0; n], vec![0.0; n]);
            let (actions, n_actions) = (&actions[..], k);
            let (to, h) = (&mut log_prob[..], &mut entropy[..]);
            isa.run(Forward { logits, n_actions, actions, log_prob: to, entropy: h });
            let mut d = vec![0.0; n * k];
            let d_logits = RowsMut { values: &mut d, stride: k };
            let (d_log_prob, d_entropy) = (&log_prob[..], &entropy[..]);
            isa.run(Backward { logits, n_actions, actions, d_log_prob, d_entropy, d_logits });
            [log_prob, entropy, d].concat()
        });
        let results: Vec<_> = results.collect();
        for (a, b) in results.iter().flat_map(|r| r.iter().zip(&results[0])) {
            assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{a} is not {b}");
        }
    }
}
