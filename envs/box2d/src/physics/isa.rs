//! Chooses the widest vector instructions the processor has; the bits do not depend on the choice.

/// Code to be compiled for each set.
pub(super) trait Kernel {
    /// What it returns.
    type Out;

    /// Runs it; to be inlined always.
    fn run(self) -> Self::Out;
}

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

/// The widest set this processor has.
#[cfg(target_arch = "x86_64")]
pub(super) fn widest() -> Isa {
    let has_avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq");
    if has_avx512 {
        Isa::Avx512
    } else if is_x86_feature_detected!("avx2") {
        Isa::Avx2
    } else {
        Isa::Base
    }
}

/// The widest set this target has.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn widest() -> Isa {
    Isa::Base
}

/// Every set this processor has.
#[cfg(all(test, target_arch = "x86_64"))]
pub(super) fn available() -> Vec<Isa> {
    let mut sets = vec![Isa::Base];
    sets.extend(is_x86_feature_detected!("avx2").then_some(Isa::Avx2));
    sets.extend((widest() == Isa::Avx512).then_some(Isa::Avx512));
    sets
}

/// Every set this target has.
#[cfg(all(test, not(target_arch = "x86_64")))]
pub(super) fn available() -> Vec<Isa> {
    vec![Isa::Base]
}

/// Runs code with one set of instructions, which the processor must have.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "calling a function compiled for a detected instruction set")]
pub(super) fn run<K: Kernel>(isa: Isa, kernel: K) -> K::Out {
    match isa {
        Isa::Base => kernel.run(),
        // SAFETY: `widest` and `available` only name a set after detecting it.
        Isa::Avx2 => unsafe { run_avx2(kernel) },
        // SAFETY: `widest` and `available` only name a set after detecting it.
        Isa::Avx512 => unsafe { run_avx512(kernel) },
    }
}

/// Runs code with what the target guarantees.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn run<K: Kernel>(_: Isa, kernel: K) -> K::Out {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Out {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Out {
    kernel.run()
}
