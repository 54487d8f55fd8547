//! A car in a valley as in `MountainCar`, driven by a force of any strength that costs its square.

use slm_env::{
    Env, EnvDef, EnvRows, Frame, Rng, Space, StateError, StateReader, StateWriter, Step,
};

use crate::mountain_car;
use crate::valley::{self, MAX_SPEED, MAX_X, MIN_X};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "MountainCarContinuous-v0",
    summary: "Swing a weak car up the right side of a valley with as little force as possible.",
    max_episode_steps: 999,
    reward_threshold: Some(90.0),
    render_fps: 30,
    options: mountain_car::OPTIONS,
    make: |options| {
        EnvRows::boxed(&DEF, options, |options| {
            let goal_velocity = options.number("goal_velocity", 0.0);
            Ok(Car { x: 0.0, velocity: 0.0, is_fresh: true, goal_velocity })
        })
    },
};

const GOAL: f64 = 0.45;
const POWER: f64 = 0.0015;
const GRAVITY: f64 = 0.0025;

/// The car. Gymnasium computes its first step in double precision and all others in single; the numbers here
/// are doubles that hold singles from then on.
#[derive(Clone, Debug)]
struct Car {
    x: f64,
    velocity: f64,
    /// Whether no step has followed the reset.
    is_fresh: bool,
    goal_velocity: f64,
}

impl Car {
    fn write(&self, obs: &mut [f32]) {
        obs.copy_from_slice(&[self.x as f32, self.velocity as f32]);
    }

    /// The sum in the precision of the state.
    fn add(&self, a: f64, b: f64) -> f64 {
        if self.is_fresh { a + b } else { f64::from(a as f32 + b as f32) }
    }

    /// A bound as numbers of the precision of the state see it.
    fn seen(&self, bound: f64) -> f64 {
        if self.is_fresh { bound } else { f64::from(bound as f32) }
    }

    /// What the force (of at most 1) and the slope add to the velocity.
    fn thrust(&self, action: f32) -> f64 {
        let slope = if self.is_fresh { 3.0 * self.x } else { f64::from(3.0 * self.x as f32) };
        let pull = GRAVITY * slope.cos();
        if (-1.0..=1.0).contains(&action) {
            // A force from the action is a single, and makes the difference one.
            f64::from(action * POWER as f32 - pull as f32)
        } else {
            f64::from(action.signum()) * POWER - pull
        }
    }
}

impl Env for Car {
    type Obs = f32;
    type Action = [f32];

    const STEP_NANOS: u64 = 20;

    fn obs_space(&self) -> Space {
        let speed = MAX_SPEED as f32;
        Space::vector(&[MIN_X as f32, -speed], &[MAX_X as f32, speed])
    }

    fn action_space(&self) -> Space {
        Space::symmetric(&[1.0])
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [f32]) {
        (self.x, self.velocity, self.is_fresh) = (valley::start(rng), 0.0, true);
        self.write(obs);
    }

    #[inline]
    fn step(&mut self, action: &[f32], _rng: &mut Rng, obs: &mut [f32]) -> Step {
        let speed = self.seen(MAX_SPEED);
        let mut velocity = self.add(self.velocity, self.thrust(action[0])).clamp(-speed, speed);
        let (low, high) = (self.seen(MIN_X), self.seen(MAX_X));
        let x = self.add(self.x, velocity).clamp(low, high);
        if x == low && velocity < 0.0 {
            velocity = 0.0;
        }
        let is_there = x >= self.seen(GOAL) && velocity >= self.seen(self.goal_velocity);
        (self.x, self.velocity) = (f64::from(x as f32), f64::from(velocity as f32));
        self.is_fresh = false;
        self.write(obs);
        let effort = f64::from(action[0]) * f64::from(action[0]) * 0.1;
        let reward = if is_there { 100.0 - effort } else { 0.0 - effort };
        Step { reward, terminated: is_there, truncated: false }
    }

    fn render(&self, frame: &mut Frame) {
        valley::render(frame, self.x, GOAL);
    }

    fn save(&self, out: &mut StateWriter) {
        out.f64s(&[self.x, self.velocity]);
        out.bool(self.is_fresh);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        (self.x, self.velocity) = valley::load(from)?;
        self.is_fresh = from.bool()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_worth_100_less_the_force() {
        let mut env = Car { x: 0.44, velocity: 0.05, is_fresh: true, goal_velocity: 0.0 };
        let step = env.step(&[0.5], &mut Rng::from_seed(0), &mut [0.0; 2]);
        assert_eq!(step, Step { reward: 100.0 - 0.025, terminated: true, truncated: false });
    }

    #[test]
    fn a_force_beyond_1_costs_its_square_and_pushes_like_1() {
        let push = |action: f32| {
            let mut env = Car { x: -0.5, velocity: 0.0, is_fresh: false, goal_velocity: 0.0 };
            let mut obs = [0.0; 2];
            let step = env.step(&[action], &mut Rng::from_seed(0), &mut obs);
            (obs, step.reward)
        };
        assert_eq!(push(3.0).0, push(1.0).0);
        assert_eq!((push(3.0).1, push(1.0).1), (-0.9, -0.1));
    }
}
