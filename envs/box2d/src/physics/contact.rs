//! Contacts: pairs of fixtures whose boxes overlap.

use super::fixture::Fixture;
use super::manifold::Manifold;
use super::math::max;
use super::world::NONE;

/// Neighbors in a list. The place of a contact or joint in a body's list is twice its number, and one more if the body
/// is its second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    pub(super) prev: u32,
    pub(super) next: u32,
}

impl Links {
    pub(super) const ALONE: Self = Self { prev: NONE, next: NONE };
}

impl Default for Links {
    fn default() -> Self {
        Self::ALONE
    }
}

/// A contact of a world.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent properties")]
pub(super) struct Contact {
    pub(super) in_island: bool,
    pub(super) is_touching: bool,
    pub(super) is_enabled: bool,
    /// Whether the filters are to be asked again.
    pub(super) needs_filter: bool,
    pub(super) has_sensor: bool,
    /// Whether `toi` is of this step and these motions.
    pub(super) has_toi: bool,
    pub(super) toi: f32,
    pub(super) toi_count: u32,
    pub(super) fixtures: [u32; 2],
    pub(super) bodies: [u32; 2],
    /// Neighbors in the world's list, and in the lists of the two bodies.
    pub(super) links: Links,
    pub(super) body_links: [Links; 2],
    pub(super) friction: f32,
    pub(super) restitution: f32,
    pub(super) manifold: Manifold,
}

impl Contact {
    pub(super) fn new(fixtures: [u32; 2], [a, b]: [&Fixture; 2]) -> Self {
        Self {
            in_island: false,
            is_touching: false,
            is_enabled: true,
            needs_filter: false,
            has_sensor: a.is_sensor || b.is_sensor,
            has_toi: false,
            toi: 1.0,
            toi_count: 0,
            fixtures,
            bodies: [a.body.0, b.body.0],
            links: Links::ALONE,
            body_links: [Links::ALONE; 2],
            friction: (a.friction * b.friction).sqrt(),
            restitution: max(a.restitution, b.restitution),
            manifold: Manifold::default(),
        }
    }
}
