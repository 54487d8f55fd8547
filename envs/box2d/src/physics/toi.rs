//! Time of impact of two moving shapes: the latest at which they are still apart, by conservative advancement along
//! separating axes.

use super::distance::{Placed, SimplexCache, distance, support};
use super::math::{Sweep, Transform, Vec2, abs, max};
use super::settings::LINEAR_SLOP;
use super::shape::Shape;

const TOLERANCE: f32 = 0.25 * LINEAR_SLOP;
const MAX_ITERATIONS: usize = 20;
const MAX_ROOT_ITERATIONS: usize = 50;
/// The most corners that are resolved on one axis.
const MAX_PUSHES: usize = 16;

/// A shape and its motion over a step.
#[derive(Clone, Copy)]
pub(super) struct Moving<'a> {
    pub(super) shape: &'a Shape,
    pub(super) sweep: Sweep,
}

/// What an axis of separation belongs to.
#[derive(Clone, Copy)]
enum AxisKind {
    Points,
    FaceA,
    FaceB,
}

/// An axis along which two moving shapes are apart.
struct Axis<'a> {
    points: [&'a [Vec2]; 2],
    sweeps: [Sweep; 2],
    kind: AxisKind,
    local_point: Vec2,
    direction: Vec2,
}

/// What became of an axis.
enum Advance {
    /// The shapes are apart along it up to this time.
    Until(f32),
    /// The search is over, with this impact or none.
    Done(Option<f32>),
}

/// How far apart two shapes are, without their skins, at an impact.
fn target(a: &Shape, b: &Shape) -> f32 {
    max(LINEAR_SLOP, a.radius() + b.radius() - 3.0 * LINEAR_SLOP)
}

/// A distance, without their skins, from which on two shapes have no impact, whatever was rounded.
pub(super) fn nearest_apart(a: &Shape, b: &Shape) -> f32 {
    target(a, b) + 2.0 * TOLERANCE
}

/// The share of the motion at which two shapes touch, if they come to.
pub(super) fn time_of_impact(mut a: Moving<'_>, mut b: Moving<'_>) -> Option<f32> {
    a.sweep.normalize();
    b.sweep.normalize();
    let target = target(a.shape, b.shape);
    let points = [a.shape.points(), b.shape.points()];
    let mut cache = SimplexCache::default();
    let mut t = 0.0;
    for _ in 0..MAX_ITERATIONS {
        let frames = [a.sweep.transform(t), b.sweep.transform(t)];
        let placed = [0, 1].map(|i| Placed { points: points[i], xf: frames[i] });
        let distance = distance(placed[0], placed[1], &mut cache);
        if distance <= 0.0 {
            return None;
        }
        if distance < target + TOLERANCE {
            return Some(t);
        }
        let axis = Axis::new(&cache, points, [a.sweep, b.sweep], frames);
        match axis.advance(t, target) {
            Advance::Until(later) => t = later,
            Advance::Done(impact) => return impact,
        }
    }
    None
}

impl<'a> Axis<'a> {
    fn new(
        cache: &SimplexCache,
        points: [&'a [Vec2]; 2],
        sweeps: [Sweep; 2],
        frames: [Transform; 2],
    ) -> Self {
        let [first, second, _] = cache.corners;
        let mut this = Self {
            points,
            sweeps,
            kind: AxisKind::Points,
            local_point: Vec2::ZERO,
            direction: Vec2::ZERO,
        };
        let point = |shape: usize, corner: usize| points[shape][corner];
        if cache.count == 1 {
            let a = frames[0].apply(point(0, first[0]));
            let b = frames[1].apply(point(1, first[1]));
            this.direction = (b - a).normalized();
            return this;
        }
        // Two corners of one shape make the axis.
        let face = usize::from(first[0] == second[0]);
        this.kind = if face == 1 { AxisKind::FaceB } else { AxisKind::FaceA };
        let (v1, v2) = (point(face, first[face]), point(face, second[face]));
        this.direction = (v2 - v1).cross_scalar(1.0).normalized();
        this.local_point = 0.5 * (v1 + v2);
        let on_face = frames[face].apply(this.local_point);
        let other = frames[1 - face].apply(point(1 - face, first[1 - face]));
        if (other - on_face).dot(frames[face].q.apply(this.direction)) < 0.0 {
            this.direction = -this.direction;
        }
        this
    }

    fn frames(&self, t: f32) -> [Transform; 2] {
        [self.sweeps[0].transform(t), self.sweeps[1].transform(t)]
    }

    /// The corners that are deepest at a time, and how far apart they are.
    fn deepest(&self, t: f32) -> ([usize; 2], f32) {
        let frames = self.frames(t);
        let corners = match self.kind {
            AxisKind::Points => {
                let a = frames[0].q.apply_inverse(self.direction);
                let b = frames[1].q.apply_inverse(-self.direction);
                [support(self.points[0], a), support(self.points[1], b)]
            }
            AxisKind::FaceA => {
                let normal = frames[0].q.apply(self.direction);
                [0, support(self.points[1], frames[1].q.apply_inverse(-normal))]
            }
            AxisKind::FaceB => {
                let normal = frames[1].q.apply(self.direction);
                [support(self.points[0], frames[0].q.apply_inverse(-normal)), 0]
            }
        };
        (corners, self.separation_in(corners, frames))
    }

    fn separation(&self, corners: [usize; 2], t: f32) -> f32 {
        self.separation_in(corners, self.frames(t))
    }

    /// How far apart two corners are along the axis.
    fn separation_in(&self, corners: [usize; 2], frames: [Transform; 2]) -> f32 {
        let corner = |i: usize| frames[i].apply(self.points[i][corners[i]]);
        match self.kind {
            AxisKind::Points => (corner(1) - corner(0)).dot(self.direction),
            AxisKind::FaceA => {
                let normal = frames[0].q.apply(self.direction);
                (corner(1) - frames[0].apply(self.local_point)).dot(normal)
            }
            AxisKind::FaceB => {
                let normal = frames[1].q.apply(self.direction);
                (corner(0) - frames[1].apply(self.local_point)).dot(normal)
            }
        }
    }

    /// Goes on from time `t1` to the latest at which the corners deepest at any later time are apart.
    fn advance(&self, t1: f32, target: f32) -> Advance {
        let mut t2 = 1.0;
        for _ in 0..MAX_PUSHES {
            let (corners, s2) = self.deepest(t2);
            if s2 > target + TOLERANCE {
                return Advance::Done(None);
            }
            if s2 > target - TOLERANCE {
                return Advance::Until(t2);
            }
            let s1 = self.separation(corners, t1);
            if s1 < target - TOLERANCE {
                return Advance::Done(None);
            }
            if s1 <= target + TOLERANCE {
                return Advance::Done(Some(t1));
            }
            t2 = self.root(corners, target, (t1, s1), (t2, s2));
        }
        Advance::Until(t1)
    }

    /// When two corners are `target` apart, by bisection and secants in turn between two times and separations; the
    /// later time if that takes too long.
    fn root(
        &self,
        corners: [usize; 2],
        target: f32,
        (mut a1, mut s1): (f32, f32),
        (t2, mut s2): (f32, f32),
    ) -> f32 {
        let mut a2 = t2;
        for i in 0..MAX_ROOT_ITERATIONS {
            let t = if i % 2 == 1 {
                a1 + (target - s1) * (a2 - a1) / (s2 - s1)
            } else {
                0.5 * (a1 + a2)
            };
            let s = self.separation(corners, t);
            if abs(s - target) < TOLERANCE {
                return t;
            }
            if s > target {
                (a1, s1) = (t, s);
            } else {
                (a2, s2) = (t, s);
            }
        }
        t2
    }
}
