//! Optimizers in host memory: one fused pass over the flat parameter vector.

use slm_env::{StateError, StateReader, StateWriter};
use slm_kernels::OptStep;

use super::optim::OptimPlan;

/// An optimizer and what it remembers between steps.
pub(super) struct HostOptim {
    plan: OptimPlan,
    moments: Vec<Vec<f32>>,
    steps: u64,
}

impl HostOptim {
    /// An optimizer of so many parameters, before its first step.
    pub(super) fn new(plan: OptimPlan, num_params: usize) -> Self {
        Self { moments: vec![vec![0.0; num_params]; plan.num_moments()], plan, steps: 0 }
    }

    /// The same optimizer before its first step.
    pub(super) fn fresh(&self) -> Self {
        let num_params = self.moments.first().map_or(0, Vec::len);
        Self::new(self.plan.clone(), num_params)
    }

    /// Number of steps taken.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Moves `params` down `grads · grad_scale`, both `[num_params]`.
    pub(super) fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f64, grad_scale: f32) {
        self.steps += 1;
        let step = OptStep { number: self.steps, lr, grad_scale };
        take_step(&self.plan, step, params, grads, &mut self.moments);
    }

    /// Writes step count and moments, as the optimizer on a device does.
    pub(super) fn save(&self, out: &mut StateWriter) {
        out.u64(self.steps);
        self.moments.iter().for_each(|moment| out.f32s(moment));
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state belongs to another optimizer or another number of parameters.
    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.steps = from.u64()?;
        self.moments.iter_mut().try_for_each(|moment| from.f32s_into(moment))
    }
}

fn take_step(
    plan: &OptimPlan,
    step: OptStep,
    params: &mut [f32],
    grads: &[f32],
    moments: &mut [Vec<f32>],
) {
    match plan {
        OptimPlan::Adam(adam) => adam.step(step, params, grads, moments),
        OptimPlan::RAdam(radam) => radam.step(step, params, grads, moments),
        OptimPlan::RmsProp(rms) => rms.step(step, params, grads, moments),
        OptimPlan::Sgd(sgd) => sgd.step(step, params, grads, moments),
        OptimPlan::Lookahead(lookahead, fast) => {
            let (slow, moments) = moments.split_last_mut().expect("Lookahead keeps slow weights");
            lookahead.before(step.number, params, slow);
            take_step(fast, step, params, grads, moments);
            lookahead.after(step.number, params, slow);
        }
        OptimPlan::Global(optim) => take_step(optim, step, params, grads, moments),
    }
}
