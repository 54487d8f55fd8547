//! NVRTC, which compiles kernels when they first run, and the headers that kernels include.
#![allow(unsafe_code, reason = "one function of NVRTC is called")]

use std::ffi::c_int;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Version;
use crate::library::{find, keep};

/// NVRTC's library, by the names that Burn's binding tries, as far as NVIDIA has used them.
pub const COMPILER_NAMES: &[&str] = if cfg!(windows) {
    &["nvrtc64_130_0.dll"]
} else {
    &["libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"]
};

/// Where a toolkit, or NVIDIA's packages on `PyPI`, keep NVRTC.
const FOLDERS: [&str; 5] = ["lib64", "lib", "lib/x86_64-linux-gnu", "bin", "../cuda_nvrtc/lib"];

/// What kernels on tensor cores include, and what that includes.
const HEADERS: [&str; 3] = ["mma.h", "crt/mma.h", "cuda_fp16.h"];

/// NVIDIA's run-time compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// The CUDA that it belongs to.
    pub version: Version,
    /// Its file's name.
    pub library: &'static str,
}

/// Why there is no compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompilerError {
    /// There is no NVRTC.
    NoLibrary,
    /// What has its name is not NVRTC.
    Unusable(&'static str),
}

/// NVRTC, that below `toolkit` before others of its major version; Burn finds the same one afterwards.
///
/// # Errors
/// When there is none.
pub fn compiler(toolkit: Option<&Path>) -> Result<Compiler, CompilerError> {
    let folders: Vec<PathBuf> =
        toolkit.iter().flat_map(|toolkit| FOLDERS.map(|folder| toolkit.join(folder))).collect();
    let found = find(COMPILER_NAMES, &folders).ok_or(CompilerError::NoLibrary)?;
    // SAFETY: nvrtc.h declares it so.
    let version = unsafe {
        found.function::<unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int>("nvrtcVersion")
    };
    let version = version.ok_or(CompilerError::Unusable(found.name))?;
    let (mut major, mut minor) = (0, 0);
    // SAFETY: it writes two numbers.
    if unsafe { version(&raw mut major, &raw mut minor) } != 0 {
        return Err(CompilerError::Unusable(found.name));
    }
    let version = Version { major, minor };
    // NVRTC opens it by its name alone, and 13.0 does not look beside itself.
    keep(&format!("libnvrtc-builtins.so.{version}"), &folders);
    Ok(Compiler { version, library: found.name })
}

/// Those of the headers that kernels include which are not in `folder`.
pub fn missing_headers(folder: &Path) -> Vec<&'static str> {
    HEADERS.into_iter().filter(|header| !folder.join(header).is_file()).collect()
}

/// The CUDA that the headers in `folder` belong to, where they say it.
pub fn headers_version(folder: &Path) -> Option<Version> {
    let text = fs::read_to_string(folder.join("cuda_runtime_api.h")).ok()?;
    let define = |line: &'_ str| line.strip_prefix("#define CUDART_VERSION")?.trim().parse().ok();
    text.lines().find_map(define).map(Version::from_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_which_cuda_they_belong_to() {
        let folder = std::env::temp_dir().join(format!("slm-cuda-headers-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cuda_runtime_api.h"), "/** x */\n#define CUDART_VERSION  12080\n")
            .unwrap();
        let version = headers_version(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(version, Some(Version { major: 12, minor: 8 }));
        assert_eq!(headers_version(Path::new("/nowhere")), None);
    }

    #[test]
    fn headers_that_are_not_there_are_named() {
        assert_eq!(missing_headers(Path::new("/nowhere")), HEADERS);
    }

    /// Whatever this machine has: an answer, and the same one again.
    #[test]
    fn the_compiler_is_asked_as_often_as_one_likes() {
        let first = compiler(Some(Path::new("/nowhere")));
        assert_eq!(first, compiler(Some(Path::new("/nowhere"))));
        if let Ok(compiler) = first {
            assert!(compiler.version.major >= 10, "{compiler:?}");
        }
    }
}
