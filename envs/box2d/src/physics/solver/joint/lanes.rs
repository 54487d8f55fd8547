//! One joint of each of several islands, solved side by side.
#![allow(
    clippy::inline_always,
    clippy::needless_range_loop,
    clippy::needless_bitwise_bool,
    reason = "one loop over the lanes, without branches, compiled for each instruction set"
)]

use super::super::lanes::{BodyLane, LANES, Lane, Lane2};
use super::super::relative_velocity;
use super::{JointConstraint, Mass, Vec3};
use crate::physics::joint::LimitState;
use crate::physics::math::{Vec2, clamp};

/// A vector of three of each island.
#[derive(Clone, Copy, Debug, Default)]
struct Lane3 {
    x: Lane,
    y: Lane,
    z: Lane,
}

/// The matrix of each island's joint.
#[derive(Clone, Copy, Debug, Default)]
struct MassLane {
    ex: Lane3,
    yy: Lane,
    yz: Lane,
    zz: Lane,
    ey_ez: Lane3,
    inverse3: Lane,
    inverse2: Lane,
}

/// A joint of each island, between bodies of the same rows in all.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::physics) struct JointLane {
    inv_mass: [Lane; 2],
    inv_inertia: [Lane; 2],
    r_a: Lane2,
    r_b: Lane2,
    mass: MassLane,
    has_motor: Lane<u32>,
    motor_mass: Lane,
    motor_speed: Lane,
    max_motor_impulse: Lane,
    limit_state: Lane<u32>,
    pin: Lane2,
    limit: Lane,
    pub(in crate::physics) motor: Lane,
}

impl Lane3 {
    #[inline(always)]
    fn get(&self, lane: usize) -> Vec3 {
        Vec3 { x: self.x[lane], y: self.y[lane], z: self.z[lane] }
    }

    fn set(&mut self, lane: usize, v: Vec3) {
        (self.x[lane], self.y[lane], self.z[lane]) = (v.x, v.y, v.z);
    }
}

impl MassLane {
    #[inline(always)]
    fn get(&self, lane: usize) -> Mass {
        let ex = self.ex.get(lane);
        let (yy, yz, zz) = (self.yy[lane], self.yz[lane], self.zz[lane]);
        Mass {
            ex,
            ey: Vec3 { x: ex.y, y: yy, z: yz },
            ez: Vec3 { x: ex.z, y: yz, z: zz },
            ey_ez: self.ey_ez.get(lane),
            inverse3: self.inverse3[lane],
            inverse2: self.inverse2[lane],
        }
    }

    fn set(&mut self, lane: usize, mass: &Mass) {
        self.ex.set(lane, mass.ex);
        (self.yy[lane], self.yz[lane], self.zz[lane]) = (mass.ey.y, mass.ey.z, mass.ez.z);
        self.ey_ez.set(lane, mass.ey_ez);
        self.inverse3[lane] = mass.inverse3;
        self.inverse2[lane] = mass.inverse2;
    }
}

impl JointLane {
    /// Takes a joint over into a lane.
    pub(in crate::physics) fn load(&mut self, lane: usize, joint: &JointConstraint) {
        for side in 0..2 {
            self.inv_mass[side][lane] = joint.pair.inv_mass[side];
            self.inv_inertia[side][lane] = joint.pair.inv_inertia[side];
        }
        self.r_a.set(lane, joint.r_a);
        self.r_b.set(lane, joint.r_b);
        self.mass.set(lane, &joint.mass);
        self.has_motor[lane] = u32::from(joint.has_motor);
        self.motor_mass[lane] = joint.motor_mass;
        self.motor_speed[lane] = joint.motor_speed;
        self.max_motor_impulse[lane] = joint.max_motor_impulse;
        self.limit_state[lane] = joint.limit_state as u32;
        self.pin.set(lane, joint.impulse.pin.get());
        self.limit[lane] = joint.impulse.limit;
        self.motor[lane] = joint.impulse.motor;
    }

    /// Gives a lane's impulses back to its joint.
    pub(in crate::physics) fn store(&self, lane: usize, joint: &mut JointConstraint) {
        joint.impulse.pin = crate::physics::math::Apart::new(self.pin.get(lane));
        joint.impulse.limit = self.limit[lane];
        joint.impulse.motor = self.motor[lane];
    }

    /// Whether a joint of some lane is at its limit.
    #[inline(always)]
    pub(in crate::physics) fn has_limit(&self) -> bool {
        self.limit_state.iter().fold(0, |any, state| any | state) != LimitState::Inactive as u32
    }

    /// One iteration in each lane. `LIMIT` says whether one may be at its limit.
    #[inline(always)]
    pub(in crate::physics) fn solve<const LIMIT: bool>(
        &mut self,
        v_a: &mut BodyLane,
        v_b: &mut BodyLane,
    ) {
        for lane in 0..LANES {
            let (m_a, m_b) = (self.inv_mass[0][lane], self.inv_mass[1][lane]);
            let (i_a, i_b) = (self.inv_inertia[0][lane], self.inv_inertia[1][lane]);
            let (r_a, r_b) = (self.r_a.get(lane), self.r_b.get(lane));
            let (mut a, mut b) = (v_a.velocity(lane), v_b.velocity(lane));
            let change = self.turn(lane, b.w - a.w);
            let is_on = self.has_motor[lane] != 0;
            a.w = if is_on { a.w - i_a * change } else { a.w };
            b.w = if is_on { b.w + i_b * change } else { b.w };
            let speed = relative_velocity(&a, r_a, &b, r_b);
            let (pin, limit) = if LIMIT {
                self.hold_limit(lane, speed, b.w - a.w)
            } else {
                (self.mass.get(lane).solve2(-speed), -0.0)
            };
            self.pin.set(lane, self.pin.get(lane) + pin);
            a.subtract(m_a, pin, i_a, r_a.cross(pin) + limit);
            b.add(m_b, pin, i_b, r_b.cross(pin) + limit);
            v_a.set_velocity(lane, a);
            v_b.set_velocity(lane, b);
        }
    }

    /// What the motor's impulse changes by.
    #[inline(always)]
    fn turn(&mut self, lane: usize, spin: f32) -> f32 {
        let change = -self.motor_mass[lane] * (spin - self.motor_speed[lane]);
        let (old, most) = (self.motor[lane], self.max_motor_impulse[lane]);
        let new = clamp(old + change, -most, most);
        self.motor[lane] = if self.has_motor[lane] != 0 { new } else { old };
        new - old
    }

    /// Impulses of pin and limit.
    #[inline(always)]
    fn hold_limit(&mut self, lane: usize, speed: Vec2, spin: f32) -> (Vec2, f32) {
        const LOWER: u32 = LimitState::AtLower as u32;
        const UPPER: u32 = LimitState::AtUpper as u32;
        let mass = self.mass.get(lane);
        let (state, old) = (self.limit_state[lane], self.limit[lane]);
        let solution = mass.solve3(Vec3 { x: speed.x, y: speed.y, z: spin });
        let sum = old + -solution.z;
        let is_free = state == LimitState::Inactive as u32;
        let is_pulled = ((state == LOWER) & (sum < 0.0)) | ((state == UPPER) & (sum > 0.0));
        let column = Vec2::new(mass.ez.x, mass.ez.y);
        let pulled = -speed + old * column;
        let without_limit = mass.solve2(choose(is_free, -speed, pulled));
        let with_limit = Vec2::new(-solution.x, -solution.y);
        let pin = choose(is_free | is_pulled, without_limit, with_limit);
        let impulse = if is_pulled { 0.0 } else { sum };
        self.limit[lane] = if is_free { old } else { impulse };
        let limit = if is_pulled { -old } else { -solution.z };
        (pin, if is_free { -0.0 } else { limit })
    }
}

#[inline(always)]
fn choose(first: bool, a: Vec2, b: Vec2) -> Vec2 {
    Vec2::new(if first { a.x } else { b.x }, if first { a.y } else { b.y })
}
