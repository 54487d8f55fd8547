//! The files of a checkpoint's segments: where they lie, and how they are read back.

use std::path::{Path, PathBuf};

use slm_env::{SegmentSource, StateError, StateReader, StateWriter};

use crate::analysis::atomic_file::read_file;

/// What a checkpoint says of the file of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentFile {
    /// Its length.
    pub(super) len: u64,
    /// Its CRC32C.
    pub(super) crc: u32,
}

/// Where the segments of one section are.
#[derive(Clone, Debug, Default)]
pub(super) struct SegmentFolder {
    folder: PathBuf,
    section: String,
    files: Vec<SegmentFile>,
}

impl SegmentFile {
    /// What is said of `bytes`.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { len: bytes.len() as u64, crc: crc32c::crc32c(bytes) }
    }

    /// The file's name as segment `k` of `section`; another content has another name.
    pub(super) fn name(self, section: &str, k: usize) -> String {
        format!("{section}-{k}-{:08x}", self.crc)
    }

    pub(super) fn save(self, out: &mut StateWriter) {
        out.u64(self.len);
        out.u32(self.crc);
    }

    pub(super) fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        Ok(Self { len: from.u64()?, crc: from.u32()? })
    }
}

impl SegmentFolder {
    /// The segments of `section`, wherever they are.
    pub(super) fn new(section: &str, files: Vec<SegmentFile>) -> Self {
        Self { folder: PathBuf::new(), section: section.to_owned(), files }
    }

    /// Looks for them beside the checkpoint at `path`.
    pub(super) fn set_checkpoint(&mut self, path: &Path) {
        self.folder = segment_folder(path);
    }
}

impl SegmentSource for SegmentFolder {
    fn read(&self, k: usize) -> Result<Vec<u8>, StateError> {
        let missing = |reason: String| StateError::Segment(reason);
        let file = self.files.get(k).ok_or_else(|| missing(format!("there is no number {k}")))?;
        let path = self.folder.join(file.name(&self.section, k));
        let bytes = read_file(&path).map_err(|error| missing(error.to_string()))?;
        if SegmentFile::of(&bytes) != *file {
            return Err(missing(format!("{} is damaged", path.display())));
        }
        Ok(bytes)
    }
}

/// The folder beside the checkpoint at `path` that holds its segments: `P.ckpt` has `P.segments/`.
pub(super) fn segment_folder(path: &Path) -> PathBuf {
    path.with_extension("segments")
}
