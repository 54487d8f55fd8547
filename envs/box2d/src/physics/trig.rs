//! Sine and cosine of `f32` as the C library of Linux computes them, with the same bits on every machine.
//!
//! The library reduces the angle and evaluates two polynomials in `f64`, on processors with fused multiply-add in
//! their fused form. That form matters only where the `f64` result lies next to the middle of two `f32` numbers:
//! there, and only there, it is repeated fused, which is slow where the processor can not.

/// Largest angle that is reduced by one product in `f64`.
const MAX_FAST: f32 = 120.0;
const QUARTER_PI: f32 = std::f32::consts::FRAC_PI_4;
const HALF_PI: f64 = std::f64::consts::FRAC_PI_2;
/// Below this the sine is the angle and the cosine is 1.
const TINY: f32 = 1.0 / 4096.0;
/// Below this a reduced angle has lost bits.
const CANCELLED: f64 = 0.003_906_25; // 2^-8
/// 2/π in fixed point, most significant word first.
const TWO_OVER_PI: [u64; 4] =
    [0xa2f9_836e_4e44_1529, 0xfc27_57d1_f534_ddc0, 0xdb62_9599_3c43_9041, 0xfe51_63ab_debb_c561];
/// Coefficients of x³, x⁵, x⁷ in the sine.
const SIN: [f64; 3] = [
    f64::from_bits(0xbfc5_5554_5995_a603),
    f64::from_bits(0x3f81_1076_0523_0bc4),
    f64::from_bits(0xbf29_94eb_3774_cf24),
];
/// Coefficients of x², x⁴, x⁶, x⁸ in the cosine.
const COS: [f64; 4] = [
    f64::from_bits(0xbfdf_ffff_fd0c_621c),
    f64::from_bits(0x3fa5_5553_e106_8f19),
    f64::from_bits(0xbf56_c087_e89a_359d),
    f64::from_bits(0x3ef9_9343_027b_f8c3),
];

/// Sine and cosine of an angle, rad.
#[inline]
pub fn sin_cos(x: f32) -> (f32, f32) {
    let size = x.abs();
    if size < QUARTER_PI {
        if size < TINY {
            return (x, 1.0);
        }
        return round(f64::from(x), 0, x);
    }
    if size >= MAX_FAST {
        return large(x);
    }
    let n = quadrant(f64::from(x));
    let r = f64::from(x) - f64::from(n) * HALF_PI;
    // Near a multiple of π/2 the difference cancels: only the fused one is right.
    if r.abs() < CANCELLED { fused(n, x) } else { round(r, n, x) }
}

/// The same without branches, and whether it is right: if not, it is to be computed as [`sin_cos`] does. The quarter turns
/// are rounded by a sum, as no vector instruction makes an integer of them the way `as` does.
#[inline(always)]
#[allow(
    clippy::inline_always,
    clippy::needless_bitwise_bool,
    reason = "in loops over lanes, compiled for each instruction set"
)]
pub(super) fn sin_cos_unfused(x: f32) -> (f32, f32, bool) {
    const TO_INTEGER: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52: the last bit of a sum with it is 1
    let size = x.abs();
    let turns = f64::from(x) * std::f64::consts::FRAC_2_PI;
    let sum = turns + TO_INTEGER;
    let (nearest, n) = (sum - TO_INTEGER, sum.to_bits() as u32);
    let is_between = (turns - nearest).abs() > 0.499_999;
    let r = f64::from(x) - nearest * HALF_PI;
    let (sin, cos) = polynomials(r, |a, b, c| a * b + c);
    let is_tiny = size < TINY;
    let is_cancelled = (size >= QUARTER_PI) & (r.abs() < CANCELLED);
    let is_close = is_between | is_cancelled | is_near_middle(sin) | is_near_middle(cos);
    let (sin, cos) = (sin as f32, cos as f32);
    let (first, second) = if n & 1 == 0 { (sin, cos) } else { (cos, sin) };
    let first = if n & 2 == 0 { first } else { -first };
    let second = if n.wrapping_add(1) & 2 == 0 { second } else { -second };
    let first = if is_tiny { x } else { first };
    let second = if is_tiny { 1.0 } else { second };
    (first, second, is_tiny | (!is_close & (size < MAX_FAST)))
}

/// The nearest multiple of π/2.
#[inline]
fn quadrant(x: f64) -> i32 {
    const SCALED: f64 = std::f64::consts::FRAC_2_PI * 16_777_216.0; // 2/π in units of 2^-24
    ((x * SCALED) as i32).wrapping_add(0x0080_0000) >> 24
}

/// Sine and cosine of n π/2 + r, rounded to `f32`.
#[inline]
fn round(r: f64, n: i32, x: f32) -> (f32, f32) {
    let (sin, cos) = polynomials(r, |a, b, c| a * b + c);
    if is_near_middle(sin) || is_near_middle(cos) {
        return fused(n, x);
    }
    turn(sin as f32, cos as f32, n)
}

/// Sine and cosine of |r| ≤ π/4, with products and sums taken by `add_product`: a b + c.
#[inline]
fn polynomials(r: f64, add_product: impl Fn(f64, f64, f64) -> f64) -> (f64, f64) {
    let square = r * r;
    let fourth = square * square;
    let cube = r * square;
    let sin_tail = add_product(square, SIN[2], SIN[1]);
    let sin = add_product(cube, SIN[0], r);
    let cos_tail = add_product(square, COS[3], COS[2]);
    let cos_head = add_product(square, COS[0], 1.0);
    let cos = add_product(fourth, COS[1], cos_head);
    (add_product(cube * square, sin_tail, sin), add_product(fourth * square, cos_tail, cos))
}

/// Sine and cosine after n quarter turns.
#[inline]
fn turn(sin: f32, cos: f32, n: i32) -> (f32, f32) {
    match n & 3 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// Whether rounding to `f32` could go either way: the 29 bits that it drops are near one half, by as much as the
/// reduction of an angle of 120 to one of 2^-8 may err.
#[inline]
fn is_near_middle(value: f64) -> bool {
    const DROPPED: u32 = 0x1fff_ffff;
    const MARGIN: u32 = 1 << 16;
    (value.to_bits() as u32).wrapping_sub(0x1000_0000 - MARGIN) & DROPPED <= 2 * MARGIN
}

/// The same with every product and sum fused.
#[cold]
fn fused(n: i32, x: f32) -> (f32, f32) {
    let r = f64::from(-n).mul_add(HALF_PI, f64::from(x));
    let (sin, cos) = polynomials(r, f64::mul_add);
    turn(sin as f32, cos as f32, n)
}

/// Sine and cosine of an angle of many turns: reduced by 2/π in fixed point.
#[cold]
fn large(x: f32) -> (f32, f32) {
    const SCALE: f64 = HALF_PI / 4_611_686_018_427_387_904.0; // 2^-62 quarter turns
    if !x.is_finite() {
        return (f32::NAN, f32::NAN);
    }
    let exponent = (x.to_bits() >> 23 & 0xff) as i32 - 150;
    let significand = u64::from(x.to_bits() & 0x007f_ffff | 0x0080_0000);
    // Quarter turns modulo 4, in units of 2^-62.
    let turns = significand.wrapping_mul(window(exponent));
    let low = (u128::from(significand) * u128::from(window(exponent + 64))) >> 64;
    let turns = turns.wrapping_add(low as u64);
    let n = (turns.wrapping_add(1 << 61) >> 62) as i32;
    let r = turns.wrapping_sub((n as u64) << 62) as i64 as f64 * SCALE;
    let sign = if x < 0.0 { -1.0 } else { 1.0 };
    let (sin, cos) = polynomials(r, f64::mul_add);
    let (sin, cos) = turn(sin as f32, cos as f32, n);
    (sign * sin, cos)
}

/// 64 bits of 2/π from the bit of weight 2^(1 - shift) on: those that a number times 2^shift brings below 4.
fn window(shift: i32) -> u64 {
    // Bit i of the table (from 0) has the weight 2^-(i + 1); the bit wanted first is number shift - 2.
    let first = shift - 2;
    let bit = |i: i32| -> u64 {
        match usize::try_from(i) {
            Ok(i) if i < 256 => TWO_OVER_PI[i / 64] >> (63 - i % 64) & 1,
            _ => 0,
        }
    };
    (0..64).fold(0, |bits, i| bits << 1 | bit(first + i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_says_so_the_form_for_lanes_is_right_to_the_bit() {
        let eighths = (-320..320).flat_map(|k| {
            let bits = (k as f32 * QUARTER_PI).to_bits();
            (0..512).map(move |i| f32::from_bits(bits.wrapping_add(i).wrapping_sub(256)))
        });
        let everywhere = (0..1 << 20).map(|i| f32::from_bits(i * 4095));
        let (mut right, mut all) = (0, 0);
        for x in eighths.chain(everywhere) {
            let (sin, cos, is_right) = sin_cos_unfused(x);
            let bits = [sin, cos].map(f32::to_bits);
            assert!(!is_right || bits == <[f32; 2]>::from(sin_cos(x)).map(f32::to_bits), "{x}");
            right += u32::from(is_right && x.abs() < MAX_FAST);
            all += u32::from(x.abs() < MAX_FAST);
        }
        assert!(right > all / 2, "{right} of {all}");
    }
}
