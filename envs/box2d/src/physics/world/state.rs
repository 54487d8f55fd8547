//! Saving and loading a world.

use slm_env::{StateError, StateReader, StateWriter};

use super::super::shape::{MAX_VERTICES, Shape};
use super::super::state::State;
use super::{NONE, Swept, World};

impl World {
    /// Writes everything, so that a loaded copy goes on bit for bit.
    pub fn save(&self, out: &mut StateWriter) {
        self.gravity.save(out);
        self.inv_dt.save(out);
        self.has_new_fixture.save(out);
        self.bodies.save(out);
        self.fixtures.save(out);
        self.joints.save(out);
        self.contacts.save(out);
        [self.body_list, self.contact_list].save(out);
        self.broad_phase.tree.save(out);
        self.broad_phase.moved.save(out);
        self.events.save(out);
        self.movers.save(out);
        self.advanced.save(out);
    }

    /// Takes over a saved world, ids included.
    ///
    /// # Errors
    /// When the bytes are not those of a world.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let mut world = Self::new(State::load(from)?);
        world.inv_dt = State::load(from)?;
        world.has_new_fixture = State::load(from)?;
        world.bodies = State::load(from)?;
        world.fixtures = State::load(from)?;
        world.joints = State::load(from)?;
        world.contacts = State::load(from)?;
        [world.body_list, world.contact_list] = State::load(from)?;
        world.broad_phase.tree = State::load(from)?;
        world.broad_phase.moved = State::load(from)?;
        world.events = State::load(from)?;
        world.movers = State::load(from)?;
        world.advanced = State::load(from)?;
        world.check()?;
        world.island = std::mem::take(&mut self.island);
        world.swept = std::mem::take(&mut self.swept);
        world.swept.resize(world.fixtures.items.len(), Swept::default());
        world.step_number = self.step_number;
        *self = world;
        Ok(())
    }

    /// Whether every number of a body, fixture, joint, contact or node is one of theirs.
    fn check(&self) -> Result<(), StateError> {
        self.check_bodies()?;
        self.check_fixtures()?;
        self.check_contacts()?;
        self.check_tree()
    }

    fn check_bodies(&self) -> Result<(), StateError> {
        let bodies = self.bodies.items.len();
        check([self.body_list].into_iter().chain(self.advanced.iter().copied()), bodies)?;
        check(self.movers.iter().copied(), bodies)?;
        check(self.bodies.free.iter().copied(), bodies)?;
        for body in &self.bodies.items {
            check([body.prev, body.next], bodies)?;
            check([body.fixtures], self.fixtures.items.len())?;
            check([body.contacts], 2 * self.contacts.items.len())?;
            check([body.joints], 2 * self.joints.items.len())?;
        }
        check(self.joints.free.iter().copied(), self.joints.items.len())?;
        for joint in &self.joints.items {
            check(joint.bodies(), bodies)?;
            for links in joint.body_links {
                check([links.prev, links.next], 2 * self.joints.items.len())?;
            }
        }
        Ok(())
    }

    fn check_fixtures(&self) -> Result<(), StateError> {
        let fixtures = self.fixtures.items.len();
        check(self.fixtures.free.iter().copied(), fixtures)?;
        for fixture in &self.fixtures.items {
            check([fixture.next], fixtures)?;
            check([fixture.body.0], self.bodies.items.len())?;
            check([fixture.proxy], self.broad_phase.tree.nodes.len())?;
            if let Shape::Polygon(polygon) = &fixture.shape {
                check([polygon.count], MAX_VERTICES + 1)?;
            }
        }
        Ok(())
    }

    fn check_contacts(&self) -> Result<(), StateError> {
        let contacts = self.contacts.items.len();
        check([self.contact_list].into_iter().chain(self.contacts.free.iter().copied()), contacts)?;
        for contact in &self.contacts.items {
            check(contact.fixtures, self.fixtures.items.len())?;
            check(contact.bodies, self.bodies.items.len())?;
            check([contact.links.prev, contact.links.next], contacts)?;
            check([contact.manifold.count], 3)?;
            for links in contact.body_links {
                check([links.prev, links.next], 2 * contacts)?;
            }
        }
        Ok(())
    }

    fn check_tree(&self) -> Result<(), StateError> {
        let (tree, moved) = (&self.broad_phase.tree, &self.broad_phase.moved);
        let nodes = tree.nodes.len();
        check([tree.root, tree.free].into_iter().chain(moved.iter().copied()), nodes)?;
        for node in &tree.nodes {
            check([node.parent].into_iter().chain(node.children), nodes)?;
            check([node.fixture], self.fixtures.items.len())?;
        }
        Ok(())
    }
}

/// Whether numbers are below a bound, or mean nothing.
fn check(numbers: impl IntoIterator<Item = u32>, bound: usize) -> Result<(), StateError> {
    match numbers.into_iter().find(|number| *number != NONE && *number as usize >= bound) {
        None => Ok(()),
        Some(found) => {
            Err(StateError::mismatch("a world", format!("a number below {bound}"), found))
        }
    }
}
