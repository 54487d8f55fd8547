//! slm-lab: SLM-Lab, the modular deep reinforcement learning framework, as a Rust library.
//!
//! `ARCHITECTURE.md` shows the layers; the main path is
//! [`config`] (a spec file) → [`experiment`] (its meaning, and the loops that run it) →
//! [`algorithm`] (the agents) → [`net`], [`memory`], [`ops`].

#![forbid(unsafe_code)]

pub mod algorithm;
pub mod analysis;
pub mod config;
pub mod device;
pub mod experiment;
pub mod memory;
pub mod net;
pub mod ops;
pub mod registry;
