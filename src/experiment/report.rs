//! What a run comes to: numbers per session and over sessions, for a table.

use std::path::PathBuf;
use std::time::Duration;

use super::error::RunError;
use super::profile::Profile;
use super::run_folder::TRIAL;
use crate::analysis::report;
use crate::analysis::session_table::SessionTable;
use crate::analysis::trial_metrics::TrialScalar;

/// What a session comes to.
#[derive(Clone, Debug)]
pub struct SessionReport {
    /// Its number.
    pub session: usize,
    /// Frames.
    pub frame: u64,
    /// Optimizer steps.
    pub opt_step: u64,
    /// Frames per second over the whole session.
    pub fps: f64,
    /// Time up to the last row: the evaluation at the end and pauses between resumes are left out.
    pub wall: Duration,
    /// Processor time of the session's thread.
    pub cpu: Duration,
    /// SLM-Lab's score: the last row's `total_reward_ma`; NaN when no episode ended.
    pub total_reward_ma: f64,
    /// The last row's `total_reward`.
    pub last_return: f64,
    /// The highest `total_reward_ma` of any row and its frame.
    pub best: Option<(f64, u64)>,
    /// Mean return of the greedy evaluation at the end.
    pub eval_return: Option<f64>,
    /// Whether it was complete before this run.
    pub was_complete: bool,
    /// Where the time went, if asked.
    pub profile: Option<Profile>,
    /// All rows.
    pub table: SessionTable,
    /// All evaluations.
    pub eval_table: SessionTable,
}

/// A session that did not come to its end.
#[derive(Debug)]
pub struct SessionFailure {
    /// Its number.
    pub session: usize,
    /// Why.
    pub error: RunError,
}

/// What a trial comes to.
#[derive(Debug)]
pub struct TrialReport {
    /// The run's folder.
    pub folder: PathBuf,
    /// The spec.
    pub spec_name: String,
    /// The environment.
    pub env: String,
    /// The algorithm.
    pub algorithm: String,
    /// Seed of all sessions.
    pub seed: u64,
    /// The sessions that came to their end, in order.
    pub sessions: Vec<SessionReport>,
    /// Those that did not.
    pub failures: Vec<SessionFailure>,
    /// SLM-Lab's metrics over the sessions.
    pub metrics: TrialScalar,
    /// Time of this process's part of the run.
    pub wall: Duration,
    /// Processor time of it, all threads together.
    pub cpu: Duration,
    /// Chrome trace of where the time went, if asked.
    pub trace: Option<PathBuf>,
}

impl TrialReport {
    /// What the process should exit with: 1 when a session failed.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.failures.is_empty())
    }

    /// The table of sessions and of statistics over them, for people.
    pub fn to_text(&self) -> String {
        let sessions = self.sessions.iter().map(|session| report::SessionReport {
            session: session.session,
            total_reward_ma: session.total_reward_ma,
            best: session.best.map_or(f64::NAN, |(value, _)| value),
            eval: session.eval_return,
            frames: session.frame,
            wall_t: session.wall.as_secs_f64(),
            cpu_t: session.cpu.as_secs_f64(),
        });
        let (spec_name, env) = (self.spec_name.clone(), self.env.clone());
        report::TrialReport { spec_name, env, trial: TRIAL, sessions: sessions.collect() }.to_text()
    }

    /// Whether there was nothing left to do.
    pub fn was_complete(&self) -> bool {
        self.failures.is_empty() && self.sessions.iter().all(|session| session.was_complete)
    }
}

impl SessionReport {
    /// A session from its tables.
    pub(super) fn new(
        session: usize,
        table: SessionTable,
        eval_table: SessionTable,
        cpu: Duration,
    ) -> Self {
        let last = |name: &str| last_value(&table, name);
        let eval_return = Some(last_value(&eval_table, "total_reward")).filter(|r| r.is_finite());
        Self {
            session,
            frame: last("frame") as u64,
            opt_step: last("opt_step") as u64,
            fps: last("fps"),
            wall: Duration::try_from_secs_f64(last("wall_t")).unwrap_or_default(),
            cpu,
            total_reward_ma: last("total_reward_ma"),
            last_return: last("total_reward"),
            best: table.best_total_reward_ma(),
            eval_return,
            was_complete: false,
            profile: None,
            table,
            eval_table,
        }
    }
}

/// The last row's value of a column; NaN without rows.
fn last_value(table: &SessionTable, name: &str) -> f64 {
    table.column(name).and_then(|values| values.last().copied()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::session_table::SessionRow;

    #[test]
    fn a_session_is_summed_up_from_its_last_row() {
        let row = |frame: u64, total_reward: f64| SessionRow {
            total_reward,
            loss: 0.5,
            fps: 100.0,
            frame,
            wall_t: frame as f64 / 100.0,
            t: frame,
            epi: 1.0,
            opt_step: frame / 10,
            lr: 0.001,
            variables: vec![],
        };
        let mut table = SessionTable::new(&[]);
        for row in [row(100, 10.0), row(200, 30.0), row(300, 5.0)] {
            table.push(&row);
        }
        let report = SessionReport::new(2, table, SessionTable::new(&[]), Duration::ZERO);
        assert_eq!((report.session, report.frame, report.opt_step), (2, 300, 30));
        // Means 10, 20 and 15 of the rows so far.
        assert_eq!((report.total_reward_ma, report.best), (15.0, Some((20.0, 200))));
        assert_eq!((report.wall, report.eval_return), (Duration::from_secs(3), None));
    }
}
