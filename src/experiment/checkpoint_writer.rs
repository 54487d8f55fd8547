//! Writes the checkpoints of a session, one after another, and of large states only what has changed.
//!
//! A segment of a state is written once, to a file of its own that never changes, and referred to by every
//! checkpoint that has it. Files go before the first checkpoint that refers to them is
//! written, and are removed after the first that does not is in place: whatever is killed when,
//! those of the newest whole checkpoint are there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use slm_env::{Segment, segment_bytes};

use super::checkpoint::Checkpoint;
use super::segment_file::{SegmentFile, segment_folder};
use crate::analysis::atomic_file::{FileError, write_atomically};

/// Segments whose files are known to be there.
type Written = Vec<Vec<(Arc<dyn Segment>, SegmentFile)>>;

/// Writes a session's checkpoints to one path.
pub(super) struct CheckpointWriter {
    path: PathBuf,
    folder: PathBuf,
    /// By section and number, those of the checkpoint in place.
    written: Written,
}

impl CheckpointWriter {
    /// A writer that knows of no segment yet; what is there already is found when it is compared.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { folder: segment_folder(&path), path, written: Vec::new() }
    }

    /// Replaces the checkpoint, so that a reader sees the old one or this one.
    ///
    /// # Errors
    /// When the disk is full or the folder read-only; the old checkpoint is then still there.
    pub(super) fn write(&mut self, checkpoint: &Checkpoint) -> Result<(), FileError> {
        let mut written = Written::new();
        for (s, (section, segments)) in checkpoint.segments().enumerate() {
            let files = segments.iter().enumerate().map(|(k, segment)| {
                let known = self.known(s, k, segment);
                let file = known.map_or_else(|| self.store(section, k, segment), Ok)?;
                Ok((Arc::clone(segment), file))
            });
            written.push(files.collect::<Result<_, FileError>>()?);
        }
        let files: Vec<Vec<SegmentFile>> =
            written.iter().map(|files| files.iter().map(|(_, file)| *file).collect()).collect();
        write_atomically(&self.path, &checkpoint.to_bytes(&files))?;
        self.written = written;
        self.remove_all_but(&names(checkpoint, &files));
        Ok(())
    }

    /// Removes what a process left that was killed after its last checkpoint, which has no segments.
    pub(super) fn remove_segments(&self) {
        self.remove_all_but(&[]);
    }

    /// The file of the segment, if it is the same as in the checkpoint in place.
    fn known(&self, section: usize, k: usize, segment: &Arc<dyn Segment>) -> Option<SegmentFile> {
        let (written, file) = self.written.get(section)?.get(k)?;
        Arc::ptr_eq(written, segment).then_some(*file)
    }

    /// Writes a segment, unless a resumed session finds it there.
    fn store(
        &self,
        section: &str,
        k: usize,
        segment: &Arc<dyn Segment>,
    ) -> Result<SegmentFile, FileError> {
        let bytes = segment_bytes(&**segment);
        let file = SegmentFile::of(&bytes);
        let path = self.folder.join(file.name(section, k));
        if !holds(&path, &bytes) {
            write_atomically(&path, &bytes)?;
        }
        Ok(file)
    }

    /// Removes the files that no checkpoint needs any more. What can not be removed is in the way of nothing,
    /// and tried again after the next checkpoint.
    fn remove_all_but(&self, names: &[String]) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_none_or(|name| !names.iter().any(|kept| kept == name)) {
                let _ = fs::remove_file(entry.path());
            }
        }
        if names.is_empty() {
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

fn names(checkpoint: &Checkpoint, files: &[Vec<SegmentFile>]) -> Vec<String> {
    let sections = checkpoint.segments().zip(files);
    let names = sections.flat_map(|((section, _), files)| {
        files.iter().enumerate().map(move |(k, file)| file.name(section, k))
    });
    names.collect()
}

fn holds(path: &Path, bytes: &[u8]) -> bool {
    let length = fs::metadata(path).map(|metadata| metadata.len());
    length.is_ok_and(|length| length == bytes.len() as u64)
        && fs::read(path).is_ok_and(|found| found == bytes)
}

#[cfg(test)]
mod tests {
    use slm_env::{StateError, StateReader, StateWriter};

    use super::*;
    use crate::analysis::atomic_file::temporary_path;

    #[derive(Debug)]
    struct Page(u32);

    impl Segment for Page {
        fn save(&self, out: &mut StateWriter) {
            out.u32(self.0);
        }
    }

    fn pages(values: &[u32]) -> Vec<Arc<dyn Segment>> {
        values.iter().map(|&value| Arc::new(Page(value)) as Arc<dyn Segment>).collect()
    }

    fn checkpoint(pages: &[Arc<dyn Segment>]) -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        checkpoint.add("meta", b"{}".to_vec());
        checkpoint.add_state("agent", |out| {
            out.u64(pages.len() as u64);
            for page in pages {
                out.segment(Arc::clone(page));
            }
        });
        checkpoint
    }

    fn read_page(from: &mut StateReader<'_>) -> Result<u32, StateError> {
        from.u32()
    }

    fn read_pages(from: &mut StateReader<'_>) -> Result<Vec<u32>, StateError> {
        let count = from.u64()?;
        (0..count).map(|_| from.segment(read_page)).collect()
    }

    fn read(path: &Path) -> Vec<u32> {
        let checkpoint = Checkpoint::read(path).unwrap().unwrap();
        checkpoint.read_state("agent", read_pages).unwrap()
    }

    fn files(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(segment_folder(path)).into_iter().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_segments_that_changed_are_written_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ckpt");
        let mut writer = CheckpointWriter::new(path.clone());
        let mut held = pages(&[10, 11, 12]);
        writer.write(&checkpoint(&held)).unwrap();
        let first = files(&path);
        assert_eq!((read(&path), first.len()), (vec![10, 11, 12], 3));
        held[1] = Arc::new(Page(21));
        // Were the others written again, these would be found out and replaced.
        let spoilt = segment_folder(&path).join(&first[2]);
        fs::write(&spoilt, b"zzzz").unwrap();
        writer.write(&checkpoint(&held)).unwrap();
        assert_eq!(fs::read(&spoilt).unwrap(), b"zzzz");
        let second = files(&path);
        assert_eq!((&first[0], &first[2], second.len()), (&second[0], &second[2], 3));
        assert_ne!(first[1], second[1]);
    }

    #[test]
    fn a_resumed_writer_keeps_what_is_there_and_clears_away_what_a_kill_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ckpt");
        CheckpointWriter::new(path.clone()).write(&checkpoint(&pages(&[10, 11]))).unwrap();
        let before = files(&path);
        let modified = |name: &str| {
            fs::metadata(segment_folder(&path).join(name)).unwrap().modified().unwrap()
        };
        let times: Vec<_> = before.iter().map(|name| modified(name)).collect();
        fs::write(segment_folder(&path).join("agent-7-0badc0de"), b"torn").unwrap();
        CheckpointWriter::new(path.clone()).write(&checkpoint(&pages(&[10, 11]))).unwrap();
        assert_eq!(files(&path), before);
        assert_eq!(before.iter().map(|name| modified(name)).collect::<Vec<_>>(), times);
    }

    #[test]
    fn a_damaged_or_lost_segment_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ckpt");
        CheckpointWriter::new(path.clone()).write(&checkpoint(&pages(&[10]))).unwrap();
        let segment = segment_folder(&path).join(&files(&path)[0]);
        let error = |path: &Path| {
            let checkpoint = Checkpoint::read(path).unwrap().unwrap();
            checkpoint.read_state("agent", read_pages).unwrap_err().to_string()
        };
        fs::write(&segment, b"zzzz").unwrap();
        assert!(error(&path).ends_with("is damaged"), "{}", error(&path));
        fs::remove_file(&segment).unwrap();
        assert!(error(&path).contains("agent-0-"), "{}", error(&path));
    }

    #[test]
    fn without_segments_there_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ckpt");
        let mut writer = CheckpointWriter::new(path.clone());
        writer.write(&checkpoint(&pages(&[10]))).unwrap();
        let mut last = checkpoint(&pages(&[10]));
        last.drop_segments();
        writer.write(&last).unwrap();
        assert!(!segment_folder(&path).exists());
        writer.remove_segments();
        fs::create_dir(segment_folder(&path)).unwrap();
        fs::write(segment_folder(&path).join("agent-0-00000000"), b"left over").unwrap();
        CheckpointWriter::new(path.clone()).remove_segments();
        assert!(!segment_folder(&path).exists());
    }

    #[test]
    fn the_old_checkpoint_and_its_segments_stay_when_the_new_one_can_not_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ckpt");
        assert!(Checkpoint::read(&path).unwrap().is_none());
        let mut writer = CheckpointWriter::new(path.clone());
        writer.write(&checkpoint(&pages(&[10]))).unwrap();
        // A folder in the place of the temporary file makes the write fail, as a full disk would.
        fs::create_dir(temporary_path(&path)).unwrap();
        assert!(writer.write(&checkpoint(&pages(&[11]))).is_err());
        assert_eq!(read(&path), [10]);
        fs::remove_dir(temporary_path(&path)).unwrap();
        writer.write(&checkpoint(&pages(&[11]))).unwrap();
        assert_eq!((read(&path), files(&path).len()), (vec![11], 1));
    }
}
