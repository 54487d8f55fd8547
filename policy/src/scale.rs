//! Gain and offset per channel: frozen batch normalization, or pixels brought to [0, 1].

use crate::error::LoadError;
use alloc::vec::Vec;

/// x · gain + offset, with one gain and offset per channel.
///
/// A row is `[channels, positions]`; a vector has one position per channel, and one channel scales
/// a whole row alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    gain: Vec<f32>,
    offset: Vec<f32>,
    positions: usize,
}

impl Scale {
    /// A layer from gain and offset, both `[channels]`, for channels of `positions` numbers.
    ///
    /// # Errors
    /// When a size is zero, the lengths differ or a row is too long to count.
    pub fn new(gain: &[f32], offset: &[f32], positions: usize) -> Result<Self, LoadError> {
        let width = gain.len().checked_mul(positions);
        if gain.len() != offset.len() || width.is_none_or(|width| width == 0) {
            return Err(LoadError::shape("scale: gain and offset are [channels], not empty"));
        }
        Ok(Scale { gain: gain.to_vec(), offset: offset.to_vec(), positions })
    }

    /// Replaces gain and offset in place, without allocating.
    ///
    /// # Panics
    /// When a slice is not `[channels]`.
    pub fn set(&mut self, gain: &[f32], offset: &[f32]) {
        self.gain.copy_from_slice(gain);
        self.offset.copy_from_slice(offset);
    }

    /// Width of a row.
    pub fn width(&self) -> usize {
        self.gain.len() * self.positions
    }

    /// Numbers in one channel.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Gain `[channels]`.
    pub fn gain(&self) -> &[f32] {
        &self.gain
    }

    /// Offset `[channels]`.
    pub fn offset(&self) -> &[f32] {
        &self.offset
    }

    /// Scales each row of `values` `[n, channels, positions]` in place.
    #[inline(always)]
    pub(crate) fn apply(&self, values: &mut [f32]) {
        for row in values.chunks_exact_mut(self.width()) {
            let channels = self.gain.iter().zip(&self.offset);
            if self.positions == 1 {
                for (x, (gain, offset)) in row.iter_mut().zip(channels) {
                    *x = *x * gain + offset;
                }
                continue;
            }
            for (channel, (gain, offset)) in row.chunks_exact_mut(self.positions).zip(channels) {
                for x in channel {
                    *x = *x * gain + offset;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_has_its_own_gain_and_offset() {
        let scale = Scale::new(&[2.0, -1.0], &[0.5, 0.0], 3).unwrap();
        let mut rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
        scale.apply(&mut rows);
        let want = [2.5, 4.5, 6.5, -4.0, -5.0, -6.0, 0.5, 0.5, 2.5, -1.0, 0.0, 0.0];
        assert_eq!((scale.width(), rows), (6, want));
    }

    #[test]
    fn a_vector_is_channels_of_one_position_and_an_image_can_be_one_channel() {
        let mut rows = [1.0, 2.0, 3.0, 4.0];
        Scale::new(&[2.0, 3.0], &[0.0, 1.0], 1).unwrap().apply(&mut rows);
        assert_eq!(rows, [2.0, 7.0, 6.0, 13.0]);
        Scale::new(&[0.5], &[0.0], 4).unwrap().apply(&mut rows);
        assert_eq!(rows, [1.0, 3.5, 3.0, 6.5]);
    }

    #[test]
    fn wrong_lengths_are_errors() {
        assert!(Scale::new(&[1.0], &[1.0, 2.0], 1).is_err());
        assert!(Scale::new(&[], &[], 1).is_err());
        assert!(Scale::new(&[1.0], &[1.0], 0).is_err());
        assert!(Scale::new(&[1.0; 2], &[1.0; 2], usize::MAX).is_err());
    }
}
