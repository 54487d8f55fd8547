//! The self-test a policy carries: recorded observations and what the training network gave for them.

use crate::error::LoadError;
use crate::policy::Policy;
use alloc::vec::Vec;
use core::fmt;

/// Largest difference [`Policy::verify`] accepts, relative to the recorded output or to 1 if that is larger.
///
/// Two correct f32 implementations differ by the order of their sums, about 1e-6 here; a wrong layer differs by far more.
pub const PARITY_TOLERANCE: f32 = 1e-4;

/// Recorded observations with the outputs the network must give for them; those of a recurrent
/// network are of one episode, from its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Parity {
    /// Raw observations `[n, obs_width]`.
    pub obs: Vec<f32>,
    /// Network outputs `[n, outputs]`.
    pub outputs: Vec<f32>,
}

/// The first output that differs from its recording by more than [`PARITY_TOLERANCE`].
#[derive(Clone, Debug, PartialEq)]
pub struct ParityError {
    /// Row of the recording.
    pub row: usize,
    /// Output column.
    pub column: usize,
    /// What was recorded.
    pub expected: f32,
    /// What this policy computes.
    pub actual: f32,
}

impl fmt::Display for ParityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ParityError { row, column, expected, actual } = self;
        write!(f, "output {column} of recorded observation {row} is {actual}, not {expected}")
    }
}

impl core::error::Error for ParityError {}

impl Policy {
    /// Attaches raw observations `[n, obs_width]` and the training network's outputs `[n, output_width]` for them.
    ///
    /// # Errors
    /// When the lengths are not those of `n` ≥ 1 rows, or a number is not finite.
    pub fn set_parity(&mut self, obs: &[f32], outputs: &[f32]) -> Result<(), LoadError> {
        let n = obs.len() / self.obs_width();
        if n == 0
            || obs.len() != n * self.obs_width()
            || Some(outputs.len()) != n.checked_mul(self.output_width())
        {
            return Err(LoadError::Shape("parity: obs [n, obs_width], outputs [n, output_width]"));
        }
        if !obs.iter().chain(outputs).all(|x| x.is_finite()) {
            return Err(LoadError::NonFinite("parity".into()));
        }
        self.parity = Some(Parity { obs: obs.to_vec(), outputs: outputs.to_vec() });
        Ok(())
    }

    /// Recomputes the recorded outputs and returns how many rows were compared; 0 without a recording.
    ///
    /// # Errors
    /// At the first output that differs by more than [`PARITY_TOLERANCE`].
    pub fn verify(&self) -> Result<usize, ParityError> {
        let Some(Parity { obs, outputs }) = &self.parity else { return Ok(0) };
        let mut fresh = self.clone();
        fresh.reset();
        // One row at a time: a file must not decide how much memory is taken.
        let rows = obs.chunks_exact(self.obs_width());
        let rows = rows.zip(outputs.chunks_exact(self.output_width()));
        for (row, (obs, outputs)) in rows.enumerate() {
            let computed = fresh.outputs(obs);
            for (column, (&actual, &expected)) in computed.iter().zip(outputs).enumerate() {
                let limit = PARITY_TOLERANCE * expected.abs().max(1.0);
                // Written so that NaN fails.
                let agrees = (actual - expected).abs() <= limit;
                if !agrees {
                    return Err(ParityError { row, column, expected, actual });
                }
            }
        }
        Ok(obs.len() / self.obs_width())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::ActionHead;
    use crate::layer::Layer;
    use crate::linear::Linear;
    use crate::network::Network;
    use alloc::vec;

    fn double_and_negate() -> Policy {
        let linear = Linear::new(1, 2, &[2.0, -1.0], &[0.0, 0.0]).unwrap();
        let network = Network { layers: vec![Layer::Linear(linear)] };
        Policy::new(&[1], None, network, ActionHead::Categorical { n: 2 }).unwrap()
    }

    #[test]
    fn a_faithful_policy_verifies_every_row() {
        let mut policy = double_and_negate();
        assert_eq!(policy.verify(), Ok(0));
        policy.set_parity(&[1.0, -3.0], &[2.0, -1.0, -6.0, 3.0]).unwrap();
        assert_eq!(policy.verify(), Ok(2));
    }

    #[test]
    fn the_first_wrong_output_is_named() {
        let mut policy = double_and_negate();
        policy.set_parity(&[1.0, -3.0], &[2.0, -1.0, -6.0, 3.001]).unwrap();
        let error = ParityError { row: 1, column: 1, expected: 3.001, actual: 3.0 };
        assert_eq!(policy.verify(), Err(error));
    }

    #[test]
    fn recordings_of_other_lengths_are_refused() {
        let mut policy = double_and_negate();
        assert!(policy.set_parity(&[1.0], &[2.0]).is_err());
        assert!(policy.set_parity(&[], &[]).is_err());
        assert!(policy.set_parity(&[f32::NAN], &[2.0, -1.0]).is_err());
    }
}
