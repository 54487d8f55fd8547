//! The cross-entropy method's choice of experience: the episodes with the largest total rewards.
//!
//! Rubinstein & Kroese (2004), "The Cross-Entropy Method". An episode that began in an earlier rollout
//! is judged by its whole reward; one that has not ended is left out.

use slm_env::{StateError, StateReader, StateWriter, Step};

use super::obs_arena::ObsArena;
use super::rollout::{Rollout, RolloutPlan};
use crate::ops::percentile;

/// Keeps the episodes whose total reward is at least a quantile of their rollout's.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    quantile: f64,
    /// Rewards so far of each environment's unfinished episode `[n]`.
    running: Vec<f64>,
}

/// The rows of an episode, `first`, `first + n`, …, `last`, and its total reward.
struct Episode {
    first: usize,
    last: usize,
    total: f64,
}

impl CrossEntropy {
    /// The filter that keeps what lies at or above `quantile`, of [0, 1], in `num_envs` environments.
    pub fn new(quantile: f64, num_envs: usize) -> Self {
        Self { quantile, running: vec![0.0; num_envs] }
    }

    /// The best of the episodes that ended in `rollout`, one after another as those of a single
    /// environment; empty if none ended. To be called with every rollout once.
    pub fn best(&mut self, rollout: &Rollout) -> Rollout {
        let episodes = self.finished(rollout);
        let mut best = Rollout::new(RolloutPlan { num_envs: 1, ..rollout.plan() });
        let mut totals: Vec<f64> = episodes.iter().map(|episode| episode.total).collect();
        totals.sort_by(f64::total_cmp);
        let Some(&largest) = totals.last() else { return best };
        // Rounding must not lift the bar above the best.
        let bar = percentile(&totals, self.quantile).min(largest);
        for episode in episodes.iter().filter(|episode| episode.total >= bar) {
            copy(rollout, episode, &mut best);
        }
        best
    }

    /// The episodes that end in `rollout`, in the order of their ends.
    fn finished(&mut self, rollout: &Rollout) -> Vec<Episode> {
        let n = self.running.len();
        let mut firsts: Vec<usize> = (0..n).collect();
        let mut episodes = Vec::new();
        for (row, (&reward, &done)) in rollout.rewards.iter().zip(&rollout.done).enumerate() {
            let i = row % n;
            self.running[i] += f64::from(reward);
            if done {
                let total = std::mem::take(&mut self.running[i]);
                episodes.push(Episode { first: firsts[i], last: row, total });
                firsts[i] = row + n;
            }
        }
        episodes
    }

    /// Writes what is known of unfinished episodes.
    pub fn save(&self, out: &mut StateWriter) {
        out.f64s(&self.running);
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state is of another number of environments or ends early.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        from.f64s_into(&mut self.running)
    }
}

/// Appends an episode to a rollout of one environment.
fn copy(rollout: &Rollout, episode: &Episode, best: &mut Rollout) {
    let RolloutPlan { num_envs, obs_width, obs_u8, action_width } = rollout.plan();
    // What follows a termination has no value, whatever it is.
    let nothing = ObsArena::zeros(1, obs_width, obs_u8).into_values();
    for row in (episode.first..=episode.last).step_by(num_envs) {
        best.push_acted(
            &rollout.obs.row(row),
            &rollout.actions[row * action_width..(row + 1) * action_width],
        );
        let terminated = rollout.terminated[row];
        let truncated = rollout.done[row] && !terminated;
        let reward = f64::from(rollout.rewards[row]);
        let final_obs = rollout.truncated_obs(row);
        let final_obs = final_obs.as_ref().unwrap_or(&nothing);
        best.push_observed(&nothing, final_obs, &[Step { reward, terminated, truncated }]);
    }
}

#[cfg(test)]
mod tests {
    use slm_env::ObsBatch;

    use super::*;

    const PLAN: RolloutPlan =
        RolloutPlan { num_envs: 2, obs_width: 1, obs_u8: false, action_width: 1 };

    /// One vector step: observations and actions 10·t + i, and per environment a reward and an end
    /// (`.` goes on, `T` terminates, `C` is cut); final observations are 100 + the observation.
    fn push(rollout: &mut Rollout, t: usize, rewards: [f64; 2], ends: &str) {
        let obs = [10.0 * t as f32, 10.0 * t as f32 + 1.0];
        rollout.push_acted(&ObsBatch::F32(obs.into()), &obs);
        let end = |i: usize| ends.as_bytes()[i];
        let step = |i: usize| Step {
            reward: rewards[i],
            terminated: end(i) == b'T',
            truncated: end(i) == b'C',
        };
        let final_obs = ObsBatch::F32(vec![100.0 + obs[0], 100.0 + obs[1]]);
        rollout.push_observed(&ObsBatch::F32(obs.into()), &final_obs, &[step(0), step(1)]);
    }

    /// Environment 0: rewards 1, 2 | 3 |; environment 1: 4 | 1, 0 (unfinished). Totals in the order of
    /// the ends: 4 (environment 1), 3, 3. The quantile 0.6 of [3, 3, 4] is 3 + 0.2·1 = 3.2.
    fn rollout() -> Rollout {
        let mut rollout = Rollout::new(PLAN);
        push(&mut rollout, 0, [1.0, 4.0], ".C");
        push(&mut rollout, 1, [2.0, 1.0], "T.");
        push(&mut rollout, 2, [3.0, 0.0], "T.");
        rollout
    }

    #[test]
    fn only_episodes_at_or_above_the_quantile_are_kept_row_by_row() {
        let best = CrossEntropy::new(0.6, 2).best(&rollout());
        assert_eq!((best.obs.values().f32s(), best.rewards.as_slice()), (&[1.0][..], &[4.0][..]));
        assert_eq!(best.bootstrap_obs().f32s(), [101.0, 101.0]);
        let all = CrossEntropy::new(0.0, 2).best(&rollout());
        assert_eq!(all.obs.values().f32s(), [1.0, 0.0, 10.0, 20.0]);
        assert_eq!(all.actions, all.obs.values().f32s());
        assert_eq!(all.rewards, [4.0, 1.0, 2.0, 3.0]);
        assert_eq!(all.terminated, [false, false, true, true]);
        assert_eq!(all.done, [true, false, true, true]);
        assert_eq!((all.plan().num_envs, all.episodes()), (1, 3));
    }

    #[test]
    fn an_episode_is_judged_by_its_whole_reward_also_after_saving() {
        let mut filter = CrossEntropy::new(1.0, 2);
        filter.best(&rollout());
        let mut out = StateWriter::new();
        filter.save(&mut out);
        let bytes = out.into_bytes();
        let mut filter = CrossEntropy::new(1.0, 2);
        filter.load(&mut StateReader::new(&bytes)).unwrap();
        // Environment 1 brings a reward of 1 along: 1 + 2 = 3 is more than environment 0's 2.5.
        let mut second = Rollout::new(PLAN);
        push(&mut second, 3, [2.5, 2.0], "TT");
        assert_eq!(filter.best(&second).obs.values().f32s(), [31.0]);
    }

    #[test]
    fn of_equal_episodes_all_are_kept_and_of_none_nothing() {
        let mut rollout = Rollout::new(PLAN);
        push(&mut rollout, 0, [0.1, 0.1], "TT");
        push(&mut rollout, 1, [0.1, 0.1], "TT");
        assert_eq!(CrossEntropy::new(0.7, 2).best(&rollout).len(), 4);
        let mut rollout = Rollout::new(PLAN);
        push(&mut rollout, 0, [0.1, 0.1], "..");
        assert!(CrossEntropy::new(0.7, 2).best(&rollout).is_empty());
    }
}
