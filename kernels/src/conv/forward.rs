//! Outputs of a convolution.

use slm_policy::Activation;

use super::Columns;
use super::Conv;
use super::PANEL;
use super::cut;
use super::gathered::Gathered;
use super::gathered::Places;
use super::gathered::Start;
use super::turn::turn;
use crate::simd::Kernel;
use crate::simd::Simd;
use crate::tile::Panel;

/// out = activation(input ∗ weight + bias).
pub(crate) struct ConvForward<'a> {
    pub(crate) conv: &'a Conv,
    /// `[output channels, taps]`.
    pub(crate) weight: &'a [f32],
    /// `[output channels]`, or empty.
    pub(crate) bias: &'a [f32],
    /// `[n, channels, height, width]`.
    pub(crate) input: &'a [f32],
    /// Relu and tanh are applied; others are left to the caller.
    pub(crate) activation: Activation,
    /// `[n, output channels, positions]`.
    pub(crate) out: &'a mut [f32],
    pub(crate) scratch: &'a mut [f32],
}

impl Conv {
    /// Numbers of the packed weight, of padded images and of sums.
    pub(super) fn forward_lens(&self) -> [usize; 3] {
        [self.weight_len(), self.padded_len(), self.group * self.positions * PANEL]
    }

    /// Numbers of the weight with padded output channels.
    fn weight_len(&self) -> usize {
        self.num_taps() * self.shape.outputs.next_multiple_of(PANEL)
    }
}

impl Kernel for ConvForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { conv, weight, bias, input, activation, out, scratch } = self;
        let [weights, padded, sums] = cut(scratch, conv.forward_lens());
        pack::<S>(s, conv, weight, weights);
        let outputs = out.chunks_mut(conv.group * conv.width());
        for (x, out) in input.chunks(conv.group * conv.inputs()).zip(outputs) {
            let images = conv.padded(x, padded);
            for columns in Columns::all::<S>(conv.shape.outputs) {
                let mut start = [0.0; PANEL];
                let bias = bias.iter().skip(columns.first);
                start[..columns.count].iter_mut().zip(bias).for_each(|(sum, bias)| *sum = *bias);
                let product = Gathered {
                    a: images,
                    rows: &conv.starts[..out.len() / conv.shape.outputs],
                    depths: &conv.taps,
                    b: &weights[columns.first * conv.num_taps()..],
                    out: sums,
                    places: Places::Dense,
                    start: Start::Row(&start),
                    end: activation,
                };
                product.run(s, columns.width);
                scatter(s, conv, columns, sums, out);
            }
        }
    }
}

/// The weight's columns, panel by panel `[taps, width]`, padded with zeros.
#[inline(always)]
fn pack<S: Simd>(s: S, conv: &Conv, weight: &[f32], weights: &mut [f32]) {
    let taps = conv.num_taps();
    for columns in Columns::all::<S>(conv.shape.outputs) {
        let to = &mut weights[columns.first * taps..][..taps * columns.width];
        if columns.count < columns.width {
            to.fill(0.0);
        }
        let from = Panel { values: &weight[columns.first * taps..], stride: taps };
        turn(s, [columns.count, taps], from, to, columns.width);
    }
}

/// Turns finished sums `[group, positions, width]` into the channels of each sample.
#[inline(always)]
fn scatter<S: Simd>(s: S, conv: &Conv, columns: Columns, sums: &[f32], out: &mut [f32]) {
    let shape = [conv.positions, columns.count];
    let samples = sums.chunks_exact(conv.positions * columns.width);
    for (values, out) in samples.zip(out.chunks_exact_mut(conv.width())) {
        let from = Panel { values, stride: columns.width };
        turn(s, shape, from, &mut out[columns.first * conv.positions..], conv.positions);
    }
}
