//! The return in the corner of the picture, in digits of seven bars each.

use super::raster::Raster;

/// Middle of the number, pixels.
const CENTER: (i32, i32) = (60, 748);
/// Width and height of a digit, thickness of its bars, and the way to the next.
const WIDTH: i32 = 20;
const HEIGHT: i32 = 30;
const BAR: i32 = 6;
const ADVANCE: i32 = 24;

/// Bars from the top, clockwise, the middle one last.
const DIGITS: [[bool; 7]; 10] = [
    bars(0b111_1110),
    bars(0b011_0000),
    bars(0b110_1101),
    bars(0b111_1001),
    bars(0b011_0011),
    bars(0b101_1011),
    bars(0b101_1111),
    bars(0b111_0000),
    bars(0b111_1111),
    bars(0b111_1011),
];
const MINUS: [bool; 7] = bars(0b000_0001);

/// A bar's left, top, right and bottom edge within a digit.
const BARS: [(i32, i32, i32, i32); 7] = [
    (0, 0, WIDTH, BAR),
    (WIDTH - BAR, 0, WIDTH, HEIGHT / 2),
    (WIDTH - BAR, HEIGHT / 2, WIDTH, HEIGHT),
    (0, HEIGHT - BAR, WIDTH, HEIGHT),
    (0, HEIGHT / 2, BAR, HEIGHT),
    (0, 0, BAR, HEIGHT / 2),
    (0, HEIGHT / 2 - BAR / 2, WIDTH, HEIGHT / 2 + BAR / 2),
];

const fn bars(bits: u8) -> [bool; 7] {
    let mut bars = [false; 7];
    let mut i = 0;
    while i < 7 {
        bars[i] = bits >> (6 - i) & 1 == 1;
        i += 1;
    }
    bars
}

/// Writes a number rounded to a whole one, in four places at least, white in the lower left corner.
pub(super) fn draw(number: f64, raster: &mut Raster) {
    let whole = number.round_ties_even();
    let is_negative = whole.is_sign_negative();
    let mut rest = whole.abs() as u64;
    let mut signs = [DIGITS[0]; 20];
    let mut n = 0;
    let least = if is_negative { 3 } else { 4 };
    while n < least || rest > 0 {
        signs[n] = DIGITS[(rest % 10) as usize];
        rest /= 10;
        n += 1;
    }
    if is_negative {
        signs[n] = MINUS;
        n += 1;
    }
    let left = CENTER.0 - (n as i32 * ADVANCE - (ADVANCE - WIDTH)) / 2;
    for (i, sign) in signs[..n].iter().rev().enumerate() {
        draw_sign(*sign, left + i as i32 * ADVANCE, raster);
    }
}

fn draw_sign(sign: [bool; 7], left: i32, raster: &mut Raster) {
    let top = CENTER.1 - HEIGHT / 2;
    for (_, bar) in sign.iter().zip(BARS).filter(|(is_lit, _)| **is_lit) {
        for y in bar.1..bar.3 {
            raster.span(left + bar.0, left + bar.2 - 1, top + y, [255; 3]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::raster::{HEIGHT as ROWS, WIDTH as COLUMNS};
    use super::*;

    /// White pixels of a number.
    fn ink(number: f64) -> usize {
        let mut raster = Raster::new();
        draw(number, &mut raster);
        let mut rgb = vec![0; COLUMNS * ROWS * 3];
        raster.shrink((COLUMNS, ROWS), &mut rgb);
        rgb.chunks(3).filter(|pixel| pixel[0] > 128).count()
    }

    #[test]
    fn numbers_have_four_places_and_a_minus_takes_one() {
        // A zero has four upright bars of 15 by 6 and two level ones, whose ends are shared: 8 + 2 of 6 by 20.
        let (zero, minus) = (4 * 15 * 6 + 2 * 8 * 6, 20 * 6);
        assert_eq!(ink(0.0), 4 * zero);
        assert_eq!(ink(0.4), 4 * zero);
        assert_eq!(ink(-0.4), minus + 3 * zero);
    }
}
