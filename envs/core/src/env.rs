//! The author's side: what one environment does.

use crate::batch::{ActionBatch, ObsBatch};
use crate::frame::Frame;
use crate::rng::Rng;
use crate::rows::{StepRow, StepRows};
use crate::space::Space;
use crate::state::{StateError, StateReader, StateWriter};

/// What a step returns beside the observation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Reward of the step.
    pub reward: f64,
    /// Whether the episode has come to an end of its own: nothing follows the last observation.
    pub terminated: bool,
    /// Whether the episode is cut here: more would have followed the last observation.
    pub truncated: bool,
}

impl Step {
    /// A step without flags.
    pub fn reward(reward: f64) -> Self {
        Self { reward, terminated: false, truncated: false }
    }

    /// Whether the episode is over, for either reason.
    pub fn is_last(&self) -> bool {
        self.terminated || self.truncated
    }
}

/// One environment. It neither counts its steps nor starts its own episodes: the time limit and the resets
/// belong to the vector of environments. What is checked is checked when it is made; a step can not fail.
pub trait Env: Send + 'static {
    /// Observations are rows of these.
    type Obs: Element;
    /// `u32` for a discrete space, `[f32]` for a box, `[u32]` for several discrete or binary choices.
    type Action: Action + ?Sized;

    /// Roughly what a step costs on one core, in nanoseconds; decides how many threads are worth waking.
    const STEP_NANOS: u64;

    /// The observations.
    fn obs_space(&self) -> Space;

    /// The actions.
    fn action_space(&self) -> Space;

    /// Forgets all earlier episodes: called when the generator is seeded, so that the same seed gives the same bits
    /// whatever came before. Only what lives on from episode to episode is to be forgotten here.
    fn forget(&mut self) {}

    /// Starts an episode and writes its first observation.
    fn reset(&mut self, rng: &mut Rng, obs: &mut [Self::Obs]);

    /// Advances one step and writes the observation.
    fn step(&mut self, action: &Self::Action, rng: &mut Rng, obs: &mut [Self::Obs]) -> Step;

    /// Advances every copy one step. To be overridden where copies can be computed together faster, with the bits
    /// that [`Env::step`] gives each.
    fn step_rows(rows: &mut StepRows<'_, Self>)
    where
        Self: Sized,
    {
        for i in 0..rows.count() {
            let StepRow { env, rng, action, obs, step } = rows.row(i);
            *step = env.step(action, rng, obs);
        }
    }

    /// Draws the current state.
    fn render(&self, frame: &mut Frame);

    /// Writes the current state, so that a loaded copy goes on bit for bit.
    fn save(&self, out: &mut StateWriter);

    /// Takes over a saved state.
    ///
    /// # Errors
    /// When the bytes are not those of this environment.
    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError>;
}

/// A number that observations consist of.
pub trait Element: Copy + Default + Send + 'static {
    /// A batch of `len` zeros.
    fn batch(len: usize) -> ObsBatch;

    /// The numbers of a batch.
    ///
    /// # Panics
    /// When the batch holds the other kind.
    fn values_mut(batch: &mut ObsBatch) -> &mut [Self];
}

impl Element for f32 {
    fn batch(len: usize) -> ObsBatch {
        ObsBatch::F32(vec![0.0; len])
    }

    fn values_mut(batch: &mut ObsBatch) -> &mut [Self] {
        batch.f32s_mut()
    }
}

impl Element for u8 {
    fn batch(len: usize) -> ObsBatch {
        ObsBatch::U8(vec![0; len])
    }

    fn values_mut(batch: &mut ObsBatch) -> &mut [Self] {
        match batch {
            ObsBatch::U8(values) => values,
            ObsBatch::F32(_) => panic!("features given to an environment of pixels"),
        }
    }
}

/// A row of an [`ActionBatch`], as an environment takes it.
pub trait Action {
    /// What the batch holds.
    type Value: Copy + Default + Send + 'static;

    /// The numbers of a batch.
    ///
    /// # Panics
    /// When the batch is of another space.
    fn values(batch: &ActionBatch) -> &[Self::Value];

    /// Row `i` of rows of `width` numbers.
    fn row(values: &[Self::Value], i: usize, width: usize) -> &Self;
}

impl Action for u32 {
    type Value = u32;

    fn values(batch: &ActionBatch) -> &[u32] {
        match batch {
            ActionBatch::Discrete(values) => values,
            other => panic!("discrete actions expected, not {other:?}"),
        }
    }

    #[inline]
    fn row(values: &[u32], i: usize, _width: usize) -> &u32 {
        &values[i]
    }
}

impl Action for [f32] {
    type Value = f32;

    fn values(batch: &ActionBatch) -> &[f32] {
        match batch {
            ActionBatch::Continuous(values) => values,
            other => panic!("continuous actions expected, not {other:?}"),
        }
    }

    #[inline]
    fn row(values: &[f32], i: usize, width: usize) -> &[f32] {
        &values[i * width..(i + 1) * width]
    }
}

impl Action for [u32] {
    type Value = u32;

    fn values(batch: &ActionBatch) -> &[u32] {
        match batch {
            ActionBatch::Multi(values) => values,
            other => panic!("several choices expected, not {other:?}"),
        }
    }

    #[inline]
    fn row(values: &[u32], i: usize, width: usize) -> &[u32] {
        &values[i * width..(i + 1) * width]
    }
}
