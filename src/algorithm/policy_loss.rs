//! Losses of policies and values, as functions of what the networks say about each row.
//!
//! A loss sees log π(a|s), entropy and V of a minibatch and is differentiated twice: by Burn, on
//! any device, and by hand, for the fused kernels of the CPU. Tests hold one against the other.

use burn::tensor::Tensor;

/// One minibatch, column by column: tensors `[batch]` on a device, slices `[batch]` on the host.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    /// log π(a|s) of the action taken, now.
    pub log_prob: T,
    /// Entropy of π(·|s), now.
    pub entropy: T,
    /// V(s), now; absent for algorithms without a critic.
    pub value: Option<T>,
    /// How much better the action was than expected.
    pub advantage: T,
    /// What V(s) should be.
    pub return_: T,
    /// V(s) when the rollout was evaluated.
    pub old_value: T,
    /// log π(a|s) when the rollout was evaluated.
    pub old_log_prob: T,
}

/// Loss of the policy, entropy bonus included, and of the values.
#[derive(Clone, Debug)]
pub struct Losses<T> {
    /// To be minimized by the policy's network.
    pub policy: T,
    /// To be minimized by the network of the values.
    pub value: Option<T>,
}

/// ∂loss/∂x of each row `[batch]`; the caller sizes the vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowGradients {
    /// With respect to log π(a|s).
    pub log_prob: Vec<f32>,
    /// With respect to the entropy.
    pub entropy: Vec<f32>,
    /// With respect to V(s).
    pub value: Vec<f32>,
}

impl RowGradients {
    /// Makes room for `batch` rows.
    pub fn resize(&mut self, batch: usize) {
        for column in [&mut self.log_prob, &mut self.entropy, &mut self.value] {
            column.resize(batch, 0.0);
        }
    }
}

/// A loss of a policy and its values; both forms are the same function, means over the batch.
pub trait PolicyLoss {
    /// The losses as tensors `[1]`, for Burn to differentiate.
    fn on_device(&self, rows: Rows<Tensor<1>>) -> Losses<Tensor<1>>;

    /// The losses and, in `gradients`, their derivatives.
    fn on_host(&self, rows: &Rows<&[f32]>, gradients: &mut RowGradients) -> Losses<f64>;
}

#[cfg(test)]
pub(super) mod tests {
    use burn::tensor::Device;

    use super::*;

    /// Holds both forms of `loss` against each other on rows drawn from `seed`.
    pub(crate) fn assert_gradients_agree(loss: &dyn PolicyLoss, seed: u64) {
        let batch = 33;
        let mut rng = slm_env::Rng::from_seed(seed);
        let mut column =
            |scale: f64| (0..batch).map(|_| rng.normal(0.0, scale) as f32).collect::<Vec<f32>>();
        let columns: [Vec<f32>; 7] = [0.5, 1.0, 3.0, 1.0, 3.0, 3.0, 0.5].map(&mut column);
        let device = Device::flex();
        let tensor = |i: usize| Tensor::<1>::from_data(columns[i].as_slice(), &device);
        let leaf = |i: usize| tensor(i).autodiff().require_grad();
        let (log_prob, entropy, value) = (leaf(0), leaf(1), leaf(2));
        let losses = loss.on_device(Rows {
            log_prob: log_prob.clone(),
            entropy: entropy.clone(),
            value: Some(value.clone()),
            advantage: tensor(3),
            return_: tensor(4),
            old_value: tensor(5),
            old_log_prob: tensor(6),
        });
        let mut total = losses.policy;
        total = losses.value.into_iter().fold(total, |sum, loss| sum + loss);
        let grads = total.backward();
        let mut found = RowGradients::default();
        found.resize(batch);
        let host = loss.on_host(
            &Rows {
                log_prob: &columns[0],
                entropy: &columns[1],
                value: Some(&columns[2]),
                advantage: &columns[3],
                return_: &columns[4],
                old_value: &columns[5],
                old_log_prob: &columns[6],
            },
            &mut found,
        );
        let sum = host.policy + host.value.unwrap_or(0.0);
        assert_close(&[sum as f32], &[total.into_scalar::<f32>()]);
        for (leaf, found) in
            [(log_prob, &found.log_prob), (entropy, &found.entropy), (value, &found.value)]
        {
            let zeros = || vec![0.0; batch];
            let expected = leaf.grad(&grads).map_or_else(zeros, |grad| {
                grad.into_data().try_to_vec().expect("gradients are f32")
            });
            assert_close(found, &expected);
        }
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= 2e-5 * e.abs().max(1.0), "{f} is not {e}");
        }
    }
}
