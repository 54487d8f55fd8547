//! Two critics and, where the algorithm has them, their targets. Fujimoto et al. (2018), arXiv:1802.09477, §4.

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::SacPlan;
use crate::algorithm::target_update::TargetUpdate;
use crate::memory::Batch;
use crate::net::{Compute, LossFn, NetLearner, TargetNet};

/// Twin critics; they differ in their initial weights only.
pub(super) struct Critics {
    nets: [NetLearner; 2],
    /// None are needed where batch renormalization steadies the critics (CrossQ).
    targets: Option<[TargetNet; 2]>,
    /// Rows of the batch, and for joint passes those of the next states after them.
    inputs: Vec<f32>,
    /// Values `[b, width]` of the batch.
    values: [Vec<f32>; 2],
    /// Values `[b, width]` of what comes next.
    next_values: [Vec<f32>; 2],
    d_values: Vec<f32>,
    d_actions: Vec<f32>,
    /// Smaller of the two values of the actions taken, less its target, in size `[b]`.
    pub(super) errors: Vec<f32>,
    /// Mean value of the actions taken.
    pub(super) mean_value: f64,
}

/// How values are compared with their targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CriticLoss {
    /// Loss of one difference.
    pub(super) kind: LossFn,
    /// Whether symlogs are compared.
    pub(super) symlog: bool,
}

impl Critics {
    pub(super) fn new(plan: &SacPlan, rng: &mut Rng, compute: &Compute) -> Self {
        let nets = [(), ()].map(|()| {
            NetLearner::new(plan.critic.clone(), plan.critic_train.clone(), rng, compute)
        });
        let targets = plan.target_update.map(|_| nets.each_ref().map(TargetNet::of));
        Self {
            nets,
            targets,
            inputs: Vec::new(),
            values: Default::default(),
            next_values: Default::default(),
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
        for i in 0..2 {
            let values = self.nets[i].forward(&self.inputs);
            let (own, next) = match &mut self.targets {
                Some(targets) => (values, targets[i].infer(next_rows)),
                None => values.split_at(values.len() / 2),
            };
            replace(&mut self.values[i], own);
            replace(&mut self.next_values[i], next);
        }
    }

    /// Both critics' values of the batch `[b, width]`.
    pub(super) fn values(&self) -> [&[f32]; 2] {
        self.values.each_ref().map(Vec::as_slice)
    }

    /// Both critics' values of what comes next `[b, width]`.
    pub(super) fn next_values(&self) -> [&[f32]; 2] {
        self.next_values.each_ref().map(Vec::as_slice)
    }

    /// One gradient step of each critic toward `targets` `[b]`, at the columns `[b]` of the actions
    /// taken; returns the sum of the losses.
    pub(super) fn learn(
        &mut self,
        batch: &Batch,
        columns: &[usize],
        targets: &[f32],
        loss: CriticLoss,
    ) -> f64 {
        let (b, rows) = (targets.len(), self.inputs.len() / self.nets[0].plan().input);
        let width = self.values[0].len() / b;
        let (mut total, mut sum) = (0.0, 0.0);
        self.errors.clear();
        self.errors.resize(b, f32::INFINITY);
        for i in 0..2 {
            self.d_values.clear();
            self.d_values.resize(rows * width, 0.0);
            for (row, &target) in targets.iter().enumerate() {
                let k = row * width + columns[row];
                let value = self.values[i][k];
                let (row_loss, slope) = loss.of(value, target);
                let weight = batch.weights[row] / b as f32;
                self.d_values[k] = weight * slope;
                total += f64::from(weight * row_loss);
                sum += f64::from(value) / (2 * b) as f64;
                self.errors[row] = self.errors[row].min(value);
            }
            self.nets[i].step(&self.d_values);
        }
        let errors = self.errors.iter_mut().zip(targets);
        errors.for_each(|(error, target)| *error = (*error - target).abs());
        self.mean_value = sum;
        total
    }

    /// The mean of min(Q₁, Q₂) over `rows` `[b, obs + action]`, and its derivatives with respect to
    /// the last `action_width` columns `[b, action_width]`.
    pub(super) fn action_gradients(&mut self, rows: &[f32], action_width: usize) -> (f64, &[f32]) {
        for i in 0..2 {
            replace(&mut self.values[i], self.nets[i].forward_for_inputs(rows));
        }
        let b = self.values[0].len();
        let width = rows.len() / b;
        let share = 1.0 / b as f32;
        self.d_actions.clear();
        self.d_actions.resize(b * action_width, 0.0);
        for i in 0..2 {
            let (own, other) = (&self.values[i], &self.values[1 - i]);
            let is_smaller =
                |row: usize| own[row] < other[row] || (i == 0 && own[row] == other[row]);
            self.d_values.clear();
            self.d_values.extend((0..b).map(|row| if is_smaller(row) { share } else { 0.0 }));
            let d_rows = self.nets[i].input_gradients(&self.d_values).chunks_exact(width);
            for (to, d_row) in self.d_actions.chunks_exact_mut(action_width).zip(d_rows) {
                let d_action = &d_row[width - action_width..];
                to.iter_mut().zip(d_action).for_each(|(to, d)| *to += d);
            }
        }
        let smaller = self.values[0].iter().zip(&self.values[1]).map(|(a, b)| f64::from(a.min(*b)));
        (smaller.sum::<f64>() / b as f64, &self.d_actions)
    }

    /// Moves the targets on, at a vector step from frame `previous` to `frame`.
    pub(super) fn update_targets(&mut self, update: TargetUpdate, previous: u64, frame: u64) {
        for (target, net) in self.targets.iter_mut().flatten().zip(&self.nets) {
            update.apply(target, net, previous, frame);
        }
    }

    pub(super) fn nets(&self) -> &[NetLearner; 2] {
        &self.nets
    }

    pub(super) fn finish_update(&mut self, frame: u64, loss: f64) {
        self.nets.iter_mut().for_each(|net| net.finish_update(frame, loss));
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        self.nets.iter().for_each(|net| net.save(out));
        self.targets.iter().flatten().for_each(|target| target.save(out));
        out.f64(self.mean_value);
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
