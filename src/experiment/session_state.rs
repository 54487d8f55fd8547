//! A session's state, taken by value for the writer and put back from a checkpoint.

use std::sync::Arc;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::error::RunError;
use super::profile::Phase;
use super::session::Session;
use super::snapshot::{Meta, Restored, Snapshot};
use crate::net::Worker;

impl Session<'_> {
    /// As [`snapshot`](Self::snapshot), with the present policy.
    pub(super) fn last_snapshot(&mut self, is_complete: bool) -> Result<Snapshot, RunError> {
        let policy = self.export()?.map(|policy| Arc::from(policy.to_bytes()));
        Ok(Snapshot { policy, is_last: true, ..self.snapshot(is_complete)? })
    }

    /// The session by value, if its numbers are fit to be kept.
    pub(super) fn snapshot(&mut self, is_complete: bool) -> Result<Snapshot, RunError> {
        self.finite("the gradient's norm", self.agent.grad_norm().unwrap_or(0.0))?;
        self.export()?;
        let Self { agent, env, batch, clock, tracker, profiler, .. } = self;
        let state = profiler.time(Phase::Track, || {
            let mut state = Checkpoint::new();
            state.add_state("agent", |out| agent.save(out));
            state.add_state("env", |out| env.save(out));
            state.add_state("batch", |out| batch.save(out));
            state.add_state("clock", |out| clock.save(out));
            state.add_state("tracker", |out| tracker.save(out));
            state
        });
        Ok(Snapshot {
            table: tracker.table.clone(),
            eval_table: tracker.eval_table.clone(),
            best_policy: tracker.best_policy.clone(),
            policy: None,
            is_last: false,
            ends: self.worker.as_ref().map_or(0, Worker::ends),
            state,
            meta: Meta::new(clock, is_complete, &self.identity),
        })
    }

    /// Goes on from where `restored` was taken.
    pub(super) fn restore(&mut self, restored: &Restored) -> Result<(), CheckpointError> {
        let Snapshot { table, eval_table, best_policy, state, .. } = &restored.snapshot;
        state.read_state("agent", |from| self.agent.load(from))?;
        state.read_state("env", |from| self.env.load(from))?;
        state.read_state("batch", |from| self.batch.load(from))?;
        state.read_state("clock", |from| self.clock.load(from))?;
        state.read_state("tracker", |from| self.tracker.load(from))?;
        self.tracker.table = table.clone();
        self.tracker.eval_table = eval_table.clone();
        self.tracker.best_policy.clone_from(best_policy);
        Ok(())
    }
}
