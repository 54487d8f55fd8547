//! Training through WGPU agrees with training on the processor, and either goes on from the other's checkpoint.
//!
//! Needs a Vulkan driver; a software one will do (Debian: mesa-vulkan-drivers, libvulkan1). Run with
//! `cargo test --features wgpu --test wgpu`.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use slm_env::{ActionBatch, SeedSequence, StateReader, StateWriter, StepBatch, VecEnv};
use slm_lab::algorithm::{Agent, AgentContext};
use slm_lab::config::{Available, Diagnostics, Given, load};
use slm_lab::device::{DeviceChoice, DeviceError, TrainDevice, open};
use slm_lab::experiment::Plan;
use slm_lab::registry;
use slm_policy::{Layer, Policy, Scratch};

/// Relative to 1 or the value, whichever is larger. Gradient steps compound the rounding of sums taken
/// in another order, 2⁻²³ ≈ 1.2e-7 each. After three updates 2e-7 (losses, outputs) and 1e-7 (weights)
/// were measured; 3e-6 for weights whose gradients are next to nothing, which Adam scales up, after twelve
/// steps of SAC. This leaves room for other drivers.
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
    let given = |text: &&str| Given { option: "-s", text: (*text).to_owned() };
    let settings: Vec<Given> = settings.iter().map(given).collect();
    let mut found = Diagnostics::new();
    let spec = load(file, name, &settings, &available, &mut found);
    let plan = spec.and_then(|spec| Plan::resolve(spec, &mut found));
    found.finish(plan).unwrap_or_else(|errors| panic!("{errors}"))
}

/// An agent at work in its environments, where a device trains it.
struct Run {
    agent: Box<dyn Agent>,
    env: Box<dyn VecEnv>,
    batch: StepBatch,
    actions: ActionBatch,
    frame: u64,
}

impl Run {
    fn new(plan: &Plan, device: &TrainDevice) -> Self {
        let seed = SeedSequence::new(7_u64);
        let context = AgentContext { compute: &device.compute(1), seed: &seed };
        let mut env = plan.env.make(7, 1).unwrap();
        let (mut batch, actions) = (env.new_batch(), env.new_actions());
        env.reset(&mut batch);
        Self { agent: plan.agent.build(&context), env, batch, actions, frame: 0 }
    }

    /// Goes on from what [`save`](Self::save) gave, of a run on whichever device.
    fn load(plan: &Plan, device: &TrainDevice, state: &[u8]) -> Self {
        let (mut run, mut from) = (Self::new(plan, device), StateReader::new(state));
        run.agent.load(&mut from).unwrap();
        run.env.load(&mut from).unwrap();
        run.batch.load(&mut from).unwrap();
        run.frame = from.u64().unwrap();
        from.finish().unwrap();
        run
    }

    fn save(&self) -> Vec<u8> {
        let mut out = StateWriter::new();
        self.agent.save(&mut out);
        self.env.save(&mut out);
        self.batch.save(&mut out);
        out.u64(self.frame);
        out.into_bytes()
    }

    /// Losses of so many updates.
    fn train(&mut self, updates: usize) -> Vec<f64> {
        let mut losses = Vec::new();
        while losses.len() < updates {
            self.agent.act(&self.batch, &mut self.actions);
            self.env.step(&self.actions, &mut self.batch);
            self.agent.observe(&self.batch);
            self.frame += self.env.num_envs() as u64;
            losses.extend(self.agent.update(self.frame).map(|stats| stats.loss));
        }
        losses
    }

    /// Weights of the network that acts.
    fn weights(&self) -> Vec<f64> {
        let net = self.agent.acting_net().expect("these algorithms have networks").network;
        let weights = net.layers.iter().flat_map(|layer| match layer {
            Layer::Linear(linear) => [linear.weight(), linear.bias().to_vec()].concat(),
            Layer::Conv2d(conv) => [conv.weight(), conv.bias()].concat(),
            _ => Vec::new(),
        });
        weights.map(f64::from).collect()
    }

    fn obs(&self) -> Vec<f64> {
        self.batch.obs.as_f32s(&mut Vec::new()).iter().copied().map(f64::from).collect()
    }

    /// What the exported policy, written and read again, says of the present observations.
    fn exported(&self) -> Vec<f64> {
        let net = self.agent.acting_net().expect("these algorithms have networks");
        let obs: Vec<f32> = self.obs().iter().map(|&value| value as f32).collect();
        let n = self.env.num_envs();
        let policy = Policy::new(&[obs.len() / n], None, net.network, net.head).unwrap();
        let policy = Policy::from_bytes(&policy.to_bytes()).unwrap();
        let mut scratch = Scratch::default();
        let outputs = policy.network().forward(&obs, n, &mut scratch);
        outputs.iter().copied().map(f64::from).collect()
    }
}

fn assert_close(name: &str, cpu: &[f64], gpu: &[f64]) {
    assert_eq!(cpu.len(), gpu.len(), "{name}");
    for (k, (a, b)) in cpu.iter().zip(gpu).enumerate() {
        let scale = 1.0_f64.max(a.abs());
        assert!((a - b).abs() <= TOLERANCE * scale, "{name} {k}: {a} on the processor, {b}");
    }
}

/// Trains both on and compares what they come to.
fn agree(mut cpu: Run, mut gpu: Run, when: &str) {
    let losses = [cpu.train(UPDATES), gpu.train(UPDATES)];
    assert_close(&format!("{when}: loss"), &losses[0], &losses[1]);
    assert_close(&format!("{when}: weight"), &cpu.weights(), &gpu.weights());
    assert_close(&format!("{when}: observation"), &cpu.obs(), &gpu.obs());
    assert_close(&format!("{when}: output"), &cpu.exported(), &gpu.exported());
}

/// From the start, and from checkpoints of either on the other.
fn agrees_with_the_processor(plan: &Plan) {
    let _turn = one_at_a_time();
    let card = open(DeviceChoice::Wgpu(0)).unwrap_or_else(|error| panic!("{error}"));
    let cpu = open(DeviceChoice::Cpu).unwrap();
    agree(Run::new(plan, &cpu), Run::new(plan, &card), "from the start");
    for (device, place) in [(&cpu, "the processor"), (&card, "the card")] {
        let mut begun = Run::new(plan, device);
        begun.train(UPDATES);
        let state = begun.save();
        assert!(Run::load(plan, device, &state).save() == state, "what {place} saves, it reads");
        let [cpu, gpu] = [&cpu, &card].map(|device| Run::load(plan, device, &state));
        agree(cpu, gpu, &format!("from a checkpoint of {place}"));
    }
}

#[test]
fn ppo_trains_as_on_the_processor() {
    let settings = ["agent.algorithm.training_epoch=1"];
    agrees_with_the_processor(&plan("demo.json", "ppo_cartpole", &settings));
}

#[test]
fn a2c_trains_as_on_the_processor() {
    let file = "benchmark/a2c/a2c_gae_cartpole.json";
    agrees_with_the_processor(&plan(file, "a2c_gae_cartpole", &[]));
}

/// Pictures of 96 x 96 x 3, of which the first layer takes 23·23·16·192 = 1.6e6 multiply-adds in each of two
/// environments: the card acts, too.
const PICTURES: &str = "pictures:
  agent:
    name: PPO
    algorithm: {name: PPO, gamma: 0.99, lam: 0.95, time_horizon: 8, minibatch_size: 8,
      training_epoch: 2, clip_eps_spec: {name: no_decay, start_val: 0.2},
      entropy_coef_spec: {name: no_decay, start_val: 0.01}}
    memory: {name: OnPolicyBatchReplay}
    net: {type: ConvNet, shared: true, use_same_optim: true, normalize: true, batch_norm: false,
      conv_hid_layers: [[16, 8, 4], [32, 4, 2]], fc_hid_layers: [64],
      hid_layers_activation: relu, clip_grad_val: 0.5,
      optim_spec: {name: SGD, lr: 0.01}}
  env: {name: CarRacing-v3, continuous: false, num_envs: 2, max_frame: 1000}
  meta: {max_session: 1}
";

#[test]
fn ppo_of_pictures_acts_and_trains_as_on_the_processor() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pictures.yaml");
    std::fs::write(&file, PICTURES).unwrap();
    agrees_with_the_processor(&plan(file.to_str().unwrap(), "pictures", &[]));
}

/// Learning from the first 64 transitions on, of as many.
const EARLY: [&str; 4] = [
    "agent.algorithm.training_start_step=64",
    "agent.algorithm.training_iter=2",
    "agent.memory.batch_size=64",
    "agent.memory.max_size=1000",
];

#[test]
fn dqn_with_priorities_trains_as_on_the_processor() {
    let file = "benchmark_arc/dqn/dqn_classic_arc.yaml";
    agrees_with_the_processor(&plan(file, "ddqn_per_boltzmann_cartpole_arc", &EARLY));
}

#[test]
fn sac_trains_as_on_the_processor() {
    let file = "benchmark_arc/sac/sac_classic_arc.yaml";
    for name in ["sac_pendulum_arc", "sac_cartpole_arc"] {
        agrees_with_the_processor(&plan(file, name, &EARLY));
    }
}

#[test]
fn td3_and_ddpg_train_as_on_the_processor() {
    for name in ["td3_pendulum", "ddpg_pendulum"] {
        agrees_with_the_processor(&plan(&format!("benchmark/td3/{name}.yaml"), name, &EARLY));
    }
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
