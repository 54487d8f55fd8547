//! A lander over the moon, to be set down gently between two flags with three engines.
//!
//! Gymnasium's `LunarLander`, created by Oleg Klimov. World units are 30 to the picture's width of 600 pixels.

mod engine;
mod picture;
mod scene;
mod wind;

use std::marker::PhantomData;

use slm_env::{
    Action, Env, EnvDef, EnvError, EnvOptions, EnvRows, Frame, OptionDef, OptionKind, Rng, Space,
    StateError, StateReader, StateWriter, Step, StepRows, VecEnv,
};

use crate::physics::{ContactEvent, Vec2, World};
use crate::worlds::{self, InWorld};
use engine::Controls;
use picture::Exhaust;
use scene::{LEG_DOWN, Moon, PAD_Y, Scene};
use wind::Wind;

pub(crate) const DISCRETE: EnvDef = EnvDef {
    id: "LunarLander-v3",
    summary: "Land between two flags with a main engine and two side engines.",
    max_episode_steps: 1000,
    reward_threshold: Some(200.0),
    render_fps: 50,
    options: OPTIONS,
    make: |options| make(&DISCRETE, options, false),
};

pub(crate) const CONTINUOUS: EnvDef = EnvDef {
    id: "LunarLanderContinuous-v3",
    summary: "Land between two flags with engines of any throttle.",
    make: |options| make(&CONTINUOUS, options, true),
    ..DISCRETE
};

const OPTIONS: &[OptionDef] = &[
    OptionDef {
        name: "continuous",
        kind: OptionKind::Bool,
        summary: "throttles in [-1, 1] in place of four actions (default by the name)",
    },
    OptionDef {
        name: "gravity",
        kind: OptionKind::Number,
        summary: "between -12 and 0, both excluded (default -10)",
    },
    OptionDef {
        name: "enable_wind",
        kind: OptionKind::Bool,
        summary: "wind and turbulence while no leg touches the ground (default false)",
    },
    OptionDef {
        name: "wind_power",
        kind: OptionKind::Number,
        summary: "most of the wind's force, recommended from 0 to 20 (default 15)",
    },
    OptionDef {
        name: "turbulence_power",
        kind: OptionKind::Number,
        summary: "most of the wind's torque, recommended from 0 to 2 (default 1.5)",
    },
];

const FPS: f64 = 50.0;
/// Width and height of the picture in world units.
const WIDTH: f64 = 600.0 / SCALE;
const HEIGHT: f64 = 400.0 / SCALE;
/// Pixels in a world unit.
const SCALE: f64 = 30.0;
/// Most fixtures there are, and most contacts there may be.
const FIXTURES: usize = 16;
const CONTACTS: usize = 64;

/// The lander, the moon and what has happened between them.
struct LunarLander<A: ?Sized> {
    world: World,
    scene: Scene,
    moon: Moon,
    gravity: f64,
    wind: Option<Wind>,
    has_crashed: bool,
    legs_touch: [bool; 2],
    /// What the rewards are the differences of.
    shaping: f64,
    exhaust: Exhaust,
    controls: PhantomData<fn(&A)>,
}

fn make(
    def: &EnvDef,
    options: &EnvOptions,
    is_continuous: bool,
) -> Result<Box<dyn VecEnv>, EnvError> {
    let gravity = options.number("gravity", -10.0);
    if options.check(def).is_ok() && !(-12.0 < gravity && gravity < 0.0) {
        return Err(def.wrong_option("gravity", "between -12 and 0, both excluded", gravity));
    }
    if options.bool("continuous", is_continuous) {
        EnvRows::boxed(def, options, |options| Ok(LunarLander::<[f32]>::new(options, gravity)))
    } else {
        EnvRows::boxed(def, options, |options| Ok(LunarLander::<u32>::new(options, gravity)))
    }
}

impl<A: Controls + ?Sized> LunarLander<A> {
    fn new(options: &EnvOptions, gravity: f64) -> Self {
        let powers = (options.number("wind_power", 15.0), options.number("turbulence_power", 1.5));
        let mut world = World::new(Vec2::new(0.0, gravity as f32));
        world.reserve(FIXTURES, CONTACTS);
        let moon = Moon::flat();
        let scene = Scene::build(&mut world, &moon);
        Self {
            world,
            scene,
            moon,
            gravity,
            wind: options.bool("enable_wind", false).then(|| Wind::new(powers)),
            has_crashed: false,
            legs_touch: [false; 2],
            shaping: 0.0,
            exhaust: Exhaust::default(),
            controls: PhantomData,
        }
    }

    /// Fires, blows and moves on by a fiftieth of a second.
    fn advance(&mut self, action: &A, rng: &mut Rng) {
        self.act(action, rng);
        worlds::advance(self);
        self.notice_all();
    }

    fn notice_all(&mut self) {
        for i in 0..self.world.events().len() {
            let event = self.world.events()[i];
            self.notice(&event);
        }
    }

    /// A leg counts as off the ground when the last thing that happened to it was to leave an edge.
    fn notice(&mut self, event: &ContactEvent) {
        self.has_crashed |= event.began && event.bodies.contains(&self.scene.lander);
        for (touches, leg) in self.legs_touch.iter_mut().zip(&self.scene.legs) {
            if event.bodies.contains(leg) {
                *touches = event.began;
            }
        }
    }

    fn state(&self) -> [f64; 8] {
        let lander = self.scene.lander;
        let position = self.world.position(lander);
        let velocity = self.world.linear_velocity(lander);
        let touches = self.legs_touch.map(|touches| f64::from(u8::from(touches)));
        [
            (f64::from(position.x) - WIDTH / 2.0) / (WIDTH / 2.0),
            (f64::from(position.y) - (PAD_Y + LEG_DOWN / SCALE)) / (HEIGHT / 2.0),
            f64::from(velocity.x) * (WIDTH / 2.0) / FPS,
            f64::from(velocity.y) * (HEIGHT / 2.0) / FPS,
            f64::from(self.world.angle(lander)),
            20.0 * f64::from(self.world.angular_velocity(lander)) / FPS,
            touches[0],
            touches[1],
        ]
    }

    /// Writes the observation and returns what the shaping has grown by.
    fn observe(&mut self, state: &[f64; 8], obs: &mut [f32]) -> f64 {
        obs.copy_from_slice(&state.map(|value| value as f32));
        let [x, y, vx, vy, angle, _, left, right] = *state;
        let shaping = -100.0 * (x * x + y * y).sqrt()
            - 100.0 * (vx * vx + vy * vy).sqrt()
            - 100.0 * angle.abs()
            + 10.0 * left
            + 10.0 * right;
        let growth = shaping - self.shaping;
        self.shaping = shaping;
        growth
    }
}

impl<A: Controls + ?Sized> InWorld for LunarLander<A> {
    const DT: f32 = (1.0 / FPS) as f32;
    const ITERATIONS: [u32; 2] = [180, 60];

    fn world(&mut self) -> &mut World {
        &mut self.world
    }

    /// Fires and blows.
    fn act(&mut self, action: &A, rng: &mut Rng) {
        if let Some(wind) = &mut self.wind
            && self.legs_touch == [false; 2]
        {
            wind.blow(&mut self.world, self.scene.lander);
        }
        let thrust = action.thrust();
        let dispersion = [(); 2].map(|()| rng.uniform(-1.0, 1.0) / SCALE);
        self.exhaust.age();
        engine::fire(&mut self.world, self.scene.lander, thrust, dispersion, &mut self.exhaust);
    }

    fn conclude(&mut self, action: &A, obs: &mut [f32]) -> Step {
        self.notice_all();
        let thrust = action.thrust();
        let state = self.state();
        let growth = self.observe(&state, obs);
        let reward = growth - thrust.main * 0.30 - thrust.side * 0.03;
        if !self.world.is_awake(self.scene.lander) {
            return Step { reward: 100.0, terminated: true, truncated: false };
        }
        if self.has_crashed || state[0].abs() >= 1.0 {
            return Step { reward: -100.0, terminated: true, truncated: false };
        }
        Step::reward(reward)
    }
}

impl<A: Controls + ?Sized> Env for LunarLander<A>
where
    A: Action + 'static,
{
    type Obs = f32;
    type Action = A;

    const STEP_NANOS: u64 = 2_000;

    fn obs_space(&self) -> Space {
        let tau = std::f64::consts::TAU as f32;
        let low = [-2.5, -2.5, -10.0, -10.0, -tau, -10.0, 0.0, 0.0];
        Space::vector(&low, &[2.5, 2.5, 10.0, 10.0, tau, 10.0, 1.0, 1.0])
    }

    fn action_space(&self) -> Space {
        A::space()
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [f32]) {
        self.world.reset(Vec2::new(0.0, self.gravity as f32));
        (self.has_crashed, self.legs_touch) = (false, [false; 2]);
        self.moon = Moon::draw(rng);
        self.scene = Scene::build(&mut self.world, &self.moon);
        self.scene.push(&mut self.world, rng);
        if let Some(wind) = &mut self.wind {
            wind.restart(rng);
        }
        self.exhaust = Exhaust::default();
        self.advance(A::idle(), rng);
        self.observe(&self.state(), obs);
    }

    fn step(&mut self, action: &A, rng: &mut Rng, obs: &mut [f32]) -> Step {
        worlds::step(self, action, rng, obs)
    }

    fn step_rows(rows: &mut StepRows<'_, Self>) {
        worlds::step_rows(rows);
    }

    fn render(&self, frame: &mut Frame) {
        picture::draw(&self.world, &self.scene, &self.moon, frame);
        self.exhaust.draw(self.gravity, frame);
    }

    fn save(&self, out: &mut StateWriter) {
        self.world.save(out);
        self.moon.save(out);
        if let Some(wind) = &self.wind {
            wind.save(out);
        }
        for flag in [self.has_crashed, self.legs_touch[0], self.legs_touch[1]] {
            out.bool(flag);
        }
        out.f64(self.shaping);
        self.exhaust.save(out);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.world.load(from)?;
        self.moon.load(from)?;
        if let Some(wind) = &mut self.wind {
            wind.load(from)?;
        }
        self.has_crashed = from.bool()?;
        self.legs_touch = [from.bool()?, from.bool()?];
        self.shaping = from.f64()?;
        self.exhaust.load(from)
    }
}
