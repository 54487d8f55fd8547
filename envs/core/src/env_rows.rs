//! Any environment as a vector: resets within the step, time limit, generators, threads, state.

use std::ops::Range;

use crate::batch::{ActionBatch, StepBatch};
use crate::def::EnvDef;
use crate::env::{Action, Element, Env, Step};
use crate::episode_stats::EpisodeStats;
use crate::error::EnvError;
use crate::frame::Frame;
use crate::options::EnvOptions;
use crate::part::{Part, chunk_lengths};
use crate::rows::{ActionValue, RowShape};
use crate::space::Space;
use crate::state::{StateError, StateReader, StateWriter};
use crate::vec_env::VecEnv;

/// Work that makes waking a thread worth while, in nanoseconds.
const MIN_NANOS_PER_THREAD: u64 = 50_000;

/// n copies of an environment: in one part, or in two that can step on their own.
pub struct EnvRows<E: Env> {
    obs_space: Space,
    action_space: Space,
    shape: RowShape,
    parts: Vec<Part<E>>,
    stats: EpisodeStats,
    is_started: bool,
}

impl<E: Env> EnvRows<E> {
    /// The copies that `options` ask for, each made by `make`.
    ///
    /// # Errors
    /// When the options do not fit the environment, or `make` fails.
    pub fn new(
        def: &EnvDef,
        options: &EnvOptions,
        make: impl Fn(&EnvOptions) -> Result<E, EnvError>,
    ) -> Result<Self, EnvError> {
        options.check(def)?;
        let n = options.num_envs;
        let envs = (0..n).map(|_| make(options)).collect::<Result<Vec<E>, EnvError>>()?;
        let (obs_space, action_space) = (envs[0].obs_space(), envs[0].action_space());
        let shape = RowShape {
            obs_width: obs_space.width(),
            action_width: action_space.width(),
            max_episode_steps: options.max_episode_steps.unwrap_or(def.max_episode_steps),
        };
        let (parts, stats) = (parts(envs, options, shape), EpisodeStats::new(n));
        let mut rows = Self { obs_space, action_space, shape, parts, stats, is_started: false };
        rows.seed(options.seed);
        Ok(rows)
    }

    /// [`EnvRows::new`], in a box.
    ///
    /// # Errors
    /// As [`EnvRows::new`].
    pub fn boxed(
        def: &EnvDef,
        options: &EnvOptions,
        make: impl Fn(&EnvOptions) -> Result<E, EnvError>,
    ) -> Result<Box<dyn VecEnv>, EnvError> {
        Ok(Box::new(Self::new(def, options, make)?))
    }

    /// The numbers of the actions, of as many rows as the batch has.
    fn checked<'a>(&self, actions: &'a ActionBatch, out: &StepBatch) -> &'a [ActionValue<E>] {
        assert!(self.is_started, "a vector of environments is reset before its first step");
        let n = self.num_envs();
        let values = E::Action::values(actions);
        assert_eq!(values.len(), n * self.shape.action_width, "one action for each environment");
        assert_eq!(out.steps.len(), n, "one row of the batch for each environment");
        values
    }
}

impl<E: Env> VecEnv for EnvRows<E> {
    fn num_envs(&self) -> usize {
        self.parts.iter().map(|part| part.rows().len()).sum()
    }

    fn obs_space(&self) -> &Space {
        &self.obs_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn max_episode_steps(&self) -> u32 {
        self.shape.max_episode_steps
    }

    fn new_batch(&self) -> StepBatch {
        let n = self.num_envs();
        StepBatch {
            obs: E::Obs::batch(n * self.shape.obs_width),
            final_obs: E::Obs::batch(n * self.shape.obs_width),
            steps: vec![Step::default(); n],
        }
    }

    fn seed(&mut self, seed: u64) {
        self.parts.iter_mut().for_each(|part| part.seed(seed));
    }

    fn reset(&mut self, out: &mut StepBatch) {
        let obs = E::Obs::values_mut(&mut out.obs);
        self.parts.iter_mut().for_each(|part| part.reset(obs));
        out.steps.fill(Step::default());
        self.stats.restart();
        self.is_started = true;
    }

    fn step(&mut self, actions: &ActionBatch, out: &mut StepBatch) {
        let values = self.checked(actions, out);
        self.parts.iter().for_each(|part| part.start(values));
        self.parts.iter_mut().for_each(|part| part.finish(values, out));
        self.stats.add(0, &out.steps);
    }

    fn num_parts(&self) -> usize {
        self.parts.len()
    }

    fn part(&self, part: usize) -> Range<usize> {
        self.parts[part].rows()
    }

    fn step_part(&mut self, part: usize, actions: &ActionBatch, out: &mut StepBatch) {
        let values = self.checked(actions, out);
        let part = &mut self.parts[part];
        part.start(values);
        part.finish(values, out);
        let rows = part.rows();
        self.stats.add(rows.start, &out.steps[rows]);
    }

    fn render(&self, i: usize, frame: &mut Frame) {
        let part = self.parts.iter().find(|part| part.rows().contains(&i));
        part.expect("there is such a copy").render(i, frame);
    }

    fn save(&self, out: &mut StateWriter) {
        out.u64(self.num_envs() as u64);
        out.bool(self.is_started);
        self.stats.save(out);
        self.parts.iter().for_each(|part| part.save(out));
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let (n, saved) = (self.num_envs(), from.u64()?);
        if saved != n as u64 {
            return Err(StateError::mismatch("the number of environments", n, saved));
        }
        self.is_started = from.bool()?;
        self.stats.load(from)?;
        self.parts.iter_mut().try_for_each(|part| part.load(from))
    }

    fn episode_stats(&self) -> &EpisodeStats {
        &self.stats
    }
}

/// The rows in halves, where those are asked for and have enough to do, else in one part.
fn parts<E: Env>(envs: Vec<E>, options: &EnvOptions, shape: RowShape) -> Vec<Part<E>> {
    let half = envs.len() / 2;
    let nanos = E::STEP_NANOS * half as u64 / n_chunks::<E>(half, options) as u64;
    let pays = |least: u64| half > 0 && nanos >= least;
    let n_parts = if options.min_nanos_per_half.is_some_and(pays) { 2 } else { 1 };
    let (mut first, mut envs) = (0, envs.into_iter());
    chunk_lengths(envs.len(), n_parts)
        .map(|len| {
            let own = envs.by_ref().take(len).collect();
            first += len;
            Part::new(first - len, own, n_chunks::<E>(len, options), shape)
        })
        .collect()
}

/// How many chunks `rows` are worth.
fn n_chunks<E: Env>(rows: usize, options: &EnvOptions) -> usize {
    let by_cost = MIN_NANOS_PER_THREAD.div_ceil(E::STEP_NANOS.max(1)) as usize;
    let min_rows = options.min_envs_per_thread.unwrap_or(by_cost).max(1);
    options.threads.min(rows / min_rows).max(1)
}
