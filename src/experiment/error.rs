//! Why a run could not start, go on or be played back.

use std::fmt;
use std::path::PathBuf;

use slm_env::EnvError;

use super::checkpoint::CheckpointError;
use crate::analysis::atomic_file::FileError;
use crate::config::SpecErrors;

/// What ended a run, or kept it from starting.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A saved spec no longer has a meaning.
    #[error(transparent)]
    Spec(#[from] SpecErrors),
    /// A file that the run can not do without.
    #[error(transparent)]
    File(#[from] FileError),
    /// The environment could not be made.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// Learning went out of bounds: nothing of it was saved.
    #[error(
        "session {session}: {name} is no finite number at frame {frame}: learning has diverged \
         (a smaller learning rate or `clip_grad_val` may help); the last checkpoint is unharmed"
    )]
    NonFinite {
        /// The session.
        session: usize,
        /// Where it happened.
        frame: u64,
        /// Which number.
        name: &'static str,
    },
    /// A checkpoint can not be used.
    #[error("{}: {source}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// A folder or file is not what it should be.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The run's folder is in use.
    #[error("another process is training in {}", folder.display())]
    Busy {
        /// The run's folder.
        folder: PathBuf,
    },
    /// The program has a bug: a session panicked.
    #[error("session {session} stopped on a bug: {message}")]
    Panicked {
        /// The session.
        session: usize,
        /// What the panic said.
        message: String,
    },
    /// Stopped for want of another worker, whose own error says why.
    #[error("session {session}: stopped, as another worker that it trains in step with has failed")]
    PartnerFailed {
        /// The session.
        session: usize,
    },
    /// Workers were to train together on a device.
    #[error(
        "`meta.distributed`: workers train one set of networks in host memory, not on a device; \
         use --device cpu"
    )]
    Distributed,
    /// No session came to its end.
    #[error("{}", lines(.0))]
    AllSessionsFailed(Vec<RunError>),
    /// Asked to stop; every session has written a checkpoint.
    #[error("interrupted; continue with train@{}", folder.display())]
    Interrupted {
        /// The run's folder.
        folder: PathBuf,
    },
}

impl RunError {
    /// What the process should exit with: 2 the request is wrong, 1 the run failed, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted { .. } => 130,
            Self::Spec(_)
            | Self::Env(_)
            | Self::Unusable { .. }
            | Self::Busy { .. }
            | Self::Distributed => 2,
            Self::File(_)
            | Self::NonFinite { .. }
            | Self::Checkpoint { .. }
            | Self::Panicked { .. }
            | Self::PartnerFailed { .. }
            | Self::AllSessionsFailed(_) => 1,
        }
    }

    pub(super) fn unusable(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Unusable { path: path.into(), reason: reason.into() }
    }

    pub(super) fn at_checkpoint(path: impl Into<PathBuf>, source: CheckpointError) -> Self {
        Self::Checkpoint { path: path.into(), source }
    }
}

fn lines(errors: &[impl fmt::Display]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_request_run_and_interrupt_apart() {
        let interrupted = RunError::Interrupted { folder: PathBuf::from("data/x") };
        let wrong = RunError::unusable("data/x", "has no spec");
        let diverged = RunError::NonFinite { session: 1, frame: 640, name: "the loss" };
        let busy = RunError::Busy { folder: PathBuf::from("data/x") };
        let codes = [&interrupted, &wrong, &busy, &diverged].map(RunError::exit_code);
        assert_eq!(codes, [130, 2, 2, 1]);
        assert!(
            diverged
                .to_string()
                .starts_with("session 1: the loss is no finite number at frame 640:")
        );
    }
}
