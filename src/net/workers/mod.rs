//! Workers that train one set of networks together, each from its own experience.
//!
//! Two ways (`meta.distributed`):
//!
//! - [`Sharing::Shared`], asynchronous: Hogwild (Recht et al. 2011, arXiv:1106.5730) and A3C (Mnih et
//!   al. 2016, arXiv:1602.01783). A worker computes a gradient on its own copy of the parameters,
//!   applies it to the shared ones as they are by then, and takes them over. No worker waits for
//!   another's experience, so results depend on who was faster. A lock per network is held for the
//!   optimizer's pass and the copy alone: no step is lost, as some are in Hogwild proper, and
//!   there are no data races to reason about; the passes over the batch, which take the time, run
//!   beside each other. Moments are shared under the optimizers `GlobalAdam` and `GlobalRMSprop`
//!   (A3C's shared RMSprop), else each worker has its own.
//! - [`Sharing::Synced`], in lockstep: all workers compute a gradient, their mean, added up in the
//!   workers' order, makes one optimizer step, and all take over the parameters (synchronous SGD;
//!   Chen et al. 2016, arXiv:1604.00981). Results depend on the number of workers, and on nothing
//!   of the machine.
//!
//! The k-th network that a worker makes is the same network as every other worker's k-th; it starts
//! from the first worker's weights. Learning-rate schedules, target networks, temperatures, running
//! statistics and whatever else an agent has stay each worker's own.

mod group;
mod lockstep;
mod seat;
mod shared_net;

pub use group::{Sharing, Worker, WorkerGroup};
pub(super) use seat::Seat;

#[cfg(test)]
mod tests;
