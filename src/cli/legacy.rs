//! Options of SLM-Lab's that people paste: each does what it still means, or says why it means nothing.

use clap::Args;

use super::failure::{Failure, Outcome};

/// Hidden from `--help`.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of SLM-Lab's")]
pub(super) struct LegacyArgs {
    #[arg(long, hide = true)]
    optimize_perf: bool,
    #[arg(long, hide = true, conflicts_with = "optimize_perf")]
    pub(super) no_optimize_perf: bool,
    #[arg(long, hide = true)]
    log_extra: bool,
    #[arg(long, hide = true)]
    stop_ray: bool,
    #[arg(long, hide = true)]
    upload_hf: bool,
    #[arg(long, hide = true, value_name = "N", allow_negative_numbers = true)]
    keep: Option<i64>,
}

impl LegacyArgs {
    /// Refuses what somebody would rely on and not get.
    pub(super) fn check(&self) -> Outcome {
        if self.upload_hf {
            return Err(Failure::Request("--upload-hf is not built yet".to_owned()));
        }
        Ok(())
    }

    /// What to say about the others.
    pub(super) fn notices(&self) -> Vec<&'static str> {
        let notices = [
            (
                self.optimize_perf,
                "--optimize-perf: all cores are used anyway; --threads limits them",
            ),
            (self.no_optimize_perf, "--no-optimize-perf: the same as --threads 1"),
            (
                self.log_extra,
                "--log-extra: every series is in info/ anyway; graphs of them are not built yet",
            ),
            (self.stop_ray, "--stop-ray: there is no Ray here to stop"),
            (self.keep.is_some(), "--keep: it belongs to search, which is not built yet"),
        ];
        notices.into_iter().filter(|(is_given, _)| *is_given).map(|(_, text)| text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_relied_on_is_refused_and_the_rest_is_explained() {
        let given = LegacyArgs { log_extra: true, keep: Some(-1), ..LegacyArgs::default() };
        assert_eq!(given.check(), Ok(()));
        assert_eq!(given.notices().len(), 2);
        let upload = LegacyArgs { upload_hf: true, ..LegacyArgs::default() };
        assert_eq!(upload.check().unwrap_err().exit_code(), 2);
    }
}
