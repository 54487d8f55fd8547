//! Shapes: circles, edges and convex polygons, their bounds and masses.

use super::aabb::Aabb;
use super::math::{Transform, Vec2, vec2};
use super::settings::POLYGON_RADIUS;

/// The most vertices that a polygon has.
pub(super) const MAX_VERTICES: usize = 8;

/// A circle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circle {
    /// Its center.
    pub center: Vec2,
    /// Its radius, m.
    pub radius: f32,
}

/// A segment without neighbors, solid from both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Its ends.
    pub vertices: [Vec2; 2],
}

/// A convex polygon of at most 8 vertices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polygon {
    pub(super) count: u32,
    pub(super) vertices: [Vec2; MAX_VERTICES],
    pub(super) normals: [Vec2; MAX_VERTICES],
    pub(super) centroid: Vec2,
}

/// A shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A circle.
    Circle(Circle),
    /// A segment.
    Edge(Edge),
    /// A convex polygon.
    Polygon(Polygon),
}

impl From<Circle> for Shape {
    fn from(circle: Circle) -> Self {
        Self::Circle(circle)
    }
}

impl From<Edge> for Shape {
    fn from(edge: Edge) -> Self {
        Self::Edge(edge)
    }
}

impl From<Polygon> for Shape {
    fn from(polygon: Polygon) -> Self {
        Self::Polygon(polygon)
    }
}

/// Mass of a shape: mass, center of mass, and rotational inertia about the body's origin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct MassData {
    pub(super) mass: f32,
    pub(super) center: Vec2,
    pub(super) inertia: f32,
}

impl Circle {
    /// A circle around a body's origin.
    pub const fn new(radius: f32) -> Self {
        Self { center: Vec2::ZERO, radius }
    }

    fn mass(&self, density: f32) -> MassData {
        let mass = density * std::f32::consts::PI * self.radius * self.radius;
        let inertia = mass * (0.5 * self.radius * self.radius + self.center.dot(self.center));
        MassData { mass, center: self.center, inertia }
    }

    fn aabb(&self, xf: Transform) -> Aabb {
        let center = xf.p + xf.q.apply(self.center);
        let r = vec2(self.radius, self.radius);
        Aabb { lower: center - r, upper: center + r }
    }
}

impl Edge {
    /// The segment between two points.
    pub const fn new(v1: Vec2, v2: Vec2) -> Self {
        Self { vertices: [v1, v2] }
    }
}

impl Polygon {
    /// The convex hull of 3 to 8 points, counterclockwise from the rightmost (of several the lowest).
    ///
    /// # Panics
    /// When there are fewer or more points, or they lie on a line.
    pub fn new(points: &[Vec2]) -> Self {
        assert!((3..=MAX_VERTICES).contains(&points.len()), "a polygon has 3 to 8 vertices");
        let (vertices, count) = hull(points);
        assert!(count >= 3, "the vertices of a polygon do not lie on a line");
        let mut normals = [Vec2::ZERO; MAX_VERTICES];
        for i in 0..count {
            let edge = vertices[(i + 1) % count] - vertices[i];
            normals[i] = edge.cross_scalar(1.0).normalized();
        }
        let centroid = centroid(&vertices[..count]);
        Self { count: count as u32, vertices, normals, centroid }
    }

    /// A box of half the given width and height around a body's origin.
    pub fn new_box(half_width: f32, half_height: f32) -> Self {
        let (w, h) = (half_width, half_height);
        let mut polygon = Self {
            count: 4,
            vertices: [Vec2::ZERO; MAX_VERTICES],
            normals: [Vec2::ZERO; MAX_VERTICES],
            centroid: Vec2::ZERO,
        };
        polygon.vertices[..4].copy_from_slice(&[
            vec2(-w, -h),
            vec2(w, -h),
            vec2(w, h),
            vec2(-w, h),
        ]);
        polygon.normals[..4].copy_from_slice(&[
            vec2(0.0, -1.0),
            vec2(1.0, 0.0),
            vec2(0.0, 1.0),
            vec2(-1.0, 0.0),
        ]);
        polygon
    }

    /// Its corners, counterclockwise.
    #[inline]
    pub fn vertices(&self) -> &[Vec2] {
        &self.vertices[..self.count as usize]
    }

    /// Outward normal of each side: of the first from the first corner to the second.
    #[inline]
    pub fn normals(&self) -> &[Vec2] {
        &self.normals[..self.count as usize]
    }

    fn mass(&self, density: f32) -> MassData {
        const THIRD: f32 = 1.0 / 3.0;
        let vertices = self.vertices();
        let mut reference = Vec2::ZERO;
        for v in vertices {
            reference += *v;
        }
        reference *= 1.0 / vertices.len() as f32;
        let (mut center, mut area, mut inertia) = (Vec2::ZERO, 0.0, 0.0);
        for (i, v) in vertices.iter().enumerate() {
            let e1 = *v - reference;
            let e2 = vertices[(i + 1) % vertices.len()] - reference;
            let d = e1.cross(e2);
            let triangle = 0.5 * d;
            area += triangle;
            center += triangle * THIRD * (e1 + e2);
            let xx = e1.x * e1.x + e2.x * e1.x + e2.x * e2.x;
            let yy = e1.y * e1.y + e2.y * e1.y + e2.y * e2.y;
            inertia += (0.25 * THIRD * d) * (xx + yy);
        }
        let mass = density * area;
        center *= 1.0 / area;
        let shifted = center + reference;
        let about_reference = density * inertia;
        let inertia = about_reference + mass * (shifted.dot(shifted) - center.dot(center));
        MassData { mass, center: shifted, inertia }
    }
}

impl Shape {
    /// Thickness of the skin around the vertices.
    #[inline]
    pub(super) fn radius(&self) -> f32 {
        match self {
            Self::Circle(circle) => circle.radius,
            Self::Edge(_) | Self::Polygon(_) => POLYGON_RADIUS,
        }
    }

    /// Corners of the shape without its skin.
    #[inline]
    pub(super) fn points(&self) -> &[Vec2] {
        match self {
            Self::Circle(circle) => std::slice::from_ref(&circle.center),
            Self::Edge(edge) => &edge.vertices,
            Self::Polygon(polygon) => polygon.vertices(),
        }
    }

    pub(super) fn mass(&self, density: f32) -> MassData {
        match self {
            Self::Circle(circle) => circle.mass(density),
            Self::Edge(edge) => {
                let center = 0.5 * (edge.vertices[0] + edge.vertices[1]);
                MassData { mass: 0.0, center, inertia: 0.0 }
            }
            Self::Polygon(polygon) => polygon.mass(density),
        }
    }

    pub(super) fn aabb(&self, xf: Transform) -> Aabb {
        if let Self::Circle(circle) = self {
            return circle.aabb(xf);
        }
        let points = self.points();
        let first = xf.apply(points[0]);
        let (mut lower, mut upper) = (first, first);
        for point in &points[1..] {
            let v = xf.apply(*point);
            lower = lower.min(v);
            upper = upper.max(v);
        }
        let r = vec2(POLYGON_RADIUS, POLYGON_RADIUS);
        Aabb { lower: lower - r, upper: upper + r }
    }
}

/// The convex hull by gift wrapping, and how many vertices it has.
fn hull(points: &[Vec2]) -> ([Vec2; MAX_VERTICES], usize) {
    let mut first = 0;
    for (i, p) in points.iter().enumerate() {
        let best = points[first];
        if p.x > best.x || (p.x == best.x && p.y < best.y) {
            first = i;
        }
    }
    let mut vertices = [Vec2::ZERO; MAX_VERTICES];
    let (mut count, mut at) = (0, first);
    while count < points.len() {
        vertices[count] = points[at];
        count += 1;
        at = next_on_hull(points, at);
        if at == first {
            break;
        }
    }
    (vertices, count)
}

/// The point after `at`: the one with no other to the right of the line there.
fn next_on_hull(points: &[Vec2], at: usize) -> usize {
    let mut end = 0;
    for (j, p) in points.iter().enumerate().skip(1) {
        if end == at {
            end = j;
            continue;
        }
        let r = points[end] - points[at];
        let v = *p - points[at];
        let c = r.cross(v);
        if c < 0.0 || (c == 0.0 && v.length_squared() > r.length_squared()) {
            end = j;
        }
    }
    end
}

fn centroid(vertices: &[Vec2]) -> Vec2 {
    const THIRD: f32 = 1.0 / 3.0;
    let (mut center, mut area) = (Vec2::ZERO, 0.0);
    for (i, p2) in vertices.iter().enumerate() {
        let p3 = vertices[(i + 1) % vertices.len()];
        let triangle = 0.5 * p2.cross(p3);
        area += triangle;
        center += triangle * THIRD * (Vec2::ZERO + *p2 + p3);
    }
    center *= 1.0 / area;
    center
}
