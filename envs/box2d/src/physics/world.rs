//! The world: bodies, fixtures, joints and contacts, and what can be done to them from outside.

use slm_env::{StateError, StateReader, StateWriter};

use super::body::{BodyDef, BodyId};
use super::fixture::{Filter, FixtureDef, FixtureId};
use super::joint::{JointId, RevoluteJointDef};
use super::math::{Transform, Vec2};
use super::shape::Shape;

/// The end of a list.
pub(super) const NONE: u32 = u32::MAX;

/// Two fixtures began or ceased to touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactEvent {
    /// Whether they began to.
    pub began: bool,
    /// The fixtures, in the contact's order.
    pub fixtures: [FixtureId; 2],
    /// Their bodies.
    pub bodies: [BodyId; 2],
}

/// A contact: two fixtures whose boxes overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactView {
    /// The fixtures, in the contact's order.
    pub fixtures: [FixtureId; 2],
    /// Their bodies.
    pub bodies: [BodyId; 2],
    /// Whether they touch.
    pub is_touching: bool,
}

/// Where a ray meets a fixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RayHit {
    /// The fixture.
    pub fixture: FixtureId,
    /// The point.
    pub point: Vec2,
    /// The fixture's normal there.
    pub normal: Vec2,
    /// Share of the way along the ray.
    pub fraction: f32,
}

/// Bodies, their fixtures and joints. Ids are of the world that gave them; one of something destroyed panics or
/// names its successor.
#[derive(Clone, Debug, Default)]
pub struct World {
    gravity: Vec2,
}

/// Building and taking down.
impl World {
    /// A world without bodies. Gravity in m/s².
    pub fn new(gravity: Vec2) -> Self {
        Self { gravity }
    }

    /// Empties the world and forgets everything but its memory: what follows is as in a new world.
    pub fn reset(&mut self, gravity: Vec2) {
        self.gravity = gravity;
    }

    /// Adds a body without fixtures.
    pub fn create_body(&mut self, _def: &BodyDef) -> BodyId {
        todo!()
    }

    /// Removes a body with its joints, contacts and fixtures. What touched it is reported as an event.
    pub fn destroy_body(&mut self, _body: BodyId) {
        todo!()
    }

    /// Fastens a fixture to a body and takes its mass into account.
    pub fn create_fixture(&mut self, _body: BodyId, _def: &FixtureDef) -> FixtureId {
        todo!()
    }

    /// What a joint of two bodies is made from, by default: free to turn, pinned at their origins, with its zero at
    /// their present angle (as pybox2d's `revoluteJointDef` without `referenceAngle` has it).
    pub fn revolute_joint_def(&self, _body_a: BodyId, _body_b: BodyId) -> RevoluteJointDef {
        todo!()
    }

    /// Pins two bodies together. Wakes neither.
    pub fn create_revolute_joint(&mut self, _def: &RevoluteJointDef) -> JointId {
        todo!()
    }

    /// Removes a joint and wakes its bodies.
    pub fn destroy_joint(&mut self, _joint: JointId) {
        todo!()
    }
}

/// Time.
impl World {
    /// Advances `dt` seconds and clears the forces.
    pub fn step(&mut self, _dt: f32, _velocity_iterations: u32, _position_iterations: u32) {
        todo!()
    }

    /// What began and ceased to touch since the last step began, bodies destroyed after it included.
    pub fn events(&self) -> &[ContactEvent] {
        todo!()
    }

    /// Every contact, newest first.
    pub fn contacts(&self) -> impl Iterator<Item = ContactView> + '_ {
        std::iter::empty()
    }

    /// Casts a ray from `p1` to `p2`. What `hit` returns for each fixture met says how the ray goes on: a negative
    /// number as if the fixture were not there, 0 not at all, the hit's fraction not beyond it, 1 unchanged. The
    /// fixtures come in the order of the tree's boxes, not of distance.
    pub fn ray_cast(&self, _p1: Vec2, _p2: Vec2, _hit: impl FnMut(&RayHit) -> f32) {
        todo!()
    }
}

/// Bodies.
impl World {
    /// Every body, newest first.
    pub fn bodies(&self) -> impl Iterator<Item = BodyId> + '_ {
        std::iter::empty()
    }

    /// A body's fixtures, newest first (pybox2d's `body.fixtures` has them in this order too).
    pub fn fixtures(&self, _body: BodyId) -> impl Iterator<Item = FixtureId> + '_ {
        std::iter::empty()
    }

    /// The number given to a body when it was made.
    pub fn body_tag(&self, _body: BodyId) -> u32 {
        todo!()
    }

    /// A body's frame: `body.transform`, `body.position`.
    pub fn transform(&self, _body: BodyId) -> Transform {
        todo!()
    }

    /// World position of a body's origin, m: `body.position`.
    pub fn position(&self, _body: BodyId) -> Vec2 {
        todo!()
    }

    /// A body's angle, rad, not brought into one turn: `body.angle`.
    pub fn angle(&self, _body: BodyId) -> f32 {
        todo!()
    }

    /// World position of a body's center of mass: `body.worldCenter`.
    pub fn center(&self, _body: BodyId) -> Vec2 {
        todo!()
    }

    /// Velocity of a body's center of mass, m/s: `body.linearVelocity`.
    pub fn linear_velocity(&self, _body: BodyId) -> Vec2 {
        todo!()
    }

    /// Radians per second: `body.angularVelocity`.
    pub fn angular_velocity(&self, _body: BodyId) -> f32 {
        todo!()
    }

    /// Kilograms: `body.mass`.
    pub fn mass(&self, _body: BodyId) -> f32 {
        todo!()
    }

    /// Rotational inertia about a body's origin, kg m²: `body.inertia`.
    pub fn inertia(&self, _body: BodyId) -> f32 {
        todo!()
    }

    /// Whether a body is awake: `body.awake`.
    pub fn is_awake(&self, _body: BodyId) -> bool {
        todo!()
    }

    /// Sets the velocity of a body's center of mass, which wakes it if it is not 0.
    pub fn set_linear_velocity(&mut self, _body: BodyId, _velocity: Vec2) {
        todo!()
    }

    /// Sets a body's angular velocity, which wakes it if it is not 0.
    pub fn set_angular_velocity(&mut self, _body: BodyId, _velocity: f32) {
        todo!()
    }

    /// Puts a body elsewhere.
    pub fn set_transform(&mut self, _body: BodyId, _position: Vec2, _angle: f32) {
        todo!()
    }

    /// Wakes a body.
    pub fn wake(&mut self, _body: BodyId) {
        todo!()
    }

    /// Applies a force, N, at a point of the world during the next step, and wakes the body.
    pub fn apply_force(&mut self, _body: BodyId, _force: Vec2, _point: Vec2) {
        todo!()
    }

    /// Applies a force, N, at the center of mass during the next step, and wakes the body.
    pub fn apply_force_to_center(&mut self, _body: BodyId, _force: Vec2) {
        todo!()
    }

    /// Applies a torque, N m, during the next step, and wakes the body.
    pub fn apply_torque(&mut self, _body: BodyId, _torque: f32) {
        todo!()
    }

    /// Changes the velocity at once by an impulse, N s, at a point of the world, and wakes the body.
    pub fn apply_linear_impulse(&mut self, _body: BodyId, _impulse: Vec2, _point: Vec2) {
        todo!()
    }

    /// Changes the angular velocity at once by an impulse, N m s, and wakes the body.
    pub fn apply_angular_impulse(&mut self, _body: BodyId, _impulse: f32) {
        todo!()
    }
}

/// Fixtures and joints.
impl World {
    /// The body that a fixture is fastened to.
    pub fn fixture_body(&self, _fixture: FixtureId) -> BodyId {
        todo!()
    }

    /// A fixture's shape, in its body's frame.
    pub fn shape(&self, _fixture: FixtureId) -> &Shape {
        todo!()
    }

    /// A fixture's filter.
    pub fn filter(&self, _fixture: FixtureId) -> Filter {
        todo!()
    }

    /// The number given to a fixture when it was made.
    pub fn fixture_tag(&self, _fixture: FixtureId) -> u32 {
        todo!()
    }

    /// A joint's angle, rad: `joint.angle`.
    pub fn joint_angle(&self, _joint: JointId) -> f32 {
        todo!()
    }

    /// A joint's speed, rad/s: `joint.speed`.
    pub fn joint_speed(&self, _joint: JointId) -> f32 {
        todo!()
    }

    /// Sets the speed that a joint's motor seeks, rad/s, and wakes its bodies: `joint.motorSpeed`.
    pub fn set_motor_speed(&mut self, _joint: JointId, _speed: f32) {
        todo!()
    }

    /// Sets the most torque of a joint's motor, N m, and wakes its bodies: `joint.maxMotorTorque`.
    pub fn set_max_motor_torque(&mut self, _joint: JointId, _torque: f32) {
        todo!()
    }
}

/// State.
impl World {
    /// Writes everything, so that a loaded copy goes on bit for bit.
    pub fn save(&self, _out: &mut StateWriter) {
        todo!()
    }

    /// Takes over a saved world, ids included.
    ///
    /// # Errors
    /// When the bytes are not those of a world.
    pub fn load(&mut self, _from: &mut StateReader<'_>) -> Result<(), StateError> {
        todo!()
    }
}
