//! The rows of `session_df`, one per log checkpoint of a session, with SLM-Lab's columns.

/// Number of last rows that `total_reward_ma` averages; SLM-Lab's `PLOT_MA_WINDOW`.
pub const MA_WINDOW: usize = 100;

/// The columns every session has, in order; the algorithm's variables follow.
pub const CORE_COLUMNS: [&str; 10] = [
    "total_reward",
    "total_reward_ma",
    "loss",
    "fps",
    "frame",
    "wall_t",
    "t",
    "epi",
    "opt_step",
    "lr",
];

/// The columns that depend on the clock, so that two equal runs differ in them.
pub const TIME_COLUMNS: [&str; 2] = ["fps", "wall_t"];

const TOTAL_REWARD: usize = 0;
const TOTAL_REWARD_MA: usize = 1;
const FRAME: usize = 4;

/// What a session reports at a log checkpoint; NaN where there is no value yet.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    /// Return, unscaled and unclipped. Of a vector of environments the mean of the last (at most 100)
    /// finished episodes, NaN before the first; of a single one the last finished episode's, 0
    /// before the first. In a table of evaluations the mean of the evaluation's episodes.
    pub total_reward: f64,
    /// Last training loss.
    pub loss: f64,
    /// Frames per second since the session began.
    pub fps: f64,
    /// Environment steps so far, over all vector rows.
    pub frame: u64,
    /// Seconds since the session began.
    pub wall_t: f64,
    /// Vector steps so far; of a single environment the steps of its running episode.
    pub t: u64,
    /// Number of the running episode, from 1: finished episodes + 1. NaN where SLM-Lab does not
    /// count them (vector environments).
    pub epi: f64,
    /// Optimizer steps so far.
    pub opt_step: u64,
    /// Learning rate, mean over optimizers.
    pub lr: f64,
    /// The algorithm's variables, in the order of [`SessionTable::new`].
    pub variables: Vec<f64>,
}

/// The table of a session's log checkpoints.
///
/// Unlike SLM-Lab's, whose float32 rounds frames above 2²⁴, every value is an f64.
#[derive(Clone, Debug)]
pub struct SessionTable {
    pub(super) columns: Vec<String>,
    /// `[n_rows, n_columns]`, row-major.
    pub(super) values: Vec<f64>,
}

impl SessionTable {
    /// An empty table with the core columns and the algorithm's `variables` (as `entropy`,
    /// `clip_eps`).
    pub fn new(variables: &[&str]) -> Self {
        let columns = CORE_COLUMNS.iter().chain(variables).map(ToString::to_string).collect();
        Self { columns, values: Vec::new() }
    }

    /// Appends a row with its `total_reward_ma` and returns that average, also for a row that is
    /// dropped.
    ///
    /// `total_reward_ma` is SLM-Lab's: the mean of `total_reward` over this row and the 99 before
    /// it, where rows with NaN (no episode finished yet) do not count, as in pandas; NaN when none
    /// counts. A row that repeats the last row's `frame` is dropped, as SLM-Lab's `drop_duplicates`
    /// does.
    ///
    /// # Panics
    /// When the row does not have a value for every registered variable.
    pub fn push(&mut self, row: &SessionRow) -> f64 {
        assert_eq!(
            row.variables.len(),
            self.columns.len() - CORE_COLUMNS.len(),
            "a row has one value per registered variable"
        );
        let total_reward_ma = self.moving_average_with(row.total_reward);
        let frame = row.frame as f64;
        let is_repeated =
            self.len().checked_sub(1).is_some_and(|last| self.row(last)[FRAME] == frame);
        if !is_repeated {
            let core = [
                row.total_reward,
                total_reward_ma,
                row.loss,
                row.fps,
                frame,
                row.wall_t,
                row.t as f64,
                row.epi,
                row.opt_step as f64,
                row.lr,
            ];
            self.values.extend(core.iter().chain(&row.variables));
        }
        total_reward_ma
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// Whether there is no row yet.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All column names in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Row `i`, in column order.
    ///
    /// # Panics
    /// When `i` is not less than [`len`](Self::len).
    pub fn row(&self, i: usize) -> &[f64] {
        let width = self.columns.len();
        &self.values[i * width..(i + 1) * width]
    }

    /// The values of a column, or `None` if there is no such column.
    pub fn column(&self, name: &str) -> Option<Vec<f64>> {
        let k = self.columns.iter().position(|column| column == name)?;
        Some((0..self.len()).map(|i| self.row(i)[k]).collect())
    }

    /// The last row's `total_reward_ma`.
    pub fn total_reward_ma(&self) -> Option<f64> {
        self.len().checked_sub(1).map(|last| self.row(last)[TOTAL_REWARD_MA])
    }

    /// The highest `total_reward_ma` of any row, with its frame; the first one of equals.
    pub fn best_total_reward_ma(&self) -> Option<(f64, u64)> {
        let mut best: Option<(f64, u64)> = None;
        for row in (0..self.len()).map(|i| self.row(i)) {
            let total_reward_ma = row[TOTAL_REWARD_MA];
            let is_better = best.is_none_or(|(value, _)| total_reward_ma > value);
            if is_better && !total_reward_ma.is_nan() {
                best = Some((total_reward_ma, row[FRAME] as u64));
            }
        }
        best
    }

    fn moving_average_with(&self, total_reward: f64) -> f64 {
        let first = self.len().saturating_sub(MA_WINDOW - 1);
        let window = (first..self.len()).map(|i| self.row(i)[TOTAL_REWARD]);
        let (mut sum, mut count) = (0.0, 0_u32);
        for value in window.chain([total_reward]).filter(|value| !value.is_nan()) {
            sum += value;
            count += 1;
        }
        sum / f64::from(count) // 0/0 is NaN: no episode has finished
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::analysis) fn row(frame: u64, total_reward: f64) -> SessionRow {
        SessionRow {
            total_reward,
            loss: 0.5,
            fps: 1000.0,
            frame,
            wall_t: 2.0,
            t: frame / 4,
            epi: f64::NAN,
            opt_step: frame / 100,
            lr: 3e-4,
            variables: vec![],
        }
    }

    #[test]
    fn total_reward_ma_is_the_mean_of_the_last_hundred_rows() {
        let mut table = SessionTable::new(&[]);
        for i in 1..=150_u64 {
            table.push(&row(i, i as f64));
        }
        // Rows 51..=150 have the mean (51 + 150) / 2.
        assert_eq!(table.total_reward_ma(), Some(100.5));
        // Row 3 averages 1, 2, 3.
        assert_eq!(table.column("total_reward_ma").unwrap()[2], 2.0);
    }

    #[test]
    fn rows_before_the_first_episode_do_not_count_in_the_average() {
        let mut table = SessionTable::new(&[]);
        assert!(table.push(&row(1, f64::NAN)).is_nan());
        assert_eq!(table.push(&row(2, 10.0)), 10.0);
        assert_eq!(table.push(&row(3, 20.0)), 15.0);
    }

    #[test]
    fn a_repeated_frame_is_dropped() {
        let mut table = SessionTable::new(&[]);
        table.push(&row(500, 10.0));
        assert_eq!(table.push(&row(500, 20.0)), 15.0);
        assert_eq!(table.len(), 1);
        assert_eq!(table.column("total_reward").unwrap(), [10.0]);
    }

    #[test]
    fn frames_beyond_float32_stay_exact() {
        let mut table = SessionTable::new(&[]);
        table.push(&row(100_000_001, 0.0));
        assert_eq!(table.column("frame").unwrap(), [100_000_001.0]);
    }

    #[test]
    fn best_is_the_first_highest_average() {
        let mut table = SessionTable::new(&[]);
        assert_eq!(table.best_total_reward_ma(), None);
        for (frame, total_reward) in [(1, f64::NAN), (2, 10.0), (3, 30.0), (4, -10.0)] {
            table.push(&row(frame, total_reward));
        }
        // Averages: NaN, 10, 20, 10.
        assert_eq!(table.best_total_reward_ma(), Some((20.0, 3)));
    }
}
