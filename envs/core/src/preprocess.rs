//! What SLM-Lab does between an environment and a learner: normalization, clipping, rescaled actions.

use std::ops::Range;

use crate::batch::{ActionBatch, StepBatch};
use crate::episode_stats::EpisodeStats;
use crate::error::EnvError;
use crate::filters::{ActionScaling, ObsFilter, RewardFilter};
use crate::frame::Frame;
use crate::normalizer::ObsNormalizer;
use crate::space::Space;
use crate::state::{StateError, StateReader, StateWriter};
use crate::vec_env::VecEnv;

/// Which preprocessing to do; by default none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Preprocessing {
    /// Normalize observations by their running mean and variance.
    pub normalize_obs: bool,
    /// Clip observations to ± this, after normalization.
    pub clip_obs: Option<f32>,
    /// Divide rewards by the running standard deviation of their sum over an episode discounted by this gamma.
    pub normalize_reward: Option<f64>,
    /// Clip rewards to these bounds, after normalization.
    pub clip_reward: Option<(f64, f64)>,
    /// Take actions in [-1, 1] and stretch them onto the bounds of a box of finite bounds.
    pub rescale_action: bool,
}

impl Preprocessing {
    /// Whether it learns from all rows of a step together.
    pub fn has_statistics(&self) -> bool {
        self.normalize_obs || self.normalize_reward.is_some()
    }
}

/// A vector of environments with preprocessed observations, rewards and actions. The statistics of episodes
/// stay those of the environment's own rewards.
pub struct PreprocessedEnv {
    inner: Box<dyn VecEnv>,
    obs_space: Space,
    obs: ObsFilter,
    reward: RewardFilter,
    action: Option<ActionScaling>,
    has_statistics: bool,
    is_frozen: bool,
}

impl PreprocessedEnv {
    /// Preprocesses `inner`.
    ///
    /// # Errors
    /// When observations that are pixels are to be normalized or clipped.
    pub fn new(inner: Box<dyn VecEnv>, wanted: &Preprocessing) -> Result<Self, EnvError> {
        let obs = ObsFilter::new(inner.as_ref(), wanted)?;
        let reward = RewardFilter::new(inner.num_envs(), wanted);
        let action = if wanted.rescale_action { ActionScaling::new(inner.as_ref()) } else { None };
        let obs_space = obs.space(inner.obs_space());
        let has_statistics = wanted.has_statistics();
        Ok(Self { inner, obs_space, obs, reward, action, has_statistics, is_frozen: false })
    }

    /// Rows that were filtered before stay as they are, where there are no statistics.
    fn filter(&mut self, out: &mut StepBatch) {
        self.obs.filter(out, self.is_frozen);
        self.reward.filter(&mut out.steps, self.is_frozen);
    }
}

impl VecEnv for PreprocessedEnv {
    fn num_envs(&self) -> usize {
        self.inner.num_envs()
    }

    fn obs_space(&self) -> &Space {
        &self.obs_space
    }

    fn action_space(&self) -> &Space {
        self.action.as_ref().map_or_else(|| self.inner.action_space(), ActionScaling::space)
    }

    fn max_episode_steps(&self) -> u32 {
        self.inner.max_episode_steps()
    }

    fn new_batch(&self) -> StepBatch {
        self.inner.new_batch()
    }

    fn seed(&mut self, seed: u64) {
        self.inner.seed(seed);
    }

    fn reset(&mut self, out: &mut StepBatch) {
        self.inner.reset(out);
        self.reward.restart();
        self.obs.filter(out, self.is_frozen);
    }

    fn step(&mut self, actions: &ActionBatch, out: &mut StepBatch) {
        match &mut self.action {
            Some(scaling) => self.inner.step(scaling.stretch(actions), out),
            None => self.inner.step(actions, out),
        }
        self.filter(out);
    }

    fn num_parts(&self) -> usize {
        if self.has_statistics { 1 } else { self.inner.num_parts() }
    }

    fn part(&self, part: usize) -> Range<usize> {
        if self.has_statistics { 0..self.num_envs() } else { self.inner.part(part) }
    }

    fn step_part(&mut self, part: usize, actions: &ActionBatch, out: &mut StepBatch) {
        if self.has_statistics {
            assert_eq!(part, 0, "part {part} of 1");
            return self.step(actions, out);
        }
        match &mut self.action {
            Some(scaling) => self.inner.step_part(part, scaling.stretch(actions), out),
            None => self.inner.step_part(part, actions, out),
        }
        self.filter(out);
    }

    fn render(&self, i: usize, frame: &mut Frame) {
        self.inner.render(i, frame);
    }

    fn save(&self, out: &mut StateWriter) {
        self.inner.save(out);
        self.obs.save(out);
        self.reward.save(out);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.inner.load(from)?;
        self.obs.load(from)?;
        self.reward.load(from)
    }

    fn episode_stats(&self) -> &EpisodeStats {
        self.inner.episode_stats()
    }

    fn obs_normalizer(&self) -> Option<&ObsNormalizer> {
        match &self.obs {
            ObsFilter::Normalize(normalizer) => Some(normalizer),
            ObsFilter::Keep | ObsFilter::Clip(_) => None,
        }
    }

    fn action_scaling(&self) -> Option<(&[f32], &[f32])> {
        self.action.as_ref().map(ActionScaling::bounds)
    }

    fn freeze_statistics(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }

    fn copy_obs_statistics(&mut self, from: &ObsNormalizer) {
        if let ObsFilter::Normalize(normalizer) = &mut self.obs {
            normalizer.stats_mut().clone_from(from.stats());
        }
    }
}
