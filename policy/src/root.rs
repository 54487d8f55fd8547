//! Correctly rounded square roots without a floating-point unit's help, through integer roots.

/// The correctly rounded square root in f64; NaN below zero.
pub(crate) fn sqrt(x: f64) -> f64 {
    if x == 0.0 || x == f64::INFINITY {
        return x;
    }
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    let subnormal = x < f64::MIN_POSITIVE;
    let x = if subnormal { x * power_of_two_f64(108) } else { x };
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i64 - 1075;
    let odd = exponent & 1;
    let mantissa = u128::from((bits & ((1 << 52) - 1)) | (1 << 52)) << odd;
    // The root has 54 bits; adding one and halving rounds it to 53. It can not lie exactly between.
    let root = (mantissa << 54).isqrt() as u64;
    let y = root.div_ceil(2) as f64 * power_of_two_f64((exponent - odd - 54) / 2 + 1);
    if subnormal { y * power_of_two_f64(-54) } else { y }
}

/// The correctly rounded square root in f32 (through a 64-bit integer root); NaN below zero.
pub(crate) fn sqrt_f32(x: f32) -> f32 {
    if x == 0.0 || x == f32::INFINITY {
        return x;
    }
    if x.is_nan() || x < 0.0 {
        return f32::NAN;
    }
    let bits = f64::from(x).to_bits();
    let exponent = (bits >> 52) as i64 - 1046;
    // An f32 leaves the low 29 bits of the f64 mantissa empty: 24 bits remain.
    let mantissa = ((bits & ((1 << 52) - 1)) | (1 << 52)) >> 29;
    let shift = 25 + ((exponent + 1) & 1);
    // The root of 49 or 50 bits has 25 and 24 are wanted: as in `sqrt`.
    let root = (mantissa << shift).isqrt();
    (root.div_ceil(2) as f64 * power_of_two_f64((exponent - shift) / 2 + 1)) as f32
}

/// 2ⁿ for -1022 ≤ n ≤ 1023.
fn power_of_two_f64(n: i64) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn square_roots_equal_the_processor_s_bit_for_bit() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..200_000 {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let x = f64::from_bits(bits & !(1 << 63));
            if x.is_finite() {
                assert_eq!(sqrt(x).to_bits(), x.sqrt().to_bits(), "sqrt({x:e})");
            }
            let y = f32::from_bits((bits as u32) & !(1 << 31));
            if y.is_finite() {
                assert_eq!(sqrt_f32(y).to_bits(), y.sqrt().to_bits(), "sqrt({y:e})");
            }
        }
        for x in [0.0, 1.0, 2.0, 4.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::INFINITY] {
            assert_eq!(sqrt(x), x.sqrt());
        }
        assert!(sqrt(-1.0).is_nan() && sqrt_f32(-1.0).is_nan() && sqrt(f64::NAN).is_nan());
    }
}
