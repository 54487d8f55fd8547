//! Geometry of a two-dimensional convolution.

use crate::error::LoadError;

/// Most numbers that one image of a layer may have: keeps memory in bounds whatever a file claims.
const MAX_IMAGE: usize = 1 << 24;

/// What goes into a two-dimensional convolution and how its kernel moves over it.
///
/// Images are channel-first: a row is `[channels, height, width]`, flat. Pairs are
/// `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels, height and width of an input image.
    pub input: [usize; 3],
    /// Number of output channels.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Distance between the places the kernel is put on.
    pub stride: [usize; 2],
    /// Zeros on both sides of the image.
    pub padding: [usize; 2],
    /// Distance between the pixels the kernel reads.
    pub dilation: [usize; 2],
}

impl ConvShape {
    /// Channels, height and width of an output image; a side is
    /// ⌊(size + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1.
    ///
    /// # Errors
    /// When a size is zero, the kernel is larger than the padded image, or an image has more than
    /// 2²⁴ numbers.
    pub fn output(&self) -> Result<[usize; 3], LoadError> {
        let sizes = [self.outputs, self.input[0]];
        if sizes.contains(&0) || (0..2).any(|axis| self.has_zero(axis)) {
            return Err(LoadError::shape("conv2d: sizes, strides and dilations are at least 1"));
        }
        let fits = "conv2d: the kernel fits into the padded image";
        let height = self.side(0).ok_or(LoadError::shape(fits))?;
        let width = self.side(1).ok_or(LoadError::shape(fits))?;
        let [padded_height, padded_width] = [0, 1].map(|axis| self.padded(axis).unwrap_or(0));
        let output = [self.outputs, height, width];
        let images = [[self.input[0], padded_height, padded_width], output, self.window()];
        if images.into_iter().any(|image| volume(image).is_none_or(|size| size > MAX_IMAGE)) {
            return Err(LoadError::shape("conv2d: an image has at most 2^24 numbers"));
        }
        Ok(output)
    }

    /// Numbers that one output depends on: input channels x kernel height x kernel width.
    pub fn patch(&self) -> usize {
        self.input[0] * self.kernel[0] * self.kernel[1]
    }

    /// Numbers in one input image.
    pub fn input_width(&self) -> usize {
        self.input.iter().product()
    }

    fn window(&self) -> [usize; 3] {
        [self.input[0], self.kernel[0], self.kernel[1]]
    }

    fn has_zero(&self, axis: usize) -> bool {
        [self.input[axis + 1], self.kernel[axis], self.stride[axis], self.dilation[axis]]
            .contains(&0)
    }

    /// Size of a side with its padding, where it can be told.
    fn padded(&self, axis: usize) -> Option<usize> {
        self.padding[axis].checked_mul(2)?.checked_add(self.input[axis + 1])
    }

    /// Size of an output side; `None` where the kernel does not fit.
    fn side(&self, axis: usize) -> Option<usize> {
        let reach = self.dilation[axis].checked_mul(self.kernel[axis] - 1)?;
        let room = self.padded(axis)?.checked_sub(reach)?.checked_sub(1)?;
        Some(room / self.stride[axis] + 1)
    }
}

/// The product of the sizes, where it can be told.
fn volume(sizes: [usize; 3]) -> Option<usize> {
    sizes.into_iter().try_fold(1_usize, usize::checked_mul)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(input: [usize; 3], kernel: usize, stride: usize) -> ConvShape {
        ConvShape {
            input,
            outputs: 32,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [0; 2],
            dilation: [1; 2],
        }
    }

    #[test]
    fn the_nature_network_has_its_published_sizes() {
        assert_eq!(shape([4, 84, 84], 8, 4).output(), Ok([32, 20, 20]));
        assert_eq!(shape([32, 20, 20], 4, 2).output(), Ok([32, 9, 9]));
        assert_eq!(shape([64, 9, 9], 3, 1).output(), Ok([32, 7, 7]));
        assert_eq!(shape([4, 84, 84], 8, 4).patch(), 256);
    }

    #[test]
    fn padding_stride_and_dilation_move_each_side_on_its_own() {
        // Height (5 + 2·1 - 2·(3 - 1) - 1) / 2 + 1 = 2; width (6 + 0 - 1·(2 - 1) - 1) / 3 + 1 = 2.
        let uneven = ConvShape {
            kernel: [3, 2],
            stride: [2, 3],
            padding: [1, 0],
            dilation: [2, 1],
            ..shape([1, 5, 6], 1, 1)
        };
        assert_eq!(uneven.output(), Ok([32, 2, 2]));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        assert!(shape([3, 7, 7], 8, 1).output().is_err());
        assert!(shape([3, 7, 7], 7, 0).output().is_err());
        assert!(shape([0, 7, 7], 3, 1).output().is_err());
        assert!(shape([3, 7, 7], 0, 1).output().is_err());
        assert!(shape([1, usize::MAX, 2], 1, 1).output().is_err());
        let huge = ConvShape { padding: [usize::MAX; 2], ..shape([1, 2, 2], 1, 1) };
        assert!(huge.output().is_err());
        let wide = ConvShape { dilation: [usize::MAX; 2], ..shape([1, 2, 2], 2, 1) };
        assert!(wide.output().is_err());
    }
}
