//! The picture: sky, clouds, ground, a beam of the lidar, the walker, the flag.

use slm_env::{Color, Frame, Rng, StateError, StateReader, StateWriter};

use super::lidar::BEAMS;
use super::terrain::{LENGTH, LEVEL, STEP};
use super::walker::{BODIES, HULL, half_of_leg};
use super::{BipedalWalker, HEIGHT, SCALE, WIDTH};
use crate::draw::{self, Scale};
use crate::physics::{BodyId, Shape, World};

const SKY: Color = [215, 215, 255];
const WHITE: Color = [255, 255, 255];
const STONE_EDGE: Color = [153, 153, 153];
const SOIL: Color = [102, 153, 76];
const BEAM: Color = [255, 0, 0];
const HULL_COLORS: (Color, Color) = ([127, 51, 229], [76, 76, 127]);
const FLAG: Color = [230, 51, 0];
const CLOUDS: usize = LENGTH / 20;
const CORNERS: usize = 5;
/// Gymnasium takes 3.14 for π here.
const ALMOST_TURN: f64 = 628.0 / 100.0;

/// Clouds, which Gymnasium draws from the same generator as the ground.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Clouds {
    corners: [[(f32, f32); CORNERS]; CLOUDS],
}

impl Clouds {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let corners = std::array::from_fn(|_| {
            let x = rng.uniform(0.0, LENGTH as f64) * STEP;
            std::array::from_fn(|i| {
                let (sin, cos) = (ALMOST_TURN * i as f64 / 5.0).sin_cos();
                let right = x + 15.0 * STEP * sin + rng.uniform(0.0, 5.0 * STEP);
                let up = HEIGHT * 0.75 + 5.0 * STEP * cos + rng.uniform(0.0, 5.0 * STEP);
                (right as f32, up as f32)
            })
        });
        Self { corners }
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        for &(x, y) in self.corners.iter().flatten() {
            out.f32(x);
            out.f32(y);
        }
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        for corner in self.corners.iter_mut().flatten() {
            *corner = (from.f32()?, from.f32()?);
        }
        Ok(())
    }

    /// Clouds move half as fast as the ground.
    fn draw_over(&self, left: f64, frame: &mut Frame) {
        for cloud in &self.corners {
            let points = cloud.map(|(x, y)| {
                ((f64::from(x) - left / 2.0) * SCALE, (HEIGHT - f64::from(y)) * SCALE)
            });
            frame.polygon(&points, WHITE);
        }
    }
}

/// Draws all of it.
pub(super) fn draw(env: &BipedalWalker, frame: &mut Frame) {
    frame.clear(600, 400, SKY);
    let Some(walker) = &env.walker else { return };
    let position = env.world.position(walker.hull);
    let eye = (f64::from(position.x), f64::from(position.y));
    let left = (eye.0 - WIDTH / 5.0).max(0.0);
    let pixel = |(x, y): (f64, f64)| ((x - left) * SCALE, (HEIGHT - y) * SCALE);
    env.clouds.draw_over(left, frame);
    draw_ground(&env.world, pixel, frame);
    let beam = (env.time as usize + 1) % 100;
    if beam < 2 * BEAMS {
        let beam = if beam < BEAMS { beam } else { 2 * BEAMS - 1 - beam };
        frame.line(pixel(eye), pixel(env.lidar.end_of(beam, eye)), 1.0, BEAM);
    }
    draw_walker(env, left, frame);
    let foot = (STEP * 3.0, LEVEL);
    let (x, y) = pixel(foot);
    frame.line((x, y), (x, y - 50.0), 1.0, [0; 3]);
    let flag = [(x, y - 50.0), (x, y - 40.0), (x + 25.0, y - 45.0)];
    frame.polygon(&flag, FLAG);
    frame.polyline(&[flag[0], flag[1], flag[2], flag[0]], 1.0, [0; 3]);
}

/// Draws the soil under every edge, the edges in two greens, and the obstacles.
fn draw_ground(world: &World, pixel: impl Fn((f64, f64)) -> (f64, f64), frame: &mut Frame) {
    let ground = || world.bodies().skip(BODIES).enumerate();
    for (i, body) in ground() {
        if let Some([a, b]) = edge_of(world, body).map(|ends| ends.map(&pixel)) {
            // A pixel wider than it is, so that no seam shows between two.
            let right = b.0 + 1.0;
            frame.polygon(&[a, b, (right, b.1), (right, 400.0), (a.0, 400.0)], SOIL);
            // The bodies come from the end of the ground, whose edges alternate from its start.
            let green = if (LENGTH - i).is_multiple_of(2) { 255 } else { 204 };
            frame.line(a, b, 1.0, [76, green, 76]);
        }
    }
    for (_, body) in ground() {
        if let Some(corners) = obstacle_of(world, body).map(|corners| corners.map(&pixel)) {
            frame.polygon(&corners, WHITE);
            frame.polyline(&corners, 1.0, STONE_EDGE);
            frame.line(corners[3], corners[0], 1.0, STONE_EDGE);
        }
    }
}

fn edge_of(world: &World, body: BodyId) -> Option<[(f64, f64); 2]> {
    match world.shape(world.fixtures(body).next()?) {
        Shape::Edge(edge) => Some(edge.vertices.map(|v| (f64::from(v.x), f64::from(v.y)))),
        _ => None,
    }
}

fn obstacle_of(world: &World, body: BodyId) -> Option<[(f64, f64); 4]> {
    match world.shape(world.fixtures(body).next()?) {
        Shape::Polygon(polygon) => {
            let corners = <[_; 4]>::try_from(polygon.vertices()).ok()?;
            Some(corners.map(|v| (f64::from(v.x), f64::from(v.y))))
        }
        _ => None,
    }
}

fn draw_walker(env: &BipedalWalker, left: f64, frame: &mut Frame) {
    let walker = env.walker();
    let scale = |body| Scale { body, pixels: SCALE, left, height: 400.0 };
    for (i, &body) in walker.legs.iter().enumerate() {
        let (w, h) = half_of_leg(i % 2 == 1);
        let corners = [(-w, -h), (w, -h), (w, h), (-w, h)];
        let shade = if i < 2 { 25 } else { -25 };
        let tint = |color: [i16; 3]| color.map(|part| (part + shade) as u8);
        let colors = (tint([153, 76, 127]), tint([102, 51, 76]));
        draw::outlined(frame, env.world.transform(body), &corners, &scale(1.0), colors);
    }
    let hull = env.world.transform(walker.hull);
    draw::outlined(frame, hull, &HULL, &scale(SCALE), HULL_COLORS);
}
