//! Finds MuJoCo's library, to be put into the binary; without one, environments look for it when they are made.

use std::env;
use std::path::{Path, PathBuf};

/// Where `fetch-mujoco` puts it.
const FOLDER: &str = "lib";
const FILE: &str = "libmujoco.so.3.17.0";

fn main() {
    println!("cargo::rerun-if-env-changed=SLM_MUJOCO_LIB");
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rustc-check-cfg=cfg(embedded)");
    let given = env::var_os("SLM_MUJOCO_LIB").filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = &given {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    let path = given.clone().unwrap_or_else(|| Path::new(&package).join(FOLDER).join(FILE));
    match path.canonicalize() {
        Ok(path) if path.is_file() && (given.is_some() || fits_target()) => {
            println!("cargo::rustc-cfg=embedded");
            println!("cargo::rustc-env=SLM_MUJOCO_EMBEDDED={}", path.display());
        }
        _ if given.is_some() => {
            println!("cargo::error=SLM_MUJOCO_LIB names no file: {}", path.display());
        }
        _ => {}
    }
}

/// Whether what `fetch-mujoco` gets is for the machine that is built for.
fn fits_target() -> bool {
    let target = |key: &str| env::var(key).expect("cargo names the target");
    target("CARGO_CFG_TARGET_OS") == "linux" && target("CARGO_CFG_TARGET_ARCH") == "x86_64"
}
