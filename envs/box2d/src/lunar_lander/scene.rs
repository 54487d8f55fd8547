//! The moon's surface, and the lander with its legs as bodies.

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::{HEIGHT, SCALE, WIDTH};
use crate::physics::{
    BodyDef, BodyId, BodyType, Edge, Filter, FixtureDef, Polygon, RevoluteJointDef, Vec2, World,
};

const CHUNKS: usize = 11;
/// Height of the landing pad.
pub(super) const PAD_Y: f64 = HEIGHT / 4.0;
/// Between which points of the surface the pad lies.
pub(super) const PAD: (usize, usize) = (CHUNKS / 2 - 1, CHUNKS / 2 + 1);
/// How far below the lander's origin its legs are pinned, pixels.
pub(super) const LEG_DOWN: f64 = 18.0;

pub(super) const BODY: [(f64, f64); 6] =
    [(-14.0, 17.0), (-17.0, 0.0), (-17.0, -10.0), (17.0, -10.0), (17.0, 0.0), (14.0, 17.0)];
const LEG_AWAY: f64 = 20.0; // pixels
pub(super) const LEG_HALF: (f64, f64) = (2.0, 8.0); // pixels
const LEG_TORQUE: f32 = 40.0;
/// Most of the first push.
const PUSH: f64 = 1000.0;

/// The surface: points from left to right.
pub(super) struct Moon {
    pub(super) points: [(f64, f64); CHUNKS],
}

/// The bodies and joints.
pub(super) struct Scene {
    pub(super) lander: BodyId,
    pub(super) legs: [BodyId; 2],
}

impl Moon {
    /// A surface all at the height of the pad.
    pub(super) fn flat() -> Self {
        Self::of([PAD_Y; CHUNKS + 1])
    }

    /// A random surface, flat at the pad.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut heights = [0.0; CHUNKS + 1];
        for height in &mut heights {
            *height = rng.uniform(0.0, HEIGHT / 2.0);
        }
        heights[CHUNKS / 2 - 2..=CHUNKS / 2 + 2].fill(PAD_Y);
        Self::of(heights)
    }

    /// Each point has about the mean of three heights; those before the first are the last.
    fn of(heights: [f64; CHUNKS + 1]) -> Self {
        let points = std::array::from_fn(|i| {
            let before = heights[(i + CHUNKS) % (CHUNKS + 1)];
            let x = WIDTH / (CHUNKS - 1) as f64 * i as f64;
            (x, 0.33 * (before + heights[i] + heights[i + 1]))
        });
        Self { points }
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        out.f64s(&self.points.map(|(_, y)| y));
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let mut heights = [0.0; CHUNKS];
        from.f64s_into(&mut heights)?;
        for ((_, y), height) in self.points.iter_mut().zip(heights) {
            *y = height;
        }
        Ok(())
    }
}

impl Scene {
    /// Puts the moon and the lander into an empty world. The ids are the same every time.
    pub(super) fn build(world: &mut World, moon: &Moon) -> Self {
        build_moon(world, moon);
        let lander = build_lander(world);
        let legs = [-1.0, 1.0].map(|side| build_leg(world, lander, side));
        Self { lander, legs }
    }

    /// Pushes the lander by a random force.
    pub(super) fn push(&self, world: &mut World, rng: &mut Rng) {
        let [x, y] = [(); 2].map(|()| rng.uniform(-PUSH, PUSH) as f32);
        world.apply_force_to_center(self.lander, Vec2::new(x, y));
    }
}

fn build_moon(world: &mut World, moon: &Moon) {
    let body = world.create_body(&BodyDef::default());
    let floor = Edge::new(Vec2::ZERO, single((WIDTH, 0.0)));
    world.create_fixture(body, &FixtureDef::new(floor));
    for pair in moon.points.windows(2) {
        let edge = Edge::new(single(pair[0]), single(pair[1]));
        world.create_fixture(body, &FixtureDef { friction: 0.1, ..FixtureDef::new(edge) });
    }
}

fn build_lander(world: &mut World) -> BodyId {
    let body = world.create_body(&BodyDef {
        kind: BodyType::Dynamic,
        position: single((WIDTH / 2.0, HEIGHT)),
        ..BodyDef::default()
    });
    let shape = Polygon::new(&BODY.map(|(x, y)| single((x / SCALE, y / SCALE))));
    world.create_fixture(
        body,
        &FixtureDef {
            density: 5.0,
            friction: 0.1,
            filter: only_ground(0x10),
            ..FixtureDef::new(shape)
        },
    );
    body
}

/// A leg on the left (-1, as `side` says) or right, pinned to the lander by a motor that spreads it.
fn build_leg(world: &mut World, lander: BodyId, side: f64) -> BodyId {
    let leg = world.create_body(&BodyDef {
        kind: BodyType::Dynamic,
        position: single((WIDTH / 2.0 - side * LEG_AWAY / SCALE, HEIGHT)),
        angle: (side * 0.05) as f32,
        ..BodyDef::default()
    });
    let shape = Polygon::new_box((LEG_HALF.0 / SCALE) as f32, (LEG_HALF.1 / SCALE) as f32);
    world.create_fixture(
        leg,
        &FixtureDef { density: 1.0, filter: only_ground(0x20), ..FixtureDef::new(shape) },
    );
    let limits = if side < 0.0 { (0.9 - 0.5, 0.9) } else { (-0.9, -0.9 + 0.5) };
    let joint = RevoluteJointDef {
        local_anchor_b: single((side * LEG_AWAY / SCALE, LEG_DOWN / SCALE)),
        enable_limit: true,
        lower_angle: limits.0 as f32,
        upper_angle: limits.1 as f32,
        enable_motor: true,
        motor_speed: (0.3 * side) as f32,
        max_motor_torque: LEG_TORQUE,
        ..world.revolute_joint_def(lander, leg)
    };
    world.create_revolute_joint(&joint);
    leg
}

fn only_ground(category: u16) -> Filter {
    Filter { category, mask: 1, ..Filter::default() }
}

/// A point in the precision of the physics.
fn single((x, y): (f64, f64)) -> Vec2 {
    Vec2::new(x as f32, y as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surface_is_level_between_the_flags() {
        let moon = Moon::draw(&mut Rng::from_seed(5));
        // Three heights of the pad times 0.33.
        let level = 0.33 * (PAD_Y + PAD_Y + PAD_Y);
        assert_eq!([4, 5, 6].map(|i| moon.points[i]), [(8.0, level), (10.0, level), (12.0, level)]);
        assert_ne!(moon.points[2].1, level);
    }
}
