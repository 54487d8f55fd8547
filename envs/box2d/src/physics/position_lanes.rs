//! Positions of several islands, corrected side by side.
#![allow(clippy::inline_always, reason = "compiled for each instruction set")]

use super::isa::Kernel;
use super::island::Island;
use super::lanes::{MAX_CONTACTS, MAX_JOINTS, Structure};
use super::settings::LINEAR_SLOP;
use super::solver::joint::position_lanes::JointPositionLane;
use super::solver::lanes::{LANES, Lane, Rows, STILL, SlotKind};
use super::solver::position::lanes::ContactPositionLane;

/// An island in each lane. A lane without one goes on with what it has.
#[derive(Clone, Debug, Default)]
pub(super) struct PositionLanes {
    structure: Structure,
    positions: Rows,
    joints: [JointPositionLane; MAX_JOINTS],
    contacts: [ContactPositionLane; MAX_CONTACTS],
    /// How many contacts each lane has, and the most.
    counts: [usize; LANES],
    n_contacts: usize,
    kinds: [SlotKind; MAX_CONTACTS],
}

/// One iteration in every lane. Marks the lanes in which little was to correct.
pub(super) struct Correct<'a>(pub(super) &'a mut PositionLanes);

impl PositionLanes {
    /// Begins with islands of a structure.
    pub(super) fn begin(&mut self, structure: Structure) {
        self.structure = structure;
    }

    /// Takes an island over into a lane.
    pub(super) fn load(&mut self, lane: usize, island: &Island) {
        for (row, position) in island.rows.iter().zip(&island.positions) {
            if *row != STILL {
                self.positions[*row as usize].set_position(lane, *position);
            }
        }
        for (out, joint) in self.joints.iter_mut().zip(&island.joint_constraints) {
            out.load(lane, joint);
        }
        for (out, contact) in self.contacts.iter_mut().zip(&island.position_constraints) {
            let rows = contact.pair.index.map(|place| island.rows[place as usize]);
            out.load(lane, contact, rows, &island.positions);
        }
        let count = island.position_constraints.len();
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
        for (row, position) in island.rows.iter().zip(&mut island.positions) {
            if *row != STILL {
                *position = self.positions[*row as usize].position(lane);
            }
        }
    }

    /// Sees what the lanes have in common, after some were loaded or released.
    pub(super) fn survey(&mut self) {
        self.n_contacts = self.counts.iter().fold(0, |most, count| most.max(*count));
        for (kind, contact) in self.kinds.iter_mut().zip(&self.contacts[..self.n_contacts]) {
            *kind = contact.kind();
        }
    }

    #[inline(always)]
    fn correct(&mut self) -> Lane<u32> {
        let mut least = Lane::default();
        for (contact, kind) in self.contacts[..self.n_contacts].iter().zip(self.kinds) {
            contact.solve(kind, &mut self.positions, &mut least);
        }
        let mut is_solved = least.map(|least: f32| u32::from(least >= -3.0 * LINEAR_SLOP));
        let pairs = self.structure.pairs();
        for (joint, [a, b]) in self.joints.iter().zip(pairs) {
            let [p_a, p_b] = self.positions.get_disjoint_mut([a, b]).expect("two bodies");
            joint.solve(p_a, p_b, &mut is_solved);
        }
        is_solved
    }
}

impl Kernel for Correct<'_> {
    type Out = Lane<u32>;

    #[inline(always)]
    fn run(self) -> Lane<u32> {
        self.0.correct()
    }
}
