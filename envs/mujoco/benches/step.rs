//! Steps that each environment takes in a second of a processor's time, alone beside what MuJoCo alone takes of the
//! same steps of the same episodes, and 64 together (medians).
#![allow(clippy::print_stdout, reason = "the output is the result")]

use std::fs;
use std::time::Instant;

use slm_env::{ActionBatch, Env, EnvDef, EnvOptions, Rng, Space};
use slm_env_mujoco::Simulation;

const SEED: u64 = 3;
const STEPS: usize = 1000;
const ROUNDS: usize = 9;
const NUM_ENVS: usize = 64;
const WIDE_STEPS: usize = 32;

/// Positions and velocities.
type Start = (Vec<f64>, Vec<f64>);

/// Episodes of random actions.
struct Episodes {
    frame_skip: u32,
    actions: Vec<ActionBatch>,
    /// What each step begins with, where it is the first of an episode.
    starts: Vec<Option<Start>>,
}

fn main() {
    let head = ["steps/s", "MuJoCo alone", "ratio", "64 together"];
    println!("{:26} {:>12} {:>12} {:>7} {:>12}", "", head[0], head[1], head[2], head[3]);
    for def in slm_env_mujoco::ENVS {
        let episodes = Episodes::record(def);
        // In turns, and of the pair to compare the fastest: what else the machine does slows both.
        let [mut ours, mut raw] = [f64::INFINITY; 2];
        let mut wide = [0.0; ROUNDS];
        for wide in &mut wide {
            ours = ours.min(episodes.steps(def));
            raw = raw.min(episodes.physics(def));
            *wide = together(def);
        }
        wide.sort_by(f64::total_cmp);
        let together = (NUM_ENVS * WIDE_STEPS) as f64 / wide[ROUNDS / 2];
        let (id, ratio, rates) = (def.id, raw / ours, [ours, raw].map(|time| STEPS as f64 / time));
        println!("{id:26} {:12.0} {:12.0} {ratio:7.3} {together:12.0}", rates[0], rates[1]);
    }
}

/// Seconds of steps of many copies.
fn together(def: &EnvDef) -> f64 {
    let mut env = def.make(&EnvOptions::new(NUM_ENVS, SEED)).expect("it was made before");
    let (mut batch, mut rng) = (env.new_batch(), Rng::from_seed(1));
    let mut sets = vec![env.new_actions(); WIDE_STEPS];
    for actions in &mut sets {
        (0..NUM_ENVS).for_each(|i| env.action_space().sample(&mut rng, actions, i));
    }
    env.reset(&mut batch);
    seconds(|| sets.iter().for_each(|actions| env.step(actions, &mut batch)))
}

impl Episodes {
    fn record(def: &EnvDef) -> Self {
        let made = slm_env_mujoco::robot(def.id, &EnvOptions::default()).expect("it is listed");
        let mut robot = made.expect("MuJoCo's library is here: envs/mujoco/fetch-mujoco gets it");
        let space = robot.action_space();
        let (mut rng, mut action_rng) = (Rng::from_seed(SEED), Rng::from_seed(1));
        let mut obs = vec![0.0; robot.obs_space().width()];
        let actions: Vec<ActionBatch> =
            (0..STEPS).map(|_| sample(&space, &mut action_rng)).collect();
        let (mut starts, mut is_first, mut length) = (Vec::new(), true, 0);
        for action in &actions {
            if is_first {
                robot.reset(&mut rng, &mut obs);
                length = 0;
            }
            let simulation = robot.simulation();
            let start = || (simulation.qpos().to_vec(), simulation.qvel().to_vec());
            starts.push(is_first.then(start));
            let step = robot.step(numbers(action), &mut rng, &mut obs);
            length += 1;
            is_first = step.is_last() || length == def.max_episode_steps;
        }
        Self { frame_skip: robot.frame_skip(), actions, starts }
    }

    /// Seconds of the steps of the environment.
    fn steps(&self, def: &EnvDef) -> f64 {
        let mut env = def.make(&EnvOptions::new(1, SEED)).expect("it was made before");
        let mut batch = env.new_batch();
        seconds(|| {
            env.reset(&mut batch);
            for action in &self.actions {
                env.step(action, &mut batch);
            }
        })
    }

    /// Seconds of the steps of the physics.
    fn physics(&self, def: &EnvDef) -> f64 {
        let made = slm_env_mujoco::robot(def.id, &EnvOptions::default()).expect("it is listed");
        let mut simulation = made.expect("it was made before").into_simulation();
        seconds(|| {
            for (action, start) in self.actions.iter().zip(&self.starts) {
                if let Some(start) = start {
                    restart(&mut simulation, start);
                }
                for (control, action) in simulation.control_mut().iter_mut().zip(numbers(action)) {
                    *control = f64::from(*action);
                }
                simulation.step(self.frame_skip);
            }
        })
    }
}

fn restart(simulation: &mut Simulation, (qpos, qvel): &Start) {
    simulation.reset();
    simulation.qpos_mut().copy_from_slice(qpos);
    simulation.qvel_mut().copy_from_slice(qvel);
    simulation.forward();
}

fn sample(space: &Space, rng: &mut Rng) -> ActionBatch {
    let mut action = ActionBatch::Continuous(vec![0.0; space.width()]);
    space.sample(rng, &mut action, 0);
    action
}

fn numbers(action: &ActionBatch) -> &[f32] {
    match action {
        ActionBatch::Continuous(numbers) => numbers,
        other => panic!("continuous actions expected, not {other:?}"),
    }
}

/// Seconds that the processor gave to some work: of the thread, where the system tells them.
fn seconds(work: impl FnOnce()) -> f64 {
    let (start, given) = (Instant::now(), given());
    work();
    match (given, self::given()) {
        (Some(before), Some(after)) => (after - before) / 1e9,
        _ => start.elapsed().as_secs_f64(),
    }
}

/// Nanoseconds that this thread has been given so far.
fn given() -> Option<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
