//! Vector instructions chosen at run time: one trait, one implementation per instruction set.
#![allow(unsafe_code, reason = "loads and stores through pointers, where a bounds check costs")]
//!
//! A value of an implementing type proves that the processor has its instructions, so that its
//! methods are safe. Everything generic over it must be `#[inline(always)]` down from
//! [`Kernel::run`], because only then is it compiled with those instructions.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod isa;
mod portable;

pub use isa::Isa;

/// The most lanes a vector has.
pub(crate) const MAX_LANES: usize = 16;

/// A pass over slices, compiled once per instruction set.
pub(crate) trait Kernel {
    /// What it computes.
    type Output;

    /// Runs with the instructions of `S`; must be `#[inline(always)]`.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// Vectors of f32 of one instruction set.
pub(crate) trait Simd: Copy {
    /// Numbers in a vector.
    const LANES: usize;
    /// Rows of a full matrix tile two vectors wide, as many as the registers hold.
    const TILE_ROWS: usize;
    /// A vector.
    type V: Copy;

    /// The same number in every lane.
    fn splat(self, x: f32) -> Self::V;
    /// Reads a whole vector.
    ///
    /// # Safety
    /// `from` points to `LANES` readable numbers.
    unsafe fn load_ptr(self, from: *const f32) -> Self::V;
    /// Writes a whole vector.
    ///
    /// # Safety
    /// `to` points to `LANES` writable numbers.
    unsafe fn store_ptr(self, v: Self::V, to: *mut f32);
    /// The numbers of a slice shorter than a vector, then zeros.
    fn load_some(self, from: &[f32]) -> Self::V;
    /// As many lanes as the slice has, at most all.
    fn store_some(self, v: Self::V, to: &mut [f32]);
    /// a + b.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a - b.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a / b.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b + c, rounded once where the processor can.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger number; b if either is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The smaller number; b if either is NaN.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// √a.
    fn sqrt(self, a: Self::V) -> Self::V;
    /// |a|.
    fn abs(self, a: Self::V) -> Self::V;
    /// `yes` where a > b, `no` elsewhere and where either is NaN.
    fn select_gt(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// 2ⁿ from the bits of 1.5 · 2²³ + n, for -126 ≤ n ≤ 127.
    fn power_of_two(self, shifted: Self::V) -> Self::V;
    /// Writes the transpose of a `LANES` by `LANES` block.
    ///
    /// # Safety
    /// `from` points to `LANES` rows `from_stride` apart, `to` to as many `to_stride` apart.
    unsafe fn transpose(self, from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize);

    /// Reads the first whole vector of a slice.
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::V {
        assert!(from.len() >= Self::LANES, "a whole vector is read");
        // SAFETY: the slice has `LANES` numbers.
        unsafe { self.load_ptr(from.as_ptr()) }
    }

    /// Writes a whole vector to the start of a slice.
    #[inline(always)]
    fn store(self, v: Self::V, to: &mut [f32]) {
        assert!(to.len() >= Self::LANES, "a whole vector is written");
        // SAFETY: the slice has room for `LANES` numbers.
        unsafe { self.store_ptr(v, to.as_mut_ptr()) }
    }

    /// The lanes, then zeros.
    #[inline(always)]
    fn to_array(self, v: Self::V) -> [f32; MAX_LANES] {
        let mut lanes = [0.0; MAX_LANES];
        self.store(v, &mut lanes);
        lanes
    }

    /// The sum of all lanes, halves first.
    #[inline(always)]
    fn sum(self, v: Self::V) -> f32 {
        let mut lanes = self.to_array(v);
        let mut half = Self::LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
            half /= 2;
        }
        lanes[0]
    }
}
