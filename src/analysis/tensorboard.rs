//! `TensorBoard` event files, appended to and cut back to a checkpoint.
//!
//! A file is a sequence of `TFRecord` frames: length, masked CRC-32C, payload, masked CRC-32C.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use super::atomic_file::{FileError, append_at, read_file};
pub use super::event_proto::{ScalarEvent, Stamp};
use super::event_proto::{decode_scalars, scalars_event, version_event};

/// Bytes of a frame around its payload: length, its checksum, the payload's checksum.
const FRAME_OVERHEAD: usize = 8 + 4 + 4;

/// An event file open for appending. Records wait in memory until [`sync`](Self::sync), which writes
/// all of them or none.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
    offset: u64,
    waiting: Vec<u8>,
}

impl EventFile {
    /// Makes a new file (replacing an old one) with the version event; `wall_time` is Unix seconds.
    ///
    /// # Errors
    /// When the file or its folder cannot be made.
    pub fn create(path: &Path, wall_time: f64) -> Result<Self, FileError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(FileError::at("create", folder))?;
        }
        let file = File::create(path).map_err(FileError::at("create", path))?;
        let mut events = Self { path: path.to_path_buf(), file, offset: 0, waiting: Vec::new() };
        events.add_frame(&version_event(wall_time));
        events.sync()?;
        Ok(events)
    }

    /// Opens a file to go on at `offset`: everything later is cut off, and so is a torn record
    /// before it.
    ///
    /// The new [`offset`](Self::offset) is less than the one asked for only if the file lost its
    /// end.
    ///
    /// # Errors
    /// When the file is missing or cannot be written.
    pub fn truncate_and_append(path: &Path, offset: u64) -> Result<Self, FileError> {
        let bytes = read_file(path)?;
        let kept = bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let offset = records(&bytes[..kept]).last().map_or(0, |record| record.end) as u64;
        let open = || {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(offset)?;
            Ok(file)
        };
        let file = open().map_err(FileError::at("append to", path))?;
        Ok(Self { path: path.to_path_buf(), file, offset, waiting: Vec::new() })
    }

    /// Length of the file in bytes, without what waits: what a checkpoint remembers.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Adds one point to several series; NaN means no value and is left out.
    pub fn add_scalars(&mut self, stamp: Stamp, scalars: &[(&str, f64)]) {
        let mut known = scalars.iter().copied().filter(|(_, value)| !value.is_nan()).peekable();
        if known.peek().is_some() {
            self.add_frame(&scalars_event(stamp, known));
        }
    }

    /// Puts what waits on the disk, behind what is known to be there: the torn end that an earlier
    /// failure may have left is cut off.
    ///
    /// # Errors
    /// When the file cannot be written; what waited is then dropped, to be added again, and
    /// [`offset`](Self::offset) is what it was.
    pub fn sync(&mut self) -> Result<(), FileError> {
        let waiting = std::mem::take(&mut self.waiting);
        let written = append_at(&mut self.file, self.offset, &waiting);
        written.map_err(FileError::at("write", &self.path))?;
        self.offset += waiting.len() as u64;
        Ok(())
    }

    fn add_frame(&mut self, payload: &[u8]) {
        let length = (payload.len() as u64).to_le_bytes();
        self.waiting.reserve(payload.len() + FRAME_OVERHEAD);
        self.waiting.extend(length);
        self.waiting.extend(masked_crc(&length).to_le_bytes());
        self.waiting.extend(payload);
        self.waiting.extend(masked_crc(payload).to_le_bytes());
    }
}

/// What an event file contains.
#[derive(Clone, Debug, PartialEq)]
pub struct EventLog {
    /// The scalars, in file order.
    pub scalars: Vec<ScalarEvent>,
    /// Number of whole records, of any kind, with right checksums.
    pub records: usize,
    /// Bytes after the last whole record: a torn end, or damage.
    pub torn_bytes: usize,
}

/// Reads a file, checking the checksums, up to its end or the first damaged record.
///
/// # Errors
/// When the file cannot be read.
pub fn read_event_log(path: &Path) -> Result<EventLog, FileError> {
    let bytes = read_file(path)?;
    let mut log = EventLog { scalars: Vec::new(), records: 0, torn_bytes: bytes.len() };
    for record in records(&bytes) {
        log.scalars.extend(decode_scalars(record.payload).unwrap_or_default());
        log.records += 1;
        log.torn_bytes = bytes.len() - record.end;
    }
    Ok(log)
}

struct Record<'a> {
    payload: &'a [u8],
    /// Offset just after the record.
    end: usize,
}

/// The whole records with right checksums from the beginning of `bytes`.
fn records(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut end = 0;
    std::iter::from_fn(move || {
        let payload = first_payload(&bytes[end..])?;
        end += payload.len() + FRAME_OVERHEAD;
        Some(Record { payload, end })
    })
}

fn first_payload(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (length_crc, rest) = rest.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*length_crc) != masked_crc(length) {
        return None;
    }
    let (payload, rest) = rest.split_at_checked(u64::from_le_bytes(*length).try_into().ok()?)?;
    let payload_crc = rest.first_chunk::<4>()?;
    (u32::from_le_bytes(*payload_crc) == masked_crc(payload)).then_some(payload)
}

/// `TFRecord`'s checksum: CRC-32C rotated and shifted, since a CRC of data that contains CRCs is
/// weak.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(step: u64) -> Stamp {
        Stamp { step, wall_time: 1000.0 + step as f64 }
    }

    fn write(path: &Path, steps: std::ops::Range<u64>) -> EventFile {
        let mut events = EventFile::create(path, 1000.0).unwrap();
        for step in steps {
            events.add_scalars(stamp(step), &[("loss", 0.5), ("lr", step as f64)]);
        }
        events.sync().unwrap();
        events
    }

    #[test]
    fn the_first_record_has_tensorboards_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log").join("events.out.tfevents.x");
        let offset = write(&path, 0..0).offset();
        // Recorded: tensorboard 2.21.0, RecordWriter(file).write(Event(wall_time=1000,
        // file_version="brain.Event:2").SerializeToString())
        let expected =
            "1800000000000000a37f4b22090000000000408f401a0d627261696e2e4576656e743a3273ae6b56";
        let bytes = fs::read(&path).unwrap();
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex.concat(), expected);
        assert_eq!(offset, bytes.len() as u64);
    }

    #[test]
    fn scalars_come_back_and_nan_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut events = write(&path, 3..4);
        events.add_scalars(stamp(5), &[("entropy", f64::NAN)]);
        events.add_scalars(stamp(6), &[("entropy", f64::NAN), ("loss", 1.0)]);
        events.sync().unwrap();
        let log = read_event_log(&path).unwrap();
        let scalar = |tag: &str, step, value| ScalarEvent {
            tag: tag.to_owned(),
            step,
            wall_time: 1000.0 + step as f64,
            value,
        };
        assert_eq!(
            log.scalars,
            [scalar("loss", 3, 0.5), scalar("lr", 3, 3.0), scalar("loss", 6, 1.0)]
        );
        assert_eq!((log.records, log.torn_bytes), (3, 0));
    }

    #[test]
    fn cut_back_to_a_checkpoint_and_repeated_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, resumed) = (folder.path().join("whole"), folder.path().join("resumed"));
        write(&whole, 0..10);
        let offset = write(&resumed, 0..4).offset();
        write(&resumed, 0..7);
        let mut events = EventFile::truncate_and_append(&resumed, offset).unwrap();
        assert_eq!(events.offset(), offset);
        for step in 4..10 {
            events.add_scalars(stamp(step), &[("loss", 0.5), ("lr", step as f64)]);
        }
        events.sync().unwrap();
        assert_eq!(fs::read(&whole).unwrap(), fs::read(&resumed).unwrap());
    }

    #[test]
    fn a_torn_last_record_is_tolerated_and_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let good = write(&path, 0..3).offset();
        let whole = write(&path, 0..4).offset();
        for length in good + 1..whole {
            write(&path, 0..4);
            OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
            let log = read_event_log(&path).unwrap();
            assert_eq!((log.records, log.torn_bytes as u64), (4, length - good));
            assert_eq!(EventFile::truncate_and_append(&path, whole).unwrap().offset(), good);
            assert_eq!(fs::metadata(&path).unwrap().len(), good);
        }
    }

    #[test]
    fn what_a_failed_write_left_is_cut_off_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, path) = (folder.path().join("whole"), folder.path().join("events"));
        write(&whole, 0..5);
        let mut events = write(&path, 0..4);
        // As a disk that was full in the middle of a record leaves it.
        let torn = [fs::read(&path).unwrap(), vec![7; 5000]].concat();
        fs::write(&path, torn).unwrap();
        events.add_scalars(stamp(4), &[("loss", 0.5), ("lr", 4.0)]);
        events.sync().unwrap();
        assert_eq!(fs::read(&whole).unwrap(), fs::read(&path).unwrap());
        assert_eq!(events.offset(), fs::metadata(&path).unwrap().len());
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let first = write(&path, 0..0).offset() as usize;
        write(&path, 0..2);
        let mut bytes = fs::read(&path).unwrap();
        bytes[first + 20] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(read_event_log(&path).unwrap().records, 1);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = EventFile::truncate_and_append(Path::new("no/such/events"), 10).unwrap_err();
        assert!(error.to_string().contains("no/such/events"), "{error}");
    }
}
