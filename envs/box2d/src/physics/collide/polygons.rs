//! Polygons with polygons.

use super::super::manifold::{CORNER, Manifold, ManifoldKind, SIDE};
use super::super::math::{Transform, Vec2};
use super::super::settings::POLYGON_RADIUS;
use super::super::shape::Polygon;
use super::clip::{ClipVertex, clip};

/// A polygon in its frame.
#[derive(Clone, Copy)]
struct Placed<'a> {
    polygon: &'a Polygon,
    xf: Transform,
}

pub(super) fn collide(a: &Polygon, xf_a: Transform, b: &Polygon, xf_b: Transform) -> Manifold {
    const RADIUS: f32 = POLYGON_RADIUS + POLYGON_RADIUS;
    let (a, b) = (Placed { polygon: a, xf: xf_a }, Placed { polygon: b, xf: xf_b });
    let (side_a, separation_a) = a.max_separation(b);
    if separation_a > RADIUS {
        return Manifold::default();
    }
    let (side_b, separation_b) = b.max_separation(a);
    if separation_b > RADIUS {
        return Manifold::default();
    }
    // The second is the reference only if clearly the better, so that it does not alternate.
    if separation_b > 0.98 * separation_a + 0.001 {
        let mut manifold = clip_against(b, side_b, a, RADIUS);
        manifold.kind = ManifoldKind::FaceB;
        for point in &mut manifold.points {
            point.id = [point.id[1], point.id[0], point.id[3], point.id[2]];
        }
        return manifold;
    }
    clip_against(a, side_a, b, RADIUS)
}

impl Placed<'_> {
    /// How far another polygon lies outside a side; negative inside.
    fn separation(self, side: usize, other: Self) -> f32 {
        let normal = self.xf.q.apply(self.polygon.normals()[side]);
        let local = other.xf.q.apply_inverse(normal);
        let corners = other.polygon.vertices();
        let deepest = lowest(corners.iter().map(|corner| corner.dot(local)));
        let v1 = self.xf.apply(self.polygon.vertices()[side]);
        let v2 = other.xf.apply(corners[deepest]);
        (v2 - v1).dot(normal)
    }

    /// The side that separates most, by a walk from the side that faces the other's centroid.
    fn max_separation(self, other: Self) -> (usize, f32) {
        let count = self.polygon.count as usize;
        let (next, last) =
            (|i: usize| if i + 1 < count { i + 1 } else { 0 }, |i: usize| (i + count - 1) % count);
        let to_other =
            other.xf.apply(other.polygon.centroid) - self.xf.apply(self.polygon.centroid);
        let local = self.xf.q.apply_inverse(to_other);
        let start = lowest(self.polygon.normals().iter().map(|normal| -normal.dot(local)));
        let here = self.separation(start, other);
        let before = self.separation(last(start), other);
        let after = self.separation(next(start), other);
        if before > here && before > after {
            self.walk(last(start), before, other, last)
        } else if after > here {
            self.walk(next(start), after, other, next)
        } else {
            (start, here)
        }
    }

    /// Goes on from side to side while they separate more.
    fn walk(
        self,
        mut side: usize,
        mut separation: f32,
        other: Self,
        onward: impl Fn(usize) -> usize,
    ) -> (usize, f32) {
        loop {
            let candidate = onward(side);
            let further = self.separation(candidate, other);
            if further > separation {
                (side, separation) = (candidate, further);
            } else {
                return (side, separation);
            }
        }
    }
}

/// The part of the incident polygon's nearest side that lies between the ends of the reference polygon's side.
fn clip_against(reference: Placed<'_>, side: usize, incident: Placed<'_>, radius: f32) -> Manifold {
    let none = Manifold::default();
    let corners = reference.polygon.vertices();
    let next = if side + 1 < corners.len() { side + 1 } else { 0 };
    let (v11, v12) = (corners[side], corners[next]);
    let local_tangent = (v12 - v11).normalized();
    let tangent = reference.xf.q.apply(local_tangent);
    let normal = tangent.cross_scalar(1.0);
    let (w11, w12) = (reference.xf.apply(v11), reference.xf.apply(v12));
    let front = normal.dot(w11);
    let segment = incident_side(reference, side, incident);
    let Some(segment) = clip(&segment, -tangent, -tangent.dot(w11) + radius, side) else {
        return none;
    };
    let Some(segment) = clip(&segment, tangent, tangent.dot(w12) + radius, next) else {
        return none;
    };
    let mut manifold = Manifold {
        kind: ManifoldKind::FaceA,
        local_normal: local_tangent.cross_scalar(1.0),
        local_point: 0.5 * (v11 + v12),
        ..none
    };
    for end in segment {
        if normal.dot(end.v) - front <= radius {
            manifold.push(incident.xf.apply_inverse(end.v), end.id);
        }
    }
    manifold
}

/// The side of the incident polygon that faces the reference polygon's side most.
fn incident_side(reference: Placed<'_>, side: usize, incident: Placed<'_>) -> [ClipVertex; 2] {
    let world: Vec2 = reference.xf.q.apply(reference.polygon.normals()[side]);
    let normal = incident.xf.q.apply_inverse(world);
    let i1 = lowest(incident.polygon.normals().iter().map(|other| normal.dot(*other)));
    let corners = incident.polygon.vertices();
    let i2 = if i1 + 1 < corners.len() { i1 + 1 } else { 0 };
    [i1, i2].map(|i| ClipVertex {
        v: incident.xf.apply(corners[i]),
        id: [side as u8, i as u8, SIDE, CORNER],
    })
}

/// Where the smallest of several numbers is; the first of equal ones.
fn lowest(numbers: impl Iterator<Item = f32>) -> usize {
    let (mut index, mut least) = (0, f32::MAX);
    for (i, number) in numbers.enumerate() {
        if number < least {
            (index, least) = (i, number);
        }
    }
    index
}
