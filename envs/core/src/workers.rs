//! Threads that step chunks of the rows: each owns its rows and its part of the batch.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use crate::env::{Env, Step};
use crate::rows::{ActionValue, Rows, RowsOut};

/// A chunk of rows with a thread of its own.
pub(crate) struct Worker<E: Env> {
    shared: Arc<Shared<E>>,
    len: usize,
    thread: Option<JoinHandle<()>>,
}

/// The rows of a worker and its copy of their part of the batch.
pub(crate) struct Chunk<E: Env> {
    pub(crate) rows: Rows<E>,
    actions: Vec<ActionValue<E>>,
    obs: Vec<E::Obs>,
    final_obs: Vec<E::Obs>,
    steps: Vec<Step>,
    job: Job,
}

struct Shared<E: Env> {
    chunk: Mutex<Chunk<E>>,
    /// Told whenever the job changes, and when the thread dies.
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq)]
enum Job {
    Idle,
    Step,
    Quit,
}

impl<E: Env> Worker<E> {
    pub(crate) fn new(rows: Rows<E>) -> Self {
        let (len, shape) = (rows.len(), rows.shape());
        let chunk = Chunk {
            rows,
            actions: vec![ActionValue::<E>::default(); len * shape.action_width],
            obs: vec![E::Obs::default(); len * shape.obs_width],
            final_obs: vec![E::Obs::default(); len * shape.obs_width],
            steps: vec![Step::default(); len],
            job: Job::Idle,
        };
        let shared = Arc::new(Shared { chunk: Mutex::new(chunk), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || theirs.run());
        Self { shared, len, thread: Some(thread) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The chunk, once its thread is idle.
    pub(crate) fn idle(&self) -> MutexGuard<'_, Chunk<E>> {
        self.shared.wait_until(|job| job == Job::Idle)
    }

    /// Starts a step of the rows.
    pub(crate) fn start(&self, actions: &[ActionValue<E>]) {
        let mut chunk = self.idle();
        chunk.actions.copy_from_slice(actions);
        chunk.job = Job::Step;
        drop(chunk);
        self.shared.changed.notify_all();
    }

    /// Waits for the step to end and copies its results out.
    pub(crate) fn finish(&self, out: RowsOut<'_, E::Obs>) {
        let RowsOut { obs, final_obs, steps } = out;
        let chunk = self.idle();
        obs.copy_from_slice(&chunk.obs);
        steps.copy_from_slice(&chunk.steps);
        let width = chunk.rows.shape().obs_width;
        for (i, _) in chunk.steps.iter().enumerate().filter(|(_, step)| step.is_last()) {
            let row = i * width..(i + 1) * width;
            final_obs[row.clone()].copy_from_slice(&chunk.final_obs[row]);
        }
    }
}

impl<E: Env> Chunk<E> {
    fn step(&mut self) {
        let out =
            RowsOut { obs: &mut self.obs, final_obs: &mut self.final_obs, steps: &mut self.steps };
        self.rows.step(&self.actions, out);
    }
}

impl<E: Env> Drop for Worker<E> {
    fn drop(&mut self) {
        // A dead worker has poisoned its lock, and there is no one to tell.
        if let Ok(mut chunk) = self.shared.chunk.lock() {
            chunk.job = Job::Quit;
        }
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It has ended either way; a panic of it was reported where the lock was found poisoned.
            let _ = thread.join();
        }
    }
}

impl<E: Env> Shared<E> {
    fn run(&self) {
        let _last_words = LastWords(&self.changed);
        loop {
            let mut chunk = self.wait_until(|job| job != Job::Idle);
            if chunk.job == Job::Quit {
                return;
            }
            chunk.step();
            chunk.job = Job::Idle;
            drop(chunk);
            self.changed.notify_all();
        }
    }

    fn wait_until(&self, is_met: impl Fn(Job) -> bool) -> MutexGuard<'_, Chunk<E>> {
        let chunk = self.chunk.lock().expect("no environment thread has panicked");
        self.changed
            .wait_while(chunk, |chunk| !is_met(chunk.job))
            .expect("no environment thread has panicked")
    }
}

/// Wakes whoever waits for a thread that unwinds: the lock it held is poisoned by then.
struct LastWords<'a>(&'a Condvar);

impl Drop for LastWords<'_> {
    fn drop(&mut self) {
        self.0.notify_all();
    }
}
