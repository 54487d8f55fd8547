//! Four-lane vectors as arrays, which the compiler turns into SSE2 or NEON registers.

use super::Simd;

/// Proof of nothing: every processor runs this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portable;

const LANES: usize = 4;

#[inline(always)]
fn zip(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

#[allow(unsafe_code, reason = "reads and writes through the pointers of the tile kernels")]
impl Simd for Portable {
    const LANES: usize = LANES;
    const TILE_ROWS: usize = 4;
    type V = [f32; LANES];

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> Self::V {
        // SAFETY: the caller gives four readable numbers; an array of f32 has their alignment.
        unsafe { from.cast::<Self::V>().read() }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, v: Self::V, to: *mut f32) {
        // SAFETY: the caller gives four writable numbers; an array of f32 has their alignment.
        unsafe { to.cast::<Self::V>().write(v) }
    }
    #[inline(always)]
    fn load_some(self, from: &[f32]) -> Self::V {
        let mut v = [0.0; LANES];
        v.iter_mut().zip(from).for_each(|(v, x)| *v = *x);
        v
    }
    #[inline(always)]
    fn store_some(self, v: Self::V, to: &mut [f32]) {
        to.iter_mut().zip(v).for_each(|(x, v)| *x = v);
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            let mut sum = c;
            for i in 0..LANES {
                sum[i] = a[i].mul_add(b[i], c[i]);
            }
            sum
        } else {
            self.add(self.mul(a, b), c)
        }
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    fn abs(self, a: Self::V) -> Self::V {
        a.map(f32::abs)
    }
    #[inline(always)]
    fn select_gt(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        let mut chosen = no;
        for i in 0..LANES {
            chosen[i] = if a[i] > b[i] { yes[i] } else { no[i] };
        }
        chosen
    }
    #[inline(always)]
    fn power_of_two(self, shifted: Self::V) -> Self::V {
        shifted.map(|x| f32::from_bits((x.to_bits() << 23).wrapping_add(1.0_f32.to_bits())))
    }
    #[inline(always)]
    unsafe fn transpose(
        self,
        from: *const f32,
        from_stride: usize,
        to: *mut f32,
        to_stride: usize,
    ) {
        for i in 0..LANES {
            for j in 0..LANES {
                // SAFETY: the caller gives four rows of four numbers on both sides.
                unsafe { *to.add(j * to_stride + i) = *from.add(i * from_stride + j) };
            }
        }
    }
}
