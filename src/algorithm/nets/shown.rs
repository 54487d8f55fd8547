//! What networks on a device were shown to act on, so that it need not go up again to be learned from.

use burn::tensor::Device;
use slm_env::ObsBatch;

use crate::net::DeviceObs;

/// The newest rows of the rollout so far, one block a vector step; what came before them, or was acted on
/// before a checkpoint was read, is on the host alone.
#[derive(Default)]
pub(super) struct Shown {
    blocks: Vec<DeviceObs>,
    /// How many rows they have.
    rows: usize,
    /// Whether this rollout is larger than what may lie here.
    is_too_large: bool,
}

impl Shown {
    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds what is acted on now, unless this rollout was given up.
    pub(super) fn push(&mut self, obs: &DeviceObs) {
        if !self.is_too_large {
            self.blocks.push(obs.clone());
            self.rows += obs.rows();
        }
    }

    /// Forgets this rollout, and what is still to come of it.
    pub(super) fn give_up(&mut self) {
        self.clear();
        self.is_too_large = true;
    }

    /// Forgets everything: another rollout begins.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The observations of a whole rollout, `all` `[rows, width]` on the host, of which the first go up where
    /// they have not been shown. Afterwards nothing is left here.
    ///
    /// # Panics
    /// When more was shown than the rollout holds.
    pub(super) fn complete(&mut self, all: &ObsBatch, width: usize, device: &Device) -> DeviceObs {
        let unseen = (all.len() / width).checked_sub(self.rows());
        let unseen = unseen.expect("what is acted on is stored in the rollout");
        let mut parts = Vec::with_capacity(self.blocks.len() + 1);
        if unseen > 0 {
            parts.push(DeviceObs::upload(all, 0..unseen, width, device));
        }
        parts.append(&mut self.blocks);
        self.rows = 0;
        DeviceObs::cat(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows 0 and 1 were acted on elsewhere, row 2 here: as other bytes, to tell whose are learned from.
    #[test]
    fn only_what_was_not_shown_goes_up() {
        let device = Device::flex();
        let mut shown = Shown::default();
        shown.push(&DeviceObs::upload(&ObsBatch::U8(vec![77, 78]), 0..1, 2, &device));
        assert_eq!(shown.rows(), 1);
        let all = ObsBatch::U8(vec![0, 1, 2, 3, 4, 5]);
        let complete = shown.complete(&all, 2, &device).numbers();
        let numbers: Vec<f32> = complete.into_data().try_to_vec().unwrap();
        assert_eq!(numbers, [0.0, 1.0, 2.0, 3.0, 77.0, 78.0]);
        assert_eq!(shown.rows(), 0);
    }
}
