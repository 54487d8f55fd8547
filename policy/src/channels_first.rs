//! Pictures whose channels lie last, brought into the order that convolutions take.

use crate::error::LoadError;

/// Makes `[channels, pixels]` of each row `[pixels, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelsFirst {
    channels: usize,
    pixels: usize,
}

impl ChannelsFirst {
    /// A layer for pictures of `channels` channels and `pixels` pixels, height times width.
    ///
    /// # Errors
    /// When a number is zero or a row is too long to count.
    pub fn new(channels: usize, pixels: usize) -> Result<Self, LoadError> {
        if channels.checked_mul(pixels).is_none_or(|width| width == 0) {
            return Err(LoadError::shape("channels_first: a picture has channels and pixels"));
        }
        Ok(Self { channels, pixels })
    }

    /// Channels of a picture.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Pixels of a picture.
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Width of a row.
    pub fn width(&self) -> usize {
        self.channels * self.pixels
    }

    /// From rows `[n, pixels, channels]` to rows `[n, channels, pixels]`.
    #[inline(always)]
    pub(crate) fn forward(&self, input: &[f32], output: &mut [f32]) {
        let rows = output.chunks_exact_mut(self.width());
        for (from, to) in input.chunks_exact(self.width()).zip(rows) {
            for (c, plane) in to.chunks_exact_mut(self.pixels).enumerate() {
                let pixels = from.chunks_exact(self.channels);
                plane.iter_mut().zip(pixels).for_each(|(to, pixel)| *to = pixel[c]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pictures of three pixels in two channels.
    #[test]
    fn each_channel_becomes_a_plane() {
        let layer = ChannelsFirst::new(2, 3).unwrap();
        let mut output = [0.0; 12];
        layer.forward(&[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4., 40., 5., 50., 6., 60.], &mut output);
        assert_eq!(output, [1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 4., 5., 6., 40., 50., 60.]);
    }

    #[test]
    fn a_picture_without_pixels_or_end_is_an_error() {
        assert!(ChannelsFirst::new(0, 3).is_err());
        assert!(ChannelsFirst::new(3, 0).is_err());
        assert!(ChannelsFirst::new(3, usize::MAX).is_err());
    }
}
