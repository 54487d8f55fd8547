//! The names of run folders, `{spec_name}_{timestamp}`, and the search for the newest.

use std::fs;
use std::path::{Path, PathBuf};

use super::atomic_file::FileError;
use super::paths::RunPaths;

/// A spec name as one path component: an environment's `/` in it becomes `-`.
pub(super) fn folder_safe(spec_name: &str) -> String {
    spec_name.replace(['/', '\\'], "-")
}

/// Splits `ppo_cartpole_2026_01_31_235959` into spec name and timestamp.
///
/// The timestamp is SLM-Lab's `%Y_%m_%d_%H%M%S`, optionally followed by `-` and a number that keeps
/// two runs of one second apart.
pub fn split_folder_name(name: &str) -> Option<(&str, &str)> {
    const SHAPE: &[u8] = b"0000_00_00_000000";
    let (base, _) = split_number(name);
    let start = base.len().checked_sub(SHAPE.len())?;
    let stamp = base.as_bytes().get(start..)?;
    let fits = stamp.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    });
    let spec_name = base.get(..start)?.strip_suffix('_')?;
    (fits && !spec_name.is_empty()).then(|| (spec_name, &name[start..]))
}

/// Splits the number off that keeps two runs of one second apart; 0 where there is none.
fn split_number(name: &str) -> (&str, u64) {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once('-') {
        Some((base, number)) if is_digits(number) => (base, number.parse().unwrap_or(u64::MAX)),
        _ => (name, 0),
    }
}

/// The runs of a spec under `data`, or of any spec when `spec_name` is empty, the newest first: by
/// timestamp, then by number.
///
/// Unlike SLM-Lab's `data/{spec_name}*` the name must match whole: `ppo` does not find
/// `ppo_cartpole`.
///
/// # Errors
/// When the folder exists but cannot be read; a missing one has no runs.
pub fn runs_of(data: &Path, spec_name: &str) -> Result<Vec<RunPaths>, FileError> {
    if !data.exists() {
        return Ok(Vec::new());
    }
    let wanted = folder_safe(spec_name);
    let mut runs: Vec<((String, u64), PathBuf)> = Vec::new();
    for entry in fs::read_dir(data).map_err(FileError::at("read", data))? {
        let path = entry.map_err(FileError::at("read", data))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some((spec, stamp)) = name.as_deref().and_then(split_folder_name) else { continue };
        if (wanted.is_empty() || spec == wanted) && path.is_dir() {
            let (moment, number) = split_number(stamp);
            runs.push(((moment.to_owned(), number), path));
        }
    }
    runs.sort_by(|a, b| b.cmp(a));
    Ok(runs.iter().filter_map(|(_, path)| RunPaths::from_folder(path)).collect())
}

/// A Unix time in seconds as SLM-Lab's timestamp `%Y_%m_%d_%H%M%S`, in UTC.
pub fn timestamp(unix_seconds: u64) -> String {
    let (days, seconds) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}_{month:02}_{day:02}_{hour:02}{minute:02}{second:02}")
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // days since 0000-03-01
    let era = shifted / 146_097; // 400 years
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153; // 0 is March
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_told_from_spec_names() {
        assert_eq!(split_folder_name("a_b_2026_01_31_235959"), Some(("a_b", "2026_01_31_235959")));
        assert_eq!(split_folder_name("a_2026_01_31_235959-2"), Some(("a", "2026_01_31_235959-2")));
        for name in ["a_b", "2026_01_31_235959", "_2026_01_31_235959", "a_2026_01_31_23595x", "ä"]
        {
            assert_eq!(split_folder_name(name), None, "{name}");
        }
    }

    #[test]
    fn the_latest_run_is_of_exactly_that_spec() {
        let data = tempfile::tempdir().unwrap();
        for name in ["ppo_2026_01_01_000000", "ppo_2025_12_31_235959", "ppo_x_2027_01_01_000000"] {
            fs::create_dir(data.path().join(name)).unwrap();
        }
        fs::write(data.path().join("ppo_2028_01_01_000000"), "a file, not a run").unwrap();
        let latest = |spec_name| runs_of(data.path(), spec_name).unwrap().into_iter().next();
        assert!(latest("ppo").unwrap().root().ends_with("ppo_2026_01_01_000000"));
        assert!(latest("").unwrap().root().ends_with("ppo_x_2027_01_01_000000"));
        assert_eq!(latest("sac"), None);
        assert_eq!(runs_of(Path::new("no/such/folder"), "ppo").unwrap(), []);
    }

    #[test]
    fn runs_of_one_second_are_ordered_by_number() {
        let data = tempfile::tempdir().unwrap();
        let newest_first = ["000001", "000000-12", "000000-10", "000000-9", "000000-2", "000000"];
        for end in newest_first {
            fs::create_dir(data.path().join(format!("ppo_2026_01_01_{end}"))).unwrap();
        }
        let runs = runs_of(data.path(), "ppo").unwrap();
        let names = runs.iter().map(|run| run.root().file_name().unwrap().to_str().unwrap());
        let expected = newest_first.map(|end| format!("ppo_2026_01_01_{end}"));
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn timestamps_follow_the_calendar() {
        // GNU date -u -d @N +%Y_%m_%d_%H%M%S
        assert_eq!(timestamp(0), "1970_01_01_000000");
        assert_eq!(timestamp(951_782_399), "2000_02_28_235959");
        assert_eq!(timestamp(951_782_400), "2000_02_29_000000");
        assert_eq!(timestamp(1_767_225_599), "2025_12_31_235959");
        assert_eq!(timestamp(4_107_542_400), "2100_03_01_000000");
    }
}
