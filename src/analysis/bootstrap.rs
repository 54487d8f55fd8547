//! Percentile bootstrap intervals, stratified by task, the same every time for the same runs.

use super::stats::quantile_of_sorted;

/// Number of resamples of [`interval_95`]; rliable's examples take 2,000, more costs nothing here.
pub const RESAMPLES: usize = 10_000;

/// Any constant does: the same runs must always give the same interval.
const SEED: u64 = 0x51_4D_1A_B0;

/// The two ends of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// 95 % interval of a statistic over the runs of one task; `None` below two runs.
///
/// Deterministic: a function of the values alone.
pub fn interval_95(values: &[f64], statistic: fn(&[f64]) -> f64) -> Option<Interval> {
    stratified_interval_95(&[values], statistic)
}

/// 95 % interval of a statistic over the pooled runs of several tasks (strata), each resampled by
/// itself.
///
/// `None` when no task has two runs: nothing can be said about the spread.
pub fn stratified_interval_95(tasks: &[&[f64]], statistic: fn(&[f64]) -> f64) -> Option<Interval> {
    if tasks.iter().all(|runs| runs.len() < 2) {
        return None;
    }
    let mut generator = SplitMix64(SEED);
    let mut pooled = Vec::new();
    let mut resampled: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            pooled.clear();
            for runs in tasks {
                pooled.extend((0..runs.len()).map(|_| runs[generator.index(runs.len())]));
            }
            statistic(&pooled)
        })
        .collect();
    resampled.sort_by(f64::total_cmp);
    Some(Interval {
        low: quantile_of_sorted(&resampled, 0.025),
        high: quantile_of_sorted(&resampled, 0.975),
    })
}

/// Steele, Lea and Flood (2014), "Fast Splittable Pseudorandom Number Generators".
struct SplitMix64(u64);

impl SplitMix64 {
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// An index below `n`; its bias of n / 2⁶⁴ is far below what a resample can show.
    fn index(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::stats::{iqm, mean};

    #[test]
    fn the_generator_is_splitmix64() {
        // The reference implementation's first outputs for seed 1234567.
        let mut generator = SplitMix64(1_234_567);
        assert_eq!(generator.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(generator.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_mean_of_many_runs_has_the_interval_of_the_normal_law() {
        // 0..100 has the standard error sqrt(833.25 / 100) = 2.8866, so 49.5 ± 1.96 · 2.8866 =
        // 43.84 … 55.16.
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let interval = interval_95(&values, mean).unwrap();
        // The ends of 10,000 resamples scatter by about 0.08.
        assert!((interval.low - 43.84).abs() < 0.3, "{interval:?}");
        assert!((interval.high - 55.16).abs() < 0.3, "{interval:?}");
    }

    #[test]
    fn few_runs_give_the_exact_discrete_ends() {
        // Two runs resample to means 0, 1, 2 with probabilities 1/4, 1/2, 1/4: the ends are 0 and
        // 2.
        assert_eq!(interval_95(&[0.0, 2.0], mean), Some(Interval { low: 0.0, high: 2.0 }));
    }

    #[test]
    fn strata_are_resampled_by_themselves() {
        // Constant tasks cannot vary when each is resampled within itself; pooled they would.
        let interval = stratified_interval_95(&[&[0.0, 0.0], &[10.0, 10.0]], mean);
        assert_eq!(interval, Some(Interval { low: 5.0, high: 5.0 }));
    }

    #[test]
    fn the_same_runs_give_the_same_interval() {
        let values = [483.0, 499.5, 312.0, 500.0];
        assert_eq!(interval_95(&values, iqm), interval_95(&values, iqm));
    }

    #[test]
    fn one_run_has_no_interval() {
        assert_eq!(interval_95(&[500.0], mean), None);
        assert_eq!(interval_95(&[], mean), None);
    }
}
