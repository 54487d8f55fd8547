//! Observations on a device: features, or pixels that stay bytes until they are computed with.

use std::ops::Range;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use slm_env::ObsBatch;

/// Bytes in an integer of 32 bits, the smallest that every device stores (WGSL has no smaller one).
const BYTES: usize = 4;

/// Observations `[rows, width]` on a device.
///
/// Pixels travel, lie and are picked four to an integer; [`numbers`](Self::numbers) spreads out as
/// many rows as are computed with together.
#[derive(Clone, Debug)]
pub struct DeviceObs {
    width: usize,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    /// `[rows, width]`.
    Features(Box<Tensor<2>>),
    Pixels(Box<Pixels>),
}

#[derive(Clone, Debug)]
struct Pixels {
    /// `[rows, ⌈width / 4⌉]`: four pixels each, the first in the lowest byte; zeros after the last.
    words: Tensor<2, Int>,
    /// By how many bits a pixel of a word lies higher than its first `[1, 1, 4]`; goes up with the words, as
    /// Burn counts on the host.
    shifts: Tensor<3, Int>,
}

impl DeviceObs {
    /// Some rows of `obs` `[n, width]`.
    ///
    /// # Panics
    /// When there are no such rows.
    pub fn upload(obs: &ObsBatch, rows: Range<usize>, width: usize, device: &Device) -> Self {
        let range = rows.start * width..rows.end * width;
        match obs {
            ObsBatch::F32(values) => Self::features(values[range].to_vec(), width, device),
            ObsBatch::U8(values) => {
                Self::pixels(values[range].chunks_exact(width), rows.len(), width, device)
            }
        }
    }

    /// Rows of `obs` `[n, width]` in any order.
    ///
    /// # Panics
    /// When there are no such rows.
    pub fn upload_picked(obs: &ObsBatch, rows: &[u32], width: usize, device: &Device) -> Self {
        let ranges = rows.iter().map(|&row| row as usize * width..(row as usize + 1) * width);
        match obs {
            ObsBatch::F32(values) => {
                let mut picked = Vec::with_capacity(rows.len() * width);
                ranges.for_each(|range| picked.extend_from_slice(&values[range]));
                Self::features(picked, width, device)
            }
            ObsBatch::U8(values) => {
                Self::pixels(ranges.map(|range| &values[range]), rows.len(), width, device)
            }
        }
    }

    /// Bytes that so many rows of `width` of what `obs` holds take on a device.
    pub fn bytes(obs: &ObsBatch, rows: usize, width: usize) -> usize {
        match obs {
            ObsBatch::F32(_) => rows * width * size_of::<f32>(),
            ObsBatch::U8(_) => rows * width.next_multiple_of(BYTES),
        }
    }

    /// Rows of several, one after another.
    ///
    /// # Panics
    /// When there are none, or they differ in kind or width.
    pub fn cat(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let Self { width, values } = parts[0].clone();
        let values = match values {
            Values::Features(_) => {
                let rows = parts.into_iter().map(|part| match part.values {
                    Values::Features(rows) => *rows,
                    Values::Pixels(_) => panic!("{MIXED}"),
                });
                Values::Features(Box::new(Tensor::cat(rows.collect(), 0)))
            }
            Values::Pixels(first) => {
                let words = parts.into_iter().map(|part| match part.values {
                    Values::Pixels(pixels) => pixels.words,
                    Values::Features(_) => panic!("{MIXED}"),
                });
                first.with(Tensor::cat(words.collect(), 0))
            }
        };
        Self { width, values }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        match &self.values {
            Values::Features(rows) => rows.dims()[0],
            Values::Pixels(pixels) => pixels.words.dims()[0],
        }
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Some of the rows, in their order.
    ///
    /// # Panics
    /// When there are no such rows.
    pub fn narrow(&self, rows: Range<usize>) -> Self {
        let (start, len) = (rows.start, rows.len());
        self.map(|features| features.narrow(0, start, len), |words| words.narrow(0, start, len))
    }

    /// The rows of these indices `[m]`.
    pub fn select(&self, rows: &Tensor<1, Int>) -> Self {
        let indices = || rows.clone();
        self.map(|features| features.select(0, indices()), |words| words.select(0, indices()))
    }

    /// The observations as numbers `[rows, width]`, pixels from 0 to 255.
    pub fn numbers(&self) -> Tensor<2> {
        match &self.values {
            Values::Features(rows) => (**rows).clone(),
            Values::Pixels(pixels) => pixels.numbers(self.width),
        }
    }

    fn features(values: Vec<f32>, width: usize, device: &Device) -> Self {
        let shape = [values.len() / width, width];
        let rows = Tensor::from_data(TensorData::new(values, shape), device);
        Self { width, values: Values::Features(Box::new(rows)) }
    }

    fn pixels<'a>(
        pixels: impl Iterator<Item = &'a [u8]>,
        rows: usize,
        width: usize,
        device: &Device,
    ) -> Self {
        let per_row = width.div_ceil(BYTES);
        let mut words = Vec::with_capacity(rows * per_row);
        pixels.for_each(|row| pack(row, &mut words));
        let words =
            Tensor::from_data(TensorData::new(words, [rows, per_row]), (device, DType::I32));
        let shifts = Tensor::from_data([[[0, 8, 16, 24_i32]]], (device, DType::I32));
        Self { width, values: Values::Pixels(Box::new(Pixels { words, shifts })) }
    }

    fn map(
        &self,
        features: impl FnOnce(Tensor<2>) -> Tensor<2>,
        words: impl FnOnce(Tensor<2, Int>) -> Tensor<2, Int>,
    ) -> Self {
        let values = match &self.values {
            Values::Features(rows) => Values::Features(Box::new(features((**rows).clone()))),
            Values::Pixels(pixels) => pixels.with(words(pixels.words.clone())),
        };
        Self { width: self.width, values }
    }
}

impl Pixels {
    /// Other words.
    fn with(&self, words: Tensor<2, Int>) -> Values {
        Values::Pixels(Box::new(Self { words, shifts: self.shifts.clone() }))
    }

    /// Rows of `width` numbers.
    fn numbers(&self, width: usize) -> Tensor<2> {
        let [rows, per_row] = self.words.dims();
        let words = self.words.clone().reshape([rows, per_row, 1]);
        let bytes = words.bitwise_right_shift(self.shifts.clone()).bitwise_and_scalar(0xff);
        let bytes = bytes.reshape([rows, per_row * BYTES]);
        let is_padded = per_row * BYTES > width;
        if is_padded { bytes.narrow(1, 0, width) } else { bytes }.float()
    }
}

const MIXED: &str = "observations put together are all of pixels or all of features";

/// Appends a row of pixels, four to a word.
fn pack(row: &[u8], words: &mut Vec<i32>) {
    let (whole, rest) = row.as_chunks::<BYTES>();
    words.extend(whole.iter().map(|&bytes| i32::from_le_bytes(bytes)));
    if !rest.is_empty() {
        let mut last = [0; BYTES];
        last[..rest.len()].copy_from_slice(rest);
        words.push(i32::from_le_bytes(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(obs: &DeviceObs) -> Vec<f32> {
        obs.numbers().into_data().try_to_vec().unwrap()
    }

    fn upload(obs: &ObsBatch, width: usize) -> DeviceObs {
        DeviceObs::upload(obs, 0..obs.len() / width, width, &Device::flex())
    }

    #[test]
    fn every_byte_comes_back_as_its_number_at_every_place_of_a_word() {
        for shift in 0..4 {
            let mut pixels: Vec<u8> = (0..=255).collect();
            pixels.rotate_left(shift);
            let expected: Vec<f32> = pixels.iter().copied().map(f32::from).collect();
            assert_eq!(host(&upload(&ObsBatch::U8(pixels), 256)), expected);
        }
    }

    #[test]
    fn rows_that_do_not_fill_their_last_word_lose_and_gain_nothing() {
        for width in 1..=9 {
            let pixels: Vec<u8> = (0..3 * width).map(|i| (i * 37 + 200) as u8).collect();
            let expected: Vec<f32> = pixels.iter().copied().map(f32::from).collect();
            let obs = upload(&ObsBatch::U8(pixels), width);
            assert_eq!((obs.rows(), obs.numbers().dims()), (3, [3, width]));
            assert_eq!(host(&obs), expected, "{width}");
        }
    }

    #[test]
    fn the_first_pixel_of_a_word_lies_in_its_lowest_byte() {
        let mut words = Vec::new();
        pack(&[1, 2, 3, 255, 7], &mut words);
        // 1 + 2·2⁸ + 3·2¹⁶ + 255·2²⁴ − 2³²
        assert_eq!(words, [1 + 512 + 196_608 - 16_777_216, 7]);
    }

    /// Four rows of three numbers, 10·row + column.
    fn rows(is_u8: bool) -> ObsBatch {
        let values = (0..4).flat_map(|row| [10 * row, 10 * row + 1, 10 * row + 2]);
        if is_u8 {
            ObsBatch::U8(values.collect())
        } else {
            ObsBatch::F32(values.map(f32::from).collect())
        }
    }

    #[test]
    fn rows_are_cut_picked_and_put_together() {
        for obs in [rows(true), rows(false)] {
            let device = Device::flex();
            let all = upload(&obs, 3);
            assert_eq!(host(&all.narrow(1..3)), [10.0, 11.0, 12.0, 20.0, 21.0, 22.0]);
            let picks = Tensor::from_data([3, 0], (&device, DType::I32));
            let picked = [30.0, 31.0, 32.0, 0.0, 1.0, 2.0];
            assert_eq!(host(&all.select(&picks)), picked);
            assert_eq!(host(&DeviceObs::upload_picked(&obs, &[3, 0], 3, &device)), picked);
            let parts = [0..1, 1..4].map(|rows| DeviceObs::upload(&obs, rows, 3, &device));
            assert_eq!(host(&DeviceObs::cat(parts.to_vec())), host(&all));
            assert_eq!(DeviceObs::cat(vec![all]).rows(), 4);
        }
    }

    #[test]
    fn pixels_take_a_byte_each_and_their_rows_whole_words() {
        assert_eq!(DeviceObs::bytes(&rows(true), 5, 3), 20);
        assert_eq!(DeviceObs::bytes(&rows(true), 5, 4), 20);
        assert_eq!(DeviceObs::bytes(&rows(false), 5, 3), 60);
    }
}
