//! Gradients of a convolution's weight and bias.

use std::ops::Range;

use slm_policy::Activation;

use super::Columns;
use super::Conv;
use super::PANEL;
use super::cut;
use super::gathered::Gathered;
use super::gathered::Places;
use super::gathered::Start;
use super::turn::turn;
use crate::lanes::blocks;
use crate::simd::Kernel;
use crate::simd::Simd;
use crate::tile::Panel;

/// Gradients of the weights of some output channels, summed over samples and positions.
pub(crate) struct ConvGrads<'a> {
    pub(crate) conv: &'a Conv,
    /// Output channels.
    pub(crate) channels: Range<usize>,
    /// `[n, channels, height, width]`.
    pub(crate) input: &'a [f32],
    /// `[n, output channels, positions]`.
    pub(crate) d_output: &'a [f32],
    /// `[channels, taps]`.
    pub(crate) weight: &'a mut [f32],
    /// `[channels]`, or empty.
    pub(crate) bias: &'a mut [f32],
    /// Whether to add to what is there.
    pub(crate) resume: bool,
    pub(crate) scratch: &'a mut [f32],
}

impl Conv {
    /// Numbers of padded images, of turned gradients and of sums.
    pub(super) fn grads_lens(&self) -> [usize; 3] {
        let rows = self.group * self.positions;
        [self.padded_len(), rows * PANEL, self.num_taps() * PANEL]
    }
}

impl Kernel for ConvGrads<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let taps = self.conv.num_taps();
        let scratch = std::mem::take(&mut self.scratch);
        let [padded, slopes, sums] = cut(scratch, self.conv.grads_lens());
        for columns in Columns::all::<S>(self.channels.len()) {
            let sums = &mut sums[..taps * columns.width];
            let mut bias_sums = [0.0; PANEL];
            sums.fill(0.0);
            if self.resume {
                let from = Panel { values: &self.weight[columns.first * taps..], stride: taps };
                turn(s, [columns.count, taps], from, sums, columns.width);
                let bias = self.bias.iter().skip(columns.first);
                bias_sums.iter_mut().zip(bias).for_each(|(sum, bias)| *sum = *bias);
            }
            self.add_samples(s, columns, [padded, slopes], sums, &mut bias_sums);
            let from = Panel { values: sums, stride: columns.width };
            turn(s, [taps, columns.count], from, &mut self.weight[columns.first * taps..], taps);
            let bias = self.bias.iter_mut().skip(columns.first);
            bias.zip(&bias_sums[..columns.count]).for_each(|(bias, sum)| *bias = *sum);
        }
    }
}

impl ConvGrads<'_> {
    /// Adds the gradients of all samples to those of the weight `[taps, width]` and the bias.
    #[inline(always)]
    fn add_samples<S: Simd>(
        &self,
        s: S,
        columns: Columns,
        [padded, slopes]: [&mut [f32]; 2],
        sums: &mut [f32],
        bias_sums: &mut [f32],
    ) {
        let conv = self.conv;
        let columns = Columns { first: self.channels.start + columns.first, ..columns };
        let grads = self.d_output.chunks(conv.group * conv.width());
        for (x, d) in self.input.chunks(conv.group * conv.inputs()).zip(grads) {
            let rows = d.len() / conv.shape.outputs;
            let slopes = &mut slopes[..rows * columns.width];
            gather(s, conv, columns, d, slopes);
            add_rows(s, columns.width, slopes, bias_sums);
            let product = Gathered {
                a: conv.padded(x, padded),
                rows: &conv.taps,
                depths: &conv.starts[..rows],
                b: slopes,
                out: sums,
                places: Places::Dense,
                start: Start::Output,
                end: Activation::Identity,
            };
            product.run(s, columns.width);
        }
    }
}

/// Turns some channels of each sample into rows `[group, positions, width]`, padded with zeros.
#[inline(always)]
fn gather<S: Simd>(s: S, conv: &Conv, columns: Columns, d: &[f32], slopes: &mut [f32]) {
    if columns.count < columns.width {
        slopes.fill(0.0);
    }
    let samples = slopes.chunks_exact_mut(conv.positions * columns.width);
    for (d, to) in d.chunks_exact(conv.width()).zip(samples) {
        let values = &d[columns.first * conv.positions..];
        let from = Panel { values, stride: conv.positions };
        turn(s, [columns.count, conv.positions], from, to, columns.width);
    }
}

/// Adds rows to a row, in order.
#[inline(always)]
fn add_rows<S: Simd>(s: S, width: usize, rows: &[f32], sums: &mut [f32]) {
    for at in blocks::<S>(width) {
        let mut sum = at.load(s, sums);
        for row in rows.chunks_exact(width) {
            sum = s.add(sum, at.load(s, row));
        }
        at.store(s, sum, sums);
    }
}
