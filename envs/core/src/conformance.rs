//! The contract of an environment as a test: one line in the tests of every environment.

use crate::batch::{ActionBatch, ObsBatch, StepBatch};
use crate::def::EnvDef;
use crate::env::Step;
use crate::frame::Frame;
use crate::options::EnvOptions;
use crate::rng::Rng;
use crate::state::{StateReader, StateWriter};
use crate::vec_env::VecEnv;

/// Copies in the vectors tested, and the steps they take.
const NUM_ENVS: usize = 5;
const STEPS: usize = 60;
/// Episodes are cut short, so that resets are part of what is tested.
const LIMIT: u32 = 25;

/// Checks everything that a learner relies on: determinism, spaces, flags, resets, independence of the rows,
/// state and picture.
///
/// # Panics
/// When the environment breaks the contract, with what it broke.
pub fn check(def: &EnvDef) {
    same_seed_same_bits(def);
    other_seed_other_episode(def);
    a_seed_forgets_what_came_before(def);
    numbers_lie_in_their_spaces(def);
    only_the_limit_truncates(def);
    a_fall_on_the_last_step_has_both_flags(def);
    an_ended_episode_is_followed_by_a_fresh_one(def);
    rows_do_not_touch_each_other(def);
    the_number_of_rows_changes_no_row(def);
    the_number_of_threads_changes_nothing(def);
    halves_that_step_in_turn_change_nothing(def);
    a_loaded_state_goes_on_exactly(def);
    a_state_of_another_vector_is_refused(def);
    the_picture_is_drawn(def);
}

/// A vector that takes random actions, each row from a generator of its own.
struct Run {
    env: Box<dyn VecEnv>,
    batch: StepBatch,
    actions: ActionBatch,
    rngs: Vec<Rng>,
    /// Whether its parts step one after another.
    in_parts: bool,
}

impl Run {
    fn new(def: &EnvDef, options: &EnvOptions) -> Self {
        let mut env = def.make(options).expect("the default options make the environment");
        let (mut batch, actions) = (env.new_batch(), env.new_actions());
        env.reset(&mut batch);
        let rngs = (0..options.num_envs as u64).map(|i| Rng::from_seed(1000 + i)).collect();
        Self { env, batch, actions, rngs, in_parts: false }
    }

    fn short(def: &EnvDef, seed: u64) -> Self {
        Self::new(def, &short(seed))
    }

    fn step(&mut self) -> &StepBatch {
        for (i, rng) in self.rngs.iter_mut().enumerate() {
            self.env.action_space().sample(rng, &mut self.actions, i);
        }
        let Self { env, batch, actions, .. } = self;
        if self.in_parts {
            (0..env.num_parts()).for_each(|part| env.step_part(part, actions, batch));
        } else {
            env.step(actions, batch);
        }
        batch
    }

    /// The rows after each of some steps.
    fn trace(&mut self, steps: usize) -> Vec<Vec<Row>> {
        (0..steps).map(|_| self.step_rows()).collect()
    }

    fn step_rows(&mut self) -> Vec<Row> {
        self.step();
        (0..self.env.num_envs()).map(|i| self.row(i)).collect()
    }

    fn row(&self, i: usize) -> Row {
        let width = self.env.obs_space().width();
        let step = self.batch.steps[i];
        let final_obs = step.is_last().then(|| self.batch.final_obs.row_f64(i, width));
        Row { obs: self.batch.obs.row_f64(i, width), final_obs, step }
    }

    fn state(&self) -> Vec<u8> {
        let mut out = StateWriter::new();
        self.env.save(&mut out);
        out.into_bytes()
    }
}

/// What a step says of one row.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    obs: Vec<f64>,
    final_obs: Option<Vec<f64>>,
    step: Step,
}

fn short(seed: u64) -> EnvOptions {
    EnvOptions { max_episode_steps: Some(LIMIT), ..EnvOptions::new(NUM_ENVS, seed) }
}

fn same_seed_same_bits(def: &EnvDef) {
    let (mut a, mut b) = (Run::short(def, 3), Run::short(def, 3));
    assert_eq!(a.batch.obs, b.batch.obs, "{}: first observations of one seed", def.id);
    assert_eq!(a.trace(STEPS), b.trace(STEPS), "{}: steps of one seed", def.id);
    assert_eq!(a.state(), b.state(), "{}: states of one seed", def.id);
}

fn other_seed_other_episode(def: &EnvDef) {
    let (mut a, mut b) = (Run::short(def, 3), Run::short(def, 4000));
    assert_ne!(a.trace(STEPS), b.trace(STEPS), "{}: steps of two seeds", def.id);
}

fn a_seed_forgets_what_came_before(def: &EnvDef) {
    let (mut used, mut fresh) = (Run::short(def, 43), Run::short(def, 47));
    used.trace(STEPS);
    used.env.seed(47);
    used.env.reset(&mut used.batch);
    used.rngs.clone_from(&fresh.rngs);
    assert_eq!(used.batch.obs, fresh.batch.obs, "{}: reset of a used vector", def.id);
    assert_eq!(used.trace(STEPS), fresh.trace(STEPS), "{}: steps of a used vector", def.id);
}

fn numbers_lie_in_their_spaces(def: &EnvDef) {
    let mut run = Run::short(def, 5);
    let (obs_space, action_space) = (run.env.obs_space().clone(), run.env.action_space().clone());
    for t in 0..STEPS {
        for (i, row) in run.step_rows().into_iter().enumerate() {
            let action = run.actions.row_f64(i, action_space.width());
            assert!(action_space.contains(&action), "{}: sampled action {action:?}", def.id);
            assert!(row.step.reward.is_finite(), "{}: reward of row {i}, step {t}", def.id);
            for obs in std::iter::once(&row.obs).chain(&row.final_obs) {
                let fits = obs_space.contains(obs) && obs.iter().all(|value| value.is_finite());
                assert!(fits, "{}: observation {obs:?} of row {i}, step {t}", def.id);
            }
        }
    }
}

fn only_the_limit_truncates(def: &EnvDef) {
    let mut run = Run::short(def, 7);
    let mut lengths = [0; NUM_ENVS];
    for _ in 0..STEPS {
        for (step, length) in run.step().steps.iter().zip(&mut lengths) {
            *length += 1;
            assert_eq!(step.truncated, *length == LIMIT, "{}: truncated at {length}", def.id);
            *length = if step.is_last() { 0 } else { *length };
        }
    }
}

/// Where random actions end an episode within a few thousand steps, the limit is put on that step.
fn a_fall_on_the_last_step_has_both_flags(def: &EnvDef) {
    let mut run = Run::new(def, &EnvOptions::new(1, 11));
    let most = def.max_episode_steps.min(2000);
    let fall = (1..=most).find(|_| run.step().steps[0].is_last());
    let (Some(fall), true) = (fall, run.batch.steps[0].terminated) else { return };
    let options = EnvOptions { max_episode_steps: Some(fall), ..EnvOptions::new(1, 11) };
    let mut run = Run::new(def, &options);
    let last = run.trace(fall as usize).pop().expect("an episode has a step")[0].step;
    assert!(last.terminated && last.truncated, "{}: flags of step {fall}: {last:?}", def.id);
}

fn an_ended_episode_is_followed_by_a_fresh_one(def: &EnvDef) {
    let mut run = Run::short(def, 13);
    let mut ended = 0;
    for _ in 0..STEPS {
        for row in run.step_rows() {
            if let Some(final_obs) = row.final_obs {
                ended += 1;
                assert_ne!(row.obs, final_obs, "{}: the next episode's first observation", def.id);
            }
        }
    }
    assert!(ended >= NUM_ENVS, "{}: {ended} episodes ended", def.id);
    assert_eq!(run.env.episode_stats().count(), ended as u64, "{}: episodes counted", def.id);
}

/// Other actions in row 0 leave the other rows as they were.
fn rows_do_not_touch_each_other(def: &EnvDef) {
    let (mut a, mut b) = (Run::short(def, 17), Run::short(def, 17));
    b.rngs[0] = Rng::from_seed(77);
    let rows_but_first =
        |rows: Vec<Vec<Row>>| rows.into_iter().map(|row| row[1..].to_vec()).collect::<Vec<_>>();
    let (a, b) = (rows_but_first(a.trace(STEPS)), rows_but_first(b.trace(STEPS)));
    assert_eq!(a, b, "{}: rows beside one with other actions", def.id);
}

fn the_number_of_rows_changes_no_row(def: &EnvDef) {
    let mut many = Run::short(def, 19);
    let mut one = Run::new(def, &EnvOptions { num_envs: 1, ..short(19) });
    for t in 0..STEPS {
        let (rows, alone) = (many.step_rows(), one.step_rows());
        assert_eq!(rows[0], alone[0], "{}: row 0 of {NUM_ENVS} and alone, step {t}", def.id);
    }
}

fn the_number_of_threads_changes_nothing(def: &EnvDef) {
    let threads = EnvOptions { threads: 3, min_envs_per_thread: Some(1), ..short(23) };
    let (mut serial, mut threaded) = (Run::short(def, 23), Run::new(def, &threads));
    assert_eq!(serial.batch.obs, threaded.batch.obs, "{}: reset on three threads", def.id);
    assert_eq!(serial.trace(STEPS), threaded.trace(STEPS), "{}: steps on three threads", def.id);
    assert_eq!(serial.state(), threaded.state(), "{}: state on three threads", def.id);
}

fn halves_that_step_in_turn_change_nothing(def: &EnvDef) {
    let halves = EnvOptions { min_nanos_per_half: Some(0), ..short(53) };
    for threads in [1, 2] {
        let halves = EnvOptions { threads, min_envs_per_thread: Some(1), ..halves.clone() };
        let (mut whole, mut halved) = (Run::short(def, 53), Run::new(def, &halves));
        let parts: Vec<_> = (0..halved.env.num_parts()).map(|part| halved.env.part(part)).collect();
        assert_eq!(parts, [0..3, 3..5], "{}: halves of {NUM_ENVS} rows", def.id);
        assert_eq!(whole.batch.obs, halved.batch.obs, "{}: reset in halves", def.id);
        halved.in_parts = true;
        assert_eq!(whole.trace(STEPS), halved.trace(STEPS), "{}: steps in halves", def.id);
        assert_eq!(whole.state(), halved.state(), "{}: state in halves", def.id);
        halved.in_parts = false;
        assert_eq!(whole.trace(2), halved.trace(2), "{}: halves that step together", def.id);
    }
}

fn a_loaded_state_goes_on_exactly(def: &EnvDef) {
    let mut first = Run::short(def, 29);
    first.trace(STEPS / 2 + 3);
    let state = first.state();
    let mut second = Run::short(def, 31);
    let mut reader = StateReader::new(&state);
    second.env.load(&mut reader).expect("a state loads into such a vector");
    reader.finish().expect("a vector reads all that it wrote");
    assert_eq!(second.state(), state, "{}: state saved again", def.id);
    second.rngs.clone_from(&first.rngs);
    assert_eq!(first.trace(STEPS), second.trace(STEPS), "{}: steps after loading", def.id);
}

fn a_state_of_another_vector_is_refused(def: &EnvDef) {
    let state = Run::short(def, 37).state();
    let mut other = Run::new(def, &EnvOptions::new(NUM_ENVS + 1, 37));
    let loaded = other.env.load(&mut StateReader::new(&state));
    assert!(loaded.is_err(), "{}: the state of {NUM_ENVS} rows loads into more", def.id);
}

fn the_picture_is_drawn(def: &EnvDef) {
    let mut run = Run::short(def, 41);
    let (mut first, mut later) = (Frame::new(), Frame::new());
    run.env.render(1, &mut first);
    run.trace(LIMIT as usize - 5);
    run.env.render(1, &mut later);
    let size = first.width() * first.height() * 3;
    assert!(size > 0 && first.rgb().len() == size, "{}: the picture has a size", def.id);
    let background = first.pixel(0, 0);
    let has_ink = first.rgb().chunks_exact(3).any(|pixel| pixel != background);
    assert!(has_ink, "{}: the picture is empty", def.id);
    assert!(matches!(run.batch.obs, ObsBatch::U8(_)) || first != later, "{}: it moves", def.id);
}
