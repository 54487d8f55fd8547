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
    use slm_env::Rng;

    use super::*;

    const BATCH: usize = 33;

    /// Columns in the order of the fields of [`Rows`].
    type Columns = [Vec<f32>; 7];

    /// Holds both forms of `loss` against each other on rows drawn from `seed`.
    pub(crate) fn assert_gradients_agree(loss: &dyn PolicyLoss, seed: u64) {
        let mut rng = Rng::from_seed(seed);
        let columns = [0.5, 1.0, 3.0, 1.0, 3.0, 3.0, 0.5]
            .map(|scale| (0..BATCH).map(|_| rng.normal(0.0, scale) as f32).collect());
        let (expected_loss, expected) = on_device(loss, &columns);
        let (found_loss, found) = on_host(loss, &columns);
        assert_close(&[found_loss], &[expected_loss]);
        assert_close(&found.log_prob, &expected.log_prob);
        assert_close(&found.entropy, &expected.entropy);
        assert_close(&found.value, &expected.value);
    }

    fn on_device(loss: &dyn PolicyLoss, columns: &Columns) -> (f32, RowGradients) {
        let tensor = |i: usize| Tensor::<1>::from_data(columns[i].as_slice(), &Device::flex());
        let leaves = [0, 1, 2].map(|i| tensor(i).autodiff().require_grad());
        let [log_prob, entropy, value] = leaves.clone();
        let [advantage, return_, old_value, old_log_prob] = [3, 4, 5, 6].map(tensor);
        let value = Some(value);
        let rows = Rows { log_prob, entropy, value, advantage, return_, old_value, old_log_prob };
        let Losses { policy, value } = loss.on_device(rows);
        let total = value.into_iter().fold(policy, |sum, loss| sum + loss);
        let grads = total.backward();
        let [log_prob, entropy, value] = leaves.map(|leaf| match leaf.grad(&grads) {
            Some(grad) => grad.into_data().try_to_vec().expect("gradients are f32"),
            None => vec![0.0; BATCH],
        });
        (total.into_scalar(), RowGradients { log_prob, entropy, value })
    }

    fn on_host(loss: &dyn PolicyLoss, columns: &Columns) -> (f32, RowGradients) {
        let [log_prob, entropy, value, advantage, return_, old_value, old_log_prob] =
            columns.each_ref().map(Vec::as_slice);
        let value = Some(value);
        let rows = Rows { log_prob, entropy, value, advantage, return_, old_value, old_log_prob };
        let mut gradients = RowGradients::default();
        gradients.resize(BATCH);
        let losses = loss.on_host(&rows, &mut gradients);
        ((losses.policy + losses.value.unwrap_or(0.0)) as f32, gradients)
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= 2e-5 * e.abs().max(1.0), "{f} is not {e}");
        }
    }
}
