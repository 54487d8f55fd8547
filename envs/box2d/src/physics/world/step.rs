//! A step: contacts, islands, positions, impacts.

use super::super::body::{Body, BodyType};
use super::super::contact::Contact;
use super::super::math::{Transform, Vec2, clamp, min};
use super::super::settings::{ANGULAR_SLEEP_TOLERANCE, LINEAR_SLEEP_TOLERANCE, TIME_TO_SLEEP};
use super::super::solver::contact::ContactConstraint;
use super::super::solver::joint::JointConstraint;
use super::super::solver::position::PositionConstraint;
use super::super::solver::{Pair, Position, TimeStep, Velocity};
use super::{NONE, Swept, World};

/// How far a step has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    step: TimeStep,
    stage: Stage,
}

/// What island is solved, or was last.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Of bodies that act on each other. The next begins with a mover from number `next` on.
    Islands { next: usize },
    /// Of bodies that touch at an impact, so long before the end of the step.
    Impact { dt: f32 },
}

impl Default for Stage {
    fn default() -> Self {
        Self::Islands { next: 0 }
    }
}

impl World {
    /// Advances `dt` seconds and clears the forces.
    pub fn step(&mut self, dt: f32, velocity_iterations: u32, position_iterations: u32) {
        self.start_step(dt);
        while self.open_island() {
            self.solve_island([velocity_iterations, position_iterations]);
        }
    }

    /// Solves the island and lets it go; with so many iterations for velocities and, at most, for positions.
    pub(super) fn solve_island(&mut self, [velocities, positions]: [u32; 2]) {
        self.island.solve_velocities(velocities, false);
        self.move_island();
        let is_solved = self.has_loose_positions() && self.island.solve_positions(positions);
        self.close_island(is_solved);
    }

    /// Begins a step, of which then the islands are solved one after the other.
    pub(super) fn start_step(&mut self, dt: f32) {
        self.events.clear();
        if self.has_new_fixture {
            self.find_new_contacts();
            self.has_new_fixture = false;
        }
        let ratio = self.inv_dt * dt;
        let step = TimeStep { dt, ratio };
        self.collide();
        self.step_number += 1;
        self.progress = Progress { step, stage: Stage::Islands { next: 0 } };
        self.clear_island_flags();
    }

    /// Brings the step to the next island whose velocities are to be solved. Without one the step is over.
    pub(super) fn open_island(&mut self) -> bool {
        let Progress { step, stage } = self.progress;
        if step.dt > 0.0 {
            if let Stage::Islands { next } = stage {
                if self.open_next_island(next, step) {
                    return true;
                }
                self.synchronize_movers();
                self.forget_impacts();
            }
            while let Some((contact, alpha)) = self.first_impact() {
                if self.open_impact(contact, alpha) {
                    self.progress.stage = Stage::Impact { dt: (1.0 - alpha) * step.dt };
                    return true;
                }
            }
            self.inv_dt = 1.0 / step.dt;
        }
        self.clear_forces();
        false
    }

    /// Moves the bodies of the island, whose velocities are solved.
    pub(super) fn move_island(&mut self) {
        match self.progress.stage {
            Stage::Islands { .. } => {
                self.leave_impulses();
                self.island.integrate(self.progress.step.dt);
            }
            Stage::Impact { dt } => self.island.integrate(dt),
        }
    }

    /// Whether the positions of the island are to be corrected after it moved. Those at an impact were before.
    pub(super) fn has_loose_positions(&self) -> bool {
        matches!(self.progress.stage, Stage::Islands { .. })
    }

    /// Lets the bodies of the island go. `is_solved` says whether little was left to correct.
    pub(super) fn close_island(&mut self, is_solved: bool) {
        self.store_motion();
        if !self.has_loose_positions() {
            self.leave_impact();
            return;
        }
        self.put_to_sleep(self.progress.step.dt, is_solved);
        for index in &self.island.bodies {
            let body = &mut self.bodies[*index];
            body.in_island = body.kind != BodyType::Static;
        }
    }

    /// Gathers the next island of awake bodies and applies forces and old impulses.
    fn open_next_island(&mut self, first: usize, step: TimeStep) -> bool {
        for i in first..self.movers.len() {
            let seed = self.movers[i];
            let Body { in_island, is_awake, .. } = self.bodies[seed];
            if is_awake && !in_island {
                self.progress.stage = Stage::Islands { next: i + 1 };
                self.gather_island(seed);
                self.prepare_island(step);
                return true;
            }
        }
        false
    }

    /// Brings the boxes of what was in an island to its motion.
    fn synchronize_movers(&mut self) {
        for i in 0..self.movers.len() {
            let mover = self.movers[i];
            if self.bodies[mover].in_island {
                self.synchronize_fixtures(mover, self.bodies[mover].first_transform());
            }
        }
        self.find_new_contacts();
    }

    fn clear_forces(&mut self) {
        for mover in &self.movers {
            let body = &mut self.bodies[*mover];
            body.force = Vec2::ZERO;
            body.torque = 0.0;
        }
    }

    fn clear_island_flags(&mut self) {
        for mover in &self.movers {
            self.bodies[*mover].in_island = false;
        }
        let mut id = self.contact_list;
        while id != NONE {
            let contact = &mut self.contacts[id];
            contact.in_island = false;
            id = contact.links.next;
        }
        self.joints.items.iter_mut().for_each(|joint| joint.in_island = false);
    }

    /// Collects the bodies that a body acts on, directly or through others, depth first. Static ones do not pass on.
    fn gather_island(&mut self, seed: u32) {
        self.island.clear();
        self.island.stack.push(seed);
        self.bodies[seed].in_island = true;
        while let Some(index) = self.island.stack.pop() {
            let body = &mut self.bodies[index];
            body.island_index = self.island.bodies.len() as u32;
            self.island.bodies.push(index);
            body.wake();
            if body.kind != BodyType::Static {
                self.gather_contacts(index);
                self.gather_joints(index);
            }
        }
    }

    fn gather_contacts(&mut self, index: u32) {
        let mut edge = self.bodies[index].contacts;
        while edge != NONE {
            let (id, side) = (edge / 2, edge as usize % 2);
            let contact = &mut self.contacts[id];
            edge = contact.body_links[side].next;
            let is_solid = contact.is_enabled && contact.is_touching && !contact.has_sensor;
            if contact.in_island || !is_solid {
                continue;
            }
            contact.in_island = true;
            self.island.contacts.push(id);
            let other = contact.bodies[1 - side];
            self.visit_later(other);
        }
    }

    fn gather_joints(&mut self, index: u32) {
        let mut edge = self.bodies[index].joints;
        while edge != NONE {
            let (id, side) = (edge / 2, edge as usize % 2);
            let joint = &mut self.joints[id];
            edge = joint.body_links[side].next;
            if joint.in_island {
                continue;
            }
            joint.in_island = true;
            self.island.joints.push(id);
            let other = joint.bodies()[1 - side];
            self.visit_later(other);
        }
    }

    fn visit_later(&mut self, body: u32) {
        if !self.bodies[body].in_island {
            self.bodies[body].in_island = true;
            self.island.stack.push(body);
        }
    }

    fn prepare_island(&mut self, step: TimeStep) {
        self.integrate_forces(step.dt);
        self.constrain_contacts();
        for (constraint, id) in
            self.island.contact_constraints.iter_mut().zip(&self.island.contacts)
        {
            constraint.take_impulses(&self.contacts[*id].manifold, step.ratio);
        }
        self.island.prepare_contacts();
        self.constrain_joints(step);
        self.island.warm_start();
    }

    /// Starts the sweeps and changes the velocities by gravity, forces and damping.
    fn integrate_forces(&mut self, dt: f32) {
        let Self { island, bodies, gravity, .. } = self;
        for i in 0..island.bodies.len() {
            let body = &mut bodies[island.bodies[i]];
            body.sweep.c0 = body.sweep.c;
            body.sweep.a0 = body.sweep.a;
            let (mut v, mut w) = (body.linear_velocity, body.angular_velocity);
            if body.kind == BodyType::Dynamic {
                v += dt * (body.gravity_scale * *gravity + body.inv_mass * body.force);
                w += dt * body.inv_inertia * body.torque;
                v *= clamp(1.0 - dt * body.linear_damping, 0.0, 1.0);
                w *= clamp(1.0 - dt * body.angular_damping, 0.0, 1.0);
            }
            island.push_body(body.kind, body.position(), Velocity::new(v, w));
        }
    }

    /// Makes the constraints of the island's contacts, without impulses.
    pub(super) fn constrain_contacts(&mut self) {
        let Self { island, bodies, contacts, fixtures, .. } = self;
        let pair = |contact: &Contact| Pair::new(contact.bodies.map(|index| &bodies[index]));
        island.contact_constraints.extend(island.contacts.iter().map(|id| {
            let contact = &contacts[*id];
            ContactConstraint::new(contact, pair(contact))
        }));
        island.position_constraints.extend(island.contacts.iter().map(|id| {
            let contact = &contacts[*id];
            let Contact { manifold, .. } = *contact;
            let radii = contact.fixtures.map(|index| fixtures[index].shape.radius());
            PositionConstraint { pair: pair(contact), manifold, radii }
        }));
    }

    fn constrain_joints(&mut self, step: TimeStep) {
        let Self { island, bodies, joints, .. } = self;
        island.joint_constraints.extend(island.joints.iter().map(|id| {
            let joint = &joints[*id];
            let pair = Pair::new(joint.bodies().map(|index| &bodies[index]));
            JointConstraint::new(joint, pair, &island.positions, step)
        }));
    }

    /// Keeps the impulses for the next step.
    fn leave_impulses(&mut self) {
        let Self { island, contacts, joints, .. } = self;
        for (id, constraint) in island.contacts.iter().zip(&island.contact_constraints) {
            constraint.leave_impulses(&mut contacts[*id].manifold);
        }
        for (id, constraint) in island.joints.iter().zip(&island.joint_constraints) {
            joints[*id].impulse = constraint.impulse;
            joints[*id].limit_state = constraint.limit_state;
        }
    }

    /// Gives the bodies their new positions and velocities.
    pub(super) fn store_motion(&mut self) {
        let Self { island, bodies, .. } = self;
        for (i, index) in island.bodies.iter().enumerate() {
            let body = &mut bodies[*index];
            let (Position { c, a }, velocity) = (island.positions[i], island.velocities[i]);
            body.sweep.c = c;
            body.sweep.a = a;
            body.linear_velocity = velocity.v();
            body.angular_velocity = velocity.w;
            body.synchronize_transform();
        }
    }

    /// Counts the time at rest, and lets the island sleep after enough of it.
    fn put_to_sleep(&mut self, dt: f32, is_solved: bool) {
        const LINEAR: f32 = LINEAR_SLEEP_TOLERANCE * LINEAR_SLEEP_TOLERANCE;
        const ANGULAR: f32 = ANGULAR_SLEEP_TOLERANCE * ANGULAR_SLEEP_TOLERANCE;
        let Self { island, bodies, .. } = self;
        let mut least = f32::MAX;
        for index in &island.bodies {
            let body = &mut bodies[*index];
            if body.kind == BodyType::Static {
                continue;
            }
            let (v, w) = (body.linear_velocity, body.angular_velocity);
            if !body.allow_sleep || w * w > ANGULAR || v.dot(v) > LINEAR {
                body.sleep_time = 0.0;
                least = 0.0;
            } else {
                body.sleep_time += dt;
                least = min(least, body.sleep_time);
            }
        }
        if least >= TIME_TO_SLEEP && is_solved {
            island.bodies.iter().for_each(|index| bodies[*index].fall_asleep());
        }
    }

    /// Brings the boxes of a body's fixtures to its motion from a frame to its present one.
    pub(super) fn synchronize_fixtures(&mut self, index: u32, before: Transform) {
        let Self { bodies, fixtures, broad_phase, swept, step_number, .. } = self;
        let body = &bodies[index];
        let displacement = body.transform.p - before.p;
        let mut next = body.fixtures;
        while next != NONE {
            let fixture = &fixtures[next];
            let way = Swept::new(&fixture.shape, before, body, *step_number);
            swept[next as usize] = way;
            broad_phase.update(fixture.proxy, &way.aabb, displacement);
            next = fixture.next;
        }
    }
}

impl Pair {
    fn new(bodies: [&Body; 2]) -> Self {
        Self {
            index: bodies.map(|body| body.island_index),
            inv_mass: bodies.map(|body| body.inv_mass),
            inv_inertia: bodies.map(|body| body.inv_inertia),
            local_center: bodies.map(|body| body.sweep.local_center),
        }
    }
}
