//! Passes of batch normalization over rows of channels.
//!
//! Plain loops, which the compiler turns into vectors of each instruction set; it never reorders
//! sums, so that all sets give the same bits.

use crate::batch_norm::GAIN;
use crate::batch_norm::MEAN;
use crate::batch_norm::PRODUCTS;
use crate::batch_norm::Pairs;
use crate::batch_norm::SCALE;
use crate::batch_norm::SHIFT;
use crate::batch_norm::SLOPES;
use crate::batch_norm::vector;
use crate::simd::Kernel;
use crate::simd::Simd;

/// Sums of one channel that are kept apart, a cache line of them.
const LANES: usize = 8;

/// Sums of a function of two numbers and the channel, over rows and positions.
pub(crate) struct ChannelSums<'a, F> {
    pub(crate) pairs: Pairs<'a>,
    pub(crate) channels: usize,
    pub(crate) positions: usize,
    /// First channel that is summed.
    pub(crate) first: usize,
    /// As many sums as channels are summed.
    pub(crate) sums: &'a mut [f64],
    /// Counts channels from the first one.
    pub(crate) value: F,
}

/// x̂ = (x - mean) · scale and y = x̂ · gain + shift.
pub(crate) struct BatchNormForward<'a> {
    pub(crate) positions: usize,
    pub(crate) stats: &'a [f32],
    /// x `[n, channels, positions]`.
    pub(crate) input: &'a [f32],
    /// x̂.
    pub(crate) normalized: &'a mut [f32],
    /// y.
    pub(crate) output: &'a mut [f32],
}

/// dx = gain · scale · (dy - mean dy - x̂ · mean(dy · x̂)), or without the means where the
/// statistics are constants.
pub(crate) struct BatchNormBackward<'a> {
    pub(crate) positions: usize,
    pub(crate) stats: &'a [f32],
    /// Share of a row in the statistics.
    pub(crate) row_share: f32,
    pub(crate) normalized: &'a [f32],
    pub(crate) d_output: &'a [f32],
    pub(crate) d_input: &'a mut [f32],
}

impl<F: Fn(f64, f64, usize) -> f64> Kernel for ChannelSums<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _s: S) {
        let (width, count) = (self.channels * self.positions, self.sums.len());
        let own = self.first * self.positions..(self.first + count) * self.positions;
        self.sums.fill(0.0);
        for [a, b] in self.pairs {
            for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
                let (a, b) = (&a[own.clone()], &b[own.clone()]);
                if self.positions == 1 {
                    add_vectors(a, b, self.sums, &self.value);
                } else {
                    add_images(a, b, self.positions, self.sums, &self.value);
                }
            }
        }
    }
}

/// Adds a function of one row with one number per channel.
#[inline(always)]
fn add_vectors(a: &[f32], b: &[f32], sums: &mut [f64], value: impl Fn(f64, f64, usize) -> f64) {
    for (c, (sum, (a, b))) in sums.iter_mut().zip(a.iter().zip(b)).enumerate() {
        *sum += value(f64::from(*a), f64::from(*b), c);
    }
}

/// Adds a function of one row with several numbers per channel.
#[inline(always)]
fn add_images(
    a: &[f32],
    b: &[f32],
    positions: usize,
    sums: &mut [f64],
    value: impl Fn(f64, f64, usize) -> f64,
) {
    let channels = a.chunks_exact(positions).zip(b.chunks_exact(positions));
    for (c, (sum, (a, b))) in sums.iter_mut().zip(channels).enumerate() {
        *sum += total(a, b, |a, b| value(a, b, c));
    }
}

/// The sum of a function of two slices, in lanes.
#[inline(always)]
fn total(a: &[f32], b: &[f32], value: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for (sum, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *sum += value(f64::from(*a), f64::from(*b));
        }
    }
    lanes.iter().sum()
}

impl Kernel for BatchNormForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _s: S) {
        let [mean, scale, gain, shift] =
            [MEAN, SCALE, GAIN, SHIFT].map(|which| vector(self.stats, which));
        let channels = mean.len();
        let width = channels * self.positions;
        let rows = self.input.chunks_exact(width).zip(self.normalized.chunks_exact_mut(width));
        for ((x, normalized), y) in rows.zip(self.output.chunks_exact_mut(width)) {
            if self.positions == 1 {
                for c in 0..channels {
                    normalized[c] = (x[c] - mean[c]) * scale[c];
                    y[c] = normalized[c] * gain[c] + shift[c];
                }
                continue;
            }
            for c in 0..channels {
                let own = c * self.positions..(c + 1) * self.positions;
                let values = x[own.clone()].iter().zip(&mut normalized[own.clone()]);
                for ((x, normalized), y) in values.zip(&mut y[own]) {
                    *normalized = (x - mean[c]) * scale[c];
                    *y = *normalized * gain[c] + shift[c];
                }
            }
        }
    }
}

impl Kernel for BatchNormBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _s: S) {
        let [scale, gain, slopes, products] =
            [SCALE, GAIN, SLOPES, PRODUCTS].map(|which| vector(self.stats, which));
        let (channels, share) = (scale.len(), self.row_share / self.positions as f32);
        let width = channels * self.positions;
        let rows = self.normalized.chunks_exact(width).zip(self.d_output.chunks_exact(width));
        for ((x, d), to) in rows.zip(self.d_input.chunks_exact_mut(width)) {
            if self.positions == 1 {
                for c in 0..channels {
                    let rest = d[c] - slopes[c] * share - x[c] * (products[c] * share);
                    to[c] = gain[c] * scale[c] * rest;
                }
                continue;
            }
            for c in 0..channels {
                let own = c * self.positions..(c + 1) * self.positions;
                let (mean, slope) = (slopes[c] * share, products[c] * share);
                let values = x[own.clone()].iter().zip(&d[own.clone()]);
                for ((x, d), to) in values.zip(&mut to[own]) {
                    *to = gain[c] * scale[c] * (d - mean - x * slope);
                }
            }
        }
    }
}
