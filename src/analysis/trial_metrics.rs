//! SLM-Lab's trial metrics: means over sessions, and consistency.

use serde::Serialize;

use super::metrics::{SessionLocal, SessionMetrics, SessionScalar};
use super::series::{nan_mean, nan_std, nan_sum, row_at};

/// One number per metric of a trial, in SLM-Lab's key order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TrialScalar {
    /// Last frame of session 0.
    pub frame: f64,
    /// Mean over sessions: the published score.
    pub total_reward_ma: f64,
    /// Mean over sessions.
    pub strength: f64,
    /// Mean over sessions.
    pub max_strength: f64,
    /// Mean over sessions.
    pub final_strength: f64,
    /// Mean over sessions.
    pub sample_efficiency: f64,
    /// Mean over sessions.
    pub training_efficiency: f64,
    /// Mean over sessions.
    pub stability: f64,
    /// `1 − 2 Σ_i std_j(S_ij) / Σ_i mean_j(S_ij)` over sessions j; exactly 1 for a single session.
    pub consistency: f64,
}

/// The series of all sessions of a trial, in SLM-Lab's key order. `[n_sessions][n]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialLocal {
    /// R of each session.
    pub mean_returns: Vec<Vec<f64>>,
    /// S of each session.
    pub strengths: Vec<Vec<f64>>,
    /// Sample efficiencies of each session.
    pub sample_efficiencies: Vec<Vec<f64>>,
    /// Training efficiencies of each session.
    pub training_efficiencies: Vec<Vec<f64>>,
    /// Stabilities of each session.
    pub stabilities: Vec<Vec<f64>>,
    /// `1 − 2 std_j(S_ij) / mean_j(S_ij)` at each row of the shortest session.
    pub consistencies: Vec<f64>,
    /// Frames of session 0.
    pub frames: Vec<f64>,
    /// Optimizer steps of session 0.
    pub opt_steps: Vec<f64>,
}

/// The metrics of a trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialMetrics {
    /// One number per metric.
    pub scalar: TrialScalar,
    /// The series of all sessions.
    pub local: TrialLocal,
}

/// The metrics of a trial from those of its sessions, session 0 first.
///
/// # Panics
/// When there is no session.
pub fn trial_metrics(sessions: &[SessionMetrics]) -> TrialMetrics {
    let first = &sessions.first().expect("a trial has at least one session").local;
    let strengths = series(sessions, |local| &local.strengths);
    let (consistency, consistencies) = consistency(&strengths);
    let local = TrialLocal {
        mean_returns: series(sessions, |local| &local.mean_returns),
        strengths,
        sample_efficiencies: series(sessions, |local| &local.sample_efficiencies),
        training_efficiencies: series(sessions, |local| &local.training_efficiencies),
        stabilities: series(sessions, |local| &local.stabilities),
        consistencies,
        frames: first.frames.clone(),
        opt_steps: first.opt_steps.clone(),
    };
    let frame = first.frames.last().copied().unwrap_or(0.0);
    TrialMetrics { scalar: trial_scalar(sessions, frame, consistency), local }
}

fn trial_scalar(sessions: &[SessionMetrics], frame: f64, consistency: f64) -> TrialScalar {
    let mean = |metric: fn(&SessionScalar) -> f64| {
        nan_mean(&sessions.iter().map(|session| metric(&session.scalar)).collect::<Vec<_>>())
    };
    TrialScalar {
        frame,
        total_reward_ma: mean(|scalar| scalar.total_reward_ma),
        strength: mean(|scalar| scalar.strength),
        max_strength: mean(|scalar| scalar.max_strength),
        final_strength: mean(|scalar| scalar.final_strength),
        sample_efficiency: mean(|scalar| scalar.sample_efficiency),
        training_efficiency: mean(|scalar| scalar.training_efficiency),
        stability: mean(|scalar| scalar.stability),
        consistency,
    }
}

fn series(sessions: &[SessionMetrics], metric: fn(&SessionLocal) -> &Vec<f64>) -> Vec<Vec<f64>> {
    sessions.iter().map(|session| metric(&session.local).clone()).collect()
}

/// Over sessions j at row i, as far as the shortest session goes.
fn consistency(strengths: &[Vec<f64>]) -> (f64, Vec<f64>) {
    let n = strengths.iter().map(Vec::len).min().unwrap_or(0);
    let rows: Vec<Vec<f64>> = (0..n).map(|i| row_at(strengths, i)).collect();
    let means: Vec<f64> = rows.iter().map(|row| nan_mean(row)).collect();
    let stds: Vec<f64> = rows.iter().map(|row| nan_std(row)).collect();
    let local = means.iter().zip(&stds).map(|(mean, std)| 1.0 - 2.0 * std / mean).collect();
    (1.0 - 2.0 * nan_sum(&stds) / nan_sum(&means), local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::metrics::session_metrics;
    use crate::analysis::metrics::tests::{assert_close, table};

    fn golden_trial() -> TrialMetrics {
        let sessions = [[10.0, 30.0, 20.0, 60.0], [12.0, 20.0, 40.0, 50.0]]
            .map(|returns| session_metrics(&table(&returns), 5.0));
        trial_metrics(&sessions)
    }

    #[test]
    fn matches_slm_lab_on_two_sessions() {
        // Recorded from SLM-Lab 5.3.0 (calc_trial_metrics) with a random mean of 5.
        let scalar = golden_trial().scalar;
        assert_eq!(scalar.frame, 400.0);
        assert_eq!(scalar.total_reward_ma, 30.25);
        assert_eq!(scalar.strength, 25.25);
        assert_eq!(scalar.max_strength, 50.0);
        assert_eq!(scalar.final_strength, 50.0);
        assert_close(&[scalar.sample_efficiency], &[0.003_646_65]);
        assert_close(&[scalar.training_efficiency], &[0.048_700_98]);
        assert_close(&[scalar.stability], &[0.888_888_889]);
        assert_close(&[scalar.consistency], &[0.411_911_192]);
    }

    #[test]
    fn local_consistency_is_per_row() {
        let expected = [0.528_595_479, 0.292_893_219, -0.131_370_85, 0.717_157_288];
        assert_close(&golden_trial().local.consistencies, &expected);
    }

    #[test]
    fn a_single_session_is_perfectly_consistent() {
        let trial = trial_metrics(&[session_metrics(&table(&[10.0, 30.0, 20.0]), 5.0)]);
        assert_eq!(trial.scalar.consistency, 1.0);
        assert!(trial.local.consistencies.iter().all(|value| value.is_nan()));
    }

    #[test]
    fn sessions_of_different_length_are_compared_over_the_shortest() {
        let long = session_metrics(&table(&[10.0, 30.0, 20.0, 60.0]), 0.0);
        let short = session_metrics(&table(&[10.0, 30.0, 20.0]), 0.0);
        let trial = trial_metrics(&[long, short]);
        assert_eq!(trial.local.consistencies, [1.0; 3]);
        assert_eq!(trial.scalar.frame, 400.0);
    }

    #[test]
    fn a_session_without_a_value_is_left_out_of_the_mean() {
        // Session 1 never finished an episode: its score is NaN and does not spoil the trial's.
        let good = session_metrics(&table(&[10.0, 30.0, 20.0]), 0.0);
        let empty = session_metrics(&table(&[f64::NAN; 3]), 0.0);
        assert_eq!(trial_metrics(&[good, empty]).scalar.total_reward_ma, 20.0);
    }
}
