//! The classic control environments of Gymnasium, with its dynamics and its random initial states.
#![forbid(unsafe_code)]

mod acrobot;
mod cartpole;
mod mountain_car;
mod mountain_car_continuous;
mod numpy;
mod pendulum;
mod valley;

use slm_env::EnvDef;

/// Every environment of this family.
pub const ENVS: &[EnvDef] = &[
    cartpole::V0,
    cartpole::V1,
    mountain_car::DEF,
    mountain_car_continuous::DEF,
    acrobot::DEF,
    pendulum::DEF,
];
