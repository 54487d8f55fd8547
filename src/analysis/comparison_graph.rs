//! The graph that compares several runs.

use std::path::{Path, PathBuf};

use super::figure::{Color, Figure, PlotError};
use super::graphs::{MOVING_AVERAGE, mean_curve};
use super::json::TrialCurves;
use super::plot::{PaintBuffer, write_figure};
use super::series::rolling_mean;
use super::session_table::MA_WINDOW;

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
    buffer: &mut PaintBuffer,
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
    write_figure(stem, &figure, buffer)
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
