//! The passes of the optimizers over all parameters.

use crate::lanes::blocks;
use crate::optim::Adam;
use crate::optim::OptStep;
use crate::optim::RmsProp;
use crate::optim::Sgd;
use crate::simd::Kernel;
use crate::simd::Simd;

/// One step over all parameters.
pub(crate) struct AdamPass<'a> {
    pub(crate) plan: &'a Adam,
    pub(crate) step: OptStep,
    pub(crate) params: &'a mut [f32],
    pub(crate) grads: &'a [f32],
    pub(crate) first: &'a mut [f32],
    pub(crate) second: &'a mut [f32],
}

impl Kernel for AdamPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Adam { betas: [beta1, beta2], eps, weight_decay, decoupled } = *self.plan;
        let OptStep { number, lr, grad_scale } = self.step;
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let (correction1, correction2) = (1.0 - beta1.powi(number), 1.0 - beta2.powi(number));
        let (l2, decay) =
            if decoupled { (0.0, 1.0 - lr * weight_decay) } else { (weight_decay, 1.0) };
        let to = |x: f64| s.splat(x as f32);
        let (keep1, new1) = (to(beta1), to(1.0 - beta1));
        let (keep2, new2) = (to(beta2), to(1.0 - beta2));
        let (root_scale, eps, step) =
            (to(1.0 / correction2.sqrt()), to(eps), to(-lr / correction1));
        let (scale, l2, decay) = (s.splat(grad_scale), to(l2), to(decay));
        for at in blocks::<S>(self.params.len()) {
            let p = at.load(s, self.params);
            let g = s.fma(p, l2, s.mul(at.load(s, self.grads), scale));
            let m = s.fma(at.load(s, self.first), keep1, s.mul(g, new1));
            let v = s.fma(at.load(s, self.second), keep2, s.mul(s.mul(g, g), new2));
            let denominator = s.fma(s.sqrt(v), root_scale, eps);
            at.store(s, m, self.first);
            at.store(s, v, self.second);
            at.store(s, s.fma(s.div(m, denominator), step, s.mul(p, decay)), self.params);
        }
    }
}

/// One step over all parameters.
pub(crate) struct RmsPropPass<'a> {
    pub(crate) plan: &'a RmsProp,
    pub(crate) step: OptStep,
    pub(crate) params: &'a mut [f32],
    pub(crate) grads: &'a [f32],
    pub(crate) second: &'a mut [f32],
    pub(crate) mean: Option<&'a mut Vec<f32>>,
    pub(crate) velocity: Option<&'a mut Vec<f32>>,
}

impl Kernel for RmsPropPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let to = |x: f64| s.splat(x as f32);
        let (keep, new) = (to(self.plan.alpha), to(1.0 - self.plan.alpha));
        let (eps, l2, momentum) =
            (to(self.plan.eps), to(self.plan.weight_decay), to(self.plan.momentum));
        let (lr, scale) = (to(-self.step.lr), s.splat(self.step.grad_scale));
        for at in blocks::<S>(self.params.len()) {
            let p = at.load(s, self.params);
            let g = s.fma(p, l2, s.mul(at.load(s, self.grads), scale));
            let mut second = s.fma(at.load(s, self.second), keep, s.mul(s.mul(g, g), new));
            at.store(s, second, self.second);
            if let Some(mean) = &mut self.mean {
                let average = s.fma(at.load(s, mean), keep, s.mul(g, new));
                at.store(s, average, mean);
                second = s.max(s.splat(0.0), s.sub(second, s.mul(average, average)));
            }
            let mut step = s.div(g, s.add(s.sqrt(second), eps));
            if let Some(velocity) = &mut self.velocity {
                step = s.fma(at.load(s, velocity), momentum, step);
                at.store(s, step, velocity);
            }
            at.store(s, s.fma(step, lr, p), self.params);
        }
    }
}

/// One step over all parameters.
pub(crate) struct SgdPass<'a> {
    pub(crate) plan: &'a Sgd,
    pub(crate) step: OptStep,
    pub(crate) params: &'a mut [f32],
    pub(crate) grads: &'a [f32],
    pub(crate) velocity: Option<&'a mut Vec<f32>>,
}

impl Kernel for SgdPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Sgd { momentum, dampening, weight_decay, nesterov } = *self.plan;
        // PyTorch starts the velocity at the first gradient, undamped.
        let damping = if self.step.number == 1 { 0.0 } else { dampening };
        let to = |x: f64| s.splat(x as f32);
        let (momentum, undamped, l2) = (to(momentum), to(1.0 - damping), to(weight_decay));
        let (lr, scale) = (to(-self.step.lr), s.splat(self.step.grad_scale));
        for at in blocks::<S>(self.params.len()) {
            let p = at.load(s, self.params);
            let g = s.fma(p, l2, s.mul(at.load(s, self.grads), scale));
            let mut step = g;
            if let Some(velocity) = &mut self.velocity {
                let v = s.fma(at.load(s, velocity), momentum, s.mul(g, undamped));
                at.store(s, v, velocity);
                step = if nesterov { s.fma(v, momentum, g) } else { v };
            }
            at.store(s, s.fma(step, lr, p), self.params);
        }
    }
}
