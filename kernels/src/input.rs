//! What a forward pass starts from besides parameters: rows and buffers.

use std::ops::Range;

/// The rows of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// All rows of `[n, inputs]`.
    Rows(&'a [f32]),
    /// The rows of `x` `[m, inputs]` with these indices.
    Picked {
        /// Rows to pick from.
        x: &'a [f32],
        /// Which of them.
        indices: &'a [u32],
    },
    /// The rows of bytes of `x` `[m, inputs]` with these indices, each byte times `scale`.
    Bytes {
        /// Rows to pick from.
        x: &'a [u8],
        /// What a byte is multiplied with.
        scale: f32,
        /// Which rows.
        indices: &'a [u32],
    },
}

impl Input<'_> {
    /// Number of rows of that width.
    ///
    /// # Panics
    /// When there are none or the last one is not whole.
    pub(crate) fn rows(&self, width: usize) -> usize {
        let n = match self {
            Input::Rows(x) => {
                assert_eq!(x.len() % width, 0, "x is [n, inputs]");
                x.len() / width
            }
            Input::Picked { indices, .. } | Input::Bytes { indices, .. } => indices.len(),
        };
        assert!(n > 0, "a batch has rows");
        n
    }

    /// Copies some of the rows to `[rows, width]`.
    pub(crate) fn copy(&self, rows: Range<usize>, width: usize, to: &mut [f32]) {
        match *self {
            Input::Rows(x) => to.copy_from_slice(&x[rows.start * width..rows.end * width]),
            Input::Picked { x, indices } => gather_rows(x, width, &indices[rows], to),
            Input::Bytes { x, scale, indices } => {
                for (i, to) in indices[rows].iter().zip(to.chunks_exact_mut(width)) {
                    let row = &x[*i as usize * width..][..width];
                    to.iter_mut().zip(row).for_each(|(to, x)| *to = f32::from(*x) * scale);
                }
            }
        }
    }
}

/// A network's buffers, [`Mlp::num_buffers`](crate::Mlp::num_buffers) numbers, and what a pass
/// does with them.
#[derive(Debug)]
pub enum Buffers<'a> {
    /// Running statistics are constants; a row does not depend on the others.
    Evaluation(&'a [f32]),
    /// Normalizes by the statistics of the batch and adds them to the running ones.
    Training(&'a mut [f32]),
}

impl Buffers<'_> {
    /// Those of a network that has none.
    pub const NONE: Buffers<'static> = Buffers::Evaluation(&[]);

    pub(crate) fn get(&self) -> &[f32] {
        match self {
            Buffers::Evaluation(values) => values,
            Buffers::Training(values) => values,
        }
    }

    /// The share of each of `n` rows in the statistics.
    pub(crate) fn row_share(&self, n: usize) -> f32 {
        match self {
            Buffers::Evaluation(_) => 0.0,
            Buffers::Training(_) => 1.0 / n as f32,
        }
    }
}

/// Copies the rows of `x` `[m, width]` with the given indices to `out` `[indices, width]`.
///
/// # Panics
/// When an index is not below m or `out` has another length.
pub fn gather_rows(x: &[f32], width: usize, indices: &[u32], out: &mut [f32]) {
    assert_eq!(out.len(), indices.len() * width, "out is [indices, width]");
    for (i, to) in indices.iter().zip(out.chunks_exact_mut(width)) {
        to.copy_from_slice(&x[*i as usize * width..][..width]);
    }
}
