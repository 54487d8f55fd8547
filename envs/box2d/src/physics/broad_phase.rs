//! The broad phase: which fixtures come near each other.

use super::aabb::Aabb;
use super::math::Vec2;
use super::tree::Tree;
use super::world::NONE;

/// Boxes of all fixtures, and which of them moved.
#[derive(Clone, Debug, Default)]
pub(super) struct BroadPhase {
    pub(super) tree: Tree,
    /// Proxies that moved since the last search for pairs; `NONE` for one that is gone.
    pub(super) moved: Vec<u32>,
    /// Proxies near each other, the smaller number first; between searches without meaning.
    pairs: Vec<(u32, u32)>,
}

impl BroadPhase {
    /// Takes memory for so many fixtures, of which each comes near a dozen others at most on average.
    pub(super) fn reserve(&mut self, fixtures: usize) {
        self.tree.nodes.reserve(2 * fixtures);
        self.moved.reserve(2 * fixtures);
        self.pairs.reserve(12 * fixtures);
    }

    pub(super) fn clear(&mut self) {
        self.tree.clear();
        self.moved.clear();
    }

    pub(super) fn insert(&mut self, aabb: &Aabb, fixture: u32) -> u32 {
        let proxy = self.tree.insert(aabb, fixture);
        self.moved.push(proxy);
        proxy
    }

    pub(super) fn remove(&mut self, proxy: u32) {
        self.moved.iter_mut().filter(|moved| **moved == proxy).for_each(|moved| *moved = NONE);
        self.tree.remove(proxy);
    }

    #[inline]
    pub(super) fn update(&mut self, proxy: u32, aabb: &Aabb, displacement: Vec2) {
        if self.tree.update(proxy, aabb, displacement) {
            self.moved.push(proxy);
        }
    }

    /// Collects, sorts and returns the number of pairs of which one moved.
    pub(super) fn find_pairs(&mut self) -> usize {
        let Self { tree, moved, pairs } = self;
        pairs.clear();
        for &proxy in moved.iter().filter(|proxy| **proxy != NONE) {
            tree.query(tree.aabb(proxy), |other| {
                if other != proxy {
                    pairs.push((proxy.min(other), proxy.max(other)));
                }
            });
        }
        moved.clear();
        pairs.sort_unstable();
        pairs.dedup();
        pairs.len()
    }

    /// The fixtures of a pair, those of the smaller number first.
    pub(super) fn pair(&self, i: usize) -> (u32, u32) {
        let (a, b) = self.pairs[i];
        (self.tree.fixture(a), self.tree.fixture(b))
    }
}
