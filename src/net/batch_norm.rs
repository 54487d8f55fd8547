//! Batch normalization and renormalization as Burn tensors.
//!
//! The formulas are the kernels': batch statistics in passes that are learned from, running ones in
//! all others.

use burn::tensor::Tensor;

use super::plan::{BatchNormPlan, RenormPlan};

/// A normalization with its running statistics.
pub(super) struct BatchNorm {
    plan: BatchNormPlan,
    /// Gain and bias `[channels]`.
    affine: Option<[Tensor<1>; 2]>,
    /// Running mean and variance `[channels]`.
    running: [Tensor<1>; 2],
    /// Batches seen `[1]`, where they are counted.
    steps: Option<Tensor<1>>,
}

impl BatchNorm {
    /// From gain and bias `[channels]`, and the buffers: mean and variance `[channels]`, and batches
    /// seen `[1]`.
    pub(super) fn new(
        plan: BatchNormPlan,
        affine: Option<[Tensor<1>; 2]>,
        running: [Tensor<1>; 2],
        steps: Option<Tensor<1>>,
    ) -> Self {
        Self { plan, affine, running, steps }
    }

    /// Gain and bias.
    pub(super) fn affine(&self) -> impl Iterator<Item = &Tensor<1>> {
        self.affine.iter().flatten()
    }

    /// Buffers in order.
    pub(super) fn buffers(&self) -> impl Iterator<Item = Tensor<1>> {
        self.running.iter().chain(&self.steps).cloned()
    }

    /// Normalizes rows `[batch, channels · positions]` by the running statistics.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [mean, variance] = self.running.clone().map(per_channel);
        let deviation = (variance + self.plan.eps).sqrt();
        self.scaled(x, |x| (x - mean) / deviation)
    }

    /// Normalizes rows by their own statistics, which the running ones take in; a single row by the
    /// running ones.
    pub(super) fn forward_training(&mut self, x: Tensor<2>) -> Tensor<2> {
        let [batch, width] = x.dims();
        if batch < 2 {
            return self.forward(x);
        }
        let positions = self.plan.positions;
        let images = x.clone().reshape([batch, width / positions, positions]);
        let mean = images.clone().mean_dim(0).mean_dim(2);
        let variance = (images - mean.clone()).square().mean_dim(0).mean_dim(2);
        let deviation = (variance.clone() + self.plan.eps).sqrt();
        let corrections = self.plan.renorm.map(|renorm| {
            self.corrections(&renorm, [mean.clone().inner(), deviation.clone().inner()])
        });
        self.take_in([mean.clone().inner(), variance.inner()], batch * positions);
        self.scaled(x, |x| {
            let normalized = (x - mean) / deviation;
            match corrections {
                None => normalized,
                Some([ratio, offset]) => normalized * ratio + offset,
            }
        })
    }

    /// r and d `[1, channels, 1]` for the mean and deviation of a batch.
    fn corrections(
        &self,
        renorm: &RenormPlan,
        [mean, deviation]: [Tensor<3>; 2],
    ) -> [Tensor<3>; 2] {
        let [running_mean, running_variance] = self.running.clone().map(per_channel);
        let running = (running_variance + self.plan.eps).sqrt();
        let steps = self.steps.clone().expect("a renormalization counts batches");
        let warmth = match renorm.warmup_steps {
            0 => steps.ones_like(),
            warmup => (steps / warmup as f64).clamp_max(1.0),
        };
        let shape = running.dims();
        let bound = |bound: Tensor<1>| bound.reshape([1, 1, 1]).expand(shape);
        let r_max = bound(warmth.clone() * (renorm.r_max - 1.0) + 1.0);
        let d_max = bound(warmth * renorm.d_max);
        let ratio = (deviation / running.clone()).min_pair(r_max.clone());
        let offset = ((mean - running_mean) / running).min_pair(d_max.clone());
        [ratio.max_pair(r_max.recip()), offset.max_pair(d_max.neg())]
    }

    /// Moves the running statistics towards those of a batch of `n` numbers per channel.
    fn take_in(&mut self, [mean, variance]: [Tensor<3>; 2], n: usize) {
        // PyTorch's running variance is unbiased, that of renormalization is not.
        let unbiased = if self.plan.renorm.is_some() { 1.0 } else { n as f64 / (n - 1) as f64 };
        let moments = [mean, variance * unbiased];
        for (running, moment) in self.running.iter_mut().zip(moments) {
            let moment = moment.reshape([running.dims()[0]]);
            *running = running.clone() + (moment - running.clone()) * self.plan.momentum;
        }
        self.steps = self.steps.take().map(|steps| steps + 1.0);
    }

    /// Rows after `normalize` on `[batch, channels, positions]`, gain and bias.
    fn scaled(&self, x: Tensor<2>, normalize: impl FnOnce(Tensor<3>) -> Tensor<3>) -> Tensor<2> {
        let [batch, width] = x.dims();
        let positions = self.plan.positions;
        let normalized = normalize(x.reshape([batch, width / positions, positions]));
        let scaled = match self.affine.clone().map(|affine| affine.map(per_channel)) {
            None => normalized,
            Some([gamma, beta]) => normalized * gamma + beta,
        };
        scaled.reshape([batch, width])
    }
}

/// `[channels]` as `[1, channels, 1]`.
fn per_channel(values: Tensor<1>) -> Tensor<3> {
    let [channels] = values.dims();
    values.reshape([1, channels, 1])
}
