//! Gymnasium's Box2D environments: rigid bodies in the plane that move bit for bit as they do there.

mod bipedal_walker;
mod car_racing;
mod draw;
mod lunar_lander;
pub mod physics;
mod worlds;

use slm_env::EnvDef;

/// Every environment of this family.
pub const ENVS: &[EnvDef] = &[
    lunar_lander::DISCRETE,
    lunar_lander::CONTINUOUS,
    bipedal_walker::DEF,
    bipedal_walker::HARDCORE,
    car_racing::DEF,
];
