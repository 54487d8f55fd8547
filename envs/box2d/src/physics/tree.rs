//! A balanced tree of boxes: which boxes overlap another, which a ray may meet.
//!
//! Numbers of leaves are the numbers of the broad phase's proxies, by which new contacts are sorted: the tree gives
//! and takes back numbers, and turns its branches, as Box2D's does.

use super::aabb::Aabb;
use super::math::{Vec2, abs, cross};
use super::settings::{AABB_EXTENSION, AABB_MULTIPLIER};
use super::world::NONE;

/// More than the deepest tree has levels.
const MAX_DEPTH: usize = 128;

/// A leaf or a branch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Around the leaf, enlarged, or around both children.
    pub(super) aabb: Aabb,
    /// The branch above, or the next free node.
    pub(super) parent: u32,
    pub(super) children: [u32; 2],
    /// Levels below; 0 for a leaf.
    pub(super) height: i32,
    /// A leaf's fixture.
    pub(super) fixture: u32,
}

impl Node {
    #[inline]
    fn is_leaf(&self) -> bool {
        self.children[0] == NONE
    }
}

/// The tree.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) root: u32,
    /// Head of the list of free nodes.
    pub(super) free: u32,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: Vec::new(), root: NONE, free: NONE }
    }
}

impl Tree {
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.root = NONE;
        self.free = NONE;
    }

    #[inline]
    pub(super) fn aabb(&self, leaf: u32) -> &Aabb {
        &self.nodes[leaf as usize].aabb
    }

    #[inline]
    pub(super) fn fixture(&self, leaf: u32) -> u32 {
        self.nodes[leaf as usize].fixture
    }

    /// Adds a leaf around a box, larger so that small moves need no other, and returns its number.
    pub(super) fn insert(&mut self, aabb: &Aabb, fixture: u32) -> u32 {
        let leaf = self.allocate();
        let node = &mut self.nodes[leaf as usize];
        node.aabb = aabb.grown(AABB_EXTENSION);
        node.fixture = fixture;
        self.insert_leaf(leaf);
        leaf
    }

    /// Removes a leaf.
    pub(super) fn remove(&mut self, leaf: u32) {
        self.remove_leaf(leaf);
        self.release(leaf);
    }

    /// Takes over a leaf's new box; returns whether the leaf had to be moved.
    #[inline]
    pub(super) fn update(&mut self, leaf: u32, aabb: &Aabb, displacement: Vec2) -> bool {
        let is_outside = !self.aabb(leaf).contains(aabb);
        if is_outside {
            self.move_leaf(leaf, aabb, displacement);
        }
        is_outside
    }

    fn move_leaf(&mut self, leaf: u32, aabb: &Aabb, displacement: Vec2) {
        self.remove_leaf(leaf);
        let mut aabb = aabb.grown(AABB_EXTENSION);
        let ahead = AABB_MULTIPLIER * displacement;
        if ahead.x < 0.0 {
            aabb.lower.x += ahead.x;
        } else {
            aabb.upper.x += ahead.x;
        }
        if ahead.y < 0.0 {
            aabb.lower.y += ahead.y;
        } else {
            aabb.upper.y += ahead.y;
        }
        self.nodes[leaf as usize].aabb = aabb;
        self.insert_leaf(leaf);
    }

    /// Calls `found` with every leaf whose box overlaps `aabb`.
    pub(super) fn query(&self, aabb: &Aabb, mut found: impl FnMut(u32)) {
        self.visit(|node, index| {
            if !node.aabb.overlaps(aabb) {
                return false;
            }
            if node.is_leaf() {
                found(index);
            }
            true
        });
    }

    /// Calls `hit` with every leaf whose box a ray may meet, and with the share of the way that is left; goes on
    /// with the share it returns, stops at 0, keeps the share at a negative number.
    pub(super) fn ray_cast(&self, p1: Vec2, p2: Vec2, mut hit: impl FnMut(u32, f32) -> f32) {
        let normal = cross(1.0, (p2 - p1).normalized());
        let size = normal.abs();
        let mut fraction = 1.0;
        let mut segment = Aabb::of_segment(p1, p2, fraction);
        let mut is_over = false;
        self.visit(|node, _| {
            if is_over || !node.aabb.overlaps(&segment) {
                return false;
            }
            let center = 0.5 * (node.aabb.lower + node.aabb.upper);
            let extents = 0.5 * (node.aabb.upper - node.aabb.lower);
            if abs(normal.dot(p1 - center)) - size.dot(extents) > 0.0 {
                return false;
            }
            if node.is_leaf() {
                let value = hit(node.fixture, fraction);
                is_over = value == 0.0;
                if value > 0.0 {
                    fraction = value;
                    segment = Aabb::of_segment(p1, p2, fraction);
                }
            }
            true
        });
    }

    /// Calls `enter` with nodes from the root down, second children first, and goes below those it returns true for.
    #[inline]
    fn visit(&self, mut enter: impl FnMut(&Node, u32) -> bool) {
        let mut stack = [NONE; MAX_DEPTH];
        stack[0] = self.root;
        let mut count = 1;
        while count > 0 {
            count -= 1;
            let index = stack[count];
            let Some(node) = self.nodes.get(index as usize) else { continue };
            if enter(node, index) && !node.is_leaf() {
                stack[count] = node.children[0];
                stack[count + 1] = node.children[1];
                count += 2;
            }
        }
    }

    fn allocate(&mut self) -> u32 {
        let fresh = Node {
            aabb: Aabb::default(),
            parent: NONE,
            children: [NONE; 2],
            height: 0,
            fixture: NONE,
        };
        if self.free == NONE {
            self.nodes.push(fresh);
            return self.nodes.len() as u32 - 1;
        }
        let index = self.free;
        let node = &mut self.nodes[index as usize];
        self.free = node.parent;
        *node = fresh;
        index
    }

    fn release(&mut self, index: u32) {
        let node = &mut self.nodes[index as usize];
        node.parent = self.free;
        node.height = -1;
        self.free = index;
    }

    fn insert_leaf(&mut self, leaf: u32) {
        if self.root == NONE {
            self.root = leaf;
            self.nodes[leaf as usize].parent = NONE;
            return;
        }
        let leaf_aabb = *self.aabb(leaf);
        let sibling = self.best_sibling(&leaf_aabb);
        let old_parent = self.nodes[sibling as usize].parent;
        let parent = self.allocate();
        let below = self.nodes[sibling as usize];
        self.nodes[parent as usize] = Node {
            aabb: leaf_aabb.union(&below.aabb),
            parent: old_parent,
            children: [sibling, leaf],
            height: below.height + 1,
            fixture: NONE,
        };
        self.replace_child(old_parent, sibling, parent);
        self.nodes[sibling as usize].parent = parent;
        self.nodes[leaf as usize].parent = parent;
        self.refit(parent);
    }

    /// The node beside which a new leaf enlarges the tree least.
    fn best_sibling(&self, leaf: &Aabb) -> u32 {
        let mut index = self.root;
        loop {
            let node = &self.nodes[index as usize];
            if node.is_leaf() {
                return index;
            }
            let combined = node.aabb.union(leaf).perimeter();
            let cost = 2.0 * combined;
            let inherited = 2.0 * (combined - node.aabb.perimeter());
            let [cost1, cost2] = node.children.map(|child| self.cost_below(child, leaf, inherited));
            if cost < cost1 && cost < cost2 {
                return index;
            }
            index = node.children[usize::from(cost1 >= cost2)];
        }
    }

    /// What a new leaf costs beside or below a child.
    #[inline]
    fn cost_below(&self, child: u32, leaf: &Aabb, inherited: f32) -> f32 {
        let node = &self.nodes[child as usize];
        let combined = leaf.union(&node.aabb).perimeter();
        if node.is_leaf() {
            combined + inherited
        } else {
            (combined - node.aabb.perimeter()) + inherited
        }
    }

    fn remove_leaf(&mut self, leaf: u32) {
        if leaf == self.root {
            self.root = NONE;
            return;
        }
        let parent = self.nodes[leaf as usize].parent;
        let Node { parent: above, children, .. } = self.nodes[parent as usize];
        let sibling = children[usize::from(children[0] == leaf)];
        self.replace_child(above, parent, sibling);
        self.nodes[sibling as usize].parent = above;
        self.release(parent);
        self.refit(above);
    }

    /// Puts a node in another's place below `parent`, or at the root.
    fn replace_child(&mut self, parent: u32, old: u32, new: u32) {
        if parent == NONE {
            self.root = new;
            return;
        }
        let children = &mut self.nodes[parent as usize].children;
        children[usize::from(children[0] != old)] = new;
    }

    /// Balances and measures again from a branch up to the root.
    fn refit(&mut self, mut index: u32) {
        while index != NONE {
            index = self.balance(index);
            self.measure(index);
            index = self.nodes[index as usize].parent;
        }
    }

    fn measure(&mut self, index: u32) {
        let [first, second] = self.nodes[index as usize].children.map(|c| &self.nodes[c as usize]);
        let (aabb, height) = (first.aabb.union(&second.aabb), 1 + first.height.max(second.height));
        let node = &mut self.nodes[index as usize];
        node.aabb = aabb;
        node.height = height;
    }

    /// Turns a branch whose sides differ by more than a level; returns what is then in its place.
    fn balance(&mut self, index: u32) -> u32 {
        let node = &self.nodes[index as usize];
        if node.height < 2 {
            return index;
        }
        let [first, second] = node.children.map(|child| self.nodes[child as usize].height);
        match second - first {
            2.. => self.rotate(index, 1),
            ..=-2 => self.rotate(index, 0),
            _ => index,
        }
    }

    /// Brings the child on a side up into its parent's place.
    fn rotate(&mut self, index: u32, side: usize) -> u32 {
        let Node { parent: above, children, .. } = self.nodes[index as usize];
        let up = children[side];
        let [first, second] = self.nodes[up as usize].children;
        let is_first_higher =
            self.nodes[first as usize].height > self.nodes[second as usize].height;
        let (kept, moved) = if is_first_higher { (first, second) } else { (second, first) };
        self.nodes[up as usize].parent = above;
        self.nodes[up as usize].children = [index, kept];
        self.replace_child(above, index, up);
        self.nodes[index as usize].parent = up;
        self.nodes[index as usize].children[side] = moved;
        self.nodes[moved as usize].parent = index;
        self.measure(index);
        self.measure(up);
        up
    }
}
