//! What a machine has for CUDA (driver, cards, run-time compiler, headers), asked before a device is made.
//!
//! Burn's libraries end in a panic where one of these is missing. Here each is looked for in the same
//! places, and what is missing is a value that says so. Nothing is linked: without a driver this runs too.

mod compiler;
mod driver;
mod library;

use std::fmt;

pub use self::compiler::{
    COMPILER_NAMES, Compiler, CompilerError, compiler, headers_version, missing_headers,
};
pub use self::driver::{Card, DRIVER_NAMES, Driver, DriverError, driver};

/// A version of CUDA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 12 of 12.8.
    pub major: i32,
    /// 8 of 12.8.
    pub minor: i32,
}

impl Version {
    /// From the number that the driver gives: 12080 is 12.8.
    fn from_number(number: i32) -> Self {
        Self { major: number / 1000, minor: number % 1000 / 10 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_their_number_and_compared() {
        let [old, new] = [12_080, 13_000].map(Version::from_number);
        assert_eq!([old.to_string(), new.to_string()], ["12.8", "13.0"]);
        assert!(old < new);
    }
}
