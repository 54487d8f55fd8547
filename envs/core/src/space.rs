//! What observations and actions look like.

use std::fmt;

use crate::batch::ActionBatch;
use crate::rng::Rng;

/// The set an observation or an action comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Space {
    /// One of the integers 0, ..., n-1.
    Discrete {
        /// How many there are.
        n: u32,
    },
    /// An array of numbers, each between its bounds (infinite where there is none).
    Box {
        /// Lower bound of each element, row-major.
        low: Vec<f32>,
        /// Upper bound of each element, row-major.
        high: Vec<f32>,
        /// Shape of the array.
        shape: Vec<usize>,
    },
    /// Several discrete choices at once.
    MultiDiscrete {
        /// How many values each choice has.
        nvec: Vec<u32>,
    },
    /// Several switches, each 0 or 1.
    MultiBinary {
        /// How many there are.
        n: u32,
    },
}

impl Space {
    /// A vector of numbers with these bounds.
    ///
    /// # Panics
    /// When the bounds differ in length.
    pub fn vector(low: &[f32], high: &[f32]) -> Self {
        assert_eq!(low.len(), high.len(), "every element has two bounds");
        Self::Box { low: low.to_vec(), high: high.to_vec(), shape: vec![low.len()] }
    }

    /// A vector of numbers between `-high` and `high`.
    pub fn symmetric(high: &[f32]) -> Self {
        let low: Vec<f32> = high.iter().map(|bound| -bound).collect();
        Self::vector(&low, high)
    }

    /// How many numbers one element of the space takes in a batch row.
    pub fn width(&self) -> usize {
        match self {
            Self::Discrete { .. } => 1,
            Self::Box { low, .. } => low.len(),
            Self::MultiDiscrete { nvec } => nvec.len(),
            Self::MultiBinary { n } => *n as usize,
        }
    }

    /// The shape of one element: empty for a single choice.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Discrete { .. } => Vec::new(),
            Self::Box { shape, .. } => shape.clone(),
            Self::MultiDiscrete { .. } | Self::MultiBinary { .. } => vec![self.width()],
        }
    }

    /// Whether an array of numbers, in a row, is an element of the space.
    pub fn contains(&self, values: &[f64]) -> bool {
        if values.len() != self.width() {
            return false;
        }
        let is_choice =
            |value: f64, n: u32| value.fract() == 0.0 && (0.0..f64::from(n)).contains(&value);
        match self {
            Self::Discrete { n } => is_choice(values[0], *n),
            Self::MultiDiscrete { nvec } => {
                values.iter().zip(nvec).all(|(&value, &n)| is_choice(value, n))
            }
            Self::MultiBinary { .. } => values.iter().all(|&value| is_choice(value, 2)),
            Self::Box { low, high, .. } => values
                .iter()
                .zip(low.iter().zip(high))
                .all(|(&value, (&low, &high))| f64::from(low) <= value && value <= f64::from(high)),
        }
    }

    /// Draws a uniform element into row `i` of `actions`, with the draws of Gymnasium's `Space.sample`
    /// (of the generator of its `seed`). An element bounded on one side only is the bound plus or minus an
    /// exponential number, one without bounds is normal.
    ///
    /// # Panics
    /// When `actions` is no batch of this space, or has no row `i`.
    pub fn sample(&self, rng: &mut Rng, actions: &mut ActionBatch, i: usize) {
        let width = self.width();
        let row = i * width..(i + 1) * width;
        match (self, actions) {
            (Self::Discrete { n }, ActionBatch::Discrete(actions)) => {
                actions[i] = rng.integers(0, i64::from(*n)) as u32;
            }
            (Self::Box { low, high, .. }, ActionBatch::Continuous(actions)) => {
                sample_box(low, high, rng, &mut actions[row]);
            }
            (Self::MultiDiscrete { nvec }, ActionBatch::Multi(actions)) => {
                for (action, &n) in actions[row].iter_mut().zip(nvec) {
                    *action = (rng.random() * f64::from(n)) as u32;
                }
            }
            (Self::MultiBinary { .. }, ActionBatch::Multi(actions)) => {
                for action in &mut actions[row] {
                    *action = rng.integers(0, 2) as u32;
                }
            }
            (space, actions) => panic!("{actions:?} is no batch of {space:?}"),
        }
    }
}

/// Gymnasium draws the elements by kind of bound: none, above, below, both.
fn sample_box(low: &[f32], high: &[f32], rng: &mut Rng, out: &mut [f32]) {
    for kind in [(false, false), (false, true), (true, false), (true, true)] {
        for (value, (&low, &high)) in out.iter_mut().zip(low.iter().zip(high)) {
            if kind == (low.is_finite(), high.is_finite()) {
                *value = sample_between(f64::from(low), f64::from(high), rng) as f32;
            }
        }
    }
}

fn sample_between(low: f64, high: f64, rng: &mut Rng) -> f64 {
    match (low.is_finite(), high.is_finite()) {
        (true, true) => rng.uniform(low, high),
        (true, false) => low - (-rng.random()).ln_1p(),
        (false, true) => high + (-rng.random()).ln_1p(),
        (false, false) => rng.standard_normal(),
    }
}

/// In words, such as `one of 3 choices, 0 to 2` or `3 numbers: [-1, 1] × 2, [-8, 8]`.
impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discrete { n } => write!(f, "one of {n} choices, 0 to {}", n.saturating_sub(1)),
            Self::MultiDiscrete { nvec } => write!(f, "{} choices, of {nvec:?} values", nvec.len()),
            Self::MultiBinary { n } => write!(f, "{n} switches"),
            Self::Box { low, high, shape } => {
                let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
                let plural = if low.len() == 1 { "" } else { "s" };
                write!(f, "{} number{plural}", shape.join(" × "))?;
                write_bounds(f, low, high)
            }
        }
    }
}

/// Bounds by runs of elements that share them, with how many these are unless all do.
fn write_bounds(f: &mut fmt::Formatter<'_>, low: &[f32], high: &[f32]) -> fmt::Result {
    let bounds: Vec<(&f32, &f32)> = low.iter().zip(high).collect();
    let mut start = ": ";
    for run in bounds.chunk_by(|a, b| a == b) {
        // A zero is added so that none has a sign.
        let [low, high] = [run[0].0, run[0].1].map(|x| (f64::from(*x) * 1e4).round() / 1e4 + 0.0);
        match run.len() {
            1 => write!(f, "{start}[{low}, {high}]")?,
            all if all == bounds.len() => write!(f, ", each in [{low}, {high}]")?,
            count => write!(f, "{start}[{low}, {high}] × {count}")?,
        }
        start = ", ";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_holds_arrays_between_its_bounds() {
        let space = Space::vector(&[-1.0, 0.0], &[1.0, f32::INFINITY]);
        assert!(space.contains(&[1.0, 1e30]));
        assert!(!space.contains(&[1.1, 0.0]));
        assert!(!space.contains(&[0.0]));
        assert!(!space.contains(&[f64::NAN, 0.0]));
    }

    #[test]
    fn choices_are_whole_numbers_below_their_count() {
        assert!(Space::Discrete { n: 3 }.contains(&[2.0]));
        assert!(!Space::Discrete { n: 3 }.contains(&[3.0]));
        assert!(!Space::Discrete { n: 3 }.contains(&[0.5]));
        assert!(!Space::MultiDiscrete { nvec: vec![2, 5] }.contains(&[2.0, 4.0]));
        assert!(Space::MultiBinary { n: 2 }.contains(&[1.0, 0.0]));
    }

    #[test]
    fn samples_of_every_space_lie_in_it() {
        let infinity = f32::INFINITY;
        let spaces = [
            Space::Discrete { n: 4 },
            Space::vector(&[-2.0, 1.0, -infinity, -infinity], &[2.0, infinity, -1.0, infinity]),
            Space::MultiDiscrete { nvec: vec![2, 7] },
            Space::MultiBinary { n: 3 },
        ];
        let mut rng = Rng::from_seed(0);
        for space in spaces {
            let mut actions = ActionBatch::new(&space, 2);
            for _ in 0..200 {
                space.sample(&mut rng, &mut actions, 1);
                let action = actions.row_f64(1, space.width());
                assert!(space.contains(&action), "{action:?} of {space:?}");
            }
        }
    }

    #[test]
    fn a_space_is_told_in_words_with_its_bounds_by_runs() {
        assert_eq!(Space::Discrete { n: 2 }.to_string(), "one of 2 choices, 0 to 1");
        let three = Space::symmetric(&[1.0, 1.0, 12.566_371]);
        assert_eq!(three.to_string(), "3 numbers: [-1, 1] × 2, [-12.5664, 12.5664]");
        assert_eq!(Space::symmetric(&[2.0]).to_string(), "1 number: [-2, 2]");
        assert_eq!(Space::vector(&[-0.0], &[5.0]).to_string(), "1 number: [0, 5]");
        let half = Space::vector(&[f32::NEG_INFINITY; 2], &[0.5; 2]);
        assert_eq!(half.to_string(), "2 numbers, each in [-inf, 0.5]");
        let image = Space::Box { low: vec![0.0; 6], high: vec![255.0; 6], shape: vec![2, 1, 3] };
        assert_eq!(image.to_string(), "2 × 1 × 3 numbers, each in [0, 255]");
    }
}
