//! A train step written by hand for one shape each, with AVX-512: the speed limit to compare with.
//!
//! All sizes are constants, products are 8 by 32 tiles, activations and their derivatives happen in
//! registers, and there is one pass of Adam.
#![allow(unsafe_code, reason = "hand-written kernels with intrinsics")]
#![allow(clippy::wildcard_imports, reason = "intrinsics have distinctive names")]

use core::arch::x86_64::*;

/// Three linear layers; tanh or relu between them.
pub(crate) struct Bound<
    const I: usize,
    const H: usize,
    const O: usize,
    const N: usize,
    const TANH: bool,
> {
    pub(crate) params: Vec<f32>,
    moments: [Vec<f32>; 2],
    grads: Vec<f32>,
    hidden: [Vec<f32>; 2],
    d_hidden: [Vec<f32>; 2],
    pub(crate) output: Vec<f32>,
    d_output: Vec<f32>,
    pack: Vec<f32>,
    steps: i32,
}

pub(crate) fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("fma")
}

impl<const I: usize, const H: usize, const O: usize, const N: usize, const TANH: bool>
    Bound<I, H, O, N, TANH>
{
    pub(crate) fn new(params: &[f32]) -> Self {
        let zeros = |n: usize| vec![0.0; n + 64];
        Self {
            params: params.to_vec(),
            moments: [vec![0.0; params.len()], vec![0.0; params.len()]],
            grads: vec![0.0; params.len()],
            hidden: [zeros(N * H), zeros(N * H)],
            d_hidden: [zeros(N * H), zeros(N * H)],
            output: vec![0.0; N * O],
            d_output: vec![0.0; N * O],
            pack: zeros(H.max(N) * H),
            steps: 0,
        }
    }

    /// Forward, mean squared error, backward and Adam.
    pub(crate) fn step(&mut self, x: &[f32], target: &[f32]) {
        assert!(available() && x.len() == N * I && target.len() == N * O);
        // SAFETY: AVX-512 is available and every buffer has the size of its constants.
        unsafe { self.step_avx512(x, target) }
    }

    const B1: usize = I * H;
    const W2: usize = Self::B1 + H;
    const B2: usize = Self::W2 + H * H;
    const W3: usize = Self::B2 + H;
    const B3: usize = Self::W3 + H * O;

    #[target_feature(enable = "avx512f,avx512dq,fma")]
    unsafe fn step_avx512(&mut self, x: &[f32], target: &[f32]) {
        // SAFETY: the caller checked the sizes.
        unsafe {
            self.forward(x);
            for (d, (y, t)) in self.d_output.iter_mut().zip(self.output.iter().zip(target)) {
                *d = (y - t) * (2.0 / (N * O) as f32);
            }
            self.backward(x);
        }
        self.adam();
    }

    #[target_feature(enable = "avx512f,avx512dq,fma")]
    unsafe fn forward(&mut self, x: &[f32]) {
        let (p, pack) = (self.params.as_ptr(), self.pack.as_mut_ptr());
        let [h1, h2] = [self.hidden[0].as_mut_ptr(), self.hidden[1].as_mut_ptr()];
        // SAFETY: all pointers have the sizes that the constants say.
        unsafe {
            for j in (0..H).step_by(32) {
                pack_rows::<I, H>(p.add(j), pack);
                let bias = p.add(Self::B1 + j);
                panel::<N, I, I, 1, H, 1, TANH>(x.as_ptr(), pack, h1.add(j), bias, h1);
            }
            for j in (0..H).step_by(32) {
                pack_rows::<H, H>(p.add(Self::W2 + j), pack);
                panel::<N, H, H, 1, H, 1, TANH>(h1, pack, h2.add(j), p.add(Self::B2 + j), h1);
            }
            let y = self.output.as_mut_ptr();
            narrow_forward::<N, H, O>(h2, p.add(Self::W3), p.add(Self::B3), y);
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,fma")]
    unsafe fn backward(&mut self, x: &[f32]) {
        let (p, pack) = (self.params.as_ptr(), self.pack.as_mut_ptr());
        let (g, dy) = (self.grads.as_mut_ptr(), self.d_output.as_ptr());
        let [h1, h2] = [self.hidden[0].as_ptr(), self.hidden[1].as_ptr()];
        let [d1, d2] = [self.d_hidden[0].as_mut_ptr(), self.d_hidden[1].as_mut_ptr()];
        // SAFETY: all pointers have the sizes that the constants say.
        unsafe {
            narrow_grads::<N, H, O>(h2, dy, g.add(Self::W3), g.add(Self::B3));
            narrow_inputs::<N, H, O, TANH>(dy, p.add(Self::W3), h2, d2);
            for j in (0..H).step_by(32) {
                pack_and_sum::<N, H>(d2.add(j), pack, g.add(Self::B2 + j));
                panel::<H, N, 1, H, H, 0, TANH>(h1, pack, g.add(Self::W2 + j), p, h1);
            }
            for j in (0..H).step_by(32) {
                pack_transposed::<H>(p.add(Self::W2 + j * H), pack);
                panel::<N, H, H, 1, H, 2, TANH>(d2, pack, d1.add(j), p, h1.add(j));
            }
            for j in (0..H).step_by(32) {
                pack_and_sum::<N, H>(d1.add(j), pack, g.add(Self::B1 + j));
                panel::<I, N, 1, I, H, 0, TANH>(x.as_ptr(), pack, g.add(j), p, h1);
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,fma")]
    fn adam(&mut self) {
        self.steps += 1;
        let (c1, c2) = (1.0 - 0.9_f64.powi(self.steps), 1.0 - 0.999_f64.powi(self.steps));
        let (rate, scale) = ((-1e-3 / c1) as f32, (1.0 / c2.sqrt()) as f32);
        let [m, v] = &mut self.moments;
        let moments = m.iter_mut().zip(v.iter_mut());
        for ((p, g), (m, v)) in self.params.iter_mut().zip(&self.grads).zip(moments) {
            *m = m.mul_add(0.9, g * 0.1);
            *v = v.mul_add(0.999, g * g * 0.001);
            *p = (*m / v.sqrt().mul_add(scale, 1e-8)).mul_add(rate, *p);
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
unsafe fn pack_rows<const K: usize, const LD: usize>(from: *const f32, pack: *mut f32) {
    for p in 0..K {
        // SAFETY: K rows of 32 numbers on both sides.
        unsafe {
            _mm512_storeu_ps(pack.add(p * 32), _mm512_loadu_ps(from.add(p * LD)));
            _mm512_storeu_ps(pack.add(p * 32 + 16), _mm512_loadu_ps(from.add(p * LD + 16)));
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
unsafe fn pack_and_sum<const K: usize, const LD: usize>(
    from: *const f32,
    pack: *mut f32,
    sums: *mut f32,
) {
    let (mut left, mut right) = (_mm512_setzero_ps(), _mm512_setzero_ps());
    for p in 0..K {
        // SAFETY: K rows of 32 numbers on both sides.
        unsafe {
            let (a, b) =
                (_mm512_loadu_ps(from.add(p * LD)), _mm512_loadu_ps(from.add(p * LD + 16)));
            (left, right) = (_mm512_add_ps(left, a), _mm512_add_ps(right, b));
            _mm512_storeu_ps(pack.add(p * 32), a);
            _mm512_storeu_ps(pack.add(p * 32 + 16), b);
        }
    }
    // SAFETY: 32 sums.
    unsafe {
        _mm512_storeu_ps(sums, left);
        _mm512_storeu_ps(sums.add(16), right);
    }
}

/// 32 rows of an H by H matrix as columns.
#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
unsafe fn pack_transposed<const H: usize>(from: *const f32, pack: *mut f32) {
    for j in (0..32).step_by(16) {
        for p in (0..H).step_by(4) {
            // SAFETY: 32 rows of H numbers, H rows of 32 numbers.
            unsafe {
                let quad = |r: usize| {
                    let at = from.add((j + r) * H + p);
                    let v = _mm512_castps128_ps512(_mm_loadu_ps(at));
                    let v = _mm512_insertf32x4::<1>(v, _mm_loadu_ps(at.add(4 * H)));
                    let v = _mm512_insertf32x4::<2>(v, _mm_loadu_ps(at.add(8 * H)));
                    _mm512_insertf32x4::<3>(v, _mm_loadu_ps(at.add(12 * H)))
                };
                let (a, b, c, d) = (quad(0), quad(1), quad(2), quad(3));
                let (ab0, ab1) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                let (cd0, cd1) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                let to = pack.add(p * 32 + j);
                _mm512_storeu_ps(to, _mm512_shuffle_ps::<0x44>(ab0, cd0));
                _mm512_storeu_ps(to.add(32), _mm512_shuffle_ps::<0xee>(ab0, cd0));
                _mm512_storeu_ps(to.add(64), _mm512_shuffle_ps::<0x44>(ab1, cd1));
                _mm512_storeu_ps(to.add(96), _mm512_shuffle_ps::<0xee>(ab1, cd1));
            }
        }
    }
}

/// 32 columns of C `[M, LDC]` = A · pack; END 0 stores, 1 adds a bias and activates, 2 multiplies
/// with the derivative at `y`.
#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
unsafe fn panel<
    const M: usize,
    const K: usize,
    const ROW: usize,
    const COLUMN: usize,
    const LDC: usize,
    const END: u8,
    const TANH: bool,
>(
    a: *const f32,
    pack: *const f32,
    c: *mut f32,
    bias: *const f32,
    y: *const f32,
) {
    let mut i = 0;
    while i < M {
        let (a, c, y) = (a.wrapping_add(i * ROW), c.wrapping_add(i * LDC), y.wrapping_add(i * LDC));
        // SAFETY: the constants describe the sizes.
        i += unsafe {
            match M - i {
                8.. => block::<8, K, ROW, COLUMN, LDC, END, TANH>(a, pack, c, bias, y),
                4..8 => block::<4, K, ROW, COLUMN, LDC, END, TANH>(a, pack, c, bias, y),
                _ => block::<1, K, ROW, COLUMN, LDC, END, TANH>(a, pack, c, bias, y),
            }
        };
    }
}

/// `R` rows of a panel; returns their number.
#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
unsafe fn block<
    const R: usize,
    const K: usize,
    const ROW: usize,
    const COLUMN: usize,
    const LDC: usize,
    const END: u8,
    const TANH: bool,
>(
    a: *const f32,
    pack: *const f32,
    c: *mut f32,
    bias: *const f32,
    y: *const f32,
) -> usize {
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    // SAFETY: the constants describe the sizes.
    unsafe {
        if END == 1 {
            sums = [[_mm512_loadu_ps(bias), _mm512_loadu_ps(bias.add(16))]; R];
        }
        for p in 0..K {
            let b0 = _mm512_loadu_ps(pack.add(p * 32));
            let b1 = _mm512_loadu_ps(pack.add(p * 32 + 16));
            for (i, sum) in sums.iter_mut().enumerate() {
                let left = _mm512_set1_ps(*a.add(i * ROW + p * COLUMN));
                sum[0] = _mm512_fmadd_ps(left, b0, sum[0]);
                sum[1] = _mm512_fmadd_ps(left, b1, sum[1]);
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            for (j, mut v) in sum.into_iter().enumerate() {
                let at = i * LDC + j * 16;
                if END == 1 {
                    v = if TANH { tanh(v) } else { _mm512_max_ps(_mm512_setzero_ps(), v) };
                }
                if END == 2 {
                    v = slope::<TANH>(v, _mm512_loadu_ps(y.add(at)));
                }
                _mm512_storeu_ps(c.add(at), v);
            }
        }
    }
    R
}

#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
fn slope<const TANH: bool>(v: __m512, y: __m512) -> __m512 {
    if TANH {
        _mm512_mul_ps(v, _mm512_fnmadd_ps(y, y, _mm512_set1_ps(1.0)))
    } else {
        let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(y, _mm512_setzero_ps());
        _mm512_maskz_mov_ps(positive, v)
    }
}

#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
fn tanh(x: __m512) -> __m512 {
    let limit = _mm512_set1_ps(7.905_311);
    let x = _mm512_max_ps(_mm512_sub_ps(_mm512_setzero_ps(), limit), _mm512_min_ps(limit, x));
    let z = _mm512_mul_ps(x, x);
    let mut p = _mm512_set1_ps(-2.760_768_5e-16);
    for c in [
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297_1e-8,
        1.485_722_4e-5,
        6.372_619_3e-4,
        4.893_524_6e-3,
    ] {
        p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(c));
    }
    let mut q = _mm512_set1_ps(1.198_258_4e-6);
    for c in [1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3] {
        q = _mm512_fmadd_ps(q, z, _mm512_set1_ps(c));
    }
    _mm512_div_ps(_mm512_mul_ps(x, p), q)
}

/// Y = h W + b for few columns: dot products over the hidden units.
#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
unsafe fn narrow_forward<const N: usize, const H: usize, const O: usize>(
    h: *const f32,
    w: *const f32,
    b: *const f32,
    y: *mut f32,
) {
    let mut turned = [[0.0_f32; H]; O];
    for (i, column) in turned.iter_mut().enumerate() {
        for (j, x) in column.iter_mut().enumerate() {
            // SAFETY: the weight is [H, O].
            *x = unsafe { *w.add(j * O + i) };
        }
    }
    for i in 0..N {
        let mut sums = [_mm512_setzero_ps(); O];
        for j in (0..H).step_by(16) {
            // SAFETY: h is [N, H].
            let x = unsafe { _mm512_loadu_ps(h.add(i * H + j)) };
            for (sum, column) in sums.iter_mut().zip(&turned) {
                // SAFETY: a column has H numbers.
                *sum = _mm512_fmadd_ps(x, unsafe { _mm512_loadu_ps(column.as_ptr().add(j)) }, *sum);
            }
        }
        for (o, sum) in sums.into_iter().enumerate() {
            // SAFETY: y is [N, O].
            unsafe { *y.add(i * O + o) = _mm512_reduce_add_ps(sum) + *b.add(o) };
        }
    }
}

/// The gradients of the last layer: dW = hᵀ dY, db = Σ dY.
#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
unsafe fn narrow_grads<const N: usize, const H: usize, const O: usize>(
    h: *const f32,
    dy: *const f32,
    dw: *mut f32,
    db: *mut f32,
) {
    for j in (0..H).step_by(32) {
        let mut sums = [[_mm512_setzero_ps(); O]; 2];
        for i in 0..N {
            for (half, sums) in sums.iter_mut().enumerate() {
                // SAFETY: h is [N, H], dy is [N, O].
                let x = unsafe { _mm512_loadu_ps(h.add(i * H + j + 16 * half)) };
                for (o, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: as above.
                    *sum = _mm512_fmadd_ps(x, _mm512_set1_ps(unsafe { *dy.add(i * O + o) }), *sum);
                }
            }
        }
        for (at, sum) in sums.as_flattened().iter().enumerate() {
            let mut lanes = [0.0_f32; 16];
            // SAFETY: dw is [H, O].
            unsafe {
                _mm512_storeu_ps(lanes.as_mut_ptr(), *sum);
                for (lane, x) in lanes.iter().enumerate() {
                    *dw.add((j + 16 * (at / O) + lane) * O + at % O) = *x;
                }
            }
        }
    }
    for o in 0..O {
        // SAFETY: dy is [N, O].
        unsafe { *db.add(o) = (0..N).map(|i| *dy.add(i * O + o)).sum() };
    }
}

/// The gradient before the last activation: dY Wᵀ times the derivative.
#[target_feature(enable = "avx512f,avx512dq,fma")]
#[inline]
unsafe fn narrow_inputs<const N: usize, const H: usize, const O: usize, const TANH: bool>(
    dy: *const f32,
    w: *const f32,
    h: *const f32,
    d: *mut f32,
) {
    let mut turned = [[0.0_f32; H]; O];
    for (i, column) in turned.iter_mut().enumerate() {
        for (j, x) in column.iter_mut().enumerate() {
            // SAFETY: the weight is [H, O].
            *x = unsafe { *w.add(j * O + i) };
        }
    }
    for i in 0..N {
        for j in (0..H).step_by(16) {
            let mut sum = _mm512_setzero_ps();
            for (o, column) in turned.iter().enumerate() {
                // SAFETY: dy is [N, O], a column has H numbers.
                let (left, v) = unsafe {
                    (_mm512_set1_ps(*dy.add(i * O + o)), _mm512_loadu_ps(column.as_ptr().add(j)))
                };
                sum = _mm512_fmadd_ps(left, v, sum);
            }
            // SAFETY: both are [N, H].
            unsafe {
                let y = _mm512_loadu_ps(h.add(i * H + j));
                _mm512_storeu_ps(d.add(i * H + j), slope::<TANH>(sum, y));
            }
        }
    }
}
