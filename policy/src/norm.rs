//! Layer normalization over the width of a row.

use crate::error::LoadError;
use crate::root;
use alloc::vec::Vec;

/// Ba et al. (2016), "Layer Normalization", arXiv:1607.06450: (x - mean) / √(var + eps) · weight + bias, per row.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    eps: f32,
}

/// Partial sums of a row; their number is fixed so that the order of summation is.
const LANES: usize = 16;

impl LayerNorm {
    /// A layer from its scale and shift, both `[width]`; `PyTorch`'s eps is 1e-5.
    ///
    /// # Errors
    /// When the lengths differ or are zero, or eps is negative or not finite.
    pub fn new(weight: &[f32], bias: &[f32], eps: f32) -> Result<Self, LoadError> {
        if weight.is_empty() || weight.len() != bias.len() {
            return Err(LoadError::shape("layer_norm: weight and bias are [width]"));
        }
        if !(0.0..f32::INFINITY).contains(&eps) {
            return Err(LoadError::shape("layer_norm: eps is finite and not negative"));
        }
        Ok(LayerNorm { weight: weight.to_vec(), bias: bias.to_vec(), eps })
    }

    /// Replaces scale and shift in place, without allocating.
    ///
    /// # Panics
    /// When a slice is not `[width]`.
    pub fn set(&mut self, weight: &[f32], bias: &[f32]) {
        self.weight.copy_from_slice(weight);
        self.bias.copy_from_slice(bias);
    }

    /// Width of a row.
    pub fn width(&self) -> usize {
        self.weight.len()
    }

    /// Scale `[width]`.
    pub fn weight(&self) -> &[f32] {
        &self.weight
    }

    /// Shift `[width]`.
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// Added to the variance, so that a constant row does not divide by zero.
    pub fn eps(&self) -> f32 {
        self.eps
    }

    /// Normalizes each row of `values` `[n, width]` in place.
    #[inline(always)]
    pub(crate) fn apply(&self, values: &mut [f32]) {
        let width = self.width() as f32;
        for row in values.chunks_exact_mut(self.width()) {
            let mean = sum(row, |x| x) / width;
            let variance = sum(row, |x| (x - mean) * (x - mean)) / width;
            let scale = 1.0 / root::sqrt_f32(variance + self.eps);
            for ((x, weight), bias) in row.iter_mut().zip(&self.weight).zip(&self.bias) {
                *x = (*x - mean) * scale * weight + bias;
            }
        }
    }
}

#[inline(always)]
fn sum(row: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (blocks, rest) = row.as_chunks::<LANES>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane += f(*x);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += f(*x);
    }
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_row_gets_mean_zero_and_variance_one_before_scale_and_shift() {
        // Mean 2.5, variance 1.25; eps 0: (1 - 2.5) / sqrt(1.25) = -1.3416408.
        let norm = LayerNorm::new(&[1.0, 1.0, 2.0, 1.0], &[0.0, 0.0, 0.0, 1.0], 0.0).unwrap();
        let mut row = [1.0, 2.0, 3.0, 4.0];
        norm.apply(&mut row);
        let want = [-1.341_640_8, -0.447_213_6, 0.894_427_2, 2.341_640_8];
        for (got, want) in row.iter().zip(want) {
            assert!((got - want).abs() < 1e-6, "{row:?}");
        }
    }

    #[test]
    fn wide_rows_agree_with_f64() {
        let x: Vec<f32> = (0..100).map(|i| (i * 17 % 29) as f32).collect();
        let norm = LayerNorm::new(&vec![1.0; 100], &vec![0.0; 100], 1e-5).unwrap();
        let mut row = x.clone();
        norm.apply(&mut row);
        let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / 100.0;
        let variance = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / 100.0;
        for (got, x) in row.iter().zip(&x) {
            let want = (f64::from(*x) - mean) / (variance + 1e-5).sqrt();
            assert!((f64::from(*got) - want).abs() < 1e-6);
        }
    }

    #[test]
    fn a_constant_row_becomes_the_shift() {
        let norm = LayerNorm::new(&[3.0, 3.0], &[0.5, -0.5], 1e-5).unwrap();
        let mut row = [7.0, 7.0];
        norm.apply(&mut row);
        assert_eq!(row, [0.5, -0.5]);
    }
}
