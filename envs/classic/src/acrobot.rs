//! Two links hanging from a fixed joint, to be swung up by a motor at the joint between them.
//!
//! Sutton (1996), "Generalization in Reinforcement Learning: Successful Examples Using Sparse Coarse
//! Coding", with the equations of Sutton & Barto's book. Meters, kilograms, radians, seconds; angle 0 hangs
//! down, the second angle is relative to the first link.

use std::f64::consts::{FRAC_PI_2, PI};

use slm_env::{
    Env, EnvDef, EnvRows, Frame, Rng, Space, StateError, StateReader, StateWriter, Step,
};

use crate::numpy::{small_angle, square};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "Acrobot-v1",
    summary: "Swing the free end of a two-link chain up by a motor at the middle joint.",
    max_episode_steps: 500,
    reward_threshold: Some(-100.0),
    render_fps: 15,
    options: &[],
    make: |options| EnvRows::boxed(&DEF, options, |_| Ok(Acrobot::default())),
};

const GRAVITY: f64 = 9.8; // m/s²
const MASS: f64 = 1.0; // kg, of each link
const LENGTH: f64 = 1.0; // m, of each link
const CENTER: f64 = 0.5; // m, from a link's joint to its center of mass
const INERTIA: f64 = 1.0; // kg m², of each link
const DT: f64 = 0.2; // s
const MAX_SPEEDS: [f64; 2] = [4.0 * PI, 9.0 * PI]; // rad/s

/// Angles and their speeds: θ₁, θ₂, θ₁', θ₂'.
type State = [f64; 4];

/// The chain.
#[derive(Clone, Debug, Default)]
struct Acrobot {
    state: State,
    /// Sine and cosine of θ₂, which the observation has computed already.
    sin_cos2: (f64, f64),
}

impl Env for Acrobot {
    type Obs = f32;
    type Action = u32;

    const STEP_NANOS: u64 = 250;

    fn obs_space(&self) -> Space {
        Space::symmetric(&[1.0, 1.0, 1.0, 1.0, MAX_SPEEDS[0] as f32, MAX_SPEEDS[1] as f32])
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 3 }
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [f32]) {
        // Gymnasium keeps this first state, and computes this first observation, in single precision.
        let first: [f32; 4] = std::array::from_fn(|_| rng.uniform(-0.1, 0.1) as f32);
        self.state = first.map(f64::from);
        self.sin_cos2 = self.state[1].sin_cos();
        let [theta1, theta2, speed1, speed2] = first;
        let cos_sin = |theta| [small_angle::cos(theta), small_angle::sin(theta)];
        obs[..2].copy_from_slice(&cos_sin(theta1));
        obs[2..4].copy_from_slice(&cos_sin(theta2));
        obs[4..].copy_from_slice(&[speed1, speed2]);
    }

    #[inline]
    fn step(&mut self, action: &u32, _rng: &mut Rng, obs: &mut [f32]) -> Step {
        let torque = f64::from(*action) - 1.0; // N m
        let [theta1, theta2, speed1, speed2] = runge_kutta(self.state, self.sin_cos2, torque);
        self.state = [
            wrap(theta1),
            wrap(theta2),
            speed1.clamp(-MAX_SPEEDS[0], MAX_SPEEDS[0]),
            speed2.clamp(-MAX_SPEEDS[1], MAX_SPEEDS[1]),
        ];
        let [theta1, theta2, speed1, speed2] = self.state;
        let ((sin1, cos1), (sin2, cos2)) = (theta1.sin_cos(), theta2.sin_cos());
        self.sin_cos2 = (sin2, cos2);
        obs.copy_from_slice(&[cos1, sin1, cos2, sin2, speed1, speed2].map(|value| value as f32));
        let terminated = -cos1 - (theta2 + theta1).cos() > 1.0;
        Step { reward: if terminated { 0.0 } else { -1.0 }, terminated, truncated: false }
    }

    fn render(&self, frame: &mut Frame) {
        frame.clear(500, 500, [255, 255, 255]);
        let scale = 500.0 / (2.0 * (2.0 * LENGTH + 0.2));
        let goal = 250.0 - LENGTH * scale;
        frame.line((0.0, goal), (500.0, goal), 1.0, [0, 0, 0]);
        let mut joint = (250.0, 250.0);
        let width = 0.1 * scale;
        for theta in [self.state[0], self.state[0] + self.state[1]] {
            let link = ((-width, 0.0), (width, LENGTH * scale));
            frame.rectangle(link, -theta, joint, [0, 204, 204]);
            frame.circle(joint, width, [204, 204, 0]);
            let (sin, cos) = theta.sin_cos();
            joint = (joint.0 + LENGTH * scale * sin, joint.1 + LENGTH * scale * cos);
        }
    }

    fn save(&self, out: &mut StateWriter) {
        out.f64s(&self.state);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        from.f64s_into(&mut self.state)?;
        self.sin_cos2 = self.state[1].sin_cos();
        Ok(())
    }
}

/// The state after DT under a constant torque, by one step of the classic fourth-order method.
#[inline]
fn runge_kutta(state: State, sin_cos2: (f64, f64), torque: f64) -> State {
    let slope_at = |state: State| derivative(state, state[1].sin_cos(), torque);
    let k1 = derivative(state, sin_cos2, torque);
    let k2 = slope_at(ahead(state, DT / 2.0, k1));
    let k3 = slope_at(ahead(state, DT / 2.0, k2));
    let k4 = slope_at(ahead(state, DT, k3));
    let slope = std::array::from_fn(|i| k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
    ahead(state, DT / 6.0, slope)
}

#[inline]
fn ahead(state: State, dt: f64, slope: State) -> State {
    std::array::from_fn(|i| state[i] + dt * slope[i])
}

/// The equations of motion, given the sine and cosine of θ₂. The order of operations is Gymnasium's.
#[inline]
fn derivative(state: State, (sin2, cos2): (f64, f64), torque: f64) -> State {
    const STATIC: f64 = MASS * CENTER * CENTER; // kg m²
    const COUPLING: f64 = MASS * LENGTH * CENTER; // kg m²
    let [theta1, theta2, speed1, speed2] = state;
    let d1 = STATIC
        + MASS * (LENGTH * LENGTH + CENTER * CENTER + 2.0 * LENGTH * CENTER * cos2)
        + INERTIA
        + INERTIA;
    let d2 = MASS * (CENTER * CENTER + LENGTH * CENTER * cos2) + INERTIA;
    let phi2 = MASS * CENTER * GRAVITY * (theta1 + theta2 - FRAC_PI_2).cos();
    let phi1 = -COUPLING * square(speed2) * sin2 - 2.0 * COUPLING * speed2 * speed1 * sin2
        + (MASS * CENTER + MASS * LENGTH) * GRAVITY * (theta1 - FRAC_PI_2).cos()
        + phi2;
    let acc2 = (torque + d2 / d1 * phi1 - COUPLING * square(speed1) * sin2 - phi2)
        / (STATIC + INERTIA - square(d2) / d1);
    let acc1 = -(d2 * acc2 + phi1) / d1;
    [speed1, speed2, acc1, acc2]
}

/// An angle turned by whole circles into [-π, π].
fn wrap(mut theta: f64) -> f64 {
    while theta > PI {
        theta -= 2.0 * PI;
    }
    while theta < -PI {
        theta += 2.0 * PI;
    }
    theta
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hanging_chain_at_rest_stays_at_rest() {
        let slope = derivative([0.0; 4], (0.0, 1.0), 0.0);
        // cos(-π/2) is 6e-17 in floating point: the forces vanish but for rounding.
        assert!(slope.iter().all(|value| value.abs() < 1e-15), "{slope:?}");
    }

    #[test]
    fn a_torque_on_the_hanging_chain_turns_the_links_against_each_other() {
        // d1 = 0.25 + 2.25 + 2 = 4.5, d2 = 0.75 + 1 = 1.75; θ₂'' = 1 / (1.25 - 1.75²/4.5), θ₁'' = -1.75 θ₂''/4.5
        let [.., acc1, acc2] = derivative([0.0; 4], (0.0, 1.0), 1.0);
        let expected = 1.0 / (1.25 - 1.75 * 1.75 / 4.5);
        assert!((acc2 - expected).abs() < 1e-14, "{acc2}");
        assert!((acc1 + 1.75 * expected / 4.5).abs() < 1e-14, "{acc1}");
    }

    #[test]
    fn angles_wrap_into_one_circle() {
        assert_eq!(wrap(4.0), 4.0 - 2.0 * PI);
        assert_eq!(wrap(-10.0), -10.0 + 2.0 * PI + 2.0 * PI);
        assert_eq!(wrap(PI), PI);
    }
}
