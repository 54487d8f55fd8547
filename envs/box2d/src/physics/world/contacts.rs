//! Contacts: found where boxes overlap, updated while they do, destroyed when they cease to.

use super::super::body::{Body, BodyId};
use super::super::collide::{collide, do_collide, is_in_order};
use super::super::contact::{Contact, Links};
use super::super::distance::overlap;
use super::super::fixture::FixtureId;
use super::super::manifold::Manifold;
use super::{ContactEvent, ContactView, NONE, World};

impl World {
    /// What began and ceased to touch since the last step began, bodies destroyed after it included.
    pub fn events(&self) -> &[ContactEvent] {
        &self.events
    }

    /// Every contact, newest first.
    pub fn contacts(&self) -> impl Iterator<Item = ContactView> + '_ {
        let mut next = self.contact_list;
        std::iter::from_fn(move || {
            let contact = (next != NONE).then(|| &self.contacts[next])?;
            next = contact.links.next;
            Some(ContactView {
                fixtures: contact.fixtures.map(FixtureId),
                bodies: contact.bodies.map(BodyId),
                is_touching: contact.is_touching,
            })
        })
    }

    /// Adds the contacts of fixtures that came near each other.
    pub(super) fn find_new_contacts(&mut self) {
        if self.broad_phase.moved.is_empty() {
            return;
        }
        for i in 0..self.broad_phase.find_pairs() {
            let (a, b) = self.broad_phase.pair(i);
            self.add_pair(a, b);
        }
    }

    fn add_pair(&mut self, a: u32, b: u32) {
        let bodies = [a, b].map(|fixture| self.fixtures[fixture].body.0);
        if bodies[0] == bodies[1] || !self.should_collide(bodies) || !self.do_filters_accept(a, b) {
            return;
        }
        if self.has_contact(bodies, [a, b]) {
            return;
        }
        let (shape_a, shape_b) = (&self.fixtures[a].shape, &self.fixtures[b].shape);
        if do_collide(shape_a, shape_b) {
            let is_in_order = is_in_order(shape_a, shape_b);
            self.insert_contact(if is_in_order { [a, b] } else { [b, a] });
        }
    }

    /// Whether two fixtures have a contact already.
    fn has_contact(&self, bodies: [u32; 2], fixtures: [u32; 2]) -> bool {
        let mut edge = self.bodies[bodies[1]].contacts;
        while edge != NONE {
            let contact = &self.contacts[edge / 2];
            if contact.fixtures == fixtures || contact.fixtures == [fixtures[1], fixtures[0]] {
                return true;
            }
            edge = contact.body_links[edge as usize % 2].next;
        }
        false
    }

    fn insert_contact(&mut self, fixtures: [u32; 2]) {
        let mut contact = Contact::new(fixtures, fixtures.map(|i| &self.fixtures[i]));
        contact.links.next = self.contact_list;
        let (bodies, has_sensor) = (contact.bodies, contact.has_sensor);
        let id = self.contacts.insert(contact);
        if self.contact_list != NONE {
            self.contacts[self.contact_list].links.prev = id;
        }
        self.contact_list = id;
        for (side, body) in (0..2).zip(bodies) {
            let head = self.bodies[body].contacts;
            self.contacts[id].body_links[side as usize].next = head;
            if head != NONE {
                self.contacts[head / 2].body_links[head as usize % 2].prev = 2 * id + side;
            }
            self.bodies[body].contacts = 2 * id + side;
            if !has_sensor {
                self.bodies[body].wake();
            }
        }
    }

    pub(super) fn destroy_contact(&mut self, id: u32) {
        let Contact { fixtures, bodies, links, body_links, is_touching, has_sensor, .. } =
            self.contacts[id];
        if is_touching {
            self.report(false, fixtures, bodies);
        }
        let Links { prev, next } = links;
        if prev == NONE {
            self.contact_list = next;
        } else {
            self.contacts[prev].links.next = next;
        }
        if next != NONE {
            self.contacts[next].links.prev = prev;
        }
        let wakes = self.contacts[id].manifold.count > 0 && !has_sensor;
        for (body, Links { prev, next }) in bodies.into_iter().zip(body_links) {
            if prev == NONE {
                self.bodies[body].contacts = next;
            } else {
                self.contacts[prev / 2].body_links[prev as usize % 2].next = next;
            }
            if next != NONE {
                self.contacts[next / 2].body_links[next as usize % 2].prev = prev;
            }
            if wakes {
                self.bodies[body].wake();
            }
        }
        self.contacts.remove(id);
    }

    /// Has the contacts of two bodies filtered again at the next step.
    pub(super) fn ask_filters_again(&mut self, body_a: u32, body_b: u32) {
        let mut edge = self.bodies[body_b].contacts;
        while edge != NONE {
            let contact = &mut self.contacts[edge / 2];
            let side = edge as usize % 2;
            contact.needs_filter |= contact.bodies[1 - side] == body_a;
            edge = contact.body_links[side].next;
        }
    }

    /// Updates every contact of a body that may move, and destroys those whose boxes are apart.
    pub(super) fn collide(&mut self) {
        let mut id = self.contact_list;
        while id != NONE {
            let contact = &mut self.contacts[id];
            let next = contact.links.next;
            let (bodies, [a, b]) = (contact.bodies, contact.fixtures);
            if contact.needs_filter {
                contact.needs_filter = false;
                if !self.should_collide(bodies) || !self.do_filters_accept(a, b) {
                    self.destroy_contact(id);
                    id = next;
                    continue;
                }
            }
            if bodies.iter().any(|body| self.bodies[*body].is_active()) {
                let [box_a, box_b] =
                    [a, b].map(|i| self.broad_phase.tree.aabb(self.fixtures[i].proxy));
                if box_a.overlaps(box_b) {
                    self.update_contact(id);
                } else {
                    self.destroy_contact(id);
                }
            }
            id = next;
        }
    }

    /// Finds where two fixtures touch now.
    pub(super) fn update_contact(&mut self, id: u32) {
        let Self { contacts, fixtures, bodies, .. } = self;
        let contact = &mut contacts[id];
        let [a, b] = contact.fixtures.map(|i| &fixtures[i].shape);
        let [xf_a, xf_b] = contact.bodies.map(|i| bodies[i].transform);
        let was_touching = contact.is_touching;
        contact.is_enabled = true;
        if contact.has_sensor {
            contact.is_touching = overlap(a, xf_a, b, xf_b);
            contact.manifold = Manifold::default();
        } else {
            let mut manifold = collide(a, xf_a, b, xf_b);
            manifold.carry_impulses(&contact.manifold);
            contact.manifold = manifold;
            contact.is_touching = manifold.count > 0;
        }
        if contact.is_touching != was_touching {
            if !contact.has_sensor {
                contact.bodies.iter().for_each(|body| bodies[*body].wake());
            }
            let Contact { is_touching, fixtures, bodies, .. } = *contact;
            self.report(is_touching, fixtures, bodies);
        }
    }

    fn report(&mut self, began: bool, fixtures: [u32; 2], bodies: [u32; 2]) {
        let event =
            ContactEvent { began, fixtures: fixtures.map(FixtureId), bodies: bodies.map(BodyId) };
        self.events.push(event);
    }

    /// Whether one of two bodies is moved by forces, and no joint keeps them from colliding.
    fn should_collide(&self, [a, b]: [u32; 2]) -> bool {
        let is_dynamic = |body: u32| self.bodies[body].is_dynamic();
        if !is_dynamic(a) && !is_dynamic(b) {
            return false;
        }
        let Body { joints: mut edge, .. } = self.bodies[b];
        while edge != NONE {
            let joint = &self.joints[edge / 2];
            let side = edge as usize % 2;
            if joint.bodies()[1 - side] == a && !joint.def.collide_connected {
                return false;
            }
            edge = joint.body_links[side].next;
        }
        true
    }

    fn do_filters_accept(&self, a: u32, b: u32) -> bool {
        self.fixtures[a].filter.accepts(self.fixtures[b].filter)
    }
}
