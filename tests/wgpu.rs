//! Training through WGPU agrees with training on the processor.
//!
//! Needs a Vulkan driver; a software one will do (Debian: mesa-vulkan-drivers, libvulkan1). Run with
//! `cargo test --features wgpu --test wgpu`.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

#[macro_use]
mod agreement;

use slm_lab::device::{DeviceChoice, DeviceError, open};

use agreement::{Card, one_at_a_time};

/// Gradient steps compound the rounding of sums taken in another order, 2⁻²³ ≈ 1.2e-7 each. After three
/// updates 2e-7 (losses, outputs) and 1e-7 (weights) were measured; 3e-6 for weights whose gradients are
/// next to nothing, which Adam scales up, after twelve steps of SAC. This leaves room for other drivers.
const TOLERANCE: f64 = 1e-5;
const UPDATES: usize = 3;

fn card() -> Card {
    let device = open(DeviceChoice::Wgpu(Some(0))).unwrap_or_else(|error| panic!("{error}"));
    Card { device, tolerance: TOLERANCE, updates: UPDATES }
}

agreement_tests!([card()].iter());

#[test]
fn a_card_that_is_not_there_is_one_clear_error() {
    let _turn = one_at_a_time();
    let error = open(DeviceChoice::Wgpu(Some(99))).unwrap_err();
    assert!(matches!(error, DeviceError::Missing { .. }), "{error}");
    assert!(error.to_string().starts_with("no device wgpu:99 on this machine: "), "{error}");
}

#[test]
fn a_missing_driver_is_one_line_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_slm-lab"));
    program.args(["--device", "wgpu"]).current_dir(folder.path());
    // The Vulkan loader looks for drivers where these say, and nowhere else.
    program.env("VK_DRIVER_FILES", "/nowhere").env("VK_ICD_FILENAMES", "/nowhere");
    let ran = program.output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert!(
        said.starts_with("error: no device wgpu on this machine: no graphics driver"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
}
