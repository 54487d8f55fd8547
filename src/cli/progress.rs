//! What a run shows while it runs: a live bar per session or playback, or a log line every few seconds.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use slm_env::Frame;
use slm_lab::experiment::{Level, Observer, PlayProgress, Progress};

use super::terminal;
use super::window::Viewer;

/// Time between two log lines of a session.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two pictures of a session that trains, which runs much faster than it could be shown.
const FRAME_INTERVAL: Duration = Duration::from_millis(20);
/// The session that the window shows.
const WATCHED: usize = 0;
const TEMPLATE: &str = "{prefix:>10} {bar:24} {percent:>3}%  {msg}";

/// The terminal as a run sees it.
pub(super) struct Console {
    viewer: Option<Viewer>,
    /// When the window shows its next picture of a session that trains.
    next_frame: Mutex<Instant>,
    bars: MultiProgress,
    is_live: bool,
    /// By session; none is a playback.
    lines: Mutex<BTreeMap<Option<usize>, Line>>,
}

/// What one session shows.
struct Line {
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Console {
    /// Bars if somebody watches, else lines.
    pub(super) fn new(viewer: Option<Viewer>) -> Self {
        let is_live = terminal::is_live();
        let target =
            if is_live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let next_frame = Mutex::new(Instant::now());
        Self { viewer, next_frame, bars, is_live, lines: Mutex::default() }
    }

    /// The window, as long as it is open.
    pub(super) fn window(&self) -> Option<&Viewer> {
        self.viewer.as_ref().filter(|viewer| !viewer.is_closed())
    }

    /// Whether there was a window to show things in, though it may be closed by now.
    pub(super) fn has_window(&self) -> bool {
        self.viewer.is_some()
    }

    /// The bars, for whoever writes above them.
    pub(super) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Forgets the sessions of a run that is over, leaving their last line where it is.
    pub(super) fn finish_run(&self) {
        for line in std::mem::take(&mut *self.lines()).into_values() {
            if let Some(bar) = line.bar {
                bar.abandon();
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, BTreeMap<Option<usize>, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_line(&self, prefix: String, position: u64, length: u64) -> Line {
        let bar = self.is_live.then(|| {
            let style = ProgressStyle::with_template(TEMPLATE).expect("the template is valid");
            let bar = ProgressBar::new(length).with_prefix(prefix);
            let bar = self.bars.add(bar.with_style(style.progress_chars("━╸ ")));
            bar.set_position(position);
            bar
        });
        Line { bar, said: Instant::now() }
    }

    /// Changes the bar, or says `text` if it is time.
    fn tell(&self, line: Option<usize>, change: impl FnOnce(&ProgressBar), text: &str) {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(&line) else { return };
        if let Some(bar) = &line.bar {
            change(bar);
        } else if line.said.elapsed() >= LINE_INTERVAL {
            line.said = Instant::now();
            tracing::info!("{text}");
        }
    }
}

impl Observer for Console {
    fn session_started(&self, session: usize, frame: u64, max_frame: u64) {
        if frame > 0 {
            tracing::info!("session {session}: goes on at frame {frame} of {max_frame}");
        }
        let line = self.new_line(format!("session {session}"), frame, max_frame);
        self.lines().insert(Some(session), line);
    }

    fn progress(&self, session: usize, progress: &Progress) {
        let change = |bar: &ProgressBar| {
            bar.set_position(progress.frame);
            bar.set_message(describe(progress));
        };
        self.tell(Some(session), change, &format!("session {session}: {}", long(progress)));
    }

    fn evaluating(&self, session: usize, progress: &PlayProgress) {
        let text = format!("evaluating  {}", played(progress));
        let line = format!("session {session}: {text}");
        self.tell(Some(session), |bar| bar.set_message(text), &line);
    }

    fn playing(&self, progress: &PlayProgress) {
        let length = progress.max_episodes as u64;
        let line = || self.new_line("playing".to_owned(), 0, length);
        self.lines().entry(None).or_insert_with(line);
        let text = played(progress);
        let line = format!("playing  {text}");
        let change = |bar: &ProgressBar| {
            bar.set_position(progress.episodes as u64);
            bar.set_message(text);
        };
        self.tell(None, change, &line);
    }

    fn message(&self, session: Option<usize>, level: Level, text: &str) {
        let text = match session {
            Some(session) => format!("session {session}: {text}"),
            None => text.to_owned(),
        };
        match level {
            Level::Info => tracing::info!("{text}"),
            Level::Warning => tracing::warn!("{text}"),
            Level::Error => tracing::error!("{text}"),
        }
    }

    fn wants_frame(&self, session: usize) -> bool {
        if session != WATCHED || self.window().is_none() {
            return false;
        }
        let mut next = self.next_frame.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = Instant::now() >= *next;
        if is_due {
            *next = Instant::now() + FRAME_INTERVAL;
        }
        is_due
    }

    fn frame(&self, _session: usize, frame: &Frame) {
        if let Some(window) = self.window() {
            window.show(frame);
        }
    }

    fn session_finished(&self, session: usize, progress: &Progress) {
        let lines = self.lines();
        if let Some(bar) = lines.get(&Some(session)).and_then(|line| line.bar.as_ref()) {
            bar.set_position(progress.frame);
            bar.abandon_with_message(ended(progress));
        } else {
            tracing::info!("session {session}: {}", ended(progress));
        }
    }
}

/// `1234 fps  ETA 0:12  return 87.3`
fn describe(progress: &Progress) -> String {
    let left = progress.max_frame.saturating_sub(progress.frame) as f64;
    let eta = if progress.fps > 0.0 { clock(left / progress.fps) } else { "-".to_owned() };
    format!("{:.0} fps  ETA {eta}  {}", progress.fps, return_of(progress.mean_return))
}

fn long(progress: &Progress) -> String {
    let percent = progress.frame as f64 / progress.max_frame.max(1) as f64 * 100.0;
    let (frame, max_frame) = (progress.frame, progress.max_frame);
    format!("{percent:.0}%  frame {frame} of {max_frame}  {}", describe(progress))
}

fn ended(progress: &Progress) -> String {
    let (frame, wall) = (progress.frame, clock(progress.wall.as_secs_f64()));
    format!("stopped at frame {frame} after {wall}  {}", return_of(progress.mean_return))
}

/// `4 of 10 episodes  frame 1234  800 fps  return 87.3`
fn played(progress: &PlayProgress) -> String {
    let PlayProgress { episodes, max_episodes, frame, fps, mean_return } = *progress;
    let mean = return_of(mean_return);
    format!("{episodes} of {max_episodes} episodes  frame {frame}  {fps:.0} fps  {mean}")
}

fn return_of(mean: Option<f64>) -> String {
    match mean {
        Some(mean) => format!("return {mean:.1}"),
        None => "no episode finished yet".to_owned(),
    }
}

/// `m:ss`, from an hour on `h:mm:ss`.
pub(super) fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress {
            frame: 2500,
            max_frame: 10_000,
            opt_step: 3,
            episodes: 20,
            fps: 1000.0,
            mean_return: Some(87.34),
            wall: Duration::from_secs(125),
        }
    }

    #[test]
    fn a_line_tells_speed_time_left_and_return() {
        let line = "25%  frame 2500 of 10000  1000 fps  ETA 0:08  return 87.3";
        assert_eq!(long(&progress()), line);
        let fresh = Progress { mean_return: None, fps: 0.0, ..progress() };
        assert_eq!(describe(&fresh), "0 fps  ETA -  no episode finished yet");
        assert_eq!(ended(&progress()), "stopped at frame 2500 after 2:05  return 87.3");
    }

    #[test]
    fn a_line_of_a_policy_at_play_tells_episodes_speed_and_return() {
        let fresh =
            PlayProgress { episodes: 0, max_episodes: 4, frame: 250, fps: 49.7, mean_return: None };
        assert_eq!(played(&fresh), "0 of 4 episodes  frame 250  50 fps  no episode finished yet");
        let later = PlayProgress { episodes: 3, mean_return: Some(812.34), ..fresh };
        assert_eq!(played(&later), "3 of 4 episodes  frame 250  50 fps  return 812.3");
    }

    #[test]
    fn an_hour_is_shown_as_one() {
        assert_eq!((clock(59.6), clock(3725.0)), ("1:00".to_owned(), "1:02:05".to_owned()));
    }
}
