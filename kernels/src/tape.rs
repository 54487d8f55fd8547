//! What a forward pass keeps for the backward pass, in memory that is used again.

use crate::simd::MAX_LANES;

/// Memory of one network's passes. It grows to the largest batch seen and is then reused.
#[derive(Debug, Default)]
pub struct Tape {
    /// Rows of the batch.
    pub(crate) n: usize,
    /// Kept values, block after block, as [`Mlp`](crate::Mlp) lays them out.
    pub(crate) values: Buffer,
    /// Gradients with respect to the output of each step, block after block.
    pub(crate) grads: Buffer,
    /// Scratch of the matrix products.
    pub(crate) pack: Buffer,
    /// Statistics of batch normalizations, step after step.
    pub(crate) stats: Buffer,
    /// Share of a row in those statistics; zero where they are constants.
    pub(crate) row_share: f32,
}

impl Tape {
    /// Makes room for `n` rows of so many columns of values and gradients, that much scratch and so
    /// many statistics.
    pub(crate) fn start(&mut self, n: usize, columns: [usize; 2], pack: usize, stats: usize) {
        assert!(n > 0, "a batch has rows");
        self.n = n;
        let rows = padded_rows(n);
        self.values.reserve(rows * columns[0]);
        self.grads.reserve(rows * columns[1]);
        self.pack.reserve(pack);
        self.stats.reserve(stats);
    }
}

/// Distance in rows between blocks of one column: blocks start at cache lines.
pub(crate) fn padded_rows(n: usize) -> usize {
    n.next_multiple_of(MAX_LANES)
}

/// Numbers that start at a cache line.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    numbers: Vec<f32>,
    start: usize,
}

impl Buffer {
    fn reserve(&mut self, len: usize) {
        const LINE: usize = 64;
        if self.numbers.len() < self.start + len {
            self.numbers.clear();
            self.numbers.resize(len + LINE / size_of::<f32>(), 0.0);
            // The largest possible offset also works, only slower.
            self.start = self.numbers.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>());
        }
    }

    pub(crate) fn get(&self) -> &[f32] {
        &self.numbers[self.start..]
    }

    pub(crate) fn get_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_starts_at_a_cache_line_and_moves_only_to_grow() {
        let mut buffer = Buffer::default();
        for len in [1, 100, 5000, 3] {
            let before = buffer.get().as_ptr();
            let fits = buffer.get().len() >= len;
            buffer.reserve(len);
            assert!(buffer.get().len() >= len);
            assert_eq!(buffer.get().as_ptr().addr() % 64, 0);
            assert!(!fits || before == buffer.get().as_ptr());
        }
    }
}
