//! The checkpoint file: named sections of bytes, each with its CRC32C, written and replaced as a whole.
//!
//! Layout, little-endian: magic, format version, number of sections; per section its name, length and
//! CRC32C; the CRC32C of all that; then the sections one after another.

use std::path::Path;

use slm_env::{StateError, StateReader, StateWriter};

use crate::analysis::atomic_file::{FileError, read_file, write_atomically};

const MAGIC: &[u8; 8] = b"SLMLABCK";

/// Version of the layout and of what the sections hold; files of another one are refused.
pub const FORMAT_VERSION: u32 = 2;

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

/// Named byte strings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    sections: Vec<(String, Vec<u8>)>,
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
        assert!(name.len() <= MAX_NAME, "section names are short");
        assert!(self.find(name).is_none(), "a section is added once");
        self.sections.push((name.to_owned(), bytes));
    }

    /// Adds a section that `write` writes.
    pub fn add_state(&mut self, name: &str, write: impl FnOnce(&mut StateWriter)) {
        let mut out = StateWriter::new();
        write(&mut out);
        self.add(name, out.into_bytes());
    }

    /// The bytes of a section.
    ///
    /// # Errors
    /// When there is no such section.
    pub fn section(&self, name: &'static str) -> Result<&[u8], CheckpointError> {
        self.find(name).ok_or(CheckpointError::Missing(name))
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
        let mut from = StateReader::new(self.section(section)?);
        let value = read(&mut from).and_then(|value| from.finish().map(|()| value));
        value.map_err(|source| CheckpointError::State { section, source })
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut header = StateWriter::new();
        header.u32(FORMAT_VERSION);
        header.u32(self.sections.len() as u32);
        for (name, bytes) in &self.sections {
            header.text(name);
            header.u64(bytes.len() as u64);
            header.u32(crc32c::crc32c(bytes));
        }
        let header = header.into_bytes();
        let size: usize = self.sections.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut out = Vec::with_capacity(MAGIC.len() + header.len() + 4 + size);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&header);
        out.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
        self.sections.iter().for_each(|(_, bytes)| out.extend_from_slice(bytes));
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
        for (name, len, crc) in entries {
            let (section, after) = rest.split_at_checked(len).ok_or_else(|| cut(&name))?;
            if crc32c::crc32c(section) != crc {
                return Err(CheckpointError::Checksum(format!("`{name}`")));
            }
            checkpoint.sections.push((name, section.to_vec()));
            rest = after;
        }
        if rest.is_empty() { Ok(checkpoint) } else { Err(cut("end")) }
    }

    /// Replaces the file at `path`, so that a reader sees the old one or this one.
    ///
    /// # Errors
    /// When the disk is full or the folder read-only; the old file is then still there.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        write_atomically(path, &self.to_bytes())
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
        Self::from_bytes(&bytes).map(Some).map_err(|e| super::RunError::at_checkpoint(path, e))
    }

    fn find(&self, name: &str) -> Option<&[u8]> {
        self.sections.iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes.as_slice())
    }
}

/// What the header says of a section: name, length, checksum.
type Entry = (String, usize, u32);

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
    let mut header_len = 8;
    for _ in 0..count {
        let name = from.text().map_err(damaged)?;
        let (len, crc) = (from.u64().map_err(damaged)?, from.u32().map_err(damaged)?);
        header_len += 8 + name.len() + 12;
        let len = usize::try_from(len).map_err(|_| cut(&name))?;
        entries.push((name, len, crc));
    }
    Ok((entries, header_len))
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

    #[test]
    fn sections_come_back_as_they_were() {
        let read = Checkpoint::from_bytes(&sample().to_bytes()).unwrap();
        assert_eq!(read, sample());
        assert_eq!(read.text("meta"), Ok("{}"));
        assert_eq!(read.read_state("clock", StateReader::u64), Ok(640));
        assert_eq!(read.section("agent"), Err(CheckpointError::Missing("agent")));
    }

    #[test]
    fn a_file_cut_off_anywhere_is_refused() {
        let bytes = sample().to_bytes();
        for len in 0..bytes.len() {
            assert!(Checkpoint::from_bytes(&bytes[..len]).is_err(), "cut at {len}");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert_eq!(Checkpoint::from_bytes(&longer), Err(cut("end")));
    }

    #[test]
    fn a_changed_bit_anywhere_is_noticed() {
        let bytes = sample().to_bytes();
        for k in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[k / 8] ^= 1 << (k % 8);
            assert!(Checkpoint::from_bytes(&damaged).is_err(), "bit {k}");
        }
    }

    #[test]
    fn another_format_says_which() {
        let mut bytes = sample().to_bytes();
        bytes[8] = 9;
        assert_eq!(Checkpoint::from_bytes(&bytes), Err(CheckpointError::Version { found: 9 }));
    }

    #[test]
    fn a_section_with_bytes_left_over_does_not_fit() {
        let error = sample().read_state("clock", StateReader::u32).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checkpoint does not fit this run: clock: state is too long: 4 bytes left over"
        );
    }

    #[test]
    fn replacing_keeps_the_old_file_when_the_new_one_can_not_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ckpt");
        assert_eq!(Checkpoint::read(&path).unwrap(), None);
        sample().write(&path).unwrap();
        // A folder in the place of the temporary file makes the write fail, as a full disk would.
        std::fs::create_dir(crate::analysis::atomic_file::temporary_path(&path)).unwrap();
        let mut other = sample();
        other.add("more", vec![1]);
        assert!(other.write(&path).is_err());
        assert_eq!(Checkpoint::read(&path).unwrap(), Some(sample()));
    }
}
