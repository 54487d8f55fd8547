//! Ctrl-C: the first asks the run to stop after a checkpoint, the second leaves at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::MultiProgress;

use super::terminal;

/// The flag that Ctrl-C (or a polite kill) raises from now on.
pub(super) fn listen(bars: &MultiProgress) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let (raised, bars) = (Arc::clone(&flag), bars.clone());
    let handler = move || {
        if raised.swap(true, Ordering::SeqCst) {
            leave();
        }
        let text = "stopping after a checkpoint; Ctrl-C again leaves at once";
        bars.suspend(|| terminal::say(text));
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        terminal::say(&format!("Ctrl-C will not write a checkpoint: {error}"));
    }
    flag
}

#[expect(clippy::exit, reason = "the user insists; what counts is on disk")]
fn leave() {
    std::process::exit(130);
}
