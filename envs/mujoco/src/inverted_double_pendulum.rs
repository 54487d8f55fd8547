//! A pole on a pole on a cart, to be kept upright.
//!
//! Gymnasium's `InvertedDoublePendulum`. Reward: a bonus for each step, less how far the tip is from its place and how
//! fast the poles turn.

use slm_env::{EnvDef, EnvOptions, Rng, Step};

use crate::engine::Simulation;
use crate::numpy::square;
use crate::options::options;
use crate::picture::View;
use crate::robot::{Blueprint, Task, shake, shake_normally};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "InvertedDoublePendulum-v5",
    summary: "Keep a pole on a pole upright by pushing its cart.",
    max_episode_steps: 1000,
    reward_threshold: Some(9100.0),
    render_fps: 20,
    options: options![
        "healthy_reward" Number "reward of a step upright (10)",
        "reset_noise_scale" Number "size of the noise at the start (0.1)",
    ],
    make: |options| BLUEPRINT.make(options),
};

pub(crate) const BLUEPRINT: Blueprint = Blueprint {
    def: &DEF,
    model: "inverted_double_pendulum.xml",
    frame_skip: 5,
    view: View { distance: Some(4.1225), look_at: Some([0.0, 0.0, 0.122_5]), ..View::FREE },
    coordinates: (2, 3),
    task: |options, model, _| {
        if model.nsite() == 0 {
            let found = options.text("xml_file", "");
            return Err(DEF.wrong_option("xml_file", "a model whose first site is the tip", found));
        }
        Ok(Box::new(InvertedDoublePendulum::new(options)))
    },
};

/// Greatest velocity and force observed.
const LIMIT: f64 = 10.0;

struct InvertedDoublePendulum {
    healthy_reward: f64,
    noise: f64,
}

impl InvertedDoublePendulum {
    fn new(options: &EnvOptions) -> Self {
        Self {
            healthy_reward: options.number("healthy_reward", 10.0),
            noise: options.number("reset_noise_scale", 0.1),
        }
    }
}

impl Task for InvertedDoublePendulum {
    fn start(&mut self, simulation: &mut Simulation, rng: &mut Rng) {
        shake(simulation.qpos_mut(), self.noise, rng);
        shake_normally(simulation.qvel_mut(), self.noise, rng);
    }

    fn judge(&mut self, simulation: &Simulation, _action: &[f32]) -> Step {
        let [x, _, y] = simulation.site_xpos()[0];
        let terminated = y <= 1.0;
        let (v1, v2) = (simulation.qvel()[1], simulation.qvel()[2]);
        let distance = 0.01 * square(x) + square(y - 2.0);
        let velocity = 1e-3 * square(v1) + 5e-3 * square(v2);
        let bonus = if terminated { 0.0 } else { self.healthy_reward };
        Step { reward: bonus - distance - velocity, terminated, truncated: false }
    }

    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>) {
        let (qpos, qvel) = (simulation.qpos(), simulation.qvel());
        let clip = |value: &f64| value.clamp(-LIMIT, LIMIT);
        obs.push(qpos[0]);
        obs.extend(qpos[1..].iter().map(|angle| angle.sin()));
        obs.extend(qpos[1..].iter().map(|angle| angle.cos()));
        obs.extend(qvel.iter().map(clip));
        obs.extend(simulation.qfrc_constraint()[..1].iter().map(clip));
    }
}
