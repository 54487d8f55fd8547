//! Fixtures: shapes fastened to bodies, with a surface and a filter.

use super::body::BodyId;
use super::shape::Shape;

/// Which fixture of a world; stays valid until its body is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FixtureId(pub(super) u32);

/// What a fixture collides with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What it is.
    pub category: u16,
    /// What it collides with: both must have a category in the other's mask.
    pub mask: u16,
    /// Fixtures of the same group collide always (positive) or never (negative), whatever their masks.
    pub group: i16,
}

impl Default for Filter {
    fn default() -> Self {
        Self { category: 1, mask: 0xffff, group: 0 }
    }
}

impl Filter {
    /// Whether fixtures with these two filters collide.
    pub(super) fn accepts(self, other: Self) -> bool {
        if self.group == other.group && self.group != 0 {
            return self.group > 0;
        }
        self.mask & other.category != 0 && self.category & other.mask != 0
    }
}

/// What a fixture is made from. Friction and density default to pybox2d's 0.2 and 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixtureDef {
    /// Its shape, in the body's frame.
    pub shape: Shape,
    /// Mass per area, kg/m².
    pub density: f32,
    /// Coulomb's coefficient; a contact has the geometric mean of two.
    pub friction: f32,
    /// Elasticity; a contact has the larger of two.
    pub restitution: f32,
    /// Whether it only reports what touches it.
    pub is_sensor: bool,
    /// What it collides with.
    pub filter: Filter,
    /// A number of the owner's.
    pub tag: u32,
}

impl FixtureDef {
    /// A fixture of a shape, with the defaults of everything else.
    pub fn new(shape: impl Into<Shape>) -> Self {
        Self {
            shape: shape.into(),
            density: 0.0,
            friction: 0.2,
            restitution: 0.0,
            is_sensor: false,
            filter: Filter::default(),
            tag: 0,
        }
    }
}

/// A fixture of a world.
#[derive(Clone, Debug)]
pub(super) struct Fixture {
    pub(super) shape: Shape,
    pub(super) body: BodyId,
    pub(super) density: f32,
    pub(super) friction: f32,
    pub(super) restitution: f32,
    pub(super) is_sensor: bool,
    pub(super) filter: Filter,
    pub(super) tag: u32,
    /// Leaf of the broad phase's tree.
    pub(super) proxy: u32,
    /// The body's next fixture.
    pub(super) next: u32,
}
