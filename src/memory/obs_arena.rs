//! Rows of observations, features or pixels, one after another in memory.

use std::ops::Range;

use slm_env::{ObsBatch, StateError, StateReader, StateWriter};

/// Observations `[rows, width]`, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct ObsArena {
    width: usize,
    values: ObsBatch,
}

impl ObsArena {
    /// No rows yet of `width` pixels (`is_u8`) or features.
    pub fn new(width: usize, is_u8: bool) -> Self {
        Self::zeros(0, width, is_u8)
    }

    /// Rows of zeros, to be overwritten; the operating system commits their memory only then.
    pub fn zeros(rows: usize, width: usize, is_u8: bool) -> Self {
        let values = if is_u8 {
            ObsBatch::U8(vec![0; rows * width])
        } else {
            ObsBatch::F32(vec![0.0; rows * width])
        };
        Self { width, values }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Forgets the rows but not their memory.
    pub fn clear(&mut self) {
        match &mut self.values {
            ObsBatch::F32(values) => values.clear(),
            ObsBatch::U8(values) => values.clear(),
        }
    }

    /// Removes the first `count` rows.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn remove_first(&mut self, count: usize) {
        let len = count * self.width;
        match &mut self.values {
            ObsBatch::F32(values) => drop(values.drain(..len)),
            ObsBatch::U8(values) => drop(values.drain(..len)),
        }
    }

    /// All rows `[rows, width]`.
    pub fn values(&self) -> &ObsBatch {
        &self.values
    }

    /// All rows `[rows, width]`, taken out.
    pub fn into_values(self) -> ObsBatch {
        self.values
    }

    /// A copy of one row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: usize) -> ObsBatch {
        let row = row * self.width..(row + 1) * self.width;
        match &self.values {
            ObsBatch::F32(values) => ObsBatch::F32(values[row].to_vec()),
            ObsBatch::U8(values) => ObsBatch::U8(values[row].to_vec()),
        }
    }

    /// Appends all rows of `obs` `[n, width]`.
    ///
    /// # Panics
    /// When one holds pixels and the other features.
    pub fn extend(&mut self, obs: &ObsBatch) {
        match (&mut self.values, obs) {
            (ObsBatch::F32(values), ObsBatch::F32(obs)) => values.extend_from_slice(obs),
            (ObsBatch::U8(values), ObsBatch::U8(obs)) => values.extend_from_slice(obs),
            _ => panic!("{MIXED}"),
        }
    }

    /// Appends row `i` of `obs` `[n, width]`.
    ///
    /// # Panics
    /// As [`extend_rows`](Self::extend_rows).
    pub fn push(&mut self, obs: &ObsBatch, i: usize) {
        self.extend_rows(obs, i..i + 1);
    }

    /// Appends some rows of `obs` `[n, width]`.
    ///
    /// # Panics
    /// When one holds pixels and the other features, or there are no such rows.
    pub fn extend_rows(&mut self, obs: &ObsBatch, rows: Range<usize>) {
        let range = rows.start * self.width..rows.end * self.width;
        match (&mut self.values, obs) {
            (ObsBatch::F32(values), ObsBatch::F32(obs)) => values.extend_from_slice(&obs[range]),
            (ObsBatch::U8(values), ObsBatch::U8(obs)) => values.extend_from_slice(&obs[range]),
            _ => panic!("{MIXED}"),
        }
    }

    /// Overwrites the `count` rows from `row` on by those of `obs` `[n, width]` from `first` on.
    ///
    /// # Panics
    /// When one holds pixels and the other features, or there are no such rows.
    pub fn set(&mut self, row: usize, obs: &ObsBatch, first: usize, count: usize) {
        let (to, from) = (row * self.width, first * self.width);
        let len = count * self.width;
        match (&mut self.values, obs) {
            (ObsBatch::F32(values), ObsBatch::F32(obs)) => {
                values[to..to + len].copy_from_slice(&obs[from..from + len]);
            }
            (ObsBatch::U8(values), ObsBatch::U8(obs)) => {
                values[to..to + len].copy_from_slice(&obs[from..from + len]);
            }
            _ => panic!("{MIXED}"),
        }
    }

    /// Appends a row to `out`.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline]
    pub fn gather(&self, row: usize, out: &mut impl ObsRows) {
        let row = row * self.width..(row + 1) * self.width;
        match &self.values {
            ObsBatch::F32(values) => out.push_features(&values[row]),
            ObsBatch::U8(values) => out.push_pixels(&values[row]),
        }
    }

    /// Writes the rows.
    pub fn save(&self, out: &mut StateWriter) {
        self.values.save(out);
    }

    /// Reads as many rows as the state has.
    ///
    /// # Errors
    /// When the state ends early or in the middle of a row.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        match &mut self.values {
            ObsBatch::F32(values) => *values = from.f32s()?,
            ObsBatch::U8(values) => *values = from.bytes()?,
        }
        match self.values.len() % self.width {
            0 => Ok(()),
            rest => {
                let found = format!("{rest} numbers more");
                Err(StateError::mismatch("an observation", "whole rows", found))
            }
        }
    }
}

/// Where rows of observations are gathered: as numbers, or as they are stored.
pub trait ObsRows {
    /// No rows yet.
    fn none() -> Self;

    /// Forgets the rows but not their memory, before rows of pixels (`is_u8`) or of features come.
    fn clear_for(&mut self, is_u8: bool);

    /// Appends a row of features.
    fn push_features(&mut self, row: &[f32]);

    /// Appends a row of pixels.
    fn push_pixels(&mut self, row: &[u8]);
}

/// Pixels become numbers from 0 to 255.
impl ObsRows for Vec<f32> {
    fn none() -> Self {
        Self::new()
    }

    fn clear_for(&mut self, _: bool) {
        self.clear();
    }

    #[inline]
    fn push_features(&mut self, row: &[f32]) {
        self.extend_from_slice(row);
    }

    #[inline]
    fn push_pixels(&mut self, row: &[u8]) {
        self.extend(row.iter().map(|&x| f32::from(x)));
    }
}

/// Pixels stay bytes.
impl ObsRows for ObsBatch {
    fn none() -> Self {
        Self::F32(Vec::new())
    }

    fn clear_for(&mut self, is_u8: bool) {
        match (self, is_u8) {
            (Self::F32(rows), false) => rows.clear(),
            (Self::U8(rows), true) => rows.clear(),
            (rows, false) => *rows = Self::F32(Vec::new()),
            (rows, true) => *rows = Self::U8(Vec::new()),
        }
    }

    fn push_features(&mut self, row: &[f32]) {
        let Self::F32(rows) = self else { panic!("{MIXED}") };
        rows.extend_from_slice(row);
    }

    fn push_pixels(&mut self, row: &[u8]) {
        let Self::U8(rows) = self else { panic!("{MIXED}") };
        rows.extend_from_slice(row);
    }
}

const MIXED: &str = "an arena and its observations are both of pixels or both of features";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_features_come_back_as_they_were() {
        let obs = ObsBatch::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let mut arena = ObsArena::zeros(3, 2, false);
        arena.set(1, &obs, 1, 2);
        arena.push(&obs, 0);
        let mut out = Vec::new();
        (0..arena.len()).for_each(|row| arena.gather(row, &mut out));
        assert_eq!(out, [0.0, 0.0, 3.0, 4.0, 5.0, 6.0, 1.0, 2.0]);
    }

    #[test]
    fn pixels_stay_bytes_and_are_gathered_as_numbers_or_as_they_are() {
        let mut arena = ObsArena::new(2, true);
        arena.push(&ObsBatch::U8(vec![0, 255]), 0);
        assert_eq!(arena.values, ObsBatch::U8(vec![0, 255]));
        let mut out = vec![7.0];
        arena.gather(0, &mut out);
        assert_eq!(out, [7.0, 0.0, 255.0]);
        let mut out = ObsBatch::F32(vec![7.0]);
        out.clear_for(true);
        arena.gather(0, &mut out);
        arena.gather(0, &mut out);
        assert_eq!(out, ObsBatch::U8(vec![0, 255, 0, 255]));
    }

    #[test]
    fn saved_rows_read_back_equal_and_half_a_row_is_refused() {
        let mut arena = ObsArena::new(2, false);
        arena.push(&ObsBatch::F32(vec![1.0, 2.0]), 0);
        let mut out = StateWriter::new();
        arena.save(&mut out);
        out.f32s(&[1.0, 2.0, 3.0]);
        let bytes = out.into_bytes();
        let mut from = StateReader::new(&bytes);
        let mut copy = ObsArena::new(2, false);
        copy.load(&mut from).unwrap();
        assert_eq!(copy, arena);
        assert!(copy.load(&mut from).is_err());
    }
}
