//! Velocities of several islands, solved side by side.
//!
//! An island alone waits for its own last result all the time: each constraint begins with the velocities that the one
//! before leaves. Islands know nothing of each other, so that vectors of them wait no longer than one.
#![allow(clippy::inline_always, reason = "compiled for each instruction set")]

use super::isa::Kernel;
use super::island::Island;
use super::lanes::{MAX_CONTACTS, MAX_JOINTS, Structure};
use super::solver::contact::lanes::ContactLane;
use super::solver::joint::lanes::JointLane;
use super::solver::lanes::{LANES, Lane, Rows, STILL, SlotKind, compare};

/// An island in each lane. A lane without one goes on with what it has.
#[derive(Clone, Debug, Default)]
pub(super) struct VelocityLanes {
    structure: Structure,
    velocities: Rows,
    joints: [JointLane; MAX_JOINTS],
    contacts: [ContactLane; MAX_CONTACTS],
    /// How many contacts each lane has, and the most.
    counts: [usize; LANES],
    n_contacts: usize,
    kinds: [SlotKind; MAX_CONTACTS],
    has_limit: [bool; MAX_JOINTS],
}

/// A number of iterations in every lane. Marks the lanes that came back to where they began.
pub(super) struct Iterate<'a>(pub(super) &'a mut VelocityLanes, pub(super) u32);

/// What the next iteration depends on: impulses of pins and limits are only summed, a limit's sign aside.
#[derive(Clone, Copy)]
struct Before {
    velocities: Rows,
    motors: [Lane; MAX_JOINTS],
    impulses: [[Lane; 4]; MAX_CONTACTS],
}

impl VelocityLanes {
    /// Begins with islands of a structure.
    pub(super) fn begin(&mut self, structure: Structure) {
        self.structure = structure;
    }

    /// Takes an island over into a lane.
    pub(super) fn load(&mut self, lane: usize, island: &Island) {
        for (row, velocity) in island.rows.iter().zip(&island.velocities) {
            if *row != STILL {
                self.velocities[*row as usize].set_velocity(lane, *velocity);
            }
        }
        for (out, joint) in self.joints.iter_mut().zip(&island.joint_constraints) {
            out.load(lane, joint);
        }
        for (out, contact) in self.contacts.iter_mut().zip(&island.contact_constraints) {
            let rows = contact.places().map(|place| island.rows[place as usize]);
            out.load(lane, contact, rows);
        }
        let count = island.contact_constraints.len();
        for contact in self.contacts.iter_mut().take(self.counts[lane]).skip(count) {
            contact.clear(lane);
        }
        self.counts[lane] = count;
    }

    /// Whether a lane is without contacts.
    pub(super) fn is_free(&self, lane: usize) -> bool {
        self.counts[lane] == 0
    }

    /// Leaves a lane without contacts.
    pub(super) fn release(&mut self, lane: usize) {
        for contact in &mut self.contacts[..self.counts[lane]] {
            contact.clear(lane);
        }
        self.counts[lane] = 0;
    }

    /// Gives a lane's island back.
    pub(super) fn store(&self, lane: usize, island: &mut Island) {
        for (row, velocity) in island.rows.iter().zip(&mut island.velocities) {
            if *row != STILL {
                *velocity = self.velocities[*row as usize].velocity(lane);
            }
        }
        for (joint, out) in self.joints.iter().zip(&mut island.joint_constraints) {
            joint.store(lane, out);
        }
        for (contact, out) in self.contacts.iter().zip(&mut island.contact_constraints) {
            contact.store(lane, out);
        }
    }

    /// Sees what the lanes have in common, after some were loaded or released.
    pub(super) fn survey(&mut self) {
        self.n_contacts = self.counts.iter().fold(0, |most, count| most.max(*count));
        for (kind, contact) in self.kinds.iter_mut().zip(&self.contacts[..self.n_contacts]) {
            *kind = contact.kind();
        }
        self.has_limit = self.joints.each_ref().map(JointLane::has_limit);
    }

    #[inline(always)]
    fn iterate(&mut self, iterations: u32) -> Lane<u32> {
        let before = self.before();
        let Self { n_contacts, kinds, has_limit, .. } = *self;
        for _ in 0..iterations {
            for (i, pair) in self.structure.pairs().enumerate() {
                self.solve_joint(i, pair, has_limit[i]);
            }
            for (contact, kind) in self.contacts[..n_contacts].iter_mut().zip(kinds) {
                contact.solve(kind, &mut self.velocities);
            }
        }
        self.is_again(&before, n_contacts)
    }

    #[inline(always)]
    fn solve_joint(&mut self, i: usize, [a, b]: [usize; 2], has_limit: bool) {
        let [v_a, v_b] = self.velocities.get_disjoint_mut([a, b]).expect("two bodies");
        if has_limit {
            self.joints[i].solve::<true>(v_a, v_b);
        } else {
            self.joints[i].solve::<false>(v_a, v_b);
        }
    }

    #[inline(always)]
    fn before(&self) -> Before {
        Before {
            velocities: self.velocities,
            motors: self.joints.each_ref().map(|joint| joint.motor),
            impulses: self.contacts.each_ref().map(|contact| contact.impulses().map(|i| *i)),
        }
    }

    #[inline(always)]
    fn is_again(&self, before: &Before, n_contacts: usize) -> Lane<u32> {
        let mut same = [1; LANES];
        for (now, before) in self.velocities.iter().zip(&before.velocities) {
            now.compare(before, &mut same);
        }
        for (joint, motor) in self.joints.iter().zip(&before.motors) {
            compare(&joint.motor, motor, &mut same);
        }
        for (contact, impulses) in self.contacts[..n_contacts].iter().zip(&before.impulses) {
            for (now, before) in contact.impulses().into_iter().zip(impulses) {
                compare(now, before, &mut same);
            }
        }
        same
    }
}

impl Kernel for Iterate<'_> {
    type Out = Lane<u32>;

    #[inline(always)]
    fn run(self) -> Lane<u32> {
        self.0.iterate(self.1)
    }
}
