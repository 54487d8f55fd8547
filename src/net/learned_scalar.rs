//! A single learned number, with an optimizer of its own.

use slm_env::{StateError, StateReader, StateWriter};

use super::host_optim::HostOptim;
use super::optim::OptimPlan;

/// A number that gradients move, such as the logarithm of a temperature.
pub struct LearnedScalar {
    value: f32,
    lr: f64,
    optim: HostOptim,
}

impl LearnedScalar {
    /// The number at its start, moved at learning rate `lr`.
    pub fn new(value: f32, optim: OptimPlan, lr: f64) -> Self {
        Self { value, lr, optim: HostOptim::new(optim, 1) }
    }

    /// The number.
    pub fn value(&self) -> f32 {
        self.value
    }

    /// One optimizer step against `gradient`, then back into `[low, high]`.
    pub fn step(&mut self, gradient: f32, low: f32, high: f32) {
        let mut params = [self.value];
        self.optim.step(&mut params, &[gradient], self.lr, 1.0);
        self.value = params[0].clamp(low, high);
    }

    /// Writes the number and the optimizer.
    pub fn save(&self, out: &mut StateWriter) {
        out.f32(self.value);
        self.optim.save(out);
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.value = from.f32()?;
        self.optim.load(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Sgd;

    /// 0 − 0.1·2 = −0.2; then 0.5 against −10 is 0.8, but at most 0.5.
    #[test]
    fn it_moves_down_its_gradient_within_its_bounds() {
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        let mut number = LearnedScalar::new(0.0, OptimPlan::Sgd(sgd), 0.1);
        number.step(2.0, -1.0, 0.5);
        assert_eq!(number.value(), -0.2);
        number.step(-10.0, -1.0, 0.5);
        assert_eq!(number.value(), 0.5);
    }
}
