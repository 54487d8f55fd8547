//! Where MuJoCo's library comes from: a path, the system, or the binary itself.

use std::env;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use libloading::Library;
use slm_env::EnvError;

use super::api::Api;

/// The variable of the environment that names the library's file.
const VARIABLE: &str = "MUJOCO_LIB";

/// The library's file name.
#[cfg(target_os = "linux")]
const NAME: &str = "libmujoco.so.3.17.0";
#[cfg(target_os = "macos")]
const NAME: &str = "libmujoco.3.17.0.dylib";
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
const NAME: &str = "mujoco.dll";

/// The library that the build has put into the binary, where it had one.
#[cfg(embedded)]
const EMBEDDED: Option<&[u8]> = Some(include_bytes!(env!("SLM_MUJOCO_EMBEDDED")));
#[cfg(not(embedded))]
const EMBEDDED: Option<&[u8]> = None;

/// MuJoCo, loaded at the first call: from the path in `MUJOCO_LIB`, else from where the system keeps libraries, else
/// from within the binary.
///
/// # Errors
/// When there is none of them, or what the path names is not MuJoCo 3.17.0.
pub(crate) fn mujoco() -> Result<&'static Api, EnvError> {
    static LOADED: OnceLock<Result<Api, EnvError>> = OnceLock::new();
    LOADED
        .get_or_init(|| {
            let path = env::var_os(VARIABLE).filter(|path| !path.is_empty());
            find(path.as_ref().map(Path::new), EMBEDDED)
        })
        .as_ref()
        .map_err(Clone::clone)
}

fn find(path: Option<&Path>, embedded: Option<&[u8]>) -> Result<Api, EnvError> {
    if cfg!(not(target_pointer_width = "64")) {
        return Err(missing("it is known on machines of 64 bits alone".to_owned()));
    }
    if let Some(path) = path {
        return open(path)
            .map_err(|reason| missing(format!("{VARIABLE} names {}: {reason}", path.display())));
    }
    if let Ok(api) = open(Path::new(NAME)) {
        return Ok(api);
    }
    match embedded {
        Some(bytes) => from_memory(bytes).map_err(missing),
        None => Err(missing(
            "this build does not hold it. Set MUJOCO_LIB to the path of the library or, on 64-bit \
             Linux, run envs/mujoco/fetch-mujoco and build again"
                .to_owned(),
        )),
    }
}

fn missing(how: String) -> EnvError {
    EnvError::Missing { what: format!("MuJoCo's library ({NAME})"), how }
}

fn open(path: &Path) -> Result<Api, String> {
    // SAFETY: the file is MuJoCo, whose constructors only register what it has.
    let library = unsafe { Library::new(path) }.map_err(|error| error.to_string())?;
    Api::new(library)
}

/// Loads a library from its bytes, by a file that lives in memory alone.
#[cfg(target_os = "linux")]
fn from_memory(bytes: &[u8]) -> Result<Api, String> {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    use rustix::fs::{MemfdFlags, memfd_create};

    let Ok(fd) = memfd_create(c"mujoco", MemfdFlags::CLOEXEC) else { return from_file(bytes) };
    let mut file = File::from(fd);
    file.write_all(bytes).map_err(|error| error.to_string())?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    open(Path::new(&path)).or_else(|_| from_file(bytes))
}

#[cfg(not(target_os = "linux"))]
fn from_memory(bytes: &[u8]) -> Result<Api, String> {
    from_file(bytes)
}

/// Loads a library from its bytes, by a new file of its own that is removed once it is loaded.
fn from_file(bytes: &[u8]) -> Result<Api, String> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static FILES: AtomicU32 = AtomicU32::new(0);

    let (process, n) = (std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
    let path = env::temp_dir().join(format!("slm-lab-{process}-{n}-{NAME}"));
    let result = write_new(&path, bytes)
        .map_err(|error| format!("{}: {error}", path.display()))
        .and_then(|()| open(&path));
    // Where a library in use can not be removed, the file stays.
    let _ = std::fs::remove_file(&path);
    result
}

/// Writes a file that was not there: one that somebody has laid in its place is not followed.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(result: Result<Api, EnvError>) -> String {
        result.err().expect("there is no such library").to_string()
    }

    #[test]
    fn a_path_to_nothing_says_which_variable_names_it() {
        let message = error(find(Some(Path::new("/nowhere/libmujoco.so")), EMBEDDED));
        assert!(message.contains("MUJOCO_LIB names /nowhere/libmujoco.so: "), "{message}");
    }

    #[test]
    fn bytes_that_are_no_library_are_refused() {
        assert!(from_memory(b"no library").is_err());
        assert!(from_file(b"no library").is_err());
    }

    #[test]
    fn another_library_is_not_taken_for_mujoco() {
        // The test's own process: a library without MuJoCo's functions.
        #[cfg(unix)]
        assert!(Api::new(libloading::os::unix::Library::this().into()).is_err());
    }

    #[test]
    fn the_embedded_library_loads_from_memory_and_from_a_file() {
        let Some(bytes) = EMBEDDED else { return };
        assert!(from_memory(bytes).is_ok());
        assert!(from_file(bytes).is_ok());
    }
}
