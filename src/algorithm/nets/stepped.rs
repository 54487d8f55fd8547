//! A learner's network as it acts, stepped through time on the host.

use slm_env::ObsBatch;
use slm_policy::{Network, Scratch};

use crate::memory::Rollout;
use crate::net::{DeviceLearner, Sequences, Unrolled, acting_network, unroll, unroll_to_end};

/// Whose network, and whose states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Actor,
    Critic,
}

/// A network as it acts.
pub(super) struct Stepped {
    pub(super) whose: Whose,
    network: Network,
    input: usize,
    /// Numbers of an output row.
    pub(super) width: usize,
}

impl Stepped {
    /// That of `learner`, as it is.
    pub(super) fn new(whose: Whose, learner: &DeviceLearner) -> Self {
        let plan = learner.plan();
        let width = plan.head_width();
        let network = acting_network(plan, &learner.host_values(), width);
        Self { whose, network, input: plan.input, width }
    }

    /// Steps it through a rollout whose rows begin episodes at `starts`, from `states` `[n, state_width]`.
    pub(super) fn through(&self, rollout: &Rollout, starts: &[bool], states: &[f32]) -> Unrolled {
        let mut pixels = Vec::new();
        let obs = rollout.obs.values().as_f32s(&mut pixels);
        let count = rollout.plan().num_envs;
        unroll(&self.network, Sequences { count, obs, starts }, states)
    }

    /// Output rows `[n, width]` of `obs` `[n, input]`, each seen in its state of `[n, state_width]`.
    pub(super) fn rows(&self, obs: &ObsBatch, mut states: Vec<f32>) -> Vec<f32> {
        let (mut pixels, mut scratch) = (Vec::new(), Scratch::default());
        let obs = obs.as_f32s(&mut pixels);
        self.network.step(obs, obs.len() / self.input, &mut states, &mut scratch).to_vec()
    }

    /// What it says at the end of sequences that begin with no state, and the states it is left in.
    pub(super) fn to_end(&self, sequences: Sequences<'_>) -> Unrolled {
        unroll_to_end(&self.network, sequences)
    }

    /// V: the last of the columns of its output rows.
    pub(super) fn values(&self, rows: &[f32]) -> Vec<f32> {
        rows.chunks_exact(self.width).map(|row| row[self.width - 1]).collect()
    }
}
