//! The passes of the optimizers over all parameters.

use crate::lanes::At;
use crate::lanes::blocks;
use crate::optim::OptStep;
use crate::optim::RmsProp;
use crate::optim::Sgd;
use crate::simd::Kernel;
use crate::simd::Simd;

/// The numbers of one step of Adam or RAdam, the same for all parameters.
#[derive(Clone, Copy)]
pub(crate) struct AdamStep {
    pub(crate) betas: [f64; 2],
    /// L2 strength, of what is added to the gradient.
    pub(crate) l2: f64,
    /// Factor on the parameters.
    pub(crate) decay: f64,
    /// Factor on the root of the second moment.
    pub(crate) root_scale: f64,
    /// Added to that root.
    pub(crate) eps: f64,
    /// Learning rate over the first moment's correction.
    pub(crate) size: f64,
    /// Factor on the gradients.
    pub(crate) grad_scale: f32,
}

/// One step over all parameters.
pub(crate) struct AdamPass<'a> {
    pub(crate) step: AdamStep,
    pub(crate) params: &'a mut [f32],
    pub(crate) grads: &'a [f32],
    pub(crate) first: &'a mut [f32],
    pub(crate) second: &'a mut [f32],
}

impl Kernel for AdamPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { step, params, grads, first, second } = self;
        let step = AdamVectors::new(s, step);
        for at in blocks::<S>(params.len()) {
            let p = at.load(s, params);
            let (m, v) = step.moments(s, at, p, grads, [first, second]);
            at.store(s, step.moved(s, p, m, v), params);
        }
    }
}

/// One step over all parameters, divided by the largest second moment so far.
pub(crate) struct AmsGradPass<'a> {
    pub(crate) adam: AdamPass<'a>,
    pub(crate) largest: &'a mut [f32],
}

impl Kernel for AmsGradPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let AdamPass { step, params, grads, first, second } = self.adam;
        let step = AdamVectors::new(s, step);
        for at in blocks::<S>(params.len()) {
            let p = at.load(s, params);
            let (m, v) = step.moments(s, at, p, grads, [first, second]);
            let largest = s.max(at.load(s, self.largest), v);
            at.store(s, largest, self.largest);
            at.store(s, step.moved(s, p, m, largest), params);
        }
    }
}

/// An [`AdamStep`] in vectors.
struct AdamVectors<S: Simd> {
    scale: S::V,
    l2: S::V,
    keep: [S::V; 2],
    new: [S::V; 2],
    root_scale: S::V,
    eps: S::V,
    size: S::V,
    decay: S::V,
}

impl<S: Simd> AdamVectors<S> {
    #[inline(always)]
    fn new(s: S, step: AdamStep) -> Self {
        let to = |x: f64| s.splat(x as f32);
        let [beta1, beta2] = step.betas;
        Self {
            scale: s.splat(step.grad_scale),
            l2: to(step.l2),
            keep: [to(beta1), to(beta2)],
            new: [to(1.0 - beta1), to(1.0 - beta2)],
            root_scale: to(step.root_scale),
            eps: to(step.eps),
            size: to(-step.size),
            decay: to(step.decay),
        }
    }

    /// Updates both moments at one place, whose parameters are `p`, and returns them.
    #[inline(always)]
    fn moments(
        &self,
        s: S,
        at: At,
        p: S::V,
        grads: &[f32],
        [first, second]: [&mut [f32]; 2],
    ) -> (S::V, S::V) {
        let g = s.fma(p, self.l2, s.mul(at.load(s, grads), self.scale));
        let m = s.fma(at.load(s, first), self.keep[0], s.mul(g, self.new[0]));
        let v = s.fma(at.load(s, second), self.keep[1], s.mul(s.mul(g, g), self.new[1]));
        at.store(s, m, first);
        at.store(s, v, second);
        (m, v)
    }

    /// Parameters after the step.
    #[inline(always)]
    fn moved(&self, s: S, p: S::V, m: S::V, v: S::V) -> S::V {
        let denominator = s.fma(s.sqrt(v), self.root_scale, self.eps);
        s.fma(s.div(m, denominator), self.size, s.mul(p, self.decay))
    }
}

/// The weights that Lookahead keeps follow the fast ones, which go on from there.
pub(crate) struct LookaheadPass<'a> {
    pub(crate) alpha: f32,
    pub(crate) params: &'a mut [f32],
    pub(crate) slow: &'a mut [f32],
}

impl Kernel for LookaheadPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let alpha = s.splat(self.alpha);
        for at in blocks::<S>(self.params.len()) {
            let slow = at.load(s, self.slow);
            let slow = s.fma(s.sub(at.load(s, self.params), slow), alpha, slow);
            at.store(s, slow, self.slow);
            at.store(s, slow, self.params);
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
