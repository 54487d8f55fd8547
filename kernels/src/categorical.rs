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
    MultiCategorical { nvec: &[n_actions], logits, actions }.log_prob_entropy(log_prob, entropy);
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
    let dist = MultiCategorical { nvec: &[n_actions], logits, actions };
    dist.backward(d_log_prob, d_entropy, d_logits);
}

/// Several independent choices per row: log-probability and entropy are the sums over them.
#[derive(Clone, Copy, Debug)]
pub struct MultiCategorical<'a> {
    /// Number of values of each choice `[k]`.
    pub nvec: &'a [usize],
    /// Logits `[n, Σ nvec]`, those of one choice after those of the other.
    pub logits: Rows<'a>,
    /// Actions `[n, k]`.
    pub actions: &'a [u32],
}

impl MultiCategorical<'_> {
    /// log π(a|s) `[n]` and entropy `[n]`.
    ///
    /// # Panics
    /// When a slice is too short or an action is not below its number of values.
    pub fn log_prob_entropy(&self, log_prob: &mut [f32], entropy: &mut [f32]) {
        self.check();
        Isa::detect().run(Forward { dist: self, log_prob, entropy });
    }

    /// Gradient with respect to the logits, given those of log-probability and entropy, both `[n]`.
    ///
    /// # Panics
    /// When a slice is too short or an action is not below its number of values.
    pub fn backward(&self, d_log_prob: &[f32], d_entropy: &[f32], d_logits: RowsMut<'_>) {
        self.check();
        assert!(d_logits.stride > 0, "each row of logits has its own gradient");
        Isa::detect().run(Backward { dist: self, d_log_prob, d_entropy, d_logits });
    }

    fn rows(&self) -> usize {
        self.actions.len() / self.nvec.len()
    }

    fn check(&self) {
        assert!(self.actions.len().is_multiple_of(self.nvec.len()), "actions are [n, k]");
        let in_range = |row: &[u32]| row.iter().zip(self.nvec).all(|(a, n)| (*a as usize) < *n);
        let mut rows = self.actions.chunks_exact(self.nvec.len());
        assert!(rows.all(in_range), "actions are below their number of values");
    }

    /// The index of each choice, its first column and its number of values.
    fn choices(&self) -> impl Iterator<Item = Choice> {
        let mut start = 0;
        self.nvec.iter().enumerate().map(move |(index, &len)| {
            let choice = Choice { index, start, len };
            start += len;
            choice
        })
    }

    fn taken(&self, i: usize, choice: Choice) -> usize {
        choice.start + self.actions[i * self.nvec.len() + choice.index] as usize
    }
}

/// One of the choices of a row.
#[derive(Clone, Copy)]
struct Choice {
    index: usize,
    start: usize,
    len: usize,
}

struct Forward<'a> {
    dist: &'a MultiCategorical<'a>,
    log_prob: &'a mut [f32],
    entropy: &'a mut [f32],
}

struct Backward<'a> {
    dist: &'a MultiCategorical<'a>,
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
fn softmax<S: Simd>(s: S, group: Group, logits: Rows<'_>, choice: Choice) -> Softmax<S> {
    let mut max = group.column(s, logits, choice.start);
    for j in 1..choice.len {
        max = s.max(max, group.column(s, logits, choice.start + j));
    }
    let (mut total, mut weighted) = (s.splat(0.0), s.splat(0.0));
    for j in 0..choice.len {
        let x = s.sub(group.column(s, logits, choice.start + j), max);
        let x = s.max(s.splat(LOWEST), x);
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
        let logits = self.dist.logits;
        for group in Group::all::<S>(self.dist.rows()) {
            let (mut log_prob, mut entropy) = (s.splat(0.0), s.splat(0.0));
            let chosen = &mut self.log_prob[group.range()];
            for choice in self.dist.choices() {
                let softmax = softmax(s, group, logits, choice);
                entropy = s.add(entropy, softmax.entropy);
                for (i, to) in group.range().zip(&mut *chosen) {
                    *to = logits.values[i * logits.stride + self.dist.taken(i, choice)];
                }
                let shifted = s.sub(s.load_some(chosen), softmax.max);
                log_prob = s.add(log_prob, s.sub(shifted, softmax.log_total));
            }
            s.store_some(log_prob, chosen);
            group.store(s, entropy, self.entropy);
        }
    }
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        for group in Group::all::<S>(self.dist.rows()) {
            for choice in self.dist.choices() {
                self.choice(s, group, choice);
            }
        }
    }
}

impl Backward<'_> {
    #[inline(always)]
    fn choice<S: Simd>(&mut self, s: S, group: Group, choice: Choice) {
        let logits = self.dist.logits;
        let softmax = softmax(s, group, logits, choice);
        let (d_log_prob, d_entropy) =
            (group.load(s, self.d_log_prob), group.load(s, self.d_entropy));
        let inverse = s.div(s.splat(1.0), softmax.total);
        let offset = s.sub(softmax.entropy, softmax.log_total);
        for j in choice.start..choice.start + choice.len {
            let x = s.sub(group.column(s, logits, j), softmax.max);
            let x = s.max(s.splat(LOWEST), x);
            let p = s.mul(math::exp(s, x), inverse);
            let d = s.fma(d_entropy, s.add(x, offset), d_log_prob);
            let d = math::neg(s, s.mul(p, d));
            group.set_column(s, d, &mut self.d_logits, j);
        }
        for i in group.range() {
            let at = i * self.d_logits.stride + self.dist.taken(i, choice);
            self.d_logits.values[at] += self.d_log_prob[i];
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

    /// Choices with π = (¼, ¾) and (½, ½), actions 1 and 0: log ¾ + log ½, 0.5623351 + ln 2.
    #[test]
    fn several_choices_add_their_log_probabilities_and_entropies() {
        let values = [0.0, 3.0_f32.ln(), -7.0, -7.0, 99.0];
        let logits = Rows { values: &values, stride: 5 };
        let dist = MultiCategorical { nvec: &[2, 2], logits, actions: &[1, 0] };
        let (mut log_prob, mut entropy) = ([0.0], [0.0]);
        dist.log_prob_entropy(&mut log_prob, &mut entropy);
        assert!((log_prob[0] - 0.375_f32.ln()).abs() < 1e-6, "{log_prob:?}");
        assert!((entropy[0] - 1.255_482_3).abs() < 1e-6, "{entropy:?}");
        let mut d = [9.0; 5];
        dist.backward(&[2.0], &[0.0], RowsMut { values: &mut d, stride: 5 });
        for (found, expected) in d.iter().zip([-0.5, 0.5, 1.0, -1.0, 9.0]) {
            assert!((found - expected).abs() < 1e-6, "{d:?}");
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
        let actions: Vec<u32> = (0..2 * n as u32).map(|i| i * 7 % (2 + i % 2)).collect();
        let dist = MultiCategorical { nvec: &[2, 3], logits, actions: &actions };
        let results = Isa::available().into_iter().map(|isa| {
            let (mut log_prob, mut entropy) = (vec![0.0; n], vec![0.0; n]);
            let (to, h) = (&mut log_prob[..], &mut entropy[..]);
            isa.run(Forward { dist: &dist, log_prob: to, entropy: h });
            let mut d = vec![0.0; n * k];
            let d_logits = RowsMut { values: &mut d, stride: k };
            let (d_log_prob, d_entropy) = (&log_prob[..], &entropy[..]);
            isa.run(Backward { dist: &dist, d_log_prob, d_entropy, d_logits });
            [log_prob, entropy, d].concat()
        });
        let results: Vec<_> = results.collect();
        for (a, b) in results.iter().flat_map(|r| r.iter().zip(&results[0])) {
            assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{a} is not {b}");
        }
    }
}
