//! Replay of whole episodes, each transition with its discounted return. Oh et al. (2018), arXiv:1806.05635.
//!
//! A transition waits until its episode ends, for only then is its return known: R_t = r_t + γ·R_{t+1},
//! where R is 0 after a termination. A return has to be one that can be had, a lower bound of the best. So
//! what a time limit cut off counts as the critic's value of the final observation at that moment, an
//! estimate of what the agent's own policy earns from there: to count it as nothing would be too much
//! where rewards are negative.

use slm_env::{ObsBatch, Rng, StateError, StateReader, StateWriter, Step};

use super::batch::{Batch, Histories};
use super::obs_arena::ObsArena;
use super::replay::{Replay, ReplayPlan};
use super::rollout::Rollout;

/// Transitions `(obs, action, return)` of episodes that have ended, the latest ones in a ring.
#[derive(Clone, Debug)]
pub struct ReturnReplay {
    gamma: f64,
    /// Rows of one environment after another; what it calls a reward is a return.
    replay: Replay,
    /// Episodes that have not ended, by environment.
    open: Vec<OpenEpisode>,
    /// The latest draw but for its observations.
    batch: Batch,
    /// Those observations `[b, obs_width]`.
    obs: ObsBatch,
}

/// Transitions drawn from a [`ReturnReplay`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReturnBatch<'a> {
    /// Observations acted on `[b, obs_width]`; pixels as numbers from 0 to 255.
    pub obs: &'a ObsBatch,
    /// Actions as stored `[b, action_width]`.
    pub actions: &'a [f32],
    /// Discounted returns `[b]`.
    pub returns: &'a [f32],
}

#[derive(Clone, Debug, PartialEq)]
struct OpenEpisode {
    obs: ObsArena,
    actions: Vec<f32>,
    rewards: Vec<f32>,
}

impl ReturnReplay {
    /// An empty replay for rollouts of the plan's environments.
    ///
    /// # Panics
    /// When the plan has a size of 0, or more transitions than a `u32` numbers.
    pub fn new(plan: ReplayPlan, gamma: f64) -> Self {
        let open = vec![OpenEpisode::new(&plan); plan.num_envs];
        let replay = Replay::new(ReplayPlan { num_envs: 1, ..plan });
        let (batch, obs) = (Batch::default(), ObsBatch::F32(Vec::new()));
        Self { gamma, replay, open, batch, obs }
    }

    /// Takes in a rollout that follows on the last one; `truncated_values` are V of its
    /// [`truncated_rows_obs`](Rollout::truncated_rows_obs).
    ///
    /// # Panics
    /// When there are fewer of them.
    pub fn push(&mut self, rollout: &Rollout, truncated_values: &[f32]) {
        let mut truncated_values = truncated_values.iter();
        for row in 0..rollout.len() {
            let i = row % self.open.len();
            self.open[i].push(rollout, row, self.replay.plan().max_size);
            if rollout.terminated[row] {
                self.close(i, 0.0);
            } else if rollout.done[row] {
                let value = truncated_values.next();
                self.close(i, *value.expect("each truncated row has a value"));
            }
        }
    }

    /// Whether there is as much as a batch.
    pub fn has_batch(&self) -> bool {
        self.replay.len() >= self.replay.plan().batch_size
    }

    /// Whether draws follow priorities.
    pub fn has_priorities(&self) -> bool {
        self.replay.plan().priorities.is_some()
    }

    /// Transitions per draw.
    pub fn batch_size(&self) -> usize {
        self.replay.plan().batch_size
    }

    /// Draws a batch, with replacement.
    ///
    /// # Panics
    /// When nothing is held.
    pub fn sample(&mut self, rng: &mut Rng) {
        self.replay.sample(rng, &mut self.batch);
        if let ObsBatch::F32(obs) = &mut self.obs {
            std::mem::swap(obs, &mut self.batch.obs);
        }
    }

    /// The latest draw.
    pub fn drawn(&self) -> ReturnBatch<'_> {
        ReturnBatch { obs: &self.obs, actions: &self.batch.actions, returns: &self.batch.rewards }
    }

    /// The `len` steps that end in each transition of the latest draw.
    pub fn histories(&self, len: usize) -> Histories {
        self.replay.histories(&self.batch.indices, len)
    }

    /// Takes in the priorities `[b]` of the latest draw, where there are any.
    pub fn set_priorities(&mut self, priorities: &[f32]) {
        self.replay.set_priorities(&self.batch, priorities);
    }

    /// Writes the transitions, also of episodes that have not ended.
    pub fn save(&self, out: &mut StateWriter) {
        self.replay.save(out);
        for OpenEpisode { obs, actions, rewards } in &self.open {
            obs.save(out);
            out.f32s(actions);
            out.f32s(rewards);
        }
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state is that of another plan or ends early.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.replay.load(from)?;
        for episode in &mut self.open {
            episode.obs.load(from)?;
            episode.actions = from.f32s()?;
            episode.rewards = from.f32s()?;
            episode.check(self.replay.plan().action_width)?;
        }
        Ok(())
    }

    /// Stores the episode of environment `i`, after which all is worth `future`.
    fn close(&mut self, i: usize, future: f32) {
        let fresh = OpenEpisode::new(self.replay.plan());
        let OpenEpisode { obs, actions, rewards } = std::mem::replace(&mut self.open[i], fresh);
        let returns = discounted(&rewards, f64::from(future), self.gamma);
        let actions = actions.chunks_exact(self.replay.plan().action_width);
        for (row, (action, reward)) in actions.zip(returns).enumerate() {
            let terminated = row + 1 == rewards.len();
            let obs = obs.row(row);
            self.replay.push_acted(&obs, action);
            // No draw looks at what followed, but at where an episode ended.
            let step = Step { reward, terminated, truncated: false };
            self.replay.push_observed(&obs, &obs, &[step]);
        }
    }
}

impl OpenEpisode {
    fn new(plan: &ReplayPlan) -> Self {
        let obs = ObsArena::new(plan.obs_width, plan.obs_u8);
        Self { obs, actions: Vec::new(), rewards: Vec::new() }
    }

    /// Whether each column has the same rows, so that no later look-up can fail.
    fn check(&self, action_width: usize) -> Result<(), StateError> {
        let rows = self.rewards.len();
        let found = (self.obs.len(), self.actions.len());
        if found == (rows, rows * action_width) {
            return Ok(());
        }
        let found = format!("{found:?} observations and numbers of actions");
        Err(StateError::mismatch("an unfinished episode", rows, found))
    }

    /// Appends a row of the rollout; of an episode that the replay can not hold, the beginning goes.
    fn push(&mut self, rollout: &Rollout, row: usize, max_size: usize) {
        let width = rollout.plan().action_width;
        if self.rewards.len() >= 2 * max_size {
            self.obs.remove_first(max_size);
            self.actions.drain(..max_size * width);
            self.rewards.drain(..max_size);
        }
        self.obs.push(rollout.obs.values(), row);
        self.actions.extend_from_slice(&rollout.actions[row * width..][..width]);
        self.rewards.push(rollout.rewards[row]);
    }
}

/// R_t = r_t + γ·R_{t+1} of one episode `[T]`, and `future` after its end.
fn discounted(rewards: &[f32], future: f64, gamma: f64) -> Vec<f64> {
    let mut returns = vec![0.0; rewards.len()];
    let mut next = future;
    for (return_, &reward) in returns.iter_mut().zip(rewards).rev() {
        next = f64::from(reward) + gamma * next;
        *return_ = next;
    }
    returns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{PriorityPlan, RolloutPlan};

    const ROLLOUT: RolloutPlan =
        RolloutPlan { num_envs: 2, obs_width: 1, obs_u8: false, action_width: 1 };

    fn replay(max_size: usize, priorities: Option<PriorityPlan>) -> ReturnReplay {
        let plan = ReplayPlan {
            num_envs: 2,
            obs_width: 1,
            obs_u8: false,
            action_width: 1,
            max_size,
            batch_size: 2,
            use_cer: false,
            priorities,
        };
        ReturnReplay::new(plan, 0.5)
    }

    /// Vector steps from time `first` on: per environment a reward and how it ends (`.` goes on, `T`
    /// terminates, `C` is cut). Observations are 10·t + i, actions those negated.
    fn rollout(first: usize, steps: &[([f64; 2], &str)]) -> Rollout {
        let mut rollout = Rollout::new(ROLLOUT);
        for (t, (rewards, ends)) in (first..).zip(steps) {
            let obs = [10.0 * t as f32, 10.0 * t as f32 + 1.0];
            let actions = obs.map(|x| -x);
            let obs = ObsBatch::F32(obs.to_vec());
            rollout.push_acted(&obs, &actions);
            let step = |i: usize| Step {
                reward: rewards[i],
                terminated: ends.as_bytes()[i] == b'T',
                truncated: ends.as_bytes()[i] == b'C',
            };
            rollout.push_observed(&obs, &obs, &[step(0), step(1)]);
        }
        rollout
    }

    /// All that is held, oldest first: observations and returns.
    fn held(replay: &ReturnReplay) -> Vec<(f32, f32)> {
        let mut batch = Batch::default();
        let seen = replay.replay.seen();
        for number in seen - replay.replay.len() as u64..seen {
            replay.replay.gather(number, &mut batch.columns());
        }
        assert!(batch.obs.iter().zip(&batch.actions).all(|(obs, action)| *action == -obs));
        batch.obs.into_iter().zip(batch.rewards).collect()
    }

    /// γ = ½. Environment 1 is cut at once, where V = 8: R = 4 + ½·8. Environment 0 terminates after
    /// 1, 4: R = [1 + ½·4, 4].
    #[test]
    fn a_return_is_that_of_its_own_episode_bootstrapped_only_where_it_was_cut() {
        let mut replay = replay(9, None);
        replay.push(&rollout(0, &[([1.0, 4.0], ".C"), ([4.0, 7.0], "T.")]), &[8.0]);
        assert_eq!(held(&replay), [(1.0, 8.0), (0.0, 3.0), (10.0, 4.0)]);
    }

    /// γ = ½. Environment 1 goes on over three rollouts with 7, 0, 2, and is cut where V = −4:
    /// R = [7 + ½·0, 0 + ½·0, 2 − ½·4].
    #[test]
    fn an_episode_waits_for_its_end_in_a_later_rollout_also_after_saving() {
        let mut saved = replay(9, None);
        saved.push(&rollout(0, &[([1.0, 7.0], "..")]), &[]);
        saved.push(&rollout(1, &[([1.0, 0.0], "..")]), &[]);
        assert_eq!(held(&saved), []);
        let mut out = StateWriter::new();
        saved.save(&mut out);
        let bytes = out.into_bytes();
        let mut from = StateReader::new(&bytes);
        let mut resumed = replay(9, None);
        resumed.load(&mut from).unwrap();
        assert_eq!(from.finish(), Ok(()));
        resumed.push(&rollout(2, &[([1.0, 2.0], ".C")]), &[-4.0]);
        assert_eq!(held(&resumed), [(1.0, 7.0), (11.0, 0.0), (21.0, 0.0)]);
    }

    /// γ = ½ and rewards of 1: the last returns are 1, then 1 + ½·1. Two are held, and no more than
    /// twice as many ever waited.
    #[test]
    fn of_an_episode_longer_than_the_replay_the_end_is_kept() {
        let mut replay = replay(2, None);
        for t in 0..9 {
            replay.push(&rollout(t, &[([1.0, 0.0], "..")]), &[]);
            assert!(replay.open[0].rewards.len() <= 4);
        }
        assert!(!replay.has_batch());
        replay.push(&rollout(9, &[([1.0, 0.0], "T.")]), &[]);
        assert_eq!(held(&replay), [(80.0, 1.5), (90.0, 1.0)]);
        assert!(replay.has_batch());
    }

    /// Environment 1 is cut after its second step, so its two rows are held before those of
    /// environment 0, which terminates with its third.
    #[test]
    fn the_history_of_a_transition_is_that_of_its_episode() {
        let mut replay = replay(9, None);
        let steps = [([0.0; 2], ".."), ([0.0; 2], ".C"), ([0.0; 2], "T.")];
        replay.push(&rollout(0, &steps), &[0.0]);
        replay.batch.indices = vec![4, 2, 1];
        let Histories { obs, starts } = replay.histories(3);
        assert_eq!((obs[0], obs[3], obs[5]), (0.0, 10.0, 1.0));
        assert_eq!(obs[6..], [20.0, 0.0, 11.0]);
        let (t, f) = (true, false);
        assert_eq!([starts[0], starts[3], starts[6]], [t, f, f]);
        assert_eq!([starts[7], starts[5], starts[8]], [t, t, f]);
    }

    /// Priorities 0 and 3 with α = 1: every later draw is the second transition.
    #[test]
    fn draws_follow_the_priorities_of_the_latest_draw() {
        let plan = PriorityPlan { alpha: 1.0, epsilon: 0.0, beta: None };
        let mut replay = replay(9, Some(plan));
        replay.push(&rollout(0, &[([5.0, 0.0], "T."), ([6.0, 0.0], "T.")]), &[]);
        let mut rng = Rng::from_seed(0);
        // One draw from each half of two equal priorities.
        replay.sample(&mut rng);
        assert_eq!(replay.drawn().returns, [5.0, 6.0]);
        replay.set_priorities(&[0.0, 3.0]);
        replay.sample(&mut rng);
        let batch = replay.drawn();
        assert_eq!(
            (batch.returns, batch.obs.f32s(), batch.actions),
            (&[6.0; 2][..], &[10.0; 2][..], &[-10.0; 2][..])
        );
        assert!(replay.has_priorities());
    }
}
