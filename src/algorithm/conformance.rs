//! What every learning algorithm must keep, checked on bandits: one line in each algorithm's tests.

use slm_env::{
    ActionBatch, ObsBatch, SeedSequence, Space, StateReader, StateWriter, Step, StepBatch,
};
use slm_policy::{ActionHead, Scratch, argmax};

use super::agent::{Agent, AgentContext, AgentPlan, AlgorithmDef, EnvShape};
use crate::config::{Available, Diagnostics, Spec, SpecFile};
use crate::net::Compute;

const NUM_ENVS: usize = 4;
/// Where the continuous bandit pays most, in the middle of one half of the action range.
const BEST_ACTION: f32 = 0.5;

/// Runs every check on the algorithm of `agent`, the YAML of an `agent` block.
pub(super) fn check(def: &AlgorithmDef, agent: &str) {
    check_discrete(def, agent);
    check_in(def, agent, &Space::symmetric(&[1.0]));
}

/// As [`check`], for what supports discrete actions only.
pub(super) fn check_discrete(def: &AlgorithmDef, agent: &str) {
    check_in(def, agent, &Space::Discrete { n: 2 });
    refuses_unsupported_spaces(def, agent);
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
    match &acting.head {
        ActionHead::Categorical { .. } => assert_eq!(argmax(outputs), 1, "{outputs:?}"),
        ActionHead::Normal(head) => {
            let mut action = [0.0];
            head.greedy(outputs, &mut action);
            assert!((action[0] - BEST_ACTION).abs() < 0.25, "plays {action:?}");
        }
        head => panic!("no bandit for {head:?}"),
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

fn refuses_unsupported_spaces(def: &AlgorithmDef, agent: &str) {
    let mut found = Diagnostics::new();
    let plan = plan(def, agent, &Space::MultiBinary { n: 3 }, &mut found);
    assert!(plan.is_none());
    assert!(found.unavailable[0].feature.contains("several discrete actions"), "{found:?}");
}

/// One state, one step per episode; the second arm, or the action nearest to the best, pays most.
struct Bandit {
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
        Self { agent: plan.build(&context), batch, actions, frame: 0 }
    }

    fn run(&mut self, vector_steps: usize) {
        for _ in 0..vector_steps {
            self.agent.act(&self.batch, &mut self.actions);
            for (i, step) in self.batch.steps.iter_mut().enumerate() {
                let action = self.actions.row_f64(i, 1)[0];
                let reward = match self.actions {
                    ActionBatch::Continuous(_) => -(action - f64::from(BEST_ACTION)).powi(2),
                    _ => action,
                };
                *step = Step { reward, terminated: true, truncated: false };
            }
            self.agent.observe(&self.batch);
            self.frame += NUM_ENVS as u64;
            self.agent.update(self.frame);
        }
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

fn plan(
    def: &AlgorithmDef,
    agent: &str,
    action_space: &Space,
    found: &mut Diagnostics,
) -> Option<Box<dyn AgentPlan>> {
    let text = format!(
        "bandit:\n  agent: {agent}\n  env: {{name: Bandit, num_envs: {NUM_ENVS}, max_frame: 1000}}\n  meta: {{max_session: 1}}\n"
    );
    let available = Available { algorithms: &[def.name], envs: &["Bandit"] };
    let raw = SpecFile::parse("bandit.yaml", &text).and_then(|file| file.choose("bandit"));
    let raw = raw.expect("the text is YAML and holds the spec");
    let spec = Spec::read(&raw, &available, found)?;
    let env = EnvShape {
        num_envs: NUM_ENVS,
        max_frame: 1000,
        obs_space: Space::symmetric(&[1.0]),
        action_space: action_space.clone(),
    };
    (def.plan)(&spec.agent, &env, found)
}
