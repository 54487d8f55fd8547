//! Rigid bodies in the plane: the dynamics of Box2D 2.3 as pybox2d 2.3.10 runs it, in `f32`, to the last bit.
//!
//! What is here is what Gymnasium's tasks use: static, kinematic and dynamic bodies; circles, edges and convex
//! polygons; revolute joints with motor and limit; sensors, filters, contact events, sleep, continuous collision
//! with static bodies, ray casts. Every sum is taken in Box2D's order, and every list is kept in Box2D's order,
//! since the order in which constraints are solved is part of the result.

mod aabb;
mod body;
mod broad_phase;
mod collide;
mod contact;
mod cycle;
mod distance;
mod fixture;
mod isa;
mod island;
mod joint;
mod lanes;
mod manifold;
mod math;
mod position_lanes;
mod settings;
mod shape;
mod slab;
mod solver;
mod state;
mod toi;
mod tree;
mod trig;
mod velocity_lanes;
mod world;

pub use body::{BodyDef, BodyId, BodyType};
pub use fixture::{Filter, FixtureDef, FixtureId};
pub use joint::{JointId, RevoluteJointDef};
pub use math::{Rot, Transform, Vec2};
pub use shape::{Circle, Edge, Polygon, Shape};
pub(crate) use state::State;
pub use trig::sin_cos;
pub use world::{ContactEvent, ContactView, RayHit, World, Worlds};
