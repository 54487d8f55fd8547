//! Which optimizer trains a network; the formulas are in `slm-kernels` for the host, beside this
//! file for other devices.

use slm_kernels::{Adam, Lookahead, RAdam, RmsProp, Sgd};

/// An optimizer and its hyperparameters; the learning rate comes with each step.
#[derive(Clone, Debug, PartialEq)]
pub enum OptimPlan {
    /// Adam, with either kind of weight decay.
    Adam(Adam),
    /// Adam with a rectified variance.
    RAdam(RAdam),
    /// RMSprop.
    RmsProp(RmsProp),
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Slow weights behind those of another optimizer.
    Lookahead(Lookahead, Box<Self>),
    /// One whose moments asynchronous workers share.
    Global(Box<Self>),
}

impl OptimPlan {
    /// How many numbers the optimizer remembers for each parameter; Lookahead's slow weights come
    /// last.
    pub(super) fn num_moments(&self) -> usize {
        match self {
            Self::Adam(adam) => adam.num_moments(),
            Self::RAdam(_) => RAdam::NUM_MOMENTS,
            Self::RmsProp(rms) => rms.num_moments(),
            Self::Sgd(sgd) => sgd.num_moments(),
            Self::Lookahead(_, fast) => fast.num_moments() + 1,
            Self::Global(optim) => optim.num_moments(),
        }
    }

    /// Whether asynchronous workers share what it remembers.
    pub(super) fn shares_moments(&self) -> bool {
        matches!(self, Self::Global(_))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use slm_env::{Rng, StateReader, StateWriter};

    use super::super::device_optim::{Optim, host};
    use super::super::host_optim::HostOptim;
    use super::*;

    const N: usize = 37;
    const BETAS: [f64; 2] = [0.9, 0.95];

    fn plans() -> Vec<OptimPlan> {
        let adam = |weight_decay, decoupled, amsgrad| {
            OptimPlan::Adam(Adam { betas: BETAS, eps: 1e-8, weight_decay, decoupled, amsgrad })
        };
        let radam = |weight_decay, decoupled| {
            OptimPlan::RAdam(RAdam { betas: BETAS, eps: 1e-8, weight_decay, decoupled })
        };
        let rms = |weight_decay, momentum, centered| {
            OptimPlan::RmsProp(RmsProp { alpha: 0.9, eps: 1e-5, weight_decay, momentum, centered })
        };
        let sgd = |momentum, dampening, weight_decay, nesterov| {
            OptimPlan::Sgd(Sgd { momentum, dampening, weight_decay, nesterov })
        };
        let ahead = |fast| OptimPlan::Lookahead(Lookahead { alpha: 0.3, k: 4 }, Box::new(fast));
        vec![
            adam(0.0, false, false),
            adam(0.1, false, true),
            adam(0.1, true, false),
            radam(0.0, false),
            radam(0.1, false),
            radam(0.1, true),
            rms(0.0, 0.0, false),
            rms(0.1, 0.9, true),
            sgd(0.0, 0.0, 0.1, false),
            sgd(0.9, 0.0, 0.0, true),
            sgd(0.9, 0.5, 0.1, false),
            ahead(radam(0.1, false)),
            ahead(sgd(0.9, 0.0, 0.0, false)),
        ]
    }

    fn draw(rng: &mut Rng) -> Vec<f32> {
        (0..N).map(|_| rng.standard_normal() as f32).collect()
    }

    /// The largest difference on the scale of numbers around 1.
    fn distance(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f32::max)
    }

    #[test]
    fn host_and_device_take_the_same_twenty_steps_but_for_rounding() {
        let device = Device::flex();
        for plan in plans() {
            let mut rng = Rng::from_seed(3);
            let start = draw(&mut rng);
            let mut on_host = HostOptim::new(plan.clone(), N);
            let mut on_device = Optim::new(plan.clone(), N, &device);
            let mut params = start.clone();
            let mut tensor = Tensor::from_data(start.as_slice(), &device);
            for _ in 0..20 {
                let grads = draw(&mut rng);
                on_host.step(&mut params, &grads, 0.01, 1.0);
                let grads = Tensor::from_data(grads.as_slice(), &device);
                tensor = on_device.step(tensor, grads, 0.01);
            }
            let far = distance(&params, &host(&tensor));
            assert!(far < 2e-5, "{plan:?}: {far}");
            assert!(distance(&params, &start) > 0.01, "{plan:?} does not move");
        }
    }

    /// Either goes on from the other's bytes: Lookahead between two of its own steps, too.
    #[test]
    fn either_goes_on_from_what_the_other_saved() {
        let device = Device::flex();
        for plan in plans() {
            let mut rng = Rng::from_seed(4);
            let (mut params, grads) = (draw(&mut rng), draw(&mut rng));
            let mut first = HostOptim::new(plan.clone(), N);
            (0..7).for_each(|_| first.step(&mut params, &grads, 0.01, 1.0));
            let saved = |save: &dyn Fn(&mut StateWriter)| {
                let mut out = StateWriter::new();
                save(&mut out);
                out.into_bytes()
            };
            let bytes = saved(&|out| first.save(out));
            let mut second = Optim::new(plan.clone(), N, &device);
            second.load(&mut StateReader::new(&bytes)).unwrap();
            assert_eq!(saved(&|out| second.save(out)), bytes, "{plan:?}");
            let mut third = HostOptim::new(plan.clone(), N);
            third.load(&mut StateReader::new(&bytes)).unwrap();
            let (mut again, tensor) =
                (params.clone(), |values: &[f32]| Tensor::<1>::from_data(values, &device));
            let far = host(&second.step(tensor(&params), tensor(&grads), 0.01));
            first.step(&mut params, &grads, 0.01, 1.0);
            third.step(&mut again, &grads, 0.01, 1.0);
            assert_eq!(params, again, "{plan:?}");
            assert!(distance(&params, &far) < 1e-6, "{plan:?}");
        }
    }
}
