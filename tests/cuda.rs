//! Training through CUDA agrees with training on the processor.
//!
//! Run with `cargo test --features cuda --test cuda`. Where there is no driver of NVIDIA's, training is left out and
//! only the refusal is tested.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]
#![allow(clippy::print_stdout, reason = "what is left out is said")]

#[macro_use]
mod agreement;

use slm_lab::device::{DeviceChoice, open, open_for};

use agreement::{Card, one_at_a_time};

/// On tensor cores the factors of products of matrices have 10 bits (TF32): 2⁻¹¹ ≈ 5e-4 each. Adam moves
/// weights whose gradients are next to nothing by its learning rate of up to 1e-3, in either direction, at each of
/// a few steps.
const TOLERANCE: f64 = 3e-2;
/// After the first, actions are drawn from networks that differ by that much, and one that differs is another
/// episode.
const UPDATES: usize = 1;

/// The first card, if this machine has a driver; anything else that is missing fails the test.
fn card() -> Option<Card> {
    match open(DeviceChoice::Cuda(Some(0))) {
        Ok(device) => Some(Card { device, tolerance: TOLERANCE, updates: UPDATES }),
        Err(error) if error.to_string().contains("no driver of NVIDIA's was found") => {
            println!("left out: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

agreement_tests!(card().iter());

#[test]
fn a_card_that_is_not_there_is_one_clear_error() {
    let _turn = one_at_a_time();
    let error = open(DeviceChoice::Cuda(Some(99))).unwrap_err().to_string();
    assert!(error.starts_with("no device cuda:99 on this machine: "), "{error}");
}

#[test]
fn without_a_driver_or_a_card_there_is_one_line_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_slm-lab"));
    // Where there is a driver, it now sees no card.
    program.args(["--device", "cuda"]).env("CUDA_VISIBLE_DEVICES", "").current_dir(folder.path());
    let ran = program.output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: no device cuda on this machine: "), "{said}");
    assert!(
        said.contains("NVIDIA's") && said.contains("--device auto takes what there is"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
}

#[test]
fn auto_takes_the_first_card_of_cuda() {
    let _turn = one_at_a_time();
    if card().is_some() {
        let notice = open_for(DeviceChoice::Auto(None), 0, 1).unwrap().notice.unwrap();
        assert!(notice.starts_with("training on cuda:0: "), "{notice}");
    }
}

#[test]
fn auto_trains_where_it_can_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_slm-lab"));
    program.args(["--device", "auto", "-s", "env.max_frame=256"]).current_dir(folder.path());
    program.env("CUDA_VISIBLE_DEVICES", "");
    let ran = program.output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("training on "), "{said}");
}
