//! An arm that is to push an object to its goal.
//!
//! Gymnasium's `Pusher`. Reward: less the distances of tip from object and of object from goal, and what the action
//! costs.

use slm_env::{EnvDef, EnvError, EnvOptions, Rng, Step};

use crate::engine::{Model, Simulation};
use crate::numpy;
use crate::options::options;
use crate::picture::View;
use crate::reacher::{body, way};
use crate::robot::{Blueprint, Task, shake};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "Pusher-v5",
    summary: "Push an object to its goal with an arm.",
    max_episode_steps: 100,
    reward_threshold: Some(0.0),
    render_fps: 20,
    options: options![
        "reward_near_weight" Number "weight of the tip's distance from the object (0.5)",
        "reward_dist_weight" Number "weight of the object's distance from the goal (1)",
        "reward_control_weight" Number "weight of the squared action (0.1)",
    ],
    make: |options| BLUEPRINT.make(options),
};

pub(crate) const BLUEPRINT: Blueprint = Blueprint {
    def: &DEF,
    model: "pusher_v5.xml",
    frame_skip: 5,
    view: View { distance: Some(4.0), ..View::FREE },
    coordinates: (7, 7),
    task: |options, model, _| Ok(Box::new(Pusher::new(options, model)?)),
};

/// How near the object may lie to the goal at the start.
const NEAREST: f64 = 0.17;

struct Pusher {
    near_weight: f64,
    distance_weight: f64,
    control_weight: f64,
    tip: usize,
    object: usize,
    goal: usize,
}

impl Pusher {
    fn new(options: &EnvOptions, model: &Model) -> Result<Self, EnvError> {
        let body = |name: &str| body(&DEF, options, model, name);
        Ok(Self {
            near_weight: options.number("reward_near_weight", 0.5),
            distance_weight: options.number("reward_dist_weight", 1.0),
            control_weight: options.number("reward_control_weight", 0.1),
            tip: body("tips_arm")?,
            object: body("object")?,
            goal: body("goal")?,
        })
    }
}

impl Task for Pusher {
    fn start(&mut self, simulation: &mut Simulation, rng: &mut Rng) {
        let [x, y] = loop {
            let object = [rng.uniform(-0.3, 0.0), rng.uniform(-0.2, 0.2)];
            if numpy::norm(&object) > NEAREST {
                break object;
            }
        };
        let positions = simulation.qpos_mut();
        let object = positions.len() - 4;
        positions[object..].copy_from_slice(&[x, y, 0.0, 0.0]);
        let velocities = simulation.qvel_mut();
        shake(velocities, 0.005, rng);
        let object = velocities.len() - 4;
        velocities[object..].fill(0.0);
    }

    fn judge(&mut self, simulation: &Simulation, action: &[f32]) -> Step {
        let near = -numpy::norm(&way(simulation, self.tip, self.object)) * self.near_weight;
        let distance =
            -numpy::norm(&way(simulation, self.goal, self.object)) * self.distance_weight;
        let control = -numpy::squares(action) * self.control_weight as f32;
        Step::reward(distance + f64::from(control) + near)
    }

    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>) {
        obs.extend_from_slice(&simulation.qpos()[..7]);
        obs.extend_from_slice(&simulation.qvel()[..7]);
        for body in [self.tip, self.object, self.goal] {
            obs.extend_from_slice(&simulation.xpos()[body]);
        }
    }
}
