//! Rounds of gradients: nobody computes its next one before everybody's last one has counted.
//!
//! An update of an agent is some gradients, then an end for each of its networks. A round is made when
//! every worker at work has brought a gradient or has come to an end; the gradients that are there
//! make one step per network. When all have come to an end, all go on. So whenever no worker is in an
//! update, all stand between the same two, which is where a run can be cut.

use super::group::{State, Worker, lock_net};
use super::shared_net::Slope;

/// Where every worker is.
pub(super) struct Lockstep {
    places: Vec<Place>,
    /// Ends that all workers at work have come to together.
    ends: u64,
    /// Whether all were paused at once: the run stops there.
    is_stopped: bool,
}

/// Where one worker is.
enum Place {
    /// Acting, or computing.
    AtWork,
    /// Waiting with a gradient.
    WithGradient(Brought),
    /// Its gradient has counted; the buffer is to be taken back.
    Served(Vec<f32>),
    /// Waiting at the end of its update.
    AtEnd,
    /// Between updates, ready to stop.
    Paused,
    /// Gone.
    Left,
}

/// A gradient of the network of that number.
pub(super) struct Brought {
    pub(super) net: usize,
    pub(super) grads: Vec<f32>,
    pub(super) lr: f64,
    pub(super) clip: Option<f64>,
}

impl Lockstep {
    pub(super) fn new(workers: usize) -> Self {
        let places = (0..workers).map(|_| Place::AtWork).collect();
        Self { places, ends: 0, is_stopped: false }
    }

    /// The first worker that has not left.
    pub(super) fn first_at_work(&self) -> Option<usize> {
        self.places.iter().position(|place| !matches!(place, Place::Left))
    }

    fn is_waiting(&self, worker: usize) -> bool {
        matches!(self.places[worker], Place::WithGradient(_) | Place::AtEnd)
    }

    /// Whether some worker is in an update that others have not come to.
    fn has_begun_update(&self) -> bool {
        (0..self.places.len()).any(|worker| self.is_waiting(worker))
    }

    /// The gradients brought of network `net`, in the workers' order.
    fn slopes(&self, net: usize) -> impl Iterator<Item = Slope<'_>> {
        self.places.iter().filter_map(move |place| match place {
            Place::WithGradient(brought) if brought.net == net => {
                Some(Slope { grads: &brought.grads, lr: brought.lr, clip: brought.clip })
            }
            _ => None,
        })
    }

    /// Lets those whose gradients have counted go on; whether there were any.
    fn serve(&mut self) -> bool {
        let mut any = false;
        for place in &mut self.places {
            if let Place::WithGradient(brought) = place {
                *place = Place::Served(std::mem::take(&mut brought.grads));
                any = true;
            }
        }
        any
    }
}

impl State {
    /// Makes the round, ends the update or stops the run, if the last worker has come to it.
    fn settle(&mut self) {
        let places = &self.lockstep.places;
        let at_work = || places.iter().filter(|place| !matches!(place, Place::Left));
        if at_work().all(|place| matches!(place, Place::Paused)) {
            self.lockstep.is_stopped = at_work().next().is_some();
        } else if at_work().all(|place| matches!(place, Place::WithGradient(_) | Place::AtEnd)) {
            self.make_round();
        }
    }

    fn make_round(&mut self) {
        for (net, shared) in self.nets.iter().enumerate() {
            lock_net(shared).round(self.lockstep.slopes(net));
        }
        if !self.lockstep.serve() {
            self.lockstep.ends += 1;
            let ended = self.lockstep.places.iter_mut().filter(|p| matches!(p, Place::AtEnd));
            ended.for_each(|place| *place = Place::AtWork);
        }
    }

    /// Takes a worker out, for whom others may have been waiting.
    pub(super) fn leave(&mut self, worker: usize) {
        self.lockstep.places[worker] = Place::Left;
        self.settle();
    }
}

impl Worker {
    /// Brings a gradient and waits for the step it counts in; gives the buffer back.
    pub(super) fn bring(&self, brought: Brought) -> Vec<f32> {
        let index = self.index();
        let mut state = self.come_to(Place::WithGradient(brought));
        match std::mem::replace(&mut state.lockstep.places[index], Place::AtWork) {
            Place::Served(grads) => grads,
            _ => unreachable!("a worker waits until its gradient has counted"),
        }
    }

    /// Waits until all workers have come to the end of their update.
    pub(super) fn end_update(&self) {
        drop(self.come_to(Place::AtEnd));
    }

    /// Ends of updates so far, the same number for all workers that stand between two.
    pub fn ends(&self) -> u64 {
        self.group().lock().lockstep.ends
    }

    /// Asks to stop between updates: true when all workers that have not left stand between the same
    /// two, and do; false when some other one has begun an update already, which this one then
    /// has to come to as well.
    pub fn pause(&self) -> bool {
        let index = self.index();
        let mut state = self.group().lock();
        state.lockstep.places[index] = Place::Paused;
        state.settle();
        self.group().notify();
        let is_waiting =
            |state: &State| !state.lockstep.is_stopped && !state.lockstep.has_begun_update();
        let mut state = self.group().wait(state, is_waiting);
        if !state.lockstep.is_stopped {
            state.lockstep.places[index] = Place::AtWork;
        }
        state.lockstep.is_stopped
    }

    /// Waits in `place` until it is another one.
    fn come_to(&self, place: Place) -> std::sync::MutexGuard<'_, State> {
        let index = self.index();
        let mut state = self.group().lock();
        state.lockstep.places[index] = place;
        state.settle();
        self.group().notify();
        self.group().wait(state, move |state| state.lockstep.is_waiting(index))
    }
}
