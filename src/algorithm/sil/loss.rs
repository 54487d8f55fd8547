//! The loss of self-imitation: only what turned out better than expected teaches (eq. 1–3).

use burn::tensor::Tensor;

use crate::algorithm::policy_loss::{Losses, PolicyLoss, RowGradients, Rows};

const CRITIC: &str = "self-imitation always has a critic";

/// −c_π·mean(log π(a|s)·A⁺) and c_V·½·mean(A⁺²) with A⁺ = max(R − V(s), 0), a constant in the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SilLoss {
    /// Weight of the policy loss.
    pub(super) policy_loss_coef: f64,
    /// Weight of the value loss.
    pub(super) val_loss_coef: f64,
}

impl PolicyLoss for SilLoss {
    fn on_device(&self, rows: Rows<Tensor<1>>) -> Losses<Tensor<1>> {
        let advantage = (rows.return_ - rows.value.expect(CRITIC)).clamp_min(0.0);
        let gain = (rows.log_prob * advantage.clone().detach()).mean();
        let value = advantage.square().mean() * (0.5 * self.val_loss_coef);
        Losses { policy: gain * -self.policy_loss_coef, value: Some(value) }
    }

    fn on_host(&self, rows: &Rows<&[f32]>, gradients: &mut RowGradients) -> Losses<f64> {
        let share = 1.0 / rows.log_prob.len() as f64;
        let values = rows.value.expect(CRITIC);
        let (mut gain, mut squares) = (0.0, 0.0);
        for (k, (&return_, &value)) in rows.return_.iter().zip(values).enumerate() {
            let advantage = f64::from(advantage(return_, value));
            gain += f64::from(rows.log_prob[k]) * advantage;
            squares += advantage * advantage;
            gradients.log_prob[k] = (-self.policy_loss_coef * advantage * share) as f32;
            gradients.value[k] = (-self.val_loss_coef * advantage * share) as f32;
        }
        gradients.entropy.fill(0.0);
        let policy = -self.policy_loss_coef * gain * share;
        Losses { policy, value: Some(0.5 * self.val_loss_coef * squares * share) }
    }
}

/// A⁺: how much better than expected an action turned out, 0 where it did not.
pub(super) fn advantage(return_: f32, value: f32) -> f32 {
    (return_ - value).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::policy_loss::tests::assert_gradients_agree;

    const LOSS: SilLoss = SilLoss { policy_loss_coef: 1.5, val_loss_coef: 0.1 };

    /// R = [1, 3], V = [2, 1]: A⁺ = [0, 2]. log π = [−9, −½]: policy −1.5·(0 − 1)/2 = 0.75, value
    /// 0.1·½·(0 + 4)/2 = 0.1; derivatives −1.5·[0, 2]/2 and −0.1·[0, 2]/2.
    #[test]
    fn only_a_return_above_the_value_teaches() {
        let unread = &[f32::NAN; 2][..];
        let rows = Rows {
            log_prob: &[-9.0, -0.5][..],
            entropy: unread,
            value: Some(&[2.0, 1.0][..]),
            advantage: unread,
            return_: &[1.0, 3.0][..],
            old_value: unread,
            old_log_prob: unread,
        };
        let mut gradients = RowGradients::default();
        gradients.resize(2);
        let losses = LOSS.on_host(&rows, &mut gradients);
        assert_eq!(losses.policy, 0.75);
        assert!((losses.value.unwrap() - 0.1).abs() < 1e-12);
        let expected = RowGradients {
            log_prob: vec![0.0, -1.5],
            entropy: vec![0.0; 2],
            value: vec![0.0, -0.1],
        };
        assert_eq!(gradients, expected);
    }

    #[test]
    fn the_gradients_by_hand_are_those_of_autodiff() {
        assert_gradients_agree(&LOSS, 12);
    }
}
