//! Writes files so that a reader, or a power cut, sees the old content or the new one.
//!
//! Small files are replaced as a whole; those that grow are cut back to what is known to be good.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// An input or output error with the file it happened to.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// What was tried, as a verb: `write`, `read`, `rename`.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The operating system's reason.
    pub source: io::Error,
}

impl FileError {
    /// Returns a closure for `map_err` that adds `action` and `path` to an [`io::Error`].
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self { action, path, source }
    }
}

/// Replaces the content of `path` by `bytes`: a temporary file beside it, fsync, rename, fsync of
/// the folder.
///
/// Missing parent folders are created. The temporary file is `.{name}.{process id}.tmp`; those that
/// killed processes left behind go by [`remove_temporary_files`]. Two threads must not write the
/// same path at once.
///
/// # Errors
/// When any step fails (no permission, full disk); the old content is then still in place.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = parent_folder(path);
    fs::create_dir_all(folder).map_err(FileError::at("create", folder))?;
    let temporary = temporary_path(path);
    let written = write_and_sync(&temporary, bytes)
        .map_err(FileError::at("write", &temporary))
        .and_then(|()| publish(&temporary, path));
    if written.is_err() {
        // A leftover is harmless (hidden, and removed later); the first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Reads a whole file.
///
/// # Errors
/// When the file is missing or unreadable; the error names it.
pub fn read_file(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(FileError::at("read", path))
}

/// Makes `bytes` what a file holds from `offset` to its end, and puts them on the disk.
///
/// # Errors
/// When the file can not be written, or is shorter than `offset`.
pub fn append_at(file: &mut File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    if file.metadata()?.len() < offset {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the file has lost its end"));
    }
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// Removes the temporary files in `folder` (not below it) that processes left when they were killed.
///
/// Only for who knows that no one else writes there: those of a living process go too.
///
/// # Errors
/// When the folder can not be read or a file not be removed.
pub fn remove_temporary_files(folder: &Path) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).map_err(FileError::at("read", folder))? {
        let path = entry.map_err(FileError::at("read", folder))?.path();
        if is_temporary(&path) && path.is_file() {
            fs::remove_file(&path).map_err(FileError::at("remove", &path))?;
        }
    }
    Ok(())
}

/// The path beside `path` that [`write_atomically`] fills before renaming it.
pub fn temporary_path(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// Whether the name is one that [`temporary_path`] gives, or that with an extension behind it.
fn is_temporary(path: &Path) -> bool {
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.strip_suffix(".png").unwrap_or(name).strip_suffix(".tmp");
    let parts = stem.and_then(|stem| stem.rsplit_once('.'));
    name.starts_with('.') && parts.is_some_and(|(_, id)| is_id(id))
}

/// Renames the finished `temporary` file to `path` and makes the rename durable.
pub(super) fn publish(temporary: &Path, path: &Path) -> Result<(), FileError> {
    fs::rename(temporary, path).map_err(FileError::at("rename a temporary file to", path))?;
    sync_folder(parent_folder(path))
}

fn parent_folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A rename survives a power cut only once the folder itself is on the disk.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(FileError::at("sync the folder", folder))
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), FileError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_content_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("info").join("a.json");
        write_atomically(&path, b"first, longer").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_leftover_of_a_killed_process_does_not_stop_the_next_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        fs::write(temporary_path(&path), b"torn").unwrap();
        write_atomically(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(!temporary_path(&path).exists());
    }

    #[test]
    fn two_processes_never_share_a_temporary_file() {
        let name = temporary_path(Path::new("model/a.ckpt"));
        assert_eq!(name, PathBuf::from(format!("model/.a.ckpt.{}.tmp", std::process::id())));
    }

    #[test]
    fn leftovers_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let left = [".a.ckpt.4711.tmp", ".b.png.12.tmp.png"];
        let kept = [".b.tmp", ".c.x1.tmp", ".lock", "a.1.tmp", "b.png"];
        for name in left.iter().chain(&kept) {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        remove_temporary_files(folder.path()).unwrap();
        let found = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut found: Vec<String> =
            found.map(|name| name.to_string_lossy().into_owned()).collect();
        found.sort();
        assert_eq!(found, kept);
    }

    #[test]
    fn a_failed_write_keeps_the_old_content_and_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        write_atomically(&path, b"old").unwrap();
        // A folder where the temporary file would go makes the write fail, also for root.
        fs::create_dir(temporary_path(&path)).unwrap();
        let error = write_atomically(&path, b"new").unwrap_err();
        assert!(error.to_string().contains("/.a.bin."), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn a_bare_file_name_belongs_to_the_current_folder() {
        assert_eq!(parent_folder(Path::new("a.txt")), Path::new("."));
    }

    #[test]
    fn reading_a_missing_file_names_it() {
        let error = read_file(Path::new("no/such/file.json")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read no/such/file.json"), "{error}");
    }
}
