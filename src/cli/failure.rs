//! How a command ends other than well, and its exit code.

use std::io::{self, ErrorKind};

use slm_env::EnvError;
use slm_lab::config::{SpecError, SpecErrors};
use slm_lab::device::DeviceError;
use slm_lab::experiment::RunError;

use super::terminal;

/// Why a command did not do what was asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The request is wrong: exit code 2.
    Request(String),
    /// What is wrong with a spec, as already laid out: exit code 2.
    Spec(String),
    /// The run failed: exit code 1.
    Run(String),
    /// The user stopped the run, and can go on with it: exit code 130.
    Interrupted(String),
    /// Whoever reads our output has seen enough: exit code 0.
    OutputClosed,
}

/// What a command comes to.
pub(super) type Outcome = Result<(), Failure>;

impl Failure {
    /// A wrong request.
    pub(super) fn request(text: &impl ToString) -> Self {
        Self::Request(text.to_string())
    }

    /// 2 the request is wrong, 1 the run failed, 130 interrupted.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Request(_) | Self::Spec(_) => 2,
            Self::Run(_) => 1,
            Self::Interrupted(_) => 130,
            Self::OutputClosed => 0,
        }
    }

    /// What to print, if anything.
    pub(super) fn message(&self) -> Option<String> {
        match self {
            Self::Request(text) | Self::Run(text) => Some(format!("error: {text}")),
            Self::Spec(text) | Self::Interrupted(text) => Some(text.clone()),
            Self::OutputClosed => None,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Run(error.to_string()),
        }
    }
}

impl From<SpecErrors> for Failure {
    fn from(errors: SpecErrors) -> Self {
        Self::Spec(errors.render(terminal::has_color()).trim_end().to_owned())
    }
}

impl From<Box<SpecError>> for Failure {
    fn from(error: Box<SpecError>) -> Self {
        SpecErrors::from(error).into()
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match (error.exit_code(), error) {
            (_, RunError::Spec(errors)) => errors.into(),
            (_, RunError::Interrupted { folder }) => Self::Interrupted(format!(
                "interrupted; `slm-lab train@{}` goes on from here",
                folder.display()
            )),
            (2, error) => Self::Request(error.to_string()),
            (_, error) => Self::Run(error.to_string()),
        }
    }
}

impl From<EnvError> for Failure {
    fn from(error: EnvError) -> Self {
        Self::request(&error)
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        Self::request(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::from(io::Error::from(ErrorKind::BrokenPipe));
        assert_eq!((failure.exit_code(), failure.message()), (0, None));
    }

    #[test]
    fn a_wrong_device_is_a_wrong_request() {
        let failure = Failure::from(DeviceError::Unknown("tpu".to_owned()));
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.message().unwrap().starts_with("error: no device is called `tpu`"));
    }
}
