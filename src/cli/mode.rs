//! What a run is for, as SLM-Lab spells it: `train`, `train@latest`, `enjoy@FOLDER`, ...

use std::path::PathBuf;
use std::str::FromStr;

use slm_lab::config::hint;

/// What to do with a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One session, with extra columns to look into it.
    Dev,
    /// All sessions.
    Train,
    /// Go on with a run.
    Resume(Source),
    /// Play back a trained policy.
    Enjoy(Source),
    /// Vary the spec.
    Search,
}

/// What stands behind the `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The newest run of the spec.
    Latest,
    /// A run's folder, or a file of it.
    Path(PathBuf),
}

const NAMES: [&str; 7] =
    ["dev", "train", "train@latest", "train@DIR", "enjoy@latest", "enjoy@DIR", "search"];

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('@') {
            None => match text {
                "dev" => Ok(Self::Dev),
                "train" => Ok(Self::Train),
                "search" => Ok(Self::Search),
                "enjoy" => Err("enjoy what? enjoy@latest, enjoy@DIR or enjoy@SPEC_FILE".to_owned()),
                _ => Err(unknown(text)),
            },
            Some(("train" | "enjoy", "")) => {
                Err(format!("nothing stands behind the @ of `{text}`"))
            }
            Some(("train", source)) => Ok(Self::Resume(source.into())),
            Some(("enjoy", source)) => Ok(Self::Enjoy(source.into())),
            Some(_) => Err(unknown(text)),
        }
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        if text == "latest" { Self::Latest } else { Self::Path(PathBuf::from(text)) }
    }
}

fn unknown(text: &str) -> String {
    format!("no mode is called `{text}`: {}", hint(text, NAMES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_slm_lab_is_a_mode() {
        let path = |text: &str| Source::Path(PathBuf::from(text));
        for (text, mode) in [
            ("dev", Mode::Dev),
            ("train", Mode::Train),
            ("search", Mode::Search),
            ("train@latest", Mode::Resume(Source::Latest)),
            ("train@data/a_2026", Mode::Resume(path("data/a_2026"))),
            ("enjoy@latest", Mode::Enjoy(Source::Latest)),
            ("enjoy@data/a@b/spec.json", Mode::Enjoy(path("data/a@b/spec.json"))),
        ] {
            assert_eq!(text.parse(), Ok(mode));
        }
    }

    #[test]
    fn a_slip_names_the_nearest_mode() {
        let error = "trian".parse::<Mode>().unwrap_err();
        assert!(error.contains("did you mean `train`?"), "{error}");
        assert!("train@".parse::<Mode>().is_err());
        assert!("enjoy".parse::<Mode>().unwrap_err().contains("enjoy@latest"));
        assert!("play@x".parse::<Mode>().is_err());
    }
}
