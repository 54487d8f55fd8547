//! A spec as a run saved it, from which the run can go on.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::error::RunError;
use super::options::Mode;
use super::plan::Plan;
use crate::analysis::atomic_file::read_file;
use crate::config::{Available, Diagnostics, Spec, SpecFile};
use crate::registry::{algorithm_names, env_names};

/// A spec as a run saved it.
pub(super) struct SavedSpec {
    path: PathBuf,
    text: String,
    json: Json,
}

impl SavedSpec {
    /// Reads `P_t0_spec.json` or `P_t0_s0_spec.json`.
    ///
    /// # Errors
    /// When there is no such file or it is not a saved spec.
    pub(super) fn read(path: &Path) -> Result<Self, RunError> {
        let bytes = read_file(path)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json: Json = serde_json::from_str(&text)
            .map_err(|error| RunError::unusable(path, format!("is not a saved spec: {error}")))?;
        Ok(Self { path: path.to_owned(), text, json })
    }

    /// A value of `meta`.
    pub(super) fn meta(&self, key: &str) -> &Json {
        &self.json["meta"][key]
    }

    /// A whole number of `meta`.
    pub(super) fn number(&self, key: &str) -> Result<u64, RunError> {
        let missing = || format!("is not the spec of a run: it has no `meta.{key}`");
        self.meta(key).as_u64().ok_or_else(|| RunError::unusable(&self.path, missing()))
    }

    /// What the run is for.
    pub(super) fn mode(&self) -> Mode {
        if self.meta("lab_mode") == Mode::Dev.name() { Mode::Dev } else { Mode::Train }
    }

    /// What it means.
    ///
    /// # Errors
    /// When it no longer has a meaning.
    pub(super) fn resolve(&self) -> Result<Plan, RunError> {
        let file = SpecFile::parse(&self.path.display().to_string(), &self.text)?;
        let name = file.names().first().copied().unwrap_or_default().to_owned();
        let (algorithms, envs) = (algorithm_names(), env_names());
        let available = Available { algorithms: &algorithms, envs: &envs };
        let mut found = Diagnostics::new();
        let spec = Spec::read(&file.choose(&name)?, &available, &mut found);
        let plan = spec.and_then(|spec| Plan::resolve(spec, &mut found));
        Ok(found.finish(plan)?)
    }
}
