//! Training on a card agrees with training on the processor, and either goes on from the other's checkpoint.

use std::sync::{Mutex, MutexGuard, PoisonError};

use slm_env::{ActionBatch, SeedSequence, StateReader, StateWriter, StepBatch, VecEnv};
use slm_lab::algorithm::{Agent, AgentContext};
use slm_lab::config::{Available, Diagnostics, Given, load};
use slm_lab::device::{DeviceChoice, TrainDevice, open};
use slm_lab::experiment::Plan;
use slm_lab::registry;
use slm_policy::{Layer, Policy, Scratch};

/// A card, and how closely it is to agree with the processor.
pub(crate) struct Card {
    pub(crate) device: TrainDevice,
    /// Of losses, weights and outputs; relative to 1 or the value, whichever is larger.
    pub(crate) tolerance: f64,
    /// After so many updates.
    pub(crate) updates: usize,
}

/// Drivers may crash when several threads start at once; the program opens devices one by one.
static DRIVER: Mutex<()> = Mutex::new(());

pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
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

/// How far apart weights are.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

impl Card {
    fn assert_close(&self, name: &str, cpu: &[f64], gpu: &[f64]) {
        assert_eq!(cpu.len(), gpu.len(), "{name}");
        for (k, (a, b)) in cpu.iter().zip(gpu).enumerate() {
            let scale = 1.0_f64.max(a.abs());
            let close = (a - b).abs() <= self.tolerance * scale;
            assert!(close, "{name} {k}: {a} on the processor, {b}");
        }
    }

    /// Trains both on and compares what they come to.
    fn agree(&self, mut cpu: Run, mut gpu: Run, when: &str) {
        let before = cpu.weights();
        let losses = [cpu.train(self.updates), gpu.train(self.updates)];
        self.assert_close(&format!("{when}: loss"), &losses[0], &losses[1]);
        let [on_cpu, on_gpu] = [&cpu, &gpu].map(Run::weights);
        self.assert_close(&format!("{when}: weight"), &on_cpu, &on_gpu);
        // Whatever the tolerance, learning moves them the same way.
        let (moved, apart) = (distance(&before, &on_cpu), distance(&on_cpu, &on_gpu));
        assert!(moved > 0.0 && apart < 0.5 * moved, "{when}: moved {moved}, {apart} apart");
        self.assert_close(&format!("{when}: observation"), &cpu.obs(), &gpu.obs());
        self.assert_close(&format!("{when}: output"), &cpu.exported(), &gpu.exported());
    }

    /// From the start, and from checkpoints of either on the other.
    fn agrees_with_the_processor(&self, plan: &Plan) {
        let (card, cpu) = (&self.device, open(DeviceChoice::Cpu).unwrap());
        self.agree(Run::new(plan, &cpu), Run::new(plan, card), "from the start");
        for (device, place) in [(&cpu, "the processor"), (card, "the card")] {
            let mut begun = Run::new(plan, device);
            begun.train(self.updates);
            let state = begun.save();
            assert!(
                Run::load(plan, device, &state).save() == state,
                "what {place} saves, it reads"
            );
            let [cpu, gpu] = [&cpu, card].map(|device| Run::load(plan, device, &state));
            self.agree(cpu, gpu, &format!("from a checkpoint of {place}"));
        }
    }

    pub(crate) fn trains_ppo_as_the_processor(&self) {
        let settings = ["agent.algorithm.training_epoch=1"];
        self.agrees_with_the_processor(&plan("demo.json", "ppo_cartpole", &settings));
    }

    pub(crate) fn trains_a2c_as_the_processor(&self) {
        let file = "benchmark/a2c/a2c_gae_cartpole.json";
        self.agrees_with_the_processor(&plan(file, "a2c_gae_cartpole", &[]));
    }

    /// The card acts, too.
    pub(crate) fn acts_and_trains_ppo_of_pictures_as_the_processor(&self) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pictures.yaml");
        std::fs::write(&file, PICTURES).unwrap();
        self.agrees_with_the_processor(&plan(file.to_str().unwrap(), "pictures", &[]));
    }

    pub(crate) fn trains_dqn_with_priorities_as_the_processor(&self) {
        let file = "benchmark_arc/dqn/dqn_classic_arc.yaml";
        self.agrees_with_the_processor(&plan(file, "ddqn_per_boltzmann_cartpole_arc", &EARLY));
    }

    pub(crate) fn trains_sac_as_the_processor(&self) {
        let file = "benchmark_arc/sac/sac_classic_arc.yaml";
        for name in ["sac_pendulum_arc", "sac_cartpole_arc"] {
            self.agrees_with_the_processor(&plan(file, name, &EARLY));
        }
    }

    pub(crate) fn trains_td3_and_ddpg_as_the_processor(&self) {
        for name in ["td3_pendulum", "ddpg_pendulum"] {
            let file = format!("benchmark/td3/{name}.yaml");
            self.agrees_with_the_processor(&plan(&file, name, &EARLY));
        }
    }
}

/// A test of each kind of training on `$cards`, an iterator of [`Card`]s.
macro_rules! agreement_tests {
    ($cards:expr) => {
        agreement_tests! { $cards;
            ppo_trains_as_on_the_processor: trains_ppo_as_the_processor;
            a2c_trains_as_on_the_processor: trains_a2c_as_the_processor;
            ppo_of_pictures_acts_and_trains_as_on_the_processor:
                acts_and_trains_ppo_of_pictures_as_the_processor;
            dqn_with_priorities_trains_as_on_the_processor:
                trains_dqn_with_priorities_as_the_processor;
            sac_trains_as_on_the_processor: trains_sac_as_the_processor;
            td3_and_ddpg_train_as_on_the_processor: trains_td3_and_ddpg_as_the_processor;
        }
    };
    ($cards:expr; $($name:ident: $agreement:ident;)*) => { $(
        #[test]
        fn $name() {
            let _turn = $crate::agreement::one_at_a_time();
            $cards.for_each($crate::agreement::Card::$agreement);
        }
    )* };
}

/// Pictures of 96 x 96 x 3, of which the first layer takes 23·23·16·192 = 1.6e6 multiply-adds in each of two
/// environments.
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

/// Learning from the first 64 transitions on, of as many.
const EARLY: [&str; 4] = [
    "agent.algorithm.training_start_step=64",
    "agent.algorithm.training_iter=2",
    "agent.memory.batch_size=64",
    "agent.memory.max_size=1000",
];
