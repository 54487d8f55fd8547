//! A network that learns as Burn tensors, on any device.

use burn::tensor::{Device, Gradients, Tensor};
use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::init::init_params;
use super::lr_schedule::Progress;
use super::mlp::{Leaf, Net};
use super::optim::{Optim, device_copy, host};
use super::plan::{NetPlan, TrainPlan};

/// A network and everything that changes while it learns.
pub struct DeviceLearner {
    plan: NetPlan,
    train: TrainPlan,
    params: Tensor<1>,
    optim: Optim,
    progress: Progress,
    grad_norm: Option<Tensor<1>>,
}

impl DeviceLearner {
    /// A freshly initialized network on `device`, its weights drawn from `rng`.
    pub fn new(plan: NetPlan, train: TrainPlan, rng: &mut Rng, device: &Device) -> Self {
        let values = init_params(&plan, rng);
        let params = Tensor::from_data(values.as_slice(), device);
        let optim = Optim::new(train.optim.clone(), values.len(), device);
        Self { plan, train, params, optim, progress: Progress::default(), grad_norm: None }
    }

    /// What the network looks like.
    pub fn plan(&self) -> &NetPlan {
        &self.plan
    }

    /// The device it learns on.
    pub fn device(&self) -> Device {
        self.params.device()
    }

    /// The network as it is, for passes that nothing learns from.
    pub fn frozen(&self) -> Net {
        Net::new(&self.plan, &self.params, false)
    }

    /// The network with its passes recorded, for one [`step`](Self::step).
    pub fn tracked(&self) -> Net {
        Net::new(&self.plan, &self.params, true)
    }

    /// One optimizer step down the gradient of `loss`, computed with `net` from
    /// [`tracked`](Self::tracked).
    pub fn step(&mut self, net: &Net, loss: &Tensor<1>) {
        let mut grads = loss.backward();
        self.step_with(net, &mut grads);
    }

    /// One optimizer step with gradients of a loss shared between networks.
    pub fn step_with(&mut self, net: &Net, grads: &mut Gradients) {
        let grad = self.flat_grad(net, grads);
        let grad = self.clip(grad);
        let lr = self.lr();
        let params = std::mem::replace(&mut self.params, grad.clone());
        self.params = self.optim.step(params, grad, lr);
    }

    /// Marks the end of one update at `frame`, on which learning-rate schedules count.
    pub fn finish_update(&mut self, frame: u64) {
        self.progress = Progress { updates: self.progress.updates + 1, frame };
    }

    /// Learning rate of the next step.
    pub fn lr(&self) -> f64 {
        self.train.lr_schedule.lr(self.train.lr, self.progress)
    }

    /// Number of optimizer steps taken.
    pub fn opt_steps(&self) -> u64 {
        self.optim.steps()
    }

    /// L2 norm of the last gradient before clipping; reads it back from the device.
    pub fn grad_norm(&self) -> Option<f64> {
        self.grad_norm.as_ref().map(|norm| f64::from(norm.clone().into_scalar::<f32>()))
    }

    /// Parameters `[num_params]` on the host, in the plan's order.
    pub fn host_params(&self) -> Vec<f32> {
        host(&self.params)
    }

    /// Writes parameters, optimizer and schedule position.
    pub fn save(&self, out: &mut StateWriter) {
        out.f32s(&self.host_params());
        out.u64(self.progress.updates);
        out.u64(self.progress.frame);
        self.optim.save(out);
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state belongs to another network or optimizer.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.params = device_copy(&from.f32s()?, &self.params)?;
        self.progress = Progress { updates: from.u64()?, frame: from.u64()? };
        self.optim.load(from)
    }

    /// Gradients of all parameters `[num_params]`; zero where the loss does not reach.
    fn flat_grad(&self, net: &Net, grads: &mut Gradients) -> Tensor<1> {
        let slots = self.plan.slots();
        let flat = net.leaves().into_iter().zip(slots).map(|(leaf, slot)| {
            let grad = match leaf {
                Leaf::Matrix(tensor) => tensor.grad_remove(grads).map(|g| g.reshape([slot.len()])),
                Leaf::Vector(tensor) => tensor.grad_remove(grads),
            };
            grad.unwrap_or_else(|| Tensor::zeros([slot.len()], &self.params.device()))
        });
        Tensor::cat(flat.collect(), 0)
    }

    /// `torch.nn.utils.clip_grad_norm_`: scales by min(1, max / (‖g‖ + 1e-6)).
    fn clip(&mut self, grad: Tensor<1>) -> Tensor<1> {
        let norm = grad.clone().square().sum().sqrt();
        self.grad_norm = Some(norm.clone());
        match self.train.clip_grad {
            None => grad,
            Some(max) => grad * ((norm + 1e-6).recip() * max).clamp_max(1.0),
        }
    }
}
