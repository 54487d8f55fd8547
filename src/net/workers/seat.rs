//! A worker's part in one network: gradients go in, the parameters of all come out.

use std::sync::{Arc, Mutex};

use slm_env::{StateError, StateReader, StateWriter};
use slm_kernels::global_norm;

use super::group::{Sharing, Worker, lock_net};
use super::lockstep::Brought;
use super::shared_net::{SharedNet, Slope};
use crate::net::host_optim::HostOptim;
use crate::net::optim::OptimPlan;

/// A worker's part in one network.
pub(in crate::net) struct Seat {
    worker: Worker,
    /// The network's number.
    number: usize,
    net: Arc<Mutex<SharedNet>>,
    /// The worker's own optimizer, where moments are not shared.
    own: Option<HostOptim>,
    /// Steps that the worker had a part in.
    steps: u64,
}

impl Seat {
    /// The worker's part in its next network, whose present parameters are put in `params`
    /// `[num_params]`.
    pub(in crate::net) fn new(worker: Worker, params: &mut [f32], optim: &OptimPlan) -> Self {
        let (number, net) = worker.next_net(params, optim);
        let is_shared = worker.group().sharing() == Sharing::Synced || optim.shares_moments();
        let own = (!is_shared).then(|| HostOptim::new(optim.clone(), params.len()));
        Self { worker, number, net, own, steps: 0 }
    }

    /// Lets `grads` count, which it may change, and takes over the parameters after that; returns
    /// the L2 norm of what was descended, before clipping.
    pub(in crate::net) fn step(
        &mut self,
        params: &mut [f32],
        grads: &mut Vec<f32>,
        lr: f64,
        clip: Option<f64>,
    ) -> f64 {
        self.steps += 1;
        match self.worker.group().sharing() {
            Sharing::Shared => {
                let norm = global_norm(grads);
                let mut net = lock_net(&self.net);
                net.step(Slope { grads, lr, clip }, norm, self.own.as_mut());
                params.copy_from_slice(net.params());
                norm
            }
            Sharing::Synced => {
                let brought = Brought { net: self.number, grads: std::mem::take(grads), lr, clip };
                *grads = self.worker.bring(brought);
                let net = lock_net(&self.net);
                params.copy_from_slice(net.params());
                net.grad_norm()
            }
        }
    }

    /// Marks the end of an update, in lockstep everybody's, and takes over the parameters.
    pub(in crate::net) fn end_update(&self, params: &mut [f32]) {
        if self.worker.group().sharing() == Sharing::Synced {
            self.worker.end_update();
        }
        params.copy_from_slice(lock_net(&self.net).params());
    }

    /// Steps that the worker had a part in.
    pub(in crate::net) fn steps(&self) -> u64 {
        self.steps
    }

    /// Writes the shared optimizer and the worker's own.
    pub(in crate::net) fn save(&self, out: &mut StateWriter) {
        out.u64(self.steps);
        self.own.iter().for_each(|own| own.save(out));
        lock_net(&self.net).save(out);
    }

    /// Reads what [`save`](Self::save) wrote; the network's parameters become everybody's, and
    /// `params`, unless another worker's are further.
    ///
    /// # Errors
    /// When the state belongs to another network or optimizer.
    pub(in crate::net) fn load(
        &mut self,
        params: &mut [f32],
        from: &mut StateReader<'_>,
    ) -> Result<(), StateError> {
        self.steps = from.u64()?;
        self.own.as_mut().map_or(Ok(()), |own| own.load(from))?;
        let mut net = lock_net(&self.net);
        net.load(from)?;
        params.copy_from_slice(net.params());
        Ok(())
    }
}
