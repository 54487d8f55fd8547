//! Contacts: friction, and normal impulses of one point or of two together.

pub(in crate::physics) mod lanes;

use super::{Pair, Velocity, relative_velocity};
use crate::physics::contact::Contact;
use crate::physics::manifold::{Manifold, WorldManifold};
use crate::physics::math::{Vec2, clamp, max};
use crate::physics::settings::VELOCITY_THRESHOLD;

/// Two points are solved together unless their matrix is worse conditioned than this.
const MAX_CONDITION: f32 = 1000.0;

/// A point of a contact.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::physics) struct PointConstraint {
    /// From the two centers of mass.
    r_a: Vec2,
    r_b: Vec2,
    pub(in crate::physics) normal_impulse: f32,
    pub(in crate::physics) tangent_impulse: f32,
    normal_mass: f32,
    tangent_mass: f32,
    bias: f32,
}

/// A contact while its island is solved.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::physics) struct ContactConstraint {
    pub(in crate::physics) points: [PointConstraint; 2],
    pub(in crate::physics) count: usize,
    normal: Vec2,
    /// Of two points, by rows: their matrix, and its inverse.
    k: [Vec2; 2],
    k_inverse: [Vec2; 2],
    pair: Pair,
    friction: f32,
    restitution: f32,
}

impl ContactConstraint {
    /// The constraint of a contact, without impulses.
    pub(in crate::physics) fn new(contact: &Contact, pair: Pair) -> Self {
        Self {
            count: contact.manifold.count as usize,
            pair,
            friction: contact.friction,
            restitution: contact.restitution,
            ..Self::default()
        }
    }

    /// Places of the two bodies in the island.
    pub(in crate::physics) fn places(&self) -> [u32; 2] {
        self.pair.index
    }

    /// Takes over the impulses of the step before, scaled by `ratio`.
    pub(in crate::physics) fn take_impulses(&mut self, manifold: &Manifold, ratio: f32) {
        for (out, point) in self.points.iter_mut().zip(manifold.points()) {
            out.normal_impulse = ratio * point.normal_impulse;
            out.tangent_impulse = ratio * point.tangent_impulse;
        }
    }

    /// Leaves the impulses for the next step.
    pub(in crate::physics) fn leave_impulses(&self, manifold: &mut Manifold) {
        for (out, point) in manifold.points.iter_mut().zip(&self.points[..self.count]) {
            out.normal_impulse = point.normal_impulse;
            out.tangent_impulse = point.tangent_impulse;
        }
    }

    /// Normal and tangent impulses of the first and second point.
    #[inline]
    pub(in crate::physics) fn impulses(&self) -> [f32; 4] {
        let [p1, p2] = &self.points;
        [p1.normal_impulse, p1.tangent_impulse, p2.normal_impulse, p2.tangent_impulse]
    }

    /// Takes over where the bodies are and how they move.
    pub(in crate::physics) fn prepare(
        &mut self,
        world: &WorldManifold,
        centers: [Vec2; 2],
        velocities: &[Velocity],
    ) {
        let Pair { inv_mass: [m_a, m_b], inv_inertia: [i_a, i_b], .. } = self.pair;
        let [a, b] = self.pair.index.map(|index| velocities[index as usize]);
        self.normal = world.normal;
        let tangent = self.normal.cross_scalar(1.0);
        for (point, at) in self.points[..self.count].iter_mut().zip(world.points) {
            point.r_a = at - centers[0];
            point.r_b = at - centers[1];
            let inverse_mass = |axis: Vec2| {
                let (r_a, r_b) = (point.r_a.cross(axis), point.r_b.cross(axis));
                let k = m_a + m_b + i_a * r_a * r_a + i_b * r_b * r_b;
                if k > 0.0 { 1.0 / k } else { 0.0 }
            };
            (point.normal_mass, point.tangent_mass) =
                (inverse_mass(self.normal), inverse_mass(tangent));
            let speed = self.normal.dot(relative_velocity(&a, point.r_a, &b, point.r_b));
            let bounces = speed < -VELOCITY_THRESHOLD;
            point.bias = if bounces { -self.restitution * speed } else { 0.0 };
        }
        if self.count == 2 {
            self.couple();
        }
    }

    /// The matrix of two points; one of two that are almost the same is left out.
    fn couple(&mut self) {
        let Pair { inv_mass: [m_a, m_b], inv_inertia: [i_a, i_b], .. } = self.pair;
        let [p1, p2] = &self.points;
        let (a1, b1) = (p1.r_a.cross(self.normal), p1.r_b.cross(self.normal));
        let (a2, b2) = (p2.r_a.cross(self.normal), p2.r_b.cross(self.normal));
        let k11 = m_a + m_b + i_a * a1 * a1 + i_b * b1 * b1;
        let k22 = m_a + m_b + i_a * a2 * a2 + i_b * b2 * b2;
        let k12 = m_a + m_b + i_a * a1 * a2 + i_b * b1 * b2;
        let determinant = k11 * k22 - k12 * k12;
        if k11 * k11 < MAX_CONDITION * determinant {
            let inverse = if determinant == 0.0 { determinant } else { 1.0 / determinant };
            self.k = [Vec2::new(k11, k12), Vec2::new(k12, k22)];
            self.k_inverse = [
                Vec2::new(inverse * k22, -inverse * k12),
                Vec2::new(-inverse * k12, inverse * k11),
            ];
        } else {
            self.count = 1;
        }
    }

    /// Applies the impulses of the step before.
    pub(in crate::physics) fn warm_start(&self, velocities: &mut [Velocity]) {
        let tangent = self.normal.cross_scalar(1.0);
        let mut bodies = self.bodies(velocities);
        for point in &self.points[..self.count] {
            let impulse = point.normal_impulse * self.normal + point.tangent_impulse * tangent;
            self.push(&mut bodies, point, impulse);
        }
        self.leave(bodies, velocities);
    }

    /// One iteration: friction, then the normal impulses.
    #[inline]
    pub(in crate::physics) fn solve(&mut self, velocities: &mut [Velocity]) {
        let mut bodies = self.bodies(velocities);
        let tangent = self.normal.cross_scalar(1.0);
        for i in 0..self.count {
            let point = self.points[i];
            let speed = point.velocity(&bodies).dot(tangent);
            let most = self.friction * point.normal_impulse;
            let impulse = clamp(point.tangent_impulse + point.tangent_mass * (-speed), -most, most);
            self.points[i].tangent_impulse = impulse;
            self.push(&mut bodies, &point, (impulse - point.tangent_impulse) * tangent);
        }
        if self.count == 1 {
            let point = self.points[0];
            let speed = point.velocity(&bodies).dot(self.normal);
            let change = -point.normal_mass * (speed - point.bias);
            let impulse = max(point.normal_impulse + change, 0.0);
            self.points[0].normal_impulse = impulse;
            self.push(&mut bodies, &point, (impulse - point.normal_impulse) * self.normal);
        } else {
            self.solve_two(&mut bodies);
        }
        self.leave(bodies, velocities);
    }

    /// Normal impulses of two points: the linear complementarity problem by trying all four cases.
    #[inline]
    fn solve_two(&mut self, bodies: &mut [Velocity; 2]) {
        let [p1, p2] = self.points;
        let old = Vec2::new(p1.normal_impulse, p2.normal_impulse);
        let speeds = [p1, p2].map(|point| point.velocity(bodies).dot(self.normal));
        let mut b = Vec2::new(speeds[0] - p1.bias, speeds[1] - p2.bias);
        b -= Vec2::new(self.k[0].dot(old), self.k[1].dot(old));
        let Some(new) = self.complementary(b) else { return };
        let change = new - old;
        let (impulse1, impulse2) = (change.x * self.normal, change.y * self.normal);
        let both = impulse1 + impulse2;
        let Pair { inv_mass: [m_a, m_b], inv_inertia: [i_a, i_b], .. } = self.pair;
        let moment_a = p1.r_a.cross(impulse1) + p2.r_a.cross(impulse2);
        let moment_b = p1.r_b.cross(impulse1) + p2.r_b.cross(impulse2);
        bodies[0].subtract(m_a, both, i_a, moment_a);
        bodies[1].add(m_b, both, i_b, moment_b);
        self.points[0].normal_impulse = new.x;
        self.points[1].normal_impulse = new.y;
    }

    /// Impulses x ≥ 0 with speeds K x + b ≥ 0 of which one is 0 at each point.
    #[inline]
    fn complementary(&self, b: Vec2) -> Option<Vec2> {
        let x = -Vec2::new(self.k_inverse[0].dot(b), self.k_inverse[1].dot(b));
        if x.x >= 0.0 && x.y >= 0.0 {
            return Some(x);
        }
        let first = -self.points[0].normal_mass * b.x;
        if first >= 0.0 && self.k[0].y * first + b.y >= 0.0 {
            return Some(Vec2::new(first, 0.0));
        }
        let second = -self.points[1].normal_mass * b.y;
        if second >= 0.0 && self.k[1].x * second + b.x >= 0.0 {
            return Some(Vec2::new(0.0, second));
        }
        (b.x >= 0.0 && b.y >= 0.0).then_some(Vec2::ZERO)
    }

    /// Velocities of the two bodies.
    #[inline]
    fn bodies(&self, velocities: &[Velocity]) -> [Velocity; 2] {
        self.pair.index.map(|index| velocities[index as usize])
    }

    #[inline]
    fn leave(&self, bodies: [Velocity; 2], velocities: &mut [Velocity]) {
        velocities[self.pair.index[0] as usize] = bodies[0];
        velocities[self.pair.index[1] as usize] = bodies[1];
    }

    /// Applies an impulse at a point.
    #[inline]
    fn push(&self, bodies: &mut [Velocity; 2], point: &PointConstraint, impulse: Vec2) {
        let Pair { inv_mass: [m_a, m_b], inv_inertia: [i_a, i_b], .. } = self.pair;
        bodies[0].subtract(m_a, impulse, i_a, point.r_a.cross(impulse));
        bodies[1].add(m_b, impulse, i_b, point.r_b.cross(impulse));
    }
}

impl PointConstraint {
    #[inline]
    fn velocity(&self, [a, b]: &[Velocity; 2]) -> Vec2 {
        relative_velocity(a, self.r_a, b, self.r_b)
    }
}
