//! A pole on a cart, to be kept upright by pushing the cart left or right.
//!
//! Barto, Sutton & Anderson (1983), "Neuronlike Adaptive Elements That Can Solve Difficult Learning Control
//! Problems"; the friction-free equations of Florian (2007), "Correct equations for the dynamics of the
//! cart-pole system". Meters, radians, seconds.

use std::f64::consts::TAU;

use slm_env::{
    Env, EnvDef, EnvError, EnvOptions, EnvRows, Frame, OptionDef, OptionKind, Rng, Space,
    StateError, StateReader, StateWriter, Step, VecEnv,
};

pub(crate) const V1: EnvDef = EnvDef {
    id: "CartPole-v1",
    summary: "Keep a pole upright by pushing its cart left or right.",
    max_episode_steps: 500,
    reward_threshold: Some(475.0),
    render_fps: 50,
    options: OPTIONS,
    make: |options| make(&V1, options),
};

pub(crate) const V0: EnvDef = EnvDef {
    id: "CartPole-v0",
    max_episode_steps: 200,
    reward_threshold: Some(195.0),
    make: |options| make(&V0, options),
    ..V1
};

const OPTIONS: &[OptionDef] = &[OptionDef {
    name: "sutton_barto_reward",
    kind: OptionKind::Bool,
    summary: "reward 0 a step and -1 for the fall, in place of 1 a step (default false)",
}];

const GRAVITY: f64 = 9.8; // m/s²
const POLE_MASS: f64 = 0.1; // kg
const TOTAL_MASS: f64 = POLE_MASS + 1.0; // kg
const HALF_LENGTH: f64 = 0.5; // m, of the pole
const POLE_MASS_LENGTH: f64 = POLE_MASS * HALF_LENGTH; // kg m
const FORCE: f64 = 10.0; // N
const DT: f64 = 0.02; // s
const MAX_X: f64 = 2.4; // m
const MAX_THETA: f64 = 12.0 * TAU / 360.0; // rad

/// The cart and its pole.
#[derive(Clone, Debug)]
struct CartPole {
    x: f64,
    x_dot: f64,
    theta: f64,
    theta_dot: f64,
    /// Rewards of a step and of the fall.
    rewards: (f64, f64),
}

fn make(def: &EnvDef, options: &EnvOptions) -> Result<Box<dyn VecEnv>, EnvError> {
    EnvRows::boxed(def, options, |options| {
        let is_sutton_barto = options.bool("sutton_barto_reward", false);
        let rewards = if is_sutton_barto { (0.0, -1.0) } else { (1.0, 1.0) };
        Ok(CartPole { x: 0.0, x_dot: 0.0, theta: 0.0, theta_dot: 0.0, rewards })
    })
}

impl CartPole {
    fn write(&self, obs: &mut [f32]) {
        let state = [self.x, self.x_dot, self.theta, self.theta_dot];
        obs.copy_from_slice(&state.map(|value| value as f32));
    }

    fn has_fallen(&self) -> bool {
        self.x.abs() > MAX_X || self.theta.abs() > MAX_THETA
    }
}

impl Env for CartPole {
    type Obs = f32;
    type Action = u32;

    const STEP_NANOS: u64 = 20;

    fn obs_space(&self) -> Space {
        let infinity = f32::INFINITY;
        Space::symmetric(&[(MAX_X * 2.0) as f32, infinity, (MAX_THETA * 2.0) as f32, infinity])
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 2 }
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [f32]) {
        self.x = rng.uniform(-0.05, 0.05);
        self.x_dot = rng.uniform(-0.05, 0.05);
        self.theta = rng.uniform(-0.05, 0.05);
        self.theta_dot = rng.uniform(-0.05, 0.05);
        self.write(obs);
    }

    #[inline]
    fn step(&mut self, action: &u32, _rng: &mut Rng, obs: &mut [f32]) -> Step {
        let force = if *action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = self.theta.sin_cos();
        let spin = self.theta_dot * self.theta_dot;
        let push = (force + POLE_MASS_LENGTH * spin * sin) / TOTAL_MASS;
        let theta_acc = (GRAVITY * sin - cos * push)
            / (HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * (cos * cos) / TOTAL_MASS));
        let x_acc = push - POLE_MASS_LENGTH * theta_acc * cos / TOTAL_MASS;
        self.x += DT * self.x_dot;
        self.x_dot += DT * x_acc;
        self.theta += DT * self.theta_dot;
        self.theta_dot += DT * theta_acc;
        self.write(obs);
        let terminated = self.has_fallen();
        let reward = if terminated { self.rewards.1 } else { self.rewards.0 };
        Step { reward, terminated, truncated: false }
    }

    fn render(&self, frame: &mut Frame) {
        frame.clear(600, 400, [255, 255, 255]);
        let scale = 600.0 / (2.0 * MAX_X);
        let (x, y) = (self.x * scale + 300.0, 300.0);
        let (axle, pole) = ((x, y - 7.5), 2.0 * HALF_LENGTH * scale);
        frame.line((0.0, y), (600.0, y), 1.0, [0, 0, 0]);
        frame.rectangle(((-25.0, -15.0), (25.0, 15.0)), 0.0, (x, y), [0, 0, 0]);
        frame.rectangle(((-5.0, 5.0 - pole), (5.0, 5.0)), self.theta, axle, [202, 152, 101]);
        frame.circle(axle, 5.0, [129, 132, 203]);
    }

    fn save(&self, out: &mut StateWriter) {
        for value in [self.x, self.x_dot, self.theta, self.theta_dot] {
            out.f64(value);
        }
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        for value in [&mut self.x, &mut self.x_dot, &mut self.theta, &mut self.theta_dot] {
            *value = from.f64()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upright_pole_at_rest_is_pushed_back_from_the_force() {
        let mut env =
            CartPole { x: 0.0, x_dot: 0.0, theta: 0.0, theta_dot: 0.0, rewards: (1.0, 1.0) };
        let mut obs = [0.0; 4];
        let step = env.step(&1, &mut Rng::from_seed(0), &mut obs);
        // push = 10/1.1; θ'' = -push / (0.5 (4/3 - 0.1/1.1)); x'' = push - 0.05 θ''/1.1
        let theta_acc = -(10.0 / 1.1) / (0.5 * (4.0 / 3.0 - 0.1 / 1.1));
        let x_acc: f64 = 10.0 / 1.1 - 0.05 * theta_acc / 1.1;
        assert_eq!(obs, [0.0, (0.02 * x_acc) as f32, 0.0, (0.02 * theta_acc) as f32]);
        assert_eq!(step, Step::reward(1.0));
    }

    #[test]
    fn the_fall_costs_one_with_the_reward_of_sutton_and_barto() {
        let mut env =
            CartPole { x: 2.39, x_dot: 5.0, theta: 0.0, theta_dot: 0.0, rewards: (0.0, -1.0) };
        let step = env.step(&1, &mut Rng::from_seed(0), &mut [0.0; 4]);
        assert_eq!(step, Step { reward: -1.0, terminated: true, truncated: false });
    }
}
