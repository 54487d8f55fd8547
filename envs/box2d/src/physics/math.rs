//! Vectors, rotations, transforms and small matrices, with Box2D's order of operations.

use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::trig::sin_cos;

/// Box2D's `b2_epsilon`.
pub(super) const EPSILON: f32 = f32::EPSILON;

/// A vector or a point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec2 {
    /// To the right.
    pub x: f32,
    /// Up.
    pub y: f32,
}

/// The vector (x, y).
pub(super) const fn vec2(x: f32, y: f32) -> Vec2 {
    Vec2 { x, y }
}

impl Vec2 {
    /// The vector (0, 0).
    pub const ZERO: Self = vec2(0.0, 0.0);

    /// The vector (x, y).
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Dot product.
    #[inline]
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// Cross product: the third component of that of two vectors in space.
    #[inline]
    pub fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }

    /// Cross product of the vector with `s` along the third axis.
    #[inline]
    pub(super) fn cross_scalar(self, s: f32) -> Self {
        vec2(s * self.y, -s * self.x)
    }

    /// Squared length.
    #[inline]
    pub fn length_squared(self) -> f32 {
        self.x * self.x + self.y * self.y
    }

    /// Length.
    #[inline]
    pub fn length(self) -> f32 {
        self.length_squared().sqrt()
    }

    /// Scales to length 1 and returns the former length; a vector of almost no length stays, with 0 returned.
    #[inline]
    pub(super) fn normalize(&mut self) -> f32 {
        let length = self.length();
        if length < EPSILON {
            return 0.0;
        }
        *self *= 1.0 / length;
        length
    }

    /// The vector scaled to length 1, unless it has almost none.
    #[inline]
    pub(super) fn normalized(mut self) -> Self {
        self.normalize();
        self
    }

    #[inline]
    pub(super) fn min(self, other: Self) -> Self {
        vec2(min(self.x, other.x), min(self.y, other.y))
    }

    #[inline]
    pub(super) fn max(self, other: Self) -> Self {
        vec2(max(self.x, other.x), max(self.y, other.y))
    }

    #[inline]
    pub(super) fn abs(self) -> Self {
        vec2(abs(self.x), abs(self.y))
    }

    #[inline]
    pub(super) fn to_bits(self) -> [u32; 2] {
        [self.x.to_bits(), self.y.to_bits()]
    }
}

/// A vector whose components lie apart in memory: beside each other the compiler would compute them in pairs, and to
/// pair and part them takes longer than it saves.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Apart {
    pub(super) x: f32,
    gap_x: f32,
    pub(super) y: f32,
    gap_y: f32,
}

impl Apart {
    #[inline]
    pub(super) fn new(v: Vec2) -> Self {
        Self { x: v.x, y: v.y, ..Self::default() }
    }

    #[inline]
    pub(super) fn get(self) -> Vec2 {
        vec2(self.x, self.y)
    }
}

impl AddAssign<Vec2> for Apart {
    #[inline]
    fn add_assign(&mut self, v: Vec2) {
        self.x += v.x;
        self.y += v.y;
    }
}

/// Cross product of `s` along the third axis with a vector.
#[inline]
pub(super) fn cross(s: f32, v: Vec2) -> Vec2 {
    vec2(-s * v.y, s * v.x)
}

impl Add for Vec2 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        vec2(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Vec2 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        vec2(self.x - other.x, self.y - other.y)
    }
}

impl Neg for Vec2 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        vec2(-self.x, -self.y)
    }
}

impl Mul<Vec2> for f32 {
    type Output = Vec2;
    #[inline]
    fn mul(self, v: Vec2) -> Vec2 {
        vec2(self * v.x, self * v.y)
    }
}

impl AddAssign for Vec2 {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Vec2 {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl MulAssign<f32> for Vec2 {
    #[inline]
    fn mul_assign(&mut self, s: f32) {
        *self = s * *self;
    }
}

/// The smaller number; the second of equal ones.
#[inline]
pub(super) fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The larger number; the second of equal ones.
#[inline]
pub(super) fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The number kept between two.
#[inline]
pub(super) fn clamp(a: f32, low: f32, high: f32) -> f32 {
    max(low, min(a, high))
}

/// The absolute value, but that of +0 is -0, as in Box2D.
#[inline]
pub(super) fn abs(a: f32) -> f32 {
    if a > 0.0 { a } else { -a }
}

/// A rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rot {
    /// Sine of the angle.
    pub s: f32,
    /// Cosine of the angle.
    pub c: f32,
}

impl Rot {
    /// The rotation by an angle, rad.
    #[inline]
    pub fn new(angle: f32) -> Self {
        let (s, c) = sin_cos(angle);
        Self { s, c }
    }

    /// Rotates a vector.
    #[inline]
    pub fn apply(self, v: Vec2) -> Vec2 {
        vec2(self.c * v.x - self.s * v.y, self.s * v.x + self.c * v.y)
    }

    /// Rotates a vector back.
    #[inline]
    pub fn apply_inverse(self, v: Vec2) -> Vec2 {
        vec2(self.c * v.x + self.s * v.y, -self.s * v.x + self.c * v.y)
    }
}

/// A frame: a position and a rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transform {
    /// Position.
    pub p: Vec2,
    /// Rotation.
    pub q: Rot,
}

impl Transform {
    /// From the frame to the world.
    #[inline]
    pub fn apply(self, v: Vec2) -> Vec2 {
        self.q.apply(v) + self.p
    }

    /// From the world to the frame.
    #[inline]
    pub fn apply_inverse(self, v: Vec2) -> Vec2 {
        self.q.apply_inverse(v - self.p)
    }

    /// Another frame, seen from this one.
    pub(super) fn relative(self, other: Self) -> Self {
        let (a, b) = (self.q, other.q);
        Self {
            p: a.apply_inverse(other.p - self.p),
            q: Rot { s: a.c * b.s - a.s * b.c, c: a.c * b.c + a.s * b.s },
        }
    }

    /// The frame at an angle whose point `local_center` lies at `center`.
    #[inline]
    pub(super) fn around(center: Vec2, angle: f32, local_center: Vec2) -> Self {
        let q = Rot::new(angle);
        Self { p: center - q.apply(local_center), q }
    }
}

/// The motion of a body over a step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sweep {
    /// Center of mass in the body's frame.
    pub(super) local_center: Vec2,
    /// Center of mass in the world at time `alpha0`, and at the end of the step.
    pub(super) c0: Vec2,
    pub(super) c: Vec2,
    /// The angles then.
    pub(super) a0: f32,
    pub(super) a: f32,
    /// Share of the step that has passed.
    pub(super) alpha0: f32,
}

impl Sweep {
    pub(super) fn at(position: Vec2, angle: f32) -> Self {
        Self {
            local_center: Vec2::ZERO,
            c0: position,
            c: position,
            a0: angle,
            a: angle,
            alpha0: 0.0,
        }
    }

    /// The frame at a share of the motion.
    pub(super) fn transform(&self, beta: f32) -> Transform {
        let center = (1.0 - beta) * self.c0 + beta * self.c;
        let angle = (1.0 - beta) * self.a0 + beta * self.a;
        Transform::around(center, angle, self.local_center)
    }

    /// Moves the beginning of the motion to `alpha` of the step.
    pub(super) fn advance(&mut self, alpha: f32) {
        let beta = (alpha - self.alpha0) / (1.0 - self.alpha0);
        self.c0 = (1.0 - beta) * self.c0 + beta * self.c;
        self.a0 = (1.0 - beta) * self.a0 + beta * self.a;
        self.alpha0 = alpha;
    }

    /// Brings the first angle into one turn.
    pub(super) fn normalize(&mut self) {
        const TWO_PI: f32 = 2.0 * std::f32::consts::PI;
        let turns = TWO_PI * (self.a0 / TWO_PI).floor();
        self.a0 -= turns;
        self.a -= turns;
    }
}
