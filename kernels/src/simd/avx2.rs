//! Eight-lane vectors with AVX2 and FMA.
#![allow(unsafe_code, reason = "intrinsics of a detected instruction set")]
#![allow(clippy::wildcard_imports, reason = "intrinsics have distinctive names")]

use core::arch::x86_64::*;

use super::Simd;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }
}

/// All ones in the first `n` lanes.
#[inline(always)]
fn mask(_: Avx2, n: usize) -> __m256i {
    const LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let from = &LANES[8 - n.min(8)..][..8];
    // SAFETY: the token proves AVX2; the slice has eight numbers.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const TILE_ROWS: usize = 6;
    type V = __m256;

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA; the caller gives eight readable numbers.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, v: __m256, to: *mut f32) {
        // SAFETY: the token proves AVX2 and FMA; the caller gives eight writable numbers.
        unsafe { _mm256_storeu_ps(to, v) }
    }
    #[inline(always)]
    fn load_some(self, from: &[f32]) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA; masked lanes are not read.
        unsafe { _mm256_maskload_ps(from.as_ptr(), mask(self, from.len())) }
    }
    #[inline(always)]
    fn store_some(self, v: __m256, to: &mut [f32]) {
        // SAFETY: the token proves AVX2 and FMA; masked lanes are not written.
        unsafe { _mm256_maskstore_ps(to.as_mut_ptr(), mask(self, to.len()), v) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_sqrt_ps(a) }
    }
    #[inline(always)]
    fn abs(self, a: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
    }
    #[inline(always)]
    fn select_gt(self, a: __m256, b: __m256, yes: __m256, no: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b)) }
    }
    #[inline(always)]
    fn power_of_two(self, shifted: __m256) -> __m256 {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
            let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
            _mm256_castsi256_ps(_mm256_add_epi32(exponent, one))
        }
    }
    #[inline(always)]
    unsafe fn transpose(
        self,
        from: *const f32,
        from_stride: usize,
        to: *mut f32,
        to_stride: usize,
    ) {
        for c in 0..2 {
            // SAFETY: the token proves AVX2 and FMA; the caller gives eight rows of eight numbers
            // on both sides, of which this reads columns 4c.. and writes rows 4c...
            unsafe {
                let at = from.add(4 * c);
                let turned = transpose_quads([
                    rows_four_apart(at, from_stride),
                    rows_four_apart(at.add(from_stride), from_stride),
                    rows_four_apart(at.add(2 * from_stride), from_stride),
                    rows_four_apart(at.add(3 * from_stride), from_stride),
                ]);
                for (r, row) in turned.into_iter().enumerate() {
                    _mm256_storeu_ps(to.add((4 * c + r) * to_stride), row);
                }
            }
        }
    }
}

/// Four numbers of each of the rows 0 and 4.
///
/// # Safety
/// AVX2 is available and the rows are readable.
#[inline(always)]
unsafe fn rows_four_apart(at: *const f32, stride: usize) -> __m256 {
    // SAFETY: the caller promises both.
    unsafe {
        let low = _mm256_castps128_ps256(_mm_loadu_ps(at));
        _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(at.add(4 * stride)))
    }
}

/// Transposes the 4 by 4 blocks in each half.
///
/// # Safety
/// AVX2 is available.
#[inline(always)]
unsafe fn transpose_quads([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    // SAFETY: the caller promises it.
    unsafe {
        let (ab0, ab1) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd0, cd1) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0x44>(ab0, cd0),
            _mm256_shuffle_ps::<0xee>(ab0, cd0),
            _mm256_shuffle_ps::<0x44>(ab1, cd1),
            _mm256_shuffle_ps::<0xee>(ab1, cd1),
        ]
    }
}
