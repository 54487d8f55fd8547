//! A matrix product whose left operand lies wherever tables of offsets say.
#![allow(unsafe_code, reason = "reads without bounds checks, which would cost as much as the sums")]

use slm_policy::Activation;

use crate::math;
use crate::simd::Simd;

/// Vectors in a row of a full panel.
pub(super) const WIDTH: usize = 2;
/// Depth of a block of products, so that its part of the panel stays in the first-level cache.
const DEPTH: usize = 256;

/// Adds A · B to rows of `out`, where A(i, p) = `a[rows[i] + depths[p]]`, p in order.
pub(super) struct Gathered<'a> {
    pub(super) a: &'a [f32],
    pub(super) rows: &'a [u32],
    pub(super) depths: &'a [u32],
    /// `[depths, width]` where width is that of the panel, one or two vectors.
    pub(super) b: &'a [f32],
    /// Rows of that width.
    pub(super) out: &'a mut [f32],
    pub(super) places: Places<'a>,
    pub(super) start: Start<'a>,
    /// Applied to the finished sums; [`Activation::Relu`] and [`Activation::Tanh`] are known.
    pub(super) end: Activation,
}

/// Where row i of the sums lies, in rows.
#[derive(Clone, Copy)]
pub(super) enum Places<'a> {
    /// At i.
    Dense,
    /// At `rows[i] + offset`.
    Scattered { rows: &'a [u32], offset: u32 },
}

/// What the sums start from.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// The same row of the panel's width for all.
    Row(&'a [f32]),
    /// What the output holds.
    Output,
}

impl Gathered<'_> {
    /// The product with a panel of that width.
    #[inline(always)]
    pub(super) fn run<S: Simd>(self, s: S, width: usize) {
        if width > S::LANES {
            self.panel::<S, WIDTH>(s);
        } else {
            self.panel::<S, 1>(s);
        }
    }

    #[inline(always)]
    fn panel<S: Simd, const WIDTH: usize>(mut self, s: S) {
        let last = |offsets: &[u32]| offsets.iter().copied().max().unwrap_or(0) as usize;
        assert!(last(self.rows) + last(self.depths) < self.a.len(), "offsets lie inside");
        assert!(self.b.len() >= self.depths.len() * WIDTH * S::LANES, "the panel has all depths");
        for depth in (0..self.depths.len()).step_by(DEPTH) {
            let mut row = 0;
            if S::TILE_ROWS == 8 {
                row = self.tiles::<S, 8, WIDTH>(s, row, depth);
            } else if S::TILE_ROWS == 6 {
                row = self.tiles::<S, 6, WIDTH>(s, row, depth);
            }
            row = self.tiles::<S, 4, WIDTH>(s, row, depth);
            row = self.tiles::<S, 2, WIDTH>(s, row, depth);
            self.tiles::<S, 1, WIDTH>(s, row, depth);
        }
    }

    /// As many tiles of `ROWS` rows from `row` on as fit; returns the first row left over.
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "constant bounds keep the sums in registers")]
    fn tiles<S: Simd, const ROWS: usize, const WIDTH: usize>(
        &mut self,
        s: S,
        mut row: usize,
        depth: usize,
    ) -> usize {
        let depths = &self.depths[depth..self.depths.len().min(depth + DEPTH)];
        let b = &self.b[depth * WIDTH * S::LANES..];
        let is_last = depth + depths.len() == self.depths.len();
        let end = if is_last { self.end } else { Activation::Identity };
        let start = if depth == 0 { self.start } else { Start::Output };
        while row + ROWS <= self.rows.len() {
            let places: [usize; ROWS] =
                std::array::from_fn(|i| self.place(row + i) * WIDTH * S::LANES);
            let mut sums = [[s.splat(0.0); WIDTH]; ROWS];
            for i in 0..ROWS {
                let from = match start {
                    Start::Row(values) => values,
                    Start::Output => &self.out[places[i]..],
                };
                sums[i] = load(s, from);
            }
            // SAFETY: offsets lie inside and the panel has all depths, as `panel` asserts.
            unsafe { tile(s, self.a, &self.rows[row..row + ROWS], depths, b, &mut sums) };
            for i in 0..ROWS {
                store(s, ended(s, end, sums[i]), &mut self.out[places[i]..]);
            }
            row += ROWS;
        }
        row
    }

    #[inline(always)]
    fn place(&self, i: usize) -> usize {
        match self.places {
            Places::Dense => i,
            Places::Scattered { rows, offset } => (rows[i] + offset) as usize,
        }
    }
}

#[inline(always)]
fn load<S: Simd, const WIDTH: usize>(s: S, from: &[f32]) -> [S::V; WIDTH] {
    let mut row = [s.splat(0.0); WIDTH];
    for j in 0..WIDTH {
        row[j] = s.load(&from[j * S::LANES..]);
    }
    row
}

#[inline(always)]
fn store<S: Simd, const WIDTH: usize>(s: S, row: [S::V; WIDTH], to: &mut [f32]) {
    for j in 0..WIDTH {
        s.store(row[j], &mut to[j * S::LANES..]);
    }
}

#[inline(always)]
fn ended<S: Simd, const WIDTH: usize>(
    s: S,
    end: Activation,
    mut row: [S::V; WIDTH],
) -> [S::V; WIDTH] {
    for v in &mut row {
        *v = match end {
            Activation::Relu => s.max(s.splat(0.0), *v),
            Activation::Tanh => math::tanh(s, *v),
            _ => *v,
        };
    }
    row
}

/// Each sum is one chain of multiply-adds, so its bits do not depend on the shape of the tile.
///
/// # Safety
/// Each of `rows`, `ROWS` of them, plus each of `depths` lies inside `a`, and `b` has a row of
/// `WIDTH` vectors for each of `depths`.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "constant bounds keep the sums in registers")]
unsafe fn tile<S: Simd, const ROWS: usize, const WIDTH: usize>(
    s: S,
    a: &[f32],
    rows: &[u32],
    depths: &[u32],
    b: &[f32],
    sums: &mut [[S::V; WIDTH]; ROWS],
) {
    // SAFETY: the caller promises that the first of a row's numbers lies inside.
    let bases: [*const f32; ROWS] =
        std::array::from_fn(|i| unsafe { a.as_ptr().add(rows[i] as usize) });
    let b = b.as_ptr();
    for (p, depth) in depths.iter().enumerate() {
        let mut right = [s.splat(0.0); WIDTH];
        for j in 0..WIDTH {
            // SAFETY: the caller promises a row of WIDTH vectors.
            right[j] = unsafe { s.load_ptr(b.add((p * WIDTH + j) * S::LANES)) };
        }
        for i in 0..ROWS {
            // SAFETY: the caller promises that A(i, p) lies inside.
            let left = s.splat(unsafe { *bases[i].add(*depth as usize) });
            for j in 0..WIDTH {
                sums[i][j] = s.fma(left, right[j], sums[i][j]);
            }
        }
    }
}
