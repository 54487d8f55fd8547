//! A batch of a replay on a device, and what is read back from there at an update's end.

use burn::tensor::{Device, Tensor, TensorData};
use slm_env::ObsBatch;

use crate::memory::{Replay, StoredBatch};
use crate::net::{DeviceLearner, DeviceObs};

/// Transitions drawn from a replay, and noise drawn for them; all went up at once.
pub(super) struct DeviceBatch {
    /// Observations acted on `[b, obs_width]`.
    pub(super) obs: Tensor<2>,
    /// Observations after the actions `[b, obs_width]`.
    pub(super) next_obs: Tensor<2>,
    /// Actions `[b, action_width]`; a discrete action is its index.
    pub(super) actions: Tensor<2>,
    /// Rewards `[b, 1]`.
    pub(super) rewards: Tensor<2>,
    /// 0 where the decision process ended, else 1; `[b, 1]`.
    pub(super) goes_on: Tensor<2>,
    /// Importance weights `[b, 1]`.
    pub(super) weights: Tensor<2>,
    /// Noise `[b, width]` of each kind.
    pub(super) noise: Vec<Tensor<2>>,
}

impl DeviceBatch {
    /// Uploads `batch` with `noise`, rows of some width for each of its b transitions: all numbers at once,
    /// and pixels as bytes.
    pub(super) fn upload(batch: &StoredBatch, noise: &[&[f32]], device: &Device) -> Self {
        let StoredBatch { obs, next_obs, actions, rewards, terminated, weights, .. } = batch;
        let shown = [obs, next_obs];
        let goes_on: Vec<f32> = terminated.iter().map(|&end| f32::from(!end)).collect();
        let columns: [&[f32]; 4] = [actions, rewards, &goes_on, weights];
        let columns: Vec<&[f32]> = shown
            .into_iter()
            .filter_map(features)
            .chain(columns)
            .chain(noise.iter().copied())
            .collect();
        let b = rewards.len();
        let mut uploaded = upload_columns(&columns, b, device).into_iter();
        let mut next = || uploaded.next().expect("each column was uploaded");
        let [obs, next_obs] = shown.map(|obs| match features(obs) {
            Some(_) => next(),
            None => DeviceObs::upload(obs, 0..b, obs.len() / b, device).numbers(),
        });
        let [actions, rewards, goes_on, weights] = [(); 4].map(|()| next());
        Self { obs, next_obs, actions, rewards, goes_on, weights, noise: uploaded.collect() }
    }

    /// Number of transitions b.
    pub(super) fn len(&self) -> usize {
        self.rewards.dims()[0]
    }

    /// r + γ·(1 − terminated)·V(s') of values V(s') `[b, heads]`. What V is after an end is not looked at: a
    /// simulation may end because its state is no number.
    pub(super) fn bootstrap(&self, gamma: f64, values: Tensor<2>) -> Tensor<2> {
        let ended = self.goes_on.clone().equal_scalar(0.0).expand(values.dims());
        self.rewards.clone() + (values * gamma as f32).mask_fill(ended, 0.0)
    }
}

/// The rows, where they are no pixels.
fn features(obs: &ObsBatch) -> Option<&[f32]> {
    match obs {
        ObsBatch::F32(rows) => Some(rows),
        ObsBatch::U8(_) => None,
    }
}

/// Tensors `[b, width]` of columns of `b` rows each, in one upload.
fn upload_columns(columns: &[&[f32]], b: usize, device: &Device) -> Vec<Tensor<2>> {
    let flat = columns.concat();
    let len = flat.len();
    let flat = Tensor::<1>::from_data(TensorData::new(flat, [len]), device);
    let starts = columns.iter().scan(0, |end, column| {
        *end += column.len();
        Some(*end - column.len())
    });
    let tensors = columns.iter().zip(starts).map(|(column, start)| {
        flat.clone().narrow(0, start, column.len()).reshape([b, column.len() / b])
    });
    tensors.collect()
}

/// The `values` `[1]` on the host, read together with the norms of the last gradients of `nets`.
pub(super) fn read_update(
    mut values: Vec<Tensor<1>>,
    mut nets: Vec<&mut DeviceLearner>,
) -> Vec<f64> {
    let count = values.len();
    nets.retain(|net| net.unread_grad_norm().is_some());
    values.extend(nets.iter().filter_map(|net| net.unread_grad_norm().cloned()));
    let mut read: Vec<f64> = host(Tensor::cat(values, 0)).into_iter().map(f64::from).collect();
    nets.into_iter().zip(&read[count..]).for_each(|(net, norm)| net.set_grad_norm(*norm));
    read.truncate(count);
    read
}

/// Gives the rows of `batch` the priorities of their `errors` `[b]` in each gradient step, which are read all at
/// once, and only where there are priorities; each counts for the largest one.
pub(super) fn set_priorities(replay: &mut Replay, batch: &StoredBatch, errors: Vec<Tensor<1>>) {
    if replay.plan().priorities.is_none() {
        return;
    }
    let errors = host(Tensor::cat(errors, 0));
    errors.chunks_exact(batch.rewards.len()).for_each(|e| replay.set_priorities(batch, e));
}

/// A tensor's values on the host.
fn host(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("values are f32")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(tensor: &Tensor<2>) -> ([usize; 2], Vec<f32>) {
        (tensor.dims(), tensor.to_data().try_to_vec().unwrap())
    }

    fn batch(obs: ObsBatch, next_obs: ObsBatch) -> StoredBatch {
        StoredBatch {
            obs,
            next_obs,
            actions: vec![1.0, 0.0],
            rewards: vec![2.0, -3.0],
            terminated: vec![false, true],
            weights: vec![0.5, 1.0],
            ..StoredBatch::default()
        }
    }

    #[test]
    fn a_batch_arrives_as_it_was_drawn() {
        let features = |row: [f32; 6]| ObsBatch::F32(row.to_vec());
        let pixels = |row: [u8; 6]| ObsBatch::U8(row.to_vec());
        for batch in [
            batch(features([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), features([7.0; 6])),
            batch(pixels([1, 2, 3, 4, 5, 6]), pixels([7; 6])),
        ] {
            let noise = [&[0.1f32, 0.2][..], &[0.3; 4]];
            let up = DeviceBatch::upload(&batch, &noise, &Device::flex());
            assert_eq!(rows(&up.obs), ([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
            assert_eq!(rows(&up.next_obs), ([2, 3], vec![7.0; 6]));
            assert_eq!(rows(&up.actions), ([2, 1], vec![1.0, 0.0]));
            assert_eq!(rows(&up.weights), ([2, 1], vec![0.5, 1.0]));
            assert_eq!(rows(&up.noise[0]), ([2, 1], vec![0.1, 0.2]));
            assert_eq!(rows(&up.noise[1]), ([2, 2], vec![0.3; 4]));
            // 2 + 0.5·4; the second row ended.
            assert_eq!(
                rows(&up.bootstrap(0.5, up.actions.clone() * 4.0)),
                ([2, 1], vec![4.0, -3.0])
            );
            let diverged =
                Tensor::from_data([[1.0, 2.0], [f32::NAN, f32::INFINITY]], &Device::flex());
            assert_eq!(rows(&up.bootstrap(0.5, diverged)), ([2, 2], vec![2.5, 3.0, -3.0, -3.0]));
        }
    }
}
