//! What becomes of a gradient in host memory: a step of one's own, or one together with other workers.

use slm_env::{StateError, StateReader, StateWriter};
use slm_kernels::{clip_scale, global_norm};

use super::host_optim::HostOptim;
use super::optim::OptimPlan;
use super::workers::{Seat, Worker};

/// How the parameters of one network move.
pub(super) enum Descent {
    /// By an optimizer of its own.
    Alone(HostOptim),
    /// By the gradients of several workers.
    Together(Seat),
}

impl Descent {
    /// Before the first step; a worker's `params` `[num_params]` become those of its group.
    pub(super) fn new(optim: &OptimPlan, params: &mut [f32], worker: Option<&Worker>) -> Self {
        match worker {
            None => Self::Alone(HostOptim::new(optim.clone(), params.len())),
            Some(worker) => Self::Together(Seat::new(worker.clone(), params, optim)),
        }
    }

    /// Moves `params` down `grads`, both `[num_params]`, of which workers make something else;
    /// returns the gradient's L2 norm before clipping.
    pub(super) fn step(
        &mut self,
        params: &mut [f32],
        grads: &mut Vec<f32>,
        lr: f64,
        clip: Option<f64>,
    ) -> f64 {
        match self {
            Self::Alone(optim) => {
                let norm = global_norm(grads);
                let scale = clip.map_or(1.0, |max| clip_scale(norm, max));
                optim.step(params, grads, lr, scale);
                norm
            }
            Self::Together(seat) => seat.step(params, grads, lr, clip),
        }
    }

    /// Marks the end of an update; a worker takes over the parameters of its group.
    pub(super) fn end_update(&mut self, params: &mut [f32]) {
        if let Self::Together(seat) = self {
            seat.end_update(params);
        }
    }

    /// Number of steps taken.
    pub(super) fn steps(&self) -> u64 {
        match self {
            Self::Alone(optim) => optim.steps(),
            Self::Together(seat) => seat.steps(),
        }
    }

    /// Writes the optimizer.
    pub(super) fn save(&self, out: &mut StateWriter) {
        match self {
            Self::Alone(optim) => optim.save(out),
            Self::Together(seat) => seat.save(out),
        }
    }

    /// Reads what [`save`](Self::save) wrote; `params` are those read with it.
    ///
    /// # Errors
    /// When the state belongs to another network or optimizer.
    pub(super) fn load(
        &mut self,
        params: &mut [f32],
        from: &mut StateReader<'_>,
    ) -> Result<(), StateError> {
        match self {
            Self::Alone(optim) => optim.load(from),
            Self::Together(seat) => seat.load(params, from),
        }
    }
}
