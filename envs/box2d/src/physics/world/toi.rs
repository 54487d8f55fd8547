//! Impacts: bodies that would pass through static ones within a step are stopped where they touch.

use super::super::body::BodyType;
use super::super::math::{Sweep, min};
use super::super::settings::{MAX_SUB_STEPS, MAX_TOI_BODIES, MAX_TOI_CONTACTS};
use super::super::toi::{Moving, time_of_impact};
use super::{NONE, World};

const POSITION_ITERATIONS: u32 = 20;

impl World {
    /// Begins the search for impacts.
    pub(super) fn forget_impacts(&mut self) {
        for index in self.movers.iter().chain(&self.advanced) {
            let body = &mut self.bodies[*index];
            body.in_island = false;
            body.sweep.alpha0 = 0.0;
        }
        self.advanced.clear();
        let mut id = self.contact_list;
        while id != NONE {
            let contact = &mut self.contacts[id];
            contact.in_island = false;
            contact.has_toi = false;
            contact.toi_count = 0;
            contact.toi = 1.0;
            id = contact.links.next;
        }
    }

    /// The contact that is the first to touch, and when.
    pub(super) fn first_impact(&mut self) -> Option<(u32, f32)> {
        let (mut first, mut least) = (NONE, 1.0);
        let mut id = self.contact_list;
        while id != NONE {
            let contact = &self.contacts[id];
            let next = contact.links.next;
            if contact.is_enabled && contact.toi_count <= MAX_SUB_STEPS {
                let alpha = if contact.has_toi { contact.toi } else { self.impact(id) };
                if alpha < least {
                    (first, least) = (id, alpha);
                }
            }
            id = next;
        }
        (first != NONE && least <= 1.0 - 10.0 * f32::EPSILON).then_some((first, least))
    }

    /// When a contact's fixtures touch; 1 if not in this step, or if they are not kept from passing through.
    fn impact(&mut self, id: u32) -> f32 {
        let contact = &self.contacts[id];
        let [a, b] = contact.bodies;
        let bodies = [a, b].map(|index| &self.bodies[index]);
        let is_active = bodies.iter().any(|body| body.is_active());
        let is_blocking = bodies.iter().any(|body| body.is_bullet || !body.is_dynamic());
        if contact.has_sensor || !is_active || !is_blocking {
            return 1.0;
        }
        let [fixture_a, fixture_b] = contact.fixtures;
        let alpha0 = self.align(a, b);
        let moving = |fixture: u32, body: u32| Moving {
            shape: &self.fixtures[fixture].shape,
            sweep: self.bodies[body].sweep,
        };
        let find = || time_of_impact(moving(fixture_a, a), moving(fixture_b, b));
        let passes_by = self.passes_by(id);
        debug_assert!(!passes_by || find().is_none(), "an impact of what passes by");
        let alpha = match if passes_by { None } else { find() } {
            Some(beta) => min(alpha0 + (1.0 - alpha0) * beta, 1.0),
            None => 1.0,
        };
        let contact = &mut self.contacts[id];
        contact.toi = alpha;
        contact.has_toi = true;
        alpha
    }

    /// Has the motions of two bodies begin at the same time, the later, and returns it.
    fn align(&mut self, a: u32, b: u32) -> f32 {
        let [alpha_a, alpha_b] = [a, b].map(|index| self.bodies[index].sweep.alpha0);
        if alpha_a < alpha_b {
            self.advance_sweep(a, alpha_b);
            return alpha_b;
        }
        if alpha_b < alpha_a {
            self.advance_sweep(b, alpha_a);
        }
        alpha_a
    }

    /// Moves the beginning of a body's motion.
    fn advance_sweep(&mut self, index: u32, alpha: f32) {
        self.note_advance(index);
        self.bodies[index].sweep.advance(alpha);
    }

    /// Ends a body's motion at a share of the step.
    fn advance_body(&mut self, index: u32, alpha: f32) {
        self.note_advance(index);
        self.bodies[index].advance(alpha);
    }

    fn note_advance(&mut self, index: u32) {
        let body = &self.bodies[index];
        if body.kind == BodyType::Static && body.sweep.alpha0 == 0.0 {
            self.advanced.push(index);
        }
    }

    /// Takes a body back to an earlier sweep.
    fn restore(&mut self, index: u32, sweep: Sweep) {
        let body = &mut self.bodies[index];
        body.sweep = sweep;
        body.synchronize_transform();
    }

    /// Brings two bodies to their impact and gathers what else they touch. Returns whether they meet.
    pub(super) fn open_impact(&mut self, id: u32, alpha: f32) -> bool {
        let bodies = self.contacts[id].bodies;
        let sweeps = bodies.map(|index| self.bodies[index].sweep);
        for index in bodies {
            self.advance_body(index, alpha);
        }
        self.update_contact(id);
        let contact = &mut self.contacts[id];
        contact.has_toi = false;
        contact.toi_count += 1;
        if !contact.is_touching {
            contact.is_enabled = false;
            bodies.into_iter().zip(sweeps).for_each(|(index, sweep)| self.restore(index, sweep));
            return false;
        }
        contact.in_island = true;
        self.island.clear();
        self.island.contacts.push(id);
        for index in bodies {
            self.bodies[index].wake();
            self.join(index);
        }
        for index in bodies {
            self.gather_touching(index, alpha);
        }
        self.prepare_impact(bodies);
        true
    }

    /// Adds a body to the island.
    fn join(&mut self, index: u32) {
        let body = &mut self.bodies[index];
        body.in_island = true;
        body.island_index = self.island.bodies.len() as u32;
        self.island.bodies.push(index);
    }

    /// Adds the contacts of a body that touch at the time of the impact.
    fn gather_touching(&mut self, index: u32, alpha: f32) {
        if !self.bodies[index].is_dynamic() {
            return;
        }
        let mut edge = self.bodies[index].contacts;
        while edge != NONE {
            if self.island.bodies.len() == MAX_TOI_BODIES
                || self.island.contacts.len() == MAX_TOI_CONTACTS
            {
                return;
            }
            let (id, side) = (edge / 2, edge as usize % 2);
            let contact = &self.contacts[id];
            edge = contact.body_links[side].next;
            let other = contact.bodies[1 - side];
            let is_blocking = !self.bodies[other].is_dynamic()
                || self.bodies[index].is_bullet
                || self.bodies[other].is_bullet;
            if !contact.in_island && is_blocking && !contact.has_sensor {
                self.gather_contact_touching(id, other, alpha);
            }
        }
    }

    fn gather_contact_touching(&mut self, id: u32, other: u32, alpha: f32) {
        let sweep = self.bodies[other].sweep;
        if !self.bodies[other].in_island {
            self.advance_body(other, alpha);
        }
        self.update_contact(id);
        if !self.contacts[id].is_touching {
            self.restore(other, sweep);
            return;
        }
        self.contacts[id].in_island = true;
        self.island.contacts.push(id);
        if !self.bodies[other].in_island {
            if self.bodies[other].kind != BodyType::Static {
                self.bodies[other].wake();
            }
            self.join(other);
        }
    }

    /// Corrects the positions at an impact.
    fn prepare_impact(&mut self, impact: [u32; 2]) {
        self.constrain_contacts();
        for i in 0..self.island.bodies.len() {
            let body = &self.bodies[self.island.bodies[i]];
            self.island.push_body(body.kind, body.position(), body.velocity());
        }
        let movable = impact.map(|index| self.bodies[index].island_index);
        self.island.solve_toi_positions(movable, POSITION_ITERATIONS);
        for (index, i) in impact.into_iter().zip(movable) {
            let position = self.island.positions[i as usize];
            let sweep = &mut self.bodies[index].sweep;
            sweep.c0 = position.c;
            sweep.a0 = position.a;
        }
        self.island.prepare_contacts();
    }

    /// Ends the island: boxes move, times of impact of what moved are void, new contacts are made.
    pub(super) fn leave_impact(&mut self) {
        for i in 0..self.island.bodies.len() {
            let index = self.island.bodies[i];
            self.bodies[index].in_island = false;
            if !self.bodies[index].is_dynamic() {
                continue;
            }
            self.synchronize_fixtures(index, self.bodies[index].first_transform());
            let mut edge = self.bodies[index].contacts;
            while edge != NONE {
                let contact = &mut self.contacts[edge / 2];
                contact.has_toi = false;
                contact.in_island = false;
                edge = contact.body_links[edge as usize % 2].next;
            }
        }
        self.find_new_contacts();
    }
}
