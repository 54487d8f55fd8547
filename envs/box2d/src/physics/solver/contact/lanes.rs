//! One contact of each of several islands, solved side by side.
#![allow(
    clippy::inline_always,
    clippy::needless_range_loop,
    clippy::needless_bitwise_bool,
    reason = "one loop over the lanes, without branches, compiled for each instruction set"
)]

use super::super::Velocity;
use super::super::lanes::{BodyLane, LANES, Lane, Lane2, Rows, STILL, SlotKind};
use super::{ContactConstraint, PointConstraint};
use crate::physics::math::{Vec2, clamp, max};

/// A point of each island's contact.
#[derive(Clone, Copy, Debug, Default)]
struct PointLane {
    r_a: Lane2,
    r_b: Lane2,
    normal_impulse: Lane,
    tangent_impulse: Lane,
    normal_mass: Lane,
    tangent_mass: Lane,
    bias: Lane,
}

/// A contact of each island, between bodies of its own rows. In a lane without a contact all is 0 and both are still.
#[derive(Clone, Copy, Debug)]
pub(in crate::physics) struct ContactLane {
    rows: [Lane<u32>; 2],
    count: Lane<u32>,
    points: [PointLane; 2],
    normal: Lane2,
    k: [Lane2; 2],
    k_inverse: [Lane2; 2],
    inv_mass: [Lane; 2],
    inv_inertia: [Lane; 2],
    friction: Lane,
}

impl Default for ContactLane {
    fn default() -> Self {
        Self {
            rows: [[STILL; LANES]; 2],
            count: Lane::default(),
            points: Default::default(),
            normal: Lane2::default(),
            k: Default::default(),
            k_inverse: Default::default(),
            inv_mass: Default::default(),
            inv_inertia: Default::default(),
            friction: Lane::default(),
        }
    }
}

impl PointLane {
    #[inline(always)]
    fn get(&self, lane: usize) -> PointConstraint {
        PointConstraint {
            r_a: self.r_a.get(lane),
            r_b: self.r_b.get(lane),
            normal_impulse: self.normal_impulse[lane],
            tangent_impulse: self.tangent_impulse[lane],
            normal_mass: self.normal_mass[lane],
            tangent_mass: self.tangent_mass[lane],
            bias: self.bias[lane],
        }
    }

    fn set(&mut self, lane: usize, point: &PointConstraint) {
        self.r_a.set(lane, point.r_a);
        self.r_b.set(lane, point.r_b);
        self.normal_impulse[lane] = point.normal_impulse;
        self.tangent_impulse[lane] = point.tangent_impulse;
        self.normal_mass[lane] = point.normal_mass;
        self.tangent_mass[lane] = point.tangent_mass;
        self.bias[lane] = point.bias;
    }
}

impl ContactLane {
    /// Takes a contact over into a lane; `rows` are those of the two bodies.
    pub(in crate::physics) fn load(
        &mut self,
        lane: usize,
        contact: &ContactConstraint,
        rows: [u32; 2],
    ) {
        self.count[lane] = contact.count as u32;
        self.normal.set(lane, contact.normal);
        self.friction[lane] = contact.friction;
        for (i, row) in rows.into_iter().enumerate() {
            self.rows[i][lane] = row;
            self.inv_mass[i][lane] = contact.pair.inv_mass[i];
            self.inv_inertia[i][lane] = contact.pair.inv_inertia[i];
            self.points[i].set(lane, &contact.points[i]);
            self.k[i].set(lane, contact.k[i]);
            self.k_inverse[i].set(lane, contact.k_inverse[i]);
        }
    }

    /// Leaves a lane without a contact.
    pub(in crate::physics) fn clear(&mut self, lane: usize) {
        self.load(lane, &ContactConstraint::default(), [STILL; 2]);
    }

    /// Gives a lane's impulses back to its contact.
    pub(in crate::physics) fn store(&self, lane: usize, contact: &mut ContactConstraint) {
        for (out, point) in contact.points.iter_mut().zip(&self.points) {
            out.normal_impulse = point.normal_impulse[lane];
            out.tangent_impulse = point.tangent_impulse[lane];
        }
    }

    pub(in crate::physics) fn kind(&self) -> SlotKind {
        SlotKind::new(&self.rows[0], &self.count)
    }

    /// Normal and tangent impulses of the first and second point.
    #[inline(always)]
    pub(in crate::physics) fn impulses(&self) -> [&Lane; 4] {
        let [p1, p2] = &self.points;
        [&p1.normal_impulse, &p1.tangent_impulse, &p2.normal_impulse, &p2.tangent_impulse]
    }

    /// One iteration in each lane.
    #[inline(always)]
    pub(in crate::physics) fn solve(&mut self, kind: SlotKind, bodies: &mut Rows) {
        match (kind.has_two, kind.has_first) {
            (false, false) => self.solve_lanes::<false, false>(bodies),
            (false, true) => self.solve_lanes::<false, true>(bodies),
            (true, false) => self.solve_lanes::<true, false>(bodies),
            (true, true) => self.solve_lanes::<true, true>(bodies),
        }
    }

    /// Friction, then the normal impulses. `TWO` says whether a contact may have two points, `FIRST` whether a first body
    /// may move: a still one takes no impulse.
    #[inline(always)]
    fn solve_lanes<const TWO: bool, const FIRST: bool>(&mut self, rows: &mut Rows) {
        for lane in 0..LANES {
            let is_two = self.count[lane] == 2;
            let [row_a, row_b] = [self.rows[0][lane], self.rows[1][lane]];
            let a =
                if FIRST { BodyLane::velocity_of(rows, row_a, lane) } else { Velocity::default() };
            let mut bodies = [a, BodyLane::velocity_of(rows, row_b, lane)];
            bodies = self.rub::<FIRST>(lane, 0, true, bodies);
            if TWO {
                bodies = self.rub::<FIRST>(lane, 1, is_two, bodies);
            }
            let (one, impulse) = self.push_apart::<FIRST>(lane, bodies);
            if TWO {
                let (two, impulses) = self.push_two_apart::<FIRST>(lane, bodies);
                bodies = choose(is_two, two, one);
                let [p1, p2] = &mut self.points;
                p1.normal_impulse[lane] = if is_two { impulses.x } else { impulse };
                p2.normal_impulse[lane] = if is_two { impulses.y } else { p2.normal_impulse[lane] };
            } else {
                bodies = one;
                self.points[0].normal_impulse[lane] = impulse;
            }
            if FIRST {
                BodyLane::set_velocity_of(rows, row_a, lane, bodies[0]);
            }
            BodyLane::set_velocity_of(rows, row_b, lane, bodies[1]);
        }
    }

    /// Friction at a point, if it is there.
    #[inline(always)]
    fn rub<const FIRST: bool>(
        &mut self,
        lane: usize,
        i: usize,
        is_there: bool,
        old: [Velocity; 2],
    ) -> [Velocity; 2] {
        let tangent = self.normal.get(lane).cross_scalar(1.0);
        let point = self.points[i].get(lane);
        let speed = point.velocity(&old).dot(tangent);
        let most = self.friction[lane] * point.normal_impulse;
        let impulse = clamp(point.tangent_impulse + point.tangent_mass * (-speed), -most, most);
        let new =
            self.push::<FIRST>(lane, &point, (impulse - point.tangent_impulse) * tangent, old);
        self.points[i].tangent_impulse[lane] =
            if is_there { impulse } else { point.tangent_impulse };
        choose(is_there, new, old)
    }

    /// The normal impulse of a single point.
    #[inline(always)]
    fn push_apart<const FIRST: bool>(
        &self,
        lane: usize,
        old: [Velocity; 2],
    ) -> ([Velocity; 2], f32) {
        let (normal, point) = (self.normal.get(lane), self.points[0].get(lane));
        let speed = point.velocity(&old).dot(normal);
        let change = -point.normal_mass * (speed - point.bias);
        let impulse = max(point.normal_impulse + change, 0.0);
        (self.push::<FIRST>(lane, &point, (impulse - point.normal_impulse) * normal, old), impulse)
    }

    /// The normal impulses of two points.
    #[inline(always)]
    fn push_two_apart<const FIRST: bool>(
        &self,
        lane: usize,
        old: [Velocity; 2],
    ) -> ([Velocity; 2], Vec2) {
        let normal = self.normal.get(lane);
        let [p1, p2] = [self.points[0].get(lane), self.points[1].get(lane)];
        let k = [self.k[0].get(lane), self.k[1].get(lane)];
        let before = Vec2::new(p1.normal_impulse, p2.normal_impulse);
        let (speed1, speed2) = (p1.velocity(&old).dot(normal), p2.velocity(&old).dot(normal));
        let mut b = Vec2::new(speed1 - p1.bias, speed2 - p2.bias);
        b -= Vec2::new(k[0].dot(before), k[1].dot(before));
        let (is_found, after) = self.complementary(lane, b);
        let change = after - before;
        let (impulse1, impulse2) = (change.x * normal, change.y * normal);
        let both = impulse1 + impulse2;
        let (m_a, m_b) = (self.inv_mass[0][lane], self.inv_mass[1][lane]);
        let (i_a, i_b) = (self.inv_inertia[0][lane], self.inv_inertia[1][lane]);
        let mut new = old;
        if FIRST {
            new[0].subtract(m_a, both, i_a, p1.r_a.cross(impulse1) + p2.r_a.cross(impulse2));
        }
        new[1].add(m_b, both, i_b, p1.r_b.cross(impulse1) + p2.r_b.cross(impulse2));
        (choose(is_found, new, old), choose_vec(is_found, after, before))
    }

    /// Whether there are impulses x ≥ 0 with speeds K x + b ≥ 0 of which one is 0 at each point, and those.
    #[inline(always)]
    fn complementary(&self, lane: usize, b: Vec2) -> (bool, Vec2) {
        let inverse = [self.k_inverse[0].get(lane), self.k_inverse[1].get(lane)];
        let k = [self.k[0].get(lane), self.k[1].get(lane)];
        let x = -Vec2::new(inverse[0].dot(b), inverse[1].dot(b));
        let both = (x.x >= 0.0) & (x.y >= 0.0);
        let first = -self.points[0].normal_mass[lane] * b.x;
        let only_first = (first >= 0.0) & (k[0].y * first + b.y >= 0.0);
        let second = -self.points[1].normal_mass[lane] * b.y;
        let only_second = (second >= 0.0) & (k[1].x * second + b.x >= 0.0);
        let neither = (b.x >= 0.0) & (b.y >= 0.0);
        let single = choose_vec(
            only_first,
            Vec2::new(first, 0.0),
            choose_vec(only_second, Vec2::new(0.0, second), Vec2::ZERO),
        );
        (both | only_first | only_second | neither, choose_vec(both, x, single))
    }

    #[inline(always)]
    fn push<const FIRST: bool>(
        &self,
        lane: usize,
        point: &PointConstraint,
        impulse: Vec2,
        mut bodies: [Velocity; 2],
    ) -> [Velocity; 2] {
        let (m_a, m_b) = (self.inv_mass[0][lane], self.inv_mass[1][lane]);
        let (i_a, i_b) = (self.inv_inertia[0][lane], self.inv_inertia[1][lane]);
        if FIRST {
            bodies[0].subtract(m_a, impulse, i_a, point.r_a.cross(impulse));
        }
        bodies[1].add(m_b, impulse, i_b, point.r_b.cross(impulse));
        bodies
    }
}

#[inline(always)]
fn choose_vec(first: bool, a: Vec2, b: Vec2) -> Vec2 {
    Vec2::new(if first { a.x } else { b.x }, if first { a.y } else { b.y })
}

#[inline(always)]
fn choose(first: bool, a: [Velocity; 2], b: [Velocity; 2]) -> [Velocity; 2] {
    let of = |a: Velocity, b: Velocity| {
        Velocity::new(choose_vec(first, a.v(), b.v()), if first { a.w } else { b.w })
    };
    [of(a[0], b[0]), of(a[1], b[1])]
}
