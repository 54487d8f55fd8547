//! Training through WGPU agrees with training on the processor.
//!
//! Needs a Vulkan driver; a software one will do (Debian: mesa-vulkan-drivers, libvulkan1). Run with
//! `cargo test --features wgpu --test wgpu`.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use slm_env::SeedSequence;
use slm_lab::algorithm::AgentContext;
use slm_lab::config::{Available, Diagnostics, load};
use slm_lab::device::{DeviceChoice, DeviceError, TrainDevice, open};
use slm_lab::experiment::Plan;
use slm_lab::registry;
use slm_policy::Layer;

/// Relative to 1 or the value, whichever is larger. Gradient steps compound the rounding of sums taken
/// in another order, 2⁻²³ ≈ 1.2e-7 each; after three updates 1e-7 (weights) and 1.2e-7 (losses) were
/// measured, and this leaves room for other drivers.
const TOLERANCE: f64 = 1e-5;
const UPDATES: usize = 3;

/// Vulkan loaders may crash when several threads start at once; the program opens devices one by one.
static DRIVER: Mutex<()> = Mutex::new(());

fn one_at_a_time() -> MutexGuard<'static, ()> {
    DRIVER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn plan(file: &str, name: &str, settings: &[&str]) -> Plan {
    let (algorithms, envs) = (registry::algorithm_names(), registry::env_names());
    let available = Available { algorithms: &algorithms, envs: &envs };
    let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
    let mut found = Diagnostics::new();
    let spec = load(file, name, &settings, &available, &mut found);
    let plan = spec.and_then(|spec| Plan::resolve(spec, &mut found));
    found.finish(plan).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Losses of the first updates, and the weights after them.
fn train(plan: &Plan, device: &TrainDevice) -> (Vec<f64>, Vec<f64>) {
    let seed = SeedSequence::new(7_u64);
    let mut agent = plan.agent.build(&AgentContext { compute: &device.compute(1), seed: &seed });
    let mut env = plan.env.make(7, 1).unwrap();
    let (mut batch, mut actions) = (env.new_batch(), env.new_actions());
    env.reset(&mut batch);
    let (mut losses, mut frame) = (Vec::new(), 0);
    while losses.len() < UPDATES {
        agent.act(&batch, &mut actions);
        env.step(&actions, &mut batch);
        agent.observe(&batch);
        frame += plan.env.num_envs as u64;
        losses.extend(agent.update(frame).map(|stats| stats.loss));
    }
    let net = agent.acting_net().expect("these algorithms have networks").network;
    let weights = net.layers.iter().flat_map(|layer| match layer {
        Layer::Linear(linear) => [linear.weight(), linear.bias().to_vec()].concat(),
        _ => Vec::new(),
    });
    (losses, weights.map(f64::from).collect())
}

fn agrees_with_the_processor(plan: &Plan) {
    let _turn = one_at_a_time();
    let card = open(DeviceChoice::Wgpu(0)).unwrap_or_else(|error| panic!("{error}"));
    let (cpu, gpu) = (train(plan, &open(DeviceChoice::Cpu).unwrap()), train(plan, &card));
    assert_eq!((cpu.0.len(), cpu.1.len()), (gpu.0.len(), gpu.1.len()));
    for (name, cpu, gpu) in [("loss", &cpu.0, &gpu.0), ("weight", &cpu.1, &gpu.1)] {
        for (k, (a, b)) in cpu.iter().zip(gpu).enumerate() {
            let scale = 1.0_f64.max(a.abs());
            assert!((a - b).abs() <= TOLERANCE * scale, "{name} {k}: {a} on the processor, {b}");
        }
    }
}

#[test]
fn ppo_trains_as_on_the_processor() {
    let settings = ["agent.algorithm.training_epoch=2"];
    agrees_with_the_processor(&plan("demo.json", "ppo_cartpole", &settings));
}

#[test]
fn a2c_trains_as_on_the_processor() {
    let file = "benchmark/a2c/a2c_gae_cartpole.json";
    agrees_with_the_processor(&plan(file, "a2c_gae_cartpole", &[]));
}

#[test]
fn a_card_that_is_not_there_is_one_clear_error() {
    let _turn = one_at_a_time();
    let error = open(DeviceChoice::Wgpu(99)).unwrap_err();
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
        said.starts_with("error: no device wgpu:0 on this machine: no graphics driver"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
}
