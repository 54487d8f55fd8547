//! Ctrl-C: the first asks the run to stop, the second leaves at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::MultiProgress;

use super::terminal;

/// What Ctrl-C (or a polite kill) comes to.
pub(super) struct Interrupt {
    /// Raised by the first one.
    flag: Arc<AtomicBool>,
    /// Whether a policy is being played back, which leaves no checkpoint.
    is_playing: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen(bars: &MultiProgress) -> Self {
        let (flag, is_playing) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let (raised, playing, bars) = (Arc::clone(&flag), Arc::clone(&is_playing), bars.clone());
        let handler = move || {
            if raised.swap(true, Ordering::SeqCst) {
                leave();
            }
            let text = stopping(playing.load(Ordering::SeqCst));
            bars.suspend(|| terminal::say(text));
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            terminal::say(&format!("Ctrl-C will not write a checkpoint: {error}"));
        }
        Self { flag, is_playing }
    }

    /// The flag that it raises.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// Notes whether a policy is being played back from now on.
    pub(super) fn is_playing(&self, is_playing: bool) {
        self.is_playing.store(is_playing, Ordering::SeqCst);
    }
}

fn stopping(is_playing: bool) -> &'static str {
    if is_playing {
        "stopping; Ctrl-C again leaves at once"
    } else {
        "stopping after a checkpoint; Ctrl-C again leaves at once"
    }
}

#[expect(clippy::exit, reason = "the user insists; what counts is on disk")]
fn leave() {
    std::process::exit(130);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_training_promises_a_checkpoint() {
        assert!(stopping(false).contains("checkpoint"));
        assert!(!stopping(true).contains("checkpoint"));
    }
}
