//! Running statistics, and the normalization of observations with them.

use crate::state::{StateError, StateReader, StateWriter};

/// Pseudo-count of the initial mean 0 and variance 1, as in Gymnasium.
const INITIAL_COUNT: f64 = 1e-4;
/// Added to a variance before its root is taken, as in Gymnasium.
pub(crate) const EPSILON: f64 = 1e-8;

/// Mean and variance of columns of numbers that come in batches of rows.
///
/// Chan et al. (1979), "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances".
#[derive(Clone, Debug, PartialEq)]
pub struct RunningStats {
    mean: Vec<f64>,
    var: Vec<f64>,
    count: f64,
}

impl RunningStats {
    /// Mean 0 and variance 1 of `width` columns.
    pub fn new(width: usize) -> Self {
        Self { mean: vec![0.0; width], var: vec![1.0; width], count: INITIAL_COUNT }
    }

    /// Adds the `n` rows that `value(row, column)` gives; nothing when there are none.
    pub fn add(&mut self, n: usize, value: impl Fn(usize, usize) -> f64) {
        if n == 0 {
            return;
        }
        let batch_count = n as f64;
        let total = self.count + batch_count;
        for (column, (mean, var)) in self.mean.iter_mut().zip(&mut self.var).enumerate() {
            let sum: f64 = (0..n).map(|row| value(row, column)).sum();
            let batch_mean = sum / batch_count;
            let squares: f64 = (0..n).map(|row| (value(row, column) - batch_mean).powi(2)).sum();
            let delta = batch_mean - *mean;
            *mean += delta * batch_count / total;
            let between = delta * delta * self.count * batch_count / total;
            *var = (*var * self.count + squares + between) / total;
        }
        self.count = total;
    }

    /// Mean of each column.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Population variance of each column.
    pub fn var(&self) -> &[f64] {
        &self.var
    }

    /// Rows seen, with the initial pseudo-count.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Writes the statistics.
    pub fn save(&self, out: &mut StateWriter) {
        out.f64s(&self.mean);
        out.f64s(&self.var);
        out.f64(self.count);
    }

    /// Takes over saved statistics of as many columns.
    ///
    /// # Errors
    /// When the state has another number of columns.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        from.f64s_into(&mut self.mean)?;
        from.f64s_into(&mut self.var)?;
        self.count = from.f64()?;
        Ok(())
    }
}

/// Normalizes observations: (obs - mean) / √(var + 1e-8), then clips.
#[derive(Clone, Debug, PartialEq)]
pub struct ObsNormalizer {
    stats: RunningStats,
    clip: Option<f32>,
}

impl ObsNormalizer {
    /// A normalizer that has seen nothing, of observations of `width` numbers.
    pub fn new(width: usize, clip: Option<f32>) -> Self {
        Self { stats: RunningStats::new(width), clip }
    }

    /// Mean of each number of an observation.
    pub fn mean(&self) -> &[f64] {
        self.stats.mean()
    }

    /// Variance of each number of an observation.
    pub fn var(&self) -> &[f64] {
        self.stats.var()
    }

    /// What is added to the variance before the root.
    pub fn epsilon(&self) -> f64 {
        EPSILON
    }

    /// Normalized numbers lie within ± this.
    pub fn clip(&self) -> Option<f32> {
        self.clip
    }

    /// The statistics.
    pub fn stats(&self) -> &RunningStats {
        &self.stats
    }

    /// The statistics, to add to or to load.
    pub fn stats_mut(&mut self) -> &mut RunningStats {
        &mut self.stats
    }

    /// Normalizes one observation in place.
    pub fn apply(&self, obs: &mut [f32]) {
        let clip = self.clip.unwrap_or(f32::INFINITY);
        for (value, (mean, var)) in obs.iter_mut().zip(self.mean().iter().zip(self.var())) {
            let normalized = (f64::from(*value) - mean) / (var + EPSILON).sqrt();
            *value = (normalized as f32).clamp(-clip, clip);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_parts_are_those_of_the_whole() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        let mut stats = RunningStats::new(1);
        stats.add(3, |row, _| values[row]);
        stats.add(0, |_, _| f64::NAN);
        stats.add(5, |row, _| values[3 + row]);
        // Mean 5 and variance 4, but for the pseudo-count of 1e-4 rows of mean 0 and variance 1.
        assert!((stats.mean()[0] - 5.0).abs() < 1e-4, "{:?}", stats.mean());
        assert!((stats.var()[0] - 4.0).abs() < 5e-4, "{:?}", stats.var());
        assert!((stats.count() - 8.0001).abs() < 1e-12);
    }

    #[test]
    fn the_first_row_follows_gymnasiums_formula() {
        let mut stats = RunningStats::new(1);
        stats.add(1, |_, _| 3.0);
        // mean = 3 · 1/1.0001; var = (1 · 1e-4 + 9 · 1e-4/1.0001) / 1.0001
        assert!((stats.mean()[0] - 3.0 / 1.0001).abs() < 1e-15);
        assert!((stats.var()[0] - (1e-4 + 9e-4 / 1.0001) / 1.0001).abs() < 1e-15);
    }

    #[test]
    fn clips_after_normalizing() {
        let normalizer = ObsNormalizer::new(2, Some(5.0));
        let mut obs = [2.0, -70.0];
        normalizer.apply(&mut obs);
        assert_eq!(obs, [2.0, -5.0]);
    }
}
