//! Values as bytes of a saved state.

use slm_env::{StateError, StateReader, StateWriter};

use super::aabb::Aabb;
use super::body::{Body, BodyId, BodyType};
use super::contact::{Contact, Links};
use super::fixture::{Filter, Fixture, FixtureId};
use super::joint::{Joint, JointId, JointImpulse, LimitState, RevoluteJointDef};
use super::manifold::{Manifold, ManifoldKind, ManifoldPoint};
use super::math::{Apart, Rot, Sweep, Transform, Vec2};
use super::shape::{Circle, Edge, Polygon, Shape};
use super::slab::Slab;
use super::tree::{Node, Tree};
use super::world::ContactEvent;

/// A value that is written to and read from a saved state.
pub(crate) trait State: Sized {
    fn save(&self, out: &mut StateWriter);

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError>;
}

/// Numbers that a state has as they are.
macro_rules! numbers {
    ($($number:ident),*) => {$(
        impl State for $number {
            fn save(&self, out: &mut StateWriter) {
                out.$number(*self);
            }

            fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
                from.$number()
            }
        }
    )*};
}

/// Structures of which every field is written in turn.
macro_rules! structures {
    ($($structure:ident { $($field:tt),* })*) => {$(
        impl State for $structure {
            fn save(&self, out: &mut StateWriter) {
                $(self.$field.save(out);)*
            }

            fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
                Ok(Self { $($field: State::load(from)?),* })
            }
        }
    )*};
}

/// Enumerations without values: the place of the variant in the list.
macro_rules! choices {
    ($($choice:ident [$($variant:ident),*])*) => {$(
        impl State for $choice {
            fn save(&self, out: &mut StateWriter) {
                let variants = [$(Self::$variant),*];
                let place = variants.iter().position(|variant| variant == self);
                out.u8(place.expect("every variant is listed") as u8);
            }

            fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
                let (place, variants) = (from.u8()?, [$(Self::$variant),*]);
                let variant = variants.get(usize::from(place)).copied();
                variant.ok_or_else(|| unknown(stringify!($choice), place))
            }
        }
    )*};
}

numbers!(bool, u8, u32, f32);

structures! {
    Vec2 { x, y }
    Rot { s, c }
    Transform { p, q }
    Sweep { local_center, c0, c, a0, a, alpha0 }
    Aabb { lower, upper }
    BodyId { 0 }
    JointId { 0 }
    Filter { category, mask, group }
    Circle { center, radius }
    Edge { vertices }
    Polygon { count, vertices, normals, centroid }
    Body {
        kind, is_awake, in_island, allow_sleep, fixed_rotation, is_bullet, transform, sweep,
        linear_velocity, angular_velocity, force, torque, mass, inv_mass, inertia, inv_inertia,
        linear_damping, angular_damping, gravity_scale, sleep_time, island_index, prev, next,
        fixtures, contacts, joints, tag
    }
    Fixture {
        shape, body, density, friction, restitution, is_sensor, filter, tag, proxy, next
    }
    RevoluteJointDef {
        body_a, body_b, local_anchor_a, local_anchor_b, reference_angle, enable_limit,
        lower_angle, upper_angle, enable_motor, motor_speed, max_motor_torque, collide_connected
    }
    JointImpulse { pin, limit, motor }
    Joint { def, impulse, limit_state, in_island, body_links }
    Links { prev, next }
    ManifoldPoint { local_point, normal_impulse, tangent_impulse, id }
    Manifold { count, kind, local_normal, local_point, points }
    Contact {
        in_island, is_touching, is_enabled, needs_filter, has_sensor, has_toi, toi, toi_count,
        fixtures, bodies, links, body_links, friction, restitution, manifold
    }
    Node { aabb, parent, children, height, fixture }
    Tree { nodes, root, free }
}

choices! {
    BodyType [Static, Kinematic, Dynamic]
    LimitState [Inactive, AtLower, AtUpper, Equal]
    ManifoldKind [Circles, FaceA, FaceB]
}

fn unknown(what: &'static str, found: u8) -> StateError {
    StateError::mismatch(what, "a number of a variant", found)
}

impl State for Shape {
    fn save(&self, out: &mut StateWriter) {
        match self {
            Self::Circle(circle) => {
                out.u8(0);
                circle.save(out);
            }
            Self::Edge(edge) => {
                out.u8(1);
                edge.save(out);
            }
            Self::Polygon(polygon) => {
                out.u8(2);
                polygon.save(out);
            }
        }
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        match from.u8()? {
            0 => Circle::load(from).map(Self::Circle),
            1 => Edge::load(from).map(Self::Edge),
            2 => Polygon::load(from).map(Self::Polygon),
            other => Err(unknown("Shape", other)),
        }
    }
}

impl State for ContactEvent {
    fn save(&self, out: &mut StateWriter) {
        self.began.save(out);
        self.fixtures.map(|fixture| fixture.0).save(out);
        self.bodies.map(|body| body.0).save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        Ok(Self {
            began: State::load(from)?,
            fixtures: <[u32; 2]>::load(from)?.map(FixtureId),
            bodies: <[u32; 2]>::load(from)?.map(BodyId),
        })
    }
}

impl State for Apart {
    fn save(&self, out: &mut StateWriter) {
        self.get().save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        Vec2::load(from).map(Self::new)
    }
}

impl State for u16 {
    fn save(&self, out: &mut StateWriter) {
        out.u32(u32::from(*self));
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        Ok(from.u32()? as Self)
    }
}

impl State for i16 {
    fn save(&self, out: &mut StateWriter) {
        out.i64(i64::from(*self));
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        Ok(from.i64()? as Self)
    }
}

impl State for i32 {
    fn save(&self, out: &mut StateWriter) {
        out.i64(i64::from(*self));
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        Ok(from.i64()? as Self)
    }
}

impl<T: State + Copy + Default, const N: usize> State for [T; N] {
    fn save(&self, out: &mut StateWriter) {
        for value in self {
            value.save(out);
        }
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        let mut values = [T::default(); N];
        for value in &mut values {
            *value = T::load(from)?;
        }
        Ok(values)
    }
}

impl<T: State> State for Vec<T> {
    fn save(&self, out: &mut StateWriter) {
        out.u32(self.len() as u32);
        for value in self {
            value.save(out);
        }
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        (0..from.u32()?).map(|_| T::load(from)).collect()
    }
}

impl<T: State> State for Slab<T> {
    fn save(&self, out: &mut StateWriter) {
        self.items.save(out);
        self.free.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        Ok(Self { items: State::load(from)?, free: State::load(from)? })
    }
}
