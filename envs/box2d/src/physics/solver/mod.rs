//! The constraint solver: sequential impulses with warm starting, then corrections of positions.
//!
//! Catto (2005), "Iterative Dynamics with Temporal Coherence".

pub(super) mod contact;
pub(super) mod joint;
pub(super) mod position;

use super::math::Vec2;

/// Position of a body while its island is solved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    /// Center of mass.
    pub(super) c: Vec2,
    pub(super) a: f32,
}

/// Velocity of a body while its island is solved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Velocity {
    pub(super) v: Vec2,
    pub(super) w: f32,
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
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeStep {
    pub(super) dt: f32,
    /// Its ratio to the last one's, by which impulses are scaled.
    pub(super) ratio: f32,
    pub(super) velocity_iterations: u32,
    pub(super) position_iterations: u32,
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
    pub(super) fn to_bits(self) -> [u32; 3] {
        let [x, y] = self.v.to_bits();
        [x, y, self.w.to_bits()]
    }
}
