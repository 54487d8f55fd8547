//! PPO's loss: the clipped surrogate, the value loss and the entropy bonus (eq. 9).

use burn::tensor::Tensor;

use crate::algorithm::policy_loss::{Losses, PolicyLoss, RowGradients, Rows};
use crate::algorithm::value_target::ValueLoss;

/// Bound of the log-ratio, against overflow.
const LOG_RATIO_LIMIT: f32 = 20.0;

/// The loss at one moment of the schedules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PpoLoss {
    /// Clipping range ε.
    pub(super) clip_eps: f64,
    /// Entropy bonus.
    pub(super) entropy_coef: f64,
    /// Loss of the values.
    pub(super) value: ValueLoss,
}

impl PolicyLoss for PpoLoss {
    fn on_device(&self, rows: Rows<Tensor<1>>) -> Losses<Tensor<1>> {
        let surrogate = self.surrogate(rows.log_prob - rows.old_log_prob, rows.advantage);
        let policy = surrogate.neg() - rows.entropy.mean() * self.entropy_coef;
        let value = rows.value.expect("PPO always has a critic");
        let value = self.value.on_device(value, rows.old_value, rows.return_);
        Losses { policy, value: Some(value) }
    }

    fn on_host(&self, rows: &Rows<&[f32]>, gradients: &mut RowGradients) -> Losses<f64> {
        let share = 1.0 / rows.log_prob.len() as f64;
        let (mut surrogate, mut entropy) = (0.0, 0.0);
        for (k, gradient) in gradients.log_prob.iter_mut().enumerate() {
            let log_ratio = rows.log_prob[k] - rows.old_log_prob[k];
            let (gain, slope) = self.surrogate_row(log_ratio, rows.advantage[k]);
            surrogate += f64::from(gain);
            entropy += f64::from(rows.entropy[k]);
            *gradient = (-f64::from(slope) * share) as f32;
        }
        gradients.entropy.fill((-self.entropy_coef * share) as f32);
        let policy = -(surrogate + self.entropy_coef * entropy) * share;
        let value = rows.value.expect("PPO always has a critic");
        let columns = [value, rows.old_value, rows.return_];
        let value = self.value.on_host(columns, &mut gradients.value);
        Losses { policy, value: Some(value) }
    }
}

impl PpoLoss {
    /// mean min(ρA, clip(ρ, 1 ± ε)·A), eq. 7, from the log-ratio ln ρ.
    fn surrogate(&self, log_ratio: Tensor<1>, advantage: Tensor<1>) -> Tensor<1> {
        let ratio = log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT).exp();
        let clipped = ratio.clone().clamp(1.0 - self.clip_eps, 1.0 + self.clip_eps);
        (ratio * advantage.clone()).min_pair(clipped * advantage).mean()
    }

    /// One row's min(ρA, clip(ρ)·A) and its derivative with respect to ln ρ.
    fn surrogate_row(&self, log_ratio: f32, advantage: f32) -> (f32, f32) {
        let ratio = slm_policy::math::exp(log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT));
        let (low, high) = ((1.0 - self.clip_eps) as f32, (1.0 + self.clip_eps) as f32);
        let (plain, clipped) = (ratio * advantage, ratio.clamp(low, high) * advantage);
        if plain <= clipped && log_ratio.abs() <= LOG_RATIO_LIMIT {
            (plain, plain)
        } else {
            (plain.min(clipped), 0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::algorithm::policy_loss::tests::assert_gradients_agree;
    use crate::net::LossFn;

    const VALUE: ValueLoss =
        ValueLoss { kind: LossFn::Mse, coef: 0.7, sigma: None, symlog: false, clip: None };
    const LOSS: PpoLoss = PpoLoss { clip_eps: 0.2, entropy_coef: 0.01, value: VALUE };

    fn tensor(values: [f32; 4]) -> Tensor<1> {
        Tensor::from_data(values, &Device::flex())
    }

    /// ε = 0.2, ρ = [1.5, 1.5, 0.5, 0.5], A = [1, −1, 1, −1]:
    /// min(ρA, clip(ρ)A) = [1.2, −1.5, 0.5, −0.8], mean −0.15.
    #[test]
    fn the_surrogate_is_clipped_only_where_it_would_gain() {
        let log_ratio = tensor([1.5, 1.5, 0.5, 0.5]).log();
        let surrogate = LOSS.surrogate(log_ratio, tensor([1.0, -1.0, 1.0, -1.0]));
        assert!((surrogate.into_scalar::<f32>() + 0.15).abs() < 1e-6);
    }

    #[test]
    fn the_gradients_by_hand_are_those_of_autodiff_for_every_value_loss() {
        let values = [
            VALUE,
            ValueLoss { kind: LossFn::SmoothL1 { beta: 1.0 }, ..VALUE },
            ValueLoss { kind: LossFn::Huber { delta: 0.5 }, symlog: true, ..VALUE },
            ValueLoss { kind: LossFn::L1, sigma: Some(0.2), ..VALUE },
            ValueLoss { sigma: Some(3.0), ..VALUE },
            ValueLoss { clip: Some(0.2), ..VALUE },
            ValueLoss { clip: Some(0.2), symlog: true, ..VALUE },
        ];
        for (seed, value) in (0..).zip(values) {
            assert_gradients_agree(&PpoLoss { value, ..LOSS }, seed);
        }
    }
}
