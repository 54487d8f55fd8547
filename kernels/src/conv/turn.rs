//! Transposes matrices whose rows lie apart.

use crate::pack::transpose;
use crate::simd::Simd;
use crate::tile::Panel;

/// Writes the transpose of the first `rows` and `columns` of `from`, in rows `stride` apart.
#[inline(always)]
pub(super) fn turn<S: Simd>(
    s: S,
    [rows, columns]: [usize; 2],
    from: Panel<'_>,
    to: &mut [f32],
    stride: usize,
) {
    let [whole_rows, whole_columns] = [rows, columns].map(|count| count - count % S::LANES);
    for i in (0..whole_rows).step_by(S::LANES) {
        for j in (0..whole_columns).step_by(S::LANES) {
            transpose(s, from, [i, j], &mut to[j * stride + i..], stride);
        }
    }
    for i in 0..rows {
        let row = &from.values[i * from.stride..][..columns];
        let first = if i < whole_rows { whole_columns } else { 0 };
        for (j, x) in row.iter().enumerate().skip(first) {
            to[j * stride + i] = *x;
        }
    }
}
