//! The loss of action values, differentiated by hand, and the values of the best actions.

use slm_policy::argmax;

use super::DqnPlan;
use crate::memory::Batch;

/// Derivatives of one batch's loss; buffers that are used again.
#[derive(Debug)]
pub(super) struct Gradients {
    /// With respect to the values `[b, actions]`.
    pub(super) values: Vec<f32>,
    /// Sizes of the TD errors `[b]`, the mean over heads.
    pub(super) errors: Vec<f32>,
    /// Mean value of the actions taken.
    pub(super) mean_value: f64,
}

impl Default for Gradients {
    fn default() -> Self {
        Self { values: Vec::new(), errors: Vec::new(), mean_value: f64::NAN }
    }
}

impl Gradients {
    /// Differentiates mean w·loss(Q(s, a) − target) over rows and heads; `values` are `[b, actions]`,
    /// `targets` `[b, heads]`. Returns the loss.
    pub(super) fn set(
        &mut self,
        plan: &DqnPlan,
        values: &[f32],
        batch: &Batch,
        targets: &[f32],
    ) -> f64 {
        let (width, num_heads) = (plan.heads.iter().sum(), plan.heads.len());
        let share = 1.0 / targets.len() as f32;
        self.values.clear();
        self.values.resize(values.len(), 0.0);
        self.errors.clear();
        let (mut loss, mut sum) = (0.0, 0.0);
        for (i, row) in values.chunks_exact(width).enumerate() {
            let (mut first, mut error) = (0, 0.0);
            for (j, n) in plan.heads.iter().enumerate() {
                let head = i * num_heads + j;
                let k = first + batch.actions[head] as usize;
                let difference = row[k] - targets[head];
                let (row_loss, slope) = plan.loss.of(difference);
                let weight = batch.weights[i] * share;
                self.values[i * width + k] = weight * slope;
                loss += f64::from(weight * row_loss);
                sum += f64::from(row[k] * share);
                error += difference.abs() / num_heads as f32;
                first += n;
            }
            self.errors.push(error);
        }
        self.mean_value = sum;
        loss
    }
}

/// For each row and head the `evaluating` value of the action that `choosing` values most, both
/// `[b, actions]`, into `to` `[b, heads]`.
pub(super) fn values_of_best(
    heads: &[usize],
    choosing: &[f32],
    evaluating: &[f32],
    to: &mut Vec<f32>,
) {
    to.clear();
    let width = heads.iter().sum();
    for (choosing, evaluating) in choosing.chunks_exact(width).zip(evaluating.chunks_exact(width)) {
        let mut first = 0;
        for n in heads {
            to.push(evaluating[first + argmax(&choosing[first..first + n])]);
            first += n;
        }
    }
}
