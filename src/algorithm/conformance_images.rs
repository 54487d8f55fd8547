//! The contract of learning algorithms where observations are pixels: one line in each one's tests.

use std::ops::Range;

use burn::tensor::Device;
use slm_env::{
    ActionBatch, ObsBatch, Rng, SeedSequence, Space, StateReader, StateWriter, Step, StepBatch,
};
use slm_policy::{Action, Layer, Policy};

use super::agent::{Agent, AgentContext, AgentPlan, AlgorithmDef, EnvShape, TrainStats};
use super::conformance::{NUM_ENVS, plan_in};
use crate::config::Diagnostics;
use crate::net::Compute;

/// Keys of a network that is large enough to act on a device: 4·4·64·9 + 1024·512 multiply-adds in each of four
/// environments.
pub(super) const LARGE: &str = "type: ConvNet, conv_hid_layers: [[64, 3, 1]], fc_hid_layers: [512],
    batch_norm: false, normalize: true";

/// Side of a picture.
const SIDE: usize = 6;
/// Quadrants of a picture.
const QUADRANTS: usize = 4;

/// What is shown, and what is done about it.
#[derive(Clone, Copy, Debug)]
enum Show {
    /// `[1, SIDE, SIDE]`; the number of the bright quadrant is the action that pays.
    Gray,
    /// `[SIDE, SIDE, 3]`, of which the second channel tells; the same actions.
    Color,
    /// The same pictures; the two numbers that pay most are of the signs of the quadrant's corner.
    Steered,
}

/// Runs every check on the algorithm of `agent`, the YAML of an `agent` block; its network must have
/// a first kernel of 3 pixels or less.
pub(super) fn check(def: &AlgorithmDef, agent: &str) {
    learns_what_it_sees(def, agent, Show::Color);
    same_seed_same_bits(def, agent, Show::Gray);
    resumes_exactly(def, agent, Show::Gray);
    refuses_what_is_no_image(def, agent);
    refuses_a_kernel_that_does_not_fit(def, agent);
}

/// As [`check`], for continuous actions.
pub(super) fn check_continuous(def: &AlgorithmDef, agent: &str) {
    learns_what_it_sees(def, agent, Show::Steered);
    same_seed_same_bits(def, agent, Show::Steered);
    resumes_exactly(def, agent, Show::Steered);
}

/// Checks that an on-policy agent whose network is large enough to act on a device does there what it does on
/// the processor, that either goes on from the other's checkpoint in the middle of a rollout, and that
/// environments in halves make no difference to it.
pub(super) fn check_on_device(def: &AlgorithmDef, agent: &str) {
    let (cpu, device) = (Compute::kernels(1), Compute::burn(Device::flex()));
    let new = |compute| Gallery::on(compute, def, agent, (Show::Gray, 3));
    let (mut on_cpu, mut on_device) = (new(&cpu), new(&device));
    let acts = on_device.agent.min_nanos_per_half().is_some();
    assert!(acts, "the network is large enough to act on the device");
    assert_goes_on_alike(&mut on_cpu, &mut on_device);
    let saved = on_device.save();
    let [mut elsewhere, mut back] = [&cpu, &device].map(|compute| {
        let mut gallery = new(compute);
        gallery.load(&saved);
        assert!(gallery.save() == saved, "what one saves, the other reads and writes");
        gallery
    });
    assert_goes_on_alike(&mut elsewhere, &mut back);
    on_device.run(STEPS);
    assert!(on_device.save() == back.save(), "a cut in a rollout leaves no trace");
    // From the device to the processor, and to the device again.
    back.load(&elsewhere.save());
    assert_goes_on_alike(&mut elsewhere, &mut back);
    let mut halved = new(&device);
    halved.parts = vec![0..NUM_ENVS / 2, NUM_ENVS / 2..NUM_ENVS];
    assert_goes_on_alike(&mut new(&device), &mut halved);
    back.load(&halved.save());
    assert_goes_on_alike(&mut back, &mut halved);
}

/// Steps that end in the middle of a rollout.
const STEPS: usize = 37;
/// Relative to 1 or the number, whichever is larger: rounding in sums of another order, 2⁻²³ each. 1e-5 was
/// measured of weights whose gradients are next to nothing, which Adam scales up, and 5e-5 of losses.
const TOLERANCE: f64 = 1e-4;

fn assert_goes_on_alike(on_cpu: &mut Gallery, on_device: &mut Gallery) {
    let (mut losses, mut others) = (Vec::new(), Vec::new());
    for _ in 0..STEPS {
        losses.extend(on_cpu.step().map(|stats| stats.loss));
        others.extend(on_device.step().map(|stats| stats.loss));
        assert_eq!(on_cpu.actions, on_device.actions);
    }
    assert!(losses.len() > 1, "there are updates to compare");
    assert_close("loss", &losses, &others);
    assert_close("weight", &on_cpu.weights(), &on_device.weights());
}

fn assert_close(name: &str, on_cpu: &[f64], on_device: &[f64]) {
    assert_eq!(on_cpu.len(), on_device.len(), "{name}");
    for (a, b) in on_cpu.iter().zip(on_device) {
        assert!((a - b).abs() < TOLERANCE * a.abs().max(1.0), "{name}: {a} {b}");
    }
}

/// The exported policy, written and read again, takes raw pixels.
fn learns_what_it_sees(def: &AlgorithmDef, agent: &str, show: Show) {
    let mut gallery = Gallery::new(def, agent, show, 1);
    gallery.run(1500);
    let acting = gallery.agent.acting_net().expect("a learner has a network");
    let policy = Policy::new(show.shape(), None, acting.network, acting.head);
    let bytes = policy.expect("the network takes pictures").to_bytes();
    let mut policy = Policy::from_bytes(&bytes).expect("the policy was just written");
    for quadrant in 0..QUADRANTS {
        let pixels: Vec<f32> = show.picture(quadrant).into_iter().map(f32::from).collect();
        match policy.act(&pixels) {
            Action::Discrete(action) => assert_eq!(action, quadrant as u32),
            Action::Continuous(action) => {
                let action: Vec<f64> = action.iter().map(|a| f64::from(*a)).collect();
                let reward = show.reward(quadrant, &action);
                assert!(reward > -0.1, "plays {action:?} at {quadrant}: {reward}");
            }
            Action::Multi(_) => panic!("one choice is made"),
        }
    }
}

fn same_seed_same_bits(def: &AlgorithmDef, agent: &str, show: Show) {
    let state = |seed| {
        let mut gallery = Gallery::new(def, agent, show, seed);
        gallery.run(100);
        gallery.save()
    };
    assert_eq!(state(7), state(7));
    assert_ne!(state(7), state(8));
}

fn resumes_exactly(def: &AlgorithmDef, agent: &str, show: Show) {
    let mut whole = Gallery::new(def, agent, show, 3);
    whole.run(53);
    let saved = whole.save();
    whole.run(60);
    let mut resumed = Gallery::new(def, agent, show, 4);
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
    assert!(plan(def, agent, (shape, Show::Gray.action_space()), &mut found).is_none());
    found
}

impl Show {
    fn shape(self) -> &'static [usize] {
        match self {
            Self::Gray => &[1, SIDE, SIDE],
            Self::Color | Self::Steered => &[SIDE, SIDE, 3],
        }
    }

    fn action_space(self) -> Space {
        match self {
            Self::Gray | Self::Color => Space::Discrete { n: QUADRANTS as u32 },
            Self::Steered => Space::symmetric(&[1.0; 2]),
        }
    }

    /// What an action pays where that quadrant is bright.
    fn reward(self, quadrant: usize, action: &[f64]) -> f64 {
        match self {
            Self::Gray | Self::Color => f64::from(action[0] == quadrant as f64),
            Self::Steered => {
                let best = [quadrant / 2, quadrant % 2].map(|side| side as f64 - 0.5);
                -action.iter().zip(best).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
            }
        }
    }

    /// Pixels with one bright quadrant; the channels that do not tell are bright throughout.
    fn picture(self, quadrant: usize) -> Vec<u8> {
        let channels = self.shape().iter().product::<usize>() / (SIDE * SIDE);
        let pixel = |at: usize| {
            let (lower, right) = (at / SIDE >= SIDE / 2, at % SIDE >= SIDE / 2);
            if usize::from(lower) * 2 + usize::from(right) == quadrant { 255 } else { 0 }
        };
        let tells = |channel: usize| channel == channels / 2;
        (0..SIDE * SIDE * channels)
            .map(|i| if tells(i % channels) { pixel(i / channels) } else { 255 })
            .collect()
    }

    /// What the environments show at a frame.
    fn pictures(self, frame: u64) -> Vec<u8> {
        (0..NUM_ENVS).flat_map(|i| self.picture(quadrant(frame, i))).collect()
    }
}

/// Pictures with one bright quadrant; each is an episode.
struct Gallery {
    show: Show,
    agent: Box<dyn Agent>,
    batch: StepBatch,
    actions: ActionBatch,
    frame: u64,
    /// Which environments step one after another.
    parts: Vec<Range<usize>>,
}

impl Gallery {
    fn new(def: &AlgorithmDef, agent: &str, show: Show, seed: u64) -> Self {
        Self::on(&Compute::kernels(1), def, agent, (show, seed))
    }

    fn on(compute: &Compute, def: &AlgorithmDef, agent: &str, (show, seed): (Show, u64)) -> Self {
        let mut found = Diagnostics::new();
        let plan = plan(def, agent, (show.shape(), show.action_space()), &mut found);
        let plan = plan.unwrap_or_else(|| panic!("{}", found.render(false)));
        let context = AgentContext { compute, seed: &SeedSequence::new(seed) };
        let obs = ObsBatch::U8(show.pictures(0));
        let batch =
            StepBatch { final_obs: obs.clone(), obs, steps: vec![Step::default(); NUM_ENVS] };
        let actions = ActionBatch::new(&show.action_space(), NUM_ENVS);
        let parts = std::iter::once(0..NUM_ENVS).collect();
        Self { show, agent: plan.build(&context), batch, actions, frame: 0, parts }
    }

    /// Losses of the updates in so many vector steps.
    fn run(&mut self, vector_steps: usize) -> Vec<f64> {
        let losses = (0..vector_steps).filter_map(|_| self.step());
        losses.map(|stats| stats.loss).collect()
    }

    fn step(&mut self) -> Option<TrainStats> {
        for rows in self.parts.clone() {
            self.agent.act_on(rows.clone(), &self.batch, &mut self.actions);
            self.step_environments(rows);
        }
        self.agent.observe(&self.batch);
        self.frame += NUM_ENVS as u64;
        self.agent.update(self.frame)
    }

    fn step_environments(&mut self, rows: Range<usize>) {
        let width = self.show.action_space().width();
        let StepBatch { obs, final_obs, steps } = &mut self.batch;
        for i in rows.clone() {
            let action = self.actions.row_f64(i, width);
            let reward = self.show.reward(quadrant(self.frame, i), &action);
            steps[i] = Step { reward, terminated: true, truncated: false };
        }
        let (ObsBatch::U8(obs), ObsBatch::U8(final_obs)) = (obs, final_obs) else {
            unreachable!("pictures are of pixels")
        };
        let pixels = self.show.shape().iter().product::<usize>();
        let shown = rows.start * pixels..rows.end * pixels;
        final_obs[shown.clone()].copy_from_slice(&obs[shown.clone()]);
        let next = self.show.pictures(self.frame + NUM_ENVS as u64);
        obs[shown.clone()].copy_from_slice(&next[shown]);
    }

    /// Weights of the network that is exported, layer by layer.
    fn weights(&self) -> Vec<f64> {
        let net = self.agent.acting_net().expect("a learner has a network").network;
        let weights = net.layers.iter().flat_map(|layer| match layer {
            Layer::Linear(linear) => [linear.weight(), linear.bias().to_vec()].concat(),
            Layer::Conv2d(conv) => [conv.weight().to_vec(), conv.bias().to_vec()].concat(),
            _ => Vec::new(),
        });
        weights.map(f64::from).collect()
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
        self.batch.obs = ObsBatch::U8(self.show.pictures(self.frame));
        self.agent.load(&mut from).expect("the state is that of such an agent");
        from.finish().expect("the state is read to its end");
    }
}

/// The bright quadrant at a frame in environment `i`.
fn quadrant(frame: u64, i: usize) -> usize {
    Rng::from_seed(frame + i as u64).integers(0, QUADRANTS as i64) as usize
}

fn plan(
    def: &AlgorithmDef,
    agent: &str,
    (shape, action_space): (&[usize], Space),
    found: &mut Diagnostics,
) -> Option<Box<dyn AgentPlan>> {
    let width = shape.iter().product();
    let (low, high) = (vec![0.0; width], vec![255.0; width]);
    let env = EnvShape {
        num_envs: NUM_ENVS,
        max_frame: 1000,
        obs_space: Space::Box { low, high, shape: shape.to_vec() },
        obs_u8: true,
        action_space,
    };
    plan_in(def, agent, &env, found)
}
