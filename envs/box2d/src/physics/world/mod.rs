//! The world: bodies, fixtures, joints and contacts.

mod access;
mod batch;
mod build;
mod contacts;
mod ray_cast;
mod state;
mod step;
mod swept;
mod toi;

use super::body::{Body, BodyId};
use super::broad_phase::BroadPhase;
use super::contact::Contact;
use super::fixture::{Fixture, FixtureId};
use super::island::Island;
use super::joint::Joint;
use super::math::Vec2;
use super::slab::Slab;
use step::Progress;
use swept::Swept;

pub use batch::Worlds;

/// The end of a list.
pub(super) const NONE: u32 = u32::MAX;

/// Two fixtures began or ceased to touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactEvent {
    /// Whether they began to.
    pub began: bool,
    /// The fixtures, in the contact's order.
    pub fixtures: [FixtureId; 2],
    /// Their bodies.
    pub bodies: [BodyId; 2],
}

/// A contact: two fixtures whose boxes overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactView {
    /// The fixtures, in the contact's order.
    pub fixtures: [FixtureId; 2],
    /// Their bodies.
    pub bodies: [BodyId; 2],
    /// Whether they touch.
    pub is_touching: bool,
}

/// Where a ray meets a fixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RayHit {
    /// The fixture.
    pub fixture: FixtureId,
    /// The point.
    pub point: Vec2,
    /// The fixture's normal there.
    pub normal: Vec2,
    /// Share of the way along the ray.
    pub fraction: f32,
}

/// Bodies, their fixtures and joints. Ids are of the world that gave them; one of something destroyed panics or
/// names its successor.
#[derive(Clone, Debug)]
pub struct World {
    gravity: Vec2,
    /// 1 / duration of the last step.
    inv_dt: f32,
    has_new_fixture: bool,
    bodies: Slab<Body>,
    fixtures: Slab<Fixture>,
    joints: Slab<Joint>,
    contacts: Slab<Contact>,
    /// Newest body and contact.
    body_list: u32,
    contact_list: u32,
    broad_phase: BroadPhase,
    events: Vec<ContactEvent>,
    /// Bodies that can move, newest first.
    movers: Vec<u32>,
    /// Static bodies whose sweep began to be advanced in the last search for impacts.
    advanced: Vec<u32>,
    island: Island,
    progress: Progress,
    /// By fixture its way in the step. Memory only: it says nothing between steps.
    swept: Vec<Swept>,
    /// Steps so far, those of a world before a reset or a load included.
    step_number: u64,
}
