//! The constraint solver: sequential impulses with warm starting, then corrections of positions.
//!
//! Catto (2005), "Iterative Dynamics with Temporal Coherence".

pub(super) mod contact;
pub(super) mod joint;
pub(super) mod lanes;
pub(super) mod position;

use super::math::{Apart, Vec2};

/// Position of a body while its island is solved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    /// Center of mass.
    pub(super) c: Vec2,
    pub(super) a: f32,
}

/// Velocity of a body while its island is solved.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Velocity {
    v: Apart,
    pub(super) w: f32,
    gap: f32,
}

/// Inverse mass and inertia of a constraint's two bodies, and their places in the island.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pair {
    pub(super) index: [u32; 2],
    pub(super) inv_mass: [f32; 2],
    pub(super) inv_inertia: [f32; 2],
    pub(super) local_center: [Vec2; 2],
}

/// A step's length and what follows from it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimeStep {
    pub(super) dt: f32,
    /// Its ratio to the last one's, by which impulses are scaled.
    pub(super) ratio: f32,
}

impl Position {
    #[inline]
    pub(super) fn to_bits(self) -> [u32; 3] {
        let [x, y] = self.c.to_bits();
        [x, y, self.a.to_bits()]
    }
}

impl Velocity {
    #[inline]
    pub(super) fn new(v: Vec2, w: f32) -> Self {
        Self { v: Apart::new(v), w, gap: 0.0 }
    }

    #[inline]
    pub(super) fn v(&self) -> Vec2 {
        self.v.get()
    }

    #[inline]
    pub(super) fn set_v(&mut self, v: Vec2) {
        self.v = Apart::new(v);
    }

    /// Whether all bits are the same.
    #[inline]
    pub(super) fn is(&self, other: &Self) -> bool {
        self.v.x.to_bits() == other.v.x.to_bits()
            && self.v.y.to_bits() == other.v.y.to_bits()
            && self.w.to_bits() == other.w.to_bits()
    }

    /// Takes up an impulse: `inv_mass * impulse`, and `inv_inertia` times its moment.
    #[inline]
    fn add(&mut self, inv_mass: f32, impulse: Vec2, inv_inertia: f32, moment: f32) {
        self.v.x += inv_mass * impulse.x;
        self.v.y += inv_mass * impulse.y;
        self.w += inv_inertia * moment;
    }

    /// Gives off an impulse.
    #[inline]
    fn subtract(&mut self, inv_mass: f32, impulse: Vec2, inv_inertia: f32, moment: f32) {
        self.v.x -= inv_mass * impulse.x;
        self.v.y -= inv_mass * impulse.y;
        self.w -= inv_inertia * moment;
    }
}

/// Velocity of a point of the second body less that of a point of the first; `r_a` and `r_b` are from the centers of
/// mass to the points.
#[inline]
fn relative_velocity(a: &Velocity, r_a: Vec2, b: &Velocity, r_b: Vec2) -> Vec2 {
    Vec2::new(
        b.v.x + -b.w * r_b.y - a.v.x - -a.w * r_a.y,
        b.v.y + b.w * r_b.x - a.v.y - a.w * r_a.x,
    )
}
