//! Gradients of a convolution's inputs.

use slm_policy::Activation;

use super::Columns;
use super::Conv;
use super::PANEL;
use super::cut;
use super::gathered::Gathered;
use super::gathered::Places;
use super::gathered::Start;
use super::turn::turn;
use crate::activation::Differentiate;
use crate::simd::Kernel;
use crate::simd::Simd;
use crate::tile::Panel;

/// The gradient with respect to the input: for each tap, the outputs' gradients times its
/// weights, added to the pixels below it.
pub(crate) struct ConvInputs<'a> {
    pub(crate) conv: &'a Conv,
    /// `[output channels, taps]`.
    pub(crate) weight: &'a [f32],
    /// `[n, output channels, positions]`.
    pub(crate) d_output: &'a [f32],
    /// The activation before, whose derivative is applied besides; identity, relu or tanh.
    pub(crate) before: Activation,
    /// Its outputs `[n, channels, height, width]`.
    pub(crate) kept: &'a [f32],
    /// `[n, channels, height, width]`.
    pub(crate) d_input: &'a mut [f32],
    pub(crate) scratch: &'a mut [f32],
}

impl Conv {
    /// Numbers of the packed weight and of sums.
    pub(super) fn inputs_lens(&self) -> [usize; 2] {
        [self.turned_len(), self.group * self.padded_pixels() * PANEL]
    }

    /// Numbers of the weight with padded input channels.
    fn turned_len(&self) -> usize {
        let [channels, ..] = self.shape.input;
        self.num_taps() / channels * self.shape.outputs * channels.next_multiple_of(PANEL)
    }
}

impl Kernel for ConvInputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { conv, weight, d_output, before, kept, d_input, scratch } = self;
        let [weights, sums] = cut(scratch, conv.inputs_lens());
        pack::<S>(conv, weight, weights);
        let size = conv.group * conv.inputs();
        let inputs = d_input.chunks_mut(size);
        for (group, (d, to)) in d_output.chunks(conv.group * conv.width()).zip(inputs).enumerate() {
            for columns in Columns::all::<S>(conv.shape.input[0]) {
                let pixels = d.len() / conv.width() * conv.padded_pixels();
                let sums = &mut sums[..pixels * columns.width];
                sums.fill(0.0);
                add_taps(s, conv, columns, [weights, d], sums);
                scatter(s, conv, columns, sums, to);
            }
            if before != Activation::Identity {
                let kept = &kept[group * size..][..to.len()];
                Differentiate { activation: before, kept, grads: to }.run(s);
            }
        }
    }
}

/// Adds what each tap gives to pixels `[group, height, width, panel]`.
#[inline(always)]
fn add_taps<S: Simd>(
    s: S,
    conv: &Conv,
    columns: Columns,
    [weights, d]: [&[f32]; 2],
    sums: &mut [f32],
) {
    let rows = d.len() / conv.shape.outputs;
    let kernel = conv.num_taps() / conv.shape.input[0];
    let weights = &weights[columns.first * kernel * conv.shape.outputs..];
    let taps = weights.chunks_exact(conv.shape.outputs * columns.width);
    for (offset, b) in conv.taps[..kernel].iter().zip(taps) {
        let product = Gathered {
            a: d,
            rows: &conv.outputs[..rows],
            depths: &conv.planes,
            b,
            out: sums,
            places: Places::Scattered { rows: &conv.pixels, offset: *offset },
            start: Start::Output,
            end: Activation::Identity,
        };
        product.run(s, columns.width);
    }
}

/// The weight by panels of input channels, `[kernel, output channels, width]`, padded with zeros.
#[inline(always)]
fn pack<S: Simd>(conv: &Conv, weight: &[f32], weights: &mut [f32]) {
    let [channels, ..] = conv.shape.input;
    let kernel = conv.num_taps() / channels;
    let mut rest = weights;
    for columns in Columns::all::<S>(channels) {
        let (to, after) = rest.split_at_mut(kernel * conv.shape.outputs * columns.width);
        for (i, row) in to.chunks_exact_mut(columns.width).enumerate() {
            let (tap, output) = (i / conv.shape.outputs, i % conv.shape.outputs);
            let from = &weight[output * conv.num_taps() + columns.first * kernel + tap..];
            row[columns.count..].fill(0.0);
            let from = from.iter().step_by(kernel);
            row[..columns.count].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        rest = after;
    }
}

/// Turns pixels `[group, height, width, panel]` without their padding into channels.
#[inline(always)]
fn scatter<S: Simd>(s: S, conv: &Conv, columns: Columns, sums: &[f32], out: &mut [f32]) {
    let [_, height, width] = conv.shape.input;
    let [top, left] = conv.shape.padding;
    // Without padding, lines follow each other without a gap.
    let [lines, line] = if left == 0 { [1, height * width] } else { [height, width] };
    let samples = sums.chunks_exact(conv.padded_pixels() * columns.width);
    for (pixels, out) in samples.zip(out.chunks_exact_mut(conv.inputs())) {
        for y in 0..lines {
            let first = (y + top) * (width + 2 * left) + left;
            let from = Panel { values: &pixels[first * columns.width..], stride: columns.width };
            let to = &mut out[columns.first * height * width + y * line..];
            turn(s, [line, columns.count], from, to, height * width);
        }
    }
}
