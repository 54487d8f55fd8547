//! Operations in which the last bit of `NumPy` differs from the obvious one.
//!
//! The dynamics are chaotic: one wrong last bit of an angle becomes another trajectory within an episode.

use std::hint::black_box;

/// `x ** 2` of an `f64` scalar: the C library's `pow`, which rounds about one square in a thousand away from
/// the nearest number.
#[inline]
pub(crate) fn square(x: f64) -> f64 {
    // `pow` errs by 0.01 units beyond rounding: it differs only near the middle of two numbers.
    if is_near_tie(x) { pow2(x) } else { x * x }
}

/// `x ** 2` of an `f32` scalar: the C library's `powf`.
#[inline]
pub(crate) fn square_f32(x: f32) -> f32 {
    x.powf(black_box(2.0))
}

/// Remainder of floor division, the sign of the divisor: `x % y` for y > 0.
#[inline]
pub(crate) fn floor_mod(x: f64, y: f64) -> f64 {
    if 0.0 <= x && x < y {
        return x;
    }
    let remainder = x % y;
    if remainder < 0.0 { remainder + y } else { remainder.abs() }
}

/// Kept from folding `pow(x, 2)` into a product.
#[cold]
fn pow2(x: f64) -> f64 {
    x.powf(black_box(2.0))
}

/// Whether the exact square lies within 1/64 unit in the last place of the middle of two numbers: whether the
/// bits that rounding drops from the square of the 53-bit significand are near one half.
#[inline]
fn is_near_tie(x: f64) -> bool {
    const MARGIN: u64 = u64::MAX / 64;
    let significand = u128::from(x.to_bits() & 0x000f_ffff_ffff_ffff | 0x0010_0000_0000_0000);
    let square = significand * significand;
    // The square has 105 or 106 bits, 53 of which stay.
    let has_106_bits = (square >> 105) as u32;
    let dropped = (square as u64) << (12 - has_106_bits);
    dropped.wrapping_sub((1 << 63) - MARGIN) < 2 * MARGIN
}

/// Sine and cosine of `f32` numbers of at most π/4 in size, as `NumPy` computes them on x86-64 with fused
/// multiply-add: minimax polynomials, evaluated in `f32`.
pub(crate) mod small_angle {
    /// Cosine.
    pub(crate) fn cos(x: f32) -> f32 {
        let square = x * x;
        [-0.001_388_652, 0.041_666_62, -0.5, 1.0]
            .into_iter()
            .fold(2.437_226_6e-5_f32, |sum, coefficient| sum.mul_add(square, coefficient))
    }

    /// Sine.
    pub(crate) fn sin(x: f32) -> f32 {
        let square = x * x;
        let sum = [-0.000_198_564_91, 0.008_333_397, -0.166_666_67, 0.0]
            .into_iter()
            .fold(2.840_409_7e-6_f32, |sum, coefficient| sum.mul_add(square, coefficient));
        sum.mul_add(x, x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_what_pow_gives() {
        let mut rng = slm_env::Rng::from_seed(0);
        for _ in 0..300_000 {
            let x = rng.uniform(-8.0, 8.0);
            assert_eq!(square(x), pow2(x), "{x}");
        }
    }

    #[test]
    fn near_the_middle_of_two_numbers_is_seen() {
        // The significand 2^52 + 2^(52-k) has the square 2^104 + 2^(105-k) + 2^(104-2k), and 52 bits drop:
        // 0, a quarter and 2^-8 of a unit.
        let square_of = |k: f64| is_near_tie(1.0 + (-k).exp2());
        assert_eq!([26.0, 27.0, 30.0].map(square_of), [false; 3]);
        // (3 · 2^51 + 1)² = 9 · 2^102 + 3 · 2^52 + 1, and 53 bits drop: 2^52 + 1, just over half a unit.
        assert!(is_near_tie(1.5 + f64::EPSILON));
    }

    #[test]
    fn the_remainder_has_the_sign_of_the_divisor() {
        assert_eq!(
            [floor_mod(7.5, 2.0), floor_mod(-7.5, 2.0), floor_mod(-4.0, 2.0)],
            [1.5, 0.5, 0.0]
        );
    }

    #[test]
    fn small_angles_are_right_to_single_precision() {
        for i in -100i16..=100 {
            let x = f32::from(i) / 1000.0;
            assert!((small_angle::cos(x) - x.cos()).abs() <= f32::EPSILON);
            assert!((small_angle::sin(x) - x.sin()).abs() <= f32::EPSILON * 0.1);
        }
    }
}
