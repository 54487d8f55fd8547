//! Critics of states and actions and, where the algorithm has them, their targets: one, or twins as in
//! Fujimoto et al. (2018), arXiv:1802.09477, §4.

pub(super) mod device;

use std::array::from_fn;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::target_update::TargetUpdate;
use crate::memory::Batch;
use crate::net::{Compute, LossFn, NetLearner, NetPlan, TargetNet, TrainPlan};

/// Numbers of critics.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticsPlan {
    /// The network of each.
    pub net: NetPlan,
    /// How they are trained.
    pub train: TrainPlan,
    /// How target networks follow; `None` for CrossQ.
    pub target_update: Option<TargetUpdate>,
    /// How values are compared with their targets.
    pub loss: CriticLoss,
}

/// How values are compared with their targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticLoss {
    /// Loss of one difference.
    pub kind: LossFn,
    /// Whether symlogs are compared.
    pub symlog: bool,
}

/// Critics at work; they differ in their initial weights only.
pub(super) struct Critics<const N: usize> {
    nets: [NetLearner; N],
    /// None are needed where batch renormalization steadies the critics (CrossQ).
    targets: Option<[TargetNet; N]>,
    target_update: Option<TargetUpdate>,
    loss: CriticLoss,
    /// Rows of the batch, and for joint passes those of the next states after them.
    inputs: Vec<f32>,
    /// Values `[b, width]` of the batch.
    values: [Vec<f32>; N],
    /// Values `[b, width]` of what comes next.
    next_values: [Vec<f32>; N],
    d_values: Vec<f32>,
    d_actions: Vec<f32>,
    /// Smallest of the values of the actions taken, less its target, in size `[b]`.
    pub(super) errors: Vec<f32>,
    /// Mean value of the actions taken.
    pub(super) mean_value: f64,
}

impl<const N: usize> Critics<N> {
    pub(super) fn new(plan: &CriticsPlan, rng: &mut Rng, compute: &Compute) -> Self {
        let nets = from_fn(|_| NetLearner::new(plan.net.clone(), plan.train.clone(), rng, compute));
        let targets = plan.target_update.map(|_| nets.each_ref().map(TargetNet::of));
        Self {
            nets,
            targets,
            target_update: plan.target_update,
            loss: plan.loss,
            inputs: Vec::new(),
            values: from_fn(|_| Vec::new()),
            next_values: from_fn(|_| Vec::new()),
            d_values: Vec::new(),
            d_actions: Vec::new(),
            errors: Vec::new(),
            mean_value: f64::NAN,
        }
    }

    /// Values of the batch's `rows` and of the `next_rows`, both `[b, input]`; the first are kept
    /// for [`learn`](Self::learn).
    ///
    /// Without targets both go through the networks together, so that their batch statistics are
    /// those of the mixture. Bhatt et al. (2024), arXiv:1902.05605, §4.
    pub(super) fn forward(&mut self, rows: &[f32], next_rows: &[f32]) {
        self.inputs.clear();
        self.inputs.extend_from_slice(rows);
        if self.targets.is_none() {
            self.inputs.extend_from_slice(next_rows);
        }
        for i in 0..N {
            let values = self.nets[i].forward(&self.inputs);
            let (own, next) = match &mut self.targets {
                Some(targets) => (values, targets[i].infer(next_rows)),
                None => values.split_at(values.len() / 2),
            };
            replace(&mut self.values[i], own);
            replace(&mut self.next_values[i], next);
        }
    }

    /// Each critic's values of the batch `[b, width]`.
    pub(super) fn values(&self) -> [&[f32]; N] {
        self.values.each_ref().map(Vec::as_slice)
    }

    /// Each critic's values of what comes next `[b, width]`.
    pub(super) fn next_values(&self) -> [&[f32]; N] {
        self.next_values.each_ref().map(Vec::as_slice)
    }

    /// One gradient step of each critic toward `targets` `[b]`, at the columns `[b]` of the actions
    /// taken; returns the sum of the losses.
    pub(super) fn learn(&mut self, batch: &Batch, columns: &[usize], targets: &[f32]) -> f64 {
        let (b, rows) = (targets.len(), self.inputs.len() / self.nets[0].plan().input);
        let width = self.values[0].len() / b;
        let (mut total, mut sum) = (0.0, 0.0);
        self.errors.clear();
        self.errors.resize(b, f32::INFINITY);
        for i in 0..N {
            self.d_values.clear();
            self.d_values.resize(rows * width, 0.0);
            for (row, &target) in targets.iter().enumerate() {
                let k = row * width + columns[row];
                let value = self.values[i][k];
                let (row_loss, slope) = self.loss.of(value, target);
                let weight = batch.weights[row] / b as f32;
                self.d_values[k] = weight * slope;
                total += f64::from(weight * row_loss);
                sum += f64::from(value) / (N * b) as f64;
                self.errors[row] = self.errors[row].min(value);
            }
            self.nets[i].step(&self.d_values);
        }
        let errors = self.errors.iter_mut().zip(targets);
        errors.for_each(|(error, target)| *error = (*error - target).abs());
        self.mean_value = sum;
        total
    }

    /// The mean over `rows` `[b, obs + action]` of the smallest value that the first `count` critics
    /// give, and its derivatives with respect to the actions, the last `width` columns `[b, width]`.
    pub(super) fn action_gradients(
        &mut self,
        rows: &[f32],
        width: usize,
        count: usize,
    ) -> (f64, &[f32]) {
        for i in 0..count {
            replace(&mut self.values[i], self.nets[i].forward_for_inputs(rows));
        }
        let b = self.values[0].len();
        self.d_actions.clear();
        self.d_actions.resize(b * width, 0.0);
        let mut sum = 0.0;
        for i in 0..count {
            sum += self.weigh_smallest(i, count);
            // Of whole rows, or of the actions alone.
            let d_rows = self.nets[i].input_gradients(&self.d_values);
            let d_rows = d_rows.chunks_exact(d_rows.len() / b);
            for (to, d_row) in self.d_actions.chunks_exact_mut(width).zip(d_rows) {
                let d_action = &d_row[d_row.len() - width..];
                to.iter_mut().zip(d_action).for_each(|(to, d)| *to += d);
            }
        }
        (sum / b as f64, &self.d_actions)
    }

    /// Writes 1/b to `d_values` where critic `i` gives the smallest value of the first `count`, and 0
    /// elsewhere; returns the sum of those values.
    fn weigh_smallest(&mut self, i: usize, count: usize) -> f64 {
        let own = &self.values[i];
        let (mut sum, share) = (0.0, 1.0 / own.len() as f32);
        self.d_values.clear();
        self.d_values.extend(own.iter().enumerate().map(|(row, &value)| {
            let mut others = self.values[..count].iter().map(|values| values[row]).enumerate();
            let is_smallest = others.all(|(j, other)| value < other || (i <= j && value == other));
            if !is_smallest {
                return 0.0;
            }
            sum += f64::from(value);
            share
        }));
        sum
    }

    /// Moves averages of the critics on, after an update.
    pub(super) fn blend_targets(&mut self) {
        if let Some(TargetUpdate::Polyak { .. }) = self.target_update {
            self.update_targets(0, 0);
        }
    }

    /// Copies the critics where it is time, at a vector step from frame `previous` to `frame`.
    pub(super) fn copy_to_targets(&mut self, previous: u64, frame: u64) {
        if let Some(TargetUpdate::Replace { .. }) = self.target_update {
            self.update_targets(previous, frame);
        }
    }

    fn update_targets(&mut self, previous: u64, frame: u64) {
        let targets = self.targets.iter_mut().flatten().zip(&self.nets);
        if let Some(update) = self.target_update {
            targets.for_each(|(target, net)| update.apply(target, net, previous, frame));
        }
    }

    pub(super) fn nets(&self) -> impl Iterator<Item = &NetLearner> {
        self.nets.iter()
    }

    pub(super) fn finish_update(&mut self, frame: u64, loss: f64) {
        self.nets.iter_mut().for_each(|net| net.finish_update(frame, loss));
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        self.nets.iter().for_each(|net| net.save(out));
        self.save_targets(out);
        out.f64(self.mean_value);
    }

    /// Writes the targets alone.
    pub(super) fn save_targets(&self, out: &mut StateWriter) {
        self.targets.iter().flatten().for_each(|target| target.save(out));
    }

    /// Replaces the targets' parameters.
    #[cfg(test)]
    pub(super) fn set_targets(&mut self, params: [&[f32]; N]) {
        for (target, params) in self.targets.iter_mut().flatten().zip(params) {
            let mut out = StateWriter::new();
            out.f32s(params);
            let state = out.into_bytes();
            target.load(&mut StateReader::new(&state)).expect("the parameters are such a net's");
        }
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.nets.iter_mut().try_for_each(|net| net.load(from))?;
        self.targets.iter_mut().flatten().try_for_each(|target| target.load(from))?;
        self.mean_value = from.f64()?;
        Ok(())
    }
}

impl CriticLoss {
    /// Loss of one value, and its derivative with respect to the value.
    fn of(self, value: f32, target: f32) -> (f32, f32) {
        if !self.symlog {
            return self.kind.of(value - target);
        }
        let symlog = |x: f32| x.signum() * x.abs().ln_1p();
        let (loss, slope) = self.kind.of(symlog(value) - symlog(target));
        (loss, slope / (1.0 + value.abs()))
    }
}

/// r + γ·(1 − terminated)·V(s') `[b]`, in place of the `values` V(s') `[b]`.
pub(super) fn bootstrap(batch: &Batch, gamma: f64, values: &mut [f32]) {
    for (row, value) in values.iter_mut().enumerate() {
        let future = if batch.terminated[row] { 0.0 } else { gamma as f32 * *value };
        *value = batch.rewards[row] + future;
    }
}

/// Rows `[b, obs + width]` of observations, each with its action `[width]` after it.
pub(super) fn join(obs: &[f32], actions: &[f32], (b, width): (usize, usize), to: &mut Vec<f32>) {
    to.clear();
    for (i, row) in obs.chunks_exact(obs.len() / b).enumerate() {
        to.extend_from_slice(row);
        to.extend_from_slice(&actions[i * width..(i + 1) * width]);
    }
}

fn replace(to: &mut Vec<f32>, values: &[f32]) {
    to.clear();
    to.extend_from_slice(values);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// symlog 1 = ln 2, symlog −3 = −ln 4; difference 3·ln 2; slope 2·3·ln 2/(1 + 1).
    #[test]
    fn symlogs_are_compared_where_asked() {
        let loss = CriticLoss { kind: LossFn::Mse, symlog: true };
        let (value, slope) = loss.of(1.0, -3.0);
        let ln_2 = std::f32::consts::LN_2;
        assert!((value - 9.0 * ln_2 * ln_2).abs() < 1e-5, "{value}");
        assert!((slope - 3.0 * ln_2).abs() < 1e-5, "{slope}");
        let plain = CriticLoss { kind: LossFn::Mse, symlog: false };
        assert_eq!(plain.of(1.0, -3.0), (16.0, 8.0));
    }
}
