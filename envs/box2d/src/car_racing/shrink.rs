//! pygame's smooth scaling to smaller pictures, bit for bit: means of areas in 14-bit fixed point.

/// pygame's shrinking filter along one axis: pixels are summed until a part of one completes an area.
pub(super) struct Shrink {
    /// Width of an area in units of 2^-14 pixels, and 2^30 over it.
    area: i32,
    inverse: u32,
}

impl Shrink {
    const ONE: i32 = 1 << 14;

    /// From so many pixels to so many.
    pub(super) fn new(from: usize, to: usize) -> Self {
        let area = Self::ONE * from as i32 / to as i32;
        Self { area, inverse: ((1 << 30) / area) as u32 }
    }

    /// Shrinks a row or a column of so many pixels; each one that comes of it goes to `out`.
    #[inline]
    pub(super) fn run(
        &self,
        count: usize,
        pixel: impl Fn(usize) -> [u8; 4],
        mut out: impl FnMut([u8; 4]),
    ) {
        let (mut sum, mut left, mut at) = ([0_u32; 4], self.area, 0);
        loop {
            let whole = (left - 1) / Self::ONE;
            let last = at + whole as usize;
            for i in at..last.min(count) {
                let pixel = pixel(i);
                sum = std::array::from_fn(|part| sum[part] + u32::from(pixel[part]));
            }
            if last >= count {
                return;
            }
            // The next pixel completes the area, and its rest begins the next one.
            left -= whole * Self::ONE;
            let rest = Self::ONE - left;
            let pixel = pixel(last).map(|byte| 4 * u32::from(byte));
            let mean: [u32; 4] =
                std::array::from_fn(|i| (sum[i] + ((pixel[i] * left as u32) >> 16)) * self.inverse);
            out(mean.map(|mean| (mean >> 16) as u8));
            sum = pixel.map(|byte| (byte * rest as u32) >> 16);
            (left, at) = (self.area - rest, last + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shrunk(bytes: &[u8], to: usize) -> Vec<u8> {
        let pixels: Vec<[u8; 4]> = bytes.iter().map(|&byte| [byte; 4]).collect();
        let mut out = Vec::new();
        Shrink::new(bytes.len(), to).run(bytes.len(), |i| pixels[i], |mean| out.push(mean[0]));
        out
    }

    #[test]
    fn whole_areas_are_their_means() {
        assert_eq!(shrunk(&[10, 20, 30, 50], 2), [15, 40]);
    }

    #[test]
    fn a_pixel_between_two_areas_counts_in_both() {
        // Areas of 1.5 pixels: (90 + 30/2) / 1.5 = 70, (30/2 + 0) / 1.5 = 10, cut below.
        let means = shrunk(&[90, 30, 0], 2);
        assert!((69..=70).contains(&means[0]) && (9..=10).contains(&means[1]), "{means:?}");
    }
}
