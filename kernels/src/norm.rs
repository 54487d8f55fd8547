//! Layer normalization and its gradients.
//!
//! Ba et al. (2016), "Layer Normalization", arXiv:1607.06450.

use crate::lanes::At;
use crate::lanes::blocks;
use crate::simd::Kernel;
use crate::simd::Simd;

/// The sum over a row of vectors.
///
/// A macro, because a closure would not be compiled with the instructions of its caller.
macro_rules! sum {
    ($s:ident, $width:ident, |$at:ident| $v:expr) => {{
        let mut total = $s.splat(0.0);
        for $at in blocks::<S>($width) {
            total = $s.add(total, $v);
        }
        $s.sum(total)
    }};
}

/// y = x̂ · gamma + beta with x̂ = (x - mean) / √(var + eps), per row.
pub(crate) struct NormForward<'a> {
    pub(crate) width: usize,
    pub(crate) eps: f32,
    /// Gain and bias `[width]`, or empty.
    pub(crate) gamma: &'a [f32],
    pub(crate) beta: &'a [f32],
    /// x `[n, width]`.
    pub(crate) input: &'a [f32],
    /// x̂ `[n, width]`.
    pub(crate) normalized: &'a mut [f32],
    /// 1 / √(var + eps) `[n]`.
    pub(crate) scale: &'a mut [f32],
    /// y `[n, width]`.
    pub(crate) output: &'a mut [f32],
}

/// The gradient with respect to x: scale · (g - mean g - x̂ · mean(g · x̂)), g = d · gamma.
pub(crate) struct NormBackward<'a> {
    pub(crate) width: usize,
    /// Gain `[width]`, or empty.
    pub(crate) gamma: &'a [f32],
    pub(crate) normalized: &'a [f32],
    pub(crate) scale: &'a [f32],
    /// Gradient with respect to y `[n, width]`.
    pub(crate) d_output: &'a [f32],
    /// Gradient with respect to x `[n, width]`.
    pub(crate) d_input: &'a mut [f32],
}

/// The gradients of gain and bias: Σ d · x̂ and Σ d over the rows, on top of what is there.
pub(crate) struct NormGrads<'a> {
    pub(crate) width: usize,
    pub(crate) normalized: &'a [f32],
    pub(crate) d_output: &'a [f32],
    pub(crate) d_gamma: &'a mut [f32],
    pub(crate) d_beta: &'a mut [f32],
}

impl Kernel for NormForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let w = self.width;
        let rows = self.input.chunks_exact(w).zip(self.normalized.chunks_exact_mut(w));
        let outputs = self.output.chunks_exact_mut(w);
        for (((x, normalized), y), scale) in rows.zip(outputs).zip(self.scale) {
            let mean = sum!(s, w, |at| at.load(s, x)) / w as f32;
            let variance = sum!(s, w, |at| squared_distance(s, at, x, mean)) / w as f32;
            *scale = 1.0 / (variance + self.eps).sqrt();
            let (mean, by) = (s.splat(mean), s.splat(*scale));
            for at in blocks::<S>(w) {
                at.store(s, s.mul(s.sub(at.load(s, x), mean), by), normalized);
                let scaled = at.load(s, normalized);
                let shifted = if self.gamma.is_empty() {
                    scaled
                } else {
                    s.fma(scaled, at.load(s, self.gamma), at.load(s, self.beta))
                };
                at.store(s, shifted, y);
            }
        }
    }
}

impl Kernel for NormBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let w = self.width;
        let rows = self.normalized.chunks_exact(w).zip(self.d_output.chunks_exact(w));
        let inputs = self.d_input.chunks_exact_mut(w);
        for (((x, d), to), scale) in rows.zip(inputs).zip(self.scale) {
            let mean = sum!(s, w, |at| scaled(s, at, d, self.gamma)) / w as f32;
            let slope = sum!(s, w, |at| s.mul(scaled(s, at, d, self.gamma), at.load(s, x)));
            let slope = slope / w as f32;
            for at in blocks::<S>(w) {
                let rest = s.sub(scaled(s, at, d, self.gamma), s.splat(mean));
                let rest = s.fma(s.splat(-slope), at.load(s, x), rest);
                at.store(s, s.mul(s.splat(*scale), rest), to);
            }
        }
    }
}

impl Kernel for NormGrads<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let w = self.width;
        for (x, d) in self.normalized.chunks_exact(w).zip(self.d_output.chunks_exact(w)) {
            for at in blocks::<S>(w) {
                let d = at.load(s, d);
                let gamma = s.fma(d, at.load(s, x), at.load(s, self.d_gamma));
                at.store(s, gamma, self.d_gamma);
                at.store(s, s.add(d, at.load(s, self.d_beta)), self.d_beta);
            }
        }
    }
}

/// (x - mean)², zero in lanes that do not exist.
#[inline(always)]
fn squared_distance<S: Simd>(s: S, at: At, x: &[f32], mean: f32) -> S::V {
    let centered = s.sub(at.load(s, x), at.splat(s, mean));
    s.mul(centered, centered)
}

/// d · gamma, or d without a gamma.
#[inline(always)]
fn scaled<S: Simd>(s: S, at: At, d: &[f32], gamma: &[f32]) -> S::V {
    let d = at.load(s, d);
    if gamma.is_empty() { d } else { s.mul(d, at.load(s, gamma)) }
}
