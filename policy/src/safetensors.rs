//! The safetensors container: header length, JSON header, data. Readable by every other reader of the format.

use crate::error::LoadError;
use crate::json;
use crate::json::Value;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Longest header that is read; that of a policy has a few kilobytes.
const MAX_HEADER: u64 = 1 << 20;

/// One tensor of a file.
#[derive(Debug)]
pub(crate) struct Tensor<'a> {
    dtype: String,
    /// Its dimensions.
    pub(crate) shape: Vec<usize>,
    data: &'a [u8],
}

/// A parsed file; the data stay where they are.
#[derive(Debug)]
pub(crate) struct Container<'a> {
    /// The free text entries of the header.
    pub(crate) metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, Tensor<'a>>,
}

impl<'a> Container<'a> {
    /// Reads the header and checks that the tensors tile the data without holes or overlaps.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, LoadError> {
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or(LoadError::TooShort)?;
        let declared = u64::from_le_bytes(*length);
        let available = MAX_HEADER.min(rest.len() as u64);
        if declared > available {
            return Err(LoadError::HeaderLength { declared, available });
        }
        let (header, data) = rest.split_at(declared as usize);
        let header = core::str::from_utf8(header).map_err(|error| LoadError::Json {
            what: "header",
            offset: error.valid_up_to(),
            expected: "UTF-8",
        })?;
        let header = Value::parse(header, "header")?;
        let members = header.as_object().ok_or(LoadError::NotAPolicy)?;
        let metadata = members.get("__metadata__").map_or(Ok(BTreeMap::new()), metadata)?;
        let mut end = 0;
        let mut tensors = BTreeMap::new();
        for (name, [begin, stop], entry) in by_offset(members)? {
            if begin != end || stop < begin || stop > data.len() {
                return Err(LoadError::tensor(name, "does not follow the one before it"));
            }
            end = stop;
            tensors.insert(name.into(), tensor(name, entry, &data[begin..stop])?);
        }
        if end != data.len() {
            return Err(LoadError::tensor("(data)", "has bytes that no tensor describes"));
        }
        Ok(Container { metadata, tensors })
    }

    /// Whether a tensor of that name exists.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The finite f32 elements of a tensor of that shape.
    pub(crate) fn f32s(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let (words, _) = self.find(name, "F32", shape)?.data.as_chunks::<4>();
        let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        if values.iter().all(|x| x.is_finite()) {
            Ok(values)
        } else {
            Err(LoadError::NonFinite(name.into()))
        }
    }

    /// The finite f64 elements of a tensor of that shape.
    pub(crate) fn f64s(&self, name: &str, shape: &[usize]) -> Result<Vec<f64>, LoadError> {
        let (words, _) = self.find(name, "F64", shape)?.data.as_chunks::<8>();
        let values: Vec<f64> = words.iter().map(|word| f64::from_le_bytes(*word)).collect();
        if values.iter().all(|x| x.is_finite()) {
            Ok(values)
        } else {
            Err(LoadError::NonFinite(name.into()))
        }
    }

    /// The dimensions of a tensor.
    pub(crate) fn shape(&self, name: &str) -> Result<&[usize], LoadError> {
        let found = self.tensors.get(name);
        found.map(|t| &*t.shape).ok_or_else(|| LoadError::tensor(name, "is missing"))
    }

    fn find(&self, name: &str, dtype: &str, shape: &[usize]) -> Result<&Tensor<'a>, LoadError> {
        let tensor = self.tensors.get(name).ok_or_else(|| LoadError::tensor(name, "is missing"))?;
        if tensor.dtype != dtype {
            return Err(LoadError::tensor(name, "has another type of element"));
        }
        if tensor.shape != shape {
            return Err(LoadError::tensor(name, "has another shape"));
        }
        Ok(tensor)
    }
}

fn metadata(value: &Value<'_>) -> Result<BTreeMap<String, String>, LoadError> {
    let refused = || LoadError::metadata("__metadata__", "an object of strings");
    let entries = value.as_object().ok_or_else(refused)?;
    let mut texts = BTreeMap::new();
    for (key, value) in entries {
        texts.insert(key.clone(), value.as_text().ok_or_else(refused)?.into());
    }
    Ok(texts)
}

type Entry<'h, 'a> = (&'h str, [usize; 2], &'h Value<'a>);

/// The tensors of the header in the order of their data.
fn by_offset<'h, 'a>(
    members: &'h BTreeMap<String, Value<'a>>,
) -> Result<Vec<Entry<'h, 'a>>, LoadError> {
    let mut entries = Vec::new();
    for (name, entry) in members.iter().filter(|(name, _)| *name != "__metadata__") {
        let offsets = entry.get("data_offsets").and_then(|v| numbers(v));
        let offsets = offsets.and_then(|o| <[usize; 2]>::try_from(o).ok());
        let offsets = offsets.ok_or_else(|| LoadError::tensor(name, "has no data offsets"))?;
        entries.push((name.as_str(), offsets, entry));
    }
    entries.sort_by_key(|(_, offsets, _)| *offsets);
    Ok(entries)
}

fn numbers(value: &Value<'_>) -> Option<Vec<usize>> {
    value.as_array()?.iter().map(Value::number::<usize>).collect()
}

fn tensor<'a>(name: &str, entry: &Value<'_>, data: &'a [u8]) -> Result<Tensor<'a>, LoadError> {
    let dtype = entry.get("dtype").and_then(Value::as_text).unwrap_or_default();
    let size =
        element_size(dtype).ok_or_else(|| LoadError::tensor(name, "has an unknown dtype"))?;
    let shape = entry.get("shape").and_then(numbers);
    let shape = shape.ok_or_else(|| LoadError::tensor(name, "has no shape"))?;
    let bytes = shape.iter().try_fold(size, |bytes, dim| bytes.checked_mul(*dim));
    if bytes != Some(data.len()) {
        return Err(LoadError::tensor(name, "has a shape that does not fit its data"));
    }
    Ok(Tensor { dtype: dtype.into(), shape, data })
}

/// Bytes of one element of the types that are whole bytes.
fn element_size(dtype: &str) -> Option<usize> {
    match dtype {
        "BOOL" | "U8" | "I8" | "F8_E4M3" | "F8_E5M2" | "F8_E8M0" => Some(1),
        "I16" | "U16" | "F16" | "BF16" => Some(2),
        "I32" | "U32" | "F32" => Some(4),
        "I64" | "U64" | "F64" | "C64" => Some(8),
        _ => None,
    }
}

/// A file being written; the same content always gives the same bytes.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// The free text entries of the header.
    pub(crate) metadata: BTreeMap<String, String>,
    tensors: BTreeMap<Key, Stored>,
}

/// Type and name of a tensor to be written.
type Key = (&'static str, String);
/// Its dimensions and bytes.
type Stored = (Vec<usize>, Vec<u8>);

impl Writer {
    pub(crate) fn f32s(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.tensors.insert(("F32", name.into()), (shape.to_vec(), bytes));
    }

    pub(crate) fn f64s(&mut self, name: &str, shape: &[usize], values: &[f64]) {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.tensors.insert(("F64", name.into()), (shape.to_vec(), bytes));
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let mut header = self.header();
        while !header.len().is_multiple_of(8) {
            header.push(' ');
        }
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        for (_, data) in self.in_order().map(|(_, tensor)| tensor) {
            bytes.extend_from_slice(data);
        }
        bytes
    }

    /// "F64" before "F32", which keeps all data aligned; names in ascending order within each.
    fn in_order(&self) -> impl Iterator<Item = (&Key, &Stored)> {
        let of = |dtype| self.tensors.iter().filter(move |((d, _), _)| *d == dtype);
        of("F64").chain(of("F32"))
    }

    fn header(&self) -> String {
        let mut out = String::from("{\"__metadata__\":{");
        for (i, (key, value)) in self.metadata.iter().enumerate() {
            out.push_str(if i == 0 { "" } else { "," });
            json::write_text(&mut out, key);
            out.push(':');
            json::write_text(&mut out, value);
        }
        out.push('}');
        let mut begin = 0;
        for ((dtype, name), (shape, data)) in self.in_order() {
            out.push(',');
            json::write_text(&mut out, name);
            let end = begin + data.len();
            write!(
                out,
                ":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{begin},{end}]}}"
            )
            .expect("writing to a string can not fail");
            begin = end;
        }
        out.push('}');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn what_is_written_is_read_back_and_aligned() {
        let mut writer = Writer::default();
        writer.metadata.insert("key".into(), "va\"lue".into());
        writer.f32s("b", &[3], &[1.0, 2.0, 3.0]);
        writer.f64s("z", &[1, 1], &[0.1]);
        writer.f32s("a", &[], &[4.0]);
        let bytes = writer.into_bytes();
        assert_eq!((bytes.len() - 3 * 4 - 8 - 4) % 8, 0);
        let container = Container::parse(&bytes).unwrap();
        assert_eq!(container.metadata["key"], "va\"lue");
        assert_eq!(container.f32s("b", &[3]).unwrap(), [1.0, 2.0, 3.0]);
        assert_eq!(container.f64s("z", &[1, 1]).unwrap(), [0.1]);
        assert_eq!(container.f32s("a", &[]).unwrap(), [4.0]);
        assert!(container.f32s("z", &[1, 1]).is_err() && container.f32s("b", &[4]).is_err());
    }

    #[test]
    fn headers_that_lie_about_lengths_are_errors() {
        assert_eq!(Container::parse(b"short").unwrap_err(), LoadError::TooShort);
        let bomb = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
        let expected = LoadError::HeaderLength { declared: u64::MAX, available: 2 };
        assert_eq!(Container::parse(&bomb).unwrap_err(), expected);
        let huge = r#"{"a":{"dtype":"F32","shape":[18446744073709551615,8],"data_offsets":[0,4]}}"#;
        assert!(matches!(Container::parse(&file(huge, &[0; 4])), Err(LoadError::Tensor { .. })));
    }

    #[test]
    fn overlaps_holes_and_left_over_bytes_are_errors() {
        let two = |a: &str, b: &str| {
            let entry =
                |offsets| format!("{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{offsets}}}");
            file(&format!("{{\"a\":{},\"b\":{}}}", entry(a), entry(b)), &[0; 8])
        };
        assert!(Container::parse(&two("[0,4]", "[4,8]")).is_ok());
        for (a, b) in
            [("[0,4]", "[0,4]"), ("[0,4]", "[2,6]"), ("[0,4]", "[5,8]"), ("[4,8]", "[8,12]")]
        {
            assert!(
                matches!(Container::parse(&two(a, b)), Err(LoadError::Tensor { .. })),
                "{a} {b}"
            );
        }
        for offsets in ["[0]", "[0,4,8]", "[-1,3]", "[0.0,4.0]", "null", "[4,0]"] {
            assert!(Container::parse(&two(offsets, "[4,8]")).is_err(), "{offsets}");
        }
        let one = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        assert!(Container::parse(&file(one, &[0; 8])).is_err());
    }

    #[test]
    fn numbers_that_are_not_finite_are_named() {
        let mut writer = Writer::default();
        writer.f32s("w", &[2], &[0.0, f32::NAN]);
        let bytes = writer.into_bytes();
        let container = Container::parse(&bytes).unwrap();
        assert_eq!(container.f32s("w", &[2]), Err(LoadError::NonFinite("w".into())));
    }
}
