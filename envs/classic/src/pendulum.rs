//! A rod on a motor too weak to lift it, to be swung upright and held there.
//!
//! Meters, kilograms, radians, seconds; angle 0 stands upright.

use std::f64::consts::{PI, TAU};

use slm_env::{
    Env, EnvDef, EnvRows, Frame, OptionDef, OptionKind, Rng, Space, StateError, StateReader,
    StateWriter, Step,
};

use crate::numpy::{floor_mod, square, square_f32};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "Pendulum-v1",
    summary: "Swing a rod up with a weak motor and hold it upright.",
    max_episode_steps: 200,
    reward_threshold: None,
    render_fps: 30,
    options: &[OptionDef {
        name: "g",
        kind: OptionKind::Number,
        summary: "gravity in m/s² (default 10)",
    }],
    make: |options| {
        EnvRows::boxed(&DEF, options, |options| Ok(Pendulum::new(options.number("g", 10.0))))
    },
};

const MAX_SPEED: f64 = 8.0; // rad/s
const MAX_TORQUE: f32 = 2.0; // N m
const DT: f64 = 0.05; // s
const MASS: f64 = 1.0; // kg
const LENGTH: f64 = 1.0; // m

/// The rod.
#[derive(Clone, Debug)]
struct Pendulum {
    theta: f64,
    theta_dot: f64,
    /// Sine of the angle, which the observation has computed already.
    sin: f64,
    /// Torque of the last step, for the picture.
    torque: f32,
    /// Angular acceleration by gravity when the rod lies level, 3g/2l.
    pull: f64,
}

impl Pendulum {
    fn new(gravity: f64) -> Self {
        let pull = 3.0 * gravity / (2.0 * LENGTH);
        Self { theta: 0.0, theta_dot: 0.0, sin: 0.0, torque: 0.0, pull }
    }

    fn write(&mut self, obs: &mut [f32]) {
        let (sin, cos) = self.theta.sin_cos();
        self.sin = sin;
        obs.copy_from_slice(&[cos, sin, self.theta_dot].map(|value| value as f32));
    }
}

impl Env for Pendulum {
    type Obs = f32;
    type Action = [f32];

    const STEP_NANOS: u64 = 50;

    fn obs_space(&self) -> Space {
        Space::symmetric(&[1.0, 1.0, MAX_SPEED as f32])
    }

    fn action_space(&self) -> Space {
        Space::symmetric(&[MAX_TORQUE])
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [f32]) {
        self.theta = rng.uniform(-PI, PI);
        self.theta_dot = rng.uniform(-1.0, 1.0);
        self.torque = 0.0;
        self.write(obs);
    }

    #[inline]
    fn step(&mut self, action: &[f32], _rng: &mut Rng, obs: &mut [f32]) -> Step {
        const PUSH: f32 = (3.0 / (MASS * LENGTH * LENGTH)) as f32;
        self.torque = action[0].clamp(-MAX_TORQUE, MAX_TORQUE);
        let angle = floor_mod(self.theta + PI, TAU) - PI;
        let effort = 0.001 * square_f32(self.torque);
        let cost = square(angle) + 0.1 * square(self.theta_dot) + f64::from(effort);
        let acc = self.pull * self.sin + f64::from(PUSH * self.torque);
        self.theta_dot = (self.theta_dot + acc * DT).clamp(-MAX_SPEED, MAX_SPEED);
        self.theta += self.theta_dot * DT;
        self.write(obs);
        Step::reward(-cost)
    }

    fn render(&self, frame: &mut Frame) {
        frame.clear(500, 500, [255, 255, 255]);
        let scale = 500.0 / 4.4;
        let (middle, half) = ((250.0, 250.0), 0.1 * scale);
        let rod = ((-half, -LENGTH * scale), (half, 0.0));
        let (sin, cos) = self.theta.sin_cos();
        let end = (250.0 - LENGTH * scale * sin, 250.0 - LENGTH * scale * cos);
        frame.rectangle(rod, -self.theta, middle, [204, 77, 77]);
        frame.circle(middle, half, [204, 77, 77]);
        frame.circle(end, half, [204, 77, 77]);
        draw_torque(frame, middle, f64::from(self.torque) * scale / 4.0);
        frame.circle(middle, 0.05 * scale, [0, 0, 0]);
    }

    fn save(&self, out: &mut StateWriter) {
        out.f64s(&[self.theta, self.theta_dot]);
        out.f32(self.torque);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let mut state = [0.0; 2];
        from.f64s_into(&mut state)?;
        [self.theta, self.theta_dot] = state;
        self.sin = self.theta.sin();
        self.torque = from.f32()?;
        Ok(())
    }
}

/// A three-quarter arc whose radius is the torque and whose head points the way it turns; positive turns
/// counterclockwise.
fn draw_torque(frame: &mut Frame, center: (f64, f64), radius: f64) {
    if radius.abs() < 8.0 {
        return;
    }
    let size = radius.abs();
    let on_arc = |angle: f64, r: f64| (center.0 + r * angle.sin(), center.1 - r * angle.cos());
    let points: [(f64, f64); 28] =
        std::array::from_fn(|i| on_arc((i as f64 - 13.5) / 18.0 * PI, size));
    frame.polyline(&points, 2.0, [0, 0, 0]);
    let tip = -0.75 * PI * radius.signum();
    let ahead = tip - radius.signum() * 8.0 / size;
    frame.polygon(&[on_arc(tip, size - 6.0), on_arc(tip, size + 6.0), on_arc(ahead, size)], [0; 3]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_rod_at_rest_falls_by_gravity_alone() {
        let mut env = Pendulum { theta: PI / 2.0, sin: 1.0, ..Pendulum::new(10.0) };
        let mut obs = [0.0; 3];
        let step = env.step(&[0.0], &mut Rng::from_seed(0), &mut obs);
        // θ' = 15 · 0.05 = 0.75, and the cost is (π/2)².
        assert_eq!((obs[2], step.reward), (0.75, -(PI / 2.0) * (PI / 2.0)));
    }

    #[test]
    fn torque_beyond_the_motor_is_clipped_in_the_cost_too() {
        let mut env = Pendulum::new(10.0);
        let step = env.step(&[50.0], &mut Rng::from_seed(0), &mut [0.0; 3]);
        // 0.001 · 2² in single precision.
        assert_eq!(step.reward, -f64::from(0.004f32));
    }
}
