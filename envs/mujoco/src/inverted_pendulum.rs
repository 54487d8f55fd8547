//! A pole on a cart, to be kept upright.
//!
//! Gymnasium's `InvertedPendulum`. Reward: 1 a step while the pole leans by at most 0.2 radians.

use slm_env::{EnvDef, EnvOptions, Rng, Step};

use crate::engine::Simulation;
use crate::options::options;
use crate::picture::View;
use crate::robot::{Blueprint, Task, shake};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "InvertedPendulum-v5",
    summary: "Keep a pole upright by pushing its cart.",
    max_episode_steps: 1000,
    reward_threshold: Some(950.0),
    render_fps: 25,
    options: options!["reset_noise_scale" Number "size of the noise at the start (0.01)",],
    make: |options| BLUEPRINT.make(options),
};

pub(crate) const BLUEPRINT: Blueprint = Blueprint {
    def: &DEF,
    model: "inverted_pendulum.xml",
    frame_skip: 2,
    view: View { distance: Some(2.04), ..View::FREE },
    coordinates: (2, 1),
    task: |options, _, _| Ok(Box::new(InvertedPendulum::new(options))),
};

/// Radians that the pole may lean.
const MOST: f64 = 0.2;

struct InvertedPendulum {
    noise: f64,
}

impl InvertedPendulum {
    fn new(options: &EnvOptions) -> Self {
        Self { noise: options.number("reset_noise_scale", 0.01) }
    }
}

impl Task for InvertedPendulum {
    fn start(&mut self, simulation: &mut Simulation, rng: &mut Rng) {
        shake(simulation.qpos_mut(), self.noise, rng);
        shake(simulation.qvel_mut(), self.noise, rng);
    }

    fn judge(&mut self, simulation: &Simulation, _action: &[f32]) -> Step {
        let (qpos, qvel) = (simulation.qpos(), simulation.qvel());
        let is_finite = qpos.iter().chain(qvel).all(|value| value.is_finite());
        let terminated = !is_finite || qpos[1].abs() > MOST;
        Step { reward: if terminated { 0.0 } else { 1.0 }, terminated, truncated: false }
    }

    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>) {
        obs.extend_from_slice(simulation.qpos());
        obs.extend_from_slice(simulation.qvel());
    }
}
