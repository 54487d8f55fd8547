//! A network that learns as Burn tensors, on any device.

use burn::tensor::{Device, Gradients, Tensor};
use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::compute::Tensors;
use super::device_descent::DeviceDescent;
use super::device_optim::{device_copy, host};
use super::device_weights::DeviceWeights;
use super::init::init_params;
use super::learning_rate::LearningRate;
use super::mlp::{Leaf, Net};
use super::plan::{NetPlan, TrainPlan};
use super::recurrent::DeviceSequences;
use super::unroll::Sequences;

/// A network and everything that changes while it learns.
pub struct DeviceLearner {
    plan: NetPlan,
    train: TrainPlan,
    /// Which parameters are learned, where not all are.
    mask: Option<Tensor<1>>,
    /// What is learned, where it is not the parameters themselves.
    weights: Option<DeviceWeights>,
    params: Tensor<1>,
    /// `[num_buffers]`, where there are any.
    buffers: Option<Tensor<1>>,
    /// The network as it is, from the first pass that asks for it until something changes.
    frozen: Option<Net>,
    descent: DeviceDescent,
    lr: LearningRate,
    grad_norm: Option<Tensor<1>>,
    /// The gradient's norm where it is known on the host, until the next step.
    read_norm: Option<f64>,
    /// A recorded pass that waits for its gradients.
    kept: Option<(Box<Net>, Tensor<2>)>,
    /// Output rows on the host.
    rows: Vec<f32>,
}

impl DeviceLearner {
    /// A freshly initialized network, its weights drawn from `rng`.
    pub fn new(plan: NetPlan, train: TrainPlan, rng: &mut Rng, tensors: &Tensors) -> Self {
        let Tensors { device, worker } = tensors;
        let values = init_params(&plan, rng);
        let mut weights = DeviceWeights::new(&plan, &values, rng, device);
        let mut params = Tensor::from_data(values.as_slice(), device);
        let learned = weights.as_mut().map_or(&mut params, DeviceWeights::raw_mut);
        let descent = DeviceDescent::new(&train.optim, learned, worker.as_ref());
        let buffers = plan.init_buffers();
        let mut learner = Self {
            mask: plan.mask().map(|mask| Tensor::from_data(mask.as_slice(), device)),
            buffers: (!buffers.is_empty()).then(|| Tensor::from_data(buffers.as_slice(), device)),
            descent,
            lr: LearningRate::new(&train),
            plan,
            train,
            weights,
            params,
            frozen: None,
            grad_norm: None,
            read_norm: None,
            kept: None,
            rows: Vec::new(),
        };
        learner.refresh();
        learner
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
    pub fn frozen(&mut self) -> &Net {
        let Self { frozen, plan, params, buffers, .. } = self;
        frozen.get_or_insert_with(|| Net::new(plan, params, buffers.as_ref(), false))
    }

    /// The network with its passes recorded, for one [`step`](Self::step).
    pub fn tracked(&mut self) -> Net {
        if let Some(weights) = &mut self.weights {
            weights.start_pass();
        }
        self.refresh();
        Net::new(&self.plan, &self.params, self.buffers.as_ref(), true)
    }

    /// Output rows `[n, output]` of `inputs` `[n, input]`, of which nothing is kept.
    pub fn infer(&mut self, inputs: &[f32]) -> &[f32] {
        let inputs = self.upload(inputs);
        self.rows = host_rows(self.frozen().forward(inputs));
        &self.rows
    }

    /// Output rows `[n, output]` of `inputs` `[n, input]`, kept for one
    /// [`step_outputs`](Self::step_outputs).
    pub fn outputs(&mut self, inputs: &[f32]) -> &[f32] {
        let mut net = self.tracked();
        let outputs = net.forward_training(self.upload(inputs));
        self.rows = host_rows(outputs.clone().inner());
        self.kept = Some((Box::new(net), outputs));
        &self.rows
    }

    /// Output rows `[T, m, output]` of sequences that begin in `states` `[m, state_width]`, kept for
    /// one [`step_outputs`](Self::step_outputs).
    pub fn outputs_of_sequences(&mut self, sequences: Sequences<'_>, states: &[f32]) -> &[f32] {
        let net = self.tracked();
        let outputs =
            net.forward_sequences(&DeviceSequences::upload(sequences, states, &self.device()));
        self.rows = host_rows(outputs.clone().inner());
        self.kept = Some((Box::new(net), outputs));
        &self.rows
    }

    /// One optimizer step, given the loss's derivatives with respect to the latest output rows
    /// `[n, output]`.
    ///
    /// # Panics
    /// When [`outputs`](Self::outputs) was not called before.
    pub fn step_outputs(&mut self, d_outputs: &[f32]) {
        let (net, outputs) = self.kept.take().expect("a step follows its forward pass");
        // Its gradient with respect to the outputs is `d_outputs`.
        let d_outputs = upload_rows(d_outputs, self.plan.output(), &self.device());
        self.step(&net, &(outputs * d_outputs).sum());
    }

    /// One optimizer step down the gradient of `loss`, computed with `net` from
    /// [`tracked`](Self::tracked).
    pub fn step(&mut self, net: &Net, loss: &Tensor<1>) {
        let mut grads = loss.backward();
        self.step_with(net, &mut grads);
    }

    /// One optimizer step with gradients of a loss shared between networks.
    pub fn step_with(&mut self, net: &Net, grads: &mut Gradients) {
        self.buffers = net.buffers();
        let grad = self.flat_grad(net, grads);
        let grad = match &self.weights {
            None => grad,
            Some(weights) => weights.backward(grad),
        };
        let (lr, clip) = (self.lr(), self.train.clip_grad);
        let norm = self.change(|learned, descent| descent.step(learned, grad, lr, clip));
        self.grad_norm = Some(norm);
    }

    /// What an optimizer moves.
    fn learned(&self) -> &Tensor<1> {
        self.weights.as_ref().map_or(&self.params, DeviceWeights::raw)
    }

    /// Changes what is learned, and the parameters with it.
    fn change<T>(&mut self, change: impl FnOnce(&mut Tensor<1>, &mut DeviceDescent) -> T) -> T {
        let learned = self.weights.as_mut().map_or(&mut self.params, DeviceWeights::raw_mut);
        let result = change(learned, &mut self.descent);
        self.refresh();
        result
    }

    /// Makes the parameters what the learned ones stand for, and forgets the network of those before: after
    /// any change.
    fn refresh(&mut self) {
        self.frozen = None;
        if let Some(weights) = &self.weights {
            self.params = weights.params();
        }
    }

    /// Marks the end of one update at `frame` with the mean loss of its gradient steps, on which
    /// learning-rate schedules depend; of workers in lockstep, everybody's.
    pub fn finish_update(&mut self, frame: u64, loss: f64) {
        self.change(|learned, descent| descent.end_update(learned));
        self.lr.finish_update(frame, loss);
    }

    /// Learning rate of the next step.
    pub fn lr(&self) -> f64 {
        self.lr.lr()
    }

    /// Number of optimizer steps taken.
    pub fn opt_steps(&self) -> u64 {
        self.descent.steps()
    }

    /// L2 norm of the last gradient before clipping; reads it back from the device.
    pub fn grad_norm(&self) -> Option<f64> {
        let norm = self.grad_norm.as_ref();
        norm.map(|norm| f64::from(norm.clone().into_scalar::<f32>())).or(self.read_norm)
    }

    /// The same on the device, until it is known on the host.
    pub fn unread_grad_norm(&self) -> Option<&Tensor<1>> {
        self.grad_norm.as_ref()
    }

    /// Takes over the norm as it was read with other numbers.
    pub fn set_grad_norm(&mut self, norm: f64) {
        (self.grad_norm, self.read_norm) = (None, Some(norm));
    }

    /// Parameters `[num_params]` on the host, in the plan's order.
    pub fn host_params(&self) -> Vec<f32> {
        host(&self.params)
    }

    /// Parameters, then buffers, on the host: what it takes to act.
    pub fn host_values(&self) -> Vec<f32> {
        [self.host_params(), self.buffers.as_ref().map_or(Vec::new(), host)].concat()
    }

    /// Writes what is learned, schedule position, optimizer, the last gradient's norm and, if there
    /// are any, buffers and singular vectors.
    pub fn save(&self, out: &mut StateWriter) {
        out.f32s(&host(self.learned()));
        self.lr.save(out);
        self.descent.save(out);
        out.f64(self.grad_norm().unwrap_or(0.0));
        self.buffers.iter().for_each(|buffers| out.f32s(&host(buffers)));
        self.weights.iter().for_each(|weights| weights.save(out));
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state belongs to another network or optimizer.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let mut learned = device_copy(&from.f32s()?, self.learned())?;
        self.lr.load(from)?;
        self.descent.load(&mut learned, from)?;
        self.set_grad_norm(from.f64()?);
        self.change(|changed, _| *changed = learned);
        if let Some(buffers) = &mut self.buffers {
            *buffers = device_copy(&from.f32s()?, buffers)?;
        }
        self.weights.as_mut().map_or(Ok(()), |weights| weights.load(from))?;
        self.refresh();
        Ok(())
    }

    /// Parameters `[num_params]` on the device.
    pub(super) fn params(&self) -> &Tensor<1> {
        &self.params
    }

    /// Buffers `[num_buffers]` on the device.
    pub(super) fn buffers(&self) -> Option<&Tensor<1>> {
        self.buffers.as_ref()
    }

    fn upload(&self, inputs: &[f32]) -> Tensor<2> {
        upload_rows(inputs, self.plan.input, &self.device())
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
        let flat = Tensor::cat(flat.collect(), 0);
        match &self.mask {
            Some(mask) => flat * mask.clone(),
            None => flat,
        }
    }
}

/// Host rows as a tensor `[n, width]`.
pub(super) fn upload_rows(rows: &[f32], width: usize, device: &Device) -> Tensor<2> {
    Tensor::<1>::from_data(rows, device).reshape([rows.len() / width, width])
}

/// Rows `[n, width]` on the host, one after the other.
pub(super) fn host_rows(rows: Tensor<2>) -> Vec<f32> {
    rows.into_data().try_to_vec().expect("rows are f32")
}
