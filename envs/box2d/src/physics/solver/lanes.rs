//! Numbers of several islands side by side, to be computed at once by vector instructions.
//!
//! The loops over lanes hold no branch that the compiler could not turn into a choice between two values, so that it
//! makes vectors of them. Every lane goes through the operations that its island would go through alone.
#![allow(
    clippy::inline_always,
    clippy::needless_range_loop,
    clippy::needless_bitwise_bool,
    reason = "one loop over the lanes, without branches, compiled for each instruction set"
)]

use super::super::math::{Vec2, vec2};
use super::Velocity;

/// How many islands are solved side by side.
pub(in super::super) const LANES: usize = 16;

/// The row of a body that nothing moves.
pub(in super::super) const STILL: u32 = u32::MAX;

/// A number of each island.
pub(in super::super) type Lane<T = f32> = [T; LANES];

/// A vector of each island.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Lane2 {
    pub(in super::super) x: Lane,
    pub(in super::super) y: Lane,
}

/// The velocity of a body of each island.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct VelocityLane {
    x: Lane,
    y: Lane,
    w: Lane,
}

impl Lane2 {
    #[inline(always)]
    pub(in super::super) fn get(&self, lane: usize) -> Vec2 {
        vec2(self.x[lane], self.y[lane])
    }

    #[inline(always)]
    pub(in super::super) fn set(&mut self, lane: usize, v: Vec2) {
        self.x[lane] = v.x;
        self.y[lane] = v.y;
    }
}

impl VelocityLane {
    #[inline(always)]
    pub(in super::super) fn get(&self, lane: usize) -> Velocity {
        Velocity::new(vec2(self.x[lane], self.y[lane]), self.w[lane])
    }

    #[inline(always)]
    pub(in super::super) fn set(&mut self, lane: usize, velocity: Velocity) {
        let Vec2 { x, y } = velocity.v();
        self.x[lane] = x;
        self.y[lane] = y;
        self.w[lane] = velocity.w;
    }

    /// In each lane the velocity of the body of that lane's row; of a still one, 0.
    #[inline(always)]
    pub(in super::super) fn gather(rows: &[Self], index: &Lane<u32>) -> Self {
        let mut out = Self::default();
        for (row, velocity) in (0..).zip(rows) {
            for lane in 0..LANES {
                let is_here = index[lane] == row;
                out.x[lane] = if is_here { velocity.x[lane] } else { out.x[lane] };
                out.y[lane] = if is_here { velocity.y[lane] } else { out.y[lane] };
                out.w[lane] = if is_here { velocity.w[lane] } else { out.w[lane] };
            }
        }
        out
    }

    /// Puts the velocities into their rows; those of still bodies nowhere.
    #[inline(always)]
    pub(in super::super) fn scatter(&self, rows: &mut [Self], index: &Lane<u32>) {
        for (row, velocity) in (0..).zip(rows) {
            for lane in 0..LANES {
                let is_here = index[lane] == row;
                velocity.x[lane] = if is_here { self.x[lane] } else { velocity.x[lane] };
                velocity.y[lane] = if is_here { self.y[lane] } else { velocity.y[lane] };
                velocity.w[lane] = if is_here { self.w[lane] } else { velocity.w[lane] };
            }
        }
    }

    /// Clears the marks of lanes that differ in a bit.
    #[inline(always)]
    pub(in super::super) fn compare(&self, other: &Self, same: &mut Lane<u32>) {
        compare(&self.x, &other.x, same);
        compare(&self.y, &other.y, same);
        compare(&self.w, &other.w, same);
    }
}

/// Clears the marks of lanes that differ in a bit.
#[inline(always)]
pub(in super::super) fn compare(a: &Lane, b: &Lane, same: &mut Lane<u32>) {
    for lane in 0..LANES {
        same[lane] &= u32::from(a[lane].to_bits() == b[lane].to_bits());
    }
}
