//! Gymnasium's MuJoCo environments, version 5, bit for bit, stepped by MuJoCo's own library.
//!
//! The library is not linked: it is loaded when the first environment is made, from the path in `MUJOCO_LIB`, from
//! the system, or from within the binary, where the build put it.

mod ant;
mod camera;
mod engine;
mod humanoid;
mod inverted_double_pendulum;
mod inverted_pendulum;
mod models;
mod numpy;
mod options;
mod picture;
mod planar;
mod pusher;
mod rays;
mod reacher;
mod robot;

use std::sync::Arc;

pub use engine::{Geom, Model, ModelError, Pictures, Simulation, pictures};
use robot::Blueprint;
pub use robot::Robot;
use slm_env::{EnvDef, EnvError, EnvOptions};

/// Every environment of this crate.
pub const ENVS: &[EnvDef] = &[
    ant::DEF,
    planar::HALF_CHEETAH,
    planar::HOPPER,
    humanoid::DEF,
    humanoid::STANDUP,
    inverted_double_pendulum::DEF,
    inverted_pendulum::DEF,
    pusher::DEF,
    reacher::DEF,
    planar::SWIMMER,
    planar::WALKER2D,
];

const BLUEPRINTS: &[&Blueprint] = &[
    &ant::BLUEPRINT,
    &planar::CHEETAH_BLUEPRINT,
    &planar::HOPPER_BLUEPRINT,
    &humanoid::BLUEPRINT,
    &humanoid::STANDUP_BLUEPRINT,
    &inverted_double_pendulum::BLUEPRINT,
    &inverted_pendulum::BLUEPRINT,
    &pusher::BLUEPRINT,
    &reacher::BLUEPRINT,
    &planar::SWIMMER_BLUEPRINT,
    &planar::WALKER_BLUEPRINT,
];

/// One environment of this id by itself, where there is one, so that its simulation can be looked into.
///
/// # Errors
/// As [`EnvDef::make`].
pub fn robot(id: &str, options: &EnvOptions) -> Option<Result<Robot, EnvError>> {
    let blueprint = BLUEPRINTS.iter().find(|blueprint| blueprint.def.id == id)?;
    Some(blueprint.check(options).and_then(|()| {
        let model = Arc::new(blueprint.model(options)?);
        blueprint.robot(options, &model)
    }))
}
