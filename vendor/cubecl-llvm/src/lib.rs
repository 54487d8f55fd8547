//! The names of `cubecl-llvm` that `cubecl-cuda` uses; kernels are compiled by NVRTC instead.

use core::ffi::c_char;
use core::fmt;

use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_environment::backtrace::BackTrace;
use cubecl_runtime::compiler::{CompilationError, Compiler};
use cubecl_runtime::kernel::BufferIOAttr;

/// What is said of NVIDIA's assembly language.
pub mod nvptx {
    /// Versions of it.
    pub mod ptx_version {
        use core::fmt;

        /// The newest version that a driver loads; here the driver's own, which only LLVM would have to map.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct PtxVersion(i32);

        impl PtxVersion {
            /// Of a driver by what `cuDriverGetVersion` says: 12080 is CUDA 12.8.
            pub fn for_driver(driver: i32) -> Option<Self> {
                Some(Self(driver))
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "driver{}", self.0)
            }
        }
    }
}

/// What all targets of LLVM share.
pub mod shared {
    /// What a device can do, as far as LLVM follows.
    pub mod lowered_features {
        use cubecl_core::ir::DeviceProperties;

        /// A kind of graphics card.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Takes away what LLVM does not compile. CUDA C++ compiles all of it, so nothing calls this.
        pub fn restrict_features(_properties: &mut DeviceProperties, _target: GpuTarget) {}
    }
}

/// What code is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LlvmTarget {
    /// NVIDIA's cards.
    #[default]
    Nvptx,
}

/// A compiler that compiles nothing.
#[derive(Clone, Debug, Default)]
pub struct PlironCompiler {
    /// What code would be made for.
    pub target: LlvmTarget,
}

/// What the compiler would be told.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// An AMD card; never one here.
    pub arch: Option<core::convert::Infallible>,
    /// The card.
    pub sm_arch: Option<SmArch>,
    /// The newest version that its driver loads.
    pub ptx_version: Option<nvptx::ptx_version::PtxVersion>,
    /// Whether scalars are passed in the kernel's parameters.
    pub grid_constants: bool,
}

/// A compiled kernel.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// Assembly, ending in NUL.
    pub ptx: Vec<c_char>,
    /// Name of the kernel in it.
    pub entrypoint: String,
    /// What it was compiled from.
    pub ir: String,
    /// Bytes of shared memory that a launch reserves.
    pub shared_memory_size: usize,
    /// What the kernel does with each buffer.
    pub io: Vec<BufferIOAttr>,
}

/// What compiling gives.
#[derive(Clone, Debug)]
#[non_exhaustive] // the published one has more, and `cubecl-cuda` matches them with `_`
pub enum PlironArtifact {
    /// Code for a card of NVIDIA's.
    NvptxCode(NvptxModule),
}

impl fmt::Display for PlironArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::NvptxCode(module) = self;
        f.write_str(&module.ir)
    }
}

impl Compiler for PlironCompiler {
    type Representation = PlironArtifact;
    type CompilationOptions = PlironOptions;

    fn compile(
        &mut self,
        _kernel: KernelDefinition,
        _options: &PlironOptions,
    ) -> Result<PlironArtifact, CompilationError> {
        Err(CompilationError::Generic {
            reason: "LLVM is not in this build; `cubecl-cuda` needs its feature `cpp`".to_owned(),
            backtrace: BackTrace::capture(),
        })
    }

    fn extension(&self) -> &'static str {
        "ll"
    }

    fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}
