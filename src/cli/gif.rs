//! Frames to an animated GIF: exact colors where there are at most 256, else the best 256.

use std::borrow::Cow;
use std::io;

use gif::{Encoder, EncodingError, Repeat};

/// Longest recording, in frames shown: half a minute at 50 frames a second.
const MAX_FRAMES: usize = 1500;
/// Fewest hundredths of a second that viewers show a frame for.
const MIN_DELAY: u64 = 2;
/// The compromise of `NeuQuant` between quality and speed (1 to 30).
const QUANTIZE_SPEED: i32 = 10;

/// A GIF that grows in memory; only what changes between frames is stored.
pub(super) struct GifRecorder {
    fps: u64,
    size: (usize, usize),
    encoder: Option<Encoder<Vec<u8>>>,
    /// The picture shown last, RGB.
    shown: Vec<u8>,
    /// The change not written yet, since its delay is open.
    pending: Option<gif::Frame<'static>>,
    /// Time already given to pictures, and the time up to the present one, hundredths of a second.
    delayed: u64,
    frames: u64,
    written: usize,
}

impl GifRecorder {
    /// An empty recording that will play `fps` frames a second.
    pub(super) fn new(fps: u32) -> Self {
        Self {
            fps: u64::from(fps.max(1)),
            size: (0, 0),
            encoder: None,
            shown: Vec::new(),
            pending: None,
            delayed: 0,
            frames: 0,
            written: 0,
        }
    }

    /// Whether nothing was recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Whether the recording is as long as it may get; further frames are left out.
    pub(super) fn is_full(&self) -> bool {
        self.written >= MAX_FRAMES
    }

    /// Adds a picture of `rgb`, row by row; all pictures have the size of the first.
    pub(super) fn push(
        &mut self,
        (width, height): (usize, usize),
        rgb: &[u8],
    ) -> Result<(), EncodingError> {
        if self.is_full() {
            return Ok(());
        }
        if self.encoder.is_none() {
            self.start(width, height)?;
        }
        self.frames += 1;
        if self.size != (width, height) {
            return Ok(());
        }
        if self.time_shown() >= MIN_DELAY || self.pending.is_none() {
            self.show(rgb)?;
        }
        Ok(())
    }

    /// The finished file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, EncodingError> {
        self.frames += 1;
        self.write_pending()?;
        match self.encoder {
            Some(encoder) => Ok(encoder.into_inner()?),
            None => Ok(Vec::new()),
        }
    }

    fn start(&mut self, width: usize, height: usize) -> Result<(), EncodingError> {
        let too_large = |_| io::Error::new(io::ErrorKind::InvalidInput, "a frame above 65535");
        let w = u16::try_from(width).map_err(too_large)?;
        let h = u16::try_from(height).map_err(too_large)?;
        let mut encoder = Encoder::new(Vec::new(), w, h, &[])?;
        encoder.set_repeat(Repeat::Infinite)?;
        self.encoder = Some(encoder);
        self.size = (width, height);
        Ok(())
    }

    /// For how long the pending picture has been shown when the present one comes.
    fn time_shown(&self) -> u64 {
        (self.frames.saturating_sub(1) * 100 / self.fps).saturating_sub(self.delayed)
    }

    fn show(&mut self, rgb: &[u8]) -> Result<(), EncodingError> {
        let Some(change) = changed_rectangle(self.size.0, &self.shown, rgb) else {
            return Ok(());
        };
        self.write_pending()?;
        self.pending = Some(encode(self.size.0, rgb, change));
        self.shown.clear();
        self.shown.extend_from_slice(rgb);
        Ok(())
    }

    fn write_pending(&mut self) -> Result<(), EncodingError> {
        let delay = self.time_shown().max(MIN_DELAY);
        let (Some(mut frame), Some(encoder)) = (self.pending.take(), self.encoder.as_mut()) else {
            return Ok(());
        };
        frame.delay = u16::try_from(delay).unwrap_or(u16::MAX);
        encoder.write_frame(&frame)?;
        self.delayed += delay;
        self.written += 1;
        Ok(())
    }
}

/// A part of a picture: columns `left..right` of rows `top..bottom`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rectangle {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// The smallest rectangle outside which nothing changed; none when nothing changed at all.
fn changed_rectangle(width: usize, before: &[u8], after: &[u8]) -> Option<Rectangle> {
    let row = width * 3;
    let height = after.len() / row.max(1);
    if before.len() != after.len() {
        return Some(Rectangle { left: 0, top: 0, right: width, bottom: height });
    }
    let is_changed = |y: &usize| before[y * row..(y + 1) * row] != after[y * row..(y + 1) * row];
    let top = (0..height).find(is_changed)?;
    let bottom = (0..height).rev().find(is_changed)? + 1;
    let mut bounds = Rectangle { left: width, top, right: 0, bottom };
    for y in top..bottom {
        let (b, a) = (&before[y * row..(y + 1) * row], &after[y * row..(y + 1) * row]);
        let differs = |x: &usize| b[x * 3..x * 3 + 3] != a[x * 3..x * 3 + 3];
        let Some(left) = (0..width).find(differs) else { continue };
        let right = (0..width).rev().find(differs).map_or(width, |x| x + 1);
        bounds.left = bounds.left.min(left);
        bounds.right = bounds.right.max(right);
    }
    Some(bounds)
}

fn encode(width: usize, rgb: &[u8], part: Rectangle) -> gif::Frame<'static> {
    let pixels: Vec<u8> = (part.top..part.bottom)
        .flat_map(|y| &rgb[(y * width + part.left) * 3..(y * width + part.right) * 3])
        .copied()
        .collect();
    let (w, h) = ((part.right - part.left) as u16, (part.bottom - part.top) as u16);
    let mut frame = gif::Frame::from_rgb_speed(w, h, &pixels, QUANTIZE_SPEED);
    frame.left = part.left as u16;
    frame.top = part.top as u16;
    frame.dispose = gif::DisposalMethod::Keep;
    frame.buffer = Cow::Owned(frame.buffer.into_owned());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (8, 4);

    fn picture(dot: usize) -> Vec<u8> {
        let mut rgb = vec![255; SIZE.0 * SIZE.1 * 3];
        rgb[dot * 3..dot * 3 + 3].copy_from_slice(&[200, 10, 20]);
        rgb
    }

    /// The pictures a viewer shows, and the hundredths of a second it shows each for.
    fn play(file: &[u8]) -> Vec<(Vec<u8>, u16)> {
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(file).unwrap();
        let mut screen = vec![0; SIZE.0 * SIZE.1 * 3];
        let mut shown = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            for (i, pixel) in frame.buffer.chunks_exact(4).enumerate() {
                let x = i % frame.width as usize + frame.left as usize;
                let y = i / frame.width as usize + frame.top as usize;
                let at = (y * SIZE.0 + x) * 3;
                screen[at..at + 3].copy_from_slice(&pixel[..3]);
            }
            shown.push((screen.clone(), frame.delay));
        }
        shown
    }

    fn record(fps: u32, dots: impl IntoIterator<Item = usize>) -> Vec<(Vec<u8>, u16)> {
        let mut recorder = GifRecorder::new(fps);
        for dot in dots {
            recorder.push(SIZE, &picture(dot)).unwrap();
        }
        play(&recorder.finish().unwrap())
    }

    #[test]
    fn few_colors_come_back_exactly_at_the_frame_rate() {
        let shown = record(50, [3, 4, 29]);
        assert_eq!(shown, vec![(picture(3), 2), (picture(4), 2), (picture(29), 2)]);
    }

    #[test]
    fn thirty_frames_a_second_take_one_second() {
        let shown = record(30, 0..30);
        assert_eq!(shown.len(), 30);
        assert_eq!(shown.iter().map(|(_, delay)| u32::from(*delay)).sum::<u32>(), 100);
    }

    #[test]
    fn above_fifty_frames_a_second_frames_are_dropped_and_the_speed_stays() {
        let shown = record(100, 0..20);
        assert_eq!(shown.len(), 10);
        assert_eq!(shown[1], (picture(2), 2));
    }

    #[test]
    fn a_picture_that_does_not_change_is_stored_once_with_a_longer_delay() {
        assert_eq!(record(50, [1, 1, 1, 2]), vec![(picture(1), 6), (picture(2), 2)]);
    }

    #[test]
    fn a_recording_stops_growing_at_its_cap() {
        let mut recorder = GifRecorder::new(50);
        for i in 0..2 * MAX_FRAMES {
            recorder.push(SIZE, &picture(i % 32)).unwrap();
        }
        assert!(recorder.is_full());
        assert!(play(&recorder.finish().unwrap()).len() <= MAX_FRAMES + 1);
    }

    #[test]
    fn many_colors_are_reduced_but_stay_close() {
        let size = (64, 64);
        let rgb: Vec<u8> =
            (0..64 * 64usize).flat_map(|i| [(i % 64 * 4) as u8, (i / 64 * 4) as u8, 128]).collect();
        let mut recorder = GifRecorder::new(50);
        recorder.push(size, &rgb).unwrap();
        let file = recorder.finish().unwrap();
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(file.as_slice()).unwrap();
        let frame = decoder.read_next_frame().unwrap().unwrap();
        let pairs = frame.buffer.chunks_exact(4).zip(rgb.chunks_exact(3));
        let error: u64 =
            pairs.flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)))).sum();
        assert!(error < 64 * 64 * 3 * 8, "mean error per channel {}", error / (64 * 64 * 3));
    }
}
