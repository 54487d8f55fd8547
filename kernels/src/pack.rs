//! Packs panels of the right operand of a matrix product.

use std::ops::Range;

use crate::gemm::Gemm;
use crate::gemm::Start;
use crate::simd::Simd;
use crate::tile::Panel;

/// Part of the right operand.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) depth: usize,
    pub(crate) depths: usize,
    pub(crate) column: usize,
    pub(crate) columns: usize,
}

impl Gemm<'_> {
    /// Copies a panel of B, padded with zeros, and sums its columns if asked to.
    #[inline(always)]
    pub(crate) fn pack_rows<S: Simd, const WIDTH: usize>(
        &mut self,
        s: S,
        block: Block,
        b: Panel<'_>,
    ) {
        let Block { depth, depths, column, columns } = block;
        let mut sums = [s.splat(0.0); WIDTH];
        if let Some(old) = self.column_sums.as_deref()
            && (depth > 0 || matches!(self.start, Start::Output))
        {
            sums = load_row::<S, WIDTH>(s, &old[column..column + columns]);
        }
        let rows = b.values[(depth * b.stride).min(b.values.len())..].chunks(b.stride).take(depths);
        for (row, to) in rows.zip(self.pack.chunks_exact_mut(WIDTH * S::LANES)) {
            let vectors = load_row::<S, WIDTH>(s, &row[column..column + columns]);
            for ((v, sum), to) in vectors.iter().zip(&mut sums).zip(to.chunks_exact_mut(S::LANES)) {
                *sum = s.add(*sum, *v);
                s.store(*v, to);
            }
        }
        if let Some(new) = self.column_sums.as_deref_mut() {
            store_row(s, &sums, &mut new[column..column + columns]);
        }
    }

    /// Turns a panel's rows in memory, `[columns, k]`, into its columns, padded with zeros.
    #[inline(always)]
    pub(crate) fn pack_transposed<S: Simd>(&mut self, s: S, block: Block, width: usize, b: &[f32]) {
        let Block { depth, depths, column, columns } = block;
        if columns < width {
            self.pack[..depths * width].fill(0.0);
        }
        let from = Panel { values: &b[column * self.k + depth..], stride: self.k };
        let (whole_columns, whole_depths) =
            (columns - columns % S::LANES, depths - depths % S::LANES);
        for j in (0..whole_columns).step_by(S::LANES) {
            for p in (0..whole_depths).step_by(S::LANES) {
                transpose(s, from, [j, p], &mut self.pack[p * width + j..], width);
            }
        }
        for j in 0..columns {
            let first = if j < whole_columns { whole_depths } else { 0 };
            for p in first..depths {
                self.pack[p * width + j] = from.values[j * from.stride + p];
            }
        }
    }
}

/// A row of vectors from a slice that may be narrower, padded with zeros.
#[inline(always)]
pub(crate) fn load_row<S: Simd, const WIDTH: usize>(s: S, from: &[f32]) -> [S::V; WIDTH] {
    let mut row = [s.splat(0.0); WIDTH];
    for j in 0..WIDTH {
        row[j] = if from.len() == WIDTH * S::LANES {
            s.load(&from[j * S::LANES..])
        } else {
            s.load_some(&from[vector_of::<S>(j, from.len())])
        };
    }
    row
}

/// Writes a row of vectors to a slice that may be narrower.
#[inline(always)]
pub(crate) fn store_row<S: Simd, const WIDTH: usize>(s: S, row: &[S::V; WIDTH], to: &mut [f32]) {
    let len = to.len();
    for j in 0..WIDTH {
        if len == WIDTH * S::LANES {
            s.store(row[j], &mut to[j * S::LANES..]);
        } else {
            s.store_some(row[j], &mut to[vector_of::<S>(j, len)]);
        }
    }
}

/// Where vector j of a slice of that length lies; it may be short or empty.
#[inline(always)]
fn vector_of<S: Simd>(j: usize, len: usize) -> Range<usize> {
    len.min(j * S::LANES)..len.min((j + 1) * S::LANES)
}

/// Transposes the block of `from` at row j and column p.
#[inline(always)]
#[allow(unsafe_code, reason = "the bounds are checked right before")]
pub(crate) fn transpose<S: Simd>(
    s: S,
    from: Panel<'_>,
    [j, p]: [usize; 2],
    to: &mut [f32],
    width: usize,
) {
    let from_values = &from.values[j * from.stride + p..];
    assert!((S::LANES - 1) * from.stride + S::LANES <= from_values.len(), "a whole block");
    assert!((S::LANES - 1) * width + S::LANES <= to.len(), "room for a whole block");
    // SAFETY: both sides hold LANES rows of LANES numbers, as asserted.
    unsafe { s.transpose(from_values.as_ptr(), from.stride, to.as_mut_ptr(), width) }
}
