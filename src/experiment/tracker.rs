//! What a session remembers of its learning: the rows of its tables, the last loss, the best policy.

use std::sync::Arc;

use slm_env::{EpisodeStats, StateError, StateReader, StateWriter};

use super::clock::Clock;
use crate::algorithm::Agent;
use crate::analysis::session_table::{SessionRow, SessionTable};

/// Column of the gradient's norm, in mode dev.
const GRAD_NORM: &str = "grad_norm";

/// The tables of a session and what their next rows need.
pub(super) struct Tracker {
    /// The training episodes.
    pub(super) table: SessionTable,
    /// Separate evaluations.
    pub(super) eval_table: SessionTable,
    /// The policy with the highest `total_reward_ma` so far, as its file's bytes.
    pub(super) best_policy: Option<Arc<[u8]>>,
    best: f64,
    loss: f64,
    /// Kept only where it is a column.
    grad_norm: Option<f64>,
}

impl Tracker {
    /// Empty tables with `agent`'s columns; with the gradient's norm too if asked.
    pub(super) fn new(agent: &dyn Agent, with_grad_norm: bool) -> Self {
        let mut names = agent.metric_names();
        names.extend(with_grad_norm.then_some(GRAD_NORM));
        Self {
            table: SessionTable::new(&names),
            eval_table: SessionTable::new(&names),
            best_policy: None,
            best: f64::NEG_INFINITY,
            loss: f64::NAN,
            grad_norm: with_grad_norm.then_some(f64::NAN),
        }
    }

    /// Takes in an update.
    pub(super) fn updated(&mut self, loss: f64, agent: &dyn Agent) {
        self.loss = loss;
        if let Some(norm) = &mut self.grad_norm {
            *norm = agent.grad_norm().unwrap_or(f64::NAN);
        }
    }

    /// Appends a row to the training table; whether its `total_reward_ma` is the best so far, or equal to it.
    pub(super) fn log(&mut self, clock: &Clock, stats: &EpisodeStats, agent: &dyn Agent) -> bool {
        let row = self.row(total_reward(stats), clock, stats, agent);
        let total_reward_ma = self.table.push(&row);
        let is_best = total_reward_ma >= self.best;
        if is_best {
            self.best = total_reward_ma;
        }
        is_best
    }

    /// Appends a row to the evaluation table.
    pub(super) fn log_eval(
        &mut self,
        mean_return: f64,
        clock: &Clock,
        stats: &EpisodeStats,
        agent: &dyn Agent,
    ) {
        let row = self.row(mean_return, clock, stats, agent);
        self.eval_table.push(&row);
    }

    /// Writes what the tables do not hold.
    pub(super) fn save(&self, out: &mut StateWriter) {
        out.f64(self.best);
        out.f64(self.loss);
        out.f64(self.grad_norm.unwrap_or(f64::NAN));
    }

    /// Reads what [`save`](Self::save) wrote.
    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.best = from.f64()?;
        self.loss = from.f64()?;
        let norm = from.f64()?;
        self.grad_norm = self.grad_norm.map(|_| norm);
        Ok(())
    }

    fn row(
        &self,
        total_reward: f64,
        clock: &Clock,
        stats: &EpisodeStats,
        agent: &dyn Agent,
    ) -> SessionRow {
        let wall_t = clock.wall().as_secs_f64();
        let mut variables = agent.metrics();
        variables.extend(self.grad_norm);
        // SLM-Lab counts episodes, and time within one, where there is a single environment.
        let single = single_length(stats);
        SessionRow {
            total_reward,
            loss: self.loss,
            fps: clock.frame() as f64 / wall_t,
            frame: clock.frame(),
            wall_t,
            t: single.map_or(clock.t(), u64::from),
            epi: single.map_or(f64::NAN, |_| (stats.count() + 1) as f64),
            opt_step: agent.opt_step(),
            lr: agent.lr(),
            variables,
        }
    }
}

/// SLM-Lab's `total_reward`: of a vector the mean of the last (at most 100) returns, NaN before the first;
/// of a single environment the last return, 0 before the first.
pub(super) fn total_reward(stats: &EpisodeStats) -> f64 {
    match single_length(stats) {
        Some(_) => stats.last().map_or(0.0, |episode| episode.return_),
        None => stats.mean_return().unwrap_or(f64::NAN),
    }
}

/// Length of the running episode if there is only one environment.
fn single_length(stats: &EpisodeStats) -> Option<u32> {
    match stats.running_lengths() {
        [length] => Some(*length),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use slm_env::Step;

    use super::*;

    fn last(reward: f64) -> Step {
        Step { reward, terminated: true, truncated: false }
    }

    #[test]
    fn a_single_environment_reports_its_last_return_and_zero_before() {
        let mut stats = EpisodeStats::new(1);
        assert_eq!(total_reward(&stats), 0.0);
        stats.add(0, &[last(3.0)]);
        stats.add(0, &[last(5.0)]);
        assert_eq!(total_reward(&stats), 5.0);
    }

    #[test]
    fn a_vector_reports_the_mean_of_its_returns_and_nan_before() {
        let mut stats = EpisodeStats::new(2);
        assert!(total_reward(&stats).is_nan());
        stats.add(0, &[last(3.0), Step::reward(1.0)]);
        stats.add(0, &[last(5.0), last(1.0)]);
        // Returns 3, 5 and 1 + 1.
        assert_eq!(total_reward(&stats), 10.0 / 3.0);
    }
}
