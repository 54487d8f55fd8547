//! What a graph shows, apart from how it is drawn.

use std::path::PathBuf;

use super::atomic_file::FileError;

/// Red, green and blue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// The color of a graph with one curve.
    pub const ACCENT: Self = Self(37, 99, 235);
}

/// A line, optionally with a band around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name in the legend; empty for none.
    pub label: String,
    /// Color of line and band.
    pub color: Color,
    /// Horizontal positions. `[n]`
    pub x: Vec<f64>,
    /// Vertical positions; NaN leaves a gap. `[n]`
    pub y: Vec<f64>,
    /// Half the height of the band at each point, NaN or empty where there is none. `[n]` or `[0]`
    pub spread: Vec<f64>,
}

/// A graph with one or more curves over a common axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// First line, bold.
    pub title: String,
    /// Second line, gray: what is shown.
    pub subtitle: String,
    /// Name of the horizontal axis.
    pub x_label: String,
    /// The curves, drawn in order.
    pub curves: Vec<Curve>,
}

/// Why a graph could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// No curve has two points to connect.
    #[error("{}: no data to draw", path.display())]
    Empty {
        /// The graph.
        path: PathBuf,
    },
    /// The drawing library failed.
    #[error("cannot draw {}: {reason}", path.display())]
    Draw {
        /// The graph.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// The file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The ranges of both axes; y includes zero and some room, x begins at zero if the data nearly
/// does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranges {
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
}

impl Curve {
    /// The points in runs without gaps.
    pub(super) fn segments(&self) -> Vec<Vec<(f64, f64)>> {
        let points = self.x.iter().copied().zip(self.y.iter().copied());
        split_at_gaps(points, |(x, y)| x.is_finite() && y.is_finite())
    }

    /// The lower and upper edge of the band, `(x, low, high)`, in runs without gaps.
    pub(super) fn band_segments(&self) -> Vec<Vec<(f64, f64, f64)>> {
        let points = self.x.iter().zip(&self.y).zip(&self.spread);
        let edges = points.map(|((&x, &y), &spread)| (x, y - spread, y + spread));
        split_at_gaps(edges, |(x, low, high)| (x + low + high).is_finite())
    }
}

impl Figure {
    /// The ranges that hold every curve and band, or `None` when no line has two places.
    pub(super) fn ranges(&self) -> Option<Ranges> {
        let lines: Vec<_> = self.curves.iter().flat_map(Curve::segments).collect();
        let bands: Vec<_> = self.curves.iter().flat_map(Curve::band_segments).collect();
        if lines.iter().all(|line| line.len() < 2) {
            return None;
        }
        let xs = lines.iter().flatten().map(|point| point.0);
        let ys = lines.iter().flatten().map(|point| point.1);
        let edges = bands.iter().flatten().flat_map(|&(_, low, high)| [low, high]);
        let (low, high) = extent(ys.chain(edges).chain([0.0]));
        // All values zero: any range shows it.
        let is_flat = high - low < 1e-30;
        let room = if is_flat { 1.0 } else { 0.05 * (high - low) };
        let y_low = if low < 0.0 { low - room } else { 0.0 };
        let y_high = if high > 0.0 || is_flat { high + room } else { 0.0 };
        let (first, last) = extent(xs);
        let x_low = if first > 0.0 && first < 0.1 * last { 0.0 } else { first };
        (first < last).then_some(Ranges { x: (x_low, last), y: (y_low, y_high) })
    }
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

fn split_at_gaps<P: Copy>(
    points: impl Iterator<Item = P>,
    is_point: impl Fn(P) -> bool,
) -> Vec<Vec<P>> {
    let mut segments = vec![Vec::new()];
    for point in points {
        if is_point(point) {
            segments.last_mut().expect("there is always one segment").push(point);
        } else {
            segments.push(Vec::new());
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(y: &[f64], spread: &[f64]) -> Curve {
        Curve {
            label: String::new(),
            color: Color::ACCENT,
            x: (1..=y.len()).map(|i| i as f64 * 100.0).collect(),
            y: y.to_vec(),
            spread: spread.to_vec(),
        }
    }

    fn ranges(curve: Curve) -> Option<Ranges> {
        let text = String::new;
        Figure { title: text(), subtitle: text(), x_label: text(), curves: vec![curve] }.ranges()
    }

    #[test]
    fn a_gap_splits_a_line() {
        let segments = curve(&[1.0, 2.0, f64::NAN, 4.0], &[]).segments();
        assert_eq!(segments, [vec![(100.0, 1.0), (200.0, 2.0)], vec![(400.0, 4.0)]]);
    }

    #[test]
    fn a_band_is_the_line_plus_and_minus_its_spread() {
        let bands = curve(&[10.0, 20.0, 30.0], &[f64::NAN, 1.0, 2.0]).band_segments();
        assert_eq!(bands, [vec![(200.0, 19.0, 21.0), (300.0, 28.0, 32.0)]]);
    }

    #[test]
    fn the_vertical_range_includes_zero_and_the_band() {
        // 0 … 100 + 20 and 5 % room above; nothing below zero.
        let found = ranges(curve(&[50.0, 100.0], &[0.0, 20.0])).unwrap();
        assert_eq!(found, Ranges { x: (100.0, 200.0), y: (0.0, 126.0) });
        assert_eq!(ranges(curve(&[-200.0, -100.0], &[])).unwrap().y, (-210.0, 0.0));
    }

    #[test]
    fn frames_begin_at_zero_unless_the_data_begins_late() {
        let frames = |n: usize| ranges(curve(&vec![1.0; n], &[])).unwrap().x;
        assert_eq!(frames(10), (100.0, 1000.0));
        assert_eq!(frames(11), (0.0, 1100.0));
    }

    #[test]
    fn a_flat_zero_line_can_be_drawn() {
        assert_eq!(ranges(curve(&[0.0, 0.0], &[])).unwrap().y, (0.0, 1.0));
    }

    #[test]
    fn one_point_is_no_line() {
        assert_eq!(ranges(curve(&[1.0, f64::NAN], &[])), None);
        let upright = Curve { x: vec![5.0, 5.0], ..curve(&[1.0, 2.0], &[]) };
        assert_eq!(ranges(upright), None);
    }
}
