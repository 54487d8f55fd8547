//! Which islands are solved side by side.

use super::island::Island;
use super::manifold::ManifoldKind::Circles;
use super::solver::lanes::STILL;
use super::solver::position::PositionConstraint;

/// The largest island that is solved beside others.
pub(super) const MAX_BODIES: usize = 5;
pub(super) const MAX_JOINTS: usize = 4;
pub(super) const MAX_CONTACTS: usize = 8;

/// Which rows the joints of an island connect. Islands are solved side by side when they are alike in this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Structure {
    count: u8,
    rows: [[u8; 2]; MAX_JOINTS],
}

impl Structure {
    /// That of an island, if it is small enough, every joint is between bodies that move and no two circles touch.
    pub(super) fn of(island: &Island) -> Option<Self> {
        let joints = &island.joint_constraints;
        let is_small = island.n_rows as usize <= MAX_BODIES
            && joints.len() <= MAX_JOINTS
            && island.contacts.len() <= MAX_CONTACTS;
        let has_circles = |contact: &PositionConstraint| contact.manifold.kind == Circles;
        if !is_small || island.position_constraints.iter().any(has_circles) {
            return None;
        }
        let mut this = Self { count: joints.len() as u8, ..Self::default() };
        for (out, joint) in this.rows.iter_mut().zip(joints) {
            let rows = joint.places().map(|place| island.rows[place as usize]);
            if rows.contains(&STILL) {
                return None;
            }
            *out = rows.map(|row| row as u8);
        }
        Some(this)
    }

    /// The rows of each joint's bodies.
    #[inline]
    pub(super) fn pairs(self) -> impl Iterator<Item = [usize; 2]> {
        self.rows.into_iter().take(usize::from(self.count)).map(|rows| rows.map(usize::from))
    }
}
