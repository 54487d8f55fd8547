//! An RGB picture and a small software raster, the same on every machine.

/// Red, green, blue.
pub type Color = [u8; 3];

/// A picture. Coordinates are in pixels from the upper left corner, y downward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Frame {
    /// An empty picture; whoever draws gives it its size.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the picture this large and of one color.
    pub fn clear(&mut self, width: usize, height: usize, color: Color) {
        (self.width, self.height) = (width, height);
        self.rgb.resize(width * height * 3, 0);
        for pixel in self.rgb.chunks_exact_mut(3) {
            pixel.copy_from_slice(&color);
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// `[height, width, 3]`: the bytes of the pixels.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// `[height, width, 3]`: the bytes of the pixels, to write.
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// The color of a pixel.
    ///
    /// # Panics
    /// When there is no such pixel.
    pub fn pixel(&self, x: usize, y: usize) -> Color {
        assert!(x < self.width && y < self.height, "pixel ({x}, {y}) lies in the picture");
        let at = (y * self.width + x) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// Fills a disk.
    pub fn circle(&mut self, center: (f64, f64), radius: f64, color: Color) {
        let bounds = Bounds::of(&[center], radius);
        self.shade(bounds, color, |p| distance(p, center) - radius);
    }

    /// Fills the ring between two radii.
    pub fn ring(&mut self, center: (f64, f64), radii: (f64, f64), color: Color) {
        let (inner, outer) = radii;
        let bounds = Bounds::of(&[center], outer);
        self.shade(bounds, color, |p| {
            let r = distance(p, center);
            (r - outer).max(inner - r)
        });
    }

    /// Draws a line with round ends.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), thickness: f64, color: Color) {
        let radius = thickness / 2.0;
        let bounds = Bounds::of(&[from, to], radius);
        self.shade(bounds, color, |p| distance_to_segment(p, from, to) - radius);
    }

    /// Draws a line through points.
    pub fn polyline(&mut self, points: &[(f64, f64)], thickness: f64, color: Color) {
        for pair in points.windows(2) {
            self.line(pair[0], pair[1], thickness, color);
        }
    }

    /// Fills a polygon, convex or not; where it crosses itself, by the even-odd rule.
    pub fn polygon(&mut self, corners: &[(f64, f64)], color: Color) {
        let bounds = Bounds::of(corners, 0.0);
        self.shade(bounds, color, |p| distance_to_polygon(p, corners));
    }

    /// Fills the rectangle between `low` and `high`, turned by `angle` radians (clockwise as seen, y being
    /// downward) around the origin and moved by `offset`.
    pub fn rectangle(
        &mut self,
        (low, high): ((f64, f64), (f64, f64)),
        angle: f64,
        offset: (f64, f64),
        color: Color,
    ) {
        let (sin, cos) = angle.sin_cos();
        let corners = [low, (low.0, high.1), high, (high.0, low.1)]
            .map(|(x, y)| (x * cos - y * sin + offset.0, x * sin + y * cos + offset.1));
        self.polygon(&corners, color);
    }

    /// Colors every pixel by how far it lies inside a shape: `distance` is the signed distance of a point
    /// from the shape's edge, negative inside; pixels within half a pixel of the edge are blended.
    fn shade(&mut self, bounds: Bounds, color: Color, distance: impl Fn((f64, f64)) -> f64) {
        let (columns, rows) = bounds.within(self.width, self.height);
        for y in rows {
            for x in columns.clone() {
                let cover = 0.5 - distance((x as f64 + 0.5, y as f64 + 0.5));
                if cover > 0.0 {
                    self.blend((y * self.width + x) * 3, color, cover.min(1.0));
                }
            }
        }
    }

    fn blend(&mut self, at: usize, color: Color, cover: f64) {
        for (byte, new) in self.rgb[at..at + 3].iter_mut().zip(color) {
            let old = f64::from(*byte);
            *byte = (old + (f64::from(new) - old) * cover).round() as u8;
        }
    }
}

/// A rectangle that a shape lies in.
#[derive(Clone, Copy)]
struct Bounds {
    low: (f64, f64),
    high: (f64, f64),
}

impl Bounds {
    /// That of points, widened by a margin and the blended edge.
    fn of(points: &[(f64, f64)], margin: f64) -> Self {
        let infinity = f64::INFINITY;
        let margin = margin + 1.0;
        let mut bounds = Self { low: (infinity, infinity), high: (-infinity, -infinity) };
        for &(x, y) in points {
            bounds.low = (bounds.low.0.min(x - margin), bounds.low.1.min(y - margin));
            bounds.high = (bounds.high.0.max(x + margin), bounds.high.1.max(y + margin));
        }
        bounds
    }

    /// The pixels of a picture that lie in it. A cast from `f64` saturates, so that a shape far outside, or
    /// one that is not a number, covers none.
    fn within(
        &self,
        width: usize,
        height: usize,
    ) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let range = |low: f64, high: f64, len: usize| {
            low.floor() as usize..(high.ceil().max(0.0) as usize).min(len)
        };
        (range(self.low.0, self.high.0, width), range(self.low.1, self.high.1, height))
    }
}

fn distance((x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> f64 {
    ((x - to_x) * (x - to_x) + (y - to_y) * (y - to_y)).sqrt()
}

fn distance_to_segment(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length_squared = dx * dx + dy * dy;
    if length_squared == 0.0 {
        return distance(p, a);
    }
    let along = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length_squared).clamp(0.0, 1.0);
    distance(p, (a.0 + along * dx, a.1 + along * dy))
}

fn distance_to_polygon(p: (f64, f64), corners: &[(f64, f64)]) -> f64 {
    let mut nearest = f64::INFINITY;
    let mut is_inside = false;
    for (i, &a) in corners.iter().enumerate() {
        let b = corners[(i + 1) % corners.len()];
        nearest = nearest.min(distance_to_segment(p, a, b));
        let crosses = (a.1 > p.1) != (b.1 > p.1);
        if crosses && p.0 < a.0 + (p.1 - a.1) / (b.1 - a.1) * (b.0 - a.0) {
            is_inside = !is_inside;
        }
    }
    if is_inside { -nearest } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Color = [255, 255, 255];
    const BLACK: Color = [0, 0, 0];

    fn white(width: usize, height: usize) -> Frame {
        let mut frame = Frame::new();
        frame.clear(width, height, WHITE);
        frame
    }

    #[test]
    fn a_rectangle_on_pixel_edges_fills_exactly_its_pixels() {
        let mut frame = white(6, 5);
        frame.polygon(&[(1.0, 1.0), (4.0, 1.0), (4.0, 3.0), (1.0, 3.0)], BLACK);
        let black: Vec<(usize, usize)> = (0..5)
            .flat_map(|y| (0..6).map(move |x| (x, y)))
            .filter(|&(x, y)| frame.pixel(x, y) == BLACK)
            .collect();
        assert_eq!(black, [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2)]);
    }

    #[test]
    fn a_pixel_half_covered_is_blended_half() {
        let mut frame = white(4, 4);
        frame.polygon(&[(0.0, 0.0), (1.5, 0.0), (1.5, 4.0), (0.0, 4.0)], BLACK);
        // Pixel 1 is centered on the edge at x = 1.5: half of 255, rounded.
        assert_eq!(frame.pixel(1, 2), [128, 128, 128]);
    }

    #[test]
    fn a_circle_has_about_its_area() {
        let mut frame = white(40, 40);
        frame.circle((20.0, 20.0), 10.0, BLACK);
        let ink: f64 = frame.rgb().iter().map(|&b| f64::from(255 - b) / 255.0 / 3.0).sum();
        assert!((ink - 314.16).abs() < 2.0, "{ink} pixels");
    }

    #[test]
    fn a_rectangle_turned_a_quarter_stands_upright() {
        let mut frame = white(20, 20);
        let quarter = std::f64::consts::FRAC_PI_2;
        frame.rectangle(((0.0, -1.0), (8.0, 1.0)), quarter, (10.0, 10.0), BLACK);
        assert_eq!((frame.pixel(10, 17), frame.pixel(17, 10)), (BLACK, WHITE));
    }

    #[test]
    fn shapes_outside_the_picture_or_of_no_number_draw_nothing() {
        let mut frame = white(8, 8);
        frame.circle((-50.0, 4.0), 10.0, BLACK);
        frame.circle((4.0, 1e300), 10.0, BLACK);
        frame.circle((f64::NAN, 4.0), 10.0, BLACK);
        assert_eq!(frame, white(8, 8));
    }
}
