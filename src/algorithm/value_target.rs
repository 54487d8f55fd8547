//! The loss of values, and the scales on which values and targets are compared.

use burn::tensor::Tensor;
use slm_env::{StateError, StateReader, StateWriter};

use crate::net::{LossFn, symlog};
use crate::ops::VarianceScale;

/// Limit of normalized values and targets.
const LIMIT: f64 = 10.0;

/// Running scale of value targets (`normalize_v_targets`), or none.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueTarget {
    scale: Option<VarianceScale>,
}

impl ValueTarget {
    /// A scale that has seen nothing, or none at all.
    pub fn new(normalize: bool) -> Self {
        Self { scale: normalize.then(VarianceScale::default) }
    }

    /// Takes the targets of one update in.
    pub fn update(&mut self, targets: &[f32]) {
        if let Some(scale) = &mut self.scale {
            scale.update(targets);
        }
    }

    /// σ ≥ 1 to divide values and targets by before they are limited to ±10.
    pub fn sigma(&self) -> Option<f64> {
        self.scale.as_ref().map(VarianceScale::scale)
    }

    /// Writes the running moments.
    pub fn save(&self, out: &mut StateWriter) {
        if let Some(scale) = &self.scale {
            out.f64(scale.count);
            out.f64(scale.mean);
            out.f64(scale.variance);
        }
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        if let Some(scale) = &mut self.scale {
            *scale = VarianceScale { count: from.f64()?, mean: from.f64()?, variance: from.f64()? };
        }
        Ok(())
    }
}

/// Loss of values against targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueLoss {
    /// How the difference is weighed.
    pub kind: LossFn,
    /// Weight of the loss.
    pub coef: f64,
    /// Divisor of values and targets, where they are normalized.
    pub sigma: Option<f64>,
    /// Compare on a symmetric logarithmic scale.
    pub symlog: bool,
    /// Take the larger of the losses before and after clipping the value's change to ±ε; the
    /// difference is then squared and halved, and not normalized.
    pub clip: Option<f64>,
}

impl ValueLoss {
    /// Loss `[1]` of tensors `[batch]`.
    pub fn on_device(&self, value: Tensor<1>, old: Tensor<1>, target: Tensor<1>) -> Tensor<1> {
        let log = |x: Tensor<1>| if self.symlog { symlog(x) } else { x };
        let (value, target) = (log(value), log(target));
        let loss = match (self.clip, self.sigma) {
            (Some(eps), _) => clipped(value, log(old), target, eps),
            (None, None) => self.kind.mean(value, target),
            (None, Some(sigma)) => {
                let scaled = |x: Tensor<1>| (x / sigma).clamp(-LIMIT, LIMIT);
                self.kind.mean(scaled(value), scaled(target))
            }
        };
        loss * self.coef
    }

    /// Mean loss of slices `[batch]`, and its derivative with respect to each value.
    pub fn on_host(&self, [value, old, target]: [&[f32]; 3], gradient: &mut [f32]) -> f64 {
        let scale = self.coef / value.len() as f64;
        let mut sum = 0.0;
        for (k, gradient) in gradient.iter_mut().enumerate() {
            let (loss, slope) = self.row(value[k], old[k], target[k]);
            sum += f64::from(loss);
            *gradient = (f64::from(slope) * scale) as f32;
        }
        sum * scale
    }

    /// Loss of one row, and its derivative with respect to the value.
    fn row(&self, value: f32, old: f32, target: f32) -> (f32, f32) {
        let log = |x: f32| if self.symlog { x.signum() * x.abs().ln_1p() } else { x };
        let log_slope = if self.symlog { 1.0 / (1.0 + value.abs()) } else { 1.0 };
        let (value, target) = (log(value), log(target));
        let (loss, slope) = match (self.clip, self.sigma) {
            (Some(eps), _) => clipped_row(value, log(old), target, eps as f32),
            (None, None) => self.kind.of(value - target),
            (None, Some(sigma)) => self.normalized_row(value, target, sigma as f32),
        };
        (loss, slope * log_slope)
    }

    fn normalized_row(&self, value: f32, target: f32, sigma: f32) -> (f32, f32) {
        let limit = LIMIT as f32;
        let scaled = value / sigma;
        let target = (target / sigma).clamp(-limit, limit);
        let (loss, slope) = self.kind.of(scaled.clamp(-limit, limit) - target);
        (loss, if scaled.abs() <= limit { slope / sigma } else { 0.0 })
    }
}

fn clipped(value: Tensor<1>, old: Tensor<1>, target: Tensor<1>, eps: f64) -> Tensor<1> {
    let change = (value.clone() - old.clone()).clamp(-eps, eps);
    let unclipped = (value - target.clone()).square();
    let clipped = (old + change - target).square();
    unclipped.max_pair(clipped).mean() * 0.5
}

fn clipped_row(value: f32, old: f32, target: f32, eps: f32) -> (f32, f32) {
    let change = value - old;
    let (plain, moved) = (value - target, old + change.clamp(-eps, eps) - target);
    if plain * plain >= moved * moved {
        (0.5 * plain * plain, plain)
    } else {
        (0.5 * moved * moved, if change.abs() <= eps { moved } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    const PLAIN: ValueLoss =
        ValueLoss { kind: LossFn::Mse, coef: 1.0, sigma: None, symlog: false, clip: None };

    fn on_device(loss: &ValueLoss, rows: [[f32; 4]; 3]) -> f32 {
        let [value, old, target] = rows.map(|row| Tensor::from_data(row, &Device::flex()));
        loss.on_device(value, old, target).into_scalar()
    }

    /// ε = 0.2, V_old = 0, R = 1, V = [1, 0.1, −1, 0.5]: clipped V = [0.2, 0.1, −0.2, 0.2];
    /// max of squares = [0.64, 0.81, 4, 0.64]; half their mean = 0.76125.
    #[test]
    fn the_clipped_loss_takes_the_larger_error() {
        let loss = ValueLoss { clip: Some(0.2), ..PLAIN };
        let found = on_device(&loss, [[1.0, 0.1, -1.0, 0.5], [0.0; 4], [1.0; 4]]);
        assert!((found - 0.761_25).abs() < 1e-6);
    }

    /// σ = 2: V/σ = [1, 2, 20→10, −1], R/σ = [0, 1, 5, −2]: squares [1, 1, 25, 1], mean 7.
    #[test]
    fn normalized_values_are_limited_to_ten_deviations() {
        let loss = ValueLoss { sigma: Some(2.0), ..PLAIN };
        let rows = [[2.0, 4.0, 40.0, -2.0], [0.0; 4], [0.0, 2.0, 10.0, -4.0]];
        assert_eq!(on_device(&loss, rows), 7.0);
        let mut gradient = [0.0; 4];
        let [value, old, target] = &rows;
        assert_eq!(loss.on_host([value, old, target], &mut gradient), 7.0);
        assert_eq!(gradient[2], 0.0);
    }
}
