//! The picture: field, road, car and instruments, which is the observation too.

use slm_env::{Color, Frame, Rng, StateError, StateReader, StateWriter};

use super::car::{SIZE, WHEEL_RADIUS, WHEEL_WIDTH, Wheel};
use super::pedals::Pedals;
use super::raster::{HEIGHT, Raster, WIDTH};
use super::skid::Marks;
use super::track::Quad;
use super::{CarRacing, FIELD, OBS_SIZE, SCALE, digits, single};
use crate::physics::{BodyId, Shape, Transform, Vec2, World};

/// How near the camera comes.
const ZOOM: f64 = 2.7;
/// Side of a patch of grass.
const PATCH: f64 = FIELD / 20.0;
/// What reaches no further beyond the picture can lie in it.
const MARGIN: f64 = PATCH * std::f64::consts::SQRT_2 * ZOOM * SCALE;
const HULL: Color = [204, 0, 0];
const RUBBER: Color = [0, 0, 0];
const MUD: Color = [102, 102, 0];
const RIM: Color = [77, 77, 77];
const WHITE: Color = [255, 255, 255];
const RED: Color = [255, 0, 0];

/// Colors of road, field and grass, each part from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Palette {
    road: [f64; 3],
    field: [f64; 3],
    grass: [f64; 3],
}

impl Default for Palette {
    fn default() -> Self {
        Self { road: [102.0; 3], field: [102.0, 204.0, 102.0], grass: [102.0, 230.0, 102.0] }
    }
}

impl Palette {
    /// Random colors; grass is the field with more of one part.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut color = || [(); 3].map(|()| rng.uniform(0.0, 210.0));
        let (road, field) = (color(), color());
        let mut grass = field;
        grass[rng.integers(0, 3) as usize] += 20.0;
        Self { road, field, grass }
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        for color in [self.road, self.field, self.grass] {
            out.f64s(&color);
        }
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        for color in [&mut self.road, &mut self.field, &mut self.grass] {
            from.f64s_into(color)?;
        }
        Ok(())
    }
}

/// From the world to pixels: the car stands a quarter up in the picture and looks to its top.
struct Camera {
    sin: f64,
    cos: f64,
    zoom: f64,
    shift: (f64, f64),
}

impl Camera {
    /// The camera above a hull, at a time of the episode; it comes nearer for a second.
    fn new(hull: Transform, angle: f32, time: f64) -> Self {
        let zoom = 0.1 * SCALE * (1.0 - time).max(0.0) + ZOOM * SCALE * time.min(1.0);
        let (sin, cos) = turn(-f64::from(angle));
        let mut camera = Self { sin, cos, zoom, shift: (0.0, 0.0) };
        let scroll = (-f64::from(hull.p.x) * zoom, -f64::from(hull.p.y) * zoom);
        let (x, y) = camera.rotate(scroll);
        camera.shift = (WIDTH as f64 / 2.0 + x, HEIGHT as f64 / 4.0 + y);
        camera
    }

    fn rotate(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.cos * x - self.sin * y, self.sin * x + self.cos * y)
    }

    fn pixel(&self, point: (f64, f64)) -> (f64, f64) {
        let (x, y) = self.rotate(point);
        (x * self.zoom + self.shift.0, y * self.zoom + self.shift.1)
    }

    /// The pixels of a quadrangle, unless it can not be seen.
    fn see(&self, quad: Quad) -> Option<Quad> {
        let pixels = quad.map(|point| self.pixel(point));
        let near = |at: f64, size: usize| (-MARGIN..=size as f64 + MARGIN).contains(&at);
        pixels.iter().any(|&(x, y)| near(x, WIDTH) && near(y, HEIGHT)).then_some(pixels)
    }
}

/// Sine and cosine of an angle; within a millionth of a quarter turn those of the quarter turn, as pygame has it.
fn turn(angle: f64) -> (f64, f64) {
    use std::f64::consts::{FRAC_PI_2, TAU};
    const NEAR: f64 = 1e-6;
    let angle = angle % TAU;
    let angle = if angle < 0.0 { angle + TAU } else { angle };
    if (angle + NEAR) % FRAC_PI_2 < 2.0 * NEAR {
        let quarters = ((angle + NEAR) / FRAC_PI_2) as usize;
        return [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)][quarters % 4];
    }
    angle.sin_cos()
}

/// Draws a window's picture.
pub(super) fn draw<A: Pedals + ?Sized>(env: &CarRacing<A>, frame: &mut Frame) {
    const SIZE: (usize, usize) = (600, 400);
    let mut raster = Raster::new();
    paint(env, &mut raster, paint_marks);
    frame.clear(SIZE.0, SIZE.1, RUBBER);
    raster.shrink(SIZE, frame.rgb_mut());
}

impl<A: Pedals + ?Sized> CarRacing<A> {
    /// Writes the observation.
    pub(super) fn look(&mut self, obs: &mut [u8]) {
        let mut raster = std::mem::take(&mut self.raster);
        paint(self, &mut raster, |_, _, _| ());
        raster.shrink(OBS_SIZE, obs);
        self.raster = raster;
    }
}

/// Draws everything in the size that Gymnasium draws it in, with what `extra` draws between road and car.
fn paint<A: Pedals + ?Sized>(
    env: &CarRacing<A>,
    raster: &mut Raster,
    extra: impl Fn(&Marks, &Camera, &mut Raster),
) {
    raster.clear();
    let Some(car) = &env.car else { return };
    let camera = Camera::new(env.world.transform(car.hull), env.world.angle(car.hull), env.time);
    paint_field(&env.palette, &camera, raster);
    paint_road(env, &camera, raster);
    extra(&env.marks, &camera, raster);
    for wheel in &car.wheels {
        paint_body(&env.world, wheel.body, RUBBER, &camera, raster);
        paint_rim(&env.world, wheel, &camera, raster);
    }
    paint_body(&env.world, car.hull, HULL, &camera, raster);
    raster.flip();
    paint_instruments(env, raster);
    digits::draw(env.return_, raster);
}

fn paint_field(palette: &Palette, camera: &Camera, raster: &mut Raster) {
    let field = [(FIELD, FIELD), (FIELD, -FIELD), (-FIELD, -FIELD), (-FIELD, FIELD)];
    let field = field.map(|point| camera.pixel(point));
    raster.smooth_polygon(&field, whole(palette.field));
    let grass = whole(palette.grass);
    for (i, j) in (-10..10).flat_map(|i| (-10..10).map(move |j| (i, j))) {
        let (x, y) = (PATCH * f64::from(2 * i), PATCH * f64::from(2 * j));
        let patch = [(x + PATCH, y), (x, y), (x, y + PATCH), (x + PATCH, y + PATCH)];
        if let Some(patch) = camera.see(patch) {
            raster.smooth_polygon(&patch, grass);
        }
    }
}

fn paint_road<A: Pedals + ?Sized>(env: &CarRacing<A>, camera: &Camera, raster: &mut Raster) {
    for (i, tile) in env.tiles.iter().enumerate() {
        let shade = if tile.is_touched { 0.0 } else { 0.01 * (i % 3) as f64 * 255.0 };
        if let Some(quad) = camera.see(env.track.tile(i)) {
            raster.smooth_polygon(&quad, whole(env.palette.road.map(|part| part + shade)));
        }
        if let Some(quad) = env.track.curb(i).and_then(|quad| camera.see(quad)) {
            raster.smooth_polygon(&quad, if i % 2 == 0 { WHITE } else { RED });
        }
    }
}

/// Draws the skid marks, two pixels wide.
fn paint_marks(marks: &Marks, camera: &Camera, raster: &mut Raster) {
    for mark in marks.iter() {
        let color = if mark.is_on_grass { MUD } else { RUBBER };
        for ends in mark.points().windows(2) {
            let [a, b] = [ends[0], ends[1]]
                .map(|point| camera.pixel((f64::from(point.x), f64::from(point.y))));
            let (x, y) = (b.0 - a.0, b.1 - a.1);
            let length = (x * x + y * y).sqrt().max(1e-9);
            let (x, y) = (-y / length, x / length);
            let line =
                [(a.0 + x, a.1 + y), (b.0 + x, b.1 + y), (b.0 - x, b.1 - y), (a.0 - x, a.1 - y)];
            raster.polygon(&line, color);
        }
    }
}

fn paint_body(world: &World, body: BodyId, color: Color, camera: &Camera, raster: &mut Raster) {
    let transform = world.transform(body);
    for fixture in world.fixtures(body) {
        if let Shape::Polygon(polygon) = world.shape(fixture) {
            let mut pixels = [(0.0, 0.0); 8];
            let vertices = polygon.vertices();
            for (pixel, &vertex) in pixels.iter_mut().zip(vertices) {
                *pixel = seen(transform, vertex, camera);
            }
            raster.polygon(&pixels[..vertices.len()], color);
        }
    }
}

/// Draws the light part of a wheel that shows how it turns.
fn paint_rim(world: &World, wheel: &Wheel, camera: &Camera, raster: &mut Raster) {
    let ends = [wheel.phase, wheel.phase + 1.2].map(f64::sin_cos);
    if ends.iter().all(|(sin, _)| *sin > 0.0) {
        return;
    }
    let [a, b] = ends.map(|(sin, cos)| if sin > 0.0 { cos.signum() } else { cos });
    let (w, a, b) = (WHEEL_WIDTH * SIZE, WHEEL_RADIUS * a * SIZE, WHEEL_RADIUS * b * SIZE);
    let transform = world.transform(wheel.body);
    let rim = [(-w, a), (w, a), (w, b), (-w, b)];
    raster.polygon(&rim.map(|corner| seen(transform, single(corner), camera)), RIM);
}

/// The pixel of a point of a body.
fn seen(transform: Transform, point: Vec2, camera: &Camera) -> (f64, f64) {
    let point = transform.apply(point);
    camera.pixel((f64::from(point.x), f64::from(point.y)))
}

/// Draws speed, the speeds of the wheels, steering and rotation.
fn paint_instruments<A: Pedals + ?Sized>(env: &CarRacing<A>, raster: &mut Raster) {
    let (w, h) = (WIDTH as f64, HEIGHT as f64);
    let (s, t) = (w / 40.0, h / 40.0);
    raster.polygon(&[(w, h), (w, h - 5.0 * t), (0.0, h - 5.0 * t), (0.0, h)], RUBBER);
    let mut upright = |place: f64, value: f64, scale: f64, color: Color| {
        let (left, right, top) = (place * s, (place + 1.0) * s, h - (t + t * (scale * value)));
        if value.abs() > 1e-4 {
            raster.polygon(&[(left, top), (right, top), (right, h - t), (left, h - t)], color);
        }
    };
    let car = env.car();
    let velocity = env.world.linear_velocity(car.hull);
    let (x, y) = (f64::from(velocity.x), f64::from(velocity.y));
    upright(5.0, (x * x + y * y).sqrt(), 0.02, WHITE);
    let blues = [[0, 0, 255], [0, 0, 255], [51, 0, 255], [51, 0, 255]];
    for ((wheel, place), blue) in car.wheels.iter().zip([7.0, 8.0, 9.0, 10.0]).zip(blues) {
        upright(place, wheel.omega, 0.01, blue);
    }
    let mut level = |place: f64, value: f32, scale: f64, color: Color| {
        let value = f64::from(value);
        let (left, right) = (place * s, (place + scale * value) * s);
        let (top, bottom) = (h - 4.0 * t, h - 2.0 * t);
        if value.abs() > 1e-4 {
            let bar = [(left, top), (right, top), (right, bottom), (left, bottom)];
            raster.polygon(&bar, color);
        }
    };
    level(20.0, env.world.joint_angle(car.wheels[0].joint), -10.0, [0, 255, 0]);
    level(30.0, env.world.angular_velocity(car.hull), -0.8, RED);
}

fn whole(color: [f64; 3]) -> Color {
    color.map(|part| part as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_car_stands_a_quarter_up_whatever_its_place_and_direction() {
        for (x, y, angle) in [(0.0, 0.0, 0.0), (50.0, -30.0, 2.5), (-7.0, 9.0, -1.0)] {
            let hull = Transform { p: Vec2::new(x, y), ..Transform::default() };
            let pixel = Camera::new(hull, angle, 3.0).pixel((f64::from(x), f64::from(y)));
            assert!((pixel.0 - 500.0).abs() < 1e-9 && (pixel.1 - 200.0).abs() < 1e-9, "{pixel:?}");
        }
    }

    #[test]
    fn angles_next_to_a_quarter_turn_are_one() {
        assert_eq!(turn(std::f64::consts::FRAC_PI_2 + 1e-7), (1.0, 0.0));
        assert_eq!(turn(-1e-7), (0.0, 1.0));
        assert_eq!(turn(0.5), 0.5_f64.sin_cos());
    }
}
