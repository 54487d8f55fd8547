//! Chooses the widest vector instructions the processor has; the bits do not depend on the choice.

use crate::network::Buffers;
use crate::network::Network;
use crate::network::Rows;

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    /// What the target guarantees: SSE2 on `x86_64`, NEON on `aarch64`.
    Base,
    /// 256-bit vectors.
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    Avx2,
    /// 512-bit vectors.
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    Avx512,
}

/// Runs the network with the widest instructions available.
#[inline]
pub(crate) fn forward<'s>(net: &Network, rows: Rows<'_>, buffers: &'s mut Buffers) -> &'s [f32] {
    if net.is_plain() {
        forward_with::<false>(widest(), net, rows, buffers)
    } else {
        forward_with::<true>(widest(), net, rows, buffers)
    }
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
fn widest() -> Isa {
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
        Isa::Avx512
    } else if is_x86_feature_detected!("avx2") {
        Isa::Avx2
    } else {
        Isa::Base
    }
}

#[cfg(not(all(feature = "std", target_arch = "x86_64")))]
fn widest() -> Isa {
    Isa::Base
}

/// Every set this processor has.
#[cfg(all(test, feature = "std", target_arch = "x86_64"))]
pub(crate) fn available() -> alloc::vec::Vec<Isa> {
    let mut sets = alloc::vec![Isa::Base];
    sets.extend(is_x86_feature_detected!("avx2").then_some(Isa::Avx2));
    sets.extend((widest() == Isa::Avx512).then_some(Isa::Avx512));
    sets
}

/// Every set this target has.
#[cfg(all(test, not(all(feature = "std", target_arch = "x86_64"))))]
pub(crate) fn available() -> alloc::vec::Vec<Isa> {
    alloc::vec![Isa::Base]
}

/// Runs the network with one set of instructions, which the processor must have.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[allow(unsafe_code, reason = "calling a function compiled for a detected instruction set")]
pub(crate) fn forward_with<'s, const ALL: bool>(
    isa: Isa,
    net: &Network,
    rows: Rows<'_>,
    buffers: &'s mut Buffers,
) -> &'s [f32] {
    match isa {
        Isa::Base => net.run::<1, false, ALL>(rows, buffers),
        // SAFETY: `widest` and `available` only name a set after detecting it.
        Isa::Avx2 => unsafe { forward_avx2::<ALL>(net, rows, buffers) },
        // SAFETY: `widest` and `available` only name a set after detecting it.
        Isa::Avx512 => unsafe { forward_avx512::<ALL>(net, rows, buffers) },
    }
}

/// Runs the network with what the target guarantees.
#[cfg(not(all(feature = "std", target_arch = "x86_64")))]
pub(crate) fn forward_with<'s, const ALL: bool>(
    _: Isa,
    net: &Network,
    rows: Rows<'_>,
    buffers: &'s mut Buffers,
) -> &'s [f32] {
    net.run::<1, false, ALL>(rows, buffers)
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[target_feature(enable = "avx2")]
fn forward_avx2<'s, const ALL: bool>(
    net: &Network,
    rows: Rows<'_>,
    buffers: &'s mut Buffers,
) -> &'s [f32] {
    net.run::<2, true, ALL>(rows, buffers)
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[target_feature(enable = "avx512f,avx512vl")]
fn forward_avx512<'s, const ALL: bool>(
    net: &Network,
    rows: Rows<'_>,
    buffers: &'s mut Buffers,
) -> &'s [f32] {
    net.run::<4, true, ALL>(rows, buffers)
}
