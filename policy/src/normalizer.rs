//! The running normalization of observations, frozen at the end of training.

use crate::error::LoadError;
use crate::math;
use crate::root;
use alloc::vec::Vec;

/// Turns raw observations into what the network was trained on: (obs - mean) / √(var + eps), computed
/// in f64, rounded to f32 and then limited to ±clip.
#[derive(Clone, Debug, PartialEq)]
pub struct ObsNormalizer {
    mean: Vec<f64>,
    var: Vec<f64>,
    eps: f64,
    clip: Option<f32>,
    /// √(var + eps), so that no root is taken while acting.
    std: Vec<f64>,
}

impl ObsNormalizer {
    /// A normalizer from the running mean and variance, both `[width]`.
    ///
    /// SLM-Lab uses eps 1e-8 and clip 10. Clipping without normalization is mean 0, var 1, eps 0.
    ///
    /// # Errors
    /// When lengths differ or are zero, a number is not finite, or var + eps is not positive.
    pub fn new(mean: &[f64], var: &[f64], eps: f64, clip: Option<f32>) -> Result<Self, LoadError> {
        if mean.is_empty() || mean.len() != var.len() {
            return Err(LoadError::shape("normalizer: mean and var are [width]"));
        }
        if !mean.iter().all(|x| x.is_finite()) {
            return Err(LoadError::NonFinite("normalizer.mean".into()));
        }
        if !var.iter().all(|x| x.is_finite() && x + eps > 0.0 && (x + eps).is_finite()) {
            return Err(LoadError::shape("normalizer: var + eps is positive and finite"));
        }
        if clip.is_some_and(|c| c.is_nan() || c <= 0.0 || c.is_infinite()) {
            return Err(LoadError::shape("normalizer: clip is positive and finite"));
        }
        let std = var.iter().map(|x| root::sqrt(x + eps)).collect();
        Ok(ObsNormalizer { mean: mean.to_vec(), var: var.to_vec(), eps, clip, std })
    }

    /// Width of an observation.
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// Running mean `[width]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Running variance `[width]`.
    pub fn var(&self) -> &[f64] {
        &self.var
    }

    /// Added to the variance before the root.
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// Limit of a normalized value, if there is one.
    pub fn clip(&self) -> Option<f32> {
        self.clip
    }

    /// Normalizes rows of `obs` `[n, width]` into `to` `[n, width]`.
    pub fn apply(&self, obs: &[f32], to: &mut [f32]) {
        let width = self.width();
        let limit = self.clip.unwrap_or(f32::INFINITY);
        for (obs, to) in obs.chunks_exact(width).zip(to.chunks_exact_mut(width)) {
            for (((x, y), mean), std) in obs.iter().zip(to).zip(&self.mean).zip(&self.std) {
                *y = math::clamp(((f64::from(*x) - mean) / std) as f32, -limit, limit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_centered_scaled_and_clipped() {
        // (3 - 1) / sqrt(4) = 1; (-100 - 0) / sqrt(0.25) = -200, clipped to -10.
        let normalizer = ObsNormalizer::new(&[1.0, 0.0], &[4.0, 0.25], 0.0, Some(10.0)).unwrap();
        let mut to = [0.0; 4];
        normalizer.apply(&[3.0, -100.0, 1.0, 0.5], &mut to);
        assert_eq!(to, [1.0, -10.0, 0.0, 1.0]);
    }

    #[test]
    fn computes_in_f64_before_rounding() {
        let (mean, var) = (0.1_f64, 0.3_f64);
        let normalizer = ObsNormalizer::new(&[mean], &[var], 1e-8, None).unwrap();
        let mut to = [0.0];
        normalizer.apply(&[0.7], &mut to);
        assert_eq!(to[0], ((f64::from(0.7_f32) - mean) / (var + 1e-8).sqrt()) as f32);
    }

    #[test]
    fn refuses_statistics_that_can_not_be_applied() {
        assert!(ObsNormalizer::new(&[0.0], &[1.0, 1.0], 1e-8, None).is_err());
        assert!(ObsNormalizer::new(&[f64::NAN], &[1.0], 1e-8, None).is_err());
        assert!(ObsNormalizer::new(&[0.0], &[0.0], 0.0, None).is_err());
        assert!(ObsNormalizer::new(&[0.0], &[1.0], 1e-8, Some(-1.0)).is_err());
    }
}
