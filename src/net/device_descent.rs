//! What becomes of a gradient on a device: a step of one's own, or one together with other workers.

use burn::tensor::Tensor;
use slm_env::{StateError, StateReader, StateWriter};

use super::device_optim::{Optim, host};
use super::optim::OptimPlan;
use super::workers::{Seat, Worker};

/// How what one network learns moves.
pub(super) enum DeviceDescent {
    /// By an optimizer of its own.
    Alone(Optim),
    /// By the gradients of several workers, which meet in host memory.
    Together(Seat),
}

impl DeviceDescent {
    /// Before the first step; what a worker has `learned` becomes what its group has.
    pub(super) fn new(optim: &OptimPlan, learned: &mut Tensor<1>, worker: Option<&Worker>) -> Self {
        let Some(worker) = worker else {
            return Self::Alone(Optim::new(optim.clone(), learned.dims()[0], &learned.device()));
        };
        let seat = |values: &mut Vec<f32>| Seat::new(worker.clone(), values, optim);
        Self::Together(on_host(learned, seat))
    }

    /// Moves what is `learned` down `grad`, both `[num_params]`; returns the gradient's L2 norm before
    /// clipping. `torch.nn.utils.clip_grad_norm_` scales by min(1, max / (‖g‖ + 1e-6)).
    pub(super) fn step(
        &mut self,
        learned: &mut Tensor<1>,
        grad: Tensor<1>,
        lr: f64,
        clip: Option<f64>,
    ) -> Tensor<1> {
        match self {
            Self::Alone(optim) => {
                let norm = grad.clone().square().sum().sqrt();
                let grad = match clip {
                    None => grad,
                    Some(max) => grad * ((norm.clone() + 1e-6).recip() * max).clamp_max(1.0),
                };
                *learned = optim.step(learned.clone(), grad, lr);
                norm
            }
            Self::Together(seat) => {
                let mut grads = host(&grad);
                let norm = on_host(learned, |values| seat.step(values, &mut grads, lr, clip));
                Tensor::from_data([norm as f32], &grad.device())
            }
        }
    }

    /// Marks the end of an update; a worker takes over what its group has learned.
    pub(super) fn end_update(&self, learned: &mut Tensor<1>) {
        if let Self::Together(seat) = self {
            on_host(learned, |values| seat.end_update(values));
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

    /// Reads what [`save`](Self::save) wrote; what is `learned` was read with it.
    ///
    /// # Errors
    /// When the state belongs to another network or optimizer.
    pub(super) fn load(
        &mut self,
        learned: &mut Tensor<1>,
        from: &mut StateReader<'_>,
    ) -> Result<(), StateError> {
        match self {
            Self::Alone(optim) => optim.load(from),
            Self::Together(seat) => on_host(learned, |values| seat.load(values, from)),
        }
    }
}

/// Changes a tensor's values in host memory.
fn on_host<T>(tensor: &mut Tensor<1>, change: impl FnOnce(&mut Vec<f32>) -> T) -> T {
    let mut values = host(tensor);
    let result = change(&mut values);
    *tensor = Tensor::from_data(values.as_slice(), &tensor.device());
    result
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use slm_env::Rng;

    use super::*;
    use crate::net::{
        Cell, DeviceLearner, LayerPlan, LrSchedule, Sgd, Sharing, Tensors, TrainPlan, WorkerGroup,
        plain,
    };

    /// Begins with weights of its own, unless it is a worker other than the first.
    fn learner(worker: Option<Worker>, seed: u64) -> DeviceLearner {
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        let (optim, lr_schedule) = (OptimPlan::Sgd(sgd), LrSchedule::Constant);
        let train = TrainPlan { optim, lr: 0.5, lr_schedule, clip_grad: Some(0.1) };
        let gru = LayerPlan::Recurrent { cell: Cell::Gru, hidden: 3 };
        let tensors = Tensors { worker, ..Tensors::on(Device::flex()) };
        DeviceLearner::new(plain(2, vec![gru], &[1]), train, &mut Rng::from_seed(seed), &tensors)
    }

    fn step(learner: &mut DeviceLearner) {
        learner.outputs(&[1.0, -2.0, 0.5, 3.0]);
        learner.step_outputs(&[1.0, 2.0]);
    }

    #[test]
    fn two_workers_move_one_network_as_a_learner_alone_does() {
        let group = WorkerGroup::new(Sharing::Shared, 2);
        let [mut first, mut second] = [0, 1].map(|k| learner(Some(group.worker(k)), k as u64));
        let mut alone = learner(None, 0);
        assert_eq!(second.host_params(), alone.host_params());
        let before = second.infer(&[0.5, -1.0]).to_vec();
        step(&mut first);
        second.finish_update(1, 0.0);
        assert_ne!(second.infer(&[0.5, -1.0]), before);
        assert_eq!(second.infer(&[0.5, -1.0]), first.infer(&[0.5, -1.0]));
        assert_eq!(second.host_params(), first.host_params());
        step(&mut second);
        (0..2).for_each(|_| step(&mut alone));
        for (found, expected) in second.host_params().iter().zip(alone.host_params()) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
        assert!((second.grad_norm().unwrap() - alone.grad_norm().unwrap()).abs() < 1e-5);
        assert_eq!((first.opt_steps(), second.opt_steps(), alone.opt_steps()), (1, 1, 2));
    }

    #[test]
    fn a_worker_goes_on_from_what_it_saved() {
        let [group, other] = [(); 2].map(|()| WorkerGroup::new(Sharing::Shared, 1));
        let mut whole = learner(Some(group.worker(0)), 0);
        step(&mut whole);
        let mut out = StateWriter::new();
        whole.save(&mut out);
        let mut resumed = learner(Some(other.worker(0)), 1);
        resumed.load(&mut StateReader::new(&out.into_bytes())).unwrap();
        step(&mut whole);
        step(&mut resumed);
        assert_eq!(whole.host_params(), resumed.host_params());
    }
}
