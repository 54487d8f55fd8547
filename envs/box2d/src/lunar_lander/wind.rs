//! Wind: a force and a torque that change with time and never repeat.

use std::f64::consts::PI;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use crate::physics::{BodyId, Vec2, World};

/// Where two functions of time are, and how strong they get.
pub(super) struct Wind {
    /// Steps into the functions of force and of torque.
    times: [i64; 2],
    /// Most of the force and of the torque.
    powers: (f64, f64),
}

impl Wind {
    pub(super) fn new(powers: (f64, f64)) -> Self {
        Self { times: [0; 2], powers }
    }

    /// Draws where an episode begins.
    pub(super) fn restart(&mut self, rng: &mut Rng) {
        self.times = [(); 2].map(|()| rng.integers(-9999, 9999));
    }

    /// Pushes and turns a body for a step.
    pub(super) fn blow(&mut self, world: &mut World, body: BodyId) {
        let [force, torque] = self.times.map(strength);
        world.apply_force_to_center(body, Vec2::new((force * self.powers.0) as f32, 0.0));
        world.apply_torque(body, (torque * self.powers.1) as f32);
        self.times = self.times.map(|time| time + 1);
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        out.i64s(&self.times);
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        from.i64s_into(&mut self.times)
    }
}

/// tanh(sin(2 k t) + sin(π k t)) with k = 0.01, in [-1, 1].
fn strength(time: i64) -> f64 {
    let time = time as f64;
    ((0.02 * time).sin() + (PI * 0.01 * time).sin()).tanh()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wind_stands_still_at_time_zero_and_is_odd() {
        assert_eq!(strength(0), 0.0);
        assert_eq!(strength(-25), -strength(25));
        // sin(0.5) + sin(π/4) = 0.4794 + 0.7071; tanh 1.1865 = 0.8296
        assert!((strength(25) - 0.8296).abs() < 1e-4);
    }
}
