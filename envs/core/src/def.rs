//! The registry line of an environment.

use std::fmt;

use crate::error::EnvError;
use crate::options::{EnvOptions, OptionDef};
use crate::space::Space;
use crate::vec_env::VecEnv;

/// What is known of an environment before one is made.
#[derive(Clone, Copy, Debug)]
pub struct EnvDef {
    /// Gymnasium's name, version included.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Steps after which an episode is truncated.
    pub max_episode_steps: u32,
    /// Mean return from which the task counts as solved, where Gymnasium states one.
    pub reward_threshold: Option<f64>,
    /// Frames a second at which a recording plays at the speed of the physics.
    pub render_fps: u32,
    /// The constructor options it takes.
    pub options: &'static [OptionDef],
    /// Makes a vector of copies.
    pub make: fn(&EnvOptions) -> Result<Box<dyn VecEnv>, EnvError>,
}

impl EnvDef {
    /// Makes a vector of copies.
    ///
    /// # Errors
    /// When the options do not fit or something outside the program is missing.
    pub fn make(&self, options: &EnvOptions) -> Result<Box<dyn VecEnv>, EnvError> {
        (self.make)(options)
    }

    /// The observation and the action space.
    ///
    /// # Errors
    /// As [`EnvDef::make`].
    pub fn spaces(&self, options: &EnvOptions) -> Result<(Space, Space), EnvError> {
        let env = self.make(&EnvOptions { num_envs: 1, threads: 1, ..options.clone() })?;
        Ok((env.obs_space().clone(), env.action_space().clone()))
    }

    /// Everything that keeps an environment from being made: a wrong option is left out to see what else is.
    pub fn option_errors(&self, options: &EnvOptions) -> Vec<EnvError> {
        let mut rest = EnvOptions { num_envs: 1, threads: 1, ..options.clone() };
        let mut errors = Vec::new();
        while let Err(error) = self.make(&rest) {
            let is_left_out = error.option().is_some_and(|name| rest.kwargs.remove(name).is_some());
            errors.push(error);
            if !is_left_out {
                break;
            }
        }
        errors
    }

    /// The error that an option has a value that it can not have.
    pub fn wrong_option(
        &self,
        name: &str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> EnvError {
        EnvError::WrongOption {
            env: self.id,
            name: name.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}
