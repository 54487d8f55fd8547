//! Scaling of advantages and value targets.

/// Elements with mean 0 and (unbiased) standard deviation 1; ε = 1e-8 as in SLM-Lab.
pub fn standardize(values: &mut [f32]) {
    let n = values.len() as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
    let std = (squares / (n - 1.0).max(1.0)).sqrt();
    for x in values {
        *x = ((f64::from(*x) - mean) / (std + 1e-8)) as f32;
    }
}

/// Running variance of value targets (Chan et al., 1979), for `normalize_v_targets`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VarianceScale {
    /// Number of values seen.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// Their (biased) variance.
    pub variance: f64,
}

impl VarianceScale {
    /// Takes a batch of targets in.
    pub fn update(&mut self, values: &[f32]) {
        let n = values.len() as f64;
        if n == 0.0 {
            return;
        }
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        let total = self.count + n;
        let delta = mean - self.mean;
        let squares =
            self.variance * self.count + variance * n + delta * delta * self.count * n / total;
        self.mean += delta * n / total;
        self.variance = squares / total;
        self.count = total;
    }

    /// σ to divide values and targets by, at least 1.
    pub fn scale(&self) -> f64 {
        (self.variance + 1e-8).sqrt().max(1.0)
    }
}

/// Moving averages of the 5th and 95th percentile of advantages.
/// Hafner et al. (2023), arXiv:2301.04104 (`DreamerV3`), eq. 12.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PercentileScale {
    /// Moving average of the 5th percentile.
    pub low: f64,
    /// Moving average of the 95th percentile.
    pub high: f64,
}

impl PercentileScale {
    /// Takes a batch in and divides it by max(1, high − low).
    pub fn normalize(&mut self, values: &mut [f32]) {
        let mut sorted = values.to_vec();
        sorted.sort_by(f32::total_cmp);
        self.low = 0.99 * self.low + 0.01 * percentile(&sorted, 0.05);
        self.high = 0.99 * self.high + 0.01 * percentile(&sorted, 0.95);
        let scale = (self.high - self.low).max(1.0);
        for x in values {
            *x = (f64::from(*x) / scale) as f32;
        }
    }
}

/// The quantile q of sorted numbers: linear interpolation between the closest ranks, as
/// `torch.quantile` and `numpy.percentile` do.
pub fn percentile<T: Copy + Into<f64>>(sorted: &[T], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let (below, share) = (position.floor() as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below].into() * (1.0 - share) + sorted[above].into() * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: &[f32], expected: &[f32]) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 2e-6 * e.abs().max(1.0), "{found:?} is not {expected:?}");
        }
    }

    /// Mean 1.7, unbiased std √(96.8/4) = 4.9193: `slm_golden.json`, symlog.standardize.
    #[test]
    fn standardize_matches_the_recorded_values() {
        let mut values = [-3.0, -0.5, 0.0, 2.0, 10.0];
        standardize(&mut values);
        assert_close(&values, &[-0.945_691_2, -0.442_664, -0.342_058_5, 0.060_363_3, 1.670_051]);
    }

    /// `slm_golden.json`, `ReturnNormalizer`.
    #[test]
    fn running_variance_matches_the_recorded_values() {
        let mut scale = VarianceScale::default();
        scale.update(&[1.0, 5.0, 9.0]);
        assert!((scale.variance - 10.666_667).abs() < 1e-6);
        scale.update(&[100.0, 200.0, -50.0, 0.0]);
        assert!((scale.mean - 37.857_143).abs() < 1e-6);
        assert!((scale.variance - 6_082.122_449).abs() < 1e-6);
        scale.update(&[3.0]);
        assert!((scale.variance - 5454.75).abs() < 1e-6);
    }

    /// `slm_golden.json`, `PercentileNormalizer`.
    #[test]
    fn percentile_scale_matches_the_recorded_values() {
        let mut scale = PercentileScale::default();
        let mut first: Vec<f32> = (0..=10u8).map(f32::from).collect();
        scale.normalize(&mut first);
        assert!((scale.low - 0.005).abs() < 1e-9 && (scale.high - 0.095).abs() < 1e-9);
        let mut second = [-100.0, 0.0, 100.0, 300.0];
        scale.normalize(&mut second);
        assert!((scale.low + 0.845_05).abs() < 1e-6 && (scale.high - 2.794_05).abs() < 1e-6);
        assert_close(&second, &[-27.479_324, 0.0, 27.479_324, 82.437_97]);
    }
}
