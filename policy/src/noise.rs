//! Where sampled actions get their randomness from.

use crate::math;
use crate::root;

/// Random numbers, supplied by whoever samples: the crate has no generator of its own.
pub trait Noise {
    /// A number drawn uniformly from [0, 1).
    fn uniform(&mut self) -> f64;

    /// A number drawn from the standard normal distribution; by default Marsaglia's polar method in f32 precision.
    fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = u * u + v * v;
            if s < 1.0 && s > 0.0 {
                return u * root::sqrt(-2.0 * f64::from(math::ln(s as f32)) / s);
            }
        }
    }

    /// A number drawn from the standard Gumbel distribution: -ln(-ln u) of a uniform u.
    fn gumbel(&mut self) -> f32 {
        // 1 - u is never zero, but one where u is zero: there the smallest step away is taken.
        let exponential = -math::ln((1.0 - self.uniform()) as f32);
        -math::ln(exponential.max(f32::EPSILON / 4.0))
    }

    /// A number drawn from the Gamma distribution of this shape, at least 1, and scale 1.
    ///
    /// Marsaglia and Tsang (2000), "A simple method for generating gamma variables". NaN where the
    /// shape is not finite: no candidate would ever be accepted.
    fn gamma(&mut self, shape: f64) -> f64 {
        if !shape.is_finite() {
            return f64::NAN;
        }
        let d = shape.max(1.0) - 1.0 / 3.0;
        let c = 1.0 / root::sqrt(9.0 * d);
        loop {
            let (x, u) = (self.normal(), self.uniform());
            let root = 1.0 + c * x;
            let v = root * root * root;
            // 1 - u is never zero; the logarithms in f32 precision decide acceptance only.
            let limit = 0.5 * x * x + d * (1.0 - v + f64::from(math::ln(v as f32)));
            if v > 0.0 && f64::from(math::ln((1.0 - u) as f32)) <= limit {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// A small generator for the tests (`SplitMix64`).
    pub(crate) struct Random(pub(crate) u64);

    impl Noise for Random {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    #[test]
    fn default_normal_noise_has_mean_zero_variance_one_and_kurtosis_three() {
        let mut random = Random(7);
        let n = 200_000;
        let draws: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let moment = |p: i32| draws.iter().map(|x| x.powi(p)).sum::<f64>() / f64::from(n);
        // Standard errors at n = 2e5: 0.0022, 0.0032, 0.022; five of each allowed.
        assert!(moment(1).abs() < 0.011, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.016, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.11, "{}", moment(4));
    }

    #[test]
    fn gamma_noise_has_mean_and_variance_of_its_shape() {
        let mut random = Random(11);
        let n = 100_000;
        for shape in [1.0, 2.5, 30.0] {
            let draws: Vec<f64> = (0..n).map(|_| random.gamma(shape)).collect();
            let mean = draws.iter().sum::<f64>() / f64::from(n);
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
            // Standard errors: √(shape/n) and shape √((2 + 6/shape)/n); five of each allowed.
            let error = |variance: f64| 5.0 * (variance / f64::from(n)).sqrt();
            assert!((mean - shape).abs() < error(shape), "{mean} of {shape}");
            let spread = shape * shape * (2.0 + 6.0 / shape);
            assert!((variance - shape).abs() < error(spread), "{variance} of {shape}");
        }
    }

    struct Always(f64);

    impl Noise for Always {
        fn uniform(&mut self) -> f64 {
            self.0
        }
    }

    /// exp(-exp(-x)) = 1 - u: at u = 1 - 1/e it is 0.
    #[test]
    fn gumbel_noise_inverts_its_distribution_and_is_finite() {
        assert!(Always(1.0 - (-1.0_f64).exp()).gumbel().abs() < 1e-6);
        assert!(Always(0.0).gumbel().is_finite());
        assert!(Always(1.0 - f64::EPSILON / 2.0).gumbel().is_finite());
    }
}
