//! Prioritized experience replay, proportional variant. Schaul et al. (2016), arXiv:1511.05952.
//!
//! P(i) = pᵢ^α / Σ pₖ^α with pᵢ = |δᵢ| + ε (eq. 1); a batch takes one draw from each of b equal parts
//! of the sum; a transition that was never drawn has the largest priority so far.
//!
//! Unlike SLM-Lab 5: it draws b times from the whole sum and gives new transitions the priority of
//! an error of 100000, which drowns the others until each has been drawn once.

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::sum_tree::SumTree;
use crate::ops::Schedule;

/// How priorities follow from errors.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorityPlan {
    /// Exponent α; 0 draws uniformly.
    pub alpha: f64,
    /// Added to each error's size, so that every transition can be drawn.
    pub epsilon: f64,
    /// Exponent β of the importance weights over frames; `None` for weights of 1, as in SLM-Lab.
    pub beta: Option<Schedule>,
}

/// Priorities of the transitions in a replay, by their place in the ring.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Priorities {
    plan: PriorityPlan,
    max_size: usize,
    /// pᵢ^α.
    tree: SumTree,
    /// The largest of them so far.
    largest: f64,
    frame: u64,
}

impl Priorities {
    pub(super) fn new(plan: PriorityPlan, max_size: usize) -> Self {
        Self { plan, max_size, tree: SumTree::new(max_size), largest: 1.0, frame: 0 }
    }

    /// Moves β on to `frame`.
    pub(super) fn advance(&mut self, frame: u64) {
        self.frame = frame;
    }

    /// Gives a new transition the largest priority so far.
    pub(super) fn insert(&mut self, index: usize) {
        self.tree.set(index, self.largest);
    }

    /// Appends `count` places, one from each of as many equal parts of the sum.
    pub(super) fn draw(&self, rng: &mut Rng, count: usize, indices: &mut Vec<u32>) {
        let part = self.tree.total() / count as f64;
        for k in 0..count {
            let target = (k as f64 + rng.random()) * part;
            indices.push(self.tree.find(target) as u32);
        }
    }

    /// Appends (N·P(i))^-β over the largest of the batch (Schaul et al., §3.4), or ones without β.
    pub(super) fn weigh(&self, indices: &[u32], len: usize, weights: &mut Vec<f32>) {
        let Some(beta) = &self.plan.beta else {
            weights.resize(indices.len(), 1.0);
            return;
        };
        let beta = beta.at(self.frame);
        let value = |&index: &u32| self.tree.leaf(index as usize);
        let weight = |value: f64| (len as f64 * value / self.tree.total()).powf(-beta);
        let least = indices.iter().map(value).fold(f64::INFINITY, f64::min);
        let largest = weight(least);
        weights.extend(indices.iter().map(|index| (weight(value(index)) / largest) as f32));
    }

    /// Takes in the errors of transitions just learned from.
    pub(super) fn set(&mut self, indices: &[u32], errors: &[f32]) {
        for (&index, &error) in indices.iter().zip(errors) {
            let size = f64::from(error).abs() + self.plan.epsilon;
            // Nothing could be drawn from a sum of zeros.
            let priority = size.powf(self.plan.alpha).max(f64::MIN_POSITIVE);
            self.largest = self.largest.max(priority);
            self.tree.set(index as usize, priority);
        }
    }

    pub(super) fn save(&self, len: usize, out: &mut StateWriter) {
        out.f64(self.largest);
        out.u64(self.frame);
        out.f64s(self.tree.leaves(len));
    }

    pub(super) fn load(
        &mut self,
        len: usize,
        from: &mut StateReader<'_>,
    ) -> Result<(), StateError> {
        self.largest = from.f64()?;
        self.frame = from.u64()?;
        let leaves = from.f64s()?;
        if leaves.len() != len {
            return Err(StateError::mismatch("the number of priorities", len, leaves.len()));
        }
        self.tree = SumTree::new(self.max_size);
        self.tree.fill(&leaves);
        Ok(())
    }
}
