//! Elementary functions on vectors, within a few units in the last place.
//!
//! The polynomials are those of [`slm_policy::math`], here with fused multiply-adds where the
//! processor has them; tanh is a rational function with a single division.

use crate::simd::Simd;

const LOG2_E: f32 = core::f32::consts::LOG2_E;
/// ln 2 split in two, so that `n * LN2_HI` is exact for every exponent `n` (Cephes).
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;
/// 1.5 · 2²³: adding and subtracting it rounds a small float to the nearest integer.
const ROUND: f32 = 12_582_912.0;
/// Beyond this tanh is ±1 in f32.
const TANH_LIMIT: f32 = 7.905_311;

/// A polynomial by Horner's rule, the highest coefficient first.
#[inline(always)]
pub(crate) fn polynomial<S: Simd, const N: usize>(s: S, x: S::V, coefficients: [f32; N]) -> S::V {
    let mut sum = s.splat(coefficients[0]);
    for c in &coefficients[1..] {
        sum = s.fma(sum, x, s.splat(*c));
    }
    sum
}

/// The value limited to `[low, high]`; NaN stays NaN.
#[inline(always)]
pub(crate) fn clamp<S: Simd>(s: S, x: S::V, low: f32, high: f32) -> S::V {
    s.min(s.splat(high), s.max(s.splat(low), x))
}

/// -x.
#[inline(always)]
pub(crate) fn neg<S: Simd>(s: S, x: S::V) -> S::V {
    s.sub(s.splat(0.0), x)
}

/// `(2ⁿ, eʳ - 1)` with x = n ln 2 + r.
#[inline(always)]
fn exp_parts<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    let shifted = s.fma(x, s.splat(LOG2_E), s.splat(ROUND));
    let n = s.sub(shifted, s.splat(ROUND));
    let r = s.fma(n, s.splat(-LN2_LO), s.fma(n, s.splat(-LN2_HI), x));
    let p = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5.0e-1];
    let p = polynomial(s, r, p);
    (s.power_of_two(shifted), s.fma(p, s.mul(r, r), r))
}

/// eˣ for -87 ≤ x ≤ 88, the value at the nearer bound elsewhere.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    let (scale, q) = exp_parts(s, clamp(s, x, -87.0, 88.0));
    s.fma(scale, q, scale)
}

/// eˣ - 1, also near zero; saturates at x = 88.
#[inline(always)]
pub(crate) fn expm1<S: Simd>(s: S, x: S::V) -> S::V {
    let (scale, q) = exp_parts(s, clamp(s, x, -25.0, 88.0));
    s.fma(scale, q, s.sub(scale, s.splat(1.0)))
}

/// ln x of each lane.
#[inline(always)]
pub(crate) fn ln<S: Simd>(s: S, x: S::V) -> S::V {
    let mut lanes = s.to_array(x);
    for x in &mut lanes[..S::LANES] {
        *x = slm_policy::math::ln(*x);
    }
    s.load(&lanes)
}

/// tanh x, never beyond ±1.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::V) -> S::V {
    let x = clamp(s, x, -TANH_LIMIT, TANH_LIMIT);
    let z = s.mul(x, x);
    let p = [
        -2.760_768_5e-16,
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297_1e-8,
        1.485_722_4e-5,
        6.372_619_3e-4,
        4.893_524_6e-3,
    ];
    let q = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];
    s.div(s.mul(x, polynomial(s, z, p)), polynomial(s, z, q))
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    s.div(one, s.add(one, exp(s, neg(s, x))))
}

/// ln(1 + eˣ) without overflow.
#[inline(always)]
pub(crate) fn softplus<S: Simd>(s: S, x: S::V) -> S::V {
    let t = exp(s, neg(s, s.abs(x)));
    // ln(1 + t) = 2 artanh(t / (2 + t)) by its series, the argument is at most 1/3.
    let a = s.div(t, s.add(s.splat(2.0), t));
    let z = s.mul(a, a);
    let series = [1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0];
    let p = s.mul(z, polynomial(s, z, series));
    let twice = s.add(a, a);
    s.add(s.max(s.splat(0.0), x), s.fma(twice, p, twice))
}

/// The share Φ(-x) of the standard normal distribution beyond x ≥ 0.
///
/// Abramowitz and Stegun (1964), *Handbook of Mathematical Functions*, eq. 7.1.26.
#[inline(always)]
pub(crate) fn normal_tail<S: Simd>(s: S, x: S::V) -> S::V {
    let x = s.mul(x, s.splat(core::f32::consts::FRAC_1_SQRT_2));
    let one = s.splat(1.0);
    let t = s.div(one, s.fma(s.splat(0.327_591_1), x, one));
    let p = [1.061_405_4, -1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6];
    let p = s.mul(t, polynomial(s, t, p));
    s.mul(s.mul(s.splat(0.5), p), exp(s, neg(s, s.mul(x, x))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Isa, Kernel};

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        Expm1,
        Tanh,
        Sigmoid,
        Softplus,
    }

    struct Apply<'a>(Function, &'a mut [f32]);

    impl Kernel for Apply<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for block in self.1.chunks_mut(S::LANES) {
                let x = s.load_some(block);
                let y = match self.0 {
                    Function::Exp => exp(s, x),
                    Function::Expm1 => expm1(s, x),
                    Function::Tanh => tanh(s, x),
                    Function::Sigmoid => sigmoid(s, x),
                    Function::Softplus => softplus(s, x),
                };
                s.store_some(y, block);
            }
        }
    }

    /// Largest relative error in units of 2⁻²³ over a grid on all instruction sets.
    fn worst(function: Function, [low, high]: [f64; 2], exact: fn(f64) -> f64) -> f64 {
        let n = 400_000;
        let grid: Vec<f32> =
            (0..=n).map(|i| (low + (high - low) * f64::from(i) / f64::from(n)) as f32).collect();
        let mut worst = 0.0_f64;
        for isa in Isa::available() {
            let mut found = grid.clone();
            isa.run(Apply(function, &mut found));
            for (x, y) in grid.iter().zip(found) {
                let want = exact(f64::from(*x));
                let error = (f64::from(y) - want).abs() / want.abs().max(1e-30);
                worst = worst.max(error * f64::from(1 << 23));
            }
        }
        worst
    }

    #[test]
    fn functions_are_within_a_few_units_in_the_last_place_on_every_instruction_set() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        for (function, range, exact, limit) in [
            (Function::Exp, [-87.0, 88.0], f64::exp as fn(f64) -> f64, 2.0),
            (Function::Expm1, [-20.0, 20.0], f64::exp_m1, 4.0),
            (Function::Tanh, [-9.0, 9.0], f64::tanh, 6.0),
            (Function::Sigmoid, [-80.0, 40.0], sigmoid, 4.0),
            (Function::Softplus, [-80.0, 80.0], softplus, 5.0),
        ] {
            let worst = worst(function, range, exact);
            assert!(worst < limit, "{worst} on {range:?}");
        }
    }

    #[test]
    fn tanh_never_leaves_the_unit_interval_and_keeps_nan() {
        for isa in Isa::available() {
            // Every float from 4 to the limit, where rounding could lead beyond one.
            let mut y: Vec<f32> =
                (4.0_f32.to_bits()..8.0_f32.to_bits()).map(f32::from_bits).collect();
            isa.run(Apply(Function::Tanh, &mut y));
            let most = y.iter().fold(0.0, |most: f32, y| most.max(*y));
            assert!(most <= 1.0, "{most} {isa:?}");
            let mut x = [f32::INFINITY, f32::NEG_INFINITY, 8.0, f32::NAN, 0.0];
            isa.run(Apply(Function::Tanh, &mut x));
            assert!(x[0] <= 1.0 && x[0] > 0.999_999 && x[0] == -x[1] && x[2] <= 1.0, "{x:?}");
            assert!(x[3].is_nan() && x[4] == 0.0, "{x:?}");
        }
    }
}
