//! Edges with polygons.

use super::super::manifold::{CORNER, Manifold, ManifoldKind, SIDE};
use super::super::math::{Transform, Vec2, min};
use super::super::settings::{ANGULAR_SLOP, POLYGON_RADIUS};
use super::super::shape::{Edge, MAX_VERTICES, Polygon};
use super::clip::{ClipVertex, clip};

const RADIUS: f32 = 2.0 * POLYGON_RADIUS;

/// The polygon in the edge's frame.
struct LocalPolygon {
    count: usize,
    vertices: [Vec2; MAX_VERTICES],
    normals: [Vec2; MAX_VERTICES],
}

/// The side that clips the other shape's.
struct Reference {
    corners: [usize; 2],
    v1: Vec2,
    v2: Vec2,
    normal: Vec2,
}

pub(super) fn collide(a: &Edge, xf_a: Transform, b: &Polygon, xf_b: Transform) -> Manifold {
    let none = Manifold::default();
    let xf = xf_a.relative(xf_b);
    let [v1, v2] = a.vertices;
    let along = (v2 - v1).normalized();
    let right = Vec2::new(along.y, -along.x);
    let is_front = right.dot(xf.apply(b.centroid) - v1) >= 0.0;
    let normal = if is_front { right } else { -right };
    let Some((local, edge_separation)) = LocalPolygon::near(b, xf, v1, normal) else {
        return none;
    };
    let Some((side, separation)) = local.best_side(v1, v2, normal) else {
        return none;
    };
    // A side of the polygon is the reference only if clearly the better, so that it does not alternate.
    let is_polygon = side.is_some() && separation > 0.98 * edge_separation + 0.001;
    match side {
        Some(side) if is_polygon => against_polygon(a, b, &local, side),
        _ => against_edge(a, is_front, normal, &local, xf),
    }
}

impl LocalPolygon {
    /// The polygon in the edge's frame and how far it lies outside the edge, unless that is too far to touch.
    fn near(b: &Polygon, xf: Transform, v1: Vec2, normal: Vec2) -> Option<(Self, f32)> {
        let mut local = Self {
            count: b.count as usize,
            vertices: [Vec2::ZERO; MAX_VERTICES],
            normals: [Vec2::ZERO; MAX_VERTICES],
        };
        let mut separation = f32::MAX;
        for (out, v) in local.vertices.iter_mut().zip(b.vertices()) {
            *out = xf.apply(*v);
            separation = min(normal.dot(*out - v1), separation);
        }
        if separation > RADIUS {
            return None;
        }
        for (out, n) in local.normals.iter_mut().zip(b.normals()) {
            *out = xf.q.apply(*n);
        }
        Some((local, separation))
    }

    /// The polygon's side that separates it most from the edge, among those that face the edge; nothing at all if one
    /// keeps the two apart.
    fn best_side(&self, v1: Vec2, v2: Vec2, normal: Vec2) -> Option<(Option<usize>, f32)> {
        let (mut best, mut separation) = (None, -f32::MAX);
        for i in 0..self.count {
            let n = -self.normals[i];
            let v = self.vertices[i];
            let s = min(n.dot(v - v1), n.dot(v - v2));
            if s > RADIUS {
                return None;
            }
            if (n + normal).dot(normal) >= -ANGULAR_SLOP && s > separation {
                (best, separation) = (Some(i), s);
            }
        }
        Some((best, separation))
    }

    fn next(&self, i: usize) -> usize {
        if i + 1 < self.count { i + 1 } else { 0 }
    }
}

/// The polygon's side that faces the edge, clipped by the edge's ends.
fn against_edge(
    a: &Edge,
    is_front: bool,
    normal: Vec2,
    local: &LocalPolygon,
    xf: Transform,
) -> Manifold {
    let mut facing = 0;
    let mut least = normal.dot(local.normals[0]);
    for i in 1..local.count {
        let value = normal.dot(local.normals[i]);
        if value < least {
            (facing, least) = (i, value);
        }
    }
    let segment = [facing, local.next(facing)]
        .map(|i| ClipVertex { v: local.vertices[i], id: [0, i as u8, SIDE, CORNER] });
    let corners = if is_front { [0, 1] } else { [1, 0] };
    let [v1, v2] = corners.map(|i| a.vertices[i]);
    let reference = Reference { corners, v1, v2, normal };
    let mut manifold = Manifold {
        kind: ManifoldKind::FaceA,
        local_normal: normal,
        local_point: v1,
        ..Manifold::default()
    };
    for end in reference.clip(&segment).into_iter().flatten() {
        if reference.touches(end) {
            manifold.push(xf.apply_inverse(end.v), end.id);
        }
    }
    manifold
}

/// The edge, clipped by the ends of a side of the polygon.
fn against_polygon(a: &Edge, b: &Polygon, local: &LocalPolygon, side: usize) -> Manifold {
    let segment = a.vertices.map(|v| ClipVertex { v, id: [0, side as u8, CORNER, SIDE] });
    let next = local.next(side);
    let reference = Reference {
        corners: [side, next],
        v1: local.vertices[side],
        v2: local.vertices[next],
        normal: local.normals[side],
    };
    let mut manifold = Manifold {
        kind: ManifoldKind::FaceB,
        local_normal: b.normals[side],
        local_point: b.vertices[side],
        ..Manifold::default()
    };
    for end in reference.clip(&segment).into_iter().flatten() {
        if reference.touches(end) {
            manifold.push(end.v, [end.id[1], end.id[0], end.id[3], end.id[2]]);
        }
    }
    manifold
}

impl Reference {
    fn clip(&self, segment: &[ClipVertex; 2]) -> Option<[ClipVertex; 2]> {
        let outward = Vec2::new(self.normal.y, -self.normal.x);
        let segment = clip(segment, outward, outward.dot(self.v1), self.corners[0])?;
        clip(&segment, -outward, (-outward).dot(self.v2), self.corners[1])
    }

    fn touches(&self, end: ClipVertex) -> bool {
        self.normal.dot(end.v - self.v1) <= RADIUS
    }
}
