//! Products with a matrix of a few columns, such as a head's weight: dot products over its rows,
//! which fill vectors that its columns would leave mostly empty.

use crate::simd::Kernel;
use crate::simd::Simd;

/// Rows of the input at a time.
const ROWS: usize = 4;
/// Columns of the weight at a time.
const COLUMNS: usize = 2;

/// out = input · weight + bias.
pub(crate) struct NarrowForward<'a> {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// `[n, inputs]`.
    pub(crate) input: &'a [f32],
    /// `[inputs, outputs]`.
    pub(crate) weight: &'a [f32],
    /// `[outputs]`, or empty.
    pub(crate) bias: &'a [f32],
    /// `[n, outputs]`.
    pub(crate) out: &'a mut [f32],
    /// Scratch for the transposed weight.
    pub(crate) turned: &'a mut [f32],
}

impl Kernel for NarrowForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        transpose(self.weight, self.outputs, self.turned);
        let n = self.out.len() / self.outputs;
        let mut row = 0;
        while row + ROWS <= n {
            self.columns::<S, ROWS>(s, row);
            row += ROWS;
        }
        while row < n {
            self.columns::<S, 1>(s, row);
            row += 1;
        }
    }
}

impl NarrowForward<'_> {
    #[inline(always)]
    fn columns<S: Simd, const ROWS: usize>(&mut self, s: S, row: usize) {
        let mut column = 0;
        while column + COLUMNS <= self.outputs {
            self.tile::<S, ROWS, COLUMNS>(s, row, column);
            column += COLUMNS;
        }
        if column < self.outputs {
            self.tile::<S, ROWS, 1>(s, row, column);
        }
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "constant bounds keep the sums in registers")]
    fn tile<S: Simd, const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        s: S,
        row: usize,
        column: usize,
    ) {
        let k = self.inputs;
        let rows = &self.input[row * k..(row + ROWS) * k];
        let columns = &self.turned[column * k..(column + COLUMNS) * k];
        let mut sums = [[s.splat(0.0); COLUMNS]; ROWS];
        let mut p = 0;
        while p < k {
            let lanes = S::LANES.min(k - p);
            let mut right = [s.splat(0.0); COLUMNS];
            for j in 0..COLUMNS {
                right[j] = load(s, &columns[j * k + p..][..lanes]);
            }
            for i in 0..ROWS {
                let left = load(s, &rows[i * k + p..][..lanes]);
                for j in 0..COLUMNS {
                    sums[i][j] = s.fma(left, right[j], sums[i][j]);
                }
            }
            p += lanes;
        }
        for i in 0..ROWS {
            for j in 0..COLUMNS {
                let bias = self.bias.get(column + j).copied().unwrap_or(0.0);
                self.out[(row + i) * self.outputs + column + j] = s.sum(sums[i][j]) + bias;
            }
        }
    }
}

#[inline(always)]
fn load<S: Simd>(s: S, from: &[f32]) -> S::V {
    if from.len() == S::LANES { s.load(from) } else { s.load_some(from) }
}

/// The transpose of a row-major matrix of that width.
pub(crate) fn transpose(from: &[f32], width: usize, to: &mut [f32]) {
    let height = from.len() / width;
    for (i, row) in from.chunks_exact(width).enumerate() {
        for (j, x) in row.iter().enumerate() {
            to[j * height + i] = *x;
        }
    }
}

/// Adds the columns of `from`, as many as there are sums, row by row.
pub(crate) fn add_columns(from: &[f32], sums: &mut [f32]) {
    for row in from.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Isa;

    /// Whole numbers, so that every order of summation gives the same result.
    #[test]
    fn every_shape_equals_the_naive_product_on_every_instruction_set() {
        let numbers = |n: usize| -> Vec<f32> { (0..n).map(|i| (i * 37 % 101) as f32).collect() };
        for isa in Isa::available() {
            for (n, inputs, outputs) in (1..7).flat_map(|n| {
                [1, 16, 33, 64].into_iter().flat_map(move |k| (1..6).map(move |o| (n, k, o)))
            }) {
                let (input, weight) = (numbers(n * inputs), numbers(inputs * outputs));
                let bias = numbers(outputs);
                let mut out = vec![9.0; n * outputs];
                let mut turned = vec![9.0; inputs * outputs];
                isa.run(NarrowForward {
                    inputs,
                    outputs,
                    input: &input,
                    weight: &weight,
                    bias: &bias,
                    out: &mut out,
                    turned: &mut turned,
                });
                for (at, found) in out.iter().enumerate() {
                    let (i, j) = (at / outputs, at % outputs);
                    let products =
                        (0..inputs).map(|p| input[i * inputs + p] * weight[p * outputs + j]);
                    assert_eq!(*found, products.sum::<f32>() + bias[j], "{n} {inputs} {outputs}");
                }
            }
        }
    }
}
