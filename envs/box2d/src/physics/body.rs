//! Bodies: what has a position, a velocity and fixtures.

use super::math::{Rot, Sweep, Transform, Vec2, vec2};
use super::solver::{Position, Velocity};
use super::world::NONE;

/// Which body of a world; stays valid until the body is destroyed, then the number is given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyId(pub(super) u32);

impl BodyId {
    /// Its number, from which a loaded world gives the id again.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// How a body moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyType {
    /// Not at all.
    #[default]
    Static,
    /// With its velocity, whatever it meets.
    Kinematic,
    /// By forces and collisions.
    Dynamic,
}

/// What a body is made from. The defaults are Box2D's: a static body at the origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BodyDef {
    /// How it moves.
    pub kind: BodyType,
    /// World position of its origin, m.
    pub position: Vec2,
    /// Radians.
    pub angle: f32,
    /// Velocity of its origin, m/s.
    pub linear_velocity: Vec2,
    /// Radians per second.
    pub angular_velocity: f32,
    /// Share of the linear velocity lost per second.
    pub linear_damping: f32,
    /// Share of the angular velocity lost per second.
    pub angular_damping: f32,
    /// What gravity is multiplied by.
    pub gravity_scale: f32,
    /// Whether it may fall asleep at rest.
    pub allow_sleep: bool,
    /// Whether it never turns.
    pub fixed_rotation: bool,
    /// Whether it is kept from passing through moving bodies as well as through static ones.
    pub bullet: bool,
    /// A number of the owner's, found again in contact events.
    pub tag: u32,
}

impl Default for BodyDef {
    fn default() -> Self {
        Self {
            kind: BodyType::Static,
            position: Vec2::ZERO,
            angle: 0.0,
            linear_velocity: Vec2::ZERO,
            angular_velocity: 0.0,
            linear_damping: 0.0,
            angular_damping: 0.0,
            gravity_scale: 1.0,
            allow_sleep: true,
            fixed_rotation: false,
            bullet: false,
            tag: 0,
        }
    }
}

/// A body of a world.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent properties")]
pub(super) struct Body {
    pub(super) kind: BodyType,
    pub(super) is_awake: bool,
    pub(super) in_island: bool,
    pub(super) allow_sleep: bool,
    pub(super) fixed_rotation: bool,
    pub(super) is_bullet: bool,
    pub(super) transform: Transform,
    pub(super) sweep: Sweep,
    pub(super) linear_velocity: Vec2,
    pub(super) angular_velocity: f32,
    pub(super) force: Vec2,
    pub(super) torque: f32,
    pub(super) mass: f32,
    pub(super) inv_mass: f32,
    /// Rotational inertia about the center of mass, and its inverse.
    pub(super) inertia: f32,
    pub(super) inv_inertia: f32,
    pub(super) linear_damping: f32,
    pub(super) angular_damping: f32,
    pub(super) gravity_scale: f32,
    pub(super) sleep_time: f32,
    pub(super) island_index: u32,
    /// Neighbors in the world's list, newest first.
    pub(super) prev: u32,
    pub(super) next: u32,
    /// Heads of the lists of its fixtures, contacts and joints, newest first.
    pub(super) fixtures: u32,
    pub(super) contacts: u32,
    pub(super) joints: u32,
    pub(super) tag: u32,
}

impl Body {
    pub(super) fn new(def: &BodyDef) -> Self {
        let mass = if def.kind == BodyType::Dynamic { 1.0 } else { 0.0 };
        Self {
            kind: def.kind,
            is_awake: true,
            in_island: false,
            allow_sleep: def.allow_sleep,
            fixed_rotation: def.fixed_rotation,
            is_bullet: def.bullet,
            transform: Transform { p: def.position, q: Rot::new(def.angle) },
            sweep: Sweep::at(def.position, def.angle),
            linear_velocity: def.linear_velocity,
            angular_velocity: def.angular_velocity,
            force: vec2(0.0, 0.0),
            torque: 0.0,
            mass,
            inv_mass: mass,
            inertia: 0.0,
            inv_inertia: 0.0,
            linear_damping: def.linear_damping,
            angular_damping: def.angular_damping,
            gravity_scale: def.gravity_scale,
            sleep_time: 0.0,
            island_index: 0,
            prev: NONE,
            next: NONE,
            fixtures: NONE,
            contacts: NONE,
            joints: NONE,
            tag: def.tag,
        }
    }
}

impl Body {
    #[inline]
    pub(super) fn is_dynamic(&self) -> bool {
        self.kind == BodyType::Dynamic
    }

    /// Whether it may move in this step.
    #[inline]
    pub(super) fn is_active(&self) -> bool {
        self.is_awake && self.kind != BodyType::Static
    }

    #[inline]
    pub(super) fn wake(&mut self) {
        if !self.is_awake {
            self.is_awake = true;
            self.sleep_time = 0.0;
        }
    }

    pub(super) fn fall_asleep(&mut self) {
        self.is_awake = false;
        self.sleep_time = 0.0;
        self.linear_velocity = Vec2::ZERO;
        self.angular_velocity = 0.0;
        self.force = Vec2::ZERO;
        self.torque = 0.0;
    }

    /// Brings the frame to the end of the sweep.
    #[inline]
    pub(super) fn synchronize_transform(&mut self) {
        self.transform = Transform::around(self.sweep.c, self.sweep.a, self.sweep.local_center);
    }

    /// Where its sweep ends, for a solver.
    #[inline]
    pub(super) fn position(&self) -> Position {
        Position { c: self.sweep.c, a: self.sweep.a }
    }

    /// How it moves, for a solver.
    #[inline]
    pub(super) fn velocity(&self) -> Velocity {
        Velocity::new(self.linear_velocity, self.angular_velocity)
    }

    /// The frame in which its sweep begins.
    #[inline]
    pub(super) fn first_transform(&self) -> Transform {
        Transform::around(self.sweep.c0, self.sweep.a0, self.sweep.local_center)
    }

    /// Ends the sweep at a share of the step.
    pub(super) fn advance(&mut self, alpha: f32) {
        self.sweep.advance(alpha);
        self.sweep.c = self.sweep.c0;
        self.sweep.a = self.sweep.a0;
        self.synchronize_transform();
    }
}
