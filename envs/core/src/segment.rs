//! Large parts of a state that seldom change, so that a checkpoint need not hold them twice.

use std::fmt::Debug;
use std::sync::Arc;

use crate::state::{StateError, StateReader, StateWriter};

/// A part of a state by shared value: whoever writes the state may write it apart and once only, for
/// as long as it is the same `Arc`.
pub trait Segment: Debug + Send + Sync {
    /// Writes the part.
    fn save(&self, out: &mut StateWriter);
}

/// The segments of a state that were written apart from it.
pub trait SegmentSource: Debug {
    /// The bytes of the state's segment number `k`.
    ///
    /// # Errors
    /// When it is not there or not what was written.
    fn read(&self, k: usize) -> Result<Vec<u8>, StateError>;
}

/// In the place of a segment's length: its bytes lie apart from the state.
const APART: u64 = u64::MAX;

/// What a segment writes.
pub fn segment_bytes(segment: &dyn Segment) -> Vec<u8> {
    let mut out = StateWriter::new();
    segment.save(&mut out);
    out.into_bytes()
}

impl StateWriter {
    /// Appends a segment, which is written when the state is: at once by [`into_bytes`](Self::into_bytes),
    /// or by whoever takes it out of [`into_parts`](Self::into_parts).
    pub fn segment(&mut self, segment: Arc<dyn Segment>) {
        self.segments.push((self.bytes.len(), segment));
        self.u64(APART);
    }

    /// The bytes written but for those of the segments, and these.
    pub fn into_parts(self) -> (Vec<u8>, Vec<Arc<dyn Segment>>) {
        (self.bytes, self.segments.into_iter().map(|(_, segment)| segment).collect())
    }
}

impl<'a> StateReader<'a> {
    /// As [`new`](Self::new), where `segments` lie apart from the bytes.
    pub fn with_segments(bytes: &'a [u8], segments: &'a dyn SegmentSource) -> Self {
        Self { segments: Some(segments), ..Self::new(bytes) }
    }

    /// Lets `read` read a segment to its end.
    ///
    /// # Errors
    /// When the segment is not there, `read` fails, or bytes are left over.
    pub fn segment<T>(
        &mut self,
        read: impl FnOnce(&mut StateReader<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        if self.bytes[self.at..].starts_with(&APART.to_le_bytes()) {
            let Some(segments) = self.segments else {
                return Err(StateError::Segment("it lies apart".to_owned()));
            };
            self.u64()?;
            let bytes = segments.read(self.segments_read)?;
            self.segments_read += 1;
            return read_all(&bytes, read);
        }
        let len = self.len(1)?;
        read_all(self.take(len)?, read)
    }
}

fn read_all<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut StateReader<'_>) -> Result<T, StateError>,
) -> Result<T, StateError> {
    let mut from = StateReader::new(bytes);
    let value = read(&mut from)?;
    from.finish().map(|()| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Text(&'static str);

    impl Segment for Text {
        fn save(&self, out: &mut StateWriter) {
            out.text(self.0);
        }
    }

    #[derive(Debug)]
    struct Apart(Vec<Vec<u8>>);

    impl SegmentSource for Apart {
        fn read(&self, k: usize) -> Result<Vec<u8>, StateError> {
            self.0.get(k).cloned().ok_or_else(|| StateError::Segment(format!("number {k}")))
        }
    }

    fn written() -> StateWriter {
        let mut out = StateWriter::new();
        out.u8(1);
        out.segment(Arc::new(Text("one")));
        out.u8(2);
        out.segment(Arc::new(Text("two")));
        out.u8(3);
        out
    }

    fn text(from: &mut StateReader<'_>) -> Result<String, StateError> {
        from.text()
    }

    fn read(from: &mut StateReader<'_>) -> Result<(u8, String, u8, String, u8), StateError> {
        let (a, one) = (from.u8()?, from.segment(text)?);
        let (b, two) = (from.u8()?, from.segment(text)?);
        let all = (a, one, b, two, from.u8()?);
        from.finish().map(|()| all)
    }

    #[test]
    fn segments_read_the_same_among_the_bytes_and_apart_from_them() {
        let expected = Ok((1, "one".to_owned(), 2, "two".to_owned(), 3));
        let whole = written().into_bytes();
        assert_eq!(read(&mut StateReader::new(&whole)), expected);
        let (bytes, segments) = written().into_parts();
        let apart = Apart(segments.iter().map(|segment| segment_bytes(&**segment)).collect());
        assert_eq!(bytes.len(), 3 + 2 * 8);
        assert_eq!(read(&mut StateReader::with_segments(&bytes, &apart)), expected);
    }

    #[test]
    fn a_segment_that_is_missing_or_too_long_is_an_error() {
        let (bytes, _) = written().into_parts();
        let apart = Apart(vec![segment_bytes(&Text("one"))]);
        let error = read(&mut StateReader::with_segments(&bytes, &apart)).unwrap_err();
        assert_eq!(error.to_string(), "a part of the state is missing: number 1");
        assert!(read(&mut StateReader::new(&bytes)).is_err());
        let apart = Apart(vec![[segment_bytes(&Text("one")), vec![0]].concat()]);
        let error = read(&mut StateReader::with_segments(&bytes, &apart)).unwrap_err();
        assert_eq!(error, StateError::Leftover { left: 1 });
    }
}
