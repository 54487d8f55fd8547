//! What the pictures of all tasks share: a body's polygon, filled and outlined.

use slm_env::{Color, Frame};

use crate::physics::Transform;

/// From a body's corners to pixels.
pub(crate) struct Scale {
    /// What a body's corners are divided by to be world units.
    pub(crate) body: f64,
    /// Pixels in a world unit.
    pub(crate) pixels: f64,
    /// The world's x at the left edge.
    pub(crate) left: f64,
    /// Height of the picture in pixels.
    pub(crate) height: f64,
}

/// Draws a body's polygon in a color, with an edge in another one.
pub(crate) fn outlined(
    frame: &mut Frame,
    transform: Transform,
    corners: &[(f64, f64)],
    scale: &Scale,
    (fill, edge): (Color, Color),
) {
    const MOST: usize = 8;
    let mut points = [(0.0, 0.0); MOST];
    let points = &mut points[..corners.len()];
    let (sin, cos) = (f64::from(transform.q.s), f64::from(transform.q.c));
    let (x0, y0) = (f64::from(transform.p.x) - scale.left, f64::from(transform.p.y));
    for (point, &(x, y)) in points.iter_mut().zip(corners) {
        let (x, y) = (x / scale.body, y / scale.body);
        let (x, y) = (x0 + cos * x - sin * y, y0 + sin * x + cos * y);
        *point = (x * scale.pixels, scale.height - y * scale.pixels);
    }
    frame.polygon(points, fill);
    frame.polyline(points, 1.0, edge);
    frame.line(points[points.len() - 1], points[0], 1.0, edge);
}
