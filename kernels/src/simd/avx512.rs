//! Sixteen-lane vectors with AVX-512.
#![allow(unsafe_code, reason = "intrinsics of a detected instruction set")]
#![allow(clippy::wildcard_imports, reason = "intrinsics have distinctive names")]

use core::arch::x86_64::*;

use super::Simd;

/// Proof that the processor has AVX-512 F, VL, DQ and BW.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx512 {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }
}

/// The first `n` lanes.
#[inline(always)]
fn mask(n: usize) -> __mmask16 {
    if n >= 16 { !0 } else { (1 << n) - 1 }
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    const TILE_ROWS: usize = 8;
    type V = __m512;

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> __m512 {
        // SAFETY: the token proves AVX-512; the caller gives sixteen readable numbers.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, v: __m512, to: *mut f32) {
        // SAFETY: the token proves AVX-512; the caller gives sixteen writable numbers.
        unsafe { _mm512_storeu_ps(to, v) }
    }
    #[inline(always)]
    fn load_some(self, from: &[f32]) -> __m512 {
        // SAFETY: the token proves AVX-512; masked lanes are not read.
        unsafe { _mm512_maskz_loadu_ps(mask(from.len()), from.as_ptr()) }
    }
    #[inline(always)]
    fn store_some(self, v: __m512, to: &mut [f32]) {
        // SAFETY: the token proves AVX-512; masked lanes are not written.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), mask(to.len()), v) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_sqrt_ps(a) }
    }
    #[inline(always)]
    fn abs(self, a: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_abs_ps(a) }
    }
    #[inline(always)]
    fn select_gt(self, a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes) }
    }
    #[inline(always)]
    fn power_of_two(self, shifted: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512.
        unsafe {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
            let one = _mm512_castps_si512(_mm512_set1_ps(1.0));
            _mm512_castsi512_ps(_mm512_add_epi32(exponent, one))
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
        for c in 0..4 {
            // SAFETY: the token proves AVX-512; the caller gives sixteen rows of sixteen numbers
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
                    _mm512_storeu_ps(to.add((4 * c + r) * to_stride), row);
                }
            }
        }
    }
}

/// Four numbers of each of the rows 0, 4, 8 and 12.
///
/// # Safety
/// AVX-512 is available and the rows are readable.
#[inline(always)]
unsafe fn rows_four_apart(at: *const f32, stride: usize) -> __m512 {
    // SAFETY: the caller promises both.
    unsafe {
        let v = _mm512_castps128_ps512(_mm_loadu_ps(at));
        let v = _mm512_insertf32x4::<1>(v, _mm_loadu_ps(at.add(4 * stride)));
        let v = _mm512_insertf32x4::<2>(v, _mm_loadu_ps(at.add(8 * stride)));
        _mm512_insertf32x4::<3>(v, _mm_loadu_ps(at.add(12 * stride)))
    }
}

/// Transposes the 4 by 4 blocks in each quarter.
///
/// # Safety
/// AVX-512 is available.
#[inline(always)]
unsafe fn transpose_quads([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    // SAFETY: the caller promises it.
    unsafe {
        let (ab0, ab1) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        let (cd0, cd1) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
        [
            _mm512_shuffle_ps::<0x44>(ab0, cd0),
            _mm512_shuffle_ps::<0xee>(ab0, cd0),
            _mm512_shuffle_ps::<0x44>(ab1, cd1),
            _mm512_shuffle_ps::<0xee>(ab1, cd1),
        ]
    }
}
