//! Why a policy can not be loaded or built.

use alloc::string::String;
use core::fmt;

/// What is wrong with a policy file, or with the parts handed to `Policy::new`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is shorter than the eight bytes that open a safetensors file.
    TooShort,
    /// The declared header length does not fit the file or exceeds the limit.
    HeaderLength {
        /// Bytes the header claims to have.
        declared: u64,
        /// Bytes it could have.
        available: u64,
    },
    /// The header, or a JSON text in the metadata, is not JSON.
    Json {
        /// Which text.
        what: &'static str,
        /// Byte offset in it.
        offset: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// The safetensors file is not a policy: `format` is not `slm-policy`.
    NotAPolicy,
    /// A version of the format this library does not know.
    Version(String),
    /// A metadata entry is missing or has a wrong value.
    Metadata {
        /// Its key, with the place inside it where there is one.
        key: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A layer of a kind this library does not know.
    UnknownOp(String),
    /// A tensor is missing or malformed.
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A tensor holds NaN or infinity.
    NonFinite(String),
    /// Parts that do not fit together.
    Shape(&'static str),
}

impl LoadError {
    pub(crate) fn shape(expected: &'static str) -> Self {
        LoadError::Shape(expected)
    }

    pub(crate) fn metadata(key: &str, expected: &'static str) -> Self {
        LoadError::Metadata { key: key.into(), expected }
    }

    pub(crate) fn tensor(name: &str, problem: &'static str) -> Self {
        LoadError::Tensor { name: name.into(), problem }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::TooShort => write!(f, "not a policy: shorter than a safetensors file"),
            LoadError::HeaderLength { declared, available } => {
                write!(f, "header claims {declared} bytes, at most {available} are possible")
            }
            LoadError::Json { what, offset, expected } => {
                write!(f, "{what} is not JSON: expected {expected} at byte {offset}")
            }
            LoadError::NotAPolicy => write!(f, "metadata says no `format: slm-policy`"),
            LoadError::Version(v) => {
                write!(f, "policy format version `{v}` is unknown; this library reads version 1")
            }
            LoadError::Metadata { key, expected } => {
                write!(f, "metadata `{key}`: expected {expected}")
            }
            LoadError::UnknownOp(op) => write!(f, "unknown operation `{op}` in the network"),
            LoadError::Tensor { name, problem } => write!(f, "tensor `{name}` {problem}"),
            LoadError::NonFinite(name) => write!(f, "tensor `{name}` holds NaN or infinity"),
            LoadError::Shape(expected) => write!(f, "parts do not fit: {expected}"),
        }
    }
}

impl core::error::Error for LoadError {}
