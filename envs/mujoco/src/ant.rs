//! A robot with four legs, to run ahead.
//!
//! Gymnasium's `Ant`. Reward: the speed ahead, a bonus for each step upright, less what action and contacts cost.

use slm_env::{
    EnvDef, EnvError, EnvOptions, OptionValue, Rng, StateError, StateReader, StateWriter, Step,
};

use crate::engine::{Model, Simulation};
use crate::numpy;
use crate::options::options;
use crate::picture::View;
use crate::robot::{Blueprint, Task, control_cost, shake, shake_normally};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "Ant-v5",
    summary: "Run ahead on four legs without a fall.",
    max_episode_steps: 1000,
    reward_threshold: Some(6000.0),
    render_fps: 20,
    options: options![
        "forward_reward_weight" Number "weight of the speed ahead (1)",
        "ctrl_cost_weight" Number "weight of the squared action (0.5)",
        "contact_cost_weight" Number "weight of the squared forces from outside (0.0005)",
        "healthy_reward" Number "reward of a step upright (1)",
        "main_body" CountOrText "the body whose speed counts, by number or name (1)",
        "terminate_when_unhealthy" Bool "a fall ends the episode (true)",
        "healthy_z_range" Range "height of the body while upright ([0.2, 1])",
        "contact_force_range" Range "what forces from outside are clipped to ([-1, 1])",
        "reset_noise_scale" Number "size of the noise at the start (0.1)",
        "exclude_current_positions_from_observation" Bool "leave out where it is (true)",
        "include_cfrc_ext_in_observation" Bool "show the forces from outside (true)",
    ],
    make: |options| BLUEPRINT.make(options),
};

pub(crate) const BLUEPRINT: Blueprint = Blueprint {
    def: &DEF,
    model: "ant.xml",
    frame_skip: 5,
    view: View { distance: Some(4.0), ..View::FREE },
    coordinates: (3, 2),
    task: |options, model, seconds| Ok(Box::new(Ant::new(options, model, seconds)?)),
};

struct Ant {
    /// Seconds of a step.
    seconds: f64,
    forward_weight: f64,
    control_weight: f64,
    contact_weight: f64,
    healthy_reward: f64,
    main_body: usize,
    terminates: bool,
    healthy_z: (f64, f64),
    force_range: (f64, f64),
    noise: f64,
    /// Positions that the observation leaves out.
    hidden: usize,
    shows_forces: bool,
    /// Where the main body was.
    x: f64,
}

impl Ant {
    fn new(options: &EnvOptions, model: &Model, seconds: f64) -> Result<Self, EnvError> {
        let hides = options.bool("exclude_current_positions_from_observation", true);
        Ok(Self {
            seconds,
            forward_weight: options.number("forward_reward_weight", 1.0),
            control_weight: options.number("ctrl_cost_weight", 0.5),
            contact_weight: options.number("contact_cost_weight", 5e-4),
            healthy_reward: options.number("healthy_reward", 1.0),
            main_body: main_body(options, model)?,
            terminates: options.bool("terminate_when_unhealthy", true),
            healthy_z: options.range("healthy_z_range", (0.2, 1.0)),
            force_range: options.range("contact_force_range", (-1.0, 1.0)),
            noise: options.number("reset_noise_scale", 0.1),
            hidden: if hides { 2 } else { 0 },
            shows_forces: options.bool("include_cfrc_ext_in_observation", true),
            x: 0.0,
        })
    }

    fn clip(&self, force: f64) -> f64 {
        force.clamp(self.force_range.0, self.force_range.1)
    }

    fn is_healthy(&self, simulation: &Simulation) -> bool {
        let (low, high) = self.healthy_z;
        let (qpos, qvel) = (simulation.qpos(), simulation.qvel());
        let is_finite = qpos.iter().chain(qvel).all(|value| value.is_finite());
        is_finite && low <= qpos[2] && qpos[2] <= high
    }

    fn contact_cost(&self, simulation: &Simulation) -> f64 {
        let forces = simulation.cfrc_ext().as_flattened();
        let square = |i: usize| self.clip(forces[i]) * self.clip(forces[i]);
        self.contact_weight * numpy::sum(forces.len(), square)
    }
}

fn main_body(options: &EnvOptions, model: &Model) -> Result<usize, EnvError> {
    let body = match options.kwargs.get("main_body") {
        Some(OptionValue::Text(name)) => model.body(name),
        _ => Some(options.number("main_body", 1.0) as usize),
    };
    body.filter(|body| *body < model.nbody()).ok_or_else(|| {
        let found = options.kwargs.get("main_body").map(ToString::to_string);
        DEF.wrong_option("main_body", "a body of the model", found.unwrap_or("1".to_owned()))
    })
}

impl Task for Ant {
    fn start(&mut self, simulation: &mut Simulation, rng: &mut Rng) {
        shake(simulation.qpos_mut(), self.noise, rng);
        shake_normally(simulation.qvel_mut(), self.noise, rng);
    }

    fn note(&mut self, simulation: &Simulation) {
        self.x = simulation.xpos()[self.main_body][0];
    }

    fn feels_contacts(&self) -> bool {
        true
    }

    fn judge(&mut self, simulation: &Simulation, action: &[f32]) -> Step {
        let speed = (simulation.xpos()[self.main_body][0] - self.x) / self.seconds;
        let is_healthy = self.is_healthy(simulation);
        let gain = speed * self.forward_weight + if is_healthy { self.healthy_reward } else { 0.0 };
        let costs = control_cost(self.control_weight, action) + self.contact_cost(simulation);
        Step { reward: gain - costs, terminated: !is_healthy && self.terminates, truncated: false }
    }

    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>) {
        obs.extend_from_slice(&simulation.qpos()[self.hidden..]);
        obs.extend_from_slice(simulation.qvel());
        if self.shows_forces {
            let forces = simulation.cfrc_ext()[1..].as_flattened();
            obs.extend(forces.iter().map(|&force| self.clip(force)));
        }
    }

    fn save(&self, out: &mut StateWriter) {
        out.f64(self.x);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.x = from.f64()?;
        Ok(())
    }
}
