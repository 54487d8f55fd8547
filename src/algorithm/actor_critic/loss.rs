//! The actor-critic's loss: policy gradient, entropy bonus and, with a critic, the value loss.

use burn::tensor::Tensor;

use crate::algorithm::policy_loss::{Losses, PolicyLoss, RowGradients, Rows};
use crate::algorithm::value_target::ValueLoss;

/// The loss at one moment of the schedules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ActorCriticLoss {
    /// Weight of the policy gradient.
    pub(super) policy_loss_coef: f64,
    /// Entropy bonus.
    pub(super) entropy_coef: f64,
    /// Loss of the values.
    pub(super) value: ValueLoss,
}

impl PolicyLoss for ActorCriticLoss {
    /// −c·mean(log π(a|s)·A) − β·mean H.
    fn on_device(&self, rows: Rows<Tensor<1>>) -> Losses<Tensor<1>> {
        let gain = (rows.log_prob * rows.advantage).mean() * self.policy_loss_coef;
        let policy = gain.neg() - rows.entropy.mean() * self.entropy_coef;
        let value = rows.value;
        let value = value.map(|v| self.value.on_device(v, rows.old_value, rows.return_));
        Losses { policy, value }
    }

    fn on_host(&self, rows: &Rows<&[f32]>, gradients: &mut RowGradients) -> Losses<f64> {
        let share = 1.0 / rows.log_prob.len() as f64;
        let (mut gain, mut entropy) = (0.0, 0.0);
        for (k, gradient) in gradients.log_prob.iter_mut().enumerate() {
            let advantage = f64::from(rows.advantage[k]);
            gain += f64::from(rows.log_prob[k]) * advantage;
            entropy += f64::from(rows.entropy[k]);
            *gradient = (-self.policy_loss_coef * advantage * share) as f32;
        }
        gradients.entropy.fill((-self.entropy_coef * share) as f32);
        let policy = -(self.policy_loss_coef * gain + self.entropy_coef * entropy) * share;
        let value = rows.value.map(|value| {
            let columns = [value, rows.old_value, rows.return_];
            self.value.on_host(columns, &mut gradients.value)
        });
        Losses { policy, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::policy_loss::tests::assert_gradients_agree;
    use crate::net::LossFn;

    #[test]
    fn the_gradients_by_hand_are_those_of_autodiff() {
        let value =
            ValueLoss { kind: LossFn::Mse, coef: 0.5, sigma: Some(2.0), symlog: false, clip: None };
        let loss = ActorCriticLoss { policy_loss_coef: 1.5, entropy_coef: 0.02, value };
        assert_gradients_agree(&loss, 11);
    }
}
