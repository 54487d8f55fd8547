//! The contract of learning algorithms where observations are pixels: one line in each one's tests.

use slm_env::{
    ActionBatch, ObsBatch, Rng, SeedSequence, Space, StateReader, StateWriter, Step, StepBatch,
};
use slm_policy::{Action, Policy};

use super::agent::{Agent, AgentContext, AgentPlan, AlgorithmDef, EnvShape};
use super::conformance::{NUM_ENVS, plan_in};
use crate::config::Diagnostics;
use crate::net::Compute;

/// Side of a picture.
const SIDE: usize = 6;
/// Quadrants of a picture; the number of the bright one is the action that pays.
const QUADRANTS: usize = 4;

/// Runs every check on the algorithm of `agent`, the YAML of an `agent` block; its network must have
/// a first kernel of 3 pixels or less.
pub(super) fn check(def: &AlgorithmDef, agent: &str) {
    learns_what_it_sees(def, agent);
    same_seed_same_bits(def, agent);
    resumes_exactly(def, agent);
    refuses_what_is_no_image(def, agent);
    refuses_a_kernel_that_does_not_fit(def, agent);
}

/// The exported policy, written and read again, takes raw pixels.
fn learns_what_it_sees(def: &AlgorithmDef, agent: &str) {
    let mut gallery = Gallery::new(def, agent, 1);
    gallery.run(1500);
    let acting = gallery.agent.acting_net().expect("a learner has a network");
    let policy = Policy::new(&[1, SIDE, SIDE], None, acting.network, acting.head);
    let bytes = policy.expect("the network takes pictures").to_bytes();
    let mut policy = Policy::from_bytes(&bytes).expect("the policy was just written");
    for quadrant in 0..QUADRANTS {
        let pixels: Vec<f32> = picture(quadrant).map(f32::from).collect();
        assert_eq!(policy.act(&pixels), Action::Discrete(quadrant as u32));
    }
}

fn same_seed_same_bits(def: &AlgorithmDef, agent: &str) {
    let state = |seed| {
        let mut gallery = Gallery::new(def, agent, seed);
        gallery.run(100);
        gallery.save()
    };
    assert_eq!(state(7), state(7));
    assert_ne!(state(7), state(8));
}

fn resumes_exactly(def: &AlgorithmDef, agent: &str) {
    let mut whole = Gallery::new(def, agent, 3);
    whole.run(53);
    let saved = whole.save();
    whole.run(60);
    let mut resumed = Gallery::new(def, agent, 4);
    resumed.load(&saved);
    resumed.run(60);
    assert_eq!(whole.save(), resumed.save());
}

fn refuses_what_is_no_image(def: &AlgorithmDef, agent: &str) {
    let found = refused(def, agent, &[SIDE]);
    assert!(found.errors[0].message.contains("takes images"), "{found:?}");
}

fn refuses_a_kernel_that_does_not_fit(def: &AlgorithmDef, agent: &str) {
    let found = refused(def, agent, &[SIDE, 1, 1]);
    assert!(found.errors[0].message.contains("its kernel reaches over"), "{found:?}");
    assert!(found.errors[0].path.starts_with("agent.net."), "{found:?}");
}

fn refused(def: &AlgorithmDef, agent: &str, shape: &[usize]) -> Diagnostics {
    let mut found = Diagnostics::new();
    assert!(plan(def, agent, shape, &mut found).is_none());
    found
}

/// Pictures with one bright quadrant; each is an episode.
struct Gallery {
    agent: Box<dyn Agent>,
    batch: StepBatch,
    actions: ActionBatch,
    frame: u64,
}

impl Gallery {
    fn new(def: &AlgorithmDef, agent: &str, seed: u64) -> Self {
        let mut found = Diagnostics::new();
        let plan = plan(def, agent, &[1, SIDE, SIDE], &mut found);
        let plan = plan.unwrap_or_else(|| panic!("{}", found.render(false)));
        let context =
            AgentContext { compute: &Compute::kernels(1), seed: &SeedSequence::new(seed) };
        let obs = pictures(0);
        let batch =
            StepBatch { final_obs: obs.clone(), obs, steps: vec![Step::default(); NUM_ENVS] };
        let actions = ActionBatch::new(&Space::Discrete { n: QUADRANTS as u32 }, NUM_ENVS);
        Self { agent: plan.build(&context), batch, actions, frame: 0 }
    }

    fn run(&mut self, vector_steps: usize) {
        for _ in 0..vector_steps {
            self.agent.act(&self.batch, &mut self.actions);
            for (i, step) in self.batch.steps.iter_mut().enumerate() {
                let pays = self.actions.row_f64(i, 1)[0] == quadrant(self.frame, i) as f64;
                *step = Step { reward: f64::from(pays), terminated: true, truncated: false };
            }
            self.frame += NUM_ENVS as u64;
            self.batch.final_obs = self.batch.obs.clone();
            self.batch.obs = pictures(self.frame);
            self.agent.observe(&self.batch);
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
        self.batch.obs = pictures(self.frame);
        self.agent.load(&mut from).expect("the state is that of such an agent");
        from.finish().expect("the state is read to its end");
    }
}

/// What the environments show at a frame.
fn pictures(frame: u64) -> ObsBatch {
    ObsBatch::U8((0..NUM_ENVS).flat_map(|i| picture(quadrant(frame, i))).collect())
}

/// The bright quadrant at a frame in environment `i`.
fn quadrant(frame: u64, i: usize) -> usize {
    Rng::from_seed(frame + i as u64).integers(0, QUADRANTS as i64) as usize
}

/// `[1, SIDE, SIDE]`.
fn picture(quadrant: usize) -> impl Iterator<Item = u8> {
    (0..SIDE * SIDE).map(move |at| {
        let (lower, right) = (at / SIDE >= SIDE / 2, at % SIDE >= SIDE / 2);
        if usize::from(lower) * 2 + usize::from(right) == quadrant { 255 } else { 0 }
    })
}

fn plan(
    def: &AlgorithmDef,
    agent: &str,
    shape: &[usize],
    found: &mut Diagnostics,
) -> Option<Box<dyn AgentPlan>> {
    let width = shape.iter().product();
    let (low, high) = (vec![0.0; width], vec![255.0; width]);
    let env = EnvShape {
        num_envs: NUM_ENVS,
        max_frame: 1000,
        obs_space: Space::Box { low, high, shape: shape.to_vec() },
        obs_u8: true,
        action_space: Space::Discrete { n: QUADRANTS as u32 },
    };
    plan_in(def, agent, &env, found)
}
