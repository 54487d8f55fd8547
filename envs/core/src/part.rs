//! Rows that step together: the first on the caller's thread, the others in contiguous chunks on threads of
//! their own, which sleep between steps.

use std::ops::Range;

use crate::batch::StepBatch;
use crate::env::{Element, Env};
use crate::frame::Frame;
use crate::rows::{ActionValue, RowShape, Rows, RowsOut};
use crate::state::{StateError, StateReader, StateWriter};
use crate::workers::Worker;

/// Contiguous rows of a vector.
pub(crate) struct Part<E: Env> {
    /// The first of them.
    first: usize,
    shape: RowShape,
    head: Rows<E>,
    workers: Vec<Worker<E>>,
}

impl<E: Env> Part<E> {
    /// `envs` as the rows from `first` on, in `n_chunks` chunks.
    pub(crate) fn new(first: usize, envs: Vec<E>, n_chunks: usize, shape: RowShape) -> Self {
        let mut lengths = chunk_lengths(envs.len(), n_chunks);
        let mut envs = envs.into_iter();
        let mut rows = |len| Rows::new(envs.by_ref().take(len), shape);
        let head = rows(lengths.next().expect("there is at least one chunk"));
        let workers = lengths.map(|len| Worker::new(rows(len))).collect();
        Self { first, shape, head, workers }
    }

    /// Which rows of the vector these are.
    pub(crate) fn rows(&self) -> Range<usize> {
        let len = self.head.len() + self.workers.iter().map(Worker::len).sum::<usize>();
        self.first..self.first + len
    }

    pub(crate) fn seed(&mut self, seed: u64) {
        self.head.seed(seed.wrapping_add(self.first as u64));
        for (worker, rows) in self.chunks() {
            worker.idle().rows.seed(seed.wrapping_add(rows.start as u64));
        }
    }

    /// Writes first observations into those `[n, width]` of the vector.
    pub(crate) fn reset(&mut self, obs: &mut [E::Obs]) {
        let width = self.shape.obs_width;
        let head = self.head_rows();
        self.head.reset(&mut obs[head.start * width..head.end * width]);
        for (worker, rows) in self.chunks() {
            worker.idle().rows.reset(&mut obs[rows.start * width..rows.end * width]);
        }
    }

    /// Lets the threads step by the actions `[n, width]` of the vector.
    pub(crate) fn start(&self, actions: &[ActionValue<E>]) {
        let width = self.shape.action_width;
        for (worker, rows) in self.chunks() {
            worker.start(&actions[rows.start * width..rows.end * width]);
        }
    }

    /// Steps the rows without a thread and waits for the others.
    pub(crate) fn finish(&mut self, actions: &[ActionValue<E>], out: &mut StepBatch) {
        let (width, head) = (self.shape.action_width, self.head_rows());
        let actions = &actions[head.start * width..head.end * width];
        self.head.step(actions, rows_out::<E>(out, head, self.shape));
        for (worker, rows) in self.chunks() {
            worker.finish(rows_out::<E>(out, rows, self.shape));
        }
    }

    /// Draws row `i` of the vector.
    pub(crate) fn render(&self, i: usize, frame: &mut Frame) {
        match self.chunks().find(|(_, rows)| rows.contains(&i)) {
            Some((worker, rows)) => worker.idle().rows.render(i - rows.start, frame),
            None => self.head.render(i - self.first, frame),
        }
    }

    pub(crate) fn save(&self, out: &mut StateWriter) {
        self.head.save(out);
        for worker in &self.workers {
            worker.idle().rows.save(out);
        }
    }

    pub(crate) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.head.load(from)?;
        for worker in &self.workers {
            worker.idle().rows.load(from)?;
        }
        Ok(())
    }

    fn head_rows(&self) -> Range<usize> {
        self.first..self.first + self.head.len()
    }

    /// The workers, each with the rows it has.
    fn chunks(&self) -> impl Iterator<Item = (&Worker<E>, Range<usize>)> {
        self.workers.iter().scan(self.first + self.head.len(), |next, worker| {
            let first = *next;
            *next += worker.len();
            Some((worker, first..*next))
        })
    }
}

/// Some rows of a batch.
fn rows_out<E: Env>(
    batch: &mut StepBatch,
    rows: Range<usize>,
    shape: RowShape,
) -> RowsOut<'_, E::Obs> {
    let values = rows.start * shape.obs_width..rows.end * shape.obs_width;
    RowsOut {
        obs: &mut E::Obs::values_mut(&mut batch.obs)[values.clone()],
        final_obs: &mut E::Obs::values_mut(&mut batch.final_obs)[values],
        steps: &mut batch.steps[rows],
    }
}

/// Lengths of `n_chunks` contiguous chunks of `n` rows; they differ by one at most.
pub(crate) fn chunk_lengths(n: usize, n_chunks: usize) -> impl Iterator<Item = usize> {
    (0..n_chunks).map(move |i| n / n_chunks + usize::from(i < n % n_chunks))
}
