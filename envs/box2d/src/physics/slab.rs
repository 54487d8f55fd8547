//! Numbered places that are given, taken back and given again.

use std::ops::{Index, IndexMut};

/// Values by number.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    pub(super) items: Vec<T>,
    /// Numbers to give again, the last first.
    pub(super) free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub(super) fn reserve(&mut self, count: usize) {
        self.items.reserve(count);
        self.free.reserve(count);
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.free.clear();
    }

    pub(super) fn insert(&mut self, item: T) -> u32 {
        if let Some(index) = self.free.pop() {
            self.items[index as usize] = item;
            return index;
        }
        self.items.push(item);
        self.items.len() as u32 - 1
    }

    pub(super) fn remove(&mut self, index: u32) {
        self.free.push(index);
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;
    #[inline]
    fn index(&self, index: u32) -> &T {
        &self.items[index as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        &mut self.items[index as usize]
    }
}
