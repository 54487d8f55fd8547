//! Samples of a tanh-squashed normal policy, and gradients through them by reparameterization.
//! Haarnoja et al. (2018), arXiv:1801.01290, appendix C.

use std::f32::consts::LN_2;

use slm_env::Rng;

use crate::net::LOG_STD_BOUNDS;

/// ½·ln 2π.
pub(super) const HALF_LN_2PI: f32 = 0.918_938_5;

/// A batch of samples a = tanh(u), u = μ + σ·ε; buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct SquashedSamples {
    /// a `[b, k]`.
    pub(super) actions: Vec<f32>,
    /// log π(a|s) `[b]`.
    pub(super) log_probs: Vec<f32>,
    /// σ·ε `[b, k]`.
    deviations: Vec<f32>,
    /// Whether log σ is within its bounds, so that gradients reach it `[b, k]`.
    is_inside: Vec<bool>,
}

impl SquashedSamples {
    /// Draws an action for each row `[b, 2·k]` of means, then logarithms of σ.
    pub(super) fn draw(&mut self, rows: &[f32], k: usize, rng: &mut Rng) {
        self.draw_with(rows, k, || rng.standard_normal() as f32);
    }

    fn draw_with(&mut self, rows: &[f32], k: usize, mut noise: impl FnMut() -> f32) {
        self.actions.clear();
        self.log_probs.clear();
        self.deviations.clear();
        self.is_inside.clear();
        let (low, high) = LOG_STD_BOUNDS;
        for row in rows.chunks_exact(2 * k) {
            let (means, log_stds) = row.split_at(k);
            let mut log_prob = 0.0;
            for (mean, &raw) in means.iter().zip(log_stds) {
                let (epsilon, log_std) = (noise(), raw.clamp(low, high));
                let deviation = log_std.exp() * epsilon;
                let u = mean + deviation;
                log_prob += -0.5 * epsilon * epsilon - log_std - HALF_LN_2PI - log_slope(u);
                self.actions.push(u.tanh());
                self.deviations.push(deviation);
                self.is_inside.push(raw == log_std);
            }
            self.log_probs.push(log_prob);
        }
    }

    /// Derivatives `[b, 2·k]` of mean α·log π(a|s) + f(a) with respect to the rows, given those of
    /// mean f with respect to the actions `[b, k]`.
    ///
    /// With ε held still, ∂log π/∂μ = 2·a and ∂log π/∂log σ = −1 + 2·a·σ·ε; ∂a/∂μ = 1 − a².
    pub(super) fn gradients(&self, alpha: f32, d_actions: &[f32], to: &mut Vec<f32>) {
        let b = self.log_probs.len();
        let k = self.actions.len() / b;
        let share = alpha / b as f32;
        to.clear();
        to.resize(2 * self.actions.len(), 0.0);
        for (i, row) in to.chunks_exact_mut(2 * k).enumerate() {
            for j in 0..k {
                let (a, deviation) = (self.actions[i * k + j], self.deviations[i * k + j]);
                let d_base = share * 2.0 * a + d_actions[i * k + j] * (1.0 - a * a);
                row[j] = d_base;
                if self.is_inside[i * k + j] {
                    row[k + j] = d_base * deviation - share;
                }
            }
        }
    }
}

/// ln(1 − tanh² u) = 2·(ln 2 − u − softplus(−2u)), without loss of digits.
fn log_slope(u: f32) -> f32 {
    let softplus = (-2.0 * u).max(0.0) + (-2.0 * u.abs()).exp().ln_1p();
    2.0 * (LN_2 - u - softplus)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `slm_golden.json`, `tanh_normal`: the base values give the noise that led to them.
    #[test]
    fn log_probs_match_the_recorded_ones() {
        let rows = [0.3f32, -1.2, -1.0, 0.5, 0.0, 2.0, 3.0, -7.0];
        let raw = [0.1f32, -1.0, 1.0, 2.0];
        let std = [(-1.0f32).exp(), 0.5f32.exp(), 2f32.exp(), (-5.0f32).exp()];
        let mean = [0.3f32, -1.2, 0.0, 2.0];
        let mut noise = (0..4).map(|i| (raw[i] - mean[i]) / std[i]);
        let mut samples = SquashedSamples::default();
        samples.draw_with(&rows, 2, || noise.next().unwrap());
        for (found, expected) in samples.log_probs.iter().zip([-0.615_470_4f32, 4.670_532]) {
            assert!((found - expected).abs() < 2e-4, "{found} is not {expected}");
        }
        for (found, u) in samples.actions.iter().zip(raw) {
            assert!((found - u.tanh()).abs() < 1e-6);
        }
    }

    /// Mean α·log π + Σ c·a over two rows, differentiated by central differences with ε held still.
    #[test]
    fn gradients_are_the_slopes_of_what_they_differentiate() {
        let rows = [0.3f32, -0.9, -0.7, 0.2, -0.4, 0.6, 3.0, -1.1];
        let (noise, slopes, alpha) = ([0.5f32, -1.2, 0.8, 0.1], [1.0f32, -2.0, 0.5, 0.7], 0.3);
        let draw = |rows: &[f32]| {
            let (mut samples, mut noise) = (SquashedSamples::default(), noise.into_iter());
            samples.draw_with(rows, 2, || noise.next().unwrap());
            samples
        };
        let objective = |rows: &[f32]| {
            let samples = draw(rows);
            let log_probs: f32 = samples.log_probs.iter().sum();
            let gains = samples.actions.iter().zip(slopes).map(|(a, c)| a * c / 2.0);
            f64::from(alpha * log_probs / 2.0) + gains.map(f64::from).sum::<f64>()
        };
        let mut found = Vec::new();
        draw(&rows).gradients(alpha, &slopes.map(|c| c / 2.0), &mut found);
        for j in 0..rows.len() {
            let at = |step: f32| {
                let mut moved = rows;
                moved[j] += step;
                objective(&moved)
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((f64::from(found[j]) - slope).abs() < 2e-3, "{j}: {} is not {slope}", found[j]);
        }
    }
}
