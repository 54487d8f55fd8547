//! Action distributions over output rows, as tensors that carry gradients.

use burn::tensor::{
    Tensor,
    activation::{log_softmax, sigmoid, softplus},
};
use slm_policy::Family;

use super::dist_continuous::continuous;

/// Bounds of log σ, as in SLM-Lab 5.
pub const LOG_STD_BOUNDS: (f32, f32) = (-5.0, 2.0);

/// Beyond ± this the probability of a switch is 0 or 1 in f32.
const LARGEST_LOGIT: f32 = 104.0;

/// What the policy columns of an output row parameterize.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dist {
    /// `n` logits.
    Categorical {
        /// Number of actions.
        n: usize,
    },
    /// `n` action values, of which the best is taken. It has no probabilities to learn by.
    Argmax {
        /// Number of actions.
        n: usize,
    },
    /// The logits of several independent choices, side by side.
    MultiCategorical {
        /// Number of values of each choice.
        nvec: Vec<usize>,
    },
    /// `n` logits of independent switches.
    Bernoulli {
        /// Number of switches.
        n: usize,
    },
    /// `k` first parameters of independent numbers, then `k` second ones.
    Continuous {
        /// Distribution of each number.
        family: Family,
        /// Number of action dimensions.
        k: usize,
    },
    /// `k` numbers of which actions are the tanh. It has no probabilities to learn by.
    Deterministic {
        /// Number of action dimensions.
        k: usize,
    },
}

impl Dist {
    /// Number of policy columns in an output row.
    pub fn width(&self) -> usize {
        match self {
            Self::Categorical { n } | Self::Argmax { n } | Self::Bernoulli { n } => *n,
            Self::MultiCategorical { nvec } => nvec.iter().sum(),
            Self::Continuous { k, .. } => 2 * k,
            Self::Deterministic { k } => *k,
        }
    }

    /// Number of columns of a stored action row: one per choice, switch or dimension.
    pub fn action_width(&self) -> usize {
        match self {
            Self::Categorical { .. } | Self::Argmax { .. } => 1,
            Self::MultiCategorical { nvec } => nvec.len(),
            Self::Bernoulli { n } => *n,
            Self::Continuous { k, .. } | Self::Deterministic { k } => *k,
        }
    }

    /// log π(a|s) `[batch]` and entropy `[batch]` of `outputs` `[batch, width]` for stored
    /// `actions` `[batch, action_width]`: indices, or base values as [`Family`] says.
    ///
    /// # Panics
    /// For [`Argmax`](Self::Argmax) and [`Deterministic`](Self::Deterministic), which plans of policy
    /// gradients refuse.
    pub fn log_prob_and_entropy(
        &self,
        outputs: Tensor<2>,
        actions: Tensor<2>,
    ) -> (Tensor<1>, Tensor<1>) {
        let (log_prob, entropy) = match self {
            Self::Categorical { n } => multi_categorical(&outputs, &actions, &[*n]),
            Self::MultiCategorical { nvec } => multi_categorical(&outputs, &actions, nvec),
            Self::Bernoulli { .. } => bernoulli(outputs, actions),
            Self::Continuous { family, k } => continuous(*family, outputs, actions, *k),
            Self::Argmax { .. } | Self::Deterministic { .. } => {
                unreachable!("plans of policy gradients refuse what has no probabilities")
            }
        };
        (log_prob.squeeze_dim(1), entropy.squeeze_dim(1))
    }
}

/// Sums over the choices, `[batch, 1]` both.
fn multi_categorical(
    logits: &Tensor<2>,
    actions: &Tensor<2>,
    nvec: &[usize],
) -> (Tensor<2>, Tensor<2>) {
    let (mut start, mut sums) = (0, None);
    for (j, &n) in nvec.iter().enumerate() {
        let own = logits.clone().narrow(1, start, n);
        let (log_prob, entropy) = categorical(own, actions.clone().narrow(1, j, 1));
        start += n;
        sums = Some(match sums {
            None => (log_prob, entropy),
            Some((log_probs, entropies)) => (log_prob + log_probs, entropy + entropies),
        });
    }
    sums.expect("an action space has at least one choice")
}

fn categorical(logits: Tensor<2>, actions: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let log_probs = log_softmax(logits, 1);
    let entropy = (log_probs.clone().exp() * log_probs.clone()).sum_dim(1).neg();
    (log_probs.gather(1, actions.int()), entropy)
}

/// a x - softplus(x) and softplus(x) - p x, summed over the switches.
fn bernoulli(logits: Tensor<2>, actions: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let log_prob = actions * logits.clone() - softplus(logits.clone(), 1.0);
    let logits = logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT);
    let entropy = softplus(logits.clone(), 1.0) - sigmoid(logits.clone()) * logits;
    (log_prob.sum_dim(1), entropy.sum_dim(1))
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
        let (log_prob, entropy) = Dist::Continuous { family: Family::Normal, k: 2 }
            .log_prob_and_entropy(outputs, actions);
        for (found, expected) in host(&log_prob).iter().zip([-1.493_015_6f32, 1.152_965_1]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
        for (found, expected) in host(&entropy).iter().zip([2.337_877f32, -0.162_122_7]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }
}
