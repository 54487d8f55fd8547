//! Straight-through samples of a categorical policy. Jang et al. (2017), arXiv:1611.01144.

use slm_env::Rng;
use slm_kernels::{Rows, RowsMut, gumbel_softmax, gumbel_softmax_backward};

use crate::algorithm::HostNoise;
use slm_policy::Noise;

/// Temperature of the relaxation, SLM-Lab's.
pub(super) const TEMPERATURE: f32 = 1.0;

/// A batch of one-hot samples that gradients pass as if they were soft; buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct RelaxedSamples {
    /// One-hot actions `[b, n]`.
    pub(super) actions: Vec<f32>,
    /// log π of them `[b]`.
    pub(super) log_probs: Vec<f32>,
    noise: Vec<f32>,
    chosen: Vec<u32>,
    soft: Vec<f32>,
    /// log π of all actions `[b, n]`.
    all_log_probs: Vec<f32>,
}

impl RelaxedSamples {
    /// Draws an action for each row of `logits` `[b, n]`.
    pub(super) fn draw(&mut self, logits: &[f32], n: usize, rng: &mut Rng) {
        let mut noise = HostNoise(rng);
        self.noise.clear();
        self.noise.extend(logits.iter().map(|_| noise.gumbel()));
        self.chosen.resize(logits.len() / n, 0);
        self.soft.resize(logits.len(), 0.0);
        let rows = |values| Rows { values, stride: n };
        let soft = RowsMut { values: &mut self.soft, stride: n };
        gumbel_softmax(rows(logits), rows(&self.noise), TEMPERATURE, &mut self.chosen, soft);
        self.set_log_probs(logits, n);
        one_hot(self.chosen.iter().map(|&index| index as usize), n, &mut self.actions);
    }

    /// Derivatives `[b, n]` of mean α·log π(a|s) + f(a) with respect to the logits, given those of
    /// mean f with respect to the actions `[b, n]`.
    ///
    /// log π(a|s) = Σ a·log π: through a as the sample is relaxed, and through log π, aⱼ − πⱼ.
    pub(super) fn gradients(&self, alpha: f32, d_actions: &[f32], to: &mut Vec<f32>) {
        let b = self.chosen.len();
        let (n, share) = (self.soft.len() / b, alpha / b as f32);
        let through: Vec<f32> = d_actions
            .iter()
            .zip(&self.all_log_probs)
            .map(|(d, log_prob)| d + share * log_prob)
            .collect();
        to.clear();
        to.resize(self.soft.len(), 0.0);
        gumbel_softmax_backward(
            Rows { values: &self.soft, stride: n },
            TEMPERATURE,
            Rows { values: &through, stride: n },
            RowsMut { values: to, stride: n },
        );
        for ((to, action), log_prob) in to.iter_mut().zip(&self.actions).zip(&self.all_log_probs) {
            *to += share * (action - log_prob.exp());
        }
    }

    fn set_log_probs(&mut self, logits: &[f32], n: usize) {
        self.all_log_probs.clear();
        self.log_probs.clear();
        for (row, &chosen) in logits.chunks_exact(n).zip(&self.chosen) {
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let log_total = max + row.iter().map(|x| (x - max).exp()).sum::<f32>().ln();
            self.all_log_probs.extend(row.iter().map(|x| x - log_total));
            self.log_probs.push(row[chosen as usize] - log_total);
        }
    }
}

/// Rows `[b, n]` of zeros with a one at each index.
pub(super) fn one_hot(indices: impl Iterator<Item = usize>, n: usize, to: &mut Vec<f32>) {
    to.clear();
    for index in indices {
        to.extend((0..n).map(|j| if j == index { 1.0 } else { 0.0 }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row 0 plays action 1 (noise 0), soft = π = (¼, ¾); α = ½, f = 2·a₁ − a₀ per row, b = 1.
    ///
    /// Through the sample d = (−1 + ½·ln ¼, 2 + ½·ln ¾); p·d − p·Σp·d with Σ = 1.25 + ½·(−0.5623351);
    /// through log π ½·(0 − ¼, 1 − ¾).
    #[test]
    fn gradients_pass_the_sample_and_its_probability() {
        let logits = [0.0f32, 3f32.ln()];
        let mut samples = RelaxedSamples {
            chosen: vec![1],
            soft: vec![0.25, 0.75],
            actions: vec![0.0, 1.0],
            ..RelaxedSamples::default()
        };
        samples.set_log_probs(&logits, 2);
        assert!((samples.log_probs[0] - 0.75f32.ln()).abs() < 1e-6);
        let mut found = Vec::new();
        samples.gradients(0.5, &[-1.0, 2.0], &mut found);
        let d = [-1.0 + 0.5 * 0.25f32.ln(), 2.0 + 0.5 * 0.75f32.ln()];
        let mean = 0.25 * d[0] + 0.75 * d[1];
        let expected = [0.25 * (d[0] - mean) - 0.125, 0.75 * (d[1] - mean) + 0.125];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    /// Probabilities ¼ and ¾; five standard errors of 10,000 draws.
    #[test]
    fn actions_are_drawn_by_their_probabilities() {
        let logits = [0.0f32, 3f32.ln()].repeat(10_000);
        let mut samples = RelaxedSamples::default();
        samples.draw(&logits, 2, &mut Rng::from_seed(3));
        let second = samples.actions.chunks_exact(2).filter(|row| row[1] == 1.0).count();
        assert!((second as f32 / 1e4 - 0.75).abs() < 0.022, "{second}");
        assert!(samples.actions.chunks_exact(2).all(|row| row[0] + row[1] == 1.0));
    }
}
