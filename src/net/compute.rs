//! What trains networks: fused kernels on the processor, or Burn on a device.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::Device;
use slm_kernels::Pool;

use super::plan::NetPlan;
use super::workers::Worker;

/// What trains the networks of one agent.
#[derive(Clone, Debug)]
pub enum Compute {
    /// Fused kernels in host memory.
    Kernels(Kernels),
    /// Burn's tensors.
    Burn(Tensors),
}

impl Compute {
    /// Fused kernels on so many threads.
    pub fn kernels(threads: usize) -> Self {
        Self::Kernels(Kernels::new(threads))
    }

    /// Burn's tensors on `device`.
    pub fn burn(device: Device) -> Self {
        Self::Burn(Tensors::on(device))
    }

    /// What trains a network of `plan`: on the processor Burn where the kernels lack a layer.
    #[must_use]
    pub fn of(&self, plan: &NetPlan) -> Self {
        match self {
            Self::Kernels(Kernels { worker, .. }) if plan.is_recurrent() => {
                Self::Burn(Tensors { device: Device::flex(), worker: worker.clone() })
            }
            _ => self.clone(),
        }
    }

    /// The same, for an agent that trains its networks together with other workers.
    ///
    /// # Panics
    /// On a device: workers share networks in host memory.
    #[must_use]
    pub fn of_worker(self, worker: Worker) -> Self {
        let Self::Kernels(kernels) = self else { panic!("workers train on the processor") };
        Self::Kernels(Kernels { worker: Some(worker), ..kernels })
    }
}

/// Fused kernels in host memory.
#[derive(Clone, Debug)]
pub struct Kernels {
    /// Threads of their passes.
    pub(super) threads: Threads,
    /// With whom the networks are trained together.
    pub(super) worker: Option<Worker>,
}

/// Burn's tensors on a device, of which the processor may be one.
#[derive(Clone, Debug)]
pub struct Tensors {
    /// Where they are.
    pub(super) device: Device,
    /// With whom the networks are trained together.
    pub(super) worker: Option<Worker>,
}

impl Tensors {
    /// On `device`, of networks that nobody else trains.
    pub fn on(device: Device) -> Self {
        Self { device, worker: None }
    }
}

impl Kernels {
    /// On so many threads, for networks that nobody else trains.
    pub fn new(threads: usize) -> Self {
        Self { threads: Threads::new(threads), worker: None }
    }
}

/// Threads that all networks of one agent share; results do not depend on their number.
#[derive(Clone)]
pub struct Threads(Option<Arc<Mutex<Pool>>>);

impl Threads {
    /// So many threads, the calling one among them.
    pub fn new(count: usize) -> Self {
        Self((count > 1).then(|| Arc::new(Mutex::new(Pool::new(count)))))
    }

    /// The pool, where there is more than one thread.
    pub(super) fn pool(&self) -> Option<MutexGuard<'_, Pool>> {
        // A panic in a job leaves nothing behind in the pool.
        self.0.as_ref().map(|pool| pool.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.pool().map_or(1, |pool| pool.threads());
        f.debug_tuple("Threads").field(&count).finish()
    }
}
