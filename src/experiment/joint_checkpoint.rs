//! The checkpoints of workers in lockstep, which count only together.
//!
//! Workers write theirs one by one, and a kill may come in between. So each has two places to write
//! to, in turn, and a file of its own says which places count: it is replaced when all workers have
//! written what they were between the same two updates. Without that file it is everybody's first.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use super::error::RunError;
use super::run_folder::RunFolder;
use super::segment_file::segment_folder;
use crate::analysis::atomic_file::{FileError, read_file, write_atomically};
use crate::analysis::json::write_json;

/// Places that a worker's checkpoint may be in.
pub(super) const PLACES: usize = 2;

/// Which checkpoints of a run's workers count.
pub(super) struct JointCheckpoint {
    index: PathBuf,
    paths: Vec<[PathBuf; PLACES]>,
    state: Mutex<State>,
    /// Whether some worker still owes the checkpoint that was asked for.
    is_owed: AtomicBool,
}

struct State {
    workers: Vec<WorkerFiles>,
    /// Ends of updates before the request that is being met.
    requested_at: u64,
}

/// The files of one worker.
#[derive(Clone, Copy, Default)]
struct WorkerFiles {
    /// The place that counts.
    place: usize,
    /// What has been written to the other one.
    written: Option<Cut>,
    /// Whether the place that counts holds a complete worker, of which nothing more will come.
    is_complete: bool,
    delivery: Delivery,
}

/// What a worker has to do for the checkpoint that was asked for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Delivery {
    #[default]
    Nothing,
    Owed,
    OnTheWay,
}

/// Where a worker was when its state was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Ends of updates before it.
    pub(super) ends: u64,
    /// Whether it had come to its end.
    pub(super) is_complete: bool,
}

impl JointCheckpoint {
    /// The checkpoints of all workers of the run in `folder`.
    ///
    /// # Errors
    /// When some workers have a checkpoint and others that should have one do not.
    pub(super) fn open(folder: &RunFolder) -> Result<Self, RunError> {
        let index = folder.joint_checkpoint();
        let paths = (0..folder.sessions)
            .map(|session| [0, 1].map(|place| folder.checkpoint_in(session, place)));
        Self::of(index, paths.collect())
    }

    fn of(index: PathBuf, paths: Vec<[PathBuf; PLACES]>) -> Result<Self, RunError> {
        let places = read_index(&index, paths.len())?;
        let is_there = |(paths, place): (&[PathBuf; PLACES], &usize)| paths[*place].exists();
        let count = paths.iter().zip(&places).filter(|pair| is_there(*pair)).count();
        if count > 0 && count < paths.len() || count == 0 && index.exists() {
            let reason = "some workers have lost their checkpoints, without which the others can not \
                          go on as they would have";
            return Err(RunError::unusable(&index, reason));
        }
        let worker = |place| WorkerFiles { place, ..WorkerFiles::default() };
        let workers = places.into_iter().map(worker).collect();
        let state = Mutex::new(State { workers, requested_at: 0 });
        Ok(Self { index, paths, state, is_owed: AtomicBool::new(false) })
    }

    /// The checkpoint of a worker that counts.
    pub(super) fn path(&self, worker: usize) -> &Path {
        &self.paths[worker][self.lock().workers[worker].place]
    }

    /// Notes that a worker's checkpoint that counts is that of its end. What others wrote before this
    /// was known may count from here on.
    ///
    /// # Errors
    /// When it can not be written which ones count.
    pub(super) fn found_complete(&self, worker: usize) -> Result<(), FileError> {
        let mut state = self.lock();
        state.workers[worker].is_complete = true;
        self.commit(&mut state)
    }

    /// Asks for a checkpoint of all after the next update, unless one is being written; `ends` is
    /// where the worker that asks stands.
    pub(super) fn request(&self, ends: u64) {
        if self.is_owed.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.lock();
        if state.workers.iter().any(|worker| worker.delivery != Delivery::Nothing) {
            return;
        }
        state.requested_at = ends;
        for worker in state.workers.iter_mut().filter(|worker| !worker.has_ended()) {
            worker.delivery = Delivery::Owed;
        }
        self.is_owed.store(true, Ordering::Release);
    }

    /// Whether a worker, which stands between updates after `ends`, has to hand over its state now.
    pub(super) fn is_due(&self, worker: usize, ends: impl FnOnce() -> u64) -> bool {
        if !self.is_owed.load(Ordering::Acquire) {
            return false;
        }
        let ends = ends();
        let mut state = self.lock();
        let is_due = state.workers[worker].delivery == Delivery::Owed && ends > state.requested_at;
        if is_due {
            state.workers[worker].delivery = Delivery::OnTheWay;
            self.note_owed(&state);
        }
        is_due
    }

    /// The place to write a worker's next checkpoint to, which does not count meanwhile.
    pub(super) fn begin(&self, worker: usize) -> usize {
        let mut state = self.lock();
        state.workers[worker].written = None;
        1 - state.workers[worker].place
    }

    /// Notes what was written there, if it could be; when it was the last of a kind, all count.
    ///
    /// # Errors
    /// When it can not be written which ones count.
    pub(super) fn end(&self, worker: usize, written: Option<Cut>) -> Result<(), FileError> {
        let mut state = self.lock();
        state.workers[worker].written = written;
        state.workers[worker].delivery = Delivery::Nothing;
        self.note_owed(&state);
        self.commit(&mut state)
    }

    /// Takes nothing more from a worker that has failed or was stopped.
    pub(super) fn leave(&self, worker: usize) {
        let mut state = self.lock();
        state.workers[worker].delivery = Delivery::Nothing;
        self.note_owed(&state);
    }

    /// Leaves one checkpoint per worker, in its first place, once all are complete.
    ///
    /// # Errors
    /// When something can not be written or removed; what counts then still does.
    pub(super) fn tidy(&self) -> Result<(), FileError> {
        let mut state = self.lock();
        if !state.workers.iter().all(|worker| worker.is_complete) {
            return Ok(());
        }
        for (paths, worker) in self.paths.iter().zip(&state.workers) {
            if worker.place != 0 {
                write_atomically(&paths[0], &read_file(&paths[worker.place])?)?;
            }
        }
        if self.index.exists() {
            fs::remove_file(&self.index).map_err(FileError::at("remove", &self.index))?;
        }
        for worker in &mut state.workers {
            worker.place = 0;
        }
        // What can not be removed is in the way of nothing; complete states have no segments.
        for [first, second] in &self.paths {
            let _ = fs::remove_file(second);
            let _ = fs::remove_dir_all(segment_folder(first));
            let _ = fs::remove_dir_all(segment_folder(second));
        }
        Ok(())
    }

    /// Lets what was written last count, where it fits together.
    fn commit(&self, state: &mut State) -> Result<(), FileError> {
        let is_new = state.workers.iter().any(|worker| worker.written.is_some());
        if !is_new || !state.fits_together() {
            return Ok(());
        }
        let next: Vec<_> = state.workers.iter().map(WorkerFiles::after_commit).collect();
        let places: Vec<_> = next.iter().map(|worker| worker.place).collect();
        write_json(&self.index, &json!({ "places": places }))?;
        state.workers = next;
        Ok(())
    }

    fn note_owed(&self, state: &State) {
        let is_owed = state.workers.iter().any(|worker| worker.delivery == Delivery::Owed);
        self.is_owed.store(is_owed, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether all that was written last is of one moment: the same for all workers at work, and not
    /// before the end of those that are complete.
    fn fits_together(&self) -> bool {
        let at_work = |worker: &&WorkerFiles| !worker.has_ended();
        let mut cuts = self.workers.iter().filter(at_work).map(|worker| worker.written);
        let Some(moment) = cuts.next() else { return true };
        let Some(moment) = moment else { return false };
        let is_past =
            |worker: &WorkerFiles| worker.written.is_none_or(|cut| cut.ends <= moment.ends);
        cuts.all(|cut| cut == Some(moment)) && self.workers.iter().all(is_past)
    }
}

impl WorkerFiles {
    fn has_ended(&self) -> bool {
        self.is_complete || self.written.is_some_and(|cut| cut.is_complete)
    }

    fn after_commit(&self) -> Self {
        match self.written {
            Some(cut) => {
                Self { place: 1 - self.place, written: None, is_complete: cut.is_complete, ..*self }
            }
            None => *self,
        }
    }
}

fn read_index(path: &Path, workers: usize) -> Result<Vec<usize>, RunError> {
    if !path.exists() {
        return Ok(vec![0; workers]);
    }
    let wrong = || RunError::unusable(path, "does not say which checkpoints count");
    let index: Json = serde_json::from_slice(&read_file(path)?).map_err(|_| wrong())?;
    let places = index["places"].as_array().ok_or_else(wrong)?;
    let place = |value: &Json| value.as_u64().filter(|place| (*place as usize) < PLACES);
    let places: Option<Vec<usize>> =
        places.iter().map(|value| place(value).map(|place| place as usize)).collect();
    places.filter(|places| places.len() == workers).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two workers' checkpoints in a folder, each a file that says what it is.
    struct Pair {
        folder: tempfile::TempDir,
        joint: JointCheckpoint,
    }

    const fn cut(ends: u64, is_complete: bool) -> Cut {
        Cut { ends, is_complete }
    }

    impl Pair {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let joint = open(folder.path()).unwrap();
            Self { folder, joint }
        }

        fn write(&self, worker: usize, cut: Cut) {
            let place = self.joint.begin(worker);
            fs::write(&self.joint.paths[worker][place], cut.ends.to_string()).unwrap();
            self.joint.end(worker, Some(cut)).unwrap();
        }

        /// What a process that starts now would go on from.
        fn counts(&self) -> [String; 2] {
            let found = open(self.folder.path()).unwrap();
            [0, 1].map(|worker| fs::read_to_string(found.path(worker)).unwrap_or_default())
        }
    }

    fn open(folder: &Path) -> Result<JointCheckpoint, RunError> {
        let path = |worker: usize, place: usize| folder.join(format!("s{worker}-{place}.ckpt"));
        let paths = [0, 1].map(|worker| [0, 1].map(|place| path(worker, place)));
        JointCheckpoint::of(folder.join("joint.json"), paths.to_vec())
    }

    #[test]
    fn checkpoints_count_when_all_have_written_those_of_one_moment() {
        let pair = Pair::new();
        pair.write(0, cut(3, false));
        assert_eq!(pair.counts(), ["", ""]);
        pair.write(1, cut(3, false));
        assert_eq!(pair.counts(), ["3", "3"]);
        pair.write(0, cut(5, false));
        assert_eq!(pair.counts(), ["3", "3"]);
        // Of another moment; the first one is written again over what did not count.
        pair.write(1, cut(6, false));
        assert_eq!(pair.counts(), ["3", "3"]);
        pair.write(0, cut(6, false));
        assert_eq!(pair.counts(), ["6", "6"]);
    }

    #[test]
    fn the_end_of_a_worker_counts_once_the_others_are_past_it() {
        let pair = Pair::new();
        pair.write(0, cut(2, false));
        pair.write(1, cut(2, false));
        pair.write(0, cut(9, true));
        pair.write(1, cut(8, false));
        assert_eq!(pair.counts(), ["2", "2"]);
        pair.write(1, cut(10, false));
        assert_eq!(pair.counts(), ["9", "10"]);
        pair.write(1, cut(12, false));
        assert_eq!(pair.counts(), ["9", "12"]);
        pair.write(1, cut(15, true));
        assert_eq!(pair.counts(), ["9", "15"]);
        pair.joint.tidy().unwrap();
        assert_eq!(pair.counts(), ["9", "15"]);
        let mut names: Vec<_> = fs::read_dir(pair.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["s0-0.ckpt", "s1-0.ckpt"]);
    }

    #[test]
    fn an_end_counts_too_when_the_others_are_found_complete_only_after_it() {
        let pair = Pair::new();
        pair.write(0, cut(2, true));
        pair.write(1, cut(2, false));
        let resumed = Pair { joint: open(pair.folder.path()).unwrap(), folder: pair.folder };
        resumed.write(1, cut(2, true));
        assert_eq!(fs::read_to_string(resumed.joint.path(1)).unwrap(), "2");
        assert!(!resumed.joint.lock().workers[1].is_complete);
        resumed.joint.found_complete(0).unwrap();
        assert!(resumed.joint.lock().workers[1].is_complete);
        resumed.joint.tidy().unwrap();
        assert!(!resumed.joint.index.exists());
    }

    #[test]
    fn a_checkpoint_that_could_not_be_written_keeps_the_ones_before() {
        let pair = Pair::new();
        pair.write(0, cut(2, false));
        pair.write(1, cut(2, false));
        pair.write(0, cut(4, false));
        pair.joint.begin(1);
        pair.joint.end(1, None).unwrap();
        assert_eq!(pair.counts(), ["2", "2"]);
        pair.write(0, cut(6, false));
        pair.write(1, cut(6, false));
        assert_eq!(pair.counts(), ["6", "6"]);
    }

    #[test]
    fn a_request_is_met_by_all_after_the_next_update_and_others_wait_for_it() {
        let joint = Pair::new().joint;
        let due = |worker, ends| joint.is_due(worker, || ends);
        assert!(!due(0, 7));
        joint.request(7);
        assert!(!due(0, 7) && !due(1, 7));
        assert!(due(0, 8) && !due(0, 8));
        joint.request(8);
        assert!(due(1, 8) && !due(1, 9));
        // On their way to the disk still.
        joint.request(9);
        assert!(!due(0, 10));
        for worker in [0, 1] {
            joint.begin(worker);
            joint.end(worker, None).unwrap();
        }
        joint.request(10);
        assert!(due(0, 11) && due(1, 11));
    }

    #[test]
    fn nothing_is_asked_of_workers_that_are_complete_or_gone() {
        let joint = Pair::new().joint;
        joint.found_complete(0).unwrap();
        joint.request(1);
        assert!(!joint.is_due(0, || 2) && joint.is_due(1, || 2));
        let joint = Pair::new().joint;
        joint.request(1);
        joint.leave(0);
        assert!(!joint.is_due(0, || 2) && joint.is_due(1, || 2));
    }

    #[test]
    fn an_index_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["[0, 1]", "{\"places\": [0]}", "{\"places\": [0, 2]}", "nonsense"] {
            fs::write(folder.path().join("joint.json"), text).unwrap();
            let error = open(folder.path()).err().unwrap().to_string();
            assert!(error.ends_with("does not say which checkpoints count"), "{error}");
        }
    }
}
