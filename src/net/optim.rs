//! Optimizers over one flat parameter vector, with `PyTorch`'s formulas and defaults.
//!
//! Kingma & Ba (2015), arXiv:1412.6980 (Adam); Loshchilov & Hutter (2019), arXiv:1711.05101
//! (AdamW); Tieleman & Hinton (2012), lecture 6.5 (RMSprop); Polyak (1964) (momentum).

use burn::tensor::{Device, Tensor};
use slm_env::{StateError, StateReader, StateWriter};

/// An optimizer and its hyperparameters; the learning rate comes with each step.
#[derive(Clone, Debug, PartialEq)]
pub enum OptimPlan {
    /// Adam; `weight_decay` is added to the gradient (L2), or decoupled from it.
    Adam {
        /// Decay of the first and second moment.
        betas: [f64; 2],
        /// Added to the root of the second moment.
        eps: f64,
        /// Strength of the decay toward zero.
        weight_decay: f64,
        /// Decay the weights themselves (AdamW) instead of adding to the gradient.
        decoupled: bool,
    },
    /// RMSprop; ε is added outside the root.
    RmsProp {
        /// Smoothing of the squared gradient.
        alpha: f64,
        /// Added to the root.
        eps: f64,
        /// L2 strength.
        weight_decay: f64,
        /// Heavy-ball factor; 0 is none.
        momentum: f64,
        /// Divide by the estimated variance instead of the second moment.
        centered: bool,
    },
    /// Stochastic gradient descent.
    Sgd {
        /// Heavy-ball factor; 0 is none.
        momentum: f64,
        /// Share of the new gradient left out of the momentum.
        dampening: f64,
        /// L2 strength.
        weight_decay: f64,
        /// Look ahead along the momentum.
        nesterov: bool,
    },
}

/// An optimizer at work: its plan, its moments and how often it stepped.
pub struct Optim {
    plan: OptimPlan,
    steps: u64,
    moments: Vec<Tensor<1>>,
}

impl Optim {
    /// An optimizer that has not stepped yet, for `num_params` parameters.
    pub fn new(plan: OptimPlan, num_params: usize, device: &Device) -> Self {
        let zeros = || Tensor::zeros([num_params], device);
        let moments = (0..plan.num_moments()).map(|_| zeros()).collect();
        Self { plan, steps: 0, moments }
    }

    /// `params` after one step of size `lr` against `grad`, both `[num_params]`.
    pub fn step(&mut self, params: Tensor<1>, grad: Tensor<1>, lr: f64) -> Tensor<1> {
        self.steps += 1;
        match self.plan {
            OptimPlan::Adam { .. } => self.adam(params, grad, lr),
            OptimPlan::RmsProp { .. } => self.rms_prop(params, grad, lr),
            OptimPlan::Sgd { .. } => self.sgd(params, grad, lr),
        }
    }

    /// Number of steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Writes step count and moments.
    pub fn save(&self, out: &mut StateWriter) {
        out.u64(self.steps);
        for moment in &self.moments {
            out.f32s(&host(moment));
        }
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early or has another length.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.steps = from.u64()?;
        for moment in &mut self.moments {
            *moment = device_copy(&from.f32s()?, moment)?;
        }
        Ok(())
    }

    fn adam(&mut self, params: Tensor<1>, grad: Tensor<1>, lr: f64) -> Tensor<1> {
        let OptimPlan::Adam { betas: [beta1, beta2], eps, weight_decay, decoupled } = self.plan
        else {
            unreachable!("adam is called for Adam plans only")
        };
        let (params, grad) = match (weight_decay == 0.0, decoupled) {
            (true, _) => (params, grad),
            (false, true) => (params * (1.0 - lr * weight_decay), grad),
            (false, false) => (params.clone(), grad + params * weight_decay),
        };
        let m = ema(&mut self.moments[0], grad.clone(), beta1);
        let v = ema(&mut self.moments[1], grad.square(), beta2);
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (correction1, correction2) = (1.0 - beta1.powi(steps), 1.0 - beta2.powi(steps));
        let denominator = v.sqrt() / correction2.sqrt() + eps;
        params - m / denominator * (lr / correction1)
    }

    fn rms_prop(&mut self, params: Tensor<1>, grad: Tensor<1>, lr: f64) -> Tensor<1> {
        let OptimPlan::RmsProp { alpha, eps, weight_decay, momentum, centered } = self.plan else {
            unreachable!("rms_prop is called for RMSprop plans only")
        };
        let grad = l2(grad, &params, weight_decay);
        let mut second = ema(&mut self.moments[0], grad.clone().square(), alpha);
        if centered {
            second = second - ema(&mut self.moments[1], grad.clone(), alpha).square();
        }
        let mut step = grad / (second.sqrt() + eps);
        if momentum > 0.0 {
            let velocity = &mut self.moments[1 + usize::from(centered)];
            *velocity = velocity.clone() * momentum + step;
            step = velocity.clone();
        }
        params - step * lr
    }

    fn sgd(&mut self, params: Tensor<1>, grad: Tensor<1>, lr: f64) -> Tensor<1> {
        let OptimPlan::Sgd { momentum, dampening, weight_decay, nesterov } = self.plan else {
            unreachable!("sgd is called for SGD plans only")
        };
        let mut step = l2(grad, &params, weight_decay);
        if momentum > 0.0 {
            // PyTorch starts the velocity at the first gradient, undamped.
            let damping = if self.steps == 1 { 0.0 } else { dampening };
            let velocity = &mut self.moments[0];
            *velocity = velocity.clone() * momentum + step.clone() * (1.0 - damping);
            step = if nesterov { step + velocity.clone() * momentum } else { velocity.clone() };
        }
        params - step * lr
    }
}

impl OptimPlan {
    /// How many numbers the optimizer remembers for each parameter.
    pub(super) fn num_moments(&self) -> usize {
        match *self {
            Self::Adam { .. } => 2,
            Self::RmsProp { momentum, centered, .. } => {
                1 + usize::from(centered) + usize::from(momentum > 0.0)
            }
            Self::Sgd { momentum, .. } => usize::from(momentum > 0.0),
        }
    }
}

/// Values of a plain tensor.
pub(super) fn host(tensor: &Tensor<1>) -> Vec<f32> {
    tensor.to_data().try_to_vec::<f32>().expect("parameters are f32")
}

/// `values` on the device of `like`, which they replace.
pub(super) fn device_copy(values: &[f32], like: &Tensor<1>) -> Result<Tensor<1>, StateError> {
    if values.len() != like.dims()[0] {
        return Err(StateError::mismatch("parameters", like.dims()[0], values.len()));
    }
    Ok(Tensor::from_data(values, &like.device()))
}

/// Exponential moving average kept in `average`, and returned.
fn ema(average: &mut Tensor<1>, value: Tensor<1>, decay: f64) -> Tensor<1> {
    *average = average.clone() * decay + value * (1.0 - decay);
    average.clone()
}

fn l2(grad: Tensor<1>, params: &Tensor<1>, weight_decay: f64) -> Tensor<1> {
    if weight_decay == 0.0 { grad } else { grad + params.clone() * weight_decay }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two steps from p = [1, -2] against g = [0.5, -1], then g = [-0.25, 2].
    fn two_steps(plan: OptimPlan, lr: f64) -> Vec<f32> {
        let device = Device::flex();
        let mut optim = Optim::new(plan, 2, &device);
        let params = Tensor::from_data([1.0f32, -2.0], &device);
        let params = optim.step(params, Tensor::from_data([0.5f32, -1.0], &device), lr);
        host(&optim.step(params, Tensor::from_data([-0.25f32, 2.0], &device), lr))
    }

    fn assert_close(found: &[f32], expected: [f32; 2]) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 2e-6, "{found:?} is not {expected:?}");
        }
    }

    // Expected values recorded from PyTorch 2.8.0 (`torch.optim`), lr 0.1.

    fn adam(weight_decay: f64, decoupled: bool) -> OptimPlan {
        OptimPlan::Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay, decoupled }
    }

    #[test]
    fn adam_equals_pytorch_with_both_kinds_of_weight_decay() {
        assert_close(&two_steps(adam(0.0, false), 0.1), [0.873_366_36, -1.936_610_3]);
        assert_close(&two_steps(adam(0.1, false), 0.1), [0.854_441_4, -1.925_017_8]);
        assert_close(&two_steps(adam(0.1, true), 0.1), [0.854_466_4, -1.897_810_3]);
    }

    #[test]
    fn rms_prop_equals_pytorch_plain_and_centered_with_momentum() {
        let plan = |weight_decay, momentum, centered| OptimPlan::RmsProp {
            alpha: 0.99,
            eps: 1e-8,
            weight_decay,
            momentum,
            centered,
        };
        assert_close(&two_steps(plan(0.0, 0.0, false), 0.1), [0.449_013_44, -1.895_323]);
        assert_close(&two_steps(plan(0.1, 0.9, true), 0.1), [-0.522_099_3, -0.937_615_7]);
    }

    #[test]
    fn sgd_equals_pytorch_plain_nesterov_and_dampened() {
        let plan = |momentum, dampening, weight_decay, nesterov| OptimPlan::Sgd {
            momentum,
            dampening,
            weight_decay,
            nesterov,
        };
        assert_close(&two_steps(plan(0.0, 0.0, 0.0, false), 0.1), [0.975, -2.1]);
        assert_close(&two_steps(plan(0.9, 0.0, 0.1, true), 0.1), [0.868_065_95, -2.021_132]);
        assert_close(&two_steps(plan(0.9, 0.5, 0.0, false), 0.1), [0.917_5, -1.91]);
    }

    #[test]
    fn a_saved_optimizer_goes_on_bit_for_bit() {
        let device = Device::flex();
        let step = |optim: &mut Optim, params| {
            optim.step(params, Tensor::from_data([0.3f32, -0.7], &device), 0.01)
        };
        let mut optim = Optim::new(adam(0.0, false), 2, &device);
        let params = step(&mut optim, Tensor::from_data([1.0f32, 2.0], &device));
        let mut out = StateWriter::new();
        optim.save(&mut out);
        let bytes = out.into_bytes();
        let mut copy = Optim::new(adam(0.0, false), 2, &device);
        copy.load(&mut StateReader::new(&bytes)).unwrap();
        let (a, b) = (step(&mut optim, params.clone()), step(&mut copy, params));
        assert_eq!(host(&a), host(&b));
    }
}
