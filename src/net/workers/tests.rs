//! Worked by hand: what several workers, each on a thread, make of one parameter.

use std::sync::Arc;
use std::thread;

use slm_env::{StateReader, StateWriter};

use super::*;
use crate::net::{OptimPlan, Sgd};

fn sgd(momentum: f64) -> OptimPlan {
    OptimPlan::Sgd(Sgd { momentum, dampening: 0.0, weight_decay: 0.0, nesterov: false })
}

/// A worker with one network of one parameter.
struct One {
    worker: Worker,
    seat: Seat,
    params: [f32; 1],
}

impl One {
    fn new(group: &Arc<WorkerGroup>, index: usize, start: f32, optim: &OptimPlan) -> Self {
        let (worker, mut params) = (group.worker(index), [start]);
        let seat = Seat::new(worker.clone(), &mut params, optim);
        Self { worker, seat, params }
    }

    /// A step of size 0.1 down `grad`; the parameter after it.
    fn step(&mut self, grad: f32) -> f32 {
        let mut grads = vec![grad];
        self.seat.step(&mut self.params, &mut grads, 0.1, None);
        assert_eq!(grads.len(), 1);
        self.params[0]
    }

    fn end_update(&mut self) -> f32 {
        self.seat.end_update(&mut self.params);
        self.params[0]
    }
}

/// What `work` gives for each worker, each on a thread of its own.
fn together<T: Send>(
    group: &Arc<WorkerGroup>,
    count: usize,
    work: impl Fn(One, usize) -> T + Sync,
) -> Vec<T> {
    let work = &work;
    thread::scope(|scope| {
        let start = |index: usize| {
            scope.spawn(move || {
                // Each has weights of its own in mind; those of worker 0 count.
                let one = One::new(group, index, 1.0 + index as f32, &sgd(0.0));
                let result = work(one, index);
                group.worker(index).leave(false);
                result
            })
        };
        let threads: Vec<_> = (0..count).rev().map(start).collect();
        let results = threads.into_iter().rev().map(|thread| thread.join().unwrap());
        results.collect()
    })
}

#[test]
fn in_lockstep_all_take_one_step_down_the_mean_of_their_gradients() {
    let group = WorkerGroup::new(Sharing::Synced, 3);
    let found = together(&group, 3, |mut one, index| {
        let first = one.step([2.0, 4.0, 9.0][index]);
        (first, one.step([1.0, 0.0, -1.0][index]), one.end_update(), one.seat.steps())
    });
    // 1 − 0.1·(2 + 4 + 9)/3 = 0.5, then −0.1·0.
    assert_eq!(found, [(0.5, 0.5, 0.5, 2); 3]);
}

#[test]
fn who_has_fewer_gradients_in_an_update_waits_for_its_end_and_takes_over_what_came_of_it() {
    let group = WorkerGroup::new(Sharing::Synced, 2);
    let found = together(&group, 2, |mut one, index| {
        let steps: Vec<f32> = (0..=index).map(|_| one.step(2.0)).collect();
        (steps, one.end_update(), one.worker.ends())
    });
    // Worker 1 alone takes the second step: 1 − 0.2 − 0.2.
    assert_eq!(found, [(vec![0.8], 0.6, 1), (vec![0.8, 0.6], 0.6, 1)]);
}

#[test]
fn nobody_waits_for_a_worker_that_has_left_or_failed() {
    for has_failed in [false, true] {
        let group = WorkerGroup::new(Sharing::Synced, 3);
        let found = together(&group, 3, |mut one, index| {
            if index == 0 {
                one.worker.leave(has_failed);
                return 1.0;
            }
            one.step(2.0);
            one.end_update()
        });
        assert_eq!((found, group.has_failed()), (vec![1.0, 0.8, 0.8], has_failed));
    }
}

#[test]
fn all_stop_between_the_same_updates_or_none_does() {
    let group = WorkerGroup::new(Sharing::Synced, 3);
    let found = together(&group, 3, |mut one, index| {
        // Worker 0 begins an update in any case, which the others have to come to.
        if index > 0 {
            while !one.worker.pause() {
                one.step(1.0);
                one.end_update();
            }
        } else {
            one.step(1.0);
            one.end_update();
            assert!(one.worker.pause());
        }
        one.worker.ends()
    });
    assert_eq!(found, [1, 1, 1]);
}

#[test]
fn asynchronous_steps_are_taken_from_the_parameters_as_they_are_by_then() {
    let group = WorkerGroup::new(Sharing::Shared, 2);
    let mut ones = [0, 1].map(|index| One::new(&group, index, 5.0 - index as f32, &sgd(0.0)));
    assert_eq!(ones[1].params, [5.0]);
    // 5 − 0.1·10 = 4; then 4 − 0.1·20 = 2, though worker 1 computed its gradient at 5.
    assert_eq!((ones[0].step(10.0), ones[1].step(20.0)), (4.0, 2.0));
    assert_eq!((ones[0].params, ones[0].end_update()), ([4.0], 2.0));
}

#[test]
fn moments_are_shared_under_global_optimizers_alone() {
    let end = |optim: &OptimPlan| {
        let group = WorkerGroup::new(Sharing::Shared, 2);
        let mut ones = [0, 1].map(|index| One::new(&group, index, 0.0, optim));
        (ones[0].step(10.0), ones[1].step(10.0))
    };
    // Velocities 10 and 10: −1, then −2.
    assert_eq!(end(&sgd(0.5)), (-1.0, -2.0));
    // Velocities 10 and 0.5·10 + 10 = 15: −1, then −2.5.
    assert_eq!(end(&OptimPlan::Global(Box::new(sgd(0.5)))), (-1.0, -2.5));
}

#[test]
fn no_asynchronous_step_is_lost() {
    let group = WorkerGroup::new(Sharing::Shared, 4);
    together(&group, 4, |mut one, _| {
        for _ in 0..1000 {
            one.step(10.0);
        }
    });
    assert_eq!(group_params(&group), [1.0 - 4000.0]);
}

/// Parameters of the first network.
fn group_params(group: &WorkerGroup) -> Vec<f32> {
    group::lock_net(&group.lock().nets[0]).params().to_vec()
}

#[test]
fn a_saved_worker_goes_on_with_parameters_moments_and_steps() {
    for sharing in [Sharing::Shared, Sharing::Synced] {
        for optim in [sgd(0.5), OptimPlan::Global(Box::new(sgd(0.5)))] {
            let mut first = One::new(&WorkerGroup::new(sharing, 1), 0, 0.0, &optim);
            first.step(10.0);
            let mut out = StateWriter::new();
            first.seat.save(&mut out);
            let bytes = out.into_bytes();
            let mut second = One::new(&WorkerGroup::new(sharing, 1), 0, 7.0, &optim);
            second.params = first.params;
            second.seat.load(&mut second.params, &mut StateReader::new(&bytes)).unwrap();
            // Velocities 10 and 15: −1, then −2.5.
            assert_eq!((first.step(10.0), second.step(10.0)), (-2.5, -2.5));
            assert_eq!(second.seat.steps(), 2);
        }
    }
}
