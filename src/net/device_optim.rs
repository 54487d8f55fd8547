//! Optimizers as Burn tensors over one flat parameter vector, with `PyTorch`'s formulas.
//!
//! The same plans, formulas and saved state as in `slm-kernels`; results agree up to rounding.

use burn::tensor::{Device, Tensor};
use slm_env::{StateError, StateReader, StateWriter};
use slm_kernels::{Adam, Lookahead, RAdam, RmsProp, Sgd};

use super::optim::OptimPlan;

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
        let step = Step { number: self.steps, lr, params, grad };
        step.of(&self.plan, &mut self.moments)
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
}

/// One step to be taken.
struct Step {
    /// 1 at the first step.
    number: u64,
    lr: f64,
    params: Tensor<1>,
    grad: Tensor<1>,
}

impl Step {
    /// Parameters after the step of an optimizer with its moments.
    fn of(self, plan: &OptimPlan, moments: &mut [Tensor<1>]) -> Tensor<1> {
        match plan {
            OptimPlan::Adam(adam) => self.adam(adam, moments),
            OptimPlan::RAdam(radam) => self.radam(radam, moments),
            OptimPlan::RmsProp(rms) => self.rms_prop(rms, moments),
            OptimPlan::Sgd(sgd) => self.sgd(sgd, moments),
            OptimPlan::Lookahead(lookahead, fast) => self.lookahead(lookahead, fast, moments),
            OptimPlan::Global(optim) => self.of(optim, moments),
        }
    }

    fn adam(self, adam: &Adam, moments: &mut [Tensor<1>]) -> Tensor<1> {
        let [beta1, beta2] = adam.betas;
        let [correction1, correction2] = self.corrections(adam.betas);
        let lr = self.lr;
        let (params, grad) = self.decayed(adam.weight_decay, adam.decoupled);
        let m = ema(&mut moments[0], grad.clone(), beta1);
        let mut v = ema(&mut moments[1], grad.square(), beta2);
        if adam.amsgrad {
            v = moments[2].clone().max_pair(v);
            moments[2] = v.clone();
        }
        let denominator = v.sqrt() / correction2.sqrt() + adam.eps;
        params - m / denominator * (lr / correction1)
    }

    fn radam(self, radam: &RAdam, moments: &mut [Tensor<1>]) -> Tensor<1> {
        let [beta1, beta2] = radam.betas;
        let [correction1, _] = self.corrections(radam.betas);
        let (size, rectification) = (self.lr / correction1, radam.rectification(self.number));
        let (params, grad) = self.decayed(radam.weight_decay, radam.decoupled);
        let m = ema(&mut moments[0], grad.clone(), beta1);
        let v = ema(&mut moments[1], grad.square(), beta2);
        match rectification {
            Some(factor) => params - m / (v.sqrt() + radam.eps) * (size * factor),
            None => params - m * size,
        }
    }

    fn rms_prop(self, rms: &RmsProp, moments: &mut [Tensor<1>]) -> Tensor<1> {
        let lr = self.lr;
        let (params, grad) = self.decayed(rms.weight_decay, false);
        let mut second = ema(&mut moments[0], grad.clone().square(), rms.alpha);
        if rms.centered {
            let mean = ema(&mut moments[1], grad.clone(), rms.alpha);
            second = (second - mean.square()).clamp_min(0.0);
        }
        let mut step = grad / (second.sqrt() + rms.eps);
        if rms.momentum > 0.0 {
            let velocity = &mut moments[1 + usize::from(rms.centered)];
            *velocity = velocity.clone() * rms.momentum + step;
            step = velocity.clone();
        }
        params - step * lr
    }

    fn sgd(self, sgd: &Sgd, moments: &mut [Tensor<1>]) -> Tensor<1> {
        // PyTorch starts the velocity at the first gradient, undamped.
        let damping = if self.number == 1 { 0.0 } else { sgd.dampening };
        let lr = self.lr;
        let (params, mut step) = self.decayed(sgd.weight_decay, false);
        if let [velocity] = moments {
            *velocity = velocity.clone() * sgd.momentum + step.clone() * (1.0 - damping);
            step = if sgd.nesterov {
                step + velocity.clone() * sgd.momentum
            } else {
                velocity.clone()
            };
        }
        params - step * lr
    }

    fn lookahead(
        self,
        lookahead: &Lookahead,
        fast: &OptimPlan,
        moments: &mut [Tensor<1>],
    ) -> Tensor<1> {
        let (slow, moments) = moments.split_last_mut().expect("Lookahead keeps slow weights");
        if self.number == 1 {
            *slow = self.params.clone();
        }
        let is_due = lookahead.is_due(self.number);
        let params = self.of(fast, moments);
        if !is_due {
            return params;
        }
        *slow = slow.clone() + (params - slow.clone()) * lookahead.alpha;
        slow.clone()
    }

    /// 1 − βᵗ of both moments at step t.
    fn corrections(&self, betas: [f64; 2]) -> [f64; 2] {
        let number = i32::try_from(self.number).unwrap_or(i32::MAX);
        betas.map(|beta| 1.0 - beta.powi(number))
    }

    /// Parameters and gradient under weight decay: decoupled from the gradient, or added to it.
    fn decayed(self, weight_decay: f64, decoupled: bool) -> (Tensor<1>, Tensor<1>) {
        let Self { lr, params, grad, .. } = self;
        match (weight_decay == 0.0, decoupled) {
            (true, _) => (params, grad),
            (false, true) => (params * (1.0 - lr * weight_decay), grad),
            (false, false) => (params.clone(), grad + params * weight_decay),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps from p = [1, -2] against g = [0.5, -1] and g = [-0.25, 2] in turn, at lr 0.1.
    fn steps(number: usize, plan: OptimPlan) -> Vec<f32> {
        let device = Device::flex();
        let mut optim = Optim::new(plan, 2, &device);
        let mut params = Tensor::from_data([1.0f32, -2.0], &device);
        for grad in [[0.5f32, -1.0], [-0.25, 2.0]].iter().cycle().take(number) {
            params = optim.step(params, Tensor::from_data(*grad, &device), 0.1);
        }
        host(&params)
    }

    fn assert_close(found: &[f32], expected: [f32; 2]) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 2e-6, "{found:?} is not {expected:?}");
        }
    }

    // Expected values recorded from PyTorch 2.8.0 (`torch.optim`), lr 0.1.

    fn adam(beta2: f64, weight_decay: f64, decoupled: bool, amsgrad: bool) -> OptimPlan {
        OptimPlan::Adam(Adam { betas: [0.9, beta2], eps: 1e-8, weight_decay, decoupled, amsgrad })
    }

    #[test]
    fn adam_equals_pytorch_with_both_kinds_of_weight_decay_and_amsgrad() {
        for (number, plan, expected) in [
            (2, adam(0.999, 0.0, false, false), [0.873_366_36, -1.936_610_3]),
            (2, adam(0.999, 0.1, false, false), [0.854_441_4, -1.925_017_8]),
            (2, adam(0.999, 0.1, true, false), [0.854_466_4, -1.897_810_3]),
            (8, adam(0.5, 0.1, false, true), [0.562_299_97, -1.986_586_3]),
        ] {
            assert_close(&steps(number, plan), expected);
        }
    }

    fn radam(weight_decay: f64, decoupled: bool) -> OptimPlan {
        OptimPlan::RAdam(RAdam { betas: [0.9, 0.999], eps: 1e-8, weight_decay, decoupled })
    }

    #[test]
    fn radam_equals_pytorch_before_and_after_rectification_begins() {
        for (number, plan, expected) in [
            (2, radam(0.1, false), [0.919_789_5, -1.918_526_3]),
            (8, radam(0.0, false), [0.880_531_97, -2.037_719_7]),
            (8, radam(0.1, false), [0.831_222_6, -1.939_436_8]),
            (8, radam(0.1, true), [0.809_561, -1.883_752_8]),
        ] {
            assert_close(&steps(number, plan), expected);
        }
    }

    /// Algorithm 1 of the paper around PyTorch's `RAdam`.
    #[test]
    fn lookahead_around_radam_matches_the_recorded_values() {
        for (number, k, expected) in [
            (4, 5, [0.903_855_14, -2.015_420_4]),
            (12, 5, [0.935_012_76, -2.023_548_6]),
            (8, 3, [0.939_031_06, -2.019_868_1]),
        ] {
            let fast = Box::new(radam(0.0, false));
            let plan = OptimPlan::Lookahead(Lookahead { alpha: 0.5, k }, fast);
            assert_close(&steps(number, plan), expected);
        }
    }

    #[test]
    fn rms_prop_equals_pytorch_plain_and_centered_with_momentum() {
        let plan = |weight_decay, momentum, centered| {
            OptimPlan::RmsProp(RmsProp { alpha: 0.99, eps: 1e-8, weight_decay, momentum, centered })
        };
        assert_close(&steps(2, plan(0.0, 0.0, false)), [0.449_013_44, -1.895_323]);
        assert_close(&steps(2, plan(0.1, 0.9, true)), [-0.522_099_3, -0.937_615_7]);
    }

    #[test]
    fn sgd_equals_pytorch_plain_nesterov_and_dampened() {
        let plan = |momentum, dampening, weight_decay, nesterov| {
            OptimPlan::Sgd(Sgd { momentum, dampening, weight_decay, nesterov })
        };
        assert_close(&steps(2, plan(0.0, 0.0, 0.0, false)), [0.975, -2.1]);
        assert_close(&steps(2, plan(0.9, 0.0, 0.1, true)), [0.868_065_95, -2.021_132]);
        assert_close(&steps(2, plan(0.9, 0.5, 0.0, false)), [0.917_5, -1.91]);
    }
}
