//! Islands: bodies that act on each other through contacts and joints, solved together.

use super::math::Vec2;
use super::settings::{MAX_ROTATION, MAX_TRANSLATION};
use super::solver::contact::ContactConstraint;
use super::solver::joint::JointConstraint;
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
    pub(super) contact_constraints: Vec<ContactConstraint>,
    pub(super) position_constraints: Vec<PositionConstraint>,
    pub(super) joint_constraints: Vec<JointConstraint>,
    /// Bodies yet to be visited.
    pub(super) stack: Vec<u32>,
    /// A state of the iterations, to see whether it comes again.
    snapshot: Vec<u32>,
}

impl Island {
    pub(super) fn clear(&mut self) {
        self.bodies.clear();
        self.contacts.clear();
        self.joints.clear();
        self.positions.clear();
        self.velocities.clear();
        self.contact_constraints.clear();
        self.position_constraints.clear();
        self.joint_constraints.clear();
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

    /// Solves the velocities in a number of iterations. An iteration is a function of velocities and impulses alone:
    /// once a state comes again, so do those after it, and whole periods are left out.
    pub(super) fn solve_velocities(&mut self, iterations: u32) {
        if self.joint_constraints.is_empty() && self.contact_constraints.is_empty() {
            return;
        }
        let mut saved_at = 0;
        let mut i = 0;
        while i < iterations {
            self.iterate();
            i += 1;
            if i > 1 && self.is_at_snapshot() {
                let left = (iterations - i) % (i - saved_at);
                (0..left).for_each(|_| self.iterate());
                return;
            }
            if i >= saved_at + saved_at / 4 + 1 {
                self.take_snapshot();
                saved_at = i;
            }
        }
    }

    #[inline]
    fn iterate(&mut self) {
        for joint in &mut self.joint_constraints {
            joint.solve(&mut self.velocities);
        }
        for contact in &mut self.contact_constraints {
            contact.solve(&mut self.velocities);
        }
    }

    /// Bits of everything that an iteration changes.
    fn state(&self) -> impl Iterator<Item = u32> + '_ {
        let velocities = self.velocities.iter().flat_map(|velocity| velocity.to_bits());
        let joints = self.joint_constraints.iter().flat_map(|joint| {
            let [x, y] = joint.impulse.pin.to_bits();
            [x, y, joint.impulse.limit.to_bits(), joint.impulse.motor.to_bits()]
        });
        let contacts = self.contact_constraints.iter().flat_map(|contact| {
            let [p1, p2] = &contact.points;
            [p1.normal_impulse, p1.tangent_impulse, p2.normal_impulse, p2.tangent_impulse]
                .map(f32::to_bits)
        });
        velocities.chain(joints).chain(contacts)
    }

    fn take_snapshot(&mut self) {
        let mut snapshot = std::mem::take(&mut self.snapshot);
        snapshot.clear();
        snapshot.extend(self.state());
        self.snapshot = snapshot;
    }

    fn is_at_snapshot(&self) -> bool {
        self.state().eq(self.snapshot.iter().copied())
    }

    /// Moves the bodies by their velocities, which are bounded first.
    pub(super) fn integrate(&mut self, dt: f32) {
        for (position, velocity) in self.positions.iter_mut().zip(&mut self.velocities) {
            let translation: Vec2 = dt * velocity.v;
            if translation.dot(translation) > MAX_TRANSLATION * MAX_TRANSLATION {
                velocity.v *= MAX_TRANSLATION / translation.length();
            }
            let rotation = dt * velocity.w;
            if rotation * rotation > MAX_ROTATION * MAX_ROTATION {
                velocity.w *= MAX_ROTATION / rotation.abs();
            }
            position.c += dt * velocity.v;
            position.a += dt * velocity.w;
        }
    }

    /// Corrects the positions in at most a number of iterations; returns whether little is left to correct. An
    /// iteration that changes nothing is the last: so would all others.
    pub(super) fn solve_positions(&mut self, iterations: u32) -> bool {
        for _ in 0..iterations {
            self.save_positions();
            let mut is_solved = position::solve(&self.position_constraints, &mut self.positions);
            for joint in &self.joint_constraints {
                is_solved &= joint.solve_position(&mut self.positions);
            }
            if is_solved {
                return true;
            }
            if self.are_positions_saved() {
                return false;
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
        self.snapshot.clear();
        self.snapshot.extend(self.positions.iter().flat_map(|position| position.to_bits()));
    }

    fn are_positions_saved(&self) -> bool {
        self.positions
            .iter()
            .flat_map(|position| position.to_bits())
            .eq(self.snapshot.iter().copied())
    }
}
