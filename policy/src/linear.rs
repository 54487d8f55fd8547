//! Fully connected layer y = x W + b, with its weights packed for the vector kernels.

use crate::error::LoadError;
use crate::kernel::Strip;
use alloc::vec;
use alloc::vec::Vec;

/// Columns in one full panel of packed weights.
pub(crate) const PANEL: usize = 32;
/// Output columns are padded to a multiple of this.
pub(crate) const PAD: usize = 8;

/// A fully connected layer. Weights go in and out as `[inputs, outputs]` (Burn) or `[outputs, inputs]` (`PyTorch`), row-major.
///
/// Inside they are cut into panels of 32, 16 or 8 columns; the panel that starts at column `j`
/// lies at `j * inputs`, row after row. Each output sums its products in input order starting
/// from the bias, so its bits depend neither on the processor nor on the number of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    inputs: usize,
    outputs: usize,
    panels: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    /// A layer from weights `[inputs, outputs]` and biases `[outputs]`, row-major.
    ///
    /// # Errors
    /// When a width is zero or a slice has another length.
    pub fn new(
        inputs: usize,
        outputs: usize,
        weight: &[f32],
        bias: &[f32],
    ) -> Result<Self, LoadError> {
        check(inputs, outputs, weight, bias)?;
        let padded = outputs.next_multiple_of(PAD);
        let panels = vec![0.0; inputs * padded];
        let mut layer = Linear { inputs, outputs, panels, bias: vec![0.0; padded] };
        layer.set(weight, bias);
        Ok(layer)
    }

    /// A layer from weights `[outputs, inputs]` as `PyTorch` keeps them, and biases `[outputs]`.
    ///
    /// # Errors
    /// When a width is zero or a slice has another length.
    pub fn from_out_in(
        inputs: usize,
        outputs: usize,
        weight: &[f32],
        bias: &[f32],
    ) -> Result<Self, LoadError> {
        check(inputs, outputs, weight, bias)?;
        Self::new(inputs, outputs, &transposed(weight, inputs), bias)
    }

    /// Replaces weights `[inputs, outputs]` and biases `[outputs]` in place, without allocating.
    ///
    /// # Panics
    /// When a slice has another length than this layer's.
    pub fn set(&mut self, weight: &[f32], bias: &[f32]) {
        assert_eq!(weight.len(), self.inputs * self.outputs, "weight is [inputs, outputs]");
        assert_eq!(bias.len(), self.outputs, "bias is [outputs]");
        self.bias[..bias.len()].copy_from_slice(bias);
        for (column, width, used) in panels(self.outputs) {
            let panel = self.panels[column * self.inputs..].chunks_exact_mut(width);
            for (to, row) in panel.zip(weight.chunks_exact(self.outputs)) {
                to[..used].copy_from_slice(&row[column..column + used]);
            }
        }
    }

    /// Width of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Width of an output row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Biases `[outputs]`.
    pub fn bias(&self) -> &[f32] {
        &self.bias[..self.outputs]
    }

    /// Weights `[inputs, outputs]`, row-major.
    pub fn weight(&self) -> Vec<f32> {
        let mut weight = vec![0.0; self.inputs * self.outputs];
        for (column, width, used) in panels(self.outputs) {
            let panel = self.panels[column * self.inputs..].chunks_exact(width);
            for (from, row) in panel.zip(weight.chunks_exact_mut(self.outputs)) {
                row[column..column + used].copy_from_slice(&from[..used]);
            }
        }
        weight
    }

    /// Weights `[outputs, inputs]`, row-major.
    pub fn weight_out_in(&self) -> Vec<f32> {
        transposed(&self.weight(), self.outputs)
    }

    /// Computes `output` `[n, outputs]` from `input` `[n, inputs]`, `ROWS` rows at a time; rows left
    /// over go one by one over two panels at once if `PAIRS`.
    #[inline(always)]
    pub(crate) fn forward<const ROWS: usize, const PAIRS: bool>(
        &self,
        input: &[f32],
        output: &mut [f32],
    ) {
        let blocks = input.len() / (self.inputs * ROWS) * ROWS;
        let (full, rest) = input.split_at(blocks * self.inputs);
        let (to_full, to_rest) = output.split_at_mut(blocks * self.outputs);
        if blocks > 0 {
            self.strips::<ROWS, false>(full, to_full);
        }
        if !rest.is_empty() {
            self.strips::<1, PAIRS>(rest, to_rest);
        }
    }

    #[inline(always)]
    fn strips<const ROWS: usize, const PAIRS: bool>(&self, input: &[f32], output: &mut [f32]) {
        let padded = self.bias.len();
        let mut column = 0;
        while column < padded {
            let pair = PAIRS && padded - column >= 2 * PANEL;
            let width = if pair { 2 * PANEL } else { panel_width(padded - column) };
            let strip = self.strip(column, width);
            match width {
                8 => strip.rows::<8, ROWS>(input, output),
                16 => strip.rows::<16, ROWS>(input, output),
                PANEL => strip.rows::<PANEL, ROWS>(input, output),
                _ => strip.pair(input, output),
            }
            column += width;
        }
    }

    #[inline(always)]
    fn strip(&self, column: usize, width: usize) -> Strip<'_> {
        Strip {
            inputs: self.inputs,
            outputs: self.outputs,
            column,
            panels: &self.panels[column * self.inputs..(column + width) * self.inputs],
            bias: &self.bias[column..column + width],
        }
    }
}

fn check(inputs: usize, outputs: usize, weight: &[f32], bias: &[f32]) -> Result<(), LoadError> {
    let size = inputs.checked_mul(outputs);
    if inputs == 0 || outputs == 0 || size != Some(weight.len()) || bias.len() != outputs {
        return Err(LoadError::shape("linear: weight is inputs x outputs, bias [outputs]"));
    }
    Ok(())
}

/// First column, width and columns in use of each panel of a layer.
fn panels(outputs: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let padded = outputs.next_multiple_of(PAD);
    let mut column = 0;
    core::iter::from_fn(move || {
        let width = (column < padded).then(|| panel_width(padded - column))?;
        let panel = (column, width, width.min(outputs - column));
        column += width;
        Some(panel)
    })
}

/// The transpose of a row-major matrix of `columns` columns.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|j| matrix.iter().skip(j).step_by(columns).copied()).collect()
}

/// Width of the next panel when `left` padded columns remain.
#[inline(always)]
pub(crate) fn panel_width(left: usize) -> usize {
    match left {
        0..16 => 8,
        16..32 => 16,
        _ => PANEL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(n: usize, scale: f32) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) * scale).collect()
    }

    fn naive(layer: &Linear, input: &[f32]) -> Vec<f32> {
        let weight = layer.weight();
        let mut output = Vec::new();
        for row in input.chunks_exact(layer.inputs()) {
            for j in 0..layer.outputs() {
                let products =
                    row.iter().enumerate().map(|(i, x)| x * weight[i * layer.outputs() + j]);
                output.push(products.fold(layer.bias()[j], |sum, p| sum + p));
            }
        }
        output
    }

    #[test]
    fn every_width_and_row_count_equals_the_naive_sum_bit_for_bit() {
        for outputs in [1, 2, 7, 8, 9, 16, 17, 24, 31, 32, 33, 40, 48, 56, 63, 64, 65, 100, 136] {
            let (w, b) = (ramp(5 * outputs, 0.01), ramp(outputs, 0.1));
            let layer = Linear::new(5, outputs, &w, &b).unwrap();
            for n in 0..10 {
                let input = ramp(n * 5, 0.03);
                let mut output = vec![9.0; n * outputs];
                layer.forward::<4, true>(&input, &mut output);
                assert_eq!(output, naive(&layer, &input), "{outputs} outputs, {n} rows");
                output.fill(9.0);
                layer.forward::<1, false>(&input, &mut output);
                assert_eq!(output, naive(&layer, &input), "{outputs} outputs, {n} rows");
            }
        }
    }

    #[test]
    fn weights_come_back_as_they_went_in_in_both_orders() {
        let (w, b) = (ramp(3 * 57, 0.2), ramp(57, 1.0));
        let layer = Linear::new(3, 57, &w, &b).unwrap();
        assert_eq!(layer.weight(), w);
        assert_eq!(layer.bias(), b);
        let turned = Linear::from_out_in(3, 57, &layer.weight_out_in(), &b).unwrap();
        assert_eq!(turned, layer);
        let mut other = Linear::new(3, 57, &vec![0.0; 3 * 57], &vec![0.0; 57]).unwrap();
        other.set(&w, &b);
        assert_eq!(other, layer);
    }

    #[test]
    fn wrong_lengths_are_errors() {
        assert!(Linear::new(2, 3, &[0.0; 5], &[0.0; 3]).is_err());
        assert!(Linear::new(2, 3, &[0.0; 6], &[0.0; 2]).is_err());
        assert!(Linear::new(0, 3, &[], &[0.0; 3]).is_err());
        assert!(Linear::from_out_in(usize::MAX, 0, &[], &[]).is_err());
        assert!(Linear::new(usize::MAX, 2, &[0.0; 2], &[0.0; 2]).is_err());
    }
}
