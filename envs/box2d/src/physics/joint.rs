//! Revolute joints: two bodies pinned together at a point, with a motor and a limit.

use super::body::BodyId;
use super::contact::Links;
use super::math::{Apart, Vec2};

/// Which joint of a world; stays valid until one of its bodies is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JointId(pub(super) u32);

impl JointId {
    /// Its number, from which a loaded world gives the id again.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// What a revolute joint is made from; `World::revolute_joint_def` gives one that is free to turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RevoluteJointDef {
    /// The first body.
    pub body_a: BodyId,
    /// The second body; the joint's angle and speed are its, relative to the first.
    pub body_b: BodyId,
    /// The pin in the first body's frame.
    pub local_anchor_a: Vec2,
    /// The pin in the second body's frame.
    pub local_anchor_b: Vec2,
    /// Angle of the second body less that of the first at which the joint's angle is 0, rad.
    pub reference_angle: f32,
    /// Whether the angle is kept between `lower_angle` and `upper_angle`.
    pub enable_limit: bool,
    /// Radians.
    pub lower_angle: f32,
    /// Radians.
    pub upper_angle: f32,
    /// Whether the motor runs.
    pub enable_motor: bool,
    /// Speed that the motor seeks, rad/s.
    pub motor_speed: f32,
    /// The most torque that the motor applies, N m.
    pub max_motor_torque: f32,
    /// Whether the two bodies collide with each other.
    pub collide_connected: bool,
}

/// Where a joint is with respect to its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LimitState {
    #[default]
    Inactive,
    AtLower,
    AtUpper,
    /// The limit is a single angle.
    Equal,
}

/// Impulses of a joint: of the pin, the limit and the motor.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct JointImpulse {
    pub(super) pin: Apart,
    pub(super) limit: f32,
    pub(super) motor: f32,
}

/// A joint of a world.
#[derive(Clone, Debug)]
pub(super) struct Joint {
    pub(super) def: RevoluteJointDef,
    pub(super) impulse: JointImpulse,
    pub(super) limit_state: LimitState,
    pub(super) in_island: bool,
    /// Neighbors in the lists of the two bodies.
    pub(super) body_links: [Links; 2],
}

impl Joint {
    pub(super) fn new(def: &RevoluteJointDef) -> Self {
        Self {
            def: *def,
            impulse: JointImpulse::default(),
            limit_state: LimitState::Inactive,
            in_island: false,
            body_links: [Links::ALONE; 2],
        }
    }

    #[inline]
    pub(super) fn bodies(&self) -> [u32; 2] {
        [self.def.body_a.0, self.def.body_b.0]
    }
}
