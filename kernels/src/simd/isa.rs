//! Chooses the widest vector instructions the processor has.
#![allow(unsafe_code, reason = "calls functions compiled for a detected instruction set")]

use super::Kernel;
use super::Simd;
#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
use super::portable::Portable;

/// A set of vector instructions this processor has.
///
/// Results differ in the last bits between [`Isa::PORTABLE`], which does not fuse a
/// multiplication with an addition on `x86_64`, and the wider sets, which do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Isa {
    /// What the target guarantees: SSE2 on `x86_64`, NEON on `aarch64`.
    pub const PORTABLE: Isa = Isa(Set::Portable);

    /// The widest set.
    #[inline]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(token) = Avx512::detect() {
            return Isa(Set::Avx512(token));
        } else if let Some(token) = Avx2::detect() {
            return Isa(Set::Avx2(token));
        }
        Self::PORTABLE
    }

    /// Every set, the narrowest first.
    pub fn available() -> Vec<Self> {
        let sets = [
            Some(Self::PORTABLE),
            #[cfg(target_arch = "x86_64")]
            Avx2::detect().map(|token| Isa(Set::Avx2(token))),
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(|token| Isa(Set::Avx512(token))),
        ];
        sets.into_iter().flatten().collect()
    }

    /// How people call it.
    pub fn name(self) -> &'static str {
        match self.0 {
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "AVX-512",
        }
    }

    /// Numbers in a vector.
    pub(crate) fn lanes(self) -> usize {
        match self.0 {
            Set::Portable => Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => Avx512::LANES,
        }
    }

    /// Runs a kernel compiled for this set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            Set::Portable => kernel.run(Portable),
            // SAFETY: the token exists only where its instructions were detected.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(token) => unsafe { run_avx2(token, kernel) },
            // SAFETY: the token exists only where its instructions were detected.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(token) => unsafe { run_avx512(token, kernel) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(token: Avx2, kernel: K) -> K::Output {
    kernel.run(token)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
fn run_avx512<K: Kernel>(token: Avx512, kernel: K) -> K::Output {
    kernel.run(token)
}
