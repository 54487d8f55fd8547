//! The learner's side: a batch of environments behind one virtual call a step.

use std::ops::Range;

use crate::batch::{ActionBatch, StepBatch};
use crate::episode_stats::EpisodeStats;
use crate::frame::Frame;
use crate::normalizer::ObsNormalizer;
use crate::space::Space;
use crate::state::{StateError, StateReader, StateWriter};

/// n copies of an environment that step together.
///
/// Where an episode ends, the next one begins within the same step: see [`StepBatch`]. Copy i of a vector
/// seeded s draws from the generator of seed s+i. A step allocates nothing.
pub trait VecEnv: Send {
    /// How many copies, n.
    fn num_envs(&self) -> usize;

    /// What a row of the observations is.
    fn obs_space(&self) -> &Space;

    /// What a row of the actions is.
    fn action_space(&self) -> &Space;

    /// Steps after which an episode is truncated.
    fn max_episode_steps(&self) -> u32;

    /// A batch of the right shape to step into, all zeros.
    fn new_batch(&self) -> StepBatch;

    /// Zero actions of the right shape.
    fn new_actions(&self) -> ActionBatch {
        ActionBatch::new(self.action_space(), self.num_envs())
    }

    /// Gives every copy a fresh generator, of seed + i. The next reset draws from it.
    fn seed(&mut self, seed: u64);

    /// Starts an episode everywhere, without reseeding: a second reset draws other states than the first.
    fn reset(&mut self, out: &mut StepBatch);

    /// Advances every copy one step.
    ///
    /// # Panics
    /// Before the first reset, or when a batch has another shape.
    fn step(&mut self, actions: &ActionBatch, out: &mut StepBatch);

    /// In how many parts it can step instead, one after another: while some copies step, a learner can think
    /// about the others. One, unless [`EnvOptions`](crate::EnvOptions) asked for halves that are worth it.
    fn num_parts(&self) -> usize {
        1
    }

    /// Which copies are part `part`: contiguous ones, that follow those of the part before.
    fn part(&self, _part: usize) -> Range<usize> {
        0..self.num_envs()
    }

    /// Advances the copies of one part one step; the rows of the others stay as they are. All parts in their
    /// order come to the same as [`step`](Self::step), to the bit.
    ///
    /// # Panics
    /// As `step` does, and when there is no such part.
    fn step_part(&mut self, part: usize, actions: &ActionBatch, out: &mut StepBatch) {
        assert_eq!(part, 0, "all copies are one part");
        self.step(actions, out);
    }

    /// Draws copy `i`.
    fn render(&self, i: usize, frame: &mut Frame);

    /// Writes everything that the following steps depend on.
    fn save(&self, out: &mut StateWriter);

    /// Takes over a saved state: the steps that follow are those that followed the save, bit for bit.
    ///
    /// # Errors
    /// When the state is not that of such a vector; this one must then not be used further.
    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError>;

    /// Returns and lengths of the finished episodes, in the rewards of the environment itself.
    fn episode_stats(&self) -> &EpisodeStats;

    /// The statistics that observations are normalized with, where they are.
    fn obs_normalizer(&self) -> Option<&ObsNormalizer> {
        None
    }

    /// The bounds onto which actions in [-1, 1] are stretched, where they are.
    fn action_scaling(&self) -> Option<(&[f32], &[f32])> {
        None
    }

    /// Stops (or resumes) the learning of running statistics; for evaluation and playback.
    fn freeze_statistics(&mut self, _is_frozen: bool) {}

    /// Takes over the statistics of another normalizer, where observations are normalized.
    fn copy_obs_statistics(&mut self, _from: &ObsNormalizer) {}
}
