//! The arrays that pass between a learner and its environments; all are row-major, a row an environment.

use crate::env::Step;
use crate::space::Space;
use crate::state::{StateError, StateReader, StateWriter};

/// Observations `[n, width]`.
#[derive(Clone, Debug, PartialEq)]
pub enum ObsBatch {
    /// Features.
    F32(Vec<f32>),
    /// Pixels.
    U8(Vec<u8>),
}

/// Actions of n environments.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionBatch {
    /// `[n]`, for [`Space::Discrete`].
    Discrete(Vec<u32>),
    /// `[n, k]`, for [`Space::Box`].
    Continuous(Vec<f32>),
    /// `[n, k]`, for [`Space::MultiDiscrete`] and [`Space::MultiBinary`].
    Multi(Vec<u32>),
}

/// What one step of n environments returns.
#[derive(Clone, Debug, PartialEq)]
pub struct StepBatch {
    /// `[n, width]`: what to act on next. Where an episode ended, the next episode's first observation.
    pub obs: ObsBatch,
    /// `[n, width]`: where an episode ended, its last observation; other rows are unspecified.
    pub final_obs: ObsBatch,
    /// `[n]`: rewards and flags.
    pub steps: Vec<Step>,
}

impl ObsBatch {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::U8(values) => values.len(),
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The features.
    ///
    /// # Panics
    /// When it holds pixels.
    pub fn f32s(&self) -> &[f32] {
        match self {
            Self::F32(values) => values,
            Self::U8(_) => panic!("pixels asked for as features"),
        }
    }

    /// The numbers as features: pixels become numbers from 0 to 255, in `buffer`.
    pub fn as_f32s<'a>(&'a self, buffer: &'a mut Vec<f32>) -> &'a [f32] {
        match self {
            Self::F32(values) => values,
            Self::U8(values) => {
                buffer.clear();
                buffer.extend(values.iter().copied().map(f32::from));
                buffer
            }
        }
    }

    /// The features, to write.
    ///
    /// # Panics
    /// When it holds pixels.
    pub fn f32s_mut(&mut self) -> &mut [f32] {
        match self {
            Self::F32(values) => values,
            Self::U8(_) => panic!("pixels asked for as features"),
        }
    }

    /// The numbers of row `i` of rows of `width` numbers, as `f64` (exact).
    pub fn row_f64(&self, i: usize, width: usize) -> Vec<f64> {
        let row = i * width..(i + 1) * width;
        match self {
            Self::F32(values) => values[row].iter().copied().map(f64::from).collect(),
            Self::U8(values) => values[row].iter().copied().map(f64::from).collect(),
        }
    }

    /// Writes the numbers.
    pub fn save(&self, out: &mut StateWriter) {
        match self {
            Self::F32(values) => out.f32s(values),
            Self::U8(values) => out.bytes(values),
        }
    }

    /// Reads as many numbers as it holds.
    ///
    /// # Errors
    /// When the state holds another number of them.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        match self {
            Self::F32(values) => from.f32s_into(values),
            Self::U8(values) => from.bytes_into(values),
        }
    }
}

impl ActionBatch {
    /// Zero actions of `n` environments.
    pub fn new(space: &Space, n: usize) -> Self {
        match space {
            Space::Discrete { .. } => Self::Discrete(vec![0; n]),
            Space::Box { .. } => Self::Continuous(vec![0.0; n * space.width()]),
            Space::MultiDiscrete { .. } | Space::MultiBinary { .. } => {
                Self::Multi(vec![0; n * space.width()])
            }
        }
    }

    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        match self {
            Self::Discrete(values) | Self::Multi(values) => values.len(),
            Self::Continuous(values) => values.len(),
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of row `i` of rows of `width` numbers, as `f64` (exact).
    pub fn row_f64(&self, i: usize, width: usize) -> Vec<f64> {
        let row = i * width..(i + 1) * width;
        match self {
            Self::Discrete(values) | Self::Multi(values) => {
                values[row].iter().copied().map(f64::from).collect()
            }
            Self::Continuous(values) => values[row].iter().copied().map(f64::from).collect(),
        }
    }

    /// Writes numbers, rounded to what the batch holds, into row `i`.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn set_row(&mut self, i: usize, values: &[f64]) {
        let row = i * values.len()..(i + 1) * values.len();
        match self {
            Self::Discrete(actions) | Self::Multi(actions) => {
                for (action, &value) in actions[row].iter_mut().zip(values) {
                    *action = value as u32;
                }
            }
            Self::Continuous(actions) => {
                for (action, &value) in actions[row].iter_mut().zip(values) {
                    *action = value as f32;
                }
            }
        }
    }
}

impl StepBatch {
    /// Writes observations, rewards and flags.
    pub fn save(&self, out: &mut StateWriter) {
        self.obs.save(out);
        self.final_obs.save(out);
        out.u64(self.steps.len() as u64);
        for step in &self.steps {
            out.f64(step.reward);
            out.bool(step.terminated);
            out.bool(step.truncated);
        }
    }

    /// Reads a batch of the same shape.
    ///
    /// # Errors
    /// When the state holds a batch of another shape.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.obs.load(from)?;
        self.final_obs.load(from)?;
        let n = from.u64()?;
        if n != self.steps.len() as u64 {
            return Err(StateError::mismatch("the number of rows", self.steps.len(), n));
        }
        for step in &mut self.steps {
            let (reward, terminated, truncated) = (from.f64()?, from.bool()?, from.bool()?);
            *step = Step { reward, terminated, truncated };
        }
        Ok(())
    }
}
