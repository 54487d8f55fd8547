//! What a run tells whoever watches it: the terminal, a test, nobody.

use std::time::Duration;

use slm_env::Frame;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is amiss; the run goes on.
    Warning,
    /// Something failed.
    Error,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Frames so far.
    pub frame: u64,
    /// Frames of the whole session.
    pub max_frame: u64,
    /// Optimizer steps so far.
    pub opt_step: u64,
    /// Finished episodes so far.
    pub episodes: u64,
    /// Frames per second lately.
    pub fps: f64,
    /// Mean return of the last (at most 100) finished episodes; none before the first.
    pub mean_return: Option<f64>,
    /// Time spent, earlier runs of the session included.
    pub wall: Duration,
}

/// How far a policy at play is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayProgress {
    /// Whole episodes so far.
    pub episodes: usize,
    /// Episodes to play.
    pub max_episodes: usize,
    /// Frames so far, summed over the environments.
    pub frame: u64,
    /// Frames per second lately.
    pub fps: f64,
    /// Mean return of the whole episodes; none before the first.
    pub mean_return: Option<f64>,
}

/// Watches a run; called from several threads, at most a few times a second each.
pub trait Observer: Sync {
    /// A session begins, or goes on at `frame`.
    fn session_started(&self, _session: usize, _frame: u64, _max_frame: u64) {}

    /// A session is under way.
    fn progress(&self, _session: usize, _progress: &Progress) {}

    /// A session's policy is being evaluated.
    fn evaluating(&self, _session: usize, _progress: &PlayProgress) {}

    /// A policy is being played back.
    fn playing(&self, _progress: &PlayProgress) {}

    /// Something to know, of a session or of the run as a whole.
    fn message(&self, _session: Option<usize>, _level: Level, _text: &str) {}

    /// Whether to draw environment 0 now; asked after every vector step, so the answer is a quick one.
    fn wants_frame(&self, _session: usize) -> bool {
        false
    }

    /// Environment 0 of a session, as it is now.
    fn frame(&self, _session: usize, _frame: &Frame) {}

    /// A session is over: at its end, interrupted or failed.
    fn session_finished(&self, _session: usize, _progress: &Progress) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
