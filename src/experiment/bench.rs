//! How fast a spec's parts are on this machine: environments, acting, updates, and training as a whole, without files.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Serialize;
use slm_env::{ActionBatch, Rng, VecEnv};
use slm_policy::Policy;

use super::bench_training::{Trainer, TrainingSpreads, training};
use super::env_plan::EnvPlan;
use super::error::RunError;
use super::plan::Plan;
use crate::analysis::stats::median;
use crate::device::TrainDevice;

/// Measurements of each quantity, after one that is not counted.
pub const REPETITIONS: usize = 5;

/// Rows of the batch in which environments are measured beside the spec's own.
pub const WIDE_BATCH: usize = 64;

/// Sets of random actions, drawn beforehand and used in turn.
const ACTION_SETS: usize = 64;

/// Calls between two looks at the clock where a call takes less than a look.
const CALLS_PER_GLANCE: u32 = 64;

/// How a spec is measured.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// Where networks train.
    pub device: TrainDevice,
    /// Threads of the networks, and of the environments that an agent learns in.
    pub threads: usize,
    /// How long to measure, warm-up included. Training is measured in whole updates, however long.
    pub budget: Duration,
}

/// Median and range of the repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

/// What was measured of a spec; environments and policies by themselves on one thread.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchReport {
    /// The spec.
    pub spec_name: String,
    /// Its algorithm.
    pub algorithm: &'static str,
    /// Its environment.
    pub env: &'static str,
    /// How many of them step together.
    pub num_envs: usize,
    /// Environment steps per second with random actions, as the agent sees them.
    pub env_steps_per_second: Spread,
    /// Nanoseconds of one of them.
    pub env_step_ns: Spread,
    /// Nanoseconds of an environment step in a batch of [`WIDE_BATCH`].
    pub wide_env_step_ns: Spread,
    /// What was measured of training.
    pub training: TrainingSpreads,
    /// Nanoseconds of a greedy action of the exported policy for one observation; none without a policy.
    pub policy_act_ns: Option<Spread>,
}

/// Measures the spec of `plan`.
///
/// # Errors
/// When the environment can not be made, or learning diverged while it was measured.
pub fn bench(plan: &Plan, options: &BenchOptions) -> Result<BenchReport, RunError> {
    let part = options.budget / (5 * (REPETITIONS as u32 + 1));
    let env_step_ns = env_steps(&plan.env, part)?;
    let wide = EnvPlan { num_envs: WIDE_BATCH, ..plan.env.clone() };
    let wide_env_step_ns = env_steps(&wide, part)?;
    let mut trainer = Trainer::new(plan, options)?;
    let training = training(&mut trainer, part);
    let policy_act_ns = match trainer.policy(plan)? {
        Some(mut policy) => Some(greedy_actions(&mut policy, &plan.env, part)?),
        None => None,
    };
    Ok(BenchReport {
        spec_name: plan.spec.name.clone(),
        algorithm: plan.algorithm,
        env: plan.env.def.id,
        num_envs: plan.env.num_envs,
        env_steps_per_second: Spread {
            median: 1e9 / env_step_ns.median,
            min: 1e9 / env_step_ns.max,
            max: 1e9 / env_step_ns.min,
        },
        env_step_ns,
        wide_env_step_ns,
        training,
        policy_act_ns,
    })
}

impl Spread {
    /// Median, least and greatest of the repetitions.
    pub(super) fn of(values: &[f64]) -> Self {
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { median: median(values), min, max }
    }
}

/// Nanoseconds an environment's step takes with random actions.
fn env_steps(plan: &EnvPlan, part: Duration) -> Result<Spread, RunError> {
    let mut env = plan.make(0, 1)?;
    let mut batch = env.new_batch();
    let sets = random_actions(&*env);
    env.reset(&mut batch);
    let mut turn = sets.iter().cycle();
    let nanos = repeat_for(part, || {
        env.step(turn.next().expect("a cycle does not end"), &mut batch);
    });
    Ok(Spread::of(&nanos.map(|ns| ns / plan.num_envs as f64)))
}

fn random_actions(env: &dyn VecEnv) -> Vec<ActionBatch> {
    let mut rng = Rng::from_seed(1);
    let mut sets = vec![env.new_actions(); ACTION_SETS];
    for actions in &mut sets {
        (0..env.num_envs()).for_each(|i| env.action_space().sample(&mut rng, actions, i));
    }
    sets
}

/// Nanoseconds a greedy action takes, for raw observations of a rollout with random actions.
fn greedy_actions(policy: &mut Policy, plan: &EnvPlan, part: Duration) -> Result<Spread, RunError> {
    let mut env = plan.make_raw(ACTION_SETS)?;
    let mut batch = env.new_batch();
    env.reset(&mut batch);
    for actions in random_actions(&*env) {
        env.step(&actions, &mut batch);
    }
    let mut pixels = Vec::new();
    let mut rows = batch.obs.as_f32s(&mut pixels).chunks_exact(policy.obs_width()).cycle();
    Ok(Spread::of(&repeat_for(part, || {
        black_box(policy.act(black_box(rows.next().expect("a cycle does not end"))));
    })))
}

/// Nanoseconds of `call` in each repetition of about `part`, after a warm-up as long.
fn repeat_for(part: Duration, mut call: impl FnMut()) -> [f64; REPETITIONS] {
    let mut measure = || {
        let (start, mut count) = (Instant::now(), 0_u64);
        loop {
            (0..CALLS_PER_GLANCE).for_each(|_| call());
            count += u64::from(CALLS_PER_GLANCE);
            let elapsed = start.elapsed();
            if elapsed >= part {
                return elapsed.as_nanos() as f64 / count as f64;
            }
        }
    };
    measure();
    std::array::from_fn(|_| measure())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorted: 1, 2, 3, 5, 9.
    #[test]
    fn a_spread_is_the_middle_and_the_ends() {
        let spread = Spread::of(&[3.0, 1.0, 9.0, 2.0, 5.0]);
        assert_eq!(spread, Spread { median: 3.0, min: 1.0, max: 9.0 });
    }

    #[test]
    fn calls_are_counted_in_the_time_they_take() {
        let pause = Duration::from_micros(50);
        let nanos = repeat_for(Duration::from_millis(1), || std::thread::sleep(pause));
        assert!(nanos.iter().all(|ns| *ns >= 50e3), "{nanos:?}");
    }
}
