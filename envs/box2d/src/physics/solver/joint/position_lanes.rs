//! The positions at one joint of each of several islands, corrected side by side.
#![allow(
    clippy::inline_always,
    clippy::needless_range_loop,
    clippy::needless_bitwise_bool,
    reason = "one loop over the lanes, without branches, compiled for each instruction set"
)]

use super::super::lanes::{BodyLane, LANES, Lane, Lane2, RotLane};
use super::{JointConstraint, pull_to_pin};
use crate::physics::joint::LimitState;
use crate::physics::math::{abs, clamp};
use crate::physics::settings::{ANGULAR_SLOP, LINEAR_SLOP, MAX_ANGULAR_CORRECTION};

/// A joint of each island, between bodies of the same rows in all.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::physics) struct JointPositionLane {
    inv_mass: [Lane; 2],
    inv_inertia: [Lane; 2],
    local_a: Lane2,
    local_b: Lane2,
    motor_mass: Lane,
    limit_state: Lane<u32>,
    reference_angle: Lane,
    lower_angle: Lane,
    upper_angle: Lane,
}

impl JointPositionLane {
    /// Takes a joint over into a lane.
    pub(in crate::physics) fn load(&mut self, lane: usize, joint: &JointConstraint) {
        for side in 0..2 {
            self.inv_mass[side][lane] = joint.pair.inv_mass[side];
            self.inv_inertia[side][lane] = joint.pair.inv_inertia[side];
        }
        self.local_a.set(lane, joint.local_a);
        self.local_b.set(lane, joint.local_b);
        self.motor_mass[lane] = joint.motor_mass;
        self.limit_state[lane] = joint.limit_state as u32;
        self.reference_angle[lane] = joint.reference_angle;
        self.lower_angle[lane] = joint.lower_angle;
        self.upper_angle[lane] = joint.upper_angle;
    }

    /// Corrects the positions once. Clears the marks of lanes in which much was to correct.
    #[inline(always)]
    pub(in crate::physics) fn solve(
        &self,
        a: &mut BodyLane,
        b: &mut BodyLane,
        is_solved: &mut Lane<u32>,
    ) {
        self.turn(a, b, is_solved);
        self.pull(a, b, is_solved);
    }

    /// Turns the bodies back within the limit.
    #[inline(always)]
    fn turn(&self, p_a: &mut BodyLane, p_b: &mut BodyLane, is_solved: &mut Lane<u32>) {
        for lane in 0..LANES {
            let (i_a, i_b) = (self.inv_inertia[0][lane], self.inv_inertia[1][lane]);
            let (a, b) = (p_a.a[lane], p_b.a[lane]);
            let (impulse, error) = self.limit_correction(lane, b - a - self.reference_angle[lane]);
            let has_limit = self.limit_state[lane] != LimitState::Inactive as u32;
            p_a.a[lane] = if has_limit { a - i_a * impulse } else { a };
            p_b.a[lane] = if has_limit { b + i_b * impulse } else { b };
            is_solved[lane] &= u32::from(!has_limit | (error <= ANGULAR_SLOP));
        }
    }

    /// Pulls the bodies to the pin.
    #[inline(always)]
    fn pull(&self, p_a: &mut BodyLane, p_b: &mut BodyLane, is_solved: &mut Lane<u32>) {
        let (q_a, q_b) = (RotLane::new(&p_a.a), RotLane::new(&p_b.a));
        for lane in 0..LANES {
            let inv_mass = [self.inv_mass[0][lane], self.inv_mass[1][lane]];
            let inv_inertia = [self.inv_inertia[0][lane], self.inv_inertia[1][lane]];
            let r_a = q_a.get(lane).apply(self.local_a.get(lane));
            let r_b = q_b.get(lane).apply(self.local_b.get(lane));
            let (mut a, mut b) = (p_a.position(lane), p_b.position(lane));
            let error = pull_to_pin(inv_mass, inv_inertia, (&mut a, r_a), (&mut b, r_b));
            p_a.set_position(lane, a);
            p_b.set_position(lane, b);
            is_solved[lane] &= u32::from(error <= LINEAR_SLOP);
        }
    }

    /// The impulse that corrects an angle beyond the limit, and by how much it is; at no limit without meaning.
    #[inline(always)]
    fn limit_correction(&self, lane: usize, angle: f32) -> (f32, f32) {
        const MOST: f32 = MAX_ANGULAR_CORRECTION;
        let state = self.limit_state[lane];
        let is_lower = state == LimitState::AtLower as u32;
        let is_upper = state == LimitState::AtUpper as u32;
        let limit = if is_upper { self.upper_angle[lane] } else { self.lower_angle[lane] };
        let beyond = angle - limit;
        let at_lower = clamp(beyond + ANGULAR_SLOP, -MOST, 0.0);
        let at_upper = clamp(beyond - ANGULAR_SLOP, 0.0, MOST);
        let at_angle = clamp(beyond, -MOST, MOST);
        let at_one = if is_lower { at_lower } else { at_upper };
        let correction = if is_lower | is_upper { at_one } else { at_angle };
        let error_at_one = if is_lower { -beyond } else { beyond };
        let error = if is_lower | is_upper { error_at_one } else { abs(at_angle) };
        (-self.motor_mass[lane] * correction, error)
    }
}
