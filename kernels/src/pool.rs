//! A few threads that run one job together, over and over.
#![allow(unsafe_code, reason = "lends a job to threads that outlive it but are waited for")]

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// How often a thread looks for a change before it sleeps: some ten microseconds.
const SPINS: u32 = 2_000;
/// How often it looks before it lets another thread run, which may be the one it waits for.
const SPINS_PER_YIELD: u32 = 64;

/// Threads that wait for work between calls, the calling thread among them.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

type Job = dyn Fn(usize) + Sync;

/// A job of the calling thread, which returns only after all threads finished it.
#[derive(Clone, Copy)]
struct Lent(*const Job);

// SAFETY: the job is `Sync`, so that other threads may call it.
unsafe impl Send for Lent {}

#[derive(Default)]
struct Shared {
    /// Counts jobs; changes under the lock.
    generation: AtomicUsize,
    /// The present job; `None` ends the threads.
    job: Mutex<Option<Lent>>,
    wake: Condvar,
    /// Workers still at the present job.
    pending: AtomicUsize,
    has_panicked: AtomicBool,
}

impl Shared {
    /// The lock; a job never runs under it, so that it cannot be left half changed.
    fn job(&self) -> MutexGuard<'_, Option<Lent>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, job: Option<Lent>) {
        let mut present = self.job();
        *present = job;
        self.generation.fetch_add(1, Ordering::Release);
        self.wake.notify_all();
    }

    /// Waits for a job after number `seen`.
    fn wait(&self, seen: &mut usize) -> Option<Lent> {
        for spin in 0..SPINS {
            if self.generation.load(Ordering::Acquire) != *seen {
                break;
            }
            pause(spin);
        }
        let mut job = self.job();
        while self.generation.load(Ordering::Acquire) == *seen {
            job = self.wake.wait(job).unwrap_or_else(PoisonError::into_inner);
        }
        *seen = self.generation.load(Ordering::Acquire);
        *job
    }

    fn work(&self, index: usize) {
        let mut seen = 0;
        while let Some(Lent(job)) = self.wait(&mut seen) {
            // SAFETY: the job lives until `pending` is zero.
            let result = catch_unwind(AssertUnwindSafe(|| unsafe { (*job)(index) }));
            if result.is_err() {
                self.has_panicked.store(true, Ordering::Relaxed);
            }
            self.pending.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Waits a moment, now and then for a thread that needs the same processor.
fn pause(spin: u32) {
    if spin % SPINS_PER_YIELD == SPINS_PER_YIELD - 1 {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

/// Waits on drop until every worker finished, also when the caller's own part panics.
struct Finish<'a>(&'a Shared);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut spin = 0;
        while self.0.pending.load(Ordering::Acquire) > 0 {
            pause(spin);
            spin = spin.wrapping_add(1);
        }
    }
}

impl Pool {
    /// A pool of so many threads, of which one is the caller's; at least that one.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let workers = (1..threads.max(1)).map(|index| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.work(index))
        });
        let workers = workers.collect();
        Self { shared, workers }
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls the job once on each thread with its index, and returns when all are done.
    ///
    /// # Panics
    /// When the job panics on any thread.
    pub fn run(&mut self, job: &(dyn Fn(usize) + Sync)) {
        self.shared.has_panicked.store(false, Ordering::Relaxed);
        if !self.workers.is_empty() {
            self.shared.pending.store(self.workers.len(), Ordering::Relaxed);
            // SAFETY: only the lifetime changes; `finish` below outlasts every use.
            let job: &'static Job = unsafe { std::mem::transmute(job) };
            self.shared.start(Some(Lent(job)));
        }
        let finish = Finish(&self.shared);
        job(0);
        drop(finish);
        let has_panicked = self.shared.has_panicked.load(Ordering::Relaxed);
        assert!(!has_panicked, "a thread of the pool panicked");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.start(None);
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its jobs and has nothing else to report.
            let _ = worker.join();
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish()
    }
}

/// A slice whose parts several threads write.
pub(crate) struct Disjoint<'a> {
    start: *mut f32,
    len: usize,
    slice: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: whoever takes parts promises that they do not overlap.
unsafe impl Sync for Disjoint<'_> {}

impl<'a> Disjoint<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: std::marker::PhantomData }
    }

    /// Part of the slice.
    ///
    /// # Safety
    /// Parts that are alive at the same time do not overlap.
    ///
    /// # Panics
    /// When the range ends beyond the slice.
    #[allow(clippy::mut_from_ref, reason = "the caller promises that parts do not overlap")]
    pub(crate) unsafe fn part(&self, range: std::ops::Range<usize>) -> &mut [f32] {
        assert!(range.start <= range.end && range.end <= self.len, "the part lies inside");
        // SAFETY: it lies inside the slice, and the caller promises that no other part does.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_does_its_part_of_every_job() {
        for threads in 0..4 {
            let mut pool = Pool::new(threads);
            let counts: Vec<AtomicUsize> = (0..threads.max(1)).map(|_| 0.into()).collect();
            for round in 1..200 {
                pool.run(&|index| {
                    counts[index].fetch_add(index + 1, Ordering::Relaxed);
                });
                for (index, count) in counts.iter().enumerate() {
                    assert_eq!(count.load(Ordering::Relaxed), round * (index + 1));
                }
            }
        }
    }

    /// The pauses lie on both sides of the time that threads look before they sleep.
    #[test]
    fn threads_that_sleep_take_the_next_job_and_end_with_the_pool() {
        for micros in [0, 20, 200, 20_000] {
            let mut pool = Pool::new(3);
            let count = AtomicUsize::new(0);
            for round in 1..5 {
                std::thread::sleep(std::time::Duration::from_micros(micros));
                pool.run(&|_| {
                    count.fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(count.load(Ordering::Relaxed), 3 * round);
            }
            std::thread::sleep(std::time::Duration::from_micros(micros));
            drop(pool);
        }
    }

    #[test]
    fn a_panic_on_any_thread_reaches_the_caller_and_the_pool_works_on() {
        let mut pool = Pool::new(2);
        for bad in [[true, false], [false, true], [true, true]] {
            let result = catch_unwind(AssertUnwindSafe(|| {
                pool.run(&|index| assert!(!bad[index], "as planned"));
            }));
            assert!(result.is_err());
            pool.run(&|_| {});
        }
    }
}
