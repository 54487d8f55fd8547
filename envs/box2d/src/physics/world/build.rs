//! Building a world and taking it down.

use super::super::body::{Body, BodyDef, BodyId, BodyType};
use super::super::fixture::{Fixture, FixtureDef, FixtureId};
use super::super::joint::{Joint, JointId, RevoluteJointDef};
use super::super::math::{Vec2, cross};
use super::super::slab::Slab;
use super::{NONE, Swept, World};

impl World {
    /// A world without bodies. Gravity in m/s².
    pub fn new(gravity: Vec2) -> Self {
        Self {
            gravity,
            inv_dt: 0.0,
            has_new_fixture: false,
            bodies: Slab::default(),
            fixtures: Slab::default(),
            joints: Slab::default(),
            contacts: Slab::default(),
            body_list: NONE,
            contact_list: NONE,
            broad_phase: super::BroadPhase::default(),
            events: Vec::new(),
            movers: Vec::new(),
            advanced: Vec::new(),
            island: super::Island::default(),
            progress: super::Progress::default(),
            swept: Vec::new(),
            step_number: 0,
        }
    }

    /// Takes memory for so many fixtures (and as many bodies) and contacts, so that building and stepping need none.
    pub fn reserve(&mut self, fixtures: usize, contacts: usize) {
        self.bodies.reserve(fixtures);
        self.fixtures.reserve(fixtures);
        self.swept.reserve(fixtures);
        self.contacts.reserve(contacts);
        self.broad_phase.reserve(fixtures);
        self.events.reserve(2 * contacts);
        self.movers.reserve(contacts);
        self.advanced.reserve(contacts);
        self.island.reserve(contacts);
    }

    /// Empties the world and forgets everything but its memory: what follows is as in a new world.
    pub fn reset(&mut self, gravity: Vec2) {
        self.gravity = gravity;
        self.inv_dt = 0.0;
        self.has_new_fixture = false;
        self.bodies.clear();
        self.fixtures.clear();
        self.joints.clear();
        self.contacts.clear();
        self.body_list = NONE;
        self.contact_list = NONE;
        self.broad_phase.clear();
        self.events.clear();
        self.movers.clear();
        self.advanced.clear();
    }

    /// Adds a body without fixtures.
    pub fn create_body(&mut self, def: &BodyDef) -> BodyId {
        let mut body = Body::new(def);
        body.next = self.body_list;
        let id = self.bodies.insert(body);
        if self.body_list != NONE {
            self.bodies[self.body_list].prev = id;
        }
        self.body_list = id;
        if def.kind != BodyType::Static {
            self.movers.insert(0, id);
        }
        BodyId(id)
    }

    /// Removes a body with its joints, contacts and fixtures. What touched it is reported as an event.
    pub fn destroy_body(&mut self, body: BodyId) {
        while self.bodies[body.0].joints != NONE {
            self.destroy_joint(JointId(self.bodies[body.0].joints / 2));
        }
        while self.bodies[body.0].contacts != NONE {
            self.destroy_contact(self.bodies[body.0].contacts / 2);
        }
        let mut fixture = self.bodies[body.0].fixtures;
        while fixture != NONE {
            let Fixture { next, proxy, .. } = self.fixtures[fixture];
            self.broad_phase.remove(proxy);
            self.fixtures.remove(fixture);
            fixture = next;
        }
        let Body { prev, next, .. } = self.bodies[body.0];
        if prev == NONE {
            self.body_list = next;
        } else {
            self.bodies[prev].next = next;
        }
        if next != NONE {
            self.bodies[next].prev = prev;
        }
        self.movers.retain(|mover| *mover != body.0);
        self.advanced.retain(|advanced| *advanced != body.0);
        self.bodies.remove(body.0);
    }

    /// Fastens a fixture to a body and takes its mass into account.
    pub fn create_fixture(&mut self, body: BodyId, def: &FixtureDef) -> FixtureId {
        let owner = &self.bodies[body.0];
        let aabb = def.shape.aabb(owner.transform);
        let id = self.fixtures.insert(Fixture {
            shape: def.shape,
            body,
            density: def.density,
            friction: def.friction,
            restitution: def.restitution,
            is_sensor: def.is_sensor,
            filter: def.filter,
            tag: def.tag,
            proxy: NONE,
            next: owner.fixtures,
        });
        self.swept.resize(self.fixtures.items.len(), Swept::default());
        self.bodies[body.0].fixtures = id;
        self.fixtures[id].proxy = self.broad_phase.insert(&aabb, id);
        if def.density > 0.0 {
            self.reset_mass(body.0);
        }
        self.has_new_fixture = true;
        FixtureId(id)
    }

    /// What a joint of two bodies is made from, by default: free to turn, pinned at their origins, with its zero at
    /// their present angle (as pybox2d's `revoluteJointDef` without `referenceAngle` has it).
    pub fn revolute_joint_def(&self, body_a: BodyId, body_b: BodyId) -> RevoluteJointDef {
        RevoluteJointDef {
            body_a,
            body_b,
            local_anchor_a: Vec2::ZERO,
            local_anchor_b: Vec2::ZERO,
            reference_angle: self.angle(body_b) - self.angle(body_a),
            enable_limit: false,
            lower_angle: 0.0,
            upper_angle: 0.0,
            enable_motor: false,
            motor_speed: 0.0,
            max_motor_torque: 0.0,
            collide_connected: false,
        }
    }

    /// Pins two bodies together. Wakes neither.
    pub fn create_revolute_joint(&mut self, def: &RevoluteJointDef) -> JointId {
        let id = self.joints.insert(Joint::new(def));
        for side in 0..2 {
            let body = self.joints[id].bodies()[side as usize];
            let head = self.bodies[body].joints;
            self.joints[id].body_links[side as usize].next = head;
            if head != NONE {
                self.joints[head / 2].body_links[head as usize % 2].prev = 2 * id + side;
            }
            self.bodies[body].joints = 2 * id + side;
        }
        if !def.collide_connected {
            self.ask_filters_again(def.body_a.0, def.body_b.0);
        }
        JointId(id)
    }

    /// Removes a joint and wakes its bodies.
    pub fn destroy_joint(&mut self, joint: JointId) {
        let Joint { def, body_links, .. } = self.joints[joint.0];
        for (body, links) in [def.body_a.0, def.body_b.0].into_iter().zip(body_links) {
            self.bodies[body].wake();
            if links.prev == NONE {
                self.bodies[body].joints = links.next;
            } else {
                let before = &mut self.joints[links.prev / 2];
                before.body_links[links.prev as usize % 2].next = links.next;
            }
            if links.next != NONE {
                let after = &mut self.joints[links.next / 2];
                after.body_links[links.next as usize % 2].prev = links.prev;
            }
        }
        self.joints.remove(joint.0);
        if !def.collide_connected {
            self.ask_filters_again(def.body_a.0, def.body_b.0);
        }
    }

    /// Sums the masses of a body's fixtures.
    fn reset_mass(&mut self, index: u32) {
        let Self { bodies, fixtures, .. } = self;
        let body = &mut bodies[index];
        (body.mass, body.inv_mass, body.inertia, body.inv_inertia) = (0.0, 0.0, 0.0, 0.0);
        body.sweep.local_center = Vec2::ZERO;
        if body.kind != BodyType::Dynamic {
            body.sweep.c0 = body.transform.p;
            body.sweep.c = body.transform.p;
            body.sweep.a0 = body.sweep.a;
            return;
        }
        let mut center = Vec2::ZERO;
        let mut next = body.fixtures;
        while next != NONE {
            let fixture = &fixtures[next];
            if fixture.density != 0.0 {
                let data = fixture.shape.mass(fixture.density);
                body.mass += data.mass;
                center += data.mass * data.center;
                body.inertia += data.inertia;
            }
            next = fixture.next;
        }
        body.take_mass(center);
    }
}

impl Body {
    /// Finishes the sums of mass, first and second moment.
    fn take_mass(&mut self, mut center: Vec2) {
        if self.mass > 0.0 {
            self.inv_mass = 1.0 / self.mass;
            center *= self.inv_mass;
        } else {
            (self.mass, self.inv_mass) = (1.0, 1.0);
        }
        if self.inertia > 0.0 && !self.fixed_rotation {
            self.inertia -= self.mass * center.dot(center);
            self.inv_inertia = 1.0 / self.inertia;
        } else {
            (self.inertia, self.inv_inertia) = (0.0, 0.0);
        }
        let old = self.sweep.c;
        self.sweep.local_center = center;
        self.sweep.c = self.transform.apply(center);
        self.sweep.c0 = self.sweep.c;
        self.linear_velocity += cross(self.angular_velocity, self.sweep.c - old);
    }
}
