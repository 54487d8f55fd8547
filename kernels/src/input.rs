//! What a forward pass starts from besides parameters: rows and buffers.

use std::ops::Range;

use crate::layer::Layer;
use crate::step::Block;

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

/// How the numbers of an input row lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Numbers that the first layer is given.
    pub(crate) seen: usize,
    /// Channels of a picture where they lie last, else 1.
    pub(crate) channels: usize,
    /// Numbers after those that the first layer is given.
    pub(crate) beside: usize,
}

impl Layout {
    /// Of rows of `inputs` numbers for these layers.
    ///
    /// # Panics
    /// When there is no layer, or nothing is left for the first one.
    pub(crate) fn of(inputs: usize, layers: &[Layer]) -> Self {
        let beside = layers.iter().map(|layer| match layer {
            Layer::Beside { width } => *width,
            _ => 0,
        });
        let beside = beside.filter(|width| *width > 0).collect::<Vec<_>>();
        assert!(beside.len() <= 1, "a network has one `Beside` at most");
        let beside = beside.first().copied().unwrap_or(0);
        assert!(inputs > beside && !layers.is_empty(), "a network has inputs and layers");
        let (seen, mut channels) = (inputs - beside, 1);
        if let Layer::ChannelsFirst { channels: last, pixels } = layers[0] {
            assert_eq!(last * pixels, seen, "a picture is what comes");
            channels = last;
        }
        Self { seen, channels, beside }
    }

    /// Width of a row.
    pub(crate) fn width(self) -> usize {
        self.seen + self.beside
    }

    /// Where a tape keeps what the first layer is given, and what lies beside it.
    pub(crate) fn blocks(self) -> [Block; 2] {
        let mut columns = 0;
        [self.seen, self.beside].map(|width| Block::after(&mut columns, width))
    }

    /// Whether rows are copied as they are.
    fn is_plain(self) -> bool {
        self.channels == 1 && self.beside == 0
    }

    /// Copies rows of `x` `[m, width]` to `[rows, seen]`, channels first, and `[rows, beside]`.
    fn copy_rows<T: Copy>(
        self,
        rows: impl Iterator<Item = usize>,
        x: &[T],
        number: impl Fn(T) -> f32,
        [seen, beside]: [&mut [f32]; 2],
    ) {
        for (k, (row, seen)) in rows.zip(seen.chunks_exact_mut(self.seen)).enumerate() {
            let (own, rest) = x[row * self.width()..][..self.width()].split_at(self.seen);
            if self.channels == 1 {
                seen.iter_mut().zip(own).for_each(|(to, x)| *to = number(*x));
            } else {
                for (c, plane) in seen.chunks_exact_mut(self.seen / self.channels).enumerate() {
                    let pixels = own.chunks_exact(self.channels);
                    plane.iter_mut().zip(pixels).for_each(|(to, pixel)| *to = number(pixel[c]));
                }
            }
            let beside = &mut beside[k * self.beside..][..self.beside];
            beside.iter_mut().zip(rest).for_each(|(to, x)| *to = number(*x));
        }
    }

    /// Puts the channels of each row last again; `scratch` has room for one.
    pub(crate) fn restore(self, rows: &mut [f32], scratch: &mut [f32]) {
        if self.channels == 1 {
            return;
        }
        let scratch = &mut scratch[..self.seen];
        for row in rows.chunks_exact_mut(self.seen) {
            scratch.copy_from_slice(row);
            for (c, plane) in scratch.chunks_exact(self.seen / self.channels).enumerate() {
                let pixels = row.chunks_exact_mut(self.channels);
                pixels.zip(plane).for_each(|(pixel, x)| pixel[c] = *x);
            }
        }
    }
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

    /// Copies some of the rows into the blocks that `values` has for them.
    pub(crate) fn copy(&self, rows: Range<usize>, layout: Layout, values: &mut [f32]) {
        let (n, width) = (rows.len(), layout.width());
        let [seen, beside] = layout.blocks().map(|block| block.range(n));
        let (to, to_beside) = values.split_at_mut(beside.start);
        let (to, to_beside) = (&mut to[seen], &mut to_beside[..beside.len()]);
        match *self {
            Input::Rows(x) if layout.is_plain() => {
                to.copy_from_slice(&x[rows.start * width..rows.end * width]);
            }
            Input::Rows(x) => layout.copy_rows(rows, x, |x| x, [to, to_beside]),
            Input::Picked { x, indices } if layout.is_plain() => {
                gather_rows(x, width, &indices[rows], to);
            }
            Input::Picked { x, indices } => {
                let rows = indices[rows].iter().map(|row| *row as usize);
                layout.copy_rows(rows, x, |x| x, [to, to_beside]);
            }
            Input::Bytes { x, scale, indices } => {
                let rows = indices[rows].iter().map(|row| *row as usize);
                layout.copy_rows(rows, x, |x| f32::from(x) * scale, [to, to_beside]);
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
