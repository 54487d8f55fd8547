//! The log of a session: a line for each row of its training table, to be read by people.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::snapshot::Written;
use crate::analysis::atomic_file::{FileError, append_at};
use crate::analysis::session_table::SessionTable;

/// A log that has got as far as is known; what lies behind that is cut off by the next write.
pub(super) struct SessionLog {
    path: PathBuf,
    written: Written,
}

impl SessionLog {
    /// A log of no rows yet, in place of any that is there.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, written: Written::default() }
    }

    /// Goes on where a checkpoint says; a log that has lost its end is written anew.
    pub(super) fn restore(&mut self, written: Written) {
        let length = fs::metadata(&self.path).map_or(0, |file| file.len());
        self.written = if length < written.length { Written::default() } else { written };
    }

    /// How far it has been written.
    pub(super) fn written(&self) -> Written {
        self.written
    }

    /// Appends the rows that it does not have yet.
    ///
    /// # Errors
    /// When the file can not be written; the rows are then still to be appended.
    pub(super) fn append(&mut self, table: &SessionTable) -> Result<(), FileError> {
        let mut text = String::new();
        for i in self.written.rows..table.len() {
            let cells = table.columns().iter().zip(table.row(i)).filter(|(_, v)| !v.is_nan());
            let cells: Vec<String> =
                cells.map(|(name, v)| format!("{name}: {}", short(*v))).collect();
            let _ = writeln!(text, "{}", cells.join(" | "));
        }
        let appended = open(&self.path)
            .and_then(|mut file| append_at(&mut file, self.written.length, text.as_bytes()));
        appended.map_err(FileError::at("append to", &self.path))?;
        self.written.length += text.len() as u64;
        self.written.rows = table.len();
        Ok(())
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().create(true).truncate(false).write(true).open(path)
}

/// A number to read: whole, or to six digits.
fn short(value: f64) -> String {
    let digits = 5 - value.abs().max(1e-6).log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded.to_string() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::session_table::SessionRow;

    fn table(n: u64) -> SessionTable {
        let mut table = SessionTable::new(&[]);
        for i in 1..=n {
            table.push(&SessionRow {
                total_reward: i as f64 / 3.0,
                loss: f64::NAN,
                fps: 1000.0,
                frame: 100 * i,
                wall_t: 0.1,
                t: i,
                epi: f64::NAN,
                opt_step: 0,
                lr: 3e-4,
                variables: vec![],
            });
        }
        table
    }

    /// A log of `n` rows and its path.
    fn log(folder: &tempfile::TempDir, name: &str, n: u64) -> (SessionLog, PathBuf) {
        let path = folder.path().join("log").join(name);
        let mut log = SessionLog::new(path.clone());
        log.append(&table(n)).unwrap();
        (log, path)
    }

    #[test]
    fn a_row_is_a_line_without_what_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(log(&folder, "a.log", 1).1).unwrap();
        assert_eq!(
            text,
            "total_reward: 0.333333 | total_reward_ma: 0.333333 | fps: 1000 | frame: 100 | \
             wall_t: 0.1 | t: 1 | opt_step: 0 | lr: 0.0003\n"
        );
    }

    #[test]
    fn a_resumed_log_equals_one_that_was_never_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let whole = fs::read(log(&folder, "whole.log", 5).1).unwrap();
        let (mut first, path) = log(&folder, "a.log", 2);
        let checkpoint = first.written();
        first.append(&table(4)).unwrap();
        let resume = |written| {
            let mut resumed = SessionLog::new(path.clone());
            resumed.restore(written);
            resumed.append(&table(5)).unwrap();
            fs::read(&path).unwrap()
        };
        assert_eq!(resume(checkpoint), whole);
        // A lost one is written again from the first row.
        fs::remove_file(&path).unwrap();
        assert_eq!(resume(checkpoint), whole);
        // So is one of a session that starts anew.
        assert_eq!(resume(Written::default()), whole);
    }

    #[test]
    fn rows_that_could_not_be_written_are_written_later_behind_no_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let whole = fs::read(log(&folder, "whole.log", 5).1).unwrap();
        let (mut log, path) = log(&folder, "a.log", 2);
        let kept = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(log.append(&table(4)).is_err());
        fs::remove_dir(&path).unwrap();
        // As a disk that was full in the middle of a line leaves it.
        fs::write(&path, [&kept, b"total_reward: 1 | tot".as_slice()].concat()).unwrap();
        log.append(&table(5)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}
