//! What every learning algorithm must keep, checked on bandits: one line in each algorithm's tests.

use slm_env::{
    ActionBatch, ObsBatch, SeedSequence, Space, StateReader, StateWriter, Step, StepBatch,
};
use slm_policy::{ActionHead, Scratch};

use super::agent::{Agent, AgentContext, AgentPlan, AlgorithmDef, EnvShape};
use crate::config::{Available, Diagnostics, Spec, SpecFile};
use crate::net::Compute;

pub(super) const NUM_ENVS: usize = 4;
/// Where the continuous bandit pays most, in the middle of one half of the action range.
const BEST_ACTION: f32 = 0.5;

/// Runs every check on the algorithm of `agent`, the YAML of an `agent` block, over every kind of
/// action.
pub(super) fn check(def: &AlgorithmDef, agent: &str) {
    check_discrete(def, agent);
    check_in(def, agent, &Space::symmetric(&[1.0]));
    check_in(def, agent, &Space::MultiDiscrete { nvec: vec![2, 3] });
    check_in(def, agent, &Space::MultiBinary { n: 2 });
}

/// As [`check`], for discrete actions only.
pub(super) fn check_discrete(def: &AlgorithmDef, agent: &str) {
    check_in(def, agent, &Space::Discrete { n: 2 });
}

/// As [`check`], for continuous actions only.
pub(super) fn check_continuous(def: &AlgorithmDef, agent: &str) {
    check_in(def, agent, &Space::symmetric(&[1.0]));
}

/// As [`check`], for the distributions that are no space's default; those without probabilities are
/// refused.
pub(super) fn check_every_dist(def: &AlgorithmDef, agent: &str) {
    let (discrete, numbers) = (Space::Discrete { n: 2 }, Space::symmetric(&[1.0, 1.0]));
    check_in(def, &with_dist(agent, "GumbelSoftmax"), &discrete);
    for name in ["MultivariateNormal", "NormalTanh", "Beta", "LogNormal", "Gumbel"] {
        check_in(def, &with_dist(agent, name), &numbers);
    }
    refuses(def, &with_dist(agent, "Argmax"), &discrete, "no probabilities");
    refuses(def, &with_dist(agent, "Beta"), &discrete, "Categorical, Argmax, GumbelSoftmax");
    refuses(def, &with_dist(agent, "Bernoulli"), &numbers, "Normal, MultivariateNormal");
}

/// Checks that actions of `space` are refused in words that contain `reason`.
pub(super) fn refuses(def: &AlgorithmDef, agent: &str, space: &Space, reason: &str) {
    let mut found = Diagnostics::new();
    let plan = plan(def, agent, space, &mut found);
    assert!(found.finish(plan).is_err());
    assert!(found.errors[0].message.contains(reason), "{found:?}");
}

fn with_dist(agent: &str, name: &str) -> String {
    agent.replacen("algorithm: {", &format!("algorithm: {{action_pdtype: {name}, "), 1)
}

/// As [`check`], for several discrete actions at once.
pub(super) fn check_multi_discrete(def: &AlgorithmDef, agent: &str) {
    check_in(def, agent, &Space::MultiDiscrete { nvec: vec![2, 3] });
}

/// As [`check`], for what learns the values of discrete actions.
pub(super) fn check_values(def: &AlgorithmDef, agent: &str) {
    check_discrete(def, agent);
    refuses(def, agent, &Space::symmetric(&[1.0]), "need a discrete action space");
}

fn check_in(def: &AlgorithmDef, agent: &str, space: &Space) {
    learns_the_bandit(def, agent, space);
    same_seed_same_bits(def, agent, space);
    resumes_exactly(def, agent, space);
}

fn learns_the_bandit(def: &AlgorithmDef, agent: &str, space: &Space) {
    let mut bandit = Bandit::new(def, agent, space, 1);
    bandit.run(4000);
    let acting = bandit.agent.acting_net().expect("a learner has a network");
    let mut scratch = Scratch::default();
    let outputs = acting.network.forward(&[1.0], 1, &mut scratch);
    if let ActionHead::Continuous(head) = &acting.head {
        let mut action = vec![0.0; head.k];
        head.greedy(outputs, &mut action);
        assert!(action.iter().all(|a| (a - BEST_ACTION).abs() < 0.25), "plays {action:?}");
    } else {
        let mut action = vec![0; acting.head.width()];
        acting.head.best(outputs, &mut action);
        let best: Vec<u32> = sizes(space).iter().map(|n| n - 1).collect();
        assert_eq!(action, best, "{outputs:?}");
    }
}

/// How many values each choice has; none are choices in a box.
fn sizes(space: &Space) -> Vec<u32> {
    match space {
        Space::Discrete { n } => vec![*n],
        Space::MultiDiscrete { nvec } => nvec.clone(),
        Space::MultiBinary { n } => vec![2; *n as usize],
        Space::Box { .. } => Vec::new(),
    }
}

fn same_seed_same_bits(def: &AlgorithmDef, agent: &str, space: &Space) {
    let state = |seed| {
        let mut bandit = Bandit::new(def, agent, space, seed);
        bandit.run(150);
        bandit.save()
    };
    assert_eq!(state(7), state(7));
    assert_ne!(state(7), state(8));
}

/// Checks that two agents are the same but for keys that change nothing: not even the losses that they say.
pub(super) fn check_alike(def: &AlgorithmDef, agents: [&str; 2], space: &Space) {
    let [first, second] = agents.map(|agent| {
        let mut bandit = Bandit::new(def, agent, space, 7);
        let losses: Vec<u64> = (0..150).filter_map(|_| bandit.step()).map(f64::to_bits).collect();
        assert!(!losses.is_empty());
        (losses, bandit.save())
    });
    assert_eq!(first, second);
}

fn resumes_exactly(def: &AlgorithmDef, agent: &str, space: &Space) {
    let mut whole = Bandit::new(def, agent, space, 3);
    whole.run(77);
    let saved = whole.save();
    whole.run(100);
    let mut resumed = Bandit::new(def, agent, space, 4);
    resumed.load(&saved);
    resumed.run(100);
    assert_eq!(whole.save(), resumed.save());
}

/// One state, one step per episode; the last arm of each choice, or the action nearest to the best,
/// pays most.
struct Bandit {
    space: Space,
    agent: Box<dyn Agent>,
    batch: StepBatch,
    actions: ActionBatch,
    frame: u64,
}

impl Bandit {
    fn new(def: &AlgorithmDef, agent: &str, space: &Space, seed: u64) -> Self {
        let mut found = Diagnostics::new();
        let plan = plan(def, agent, space, &mut found);
        let plan = plan.unwrap_or_else(|| panic!("{}", found.render(false)));
        let context =
            AgentContext { compute: &Compute::kernels(1), seed: &SeedSequence::new(seed) };
        let obs = ObsBatch::F32(vec![1.0; NUM_ENVS]);
        let batch =
            StepBatch { final_obs: obs.clone(), obs, steps: vec![Step::default(); NUM_ENVS] };
        let actions = ActionBatch::new(space, NUM_ENVS);
        Self { space: space.clone(), agent: plan.build(&context), batch, actions, frame: 0 }
    }

    fn run(&mut self, vector_steps: usize) {
        for _ in 0..vector_steps {
            self.step();
        }
    }

    /// One vector step; the loss where something was learned.
    fn step(&mut self) -> Option<f64> {
        self.agent.act(&self.batch, &mut self.actions);
        for (i, step) in self.batch.steps.iter_mut().enumerate() {
            let reward = reward(&self.space, &self.actions.row_f64(i, self.space.width()));
            *step = Step { reward, terminated: true, truncated: false };
        }
        self.agent.observe(&self.batch);
        self.frame += NUM_ENVS as u64;
        self.agent.update(self.frame).map(|stats| stats.loss)
    }

    fn save(&self) -> Vec<u8> {
        let mut out = StateWriter::new();
        out.u64(self.frame);
        self.agent.save(&mut out);
        out.into_bytes()
    }

    fn load(&mut self, bytes: &[u8]) {
        let mut from = StateReader::new(bytes);
        self.frame = from.u64().expect("the frame was written first");
        self.agent.load(&mut from).expect("the state is that of such an agent");
        from.finish().expect("the state is read to its end");
    }
}

/// Mean over the parts of an action.
fn reward(space: &Space, action: &[f64]) -> f64 {
    let sizes = sizes(space);
    let part = |(j, action): (usize, &f64)| match sizes.get(j) {
        Some(n) => action / f64::from(n - 1),
        None => -(action - f64::from(BEST_ACTION)).powi(2),
    };
    action.iter().enumerate().map(part).sum::<f64>() / action.len() as f64
}

pub(super) fn plan(
    def: &AlgorithmDef,
    agent: &str,
    action_space: &Space,
    found: &mut Diagnostics,
) -> Option<Box<dyn AgentPlan>> {
    let env = EnvShape {
        num_envs: NUM_ENVS,
        max_frame: 1000,
        obs_space: Space::symmetric(&[1.0]),
        obs_u8: false,
        action_space: action_space.clone(),
    };
    plan_in(def, agent, &env, found)
}

/// What the YAML of an `agent` block means in `env`.
pub(super) fn plan_in(
    def: &AlgorithmDef,
    agent: &str,
    env: &EnvShape,
    found: &mut Diagnostics,
) -> Option<Box<dyn AgentPlan>> {
    let text = format!(
        "bandit:\n  agent: {agent}\n  env: {{name: Bandit, num_envs: {NUM_ENVS}, max_frame: 1000}}\n  meta: {{max_session: 1}}\n"
    );
    let available = Available { algorithms: &[def.name], envs: &["Bandit"] };
    let raw = SpecFile::parse("bandit.yaml", &text).and_then(|file| file.choose("bandit"));
    let raw = raw.expect("the text is YAML and holds the spec");
    let spec = Spec::read(&raw, &available, found)?;
    (def.plan)(&spec.agent, env, found)
}
