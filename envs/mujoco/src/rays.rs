//! Pictures of a simulation by rays from a camera, computed here, for where there is no OpenGL.
//!
//! Shades are few, so that a picture rarely has more colors than a GIF.

use std::ops::Range;

use slm_env::{Color, Frame};

use crate::engine::{Geom, Pose, Shot, Simulation};

pub(crate) type Vector = [f64; 3];

/// Shapes of a greater group are not shown.
const SHOWN_GROUPS: i32 = 3;
/// Length of a square of the ground, in meters.
const SQUARE: f64 = 1.0;
/// Direction to the light, of length 1.
const LIGHT: Vector = [0.36, -0.48, 0.8];
/// Brightness where no light falls.
const AMBIENT: f64 = 0.45;
/// The sky at the horizon, and above.
const HORIZON: Vector = [0.80, 0.86, 0.92];
const ZENITH: Vector = [0.36, 0.52, 0.72];
/// Shades of the sky, of the ground on its way to the horizon, and of a shape between dark and lit.
const SHADES: f64 = 24.0;
/// Lengths of the model after which the ground has become the horizon.
const HAZE: f64 = 8.0;

/// A camera's place and directions.
struct Eye {
    place: Vector,
    right: Vector,
    up: Vector,
    forward: Vector,
    /// Half the height of the picture at distance 1, a pixel's part of it, and the picture's size.
    half_height: f64,
    pixel: f64,
    size: (usize, usize),
}

/// What lies nearest behind each pixel.
struct Canvas<'a> {
    eye: Eye,
    /// Meters after which the ground has become the horizon.
    haze: f64,
    depth: Vec<f64>,
    frame: &'a mut Frame,
}

/// Draws a picture.
pub(crate) fn draw(simulation: &Simulation, shot: &Shot, frame: &mut Frame) {
    let (width, height) = shot.size;
    let haze = HAZE * simulation.model().extent().1.max(1.0);
    let depth = vec![f64::INFINITY; width * height];
    let mut canvas = Canvas { eye: Eye::new(simulation, shot), haze, depth, frame };
    canvas.sky();
    for i in 0..simulation.model().ngeom() {
        let geom = simulation.model().geom(i);
        if geom.group < SHOWN_GROUPS && geom.rgba[3] > 0.0 {
            canvas.shape(simulation, i, &geom);
        }
    }
}

impl Eye {
    fn new(simulation: &Simulation, shot: &Shot) -> Self {
        let (fixed, (place, [right, up, forward])) = match shot.pose {
            Pose::Fixed(camera) => (Some(camera), fixed(simulation, camera)),
            Pose::Free { look_at, distance, azimuth, elevation } => {
                (None, free(look_at, distance, azimuth, elevation))
            }
        };
        let half_height = (simulation.model().field_of_view(fixed).to_radians() / 2.0).tan();
        let pixel = 2.0 * half_height / shot.size.1 as f64;
        Self { place, right, up, forward, half_height, pixel, size: shot.size }
    }

    /// The direction that a pixel looks, of length 1 along the axis of the camera.
    fn ray(&self, column: usize, row: usize) -> Vector {
        let (width, height) = self.size;
        let x = (column as f64 + 0.5 - width as f64 / 2.0) * self.pixel;
        let y = (height as f64 / 2.0 - row as f64 - 0.5) * self.pixel;
        add(add(self.forward, self.right, x), self.up, y)
    }

    /// The columns and rows that a ball may cover.
    fn window(&self, center: Vector, radius: f64) -> (Range<usize>, Range<usize>) {
        let (width, height) = self.size;
        let offset = add(center, self.place, -1.0);
        let depth = dot(offset, self.forward);
        if depth <= radius {
            let is_behind = depth < -radius;
            return if is_behind { (0..0, 0..0) } else { (0..width, 0..height) };
        }
        let range = |along: f64, len: usize| {
            let (low, high) = (along - radius, along + radius);
            let low = (low / (depth - radius)).min(low / (depth + radius)) / self.pixel;
            let high = (high / (depth - radius)).max(high / (depth + radius)) / self.pixel;
            let middle = len as f64 / 2.0;
            // A cast saturates: what lies outside covers nothing.
            (low + middle).floor() as usize..((high + middle).ceil().max(0.0) as usize).min(len)
        };
        (range(dot(offset, self.right), width), range(-dot(offset, self.up), height))
    }
}

impl Canvas<'_> {
    fn sky(&mut self) {
        let (width, height) = self.eye.size;
        for row in 0..height {
            let direction = self.eye.ray(width / 2, row);
            let above = (direction[2] / dot(direction, direction).sqrt()).max(0.0);
            let color = mix(HORIZON, ZENITH, in_shades(above / self.eye.half_height.max(0.1)));
            for column in 0..width {
                self.paint(column, row, color);
            }
        }
    }

    fn shape(&mut self, simulation: &Simulation, i: usize, geom: &Geom) {
        let (width, height) = self.eye.size;
        let (columns, rows) = if geom.is_plane() {
            (0..width, 0..height)
        } else {
            self.eye.window(simulation.geom_xpos()[i], geom.bound)
        };
        for row in rows {
            for column in columns.clone() {
                let direction = self.eye.ray(column, row);
                let hit = simulation.ray(i, &self.eye.place, &direction);
                let Some((distance, normal)) = hit else { continue };
                if distance < self.depth[row * width + column] {
                    self.depth[row * width + column] = distance;
                    let point = add(self.eye.place, direction, distance);
                    let color = self.color(geom, point, normal, distance);
                    self.paint(column, row, color);
                }
            }
        }
    }

    /// The color of a point of a shape, of which the ground has squares.
    fn color(&self, geom: &Geom, point: Vector, normal: Vector, distance: f64) -> Vector {
        let own = [0, 1, 2].map(|i| f64::from(geom.rgba[i]));
        let light = AMBIENT + (1.0 - AMBIENT) * in_shades(dot(normal, LIGHT).max(0.0));
        let lit = own.map(|part| part * light);
        if !geom.is_plane() {
            return lit;
        }
        let square = |along: f64| (along / SQUARE).floor() as i64;
        let is_dark = (square(point[0]) + square(point[1])).rem_euclid(2) == 1;
        let ground = lit.map(|part| if is_dark { part * 0.55 } else { part * 0.8 });
        mix(ground, HORIZON, in_shades(distance / self.haze))
    }

    fn paint(&mut self, column: usize, row: usize, color: Vector) {
        let at = (row * self.eye.size.0 + column) * 3;
        let bytes: Color = color.map(|part| (part.clamp(0.0, 1.0) * 255.0).round() as u8);
        self.frame.rgb_mut()[at..at + 3].copy_from_slice(&bytes);
    }
}

/// Where a camera of the model is, and its directions to the right, up, and forward.
fn fixed(simulation: &Simulation, camera: usize) -> (Vector, [Vector; 3]) {
    let m = simulation.cam_xmat()[camera];
    let axes = [[m[0], m[3], m[6]], [m[1], m[4], m[7]], [-m[2], -m[5], -m[8]]];
    (simulation.cam_xpos()[camera], axes)
}

/// The same of a camera that looks some degrees from x toward y, and some degrees upward.
fn free(look_at: Vector, distance: f64, azimuth: f64, elevation: f64) -> (Vector, [Vector; 3]) {
    let (sin, cos) = elevation.to_radians().sin_cos();
    let (y, x) = azimuth.to_radians().sin_cos();
    let forward = [x * cos, y * cos, sin];
    (add(look_at, forward, -distance), [[y, -x, 0.0], [-x * sin, -y * sin, cos], forward])
}

/// The nearest of the shades from 0 to 1.
fn in_shades(share: f64) -> f64 {
    (share.clamp(0.0, 1.0) * SHADES).round() / SHADES
}

fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// a + b · factor.
fn add(a: Vector, b: Vector, factor: f64) -> Vector {
    [a[0] + b[0] * factor, a[1] + b[1] * factor, a[2] + b[2] * factor]
}

/// From a to b, by a share.
fn mix(a: Vector, b: Vector, share: f64) -> Vector {
    let share = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A camera at the origin that looks along y, with a view of 90 degrees in 100 by 100 pixels.
    fn eye() -> Eye {
        Eye {
            place: [0.0; 3],
            right: [1.0, 0.0, 0.0],
            up: [0.0, 0.0, 1.0],
            forward: [0.0, 1.0, 0.0],
            half_height: 1.0,
            pixel: 0.02,
            size: (100, 100),
        }
    }

    /// Turned by 90 degrees a camera looks along y, by 180 against x with y to its right; from 30 degrees above, its
    /// own upward direction leans forward.
    #[test]
    fn a_free_camera_turns_and_leans() {
        let close = |a: Vector, b: Vector| add(a, b, -1.0).iter().all(|part| part.abs() < 1e-12);
        let (place, [right, up, forward]) = free([1.0, 2.0, 3.0], 4.0, 90.0, 0.0);
        assert!(close(place, [1.0, -2.0, 3.0]) && close(right, [1.0, 0.0, 0.0]), "{place:?}");
        assert!(close(up, [0.0, 0.0, 1.0]) && close(forward, [0.0, 1.0, 0.0]), "{forward:?}");
        let (place, [right, up, forward]) = free([0.0; 3], 2.0, 180.0, -30.0);
        let cos = 0.75f64.sqrt();
        assert!(close(place, [2.0 * cos, 0.0, 1.0]) && close(right, [0.0, 1.0, 0.0]), "{place:?}");
        assert!(close(up, [-0.5, 0.0, cos]) && close(forward, [-cos, 0.0, -0.5]), "{forward:?}");
    }

    #[test]
    fn the_window_of_a_ball_holds_all_rays_that_meet_it() {
        for (center, radius) in
            [([0.0, 4.0, 0.0], 1.0), ([1.5, 3.0, -1.0], 0.5), ([-2.0, 2.0, 1.9], 0.7)]
        {
            let (columns, rows) = eye().window(center, radius);
            for (column, row) in (0..100).flat_map(|row| (0..100).map(move |column| (column, row)))
            {
                let ray = eye().ray(column, row);
                let along = dot(ray, center) / dot(ray, ray);
                let off = add(center, ray, -along);
                let is_met = dot(off, off) < radius * radius;
                assert!(!is_met || columns.contains(&column) && rows.contains(&row));
            }
            assert!(columns.len() < 100 && rows.len() < 100, "{columns:?} {rows:?}");
        }
    }

    #[test]
    fn a_ball_behind_the_camera_has_no_window_and_one_around_it_the_whole_picture() {
        assert_eq!(eye().window([0.0, -3.0, 0.0], 1.0), (0..0, 0..0));
        assert_eq!(eye().window([0.0, 0.5, 0.0], 1.0), (0..100, 0..100));
    }
}
