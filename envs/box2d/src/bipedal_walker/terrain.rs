//! The ground of an episode: gentle grass, and in the hardcore version pits, stumps and stairs.

use slm_env::Rng;

use super::{HEIGHT, SCALE, single};
use crate::physics::{BodyDef, Edge, FixtureDef, Polygon, World};

/// Distance between two points of the ground.
pub(super) const STEP: f64 = 14.0 / SCALE;
/// Points.
pub(super) const LENGTH: usize = 200;
/// Height of the ground around which the grass wanders.
pub(super) const LEVEL: f64 = HEIGHT / 4.0;
/// Points of grass between obstacles, at most.
pub(super) const GRASS: usize = 10;
/// Points that are flat.
pub(super) const START: usize = 20;
const FRICTION: f32 = 2.5;
/// Depth of a pit, in steps.
const DEPTH: f64 = 4.0;

/// What a stretch of ground is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stretch {
    Grass,
    Stump,
    Stairs { steps: i64, width: i64, rise: i64 },
    Pit,
}

/// Lays the ground point by point.
struct Layer {
    stretch: Stretch,
    /// Whether the next point is the stretch's first.
    is_fresh: bool,
    /// Points until the next stretch.
    left: i64,
    y: f64,
    /// Rise of the grass from point to point.
    slope: f64,
    /// Height before the obstacle.
    before: f64,
}

/// Draws the ground and puts its bodies into the world: obstacles first, then an edge from each point to the next.
pub(super) fn build(world: &mut World, rng: &mut Rng, is_hardcore: bool) {
    let mut layer = Layer::new();
    let mut heights = [0.0; LENGTH];
    for (i, height) in heights.iter_mut().enumerate() {
        layer.lay(world, rng, i);
        *height = layer.y;
        layer.go_on(rng, is_hardcore);
    }
    for (i, pair) in heights.windows(2).enumerate() {
        let ends = [(i, pair[0]), (i + 1, pair[1])].map(|(i, y)| single((i as f64 * STEP, y)));
        let body = world.create_body(&BodyDef::default());
        let edge = Edge::new(ends[0], ends[1]);
        world.create_fixture(body, &FixtureDef { friction: FRICTION, ..FixtureDef::new(edge) });
    }
}

impl Layer {
    fn new() -> Self {
        Self {
            stretch: Stretch::Grass,
            is_fresh: false,
            left: START as i64,
            y: LEVEL,
            slope: 0.0,
            before: 0.0,
        }
    }

    /// Finds the height of point `i`, and builds the obstacle that begins there.
    fn lay(&mut self, world: &mut World, rng: &mut Rng, i: usize) {
        let x = i as f64 * STEP;
        match (self.stretch, self.is_fresh) {
            (Stretch::Grass, false) => self.wander(rng, i),
            (Stretch::Pit, true) => self.dig(world, rng, x),
            (Stretch::Pit, false) => {
                self.y = self.before - if self.left > 1 { DEPTH * STEP } else { 0.0 };
            }
            (Stretch::Stump, true) => self.put_stump(world, rng, x),
            (Stretch::Grass, true) | (Stretch::Stump, false) => {}
            (Stretch::Stairs { .. }, true) => self.put_stairs(world, rng, x),
            (Stretch::Stairs { steps, width, rise }, false) => {
                let level = (steps * width - self.left - rise) as f64 / width as f64;
                self.y = self.before + (level * rise as f64) * STEP;
            }
        }
        self.is_fresh = false;
    }

    /// Ends the stretch where it is over, and begins another one.
    fn go_on(&mut self, rng: &mut Rng, is_hardcore: bool) {
        self.left -= 1;
        if self.left > 0 {
            return;
        }
        self.left = rng.integers(GRASS as i64 / 2, GRASS as i64);
        self.stretch = if self.stretch == Stretch::Grass && is_hardcore {
            match rng.integers(1, 4) {
                1 => Stretch::Stump,
                2 => Stretch::Stairs { steps: 0, width: 0, rise: 0 },
                _ => Stretch::Pit,
            }
        } else {
            Stretch::Grass
        };
        self.is_fresh = true;
    }

    fn wander(&mut self, rng: &mut Rng, i: usize) {
        let offset = LEVEL - self.y;
        let pull = if offset == 0.0 { 0.0 } else { offset.signum() };
        self.slope = 0.8 * self.slope + 0.01 * pull;
        if i > START {
            self.slope += rng.uniform(-1.0, 1.0) / SCALE;
        }
        self.y += self.slope;
    }

    fn dig(&mut self, world: &mut World, rng: &mut Rng, x: f64) {
        self.left = rng.integers(3, 5);
        let (top, bottom) = (self.y, self.y - DEPTH * STEP);
        let wall = [(x, top), (x + STEP, top), (x + STEP, bottom), (x, bottom)];
        put(world, wall);
        let width = STEP * self.left as f64;
        put(world, wall.map(|(x, y)| (x + width, y)));
        self.left += 2;
        self.before = self.y;
    }

    fn put_stump(&mut self, world: &mut World, rng: &mut Rng, x: f64) {
        self.left = rng.integers(1, 3);
        let size = self.left as f64 * STEP;
        let (right, top) = (x + size, self.y + size);
        put(world, [(x, self.y), (right, self.y), (right, top), (x, top)]);
    }

    fn put_stairs(&mut self, world: &mut World, rng: &mut Rng, x: f64) {
        let rise = if rng.random() > 0.5 { 1 } else { -1 };
        let width = rng.integers(4, 5);
        let steps = rng.integers(3, 5);
        self.before = self.y;
        for step in 0..steps {
            let left = x + (step * width) as f64 * STEP;
            let right = x + ((1 + step) * width) as f64 * STEP;
            let top = self.y + (step * rise) as f64 * STEP;
            let bottom = self.y + (step * rise - 1) as f64 * STEP;
            put(world, [(left, top), (right, top), (right, bottom), (left, bottom)]);
        }
        self.left = steps * width;
        self.stretch = Stretch::Stairs { steps, width, rise };
    }
}

/// Puts an obstacle into the world.
fn put(world: &mut World, corners: [(f64, f64); 4]) {
    let body = world.create_body(&BodyDef::default());
    let shape = Polygon::new(&corners.map(single));
    world.create_fixture(body, &FixtureDef { friction: FRICTION, ..FixtureDef::new(shape) });
}
