//! The integration tests, in one binary: each binary links Burn again.

mod comparison;
mod determinism;
mod playback;
mod resume;
mod specs;
