//! Whether two runs left the same files, but for times.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use slm_lab::analysis::session_table::{SessionTable, TIME_COLUMNS};
use slm_lab::analysis::tensorboard::read_event_log;
use slm_lab::experiment::Checkpoint;

/// All files below `folder`, relative to it, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(&inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Asserts that two runs' folders hold the same, but for times; returns how many files were compared.
pub(crate) fn assert_same_run(a: &Path, b: &Path) -> usize {
    let names = files(a);
    assert_eq!(names, files(b), "the files of {} and {}", a.display(), b.display());
    for name in &names {
        let (x, y) = (timeless(&a.join(name)), timeless(&b.join(name)));
        assert!(x == y, "{} differs between {} and {}", name.display(), a.display(), b.display());
    }
    names.len()
}

/// A file's content without what tells when, or how fast, it was made.
fn timeless(path: &Path) -> Vec<u8> {
    let name = path.to_string_lossy();
    let bytes = fs::read(path).unwrap();
    if name.ends_with(".csv") {
        timeless_csv(&bytes).into_bytes()
    } else if name.ends_with("_spec.json") {
        timeless_spec(&bytes)
    } else if name.ends_with(".ckpt") {
        timeless_checkpoint(&bytes)
    } else if name.contains("tfevents") {
        timeless_events(path)
    } else if name.ends_with(".log") {
        timeless_log(std::str::from_utf8(&bytes).unwrap()).into_bytes()
    } else {
        bytes
    }
}

fn timeless_csv(bytes: &[u8]) -> String {
    let table = SessionTable::from_csv(std::str::from_utf8(bytes).unwrap()).unwrap();
    table.to_deterministic_csv()
}

fn timeless_spec(bytes: &[u8]) -> Vec<u8> {
    let mut spec: Json = serde_json::from_slice(bytes).unwrap();
    spec["meta"]["experiment_ts"] = Json::Null;
    spec.to_string().into_bytes()
}

/// Every line without the cells of times.
fn timeless_log(text: &str) -> String {
    let is_timeless =
        |cell: &&str| !TIME_COLUMNS.iter().any(|name| cell.starts_with(&format!("{name}: ")));
    let line = |line: &str| line.split(" | ").filter(is_timeless).collect::<Vec<_>>().join(" | ");
    // Split at the character, so that a torn or an empty line counts.
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Every section; of the clock only the frame, of tables only what is not time, of the log, whose length
/// depends on times, only its rows.
fn timeless_checkpoint(bytes: &[u8]) -> Vec<u8> {
    let checkpoint = Checkpoint::from_bytes(bytes).unwrap();
    let mut meta: Json = serde_json::from_str(checkpoint.text("meta").unwrap()).unwrap();
    meta["cpu_t"] = Json::Null;
    let mut out = meta.to_string().into_bytes();
    for name in ["agent", "env", "batch", "tracker", "best_policy", "policy", "events"] {
        out.extend_from_slice(checkpoint.section(name).unwrap());
    }
    out.extend_from_slice(&checkpoint.section("clock").unwrap()[..8]);
    out.extend_from_slice(&checkpoint.section("log").unwrap()[8..]);
    for name in ["rows", "eval_rows"] {
        out.extend_from_slice(timeless_csv(checkpoint.section(name).unwrap()).as_bytes());
    }
    out
}

fn timeless_events(path: &Path) -> Vec<u8> {
    let log = read_event_log(path).unwrap();
    assert_eq!(log.torn_bytes, 0, "{}", path.display());
    let timeless = log.scalars.iter().filter(|s| s.tag != "fps" && s.tag != "wall_t");
    let text: Vec<String> =
        timeless.map(|s| format!("{} {} {:x}", s.tag, s.step, s.value.to_bits())).collect();
    text.join("\n").into_bytes()
}
