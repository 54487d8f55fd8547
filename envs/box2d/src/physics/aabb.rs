//! Boxes along the axes.

use super::math::{Vec2, max, min};

/// A box along the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Aabb {
    pub(super) lower: Vec2,
    pub(super) upper: Vec2,
}

impl Aabb {
    /// The smallest box around two.
    #[inline]
    pub(super) fn union(&self, other: &Self) -> Self {
        Self { lower: self.lower.min(other.lower), upper: self.upper.max(other.upper) }
    }

    /// The box with a margin around it.
    #[inline]
    pub(super) fn grown(&self, margin: f32) -> Self {
        let r = Vec2::new(margin, margin);
        Self { lower: self.lower - r, upper: self.upper + r }
    }

    #[inline]
    pub(super) fn perimeter(&self) -> f32 {
        let (width, height) = (self.upper.x - self.lower.x, self.upper.y - self.lower.y);
        2.0 * (width + height)
    }

    #[inline]
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.lower.x <= other.lower.x
            && self.lower.y <= other.lower.y
            && other.upper.x <= self.upper.x
            && other.upper.y <= self.upper.y
    }

    #[inline]
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let above = other.lower - self.upper;
        let below = self.lower - other.upper;
        above.x <= 0.0 && above.y <= 0.0 && below.x <= 0.0 && below.y <= 0.0
    }

    /// The box around the part of a segment from `p1` to the share `fraction` of the way to `p2`.
    #[inline]
    pub(super) fn of_segment(p1: Vec2, p2: Vec2, fraction: f32) -> Self {
        let end = p1 + fraction * (p2 - p1);
        Self {
            lower: Vec2::new(min(p1.x, end.x), min(p1.y, end.y)),
            upper: Vec2::new(max(p1.x, end.x), max(p1.y, end.y)),
        }
    }
}
