//! Off-policy agents learn on a device what they learn in host memory, and either goes on from the other's
//! state: one line for each variant in each algorithm's tests.

use burn::tensor::Device;
use slm_env::{
    ActionBatch, ObsBatch, Rng, SeedSequence, Space, StateReader, StateWriter, Step, StepBatch,
};
use slm_policy::Scratch;

use super::agent::{Agent, AgentContext, AgentPlan, AlgorithmDef, EnvShape};
use super::conformance::{NUM_ENVS, plan_in};
use crate::config::Diagnostics;
use crate::net::Compute;

/// Relative to 1 or the value, whichever is larger: what is summed in another order is rounded by
/// 2⁻²⁴ ≈ 6e-8 each time, which gradient steps compound.
const TOLERANCE: f64 = 1e-5;
const UPDATES: usize = 4;
/// Gray pictures `[1, SIDE, SIDE]`.
const SIDE: usize = 6;

/// What is shown; it comes at random, whatever is done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sight {
    /// Three numbers.
    Numbers,
    /// Gray pictures.
    Pixels,
}

/// Runs the agent of the YAML of an `agent` block in both places, from the start and from what either saved.
pub(super) fn check(def: &AlgorithmDef, agent: &str, sight: Sight, actions: &Space) {
    let plan = plan(def, agent, sight, actions);
    let places = [Compute::kernels(1), Compute::burn(Device::flex())];
    let new = |compute: &Compute| Run::new(&*plan, compute, sight, actions);
    agree(places.each_ref().map(new));
    for from in &places {
        let mut begun = new(from);
        begun.train(UPDATES);
        let state = begun.save();
        let loaded = || places.each_ref().map(|place| new(place).load(&state));
        for run in loaded() {
            assert!(run.save() == state, "{agent}");
        }
        agree(loaded());
        let mut resumed = new(from).load(&state);
        assert_eq!(begun.train(UPDATES), resumed.train(UPDATES));
        assert!(begun.save() == resumed.save(), "{agent}");
    }
}

fn plan(def: &AlgorithmDef, agent: &str, sight: Sight, action_space: &Space) -> Box<dyn AgentPlan> {
    let (obs_space, obs_u8) = match sight {
        Sight::Numbers => (Space::symmetric(&[1.0; 3]), false),
        Sight::Pixels => {
            let (low, high) = (vec![0.0; SIDE * SIDE], vec![255.0; SIDE * SIDE]);
            (Space::Box { shape: vec![1, SIDE, SIDE], low, high }, true)
        }
    };
    let action_space = action_space.clone();
    let env = EnvShape { num_envs: NUM_ENVS, max_frame: 1000, obs_space, obs_u8, action_space };
    let mut found = Diagnostics::new();
    let plan = plan_in(def, agent, &env, &mut found);
    plan.unwrap_or_else(|| panic!("{}", found.render(false)))
}

/// Trains both on and compares what they come to.
fn agree([mut host, mut device]: [Run; 2]) {
    assert_close("measurement", &host.train(UPDATES), &device.train(UPDATES));
    assert_close("output", &host.outputs(), &device.outputs());
}

fn assert_close(name: &str, host: &[f64], device: &[f64]) {
    assert_eq!(host.len(), device.len());
    for (k, (a, b)) in host.iter().zip(device).enumerate() {
        let is_close = (a - b).abs() <= TOLERANCE * a.abs().max(1.0) || a.is_nan() && b.is_nan();
        assert!(is_close, "{name} {k}: {a} in host memory, {b} on the device");
    }
}

struct Run {
    agent: Box<dyn Agent>,
    sight: Sight,
    width: usize,
    batch: StepBatch,
    actions: ActionBatch,
    world: Rng,
    frame: u64,
}

impl Run {
    fn new(plan: &dyn AgentPlan, compute: &Compute, sight: Sight, actions: &Space) -> Self {
        let agent = plan.build(&AgentContext { compute, seed: &SeedSequence::new(7_u64) });
        let mut world = Rng::from_seed(5);
        let obs = sight.draw(&mut world);
        let steps = vec![Step::default(); NUM_ENVS];
        let batch = StepBatch { final_obs: obs.clone(), obs, steps };
        let (actions, width) = (ActionBatch::new(actions, NUM_ENVS), actions.width());
        Self { agent, sight, width, batch, actions, world, frame: 0 }
    }

    /// Everything that is measured in so many updates. Losses are numbers; what has not come about is none.
    fn train(&mut self, updates: usize) -> Vec<f64> {
        let (mut measured, mut left) = (Vec::new(), updates);
        while left > 0 {
            if let Some(loss) = self.step() {
                assert!(loss.is_finite(), "{loss}");
                measured.push(loss);
                measured.extend(self.agent.metrics());
                measured.extend(self.agent.grad_norm());
                left -= 1;
            }
        }
        measured
    }

    /// One vector step; the loss where something was learned.
    fn step(&mut self) -> Option<f64> {
        let Self { agent, sight, width, batch, actions, world, frame } = self;
        agent.act(batch, actions);
        batch.obs = sight.draw(world);
        batch.final_obs = batch.obs.clone();
        for (i, step) in batch.steps.iter_mut().enumerate() {
            let reward = actions.row_f64(i, *width).iter().sum::<f64>() + world.random();
            let truncated = world.random() < 0.1;
            *step = Step { reward, terminated: world.random() < 0.2, truncated };
        }
        agent.observe(batch);
        *frame += NUM_ENVS as u64;
        agent.update(*frame).map(|stats| stats.loss)
    }

    /// What the acting network says of what is shown, which is always a number.
    fn outputs(&self) -> Vec<f64> {
        let net = self.agent.acting_net().expect("a learner has a network").network;
        let mut scratch = Scratch::default();
        let mut pixels = Vec::new();
        let outputs = net.forward(self.batch.obs.as_f32s(&mut pixels), NUM_ENVS, &mut scratch);
        assert!(outputs.iter().all(|output| output.is_finite()), "{outputs:?}");
        outputs.iter().copied().map(f64::from).collect()
    }

    fn save(&self) -> Vec<u8> {
        let mut out = StateWriter::new();
        self.agent.save(&mut out);
        self.batch.save(&mut out);
        self.world.save(&mut out);
        out.u64(self.frame);
        out.into_bytes()
    }

    fn load(mut self, state: &[u8]) -> Self {
        let mut from = StateReader::new(state);
        self.agent.load(&mut from).expect("the state is that of such an agent");
        self.batch.load(&mut from).expect("the batch comes next");
        self.world.load(&mut from).expect("then the generator");
        self.frame = from.u64().expect("then the frame");
        from.finish().expect("the state is read to its end");
        self
    }
}

impl Sight {
    fn draw(self, world: &mut Rng) -> ObsBatch {
        match self {
            Self::Numbers => {
                ObsBatch::F32((0..3 * NUM_ENVS).map(|_| world.uniform(-1.0, 1.0) as f32).collect())
            }
            Self::Pixels => {
                let pixel = |_| world.integers(0, 256) as u8;
                ObsBatch::U8((0..SIDE * SIDE * NUM_ENVS).map(pixel).collect())
            }
        }
    }
}
