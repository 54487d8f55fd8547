//! A raster that fills polygons pixel for pixel as SDL_gfx and pygame do, and shrinks as pygame's smooth scaling.
//!
//! The pixels are part of an observation, so their integer arithmetic is followed: corners are cut to whole
//! pixels, edges are 16-bit fixed point, blended edges have eight bits, and the shrinking filter fourteen.

use slm_env::Color;

use super::scanline::{CORNERS, Corner, Crossings, Edge, edges, nearest};
use super::shrink::Shrink;

/// Width and height of the picture before it is shrunk.
pub(super) const WIDTH: usize = 1000;
pub(super) const HEIGHT: usize = 800;
/// Pixels, four bytes each for the sake of speed. The default one has none.
#[derive(Default)]
pub(super) struct Raster {
    pixels: Vec<[u8; 4]>,
    /// Whether the rows lie from the lowest to the highest.
    is_flipped: bool,
    /// The rows shrunk to their final width.
    narrow: Vec<[u8; 4]>,
}

impl Raster {
    pub(super) fn new() -> Self {
        Self { pixels: vec![[0; 4]; WIDTH * HEIGHT], is_flipped: false, narrow: Vec::new() }
    }

    /// Makes every pixel black, and puts the picture upright.
    pub(super) fn clear(&mut self) {
        self.pixels.fill([0; 4]);
        self.is_flipped = false;
    }

    /// Turns the picture upside down.
    pub(super) fn flip(&mut self) {
        self.is_flipped = !self.is_flipped;
    }

    /// Where a row begins among the pixels.
    #[inline]
    fn row(&self, y: usize) -> usize {
        WIDTH * if self.is_flipped { HEIGHT - 1 - y } else { y }
    }

    /// Draws a polygon with blended edges and fills it: SDL_gfx's `aapolygon`, then `filledPolygon`.
    pub(super) fn smooth_polygon(&mut self, corners: &[(f64, f64)], color: Color) {
        let mut whole = [(0, 0); CORNERS];
        let corners = cut(corners, &mut whole);
        for (i, &to) in corners.iter().enumerate().skip(1) {
            self.smooth_line(corners[i - 1], to, color);
        }
        self.smooth_line(corners[corners.len() - 1], corners[0], color);
        self.fill(corners, color);
    }

    /// Fills a polygon of four corners or more with hard edges: pygame's `draw.polygon`.
    pub(super) fn polygon(&mut self, corners: &[(f64, f64)], color: Color) {
        let mut whole = [(0, 0); CORNERS];
        let corners = cut(corners, &mut whole);
        let (low, high) = bounds(corners.iter().map(|corner| corner.1));
        if low == high {
            let (left, right) = bounds(corners.iter().map(|corner| corner.0));
            return self.span(left, right, low, color);
        }
        for y in low.max(0)..=high.min(HEIGHT as i32 - 1) {
            let mut crossings = Crossings::default();
            let crossed = |edge: &Edge| edge.has(y) || (y == high && edge.to.1 == high);
            for edge in edges(corners).filter(crossed) {
                // Left and right crossings are rounded outward, as far as they come in turns.
                let along = edge.along(y);
                let is_left = crossings.count.is_multiple_of(2);
                let along = if is_left { along.floor() } else { along.ceil() };
                crossings.push(along as i32 + edge.from.0);
            }
            for (left, right) in crossings.pairs() {
                self.span(left, right, y, color);
            }
        }
        for (i, &(x, y)) in corners.iter().enumerate() {
            let before = corners[(i + corners.len() - 1) % corners.len()];
            if before.1 == y && low < y && y < high {
                self.span(x, before.0, y, color);
            }
        }
    }

    /// SDL_gfx's `filledPolygon`.
    fn fill(&mut self, corners: &[Corner], color: Color) {
        let (low, high) = bounds(corners.iter().map(|corner| corner.1));
        for y in low.max(0)..=high.min(HEIGHT as i32 - 1) {
            let mut crossings = Crossings::default();
            let crossed = |edge: &Edge| edge.has(y) || (y == high && edge.to.1 == high);
            for edge in edges(corners).filter(crossed) {
                crossings.push(edge.fixed(y));
            }
            for (left, right) in crossings.pairs() {
                self.span(nearest(left + 1), nearest(right - 1), y, color);
            }
        }
    }

    /// Colors the pixels of a row between two, both included.
    pub(super) fn span(&mut self, from: i32, to: i32, y: i32, color: Color) {
        let (left, right) = (from.min(to).max(0), from.max(to).min(WIDTH as i32 - 1));
        if left <= right && (0..HEIGHT as i32).contains(&y) {
            let row = self.row(y as usize);
            let [r, g, b] = color;
            self.pixels[row + left as usize..=row + right as usize].fill([r, g, b, 0]);
        }
    }

    /// Colors the pixels of a column between two, both included.
    fn column(&mut self, x: i32, from: i32, to: i32, color: Color) {
        for y in from.min(to).max(0)..=from.max(to).min(HEIGHT as i32 - 1) {
            self.span(x, x, y, color);
        }
    }

    /// SDL_gfx's `aaline` without its last pixel: Wu's lines with eight bits of weight.
    fn smooth_line(&mut self, from: Corner, to: Corner, color: Color) {
        let Some((from, to)) = clip(from, to) else { return };
        let (start, end) = if from.1 > to.1 { (to, from) } else { (from, to) };
        if start.0 == end.0 {
            return self.column(start.0, start.1, end.1, color);
        }
        if start.1 == end.1 {
            return self.span(start.0, end.0, start.1, color);
        }
        self.span(from.0, from.0, from.1, color);
        self.slanted_line(start, end, color);
    }

    /// The pixels between the ends of a line that goes down; each step has two, weighted by how near they are.
    fn slanted_line(&mut self, (mut x, mut y): Corner, end: Corner, color: Color) {
        let (dx, dy) = (end.0 - x, end.1 - y);
        let (step, width) = (dx.signum(), dx.abs());
        let (long, short) = (width.max(dy), width.min(dy));
        let slope = (((short as u32) << 16) / long as u32) << 16;
        let mut error = 0_u32;
        for _ in 1..long {
            let before = error;
            error = error.wrapping_add(slope);
            let (advances, weight) = (i32::from(error <= before), error >> 24);
            let beside = if dy > width {
                (x, y) = (x + advances * step, y + 1);
                (x + step, y)
            } else {
                (x, y) = (x + step, y + advances);
                (x, y + 1)
            };
            self.blend((x, y), color, 255 - weight);
            self.blend(beside, color, weight);
        }
    }

    fn blend(&mut self, (x, y): Corner, color: Color, weight: u32) {
        if !(0..WIDTH as i32).contains(&x) || !(0..HEIGHT as i32).contains(&y) {
            return;
        }
        let alpha = ((255 * weight) >> 8) as i32;
        let at = self.row(y as usize) + x as usize;
        let pixel = &mut self.pixels[at];
        for (old, new) in pixel.iter_mut().zip(color) {
            let difference = i32::from(new) - i32::from(*old);
            *old = (i32::from(*old) + ((difference * alpha) >> 8)) as u8;
        }
    }

    /// Writes the picture as one of `width` and `height`, `[height, width, 3]`, each pixel the mean of an area.
    pub(super) fn shrink(&mut self, (width, height): (usize, usize), out: &mut [u8]) {
        let (across, down) = (Shrink::new(WIDTH, width), Shrink::new(HEIGHT, height));
        self.narrow.clear();
        self.narrow.reserve(width * HEIGHT);
        for y in 0..HEIGHT {
            let (row, narrow) = (self.row(y), &mut self.narrow);
            let row = &self.pixels[row..row + WIDTH];
            across.run(WIDTH, |x| row[x], |mean| narrow.push(mean));
        }
        for x in 0..width {
            let mut pixels = out[3 * x..].chunks_mut(3 * width);
            let narrow = &self.narrow;
            down.run(
                HEIGHT,
                |y| narrow[y * width + x],
                |[r, g, b, _]| {
                    let pixel = pixels.next().expect("a mean for each row");
                    pixel[..3].copy_from_slice(&[r, g, b]);
                },
            );
        }
    }
}

fn bounds(values: impl Iterator<Item = i32>) -> (i32, i32) {
    values.fold((i32::MAX, i32::MIN), |(low, high), value| (low.min(value), high.max(value)))
}

fn cut<'a>(corners: &[(f64, f64)], whole: &'a mut [Corner; CORNERS]) -> &'a [Corner] {
    for (whole, &(x, y)) in whole.iter_mut().zip(corners) {
        *whole = (x as i32, y as i32);
    }
    &whole[..corners.len()]
}

/// The part of a line within the picture, its ends cut to whole pixels and perhaps swapped.
fn clip(mut a: Corner, mut b: Corner) -> Option<(Corner, Corner)> {
    loop {
        let (outside_a, outside_b) = (outside(a), outside(b));
        if outside_a == (0, 0) && outside_b == (0, 0) {
            return Some((a, b));
        }
        let share_a_side = |a: i32, b: i32| a != 0 && a == b;
        if share_a_side(outside_a.0, outside_b.0) || share_a_side(outside_a.1, outside_b.1) {
            return None;
        }
        let mut side = outside_a;
        if side == (0, 0) {
            (a, b, side) = (b, a, outside_b);
        }
        let slope = if a.0 == b.0 { 1.0 } else { (b.1 - a.1) as f32 / (b.0 - a.0) as f32 };
        if side.0 != 0 {
            let x = if side.0 < 0 { 0 } else { WIDTH as i32 - 1 };
            a = (x, a.1 + ((x - a.0) as f32 * slope) as i32);
        } else {
            let y = if side.1 < 0 { 0 } else { HEIGHT as i32 - 1 };
            let shift = if a.0 == b.0 { 0 } else { ((y - a.1) as f32 / slope) as i32 };
            a = (a.0 + shift, y);
        }
    }
}

/// On which side of the picture a point lies: -1 before, 0 within, 1 behind, in x and in y.
fn outside((x, y): Corner) -> (i32, i32) {
    let side = |at: i32, end: usize| i32::from(at >= end as i32) - i32::from(at < 0);
    (side(x, WIDTH), side(y, HEIGHT))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> String {
        let hash = bytes.into_iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        format!("{hash:016x}")
    }

    fn draw(polygon: &Value, raster: &mut Raster) {
        let number = |value: &Value| value.as_f64().unwrap();
        let corners: Vec<(f64, f64)> = polygon["corners"]
            .as_array()
            .unwrap()
            .iter()
            .map(|corner| (number(&corner[0]), number(&corner[1])))
            .collect();
        let color = [0, 1, 2].map(|i| number(&polygon["color"][i]) as u8);
        if polygon["smooth"].as_bool().unwrap() {
            raster.smooth_polygon(&corners, color);
        } else {
            raster.polygon(&corners, color);
        }
    }

    #[test]
    fn polygons_in_and_out_of_the_picture_are_pygames_pixel_for_pixel() {
        let text = include_str!("../../../../tests/data/env/pygame_raster.json");
        let file: Value = serde_json::from_str(text).unwrap();
        for picture in file["pictures"].as_array().unwrap() {
            let mut raster = Raster::new();
            for polygon in picture["polygons"].as_array().unwrap() {
                draw(polygon, &mut raster);
            }
            let bytes = raster.pixels.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]);
            assert_eq!(fnv1a(bytes), picture["digest"].as_str().unwrap());
            for (width, height) in [(96, 96), (600, 400)] {
                let mut small = vec![0; width * height * 3];
                raster.shrink((width, height), &mut small);
                assert_eq!(fnv1a(small), picture[format!("{width}x{height}")].as_str().unwrap());
            }
        }
    }
}
