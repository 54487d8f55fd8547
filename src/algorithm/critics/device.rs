//! Critics as tensors: their values, losses and targets stay on the device where their networks learn.

use burn::tensor::Tensor;

use super::{CriticLoss, Critics};
use crate::algorithm::device_batch::DeviceBatch;
use crate::net::{DeviceLearner, Net, NetLearner, TargetNet, symlog};

/// What critics say of a batch, before they learn from it.
pub(in crate::algorithm) struct Pass<const N: usize> {
    nets: [Net; N],
    /// Values `[b, width]` of the batch, with their gradients recorded.
    values: [Tensor<2>; N],
    /// Values `[b, width]` of what comes next.
    pub(in crate::algorithm) next_values: [Tensor<2>; N],
}

/// What a gradient step of all critics leaves.
pub(in crate::algorithm) struct Learned<const N: usize> {
    /// Sum of the losses `[1]`.
    pub(in crate::algorithm) loss: Tensor<1>,
    /// Smallest of the values of the actions taken, less its target, in size `[b]`.
    pub(in crate::algorithm) errors: Tensor<1>,
    /// Mean value of the actions taken `[1]`.
    pub(in crate::algorithm) mean_value: Tensor<1>,
    /// Values `[b, width]` of the batch, as they were before the step.
    pub(in crate::algorithm) values: [Tensor<2>; N],
}

impl<const N: usize> Critics<N> {
    /// As [`forward`](Self::forward), on the device.
    pub(in crate::algorithm) fn pass(&mut self, rows: Tensor<2>, next_rows: &Tensor<2>) -> Pass<N> {
        let b = rows.dims()[0];
        let inputs = match self.targets {
            Some(_) => rows,
            None => Tensor::cat(vec![rows, next_rows.clone()], 0),
        };
        let mut nets = self.nets.each_mut().map(|net| net.on_device().tracked());
        let values = nets.each_mut().map(|net| net.forward_training(inputs.clone()));
        let Some(targets) = &self.targets else {
            let next_values = values.clone().map(|values| values.inner().narrow(0, b, b));
            let values = values.map(|values| values.narrow(0, 0, b));
            return Pass { nets, values, next_values };
        };
        let next = |target: &TargetNet| target.on_device().forward(next_rows.clone());
        let next_values = targets.each_ref().map(next);
        Pass { nets, values, next_values }
    }

    /// As [`learn`](Self::learn), on the device: toward `targets` `[b, 1]` at the columns `[b, 1]` that
    /// `taken` chooses of values `[b, width]`.
    pub(in crate::algorithm) fn descend(
        &mut self,
        pass: Pass<N>,
        batch: &DeviceBatch,
        taken: impl Fn(Tensor<2>) -> Tensor<2>,
        targets: &Tensor<2>,
    ) -> Learned<N> {
        let Pass { nets, values, .. } = pass;
        let share = batch.weights.clone() / batch.len() as f32;
        let (mut losses, mut columns) = (Vec::new(), Vec::new());
        for ((learner, net), values) in self.nets.iter_mut().zip(&nets).zip(&values) {
            let value = taken(values.clone());
            let loss = self.loss.on_device(value.clone(), targets.clone()) * share.clone();
            let loss = loss.sum();
            learner.on_device().step(net, &loss);
            losses.push(loss.inner());
            columns.push(value.inner());
        }
        let columns = Tensor::cat(columns, 1);
        let smallest = columns.clone().min_dim(1);
        Learned {
            loss: Tensor::cat(losses, 0).sum(),
            errors: (smallest - targets.clone()).abs().squeeze_dim(1),
            mean_value: columns.mean(),
            values: values.map(Tensor::inner),
        }
    }

    /// The smallest value `[b, 1]` that the first `count` critics give to `actions` `[b, k]` at `obs`
    /// `[b, obs_width]`, with gradients recorded to the actions alone.
    pub(in crate::algorithm) fn smallest_value(
        &mut self,
        obs: &Tensor<2>,
        actions: &Tensor<2>,
        count: usize,
    ) -> Tensor<2> {
        let nets = self.nets[..count].iter_mut().map(|net| net.on_device().frozen());
        let values = nets.map(|net| net.forward_beside(obs.clone(), actions.clone()));
        values.reduce(Tensor::min_pair).expect("there is a critic")
    }

    /// The networks on the device.
    pub(in crate::algorithm) fn on_device(&mut self) -> impl Iterator<Item = &mut DeviceLearner> {
        self.nets.iter_mut().map(NetLearner::on_device)
    }
}

impl CriticLoss {
    /// Loss of each value against its target, both `[b, 1]`.
    fn on_device(self, values: Tensor<2>, targets: Tensor<2>) -> Tensor<2> {
        let log = |x| if self.symlog { symlog(x) } else { x };
        self.kind.each(log(values) - log(targets))
    }
}

/// Rows of critics `[b, obs_width + k]`: observations, then actions `[b, k]`, where they take any.
pub(in crate::algorithm) fn join_on_device(
    obs: &Tensor<2>,
    actions: Option<&Tensor<2>>,
) -> Tensor<2> {
    match actions {
        Some(actions) => Tensor::cat(vec![obs.clone(), actions.clone()], 1),
        None => obs.clone(),
    }
}
