//! The files of one session, written from snapshots: event file, log, tables, metrics, graphs, policies, checkpoint.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::checkpoint_writer::CheckpointWriter;
use super::error::RunError;
use super::joint_checkpoint::{Cut, PLACES};
use super::observer::Level;
use super::run_folder::{TRIAL, unix_seconds};
use super::session::Setup;
use super::session_eval::EVAL_EPISODES;
use super::session_log::SessionLog;
use super::snapshot::{Restored, Snapshot, Written};
use super::team::Team;
use crate::analysis::atomic_file::{FileError, write_atomically};
use crate::analysis::figure::PlotError;
use crate::analysis::graphs::{Returns, SessionLabel, write_session_graphs};
use crate::analysis::json::write_json;
use crate::analysis::metrics::session_metrics;
use crate::analysis::paths::{Checkpoint as Which, DataMode};
use crate::analysis::random_baseline::random_baseline;
use crate::analysis::session_table::SessionTable;
use crate::analysis::tensorboard::{EventFile, Stamp};

/// Time between two drawings of a session's graphs.
const GRAPH_INTERVAL: Duration = Duration::from_secs(10);

/// What policies' files are called.
pub(super) const POLICY_FILE: &str = "policy.safetensors";

/// The files of one session. Whatever of them can not be written is warned of once; the run goes on.
pub(super) struct SessionOutputs<'a> {
    setup: Setup<'a>,
    events: Option<EventFile>,
    /// Unix time at which the session would have begun had it never paused.
    began: f64,
    /// Rows that the event file has.
    event_rows: usize,
    log: SessionLog,
    /// One, or one for each place that a worker's checkpoint may be in.
    checkpoints: Vec<CheckpointWriter>,
    best_written: Option<Arc<[u8]>>,
    drawn: Instant,
    warned: BTreeSet<&'static str>,
}

impl<'a> SessionOutputs<'a> {
    /// The files of a session that has none yet.
    pub(super) fn new(setup: Setup<'a>) -> Self {
        Self {
            setup,
            events: None,
            began: unix_seconds(),
            event_rows: 0,
            log: SessionLog::new(setup.folder.paths.session_log(TRIAL, setup.index)),
            checkpoints: (0..PLACES)
                .map(|place| setup.folder.checkpoint_in(setup.index, place))
                .map(CheckpointWriter::new)
                .collect(),
            best_written: None,
            drawn: Instant::now(),
            warned: BTreeSet::new(),
        }
    }

    /// Goes on after `restored`: later events and lines of the log are cut off.
    pub(super) fn restore(&mut self, restored: &Restored, wall: Duration) {
        self.began = unix_seconds() - wall.as_secs_f64();
        let path = self.setup.folder.paths.session_events(TRIAL, self.setup.index);
        let Written { length, rows } = restored.events;
        let reopened = EventFile::truncate_and_append(&path, length).ok();
        self.events = reopened.filter(|events| events.offset() == length && length > 0);
        // A lost event file is written again from the table's first row.
        self.event_rows = if self.events.is_some() { rows } else { 0 };
        self.log.restore(restored.log);
    }

    /// Writes again what a complete session leaves behind, should anything of it be missing.
    pub(super) fn rewrite(&mut self, restored: &Restored) {
        let snapshot = &restored.snapshot;
        self.attempt("tables", |outputs| outputs.write_tables(snapshot));
        self.attempt("metrics", |outputs| outputs.write_metrics(snapshot));
        self.attempt("policies", |outputs| outputs.write_policies(snapshot));
        self.checkpoints.iter().for_each(CheckpointWriter::remove_segments);
    }

    /// Writes everything, the checkpoint last: whatever it counts on is then on the disk.
    ///
    /// # Errors
    /// When the checkpoint could not be written; the one before is then still there.
    pub(super) fn write(&mut self, snapshot: Snapshot) -> Result<(), RunError> {
        self.attempt("events", |outputs| outputs.append_events(&snapshot.table));
        self.attempt("log", |outputs| outputs.log.append(&snapshot.table));
        self.attempt("tables", |outputs| outputs.write_tables(&snapshot));
        self.attempt("metrics", |outputs| outputs.write_metrics(&snapshot));
        self.attempt("policies", |outputs| outputs.write_policies(&snapshot));
        let is_due = snapshot.is_last || self.drawn.elapsed() >= GRAPH_INTERVAL;
        if is_due && self.setup.options.graphs {
            self.attempt("graphs", |outputs| outputs.draw(&snapshot));
            self.drawn = Instant::now();
        }
        let written = self.write_checkpoint(snapshot);
        if let Err(error) = &written {
            self.warn("checkpoint", error);
        }
        Ok(written?)
    }

    fn write_checkpoint(&mut self, snapshot: Snapshot) -> Result<(), FileError> {
        let length = self.events.as_ref().map_or(0, EventFile::offset);
        let events = Written { length, rows: self.event_rows };
        let cut = Cut { ends: snapshot.ends, is_complete: snapshot.meta.is_complete };
        let checkpoint = snapshot.into_checkpoint(events, self.log.written());
        let Some(joint) = self.setup.team.and_then(Team::joint) else {
            return self.checkpoints[0].write(&checkpoint);
        };
        let index = self.setup.index;
        let written = self.checkpoints[joint.begin(index)].write(&checkpoint);
        joint.end(index, written.is_ok().then_some(cut)).and(written)
    }

    fn write_tables(&mut self, snapshot: &Snapshot) -> Result<(), FileError> {
        for (mode, table) in tables(snapshot) {
            let path = self.setup.folder.paths.session_df(TRIAL, self.setup.index, mode);
            write_atomically(&path, table.to_csv().as_bytes())?;
        }
        Ok(())
    }

    fn write_metrics(&mut self, snapshot: &Snapshot) -> Result<(), FileError> {
        let (paths, index) = (&self.setup.folder.paths, self.setup.index);
        let baseline = random_baseline(self.setup.plan.env.def.id);
        for (mode, table) in tables(snapshot) {
            let metrics = session_metrics(table, baseline.mean);
            write_json(&paths.session_metrics(TRIAL, index, mode), &metrics)?;
            write_json(&paths.session_metrics_scalar(TRIAL, index, mode), &metrics.scalar)?;
        }
        Ok(())
    }

    fn write_policies(&mut self, snapshot: &Snapshot) -> Result<(), FileError> {
        let (paths, index) = (&self.setup.folder.paths, self.setup.index);
        let is_new = |policy: &&Arc<[u8]>| {
            self.best_written.as_ref().is_none_or(|written| !Arc::ptr_eq(written, policy))
        };
        if let Some(best) = snapshot.best_policy.as_ref().filter(is_new) {
            write_atomically(&paths.model(TRIAL, index, Which::Best, POLICY_FILE), best)?;
            self.best_written = Some(Arc::clone(best));
        }
        if let Some(policy) = &snapshot.policy {
            write_atomically(&paths.model(TRIAL, index, Which::Latest, POLICY_FILE), policy)?;
        }
        Ok(())
    }

    /// Appends the rows that the event file does not have yet.
    fn append_events(&mut self, table: &SessionTable) -> Result<(), FileError> {
        let events = match &mut self.events {
            Some(events) => events,
            none => none.insert(EventFile::create(
                &self.setup.folder.paths.session_events(TRIAL, self.setup.index),
                self.began,
            )?),
        };
        let columns = table.columns();
        for i in self.event_rows..table.len() {
            let row = table.row(i);
            let value = |name| columns.iter().position(|c| c == name).map_or(f64::NAN, |k| row[k]);
            let wall_time = self.began + value("wall_t");
            let scalars: Vec<(&str, f64)> =
                columns.iter().map(String::as_str).zip(row.iter().copied()).collect();
            events.add_scalars(Stamp { step: value("frame") as u64, wall_time }, &scalars);
        }
        events.sync()?;
        self.event_rows = table.len();
        Ok(())
    }

    fn draw(&mut self, snapshot: &Snapshot) -> Result<(), PlotError> {
        let Setup { plan, folder, index: session, paint, .. } = self.setup;
        // One session draws at a time. What a panic left half drawn is drawn over.
        let mut paint = paint.lock().unwrap_or_else(PoisonError::into_inner);
        for (mode, table) in tables(snapshot).filter(|(_, table)| has_curve(table)) {
            let returns = match mode {
                DataMode::Train => Returns::of_training(plan.env.num_envs),
                DataMode::Eval => Returns::Evaluation(EVAL_EPISODES),
            };
            let label = SessionLabel { trial: TRIAL, session, mode, returns, env: plan.env.def.id };
            write_session_graphs(&folder.paths, label, table, &mut paint)?;
        }
        Ok(())
    }

    /// Does what the run can do without: an error, or a bug in drawing, is warned of once.
    fn attempt<E: fmt::Display>(
        &mut self,
        what: &'static str,
        work: impl FnOnce(&mut Self) -> Result<(), E>,
    ) {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.warn(what, &error),
            Err(_) => self.warn(what, &"a bug"),
        }
    }

    fn warn(&mut self, what: &'static str, error: &dyn fmt::Display) {
        if self.warned.insert(what) {
            let text = format!("{what} not written: {error}; the run goes on without");
            self.setup.observer.message(Some(self.setup.index), Level::Warning, &text);
        }
    }
}

/// The tables that have rows.
fn tables(snapshot: &Snapshot) -> impl Iterator<Item = (DataMode, &SessionTable)> {
    let tables = [(DataMode::Train, &snapshot.table), (DataMode::Eval, &snapshot.eval_table)];
    tables.into_iter().filter(|(_, table)| !table.is_empty())
}

/// Whether there are two returns to draw a line between.
pub(super) fn has_curve(table: &SessionTable) -> bool {
    let returns = table.column("total_reward").unwrap_or_default();
    returns.windows(2).any(|pair| pair.iter().all(|value| value.is_finite()))
}
