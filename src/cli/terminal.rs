//! Where output goes: results to stdout, everything said on the way to stderr.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use indicatif::MultiProgress;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::run_args::LogLevel;

/// Writes a result.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(if text.ends_with('\n') { b"" } else { b"\n" })?;
    out.flush()
}

/// Says something that is not a result. There is nobody to tell if it can not be said.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether what is said is colored: on a terminal, unless `NO_COLOR` is set.
pub(super) fn has_color() -> bool {
    let is_off = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_live() && !is_off
}

/// Whether somebody watches.
pub(super) fn is_live() -> bool {
    io::stderr().is_terminal()
}

/// Rows in columns, two spaces apart.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |k: usize| rows.iter().map(|row| row[k].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Starts logging to stderr, above the progress bars.
pub(super) fn start_log(level: LogLevel, bars: &MultiProgress) {
    let level = match level {
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Info => Level::INFO,
        LogLevel::Warning => Level::WARN,
        LogLevel::Error => Level::ERROR,
    };
    // A second call, as in the next run of a job file, keeps the first log.
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_timer(SinceStart(Instant::now()))
        .with_target(false)
        .with_ansi(has_color())
        .with_writer(AboveBars(bars.clone()))
        .try_init();
}

/// Seconds since the program began.
struct SinceStart(Instant);

impl FormatTime for SinceStart {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{:7.1}s", self.0.elapsed().as_secs_f64())
    }
}

/// Makes writers that lift the bars while they write.
struct AboveBars(MultiProgress);

struct Lines(MultiProgress);

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        Lines(self.0.clone())
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A reader that went away must not end a run: what can not be said is left unsaid.
        let _ = self.0.suspend(|| io::stderr().lock().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().lock().flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_spaces_at_the_end() {
        let rows = [["a", "bb", ""], ["ccc", "d", "e"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "a    bb\nccc  d   e\n");
    }
}
