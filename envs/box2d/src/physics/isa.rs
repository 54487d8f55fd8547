//! Chooses the widest vector instructions the processor has; the bits do not depend on the choice.

use super::lanes::VelocityLanes;
use super::solver::lanes::Lane;

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    /// What the target guarantees: SSE2 on `x86_64`, NEON on `aarch64`.
    Base,
    /// 256-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

#[cfg(target_arch = "x86_64")]
pub(super) fn widest() -> Isa {
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
        Isa::Avx512
    } else if is_x86_feature_detected!("avx2") {
        Isa::Avx2
    } else {
        Isa::Base
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn widest() -> Isa {
    Isa::Base
}

/// Runs iterations with one set of instructions, which the processor must have.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "calling a function compiled for a detected instruction set")]
pub(super) fn iterate(isa: Isa, lanes: &mut VelocityLanes, iterations: u32) -> Lane<u32> {
    match isa {
        Isa::Base => lanes.iterate(iterations),
        // SAFETY: `widest` only names a set after detecting it.
        Isa::Avx2 => unsafe { iterate_avx2(lanes, iterations) },
        // SAFETY: `widest` only names a set after detecting it.
        Isa::Avx512 => unsafe { iterate_avx512(lanes, iterations) },
    }
}

/// Runs iterations with what the target guarantees.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn iterate(_: Isa, lanes: &mut VelocityLanes, iterations: u32) -> Lane<u32> {
    lanes.iterate(iterations)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn iterate_avx2(lanes: &mut VelocityLanes, iterations: u32) -> Lane<u32> {
    lanes.iterate(iterations)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl")]
fn iterate_avx512(lanes: &mut VelocityLanes, iterations: u32) -> Lane<u32> {
    lanes.iterate(iterations)
}
