//! Rays: where they meet fixtures.

use super::super::fixture::FixtureId;
use super::super::math::{EPSILON, Transform, Vec2};
use super::super::shape::{Circle, Edge, Polygon, Shape};
use super::{RayHit, World};

/// A ray up to a share of the way.
#[derive(Clone, Copy)]
struct Ray {
    p1: Vec2,
    p2: Vec2,
    fraction: f32,
}

impl World {
    /// Casts a ray from `p1` to `p2`. What `hit` returns for each fixture met says how the ray goes on: a negative
    /// number as if the fixture were not there, 0 not at all, the hit's fraction not beyond it, 1 unchanged. The
    /// fixtures come in the order of the tree's boxes, not of distance.
    pub fn ray_cast(&self, p1: Vec2, p2: Vec2, mut hit: impl FnMut(&RayHit) -> f32) {
        self.broad_phase.tree.ray_cast(p1, p2, |fixture, fraction| {
            let met = &self.fixtures[fixture];
            let xf = self.bodies[met.body.0].transform;
            match met.shape.ray_cast(Ray { p1, p2, fraction }, xf) {
                None => fraction,
                Some((fraction, normal)) => hit(&RayHit {
                    fixture: FixtureId(fixture),
                    point: (1.0 - fraction) * p1 + fraction * p2,
                    normal,
                    fraction,
                }),
            }
        });
    }
}

impl Shape {
    /// Where a ray enters the shape: share of the way and normal.
    fn ray_cast(&self, ray: Ray, xf: Transform) -> Option<(f32, Vec2)> {
        match self {
            Self::Circle(circle) => circle.ray_cast(ray, xf),
            Self::Edge(edge) => edge.ray_cast(ray, xf),
            Self::Polygon(polygon) => polygon.ray_cast(ray, xf),
        }
    }
}

impl Circle {
    fn ray_cast(&self, ray: Ray, xf: Transform) -> Option<(f32, Vec2)> {
        let center = xf.p + xf.q.apply(self.center);
        let s = ray.p1 - center;
        let b = s.dot(s) - self.radius * self.radius;
        let r = ray.p2 - ray.p1;
        let c = s.dot(r);
        let rr = r.dot(r);
        let sigma = c * c - rr * b;
        if sigma < 0.0 || rr < EPSILON {
            return None;
        }
        let a = -(c + sigma.sqrt());
        if !(0.0 <= a && a <= ray.fraction * rr) {
            return None;
        }
        let a = a / rr;
        Some((a, (s + a * r).normalized()))
    }
}

impl Edge {
    fn ray_cast(&self, ray: Ray, xf: Transform) -> Option<(f32, Vec2)> {
        let p1 = xf.q.apply_inverse(ray.p1 - xf.p);
        let p2 = xf.q.apply_inverse(ray.p2 - xf.p);
        let d = p2 - p1;
        let [v1, v2] = self.vertices;
        let e = v2 - v1;
        let normal = Vec2::new(e.y, -e.x).normalized();
        let numerator = normal.dot(v1 - p1);
        let denominator = normal.dot(d);
        if denominator == 0.0 {
            return None;
        }
        let t = numerator / denominator;
        if t < 0.0 || ray.fraction < t {
            return None;
        }
        let q = p1 + t * d;
        let ee = e.dot(e);
        if ee == 0.0 {
            return None;
        }
        let s = (q - v1).dot(e) / ee;
        if !(0.0..=1.0).contains(&s) {
            return None;
        }
        Some((t, if numerator > 0.0 { -normal } else { normal }))
    }
}

impl Polygon {
    fn ray_cast(&self, ray: Ray, xf: Transform) -> Option<(f32, Vec2)> {
        let p1 = xf.q.apply_inverse(ray.p1 - xf.p);
        let p2 = xf.q.apply_inverse(ray.p2 - xf.p);
        let d = p2 - p1;
        let (mut lower, mut upper, mut side) = (0.0, ray.fraction, None);
        for (i, (normal, v)) in self.normals().iter().zip(self.vertices()).enumerate() {
            let numerator = normal.dot(*v - p1);
            let denominator = normal.dot(d);
            if denominator == 0.0 {
                if numerator < 0.0 {
                    return None;
                }
            } else if denominator < 0.0 && numerator < lower * denominator {
                lower = numerator / denominator;
                side = Some(i);
            } else if denominator > 0.0 && numerator < upper * denominator {
                upper = numerator / denominator;
            }
            if upper < lower {
                return None;
            }
        }
        side.map(|side| (lower, xf.q.apply(self.normals[side])))
    }
}
