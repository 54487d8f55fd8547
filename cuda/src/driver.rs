//! NVIDIA's driver and the cards that it drives.
#![allow(unsafe_code, reason = "the driver's functions are called")]

use std::ffi::{CStr, c_char, c_int, c_uint};

use crate::Version;
use crate::library::{Found, find};

/// The driver's library, by the names that Burn's binding tries.
pub const DRIVER_NAMES: &[&str] =
    if cfg!(windows) { &["nvcuda.dll"] } else { &["libcuda.so", "libcuda.so.1"] };

/// NVIDIA's driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// The newest CUDA that it runs.
    pub cuda: Version,
    /// Its cards, as CUDA numbers them.
    pub cards: Vec<Card>,
}

/// A graphics card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// What its maker calls it.
    pub name: String,
    /// Its memory, in bytes.
    pub memory: u64,
    /// Its compute capability: 9.0 is `(9, 0)`.
    pub capability: (i32, i32),
}

/// Why no card can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverError {
    /// There is no driver of NVIDIA's.
    NoLibrary,
    /// The library lacks a function: it is no driver, or one from before CUDA 11.
    Unusable(&'static str),
    /// The driver refuses to start.
    Refused {
        /// The newest CUDA that it runs, if it says.
        cuda: Option<Version>,
        /// What it says, as `CUDA_ERROR_NO_DEVICE (100)`.
        error: String,
    },
}

/// The driver's answer where all is well.
const SUCCESS: c_int = 0;
/// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` and `_MINOR`.
const CAPABILITY: [c_int; 2] = [75, 76];

type Init = unsafe extern "C" fn(c_uint) -> c_int;
type ErrorName = unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int;
type Number = unsafe extern "C" fn(*mut c_int) -> c_int;
type NumberAt = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
type Name = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
type Memory = unsafe extern "C" fn(*mut usize, c_int) -> c_int;
type Attribute = unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int;

/// The driver of this machine.
///
/// # Errors
/// When there is none, or it can not be used.
pub fn driver() -> Result<Driver, DriverError> {
    let library = find(DRIVER_NAMES, &[]).ok_or(DriverError::NoLibrary)?;
    let calls = Calls::of(library).map_err(DriverError::Unusable)?;
    let cuda = calls.version();
    let refused = |error| DriverError::Refused { cuda, error: calls.describe(error) };
    // SAFETY: no flags are defined.
    succeeded(unsafe { (calls.init)(0) }).map_err(refused)?;
    let count = number(calls.count).map_err(refused)?;
    let cards = (0..count).map(|index| calls.card(index)).collect::<Result<_, _>>();
    Ok(Driver {
        cuda: cuda.unwrap_or(Version { major: 0, minor: 0 }),
        cards: cards.map_err(refused)?,
    })
}

/// The driver's functions.
struct Calls {
    init: Init,
    version: Number,
    error_name: ErrorName,
    count: Number,
    device: NumberAt,
    name: Name,
    memory: Memory,
    attribute: Attribute,
}

impl Calls {
    /// Those of `library`, or the name of the first that it lacks.
    fn of(library: Found) -> Result<Self, &'static str> {
        // SAFETY: the types are those of cuda.h, which have not changed since CUDA 3.2.
        unsafe {
            Ok(Self {
                init: library.function("cuInit").ok_or("cuInit")?,
                version: library.function("cuDriverGetVersion").ok_or("cuDriverGetVersion")?,
                error_name: library.function("cuGetErrorName").ok_or("cuGetErrorName")?,
                count: library.function("cuDeviceGetCount").ok_or("cuDeviceGetCount")?,
                device: library.function("cuDeviceGet").ok_or("cuDeviceGet")?,
                name: library.function("cuDeviceGetName").ok_or("cuDeviceGetName")?,
                memory: library.function("cuDeviceTotalMem_v2").ok_or("cuDeviceTotalMem_v2")?,
                attribute: library
                    .function("cuDeviceGetAttribute")
                    .ok_or("cuDeviceGetAttribute")?,
            })
        }
    }

    fn version(&self) -> Option<Version> {
        number(self.version).ok().map(Version::from_number)
    }

    fn card(&self, index: c_int) -> Result<Card, c_int> {
        let (mut device, mut name, mut memory) = (0, [0; 256], 0_usize);
        // SAFETY: each writes one value, and the name at most as many bytes as it is told, the last of them 0.
        unsafe {
            succeeded((self.device)(&raw mut device, index))?;
            succeeded((self.name)(name.as_mut_ptr(), 256, device))?;
            succeeded((self.memory)(&raw mut memory, device))?;
        }
        let [major, minor] = CAPABILITY.map(|attribute| self.attribute(attribute, device));
        let name = name.map(|byte: c_char| byte as u8);
        let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
        Ok(Card {
            name: name.to_string_lossy().into_owned(),
            memory: memory as u64,
            capability: (major?, minor?),
        })
    }

    fn attribute(&self, attribute: c_int, device: c_int) -> Result<c_int, c_int> {
        let mut value = 0;
        // SAFETY: it writes one number.
        succeeded(unsafe { (self.attribute)(&raw mut value, attribute, device) })?;
        Ok(value)
    }

    /// An error by its name and number.
    fn describe(&self, error: c_int) -> String {
        let mut name = std::ptr::null();
        // SAFETY: it writes a pointer to a constant string, or leaves a null pointer.
        let said = unsafe { (self.error_name)(error, &raw mut name) };
        if said != SUCCESS || name.is_null() {
            return format!("error {error}");
        }
        // SAFETY: the string is the driver's own, ends in 0 and lives as long as the driver.
        format!("{} ({error})", unsafe { CStr::from_ptr(name) }.to_string_lossy())
    }
}

/// The number that a function writes.
fn number(call: Number) -> Result<c_int, c_int> {
    let mut number = 0;
    // SAFETY: it writes one number.
    succeeded(unsafe { call(&raw mut number) })?;
    Ok(number)
}

fn succeeded(answer: c_int) -> Result<(), c_int> {
    if answer == SUCCESS { Ok(()) } else { Err(answer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever this machine has: an answer, and the same one again.
    #[test]
    fn the_driver_is_asked_as_often_as_one_likes() {
        let first = driver();
        assert_eq!(first, driver());
        if let Ok(driver) = first {
            assert!(driver.cuda.major >= 10 && driver.cards.iter().all(|card| card.memory > 0));
        }
    }
}
