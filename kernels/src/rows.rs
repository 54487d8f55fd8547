//! Columns of row-major slices, several rows to a vector.

use crate::simd::MAX_LANES;
use crate::simd::Simd;

/// Rows inside a slice, each starting `stride` after the one before. With stride 0 all rows are
/// the same one.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// From the first number of the first row on.
    pub values: &'a [f32],
    /// Distance between rows.
    pub stride: usize,
}

/// Like [`Rows`], to write to. With stride 0 the sum over all rows is written.
#[derive(Debug)]
pub struct RowsMut<'a> {
    /// From the first number of the first row on.
    pub values: &'a mut [f32],
    /// Distance between rows.
    pub stride: usize,
}

impl RowsMut<'_> {
    /// The same rows, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> RowsMut<'_> {
        RowsMut { values: self.values, stride: self.stride }
    }
}

/// Some rows in a vector, one per lane.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    first: usize,
    rows: usize,
}

impl Group {
    /// The rows 0 to n in groups.
    #[inline(always)]
    pub(crate) fn all<S: Simd>(n: usize) -> impl Iterator<Item = Group> {
        (0..n).step_by(S::LANES).map(move |first| Group { first, rows: S::LANES.min(n - first) })
    }

    /// The row numbers.
    #[inline(always)]
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.first..self.first + self.rows
    }

    /// One number for each row of the group, then zeros.
    #[inline(always)]
    pub(crate) fn load<S: Simd>(self, s: S, from: &[f32]) -> S::V {
        s.load_some(&from[self.range()])
    }

    #[inline(always)]
    pub(crate) fn store<S: Simd>(self, s: S, v: S::V, to: &mut [f32]) {
        s.store_some(v, &mut to[self.range()]);
    }

    /// Column j of the rows, then zeros.
    #[inline(always)]
    pub(crate) fn column<S: Simd>(self, s: S, rows: Rows<'_>, j: usize) -> S::V {
        if rows.stride == 0 {
            return s.splat(rows.values[j]);
        }
        let mut lanes = [0.0; MAX_LANES];
        for (lane, i) in lanes.iter_mut().zip(self.range()) {
            *lane = rows.values[i * rows.stride + j];
        }
        s.load(&lanes)
    }

    /// Writes column j of the rows, or adds its sum to it if all rows are the same.
    #[inline(always)]
    pub(crate) fn set_column<S: Simd>(self, s: S, v: S::V, rows: &mut RowsMut<'_>, j: usize) {
        let lanes = s.to_array(v);
        if rows.stride == 0 {
            rows.values[j] += lanes[..self.rows].iter().sum::<f32>();
            return;
        }
        for (lane, i) in lanes.iter().zip(self.range()) {
            rows.values[i * rows.stride + j] = *lane;
        }
    }

    /// Adds to column j of the rows.
    #[inline(always)]
    pub(crate) fn add_to_column<S: Simd>(self, s: S, v: S::V, rows: &mut RowsMut<'_>, j: usize) {
        let known = match rows.stride {
            0 => s.splat(0.0),
            stride => self.column(s, Rows { values: rows.values, stride }, j),
        };
        self.set_column(s, s.add(known, v), rows, j);
    }
}
