//! The checkpoint file: named sections of bytes, each with its CRC32C, written and replaced as a whole.
//!
//! Layout, little-endian: magic, format version, number of sections; per section its name, length,
//! CRC32C, number of segments, and their lengths and CRC32Cs; the CRC32C of all that; then the
//! sections one after another. The segments are in files of their own (`checkpoint_writer.rs`).

use std::path::Path;
use std::sync::Arc;

use slm_env::{Segment, StateError, StateReader, StateWriter};

use super::segment_file::{SegmentFile, SegmentFolder};
use crate::analysis::atomic_file::read_file;

const MAGIC: &[u8; 8] = b"SLMLABCK";

/// Version of the layout and of what the sections hold; files of another one are refused.
pub const FORMAT_VERSION: u32 = 4;

/// Longest section name; bounds what a damaged header can ask for.
const MAX_NAME: usize = 64;

/// Why bytes are not a checkpoint of this run.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// The file is something else.
    #[error("this is not a checkpoint of slm-lab")]
    Magic,
    /// The file was written by a program with another format.
    #[error("this checkpoint has format {found}; this program reads format {FORMAT_VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// The file ends early or has bytes left over.
    #[error(
        "this checkpoint is cut off or has been added to ({0}); without the file the session starts anew"
    )]
    Length(String),
    /// Bytes were changed after writing.
    #[error(
        "this checkpoint is damaged: the checksum of {0} does not fit; without the file the session starts anew"
    )]
    Checksum(String),
    /// A section is missing.
    #[error("this checkpoint has no section `{0}`")]
    Missing(&'static str),
    /// A section belongs to another run, or to another version of the program.
    #[error("the checkpoint does not fit this run: {section}: {source}")]
    State {
        /// The section.
        section: &'static str,
        /// What does not fit.
        source: StateError,
    },
    /// A section of text can not be read.
    #[error("section `{section}` can not be read: {reason}")]
    Text {
        /// The section.
        section: &'static str,
        /// Why.
        reason: String,
    },
    /// Another version of the program wrote it, whose states may look different.
    #[error("this checkpoint was written by slm-lab {found}; this is slm-lab {this}")]
    Program {
        /// Its version.
        found: String,
        /// This program's.
        this: &'static str,
    },
    /// The spec was edited since.
    #[error("the spec has changed since this checkpoint: {0}")]
    SpecChanged(String),
}

/// Named byte strings, and large parts of them by shared value.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    sections: Vec<Section>,
}

#[derive(Clone, Debug, Default)]
struct Section {
    name: String,
    bytes: Vec<u8>,
    /// The segments of a state that was just saved.
    segments: Vec<Arc<dyn Segment>>,
    /// Those of one that was read.
    stored: SegmentFolder,
}

impl Checkpoint {
    /// No sections yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a section.
    ///
    /// # Panics
    /// When the name is too long or taken.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.push(Section { name: name.to_owned(), bytes, ..Section::default() });
    }

    /// Adds a section that `write` writes.
    ///
    /// # Panics
    /// When the name is too long or taken.
    pub fn add_state(&mut self, name: &str, write: impl FnOnce(&mut StateWriter)) {
        let mut out = StateWriter::new();
        write(&mut out);
        let (bytes, segments) = out.into_parts();
        self.push(Section { name: name.to_owned(), bytes, segments, ..Section::default() });
    }

    /// Forgets the segments: sections that have some can not be read back.
    pub(super) fn drop_segments(&mut self) {
        self.sections.iter_mut().for_each(|section| section.segments.clear());
    }

    /// Names of the sections, with the segments of their states.
    pub(super) fn segments(&self) -> impl Iterator<Item = (&str, &[Arc<dyn Segment>])> {
        self.sections.iter().map(|section| (section.name.as_str(), section.segments.as_slice()))
    }

    /// The bytes of a section.
    ///
    /// # Errors
    /// When there is no such section.
    pub fn section(&self, name: &'static str) -> Result<&[u8], CheckpointError> {
        let section = self.find(name).ok_or(CheckpointError::Missing(name))?;
        Ok(&section.bytes)
    }

    /// The text of a section.
    ///
    /// # Errors
    /// When there is no such section or it is not UTF-8.
    pub fn text(&self, section: &'static str) -> Result<&str, CheckpointError> {
        std::str::from_utf8(self.section(section)?)
            .map_err(|error| CheckpointError::Text { section, reason: error.to_string() })
    }

    /// Lets `read` read a section to its end.
    ///
    /// # Errors
    /// When there is no such section, `read` fails, or bytes are left over.
    pub fn read_state<'s, T>(
        &'s self,
        section: &'static str,
        read: impl FnOnce(&mut StateReader<'s>) -> Result<T, StateError>,
    ) -> Result<T, CheckpointError> {
        let found = self.find(section).ok_or(CheckpointError::Missing(section))?;
        let mut from = StateReader::with_segments(&found.bytes, &found.stored);
        let value = read(&mut from).and_then(|value| from.finish().map(|()| value));
        value.map_err(|source| CheckpointError::State { section, source })
    }

    /// The file's bytes, given the files of each section's segments.
    pub(super) fn to_bytes(&self, files: &[Vec<SegmentFile>]) -> Vec<u8> {
        let mut header = StateWriter::new();
        header.u32(FORMAT_VERSION);
        header.u32(self.sections.len() as u32);
        for (section, files) in self.sections.iter().zip(files) {
            header.text(&section.name);
            header.u64(section.bytes.len() as u64);
            header.u32(crc32c::crc32c(&section.bytes));
            header.u32(files.len() as u32);
            for file in files {
                file.save(&mut header);
            }
        }
        let header = header.into_bytes();
        let mut out = [MAGIC.as_slice(), &header, &crc32c::crc32c(&header).to_le_bytes()].concat();
        out.reserve_exact(self.sections.iter().map(|section| section.bytes.len()).sum());
        self.sections.iter().for_each(|section| out.extend_from_slice(&section.bytes));
        out
    }

    /// Reads the file's bytes, checking every checksum.
    ///
    /// # Errors
    /// When the bytes are not exactly a checkpoint of this format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(CheckpointError::Magic)?;
        let (entries, header_len) = read_header(body)?;
        let (header, rest) = body.split_at(header_len);
        let (crc, mut rest) = rest.split_first_chunk::<4>().ok_or_else(|| cut("header"))?;
        if u32::from_le_bytes(*crc) != crc32c::crc32c(header) {
            return Err(CheckpointError::Checksum("the header".to_owned()));
        }
        let mut checkpoint = Self::new();
        for Entry { name, len, crc, files } in entries {
            let (bytes, after) = rest.split_at_checked(len).ok_or_else(|| cut(&name))?;
            if crc32c::crc32c(bytes) != crc {
                return Err(CheckpointError::Checksum(format!("`{name}`")));
            }
            let stored = SegmentFolder::new(&name, files);
            let (bytes, segments) = (bytes.to_vec(), Vec::new());
            checkpoint.sections.push(Section { name, bytes, segments, stored });
            rest = after;
        }
        if rest.is_empty() { Ok(checkpoint) } else { Err(cut("end")) }
    }

    /// Reads a file; `None` when there is none.
    ///
    /// # Errors
    /// When there is a file that can not be read or is not a checkpoint.
    pub fn read(path: &Path) -> Result<Option<Self>, super::RunError> {
        if !path.exists() {
            return Ok(None);
        }
        let bytes = read_file(path)?;
        let mut checkpoint = Self::from_bytes(&bytes)
            .map_err(|error| super::RunError::at_checkpoint(path, error))?;
        checkpoint.sections.iter_mut().for_each(|section| section.stored.set_checkpoint(path));
        Ok(Some(checkpoint))
    }

    fn push(&mut self, section: Section) {
        assert!(section.name.len() <= MAX_NAME, "section names are short");
        assert!(self.find(&section.name).is_none(), "a section is added once");
        self.sections.push(section);
    }

    fn find(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

/// What the header says of a section.
struct Entry {
    name: String,
    len: usize,
    crc: u32,
    files: Vec<SegmentFile>,
}

/// What the header says, and its length.
fn read_header(body: &[u8]) -> Result<(Vec<Entry>, usize), CheckpointError> {
    let mut from = StateReader::new(body);
    let damaged = |error: StateError| CheckpointError::Length(error.to_string());
    let found = from.u32().map_err(damaged)?;
    if found != FORMAT_VERSION {
        return Err(CheckpointError::Version { found });
    }
    let count = from.u32().map_err(damaged)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(read_entry(&mut from).map_err(damaged)?);
    }
    Ok((entries, from.position()))
}

fn read_entry(from: &mut StateReader<'_>) -> Result<Entry, StateError> {
    let name = from.text()?;
    let len = usize::try_from(from.u64()?).unwrap_or(usize::MAX);
    let crc = from.u32()?;
    let count = from.u32()?;
    let mut files = Vec::new();
    for _ in 0..count {
        files.push(SegmentFile::load(from)?);
    }
    Ok(Entry { name, len, crc, files })
}

fn cut(at: &str) -> CheckpointError {
    CheckpointError::Length(format!("at {at}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        checkpoint.add("meta", b"{}".to_vec());
        checkpoint.add_state("clock", |out| out.u64(640));
        checkpoint.add("empty", Vec::new());
        checkpoint
    }

    fn bytes() -> Vec<u8> {
        let file = SegmentFile { len: 3, crc: 4 };
        sample().to_bytes(&[vec![], vec![file, file], vec![]])
    }

    #[test]
    fn sections_come_back_as_they_were() {
        let read = Checkpoint::from_bytes(&bytes()).unwrap();
        assert_eq!(read.section("empty"), Ok([].as_slice()));
        assert_eq!(read.text("meta"), Ok("{}"));
        assert_eq!(read.read_state("clock", StateReader::u64), Ok(640));
        assert_eq!(read.section("agent"), Err(CheckpointError::Missing("agent")));
    }

    #[test]
    fn a_file_cut_off_anywhere_is_refused() {
        let bytes = bytes();
        for len in 0..bytes.len() {
            assert!(Checkpoint::from_bytes(&bytes[..len]).is_err(), "cut at {len}");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert_eq!(Checkpoint::from_bytes(&longer).unwrap_err(), cut("end"));
    }

    #[test]
    fn a_changed_bit_anywhere_is_noticed() {
        let bytes = bytes();
        for k in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[k / 8] ^= 1 << (k % 8);
            assert!(Checkpoint::from_bytes(&damaged).is_err(), "bit {k}");
        }
    }

    #[test]
    fn another_format_says_which() {
        let mut bytes = bytes();
        bytes[8] = 9;
        assert_eq!(
            Checkpoint::from_bytes(&bytes).unwrap_err(),
            CheckpointError::Version { found: 9 }
        );
    }

    #[test]
    fn a_section_with_bytes_left_over_does_not_fit() {
        let error = sample().read_state("clock", StateReader::u32).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checkpoint does not fit this run: clock: state is too long: 4 bytes left over"
        );
    }
}
