//! The ground as the lidar sees it: its edges by place, so that a beam tries only those under it.

use super::terrain::{LENGTH, STEP};
use crate::physics::{Edge, Shape, Vec2, World};

/// Most obstacles that fit on the ground.
pub(super) const OBSTACLES: usize = 64;

/// Edges from left to right, and where the obstacles are.
pub(super) struct Ground {
    edges: [Segment; LENGTH - 1],
    /// Left and right end of each obstacle.
    obstacles: Vec<(f32, f32)>,
}

/// An edge with what a beam needs to know of it.
#[derive(Clone, Copy, Default)]
struct Segment {
    start: Vec2,
    way: Vec2,
    normal: Vec2,
    length_squared: f32,
}

impl Ground {
    pub(super) fn new() -> Self {
        Self { edges: [Segment::default(); LENGTH - 1], obstacles: Vec::with_capacity(OBSTACLES) }
    }

    /// Surveys the ground of a world, whose newest bodies, `own` many, are the walker's.
    pub(super) fn survey(&mut self, world: &World, own: usize) {
        self.obstacles.clear();
        // Bodies come newest first, so edges from the right end, and then the obstacles.
        let mut slots = self.edges.iter_mut().rev();
        for fixture in world.bodies().skip(own).filter_map(|body| world.fixtures(body).next()) {
            match world.shape(fixture) {
                Shape::Edge(edge) => {
                    if let Some(slot) = slots.next() {
                        *slot = Segment::new(edge);
                    }
                }
                Shape::Polygon(polygon) => {
                    let xs = polygon.vertices().iter().map(|vertex| vertex.x);
                    self.obstacles.push(
                        xs.fold((f32::INFINITY, -f32::INFINITY), |(l, r), x| (l.min(x), r.max(x))),
                    );
                }
                Shape::Circle(_) => {}
            }
        }
    }

    /// Whether an obstacle reaches between two places.
    pub(super) fn has_obstacle(&self, left: f32, right: f32) -> bool {
        self.obstacles.iter().any(|&(from, to)| from <= right && left <= to)
    }

    /// Share of the way to the right, or straight down, at which a beam first meets an edge; 1 where it does not.
    pub(super) fn meet(&self, from: Vec2, to: Vec2) -> f32 {
        const MARGIN: f32 = 0.1;
        let way = to - from;
        let first = (f64::from(from.x) / STEP) as usize;
        let mut nearest = 1.0;
        for edge in &self.edges[first.saturating_sub(1).min(LENGTH - 1)..] {
            if edge.start.x > from.x + nearest * way.x + MARGIN {
                break;
            }
            if let Some(share) = edge.meet(from, way) {
                nearest = share.min(nearest);
            }
        }
        nearest
    }
}

impl Segment {
    fn new(edge: &Edge) -> Self {
        let [start, end] = edge.vertices;
        let way = end - start;
        let normal = (1.0 / way.length()) * Vec2::new(way.y, -way.x);
        Self { start, way, normal, length_squared: way.length_squared() }
    }

    /// Box2D's ray cast against an edge.
    #[inline]
    fn meet(&self, from: Vec2, way: Vec2) -> Option<f32> {
        let facing = self.normal.dot(way);
        if facing == 0.0 {
            return None;
        }
        let share = self.normal.dot(self.start - from) / facing;
        if !(0.0..=1.0).contains(&share) {
            return None;
        }
        let at = from + share * way - self.start;
        let along = at.dot(self.way) / self.length_squared;
        (0.0..=1.0).contains(&along).then_some(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Level ground at height 3.
    fn level() -> Ground {
        let mut ground = Ground::new();
        for (i, edge) in ground.edges.iter_mut().enumerate() {
            let [start, end] = [i, i + 1].map(|i| Vec2::new((i as f64 * STEP) as f32, 3.0));
            *edge = Segment::new(&Edge::new(start, end));
        }
        ground
    }

    #[test]
    fn a_beam_straight_down_meets_the_ground_at_its_height() {
        let share = level().meet(Vec2::new(10.0, 4.0), Vec2::new(10.0, 0.0));
        assert_eq!(share, 0.25);
    }

    #[test]
    fn a_beam_that_ends_above_the_ground_or_starts_behind_its_end_meets_nothing() {
        let ground = level();
        assert_eq!(ground.meet(Vec2::new(10.0, 8.0), Vec2::new(13.0, 4.0)), 1.0);
        assert_eq!(ground.meet(Vec2::new(200.0, 4.0), Vec2::new(203.0, 0.0)), 1.0);
    }
}
