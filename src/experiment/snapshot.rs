//! A session's state at one moment, by value: what the writer writes and a resumed session reads.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use slm_env::StateReader;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::clock::Clock;
use super::error::RunError;
use super::report::SessionReport;
use crate::analysis::session_table::SessionTable;

const META: &str = "meta";
const ROWS: &str = "rows";
const EVAL_ROWS: &str = "eval_rows";
const BEST_POLICY: &str = "best_policy";
const POLICY: &str = "policy";
const EVENTS: &str = "events";
const LOG: &str = "log";

/// A session's state at one moment.
pub(super) struct Snapshot {
    /// The training episodes so far.
    pub(super) table: SessionTable,
    /// The evaluations so far.
    pub(super) eval_table: SessionTable,
    /// The best policy so far, as its file's bytes.
    pub(super) best_policy: Option<Arc<[u8]>>,
    /// The present policy; taken only when the session stops, and none where the algorithm has none.
    pub(super) policy: Option<Arc<[u8]>>,
    /// Whether the session stops here: at its end, or interrupted.
    pub(super) is_last: bool,
    /// Ends of updates before it, where the session is a worker in lockstep with others.
    pub(super) ends: u64,
    /// Everything that the session needs to go on from here.
    pub(super) state: Checkpoint,
    /// What the checkpoint is of.
    pub(super) meta: Meta,
}

/// What a checkpoint is of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Meta {
    /// The program's version.
    pub(super) program: String,
    /// Where it was taken.
    pub(super) frame: u64,
    /// Processor time so far, in seconds.
    pub(super) cpu_t: f64,
    /// Whether the session had come to its end.
    pub(super) is_complete: bool,
    /// Spec, seed and session, with every default filled in.
    pub(super) identity: Json,
}

/// How far a file that grows with the training table has been written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Its length in bytes.
    pub(super) length: u64,
    /// The table's rows that are in it.
    pub(super) rows: usize,
}

/// A snapshot read back.
pub(super) struct Restored {
    /// The snapshot.
    pub(super) snapshot: Snapshot,
    /// How far the event file had been written when it was taken.
    pub(super) events: Written,
    /// How far the log had been written.
    pub(super) log: Written,
}

impl Snapshot {
    /// The file's content, given how far the event file and the log have been written.
    pub(super) fn into_checkpoint(self, events: Written, log: Written) -> Checkpoint {
        let mut checkpoint = self.state;
        if self.meta.is_complete {
            // Nothing goes on from here, and a replay may be large.
            checkpoint.drop_segments();
        }
        checkpoint.add(META, self.meta.to_json().to_string().into_bytes());
        checkpoint.add(ROWS, self.table.to_csv().into_bytes());
        checkpoint.add(EVAL_ROWS, self.eval_table.to_csv().into_bytes());
        for (name, policy) in [(BEST_POLICY, self.best_policy), (POLICY, self.policy)] {
            checkpoint.add(name, policy.map(|bytes| bytes.to_vec()).unwrap_or_default());
        }
        for (name, written) in [(EVENTS, events), (LOG, log)] {
            checkpoint.add_state(name, |out| {
                out.u64(written.length);
                out.u64(written.rows as u64);
            });
        }
        checkpoint
    }
}

impl Restored {
    /// Whether the session had come to its end.
    pub(super) fn is_complete(&self) -> bool {
        self.snapshot.meta.is_complete
    }

    /// What the complete session came to.
    pub(super) fn report(&self, session: usize) -> SessionReport {
        let Snapshot { table, eval_table, meta, .. } = &self.snapshot;
        let cpu = Duration::try_from_secs_f64(meta.cpu_t).unwrap_or_default();
        let report = SessionReport::new(session, table.clone(), eval_table.clone(), cpu);
        SessionReport { was_complete: true, ..report }
    }

    /// Reads the checkpoint at `path`; `None` when there is none.
    ///
    /// # Errors
    /// When it is damaged, or not of the run that `identity` says.
    pub(super) fn read(path: &Path, identity: &Json) -> Result<Option<Self>, RunError> {
        let Some(checkpoint) = Checkpoint::read(path)? else { return Ok(None) };
        let restored = Self::from_state(checkpoint);
        let checked = restored.and_then(|restored| {
            restored.snapshot.meta.check(identity)?;
            Ok(restored)
        });
        checked.map(Some).map_err(|error| RunError::at_checkpoint(path, error))
    }

    fn from_state(state: Checkpoint) -> Result<Self, CheckpointError> {
        let (events, log) = (written(&state, EVENTS)?, written(&state, LOG)?);
        let meta = Meta::from_json(state.text(META)?)?;
        let snapshot = Snapshot {
            table: table(&state, ROWS)?,
            eval_table: table(&state, EVAL_ROWS)?,
            best_policy: policy(&state, BEST_POLICY)?,
            policy: policy(&state, POLICY)?,
            is_last: meta.is_complete,
            ends: 0,
            meta,
            state,
        };
        Ok(Self { snapshot, events, log })
    }
}

fn written(state: &Checkpoint, section: &'static str) -> Result<Written, CheckpointError> {
    let read = |from: &mut StateReader<'_>| Ok((from.u64()?, from.u64()?));
    let (length, rows) = state.read_state(section, read)?;
    Ok(Written { length, rows: rows as usize })
}

fn table(state: &Checkpoint, section: &'static str) -> Result<SessionTable, CheckpointError> {
    SessionTable::from_csv(state.text(section)?)
        .map_err(|error| CheckpointError::Text { section, reason: error.to_string() })
}

fn policy(state: &Checkpoint, name: &'static str) -> Result<Option<Arc<[u8]>>, CheckpointError> {
    let bytes = state.section(name)?;
    Ok((!bytes.is_empty()).then(|| bytes.into()))
}

impl Meta {
    /// What this program writes.
    pub(super) fn new(clock: &Clock, is_complete: bool, identity: &Json) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let (frame, cpu_t) = (clock.frame(), clock.cpu().as_secs_f64());
        Self { program, frame, cpu_t, is_complete, identity: identity.clone() }
    }

    fn to_json(&self) -> Json {
        json!({
            "program": self.program, "frame": self.frame, "cpu_t": self.cpu_t, "is_complete": self.is_complete,
            "identity": self.identity,
        })
    }

    fn from_json(text: &str) -> Result<Self, CheckpointError> {
        let bad = |reason: String| CheckpointError::Text { section: META, reason };
        let meta: Json = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        let missing = |key: &str| bad(format!("it has no `{key}`"));
        Ok(Self {
            program: meta["program"].as_str().ok_or_else(|| missing("program"))?.to_owned(),
            frame: meta["frame"].as_u64().ok_or_else(|| missing("frame"))?,
            cpu_t: meta["cpu_t"].as_f64().ok_or_else(|| missing("cpu_t"))?,
            is_complete: meta["is_complete"].as_bool().ok_or_else(|| missing("is_complete"))?,
            identity: meta["identity"].clone(),
        })
    }

    fn check(&self, identity: &Json) -> Result<(), CheckpointError> {
        let program = env!("CARGO_PKG_VERSION");
        if self.program != program {
            let found = self.program.clone();
            return Err(CheckpointError::Program { found, this: program });
        }
        match difference("", &self.identity, identity) {
            Some(difference) => Err(CheckpointError::SpecChanged(difference)),
            None => Ok(()),
        }
    }
}

/// The first place where two values differ, in words.
pub(super) fn difference(path: &str, saved: &Json, now: &Json) -> Option<String> {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (saved, now) {
        (Json::Object(a), Json::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.into_iter().find_map(|key| difference(&join(key), &saved[key], &now[key]))
        }
        _ if saved == now => None,
        _ => Some(format!("`{path}` was {saved} and is {now}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint_writer::CheckpointWriter;
    use super::*;

    const EVENTS_WRITTEN: Written = Written { length: 99, rows: 3 };
    const LOG_WRITTEN: Written = Written { length: 1000, rows: 2 };

    fn sample(identity: &Json) -> Snapshot {
        let mut state = Checkpoint::new();
        state.add("agent", vec![1, 2, 3]);
        Snapshot {
            table: SessionTable::new(&["entropy"]),
            eval_table: SessionTable::new(&[]),
            best_policy: Some([7, 8].as_slice().into()),
            policy: None,
            is_last: false,
            ends: 0,
            state,
            meta: Meta::new(&Clock::new(1, 1), false, identity),
        }
    }

    fn write(path: &Path, identity: &Json) {
        let checkpoint = sample(identity).into_checkpoint(EVENTS_WRITTEN, LOG_WRITTEN);
        CheckpointWriter::new(path.to_owned()).write(&checkpoint).unwrap();
    }

    #[test]
    fn everything_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ckpt");
        let identity = json!({"seed": 3});
        assert!(Restored::read(&path, &identity).unwrap().is_none());
        write(&path, &identity);
        let Restored { snapshot, events, log } = Restored::read(&path, &identity).unwrap().unwrap();
        assert_eq!((snapshot.meta.frame, snapshot.meta.is_complete), (0, false));
        assert_eq!((events, log), (EVENTS_WRITTEN, LOG_WRITTEN));
        assert_eq!(snapshot.table.columns().last().map(String::as_str), Some("entropy"));
        assert_eq!(snapshot.best_policy.as_deref(), Some([7, 8].as_slice()));
        assert_eq!(snapshot.policy, None);
        assert_eq!(snapshot.state.section("agent"), Ok([1, 2, 3].as_slice()));
    }

    #[test]
    fn a_changed_spec_is_refused_with_the_key_that_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ckpt");
        write(&path, &json!({"agent": {"gamma": 0.99, "lam": 0.95}}));
        let now = json!({"agent": {"gamma": 0.9, "lam": 0.95}});
        let error = Restored::read(&path, &now).err().unwrap().to_string();
        assert!(
            error.ends_with(
                "the spec has changed since this checkpoint: `agent.gamma` was 0.99 and is 0.9"
            ),
            "{error}"
        );
    }
}
