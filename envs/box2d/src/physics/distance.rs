//! Distance of two convex shapes: the algorithm of Gilbert, Johnson & Keerthi (1988), "A Fast Procedure for
//! Computing the Distance Between Complex Objects in Three-Dimensional Space".

use super::math::{EPSILON, Transform, Vec2, cross};
use super::shape::Shape;

const MAX_ITERATIONS: usize = 20;

/// A shape in its frame.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) points: &'a [Vec2],
    pub(super) xf: Transform,
}

/// A point of the difference of two shapes, and the corners that make it.
#[derive(Clone, Copy, Default)]
struct SimplexVertex {
    /// Corners in the world, and their difference.
    wa: Vec2,
    wb: Vec2,
    w: Vec2,
    /// Weight in the point nearest to the origin.
    share: f32,
    corners: [usize; 2],
}

/// One to three points of the difference.
#[derive(Clone, Copy, Default)]
struct Simplex {
    vertices: [SimplexVertex; 3],
    count: usize,
}

/// The corners of a simplex, from which the next search starts.
#[derive(Clone, Copy, Default)]
pub(super) struct SimplexCache {
    pub(super) count: usize,
    /// Length or area.
    metric: f32,
    /// Of the first and the second shape.
    pub(super) corners: [[usize; 2]; 3],
}

/// The corner farthest in a direction.
#[inline]
pub(super) fn support(points: &[Vec2], direction: Vec2) -> usize {
    let mut best = 0;
    let mut most = points[0].dot(direction);
    for (i, point) in points.iter().enumerate().skip(1) {
        let value = point.dot(direction);
        if value > most {
            (best, most) = (i, value);
        }
    }
    best
}

/// Whether two shapes with their skins overlap.
pub(super) fn overlap(a: &Shape, xf_a: Transform, b: &Shape, xf_b: Transform) -> bool {
    let placed_a = Placed { points: a.points(), xf: xf_a };
    let placed_b = Placed { points: b.points(), xf: xf_b };
    let distance = distance(placed_a, placed_b, &mut SimplexCache::default());
    let radii = a.radius() + b.radius();
    let is_apart = distance > radii && distance > EPSILON;
    !is_apart || distance - radii < 10.0 * EPSILON
}

/// Distance of two shapes without their skins.
pub(super) fn distance(a: Placed<'_>, b: Placed<'_>, cache: &mut SimplexCache) -> f32 {
    let mut simplex = Simplex::from_cache(cache, a, b);
    for _ in 0..MAX_ITERATIONS {
        let before = simplex;
        simplex.solve();
        if simplex.count == 3 {
            break;
        }
        let direction = simplex.search_direction();
        if direction.length_squared() < EPSILON * EPSILON {
            break;
        }
        let corner_a = support(a.points, a.xf.q.apply_inverse(-direction));
        let corner_b = support(b.points, b.xf.q.apply_inverse(direction));
        let corners = [corner_a, corner_b];
        simplex.vertices[simplex.count] = SimplexVertex::new(a, b, corners);
        if before.vertices[..before.count].iter().any(|vertex| vertex.corners == corners) {
            break;
        }
        simplex.count += 1;
    }
    let (on_a, on_b) = simplex.nearest_points();
    *cache = simplex.to_cache();
    (on_a - on_b).length()
}

impl SimplexVertex {
    #[inline]
    fn new(a: Placed<'_>, b: Placed<'_>, corners: [usize; 2]) -> Self {
        let wa = a.xf.apply(a.points[corners[0]]);
        let wb = b.xf.apply(b.points[corners[1]]);
        Self { wa, wb, w: wb - wa, share: 0.0, corners }
    }
}

impl Simplex {
    fn from_cache(cache: &SimplexCache, a: Placed<'_>, b: Placed<'_>) -> Self {
        let mut simplex = Self { count: cache.count, ..Self::default() };
        for i in 0..cache.count {
            simplex.vertices[i] = SimplexVertex::new(a, b, cache.corners[i]);
        }
        if simplex.count > 1 {
            let (old, new) = (cache.metric, simplex.metric());
            if new < 0.5 * old || 2.0 * old < new || new < EPSILON {
                simplex.count = 0;
            }
        }
        if simplex.count == 0 {
            simplex.vertices[0] = SimplexVertex::new(a, b, [0, 0]);
            simplex.vertices[0].share = 1.0;
            simplex.count = 1;
        }
        simplex
    }

    fn to_cache(self) -> SimplexCache {
        let corners = self.vertices.map(|vertex| vertex.corners);
        SimplexCache { count: self.count, metric: self.metric(), corners }
    }

    fn metric(&self) -> f32 {
        let [v1, v2, v3] = self.vertices.map(|vertex| vertex.w);
        match self.count {
            2 => (v1 - v2).length(),
            3 => (v2 - v1).cross(v3 - v1),
            _ => 0.0,
        }
    }

    /// Towards the origin.
    fn search_direction(&self) -> Vec2 {
        let [v1, v2, _] = self.vertices.map(|vertex| vertex.w);
        if self.count == 1 {
            return -v1;
        }
        let e12 = v2 - v1;
        if e12.cross(-v1) > 0.0 { cross(1.0, e12) } else { e12.cross_scalar(1.0) }
    }

    /// The points of the two shapes that are nearest to each other.
    fn nearest_points(&self) -> (Vec2, Vec2) {
        let [v1, v2, v3] = &self.vertices;
        match self.count {
            1 => (v1.wa, v1.wb),
            2 => (v1.share * v1.wa + v2.share * v2.wa, v1.share * v1.wb + v2.share * v2.wb),
            _ => {
                let point = v1.share * v1.wa + v2.share * v2.wa + v3.share * v3.wa;
                (point, point)
            }
        }
    }

    /// Keeps the vertices that the point nearest to the origin lies between.
    fn solve(&mut self) {
        match self.count {
            2 => self.solve_segment(),
            3 => self.solve_triangle(),
            _ => {}
        }
    }

    fn solve_segment(&mut self) {
        let [w1, w2, _] = self.vertices.map(|vertex| vertex.w);
        let e12 = w2 - w1;
        let d2 = -w1.dot(e12);
        if d2 <= 0.0 {
            return self.keep_one(0);
        }
        let d1 = w2.dot(e12);
        if d1 <= 0.0 {
            return self.keep_one(1);
        }
        self.keep_two([0, 1], [d1, d2]);
    }

    fn solve_triangle(&mut self) {
        let [w1, w2, w3] = self.vertices.map(|vertex| vertex.w);
        let (e12, e13, e23) = (w2 - w1, w3 - w1, w3 - w2);
        let d12 = [w2.dot(e12), -w1.dot(e12)];
        let d13 = [w3.dot(e13), -w1.dot(e13)];
        let d23 = [w3.dot(e23), -w2.dot(e23)];
        let area = e12.cross(e13);
        let d123 = [area * w2.cross(w3), area * w3.cross(w1), area * w1.cross(w2)];
        let is_between = |d: [f32; 2]| d[0] > 0.0 && d[1] > 0.0;
        if d12[1] <= 0.0 && d13[1] <= 0.0 {
            self.keep_one(0);
        } else if is_between(d12) && d123[2] <= 0.0 {
            self.keep_two([0, 1], d12);
        } else if is_between(d13) && d123[1] <= 0.0 {
            self.keep_two([0, 2], d13);
        } else if d12[0] <= 0.0 && d23[1] <= 0.0 {
            self.keep_one(1);
        } else if d13[0] <= 0.0 && d23[0] <= 0.0 {
            self.keep_one(2);
        } else if is_between(d23) && d123[0] <= 0.0 {
            self.keep_two([2, 1], [d23[1], d23[0]]);
        } else {
            let inverse = 1.0 / (d123[0] + d123[1] + d123[2]);
            for (vertex, d) in self.vertices.iter_mut().zip(d123) {
                vertex.share = d * inverse;
            }
        }
    }

    fn keep_one(&mut self, i: usize) {
        self.vertices[0] = self.vertices[i];
        self.vertices[0].share = 1.0;
        self.count = 1;
    }

    fn keep_two(&mut self, kept: [usize; 2], d: [f32; 2]) {
        let inverse = 1.0 / (d[0] + d[1]);
        let vertices = kept.map(|i| self.vertices[i]);
        for i in 0..2 {
            self.vertices[i] = vertices[i];
            self.vertices[i].share = d[i] * inverse;
        }
        self.count = 2;
    }
}
