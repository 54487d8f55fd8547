//! Value targets on a running scale (`normalize_v_targets`).

use burn::tensor::Tensor;
use slm_env::{StateError, StateReader, StateWriter};

use crate::net::LossFn;
use crate::ops::VarianceScale;

/// Values and targets are compared after division by the targets' running deviation σ ≥ 1 and
/// clipping to ±10; without normalization they are compared as they are.
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

    /// Loss `[1]` of values against targets, both `[batch]`.
    pub fn loss(&self, kind: LossFn, values: Tensor<1>, targets: Tensor<1>) -> Tensor<1> {
        match &self.scale {
            None => kind.mean(values, targets),
            Some(scale) => {
                let sigma = scale.scale();
                let scaled = |x: Tensor<1>| (x / sigma).clamp(-10.0, 10.0);
                kind.mean(scaled(values), scaled(targets))
            }
        }
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
            *scale = VarianceScale {
                count: from.f64()?,
                mean: from.f64()?,
                variance: from.f64()?,
            };
        }
        Ok(())
    }
}
