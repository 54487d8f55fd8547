//! The program as a test runs it: in an empty folder, without the options of whoever runs the tests.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest that a test waits for something to happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// An empty folder to run the program in.
pub(crate) struct Workplace(TempDir);

impl Workplace {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The program with arguments that are separated by spaces, and nothing in its environment.
    pub(crate) fn program(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slm-lab"));
        command.args(arguments.split_whitespace()).current_dir(self.path()).env_clear();
        command
    }

    /// What the program comes to.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::new(self.program(arguments).output())
    }

    /// What the program comes to with an environment variable.
    pub(crate) fn run_with(&self, name: &str, value: &str, arguments: &str) -> Ran {
        Ran::new(self.program(arguments).env(name, value).output())
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// The only run in `data`.
    pub(crate) fn only_run(&self) -> PathBuf {
        let runs = self.runs("data");
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    /// All runs in a data folder, oldest first.
    pub(crate) fn runs(&self, data: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path().join(data)) else { return Vec::new() };
        let mut runs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        runs.sort();
        runs
    }
}

/// What the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn new(output: std::io::Result<Output>) -> Self {
        let output = output.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts that it did what was asked.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Asserts that the request was refused in words that contain `text`.
    pub(crate) fn refused(self, text: &str) -> Self {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert!(self.err.contains(text), "no {text:?} in {self:?}");
        self
    }
}

/// Files below `folder` whose name ends in `suffix`, sorted.
pub(crate) fn files_ending(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files_ending(&path, suffix));
        } else if path.file_name().and_then(OsStr::to_str).is_some_and(|n| n.ends_with(suffix)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The saved spec of a run's trial.
pub(crate) fn saved_spec(run: &Path) -> serde_json::Value {
    let path = &files_ending(run, "_t0_spec.json")[0];
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Waits until `what` gives something.
pub(crate) fn wait_for<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = what() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "it did not happen within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
