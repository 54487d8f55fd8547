//! Mode `enjoy@…`: plays a trained policy, prints its returns, and records or shows it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use slm_env::Frame;
use slm_lab::analysis::atomic_file::write_atomically;
use slm_lab::experiment::{self, EnjoyOptions, EnjoyReport, EnjoySource, RunOptions};

use super::failure::{Failure, Outcome};
use super::gif::GifRecorder;
use super::lab::Lab;
use super::terminal::{columns, print};

/// Episodes to play where nobody says how many.
const EPISODES: usize = 4;

/// Plays what `path` names: a run's folder, one of its spec files, or a policy file.
pub(super) fn run(lab: &Lab<'_>, path: &Path) -> Outcome {
    let path = path.to_owned();
    let source = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => EnjoySource::Spec(path),
        _ if path.is_file() => EnjoySource::Policy(path),
        _ => EnjoySource::Folder(path),
    };
    play(lab, &source)
}

/// Plays a policy, in the window if there is one, and into a GIF.
pub(super) fn play(lab: &Lab<'_>, source: &EnjoySource) -> Outcome {
    check_gif_path(lab.args.gif.as_deref())?;
    let options = EnjoyOptions {
        episodes: lab.args.episodes.unwrap_or(EPISODES),
        sample: lab.args.sample,
        seed: lab.args.seed.unwrap_or(0),
        render: true,
        progress_interval: RunOptions::PROGRESS_INTERVAL,
    };
    let mut stage = Stage::new(lab, experiment::render_fps(source)?);
    let mut on_frame = |frame: &Frame| stage.show(frame);
    lab.interrupt.is_playing(true);
    let report = experiment::enjoy(source, &options, &mut on_frame, &lab.console);
    lab.interrupt.is_playing(false);
    lab.console.finish_run();
    let report = report?;
    print(&returns(&report))?;
    stage.save(&gif_path(lab, &report))
}

/// Where frames go.
struct Stage<'a> {
    lab: &'a Lab<'a>,
    recorder: GifRecorder,
    had_window: bool,
    interval: Duration,
    next: Instant,
}

impl<'a> Stage<'a> {
    fn new(lab: &'a Lab<'a>, fps: u32) -> Self {
        Self {
            lab,
            recorder: GifRecorder::new(fps),
            had_window: lab.console.window().is_some(),
            interval: Duration::from_secs(1) / fps.max(1),
            next: Instant::now(),
        }
    }

    /// Shows and records a picture; breaks off when the user closes the window or presses Ctrl-C.
    fn show(&mut self, frame: &Frame) -> ControlFlow<()> {
        // A frame that a GIF can not hold is told of when the GIF is saved: it stays empty.
        let _ = self.recorder.push((frame.width(), frame.height()), frame.rgb());
        if self.lab.interrupt.flag().load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        match self.lab.console.window() {
            Some(window) => {
                window.show(frame);
                self.pace();
                ControlFlow::Continue(())
            }
            None if self.had_window => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    /// Waits until the picture has been shown for as long as the physics takes.
    fn pace(&mut self) {
        thread::sleep(self.next.saturating_duration_since(Instant::now()));
        self.next = (self.next + self.interval).max(Instant::now());
    }

    fn save(self, path: &Path) -> Outcome {
        if self.recorder.is_empty() {
            return Err(Failure::Run("no frame was drawn, so there is no GIF".to_owned()));
        }
        let cut = if self.recorder.is_full() { " (cut to its first half minute)" } else { "" };
        let failed = |reason: String| Failure::Run(format!("{}: {reason}", path.display()));
        let bytes = self.recorder.finish().map_err(|error| failed(error.to_string()))?;
        write_atomically(path, &bytes).map_err(|error| Failure::Run(error.to_string()))?;
        Ok(print(&format!("gif  {}{cut}", path.display()))?)
    }
}

fn returns(report: &EnjoyReport) -> String {
    let mut rows = vec![["episode", "return", "length"].map(str::to_owned)];
    let episodes = report.returns.iter().zip(&report.lengths).enumerate();
    rows.extend(episodes.map(|(i, (return_, length))| {
        [(i + 1).to_string(), format!("{return_:.2}"), length.to_string()]
    }));
    let mean = match report.mean_return() {
        Some(mean) => format!("{}  mean return {mean:.2}", report.env),
        None => format!("{}  no whole episode", report.env),
    };
    format!("{}{mean}\n", columns(&rows))
}

fn gif_path(lab: &Lab<'_>, report: &EnjoyReport) -> PathBuf {
    let beside_the_report = || {
        let mut name = report.output_stem.file_name().unwrap_or_default().to_owned();
        name.push(".gif");
        report.output_stem.with_file_name(name)
    };
    lab.args.gif.clone().unwrap_or_else(beside_the_report)
}

/// A recording replaces nothing but an earlier recording.
fn check_gif_path(path: Option<&Path>) -> Outcome {
    match path {
        Some(path) if path.extension().is_none_or(|extension| extension != "gif") => {
            let path = path.display();
            Err(Failure::Request(format!("--gif {path}: the name of a GIF ends in .gif")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_can_not_be_aimed_at_training_data() {
        assert_eq!(check_gif_path(Some(Path::new("a/play.gif"))), Ok(()));
        let failure = check_gif_path(Some(Path::new("data/x_spec.json"))).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
    }

    #[test]
    fn returns_are_listed_by_episode() {
        let report = EnjoyReport {
            env: "CartPole-v1".to_owned(),
            render_fps: 50,
            policy: None,
            session: Some(1),
            returns: vec![500.0, 100.0],
            lengths: vec![500, 100],
            output_stem: PathBuf::from("x"),
        };
        let expected = "\
episode  return  length
1        500.00  500
2        100.00  100
CartPole-v1  mean return 300.00
";
        assert_eq!(returns(&report), expected);
    }
}
