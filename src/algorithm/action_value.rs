//! The loss of action values, differentiated by hand, and the values of the best actions.

use slm_policy::argmax;

use crate::net::LossFn;

/// The mean of w·loss(Q(s, a) − target) over rows and heads.
#[derive(Clone, Copy, Debug)]
pub struct ActionValueLoss<'a> {
    /// Actions of each head; their values lie side by side in a row.
    pub heads: &'a [usize],
    /// Loss of one difference.
    pub kind: LossFn,
    /// Weights w of the rows `[b]`; empty where all are 1.
    pub weights: &'a [f32],
}

/// Derivatives of one batch's loss; buffers that are used again.
#[derive(Debug)]
pub struct ActionValueGradients {
    /// With respect to the values `[b, actions]`.
    pub values: Vec<f32>,
    /// Sizes of the differences `[b]`, the mean over heads.
    pub errors: Vec<f32>,
    /// Mean value of the actions taken.
    pub mean_value: f64,
}

impl Default for ActionValueGradients {
    fn default() -> Self {
        Self { values: Vec::new(), errors: Vec::new(), mean_value: f64::NAN }
    }
}

impl ActionValueGradients {
    /// Differentiates `loss` for rows of `values` `[b, actions]`, whose `actions` and `targets` are
    /// `[b, heads]`. Returns the loss.
    pub fn set(
        &mut self,
        loss: ActionValueLoss<'_>,
        values: &[f32],
        actions: &[f32],
        targets: &[f32],
    ) -> f64 {
        let (width, num_heads) = (loss.heads.iter().sum(), loss.heads.len());
        let share = 1.0 / targets.len() as f32;
        self.values.clear();
        self.values.resize(values.len(), 0.0);
        self.errors.clear();
        let (mut total, mut sum) = (0.0, 0.0);
        for (i, row) in values.chunks_exact(width).enumerate() {
            let weight = share * loss.weights.get(i).copied().unwrap_or(1.0);
            let (mut first, mut error) = (0, 0.0);
            for (j, n) in loss.heads.iter().enumerate() {
                let head = i * num_heads + j;
                let k = first + actions[head] as usize;
                let difference = row[k] - targets[head];
                let (row_loss, slope) = loss.kind.of(difference);
                self.values[i * width + k] = weight * slope;
                total += f64::from(weight * row_loss);
                sum += f64::from(row[k] * share);
                error += difference.abs() / num_heads as f32;
                first += n;
            }
            self.errors.push(error);
        }
        self.mean_value = sum;
        total
    }
}

/// For each row and head the `evaluating` value of the action that `choosing` values most, both
/// `[b, actions]`, into `to` `[b, heads]`.
pub fn values_of_best(heads: &[usize], choosing: &[f32], evaluating: &[f32], to: &mut Vec<f32>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Errors 1 − 3 = −2 and 5 − 1 = 4; squared and weighted (4·1 + 16·½)/2 = 6; slopes 2·d·w/2.
    #[test]
    fn the_loss_is_the_weighted_mean_over_rows() {
        let loss = ActionValueLoss { heads: &[2], kind: LossFn::Mse, weights: &[1.0, 0.5] };
        let mut gradients = ActionValueGradients::default();
        let values = [1.0, 7.0, 6.0, 5.0];
        let loss = gradients.set(loss, &values, &[0.0, 1.0], &[3.0, 1.0]);
        assert_eq!((loss, gradients.mean_value), (6.0, 3.0));
        assert_eq!(gradients.values, [-2.0, 0.0, 0.0, 2.0]);
        assert_eq!(gradients.errors, [2.0, 4.0]);
    }

    /// Heads of 2 and 1 actions: row 0 takes (1, 0), errors 2 − 1 and 4 − 2; row 1 (0, 0), none.
    /// (1 + 4)/4; a row's error is the mean 1.5.
    #[test]
    fn each_head_has_its_own_action_and_target() {
        let loss = ActionValueLoss { heads: &[2, 1], kind: LossFn::Mse, weights: &[] };
        let mut gradients = ActionValueGradients::default();
        let (values, actions) = ([0.0, 2.0, 4.0, 3.0, 9.0, 5.0], [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(gradients.set(loss, &values, &actions, &[1.0, 2.0, 3.0, 5.0]), 1.25);
        assert_eq!(gradients.values, [0.0, 0.5, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(gradients.errors, [1.5, 0.0]);
    }

    #[test]
    fn one_network_may_evaluate_what_another_chose() {
        let choosing = [1.0, 2.0, 9.0, 4.0, 3.0, 8.0];
        let evaluating = [5.0, 6.0, 7.0, 1.0, 2.0, 3.0];
        let mut values = Vec::new();
        values_of_best(&[2, 1], &choosing, &evaluating, &mut values);
        assert_eq!(values, [6.0, 7.0, 1.0, 3.0]);
        values_of_best(&[3], &choosing, &choosing, &mut values);
        assert_eq!(values, [9.0, 8.0]);
    }
}
