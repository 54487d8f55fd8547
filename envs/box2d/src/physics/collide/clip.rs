//! Clipping of a segment to a half-plane.

use super::super::manifold::{CORNER, FeatureId, SIDE};
use super::super::math::Vec2;

/// An end of a clipped segment.
#[derive(Clone, Copy)]
pub(super) struct ClipVertex {
    pub(super) v: Vec2,
    pub(super) id: FeatureId,
}

/// What is left of a segment on the side of a line where `normal · v ≤ offset`, unless it is less than a segment.
/// A new end has the features corner `corner` of the first shape, and the side that the segment's first end has.
pub(super) fn clip(
    segment: &[ClipVertex; 2],
    normal: Vec2,
    offset: f32,
    corner: usize,
) -> Option<[ClipVertex; 2]> {
    let [first, second] = *segment;
    let distance0 = normal.dot(first.v) - offset;
    let distance1 = normal.dot(second.v) - offset;
    if distance0 <= 0.0 && distance1 <= 0.0 {
        return Some(*segment);
    }
    if distance0 * distance1 >= 0.0 {
        return None;
    }
    let share = distance0 / (distance0 - distance1);
    let cut = ClipVertex {
        v: first.v + share * (second.v - first.v),
        id: [corner as u8, first.id[1], CORNER, SIDE],
    };
    match (distance0 <= 0.0, distance1 <= 0.0) {
        (true, _) => Some([first, cut]),
        (_, true) => Some([second, cut]),
        _ => None,
    }
}
