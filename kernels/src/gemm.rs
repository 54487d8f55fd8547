//! Matrix products over packed panels of the right operand.

use crate::simd::Kernel;
use crate::simd::Simd;
use crate::tile::Lhs;
use crate::tile::Panel;
use crate::tile::tile;

/// Depth of a block of products, so that a panel stays in the first-level cache.
const DEPTH: usize = 256;
/// Vectors in a row of a full panel.
const WIDTH: usize = 2;
/// Numbers a pack buffer needs: the deepest and widest panel.
pub(crate) const PACK: usize = DEPTH * WIDTH * crate::simd::MAX_LANES;
/// Up to so many rows a full panel is read where it lies instead of being packed.
const UNPACKED_ROWS: usize = 8;

/// The right operand B of a product.
#[derive(Clone, Copy)]
pub(crate) enum Rhs<'a> {
    /// Row-major `[k, n]`.
    Rows(&'a [f32]),
    /// The transpose of a row-major `[n, k]`.
    Transposed(&'a [f32]),
}

/// What the sums start from.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// Zero.
    Zero,
    /// A row added to every row.
    Bias(&'a [f32]),
    /// What the output holds.
    Output,
}

/// C = start + A · B with row-major C `[m, n]`; k in order for each element.
pub(crate) struct Gemm<'a> {
    /// Rows of A and C.
    pub(crate) m: usize,
    /// Columns of A, rows of B.
    pub(crate) k: usize,
    /// Columns of B and C.
    pub(crate) n: usize,
    pub(crate) a: Lhs<'a>,
    pub(crate) b: Rhs<'a>,
    pub(crate) start: Start<'a>,
    pub(crate) out: &'a mut [f32],
    /// Where to put the sums of the columns of B, if wanted; they start like the product.
    pub(crate) column_sums: Option<&'a mut [f32]>,
    /// Scratch of at least [`PACK`] numbers.
    pub(crate) pack: &'a mut [f32],
}

impl Kernel for Gemm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        assert_eq!(self.out.len(), self.m * self.n, "the output is [m, n]");
        let (Rhs::Rows(b) | Rhs::Transposed(b)) = self.b;
        assert_eq!(b.len(), self.k * self.n, "the right operand has k · n numbers");
        assert!(self.pack.len() >= PACK, "the pack buffer holds a panel");
        let width = WIDTH * S::LANES;
        for depth in (0..self.k.max(1)).step_by(DEPTH) {
            for column in (0..self.n).step_by(width) {
                let block = Block {
                    depth,
                    depths: DEPTH.min(self.k - depth),
                    column,
                    columns: width.min(self.n - column),
                };
                if block.columns > S::LANES {
                    self.block::<S, WIDTH>(s, block);
                } else {
                    self.block::<S, 1>(s, block);
                }
            }
        }
    }
}

/// Part of the right operand.
#[derive(Clone, Copy)]
struct Block {
    depth: usize,
    depths: usize,
    column: usize,
    columns: usize,
}

impl Gemm<'_> {
    #[inline(always)]
    fn block<S: Simd, const WIDTH: usize>(&mut self, s: S, block: Block) {
        let whole = block.columns == WIDTH * S::LANES;
        let in_place = whole && self.m <= UNPACKED_ROWS && self.column_sums.is_none();
        match self.b {
            Rhs::Rows(b) if in_place => {
                let from = &b[block.depth * self.n + block.column..];
                self.strip::<S, WIDTH>(s, block, Panel { values: from, stride: self.n });
            }
            Rhs::Rows(b) => {
                self.pack_rows::<S, WIDTH>(s, block, b);
                self.packed::<S, WIDTH>(s, block);
            }
            Rhs::Transposed(b) => {
                self.pack_transposed::<S>(s, block, WIDTH * S::LANES, b);
                self.packed::<S, WIDTH>(s, block);
            }
        }
    }

    #[inline(always)]
    fn packed<S: Simd, const WIDTH: usize>(&mut self, s: S, block: Block) {
        let pack = core::mem::take(&mut self.pack);
        self.strip::<S, WIDTH>(s, block, Panel { values: pack, stride: WIDTH * S::LANES });
        self.pack = pack;
    }

    /// Copies a panel of B, padded with zeros, and sums its columns if asked to.
    #[inline(always)]
    fn pack_rows<S: Simd, const WIDTH: usize>(&mut self, s: S, block: Block, b: &[f32]) {
        let Block { depth, depths, column, columns } = block;
        let mut sums = [s.splat(0.0); WIDTH];
        if let Some(old) = self.column_sums.as_deref()
            && (depth > 0 || matches!(self.start, Start::Output))
        {
            sums = load_row::<S, WIDTH>(s, &old[column..column + columns]);
        }
        let rows = b[depth * self.n..].chunks_exact(self.n).take(depths);
        for (row, to) in rows.zip(self.pack.chunks_exact_mut(WIDTH * S::LANES)) {
            let vectors = load_row::<S, WIDTH>(s, &row[column..column + columns]);
            for ((v, sum), to) in
                vectors.iter().zip(&mut sums).zip(to.chunks_exact_mut(S::LANES))
            {
                *sum = s.add(*sum, *v);
                s.store(*v, to);
            }
        }
        if let Some(new) = self.column_sums.as_deref_mut() {
            store_row(s, sums, &mut new[column..column + columns]);
        }
    }

    /// Turns a panel's rows in memory, `[columns, k]`, into its columns, padded with zeros.
    #[inline(always)]
    fn pack_transposed<S: Simd>(&mut self, s: S, block: Block, width: usize, b: &[f32]) {
        let Block { depth, depths, column, columns } = block;
        if columns < width {
            self.pack[..depths * width].fill(0.0);
        }
        let from = Panel { values: &b[column * self.k + depth..], stride: self.k };
        let (whole_columns, whole_depths) = (columns - columns % S::LANES, depths - depths % S::LANES);
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

    /// All rows of C below one panel.
    #[inline(always)]
    fn strip<S: Simd, const WIDTH: usize>(&mut self, s: S, block: Block, panel: Panel<'_>) {
        let mut row = 0;
        if S::TILE_ROWS == 8 {
            row = self.rows::<S, 8, WIDTH>(s, row, block, panel);
        } else if S::TILE_ROWS == 6 {
            row = self.rows::<S, 6, WIDTH>(s, row, block, panel);
        }
        row = self.rows::<S, 4, WIDTH>(s, row, block, panel);
        row = self.rows::<S, 2, WIDTH>(s, row, block, panel);
        self.rows::<S, 1, WIDTH>(s, row, block, panel);
    }

    /// As many tiles of `ROWS` rows from `row` on as fit; returns the first row left over.
    #[inline(always)]
    fn rows<S: Simd, const ROWS: usize, const WIDTH: usize>(
        &mut self,
        s: S,
        mut row: usize,
        block: Block,
        panel: Panel<'_>,
    ) -> usize {
        let Block { depth, depths, column, columns } = block;
        while row + ROWS <= self.m {
            let out = &mut self.out[row * self.n + column..];
            let start = if depth > 0 { Start::Output } else { self.start };
            let mut sums = [[s.splat(0.0); WIDTH]; ROWS];
            for (i, sums) in sums.iter_mut().enumerate() {
                match start {
                    Start::Zero => {}
                    Start::Bias(bias) => *sums = load_row(s, &bias[column..column + columns]),
                    Start::Output => *sums = load_row(s, &out[i * self.n..][..columns]),
                }
            }
            let a = if depths == 0 { self.a } else { self.a.at(row, depth) };
            let sums = tile(s, depths, a, panel, sums);
            for (i, sums) in sums.into_iter().enumerate() {
                store_row(s, sums, &mut out[i * self.n..][..columns]);
            }
            row += ROWS;
        }
        row
    }
}

/// A row of vectors from a slice that may be narrower, padded with zeros.
#[inline(always)]
fn load_row<S: Simd, const WIDTH: usize>(s: S, from: &[f32]) -> [S::V; WIDTH] {
    let mut row = [s.splat(0.0); WIDTH];
    if from.len() == WIDTH * S::LANES {
        for (v, from) in row.iter_mut().zip(from.chunks_exact(S::LANES)) {
            *v = s.load(from);
        }
    } else {
        for (v, from) in row.iter_mut().zip(from.chunks(S::LANES)) {
            *v = s.load_some(from);
        }
    }
    row
}

/// Writes a row of vectors to a slice that may be narrower.
#[inline(always)]
fn store_row<S: Simd, const WIDTH: usize>(s: S, row: [S::V; WIDTH], to: &mut [f32]) {
    if to.len() == WIDTH * S::LANES {
        for (v, to) in row.into_iter().zip(to.chunks_exact_mut(S::LANES)) {
            s.store(v, to);
        }
    } else {
        for (v, to) in row.into_iter().zip(to.chunks_mut(S::LANES)) {
            s.store_some(v, to);
        }
    }
}

/// Transposes the block of `from` at row j and column p.
#[inline(always)]
#[allow(unsafe_code, reason = "the bounds are checked right before")]
fn transpose<S: Simd>(s: S, from: Panel<'_>, [j, p]: [usize; 2], to: &mut [f32], width: usize) {
    let from_values = &from.values[j * from.stride + p..];
    assert!((S::LANES - 1) * from.stride + S::LANES <= from_values.len(), "a whole block");
    assert!((S::LANES - 1) * width + S::LANES <= to.len(), "room for a whole block");
    // SAFETY: both sides hold LANES rows of LANES numbers, as asserted.
    unsafe { s.transpose(from_values.as_ptr(), from.stride, to.as_mut_ptr(), width) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Isa;

    fn ramp(n: usize, scale: f32) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) * scale).collect()
    }

    fn turned(values: &[f32], width: usize) -> Vec<f32> {
        (0..width).flat_map(|j| values.iter().skip(j).step_by(width).copied()).collect()
    }

    /// Whole numbers, so that every order of summation gives the same result.
    fn naive([m, k, n]: [usize; 3], a: &[f32], b: &[f32], start: impl Fn(usize) -> f32) -> Vec<f32> {
        let product = |i: usize, j: usize| {
            (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum::<f32>() + start(i * n + j)
        };
        (0..m * n).map(|at| product(at / n, at % n)).collect()
    }

    fn shapes() -> Vec<[usize; 3]> {
        let mut shapes = vec![[64, 64, 64], [3, 600, 40], [9, 257, 17], [1, 1, 1], [2, 0, 3]];
        for m in 1..20 {
            shapes.push([m, 5, 33]);
            shapes.push([7, m, 2 * m]);
            shapes.push([17, 33, m]);
        }
        shapes
    }

    #[test]
    fn every_shape_equals_the_naive_product_on_every_instruction_set() {
        for isa in Isa::available() {
            for [m, k, n] in shapes() {
                let (a, b) = (ramp(m * k, 1.0), ramp(k * n, 1.0));
                let (at, bt) = (turned(&a, k.max(1)), turned(&b, n));
                let bias = ramp(n, 2.0);
                let mut pack = vec![9.0; PACK];
                let (mut out, mut sums) = (vec![1.0; m * n], vec![1.0; n]);
                isa.run(Gemm {
                    m,
                    k,
                    n,
                    a: Lhs::transposed(&at, m),
                    b: Rhs::Rows(&b),
                    start: Start::Output,
                    out: &mut out,
                    column_sums: Some(&mut sums),
                    pack: &mut pack,
                });
                assert_eq!(out, naive([m, k, n], &a, &b, |_| 1.0), "{isa:?} {m} {k} {n}");
                assert_eq!(sums, naive([1, k, n], &vec![1.0; k], &b, |_| 1.0));
                for b in [Rhs::Rows(&b), Rhs::Transposed(&bt)] {
                    out.fill(7.0);
                    let a = Lhs::rows(&a, k);
                    let start = Start::Bias(&bias);
                    let (out, pack) = (&mut out[..], &mut pack[..]);
                    isa.run(Gemm { m, k, n, a, b, start, out, column_sums: None, pack });
                }
                assert_eq!(out, naive([m, k, n], &a, &b, |at| bias[at % n]), "{m} {k} {n}");
            }
        }
    }
}
