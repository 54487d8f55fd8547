//! Rows that networks on a device learn from, and what the networks see of them.

use std::ops::Range;

use burn::tensor::{Device, Int, Tensor};

use super::Epoch;
use super::chunked::ChunkBatch;
use super::source::indices;
use super::stepped::Whose;
use crate::net::Net;

/// The order in which an epoch learns from the rows of a batch.
pub(super) struct Order {
    pub(super) rows: Vec<u32>,
    /// The same on the device.
    pub(super) on_device: Tensor<1, Int>,
    /// Advantages in that order.
    advantages: Tensor<1>,
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
    /// Actions as stored, return, old value, old log-probability `[rows, k + 3]`.
    pub(super) columns: Tensor<2>,
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

impl Order {
    /// Those of all epochs, which go up together.
    pub(super) fn upload(epochs: Vec<Epoch>, device: &Device) -> Vec<Self> {
        let rows: Vec<u32> = epochs.iter().flat_map(|epoch| &epoch.order).copied().collect();
        let advantages: Vec<f32> = epochs.iter().flat_map(|e| &e.advantages).copied().collect();
        let indices = indices(&rows, device);
        let advantages = Tensor::<1>::from_data(advantages.as_slice(), device);
        let mut start = 0;
        let orders = epochs.into_iter().map(|Epoch { order: rows, .. }| {
            let (first, len) = (start, rows.len());
            start += len;
            let on_device = indices.clone().narrow(0, first, len);
            Self { rows, on_device, advantages: advantages.clone().narrow(0, first, len) }
        });
        orders.collect()
    }

    /// The rows at some places of the order.
    pub(super) fn picks(&self, places: &Range<usize>) -> Tensor<1, Int> {
        self.on_device.clone().narrow(0, places.start, places.len())
    }
}

impl Minibatch {
    /// What is at some places of an order in which `columns` are, too.
    pub(super) fn new(
        seen: Seen,
        columns: &Tensor<2>,
        order: &Order,
        places: &Range<usize>,
    ) -> Self {
        let (start, len) = (places.start, places.len());
        let advantage = order.advantages.clone().narrow(0, start, len);
        Self { seen, columns: columns.clone().narrow(0, start, len), advantage }
    }
}
