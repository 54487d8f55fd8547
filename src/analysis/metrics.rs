//! SLM-Lab's session metrics: strength, efficiency, stability.
//!
//! With R the `total_reward` of a log row and b the random policy's mean return, S = R − b.
//! NaN behaves as in pandas: sums and means skip it, element-wise results keep it.

use serde::Serialize;

use super::series::{nan_mean, nan_sum, running_sum};
use super::session_table::{MA_WINDOW, SessionTable};

/// One number per metric of a session, in SLM-Lab's key order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SessionScalar {
    /// Mean of R over the last 100 rows: the published score.
    pub total_reward_ma: f64,
    /// Mean of S.
    pub strength: f64,
    /// Highest S.
    pub max_strength: f64,
    /// Last S.
    pub final_strength: f64,
    /// `Σ (S_i / frame_i) / Σ S_i`
    pub sample_efficiency: f64,
    /// `Σ (S_i / opt_step_i) / Σ S_i`; rows without an optimizer step count in the denominator
    /// only.
    pub training_efficiency: f64,
    /// `1 − |Σ min(S_{i+1} − S_i, 0) / Σ_{i<n} S_i|`
    pub stability: f64,
}

/// The metrics of a session at every row, in SLM-Lab's key order. `[n]`, `stabilities` `[n - 1]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionLocal {
    /// R.
    pub mean_returns: Vec<f64>,
    /// S.
    pub strengths: Vec<f64>,
    /// Sample efficiency up to each row.
    pub sample_efficiencies: Vec<f64>,
    /// Training efficiency up to each row.
    pub training_efficiencies: Vec<f64>,
    /// `1 − |min(S_{i+1} − S_i, 0) / S_i|`
    pub stabilities: Vec<f64>,
    /// Frame of each row.
    pub frames: Vec<f64>,
    /// Optimizer steps at each row.
    pub opt_steps: Vec<f64>,
}

/// The metrics of a session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionMetrics {
    /// One number per metric.
    pub scalar: SessionScalar,
    /// One number per metric and row.
    pub local: SessionLocal,
}

/// The metrics of a session's table; `random_mean` is b. An empty table gives NaN throughout.
///
/// # Panics
/// Never: the table always has the core columns.
pub fn session_metrics(table: &SessionTable, random_mean: f64) -> SessionMetrics {
    let column = |name| table.column(name).expect("a session table has every core column");
    let mean_returns = column("total_reward");
    let frames = column("frame");
    let opt_steps = column("opt_step");
    let strengths: Vec<f64> = mean_returns.iter().map(|r| r - random_mean).collect();
    let (sample_efficiency, sample_efficiencies) = efficiency(&strengths, &frames);
    let (training_efficiency, training_efficiencies) = efficiency(&strengths, &opt_steps);
    let (stability, stabilities) = stability(&strengths);
    let window = mean_returns.len().saturating_sub(MA_WINDOW);
    let scalar = SessionScalar {
        total_reward_ma: nan_mean(&mean_returns[window..]),
        strength: nan_mean(&strengths),
        max_strength: strengths.iter().copied().fold(f64::NAN, f64::max),
        final_strength: strengths.last().copied().unwrap_or(f64::NAN),
        sample_efficiency,
        training_efficiency,
        stability,
    };
    let local = SessionLocal {
        mean_returns,
        strengths,
        sample_efficiencies,
        training_efficiencies,
        stabilities,
        frames,
        opt_steps,
    };
    SessionMetrics { scalar, local }
}

/// `Σ (S_i / t_i) / Σ S_i` and its running version. A ratio that is not finite (`t_i = 0`) counts
/// in the denominator only.
fn efficiency(strengths: &[f64], times: &[f64]) -> (f64, Vec<f64>) {
    let ratios: Vec<f64> = strengths
        .iter()
        .zip(times)
        .map(|(strength, time)| strength / time)
        .map(|ratio| if ratio.is_finite() { ratio } else { f64::NAN })
        .collect();
    let running = running_sum(&ratios).into_iter().zip(running_sum(strengths)).map(|(a, b)| a / b);
    (nan_sum(&ratios) / nan_sum(strengths), running.collect())
}

/// `1 − |Σ drops / Σ S_i|` over all rows but the last, and each row's own ratio `[n - 1]`.
fn stability(strengths: &[f64]) -> (f64, Vec<f64>) {
    let earlier = &strengths[..strengths.len().saturating_sub(1)];
    // `min` would turn NaN into 0; pandas' clip keeps it.
    let drop_between = |pair: &[f64]| {
        let change = pair[1] - pair[0];
        if change > 0.0 { 0.0 } else { change }
    };
    let drops: Vec<f64> = strengths.windows(2).map(drop_between).collect();
    let local = drops.iter().zip(earlier).map(|(drop, strength)| 1.0 - (drop / strength).abs());
    (1.0 - (nan_sum(&drops) / nan_sum(earlier)).abs(), local.collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::analysis::session_table::SessionRow;

    /// The recorded numbers have nine significant digits.
    pub(in crate::analysis) fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (a, b) in found.iter().zip(expected) {
            let is_close = (a - b).abs() < 1e-8 || (a.is_nan() && b.is_nan());
            assert!(is_close, "{found:?} is not {expected:?}");
        }
    }

    /// Rows at frames 100, 200, … with optimizer steps 0, 10, ….
    pub(in crate::analysis) fn table(returns: &[f64]) -> SessionTable {
        let mut table = SessionTable::new(&[]);
        for (i, &total_reward) in (0_u64..).zip(returns) {
            table.push(&SessionRow {
                total_reward,
                loss: f64::NAN,
                fps: f64::NAN,
                frame: 100 * (i + 1),
                wall_t: f64::NAN,
                t: i,
                epi: f64::NAN,
                opt_step: 10 * i,
                lr: f64::NAN,
                variables: vec![],
            });
        }
        table
    }

    #[test]
    fn scalars_match_slm_lab() {
        // Recorded from SLM-Lab 5.3.0 (calc_session_metrics) with a random mean of 5.
        let scalar = session_metrics(&table(&[10.0, 30.0, 20.0, 60.0]), 5.0).scalar;
        assert_eq!(scalar.total_reward_ma, 30.0);
        assert_eq!(scalar.strength, 25.0);
        assert_eq!(scalar.max_strength, 55.0);
        assert_eq!(scalar.final_strength, 55.0);
        assert_close(&[scalar.sample_efficiency], &[0.003_625]);
        assert_close(&[scalar.training_efficiency], &[0.050_833_333]);
        assert_close(&[scalar.stability], &[0.777_777_778]);
    }

    #[test]
    fn local_series_match_slm_lab() {
        let local = session_metrics(&table(&[10.0, 30.0, 20.0, 60.0]), 5.0).local;
        assert_eq!(local.mean_returns, [10.0, 30.0, 20.0, 60.0]);
        assert_eq!(local.strengths, [5.0, 25.0, 15.0, 55.0]);
        assert_close(&local.sample_efficiencies, &[0.01, 0.005_833_333, 0.005, 0.003_625]);
        let training = [f64::NAN, 0.083_333_333, 0.072_222_222, 0.050_833_333];
        assert_close(&local.training_efficiencies, &training);
        assert_close(&local.stabilities, &[1.0, 0.6, 1.0]);
        assert_eq!(local.frames, [100.0, 200.0, 300.0, 400.0]);
        assert_eq!(local.opt_steps, [0.0, 10.0, 20.0, 30.0]);
    }

    #[test]
    fn the_score_averages_the_last_hundred_rows() {
        let returns: Vec<f64> = (1..=150).map(f64::from).collect();
        assert_eq!(session_metrics(&table(&returns), 0.0).scalar.total_reward_ma, 100.5);
    }

    #[test]
    fn rows_before_the_first_episode_are_skipped_as_pandas_does() {
        // Recorded with pandas 3.1.1 and SLM-Lab's formulas: R = NaN, 10, 30, 20; b = 0.
        let metrics = session_metrics(&table(&[f64::NAN, 10.0, 30.0, 20.0]), 0.0);
        assert_eq!(metrics.scalar.strength, 20.0);
        assert_eq!(metrics.scalar.max_strength, 30.0);
        // Drops NaN, 0, -10 over the strengths NaN, 10, 30: 1 - 10 / 40.
        assert_eq!(metrics.scalar.stability, 0.75);
        assert_close(&metrics.local.stabilities, &[f64::NAN, 1.0, 1.0 - 1.0 / 3.0]);
        // (10/200 + 30/300 + 20/400) / 60.
        assert_close(&[metrics.scalar.sample_efficiency], &[0.2 / 60.0]);
        assert!(metrics.local.sample_efficiencies[0].is_nan());
    }

    #[test]
    fn an_empty_table_gives_nan_instead_of_panicking() {
        let metrics = session_metrics(&table(&[]), 5.0);
        assert!(metrics.scalar.total_reward_ma.is_nan());
        assert!(metrics.scalar.stability.is_nan());
        assert!(metrics.local.stabilities.is_empty());
    }
}
