//! A task that takes memory: what a network without any can not learn, one line in each algorithm's tests.

use slm_env::{
    ActionBatch, ObsBatch, Rng, SeedSequence, Space, StateReader, StateWriter, Step, StepBatch,
};
use slm_policy::{ActionHead, ActionsMut, Policy, Scratch};

use super::agent::{ActingNet, Agent, AgentContext, AlgorithmDef, EnvShape};
use super::conformance::{NUM_ENVS, plan_in};
use crate::config::Diagnostics;
use crate::net::Compute;

/// Steps of an episode.
const STEPS: usize = 4;

/// Checks that the algorithm of `agent`, the YAML of an `agent` block, learns the task in that many vector
/// steps, does so reproducibly, and goes on exactly from the middle of episodes.
pub(super) fn check(def: &AlgorithmDef, agent: &str, vector_steps: usize) {
    let mut corridor = Corridor::new(def, agent, 1);
    corridor.run(vector_steps);
    for cue in [-1.0, 1.0] {
        let (action, outputs) = corridor.last_action(cue);
        assert_eq!(action, right_action(cue), "{outputs:?}");
    }
    same_seed_same_bits(def, agent);
    resumes_exactly(def, agent);
}

/// Checks that `agent` can not learn it: it acts alike whatever it was shown.
pub(super) fn check_blind(def: &AlgorithmDef, agent: &str, vector_steps: usize) {
    let mut corridor = Corridor::new(def, agent, 1);
    corridor.run(vector_steps);
    assert_eq!(corridor.last_action(-1.0), corridor.last_action(1.0));
}

/// Checks that the policy that a greedy `agent` exports acts as the agent does, from the beginning of each
/// episode on.
pub(super) fn check_export(def: &AlgorithmDef, agent: &str, vector_steps: usize) {
    let mut corridor = Corridor::new(def, agent, 1);
    corridor.run(vector_steps);
    let ActingNet { network, head } = corridor.agent.acting_net().expect("a learner has a network");
    let mut policy = Policy::new(&[2], None, network, head).expect("its parts fit together");
    let (mut has_begun, mut counts) = ([false; NUM_ENVS], [0; 2]);
    for _ in 0..40 {
        corridor.agent.act(&corridor.batch, &mut corridor.actions);
        let mut found = [0; NUM_ENVS];
        policy.act_batch(corridor.batch.obs.f32s(), ActionsMut::Discrete(&mut found));
        for i in (0..NUM_ENVS).filter(|&i| has_begun[i]) {
            assert_eq!(f64::from(found[i]), corridor.actions.row_f64(i, 1)[0]);
            counts[found[i] as usize] += 1;
        }
        corridor.step();
        corridor.agent.observe(&corridor.batch);
        for (i, _) in corridor.batch.steps.iter().enumerate().filter(|(_, step)| step.terminated) {
            policy.reset_row(i);
            has_begun[i] = true;
        }
    }
    assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
}

fn same_seed_same_bits(def: &AlgorithmDef, agent: &str) {
    let state = |seed| {
        let mut corridor = Corridor::new(def, agent, seed);
        corridor.run(150);
        corridor.save()
    };
    assert_eq!(state(7), state(7));
    assert_ne!(state(7), state(8));
}

fn resumes_exactly(def: &AlgorithmDef, agent: &str) {
    let mut whole = Corridor::new(def, agent, 3);
    whole.run(78);
    let saved = whole.save();
    whole.run(70);
    let mut resumed = Corridor::new(def, agent, 4);
    resumed.load(&saved);
    resumed.run(70);
    assert_eq!(whole.save(), resumed.save());
}

/// A corridor with a signpost at its beginning and a fork at its end, the T-maze of Bakker (2001): an
/// observation is `[cue, at the fork]`, where the cue, -1 or 1, is seen in the first step only. The
/// action at the fork, 0 or 1, gives 1 if the cue told it and else -1; others do nothing.
struct Corridor {
    agent: Box<dyn Agent>,
    batch: StepBatch,
    actions: ActionBatch,
    /// Place and cue of each environment; they begin in different places.
    places: Vec<(usize, f32)>,
    rng: Rng,
    frame: u64,
}

impl Corridor {
    fn new(def: &AlgorithmDef, agent: &str, seed: u64) -> Self {
        let action_space = Space::Discrete { n: 2 };
        let env = EnvShape {
            num_envs: NUM_ENVS,
            max_frame: 100_000,
            obs_space: Space::symmetric(&[1.0, 1.0]),
            obs_u8: false,
            action_space: action_space.clone(),
        };
        let mut found = Diagnostics::new();
        let plan = plan_in(def, agent, &env, &mut found);
        let plan = plan.unwrap_or_else(|| panic!("{}", found.render(false)));
        let seed = SeedSequence::new(seed);
        let context = AgentContext { compute: &Compute::kernels(1), seed: &seed };
        let places: Vec<_> = (0..NUM_ENVS).map(|i| (i % STEPS, 1.0)).collect();
        let obs = ObsBatch::F32(places.iter().flat_map(|&place| obs_at(place)).collect());
        Self {
            agent: plan.build(&context),
            batch: StepBatch {
                final_obs: obs.clone(),
                obs,
                steps: vec![Step::default(); NUM_ENVS],
            },
            actions: ActionBatch::new(&action_space, NUM_ENVS),
            places,
            rng: Rng::from_sequence(&seed.child("corridor", 0)),
            frame: 0,
        }
    }

    fn run(&mut self, vector_steps: usize) {
        for _ in 0..vector_steps {
            self.agent.act(&self.batch, &mut self.actions);
            self.step();
            self.agent.observe(&self.batch);
            self.frame += NUM_ENVS as u64;
            self.agent.update(self.frame);
        }
    }

    fn step(&mut self) {
        for (i, (t, cue)) in self.places.iter_mut().enumerate() {
            *t += 1;
            let at_end = *t == STEPS;
            let action = self.actions.row_f64(i, 1)[0];
            let is_right = action == f64::from(right_action(*cue));
            let reward = if !at_end {
                0.0
            } else if is_right {
                1.0
            } else {
                -1.0
            };
            self.batch.steps[i] = Step { reward, terminated: at_end, truncated: false };
            if at_end {
                *t = 0;
                *cue = if self.rng.random() < 0.5 { -1.0 } else { 1.0 };
            }
        }
        let obs: Vec<f32> = self.places.iter().flat_map(|&place| obs_at(place)).collect();
        // A terminated episode's last observation counts for nothing.
        self.batch.final_obs = ObsBatch::F32(obs.clone());
        self.batch.obs = ObsBatch::F32(obs);
    }

    /// The best action at the fork after that cue, and the outputs that say so.
    fn last_action(&self, cue: f32) -> (u32, Vec<f32>) {
        let acting = self.agent.acting_net().expect("a learner has a network");
        assert!(!matches!(acting.head, ActionHead::Continuous(_)));
        let mut states = vec![0.0; acting.network.state_width()];
        let mut outputs = Vec::new();
        for t in 0..STEPS {
            let mut scratch = Scratch::default();
            outputs = acting.network.step(&obs_at((t, cue)), 1, &mut states, &mut scratch).to_vec();
        }
        let mut action = [0];
        acting.head.best(&outputs, &mut action);
        (action[0], outputs)
    }

    fn save(&self) -> Vec<u8> {
        let mut out = StateWriter::new();
        out.u64(self.frame);
        self.rng.save(&mut out);
        let (places, cues): (Vec<u32>, Vec<f32>) =
            self.places.iter().map(|&(t, cue)| (t as u32, cue)).unzip();
        out.u32s(&places);
        out.f32s(&cues);
        self.agent.save(&mut out);
        out.into_bytes()
    }

    fn load(&mut self, bytes: &[u8]) {
        let mut from = StateReader::new(bytes);
        self.frame = from.u64().unwrap();
        self.rng.load(&mut from).unwrap();
        let places = from.u32s().unwrap().into_iter().map(|t| t as usize);
        self.places = places.zip(from.f32s().unwrap()).collect();
        self.agent.load(&mut from).expect("the state is that of such an agent");
        from.finish().expect("the state is read to its end");
        let obs = self.places.iter().flat_map(|&place| obs_at(place)).collect();
        self.batch.obs = ObsBatch::F32(obs);
    }
}

fn obs_at((t, cue): (usize, f32)) -> [f32; 2] {
    [if t == 0 { cue } else { 0.0 }, if t == STEPS - 1 { 1.0 } else { 0.0 }]
}

fn right_action(cue: f32) -> u32 {
    u32::from(cue > 0.0)
}
