//! One environment driven step by step: the rows that a recording consists of.

use crate::batch::{ActionBatch, ObsBatch, StepBatch};
use crate::env::Step;
use crate::error::EnvError;
use crate::rng::Rng;
use crate::vec_env::VecEnv;

/// An environment with its current episode. The first episode starts from the seed it was made with, the
/// following ones go on with its generator.
pub struct Rollout {
    env: Box<dyn VecEnv>,
    batch: StepBatch,
    actions: ActionBatch,
}

/// What one step of a rollout shows. Numbers are exact: an `f32` prints as the `f64` of the same value.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutRow {
    /// The action taken.
    pub action: Vec<f64>,
    /// The observation after it, the episode's last one where it ended.
    pub obs: Vec<f64>,
    /// Reward and flags.
    pub step: Step,
    /// The first observation of the next episode, where this one ended.
    pub reset: Option<Vec<f64>>,
}

impl Rollout {
    /// Starts an episode in the first copy of `env`.
    pub fn new(mut env: Box<dyn VecEnv>) -> Self {
        let mut batch = env.new_batch();
        env.reset(&mut batch);
        let actions = env.new_actions();
        Self { env, batch, actions }
    }

    /// The environment.
    pub fn env(&self) -> &dyn VecEnv {
        self.env.as_ref()
    }

    /// The observation to act on.
    pub fn obs(&self) -> Vec<f64> {
        self.row(&self.batch.obs)
    }

    /// Takes an action given as numbers.
    ///
    /// # Errors
    /// When it is not in the action space (of a box, only its length must fit: environments clip).
    pub fn step(&mut self, action: &[f64]) -> Result<RolloutRow, EnvError> {
        let space = self.env.action_space();
        let fits = match self.actions {
            ActionBatch::Continuous(_) => action.len() == space.width(),
            ActionBatch::Discrete(_) | ActionBatch::Multi(_) => space.contains(action),
        };
        if !fits {
            let numbers: Vec<String> = action.iter().map(f64::to_string).collect();
            let found = match numbers.as_slice() {
                [number] => number.clone(),
                _ => format!("[{}]", numbers.join(", ")),
            };
            let expected = space.to_string();
            return Err(EnvError::WrongAction { expected, found });
        }
        self.actions.set_row(0, action);
        Ok(self.advance())
    }

    /// Takes a random action.
    pub fn step_random(&mut self, rng: &mut Rng) -> RolloutRow {
        self.env.action_space().sample(rng, &mut self.actions, 0);
        self.advance()
    }

    fn advance(&mut self) -> RolloutRow {
        self.env.step(&self.actions, &mut self.batch);
        let step = self.batch.steps[0];
        let action = self.actions.row_f64(0, self.env.action_space().width());
        let obs = self.obs();
        if step.is_last() {
            RolloutRow { action, obs: self.row(&self.batch.final_obs), step, reset: Some(obs) }
        } else {
            RolloutRow { action, obs, step, reset: None }
        }
    }

    fn row(&self, batch: &ObsBatch) -> Vec<f64> {
        batch.row_f64(0, self.env.obs_space().width())
    }
}
