//! The thread that writes a session's files, so that the training loop never waits for a disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::error::RunError;
use super::outputs::SessionOutputs;
use super::snapshot::Snapshot;

/// Hands snapshots to the thread; never more than one waits.
pub(super) struct Writer<'scope> {
    sender: SyncSender<Snapshot>,
    is_busy: Arc<AtomicBool>,
    interval: Duration,
    last_sent: Instant,
    thread: ScopedJoinHandle<'scope, Result<(), RunError>>,
}

impl<'scope> Writer<'scope> {
    /// Starts a thread that writes to `outputs`, at most one snapshot per `interval`.
    pub(super) fn spawn<'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        outputs: SessionOutputs<'env>,
        interval: Duration,
    ) -> Self {
        let (sender, receiver) = sync_channel(1);
        let is_busy = Arc::new(AtomicBool::new(false));
        let busy_flag = Arc::clone(&is_busy);
        let thread = scope.spawn(move || write_all(outputs, &receiver, &busy_flag));
        Self { sender, is_busy, interval, last_sent: Instant::now(), thread }
    }

    /// Whether a snapshot taken now would be written at once.
    pub(super) fn wants_snapshot(&self) -> bool {
        self.last_sent.elapsed() >= self.interval && !self.is_busy.load(Ordering::Acquire)
    }

    /// Hands a snapshot over; waits only if one is still waiting, which
    /// [`wants_snapshot`](Self::wants_snapshot) tells.
    pub(super) fn send(&mut self, snapshot: Snapshot) {
        self.is_busy.store(true, Ordering::Release);
        self.last_sent = Instant::now();
        // A thread that is gone has panicked; `finish` tells.
        let _ = self.sender.send(snapshot);
    }

    /// Writes what is waiting and ends the thread.
    ///
    /// # Errors
    /// When the last checkpoint could not be written.
    pub(super) fn finish(self) -> Result<(), RunError> {
        drop(self.sender);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Whether the last checkpoint could be written is what counts: an earlier failure was made good by it.
fn write_all(
    mut outputs: SessionOutputs<'_>,
    snapshots: &Receiver<Snapshot>,
    is_busy: &AtomicBool,
) -> Result<(), RunError> {
    let mut written = Ok(());
    while let Ok(snapshot) = snapshots.recv() {
        written = outputs.write(snapshot);
        is_busy.store(false, Ordering::Release);
    }
    written
}
