//! A car on a random track seen from above, to be driven around it as fast as possible.
//!
//! Gymnasium's `CarRacing`, created by Oleg Klimov. The observation is the picture.

mod car;
mod digits;
mod pedals;
mod picture;
mod raster;
mod scanline;
mod shrink;
mod skid;
mod track;

use std::marker::PhantomData;

use slm_env::{
    Env, EnvDef, EnvError, EnvOptions, EnvRows, Frame, OptionDef, OptionKind, Rng, Space,
    StateError, StateReader, StateWriter, Step, VecEnv,
};

use crate::physics::{BodyDef, BodyId, ContactEvent, FixtureDef, Polygon, State, Vec2, World};
use car::{Car, Controls};
use pedals::Pedals;
use picture::Palette;
use raster::Raster;
use skid::Marks;
use track::Track;

pub(crate) const DEF: EnvDef = EnvDef {
    id: "CarRacing-v3",
    summary: "Drive a car around a track, seen from above as pixels.",
    max_episode_steps: 1000,
    reward_threshold: Some(900.0),
    render_fps: 50,
    options: OPTIONS,
    make,
};

const OPTIONS: &[OptionDef] = &[
    OptionDef {
        name: "continuous",
        kind: OptionKind::Bool,
        summary: "steering, gas and brake in place of five actions (default true)",
    },
    OptionDef {
        name: "lap_complete_percent",
        kind: OptionKind::Number,
        summary: "share of the tiles that makes a lap, from 0 to 1 (default 0.95)",
    },
    OptionDef {
        name: "domain_randomize",
        kind: OptionKind::Bool,
        summary: "colors of road and grass drawn anew for every episode (default false)",
    },
];

const FPS: f64 = 50.0;
/// Size of everything in the world is divided by this.
const SCALE: f64 = 6.0;
/// How far the field reaches from its middle.
const FIELD: f64 = 2000.0 / SCALE;
/// Width and height of the observation.
const OBS_SIZE: (usize, usize) = (96, 96);
/// Most fixtures there are, but for the longest tracks, and most contacts there may be.
const FIXTURES: usize = 512;
const CONTACTS: usize = 256;
const VELOCITY_ITERATIONS: u32 = 180;
const POSITION_ITERATIONS: u32 = 60;

/// A piece of the road.
#[derive(Clone, Copy, Debug)]
struct Tile {
    body: BodyId,
    /// Whether a wheel has been on it.
    is_visited: bool,
    /// Whether the car has been over it, which evens its shade.
    is_touched: bool,
}

/// The car, its track and how far it has come.
struct CarRacing<A: ?Sized> {
    world: World,
    track: Track,
    tiles: Vec<Tile>,
    /// None before the first reset.
    car: Option<Car>,
    marks: Marks,
    palette: Palette,
    randomizes_colors: bool,
    /// Share of the tiles that makes a lap.
    lap: f64,
    has_lapped: bool,
    visited: usize,
    /// Return so far, and before the last step.
    return_: f64,
    last_return: f64,
    /// Seconds in the episode.
    time: f64,
    raster: Raster,
    pedals: PhantomData<fn(&A)>,
}

fn make(options: &EnvOptions) -> Result<Box<dyn VecEnv>, EnvError> {
    let lap = options.number("lap_complete_percent", 0.95);
    if options.check(&DEF).is_ok() && !(0.0..=1.0).contains(&lap) {
        return Err(DEF.wrong_option("lap_complete_percent", "from 0 to 1", lap));
    }
    if options.bool("continuous", true) {
        EnvRows::boxed(&DEF, options, |options| Ok(CarRacing::<[f32]>::new(options, lap)))
    } else {
        EnvRows::boxed(&DEF, options, |options| Ok(CarRacing::<u32>::new(options, lap)))
    }
}

/// A point in the precision of the physics.
fn single((x, y): (f64, f64)) -> Vec2 {
    Vec2::new(x as f32, y as f32)
}

impl<A: Pedals + ?Sized> CarRacing<A> {
    fn new(options: &EnvOptions, lap: f64) -> Self {
        let mut world = World::new(Vec2::ZERO);
        world.reserve(FIXTURES, CONTACTS);
        Self {
            world,
            track: Track::new(),
            tiles: Vec::with_capacity(FIXTURES),
            car: None,
            marks: Marks::default(),
            palette: Palette::default(),
            randomizes_colors: options.bool("domain_randomize", false),
            lap,
            has_lapped: false,
            visited: 0,
            return_: 0.0,
            last_return: 0.0,
            time: 0.0,
            raster: Raster::new(),
            pedals: PhantomData,
        }
    }

    fn car(&self) -> &Car {
        self.car.as_ref().expect("a vector of environments is reset before its first step")
    }

    /// Removes the last episode's bodies: the road, the hull, the wheels. The world itself lives on.
    fn clear(&mut self) {
        let Some(car) = self.car.take() else { return };
        for tile in self.tiles.drain(..) {
            self.world.destroy_body(tile.body);
        }
        self.world.destroy_body(car.hull);
        for wheel in car.wheels {
            self.world.destroy_body(wheel.body);
        }
    }

    /// Builds the road of a track and puts the car on its first point.
    fn build(&mut self) {
        for i in 0..self.track.points().len() {
            let body = self.world.create_body(&BodyDef { tag: i as u32 + 1, ..BodyDef::default() });
            let shape = Polygon::new(&self.track.tile(i).map(single));
            let fixture = FixtureDef { is_sensor: true, ..FixtureDef::new(shape) };
            self.world.create_fixture(body, &fixture);
            self.tiles.push(Tile { body, is_visited: false, is_touched: false });
        }
        self.car = Some(Car::build(&mut self.world, self.track.points()[0]));
    }

    /// Drives on for a fiftieth of a second.
    fn advance(&mut self, controls: Option<Controls>) {
        let mut car = *self.car();
        if let Some(controls) = controls {
            car.control(controls);
        }
        car.drive(&mut self.world, &mut self.marks, 1.0 / FPS);
        self.world.step((1.0 / FPS) as f32, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
        for i in 0..self.world.events().len() {
            let event = self.world.events()[i];
            self.notice(&event, &mut car);
        }
        self.car = Some(car);
        self.time += 1.0 / FPS;
    }

    /// A body of the car comes upon a tile of the road or leaves it.
    fn notice(&mut self, event: &ContactEvent, car: &mut Car) {
        let tags = event.bodies.map(|body| self.world.body_tag(body));
        let Some(side) = tags.iter().position(|&tag| tag != 0) else { return };
        let (tile, other) = (tags[side] as usize - 1, event.bodies[1 - side]);
        self.tiles[tile].is_touched = true;
        let Some(wheel) = car.wheels.iter_mut().find(|wheel| wheel.body == other) else { return };
        if !event.began {
            wheel.tiles -= 1;
            return;
        }
        wheel.tiles += 1;
        if !std::mem::replace(&mut self.tiles[tile].is_visited, true) {
            let n = self.tiles.len() as f64;
            self.return_ += 1000.0 / n;
            self.visited += 1;
            self.has_lapped |= tile == 0 && self.visited as f64 / n > self.lap;
        }
    }
}

impl<A: Pedals + ?Sized> Env for CarRacing<A> {
    type Obs = u8;
    type Action = A;

    const STEP_NANOS: u64 = 1_200_000;

    fn obs_space(&self) -> Space {
        let (width, height) = OBS_SIZE;
        let n = width * height * 3;
        Space::Box { low: vec![0.0; n], high: vec![255.0; n], shape: vec![height, width, 3] }
    }

    fn action_space(&self) -> Space {
        A::space()
    }

    fn forget(&mut self) {
        self.world.reset(Vec2::ZERO);
        self.tiles.clear();
        self.car = None;
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [u8]) {
        self.clear();
        (self.return_, self.last_return, self.time) = (0.0, 0.0, 0.0);
        (self.visited, self.has_lapped) = (0, false);
        self.marks = Marks::default();
        if self.randomizes_colors {
            self.palette = Palette::draw(rng);
        }
        self.track.draw(rng);
        self.build();
        self.advance(None);
        self.look(obs);
    }

    fn step(&mut self, action: &A, _rng: &mut Rng, obs: &mut [u8]) -> Step {
        self.advance(Some(action.controls()));
        self.look(obs);
        self.return_ -= 0.1;
        let reward = self.return_ - self.last_return;
        self.last_return = self.return_;
        let position = self.world.position(self.car().hull);
        let is_outside = [position.x, position.y].iter().any(|at| f64::from(at.abs()) > FIELD);
        if is_outside {
            return Step { reward: -100.0, terminated: true, truncated: false };
        }
        let terminated = self.visited == self.tiles.len() || self.has_lapped;
        Step { reward, terminated, truncated: false }
    }

    fn render(&self, frame: &mut Frame) {
        picture::draw(self, frame);
    }

    fn save(&self, out: &mut StateWriter) {
        self.world.save(out);
        self.track.save(out);
        out.u64(self.tiles.len() as u64);
        for tile in &self.tiles {
            tile.body.save(out);
            out.bool(tile.is_visited);
            out.bool(tile.is_touched);
        }
        out.bool(self.car.is_some());
        if let Some(car) = &self.car {
            car.save(out);
        }
        self.marks.save(out);
        self.palette.save(out);
        out.bool(self.has_lapped);
        out.u64(self.visited as u64);
        out.f64s(&[self.return_, self.last_return, self.time]);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.world.load(from)?;
        self.track.load(from)?;
        self.tiles.clear();
        for _ in 0..from.u64()? {
            let body = BodyId::load(from)?;
            let (is_visited, is_touched) = (from.bool()?, from.bool()?);
            self.tiles.push(Tile { body, is_visited, is_touched });
        }
        self.car = if from.bool()? { Some(Car::load(from)?) } else { None };
        self.marks.load(from)?;
        self.palette.load(from)?;
        self.has_lapped = from.bool()?;
        self.visited = from.u64()? as usize;
        let mut values = [0.0; 3];
        from.f64s_into(&mut values)?;
        [self.return_, self.last_return, self.time] = values;
        Ok(())
    }
}
