//! Lines, areas and text on a PNG or an SVG, in one coordinate system and with fonts of our own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle, RGBAColor, ShapeStyle, TextStyle, register_font};

use super::atomic_file::{FileError, publish, temporary_path, write_atomically};
use super::figure::{Color, PlotError};

/// Width of a graph: pixels of a PNG, and the unit of every coordinate here.
pub(super) const WIDTH: f64 = 1000.0;
/// Height of a graph.
pub(super) const HEIGHT: f64 = 600.0;

/// A PNG is drawn this much larger and averaged down, because the library leaves jagged edges.
const PNG_SCALE: usize = 3;
/// An SVG is drawn this much larger, because the library only knows whole coordinates.
const SVG_SCALE: usize = 10;

/// The library's font size is the height of a line, this many times the usual font size.
const LINE_HEIGHT: f64 = 1.24;

/// The name that SVG viewers replace by a font of theirs; bitmaps use ours.
const FAMILY: &str = "sans-serif";
const REGULAR: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.ttf");
const SEMIBOLD: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.ttf");

/// Why drawing stopped, in the library's words.
pub(super) type Reason = String;

/// Size, weight and color of a text.
#[derive(Clone, Copy)]
pub(super) struct Font {
    pub(super) size: f64,
    pub(super) is_bold: bool,
    pub(super) color: Color,
}

/// Which end of a text stands at its position.
#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// What the layout of a graph draws on.
pub(super) trait Canvas {
    /// Draws a line through the points.
    fn line(&mut self, points: &[(f64, f64)], width: f64, color: Color) -> Result<(), Reason>;

    /// Fills a polygon with a transparent color.
    fn area(&mut self, points: &[(f64, f64)], color: Color, opacity: f64) -> Result<(), Reason>;

    /// Writes a text whose middle height is at the position.
    fn text(&mut self, text: &str, at: (f64, f64), font: Font, align: Align) -> Result<(), Reason>;

    /// Width of a text.
    fn text_width(&self, text: &str, font: Font) -> Result<f64, Reason>;
}

/// Draws an SVG and writes it atomically.
pub(super) fn write_svg(
    path: &Path,
    draw: impl FnOnce(&mut dyn Canvas) -> Result<(), Reason>,
) -> Result<(), PlotError> {
    let (width, height) = size(SVG_SCALE);
    let mut text = String::new();
    let mut sheet = Sheet {
        backend: SVGBackend::with_string(&mut text, (width, height)),
        scale: SVG_SCALE as f64,
        text_rise: 0.09,
        has_joins: true,
    };
    draw_on(&mut sheet, path, draw)?;
    drop(sheet);
    // Only the size on the page shrinks; the drawing keeps its finer coordinates.
    let shown = format!("width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox");
    let drawn = format!("width=\"{width}\" height=\"{height}\" viewBox");
    Ok(write_atomically(path, text.replacen(&drawn, &shown, 1).as_bytes())?)
}

/// The memory that PNGs are drawn in, kept from one to the next: by far the largest of a run.
///
/// A fresh piece for each would come to much more than its size, since an allocator keeps what is
/// given back to it, per thread.
#[derive(Debug, Default)]
pub struct PaintBuffer(Vec<u8>);

/// Draws a PNG and writes it atomically.
pub(super) fn write_png(
    path: &Path,
    buffer: &mut PaintBuffer,
    draw: impl FnOnce(&mut dyn Canvas) -> Result<(), Reason>,
) -> Result<(), PlotError> {
    let (width, height) = size(PNG_SCALE);
    let pixels = &mut buffer.0;
    pixels.resize(width as usize * height as usize * 3, 0);
    let mut sheet = Sheet {
        backend: BitMapBackend::with_buffer(pixels, (width, height)),
        scale: PNG_SCALE as f64,
        text_rise: 0.24,
        has_joins: false,
    };
    draw_on(&mut sheet, path, draw)?;
    drop(sheet);
    save_png(path, average(pixels))
}

/// A drawing under way on one of the library's backends.
struct Sheet<B> {
    backend: B,
    scale: f64,
    /// How far the backend puts the middle of capitals above where it should, in font sizes.
    text_rise: f64,
    /// Whether the backend draws the corners of a thick line well; if not, each piece is drawn by
    /// itself.
    has_joins: bool,
}

impl<B: DrawingBackend> Sheet<B> {
    fn pixel(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn style(&self, font: Font) -> TextStyle<'static> {
        let weight = if font.is_bold { FontStyle::Bold } else { FontStyle::Normal };
        let mut style = TextStyle::from((FAMILY, font.size * LINE_HEIGHT * self.scale, weight));
        style.color = rgba(font.color, 1.0).to_backend_color();
        style
    }

    fn pieces(&mut self, pixels: &[(i32, i32)], style: &ShapeStyle) -> Result<(), Reason> {
        for pair in pixels.windows(2).filter(|pair| pair[0] != pair[1]) {
            self.backend.draw_path(pair.iter().copied(), style).map_err(reason)?;
        }
        // Round corners; a line of two points has none.
        let corners = &pixels[1..pixels.len().max(2) - 1];
        corners.iter().try_for_each(|&corner| {
            self.backend.draw_circle(corner, style.stroke_width / 2, style, true).map_err(reason)
        })
    }
}

impl<B: DrawingBackend> Canvas for Sheet<B> {
    fn line(&mut self, points: &[(f64, f64)], width: f64, color: Color) -> Result<(), Reason> {
        let pixels: Vec<(i32, i32)> = points.iter().map(|&point| self.pixel(point)).collect();
        let stroke_width = (width * self.scale).round() as u32;
        let style = ShapeStyle { color: rgba(color, 1.0), filled: true, stroke_width };
        if self.has_joins {
            return self.backend.draw_path(pixels, &style).map_err(reason);
        }
        self.pieces(&pixels, &style)
    }

    fn area(&mut self, points: &[(f64, f64)], color: Color, opacity: f64) -> Result<(), Reason> {
        let pixels: Vec<(i32, i32)> = points.iter().map(|&point| self.pixel(point)).collect();
        self.backend.fill_polygon(pixels, &rgba(color, opacity)).map_err(reason)
    }

    fn text(&mut self, text: &str, at: (f64, f64), font: Font, align: Align) -> Result<(), Reason> {
        let h_pos = match align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = self.style(font).pos(Pos::new(h_pos, VPos::Center));
        let pixel = self.pixel((at.0, at.1 + self.text_rise * font.size));
        self.backend.draw_text(text, &style, pixel).map_err(reason)
    }

    fn text_width(&self, text: &str, font: Font) -> Result<f64, Reason> {
        let size = self.backend.estimate_text_size(text, &self.style(font)).map_err(reason)?;
        Ok(f64::from(size.0) / self.scale)
    }
}

fn draw_on<B: DrawingBackend>(
    sheet: &mut Sheet<B>,
    path: &Path,
    draw: impl FnOnce(&mut dyn Canvas) -> Result<(), Reason>,
) -> Result<(), PlotError> {
    let white = Color(255, 255, 255);
    let corners = [(0.0, 0.0), (WIDTH, 0.0), (WIDTH, HEIGHT), (0.0, HEIGHT)];
    register_fonts()
        .and_then(|()| sheet.area(&corners, white, 1.0))
        .and_then(|()| draw(sheet))
        .and_then(|()| sheet.backend.present().map_err(reason))
        .map_err(|reason| PlotError::Draw { path: path.to_path_buf(), reason })
}

/// The library keeps fonts by name for the process; registering the same ones again changes
/// nothing.
fn register_fonts() -> Result<(), Reason> {
    [(FontStyle::Normal, REGULAR), (FontStyle::Bold, SEMIBOLD)].into_iter().try_for_each(
        |(style, bytes)| {
            register_font(FAMILY, style, bytes)
                .map_err(|_| "the built-in font is damaged".to_owned())
        },
    )
}

fn size(scale: usize) -> (u32, u32) {
    (WIDTH as u32 * scale as u32, HEIGHT as u32 * scale as u32)
}

fn rgba(Color(r, g, b): Color, opacity: f64) -> RGBAColor {
    RGBAColor(r, g, b, opacity)
}

fn reason(error: impl std::error::Error) -> Reason {
    error.to_string()
}

/// Puts the mean of each block of [`PNG_SCALE`]² pixels at the front, and returns that part.
fn average(pixels: &mut [u8]) -> &[u8] {
    let width = WIDTH as usize * 3;
    let (row_length, height) = (width * PNG_SCALE, HEIGHT as usize);
    let area = (PNG_SCALE * PNG_SCALE) as u32;
    let mut sums = vec![0_u32; width];
    for y in 0..height {
        sums.fill(0);
        let block = &pixels[y * PNG_SCALE * row_length..][..PNG_SCALE * row_length];
        for row in block.chunks_exact(row_length) {
            for (k, channel) in row.iter().enumerate() {
                sums[k / (3 * PNG_SCALE) * 3 + k % 3] += u32::from(*channel);
            }
        }
        // The block has been read, and lies behind or where this row goes.
        for (mean, sum) in pixels[y * width..][..width].iter_mut().zip(&sums) {
            *mean = ((sum + area / 2) / area) as u8;
        }
    }
    &pixels[..width * height]
}

fn save_png(path: &Path, pixels: &[u8]) -> Result<(), PlotError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(FileError::at("create", folder))?;
    // The library chooses the format by the extension, so the temporary name must end in it too.
    let mut temporary = temporary_path(path).into_os_string();
    temporary.push(".png");
    let temporary = PathBuf::from(temporary);
    let failed = |reason| PlotError::Draw { path: path.to_path_buf(), reason };
    let (width, height) = size(1);
    let mut backend = BitMapBackend::new(&temporary, (width, height));
    backend.blit_bitmap((0, 0), (width, height), pixels).map_err(reason).map_err(failed)?;
    backend.present().map_err(reason).map_err(failed)?;
    File::open(&temporary)
        .and_then(|file| file.sync_all())
        .map_err(FileError::at("sync", &temporary))?;
    Ok(publish(&temporary, path)?)
}
