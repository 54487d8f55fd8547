//! Rows of a toy environment: pixels, several choices, threads, broken environments.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use slm_env::{
    ActionBatch, Env, EnvDef, EnvError, EnvOptions, EnvRows, Frame, ObsBatch, OptionDef,
    OptionKind, PreprocessedEnv, Preprocessing, Rng, Rollout, Space, StateError, StateReader,
    StateWriter, Step, VecEnv, conformance,
};

/// Counts up by its two choices, in pixels, and terminates above 9.
#[derive(Default)]
struct Counter {
    counts: [u8; 2],
    start: u8,
    /// Breaks the contract: a count that all copies share.
    shared: Option<&'static AtomicU32>,
}

impl Env for Counter {
    type Obs = u8;
    type Action = [u32];

    const STEP_NANOS: u64 = 10_000;

    fn obs_space(&self) -> Space {
        Space::vector(&[0.0; 2], &[255.0; 2])
    }

    fn action_space(&self) -> Space {
        Space::MultiDiscrete { nvec: vec![2, 3] }
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [u8]) {
        let start = rng.integers(0, 4) as u8;
        self.counts = [start, self.start];
        obs.copy_from_slice(&self.counts);
    }

    fn step(&mut self, action: &[u32], _rng: &mut Rng, obs: &mut [u8]) -> Step {
        assert!(action[0] < 200, "asked to panic");
        let extra = self.shared.map_or(0, |count| count.fetch_add(1, Ordering::Relaxed) % 2);
        self.counts[0] += (action[0] + extra) as u8;
        self.counts[1] += action[1] as u8;
        obs.copy_from_slice(&self.counts);
        let terminated = self.counts[1] > 9;
        Step { reward: f64::from(action[0]), terminated, truncated: false }
    }

    fn render(&self, frame: &mut Frame) {
        frame.clear(16, 16, [0, 0, 0]);
        let [x, y] = self.counts.map(f64::from);
        frame.circle((x, y), 3.0, [255, 0, 0]);
    }

    fn save(&self, out: &mut StateWriter) {
        out.bytes(&self.counts);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        from.bytes_into(&mut self.counts)
    }
}

const DEF: EnvDef = EnvDef {
    id: "Counter-v0",
    summary: "Counts.",
    max_episode_steps: 20,
    reward_threshold: None,
    render_fps: 10,
    options: &[OptionDef { name: "start", kind: OptionKind::Count, summary: "second count" }],
    make: |options| {
        EnvRows::boxed(&DEF, options, |options| {
            let start = options.number("start", 0.0) as u8;
            Ok(Counter { start, ..Counter::default() })
        })
    },
};

fn make(options: &EnvOptions) -> Box<dyn VecEnv> {
    DEF.make(options).expect("the options are valid")
}

fn threaded(num_envs: usize, threads: usize) -> EnvOptions {
    EnvOptions { threads, min_envs_per_thread: Some(1), ..EnvOptions::new(num_envs, 7) }
}

#[test]
fn an_environment_of_pixels_and_several_choices_keeps_the_contract() {
    conformance::check(&DEF);
}

#[test]
fn the_contract_test_finds_copies_that_share_a_state() {
    static SHARED: AtomicU32 = AtomicU32::new(0);
    const BROKEN: EnvDef = EnvDef {
        make: |options| {
            EnvRows::boxed(&BROKEN, options, |_| {
                Ok(Counter { shared: Some(&SHARED), ..Counter::default() })
            })
        },
        ..DEF
    };
    assert!(catch_unwind(|| conformance::check(&BROKEN)).is_err());
}

#[test]
fn an_ended_row_holds_the_next_start_and_the_last_observation_apart() {
    let mut env = make(&EnvOptions::new(2, 0).with("start", 8.0));
    let mut batch = env.new_batch();
    env.reset(&mut batch);
    env.step(&ActionBatch::Multi(vec![1, 2, 1, 1]), &mut batch);
    let (ObsBatch::U8(obs), ObsBatch::U8(final_obs)) = (&batch.obs, &batch.final_obs) else {
        panic!("pixels expected");
    };
    assert_eq!((obs[1], obs[3], final_obs[1]), (8, 9, 10));
    let flags: Vec<bool> = batch.steps.iter().map(|step| step.terminated).collect();
    assert_eq!(flags, [true, false]);
}

#[test]
fn the_second_reset_draws_other_states_and_a_reseed_the_first_again() {
    let mut env = make(&EnvOptions::new(64, 7));
    let (mut first, mut second, mut again) = (env.new_batch(), env.new_batch(), env.new_batch());
    env.reset(&mut first);
    env.reset(&mut second);
    env.seed(7);
    env.reset(&mut again);
    assert_ne!(first.obs, second.obs);
    assert_eq!(first.obs, again.obs);
}

#[test]
fn row_i_has_the_seed_of_the_vector_plus_i() {
    let (mut many, mut one) = (make(&threaded(10, 3)), make(&EnvOptions::new(1, 7 + 8)));
    let (mut a, mut b) = (many.new_batch(), one.new_batch());
    many.reset(&mut a);
    one.reset(&mut b);
    assert_eq!(a.obs.row_f64(8, 2), b.obs.row_f64(0, 2));
}

#[test]
fn a_state_saved_on_threads_loads_on_one() {
    let (mut threaded, mut serial) = (make(&threaded(7, 4)), make(&EnvOptions::new(7, 0)));
    let (mut a, mut b) = (threaded.new_batch(), serial.new_batch());
    threaded.reset(&mut a);
    let actions = ActionBatch::Multi(vec![1; 14]);
    (0..13).for_each(|_| threaded.step(&actions, &mut a));
    let mut out = StateWriter::new();
    threaded.save(&mut out);
    serial.load(&mut StateReader::new(&out.into_bytes())).expect("rows are rows");
    threaded.step(&actions, &mut a);
    serial.step(&actions, &mut b);
    assert_eq!((a.obs, a.steps), (b.obs, b.steps));
}

#[test]
fn a_panic_on_a_thread_reaches_the_caller() {
    let mut env = make(&threaded(4, 2));
    let mut batch = env.new_batch();
    env.reset(&mut batch);
    let mut actions = vec![0; 8];
    actions[6] = 200;
    let step = AssertUnwindSafe(|| env.step(&ActionBatch::Multi(actions), &mut batch));
    assert!(catch_unwind(step).is_err());
}

#[test]
fn a_step_before_the_first_reset_is_refused() {
    let mut env = make(&EnvOptions::new(1, 0));
    let (mut batch, actions) = (env.new_batch(), env.new_actions());
    assert!(catch_unwind(AssertUnwindSafe(|| env.step(&actions, &mut batch))).is_err());
}

#[test]
fn pixels_are_not_normalized() {
    let wanted = Preprocessing { normalize_obs: true, ..Preprocessing::default() };
    let error = PreprocessedEnv::new(make(&EnvOptions::new(1, 0)), &wanted).err();
    assert!(matches!(error, Some(EnvError::Preprocessing { .. })), "{error:?}");
}

#[test]
fn a_rollout_shows_the_last_observation_and_then_the_next_first() {
    let mut rollout = Rollout::new(make(&EnvOptions::new(1, 0).with("start", 8.0)));
    let first = rollout.obs();
    let row = rollout.step(&[1.0, 2.0]).expect("the action is in the space");
    assert_eq!((row.action, row.obs), (vec![1.0, 2.0], vec![first[0] + 1.0, 10.0]));
    assert_eq!(row.reset.expect("the episode ended")[1], 8.0);
}

#[test]
fn a_rollout_refuses_an_action_outside_the_space() {
    let mut rollout = Rollout::new(make(&EnvOptions::new(1, 0)));
    let error = rollout.step(&[0.0, 3.0]).expect_err("there is no third choice");
    assert_eq!(
        error.to_string(),
        "the action [0, 3] is not in the action space: 2 choices, of [2, 3] values"
    );
}
