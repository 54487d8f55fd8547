//! The policy of a soft actor-critic: what its network's rows mean, and how gradients reach them.

use slm_env::Rng;

use super::discrete::Probabilities;
use super::relaxed::{RelaxedSamples, one_hot};
use super::squashed::SquashedSamples;
use crate::algorithm::critics::{Critics, join};
use crate::memory::Batch;

/// What the actor's rows parameterize.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SacActions {
    /// `k` numbers, normal and squashed by tanh.
    Squashed {
        /// Dimensions of an action.
        k: usize,
    },
    /// One of `n` actions; expectations over them are exact.
    Categorical {
        /// Number of actions.
        n: usize,
    },
    /// One of `n` actions, drawn straight-through; critics take it as a one-hot row.
    Relaxed {
        /// Number of actions.
        n: usize,
    },
}

impl SacActions {
    /// Columns of a critic's input that are actions.
    pub fn input_width(self) -> usize {
        match self {
            Self::Squashed { k } => k,
            Self::Categorical { .. } => 0,
            Self::Relaxed { n } => n,
        }
    }

    /// Values in a critic's output row.
    pub fn value_width(self) -> usize {
        match self {
            Self::Categorical { n } => n,
            Self::Squashed { .. } | Self::Relaxed { .. } => 1,
        }
    }
}

/// The policy at work; buffers that are used again.
pub(super) struct SacPolicy {
    actions: SacActions,
    squashed: SquashedSamples,
    probabilities: Probabilities,
    relaxed: RelaxedSamples,
    /// Actions taken, as critics read them `[b, input_width]`.
    taken: Vec<f32>,
    /// Rows of critics: observations, then actions.
    pub(super) rows: Vec<f32>,
    pub(super) next_rows: Vec<f32>,
    /// Columns of the actions taken in critics' rows of values `[b]`.
    pub(super) columns: Vec<usize>,
    d_actions: Vec<f32>,
    /// Derivatives of the actor's loss with respect to its rows.
    pub(super) d_rows: Vec<f32>,
}

/// How the actor is to be moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct ActorLoss {
    /// Temperature α.
    pub(super) alpha: f32,
    /// Derivative of the loss with respect to the mean entropy, beside that of α.
    pub(super) d_entropy: f32,
}

impl SacPolicy {
    pub(super) fn new(actions: SacActions) -> Self {
        Self {
            actions,
            squashed: SquashedSamples::default(),
            probabilities: Probabilities::default(),
            relaxed: RelaxedSamples::default(),
            taken: Vec::new(),
            rows: Vec::new(),
            next_rows: Vec::new(),
            columns: Vec::new(),
            d_actions: Vec::new(),
            d_rows: Vec::new(),
        }
    }

    /// Takes over the actor's rows, drawing actions where expectations are not exact.
    pub(super) fn set(&mut self, outputs: &[f32], rng: &mut Rng) {
        match self.actions {
            SacActions::Squashed { k } => self.squashed.draw(outputs, k, rng),
            SacActions::Categorical { n } => self.probabilities.set(outputs, n),
            SacActions::Relaxed { n } => self.relaxed.draw(outputs, n, rng),
        }
    }

    /// Lays out critics' rows for the batch and for what comes next under the policy.
    pub(super) fn lay_out(&mut self, batch: &Batch) {
        let chosen = batch.actions.iter().map(|&action| action as usize);
        self.columns.clear();
        match self.actions {
            SacActions::Squashed { .. } => {
                self.taken.clear();
                self.taken.extend(batch.actions.iter().map(|base| base.tanh()));
                self.columns.resize(batch.rewards.len(), 0);
            }
            SacActions::Categorical { .. } => self.columns.extend(chosen),
            SacActions::Relaxed { n } => {
                one_hot(chosen, n, &mut self.taken);
                self.columns.resize(batch.rewards.len(), 0);
            }
        }
        let (b, width) = (batch.rewards.len(), self.actions.input_width());
        join(&batch.obs, &self.taken, (b, width), &mut self.rows);
        let mut next_rows = std::mem::take(&mut self.next_rows);
        join(&batch.next_obs, self.drawn(), (b, width), &mut next_rows);
        self.next_rows = next_rows;
    }

    /// V of the next states `[b]`: the smaller value less α·log π of the actions drawn, or the
    /// expectation of the mean value.
    pub(super) fn values(&self, next: [&[f32]; 2], alpha: f32, to: &mut Vec<f32>) {
        let log_probs = match self.actions {
            SacActions::Squashed { .. } => &self.squashed.log_probs,
            SacActions::Relaxed { .. } => &self.relaxed.log_probs,
            SacActions::Categorical { .. } => return self.probabilities.values(next, alpha, to),
        };
        to.clear();
        let smaller = next[0].iter().zip(next[1]).map(|(a, b)| a.min(*b));
        to.extend(smaller.zip(log_probs).map(|(value, log_prob)| value - alpha * log_prob));
    }

    /// Differentiates mean α·log π − Q for the observations `[b, obs_width]` whose rows were taken
    /// over last; returns it. Exact expectations use the critics' latest values of the batch.
    pub(super) fn differentiate(
        &mut self,
        obs: &[f32],
        critics: &mut Critics<2>,
        loss: ActorLoss,
    ) -> f64 {
        if let SacActions::Categorical { .. } = self.actions {
            let ActorLoss { alpha, d_entropy } = loss;
            return self.probabilities.gradients(
                critics.values(),
                alpha,
                d_entropy,
                &mut self.d_rows,
            );
        }
        let (b, width) = (self.log_probs().len(), self.actions.input_width());
        let mut rows = std::mem::take(&mut self.rows);
        join(obs, self.drawn(), (b, width), &mut rows);
        let (value, d_actions) = critics.action_gradients(&rows, width, 2);
        self.rows = rows;
        self.d_actions.clear();
        self.d_actions.extend(d_actions.iter().map(|d| -d));
        let alpha = loss.alpha;
        if let SacActions::Squashed { .. } = self.actions {
            self.squashed.gradients(alpha, &self.d_actions, &mut self.d_rows);
        } else {
            self.relaxed.gradients(alpha, &self.d_actions, &mut self.d_rows);
        }
        f64::from(-alpha * self.entropy()) - value
    }

    /// The policy's mean entropy, exact or estimated by −log π of the actions drawn.
    pub(super) fn entropy(&self) -> f32 {
        if let SacActions::Categorical { .. } = self.actions {
            return self.probabilities.entropy();
        }
        let log_probs = self.log_probs();
        -log_probs.iter().sum::<f32>() / log_probs.len() as f32
    }

    /// log π of the actions drawn `[b]`.
    fn log_probs(&self) -> &[f32] {
        match self.actions {
            SacActions::Squashed { .. } => &self.squashed.log_probs,
            SacActions::Relaxed { .. } => &self.relaxed.log_probs,
            SacActions::Categorical { .. } => &[],
        }
    }

    /// The actions drawn, as critics read them `[b, input_width]`.
    fn drawn(&self) -> &[f32] {
        match self.actions {
            SacActions::Squashed { .. } => &self.squashed.actions,
            SacActions::Relaxed { .. } => &self.relaxed.actions,
            SacActions::Categorical { .. } => &[],
        }
    }
}
