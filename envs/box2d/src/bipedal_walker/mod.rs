//! A walker with two legs of two parts, to be brought to the far end of uneven ground without a fall.
//!
//! Gymnasium's `BipedalWalker`, created by Oleg Klimov. World units are 30 to the picture's width of 600 pixels.

mod ground;
mod lidar;
mod picture;
mod terrain;
mod walker;

use slm_env::{
    Env, EnvDef, EnvError, EnvOptions, EnvRows, Frame, OptionDef, OptionKind, Rng, Space,
    StateError, StateReader, StateWriter, Step, StepRows, VecEnv,
};

use crate::physics::{BodyId, ContactEvent, Vec2, World};
use crate::worlds::{self, InWorld};
use ground::{Ground, OBSTACLES};
use lidar::{BEAMS, Lidar};
use picture::Clouds;
use terrain::{GRASS, LENGTH, STEP};
use walker::{BODIES, TORQUE, Walker};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "BipedalWalker-v3",
    summary: "Walk on two legs over uneven ground.",
    max_episode_steps: 1600,
    reward_threshold: Some(300.0),
    render_fps: 50,
    options: OPTIONS,
    make: |options| make(&DEF, options, false),
};

pub(crate) const HARDCORE: EnvDef = EnvDef {
    id: "BipedalWalkerHardcore-v3",
    summary: "Walk on two legs over pits, stumps and stairs.",
    max_episode_steps: 2000,
    make: |options| make(&HARDCORE, options, true),
    ..DEF
};

const OPTIONS: &[OptionDef] = &[OptionDef {
    name: "hardcore",
    kind: OptionKind::Bool,
    summary: "pits, stumps and stairs on the way (default by the name)",
}];

const FPS: f64 = 50.0;
/// Pixels in a world unit.
const SCALE: f64 = 30.0;
/// Width and height of the picture in world units.
const WIDTH: f64 = 600.0 / SCALE;
const HEIGHT: f64 = 400.0 / SCALE;
/// Most of the speed of hip and knee, rad/s.
const SPEEDS: [f32; 4] = [4.0, 6.0, 4.0, 6.0];
/// Reward that an action of full torque in one joint costs: 0.00035 times the torque.
const EFFORT: f32 = (0.00035 * 80.0) as f32;
const GRAVITY: Vec2 = Vec2::new(0.0, -10.0);
/// Most fixtures there are, and most contacts there may be.
const FIXTURES: usize = LENGTH + OBSTACLES + BODIES;
const CONTACTS: usize = 128;

/// The walker, its ground and what has happened between them.
struct BipedalWalker {
    world: World,
    /// None before the first reset.
    walker: Option<Walker>,
    is_hardcore: bool,
    has_fallen: bool,
    /// Whether the lower parts of the legs touch the ground.
    legs_touch: [bool; 2],
    ground: Ground,
    lidar: Lidar,
    /// What the rewards are the differences of.
    shaping: f64,
    clouds: Clouds,
    /// Steps in the episode.
    time: u32,
    /// Bodies about to be removed; none between resets.
    doomed: Vec<BodyId>,
}

fn make(
    def: &EnvDef,
    options: &EnvOptions,
    is_hardcore: bool,
) -> Result<Box<dyn VecEnv>, EnvError> {
    EnvRows::boxed(def, options, |options| {
        Ok(BipedalWalker::new(options.bool("hardcore", is_hardcore)))
    })
}

/// A point in the precision of the physics.
fn single((x, y): (f64, f64)) -> Vec2 {
    Vec2::new(x as f32, y as f32)
}

impl BipedalWalker {
    fn new(is_hardcore: bool) -> Self {
        let mut world = World::new(GRAVITY);
        world.reserve(FIXTURES, CONTACTS);
        Self {
            world,
            walker: None,
            is_hardcore,
            has_fallen: false,
            legs_touch: [false; 2],
            ground: Ground::new(),
            lidar: Lidar::new(),
            shaping: 0.0,
            clouds: Clouds::default(),
            time: 0,
            doomed: Vec::with_capacity(FIXTURES),
        }
    }

    fn walker(&self) -> &Walker {
        self.walker.as_ref().expect("a vector of environments is reset before its first step")
    }

    /// Removes the last episode's bodies: the ground from its end, its obstacles likewise, hull, legs. The world
    /// itself lives on, and with it the order in which it finds contacts.
    fn clear(&mut self) {
        let Some(Walker { hull, legs, .. }) = self.walker.take() else { return };
        self.doomed.extend(self.world.bodies().skip(BODIES));
        self.doomed.push(hull);
        self.doomed.extend(legs);
        for body in self.doomed.drain(..) {
            self.world.destroy_body(body);
        }
    }

    /// What the last step of the world has brought.
    fn look(&mut self) {
        self.time += 1;
        for i in 0..self.world.events().len() {
            let event = self.world.events()[i];
            self.notice(&event);
        }
        self.lidar.scan(&self.world, &self.ground, self.world.position(self.walker().hull));
    }

    /// Turns the motors.
    fn turn(&mut self, action: &[f32]) {
        let joints = self.walker().joints;
        for ((joint, &action), speed) in joints.into_iter().zip(action).zip(SPEEDS) {
            let sign = if action == 0.0 { 0.0 } else { action.signum() };
            self.world.set_motor_speed(joint, speed * sign);
            self.world.set_max_motor_torque(joint, TORQUE * action.abs().clamp(0.0, 1.0));
        }
    }

    /// A leg counts as off the ground when the last thing that happened to it was to leave an edge.
    fn notice(&mut self, event: &ContactEvent) {
        let Walker { hull, legs, .. } = *self.walker();
        self.has_fallen |= event.began && event.bodies.contains(&hull);
        for (touches, leg) in self.legs_touch.iter_mut().zip([legs[1], legs[3]]) {
            if event.bodies.contains(&leg) {
                *touches = event.began;
            }
        }
    }

    fn write(&self, obs: &mut [f32]) {
        let Walker { hull, joints, .. } = *self.walker();
        let velocity = self.world.linear_velocity(hull);
        let spin = f64::from(self.world.angular_velocity(hull));
        obs[0] = self.world.angle(hull);
        obs[1] = (2.0 * spin / FPS) as f32;
        obs[2] = (0.3 * f64::from(velocity.x) * WIDTH / FPS) as f32;
        obs[3] = (0.3 * f64::from(velocity.y) * HEIGHT / FPS) as f32;
        for (leg, obs) in obs[4..14].chunks_exact_mut(5).enumerate() {
            let [hip, knee] = [joints[2 * leg], joints[2 * leg + 1]];
            obs[0] = self.world.joint_angle(hip);
            obs[1] = (f64::from(self.world.joint_speed(hip)) / 4.0) as f32;
            obs[2] = (f64::from(self.world.joint_angle(knee)) + 1.0) as f32;
            obs[3] = (f64::from(self.world.joint_speed(knee)) / 6.0) as f32;
            obs[4] = f32::from(u8::from(self.legs_touch[leg]));
        }
        obs[14..].copy_from_slice(&self.lidar.fractions);
    }

    /// What the shaping has grown by: the way forward, less a crooked head.
    fn progress(&mut self) -> f64 {
        let hull = self.walker().hull;
        let way = 130.0 * f64::from(self.world.position(hull).x) / SCALE;
        let shaping = way - 5.0 * f64::from(self.world.angle(hull)).abs();
        let growth = shaping - self.shaping;
        self.shaping = shaping;
        growth
    }
}

impl InWorld for BipedalWalker {
    const DT: f32 = (1.0 / FPS) as f32;
    const ITERATIONS: [u32; 2] = [180, 60];

    fn world(&mut self) -> &mut World {
        &mut self.world
    }

    fn act(&mut self, action: &[f32], _rng: &mut Rng) {
        self.turn(action);
    }

    fn conclude(&mut self, action: &[f32], obs: &mut [f32]) -> Step {
        self.look();
        self.write(obs);
        // Gymnasium's reward becomes single precision with the first action that is taken from it.
        let progress = self.progress() as f32;
        let reward = action
            .iter()
            .fold(progress, |reward, action| reward - EFFORT * action.abs().clamp(0.0, 1.0));
        let x = f64::from(self.world.position(self.walker().hull).x);
        if self.has_fallen || x < 0.0 {
            return Step { reward: -100.0, terminated: true, truncated: false };
        }
        let terminated = x > (LENGTH - GRASS) as f64 * STEP;
        Step { reward: f64::from(reward), terminated, truncated: false }
    }
}

impl Env for BipedalWalker {
    type Obs = f32;
    type Action = [f32];

    const STEP_NANOS: u64 = 9_000;

    fn obs_space(&self) -> Space {
        let pi = std::f32::consts::PI;
        let leg = [pi, 5.0, pi, 5.0];
        let bounds = |touch: f32, beam: f32| {
            let legs = [leg.as_slice(), &[touch], &leg, &[touch]].concat();
            [[pi, 5.0, 5.0, 5.0].as_slice(), &legs, &[beam; BEAMS]].concat()
        };
        let low: Vec<f32> = bounds(0.0, 1.0).iter().map(|bound| -bound).collect();
        Space::vector(&low, &bounds(5.0, 1.0))
    }

    fn action_space(&self) -> Space {
        Space::symmetric(&[1.0; 4])
    }

    fn forget(&mut self) {
        self.world.reset(GRAVITY);
        self.walker = None;
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [f32]) {
        self.clear();
        (self.has_fallen, self.legs_touch, self.time) = (false, [false; 2], 0);
        terrain::build(&mut self.world, rng, self.is_hardcore);
        self.clouds = Clouds::draw(rng);
        self.walker = Some(Walker::build(&mut self.world, rng));
        self.ground.survey(&self.world, BODIES);
        self.turn(&[0.0; 4]);
        worlds::advance(self);
        self.look();
        self.progress();
        self.write(obs);
    }

    fn step(&mut self, action: &[f32], rng: &mut Rng, obs: &mut [f32]) -> Step {
        worlds::step(self, action, rng, obs)
    }

    fn step_rows(rows: &mut StepRows<'_, Self>) {
        worlds::step_rows(rows);
    }

    fn render(&self, frame: &mut Frame) {
        picture::draw(self, frame);
    }

    fn save(&self, out: &mut StateWriter) {
        self.world.save(out);
        out.bool(self.walker.is_some());
        if let Some(walker) = &self.walker {
            walker.save(out);
        }
        for flag in [self.has_fallen, self.legs_touch[0], self.legs_touch[1]] {
            out.bool(flag);
        }
        out.f32s(&self.lidar.fractions);
        out.f64(self.shaping);
        self.clouds.save(out);
        out.u32(self.time);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.world.load(from)?;
        self.walker = if from.bool()? { Some(Walker::load(from)?) } else { None };
        self.ground.survey(&self.world, BODIES);
        self.has_fallen = from.bool()?;
        self.legs_touch = [from.bool()?, from.bool()?];
        from.f32s_into(&mut self.lidar.fractions)?;
        self.shaping = from.f64()?;
        self.clouds.load(from)?;
        self.time = from.u32()?;
        Ok(())
    }
}
