//! MuJoCo itself: its library, models and simulations, behind safe types. The only unsafe code here.
#![allow(unsafe_code, reason = "MuJoCo is a C library")]
#![allow(non_snake_case, reason = "its functions keep their names")]

mod api;
#[allow(clippy::unreadable_literal, reason = "a program writes it")]
mod layout;
mod library;
mod model;
mod simulation;

pub use model::{Geom, Model, ModelError};
pub use simulation::Simulation;
