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

use super::super::lanes::MAX_BODIES;
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
    /// Whether a first body moves.
    pub(in super::super) has_first: bool,
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

/// The position or the velocity of a body of each island.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct BodyLane {
    x: Lane,
    y: Lane,
    /// Angle, or angular velocity.
    pub(in super::super) a: Lane,
}

/// The bodies of each island.
pub(in super::super) type Rows = [BodyLane; MAX_BODIES];

/// A rotation of each island.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct RotLane {
    s: Lane,
    c: Lane,
}

impl SlotKind {
    pub(in super::super) fn new(first_rows: &Lane<u32>, count: &Lane<u32>) -> Self {
        let has_first = first_rows.iter().any(|row| *row != STILL);
        Self { has_first, has_two: count.contains(&2) }
    }
}

impl RotLane {
    /// The rotations by angles.
    #[inline(always)]
    pub(in super::super) fn new(angles: &Lane) -> Self {
        let mut this = Self::default();
        let mut is_exact = [0; LANES];
        for lane in 0..LANES {
            let (sin, cos, exact) = trig::sin_cos_unfused(angles[lane]);
            (this.s[lane], this.c[lane]) = (sin, cos);
            is_exact[lane] = u32::from(exact);
        }
        if is_exact.iter().fold(1, |all, exact| all & exact) == 0 {
            this.repeat(angles, &is_exact);
        }
        this
    }

    /// The same where it was not exact, one after the other.
    #[cold]
    fn repeat(&mut self, angles: &Lane, is_exact: &Lane<u32>) {
        for (lane, angle) in angles.iter().enumerate().filter(|(lane, _)| is_exact[*lane] == 0) {
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

impl BodyLane {
    #[inline(always)]
    pub(in super::super) fn position(&self, lane: usize) -> Position {
        Position { c: vec2(self.x[lane], self.y[lane]), a: self.a[lane] }
    }

    #[inline(always)]
    pub(in super::super) fn set_position(&mut self, lane: usize, position: Position) {
        let Position { c: Vec2 { x, y }, a } = position;
        (self.x[lane], self.y[lane], self.a[lane]) = (x, y, a);
    }

    #[inline(always)]
    pub(in super::super) fn velocity(&self, lane: usize) -> Velocity {
        Velocity::new(vec2(self.x[lane], self.y[lane]), self.a[lane])
    }

    #[inline(always)]
    pub(in super::super) fn set_velocity(&mut self, lane: usize, velocity: Velocity) {
        let Vec2 { x, y } = velocity.v();
        (self.x[lane], self.y[lane], self.a[lane]) = (x, y, velocity.w);
    }

    /// Takes in each lane what the body of that lane's row has; that of a still one stays.
    #[inline(always)]
    pub(in super::super) fn gather(&mut self, rows: &Rows, index: &Lane<u32>) {
        for lane in 0..LANES {
            let still = [self.x[lane], self.y[lane], self.a[lane]];
            [self.x[lane], self.y[lane], self.a[lane]] = pick(rows, index[lane], lane, still);
        }
    }

    /// Puts what the bodies have into their rows; that of still bodies nowhere.
    #[inline(always)]
    pub(in super::super) fn scatter(&self, rows: &mut Rows, index: &Lane<u32>) {
        for lane in 0..LANES {
            put(rows, index[lane], lane, [self.x[lane], self.y[lane], self.a[lane]]);
        }
    }

    /// The velocity of the body of a lane's row; of a still one, 0.
    #[inline(always)]
    pub(in super::super) fn velocity_of(rows: &Rows, row: u32, lane: usize) -> Velocity {
        let [x, y, w] = pick(rows, row, lane, [0.0; 3]);
        Velocity::new(vec2(x, y), w)
    }

    /// Gives the body of a lane's row a velocity, a still one none.
    #[inline(always)]
    pub(in super::super) fn set_velocity_of(
        rows: &mut Rows,
        row: u32,
        lane: usize,
        velocity: Velocity,
    ) {
        let Vec2 { x, y } = velocity.v();
        put(rows, row, lane, [x, y, velocity.w]);
    }

    /// Clears the marks of lanes that differ in a bit.
    #[inline(always)]
    pub(in super::super) fn compare(&self, other: &Self, same: &mut Lane<u32>) {
        compare(&self.x, &other.x, same);
        compare(&self.y, &other.y, same);
        compare(&self.a, &other.a, same);
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

/// What the body of a lane's row has; of a still one, `still`. Every row is looked at: rows are few, and without a branch
/// the lanes make a vector.
#[inline(always)]
fn pick(rows: &Rows, row: u32, lane: usize, still: [f32; 3]) -> [f32; 3] {
    (0..).zip(rows).fold(still, |[x, y, a], (i, body)| {
        let here = [body.x[lane], body.y[lane], body.a[lane]];
        if i == row { here } else { [x, y, a] }
    })
}

#[inline(always)]
fn put(rows: &mut Rows, row: u32, lane: usize, [x, y, a]: [f32; 3]) {
    for (i, body) in (0..).zip(rows) {
        body.x[lane] = if i == row { x } else { body.x[lane] };
        body.y[lane] = if i == row { y } else { body.y[lane] };
        body.a[lane] = if i == row { a } else { body.a[lane] };
    }
}

/// Clears the marks of lanes that differ in a bit.
#[inline(always)]
pub(in super::super) fn compare(a: &Lane, b: &Lane, same: &mut Lane<u32>) {
    for lane in 0..LANES {
        same[lane] &= u32::from(a[lane].to_bits() == b[lane].to_bits());
    }
}
