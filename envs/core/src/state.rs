//! Little-endian byte state: what environments and learners write into a checkpoint and read back.

use std::fmt;
use std::sync::Arc;

use crate::segment::{Segment, SegmentSource, segment_bytes};

/// Appends values to a byte string.
#[derive(Clone, Debug, Default)]
pub struct StateWriter {
    pub(crate) bytes: Vec<u8>,
    /// Segments by where a mark of eight bytes stands for them.
    pub(crate) segments: Vec<(usize, Arc<dyn Segment>)>,
}

/// Reads values back in the order in which a [`StateWriter`] wrote them.
#[derive(Clone, Debug)]
pub struct StateReader<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
    pub(crate) segments: Option<&'a dyn SegmentSource>,
    /// How many of them have been read.
    pub(crate) segments_read: usize,
}

/// Why a state could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateError {
    /// The bytes end before the value does.
    Truncated {
        /// Offset of the value.
        at: usize,
        /// Bytes the value needs.
        needed: usize,
        /// Bytes there are from the offset on.
        left: usize,
    },
    /// The bytes are those of something else.
    Mismatch {
        /// What was being read.
        what: &'static str,
        /// What the reader has, or can take.
        expected: String,
        /// What the bytes say.
        found: String,
    },
    /// A segment that lies apart from the state can not be had.
    Segment(String),
    /// Everything was read and bytes are left over.
    Leftover {
        /// How many.
        left: usize,
    },
}

impl StateError {
    /// A [`StateError::Mismatch`] of two things that print.
    pub fn mismatch(
        what: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self::Mismatch { what, expected: expected.to_string(), found: found.to_string() }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { at, needed, left } => {
                write!(f, "state ends early: {needed} bytes needed at offset {at}, {left} left")
            }
            Self::Mismatch { what, expected, found } => {
                write!(f, "state does not fit: {what} should be {expected}, the state has {found}")
            }
            Self::Segment(reason) => write!(f, "a part of the state is missing: {reason}"),
            Self::Leftover { left } => write!(f, "state is too long: {left} bytes left over"),
        }
    }
}

impl std::error::Error for StateError {}

/// Writes and reads of one number type and of slices of it.
macro_rules! numbers {
    ($($number:ident $numbers:ident $numbers_into:ident),*) => {
        impl StateWriter {
            $(
                #[doc = concat!("Appends a `", stringify!($number), "`.")]
                pub fn $number(&mut self, value: $number) {
                    self.bytes.extend_from_slice(&value.to_le_bytes());
                }

                #[doc = concat!("Appends the length and the elements of a `[", stringify!($number), "]`.")]
                pub fn $numbers(&mut self, values: &[$number]) {
                    self.u64(values.len() as u64);
                    let start = self.bytes.len();
                    self.bytes.resize(start + size_of_val(values), 0);
                    let (out, _) = self.bytes[start..].as_chunks_mut();
                    for (out, value) in out.iter_mut().zip(values) {
                        *out = value.to_le_bytes();
                    }
                }
            )*
        }

        impl StateReader<'_> {
            $(
                #[doc = concat!("Reads a `", stringify!($number), "`.")]
                ///
                /// # Errors
                /// When the bytes end before.
                pub fn $number(&mut self) -> Result<$number, StateError> {
                    Ok($number::from_le_bytes(self.array()?))
                }

                #[doc = concat!("Reads a `[", stringify!($number), "]` of any length.")]
                ///
                /// # Errors
                /// When the bytes end before.
                pub fn $numbers(&mut self) -> Result<Vec<$number>, StateError> {
                    let n = self.len(size_of::<$number>())?;
                    let (values, _) = self.take(n * size_of::<$number>())?.as_chunks();
                    Ok(values.iter().map(|value| $number::from_le_bytes(*value)).collect())
                }

                #[doc = concat!("Reads a `[", stringify!($number), "]` into a slice of its length.")]
                ///
                /// # Errors
                /// When the bytes end before, or the length is another.
                pub fn $numbers_into(&mut self, out: &mut [$number]) -> Result<(), StateError> {
                    let n = self.len(size_of::<$number>())?;
                    if n != out.len() {
                        return Err(StateError::mismatch("a length", out.len(), n));
                    }
                    let (values, _) = self.take(n * size_of::<$number>())?.as_chunks();
                    for (out, value) in out.iter_mut().zip(values) {
                        *out = $number::from_le_bytes(*value);
                    }
                    Ok(())
                }
            )*
        }
    };
}

numbers!(
    u8 bytes bytes_into,
    u32 u32s u32s_into,
    u64 u64s u64s_into,
    u128 u128s u128s_into,
    i64 i64s i64s_into,
    f32 f32s f32s_into,
    f64 f64s f64s_into
);

impl StateWriter {
    /// An empty state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a `bool`.
    pub fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    /// Appends a text.
    pub fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// The bytes written, with those of the segments among them.
    pub fn into_bytes(self) -> Vec<u8> {
        let Self { bytes, segments } = self;
        if segments.is_empty() {
            return bytes;
        }
        let mut out = Self::new();
        let mut from = 0;
        for (at, segment) in segments {
            out.bytes.extend_from_slice(&bytes[from..at]);
            out.bytes(&segment_bytes(&*segment));
            from = at + size_of::<u64>();
        }
        out.bytes.extend_from_slice(&bytes[from..]);
        out.bytes
    }
}

impl<'a> StateReader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, segments: None, segments_read: 0 }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Reads a `bool`.
    ///
    /// # Errors
    /// When the bytes end before, or hold neither 0 nor 1.
    pub fn bool(&mut self) -> Result<bool, StateError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(StateError::mismatch("a bool", "0 or 1", other)),
        }
    }

    /// Reads a text.
    ///
    /// # Errors
    /// When the bytes end before, or are not UTF-8.
    pub fn text(&mut self) -> Result<String, StateError> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes).map_err(|_| StateError::mismatch("a text", "UTF-8", "other bytes"))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When bytes are left over.
    pub fn finish(&self) -> Result<(), StateError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => Err(StateError::Leftover { left }),
        }
    }

    pub(crate) fn take(&mut self, needed: usize) -> Result<&'a [u8], StateError> {
        let left = self.bytes.len() - self.at;
        if needed > left {
            return Err(StateError::Truncated { at: self.at, needed, left });
        }
        let taken = &self.bytes[self.at..self.at + needed];
        self.at += needed;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("take returns the length asked for"))
    }

    /// A length prefix, checked against the bytes left so that a damaged one allocates nothing.
    pub(crate) fn len(&mut self, width: usize) -> Result<usize, StateError> {
        let at = self.at;
        let n = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        let left = self.bytes.len() - self.at;
        let needed = n.saturating_mul(width);
        if needed > left { Err(StateError::Truncated { at, needed, left }) } else { Ok(n) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_was_written() {
        let mut out = StateWriter::new();
        out.u8(7);
        out.bool(true);
        out.f64(-0.0);
        out.f32s(&[1.5, f32::MIN_POSITIVE]);
        out.text("épisode");
        let bytes = out.into_bytes();
        let mut from = StateReader::new(&bytes);
        assert_eq!(from.u8(), Ok(7));
        assert_eq!(from.bool(), Ok(true));
        assert_eq!(from.f64().unwrap().to_bits(), (-0.0f64).to_bits());
        assert_eq!(from.f32s(), Ok(vec![1.5, f32::MIN_POSITIVE]));
        assert_eq!(from.text().as_deref(), Ok("épisode"));
        assert_eq!(from.finish(), Ok(()));
    }

    #[test]
    fn numbers_are_little_endian() {
        let mut out = StateWriter::new();
        out.u32(0x0102_0304);
        assert_eq!(out.into_bytes(), [4, 3, 2, 1]);
    }

    #[test]
    fn a_short_state_says_where_it_ends() {
        let mut from = StateReader::new(&[1, 2, 3]);
        assert_eq!(from.u8(), Ok(1));
        assert_eq!(from.u32(), Err(StateError::Truncated { at: 1, needed: 4, left: 2 }));
    }

    #[test]
    fn a_damaged_length_allocates_nothing() {
        let bytes = u64::MAX.to_le_bytes();
        let error = StateReader::new(&bytes).f64s().unwrap_err();
        assert_eq!(error, StateError::Truncated { at: 0, needed: usize::MAX, left: 0 });
    }

    #[test]
    fn bytes_left_over_are_an_error() {
        assert_eq!(StateReader::new(&[0; 5]).finish(), Err(StateError::Leftover { left: 5 }));
    }
}
