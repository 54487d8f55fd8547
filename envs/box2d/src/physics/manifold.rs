//! Manifolds: where and how two shapes touch.

use super::math::{EPSILON, Transform, Vec2};

/// Which corners and sides made a contact point: two indices, two kinds. The same from step to step, so that the
/// point's impulses can be carried over.
pub(super) type FeatureId = [u8; 4];

/// A feature that is a corner.
pub(super) const CORNER: u8 = 0;
/// A feature that is a side.
pub(super) const SIDE: u8 = 1;

/// What the normal and the points of a manifold refer to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ManifoldKind {
    /// Two centers.
    #[default]
    Circles,
    /// A side of the first shape; the points are the second's.
    FaceA,
    /// A side of the second shape; the points are the first's.
    FaceB,
}

/// A point of a manifold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ManifoldPoint {
    pub(super) local_point: Vec2,
    pub(super) normal_impulse: f32,
    pub(super) tangent_impulse: f32,
    pub(super) id: FeatureId,
}

/// Where two shapes touch: at no, one or two points.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manifold {
    pub(super) count: u32,
    pub(super) kind: ManifoldKind,
    /// Normal and a point of the side, in its shape's frame; for circles the first center.
    pub(super) local_normal: Vec2,
    pub(super) local_point: Vec2,
    pub(super) points: [ManifoldPoint; 2],
}

/// A manifold in the world.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WorldManifold {
    /// From the first shape to the second.
    pub(super) normal: Vec2,
    pub(super) points: [Vec2; 2],
}

impl Manifold {
    /// A manifold of one point.
    pub(super) fn single(
        kind: ManifoldKind,
        local_normal: Vec2,
        local_point: Vec2,
        point: Vec2,
        id: FeatureId,
    ) -> Self {
        let first = ManifoldPoint { local_point: point, id, ..ManifoldPoint::default() };
        let points = [first, ManifoldPoint::default()];
        Self { count: 1, kind, local_normal, local_point, points }
    }

    pub(super) fn push(&mut self, local_point: Vec2, id: FeatureId) {
        self.points[self.count as usize] =
            ManifoldPoint { local_point, id, ..ManifoldPoint::default() };
        self.count += 1;
    }

    #[inline]
    pub(super) fn points(&self) -> &[ManifoldPoint] {
        &self.points[..self.count as usize]
    }

    /// Takes over the impulses of points that were there before.
    #[inline]
    pub(super) fn carry_impulses(&mut self, old: &Self) {
        for point in &mut self.points[..self.count as usize] {
            if let Some(same) = old.points().iter().find(|before| before.id == point.id) {
                point.normal_impulse = same.normal_impulse;
                point.tangent_impulse = same.tangent_impulse;
            }
        }
    }

    /// The manifold in the world; `frames` and `radii` are those of the two shapes.
    #[inline]
    pub(super) fn in_world(&self, frames: [Transform; 2], radii: [f32; 2]) -> WorldManifold {
        match self.kind {
            ManifoldKind::Circles => self.circles_in_world(frames, radii),
            ManifoldKind::FaceA => self.face_in_world(frames, radii),
            ManifoldKind::FaceB => {
                let [xf_a, xf_b] = frames;
                let mut world = self.face_in_world([xf_b, xf_a], [radii[1], radii[0]]);
                world.normal = -world.normal;
                world
            }
        }
    }

    fn circles_in_world(&self, [xf_a, xf_b]: [Transform; 2], radii: [f32; 2]) -> WorldManifold {
        let a = xf_a.apply(self.local_point);
        let b = xf_b.apply(self.points[0].local_point);
        let mut normal = Vec2::new(1.0, 0.0);
        let apart = a - b;
        if apart.dot(apart) > EPSILON * EPSILON {
            normal = (b - a).normalized();
        }
        let point = 0.5 * ((a + radii[0] * normal) + (b - radii[1] * normal));
        WorldManifold { normal, points: [point, Vec2::ZERO] }
    }

    /// The points halfway between the skin of a side, in the first frame, and that of the corners in the second.
    #[inline]
    fn face_in_world(&self, [face, corner]: [Transform; 2], radii: [f32; 2]) -> WorldManifold {
        let normal = face.q.apply(self.local_normal);
        let plane = face.apply(self.local_point);
        let mut points = [Vec2::ZERO; 2];
        for (out, point) in points.iter_mut().zip(self.points()) {
            let clip = corner.apply(point.local_point);
            let on_face = clip + (radii[0] - (clip - plane).dot(normal)) * normal;
            let on_corner = clip - radii[1] * normal;
            *out = 0.5 * (on_face + on_corner);
        }
        WorldManifold { normal, points }
    }
}
