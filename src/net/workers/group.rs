//! The workers of a run: who is at work, on which networks, and who has left.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::lockstep::Lockstep;
use super::shared_net::SharedNet;
use crate::net::optim::OptimPlan;

/// How workers train one set of networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Each applies its gradients when it has them.
    Shared,
    /// All apply the mean of theirs together.
    Synced,
}

/// The workers of a distributed run and the networks they train.
pub struct WorkerGroup {
    sharing: Sharing,
    state: Mutex<State>,
    changed: Condvar,
    has_failed: AtomicBool,
}

/// What the lock of a group guards.
pub(super) struct State {
    /// In the order in which each worker makes them.
    pub(super) nets: Vec<Arc<Mutex<SharedNet>>>,
    /// Networks that each worker has made so far.
    made: Vec<usize>,
    pub(super) lockstep: Lockstep,
}

/// A worker's place in its group.
#[derive(Clone)]
pub struct Worker {
    group: Arc<WorkerGroup>,
    index: usize,
}

impl WorkerGroup {
    /// So many workers, none of which has made a network yet.
    pub fn new(sharing: Sharing, workers: usize) -> Arc<Self> {
        let lockstep = Lockstep::new(workers);
        Arc::new(Self {
            sharing,
            state: Mutex::new(State { nets: Vec::new(), made: vec![0; workers], lockstep }),
            changed: Condvar::new(),
            has_failed: AtomicBool::new(false),
        })
    }

    /// How its workers train.
    pub fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// The worker of that number.
    pub fn worker(self: &Arc<Self>, index: usize) -> Worker {
        Worker { group: Arc::clone(self), index }
    }

    /// Whether some worker has failed; the others are then to stop where that makes a difference.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Who panics with the lock leaves afterward, which the others are told of.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change for as long as `is_waiting`.
    pub(super) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        is_waiting: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_while(state, |state| is_waiting(state));
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever waits that something has changed.
    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }
}

impl Worker {
    /// Its number.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its group.
    pub fn group(&self) -> &WorkerGroup {
        &self.group
    }

    /// The network that the worker makes next and its number; its parameters are put in `params`
    /// `[num_params]`. Waits until the first worker has made its own.
    pub(super) fn next_net(
        &self,
        params: &mut [f32],
        optim: &OptimPlan,
    ) -> (usize, Arc<Mutex<SharedNet>>) {
        let mut state = self.group.lock();
        let k = state.made[self.index];
        state.made[self.index] += 1;
        let is_waiting = |state: &State| {
            state.nets.len() <= k && state.lockstep.first_at_work() != Some(self.index)
        };
        state = self.group.wait(state, is_waiting);
        if state.nets.len() <= k {
            state.nets.push(Arc::new(Mutex::new(SharedNet::new(params.to_vec(), optim))));
            self.group.notify();
        }
        let net = Arc::clone(&state.nets[k]);
        drop(state);
        params.copy_from_slice(lock_net(&net).params());
        (k, net)
    }

    /// Leaves the group for good, so that nobody waits for it: at its end, stopped, or after a failure.
    pub fn leave(&self, has_failed: bool) {
        if has_failed {
            self.group.has_failed.store(true, Ordering::Relaxed);
        }
        let mut state = self.group.lock();
        state.leave(self.index);
        self.group.notify();
    }
}

/// A network, for a step or a look.
pub(super) fn lock_net(net: &Mutex<SharedNet>) -> MutexGuard<'_, SharedNet> {
    net.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Worker").field(&self.index).finish()
    }
}
