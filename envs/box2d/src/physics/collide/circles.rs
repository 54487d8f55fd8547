//! Circles with circles, polygons and edges.

use super::super::manifold::{CORNER, Manifold, ManifoldKind, SIDE};
use super::super::math::{EPSILON, Transform, Vec2};
use super::super::settings::POLYGON_RADIUS;
use super::super::shape::{Circle, Edge, Polygon};

pub(super) fn circle_circle(a: &Circle, xf_a: Transform, b: &Circle, xf_b: Transform) -> Manifold {
    let apart = xf_b.apply(b.center) - xf_a.apply(a.center);
    let radius = a.radius + b.radius;
    if apart.dot(apart) > radius * radius {
        return Manifold::default();
    }
    Manifold::single(ManifoldKind::Circles, Vec2::ZERO, a.center, b.center, [0; 4])
}

pub(super) fn polygon_circle(
    a: &Polygon,
    xf_a: Transform,
    b: &Circle,
    xf_b: Transform,
) -> Manifold {
    let center = xf_a.apply_inverse(xf_b.apply(b.center));
    let radius = POLYGON_RADIUS + b.radius;
    let Some((side, separation)) = nearest_side(a, center, radius) else {
        return Manifold::default();
    };
    let face =
        |normal, point| Manifold::single(ManifoldKind::FaceA, normal, point, b.center, [0; 4]);
    let (vertices, normal) = (a.vertices(), a.normals()[side]);
    let (v1, v2) = (vertices[side], vertices[(side + 1) % vertices.len()]);
    let middle = 0.5 * (v1 + v2);
    if separation < EPSILON {
        return face(normal, middle);
    }
    let is_before = (center - v1).dot(v2 - v1) <= 0.0;
    if is_before || (center - v2).dot(v1 - v2) <= 0.0 {
        let corner = if is_before { v1 } else { v2 };
        let apart = center - corner;
        let is_apart = apart.dot(apart) > radius * radius;
        return if is_apart { Manifold::default() } else { face(apart.normalized(), corner) };
    }
    if (center - middle).dot(normal) > radius {
        return Manifold::default();
    }
    face(normal, middle)
}

/// The side whose line is farthest from a point inwards, and how far; none if the point is more than `radius` outside.
fn nearest_side(polygon: &Polygon, point: Vec2, radius: f32) -> Option<(usize, f32)> {
    let mut nearest = (0, -f32::MAX);
    for (i, (normal, v)) in polygon.normals().iter().zip(polygon.vertices()).enumerate() {
        let separation = normal.dot(point - *v);
        if separation > radius {
            return None;
        }
        if separation > nearest.1 {
            nearest = (i, separation);
        }
    }
    Some(nearest)
}

pub(super) fn edge_circle(a: &Edge, xf_a: Transform, b: &Circle, xf_b: Transform) -> Manifold {
    let q = xf_a.apply_inverse(xf_b.apply(b.center));
    let [v1, v2] = a.vertices;
    let e = v2 - v1;
    let (u, v) = (e.dot(v2 - q), e.dot(q - v1));
    let radius = POLYGON_RADIUS + b.radius;
    let is_near = |p: Vec2| {
        let apart = q - p;
        apart.dot(apart) <= radius * radius
    };
    if v <= 0.0 || u <= 0.0 {
        let (corner, index) = if v <= 0.0 { (v1, 0) } else { (v2, 1) };
        if !is_near(corner) {
            return Manifold::default();
        }
        let id = [index, 0, CORNER, CORNER];
        return Manifold::single(ManifoldKind::Circles, Vec2::ZERO, corner, b.center, id);
    }
    let nearest = (1.0 / e.dot(e)) * (u * v1 + v * v2);
    if !is_near(nearest) {
        return Manifold::default();
    }
    let mut normal = Vec2::new(-e.y, e.x);
    if normal.dot(q - v1) < 0.0 {
        normal = -normal;
    }
    let id = [0, 0, SIDE, CORNER];
    Manifold::single(ManifoldKind::FaceA, normal.normalized(), v1, b.center, id)
}
