//! The inner tile of a matrix product: a few rows by one or two vectors, kept in registers.
#![allow(unsafe_code, reason = "reads without bounds checks, which would cost as much as the sums")]

use crate::simd::Simd;

/// The left operand of a product: A(i, p) = `values[i * row + p * column]`.
#[derive(Clone, Copy)]
pub(crate) struct Lhs<'a> {
    pub(crate) values: &'a [f32],
    /// Distance between rows.
    pub(crate) row: usize,
    /// Distance between columns.
    pub(crate) column: usize,
}

impl<'a> Lhs<'a> {
    /// A row-major matrix of that width.
    pub(crate) fn rows(values: &'a [f32], width: usize) -> Self {
        Self { values, row: width, column: 1 }
    }

    /// The transpose of a row-major matrix of that width.
    pub(crate) fn transposed(values: &'a [f32], width: usize) -> Self {
        Self { values, row: 1, column: width }
    }

    /// From element (i, p) on.
    #[inline(always)]
    pub(crate) fn at(self, i: usize, p: usize) -> Self {
        Self { values: &self.values[i * self.row + p * self.column..], ..self }
    }

    /// Whether `m` rows and `k` columns lie inside.
    #[inline(always)]
    fn holds(&self, m: usize, k: usize) -> bool {
        (m - 1) * self.row + (k - 1) * self.column < self.values.len()
    }
}

/// Rows of the right operand, `stride` apart, at least as wide as the tile.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
}

/// Adds A(i, p) · B(p, j) over all p in order to the `ROWS` by `WIDTH` vectors of `sums`.
///
/// Each sum is one chain of multiply-adds, so its bits do not depend on the shape of the tile.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "constant bounds keep the sums in registers")]
pub(crate) fn tile<S: Simd, const ROWS: usize, const WIDTH: usize>(
    s: S,
    k: usize,
    a: Lhs<'_>,
    b: Panel<'_>,
    sums: &mut [[S::V; WIDTH]; ROWS],
) {
    if k == 0 {
        return;
    }
    assert!(a.holds(ROWS, k), "the left operand has the rows and columns of the tile");
    assert!((k - 1) * b.stride + WIDTH * S::LANES <= b.values.len(), "the panel has k rows");
    let (a_values, b_values) = (a.values.as_ptr(), b.values.as_ptr());
    for p in 0..k {
        let mut right = [s.splat(0.0); WIDTH];
        for j in 0..WIDTH {
            // SAFETY: row p of the panel has WIDTH vectors, as asserted.
            right[j] = unsafe { s.load_ptr(b_values.add(p * b.stride + j * S::LANES)) };
        }
        for i in 0..ROWS {
            // SAFETY: A(i, p) lies inside, as asserted.
            let left = s.splat(unsafe { *a_values.add(i * a.row + p * a.column) });
            for j in 0..WIDTH {
                sums[i][j] = s.fma(left, right[j], sums[i][j]);
            }
        }
    }
}
