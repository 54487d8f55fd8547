//! Draws a figure as PNG and SVG: title, legend, axes, curves with their bands.

use std::path::{Path, PathBuf};

pub use super::canvas::PaintBuffer;
use super::canvas::{Align, Canvas, Font, HEIGHT, Reason, WIDTH, write_png, write_svg};
use super::figure::{Color, Curve, Figure, PlotError, Ranges};
use super::ticks::Ticks;

const INK: Color = Color(17, 24, 39);
const GRAY: Color = Color(107, 114, 128);
const GRID: Color = Color(229, 231, 235);
const AXIS: Color = Color(156, 163, 175);

const TITLE: Font = Font { size: 22.0, is_bold: true, color: INK };
const SUBTITLE: Font = Font { size: 15.0, is_bold: false, color: GRAY };
const LABEL: Font = Font { size: 14.0, is_bold: false, color: GRAY };
const LEGEND: Font = Font { size: 14.0, is_bold: false, color: INK };

const MARGIN: f64 = 28.0;
const LEGEND_ROW: f64 = 24.0;
const SWATCH: f64 = 22.0;
const LINE_WIDTH: f64 = 2.2;
const BAND_OPACITY: f64 = 0.15;

/// Draws the figure to `{stem}.png` and `{stem}.svg`, 1000 × 600, and returns both paths.
///
/// # Errors
/// When there is nothing to draw or a file cannot be written.
pub fn write_figure(
    stem: &Path,
    figure: &Figure,
    buffer: &mut PaintBuffer,
) -> Result<[PathBuf; 2], PlotError> {
    let with_extension = |extension: &str| {
        let mut name = stem.as_os_str().to_owned();
        name.push(extension);
        PathBuf::from(name)
    };
    let [png, svg] = [".png", ".svg"].map(with_extension);
    let ranges = figure.ranges().ok_or_else(|| PlotError::Empty { path: png.clone() })?;
    write_png(&png, buffer, |canvas| draw(canvas, figure, ranges))?;
    write_svg(&svg, |canvas| draw(canvas, figure, ranges))?;
    Ok([png, svg])
}

fn draw(canvas: &mut dyn Canvas, figure: &Figure, ranges: Ranges) -> Result<(), Reason> {
    canvas.text(&figure.title, (MARGIN, 34.0), TITLE, Align::Left)?;
    canvas.text(&figure.subtitle, (MARGIN, 62.0), SUBTITLE, Align::Left)?;
    let legend_rows = draw_legend(canvas, &figure.curves, 90.0)?;
    let top = if legend_rows == 0 { 92.0 } else { 98.0 + legend_rows as f64 * LEGEND_ROW };
    let frame = Frame::new(canvas, ranges, top)?;
    frame.draw_axes(canvas, &figure.x_label)?;
    figure.curves.iter().try_for_each(|curve| frame.draw_band(canvas, curve))?;
    figure.curves.iter().try_for_each(|curve| frame.draw_line(canvas, curve))
}

/// Draws the names of the curves in rows from `y` down and returns how many rows it took.
fn draw_legend(canvas: &mut dyn Canvas, curves: &[Curve], y: f64) -> Result<usize, Reason> {
    let (mut row, mut x) = (0, MARGIN);
    let labeled = || curves.iter().filter(|curve| !curve.label.is_empty());
    for curve in labeled() {
        let width = SWATCH + 8.0 + canvas.text_width(&curve.label, LEGEND)?;
        if x > MARGIN && x + width > WIDTH - MARGIN {
            (row, x) = (row + 1, MARGIN);
        }
        let middle = y + row as f64 * LEGEND_ROW;
        canvas.line(&[(x, middle), (x + SWATCH, middle)], 4.0, curve.color)?;
        canvas.text(&curve.label, (x + SWATCH + 8.0, middle), LEGEND, Align::Left)?;
        x += width + 24.0;
    }
    Ok(if labeled().next().is_some() { row + 1 } else { 0 })
}

/// The rectangle of the curves, with the ticks of its axes.
struct Frame {
    ranges: Ranges,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x_ticks: Ticks,
    y_ticks: Ticks,
}

impl Frame {
    /// A frame below `top` with room for the tick labels at its left.
    fn new(canvas: &dyn Canvas, ranges: Ranges, top: f64) -> Result<Self, Reason> {
        let y_ticks = Ticks::between(ranges.y.0, ranges.y.1, 6);
        let mut label_width = 0.0_f64;
        for label in y_ticks.labels() {
            label_width = label_width.max(canvas.text_width(&label, LABEL)?);
        }
        Ok(Self {
            ranges,
            left: MARGIN + label_width + 10.0,
            right: WIDTH - MARGIN - 8.0,
            top,
            bottom: HEIGHT - 62.0,
            x_ticks: Ticks::between(ranges.x.0, ranges.x.1, 8),
            y_ticks,
        })
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let share = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        (
            self.left + share(x, self.ranges.x) * (self.right - self.left),
            self.bottom - share(y, self.ranges.y) * (self.bottom - self.top),
        )
    }

    fn draw_axes(&self, canvas: &mut dyn Canvas, x_label: &str) -> Result<(), Reason> {
        for (value, label) in self.y_ticks.values.iter().zip(self.y_ticks.labels()) {
            let y = self.at(0.0, *value).1;
            // Zero is the ground that the curves stand on or hang from.
            let color = if label == "0" { AXIS } else { GRID };
            canvas.line(&[(self.left, y), (self.right, y)], 1.0, color)?;
            canvas.text(&label, (self.left - 10.0, y), LABEL, Align::Right)?;
        }
        for (value, label) in self.x_ticks.values.iter().zip(self.x_ticks.labels()) {
            let x = self.at(*value, 0.0).0;
            canvas.line(&[(x, self.top), (x, self.bottom)], 1.0, GRID)?;
            canvas.text(&label, (x, self.bottom + 18.0), LABEL, Align::Center)?;
        }
        let middle = f64::midpoint(self.left, self.right);
        canvas.text(x_label, (middle, HEIGHT - 20.0), LABEL, Align::Center)
    }

    fn draw_band(&self, canvas: &mut dyn Canvas, curve: &Curve) -> Result<(), Reason> {
        for band in curve.band_segments().iter().filter(|band| band.len() > 1) {
            let upper = band.iter().map(|&(x, _, high)| self.at(x, high));
            let lower = band.iter().rev().map(|&(x, low, _)| self.at(x, low));
            let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
            canvas.area(&outline, curve.color, BAND_OPACITY)?;
        }
        Ok(())
    }

    fn draw_line(&self, canvas: &mut dyn Canvas, curve: &Curve) -> Result<(), Reason> {
        for line in curve.segments().iter().filter(|line| line.len() > 1) {
            let points: Vec<(f64, f64)> = line.iter().map(|&(x, y)| self.at(x, y)).collect();
            canvas.line(&points, LINE_WIDTH, curve.color)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn figure(n_curves: usize) -> Figure {
        let curve = |i: usize| Curve {
            label: format!("algorithm {i}"),
            color: Color::ACCENT,
            x: (0..50).map(f64::from).collect(),
            y: (0..50).map(|x| f64::from(x * i as i32)).collect(),
            spread: vec![2.0; 50],
        };
        Figure {
            title: "ppo_cartpole · CartPole-v1".to_owned(),
            subtitle: "a < b & c".to_owned(),
            x_label: "frames".to_owned(),
            curves: (1..=n_curves).map(curve).collect(),
        }
    }

    /// Width and height from the header of a PNG.
    fn png_size(bytes: &[u8]) -> (u32, u32) {
        assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        (number(16), number(20))
    }

    #[test]
    fn a_graph_is_a_png_and_an_svg_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("graph").join("v1.5_mean_returns");
        let [png, svg] = write_figure(&stem, &figure(2), &mut PaintBuffer::default()).unwrap();
        assert!(png.ends_with("v1.5_mean_returns.png") && svg.ends_with("v1.5_mean_returns.svg"));
        assert_eq!(png_size(&fs::read(&png).unwrap()), (1000, 600));
        let text = fs::read_to_string(&svg).unwrap();
        assert!(text.starts_with("<svg width=\"1000\" height=\"600\" viewBox=\"0 0 10000 6000\""));
        assert!(text.contains("algorithm 2") && text.contains("a &lt; b &amp; c"));
        assert_eq!(fs::read_dir(folder.path().join("graph")).unwrap().count(), 2);
    }

    #[test]
    fn the_same_figure_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let mut buffer = PaintBuffer::default();
        let mut write = |name: &str, n_curves| {
            let stem = folder.path().join(name);
            let paths = write_figure(&stem, &figure(n_curves), &mut buffer).unwrap();
            paths.map(|path| fs::read(path).unwrap())
        };
        let first = write("a", 3);
        // Nothing of the picture before shows through, though it was drawn in the same memory.
        write("between", 12);
        assert_eq!(first, write("b", 3));
    }

    #[test]
    fn a_long_legend_takes_more_rows() {
        let mut recorder = Recorder::default();
        assert_eq!(draw_legend(&mut recorder, &figure(3).curves, 90.0), Ok(1));
        assert_eq!(draw_legend(&mut recorder, &figure(12).curves, 90.0), Ok(2));
        assert!(recorder.texts.iter().all(|(_, x)| *x < WIDTH - MARGIN));
    }

    #[test]
    fn nothing_to_draw_is_an_error_that_names_the_graph() {
        let error = write_figure(Path::new("graph/loss"), &figure(0), &mut PaintBuffer::default())
            .unwrap_err();
        assert_eq!(error.to_string(), "graph/loss.png: no data to draw");
    }

    #[test]
    fn the_corners_of_the_frame_are_the_ends_of_the_ranges() {
        let ranges = Ranges { x: (0.0, 100.0), y: (-50.0, 50.0) };
        let frame = Frame::new(&Recorder::default(), ranges, 100.0).unwrap();
        assert_eq!(frame.at(0.0, -50.0), (frame.left, frame.bottom));
        assert_eq!(frame.at(100.0, 50.0), (frame.right, 100.0));
        assert_eq!(frame.at(0.0, 0.0).1, f64::midpoint(100.0, frame.bottom));
    }

    /// Notes texts; a letter is 8 wide.
    #[derive(Default)]
    struct Recorder {
        texts: Vec<(String, f64)>,
    }

    impl Canvas for Recorder {
        fn line(&mut self, _: &[(f64, f64)], _: f64, _: Color) -> Result<(), Reason> {
            Ok(())
        }

        fn area(&mut self, _: &[(f64, f64)], _: Color, _: f64) -> Result<(), Reason> {
            Ok(())
        }

        fn text(&mut self, text: &str, at: (f64, f64), _: Font, _: Align) -> Result<(), Reason> {
            self.texts.push((text.to_owned(), at.0));
            Ok(())
        }

        fn text_width(&self, text: &str, _: Font) -> Result<f64, Reason> {
            Ok(8.0 * text.len() as f64)
        }
    }
}
