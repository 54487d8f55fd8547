//! Environments whose pictures cost next to nothing to make: for measuring how fast images are learned from.
#![forbid(unsafe_code)]

mod frames;

use slm_env::EnvDef;

/// Every environment of this family.
pub const ENVS: &[EnvDef] = &[frames::DEF];
