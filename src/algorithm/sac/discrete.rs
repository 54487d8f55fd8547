//! A categorical policy whose expectations are exact sums. Christodoulou (2019), arXiv:1910.07207.

/// Probabilities of a batch of rows; buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct Probabilities {
    /// π(a|s) `[b, n]`.
    probs: Vec<f32>,
    /// log π(a|s) `[b, n]`.
    log_probs: Vec<f32>,
    /// H `[b]`.
    entropies: Vec<f32>,
}

impl Probabilities {
    /// Takes over `logits` `[b, n]`.
    pub(super) fn set(&mut self, logits: &[f32], n: usize) {
        self.probs.clear();
        self.log_probs.clear();
        self.entropies.clear();
        for row in logits.chunks_exact(n) {
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let log_total = row.iter().map(|x| (x - max).exp()).sum::<f32>().ln();
            let mut entropy = 0.0;
            for x in row {
                let log_prob = x - max - log_total;
                let prob = log_prob.exp();
                entropy -= prob * log_prob;
                self.log_probs.push(log_prob);
                self.probs.push(prob);
            }
            self.entropies.push(entropy);
        }
    }

    /// Mean entropy.
    pub(super) fn entropy(&self) -> f32 {
        self.entropies.iter().sum::<f32>() / self.entropies.len() as f32
    }

    /// V = Σ π·(Q − α·log π) of each row, for the mean Q of two critics `[b, n]`; into `to` `[b]`.
    pub(super) fn values(&self, q: [&[f32]; 2], alpha: f32, to: &mut Vec<f32>) {
        let n = self.probs.len() / self.entropies.len();
        to.clear();
        to.extend(self.entropies.iter().enumerate().map(|(i, entropy)| {
            let expected: f32 =
                (i * n..(i + 1) * n).map(|k| self.probs[k] * 0.5 * (q[0][k] + q[1][k])).sum();
            expected + alpha * entropy
        }));
    }

    /// Derivatives `[b, n]`, with respect to the logits, of mean Σ π·(α·log π − Q) + c·H, where c is
    /// `d_entropy`; returns the mean of the first part.
    ///
    /// ∂/∂zⱼ = πⱼ·(fⱼ − Σ π·f) with f = α·log π − Q, and ∂H/∂zⱼ = −πⱼ·(log πⱼ + H).
    pub(super) fn gradients(
        &self,
        q: [&[f32]; 2],
        alpha: f32,
        d_entropy: f32,
        to: &mut Vec<f32>,
    ) -> f64 {
        let b = self.entropies.len();
        let (n, share) = (self.probs.len() / b, 1.0 / b as f32);
        let mut loss = 0.0;
        to.clear();
        for (i, entropy) in self.entropies.iter().enumerate() {
            let cost = |k: usize| alpha * self.log_probs[k] - 0.5 * (q[0][k] + q[1][k]);
            let row = i * n..(i + 1) * n;
            let mean: f32 = row.clone().map(|k| self.probs[k] * cost(k)).sum();
            loss += f64::from(mean * share);
            to.extend(row.map(|k| {
                let d_entropy = d_entropy * (self.log_probs[k] + entropy);
                share * self.probs[k] * (cost(k) - mean - d_entropy)
            }));
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits ln 1, ln 3: π = ¼, ¾; H = 0.5623351. Mean Q = (2, 4): V = ½ + 3 + ½·H.
    #[test]
    fn a_state_is_worth_its_mean_value_and_its_entropy() {
        let mut policy = Probabilities::default();
        policy.set(&[0.0, 3f32.ln()], 2);
        let mut values = Vec::new();
        policy.values([&[1.0, 5.0], &[3.0, 3.0]], 0.5, &mut values);
        assert!((values[0] - 3.781_167_5).abs() < 1e-6, "{values:?}");
        assert!((policy.entropy() - 0.562_335_1).abs() < 1e-6);
    }

    #[test]
    fn gradients_are_the_slopes_of_what_they_differentiate() {
        let logits = [0.3f32, -0.8, 1.1, 0.0, 0.4, -1.5];
        let q = [[1.0f32, -0.5, 2.0, 0.3, 0.9, -1.0], [0.5f32, 0.5, 1.0, -0.3, 1.9, 0.0]];
        let (alpha, c) = (0.4, 0.7);
        let policy = |logits: &[f32]| {
            let mut policy = Probabilities::default();
            policy.set(logits, 3);
            policy
        };
        let objective = |logits: &[f32]| {
            let (policy, mut values) = (policy(logits), Vec::new());
            policy.values([&q[0], &q[1]], alpha, &mut values);
            c * policy.entropy() - f32::midpoint(values[0], values[1])
        };
        let mut found = Vec::new();
        let loss = policy(&logits).gradients([&q[0], &q[1]], alpha, c, &mut found);
        assert!((loss as f32 + c * policy(&logits).entropy() - objective(&logits)).abs() < 1e-6);
        for j in 0..logits.len() {
            let at = |step: f32| {
                let mut moved = logits;
                moved[j] += step;
                objective(&moved)
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((found[j] - slope).abs() < 1e-3, "{j}: {} is not {slope}", found[j]);
        }
    }
}
