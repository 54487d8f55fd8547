//! A robot of human shape, to run ahead or to stand up.
//!
//! Gymnasium's `Humanoid` and `HumanoidStandup`.

use slm_env::{EnvDef, EnvOptions, Rng, StateError, StateReader, StateWriter, Step};

use crate::engine::{Model, Simulation};
use crate::numpy;
use crate::options::options;
use crate::picture::View;
use crate::robot::{Blueprint, Task, shake};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "Humanoid-v5",
    summary: "Run ahead on two legs without a fall.",
    max_episode_steps: 1000,
    reward_threshold: None,
    render_fps: 67,
    options: options![
        "forward_reward_weight" Number "weight of the speed ahead (1.25)",
        "ctrl_cost_weight" Number "weight of the squared action (0.1)",
        "contact_cost_weight" Number "weight of the squared forces from outside (5e-7)",
        "contact_cost_range" Range "what the cost of contacts is clipped to ([null, 10])",
        "healthy_reward" Number "reward of a step upright (5)",
        "terminate_when_unhealthy" Bool "a fall ends the episode (true)",
        "healthy_z_range" Range "height of the body while upright ([1, 2])",
        "reset_noise_scale" Number "size of the noise at the start (0.01)",
        "exclude_current_positions_from_observation" Bool "leave out where it is (true)",
        "include_cinert_in_observation" Bool "show masses and inertias (true)",
        "include_cvel_in_observation" Bool "show the bodies' velocities (true)",
        "include_qfrc_actuator_in_observation" Bool "show the actuators' forces (true)",
        "include_cfrc_ext_in_observation" Bool "show the forces from outside (true)",
    ],
    make: |options| BLUEPRINT.make(options),
};

pub(crate) const STANDUP: EnvDef = EnvDef {
    id: "HumanoidStandup-v5",
    summary: "Stand up from the ground.",
    options: options![
        "uph_cost_weight" Number "changes nothing, as in Gymnasium (1)",
        "ctrl_cost_weight" Number "weight of the squared action (0.1)",
        "impact_cost_weight" Number "weight of the squared forces from outside (5e-7)",
        "impact_cost_range" Range "what the cost of contacts is clipped to ([null, 10])",
        "reset_noise_scale" Number "size of the noise at the start (0.01)",
        "exclude_current_positions_from_observation" Bool "leave out where it is (true)",
        "include_cinert_in_observation" Bool "show masses and inertias (true)",
        "include_cvel_in_observation" Bool "show the bodies' velocities (true)",
        "include_qfrc_actuator_in_observation" Bool "show the actuators' forces (true)",
        "include_cfrc_ext_in_observation" Bool "show the forces from outside (true)",
    ],
    make: |options| STANDUP_BLUEPRINT.make(options),
    ..DEF
};

pub(crate) const BLUEPRINT: Blueprint = Blueprint {
    def: &DEF,
    model: "humanoid.xml",
    frame_skip: 5,
    view: View {
        distance: Some(4.0),
        look_at: Some([0.0, 0.0, 2.0]),
        elevation: -20.0,
        ..View::FREE
    },
    coordinates: (3, 6),
    task: |options, model, seconds| Ok(Box::new(Runner::new(options, model, seconds))),
};

pub(crate) const STANDUP_BLUEPRINT: Blueprint = Blueprint {
    def: &STANDUP,
    model: "humanoidstandup.xml",
    view: View { look_at: Some([0.0, 0.0, 0.8925]), ..BLUEPRINT.view },
    task: |options, model, _| Ok(Box::new(Riser::new(options, model))),
    ..BLUEPRINT
};

/// What both tasks share: costs, noise, and what is shown.
struct Body {
    control_weight: f64,
    contact_weight: f64,
    contact_range: (f64, f64),
    noise: f64,
    /// Positions that the observation leaves out.
    hidden: usize,
    /// Whether the observation shows inertias, velocities, forces of actuators, forces from outside.
    shows: [bool; 4],
}

struct Runner {
    body: Body,
    /// Seconds of a step.
    seconds: f64,
    forward_weight: f64,
    healthy_reward: f64,
    terminates: bool,
    healthy_z: (f64, f64),
    /// Kilograms of each body, and of all.
    masses: Vec<f64>,
    mass: f64,
    /// Where the center of mass was.
    x: f64,
}

struct Riser {
    body: Body,
    /// Seconds of a step of the physics.
    timestep: f64,
}

impl Body {
    fn new(options: &EnvOptions, cost: &str) -> Self {
        let shows = |what: &str| options.bool(&format!("include_{what}_in_observation"), true);
        let hides = options.bool("exclude_current_positions_from_observation", true);
        let infinity = f64::INFINITY;
        Self {
            control_weight: options.number("ctrl_cost_weight", 0.1),
            contact_weight: options.number(&format!("{cost}_cost_weight"), 5e-7),
            contact_range: options.range(&format!("{cost}_cost_range"), (-infinity, 10.0)),
            noise: options.number("reset_noise_scale", 1e-2),
            hidden: if hides { 2 } else { 0 },
            shows: ["cinert", "cvel", "qfrc_actuator", "cfrc_ext"].map(shows),
        }
    }

    fn start(&self, simulation: &mut Simulation, rng: &mut Rng) {
        shake(simulation.qpos_mut(), self.noise, rng);
        shake(simulation.qvel_mut(), self.noise, rng);
    }

    fn control_cost(&self, simulation: &Simulation) -> f64 {
        let control = simulation.control();
        self.control_weight * numpy::sum(control.len(), |i| control[i] * control[i])
    }

    fn contact_cost(&self, simulation: &Simulation) -> f64 {
        let (low, high) = self.contact_range;
        (self.contact_weight * numpy::squares_of_rows(simulation.cfrc_ext())).clamp(low, high)
    }

    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>) {
        obs.extend_from_slice(&simulation.qpos()[self.hidden..]);
        obs.extend_from_slice(simulation.qvel());
        let parts = [
            simulation.cinert()[1..].as_flattened(),
            simulation.cvel()[1..].as_flattened(),
            &simulation.qfrc_actuator()[6..],
            simulation.cfrc_ext()[1..].as_flattened(),
        ];
        for (part, _) in parts.into_iter().zip(self.shows).filter(|(_, is_shown)| *is_shown) {
            obs.extend_from_slice(part);
        }
    }
}

impl Runner {
    fn new(options: &EnvOptions, model: &Model, seconds: f64) -> Self {
        let masses = model.body_mass().to_vec();
        Self {
            body: Body::new(options, "contact"),
            seconds,
            forward_weight: options.number("forward_reward_weight", 1.25),
            healthy_reward: options.number("healthy_reward", 5.0),
            terminates: options.bool("terminate_when_unhealthy", true),
            healthy_z: options.range("healthy_z_range", (1.0, 2.0)),
            mass: numpy::sum(masses.len(), |i| masses[i]),
            masses,
            x: 0.0,
        }
    }

    fn center_x(&self, simulation: &Simulation) -> f64 {
        let bodies = self.masses.iter().zip(simulation.xipos());
        bodies.fold(0.0, |sum, (mass, position)| mass * position[0] + sum) / self.mass
    }
}

impl Task for Runner {
    fn start(&mut self, simulation: &mut Simulation, rng: &mut Rng) {
        self.body.start(simulation, rng);
    }

    fn note(&mut self, simulation: &Simulation) {
        self.x = self.center_x(simulation);
    }

    fn feels_contacts(&self) -> bool {
        true
    }

    fn judge(&mut self, simulation: &Simulation, _action: &[f32]) -> Step {
        let speed = (self.center_x(simulation) - self.x) / self.seconds;
        let (low, high) = self.healthy_z;
        let is_healthy = low < simulation.qpos()[2] && simulation.qpos()[2] < high;
        let gain = self.forward_weight * speed + if is_healthy { self.healthy_reward } else { 0.0 };
        let costs = self.body.control_cost(simulation) + self.body.contact_cost(simulation);
        Step { reward: gain - costs, terminated: !is_healthy && self.terminates, truncated: false }
    }

    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>) {
        self.body.observe(simulation, obs);
    }

    fn save(&self, out: &mut StateWriter) {
        out.f64(self.x);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.x = from.f64()?;
        Ok(())
    }
}

impl Riser {
    fn new(options: &EnvOptions, model: &Model) -> Self {
        Self { body: Body::new(options, "impact"), timestep: model.timestep() }
    }
}

impl Task for Riser {
    fn start(&mut self, simulation: &mut Simulation, rng: &mut Rng) {
        self.body.start(simulation, rng);
    }

    fn feels_contacts(&self) -> bool {
        true
    }

    fn judge(&mut self, simulation: &Simulation, _action: &[f32]) -> Step {
        let rise = simulation.qpos()[2] / self.timestep;
        let control = self.body.control_cost(simulation);
        Step::reward(rise - control - self.body.contact_cost(simulation) + 1.0)
    }

    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>) {
        self.body.observe(simulation, obs);
    }
}
