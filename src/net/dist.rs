//! Action distributions over output rows, as tensors that carry gradients.

use burn::tensor::{Tensor, activation::log_softmax};

/// ½·ln 2π.
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_7;

/// Bounds of log σ, as in SLM-Lab 5.
pub const LOG_STD_BOUNDS: (f32, f32) = (-5.0, 2.0);

/// What the policy columns of an output row parameterize.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dist {
    /// `n` logits.
    Categorical {
        /// Number of actions.
        n: usize,
    },
    /// `k` means, then `k` logarithms of the standard deviation.
    Normal {
        /// Number of action dimensions.
        k: usize,
    },
}

impl Dist {
    /// Number of policy columns in an output row.
    pub fn width(self) -> usize {
        match self {
            Self::Categorical { n } => n,
            Self::Normal { k } => 2 * k,
        }
    }

    /// Number of columns of a stored action row: the index, or one value per dimension.
    pub fn action_width(self) -> usize {
        match self {
            Self::Categorical { .. } => 1,
            Self::Normal { k } => k,
        }
    }

    /// log π(a|s) `[batch]` and entropy `[batch]` of `outputs` `[batch, width]` for `actions`
    /// `[batch, action_width]`.
    pub fn log_prob_and_entropy(
        self,
        outputs: Tensor<2>,
        actions: Tensor<2>,
    ) -> (Tensor<1>, Tensor<1>) {
        match self {
            Self::Categorical { .. } => categorical(outputs, actions),
            Self::Normal { k } => normal(outputs, actions, k),
        }
    }
}

fn categorical(logits: Tensor<2>, actions: Tensor<2>) -> (Tensor<1>, Tensor<1>) {
    let log_probs = log_softmax(logits, 1);
    let entropy = (log_probs.clone().exp() * log_probs.clone()).sum_dim(1).neg();
    let log_prob = log_probs.gather(1, actions.int());
    (log_prob.squeeze_dim(1), entropy.squeeze_dim(1))
}

fn normal(outputs: Tensor<2>, actions: Tensor<2>, k: usize) -> (Tensor<1>, Tensor<1>) {
    let mean = outputs.clone().narrow(1, 0, k);
    let log_std = outputs.narrow(1, k, k).clamp(LOG_STD_BOUNDS.0, LOG_STD_BOUNDS.1);
    let z = (actions - mean) / log_std.clone().exp();
    let log_prob = (z.square() * 0.5 + log_std.clone() + HALF_LN_2PI).sum_dim(1).neg();
    let entropy = (log_std + (0.5 + HALF_LN_2PI)).sum_dim(1);
    (log_prob.squeeze_dim(1), entropy.squeeze_dim(1))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn host(tensor: &Tensor<1>) -> Vec<f32> {
        tensor.to_data().try_to_vec().unwrap()
    }

    /// Logits ln 1, ln 3: probabilities ¼, ¾; H = ¼·ln 4 + ¾·ln(4/3) = 0.5623351.
    #[test]
    fn categorical_matches_hand_computation() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_data([[0.0f32, 3f32.ln()], [0.0, 3f32.ln()]], &device);
        let actions = Tensor::<2>::from_data([[0.0f32], [1.0]], &device);
        let dist = Dist::Categorical { n: 2 };
        let (log_prob, entropy) = dist.log_prob_and_entropy(logits, actions);
        for (found, expected) in host(&log_prob).iter().zip([0.25f32.ln(), 0.75f32.ln()]) {
            assert!((found - expected).abs() < 1e-6);
        }
        assert!(host(&entropy).iter().all(|h| (h - 0.562_335_1).abs() < 1e-6));
    }

    /// From SLM-Lab's own function: `slm_golden.json`, `tanh_normal` (before squashing), whose
    /// log σ of 3 and -7 are clamped to 2 and -5.
    #[test]
    fn normal_matches_the_recorded_values() {
        let device = Device::flex();
        let outputs =
            Tensor::<2>::from_data([[0.3f32, -1.2, -1.0, 0.5], [0.0, 2.0, 3.0, -7.0]], &device);
        let actions = Tensor::<2>::from_data([[0.1f32, -1.0], [1.0, 2.0]], &device);
        let (log_prob, entropy) = Dist::Normal { k: 2 }.log_prob_and_entropy(outputs, actions);
        for (found, expected) in host(&log_prob).iter().zip([-1.493_015_6f32, 1.152_965_1]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
        for (found, expected) in host(&entropy).iter().zip([2.337_877f32, -0.162_122_7]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }
}
