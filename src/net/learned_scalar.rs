//! A single learned number, with an optimizer of its own, where the networks beside it learn.

use burn::tensor::Tensor;
use slm_env::{StateError, StateReader, StateWriter};

use super::compute::Compute;
use super::device_optim::Optim;
use super::host_optim::HostOptim;
use super::optim::OptimPlan;

/// A number that gradients move, such as the logarithm of a temperature.
pub struct LearnedScalar {
    lr: f64,
    number: Number,
}

enum Number {
    Host { value: f32, optim: HostOptim },
    Device(Box<OnDevice>),
}

struct OnDevice {
    /// `[1]`.
    value: Tensor<1>,
    optim: Optim,
}

impl LearnedScalar {
    /// The number at its start, moved at learning rate `lr`.
    pub fn new(value: f32, optim: OptimPlan, lr: f64, compute: &Compute) -> Self {
        let number = match compute {
            Compute::Kernels(_) => Number::Host { value, optim: HostOptim::new(optim, 1) },
            Compute::Burn(tensors) => Number::Device(Box::new(OnDevice {
                value: Tensor::full([1], value, &tensors.device),
                optim: Optim::new(optim, 1, &tensors.device),
            })),
        };
        Self { lr, number }
    }

    /// The number; reads it back from a device.
    pub fn value(&self) -> f32 {
        match &self.number {
            Number::Host { value, .. } => *value,
            Number::Device(number) => number.value.clone().into_scalar(),
        }
    }

    /// The number `[1]` where it is.
    ///
    /// # Panics
    /// In host memory.
    pub fn on_device(&self) -> Tensor<1> {
        match &self.number {
            Number::Device(number) => number.value.clone(),
            Number::Host { .. } => panic!("a number in host memory is on no device"),
        }
    }

    /// One optimizer step against `gradient`, then back into `[low, high]`.
    ///
    /// # Panics
    /// On a device.
    pub fn step(&mut self, gradient: f32, low: f32, high: f32) {
        let Number::Host { value, optim } = &mut self.number else {
            panic!("a number on a device moves there")
        };
        let mut params = [*value];
        optim.step(&mut params, &[gradient], self.lr, 1.0);
        *value = params[0].clamp(low, high);
    }

    /// As [`step`](Self::step), against a gradient `[1]` on the device.
    ///
    /// # Panics
    /// In host memory.
    pub fn step_on_device(&mut self, gradient: Tensor<1>, low: f32, high: f32) {
        let Number::Device(number) = &mut self.number else {
            panic!("a number in host memory moves there")
        };
        let OnDevice { value, optim } = &mut **number;
        *value = optim.step(value.clone(), gradient, self.lr).clamp(low, high);
    }

    /// Writes the number and the optimizer; the same bytes from host and device.
    pub fn save(&self, out: &mut StateWriter) {
        out.f32(self.value());
        match &self.number {
            Number::Host { optim, .. } => optim.save(out),
            Number::Device(number) => number.optim.save(out),
        }
    }

    /// Reads what [`save`](Self::save) wrote, here or on another device.
    ///
    /// # Errors
    /// When the state ends early.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        match &mut self.number {
            Number::Host { value, optim } => {
                *value = from.f32()?;
                optim.load(from)
            }
            Number::Device(number) => {
                number.value = Tensor::full([1], from.f32()?, &number.value.device());
                number.optim.load(from)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::net::{Adam, Sgd};

    fn everywhere() -> [Compute; 2] {
        [Compute::kernels(1), Compute::burn(Device::flex())]
    }

    /// One step wherever the number is.
    fn step(number: &mut LearnedScalar, gradient: f32, low: f32, high: f32) {
        match &number.number {
            Number::Host { .. } => number.step(gradient, low, high),
            Number::Device(on_device) => {
                let gradient = Tensor::full([1], gradient, &on_device.value.device());
                number.step_on_device(gradient, low, high);
            }
        }
    }

    /// 0 − 0.1·2 = −0.2; then 0.5 against −10 is 0.8, but at most 0.5.
    #[test]
    fn it_moves_down_its_gradient_within_its_bounds() {
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        for compute in everywhere() {
            let mut number = LearnedScalar::new(0.0, OptimPlan::Sgd(sgd), 0.1, &compute);
            step(&mut number, 2.0, -1.0, 0.5);
            assert_eq!(number.value(), -0.2);
            step(&mut number, -10.0, -1.0, 0.5);
            assert_eq!(number.value(), 0.5);
        }
    }

    #[test]
    fn either_goes_on_from_what_the_other_saved() {
        let (betas, eps) = ([0.9, 0.95], 1e-8);
        let adam = Adam { betas, eps, weight_decay: 0.0, decoupled: false, amsgrad: false };
        let new = |compute: &Compute| LearnedScalar::new(0.3, OptimPlan::Adam(adam), 0.1, compute);
        let saved = |number: &LearnedScalar| {
            let mut out = StateWriter::new();
            number.save(&mut out);
            out.into_bytes()
        };
        let [host, device] = everywhere();
        for [from, to] in [[&host, &device], [&device, &host]] {
            let (mut first, mut second) = (new(from), new(to));
            for gradient in [2.0, -1.0, 0.5] {
                step(&mut first, gradient, -1.0, 1.0);
            }
            let bytes = saved(&first);
            second.load(&mut StateReader::new(&bytes)).unwrap();
            assert_eq!(saved(&second), bytes);
            let after = [&mut first, &mut second].map(|number| {
                step(number, 0.7, -1.0, 1.0);
                number.value()
            });
            assert!((after[0] - after[1]).abs() < 1e-6, "{after:?}");
        }
    }
}
