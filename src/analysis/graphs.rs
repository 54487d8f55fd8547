//! The graphs of a session, of a trial and of several runs, under SLM-Lab's file names.

use std::path::{Path, PathBuf};

use super::figure::{Color, Curve, Figure, PlotError};
use super::json::TrialCurves;
use super::paths::{DataMode, RunPaths};
use super::plot::write_figure;
use super::series::{nan_mean, nan_std, rolling_mean, row_at};
use super::session_table::{CORE_COLUMNS, MA_WINDOW, SessionTable};

const MOVING_AVERAGE: &str = "mean return, moving average over 100 log rows";

/// Legend and color of each algorithm in comparisons, in the order in which they are listed
/// (SLM-Lab's).
pub const ALGORITHM_COLORS: [(&str, Color); 8] = [
    ("REINFORCE", Color(232, 186, 48)),
    ("SARSA", Color(184, 115, 46)),
    ("DQN", Color(52, 178, 167)),
    ("DDQN+PER", Color(57, 172, 105)),
    ("A2C", Color(66, 115, 215)),
    ("PPO", Color(161, 77, 203)),
    ("SAC", Color(215, 66, 91)),
    ("CrossQ", Color(238, 124, 43)),
];

/// Indices of [`ALGORITHM_COLORS`] for other runs, unlike colors next to each other: blue, red, …
const SPARE_COLORS: [usize; 8] = [4, 6, 3, 7, 5, 2, 0, 1];

/// A session of a run, and what its graphs are headed with.
#[derive(Clone, Copy, Debug)]
pub struct SessionLabel<'a> {
    /// Trial index.
    pub trial: usize,
    /// Session index.
    pub session: usize,
    /// Training or evaluation episodes.
    pub mode: DataMode,
    /// Name of the environment.
    pub env: &'a str,
}

/// One run in a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedRun {
    /// Name in the legend.
    pub label: String,
    /// Its learning curves.
    pub curves: TrialCurves,
}

/// The legend name of an algorithm: `ActorCritic` is A2C, `SoftActorCritic` is SAC, and so on.
pub fn algorithm_label(algorithm: &str, is_prioritized: bool) -> &str {
    match algorithm {
        "ActorCritic" => "A2C",
        "SoftActorCritic" => "SAC",
        "Reinforce" => "REINFORCE",
        "VanillaDQN" => "DQN",
        "DoubleDQN" if is_prioritized => "DDQN+PER",
        "DoubleDQN" => "DDQN",
        other => other,
    }
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
) -> Result<Vec<PathBuf>, PlotError> {
    let column = |name: &str| table.column(name).unwrap_or_default();
    let returns = column("total_reward");
    let returns_ma = rolling_mean(&returns, MA_WINDOW);
    let returns_text = "mean return of the last 100 episodes";
    let mut written = Vec::new();
    let mut write = |pair, text: &str, y| -> Result<(), PlotError> {
        let stem = run.session_graph(label.trial, label.session, label.mode, pair);
        let figure = session_figure(run, label, text, column("frame"), y);
        written.extend(write_figure(&stem, &figure)?);
        Ok(())
    };
    write(("mean_returns", "frames"), returns_text, returns)?;
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
    env: &str,
    curves: &TrialCurves,
) -> Result<Vec<PathBuf>, PlotError> {
    let smoothed: Vec<Vec<f64>> =
        curves.mean_returns.iter().map(|values| rolling_mean(values, MA_WINDOW)).collect();
    let graphs = [
        ("mean_returns", "mean return of the last 100 episodes", &curves.mean_returns),
        ("mean_returns_ma", MOVING_AVERAGE, &smoothed),
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
            written.extend(write_figure(&stem, &figure)?);
        }
    }
    Ok(written)
}

/// Draws several runs in one graph (moving average, mean ± 1 standard deviation over sessions) to
/// `{stem}.png` and `.svg`.
///
/// Known algorithms come first, in the order and colors of [`ALGORITHM_COLORS`]; the others take
/// the colors left.
///
/// # Errors
/// When there is nothing to draw or a file cannot be written.
pub fn write_comparison_graph(
    stem: &Path,
    title: &str,
    runs: &[ComparedRun],
) -> Result<[PathBuf; 2], PlotError> {
    let curve = |(run, color): (&ComparedRun, Color)| {
        let smoothed: Vec<Vec<f64>> =
            run.curves.mean_returns.iter().map(|values| rolling_mean(values, MA_WINDOW)).collect();
        mean_curve(run.label.clone(), color, &run.curves.frames, &smoothed)
    };
    let figure = Figure {
        title: title.to_owned(),
        subtitle: format!("{MOVING_AVERAGE}, mean of sessions ± 1 std"),
        x_label: "frames".to_owned(),
        curves: in_order(runs).into_iter().map(curve).collect(),
    };
    write_figure(stem, &figure)
}

fn session_figure(
    run: &RunPaths,
    label: SessionLabel<'_>,
    text: &str,
    x: Vec<f64>,
    y: Vec<f64>,
) -> Figure {
    let SessionLabel { trial, session, mode, env } = label;
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
fn mean_curve(label: String, color: Color, frames: &[f64], sessions: &[Vec<f64>]) -> Curve {
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

/// The runs in the order of [`ALGORITHM_COLORS`], then the unknown ones, each with a color.
fn in_order(runs: &[ComparedRun]) -> Vec<(&ComparedRun, Color)> {
    let place =
        |run: &ComparedRun| ALGORITHM_COLORS.iter().position(|(name, _)| *name == run.label);
    let mut ordered: Vec<&ComparedRun> = runs.iter().collect();
    ordered.sort_by_key(|run| place(run).unwrap_or(usize::MAX));
    let is_taken = |k: &usize| runs.iter().any(|run| place(run) == Some(*k));
    let free: Vec<usize> = SPARE_COLORS.into_iter().filter(|k| !is_taken(k)).collect();
    let mut spare = free.iter().chain(&SPARE_COLORS).cycle();
    let mut color = |run: &ComparedRun| {
        let next = place(run).or_else(|| spare.next().copied());
        ALGORITHM_COLORS[next.expect("the spare colors repeat forever")].1
    };
    ordered.into_iter().map(|run| (run, color(run))).collect()
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

    fn names(paths: &[PathBuf]) -> Vec<&str> {
        let name = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "png");
        let pngs = paths.iter().filter(|path| name(path));
        pngs.map(|path| path.file_name().unwrap().to_str().unwrap()).collect()
    }

    #[test]
    fn a_session_gets_slm_labs_graphs_of_the_columns_that_have_values() {
        let folder = tempfile::tempdir().unwrap();
        let label =
            SessionLabel { trial: 0, session: 1, mode: DataMode::Train, env: "CartPole-v1" };
        let written = write_session_graphs(&run(&folder), label, &table(5)).unwrap();
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
        let label = SessionLabel { trial: 0, session: 0, mode: DataMode::Eval, env: "CartPole-v1" };
        let result = write_session_graphs(&run(&folder), label, &table(1));
        assert!(matches!(result, Err(PlotError::Empty { .. })));
    }

    #[test]
    fn a_trial_gets_its_graphs_twice() {
        let folder = tempfile::tempdir().unwrap();
        let curves = TrialCurves {
            frames: vec![100.0, 200.0, 300.0],
            mean_returns: vec![vec![1.0, 2.0, 3.0], vec![2.0, 3.0]],
        };
        let written = write_trial_graphs(&run(&folder), 0, "CartPole-v1", &curves).unwrap();
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

    #[test]
    fn compared_algorithms_have_slm_labs_order_and_colors() {
        let curves = TrialCurves { frames: vec![], mean_returns: vec![] };
        let runs: Vec<ComparedRun> = ["mine", "PPO", "A2C", "DDQN"]
            .map(|label| ComparedRun { label: label.to_owned(), curves: curves.clone() })
            .to_vec();
        let ordered = in_order(&runs);
        let labels: Vec<&str> = ordered.iter().map(|(run, _)| run.label.as_str()).collect();
        assert_eq!(labels, ["A2C", "PPO", "mine", "DDQN"]);
        assert_eq!(ordered[0].1, ALGORITHM_COLORS[4].1);
        let colors: std::collections::HashSet<_> =
            ordered.iter().map(|(_, color)| format!("{color:?}")).collect();
        assert_eq!(colors.len(), 4);
    }

    #[test]
    fn legends_are_the_usual_names() {
        assert_eq!(algorithm_label("ActorCritic", false), "A2C");
        assert_eq!(algorithm_label("DoubleDQN", true), "DDQN+PER");
        assert_eq!(algorithm_label("DoubleDQN", false), "DDQN");
        assert_eq!(algorithm_label("PPO", false), "PPO");
    }
}
