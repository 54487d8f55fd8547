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
    /// pᵢ^α.
    tree: SumTree,
    /// The largest of them so far.
    largest: f64,
    frame: u64,
}

impl Priorities {
    pub(super) fn new(plan: PriorityPlan) -> Self {
        Self { plan, tree: SumTree::new(), largest: 1.0, frame: 0 }
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
        self.tree = SumTree::new();
        self.tree.fill(&leaves);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Ramp;

    fn priorities(alpha: f64, beta: Option<Schedule>, errors: &[f32]) -> Priorities {
        let mut priorities = Priorities::new(PriorityPlan { alpha, epsilon: 0.0, beta });
        let indices: Vec<u32> = (0..errors.len() as u32).collect();
        priorities.set(&indices, errors);
        priorities
    }

    fn drawn(priorities: &Priorities, seed: u64, count: usize) -> Vec<u32> {
        let mut indices = Vec::new();
        priorities.draw(&mut Rng::from_seed(seed), count, &mut indices);
        indices
    }

    /// α = 0.5: priorities √[1, 4, 9, 16] = [1, 2, 3, 4], probabilities [0.1, 0.2, 0.3, 0.4]. χ² of
    /// 5000 batches of 2 against them; with 3 degrees of freedom it is below 16.27 in 999 of 1000 cases.
    #[test]
    fn draws_follow_the_errors_to_the_power_of_alpha() {
        let priorities = priorities(0.5, None, &[1.0, -4.0, 9.0, 16.0]);
        let mut counts = [0.0; 4];
        for seed in 0..5000 {
            for index in drawn(&priorities, seed, 2) {
                counts[index as usize] += 1.0;
            }
        }
        let expected = [1000.0, 2000.0, 3000.0, 4000.0];
        let chi2: f64 = counts.iter().zip(expected).map(|(c, e)| (c - e) * (c - e) / e).sum();
        assert!(chi2 < 16.27, "{counts:?}");
    }

    /// Ten parts of a sum of 10: one draw in each, so leaf 3, which covers [6, 10), comes 4 times.
    #[test]
    fn each_equal_part_of_the_sum_gives_one_draw() {
        let priorities = priorities(1.0, None, &[1.0, 2.0, 3.0, 4.0]);
        for seed in 0..20 {
            assert_eq!(drawn(&priorities, seed, 10), [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]);
        }
    }

    #[test]
    fn with_alpha_0_all_are_drawn_alike() {
        let priorities = priorities(0.0, None, &[1.0, 0.0, 9.0, 1e9]);
        assert_eq!(drawn(&priorities, 1, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn errors_of_zero_leave_something_to_draw() {
        let priorities = priorities(1.0, Some(Schedule::Constant(1.0)), &[0.0; 4]);
        assert_eq!(drawn(&priorities, 1, 4), [0, 1, 2, 3]);
        let mut weights = Vec::new();
        priorities.weigh(&[0, 1, 2, 3], 4, &mut weights);
        assert_eq!(weights, [1.0; 4]);
    }

    #[test]
    fn a_new_transition_has_the_largest_priority_so_far() {
        let mut priorities = priorities(2.0, None, &[0.5, 3.0, 0.0]);
        priorities.set(&[1], &[1.0]);
        priorities.insert(2);
        assert_eq!(priorities.tree.leaves(3), [0.25, 1.0, 9.0]);
    }

    /// N·P = 4·[0.1, 0.2, 0.3, 0.4] = [0.4, 0.8, 1.2, 1.6]. β = 1: 1/(N·P) over the largest of the batch,
    /// that of place 1: 0.8/[0.8, 1.6] = [1, 0.5]. Half-way from 0 to 1, β = ½: √ of that.
    #[test]
    fn importance_weights_are_those_worked_by_hand() {
        let ramp = Ramp { start_val: 0.0, end_val: 1.0, start_step: 0.0, end_step: 10.0 };
        let beta = Some(Schedule::Linear(ramp));
        let mut priorities = priorities(1.0, beta, &[1.0, 2.0, 3.0, 4.0]);
        let mut weights_at = |frame| {
            priorities.advance(frame);
            let mut weights = Vec::new();
            priorities.weigh(&[1, 3], 4, &mut weights);
            weights
        };
        assert_eq!(weights_at(0), [1.0, 1.0]);
        assert_eq!(weights_at(5), [1.0, 0.5f32.sqrt()]);
        assert_eq!(weights_at(10), [1.0, 0.5]);
    }
}
