//! Islands: bodies that act on each other through contacts and joints, solved together.

use super::body::BodyType;
use super::cycle::{Cycle, Iteration};
use super::math::Vec2;
use super::settings::{MAX_ROTATION, MAX_TRANSLATION};
use super::solver::contact::ContactConstraint;
use super::solver::joint::JointConstraint;
use super::solver::lanes::STILL;
use super::solver::position::{self, PositionConstraint};
use super::solver::{Position, Velocity};

/// Numbers of an island's members, and what their solution needs. Memory only: it says nothing between steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Island {
    pub(super) bodies: Vec<u32>,
    pub(super) contacts: Vec<u32>,
    pub(super) joints: Vec<u32>,
    pub(super) positions: Vec<Position>,
    pub(super) velocities: Vec<Velocity>,
    /// By body its number among those that may move, `STILL` for one that can not.
    pub(super) rows: Vec<u32>,
    pub(super) n_rows: u32,
    pub(super) contact_constraints: Vec<ContactConstraint>,
    pub(super) position_constraints: Vec<PositionConstraint>,
    pub(super) joint_constraints: Vec<JointConstraint>,
    /// Bodies yet to be visited.
    pub(super) stack: Vec<u32>,
    cycle: Cycle,
    /// Positions before an iteration.
    saved: Vec<Position>,
}

impl Island {
    /// Takes memory for so many contacts, and no more bodies than those.
    pub(super) fn reserve(&mut self, contacts: usize) {
        self.bodies.reserve(contacts);
        self.contacts.reserve(contacts);
        self.positions.reserve(contacts);
        self.velocities.reserve(contacts);
        self.rows.reserve(contacts);
        self.contact_constraints.reserve(contacts);
        self.position_constraints.reserve(contacts);
        self.stack.reserve(contacts);
        self.saved.reserve(contacts);
        self.cycle.reserve(contacts);
    }

    pub(super) fn clear(&mut self) {
        self.bodies.clear();
        self.contacts.clear();
        self.joints.clear();
        self.positions.clear();
        self.velocities.clear();
        self.rows.clear();
        self.n_rows = 0;
        self.contact_constraints.clear();
        self.position_constraints.clear();
        self.joint_constraints.clear();
    }

    /// Adds a body that is to be solved.
    pub(super) fn push_body(&mut self, kind: BodyType, position: Position, velocity: Velocity) {
        // What is added to a body without mass is ±0, which leaves +0 and all numbers but -0 as they are.
        let has_negative_zero = position.to_bits().contains(&(-0.0_f32).to_bits());
        let is_still =
            kind == BodyType::Static && velocity.is(&Velocity::default()) && !has_negative_zero;
        self.positions.push(position);
        self.velocities.push(velocity);
        self.rows.push(if is_still { STILL } else { self.n_rows });
        self.n_rows += u32::from(!is_still);
    }

    /// Takes over positions and velocities in the contact constraints.
    pub(super) fn prepare_contacts(&mut self) {
        for (constraint, position) in
            self.contact_constraints.iter_mut().zip(&self.position_constraints)
        {
            let (world, centers) = position.in_world(&self.positions);
            constraint.prepare(&world, centers, &self.velocities);
        }
    }

    /// Applies the impulses of the step before.
    pub(super) fn warm_start(&mut self) {
        for constraint in &self.contact_constraints {
            constraint.warm_start(&mut self.velocities);
        }
        for constraint in &self.joint_constraints {
            constraint.warm_start(&mut self.velocities);
        }
    }

    /// Solves the velocities in a number of iterations. `comes_again` says that the present state does within a few.
    pub(super) fn solve_velocities(&mut self, iterations: u32, comes_again: bool) {
        if self.joint_constraints.is_empty() && self.contact_constraints.is_empty() {
            return;
        }
        let iteration = Iteration {
            velocities: &mut self.velocities,
            joints: &mut self.joint_constraints,
            contacts: &mut self.contact_constraints,
        };
        self.cycle.solve(iteration, iterations, comes_again);
    }

    /// Moves the bodies by their velocities, which are bounded first.
    pub(super) fn integrate(&mut self, dt: f32) {
        for (position, velocity) in self.positions.iter_mut().zip(&mut self.velocities) {
            let mut v = velocity.v();
            let translation: Vec2 = dt * v;
            if translation.dot(translation) > MAX_TRANSLATION * MAX_TRANSLATION {
                v *= MAX_TRANSLATION / translation.length();
                velocity.set_v(v);
            }
            let rotation = dt * velocity.w;
            if rotation * rotation > MAX_ROTATION * MAX_ROTATION {
                velocity.w *= MAX_ROTATION / rotation.abs();
            }
            position.c += dt * v;
            position.a += dt * velocity.w;
        }
    }

    /// Corrects the positions in at most a number of iterations; returns whether little is left to correct. An
    /// iteration is a function of the positions alone: once they come again, whole cycles are left out.
    pub(super) fn solve_positions(&mut self, iterations: u32) -> bool {
        let (mut i, mut saved_at) = (0, 0);
        while i < iterations {
            let mut is_solved = position::solve(&self.position_constraints, &mut self.positions);
            for joint in &self.joint_constraints {
                is_solved &= joint.solve_position(&mut self.positions);
            }
            if is_solved {
                return true;
            }
            i += 1;
            if saved_at > 0 && self.are_positions_saved() {
                i = iterations - (iterations - i) % (i - saved_at);
            }
            if i > saved_at + saved_at / 4 {
                self.save_positions();
                saved_at = i;
            }
        }
        false
    }

    /// Corrects the positions at an impact, of two bodies only.
    pub(super) fn solve_toi_positions(&mut self, movable: [u32; 2], iterations: u32) {
        for _ in 0..iterations {
            self.save_positions();
            let is_solved =
                position::solve_toi(&self.position_constraints, movable, &mut self.positions);
            if is_solved || self.are_positions_saved() {
                return;
            }
        }
    }

    fn save_positions(&mut self) {
        self.saved.clear();
        self.saved.extend_from_slice(&self.positions);
    }

    fn are_positions_saved(&self) -> bool {
        let mut pairs = self.positions.iter().zip(&self.saved);
        pairs.all(|(now, before)| now.to_bits() == before.to_bits())
    }
}
