//! Statistics of a batch per channel, for batch normalization and renormalization.
//!
//! All sums are in f64 and go through rows, then positions, so that they do not depend on how
//! rows and channels are shared among threads.

use std::ops::Range;

use crate::batch_norm_pass::ChannelSums;
use crate::simd::Isa;

/// Channels at a time.
const CHUNK: usize = 64;

/// Which vector `[channels]` of the statistics is which.
pub(crate) const MEAN: usize = 0;
/// 1 / √(variance + eps).
pub(crate) const SCALE: usize = 1;
/// The correction r of renormalization, or 1.
const RATIO: usize = 2;
/// The correction d of renormalization, or 0.
const OFFSET: usize = 3;
/// y = x̂ · gain + shift with x̂ = (x - mean) · scale.
pub(crate) const GAIN: usize = 4;
pub(crate) const SHIFT: usize = 5;
/// Σ dy.
pub(crate) const SLOPES: usize = 6;
/// Σ dy · x̂.
pub(crate) const PRODUCTS: usize = 7;
/// Number of vectors.
pub(crate) const VECTORS: usize = 8;

/// Corrections towards the running statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Renorm {
    pub(crate) r_max: f32,
    pub(crate) d_max: f32,
    pub(crate) warmup_steps: u64,
}

impl Renorm {
    /// r and d for the moments `[mean, deviation]` of a batch beside the running ones, after
    /// `steps` batches.
    fn corrections(&self, batch: [f64; 2], running: [f64; 2], steps: f32) -> [f64; 2] {
        let warmth = (f64::from(steps) / (self.warmup_steps.max(1) as f64)).min(1.0);
        let warmth = if self.warmup_steps == 0 { 1.0 } else { warmth };
        let r_max = 1.0 + warmth * (f64::from(self.r_max) - 1.0);
        let d_max = warmth * f64::from(self.d_max);
        let r = (batch[1] / running[1]).min(r_max).max(1.0 / r_max);
        let d = ((batch[0] - running[0]) / running[1]).min(d_max).max(-d_max);
        [r, d]
    }
}

/// Normalization of channels over rows and positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BatchNorm {
    pub(crate) channels: usize,
    pub(crate) positions: usize,
    pub(crate) eps: f32,
    pub(crate) momentum: f32,
    pub(crate) affine: bool,
    pub(crate) renorm: Option<Renorm>,
}

/// Some channels' statistics and buffers.
pub(crate) struct Share<'a> {
    pub(crate) channels: Range<usize>,
    pub(crate) stats: [&'a mut [f32]; VECTORS],
    /// Running mean and variance.
    pub(crate) running: [&'a mut [f32]; 2],
    /// Batches seen before, where they are counted.
    pub(crate) steps: f32,
}

/// Two blocks `[rows, channels, positions]` for each part of a batch.
pub(crate) type Pairs<'a> = &'a [[&'a [f32]; 2]];

/// One of the vectors of the statistics.
pub(crate) fn vector(stats: &[f32], which: usize) -> &[f32] {
    let channels = stats.len() / VECTORS;
    &stats[which * channels..(which + 1) * channels]
}

impl BatchNorm {
    pub(crate) fn num_stats(&self) -> usize {
        VECTORS * self.channels
    }

    pub(crate) fn num_buffers(&self) -> usize {
        2 * self.channels + usize::from(self.renorm.is_some())
    }

    /// Mean 0, variance 1, no batch seen.
    pub(crate) fn init_buffers(&self, buffers: &mut [f32]) {
        buffers.fill(0.0);
        buffers[self.channels..2 * self.channels].fill(1.0);
    }

    /// The batches seen, where they are counted.
    pub(crate) fn steps(&self, buffers: &[f32]) -> f32 {
        buffers.get(2 * self.channels).copied().unwrap_or(0.0)
    }

    /// Counts a batch. The count stays where f32 ends to count, far beyond any warm-up.
    pub(crate) fn count_step(&self, buffers: &mut [f32]) {
        buffers[2 * self.channels..].iter_mut().for_each(|steps| *steps += 1.0);
    }

    /// Statistics that stand for the running ones, as constants.
    pub(crate) fn recall(&self, buffers: &[f32], affine: [&[f32]; 2], stats: &mut [f32]) {
        let (mean, variance) = buffers.split_at(self.channels);
        let vectors = parts(stats, self.channels);
        for c in 0..self.channels {
            let scale = 1.0 / (variance[c] + self.eps).sqrt();
            let [gain, shift] = gain_and_shift(affine, c, [1.0, 0.0]);
            let values = [mean[c], scale, 1.0, 0.0, gain, shift, 0.0, 0.0];
            for (i, value) in values.into_iter().enumerate() {
                vectors[i][c] = value;
            }
        }
    }

    /// Takes the statistics of a batch for some channels, and adds them to the running ones.
    pub(crate) fn observe(
        &self,
        isa: Isa,
        pairs: Pairs<'_>,
        affine: [&[f32]; 2],
        mut share: Share<'_>,
    ) {
        let n: usize = pairs.iter().map(|[x, _]| x.len() / self.channels).sum();
        assert!(n > 1 || self.renorm.is_some(), "a batch has several numbers per channel");
        let channels = share.channels.clone();
        for first in channels.clone().step_by(CHUNK) {
            let count = CHUNK.min(channels.end - first);
            let (mut means, mut variances) = ([0.0; CHUNK], [0.0; CHUNK]);
            isa.run(self.sums(pairs, first, &mut means[..count], |x, _, _| x));
            means = means.map(|sum| sum / n as f64);
            let square = |x: f64, _: f64, c: usize| (x - means[c]) * (x - means[c]);
            isa.run(self.sums(pairs, first, &mut variances[..count], square));
            for c in 0..count {
                self.settle(first + c, [means[c], variances[c] / n as f64], affine, &mut share);
                let at = first + c - channels.start;
                // The unbiased variance is PyTorch's running one.
                let unbiased = if self.renorm.is_some() { n } else { n - 1 };
                let moments = [means[c], variances[c] / unbiased as f64];
                for (running, moment) in share.running.iter_mut().zip(moments) {
                    let old = f64::from(running[at]);
                    running[at] = (old + f64::from(self.momentum) * (moment - old)) as f32;
                }
            }
        }
    }

    /// Turns the mean and the variance of a channel into its statistics.
    fn settle(
        &self,
        c: usize,
        [mean, variance]: [f64; 2],
        affine: [&[f32]; 2],
        share: &mut Share<'_>,
    ) {
        let (at, eps) = (c - share.channels.start, f64::from(self.eps));
        let deviation = (variance + eps).sqrt();
        let [old_mean, old_variance] = [0, 1].map(|i| f64::from(share.running[i][at]));
        let running = [old_mean, (old_variance + eps).sqrt()];
        let corrections = match &self.renorm {
            Some(renorm) => renorm.corrections([mean, deviation], running, share.steps),
            None => [1.0, 0.0],
        };
        let [ratio, offset] = corrections.map(|x| x as f32);
        let [gain, shift] = gain_and_shift(affine, c, [ratio, offset]);
        let values = [mean as f32, (1.0 / deviation) as f32, ratio, offset, gain, shift, 0.0, 0.0];
        for (vector, value) in share.stats.iter_mut().zip(values) {
            vector[at] = value;
        }
    }

    /// Sums of gradients, and of gradients times x̂, of some channels; pairs of both.
    pub(crate) fn sum_slopes(
        &self,
        isa: Isa,
        pairs: Pairs<'_>,
        channels: Range<usize>,
        [slopes, products]: [&mut [f32]; 2],
    ) {
        for first in channels.clone().step_by(CHUNK) {
            let count = CHUNK.min(channels.end - first);
            let mut sums = [0.0; CHUNK];
            let own = first - channels.start..first - channels.start + count;
            isa.run(self.sums(pairs, first, &mut sums[..count], |d, _, _| d));
            store(&sums, &mut slopes[own.clone()]);
            isa.run(self.sums(pairs, first, &mut sums[..count], |d, x, _| d * x));
            store(&sums, &mut products[own]);
        }
    }

    fn sums<'a, F: Fn(f64, f64, usize) -> f64>(
        &self,
        pairs: Pairs<'a>,
        first: usize,
        sums: &'a mut [f64],
        value: F,
    ) -> ChannelSums<'a, F> {
        let Self { channels, positions, .. } = *self;
        ChannelSums { pairs, channels, positions, first, sums, value }
    }
}

/// Gradients of gamma and beta from the statistics.
pub(crate) fn affine_grads(stats: &[f32], gamma: &mut [f32], beta: &mut [f32]) {
    let [ratio, offset, slopes, products] =
        [RATIO, OFFSET, SLOPES, PRODUCTS].map(|which| vector(stats, which));
    beta.copy_from_slice(slopes);
    for (c, d) in gamma.iter_mut().enumerate() {
        *d = ratio[c] * products[c] + offset[c] * slopes[c];
    }
}

/// All vectors of the statistics of that many channels.
pub(crate) fn parts(stats: &mut [f32], channels: usize) -> [&mut [f32]; VECTORS] {
    let mut vectors = stats.chunks_exact_mut(channels);
    std::array::from_fn(|_| vectors.next().expect("statistics have as many vectors"))
}

/// gamma · r and gamma · d + beta.
fn gain_and_shift([gamma, beta]: [&[f32]; 2], c: usize, [r, d]: [f32; 2]) -> [f32; 2] {
    match gamma.get(c) {
        Some(gamma) => [gamma * r, gamma * d + beta[c]],
        None => [r, d],
    }
}

fn store(sums: &[f64], to: &mut [f32]) {
    to.iter_mut().zip(sums).for_each(|(to, sum)| *to = *sum as f32);
}
