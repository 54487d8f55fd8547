//! The walker: a hull and two legs of two parts, with a motor in each hip and knee.

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::terrain::{LEVEL, START, STEP};
use super::{SCALE, single};
use crate::physics::{
    BodyDef, BodyId, BodyType, Filter, FixtureDef, JointId, Polygon, State, Vec2, World,
};

/// Corners of the hull, pixels.
pub(super) const HULL: [(f64, f64); 5] =
    [(-30.0, 9.0), (6.0, 9.0), (34.0, 1.0), (34.0, -8.0), (-30.0, -8.0)];
/// Where the hips are below the hull's origin.
const HIP: f64 = -8.0 / SCALE;
/// Width and height of a part of a leg.
const LEG: (f64, f64) = (8.0 / SCALE, 34.0 / SCALE);
/// Most of a motor's torque.
pub(super) const TORQUE: f32 = 80.0;
/// Most of the first push.
const PUSH: f64 = 5.0;

/// Bodies that a walker has.
pub(super) const BODIES: usize = 5;

/// The bodies and joints.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walker {
    pub(super) hull: BodyId,
    /// Upper and lower part of one leg, of the other.
    pub(super) legs: [BodyId; 4],
    /// Hip and knee of one leg, of the other.
    pub(super) joints: [JointId; 4],
}

/// How a joint bends.
struct Bend {
    anchors: [Vec2; 2],
    speed: f32,
    limits: (f32, f32),
}

/// Half the width and height of the upper (or lower) part of a leg.
pub(super) fn half_of_leg(is_lower: bool) -> (f64, f64) {
    (if is_lower { 0.8 * LEG.0 / 2.0 } else { LEG.0 / 2.0 }, LEG.1 / 2.0)
}

impl Walker {
    /// Puts a walker on the start of the ground and pushes it by a random force.
    pub(super) fn build(world: &mut World, rng: &mut Rng) -> Self {
        let (x, y) = (STEP * START as f64 / 2.0, LEVEL + 2.0 * LEG.1);
        let shape = Polygon::new(&HULL.map(|(x, y)| single((x / SCALE, y / SCALE))));
        let fixture = FixtureDef { density: 5.0, friction: 0.1, ..FixtureDef::new(shape) };
        let hull = put(world, (x, y), 0.0, fixture);
        let push = Vec2::new(rng.uniform(-PUSH, PUSH) as f32, 0.0);
        world.apply_force_to_center(hull, push);
        let [left, right] = [-1.0, 1.0].map(|side| build_leg(world, hull, (x, y), side));
        Self {
            hull,
            legs: [left.0[0], left.0[1], right.0[0], right.0[1]],
            joints: [left.1[0], left.1[1], right.1[0], right.1[1]],
        }
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        self.hull.save(out);
        self.legs.iter().for_each(|leg| leg.save(out));
        self.joints.iter().for_each(|joint| joint.save(out));
    }

    pub(super) fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        let hull = BodyId::load(from)?;
        let mut body = || BodyId::load(from);
        let legs = [body()?, body()?, body()?, body()?];
        let mut joint = || JointId::load(from);
        let joints = [joint()?, joint()?, joint()?, joint()?];
        Ok(Self { hull, legs, joints })
    }
}

fn build_leg(
    world: &mut World,
    hull: BodyId,
    (x, y): (f64, f64),
    side: f64,
) -> ([BodyId; 2], [JointId; 2]) {
    let angle = (side * 0.05) as f32;
    let part = |is_lower| {
        let (w, h) = half_of_leg(is_lower);
        FixtureDef { density: 1.0, ..FixtureDef::new(Polygon::new_box(w as f32, h as f32)) }
    };
    let top = single((0.0, LEG.1 / 2.0));
    let upper = put(world, (x, y - LEG.1 / 2.0 - HIP), angle, part(false));
    let hip = Bend { anchors: [single((0.0, HIP)), top], speed: side as f32, limits: (-0.8, 1.1) };
    let hip = pin(world, hull, upper, &hip);
    let lower = put(world, (x, y - LEG.1 * 3.0 / 2.0 - HIP), angle, part(true));
    let bottom = single((0.0, -LEG.1 / 2.0));
    let knee = Bend { anchors: [bottom, top], speed: 1.0, limits: (-1.6, -0.1) };
    let knee = pin(world, upper, lower, &knee);
    ([upper, lower], [hip, knee])
}

/// A moving body that collides with the ground only.
fn put(world: &mut World, at: (f64, f64), angle: f32, fixture: FixtureDef) -> BodyId {
    let body = world.create_body(&BodyDef {
        kind: BodyType::Dynamic,
        position: single(at),
        angle,
        ..BodyDef::default()
    });
    let filter = Filter { category: 0x20, mask: 1, ..Filter::default() };
    world.create_fixture(body, &FixtureDef { filter, ..fixture });
    body
}

fn pin(world: &mut World, a: BodyId, b: BodyId, bend: &Bend) -> JointId {
    let mut def = world.revolute_joint_def(a, b);
    [def.local_anchor_a, def.local_anchor_b] = bend.anchors;
    (def.enable_motor, def.enable_limit) = (true, true);
    (def.motor_speed, def.max_motor_torque) = (bend.speed, TORQUE);
    (def.lower_angle, def.upper_angle) = bend.limits;
    world.create_revolute_joint(&def)
}
