//! Positions: overlap of contacts is pushed apart after the velocities are solved.

pub(in crate::physics) mod lanes;

use super::{Pair, Position};
use crate::physics::manifold::{Manifold, ManifoldKind, WorldManifold};
use crate::physics::math::{Transform, Vec2, clamp, min};
use crate::physics::settings::{BAUMGARTE, LINEAR_SLOP, MAX_LINEAR_CORRECTION, TOI_BAUMGARTE};

/// A contact while the positions of its island are corrected.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::physics) struct PositionConstraint {
    pub(in crate::physics) pair: Pair,
    pub(in crate::physics) manifold: Manifold,
    pub(in crate::physics) radii: [f32; 2],
}

/// Where a point of a contact overlaps, and by how much (negative).
struct Overlap {
    normal: Vec2,
    point: Vec2,
    separation: f32,
}

/// Corrects overlap once; returns whether little was left.
pub(in crate::physics) fn solve(
    constraints: &[PositionConstraint],
    positions: &mut [Position],
) -> bool {
    let mut least = 0.0;
    for constraint in constraints {
        constraint.solve(&constraint.pair, BAUMGARTE, positions, &mut least);
    }
    least >= -3.0 * LINEAR_SLOP
}

/// Corrects overlap at an impact once, with only the two bodies `movable` free to move; returns whether little was left.
pub(in crate::physics) fn solve_toi(
    constraints: &[PositionConstraint],
    movable: [u32; 2],
    positions: &mut [Position],
) -> bool {
    let mut least = 0.0;
    for constraint in constraints {
        let mut pair = constraint.pair;
        for side in 0..2 {
            if !movable.contains(&pair.index[side]) {
                pair.inv_mass[side] = 0.0;
                pair.inv_inertia[side] = 0.0;
            }
        }
        constraint.solve(&pair, TOI_BAUMGARTE, positions, &mut least);
    }
    least >= -1.5 * LINEAR_SLOP
}

impl PositionConstraint {
    /// Frames of the two bodies.
    #[inline]
    fn frames(&self, a: Position, b: Position) -> [Transform; 2] {
        let [center_a, center_b] = self.pair.local_center;
        [Transform::around(a.c, a.a, center_a), Transform::around(b.c, b.a, center_b)]
    }

    /// The manifold in the world, and the centers of mass.
    pub(in crate::physics) fn in_world(
        &self,
        positions: &[Position],
    ) -> (WorldManifold, [Vec2; 2]) {
        let [a, b] = self.pair.index.map(|index| positions[index as usize]);
        (self.manifold.in_world(self.frames(a, b), self.radii), [a.c, b.c])
    }

    fn solve(&self, pair: &Pair, baumgarte: f32, positions: &mut [Position], least: &mut f32) {
        let [index_a, index_b] = pair.index.map(|index| index as usize);
        let Pair { inv_mass: [m_a, m_b], inv_inertia: [i_a, i_b], .. } = *pair;
        let (mut a, mut b) = (positions[index_a], positions[index_b]);
        for i in 0..self.manifold.count as usize {
            let Overlap { normal, point, separation } = self.overlap(self.frames(a, b), i);
            let (r_a, r_b) = (point - a.c, point - b.c);
            *least = min(*least, separation);
            let correction =
                clamp(baumgarte * (separation + LINEAR_SLOP), -MAX_LINEAR_CORRECTION, 0.0);
            let (rn_a, rn_b) = (r_a.cross(normal), r_b.cross(normal));
            let k = m_a + m_b + i_a * rn_a * rn_a + i_b * rn_b * rn_b;
            let impulse = if k > 0.0 { -correction / k } else { 0.0 };
            let push = impulse * normal;
            a.c -= m_a * push;
            a.a -= i_a * r_a.cross(push);
            b.c += m_b * push;
            b.a += i_b * r_b.cross(push);
        }
        positions[index_a] = a;
        positions[index_b] = b;
    }

    #[inline]
    fn overlap(&self, [xf_a, xf_b]: [Transform; 2], i: usize) -> Overlap {
        match self.manifold.kind {
            ManifoldKind::Circles => {
                let a = xf_a.apply(self.manifold.local_point);
                let b = xf_b.apply(self.manifold.points[0].local_point);
                let normal = (b - a).normalized();
                let separation = (b - a).dot(normal) - self.radii[0] - self.radii[1];
                Overlap { normal, point: 0.5 * (a + b), separation }
            }
            ManifoldKind::FaceA => self.face_overlap(xf_a, xf_b, i),
            ManifoldKind::FaceB => {
                let overlap = self.face_overlap(xf_b, xf_a, i);
                Overlap { normal: -overlap.normal, ..overlap }
            }
        }
    }

    #[inline]
    fn face_overlap(&self, face: Transform, corner: Transform, i: usize) -> Overlap {
        let normal = face.q.apply(self.manifold.local_normal);
        let plane = face.apply(self.manifold.local_point);
        let point = corner.apply(self.manifold.points[i].local_point);
        let separation = (point - plane).dot(normal) - self.radii[0] - self.radii[1];
        Overlap { normal, point, separation }
    }
}
