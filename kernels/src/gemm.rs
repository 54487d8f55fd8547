//! Matrix products over packed panels of the right operand.

use crate::lanes::blocks;
use crate::math;
use crate::pack::Block;
use crate::pack::load_row;
use crate::pack::store_row;
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
    /// k rows of n numbers, each starting `stride` after the one before.
    Rows { values: &'a [f32], stride: usize },
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

/// What happens to the finished sums, still in registers.
#[derive(Clone, Copy)]
pub(crate) enum End<'a> {
    /// Nothing.
    Keep,
    /// max(0, x).
    Relu,
    /// tanh x.
    Tanh,
    /// Times the derivative of relu where its output was this `[m, n]`.
    ReluSlope(&'a [f32]),
    /// Times the derivative of tanh where its output was this `[m, n]`.
    TanhSlope(&'a [f32]),
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
    pub(crate) end: End<'a>,
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
        if let Rhs::Transposed(b) = self.b {
            assert_eq!(b.len(), self.k * self.n, "the right operand is [n, k]");
        }
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

impl Gemm<'_> {
    #[inline(always)]
    fn block<S: Simd, const WIDTH: usize>(&mut self, s: S, block: Block) {
        let whole = block.columns == WIDTH * S::LANES;
        let in_place = whole && self.m <= UNPACKED_ROWS && self.column_sums.is_none();
        match self.b {
            Rhs::Rows { values, stride } if in_place => {
                let values = &values[block.depth * stride + block.column..];
                self.strip::<S, WIDTH>(s, block, Panel { values, stride });
            }
            Rhs::Rows { values, stride } => {
                self.pack_rows::<S, WIDTH>(s, block, Panel { values, stride });
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
            let mut sums = [[s.splat(0.0); WIDTH]; ROWS];
            let start = if depth > 0 { Start::Output } else { self.start };
            match start {
                Start::Zero => {}
                Start::Bias(bias) => sums = [load_row(s, &bias[column..column + columns]); ROWS],
                Start::Output => {
                    for i in 0..ROWS {
                        sums[i] = load_row(s, &out[i * self.n..][..columns]);
                    }
                }
            }
            let a = if depths == 0 { self.a } else { self.a.at(row, depth) };
            tile(s, depths, a, panel, &mut sums);
            for i in 0..ROWS {
                store_row(s, &sums[i], &mut out[i * self.n..][..columns]);
            }
            if depth + depths == self.k {
                for i in row..row + ROWS {
                    self.finish::<S, WIDTH>(s, i * self.n + column, columns);
                }
            }
            row += ROWS;
        }
        row
    }

    /// Ends the sums of a row of a tile, just stored at `first` and after.
    #[inline(always)]
    fn finish<S: Simd, const WIDTH: usize>(&mut self, s: S, first: usize, columns: usize) {
        let out = &mut self.out[first..first + columns];
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        match self.end {
            End::Keep => {}
            End::Relu => {
                for at in blocks::<S>(columns) {
                    at.store(s, s.max(zero, at.load(s, out)), out);
                }
            }
            End::Tanh => {
                for at in blocks::<S>(columns) {
                    at.store(s, math::tanh(s, at.load(s, out)), out);
                }
            }
            End::ReluSlope(kept) => {
                let kept = &kept[first..first + columns];
                for at in blocks::<S>(columns) {
                    let (y, d) = (at.load(s, kept), at.load(s, out));
                    at.store(s, s.select_gt(y, zero, d, zero), out);
                }
            }
            End::TanhSlope(kept) => {
                let kept = &kept[first..first + columns];
                for at in blocks::<S>(columns) {
                    let (y, d) = (at.load(s, kept), at.load(s, out));
                    at.store(s, s.mul(d, s.fma(math::neg(s, y), y, one)), out);
                }
            }
        }
    }
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
    fn naive(
        [m, k, n]: [usize; 3],
        a: &[f32],
        b: &[f32],
        start: impl Fn(usize) -> f32,
    ) -> Vec<f32> {
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

    /// Starts from ones and sums the columns besides.
    fn check_sums(isa: Isa, [m, k, n]: [usize; 3], pack: &mut [f32]) {
        let (a, b) = (ramp(m * k, 1.0), ramp(k * n, 1.0));
        let turned = turned(&a, k.max(1));
        let (mut out, mut sums) = (vec![1.0; m * n], vec![1.0; n]);
        isa.run(Gemm {
            m,
            k,
            n,
            a: Lhs::transposed(&turned, m),
            b: Rhs::Rows { values: &b, stride: n },
            start: Start::Output,
            end: End::Keep,
            out: &mut out,
            column_sums: Some(&mut sums),
            pack,
        });
        assert_eq!(out, naive([m, k, n], &a, &b, |_| 1.0), "{isa:?} {m} {k} {n}");
        assert_eq!(sums, naive([1, k, n], &vec![1.0; k], &b, |_| 1.0));
    }

    /// Starts from a bias, with B as it is and transposed, and ends with relu.
    fn check_bias(isa: Isa, [m, k, n]: [usize; 3], pack: &mut [f32]) {
        let (a, b, bias) = (ramp(m * k, 1.0), ramp(k * n, 1.0), ramp(n, 2.0));
        let turned = turned(&b, n);
        let mut expected = naive([m, k, n], &a, &b, |at| bias[at % n]);
        for x in &mut expected {
            *x = x.max(0.0);
        }
        for b in [Rhs::Rows { values: &b, stride: n }, Rhs::Transposed(&turned)] {
            let mut out = vec![7.0; m * n];
            let (a, start, end) = (Lhs::rows(&a, k), Start::Bias(&bias), End::Relu);
            let (out_, pack) = (&mut out[..], &mut pack[..]);
            isa.run(Gemm { m, k, n, a, b, start, end, out: out_, column_sums: None, pack });
            assert_eq!(out, expected, "{isa:?} {m} {k} {n}");
        }
    }

    #[test]
    fn every_shape_equals_the_naive_product_on_every_instruction_set() {
        let mut pack = vec![9.0; PACK];
        for isa in Isa::available() {
            for shape in shapes() {
                check_sums(isa, shape, &mut pack);
                check_bias(isa, shape, &mut pack);
            }
        }
    }
}
