//! Statistics over runs: mean, median, interquartile mean, deviation and quantiles.
//!
//! Definitions are rliable's (Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of
//! the Statistical Precipice", arXiv:2108.13264). No value may be NaN: drop such runs first and say
//! so.

/// Mean; NaN for no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sample standard deviation (divisor n − 1); NaN below two values.
pub fn std_dev(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let center = mean(values);
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// Median; NaN for no values.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Quantile `q` in [0, 1] with linear interpolation, as `NumPy`'s default; NaN for no values.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    quantile_of_sorted(&sorted(values), q)
}

/// Interquartile mean: the mean without the lowest and highest ⌊n/4⌋ values; `SciPy`'s
/// `trim_mean(values, 0.25)`.
///
/// NaN for no values; below four values it is the mean.
pub fn iqm(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let cut = sorted.len() / 4;
    mean(&sorted[cut..sorted.len() - cut])
}

pub(super) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = q * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_median_and_deviation_of_known_values() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert_eq!(mean(&values), 5.0);
        assert_eq!(median(&values), 4.5);
        // Squared deviations sum to 32: sqrt(32 / 7).
        assert_eq!(std_dev(&values), (32.0_f64 / 7.0).sqrt());
    }

    #[test]
    fn no_values_have_no_mean_and_one_value_no_deviation() {
        assert!(mean(&[]).is_nan() && median(&[]).is_nan() && iqm(&[]).is_nan());
        assert!(std_dev(&[1.0]).is_nan());
    }

    #[test]
    fn quantiles_are_numpys() {
        // numpy.percentile([3, 1, 2, 10], [2.5, 25, 97.5]), NumPy 2.4.6.
        let values = [3.0, 1.0, 2.0, 10.0];
        assert_eq!(quantile(&values, 0.025), 1.075);
        assert_eq!(quantile(&values, 0.25), 1.75);
        assert!((quantile(&values, 0.975) - 9.475).abs() < 1e-12);
    }

    #[test]
    fn iqm_is_scipys_trimmed_mean() {
        // scipy.stats.trim_mean(values, 0.25), SciPy 1.17.1: ⌊n/4⌋ values are cut at each end.
        assert_eq!(iqm(&[1.0, 2.0, 30.0]), 11.0);
        assert_eq!(iqm(&[100.0, 2.0, 4.0, -50.0]), 3.0);
        assert_eq!(iqm(&[5.0, 1.0, 2.0, 3.0, 100.0]), 10.0 / 3.0);
        assert_eq!(iqm(&[8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]), 4.5);
    }
}
