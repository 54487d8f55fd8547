//! Gymnasium's Box2D environments: rigid bodies in the plane that move bit for bit as they do there.
#![forbid(unsafe_code)]

pub mod physics;
