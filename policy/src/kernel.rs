//! Register-tiled matrix products over packed weight panels.
//!
//! Written over fixed-size arrays so that the compiler vectorizes them for whatever instruction
//! set the caller enabled; no multiplication is fused with an addition, so all sets agree.

use crate::linear::PANEL;

/// A strip of a layer's output columns together with its weights.
pub(crate) struct Strip<'a> {
    /// Width of an input row.
    pub(crate) inputs: usize,
    /// Width of an output row.
    pub(crate) outputs: usize,
    /// First column of the strip.
    pub(crate) column: usize,
    /// Weights `[inputs, width]`, or two such panels one after the other.
    pub(crate) panels: &'a [f32],
    /// Biases `[width]`.
    pub(crate) bias: &'a [f32],
}

impl Strip<'_> {
    /// Fills this strip of `output` `[n, outputs]` from `input` `[n, inputs]`, `ROWS` rows at a
    /// time; n is a multiple of `ROWS`.
    #[inline(always)]
    pub(crate) fn rows<const N: usize, const ROWS: usize>(
        &self,
        input: &[f32],
        output: &mut [f32],
    ) {
        let panel = self.panels.as_chunks::<N>().0;
        let bias = self.bias.first_chunk::<N>().expect("a strip has a bias for each column");
        let blocks = input.chunks_exact(self.inputs * ROWS);
        for (block, to) in blocks.zip(output.chunks_exact_mut(self.outputs * ROWS)) {
            let sums = tile::<N, ROWS>(block, self.inputs, panel, bias);
            for (row, sums) in to.chunks_exact_mut(self.outputs).zip(&sums) {
                self.store(sums, row);
            }
        }
    }

    /// Like [`Strip::rows`] one row at a time over two full panels: twice the independent sums
    /// hide the latency of the additions.
    #[inline(always)]
    pub(crate) fn pair(&self, input: &[f32], output: &mut [f32]) {
        let (left, right) = self.panels.split_at(self.panels.len() / 2);
        let (left, right) = (left.as_chunks::<PANEL>().0, right.as_chunks::<PANEL>().0);
        let bias = self.bias.first_chunk::<{ 2 * PANEL }>().expect("a pair has two panels");
        let rows = input.chunks_exact(self.inputs);
        for (from, to) in rows.zip(output.chunks_exact_mut(self.outputs)) {
            self.store(&row_of_pair(from, left, right, bias), to);
        }
    }

    /// Writes the columns of the strip that exist; padded ones are dropped.
    #[inline(always)]
    fn store<const N: usize>(&self, sums: &[f32; N], row: &mut [f32]) {
        let to = &mut row[self.column..];
        if let Some(full) = to.first_chunk_mut::<N>() {
            *full = *sums;
        } else {
            let width = to.len();
            to.copy_from_slice(&sums[..width]);
        }
    }
}

/// The sums of `ROWS` rows of `block` `[ROWS, inputs]` with a panel of `N` columns.
#[inline(always)]
fn tile<const N: usize, const ROWS: usize>(
    block: &[f32],
    inputs: usize,
    panel: &[[f32; N]],
    bias: &[f32; N],
) -> [[f32; N]; ROWS] {
    let mut rows = [&block[..0]; ROWS];
    for (row, values) in rows.iter_mut().zip(block.chunks_exact(inputs)) {
        *row = &values[..panel.len()];
    }
    let mut sums = [*bias; ROWS];
    for (i, weights) in panel.iter().enumerate() {
        let weights = *weights;
        for (total, row) in sums.iter_mut().zip(&rows) {
            // Copied out and back: the compiler then keeps the sums of a row in registers.
            let mut sum = *total;
            accumulate(&mut sum, row[i], &weights);
            *total = sum;
        }
    }
    sums
}

/// The sums of one row with two panels side by side.
#[inline(always)]
fn row_of_pair(
    row: &[f32],
    left: &[[f32; PANEL]],
    right: &[[f32; PANEL]],
    bias: &[f32; 2 * PANEL],
) -> [f32; 2 * PANEL] {
    let mut sums = *bias;
    let (halves, _) = sums.as_chunks_mut::<PANEL>();
    if let [first, second] = halves {
        for ((x, left), right) in row.iter().zip(left).zip(right) {
            accumulate(first, *x, left);
            accumulate(second, *x, right);
        }
    }
    sums
}

#[inline(always)]
fn accumulate<const N: usize>(sums: &mut [f32; N], x: f32, weights: &[f32; N]) {
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum += x * weight;
    }
}
