//! The graphs of a session and of a trial, under SLM-Lab's file names.

use std::path::PathBuf;

use super::figure::{Color, Curve, Figure, PlotError};
use super::json::TrialCurves;
use super::paths::{DataMode, RunPaths};
use super::plot::{PaintBuffer, write_figure};
use super::series::{nan_mean, nan_std, rolling_mean, row_at};
use super::session_table::{CORE_COLUMNS, MA_WINDOW, SessionTable};

pub(super) const MOVING_AVERAGE: &str = "mean return, moving average over 100 log rows";

/// What a row's `total_reward` is, for the line below the title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// The return of the last finished episode: training in a single environment.
    LastEpisode,
    /// The mean over the last (at most) 100 finished episodes: training in a vector.
    LastHundred,
    /// The mean over an evaluation of so many episodes.
    Evaluation(usize),
}

impl Returns {
    /// What training in `num_envs` environments reports.
    pub fn of_training(num_envs: usize) -> Self {
        if num_envs == 1 { Self::LastEpisode } else { Self::LastHundred }
    }

    fn caption(self) -> String {
        match self {
            Self::LastEpisode => "return of the last episode".to_owned(),
            Self::LastHundred => "mean return of the last 100 episodes".to_owned(),
            Self::Evaluation(1) => "return of an episode".to_owned(),
            Self::Evaluation(n) => format!("mean return of {n} episodes"),
        }
    }
}

/// A session of a run, and what its graphs are headed with.
#[derive(Clone, Copy, Debug)]
pub struct SessionLabel<'a> {
    /// Trial index.
    pub trial: usize,
    /// Session index.
    pub session: usize,
    /// Training or evaluation episodes.
    pub mode: DataMode,
    /// What a row's `total_reward` is.
    pub returns: Returns,
    /// Name of the environment.
    pub env: &'a str,
}

/// Draws the graphs of a session over frames: returns, their moving average, loss and the
/// algorithm's variables.
///
/// Columns without two values are left out. Returns the files written.
///
/// # Errors
/// When the session has no returns to draw or a file cannot be written.
pub fn write_session_graphs(
    run: &RunPaths,
    label: SessionLabel<'_>,
    table: &SessionTable,
    buffer: &mut PaintBuffer,
) -> Result<Vec<PathBuf>, PlotError> {
    let column = |name: &str| table.column(name).unwrap_or_default();
    let returns = column("total_reward");
    let returns_ma = rolling_mean(&returns, MA_WINDOW);
    let mut written = Vec::new();
    let mut write = |pair, text: &str, y| -> Result<(), PlotError> {
        let stem = run.session_graph(label.trial, label.session, label.mode, pair);
        let figure = session_figure(run, label, text, column("frame"), y);
        written.extend(write_figure(&stem, &figure, buffer)?);
        Ok(())
    };
    write(("mean_returns", "frames"), &label.returns.caption(), returns)?;
    write(("mean_returns_ma", "frames"), MOVING_AVERAGE, returns_ma)?;
    let variables = table.columns()[CORE_COLUMNS.len()..].iter().map(String::as_str);
    for name in std::iter::once("loss").chain(variables) {
        let values = column(name);
        if values.iter().filter(|value| value.is_finite()).count() > 1 {
            skip_empty(write((name, "frame"), &name.replace('_', " "), values))?;
        }
    }
    Ok(written)
}

/// Draws a trial's mean over sessions ± 1 standard deviation: returns and their moving average,
/// each in
/// `graph/` and in the run's folder. Returns the files written.
///
/// # Errors
/// When there is nothing to draw or a file cannot be written.
pub fn write_trial_graphs(
    run: &RunPaths,
    trial: usize,
    (env, returns): (&str, Returns),
    curves: &TrialCurves,
    buffer: &mut PaintBuffer,
) -> Result<Vec<PathBuf>, PlotError> {
    let smoothed: Vec<Vec<f64>> =
        curves.mean_returns.iter().map(|values| rolling_mean(values, MA_WINDOW)).collect();
    let graphs = [
        ("mean_returns", returns.caption(), &curves.mean_returns),
        ("mean_returns_ma", MOVING_AVERAGE.to_owned(), &smoothed),
    ];
    let n = curves.mean_returns.len();
    let mut written = Vec::new();
    for (name, text, sessions) in graphs {
        let curve = mean_curve(String::new(), Color::ACCENT, &curves.frames, sessions);
        let spread = if n > 1 { " ± 1 std" } else { "" };
        let plural = if n == 1 { "" } else { "s" };
        let figure = Figure {
            title: format!("{} · {env}", run.prefix()),
            subtitle: format!("{text}, {n} session{plural}{spread}"),
            x_label: "frames".to_owned(),
            curves: vec![curve],
        };
        for stem in run.trial_graph(trial, (name, "frames")) {
            written.extend(write_figure(&stem, &figure, buffer)?);
        }
    }
    Ok(written)
}

fn session_figure(
    run: &RunPaths,
    label: SessionLabel<'_>,
    text: &str,
    x: Vec<f64>,
    y: Vec<f64>,
) -> Figure {
    let SessionLabel { trial, session, mode, env, .. } = label;
    let phase = if mode == DataMode::Eval { ", evaluation" } else { "" };
    Figure {
        title: format!("{} · {env}", run.prefix()),
        subtitle: format!("{text}, trial {trial} session {session}{phase}"),
        x_label: "frames".to_owned(),
        curves: vec![Curve { label: String::new(), color: Color::ACCENT, x, y, spread: vec![] }],
    }
}

/// Two values on either side of a gap make no line; that is no reason to stop.
fn skip_empty(result: Result<(), PlotError>) -> Result<(), PlotError> {
    match result {
        Err(PlotError::Empty { .. }) => Ok(()),
        other => other,
    }
}

/// Mean and sample standard deviation over sessions, as far as the shortest goes.
pub(super) fn mean_curve(
    label: String,
    color: Color,
    frames: &[f64],
    sessions: &[Vec<f64>],
) -> Curve {
    let n = sessions.iter().map(Vec::len).chain([frames.len()]).min().unwrap_or(0);
    let rows: Vec<Vec<f64>> = (0..n).map(|i| row_at(sessions, i)).collect();
    Curve {
        label,
        color,
        x: frames[..n].to_vec(),
        y: rows.iter().map(|row| nan_mean(row)).collect(),
        spread: rows.iter().map(|row| nan_std(row)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::session_table::SessionRow;
    use crate::analysis::session_table::tests::row;

    fn table(n: u64) -> SessionTable {
        let mut table = SessionTable::new(&["entropy", "alpha"]);
        for i in 1..=n {
            let variables = vec![1.0 / i as f64, f64::NAN];
            table.push(&SessionRow { variables, ..row(i * 500, i as f64) });
        }
        table
    }

    fn run(folder: &tempfile::TempDir) -> RunPaths {
        RunPaths::new(folder.path(), "ppo_cartpole", "2026_01_31_235959")
    }

    fn label(session: usize, mode: DataMode, returns: Returns) -> SessionLabel<'static> {
        SessionLabel { trial: 0, session, mode, returns, env: "CartPole-v1" }
    }

    fn names(paths: &[PathBuf]) -> Vec<&str> {
        let name = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "png");
        let pngs = paths.iter().filter(|path| name(path));
        pngs.map(|path| path.file_name().unwrap().to_str().unwrap()).collect()
    }

    #[test]
    fn a_session_gets_slm_labs_graphs_of_the_columns_that_have_values() {
        let folder = tempfile::tempdir().unwrap();
        let label = label(1, DataMode::Train, Returns::LastHundred);
        let buffer = &mut PaintBuffer::default();
        let written = write_session_graphs(&run(&folder), label, &table(5), buffer).unwrap();
        assert_eq!(
            names(&written),
            [
                "ppo_cartpole_t0_s1_session_graph_train_mean_returns_vs_frames.png",
                "ppo_cartpole_t0_s1_session_graph_train_mean_returns_ma_vs_frames.png",
                "ppo_cartpole_t0_s1_session_graph_train_loss_vs_frame.png",
                "ppo_cartpole_t0_s1_session_graph_train_entropy_vs_frame.png",
            ]
        );
        assert!(written.iter().all(|path| path.exists()));
    }

    #[test]
    fn a_session_of_one_row_is_an_error_not_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let label = label(0, DataMode::Eval, Returns::Evaluation(10));
        let buffer = &mut PaintBuffer::default();
        let result = write_session_graphs(&run(&folder), label, &table(1), buffer);
        assert!(matches!(result, Err(PlotError::Empty { .. })));
    }

    #[test]
    fn captions_say_what_the_returns_are() {
        let folder = tempfile::tempdir().unwrap();
        let mut buffer = PaintBuffer::default();
        let mut caption = |mode, returns| {
            let label = label(0, mode, returns);
            let paths = write_session_graphs(&run(&folder), label, &table(3), &mut buffer);
            let svg = std::fs::read_to_string(&paths.unwrap()[1]).unwrap();
            svg.lines().map(str::trim).find(|line| line.contains("return")).unwrap().to_owned()
        };
        let single = Returns::of_training(1);
        assert_eq!(
            caption(DataMode::Train, single),
            "return of the last episode, trial 0 session 0"
        );
        let vector = Returns::of_training(4);
        assert_eq!(
            caption(DataMode::Train, vector),
            "mean return of the last 100 episodes, trial 0 session 0"
        );
        assert_eq!(
            caption(DataMode::Eval, Returns::Evaluation(10)),
            "mean return of 10 episodes, trial 0 session 0, evaluation"
        );
    }

    #[test]
    fn a_trial_in_single_environments_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let curves =
            TrialCurves { frames: vec![100.0, 200.0], mean_returns: vec![vec![1.0, 2.0]; 2] };
        let what = ("CartPole-v1", Returns::LastEpisode);
        let buffer = &mut PaintBuffer::default();
        let written = write_trial_graphs(&run(&folder), 0, what, &curves, buffer).unwrap();
        let svg = std::fs::read_to_string(&written[1]).unwrap();
        assert!(svg.contains("return of the last episode, 2 sessions ± 1 std"), "{svg}");
    }

    #[test]
    fn a_trial_gets_its_graphs_twice() {
        let folder = tempfile::tempdir().unwrap();
        let curves = TrialCurves {
            frames: vec![100.0, 200.0, 300.0],
            mean_returns: vec![vec![1.0, 2.0, 3.0], vec![2.0, 3.0]],
        };
        let what = ("CartPole-v1", Returns::LastHundred);
        let buffer = &mut PaintBuffer::default();
        let written = write_trial_graphs(&run(&folder), 0, what, &curves, buffer).unwrap();
        let name = "ppo_cartpole_t0_trial_graph_mean_returns_vs_frames.png";
        let name_ma = "ppo_cartpole_t0_trial_graph_mean_returns_ma_vs_frames.png";
        assert_eq!(names(&written), [name, name, name_ma, name_ma]);
    }

    #[test]
    fn the_mean_curve_goes_as_far_as_the_shortest_session() {
        let sessions = [vec![1.0, 2.0, 9.0], vec![3.0, 2.0]];
        let curve = mean_curve(String::new(), Color::ACCENT, &[10.0, 20.0, 30.0], &sessions);
        assert_eq!((curve.x, curve.y), (vec![10.0, 20.0], vec![2.0, 2.0]));
        // Deviations ±1 with divisor 1: sqrt(2).
        assert_eq!(curve.spread, [2_f64.sqrt(), 0.0]);
    }
}
