//! Elementary functions in f32 without libm: branch-free, so that loops over them vectorize, and the same bits everywhere.
//!
//! Nothing here fuses a multiplication with an addition, so every processor rounds alike. The
//! stated errors are asserted by the tests over dense grids against the standard library in f64.

const LOG2_E: f32 = core::f32::consts::LOG2_E;
/// ln 2 split in two, so that `n * LN2_HI` is exact for every exponent `n` (Cephes).
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;
/// 1.5 · 2²³: adding and subtracting it rounds a small float to the nearest integer.
const ROUND: f32 = 12_582_912.0;
/// The sign bit.
const SIGN: u32 = 1 << 31;

/// The value limited to `[low, high]`; NaN stays NaN, and the signs of zeros are the same on every processor.
#[inline(always)]
pub fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// Polynomial core shared by [`exp`] and [`expm1`]: `x = n ln 2 + r`, returns `(n, e^r - 1)`.
#[inline(always)]
fn exp_reduced(x: f32) -> (i32, f32) {
    let shifted = x * LOG2_E + ROUND;
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let n_float = shifted - ROUND;
    let r = (x - n_float * LN2_HI) - n_float * LN2_LO;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5.0e-1;
    (n, p * (r * r) + r)
}

/// 2ⁿ for -126 ≤ n ≤ 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// eˣ to within 2 units in the last place, with subnormal results and overflow to infinity.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let (n, q) = exp_reduced(clamp(x, -104.0, 89.0));
    let half = n >> 1;
    (1.0 + q) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// eˣ - 1 to within 4 units in the last place, also near zero; saturates at x = 88.
#[inline(always)]
pub fn expm1(x: f32) -> f32 {
    let (n, q) = exp_reduced(clamp(x, -25.0, 88.0));
    let scale = power_of_two(n);
    scale * q + (scale - 1.0)
}

/// ln(1 + t) for 0 ≤ t ≤ 1 to within 3 units in the last place: 2 artanh(t / (2 + t)).
#[inline(always)]
fn ln_1p_unit(t: f32) -> f32 {
    two_artanh(t / (2.0 + t))
}

/// 2 artanh(s) for |s| ≤ 1/3 by its series.
#[inline(always)]
fn two_artanh(s: f32) -> f32 {
    let z = s * s;
    let p = 1.0 / 15.0;
    let p = p * z + 1.0 / 13.0;
    let p = p * z + 1.0 / 11.0;
    let p = p * z + 1.0 / 9.0;
    let p = p * z + 1.0 / 7.0;
    let p = p * z + 1.0 / 5.0;
    let p = p * z + 1.0 / 3.0;
    let twice = s + s;
    twice + twice * (z * p)
}

/// ln x to within 3 units in the last place; -∞ at zero, NaN below.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 16_777_216.0 } else { x };
    let bits = scaled.to_bits();
    // The mantissa in [√½, √2), so that ln m stays small on both sides of one.
    let n = (bits.wrapping_sub(0x3f35_04f3) as i32) >> 23;
    let m = f32::from_bits(bits.wrapping_sub((n as u32) << 23));
    let n_float = n as f32 - if tiny { 24.0 } else { 0.0 };
    let y = n_float * LN2_HI + (two_artanh((m - 1.0) / (m + 1.0)) + n_float * LN2_LO);
    let y = if x < f32::INFINITY { y } else { x };
    let y = if x > 0.0 { y } else { f32::NAN };
    if x == 0.0 { f32::NEG_INFINITY } else { y }
}

/// tanh x to within 3 units in the last place, odd to the bit and never beyond ±1.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let magnitude = f32::from_bits(x.to_bits() & !SIGN);
    let limited = if magnitude > 10.0 { 10.0 } else { magnitude };
    let (n, q) = exp_reduced(limited + limited);
    let scale = power_of_two(n);
    // e²ˣ - 1, as in `expm1`.
    let e = scale * q + (scale - 1.0);
    let y = e / (e + 2.0);
    f32::from_bits(y.to_bits() | (x.to_bits() & SIGN))
}

/// The logistic function 1 / (1 + e⁻ˣ) to within 4 units in the last place down to x = -87.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// ln(1 + eˣ) to within 4 units in the last place, without overflow.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let positive = if 0.0 > x { 0.0 } else { x };
    let magnitude = if x < 0.0 { -x } else { x };
    positive + ln_1p_unit(exp(-magnitude))
}

/// The error function, absolute error below 5e-7.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let magnitude = f32::from_bits(x.to_bits() & !SIGN);
    let y = 1.0 - erfc_positive(magnitude);
    f32::from_bits(y.to_bits() | (x.to_bits() & SIGN))
}

/// 1 - erf x for x ≥ 0, absolute error below 5e-7 and vanishing as x grows.
///
/// Abramowitz and Stegun (1964), *Handbook of Mathematical Functions*, eq. 7.1.26.
#[inline(always)]
pub(crate) fn erfc_positive(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let p = 1.061_405_4;
    let p = p * t - 1.453_152;
    let p = p * t + 1.421_413_8;
    let p = p * t - 0.284_496_74;
    let p = p * t + 0.254_829_6;
    p * t * exp(-(x * x))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest error in units in the last place of the true value over a grid of `n` points.
    fn worst_ulp(low: f64, high: f64, n: u32, f: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
        let mut worst = 0.0_f64;
        for i in 0..=n {
            let x = (low + (high - low) * f64::from(i) / f64::from(n)) as f32;
            let want = exact(f64::from(x));
            let nearest = (want as f32).abs().max(f32::MIN_POSITIVE);
            let ulp = f64::from(f32::from_bits(nearest.to_bits() + 1)) - f64::from(nearest);
            let error = (f64::from(f(x)) - want).abs() / ulp;
            assert!(error.is_finite(), "f({x}) = {} but expected {want}", f(x));
            worst = worst.max(error);
        }
        worst
    }

    #[test]
    fn exp_is_within_2_ulp() {
        let worst = worst_ulp(-87.0, 88.7, 2_000_000, exp, f64::exp);
        assert!(worst < 2.0, "{worst}");
    }

    #[test]
    fn exp_reaches_infinity_zero_and_subnormals() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(89.0), f32::INFINITY);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(f32::NAN).is_nan());
        // A subnormal, so with few bits.
        assert!((f64::from(exp(-90.0)) / (-90.0_f64).exp() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn expm1_is_within_4_ulp_also_near_zero() {
        let worst = worst_ulp(-20.0, 20.0, 2_000_000, expm1, f64::exp_m1);
        assert!(worst < 4.0, "{worst}");
        let worst = worst_ulp(-1e-3, 1e-3, 200_000, expm1, f64::exp_m1);
        assert!(worst < 4.0, "{worst}");
        assert_eq!(expm1(f32::NEG_INFINITY), -1.0);
    }

    #[test]
    fn tanh_is_within_3_ulp_and_never_beyond_one() {
        let worst = worst_ulp(-9.5, 9.5, 2_000_000, tanh, f64::tanh);
        assert!(worst < 3.0, "{worst}");
        let worst = worst_ulp(-1e-2, 1e-2, 200_000, tanh, f64::tanh);
        assert!(worst < 3.0, "{worst}");
        assert_eq!(tanh(f32::INFINITY), -tanh(f32::NEG_INFINITY));
        assert_eq!(tanh(f32::INFINITY), 1.0);
        assert_eq!(tanh(-0.0).to_bits(), (-0.0_f32).to_bits());
        assert!(tanh(f32::NAN).is_nan());
    }

    #[test]
    fn sigmoid_is_within_4_ulp_on_both_sides() {
        let worst = worst_ulp(-87.0, 40.0, 2_000_000, sigmoid, |x| 1.0 / (1.0 + (-x).exp()));
        assert!(worst < 4.0, "{worst}");
        assert_eq!((sigmoid(f32::INFINITY), sigmoid(f32::NEG_INFINITY)), (1.0, 0.0));
    }

    #[test]
    fn softplus_is_within_4_ulp_and_does_not_overflow() {
        let exact = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        let worst = worst_ulp(-80.0, 80.0, 2_000_000, softplus, exact);
        assert!(worst < 4.0, "{worst}");
        assert_eq!(softplus(1e30), 1e30);
    }

    #[test]
    fn ln_is_within_3_ulp_from_subnormals_to_the_largest_float() {
        for exponent in -140..127 {
            let low = 2.0_f64.powi(exponent);
            let worst = worst_ulp(low, 2.0 * low, 5_000, ln, f64::ln);
            assert!(worst < 3.0, "{worst} near 2^{exponent}");
        }
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(0.0), f32::NEG_INFINITY);
        assert_eq!(ln(f32::INFINITY), f32::INFINITY);
        assert!(ln(-1.0).is_nan() && ln(f32::NAN).is_nan());
    }

    /// erf by its Maclaurin series in f64, good to 1e-11 for |x| ≤ 4.2.
    fn erf_series(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..120 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * core::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn erf_has_an_absolute_error_below_5e_7() {
        for i in -42_000..=42_000 {
            let x = i as f32 * 1e-4;
            let error = (f64::from(erf(x)) - erf_series(f64::from(x))).abs();
            assert!(error < 5e-7, "erf({x}) is off by {error}");
        }
        assert_eq!((erf(9.0), erf(-9.0)), (1.0, -1.0));
    }

    #[test]
    fn gelu_has_an_absolute_error_below_1e_6() {
        for i in -42_000..=42_000 {
            let x = i as f32 * 1e-4;
            let mut y = [x];
            crate::Activation::Gelu.apply(&mut y);
            let x = f64::from(x);
            let error = (f64::from(y[0]) - 0.5 * x * (1.0 + erf_series(x / 2.0_f64.sqrt()))).abs();
            assert!(error < 1e-6, "gelu({x}) is off by {error}");
        }
    }
}
