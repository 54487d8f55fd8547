//! MuJoCo itself: its library, models and simulations, behind safe types. The only unsafe code here.
#![allow(unsafe_code, reason = "MuJoCo is a C library")]
#![allow(non_snake_case, reason = "its functions keep their names")]

mod api;
mod egl;
#[allow(clippy::unreadable_literal, reason = "a program writes it")]
mod layout;
mod library;
mod model;
mod scene;
mod simulation;
mod studio;

pub use model::{Geom, Model, ModelError};
pub(crate) use scene::{Pose, Shot};
pub use simulation::Simulation;
pub use studio::{Pictures, pictures};
