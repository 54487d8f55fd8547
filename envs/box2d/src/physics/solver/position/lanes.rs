//! The overlap at one contact of each of several islands, pushed apart side by side.
#![allow(
    clippy::inline_always,
    clippy::needless_range_loop,
    clippy::needless_bitwise_bool,
    reason = "one loop over the lanes, without branches, compiled for each instruction set"
)]

use super::super::Position;
use super::super::lanes::{BodyLane, LANES, Lane, Lane2, RotLane, Rows, STILL, SlotKind};
use super::PositionConstraint;
use crate::physics::manifold::ManifoldKind;
use crate::physics::math::{Rot, Transform, Vec2, clamp, min};
use crate::physics::settings::{BAUMGARTE, LINEAR_SLOP, MAX_LINEAR_CORRECTION};

/// A contact of each island, between bodies of its own rows, at sides (not of two circles). In a lane without a contact
/// all is 0 and both are still.
#[derive(Clone, Copy, Debug)]
pub(in crate::physics) struct ContactPositionLane {
    rows: [Lane<u32>; 2],
    count: Lane<u32>,
    is_face_a: Lane<u32>,
    local_normal: Lane2,
    local_point: Lane2,
    points: [Lane2; 2],
    radii: [Lane; 2],
    inv_mass: [Lane; 2],
    inv_inertia: [Lane; 2],
    local_center: [Lane2; 2],
    /// Where still bodies are.
    still: [BodyLane; 2],
    still_rot_a: RotLane,
}

impl Default for ContactPositionLane {
    fn default() -> Self {
        Self {
            rows: [[STILL; LANES]; 2],
            count: Lane::default(),
            is_face_a: Lane::default(),
            local_normal: Lane2::default(),
            local_point: Lane2::default(),
            points: Default::default(),
            radii: Default::default(),
            inv_mass: Default::default(),
            inv_inertia: Default::default(),
            local_center: Default::default(),
            still: Default::default(),
            still_rot_a: RotLane::default(),
        }
    }
}

impl ContactPositionLane {
    /// Takes a contact over into a lane; `rows` are those of the two bodies.
    pub(in crate::physics) fn load(
        &mut self,
        lane: usize,
        contact: &PositionConstraint,
        rows: [u32; 2],
        positions: &[Position],
    ) {
        let PositionConstraint { pair, manifold, radii } = contact;
        self.count[lane] = manifold.count;
        self.is_face_a[lane] = u32::from(manifold.kind == ManifoldKind::FaceA);
        self.local_normal.set(lane, manifold.local_normal);
        self.local_point.set(lane, manifold.local_point);
        for (i, row) in rows.into_iter().enumerate() {
            self.rows[i][lane] = row;
            self.points[i].set(lane, manifold.points[i].local_point);
            self.radii[i][lane] = radii[i];
            self.inv_mass[i][lane] = pair.inv_mass[i];
            self.inv_inertia[i][lane] = pair.inv_inertia[i];
            self.local_center[i].set(lane, pair.local_center[i]);
            self.still[i].set_position(lane, positions[pair.index[i] as usize]);
        }
        self.still_rot_a.set(lane, Rot::new(positions[pair.index[0] as usize].a));
    }

    /// Leaves a lane without a contact.
    pub(in crate::physics) fn clear(&mut self, lane: usize) {
        let none = PositionConstraint::default();
        self.load(lane, &none, [STILL; 2], &[Position::default()]);
    }

    pub(in crate::physics) fn kind(&self) -> SlotKind {
        SlotKind::new(&self.rows[0], &self.count)
    }

    /// Corrects overlap once, and keeps the least separation.
    #[inline(always)]
    pub(in crate::physics) fn solve(&self, kind: SlotKind, bodies: &mut Rows, least: &mut Lane) {
        let [mut a, mut b] = self.still;
        if kind.has_first {
            a.gather(bodies, &self.rows[0]);
        }
        b.gather(bodies, &self.rows[1]);
        let n = if kind.has_two { 2 } else { 1 };
        for i in 0..n {
            let q_a = if kind.has_first { RotLane::new(&a.a) } else { self.still_rot_a };
            let q_b = RotLane::new(&b.a);
            for lane in 0..LANES {
                let is_there = self.count[lane] as usize > i;
                let old = [a.position(lane), b.position(lane)];
                let rots = [q_a.get(lane), q_b.get(lane)];
                let (new, separation) = self.push_apart(lane, i, old, rots);
                a.set_position(lane, choose(is_there, new[0], old[0]));
                b.set_position(lane, choose(is_there, new[1], old[1]));
                least[lane] = if is_there { min(least[lane], separation) } else { least[lane] };
            }
        }
        if kind.has_first {
            a.scatter(bodies, &self.rows[0]);
        }
        b.scatter(bodies, &self.rows[1]);
    }

    #[inline(always)]
    fn push_apart(
        &self,
        lane: usize,
        i: usize,
        [mut a, mut b]: [Position; 2],
        rots: [Rot; 2],
    ) -> ([Position; 2], f32) {
        let (normal, point, separation) = self.overlap(lane, i, [a, b], rots);
        let (m_a, m_b) = (self.inv_mass[0][lane], self.inv_mass[1][lane]);
        let (i_a, i_b) = (self.inv_inertia[0][lane], self.inv_inertia[1][lane]);
        let (r_a, r_b) = (point - a.c, point - b.c);
        let correction = clamp(BAUMGARTE * (separation + LINEAR_SLOP), -MAX_LINEAR_CORRECTION, 0.0);
        let (rn_a, rn_b) = (r_a.cross(normal), r_b.cross(normal));
        let k = m_a + m_b + i_a * rn_a * rn_a + i_b * rn_b * rn_b;
        let impulse = if k > 0.0 { -correction / k } else { 0.0 };
        let push = impulse * normal;
        a.c -= m_a * push;
        a.a -= i_a * r_a.cross(push);
        b.c += m_b * push;
        b.a += i_b * r_b.cross(push);
        ([a, b], separation)
    }

    /// Normal, point and separation.
    #[inline(always)]
    fn overlap(
        &self,
        lane: usize,
        i: usize,
        [a, b]: [Position; 2],
        [q_a, q_b]: [Rot; 2],
    ) -> (Vec2, Vec2, f32) {
        let [center_a, center_b] = [self.local_center[0].get(lane), self.local_center[1].get(lane)];
        let xf_a = Transform { p: a.c - q_a.apply(center_a), q: q_a };
        let xf_b = Transform { p: b.c - q_b.apply(center_b), q: q_b };
        let is_face_a = self.is_face_a[lane] != 0;
        let face = choose_frame(is_face_a, xf_a, xf_b);
        let corner = choose_frame(is_face_a, xf_b, xf_a);
        let normal = face.q.apply(self.local_normal.get(lane));
        let plane = face.apply(self.local_point.get(lane));
        let point = corner.apply(self.points[i].get(lane));
        let separation = (point - plane).dot(normal) - self.radii[0][lane] - self.radii[1][lane];
        (choose_vec(is_face_a, normal, -normal), point, separation)
    }
}

#[inline(always)]
fn choose_vec(first: bool, a: Vec2, b: Vec2) -> Vec2 {
    Vec2::new(if first { a.x } else { b.x }, if first { a.y } else { b.y })
}

#[inline(always)]
fn choose(first: bool, a: Position, b: Position) -> Position {
    Position { c: choose_vec(first, a.c, b.c), a: if first { a.a } else { b.a } }
}

#[inline(always)]
fn choose_frame(first: bool, a: Transform, b: Transform) -> Transform {
    let q = choose_vec(first, Vec2::new(a.q.s, a.q.c), Vec2::new(b.q.s, b.q.c));
    Transform { p: choose_vec(first, a.p, b.p), q: Rot { s: q.x, c: q.y } }
}
