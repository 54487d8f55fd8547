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

use super::super::math::{Rot, Vec2, vec2};
use super::super::trig;
use super::{Position, Velocity};

/// How many islands are solved side by side.
pub(in super::super) const LANES: usize = 16;

/// The row of a body that nothing moves.
pub(in super::super) const STILL: u32 = u32::MAX;

/// What the contacts of all islands at one place have in common.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct SlotKind {
    /// Rows of first and of second bodies, a bit each; those of still bodies have none.
    pub(in super::super) rows: [u32; 2],
    /// Whether a contact has two points.
    pub(in super::super) has_two: bool,
}

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

/// The position of a body of each island.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct PositionLane {
    x: Lane,
    y: Lane,
    pub(in super::super) a: Lane,
}

/// A rotation of each island.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct RotLane {
    s: Lane,
    c: Lane,
}

impl SlotKind {
    pub(in super::super) fn new(rows: &[Lane<u32>; 2], count: &Lane<u32>) -> Self {
        let bit = |row: u32| if row == STILL { 0 } else { 1 << row };
        let rows = rows.map(|rows| rows.into_iter().fold(0, |bits, row| bits | bit(row)));
        Self { rows, has_two: count.contains(&2) }
    }
}

impl RotLane {
    /// The rotations by angles.
    #[inline(always)]
    pub(in super::super) fn new(angles: &Lane) -> Self {
        let mut this = Self::default();
        let mut is_exact = true;
        for lane in 0..LANES {
            let (sin, cos, exact) = trig::sin_cos_unfused(angles[lane]);
            (this.s[lane], this.c[lane]) = (sin, cos);
            is_exact &= exact;
        }
        if !is_exact {
            this.repeat(angles);
        }
        this
    }

    /// The same, one after the other.
    #[cold]
    fn repeat(&mut self, angles: &Lane) {
        for (lane, angle) in angles.iter().enumerate() {
            (self.s[lane], self.c[lane]) = trig::sin_cos(*angle);
        }
    }

    #[inline(always)]
    pub(in super::super) fn get(&self, lane: usize) -> Rot {
        Rot { s: self.s[lane], c: self.c[lane] }
    }

    #[inline(always)]
    pub(in super::super) fn set(&mut self, lane: usize, rot: Rot) {
        (self.s[lane], self.c[lane]) = (rot.s, rot.c);
    }
}

impl PositionLane {
    #[inline(always)]
    pub(in super::super) fn get(&self, lane: usize) -> Position {
        Position { c: vec2(self.x[lane], self.y[lane]), a: self.a[lane] }
    }

    #[inline(always)]
    pub(in super::super) fn set(&mut self, lane: usize, position: Position) {
        self.x[lane] = position.c.x;
        self.y[lane] = position.c.y;
        self.a[lane] = position.a;
    }

    /// Takes in each lane the position of the body of that lane's row; that of a still one stays.
    #[inline(always)]
    pub(in super::super) fn gather(&mut self, rows: &[Self], bits: u32, index: &Lane<u32>) {
        for (row, position) in (0..).zip(rows) {
            if bits & 1 << row == 0 {
                continue;
            }
            for lane in 0..LANES {
                let is_here = index[lane] == row;
                self.x[lane] = if is_here { position.x[lane] } else { self.x[lane] };
                self.y[lane] = if is_here { position.y[lane] } else { self.y[lane] };
                self.a[lane] = if is_here { position.a[lane] } else { self.a[lane] };
            }
        }
    }

    /// Puts the positions into their rows; those of still bodies nowhere.
    #[inline(always)]
    pub(in super::super) fn scatter(&self, rows: &mut [Self], bits: u32, index: &Lane<u32>) {
        for (row, position) in (0..).zip(rows) {
            if bits & 1 << row == 0 {
                continue;
            }
            for lane in 0..LANES {
                let is_here = index[lane] == row;
                position.x[lane] = if is_here { self.x[lane] } else { position.x[lane] };
                position.y[lane] = if is_here { self.y[lane] } else { position.y[lane] };
                position.a[lane] = if is_here { self.a[lane] } else { position.a[lane] };
            }
        }
    }
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

    /// In each lane the velocity of the body of that lane's row; of a still one, 0. `bits` are those of rows that occur.
    #[inline(always)]
    pub(in super::super) fn gather(rows: &[Self], bits: u32, index: &Lane<u32>) -> Self {
        let mut out = Self::default();
        for (row, velocity) in (0..).zip(rows) {
            if bits & 1 << row == 0 {
                continue;
            }
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
    pub(in super::super) fn scatter(&self, rows: &mut [Self], bits: u32, index: &Lane<u32>) {
        for (row, velocity) in (0..).zip(rows) {
            if bits & 1 << row == 0 {
                continue;
            }
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
