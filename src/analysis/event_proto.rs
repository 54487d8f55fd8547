//! The few protobuf messages of a `TensorBoard` event file, encoded and decoded by hand.
//!
//! Field numbers are those of `event.proto` and `summary.proto` in `TensorBoard`.

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED_32: u64 = 5;

/// When an event happened: on the x-axis and on the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamp {
    /// The frame.
    pub step: u64,
    /// Unix time in seconds.
    pub wall_time: f64,
}

/// One scalar read from an event file.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalarEvent {
    /// Name of the series.
    pub tag: String,
    /// The frame.
    pub step: u64,
    /// Unix time in seconds.
    pub wall_time: f64,
    /// The value.
    pub value: f32,
}

/// The first event of every file.
pub(super) fn version_event(wall_time: f64) -> Vec<u8> {
    let mut event = Message::default();
    event.double(1, wall_time);
    event.bytes(3, b"brain.Event:2");
    event.0
}

/// An event with one value per `(tag, value)`.
pub(super) fn scalars_event<'a>(
    stamp: Stamp,
    scalars: impl Iterator<Item = (&'a str, f64)>,
) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, value) in scalars {
        let mut entry = Message::default();
        entry.bytes(1, tag.as_bytes());
        entry.float(2, value as f32);
        summary.bytes(1, &entry.0);
    }
    event(stamp, &summary)
}

/// The scalars of an encoded event, or `None` if it is not a valid message.
pub(super) fn decode_scalars(event: &[u8]) -> Option<Vec<ScalarEvent>> {
    let mut stamp = Stamp { step: 0, wall_time: 0.0 };
    let mut scalars = Vec::new();
    for (number, field) in fields(event)? {
        match (number, field) {
            (1, Field::Fixed64(bits)) => stamp.wall_time = f64::from_bits(bits),
            (2, Field::Varint(step)) => stamp.step = step,
            (5, Field::Length(summary)) => decode_summary(summary, &mut scalars)?,
            _ => {}
        }
    }
    let with_stamp =
        |(tag, value)| ScalarEvent { tag, step: stamp.step, wall_time: stamp.wall_time, value };
    Some(scalars.into_iter().map(with_stamp).collect())
}

fn event(stamp: Stamp, summary: &Message) -> Vec<u8> {
    let mut event = Message::default();
    event.double(1, stamp.wall_time);
    event.varint(2, stamp.step);
    event.bytes(5, &summary.0);
    event.0
}

/// A message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, number: u64, value: u64) {
        self.key(number, VARINT);
        self.raw_varint(value);
    }

    fn double(&mut self, number: u64, value: f64) {
        self.key(number, FIXED_64);
        self.0.extend(value.to_le_bytes());
    }

    fn float(&mut self, number: u64, value: f32) {
        self.key(number, FIXED_32);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, number: u64, value: &[u8]) {
        self.key(number, LENGTH);
        self.raw_varint(value.len() as u64);
        self.0.extend(value);
    }

    fn key(&mut self, number: u64, wire_type: u64) {
        self.raw_varint(number << 3 | wire_type);
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Length(&'a [u8]),
    Fixed32(u32),
}

fn decode_summary(summary: &[u8], scalars: &mut Vec<(String, f32)>) -> Option<()> {
    for (number, field) in fields(summary)? {
        let (1, Field::Length(entry)) = (number, field) else { continue };
        let (mut tag, mut value) = (String::new(), None);
        for (number, field) in fields(entry)? {
            match (number, field) {
                (1, Field::Length(text)) => tag = String::from_utf8(text.to_vec()).ok()?,
                (2, Field::Fixed32(bits)) => value = Some(f32::from_bits(bits)),
                _ => {}
            }
        }
        scalars.extend(value.map(|value| (tag, value)));
    }
    Some(())
}

fn fields(mut message: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = take_varint(&mut message)?;
        let field = match key & 7 {
            VARINT => Field::Varint(take_varint(&mut message)?),
            FIXED_64 => Field::Fixed64(u64::from_le_bytes(take(&mut message, 8)?.try_into().ok()?)),
            LENGTH => {
                let length = take_varint(&mut message)?;
                Field::Length(take(&mut message, usize::try_from(length).ok()?)?)
            }
            FIXED_32 => Field::Fixed32(u32::from_le_bytes(take(&mut message, 4)?.try_into().ok()?)),
            _ => return None,
        };
        fields.push((key >> 3, field));
    }
    Some(fields)
}

fn take<'a>(message: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(n)?;
    *message = rest;
    Some(taken)
}

fn take_varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(message, 1)?[0];
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_event_has_the_bytes_of_the_protobuf_library() {
        // Recorded: tensorboard 2.21.0, Event(wall_time=1.5, step=300,
        // summary=Summary(value=[Summary.Value(tag="loss",
        // simple_value=0.25)])).SerializeToString().hex()
        let expected = "09000000000000f83f10ac022a0d0a0b0a046c6f7373150000803e";
        let event =
            scalars_event(Stamp { step: 300, wall_time: 1.5 }, [("loss", 0.25)].into_iter());
        let hex: Vec<String> = event.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex.concat(), expected);
    }

    #[test]
    fn scalars_are_decoded_with_their_stamp() {
        let stamp = Stamp { step: u64::from(u32::MAX) + 1, wall_time: 1.75e9 };
        let event = scalars_event(stamp, [("a", 1.0), ("b", -2.5)].into_iter());
        let scalars = decode_scalars(&event).unwrap();
        let found: Vec<_> = scalars.iter().map(|s| (s.tag.as_str(), s.value)).collect();
        assert_eq!(found, [("a", 1.0), ("b", -2.5)]);
        assert_eq!((scalars[0].step, scalars[0].wall_time), (stamp.step, stamp.wall_time));
    }

    #[test]
    fn a_cut_message_is_refused() {
        let event = scalars_event(Stamp { step: 1, wall_time: 0.0 }, [("a", 1.0)].into_iter());
        assert_eq!(decode_scalars(&event[..event.len() - 1]), None);
    }
}
