//! Two-dimensional convolutions over rows of images, channel first.
//!
//! Patches are never copied: a product reads its left operand through tables of offsets, so that
//! the memory besides is that of a few samples. Sums over taps go through channels, then rows,
//! then columns of the kernel; sums over samples go through samples, then positions.

mod forward;
mod gathered;
mod inputs;
mod turn;
mod weights;

use crate::simd::MAX_LANES;
use crate::simd::Simd;
use gathered::WIDTH;

pub(crate) use forward::ConvForward;
pub(crate) use inputs::ConvInputs;
pub(crate) use weights::ConvGrads;

/// Up to so many pixels of one channel are worked on together, if they are of whole samples.
const GROUP_PIXELS: usize = 2048;
/// And up to so many samples.
const GROUP: usize = 8;
/// Numbers in the widest row of a panel.
const PANEL: usize = WIDTH * MAX_LANES;

/// The shape of a convolution, heights before widths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ConvShape {
    /// Channels, height and width of an input.
    pub(crate) input: [usize; 3],
    /// Channels of an output.
    pub(crate) outputs: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) bias: bool,
}

impl ConvShape {
    /// Height and width of the input with its padding.
    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.input[axis + 1] + 2 * self.padding[axis])
    }

    /// Height and width of the output.
    ///
    /// # Panics
    /// When a size is zero or the kernel exceeds the padded input.
    fn image(&self) -> [usize; 2] {
        let sizes = [&self.input[..], &self.kernel, &self.stride, &self.dilation, &[self.outputs]];
        assert!(sizes.concat().iter().all(|size| *size > 0), "a convolution has sizes and steps");
        let padded = self.padded();
        [0, 1].map(|axis| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            assert!(reach <= padded[axis], "the kernel fits the padded input");
            (padded[axis] - reach) / self.stride[axis] + 1
        })
    }
}

/// A convolution and the tables that tell where its products find their numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conv {
    pub(crate) shape: ConvShape,
    /// Positions of the kernel in a sample.
    positions: usize,
    /// Samples worked on together.
    group: usize,
    /// Offset in padded images of the kernel's first tap, for each position of each sample.
    starts: Vec<u32>,
    /// Offset of each tap `[channels, kernel]` from the first.
    taps: Vec<u32>,
    /// Like `starts` for images of one channel.
    pixels: Vec<u32>,
    /// Offset of each position of each sample in the first channel of outputs.
    outputs: Vec<u32>,
    /// Offset of each channel in an output.
    planes: Vec<u32>,
}

impl Conv {
    pub(crate) fn new(shape: ConvShape) -> Self {
        let ([rows, columns], [height, width]) = (shape.image(), shape.padded());
        let [channels, ..] = shape.input;
        let positions = rows * columns;
        let most = (GROUP_PIXELS / (height * width)).clamp(1, GROUP);
        let group = 1 << most.ilog2();
        let largest = group * (channels * height * width).max(shape.outputs * positions);
        assert!(
            u32::try_from(largest).is_ok(),
            "images have less than four thousand million numbers"
        );
        let [y, x] = shape.stride;
        let windows = grid([rows, columns], [y * width, x]);
        let [y, x] = shape.dilation;
        let kernel = grid(shape.kernel, [y * width, x]);
        let planes = grid([1, channels], [0, height * width]);
        let samples = |stride| grid([1, group], [0, stride]);
        Self {
            starts: sums(&samples(channels * height * width), &windows),
            taps: sums(&planes, &kernel),
            pixels: sums(&samples(height * width), &windows),
            outputs: sums(&samples(shape.outputs * positions), &grid([1, positions], [0, 1])),
            planes: grid([1, shape.outputs], [0, positions]),
            shape,
            positions,
            group,
        }
    }

    /// Width of an output row.
    pub(crate) fn width(&self) -> usize {
        self.shape.outputs * self.positions
    }

    /// Weights of one output channel.
    pub(crate) fn num_taps(&self) -> usize {
        self.taps.len()
    }

    /// Width of an input row.
    fn inputs(&self) -> usize {
        self.shape.input.iter().product()
    }

    /// Pixels of a channel with its padding.
    fn padded_pixels(&self) -> usize {
        self.shape.padded().iter().product()
    }

    /// Numbers of the padded images of a group, if there is padding.
    fn padded_len(&self) -> usize {
        let is_padded = self.shape.padding != [0, 0];
        usize::from(is_padded) * self.group * self.shape.input[0] * self.padded_pixels()
    }

    /// Numbers that the scratch of any of the passes needs.
    pub(crate) fn scratch_len(&self) -> usize {
        room(&self.forward_lens()).max(room(&self.grads_lens())).max(room(&self.inputs_lens()))
    }

    /// The samples `x` with zeros around each image; `padded` is room for them if there is padding.
    fn padded<'a>(&self, x: &'a [f32], padded: &'a mut [f32]) -> &'a [f32] {
        if padded.is_empty() {
            return x;
        }
        let [_, height, width] = self.shape.input;
        let [top, left] = self.shape.padding;
        let row_width = width + 2 * left;
        let channels = padded.chunks_exact_mut(self.padded_pixels());
        for (from, to) in x.chunks_exact(height * width).zip(channels) {
            to.fill(0.0);
            let rows = to.chunks_exact_mut(row_width).skip(top);
            for (from, to) in from.chunks_exact(width).zip(rows) {
                to[left..left + width].copy_from_slice(from);
            }
        }
        padded
    }
}

/// Offsets of the points of a grid, row by row.
fn grid([rows, columns]: [usize; 2], [down, right]: [usize; 2]) -> Vec<u32> {
    let row = |i: usize| (0..columns).map(move |j| (i * down + j * right) as u32);
    (0..rows).flat_map(row).collect()
}

/// Each of `outer` plus each of `inner`.
fn sums(outer: &[u32], inner: &[u32]) -> Vec<u32> {
    outer.iter().flat_map(|a| inner.iter().map(move |b| a + b)).collect()
}

/// Some columns of an operand, padded to one or two vectors.
#[derive(Clone, Copy)]
struct Columns {
    first: usize,
    count: usize,
    /// With the padding.
    width: usize,
}

impl Columns {
    /// `count` columns in panels.
    #[inline(always)]
    fn all<S: Simd>(count: usize) -> impl Iterator<Item = Columns> {
        let widest = WIDTH * S::LANES;
        (0..count).step_by(widest).map(move |first| {
            let count = widest.min(count - first);
            let width = if count > S::LANES { widest } else { S::LANES };
            Columns { first, count, width }
        })
    }
}

/// Cuts parts of those lengths off a scratch, at cache lines.
fn cut<const N: usize>(mut scratch: &mut [f32], lens: [usize; N]) -> [&mut [f32]; N] {
    lens.map(|len| {
        let (part, rest) = std::mem::take(&mut scratch).split_at_mut(room(&[len]));
        scratch = rest;
        &mut part[..len]
    })
}

/// Numbers of a scratch with parts of those lengths.
fn room(lens: &[usize]) -> usize {
    lens.iter().map(|len| len.next_multiple_of(MAX_LANES)).sum()
}
