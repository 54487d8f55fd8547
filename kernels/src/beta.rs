//! Beta distributions over rows, stretched to ±1: log-probability, entropy and their gradients.
//!
//! α = 1 + softplus(p) and β = 1 + softplus(q) exceed 1, so that each density has a single peak. The
//! action is 2x - 1 and the base value that is stored is logit x, from which ln x and ln(1 - x) are
//! exact. Computed in f64: ln B loses digits where α and β are large.

use crate::continuous::Continuous;
use crate::rows::Rows;
use crate::rows::RowsMut;
use crate::special::digamma;
use crate::special::ln_gamma;
use crate::special::trigamma;

const LN_2: f64 = std::f64::consts::LN_2;

/// One number of one row.
struct Number {
    /// α, β.
    shape: [f64; 2],
    /// dα/dp, dβ/dq.
    slope: [f64; 2],
    /// ln x, ln(1 - x).
    logs: [f64; 2],
}

impl Number {
    fn new(dist: &Continuous<'_>, i: usize, j: usize) -> Self {
        let raw = [at(dist.loc, i, j), at(dist.log_scale, i, j)];
        let base = at(dist.actions, i, j);
        Self {
            shape: raw.map(|x| 1.0 + softplus(x)),
            slope: raw.map(|x| 1.0 / (1.0 + (-x).exp())),
            logs: [-softplus(-base), -softplus(base)],
        }
    }

    /// Log-density of 2x - 1, and its entropy.
    fn log_prob_entropy(&self) -> [f64; 2] {
        let [a, b] = self.shape;
        let ln_beta = ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
        let kernel = (a - 1.0) * self.logs[0] + (b - 1.0) * self.logs[1];
        let expected = (a - 1.0) * digamma(a) + (b - 1.0) * digamma(b);
        let entropy = ln_beta - expected + (a + b - 2.0) * digamma(a + b);
        [kernel - ln_beta - LN_2, entropy + LN_2]
    }

    /// Derivatives of both with respect to p and q.
    fn gradients(&self) -> [[f64; 2]; 2] {
        let total = self.shape[0] + self.shape[1];
        let (psi, spread) = (digamma(total), (total - 2.0) * trigamma(total));
        [0, 1].map(|at| {
            let (x, slope) = (self.shape[at], self.slope[at]);
            let d_log_prob = self.logs[at] - digamma(x) + psi;
            let d_entropy = spread - (x - 1.0) * trigamma(x);
            [slope * d_log_prob, slope * d_entropy]
        })
    }
}

pub(crate) fn log_prob_entropy(dist: &Continuous<'_>, log_prob: &mut [f32], entropy: &mut [f32]) {
    for (i, (log_prob, entropy)) in log_prob.iter_mut().zip(entropy).enumerate() {
        let sums = (0..dist.k).fold([0.0; 2], |sums, j| {
            let [log_prob, entropy] = Number::new(dist, i, j).log_prob_entropy();
            [sums[0] + log_prob, sums[1] + entropy]
        });
        (*log_prob, *entropy) = (sums[0] as f32, sums[1] as f32);
    }
}

pub(crate) fn backward(
    dist: &Continuous<'_>,
    d_log_prob: &[f32],
    d_entropy: &[f32],
    d_first: &mut RowsMut<'_>,
    d_second: &mut RowsMut<'_>,
) {
    assert!(d_first.stride > 0 && d_second.stride > 0, "each row has its own parameters");
    for (i, (d_log_prob, d_entropy)) in d_log_prob.iter().zip(d_entropy).enumerate() {
        for j in 0..dist.k {
            let [first, second] = Number::new(dist, i, j).gradients().map(|[log_prob, entropy]| {
                (f64::from(*d_log_prob) * log_prob + f64::from(*d_entropy) * entropy) as f32
            });
            d_first.values[i * d_first.stride + j] = first;
            d_second.values[i * d_second.stride + j] = second;
        }
    }
}

fn at(rows: Rows<'_>, i: usize, j: usize) -> f64 {
    f64::from(rows.values[i * rows.stride + j])
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
