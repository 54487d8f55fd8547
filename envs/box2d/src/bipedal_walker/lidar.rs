//! The walker's eyes: how far the ground is along ten beams.

use super::SCALE;
use super::ground::Ground;
use crate::physics::{Vec2, World};

/// How many beams there are.
pub(super) const BEAMS: usize = 10;
const RANGE: f64 = 160.0 / SCALE;

/// Beams from straight down to almost straight ahead.
pub(super) struct Lidar {
    /// Where a beam ends, seen from the hull.
    reach: [(f64, f64); BEAMS],
    /// Share of its range at which each beam meets the ground, 1 where it does not.
    pub(super) fractions: [f32; BEAMS],
}

impl Lidar {
    pub(super) fn new() -> Self {
        let reach = std::array::from_fn(|i| {
            let (sin, cos) = (1.5 * i as f64 / BEAMS as f64).sin_cos();
            (sin * RANGE, -(cos * RANGE))
        });
        Self { reach, fractions: [1.0; BEAMS] }
    }

    /// Looks from a point. Beams that an obstacle may stop are cast through the world.
    pub(super) fn scan(&mut self, world: &World, ground: &Ground, from: Vec2) {
        for (fraction, reach) in self.fractions.iter_mut().zip(self.reach) {
            let to = end(from, reach);
            *fraction = if ground.has_obstacle(from.x, to.x) {
                cast(world, from, to)
            } else {
                ground.meet(from, to)
            };
        }
    }

    /// Where beam `i` from a point ends, at the ground or in the air.
    pub(super) fn end_of(&self, i: usize, from: (f64, f64)) -> (f64, f64) {
        let (reach, share) = (self.reach[i], f64::from(self.fractions[i]));
        (from.0 + reach.0 * share, from.1 + reach.1 * share)
    }
}

/// Share of the way at which a beam first meets what is not the walker.
fn cast(world: &World, from: Vec2, to: Vec2) -> f32 {
    let mut nearest = 1.0;
    world.ray_cast(from, to, |hit| {
        if world.filter(hit.fixture).category & 1 == 0 {
            return -1.0;
        }
        nearest = hit.fraction;
        hit.fraction
    });
    nearest
}

fn end(from: Vec2, reach: (f64, f64)) -> Vec2 {
    Vec2::new((f64::from(from.x) + reach.0) as f32, (f64::from(from.y) + reach.1) as f32)
}
