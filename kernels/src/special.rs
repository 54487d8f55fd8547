//! The gamma function's logarithm and its derivatives, for positive numbers.
//!
//! Recurrences lead to arguments of at least 10, where the asymptotic series are exact to f64:
//! Abramowitz and Stegun (1964), *Handbook of Mathematical Functions*, eq. 6.1.41, 6.3.18, 6.4.12.

/// From here on the series are used.
const LARGE: f64 = 10.0;
/// ½·ln 2π.
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// ln Γ(x) for x > 0.
pub fn ln_gamma(x: f64) -> f64 {
    let (mut product, mut y) = (1.0, x);
    while y < LARGE {
        product *= y;
        y += 1.0;
    }
    let z = 1.0 / (y * y);
    let series = [1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    (y - 0.5) * y.ln() - y + HALF_LN_2PI + polynomial(z, &series) / y - product.ln()
}

/// ψ(x) = d ln Γ(x) / dx for x > 0.
pub fn digamma(x: f64) -> f64 {
    let (mut sum, mut y) = (0.0, x);
    while y < LARGE {
        sum += 1.0 / y;
        y += 1.0;
    }
    let z = 1.0 / (y * y);
    let series =
        [1.0 / 132.0, -1.0 / 240.0, 1.0 / 252.0, -1.0 / 120.0, 1.0 / 12.0].map(|c: f64| -c);
    y.ln() - 0.5 / y + z * polynomial(z, &series) - sum
}

/// ψ'(x) for x > 0.
pub fn trigamma(x: f64) -> f64 {
    let (mut sum, mut y) = (0.0, x);
    while y < LARGE {
        sum += 1.0 / (y * y);
        y += 1.0;
    }
    let z = 1.0 / (y * y);
    let series = [5.0 / 66.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 1.0 / 6.0];
    sum + 1.0 / y + 0.5 * z + z * polynomial(z, &series) / y
}

/// By Horner's rule, the highest coefficient first.
fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EULER: f64 = 0.577_215_664_901_532_9;
    const PI: f64 = std::f64::consts::PI;
    const LN_2: f64 = std::f64::consts::LN_2;

    fn assert_close(found: f64, expected: f64) {
        let error = (found - expected).abs() / (1.0 + expected.abs());
        assert!(error < 1e-13, "{found} is not {expected}");
    }

    /// Γ(½) = √π, Γ(1) = Γ(2) = 1, Γ(5) = 24, Γ(21) = 20!; ln Γ(0.001) as tabulated.
    #[test]
    fn the_logarithm_of_the_gamma_function_has_its_known_values() {
        assert_close(ln_gamma(0.5), 0.5 * PI.ln());
        assert_close(ln_gamma(1.0), 0.0);
        assert_close(ln_gamma(2.0), 0.0);
        assert_close(ln_gamma(5.0), 24.0_f64.ln());
        assert_close(ln_gamma(21.0), 2_432_902_008_176_640_000.0_f64.ln());
        assert_close(ln_gamma(0.001), 6.907_178_885_383_853);
    }

    /// ψ(1) = -γ, ψ(½) = -γ - 2 ln 2, ψ(5) = 25/12 - γ.
    #[test]
    fn digamma_has_its_known_values() {
        assert_close(digamma(1.0), -EULER);
        assert_close(digamma(0.5), -EULER - 2.0 * LN_2);
        assert_close(digamma(5.0), 25.0 / 12.0 - EULER);
    }

    /// ψ'(1) = π²/6, ψ'(½) = π²/2, ψ'(3) = π²/6 - 5/4.
    #[test]
    fn trigamma_has_its_known_values() {
        assert_close(trigamma(1.0), PI * PI / 6.0);
        assert_close(trigamma(0.5), PI * PI / 2.0);
        assert_close(trigamma(3.0), PI * PI / 6.0 - 1.25);
    }

    #[test]
    fn each_is_the_slope_of_the_one_before_also_far_out() {
        for x in [0.3, 1.7, 9.5, 42.0, 1e4] {
            let h = 1e-5 * x;
            let slope = |f: fn(f64) -> f64| (f(x + h) - f(x - h)) / (2.0 * h);
            assert!((slope(ln_gamma) - digamma(x)).abs() < 1e-6 * (1.0 + digamma(x).abs()), "{x}");
            assert!((slope(digamma) - trigamma(x)).abs() < 1e-6, "{x}");
        }
    }
}
