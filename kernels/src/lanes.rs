//! Walks over slices vector by vector.

use crate::simd::MAX_LANES;
use crate::simd::Simd;

/// Place of a vector in a slice; the last one may be narrower.
#[derive(Clone, Copy)]
pub(crate) struct At {
    pub(crate) start: usize,
    pub(crate) lanes: usize,
}

/// The places of the vectors of a slice.
#[inline(always)]
pub(crate) fn blocks<S: Simd>(width: usize) -> impl Iterator<Item = At> {
    (0..width).step_by(S::LANES).map(move |start| At { start, lanes: S::LANES.min(width - start) })
}

impl At {
    #[inline(always)]
    pub(crate) fn load<S: Simd>(self, s: S, from: &[f32]) -> S::V {
        let from = &from[self.start..self.start + self.lanes];
        if self.lanes == S::LANES { s.load(from) } else { s.load_some(from) }
    }

    #[inline(always)]
    pub(crate) fn store<S: Simd>(self, s: S, v: S::V, to: &mut [f32]) {
        let to = &mut to[self.start..self.start + self.lanes];
        if self.lanes == S::LANES { s.store(v, to) } else { s.store_some(v, to) }
    }

    /// The number in the lanes that exist, zero in the others.
    #[inline(always)]
    pub(crate) fn splat<S: Simd>(self, s: S, x: f32) -> S::V {
        if self.lanes == S::LANES { s.splat(x) } else { s.load_some(&[x; MAX_LANES][..self.lanes]) }
    }
}
