//! A car in a valley, too weak to climb straight to the flag: it must swing back first.
//!
//! Moore (1990), "Efficient Memory-based Learning for Robot Control".

use slm_env::{
    Env, EnvDef, EnvRows, Frame, OptionDef, OptionKind, Rng, Space, StateError, StateReader,
    StateWriter, Step,
};

use crate::valley::{self, MAX_SPEED, MAX_X, MIN_X};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "MountainCar-v0",
    summary: "Swing a weak car up the right side of a valley, pushing left, right or not.",
    max_episode_steps: 200,
    reward_threshold: Some(-110.0),
    render_fps: 30,
    options: OPTIONS,
    make: |options| {
        EnvRows::boxed(&DEF, options, |options| {
            let goal_velocity = options.number("goal_velocity", 0.0);
            Ok(MountainCar { x: 0.0, velocity: 0.0, goal_velocity })
        })
    },
};

/// The options of both mountain cars.
pub(crate) const OPTIONS: &[OptionDef] = &[OptionDef {
    name: "goal_velocity",
    kind: OptionKind::Number,
    summary: "least velocity with which the flag counts as reached (default 0)",
}];

const GOAL: f64 = 0.5;
const FORCE: f64 = 0.001;
const GRAVITY: f64 = 0.0025;

/// The car.
#[derive(Clone, Debug)]
struct MountainCar {
    x: f64,
    velocity: f64,
    goal_velocity: f64,
}

impl MountainCar {
    fn write(&self, obs: &mut [f32]) {
        obs.copy_from_slice(&[self.x as f32, self.velocity as f32]);
    }
}

impl Env for MountainCar {
    type Obs = f32;
    type Action = u32;

    const STEP_NANOS: u64 = 15;

    fn obs_space(&self) -> Space {
        let speed = MAX_SPEED as f32;
        Space::vector(&[MIN_X as f32, -speed], &[MAX_X as f32, speed])
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 3 }
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [f32]) {
        (self.x, self.velocity) = (valley::start(rng), 0.0);
        self.write(obs);
    }

    #[inline]
    fn step(&mut self, action: &u32, _rng: &mut Rng, obs: &mut [f32]) -> Step {
        let direction = f64::from(*action) - 1.0;
        self.velocity += direction * FORCE + (3.0 * self.x).cos() * (-GRAVITY);
        self.velocity = self.velocity.clamp(-MAX_SPEED, MAX_SPEED);
        self.x = (self.x + self.velocity).clamp(MIN_X, MAX_X);
        if self.x == MIN_X && self.velocity < 0.0 {
            self.velocity = 0.0;
        }
        self.write(obs);
        let terminated = self.x >= GOAL && self.velocity >= self.goal_velocity;
        Step { reward: -1.0, terminated, truncated: false }
    }

    fn render(&self, frame: &mut Frame) {
        valley::render(frame, self.x, GOAL);
    }

    fn save(&self, out: &mut StateWriter) {
        out.f64s(&[self.x, self.velocity]);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        (self.x, self.velocity) = valley::load(from)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_left_wall_stops_the_car() {
        let mut env = MountainCar { x: -1.19, velocity: -0.05, goal_velocity: 0.0 };
        let mut obs = [0.0; 2];
        let step = env.step(&0, &mut Rng::from_seed(0), &mut obs);
        assert_eq!((obs, step), ([-1.2, 0.0], Step::reward(-1.0)));
    }

    #[test]
    fn the_flag_counts_only_at_the_goal_velocity() {
        let arrive = |goal_velocity| {
            let mut env = MountainCar { x: 0.49, velocity: 0.03, goal_velocity };
            env.step(&2, &mut Rng::from_seed(0), &mut [0.0; 2]).terminated
        };
        assert_eq!((arrive(0.0), arrive(0.05)), (true, false));
    }
}
