//! An arm of two links, whose tip is to reach a target.
//!
//! Gymnasium's `Reacher`. Reward: less the distance of the tip from the target and what the action costs.

use slm_env::{EnvDef, EnvError, EnvOptions, Rng, Step};

use crate::engine::{Model, Simulation};
use crate::numpy;
use crate::options::options;
use crate::picture::View;
use crate::robot::{Blueprint, Task, shake};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "Reacher-v5",
    summary: "Bring the tip of an arm to a target.",
    max_episode_steps: 50,
    reward_threshold: Some(-3.75),
    render_fps: 50,
    options: options![
        "reward_dist_weight" Number "weight of the distance from the target (1)",
        "reward_control_weight" Number "weight of the squared action (1)",
    ],
    make: |options| BLUEPRINT.make(options),
};

pub(crate) const BLUEPRINT: Blueprint = Blueprint {
    def: &DEF,
    model: "reacher.xml",
    frame_skip: 2,
    view: View::FREE,
    coordinates: (4, 2),
    task: |options, model, _| Ok(Box::new(Reacher::new(options, model)?)),
};

/// How far the target lies from the middle, at most.
const REACH: f64 = 0.2;

struct Reacher {
    distance_weight: f64,
    control_weight: f64,
    tip: usize,
    target: usize,
}

impl Reacher {
    fn new(options: &EnvOptions, model: &Model) -> Result<Self, EnvError> {
        Ok(Self {
            distance_weight: options.number("reward_dist_weight", 1.0),
            control_weight: options.number("reward_control_weight", 1.0),
            tip: body(&DEF, options, model, "fingertip")?,
            target: body(&DEF, options, model, "target")?,
        })
    }
}

/// The body of a name that a task needs.
pub(crate) fn body(
    def: &EnvDef,
    options: &EnvOptions,
    model: &Model,
    name: &str,
) -> Result<usize, EnvError> {
    model.body(name).ok_or_else(|| {
        let expected = format!("a model with a body called {name}");
        def.wrong_option("xml_file", expected, options.text("xml_file", ""))
    })
}

/// The way from body to body.
pub(crate) fn way(simulation: &Simulation, from: usize, to: usize) -> [f64; 3] {
    let (from, to) = (simulation.xpos()[from], simulation.xpos()[to]);
    [0, 1, 2].map(|i| to[i] - from[i])
}

impl Task for Reacher {
    fn start(&mut self, simulation: &mut Simulation, rng: &mut Rng) {
        shake(simulation.qpos_mut(), 0.1, rng);
        let goal = loop {
            let goal = [rng.uniform(-REACH, REACH), rng.uniform(-REACH, REACH)];
            if numpy::norm(&goal) < REACH {
                break goal;
            }
        };
        let target = simulation.qpos().len() - 2;
        simulation.qpos_mut()[target..].copy_from_slice(&goal);
        let velocities = simulation.qvel_mut();
        shake(velocities, 0.005, rng);
        let target = velocities.len() - 2;
        velocities[target..].fill(0.0);
    }

    fn judge(&mut self, simulation: &Simulation, action: &[f32]) -> Step {
        let distance = numpy::norm(&way(simulation, self.target, self.tip));
        let control = -numpy::squares(action) * self.control_weight as f32;
        Step::reward(-distance * self.distance_weight + f64::from(control))
    }

    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>) {
        let (angles, others) = simulation.qpos().split_at(2);
        obs.extend(angles.iter().map(|angle| angle.cos()));
        obs.extend(angles.iter().map(|angle| angle.sin()));
        obs.extend_from_slice(others);
        obs.extend_from_slice(&simulation.qvel()[..2]);
        obs.extend_from_slice(&way(simulation, self.target, self.tip)[..2]);
    }
}
