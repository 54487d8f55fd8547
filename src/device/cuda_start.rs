//! A card of NVIDIA's made ready: a first kernel is compiled, run and read back.

use std::path::PathBuf;
use std::time::Duration;

use burn::tensor::{Device, Tensor};

use super::answer::{one_line, quiet_answer};

/// How long a card has to compile and run its first kernels.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sides of the matrices of a first product.
const SIDE: usize = 16;

/// The folder of a toolkit, as CubeCL finds it.
pub(super) fn toolkit() -> Option<PathBuf> {
    cubecl_cuda::install::cuda_path()
}

/// Makes a card ready, after a product of matrices and a tanh on it.
pub(super) fn start(index: usize) -> Result<Device, String> {
    quiet_answer(PATIENCE, move || tried(&Device::cuda(index)))??;
    Ok(Device::cuda(index))
}

/// Computes what is known: 16 · tanh(0) + 16 · 16 · 16 ones.
fn tried(device: &Device) -> Result<(), String> {
    let ones = Tensor::<2>::ones([SIDE, SIDE], device);
    let product = ones.clone().matmul(ones);
    let zeros = (product.clone() - SIDE as f32).tanh();
    let sum = (product + zeros).sum();
    let data = sum.try_into_data().map_err(|error| failed(&error.to_string()))?;
    let value = data.try_to_vec::<f32>().map_err(|error| failed(&format!("{error:?}")))?;
    let expected = (SIDE * SIDE * SIDE) as f32;
    if value == [expected] {
        return Ok(());
    }
    Err(failed(&format!("a sum of ones gives {value:?} instead of {expected}")))
}

fn failed(reason: &str) -> String {
    format!("the card does not compute: {}", one_line(reason))
}
