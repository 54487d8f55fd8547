//! Rows that networks on a device learn from, and what the networks see of them.

use burn::tensor::{Int, Tensor, TensorData};

use super::chunked::ChunkBatch;
use super::stepped::Whose;
use crate::net::Net;

/// Rows on the device.
pub(super) struct Batch {
    pub(super) obs: Tensor<2>,
    pub(super) actions: Tensor<2>,
    /// Columns: return, old value, old log-probability.
    pub(super) targets: Tensor<2>,
}

/// What the networks see of a minibatch.
pub(super) enum Seen {
    /// Observations `[rows, input]`.
    Rows(Box<Tensor<2>>),
    /// The chunks that its rows lie in.
    Chunks(Box<ChunkBatch>),
}

/// A minibatch on the device.
pub(super) struct Minibatch {
    pub(super) seen: Seen,
    pub(super) rows: Batch,
    /// Advantages `[rows]`.
    pub(super) advantage: Tensor<1>,
}

impl Seen {
    /// Output rows of a net that learns from them.
    pub(super) fn forward_training(&self, net: &mut Net, whose: Whose) -> Tensor<2> {
        match self {
            Self::Rows(obs) => net.forward_training((**obs).clone()),
            Self::Chunks(chunks) => chunks.forward_training(net, whose),
        }
    }
}

impl Batch {
    pub(super) fn in_order(&self, order: &[u32]) -> Self {
        let order: Vec<i32> = order.iter().map(|&row| row as i32).collect();
        let data = TensorData::from(order.as_slice());
        let order = Tensor::<1, Int>::from_data(data, &self.obs.device());
        Self {
            obs: self.obs.clone().select(0, order.clone()),
            actions: self.actions.clone().select(0, order.clone()),
            targets: self.targets.clone().select(0, order),
        }
    }

    pub(super) fn narrow(&self, start: usize, len: usize) -> Self {
        Self {
            obs: self.obs.clone().narrow(0, start, len),
            actions: self.actions.clone().narrow(0, start, len),
            targets: self.targets.clone().narrow(0, start, len),
        }
    }
}
