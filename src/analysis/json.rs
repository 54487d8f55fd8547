//! Metrics as JSON files with SLM-Lab's key order and indent of 2, and what is read back of them.
//!
//! Unlike SLM-Lab's files, which contain the bare word `NaN` and so are not JSON, a missing number
//! is `null`. Reading accepts both.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::atomic_file::{FileError, read_file, write_atomically};

/// Why a metrics file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MetricsFileError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not JSON.
    #[error("{path} is not JSON: {source}")]
    Syntax {
        /// The file.
        path: String,
        /// Line, column and reason.
        source: serde_json::Error,
    },
    /// The file is JSON, but not of metrics.
    #[error("{path} has no {wanted} at `{key}`")]
    Shape {
        /// The file.
        path: String,
        /// Dotted path of the key.
        key: String,
        /// What should be there.
        wanted: &'static str,
    },
}

/// The learning curves of a trial: what comparison graphs need of `trial_metrics.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialCurves {
    /// Frames of session 0. `[n]`
    pub frames: Vec<f64>,
    /// Returns of each session. `[n_sessions][n]`
    pub mean_returns: Vec<Vec<f64>>,
}

/// A value as JSON text: indent 2, NaN and infinities as `null`, a newline at the end.
///
/// # Panics
/// When a map key is not text; the types of this crate have none such.
pub fn to_json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("metrics have text keys");
    text.push('\n');
    text
}

/// Writes a value as JSON, atomically.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    write_atomically(path, to_json(value).as_bytes())
}

/// Reads one number of a scalar metrics file (session or trial), as `total_reward_ma`; `null` gives
/// NaN.
///
/// # Errors
/// When the file is missing, is not JSON or lacks the key.
pub fn read_scalar(path: &Path, key: &str) -> Result<f64, MetricsFileError> {
    let value = read_value(path)?;
    value.get(key).and_then(number).ok_or_else(|| shape(path, key, "number"))
}

/// Reads the learning curves of a `trial_metrics.json`, ours or SLM-Lab's.
///
/// # Errors
/// When the file is missing, is not JSON or lacks the series.
pub fn read_trial_curves(path: &Path) -> Result<TrialCurves, MetricsFileError> {
    let value = read_value(path)?;
    let local = value.get("local").ok_or_else(|| shape(path, "local", "object"))?;
    let frames = local.get("frames").and_then(numbers);
    let mean_returns = local.get("mean_returns").and_then(Value::as_array);
    let mean_returns =
        mean_returns.and_then(|sessions| sessions.iter().map(numbers).collect::<Option<Vec<_>>>());
    Ok(TrialCurves {
        frames: frames.ok_or_else(|| shape(path, "local.frames", "list of numbers"))?,
        mean_returns: mean_returns
            .ok_or_else(|| shape(path, "local.mean_returns", "list of lists of numbers"))?,
    })
}

fn read_value(path: &Path) -> Result<Value, MetricsFileError> {
    let bytes = read_file(path)?;
    let text = String::from_utf8_lossy(&bytes);
    // Python's spelling of missing numbers; no key or text of a metrics file contains these words.
    let text = text.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null");
    serde_json::from_str(&text)
        .map_err(|source| MetricsFileError::Syntax { path: path.display().to_string(), source })
}

fn shape(path: &Path, key: &str, wanted: &'static str) -> MetricsFileError {
    MetricsFileError::Shape { path: path.display().to_string(), key: key.to_owned(), wanted }
}

fn number(value: &Value) -> Option<f64> {
    if value.is_null() { Some(f64::NAN) } else { value.as_f64() }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::metrics::session_metrics;
    use crate::analysis::metrics::tests::table;
    use crate::analysis::trial_metrics::trial_metrics;

    #[test]
    fn session_scalars_have_slm_labs_keys_in_order_and_valid_json() {
        let metrics = session_metrics(&table(&[10.0, 30.0, 20.0, 60.0]), 5.0);
        let expected = r#"{
  "total_reward_ma": 30.0,
  "strength": 25.0,
  "max_strength": 55.0,
  "final_strength": 55.0,
  "sample_efficiency": 0.0036249999999999998,
  "training_efficiency": 0.05083333333333333,
  "stability": 0.7777777777777778
}
"#;
        assert_eq!(to_json(&metrics.scalar), expected);
    }

    #[test]
    fn missing_numbers_are_null() {
        let metrics = session_metrics(&table(&[10.0, 30.0, 20.0]), 5.0);
        let value: Value = serde_json::from_str(&to_json(&metrics)).unwrap();
        assert!(value["local"]["training_efficiencies"][0].is_null());
        let keys: Vec<&String> = value["local"].as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "mean_returns",
                "strengths",
                "sample_efficiencies",
                "training_efficiencies",
                "stabilities",
                "frames",
                "opt_steps"
            ]
        );
    }

    #[test]
    fn trial_curves_and_scores_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trial_metrics.json");
        let sessions = [[10.0, 30.0], [12.0, 20.0]].map(|r| session_metrics(&table(&r), 5.0));
        let trial = trial_metrics(&sessions);
        write_json(&path, &trial).unwrap();
        let curves = read_trial_curves(&path).unwrap();
        assert_eq!(curves.frames, [100.0, 200.0]);
        assert_eq!(curves.mean_returns, [[10.0, 30.0], [12.0, 20.0]]);
        write_json(&path, &trial.scalar).unwrap();
        assert_eq!(read_scalar(&path, "total_reward_ma").unwrap(), 18.0);
    }

    #[test]
    fn slm_labs_bare_nan_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let text = br#"{"local": {"frames": [1.0, 2.0], "mean_returns": [[NaN, -Infinity]]}}"#;
        write_atomically(&path, text).unwrap();
        assert!(read_trial_curves(&path).unwrap().mean_returns[0][0].is_nan());
    }

    #[test]
    fn a_wrong_file_is_named_with_the_missing_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, br#"{"local": {"frames": [1.0]}}"#).unwrap();
        let error = read_trial_curves(&path).unwrap_err().to_string();
        assert!(error.ends_with("a.json has no list of lists of numbers at `local.mean_returns`"));
        write_atomically(&path, b"{").unwrap();
        assert!(matches!(read_scalar(&path, "x"), Err(MetricsFileError::Syntax { .. })));
    }
}
