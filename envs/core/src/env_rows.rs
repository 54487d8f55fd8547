//! Any environment as a vector: resets within the step, time limit, generators, threads, state.

use std::ops::Range;

use crate::batch::{ActionBatch, StepBatch};
use crate::def::EnvDef;
use crate::env::{Action, Element, Env, Step};
use crate::episode_stats::EpisodeStats;
use crate::error::EnvError;
use crate::frame::Frame;
use crate::options::EnvOptions;
use crate::rows::{RowShape, Rows, RowsOut};
use crate::space::Space;
use crate::state::{StateError, StateReader, StateWriter};
use crate::vec_env::VecEnv;
use crate::workers::Worker;

/// Work that makes waking a thread worth while, in nanoseconds.
const MIN_NANOS_PER_THREAD: u64 = 50_000;

/// n copies of an environment. The first rows run on the caller's thread, the others in contiguous chunks on
/// threads of their own, which sleep between steps.
pub struct EnvRows<E: Env> {
    obs_space: Space,
    action_space: Space,
    shape: RowShape,
    head: Rows<E>,
    workers: Vec<Worker<E>>,
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
        let (mut envs, n_chunks) = (envs.into_iter(), n_chunks::<E>(options));
        let mut lengths = chunk_lengths(n, n_chunks);
        let head = Rows::new(envs.by_ref().take(lengths.next().unwrap_or(n)), shape);
        let workers =
            lengths.map(|len| Worker::new(Rows::new(envs.by_ref().take(len), shape))).collect();
        let stats = EpisodeStats::new(n);
        let mut rows =
            Self { obs_space, action_space, shape, head, workers, stats, is_started: false };
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

    /// The workers, each with the rows it has.
    fn chunks(&self) -> impl Iterator<Item = (&Worker<E>, Range<usize>)> {
        self.workers.iter().scan(self.head.len(), |next, worker| {
            let first = *next;
            *next += worker.len();
            Some((worker, first..*next))
        })
    }
}

impl<E: Env> VecEnv for EnvRows<E> {
    fn num_envs(&self) -> usize {
        self.head.len() + self.workers.iter().map(Worker::len).sum::<usize>()
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
        self.head.seed(seed);
        for (worker, rows) in self.chunks() {
            worker.idle().rows.seed(seed.wrapping_add(rows.start as u64));
        }
    }

    fn reset(&mut self, out: &mut StepBatch) {
        let width = self.shape.obs_width;
        let obs = E::Obs::values_mut(&mut out.obs);
        self.head.reset(&mut obs[..self.head.len() * width]);
        for (worker, rows) in self.chunks() {
            worker.idle().rows.reset(&mut obs[rows.start * width..rows.end * width]);
        }
        out.steps.fill(Step::default());
        self.stats.restart();
        self.is_started = true;
    }

    fn step(&mut self, actions: &ActionBatch, out: &mut StepBatch) {
        assert!(self.is_started, "a vector of environments is reset before its first step");
        let n = self.num_envs();
        let values = E::Action::values(actions);
        assert_eq!(values.len(), n * self.shape.action_width, "one action for each environment");
        assert_eq!(out.steps.len(), n, "one row of the batch for each environment");
        for (worker, rows) in self.chunks() {
            let width = self.shape.action_width;
            worker.start(&values[rows.start * width..rows.end * width]);
        }
        let head = 0..self.head.len();
        self.head.step(values, part::<E>(out, head, self.shape));
        for (worker, rows) in self.chunks() {
            worker.finish(part::<E>(out, rows, self.shape));
        }
        self.stats.add(&out.steps);
    }

    fn render(&self, i: usize, frame: &mut Frame) {
        match self.chunks().find(|(_, rows)| rows.contains(&i)) {
            Some((worker, rows)) => worker.idle().rows.render(i - rows.start, frame),
            None => self.head.render(i, frame),
        }
    }

    fn save(&self, out: &mut StateWriter) {
        out.u64(self.num_envs() as u64);
        out.bool(self.is_started);
        self.stats.save(out);
        self.head.save(out);
        for worker in &self.workers {
            worker.idle().rows.save(out);
        }
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let (n, saved) = (self.num_envs(), from.u64()?);
        if saved != n as u64 {
            return Err(StateError::mismatch("the number of environments", n, saved));
        }
        self.is_started = from.bool()?;
        self.stats.load(from)?;
        self.head.load(from)?;
        for worker in &self.workers {
            worker.idle().rows.load(from)?;
        }
        Ok(())
    }

    fn episode_stats(&self) -> &EpisodeStats {
        &self.stats
    }
}

/// Some rows of a batch.
fn part<E: Env>(batch: &mut StepBatch, rows: Range<usize>, shape: RowShape) -> RowsOut<'_, E::Obs> {
    let values = rows.start * shape.obs_width..rows.end * shape.obs_width;
    RowsOut {
        obs: &mut E::Obs::values_mut(&mut batch.obs)[values.clone()],
        final_obs: &mut E::Obs::values_mut(&mut batch.final_obs)[values],
        steps: &mut batch.steps[rows],
    }
}

/// How many chunks the rows are worth.
fn n_chunks<E: Env>(options: &EnvOptions) -> usize {
    let by_cost = MIN_NANOS_PER_THREAD.div_ceil(E::STEP_NANOS.max(1)) as usize;
    let min_rows = options.min_envs_per_thread.unwrap_or(by_cost).max(1);
    options.threads.min(options.num_envs / min_rows).max(1)
}

/// Lengths of `n_chunks` contiguous chunks of `n` rows; they differ by one at most.
fn chunk_lengths(n: usize, n_chunks: usize) -> impl Iterator<Item = usize> {
    (0..n_chunks).map(move |i| n / n_chunks + usize::from(i < n % n_chunks))
}
