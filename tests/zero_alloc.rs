//! A vector step of training (act, environments, observe) allocates nothing once the memory has its size, nor do
//! updates from a replay: counted.
#![allow(unsafe_code, reason = "an allocator is unsafe to implement")]
#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use slm_env::{ObsBatch, Rng, SeedSequence, Step};
use slm_lab::algorithm::AgentContext;
use slm_lab::config::{Available, Diagnostics, Given, load};
use slm_lab::experiment::Plan;
use slm_lab::memory::{Batch, PriorityPlan, Replay, ReplayPlan};
use slm_lab::net::Compute;
use slm_lab::registry::{algorithm_names, env_names};

/// Updates before counting: buffers grow to their sizes, the one for truncated episodes last.
const WARM_UP_UPDATES: u32 = 6;

/// Updates between which steps are counted.
const COUNTED_UPDATES: u32 = 4;

struct Counting;

thread_local! {
    /// Allocations of this thread; others, as the test harness's own, do not count.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count_one() {
    // A thread that ends may free its own storage first; what it allocates then is nobody's step.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations by part of the loop.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    act: u64,
    step: u64,
    observe: u64,
    /// Calls of `update` that were not due.
    not_due: u64,
    /// Calls that learned.
    learn: u64,
}

impl Counts {
    /// Of everything but learning.
    fn of_steps(&self) -> u64 {
        self.act + self.step + self.observe + self.not_due
    }
}

/// Adds to `sum` what `work` allocates.
fn counted<T>(sum: &mut u64, work: impl FnOnce() -> T) -> T {
    let before = ALLOCATIONS.get();
    let result = work();
    *sum += ALLOCATIONS.get() - before;
    result
}

fn plan(file: &str, name: &str, settings: &[&str]) -> Plan {
    let (algorithms, envs) = (algorithm_names(), env_names());
    let available = Available { algorithms: &algorithms, envs: &envs };
    let given = |text: &&str| Given { option: "-s", text: (*text).to_owned() };
    let settings: Vec<Given> = settings.iter().map(given).collect();
    let mut found = Diagnostics::new();
    let spec = load(file, name, &settings, &available, &mut found).unwrap();
    Plan::resolve(spec, &mut found).unwrap()
}

/// Trains over so many updates, then counts.
fn train(plan: &Plan, warm_up: u32) -> Counts {
    let seed = SeedSequence::new(0_u64);
    let mut agent = plan.agent.build(&AgentContext { compute: &Compute::kernels(1), seed: &seed });
    let mut env = plan.env.make(0, 1).unwrap();
    let (mut batch, mut actions) = (env.new_batch(), env.new_actions());
    env.reset(&mut batch);
    let (mut counts, mut updates, mut frame) = (Counts::default(), 0, 0);
    while updates < warm_up + COUNTED_UPDATES {
        counted(&mut counts.act, || agent.act(&batch, &mut actions));
        counted(&mut counts.step, || env.step(&actions, &mut batch));
        counted(&mut counts.observe, || agent.observe(&batch));
        frame += env.num_envs() as u64;
        let mut update = 0;
        let has_learned = counted(&mut update, || agent.update(frame)).is_some();
        *(if has_learned { &mut counts.learn } else { &mut counts.not_due }) += update;
        updates += u32::from(has_learned);
        if has_learned && updates == warm_up {
            assert!(counts.of_steps() > 0, "the counter counts: {counts:?}");
            counts = Counts::default();
        }
    }
    assert!(env.episode_stats().count() > 0, "episodes ended");
    counts
}

fn assert_steps_allocate_nothing(plan: &Plan) {
    let counts = train(plan, WARM_UP_UPDATES);
    assert_eq!(counts.of_steps(), 0, "{}: {counts:?}", plan.spec.name);
}

/// Episodes of 20 steps at most end both ways.
#[test]
fn ppo_steps_on_cartpole_allocate_nothing() {
    let settings = ["agent.algorithm.time_horizon=64", "env.max_t=20"];
    assert_steps_allocate_nothing(&plan("demo.json", "ppo_cartpole", &settings));
}

/// All episodes are truncated after 50 steps, four times in each rollout.
#[test]
fn ppo_steps_on_pendulum_allocate_nothing() {
    let settings = ["agent.algorithm.time_horizon=200", "env.max_t=50"];
    let file = "benchmark/ppo/ppo_pendulum.json";
    assert_steps_allocate_nothing(&plan(file, "ppo_pendulum", &settings));
}

/// An agent with a replay of 240 transitions, all episodes of which end within 20 steps. 300 vector steps of
/// four environments fill it five times.
fn assert_replay_agent_allocates_nothing(file: &str, name: &str) {
    let settings = [
        "agent.memory.max_size=240",
        "agent.memory.batch_size=32",
        "agent.algorithm.training_start_step=32",
        "agent.algorithm.training_frequency=4",
        "agent.algorithm.training_iter=1",
        "env.num_envs=4",
        "env.max_t=20",
    ];
    let plan = plan(file, name, &settings);
    let counts = train(&plan, 300);
    assert_eq!(counts, Counts::default(), "{name}");
}

#[test]
fn dqn_allocates_nothing() {
    let file = "benchmark_arc/dqn/dqn_classic_arc.yaml";
    assert_replay_agent_allocates_nothing(file, "dqn_epsilon_greedy_cartpole_arc");
    assert_replay_agent_allocates_nothing(file, "ddqn_per_boltzmann_cartpole_arc");
}

#[test]
fn sac_allocates_nothing() {
    let file = "benchmark_arc/sac/sac_classic_arc.yaml";
    assert_replay_agent_allocates_nothing(file, "sac_cartpole_arc");
    assert_replay_agent_allocates_nothing(file, "sac_pendulum_arc");
}

#[test]
fn td3_allocates_nothing() {
    assert_replay_agent_allocates_nothing("benchmark/td3/td3_pendulum.yaml", "td3_pendulum");
}

/// Transitions of two environments, of which every seventh ends an episode.
fn push(replay: &mut Replay, obs: &ObsBatch, vector_steps: usize) {
    let mut steps = [Step::default(); 2];
    for k in 0..vector_steps {
        replay.push_acted(obs, &[0.0, 1.0]);
        steps[0].terminated = k % 7 == 0;
        replay.push_observed(obs, obs, &steps);
    }
}

#[test]
fn a_full_replay_takes_and_gives_transitions_without_allocating() {
    let priorities = PriorityPlan { alpha: 0.6, epsilon: 0.01, beta: None };
    let plan = ReplayPlan {
        num_envs: 2,
        obs_width: 3,
        obs_u8: false,
        action_width: 1,
        max_size: 700,
        batch_size: 32,
        use_cer: true,
        priorities: Some(priorities),
    };
    let (mut replay, obs) = (Replay::new(plan), ObsBatch::F32(vec![0.5; 6]));
    let (mut batch, mut rng) = (Batch::default(), Rng::from_seed(0));
    let mut lap = |replay: &mut Replay| {
        push(replay, &obs, 350);
        replay.sample(&mut rng, &mut batch);
        replay.set_priorities(&batch, &[0.5; 32]);
    };
    let (mut warm_up, mut steady) = (0, 0);
    // Three: what is overwritten and what overwrites it take turns with two buffers.
    (0..3).for_each(|_| counted(&mut warm_up, || lap(&mut replay)));
    (0..3).for_each(|_| counted(&mut steady, || lap(&mut replay)));
    assert!(warm_up > 0, "the counter counts");
    assert_eq!(steady, 0);
}
