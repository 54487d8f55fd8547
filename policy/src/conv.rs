//! Two-dimensional convolution of channel-first images.

use crate::conv_shape::ConvShape;
use crate::error::LoadError;
use crate::linear::{PAD, PANEL, panel_width};
use alloc::vec::Vec;

/// A convolution (cross-correlation, as everywhere in deep learning).
///
/// Positions of the output are taken in panels of 32, 16 or 8: what the kernel sees at each is
/// laid out `[patch, panel]`, and each output channel multiplies it by its weights. Every output
/// sums its products in the order of the weights starting from the bias, so its bits depend
/// neither on the processor nor on the number of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d {
    shape: ConvShape,
    /// Height and width of an output image.
    output: [usize; 2],
    /// `[outputs, patch]`.
    weight: Vec<f32>,
    /// `[outputs]`.
    bias: Vec<f32>,
}

impl Conv2d {
    /// A layer from weights `[outputs, channels · kernel height · kernel width]`, `PyTorch`'s order,
    /// and biases `[outputs]`.
    ///
    /// # Errors
    /// When the geometry is impossible or a slice has another length.
    pub fn new(shape: ConvShape, weight: &[f32], bias: &[f32]) -> Result<Self, LoadError> {
        let [outputs, height, width] = shape.output()?;
        if shape.patch().checked_mul(outputs) != Some(weight.len()) || bias.len() != outputs {
            return Err(LoadError::shape("conv2d: weight is [outputs, patch], bias [outputs]"));
        }
        let (weight, bias) = (weight.to_vec(), bias.to_vec());
        Ok(Conv2d { shape, output: [height, width], weight, bias })
    }

    /// Replaces weights `[outputs, patch]` and biases `[outputs]` in place, without allocating.
    ///
    /// # Panics
    /// When a slice has another length than this layer's.
    pub fn set(&mut self, weight: &[f32], bias: &[f32]) {
        self.weight.copy_from_slice(weight);
        self.bias.copy_from_slice(bias);
    }

    /// The geometry.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Width of an input row: channels x height x width.
    pub fn inputs(&self) -> usize {
        self.shape.input_width()
    }

    /// Width of an output row: channels x height x width.
    pub fn outputs(&self) -> usize {
        self.shape.outputs * self.positions()
    }

    /// Weights `[outputs, patch]`.
    pub fn weight(&self) -> &[f32] {
        &self.weight
    }

    /// Biases `[outputs]`.
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// Length of the buffer that [`Conv2d::forward`] works in.
    pub(crate) fn scratch(&self) -> usize {
        let padded = if self.is_padded() { self.padded_width() } else { 0 };
        padded + self.shape.patch() * PANEL
    }

    /// Computes `output` `[n, outputs]` from `input` `[n, inputs]`, `ROWS` channels at a time.
    #[inline(always)]
    pub(crate) fn forward<const ROWS: usize>(
        &self,
        input: &[f32],
        output: &mut [f32],
        scratch: &mut [f32],
    ) {
        let images = input.chunks_exact(self.inputs());
        let images = images.zip(output.chunks_exact_mut(self.outputs()));
        if !self.is_padded() {
            for (image, to) in images {
                self.image::<ROWS>(image, to, scratch);
            }
            return;
        }
        let (padded, scratch) = scratch.split_at_mut(self.padded_width());
        padded.fill(0.0);
        for (image, to) in images {
            self.pad(image, padded);
            self.image::<ROWS>(padded, to, scratch);
        }
    }

    /// Copies an image into the middle of a padded one.
    #[inline(always)]
    fn pad(&self, image: &[f32], padded: &mut [f32]) {
        let [_, height, width] = self.shape.input;
        let [rows, columns] = self.padded();
        let [top, left] = self.shape.padding;
        let channels = image.chunks_exact(height * width);
        for (from, to) in channels.zip(padded.chunks_exact_mut(rows * columns)) {
            let to = to.chunks_exact_mut(columns).skip(top);
            for (from, to) in from.chunks_exact(width).zip(to) {
                to[left..left + width].copy_from_slice(from);
            }
        }
    }

    /// One padded image to its outputs.
    #[inline(always)]
    fn image<const ROWS: usize>(&self, image: &[f32], to: &mut [f32], panel: &mut [f32]) {
        let padded = self.positions().next_multiple_of(PAD);
        let mut first = 0;
        while first < padded {
            let width = panel_width(padded - first);
            match width {
                8 => self.panel::<8, ROWS>(first, image, to, panel),
                16 => self.panel::<16, ROWS>(first, image, to, panel),
                _ => self.panel::<PANEL, ROWS>(first, image, to, panel),
            }
            first += width;
        }
    }

    /// All channels at the `N` positions from `first` on.
    #[inline(always)]
    fn panel<const N: usize, const ROWS: usize>(
        &self,
        first: usize,
        image: &[f32],
        to: &mut [f32],
        panel: &mut [f32],
    ) {
        let patch = self.shape.patch();
        let panel = &mut panel.as_chunks_mut::<N>().0[..patch];
        self.gather(first, image, panel);
        let (weights, rest) = self.weight.as_slice().split_at(self.blocks::<ROWS>() * patch);
        let (biases, rest_biases) = self.bias.split_at(self.blocks::<ROWS>());
        let (to, to_rest) = to.split_at_mut(biases.len() * self.positions());
        let block = to.chunks_exact_mut(ROWS * self.positions());
        let block = block.zip(weights.chunks_exact(ROWS * patch)).zip(biases.as_chunks::<ROWS>().0);
        for ((to, weights), biases) in block {
            self.store(first, &products::<N, ROWS>(weights, biases, panel), to);
        }
        let single = to_rest.chunks_exact_mut(self.positions());
        let single = single.zip(rest.chunks_exact(patch)).zip(rest_biases.as_chunks::<1>().0);
        for ((to, weights), bias) in single {
            self.store(first, &products::<N, 1>(weights, bias, panel), to);
        }
    }

    /// What the kernel sees at `N` positions, `[patch, N]`; beyond the last position it is repeated.
    #[inline(always)]
    fn gather<const N: usize>(&self, first: usize, image: &[f32], panel: &mut [[f32; N]]) {
        let ([kernel_rows, kernel_columns], [rows, columns]) = (self.shape.kernel, self.padded());
        let [down, right] = self.shape.dilation;
        let origins: [usize; N] = core::array::from_fn(|j| self.origin(first + j));
        let channels = image.chunks_exact(rows * columns);
        for (channel, panel) in channels.zip(panel.chunks_exact_mut(kernel_rows * kernel_columns)) {
            for (k, to) in panel.iter_mut().enumerate() {
                let (row, column) = (k / kernel_columns, k % kernel_columns);
                let seen = &channel[row * down * columns + column * right..];
                for (to, origin) in to.iter_mut().zip(&origins) {
                    *to = seen[*origin];
                }
            }
        }
    }

    /// Where in a padded channel the kernel's first pixel lies for an output position.
    #[inline(always)]
    fn origin(&self, position: usize) -> usize {
        let position = position.min(self.positions() - 1);
        let (row, column) = (position / self.output[1], position % self.output[1]);
        row * self.shape.stride[0] * self.padded()[1] + column * self.shape.stride[1]
    }

    /// Writes the positions that exist of each channel of `to` `[channels, positions]`.
    #[inline(always)]
    fn store<const N: usize>(&self, first: usize, sums: &[[f32; N]], to: &mut [f32]) {
        for (channel, sums) in to.chunks_exact_mut(self.positions()).zip(sums) {
            let to = &mut channel[first..];
            if let Some(full) = to.first_chunk_mut::<N>() {
                *full = *sums;
            } else {
                let width = to.len();
                to.copy_from_slice(&sums[..width]);
            }
        }
    }

    /// Channels that are computed `ROWS` at a time.
    #[inline(always)]
    fn blocks<const ROWS: usize>(&self) -> usize {
        self.shape.outputs / ROWS * ROWS
    }

    /// Places the kernel is put on.
    fn positions(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Height and width with padding.
    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.shape.input[axis + 1] + 2 * self.shape.padding[axis])
    }

    fn padded_width(&self) -> usize {
        self.shape.input[0] * self.padded()[0] * self.padded()[1]
    }

    fn is_padded(&self) -> bool {
        self.shape.padding != [0, 0]
    }
}

/// Sums of `ROWS` rows of `weights` `[ROWS, patch]` with a panel `[patch, N]`.
#[inline(always)]
fn products<const N: usize, const ROWS: usize>(
    weights: &[f32],
    biases: &[f32; ROWS],
    panel: &[[f32; N]],
) -> [[f32; N]; ROWS] {
    let mut rows = [&weights[..0]; ROWS];
    for (row, weights) in rows.iter_mut().zip(weights.chunks_exact(panel.len())) {
        *row = &weights[..panel.len()];
    }
    let mut sums = biases.map(|bias| [bias; N]);
    for (i, seen) in panel.iter().enumerate() {
        let seen = *seen;
        for (total, row) in sums.iter_mut().zip(&rows) {
            // Copied out and back: the compiler then keeps the sums of a row in registers.
            let mut sum = *total;
            for (sum, x) in sum.iter_mut().zip(&seen) {
                *sum += row[i] * x;
            }
            *total = sum;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 2003.0 - 0.5).collect()
    }

    fn layer(shape: ConvShape) -> Conv2d {
        let weight = numbers(shape.outputs * shape.patch(), 1);
        Conv2d::new(shape, &weight, &numbers(shape.outputs, 2)).unwrap()
    }

    /// What weight `k` of a channel meets at an output position; outside the image it is 0.
    fn pixel(conv: &Conv2d, image: &[f32], position: usize, k: usize) -> f32 {
        let ConvShape { input: [_, height, width], kernel, stride, padding, dilation, .. } =
            conv.shape;
        let at = [position / conv.output[1], position % conv.output[1]];
        let tap = [k / kernel[1] % kernel[0], k % kernel[1]];
        let place = |axis: usize| {
            let place = at[axis] * stride[axis] + tap[axis] * dilation[axis];
            place.checked_sub(padding[axis])
        };
        match (place(0), place(1)) {
            (Some(y), Some(x)) if y < height && x < width => {
                image[(k / (kernel[0] * kernel[1]) * height + y) * width + x]
            }
            _ => 0.0,
        }
    }

    /// The definition.
    fn naive(conv: &Conv2d, image: &[f32]) -> Vec<f32> {
        let mut output = Vec::new();
        for (weights, bias) in conv.weight.chunks_exact(conv.shape.patch()).zip(&conv.bias) {
            for position in 0..conv.positions() {
                let products = weights.iter().enumerate();
                let products = products.map(|(k, w)| w * pixel(conv, image, position, k));
                output.push(products.fold(*bias, |sum, product| sum + product));
            }
        }
        output
    }

    #[test]
    fn a_hand_worked_image_gives_its_sums() {
        let shape = ConvShape {
            input: [2, 2, 3],
            outputs: 1,
            kernel: [2, 2],
            stride: [1, 1],
            padding: [0, 0],
            dilation: [1, 1],
        };
        let weight = [1.0, 0.0, 0.0, -1.0, 0.5, 0.5, 0.5, 0.5];
        let conv = Conv2d::new(shape, &weight, &[10.0]).unwrap();
        // Channel 0: 1 - 5 and 2 - 6; channel 1: half of 1 + 1 + 2 + 2 and of 1 + 1 + 2 + 4.
        let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 1.0, 1.0, 2.0, 2.0, 4.0];
        let mut output = [0.0; 2];
        conv.forward::<1>(&image, &mut output, &mut vec![0.0; conv.scratch()]);
        assert_eq!(output, [10.0 - 4.0 + 3.0, 10.0 - 4.0 + 4.0]);
    }

    #[test]
    fn every_geometry_equals_the_definition_bit_for_bit() {
        for (i, outputs) in [1, 3, 4, 5, 9].into_iter().enumerate() {
            for (stride, padding) in [([1, 1], [0, 0]), ([2, 1], [1, 2]), ([3, 2], [0, 1])] {
                for dilation in [[1, 1], [2, 1], [1, 2]] {
                    let kernel = [1 + i % 3, 3 - i % 2];
                    let input = [1 + i % 2, 9 + i, 11 - i];
                    let shape = ConvShape { input, outputs, kernel, stride, padding, dilation };
                    let conv = layer(shape);
                    let images = numbers(2 * conv.inputs(), 3);
                    let want: Vec<f32> = images
                        .chunks_exact(conv.inputs())
                        .flat_map(|image| naive(&conv, image))
                        .collect();
                    let mut output = vec![9.0; want.len()];
                    let mut scratch = vec![7.0; conv.scratch()];
                    conv.forward::<4>(&images, &mut output, &mut scratch);
                    assert_eq!(output, want, "{shape:?}");
                    output.fill(9.0);
                    conv.forward::<1>(&images, &mut output, &mut scratch);
                    assert_eq!(output, want, "{shape:?}");
                }
            }
        }
    }

    #[test]
    fn wrong_lengths_are_errors_and_weights_can_be_replaced() {
        let shape = ConvShape {
            input: [1, 2, 2],
            outputs: 2,
            kernel: [2, 2],
            stride: [1, 1],
            padding: [0, 0],
            dilation: [1, 1],
        };
        assert!(Conv2d::new(shape, &[0.0; 7], &[0.0; 2]).is_err());
        assert!(Conv2d::new(shape, &[0.0; 8], &[0.0; 1]).is_err());
        assert!(Conv2d::new(ConvShape { kernel: [3, 2], ..shape }, &[0.0; 12], &[0.0; 2]).is_err());
        let mut conv = Conv2d::new(shape, &[0.0; 8], &[0.0; 2]).unwrap();
        conv.set(&numbers(8, 1), &numbers(2, 2));
        assert_eq!(conv, layer(shape));
    }
}
