//! What preprocessing does to observations, rewards and actions.

use crate::batch::{ActionBatch, ObsBatch, StepBatch};
use crate::env::Step;
use crate::error::EnvError;
use crate::normalizer::{EPSILON, ObsNormalizer, RunningStats};
use crate::preprocess::Preprocessing;
use crate::space::Space;
use crate::state::{StateError, StateReader, StateWriter};
use crate::vec_env::VecEnv;

/// What happens to observations.
pub(crate) enum ObsFilter {
    Keep,
    Clip(f32),
    Normalize(ObsNormalizer),
}

/// What happens to rewards.
pub(crate) struct RewardFilter {
    discounted: Option<DiscountedReturns>,
    clip: (f64, f64),
}

/// The running discounted sum of rewards of each environment's episode, and its statistics.
struct DiscountedReturns {
    gamma: f64,
    sums: Vec<f64>,
    stats: RunningStats,
}

/// Actions in [-1, 1] onto a box.
pub(crate) struct ActionScaling {
    low: Vec<f32>,
    high: Vec<f32>,
    space: Space,
    /// Reused: the stretched actions.
    scaled: ActionBatch,
}

impl ObsFilter {
    pub(crate) fn new(env: &dyn VecEnv, wanted: &Preprocessing) -> Result<Self, EnvError> {
        let filter = match (wanted.normalize_obs, wanted.clip_obs) {
            (true, clip) => Self::Normalize(ObsNormalizer::new(env.obs_space().width(), clip)),
            (false, Some(clip)) => Self::Clip(clip),
            (false, None) => return Ok(Self::Keep),
        };
        match env.new_batch().obs {
            ObsBatch::F32(_) => Ok(filter),
            ObsBatch::U8(_) => Err(EnvError::Preprocessing {
                reason: "observations that are pixels can be neither normalized nor clipped",
            }),
        }
    }

    pub(crate) fn space(&self, inner: &Space) -> Space {
        let (Space::Box { low, high, shape }, false) = (inner, matches!(self, Self::Keep)) else {
            return inner.clone();
        };
        let shape = shape.clone();
        match self {
            Self::Normalize(normalizer) => {
                let clip = normalizer.clip().unwrap_or(f32::INFINITY);
                Space::Box { low: vec![-clip; low.len()], high: vec![clip; low.len()], shape }
            }
            Self::Clip(clip) => {
                let clipped =
                    |bounds: &[f32]| bounds.iter().map(|b| b.clamp(-clip, *clip)).collect();
                Space::Box { low: clipped(low), high: clipped(high), shape }
            }
            Self::Keep => inner.clone(),
        }
    }

    pub(crate) fn save(&self, out: &mut StateWriter) {
        if let Self::Normalize(normalizer) = self {
            normalizer.stats().save(out);
        }
    }

    pub(crate) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        match self {
            Self::Normalize(normalizer) => normalizer.stats_mut().load(from),
            Self::Keep | Self::Clip(_) => Ok(()),
        }
    }

    pub(crate) fn filter(&mut self, batch: &mut StepBatch, is_frozen: bool) {
        match self {
            Self::Keep => {}
            Self::Clip(clip) => {
                let rows = [&mut batch.obs, &mut batch.final_obs];
                for value in rows.into_iter().flat_map(|obs| obs.f32s_mut().iter_mut()) {
                    *value = value.clamp(-*clip, *clip);
                }
            }
            Self::Normalize(normalizer) => {
                if !is_frozen {
                    learn(normalizer.stats_mut(), batch);
                }
                normalize(normalizer, batch);
            }
        }
    }
}

/// Adds every observation that the step produced: the last ones of finished episodes, then those to act on.
fn learn(stats: &mut RunningStats, batch: &StepBatch) {
    let width = stats.mean().len();
    let (obs, final_obs) = (batch.obs.f32s(), batch.final_obs.f32s());
    for (i, _) in batch.steps.iter().enumerate().filter(|(_, step)| step.is_last()) {
        stats.add(1, |_, column| f64::from(final_obs[i * width + column]));
    }
    stats.add(batch.steps.len(), |row, column| f64::from(obs[row * width + column]));
}

fn normalize(normalizer: &ObsNormalizer, batch: &mut StepBatch) {
    let width = normalizer.mean().len();
    for obs in batch.obs.f32s_mut().chunks_exact_mut(width) {
        normalizer.apply(obs);
    }
    let final_rows = batch.final_obs.f32s_mut().chunks_exact_mut(width);
    for (final_obs, _) in final_rows.zip(&batch.steps).filter(|(_, step)| step.is_last()) {
        normalizer.apply(final_obs);
    }
}

impl RewardFilter {
    pub(crate) fn new(n: usize, wanted: &Preprocessing) -> Self {
        let discounted = wanted.normalize_reward.map(|gamma| DiscountedReturns {
            gamma,
            sums: vec![0.0; n],
            stats: RunningStats::new(1),
        });
        Self { discounted, clip: wanted.clip_reward.unwrap_or((f64::NEG_INFINITY, f64::INFINITY)) }
    }

    pub(crate) fn save(&self, out: &mut StateWriter) {
        if let Some(returns) = &self.discounted {
            out.f64s(&returns.sums);
            returns.stats.save(out);
        }
    }

    pub(crate) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        if let Some(returns) = &mut self.discounted {
            from.f64s_into(&mut returns.sums)?;
            returns.stats.load(from)?;
        }
        Ok(())
    }

    pub(crate) fn restart(&mut self) {
        if let Some(returns) = &mut self.discounted {
            returns.sums.fill(0.0);
        }
    }

    pub(crate) fn filter(&mut self, steps: &mut [Step], is_frozen: bool) {
        let scale = self.discounted.as_mut().map_or(1.0, |returns| returns.scale(steps, is_frozen));
        for step in steps {
            step.reward = (step.reward / scale).clamp(self.clip.0, self.clip.1);
        }
    }
}

impl DiscountedReturns {
    /// What to divide the rewards of a step by. A sum starts anew after the last step of an episode: carried on, that
    /// of short episodes that a time limit cuts would be one of many, and rewards so small that a critic misses them.
    fn scale(&mut self, steps: &[Step], is_frozen: bool) -> f64 {
        if !is_frozen {
            for (sum, step) in self.sums.iter_mut().zip(steps) {
                *sum = *sum * self.gamma + step.reward;
            }
            let sums = &self.sums;
            self.stats.add(sums.len(), |row, _| sums[row]);
            for (sum, _) in self.sums.iter_mut().zip(steps).filter(|(_, step)| step.is_last()) {
                *sum = 0.0;
            }
        }
        (self.stats.var()[0] + EPSILON).sqrt()
    }
}

impl ActionScaling {
    /// The scaling that the actions of `env` need; none for choices, unbounded actions and [-1, 1].
    pub(crate) fn new(env: &dyn VecEnv) -> Option<Self> {
        let Space::Box { low, high, shape } = env.action_space() else { return None };
        let is_unit = low.iter().all(|&bound| bound == -1.0) && high.iter().all(|&b| b == 1.0);
        if is_unit || low.iter().chain(high).any(|bound| !bound.is_finite()) {
            return None;
        }
        let (n, shape) = (low.len(), shape.clone());
        Some(Self {
            low: low.clone(),
            high: high.clone(),
            space: Space::Box { low: vec![-1.0; n], high: vec![1.0; n], shape },
            scaled: env.new_actions(),
        })
    }

    /// The actions in [-1, 1].
    pub(crate) fn space(&self) -> &Space {
        &self.space
    }

    /// The bounds that -1 and 1 become.
    pub(crate) fn bounds(&self) -> (&[f32], &[f32]) {
        (&self.low, &self.high)
    }

    pub(crate) fn stretch(&mut self, actions: &ActionBatch) -> &ActionBatch {
        let (ActionBatch::Continuous(scaled), ActionBatch::Continuous(actions)) =
            (&mut self.scaled, actions)
        else {
            panic!("continuous actions expected, not {actions:?}");
        };
        let width = self.low.len();
        for (out, row) in scaled.chunks_exact_mut(width).zip(actions.chunks_exact(width)) {
            for (k, (out, action)) in out.iter_mut().zip(row).enumerate() {
                *out = self.low[k] + (action + 1.0) * 0.5 * (self.high[k] - self.low[k]);
            }
        }
        &self.scaled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rewards [1, 2, 4, -3, 0.5, 2], γ = ½, a termination after the second and a time limit after the fourth, through
    /// VecNormalize of Stable-Baselines3 2.9.0. The sums are 1, 2.5 | 4, -1 | 0.5, 2.25.
    #[test]
    fn rewards_are_scaled_by_the_deviation_of_sums_over_episodes() {
        let wanted = Preprocessing { normalize_reward: Some(0.5), ..Preprocessing::default() };
        let mut filter = RewardFilter::new(1, &wanted);
        let expected = [70.714_21, 2.666_252, 3.265_777_6, -1.621_768_4, 0.291_605_9, 1.252_36];
        for (i, (reward, expected)) in
            [1.0, 2.0, 4.0, -3.0, 0.5, 2.0].into_iter().zip(expected).enumerate()
        {
            let mut steps = [Step { reward, terminated: i == 1, truncated: i == 3 }];
            filter.filter(&mut steps, false);
            let found = steps[0].reward;
            assert!((found / expected - 1.0).abs() < 1e-6, "{i}: {found} is not {expected}");
        }
    }
}
