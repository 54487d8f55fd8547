//! What can be asked of and done to bodies, fixtures and joints.

use super::super::body::{Body, BodyId, BodyType};
use super::super::fixture::{Filter, FixtureId};
use super::super::joint::JointId;
use super::super::math::{Transform, Vec2};
use super::super::shape::Shape;
use super::{NONE, World};

/// Bodies.
impl World {
    /// Every body, newest first.
    pub fn bodies(&self) -> impl Iterator<Item = BodyId> + '_ {
        let next = |id: u32| (id != NONE).then_some(id);
        std::iter::successors(next(self.body_list), move |id| next(self.bodies[*id].next))
            .map(BodyId)
    }

    /// The body of a number, if there is or was one.
    pub fn body_of_number(&self, number: u32) -> Option<BodyId> {
        (self.bodies.items.len() > number as usize).then_some(BodyId(number))
    }

    /// A body's fixtures, newest first (pybox2d's `body.fixtures` has the oldest first).
    pub fn fixtures(&self, body: BodyId) -> impl Iterator<Item = FixtureId> + '_ {
        let next = |id: u32| (id != NONE).then_some(id);
        let first = next(self.bodies[body.0].fixtures);
        std::iter::successors(first, move |id| next(self.fixtures[*id].next)).map(FixtureId)
    }

    /// The number given to a body when it was made.
    pub fn body_tag(&self, body: BodyId) -> u32 {
        self.bodies[body.0].tag
    }

    /// A body's frame: `body.transform`.
    pub fn transform(&self, body: BodyId) -> Transform {
        self.bodies[body.0].transform
    }

    /// World position of a body's origin, m: `body.position`.
    pub fn position(&self, body: BodyId) -> Vec2 {
        self.bodies[body.0].transform.p
    }

    /// A body's angle, rad, not brought into one turn: `body.angle`.
    pub fn angle(&self, body: BodyId) -> f32 {
        self.bodies[body.0].sweep.a
    }

    /// World position of a body's center of mass: `body.worldCenter`.
    pub fn center(&self, body: BodyId) -> Vec2 {
        self.bodies[body.0].sweep.c
    }

    /// Velocity of a body's center of mass, m/s: `body.linearVelocity`.
    pub fn linear_velocity(&self, body: BodyId) -> Vec2 {
        self.bodies[body.0].linear_velocity
    }

    /// Radians per second: `body.angularVelocity`.
    pub fn angular_velocity(&self, body: BodyId) -> f32 {
        self.bodies[body.0].angular_velocity
    }

    /// Kilograms: `body.mass`.
    pub fn mass(&self, body: BodyId) -> f32 {
        self.bodies[body.0].mass
    }

    /// Rotational inertia about a body's origin, kg m²: `body.inertia`.
    pub fn inertia(&self, body: BodyId) -> f32 {
        let Body { inertia, mass, sweep, .. } = &self.bodies[body.0];
        inertia + mass * sweep.local_center.dot(sweep.local_center)
    }

    /// Whether a body is awake: `body.awake`.
    pub fn is_awake(&self, body: BodyId) -> bool {
        self.bodies[body.0].is_awake
    }

    /// Sets the velocity of a body's center of mass, which wakes it if it is not 0.
    pub fn set_linear_velocity(&mut self, body: BodyId, velocity: Vec2) {
        let body = &mut self.bodies[body.0];
        if body.kind == BodyType::Static {
            return;
        }
        if velocity.dot(velocity) > 0.0 {
            body.wake();
        }
        body.linear_velocity = velocity;
    }

    /// Sets a body's angular velocity, which wakes it if it is not 0.
    pub fn set_angular_velocity(&mut self, body: BodyId, velocity: f32) {
        let body = &mut self.bodies[body.0];
        if body.kind == BodyType::Static {
            return;
        }
        if velocity * velocity > 0.0 {
            body.wake();
        }
        body.angular_velocity = velocity;
    }

    /// Puts a body elsewhere.
    pub fn set_transform(&mut self, id: BodyId, position: Vec2, angle: f32) {
        let body = &mut self.bodies[id.0];
        body.transform = Transform { p: position, q: super::super::Rot::new(angle) };
        body.sweep.c = body.transform.apply(body.sweep.local_center);
        body.sweep.a = angle;
        body.sweep.c0 = body.sweep.c;
        body.sweep.a0 = angle;
        let transform = body.transform;
        self.synchronize_fixtures(id.0, transform);
        self.find_new_contacts();
    }

    /// Wakes a body.
    pub fn wake(&mut self, body: BodyId) {
        self.bodies[body.0].wake();
    }

    /// Applies a force, N, at a point of the world during the next step, and wakes the body.
    pub fn apply_force(&mut self, body: BodyId, force: Vec2, point: Vec2) {
        if let Some(body) = self.woken(body) {
            body.force += force;
            body.torque += (point - body.sweep.c).cross(force);
        }
    }

    /// Applies a force, N, at the center of mass during the next step, and wakes the body.
    pub fn apply_force_to_center(&mut self, body: BodyId, force: Vec2) {
        if let Some(body) = self.woken(body) {
            body.force += force;
        }
    }

    /// Applies a torque, N m, during the next step, and wakes the body.
    pub fn apply_torque(&mut self, body: BodyId, torque: f32) {
        if let Some(body) = self.woken(body) {
            body.torque += torque;
        }
    }

    /// Changes the velocity at once by an impulse, N s, at a point of the world, and wakes the body.
    pub fn apply_linear_impulse(&mut self, body: BodyId, impulse: Vec2, point: Vec2) {
        if let Some(body) = self.woken(body) {
            body.linear_velocity += body.inv_mass * impulse;
            body.angular_velocity += body.inv_inertia * (point - body.sweep.c).cross(impulse);
        }
    }

    /// Changes the angular velocity at once by an impulse, N m s, and wakes the body.
    pub fn apply_angular_impulse(&mut self, body: BodyId, impulse: f32) {
        if let Some(body) = self.woken(body) {
            body.angular_velocity += body.inv_inertia * impulse;
        }
    }

    /// A body that forces move, awake.
    fn woken(&mut self, body: BodyId) -> Option<&mut Body> {
        let body = &mut self.bodies[body.0];
        body.is_dynamic().then(|| {
            body.wake();
            body
        })
    }
}

/// Fixtures and joints.
impl World {
    /// The body that a fixture is fastened to.
    pub fn fixture_body(&self, fixture: FixtureId) -> BodyId {
        self.fixtures[fixture.0].body
    }

    /// A fixture's shape, in its body's frame.
    pub fn shape(&self, fixture: FixtureId) -> &Shape {
        &self.fixtures[fixture.0].shape
    }

    /// A fixture's filter.
    pub fn filter(&self, fixture: FixtureId) -> Filter {
        self.fixtures[fixture.0].filter
    }

    /// The number given to a fixture when it was made.
    pub fn fixture_tag(&self, fixture: FixtureId) -> u32 {
        self.fixtures[fixture.0].tag
    }

    /// The joint of a number, if there is or was one.
    pub fn joint_of_number(&self, number: u32) -> Option<JointId> {
        (self.joints.items.len() > number as usize).then_some(JointId(number))
    }

    /// A joint's angle, rad: `joint.angle`.
    pub fn joint_angle(&self, joint: JointId) -> f32 {
        let def = &self.joints[joint.0].def;
        self.angle(def.body_b) - self.angle(def.body_a) - def.reference_angle
    }

    /// A joint's speed, rad/s: `joint.speed`.
    pub fn joint_speed(&self, joint: JointId) -> f32 {
        let def = &self.joints[joint.0].def;
        self.angular_velocity(def.body_b) - self.angular_velocity(def.body_a)
    }

    /// Sets the speed that a joint's motor seeks, rad/s, and wakes its bodies: `joint.motorSpeed`.
    pub fn set_motor_speed(&mut self, joint: JointId, speed: f32) {
        self.wake_joint(joint);
        self.joints[joint.0].def.motor_speed = speed;
    }

    /// Sets the most torque of a joint's motor, N m, and wakes its bodies: `joint.maxMotorTorque`.
    pub fn set_max_motor_torque(&mut self, joint: JointId, torque: f32) {
        self.wake_joint(joint);
        self.joints[joint.0].def.max_motor_torque = torque;
    }

    fn wake_joint(&mut self, joint: JointId) {
        for body in self.joints[joint.0].bodies() {
            self.bodies[body].wake();
        }
    }
}
