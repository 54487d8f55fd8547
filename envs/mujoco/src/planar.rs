//! Robots that are to run ahead: a cheetah, a hopper, a swimmer, a walker.
//!
//! Gymnasium's `HalfCheetah`, `Hopper`, `Swimmer` and `Walker2d`. Reward: the speed ahead, less what the action costs,
//! plus a bonus for each step upright.

use slm_env::{EnvDef, EnvOptions, Rng, StateError, StateReader, StateWriter, Step};

use crate::engine::Simulation;
use crate::options::options;
use crate::picture::View;
use crate::robot::{Blueprint, Task, control_cost, shake, shake_normally};

pub(crate) const HALF_CHEETAH: EnvDef = EnvDef {
    id: "HalfCheetah-v5",
    summary: "Run ahead on two legs, in a plane.",
    max_episode_steps: 1000,
    reward_threshold: Some(4800.0),
    render_fps: 20,
    options: options![
        "forward_reward_weight" Number "weight of the speed ahead (1)",
        "ctrl_cost_weight" Number "weight of the squared action (0.1)",
        "reset_noise_scale" Number "size of the noise at the start (0.1)",
        "exclude_current_positions_from_observation" Bool "leave out where it is (true)",
    ],
    make: |options| CHEETAH_BLUEPRINT.make(options),
};

pub(crate) const HOPPER: EnvDef = EnvDef {
    id: "Hopper-v5",
    summary: "Hop ahead on one leg without a fall, in a plane.",
    max_episode_steps: 1000,
    reward_threshold: Some(3800.0),
    render_fps: 125,
    options: options![
        "forward_reward_weight" Number "weight of the speed ahead (1)",
        "ctrl_cost_weight" Number "weight of the squared action (0.001)",
        "healthy_reward" Number "reward of a step upright (1)",
        "terminate_when_unhealthy" Bool "a fall ends the episode (true)",
        "healthy_state_range" Range "all but the first two numbers while upright ([-100, 100])",
        "healthy_z_range" Range "height of the body while upright ([0.7, null])",
        "healthy_angle_range" Range "angle of the body while upright ([-0.2, 0.2])",
        "reset_noise_scale" Number "size of the noise at the start (0.005)",
        "exclude_current_positions_from_observation" Bool "leave out where it is (true)",
    ],
    make: |options| HOPPER_BLUEPRINT.make(options),
};

pub(crate) const SWIMMER: EnvDef = EnvDef {
    id: "Swimmer-v5",
    summary: "Swim ahead with three links in a viscous fluid.",
    max_episode_steps: 1000,
    reward_threshold: Some(360.0),
    render_fps: 25,
    options: options![
        "forward_reward_weight" Number "weight of the speed ahead (1)",
        "ctrl_cost_weight" Number "weight of the squared action (0.0001)",
        "reset_noise_scale" Number "size of the noise at the start (0.1)",
        "exclude_current_positions_from_observation" Bool "leave out where it is (true)",
    ],
    make: |options| SWIMMER_BLUEPRINT.make(options),
};

pub(crate) const WALKER2D: EnvDef = EnvDef {
    id: "Walker2d-v5",
    summary: "Walk ahead on two legs without a fall, in a plane.",
    max_episode_steps: 1000,
    reward_threshold: None,
    render_fps: 125,
    options: options![
        "forward_reward_weight" Number "weight of the speed ahead (1)",
        "ctrl_cost_weight" Number "weight of the squared action (0.001)",
        "healthy_reward" Number "reward of a step upright (1)",
        "terminate_when_unhealthy" Bool "a fall ends the episode (true)",
        "healthy_z_range" Range "height of the body while upright ([0.8, 2])",
        "healthy_angle_range" Range "angle of the body while upright ([-1, 1])",
        "reset_noise_scale" Number "size of the noise at the start (0.005)",
        "exclude_current_positions_from_observation" Bool "leave out where it is (true)",
    ],
    make: |options| WALKER_BLUEPRINT.make(options),
};

pub(crate) const CHEETAH_BLUEPRINT: Blueprint = Blueprint {
    def: &HALF_CHEETAH,
    model: "half_cheetah.xml",
    frame_skip: 5,
    view: View { distance: Some(4.0), ..View::FREE },
    coordinates: (2, 1),
    task: |options, _, seconds| {
        let plain = Planar::new(options, seconds, (0.1, 0.1));
        Ok(Box::new(Planar { has_normal_velocities: true, ..plain }))
    },
};

pub(crate) const HOPPER_BLUEPRINT: Blueprint = Blueprint {
    def: &HOPPER,
    model: "hopper.xml",
    frame_skip: 4,
    view: View {
        distance: Some(3.0),
        look_at: Some([0.0, 0.0, 1.15]),
        elevation: -20.0,
        ..View::FREE
    },
    coordinates: (3, 1),
    task: |options, _, seconds| {
        let plain = Planar::new(options, seconds, (1e-3, 5e-3));
        let health = Health {
            state: Some(options.range("healthy_state_range", (-100.0, 100.0))),
            ..Health::new(options, (0.7, f64::INFINITY), (-0.2, 0.2))
        };
        Ok(Box::new(Planar { health: Some(health), speed_limit: Some(10.0), ..plain }))
    },
};

pub(crate) const SWIMMER_BLUEPRINT: Blueprint = Blueprint {
    def: &SWIMMER,
    model: "swimmer.xml",
    frame_skip: 4,
    view: View::FREE,
    coordinates: (3, 1),
    task: |options, _, seconds| {
        let plain = Planar::new(options, seconds, (1e-4, 0.1));
        Ok(Box::new(Planar { hidden: 2 * plain.hidden, ..plain }))
    },
};

pub(crate) const WALKER_BLUEPRINT: Blueprint = Blueprint {
    def: &WALKER2D,
    model: "walker2d_v5.xml",
    frame_skip: 4,
    view: View {
        distance: Some(4.0),
        look_at: Some([0.0, 0.0, 1.15]),
        elevation: -20.0,
        ..View::FREE
    },
    coordinates: (3, 1),
    task: |options, _, seconds| {
        let plain = Planar::new(options, seconds, (1e-3, 5e-3));
        let health = Health::new(options, (0.8, 2.0), (-1.0, 1.0));
        Ok(Box::new(Planar { health: Some(health), speed_limit: Some(10.0), ..plain }))
    },
};

/// A robot whose first coordinate is the way ahead.
struct Planar {
    /// Seconds of a step.
    seconds: f64,
    forward_weight: f64,
    control_weight: f64,
    noise: f64,
    has_normal_velocities: bool,
    /// Positions that the observation leaves out.
    hidden: usize,
    /// Greatest velocity observed.
    speed_limit: Option<f64>,
    health: Option<Health>,
    /// Where it was.
    x: f64,
}

/// Where a robot counts as upright.
struct Health {
    reward: f64,
    terminates: bool,
    /// Bounds of all coordinates and velocities but the first two.
    state: Option<(f64, f64)>,
    z: (f64, f64),
    angle: (f64, f64),
}

impl Planar {
    fn new(options: &EnvOptions, seconds: f64, (control, noise): (f64, f64)) -> Self {
        Self {
            seconds,
            forward_weight: options.number("forward_reward_weight", 1.0),
            control_weight: options.number("ctrl_cost_weight", control),
            noise: options.number("reset_noise_scale", noise),
            has_normal_velocities: false,
            hidden: usize::from(options.bool("exclude_current_positions_from_observation", true)),
            speed_limit: None,
            health: None,
            x: 0.0,
        }
    }
}

impl Health {
    fn new(options: &EnvOptions, z: (f64, f64), angle: (f64, f64)) -> Self {
        Self {
            reward: options.number("healthy_reward", 1.0),
            terminates: options.bool("terminate_when_unhealthy", true),
            state: None,
            z: options.range("healthy_z_range", z),
            angle: options.range("healthy_angle_range", angle),
        }
    }

    fn is_kept(&self, simulation: &Simulation) -> bool {
        let within = |value: f64, (low, high): (f64, f64)| low < value && value < high;
        let (qpos, qvel) = (simulation.qpos(), simulation.qvel());
        let is_in_range = self
            .state
            .is_none_or(|range| qpos[2..].iter().chain(qvel).all(|&value| within(value, range)));
        is_in_range && within(qpos[1], self.z) && within(qpos[2], self.angle)
    }
}

impl Task for Planar {
    fn start(&mut self, simulation: &mut Simulation, rng: &mut Rng) {
        shake(simulation.qpos_mut(), self.noise, rng);
        if self.has_normal_velocities {
            shake_normally(simulation.qvel_mut(), self.noise, rng);
        } else {
            shake(simulation.qvel_mut(), self.noise, rng);
        }
    }

    fn note(&mut self, simulation: &Simulation) {
        self.x = simulation.qpos()[0];
    }

    fn judge(&mut self, simulation: &Simulation, action: &[f32]) -> Step {
        let mut gain = self.forward_weight * ((simulation.qpos()[0] - self.x) / self.seconds);
        let mut terminated = false;
        if let Some(health) = &self.health {
            let is_healthy = health.is_kept(simulation);
            gain += if is_healthy { health.reward } else { 0.0 };
            terminated = !is_healthy && health.terminates;
        }
        let reward = gain - control_cost(self.control_weight, action);
        Step { reward, terminated, truncated: false }
    }

    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>) {
        obs.extend_from_slice(&simulation.qpos()[self.hidden..]);
        let limit = self.speed_limit.unwrap_or(f64::INFINITY);
        obs.extend(simulation.qvel().iter().map(|speed| speed.clamp(-limit, limit)));
    }

    fn save(&self, out: &mut StateWriter) {
        out.f64(self.x);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.x = from.f64()?;
        Ok(())
    }
}
