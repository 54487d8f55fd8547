//! Every algorithm with every kind of network: the same seed gives the same bits on any number of threads, and
//! what was cut, put on the disk and read back ends as what was not.

mod learners;
mod probe;
mod table;
mod trainer;

use std::fmt::Write as _;
use std::path::Path;

use learners::{LEARNERS, Learner};
use table::{NETS, Net, REFUSALS, Size};
use trainer::{Case, Trainer};

use crate::net::{Sharing, WorkerGroup};

/// Vector steps before and after the cut, which falls into rollouts and episodes.
const STEPS: usize = 37;

/// Every cell of the table.
fn cells() -> impl Iterator<Item = (&'static Net, &'static Learner, char)> {
    NETS.iter().flat_map(|net| {
        assert_eq!(net.cells.len(), LEARNERS.len(), "{}", net.name);
        LEARNERS.iter().zip(net.cells.chars()).map(move |(learner, cell)| (net, learner, cell))
    })
}

/// The cells that train, at such a size.
fn cases(size: &Size) -> impl Iterator<Item = Case> {
    let trains = cells().filter(|(_, _, cell)| *cell == '+');
    trains.map(|(net, learner, _)| Case::new(net, learner, size).unwrap_or_else(|e| panic!("{e}")))
}

/// What of two trainers is not the same; empty if nothing.
fn difference(a: &Trainer, b: &Trainer, measured_from: usize) -> String {
    let mut text = String::new();
    for ((part, x), (_, y)) in a.state().iter().zip(&b.state()) {
        if x != y {
            write!(text, " {part}").unwrap();
        }
    }
    if a.measured[measured_from..] != b.measured {
        text.push_str(" measurements");
    }
    text
}

/// Runs `check` over all cases and names all that differ.
fn check_all(size: &Size, check: impl Fn(&Case) -> String) {
    let found = cases(size).map(|case| (check(&case), case.label));
    let wrong: Vec<String> = found
        .filter(|(difference, _)| !difference.is_empty())
        .map(|(difference, label)| format!("{label}:{difference}"))
        .collect();
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_does_not_go_together_is_refused_in_clear_words() {
    let mut wrong = Vec::new();
    for (net, learner, cell) in cells() {
        let refusal = Case::new(net, learner, &Size::SMALL).err();
        let expected = REFUSALS.iter().find(|(letter, _)| *letter == cell).map(|(_, words)| *words);
        let is_so = match (&refusal, expected) {
            (None, None) => cell == '+',
            (Some(said), Some(words)) => said.contains(words),
            _ => false,
        };
        if !is_so {
            wrong.push(format!("{} × {} `{cell}`: {refusal:?}", net.name, learner.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Trains twice as many steps at a stretch, and from a checkpoint in the middle, read by an agent of another
/// seed on another number of threads.
fn resumes(case: &Case, path: &Path) -> String {
    let mut whole = Trainer::new(case, 3, 1, None);
    whole.run(STEPS);
    whole.write(path);
    let (measured, learned) = (whole.measured.len(), whole.opt_step());
    whole.run(STEPS);
    assert!(0 < learned && learned < whole.opt_step(), "{} learns in both halves", case.label);
    let mut resumed = Trainer::new(case, 4, 2, None);
    resumed.read(path);
    resumed.run(STEPS);
    difference(&whole, &resumed, measured)
}

#[test]
fn whatever_was_cut_and_resumed_from_the_disk_ends_as_what_was_not() {
    let folder = tempfile::tempdir().unwrap();
    check_all(&Size::SMALL, |case| resumes(case, &folder.path().join("probe.ckpt")));
}

#[test]
fn the_same_seed_gives_the_same_bits_on_one_thread_and_on_two() {
    check_all(&Size::WIDE, |case| {
        let trained = |seed, threads| {
            let mut trainer = Trainer::new(case, seed, threads, None);
            trainer.run_updates(2);
            trainer
        };
        let alone = trained(7, 1);
        assert_ne!(alone.measured, trained(8, 2).measured, "{}: seeds count", case.label);
        difference(&alone, &trained(7, 2), 0)
    });
}

/// Two workers after so many updates each, side by side.
fn train_together(workers: &mut [Trainer], updates: usize) {
    std::thread::scope(|scope| {
        for worker in workers {
            scope.spawn(|| worker.run_updates(updates));
        }
    });
}

fn workers(case: &Case, sharing: Sharing, seed: u64) -> [Trainer; 2] {
    let group = WorkerGroup::new(sharing, 2);
    [0, 1].map(|k| Trainer::new(case, seed + k as u64, 1, Some(group.worker(k))))
}

#[test]
fn workers_in_lockstep_resume_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = |k: usize| folder.path().join(format!("{k}.ckpt"));
    check_all(&Size::SMALL, |case| {
        let mut whole = workers(case, Sharing::Synced, 3);
        train_together(&mut whole, 2);
        whole.iter().enumerate().for_each(|(k, worker)| worker.write(&path(k)));
        let measured = whole.each_ref().map(|worker| worker.measured.len());
        train_together(&mut whole, 2);
        let mut resumed = workers(case, Sharing::Synced, 5);
        resumed.iter_mut().enumerate().for_each(|(k, worker)| worker.read(&path(k)));
        train_together(&mut resumed, 2);
        let differs = |k: usize| difference(&whole[k], &resumed[k], measured[k]);
        differs(0) + &differs(1)
    });
}

/// Workers as they come are exempt; one that is alone is not.
#[test]
fn an_asynchronous_worker_alone_resumes_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("probe.ckpt");
    let alone = |case: &Case, seed| {
        let group = WorkerGroup::new(Sharing::Shared, 1);
        Trainer::new(case, seed, 1, Some(group.worker(0)))
    };
    check_all(&Size::SMALL, |case| {
        let mut whole = alone(case, 3);
        whole.run(STEPS);
        whole.write(&path);
        let measured = whole.measured.len();
        whole.run(STEPS);
        let mut resumed = alone(case, 4);
        resumed.read(&path);
        resumed.run(STEPS);
        difference(&whole, &resumed, measured)
    });
}
