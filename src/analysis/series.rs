//! Sums, means and windows over a series with gaps, as pandas computes them: NaN means no value.

/// Σ over the values that are not NaN; 0 when there is none.
pub fn nan_sum(values: &[f64]) -> f64 {
    values.iter().filter(|value| !value.is_nan()).sum()
}

/// Mean over the values that are not NaN; NaN when there is none.
pub fn nan_mean(values: &[f64]) -> f64 {
    nan_sum(values) / values.iter().filter(|value| !value.is_nan()).count() as f64
}

/// Sample standard deviation (divisor n − 1) over the values that are not NaN; NaN below two.
pub fn nan_std(values: &[f64]) -> f64 {
    let mean = nan_mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - mean).powi(2)).collect();
    let count = squares.iter().filter(|square| !square.is_nan()).count();
    if count < 2 { f64::NAN } else { nan_sum(&squares) / (count - 1) as f64 }.sqrt()
}

/// Cumulative sum that skips NaN and is NaN where the series is. `[n]`
pub fn running_sum(values: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |value: &f64| {
        if value.is_nan() {
            return f64::NAN;
        }
        sum += value;
        sum
    };
    values.iter().map(add).collect()
}

/// Mean of each value and the `window - 1` before it, as far as there are any; pandas'
/// `rolling(window, 1).mean()`. `[n]`
pub fn rolling_mean(values: &[f64], window: usize) -> Vec<f64> {
    (0..values.len()).map(|i| nan_mean(&values[(i + 1).saturating_sub(window)..=i])).collect()
}

/// Value `i` of every series.
pub fn row_at(series: &[Vec<f64>], i: usize) -> Vec<f64> {
    series.iter().map(|values| values[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_do_not_count() {
        let values = [f64::NAN, 1.0, 3.0];
        assert_eq!(nan_sum(&values), 4.0);
        assert_eq!(nan_mean(&values), 2.0);
        // Deviations -1 and 1: sqrt(2 / 1).
        assert_eq!(nan_std(&values), 2_f64.sqrt());
    }

    #[test]
    fn nothing_has_no_mean_and_one_value_no_deviation() {
        assert_eq!(nan_sum(&[f64::NAN]), 0.0);
        assert!(nan_mean(&[]).is_nan());
        assert!(nan_std(&[5.0]).is_nan());
    }

    #[test]
    fn running_sum_goes_on_after_a_gap() {
        let sums = running_sum(&[1.0, f64::NAN, 2.0]);
        assert_eq!((sums[0], sums[2]), (1.0, 3.0));
        assert!(sums[1].is_nan());
    }

    #[test]
    fn rolling_mean_starts_with_what_there_is() {
        assert_eq!(rolling_mean(&[2.0, 4.0, 6.0, 20.0], 3), [2.0, 3.0, 4.0, 10.0]);
        assert_eq!(rolling_mean(&[f64::NAN, 4.0], 3)[1], 4.0);
    }
}
