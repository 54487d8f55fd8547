//! Where the observations that networks on a device see come from.

use std::ops::Range;

use burn::tensor::{DType, Device, Int, Tensor};
use slm_env::ObsBatch;

use crate::net::DeviceObs;

/// Observations `[rows, width]`.
pub(super) enum ObsSource<'a> {
    /// On the device.
    Device(Box<DeviceObs>),
    /// In host memory, from where those that are seen together go up.
    Host { obs: &'a ObsBatch, width: usize, device: Device },
}

impl ObsSource<'_> {
    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Device(obs) => obs.rows(),
            Self::Host { obs, width, .. } => obs.len() / width,
        }
    }

    /// Numbers of a row.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Device(obs) => obs.width(),
            Self::Host { width, .. } => *width,
        }
    }

    /// Some of them, in their order, as numbers.
    pub(super) fn range(&self, rows: Range<usize>) -> Tensor<2> {
        match self {
            Self::Device(obs) => obs.narrow(rows).numbers(),
            Self::Host { obs, width, device } => {
                DeviceObs::upload(obs, rows, *width, device).numbers()
            }
        }
    }

    /// Those of the indices `rows`, which `picks` holds on the device, as numbers.
    pub(super) fn pick(&self, rows: &[u32], picks: &Tensor<1, Int>) -> Tensor<2> {
        match self {
            Self::Device(obs) => obs.select(picks).numbers(),
            Self::Host { obs, width, device } => {
                DeviceObs::upload_picked(obs, rows, *width, device).numbers()
            }
        }
    }
}

/// Indices of rows on a device.
pub(super) fn indices(rows: &[u32], device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    Tensor::from_data(rows.as_slice(), (device, DType::I32))
}
