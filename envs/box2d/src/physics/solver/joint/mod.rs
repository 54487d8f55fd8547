//! Revolute joints: motor, limit and pin, as Box2D 2.3 solves them (2.4 has another limit).

pub(in crate::physics) mod lanes;
pub(in crate::physics) mod position_lanes;

use super::{Pair, Position, TimeStep, Velocity, relative_velocity};
use crate::physics::joint::{Joint, JointImpulse, LimitState};
use crate::physics::math::{Apart, Rot, Vec2, abs, clamp};
use crate::physics::settings::{ANGULAR_SLOP, LINEAR_SLOP, MAX_ANGULAR_CORRECTION};

/// A vector of three: the two of the pin, and the angle's.
#[derive(Clone, Copy, Debug, Default)]
struct Vec3 {
    x: f32,
    y: f32,
    z: f32,
}

/// The symmetric matrix of pin and limit by columns, with what its solutions need.
#[derive(Clone, Copy, Debug, Default)]
struct Mass {
    ex: Vec3,
    ey: Vec3,
    ez: Vec3,
    /// The cross product of the second and third column.
    ey_ez: Vec3,
    /// Inverse determinants: of all, and of the pin's part.
    inverse3: f32,
    inverse2: f32,
}

/// What an iteration added to a joint's impulses of pin and limit.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(in crate::physics) struct JointChange {
    pin: Apart,
    limit: f32,
    /// Whether the limit would have pulled, so that its impulse became 0.
    pulled: bool,
}

/// A joint while its island is solved.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::physics) struct JointConstraint {
    pair: Pair,
    pub(in crate::physics) impulse: JointImpulse,
    pub(in crate::physics) limit_state: LimitState,
    /// Of the last iteration.
    pub(in crate::physics) change: JointChange,
    has_motor: bool,
    /// From the two centers of mass to the pin: in the world, and in the bodies' frames.
    r_a: Vec2,
    r_b: Vec2,
    local_a: Vec2,
    local_b: Vec2,
    mass: Mass,
    motor_mass: f32,
    motor_speed: f32,
    max_motor_impulse: f32,
    reference_angle: f32,
    lower_angle: f32,
    upper_angle: f32,
}

impl Vec3 {
    #[inline]
    fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    #[inline]
    fn cross(self, other: Self) -> Self {
        Self {
            x: self.y * other.z - self.z * other.y,
            y: self.z * other.x - self.x * other.z,
            z: self.x * other.y - self.y * other.x,
        }
    }
}

/// 1/x, but 0 for 0.
#[inline]
fn inverse(x: f32) -> f32 {
    if x == 0.0 { x } else { 1.0 / x }
}

impl Mass {
    fn new(pair: &Pair, r_a: Vec2, r_b: Vec2) -> Self {
        let Pair { inv_mass: [m_a, m_b], inv_inertia: [i_a, i_b], .. } = *pair;
        let xx = m_a + m_b + r_a.y * r_a.y * i_a + r_b.y * r_b.y * i_b;
        let xy = -r_a.y * r_a.x * i_a - r_b.y * r_b.x * i_b;
        let xz = -r_a.y * i_a - r_b.y * i_b;
        let yy = m_a + m_b + r_a.x * r_a.x * i_a + r_b.x * r_b.x * i_b;
        let yz = r_a.x * i_a + r_b.x * i_b;
        let ex = Vec3 { x: xx, y: xy, z: xz };
        let ey = Vec3 { x: xy, y: yy, z: yz };
        let ez = Vec3 { x: xz, y: yz, z: i_a + i_b };
        let ey_ez = ey.cross(ez);
        let inverse2 = inverse(xx * yy - xy * xy);
        Self { ex, ey, ez, ey_ez, inverse3: inverse(ex.dot(ey_ez)), inverse2 }
    }

    #[inline]
    fn solve3(&self, b: Vec3) -> Vec3 {
        Vec3 {
            x: self.inverse3 * b.dot(self.ey_ez),
            y: self.inverse3 * self.ex.dot(b.cross(self.ez)),
            z: self.inverse3 * self.ex.dot(self.ey.cross(b)),
        }
    }

    #[inline]
    fn solve2(&self, b: Vec2) -> Vec2 {
        Vec2::new(
            self.inverse2 * (self.ey.y * b.x - self.ey.x * b.y),
            self.inverse2 * (self.ex.x * b.y - self.ex.y * b.x),
        )
    }
}

impl JointConstraint {
    /// Places of the two bodies in the island.
    pub(in crate::physics) fn places(&self) -> [u32; 2] {
        self.pair.index
    }

    /// The constraint of a joint, with its impulses of the step before.
    pub(in crate::physics) fn new(
        joint: &Joint,
        pair: Pair,
        positions: &[Position],
        step: TimeStep,
    ) -> Self {
        let def = &joint.def;
        let [a, b] = pair.index.map(|index| positions[index as usize].a);
        let local_a = def.local_anchor_a - pair.local_center[0];
        let local_b = def.local_anchor_b - pair.local_center[1];
        let (r_a, r_b) = (Rot::new(a).apply(local_a), Rot::new(b).apply(local_b));
        let inv_inertia = pair.inv_inertia[0] + pair.inv_inertia[1];
        let turns = inv_inertia != 0.0;
        let mut this = Self {
            pair,
            impulse: joint.impulse,
            limit_state: joint.limit_state,
            change: JointChange::default(),
            has_motor: def.enable_motor && turns,
            r_a,
            r_b,
            local_a,
            local_b,
            mass: Mass::new(&pair, r_a, r_b),
            motor_mass: if inv_inertia > 0.0 { 1.0 / inv_inertia } else { inv_inertia },
            motor_speed: def.motor_speed,
            max_motor_impulse: step.dt * def.max_motor_torque,
            reference_angle: def.reference_angle,
            lower_angle: def.lower_angle,
            upper_angle: def.upper_angle,
        };
        this.enter_limit(def.enable_limit && turns, b - a - def.reference_angle);
        this.take_impulses(step.ratio);
        this
    }

    /// Finds where the joint is with respect to its limit.
    fn enter_limit(&mut self, has_limit: bool, angle: f32) {
        let state = if !has_limit {
            LimitState::Inactive
        } else if abs(self.upper_angle - self.lower_angle) < 2.0 * ANGULAR_SLOP {
            LimitState::Equal
        } else if angle <= self.lower_angle {
            LimitState::AtLower
        } else if angle >= self.upper_angle {
            LimitState::AtUpper
        } else {
            LimitState::Inactive
        };
        let keeps_impulse = !has_limit
            || state == LimitState::Equal
            || (state != LimitState::Inactive && state == self.limit_state);
        if !keeps_impulse {
            self.impulse.limit = 0.0;
        }
        self.limit_state = state;
    }

    fn take_impulses(&mut self, ratio: f32) {
        if !self.has_motor {
            self.impulse.motor = 0.0;
        }
        self.impulse.pin = Apart::new(ratio * self.impulse.pin.get());
        self.impulse.limit *= ratio;
        self.impulse.motor *= ratio;
        self.has_motor &= self.limit_state != LimitState::Equal;
    }

    /// Applies the impulses of the step before.
    pub(in crate::physics) fn warm_start(&self, velocities: &mut [Velocity]) {
        let Pair { inv_mass: [m_a, m_b], inv_inertia: [i_a, i_b], index, .. } = self.pair;
        let [a, b] = index.map(|index| index as usize);
        let JointImpulse { limit, motor, .. } = self.impulse;
        let pin = self.impulse.pin.get();
        velocities[a].subtract(m_a, pin, i_a, self.r_a.cross(pin) + motor + limit);
        velocities[b].add(m_b, pin, i_b, self.r_b.cross(pin) + motor + limit);
    }

    /// One iteration: motor, then limit and pin.
    #[inline]
    pub(in crate::physics) fn solve(&mut self, velocities: &mut [Velocity]) {
        let Pair { inv_mass: [m_a, m_b], inv_inertia: [i_a, i_b], index, .. } = self.pair;
        let [index_a, index_b] = index.map(|index| index as usize);
        let (mut a, mut b) = (velocities[index_a], velocities[index_b]);
        if self.has_motor {
            let change = -self.motor_mass * (b.w - a.w - self.motor_speed);
            let old = self.impulse.motor;
            let most = self.max_motor_impulse;
            self.impulse.motor = clamp(old + change, -most, most);
            let change = self.impulse.motor - old;
            a.w -= i_a * change;
            b.w += i_b * change;
        }
        let speed = relative_velocity(&a, self.r_a, &b, self.r_b);
        let (pin, limit) = if self.limit_state == LimitState::Inactive {
            let pin = self.mass.solve2(-speed);
            self.impulse.pin += pin;
            self.change.pin = Apart::new(pin);
            (pin, -0.0) // What is added without a trace, even to -0.
        } else {
            self.solve_limit(speed, b.w - a.w)
        };
        a.subtract(m_a, pin, i_a, self.r_a.cross(pin) + limit);
        b.add(m_b, pin, i_b, self.r_b.cross(pin) + limit);
        velocities[index_a] = a;
        velocities[index_b] = b;
    }

    /// Impulses of pin and limit together; without the limit's where that would pull.
    #[inline(never)] // Beside the free joint it would slow that down.
    fn solve_limit(&mut self, speed: Vec2, spin: f32) -> (Vec2, f32) {
        let solution = self.mass.solve3(Vec3 { x: speed.x, y: speed.y, z: spin });
        let (mut pin, mut limit) = (Vec2::new(-solution.x, -solution.y), -solution.z);
        let old = self.impulse.limit;
        let pulled = self.pulls(old + limit);
        if pulled {
            let column = Vec2::new(self.mass.ez.x, self.mass.ez.y);
            pin = self.mass.solve2(-speed + old * column);
            limit = -old;
            self.impulse.limit = 0.0;
        } else {
            self.impulse.limit += limit;
        }
        self.impulse.pin += pin;
        self.change = JointChange { pin: Apart::new(pin), limit, pulled };
        (pin, limit)
    }

    /// Whether a limit impulse would pull.
    #[inline]
    fn pulls(&self, limit: f32) -> bool {
        match self.limit_state {
            LimitState::AtLower => limit < 0.0,
            LimitState::AtUpper => limit > 0.0,
            LimitState::Inactive | LimitState::Equal => false,
        }
    }

    /// How many cycles of changes, `most` at most, come without the limit pulling where it did not. `limit` was the
    /// limit's impulse a cycle ago.
    pub(in crate::physics) fn cycles_without_pull<'a>(
        &self,
        changes: &(impl Iterator<Item = &'a JointChange> + Clone),
        limit: f32,
        most: u32,
    ) -> u32 {
        if self.limit_state == LimitState::Inactive {
            return most;
        }
        if changes.clone().any(|change| change.pulled) {
            // Then its impulse is no sum: it comes again with the cycle or it does not.
            let comes_again = self.impulse.limit.to_bits() == limit.to_bits();
            return if comes_again { most } else { 0 };
        }
        let mut sum = self.impulse.limit;
        for cycle in 0..most {
            for change in changes.clone() {
                sum += change.limit;
                if self.pulls(sum) {
                    return cycle;
                }
            }
        }
        most
    }

    /// Sums the changes of a number of cycles.
    pub(in crate::physics) fn sum<'a>(
        &mut self,
        changes: &(impl Iterator<Item = &'a JointChange> + Clone),
        cycles: u32,
    ) {
        let JointImpulse { mut pin, mut limit, .. } = self.impulse;
        let is_sum = self.limit_state != LimitState::Inactive
            && !changes.clone().any(|change| change.pulled);
        for _ in 0..cycles {
            for change in changes.clone() {
                pin += change.pin.get();
                limit += if is_sum { change.limit } else { 0.0 };
            }
        }
        self.impulse.pin = pin;
        if is_sum {
            self.impulse.limit = limit;
        }
    }

    /// Corrects the positions once; returns whether little was left to correct.
    pub(in crate::physics) fn solve_position(&self, positions: &mut [Position]) -> bool {
        let Pair { inv_mass: [m_a, m_b], inv_inertia: [i_a, i_b], index, .. } = self.pair;
        let [index_a, index_b] = index.map(|index| index as usize);
        let (mut a, mut b) = (positions[index_a], positions[index_b]);
        let (impulse, angular_error) = self.limit_correction(b.a - a.a - self.reference_angle);
        if self.limit_state != LimitState::Inactive {
            a.a -= i_a * impulse;
            b.a += i_b * impulse;
        }
        let r_a = Rot::new(a.a).apply(self.local_a);
        let r_b = Rot::new(b.a).apply(self.local_b);
        let error = pull_to_pin([m_a, m_b], [i_a, i_b], (&mut a, r_a), (&mut b, r_b));
        positions[index_a] = a;
        positions[index_b] = b;
        error <= LINEAR_SLOP && angular_error <= ANGULAR_SLOP
    }

    /// The impulse that corrects an angle beyond the limit, and by how much it is.
    #[inline]
    fn limit_correction(&self, angle: f32) -> (f32, f32) {
        const MOST: f32 = MAX_ANGULAR_CORRECTION;
        let (correction, error) = match self.limit_state {
            LimitState::Inactive => return (0.0, 0.0),
            LimitState::Equal => {
                let correction = clamp(angle - self.lower_angle, -MOST, MOST);
                (correction, abs(correction))
            }
            LimitState::AtLower => {
                let beyond = angle - self.lower_angle;
                (clamp(beyond + ANGULAR_SLOP, -MOST, 0.0), -beyond)
            }
            LimitState::AtUpper => {
                let beyond = angle - self.upper_angle;
                (clamp(beyond - ANGULAR_SLOP, 0.0, MOST), beyond)
            }
        };
        (-self.motor_mass * correction, error)
    }
}

/// Brings two bodies together at the pin, to which `r_a` and `r_b` lead from their centers. Returns how far apart they
/// were there.
#[inline(always)]
#[allow(clippy::inline_always, reason = "compiled for each instruction set, too")]
fn pull_to_pin(
    [m_a, m_b]: [f32; 2],
    [i_a, i_b]: [f32; 2],
    (a, r_a): (&mut Position, Vec2),
    (b, r_b): (&mut Position, Vec2),
) -> f32 {
    let error = b.c + r_b - a.c - r_a;
    let xx = m_a + m_b + i_a * r_a.y * r_a.y + i_b * r_b.y * r_b.y;
    let xy = -i_a * r_a.x * r_a.y - i_b * r_b.x * r_b.y;
    let yy = m_a + m_b + i_a * r_a.x * r_a.x + i_b * r_b.x * r_b.x;
    let inverse = inverse(xx * yy - xy * xy);
    let impulse = -Vec2::new(
        inverse * (yy * error.x - xy * error.y),
        inverse * (xx * error.y - xy * error.x),
    );
    a.c -= m_a * impulse;
    a.a -= i_a * r_a.cross(impulse);
    b.c += m_b * impulse;
    b.a += i_b * r_b.cross(impulse);
    error.length()
}
