//! What the environments share: a simulation, steps of it, noise at the start, the row of observations.

use std::sync::Arc;

use slm_env::{
    Env, EnvDef, EnvError, EnvOptions, EnvRows, Frame, Rng, Space, StateError, StateReader,
    StateWriter, Step, VecEnv,
};

use crate::camera;
use crate::engine::{Model, ModelError, Simulation};
use crate::models;
use crate::picture::{Camera, View};

/// What is wrong with a model that has more contacts than room for them; none of Gymnasium's has.
const OVERFLOW: &str = "the model has too little memory for its contacts: give it more in its XML, as in \
                        <size memory=\"10M\"/>";

/// Most steps of the physics in a step, and most pixels of a picture's side.
const MOST: f64 = 10_000.0;

/// What makes an environment of a simulation.
pub(crate) trait Task: Send + 'static {
    /// Writes the positions and velocities of an episode's start; the simulation is at rest.
    fn start(&mut self, simulation: &mut Simulation, rng: &mut Rng);

    /// Takes note of what the next step's reward is measured from.
    fn note(&mut self, _simulation: &Simulation) {}

    /// Whether the forces from outside are looked at.
    fn feels_contacts(&self) -> bool {
        false
    }

    /// Reward and flags of a step that has been taken.
    fn judge(&mut self, simulation: &Simulation, action: &[f32]) -> Step;

    /// Appends the observation.
    fn observe(&self, simulation: &Simulation, obs: &mut Vec<f64>);

    /// Writes what was noted.
    fn save(&self, _out: &mut StateWriter) {}

    /// Takes over what was noted.
    fn load(&mut self, _from: &mut StateReader<'_>) -> Result<(), StateError> {
        Ok(())
    }
}

/// A task, or what the model lacks for it.
pub(crate) type Made = Result<Box<dyn Task>, EnvError>;

/// What an environment is made from beside its options.
pub(crate) struct Blueprint {
    pub(crate) def: &'static EnvDef,
    /// Default of the option `xml_file`.
    pub(crate) model: &'static str,
    /// Default of the option `frame_skip`.
    pub(crate) frame_skip: u32,
    /// Where the picture is taken from if the model has no camera `track`.
    pub(crate) view: View,
    /// Fewest coordinates of position and velocity that the task can do with.
    pub(crate) coordinates: (usize, usize),
    /// Makes the task, whose steps take so many seconds; an error says what the model lacks.
    pub(crate) task: fn(&EnvOptions, &Model, f64) -> Made,
}

/// An environment of MuJoCo.
pub struct Robot {
    simulation: Simulation,
    task: Box<dyn Task>,
    frame_skip: u32,
    /// The observation in double precision.
    obs: Vec<f64>,
    camera: Camera,
}

impl Blueprint {
    /// A vector of copies.
    pub(crate) fn make(&self, options: &EnvOptions) -> Result<Box<dyn VecEnv>, EnvError> {
        self.check(options)?;
        let model = Arc::new(self.model(options)?);
        EnvRows::boxed(self.def, options, |options| self.robot(options, &model))
    }

    /// Whether the options can be.
    pub(crate) fn check(&self, options: &EnvOptions) -> Result<(), EnvError> {
        options.check(self.def)?;
        self.check_noise(options)
    }

    /// The model that the options ask for.
    pub(crate) fn model(&self, options: &EnvOptions) -> Result<Model, EnvError> {
        let name = options.text("xml_file", self.model);
        let wrong = |expected: &str| self.def.wrong_option("xml_file", expected, name);
        let model = models::load(name).map_err(|error| match error {
            ModelError::Library(error) => error,
            ModelError::Wrong(reason) => wrong(&reason),
        })?;
        let (nq, nv) = self.coordinates;
        if model.nq() < nq || model.nv() < nv || model.nu() == 0 {
            return Err(wrong(&format!(
                "a model of at least {nq} coordinates, {nv} velocities and one actuator"
            )));
        }
        Ok(model)
    }

    /// One copy.
    pub(crate) fn robot(
        &self,
        options: &EnvOptions,
        model: &Arc<Model>,
    ) -> Result<Robot, EnvError> {
        let frame_skip = self.count(options, "frame_skip", self.frame_skip)?;
        let (fixed, view) = camera::choose(self.def, options, model, self.view)?;
        let camera = Camera {
            size: (
                self.count(options, "width", 480)? as usize,
                self.count(options, "height", 480)? as usize,
            ),
            fixed,
            view,
        };
        let task = (self.task)(options, model, model.timestep() * f64::from(frame_skip))?;
        let mut simulation = Simulation::new(Arc::clone(model))
            .map_err(|what| EnvError::Missing { what, how: "make fewer environments".into() })?;
        simulation.forward();
        let mut obs = Vec::new();
        task.observe(&simulation, &mut obs);
        Ok(Robot { simulation, task, frame_skip, obs, camera })
    }

    /// Steps of the physics, or pixels.
    fn count(
        &self,
        options: &EnvOptions,
        name: &'static str,
        default: u32,
    ) -> Result<u32, EnvError> {
        match options.number(name, f64::from(default)) {
            count if (1.0..=MOST).contains(&count) => Ok(count as u32),
            count => Err(self.def.wrong_option(name, format_args!("from 1 to {MOST}"), count)),
        }
    }

    /// Gymnasium draws from an interval that such a size would turn around.
    fn check_noise(&self, options: &EnvOptions) -> Result<(), EnvError> {
        match options.number("reset_noise_scale", 0.0) {
            noise if noise < 0.0 => {
                Err(self.def.wrong_option("reset_noise_scale", "at least 0", noise))
            }
            _ => Ok(()),
        }
    }
}

impl Robot {
    /// The simulation.
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// The simulation alone.
    pub fn into_simulation(self) -> Simulation {
        self.simulation
    }

    /// Steps of the physics in a step.
    pub fn frame_skip(&self) -> u32 {
        self.frame_skip
    }

    /// The last observation in double precision, as Gymnasium gives it.
    pub fn observed(&self) -> &[f64] {
        &self.obs
    }

    fn observe(&mut self, out: &mut [f32]) {
        self.obs.clear();
        self.task.observe(&self.simulation, &mut self.obs);
        for (out, value) in out.iter_mut().zip(&self.obs) {
            *out = *value as f32;
        }
    }
}

impl Env for Robot {
    type Obs = f32;
    type Action = [f32];

    const STEP_NANOS: u64 = 40_000;

    fn obs_space(&self) -> Space {
        Space::symmetric(&vec![f32::INFINITY; self.obs.len()])
    }

    fn action_space(&self) -> Space {
        let range = self.simulation.model().action_range();
        let [low, high] =
            [0, 1].map(|i| range.iter().map(|range| range[i] as f32).collect::<Vec<_>>());
        Space::vector(&low, &high)
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [f32]) {
        self.simulation.reset();
        self.task.start(&mut self.simulation, rng);
        self.simulation.forward();
        self.task.note(&self.simulation);
        self.observe(obs);
    }

    fn step(&mut self, action: &[f32], _rng: &mut Rng, obs: &mut [f32]) -> Step {
        for (control, action) in self.simulation.control_mut().iter_mut().zip(action) {
            *control = f64::from(*action);
        }
        self.simulation.step(self.frame_skip);
        if self.task.feels_contacts() {
            self.simulation.external_forces();
        }
        assert!(!self.simulation.has_overflowed(), "{OVERFLOW}");
        let step = self.task.judge(&self.simulation, action);
        self.task.note(&self.simulation);
        self.observe(obs);
        // MuJoCo has started from rest: what follows is another episode.
        Step { truncated: self.simulation.has_diverged(), ..step }
    }

    fn render(&self, frame: &mut Frame) {
        self.camera.draw(&self.simulation, frame);
    }

    fn save(&self, out: &mut StateWriter) {
        self.simulation.save(out);
        self.task.save(out);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.simulation.load(from)?;
        self.task.load(from)
    }
}

/// Adds uniform noise of a size to numbers.
pub(crate) fn shake(values: &mut [f64], size: f64, rng: &mut Rng) {
    for value in values {
        *value += rng.uniform(-size, size);
    }
}

/// Adds normal noise of a size to numbers.
pub(crate) fn shake_normally(values: &mut [f64], size: f64, rng: &mut Rng) {
    for value in values {
        *value += size * rng.standard_normal();
    }
}

/// What an action costs, in the single precision that Gymnasium computes it in.
pub(crate) fn control_cost(weight: f64, action: &[f32]) -> f64 {
    f64::from(weight as f32 * crate::numpy::squares(action))
}
