//! An agent and its world, trained as a session trains them, cut, and put on the disk.

use std::collections::BTreeMap;
use std::path::Path;

use slm_env::{ActionBatch, Preprocessing, SeedSequence, Space, StateWriter, StepBatch, VecEnv};
use slm_policy::Policy;

use super::learners::Learner;
use super::probe::{Sight, world};
use super::table::{Net, Size};
use crate::algorithm::{Agent, AgentContext, AgentPlan};
use crate::config::{Available, Diagnostics, Spec, SpecFile};
use crate::experiment::checkpoint::Checkpoint;
use crate::experiment::checkpoint_writer::CheckpointWriter;
use crate::experiment::env_plan::EnvPlan;
use crate::experiment::env_shape::shape;
use crate::net::{Compute, Worker};
use crate::registry::{algorithm_names, find_algorithm};

/// Environments that step together.
const NUM_ENVS: usize = 2;

/// One cell of the table: how a learner trains a kind of network.
pub(super) struct Case {
    /// Its place in the table.
    pub(super) label: String,
    env: EnvPlan,
    agent: Box<dyn AgentPlan>,
}

impl Case {
    /// What the cell means.
    ///
    /// # Errors
    /// In the words of the refusal.
    pub(super) fn new(net: &Net, learner: &Learner, size: &Size) -> Result<Self, String> {
        let env = EnvPlan {
            def: world(net.sight, learner.acts),
            num_envs: NUM_ENVS,
            max_frame: 1000,
            max_episode_steps: None,
            kwargs: BTreeMap::new(),
            preprocessing: Preprocessing {
                normalize_obs: net.sight == Sight::Numbers,
                clip_obs: None,
                normalize_reward: Some(0.9),
                clip_reward: None,
                rescale_action: true,
            },
        };
        let agent = agent_plan(&size.fill(&spec_text(net, learner)), &env)?;
        Ok(Self { label: format!("{} × {}", net.name, learner.name), env, agent })
    }
}

fn spec_text(net: &Net, learner: &Learner) -> String {
    let Learner { algorithm, memory, training, .. } = learner;
    let net = net.keys;
    format!(
        "probe:
  agent:
    algorithm: {{{algorithm}}}
    memory: {{{memory}}}
    net: {{{net}, hid_layers_activation: tanh, {training}}}
  env: {{name: Probe, num_envs: {NUM_ENVS}, max_frame: 1000}}
  meta: {{max_session: 1}}
"
    )
}

fn agent_plan(text: &str, env: &EnvPlan) -> Result<Box<dyn AgentPlan>, String> {
    let raw = SpecFile::parse("probe.yaml", text).and_then(|file| file.choose("probe"));
    let raw = raw.map_err(|error| error.to_string())?;
    let algorithms = algorithm_names();
    let available = Available { algorithms: &algorithms, envs: &["Probe"] };
    let mut found = Diagnostics::new();
    let plan = Spec::read(&raw, &available, &mut found).and_then(|spec| {
        let def = find_algorithm(&spec.agent.algorithm_name)?;
        (def.plan)(&spec.agent, &shape(env).ok()?, &mut found)
    });
    found.finish(plan).map_err(|errors| errors.to_string())
}

/// An agent at work in its world.
pub(super) struct Trainer {
    agent: Box<dyn Agent>,
    env: Box<dyn VecEnv>,
    batch: StepBatch,
    actions: ActionBatch,
    frame: u64,
    /// The bits of all that was measured, step by step.
    pub(super) measured: Vec<u64>,
}

impl Trainer {
    /// From a seed, on so many threads; as one of several workers where there are such.
    pub(super) fn new(case: &Case, seed: u64, threads: usize, worker: Option<Worker>) -> Self {
        let compute = Compute::kernels(threads);
        let compute = match worker {
            Some(worker) => compute.of_worker(worker),
            None => compute,
        };
        let sequence = SeedSequence::new(seed);
        let agent = case.agent.build(&AgentContext { compute: &compute, seed: &sequence });
        let mut env = case.env.make(seed, threads).unwrap();
        let (mut batch, actions) = (env.new_batch(), env.new_actions());
        env.reset(&mut batch);
        Self { agent, env, batch, actions, frame: 0, measured: Vec::new() }
    }

    /// Gradient steps so far.
    pub(super) fn opt_step(&self) -> u64 {
        self.agent.opt_step()
    }

    /// Runs so many vector steps.
    pub(super) fn run(&mut self, vector_steps: usize) {
        for _ in 0..vector_steps {
            self.step();
        }
    }

    /// Runs until so many updates more are behind it.
    pub(super) fn run_updates(&mut self, updates: usize) {
        let mut left = updates;
        while left > 0 {
            left -= usize::from(self.step());
        }
    }

    /// One vector step, as a session's; whether something was learned.
    fn step(&mut self) -> bool {
        let Self { agent, env, batch, actions, frame, measured } = self;
        agent.act(batch, actions);
        env.step(actions, batch);
        agent.observe(batch);
        *frame += NUM_ENVS as u64;
        let stats = agent.update(*frame);
        measured.extend(batch.steps.iter().map(|step| step.reward.to_bits()));
        measured.extend(agent.metrics().iter().map(|value| value.to_bits()));
        if let Some(stats) = stats {
            let grad_norm = agent.grad_norm().expect("a learner has networks");
            measured.extend([stats.loss, grad_norm].map(f64::to_bits));
        }
        measured.push(agent.lr().to_bits());
        measured.extend(env.episode_stats().mean_return().map(f64::to_bits));
        stats.is_some()
    }

    /// Writes a checkpoint as a session's.
    pub(super) fn write(&self, path: &Path) {
        let mut checkpoint = Checkpoint::new();
        checkpoint.add_state("agent", |out| self.agent.save(out));
        checkpoint.add_state("env", |out| self.env.save(out));
        checkpoint.add_state("batch", |out| self.batch.save(out));
        checkpoint.add_state("clock", |out| out.u64(self.frame));
        CheckpointWriter::new(path.to_owned()).write(&checkpoint).unwrap();
    }

    /// Goes on from a checkpoint.
    pub(super) fn read(&mut self, path: &Path) {
        let state = Checkpoint::read(path).unwrap().expect("it was written");
        state.read_state("agent", |from| self.agent.load(from)).unwrap();
        state.read_state("env", |from| self.env.load(from)).unwrap();
        state.read_state("batch", |from| self.batch.load(from)).unwrap();
        self.frame = state.read_state("clock", slm_env::StateReader::u64).unwrap();
    }

    /// Everything that counts from here on, and the policy's file: parts by name.
    pub(super) fn state(&self) -> [(&'static str, Vec<u8>); 4] {
        let bytes = |save: &dyn Fn(&mut StateWriter)| {
            let mut out = StateWriter::new();
            save(&mut out);
            out.into_bytes()
        };
        [
            ("agent", bytes(&|out| self.agent.save(out))),
            ("environments", bytes(&|out| self.env.save(out))),
            ("batch", bytes(&|out| self.batch.save(out))),
            ("policy", self.policy()),
        ]
    }

    fn policy(&self) -> Vec<u8> {
        let net = self.agent.acting_net().expect("a learner has a network");
        let Space::Box { shape, .. } = self.env.obs_space() else {
            panic!("what is seen is a box")
        };
        Policy::new(shape, None, net.network, net.head).unwrap().to_bytes()
    }
}
