//! A binary tree of sums: draws a leaf with a probability proportional to its value.

/// Non-negative leaves and the sums above them.
///
/// Each sum is its two children's, computed anew when one changes, so that rounding never
/// accumulates and the leaves alone decide every bit of the tree. It grows with the leaves that are
/// set: leaves of 0 beside them change neither a sum nor where one is found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SumTree {
    /// Leaves there is room for so far, a power of two.
    capacity: usize,
    /// The root at 1, the children of node k at 2k and 2k + 1, the leaves from `capacity` on.
    nodes: Vec<f64>,
}

impl SumTree {
    /// A tree whose leaves are all 0.
    pub(super) fn new() -> Self {
        Self::with_capacity(1)
    }

    fn with_capacity(capacity: usize) -> Self {
        Self { capacity, nodes: vec![0.0; 2 * capacity] }
    }

    /// Sum of the leaves.
    pub(super) fn total(&self) -> f64 {
        self.nodes[1]
    }

    pub(super) fn leaf(&self, leaf: usize) -> f64 {
        self.nodes[self.capacity + leaf]
    }

    /// The first `count` leaves.
    pub(super) fn leaves(&self, count: usize) -> &[f64] {
        &self.nodes[self.capacity..self.capacity + count]
    }

    pub(super) fn set(&mut self, leaf: usize, value: f64) {
        if leaf >= self.capacity {
            self.grow(leaf + 1);
        }
        let mut node = self.capacity + leaf;
        self.nodes[node] = value;
        while node > 1 {
            node /= 2;
            self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
        }
    }

    /// Makes room for `leaves` leaves.
    fn grow(&mut self, leaves: usize) {
        let mut larger = Self::with_capacity(leaves.next_power_of_two());
        larger.fill(self.leaves(self.capacity));
        *self = larger;
    }

    /// Sets the first leaves of a tree of zeros.
    pub(super) fn fill(&mut self, values: &[f64]) {
        if values.len() > self.capacity {
            *self = Self::with_capacity(values.len().next_power_of_two());
        }
        self.nodes[self.capacity..self.capacity + values.len()].copy_from_slice(values);
        for node in (1..self.capacity).rev() {
            self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
        }
    }

    /// The leaf at which the running sum of leaves passes `target`, of [0, total); never one of 0.
    pub(super) fn find(&self, target: f64) -> usize {
        let mut rest = target;
        let mut node = 1;
        while node < self.capacity {
            let left = self.nodes[2 * node];
            // Rounding may carry the rest past a right side of nothing.
            let goes_left = rest < left || self.nodes[2 * node + 1] == 0.0;
            if !goes_left {
                rest -= left;
            }
            node = 2 * node + usize::from(!goes_left);
        }
        node - self.capacity
    }
}

#[cfg(test)]
mod tests {
    use slm_env::Rng;

    use super::*;

    #[test]
    fn running_sums_decide_the_leaf() {
        let mut tree = SumTree::new();
        tree.fill(&[1.0, 0.0, 3.0]);
        assert_eq!(tree.total(), 4.0);
        let found = [0.0, 0.999, 1.0, 3.999].map(|target| tree.find(target));
        assert_eq!(found, [0, 0, 2, 2]);
        // The total itself, which rounding may ask for, and beyond.
        assert_eq!([4.0, 9.0].map(|target| tree.find(target)), [2, 2]);
        tree.set(2, 0.0);
        assert_eq!((tree.total(), tree.find(0.5), tree.find(1.0)), (1.0, 0, 0));
    }

    #[test]
    fn ten_thousand_updates_leave_the_sums_of_the_leaves() {
        let mut rng = Rng::from_seed(1);
        let mut tree = SumTree::new();
        let mut leaves = vec![0.0; 1000];
        for _ in 0..10_000 {
            let (leaf, value) = (rng.integers(0, 1000) as usize, rng.uniform(0.0, 1e5).powi(2));
            tree.set(leaf, value);
            leaves[leaf] = value;
        }
        let mut fresh = SumTree::new();
        fresh.fill(&leaves);
        assert_eq!(tree, fresh);
        let naive: f64 = leaves.iter().sum();
        assert!((tree.total() / naive - 1.0).abs() < 1e-12);
        let mut running = 0.0;
        for (leaf, value) in leaves.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            assert_eq!(tree.find(running + 0.5 * value), leaf);
            running += value;
        }
    }

    /// Sets that come in any order, and a tree that had room for all from the start.
    #[test]
    fn a_tree_that_has_grown_has_the_same_sums_and_finds_the_same_leaves() {
        let mut rng = Rng::from_seed(3);
        let (mut grown, mut whole) = (SumTree::new(), SumTree::with_capacity(256));
        for count in 1..=200_u64 {
            for leaf in [count - 1, rng.integers(0, count as i64) as u64] {
                let value = rng.uniform(0.0, 1.0);
                grown.set(leaf as usize, value);
                whole.set(leaf as usize, value);
            }
            assert_eq!(grown.total().to_bits(), whole.total().to_bits());
            for k in 0..20 {
                let target = grown.total() * (f64::from(k) + rng.random()) / 20.0;
                assert_eq!(grown.find(target), whole.find(target));
            }
        }
        assert_eq!(grown, whole);
    }

    #[test]
    fn one_leaf_is_the_whole_tree() {
        let mut tree = SumTree::new();
        tree.set(0, 2.0);
        assert_eq!((tree.total(), tree.find(1.9), tree.leaf(0)), (2.0, 0, 2.0));
    }
}
