//! The temperature α: how much entropy is worth. Haarnoja et al. (2018b), arXiv:1812.05905, §5.

use burn::tensor::{Device, Tensor};
use slm_env::{StateError, StateReader, StateWriter};

use crate::net::{Compute, LearnedScalar, OptimPlan};

/// How α comes about.
#[derive(Clone, Debug, PartialEq)]
pub enum TemperaturePlan {
    /// The same throughout, or on a straight line to 0.
    Fixed {
        /// Value at frame 0.
        alpha: f64,
        /// Frames until it is 0; 0 keeps it.
        anneal_frames: u64,
    },
    /// Learned so that the policy's entropy approaches a target.
    Learned {
        /// The entropy to approach.
        target: TargetEntropy,
        /// Optimizer of log α.
        optim: OptimPlan,
        /// Its learning rate.
        lr: f64,
        /// Bounds of log α.
        log_alpha_range: [f64; 2],
    },
}

/// The entropy that the policy is to have, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetEntropy {
    /// At frame 0.
    pub start: f64,
    /// From `frames` on.
    pub end: f64,
    /// Length of the straight line between them; 0 stays at the start.
    pub frames: u64,
}

impl TargetEntropy {
    fn at(self, frame: u64) -> f64 {
        let Self { start, end, frames } = self;
        if frames == 0 {
            return start;
        }
        start + (end - start) * (frame as f64 / frames as f64).min(1.0)
    }
}

/// The temperature at work.
pub(super) struct Temperature {
    plan: TemperaturePlan,
    /// log α, from 0; none where α is fixed.
    log_alpha: Option<LearnedScalar>,
    frame: u64,
}

impl Temperature {
    pub(super) fn new(plan: TemperaturePlan, compute: &Compute) -> Self {
        let log_alpha = match &plan {
            TemperaturePlan::Fixed { .. } => None,
            TemperaturePlan::Learned { optim, lr, .. } => {
                Some(LearnedScalar::new(0.0, optim.clone(), *lr, compute))
            }
        };
        Self { plan, log_alpha, frame: 0 }
    }

    /// α now; reads a learned one back from a device.
    pub(super) fn alpha(&self) -> f32 {
        match self.plan {
            TemperaturePlan::Fixed { alpha, anneal_frames: 0 } => alpha as f32,
            TemperaturePlan::Fixed { alpha, anneal_frames } => {
                let left = 1.0 - (self.frame as f64 / anneal_frames as f64).min(1.0);
                (alpha * left) as f32
            }
            TemperaturePlan::Learned { .. } => {
                self.log_alpha.as_ref().map_or(1.0, |log_alpha| log_alpha.value().exp())
            }
        }
    }

    /// α `[1]` now, on the device where the networks are.
    pub(super) fn alpha_on(&self, device: &Device) -> Tensor<1> {
        match &self.log_alpha {
            Some(log_alpha) => log_alpha.on_device().exp(),
            None => Tensor::full([1], self.alpha(), device),
        }
    }

    /// One step down ∂L/∂log α of L = α·(H − H̄), given the policy's entropy H (eq. 18).
    pub(super) fn learn(&mut self, entropy: f32) {
        if let TemperaturePlan::Learned { target, log_alpha_range: [low, high], .. } = self.plan
            && let Some(log_alpha) = &mut self.log_alpha
        {
            let excess = entropy - target.at(self.frame) as f32;
            log_alpha.step(log_alpha.value().exp() * excess, low as f32, high as f32);
        }
    }

    /// As [`learn`](Self::learn), given the entropy `[1]` on the device.
    pub(super) fn learn_on_device(&mut self, entropy: Tensor<1>) {
        if let TemperaturePlan::Learned { target, log_alpha_range: [low, high], .. } = self.plan
            && let Some(log_alpha) = &mut self.log_alpha
        {
            let excess = entropy - target.at(self.frame) as f32;
            let gradient = log_alpha.on_device().exp() * excess;
            log_alpha.step_on_device(gradient, low as f32, high as f32);
        }
    }

    /// Moves schedules on to `frame`.
    pub(super) fn advance(&mut self, frame: u64) {
        self.frame = frame;
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        self.log_alpha.iter().for_each(|log_alpha| log_alpha.save(out));
        out.u64(self.frame);
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.log_alpha.iter_mut().try_for_each(|log_alpha| log_alpha.load(from))?;
        self.frame = from.u64()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Sgd;

    fn learned(target: TargetEntropy, compute: &Compute) -> Temperature {
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        let (optim, log_alpha_range) = (OptimPlan::Sgd(sgd), [-5.0, 0.25]);
        let plan = TemperaturePlan::Learned { target, optim, lr: 0.5, log_alpha_range };
        Temperature::new(plan, compute)
    }

    /// At log α = 0: gradient 1·(2 − 1), so log α = −½. Then e^−½·(0 − 1)·½ = −0.3033 up, and at most ¼.
    #[test]
    fn too_much_entropy_cools_and_too_little_heats_within_bounds() {
        let target = TargetEntropy { start: 1.0, end: 1.0, frames: 0 };
        let mut on_host = learned(target, &Compute::kernels(1));
        let device = Device::flex();
        let mut on_device = learned(target, &Compute::burn(device.clone()));
        for (entropy, expected) in [(2.0f32, -0.5f32), (0.0, -0.196_734_67), (-9.0, 0.25)] {
            on_host.learn(entropy);
            on_device.learn_on_device(Tensor::full([1], entropy, &device));
            let alpha = on_device.alpha_on(&device).into_scalar::<f32>();
            for found in [on_host.alpha(), on_device.alpha(), alpha] {
                assert!((found.ln() - expected).abs() < 1e-6, "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn the_target_moves_on_a_straight_line() {
        let target = TargetEntropy { start: 1.0, end: 0.5, frames: 100 };
        assert_eq!([0, 50, 100, 200].map(|frame| target.at(frame)), [1.0, 0.75, 0.5, 0.5]);
    }

    #[test]
    fn a_fixed_temperature_may_go_to_zero() {
        let plan = TemperaturePlan::Fixed { alpha: 0.2, anneal_frames: 100 };
        let mut temperature = Temperature::new(plan, &Compute::kernels(1));
        let mut at = |frame| {
            temperature.advance(frame);
            temperature.learn(7.0);
            temperature.alpha()
        };
        assert_eq!([at(0), at(50), at(100), at(500)], [0.2, 0.1, 0.0, 0.0]);
    }
}
