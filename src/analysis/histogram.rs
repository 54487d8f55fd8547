//! The distribution of a set of numbers in equal-width buckets, for `TensorBoard`.

/// Number of buckets; `TensorBoard` redraws histograms with 30.
const BUCKETS: usize = 64;

/// Counts of values in buckets of equal width between the lowest and the highest.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Lowest value.
    pub min: f64,
    /// Highest value.
    pub max: f64,
    /// Number of values.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub sum_squares: f64,
    /// Upper end of each bucket.
    pub limits: Vec<f64>,
    /// Number of values in each bucket.
    pub buckets: Vec<f64>,
}

impl Histogram {
    /// Counts the finite values; `None` when there is none.
    pub fn of(values: &[f32]) -> Option<Self> {
        let finite: Vec<f64> = values
            .iter()
            .filter(|value| value.is_finite())
            .map(|&value| f64::from(value))
            .collect();
        let min = finite.iter().copied().reduce(f64::min)?;
        let max = finite.iter().copied().reduce(f64::max)?;
        let n = if min == max { 1 } else { BUCKETS };
        let width = (max - min) / n as f64;
        let mut buckets = vec![0.0; n];
        for value in &finite {
            let bucket = if n == 1 { 0 } else { ((value - min) / width) as usize };
            buckets[bucket.min(n - 1)] += 1.0;
        }
        let mut limits: Vec<f64> = (1..=n).map(|k| min + width * k as f64).collect();
        limits[n - 1] = max;
        Some(Self {
            min,
            max,
            count: finite.len() as f64,
            sum: finite.iter().sum(),
            sum_squares: finite.iter().map(|value| value * value).sum(),
            limits,
            buckets,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_value_once_with_the_highest_in_the_last_bucket() {
        // Width (64 - 0) / 64 = 1: bucket k holds [k, k + 1), the last one also 64.
        let histogram = Histogram::of(&[0.0, 0.5, 1.0, 63.5, 64.0]).unwrap();
        assert_eq!(histogram.buckets[0], 2.0);
        assert_eq!(histogram.buckets[1], 1.0);
        assert_eq!(histogram.buckets[63], 2.0);
        assert_eq!(histogram.limits[0], 1.0);
        assert_eq!((histogram.count, histogram.sum), (5.0, 129.0));
        assert_eq!(histogram.sum_squares, 0.25 + 1.0 + 4032.25 + 4096.0);
    }

    #[test]
    fn equal_values_are_one_bucket() {
        let histogram = Histogram::of(&[2.0, 2.0]).unwrap();
        assert_eq!((histogram.limits, histogram.buckets), (vec![2.0], vec![2.0]));
    }

    #[test]
    fn values_that_are_not_finite_are_left_out() {
        assert_eq!(Histogram::of(&[f32::NAN, 1.0, f32::INFINITY]).unwrap().count, 1.0);
        assert_eq!(Histogram::of(&[f32::NAN]), None);
        assert_eq!(Histogram::of(&[]), None);
    }
}
