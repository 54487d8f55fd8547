//! Distributions of several independent numbers over rows: one interface to every family.

use crate::beta;
use crate::gumbel;
use crate::normal::Normal;
use crate::rows::Rows;
use crate::rows::RowsMut;
use crate::simd::Isa;
use crate::tanh_normal;
use slm_policy::Family;

/// Distributions of `k` independent numbers, one per row of the batch.
///
/// Densities are those of the actions, entropies too; what is given are their base values, as
/// [`Family`] says. Logarithms of scales are clamped as in [`Normal`].
#[derive(Clone, Copy, Debug)]
pub struct Continuous<'a> {
    /// Distribution of each number.
    pub family: Family,
    /// Numbers in an action.
    pub k: usize,
    /// First parameters `[n, k]`: means, locations, Beta's first.
    pub loc: Rows<'a>,
    /// Second parameters `[n, k]`, or with stride 0 one `[k]` for all rows, which Beta does not have.
    pub log_scale: Rows<'a>,
    /// Base values of the actions `[n, k]`.
    pub actions: Rows<'a>,
}

impl Continuous<'_> {
    /// log π(a|s) `[n]` and entropy `[n]`, summed over the k numbers.
    ///
    /// # Panics
    /// When a slice is too short.
    pub fn log_prob_entropy(&self, log_prob: &mut [f32], entropy: &mut [f32]) {
        assert_eq!(log_prob.len(), entropy.len(), "both are [n]");
        match self.family {
            Family::Normal => self.normal().log_prob_entropy(log_prob, entropy),
            Family::NormalTanh => {
                self.normal().log_prob_entropy(log_prob, entropy);
                Isa::detect().run(tanh_normal::Forward { dist: self, log_prob, entropy });
            }
            Family::LogNormal => {
                self.normal().log_prob_entropy(log_prob, entropy);
                // The density of eᵘ is that of u divided by eᵘ, its entropy that of u plus E u.
                for (i, (log_prob, entropy)) in log_prob.iter_mut().zip(entropy).enumerate() {
                    *log_prob -= self.sum(self.actions, i);
                    *entropy += self.sum(self.loc, i);
                }
            }
            Family::Gumbel => {
                Isa::detect().run(gumbel::Forward { dist: self, log_prob, entropy });
            }
            Family::Beta => beta::log_prob_entropy(self, log_prob, entropy),
        }
    }

    /// Gradients with respect to both parameters, given those of log-probability and entropy, both
    /// `[n]`. Where `d_log_scale` has stride 0 it receives the sum over the batch.
    ///
    /// # Panics
    /// When a slice is too short, or for Beta where a stride is 0.
    pub fn backward(
        &self,
        d_log_prob: &[f32],
        d_entropy: &[f32],
        mut d_loc: RowsMut<'_>,
        mut d_log_scale: RowsMut<'_>,
    ) {
        assert_eq!(d_log_prob.len(), d_entropy.len(), "both are [n]");
        assert!(d_loc.stride > 0, "each row has its own first parameters");
        if d_log_scale.stride == 0 {
            d_log_scale.values[..self.k].fill(0.0);
        }
        let dist = self;
        match self.family {
            Family::Normal => self.normal().backward(d_log_prob, d_entropy, d_loc, d_log_scale),
            Family::NormalTanh => {
                let (loc, log_scale) = (d_loc.reborrow(), d_log_scale.reborrow());
                self.normal().backward(d_log_prob, d_entropy, loc, log_scale);
                Isa::detect().run(tanh_normal::Backward { dist, d_entropy, d_loc, d_log_scale });
            }
            Family::LogNormal => {
                let loc = d_loc.reborrow();
                self.normal().backward(d_log_prob, d_entropy, loc, d_log_scale);
                for (i, d) in d_entropy.iter().enumerate() {
                    for to in &mut d_loc.values[i * d_loc.stride..][..self.k] {
                        *to += d;
                    }
                }
            }
            Family::Gumbel => {
                let pass = gumbel::Backward { dist, d_log_prob, d_entropy, d_loc, d_log_scale };
                Isa::detect().run(pass);
            }
            Family::Beta => {
                beta::backward(self, d_log_prob, d_entropy, &mut d_loc, &mut d_log_scale);
            }
        }
    }

    /// The base values' distribution, where it is normal.
    fn normal(&self) -> Normal<'_> {
        Normal { k: self.k, mean: self.loc, log_std: self.log_scale, actions: self.actions }
    }

    fn sum(&self, rows: Rows<'_>, i: usize) -> f32 {
        rows.values[i * rows.stride..][..self.k].iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// log π and entropy of one number.
    fn values(family: Family, loc: f32, log_scale: f32, base: f32) -> [f32; 2] {
        let row = |x| Rows { values: x, stride: 1 };
        let (loc, log_scale, actions) = (&[loc], &[log_scale], &[base]);
        let (loc, log_scale, actions) = (row(loc), row(log_scale), row(actions));
        let dist = Continuous { family, k: 1, loc, log_scale, actions };
        let (mut log_prob, mut entropy) = ([9.0], [9.0]);
        dist.log_prob_entropy(&mut log_prob, &mut entropy);
        [log_prob[0], entropy[0]]
    }

    fn assert_values(found: [f32; 2], expected: [f32; 2]) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 2e-5, "{found:?} is not {expected:?}");
        }
    }

    /// From SLM-Lab's own functions: `slm_golden.json`, `tanh_normal`, `squashed_log_prob`.
    #[test]
    fn squashed_log_probabilities_equal_the_recorded_ones() {
        let outputs = [0.3, -1.2, -1.0, 0.5, 0.0, 2.0, 3.0, -7.0];
        let dist = Continuous {
            family: Family::NormalTanh,
            k: 2,
            loc: Rows { values: &outputs, stride: 4 },
            log_scale: Rows { values: &outputs[2..], stride: 4 },
            actions: Rows { values: &[0.1, -1.0, 1.0, 2.0], stride: 2 },
        };
        let (mut log_prob, mut entropy) = ([0.0; 2], [0.0; 2]);
        dist.log_prob_entropy(&mut log_prob, &mut entropy);
        for (found, expected) in log_prob.iter().zip([-0.615_470_4, 4.670_532]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }

    /// At u = 0 the correction is 0. H of tanh N(0, e⁻²): 0.4189385 + E ln(1 - tanh²), the latter
    /// -0.127482 by a sum over 8000 points; for N(0.5, 1): 1.4189385 - 0.898696.
    #[test]
    fn the_entropy_of_a_squashed_normal_equals_the_integral() {
        assert_values(values(Family::NormalTanh, 0.0, -1.0, 0.0), [0.081_061_5, 0.291_456]);
        assert!((values(Family::NormalTanh, 0.5, 0.0, 0.0)[1] - 0.520_242).abs() < 1e-3);
    }

    /// At μ = 0.5, σ = 1, a = e: log N(1; 0.5, 1) - 1 = -0.125 - 0.9189385 - 1; H = 1.4189385 + 0.5.
    #[test]
    fn log_normal_equals_hand_computation() {
        assert_values(values(Family::LogNormal, 0.5, 0.0, 1.0), [-2.043_938_5, 1.918_938_5]);
    }

    /// μ = 1, β = 2, a = 3: z = 1, log π = -(ln 2 + 1 + e⁻¹); H = ln 2 + γ + 1.
    #[test]
    fn gumbel_equals_hand_computation() {
        let ln_2 = core::f32::consts::LN_2;
        assert_values(values(Family::Gumbel, 1.0, ln_2, 3.0), [-2.061_026_6, 2.270_362_8]);
    }

    /// softplus(ln(e - 1)) = 1, so α = β = 2: density 6 x (1 - x) / 2 of the action, ¾ at x = ½;
    /// H = ln B - 2 ψ(2) + 2 ψ(4) + ln 2 = -ln 6 + 2 (1/2 + 1/3) + ln 2 = 5/3 - ln 3.
    #[test]
    fn beta_equals_hand_computation() {
        let raw = (1.0_f32.exp() - 1.0).ln();
        assert_values(values(Family::Beta, raw, raw, 0.0), [0.75_f32.ln(), 0.568_054_4]);
    }

    /// Densities of the action sum to one over the base values: ∫ π(a) |da/du| du = 1.
    #[test]
    fn densities_of_actions_integrate_to_one() {
        let step = 0.005_f32;
        for family in Family::ALL {
            let total: f64 = (-6000..6000)
                .map(|i| {
                    let base = i as f32 * step;
                    let slope = match family {
                        Family::Normal | Family::Gumbel => 1.0,
                        Family::NormalTanh => 1.0 - f64::from(base).tanh().powi(2),
                        Family::LogNormal => f64::from(base).exp(),
                        Family::Beta => 0.5 * (1.0 - (0.5 * f64::from(base)).tanh().powi(2)),
                    };
                    let [log_prob, _] = values(family, 0.3, -0.4, base);
                    if slope > 0.0 {
                        f64::from(log_prob).exp() * slope * f64::from(step)
                    } else {
                        0.0
                    }
                })
                .sum();
            assert!((total - 1.0).abs() < 1e-3, "{family:?}: {total}");
        }
    }

    #[test]
    fn extreme_parameters_and_actions_give_finite_numbers() {
        for family in Family::ALL {
            for base in [-80.0, 0.0, 80.0] {
                for loc in [-40.0, 40.0] {
                    let row = |x| Rows { values: x, stride: 1 };
                    let (loc, scale, actions) = (&[loc], &[-9.0], &[base]);
                    let (loc, log_scale, actions) = (row(loc), row(scale), row(actions));
                    let dist = Continuous { family, k: 1, loc, log_scale, actions };
                    let (mut a, mut b, mut c, mut d) = ([9.0], [9.0], [9.0], [9.0]);
                    dist.log_prob_entropy(&mut a, &mut b);
                    let (to_loc, to_scale) = (&mut c[..], &mut d[..]);
                    let to_loc = RowsMut { values: to_loc, stride: 1 };
                    dist.backward(&[1.0], &[1.0], to_loc, RowsMut { values: to_scale, stride: 1 });
                    let all = [a, b, c, d].concat();
                    assert!(all.iter().all(|x| x.is_finite()), "{family:?} {base} {all:?}");
                }
            }
        }
    }
}
