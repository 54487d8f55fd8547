//! On-policy experience: whole vector steps in time order, cleared by each update.

use std::ops::Range;

use slm_env::{ObsBatch, StateError, StateReader, StateWriter, Step};

use super::chunks::Chunks;
use super::obs_arena::ObsArena;
use crate::ops::Transitions;

/// Widths of a rollout's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutPlan {
    /// Number of environments n.
    pub num_envs: usize,
    /// Numbers of an observation.
    pub obs_width: usize,
    /// Whether they are pixels of one byte.
    pub obs_u8: bool,
    /// Values of a stored action.
    pub action_width: usize,
}

/// Transitions `[T, n]` since the last update, row `t·n + i`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    plan: RolloutPlan,
    /// Observations acted on `[T, n, obs_width]`.
    pub obs: ObsArena,
    /// Actions as stored `[T, n, action_width]`; a discrete action is its index.
    pub actions: Vec<f32>,
    /// Rewards `[T, n]`.
    pub rewards: Vec<f32>,
    /// Ends of the decision process `[T, n]`.
    pub terminated: Vec<bool>,
    /// Ends of any kind `[T, n]`.
    pub done: Vec<bool>,
    /// Observations after the newest actions `[n, obs_width]`, final where an episode ended.
    pub next_obs: ObsArena,
    /// Rows cut by a time limit, which need the value of their final observation.
    truncated: Vec<u32>,
    /// Final observations of those rows `[truncated, obs_width]`.
    truncated_obs: ObsArena,
    episodes: u64,
}

impl Rollout {
    /// An empty rollout.
    pub fn new(plan: RolloutPlan) -> Self {
        let RolloutPlan { num_envs, obs_width, obs_u8, .. } = plan;
        Self {
            plan,
            obs: ObsArena::new(obs_width, obs_u8),
            actions: Vec::new(),
            rewards: Vec::new(),
            terminated: Vec::new(),
            done: Vec::new(),
            next_obs: ObsArena::zeros(num_envs, obs_width, obs_u8),
            truncated: Vec::new(),
            truncated_obs: ObsArena::new(obs_width, obs_u8),
            episodes: 0,
        }
    }

    /// Widths of the rows.
    pub fn plan(&self) -> RolloutPlan {
        self.plan
    }

    /// Number of transitions T·n.
    pub fn len(&self) -> usize {
        self.rewards.len()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.rewards.is_empty()
    }

    /// Number of vector steps T.
    pub fn steps(&self) -> usize {
        self.len() / self.plan.num_envs
    }

    /// Episodes that ended since the last update.
    pub fn episodes(&self) -> u64 {
        self.episodes
    }

    /// First half of a vector step: observations `[n, obs_width]` and the actions taken on them
    /// `[n, action_width]`.
    pub fn push_acted(&mut self, obs: &ObsBatch, actions: &[f32]) {
        self.push_acted_on(0..obs.len() / self.plan.obs_width, obs, actions);
    }

    /// As [`push_acted`](Self::push_acted) for some `rows` of the observations, whose actions are
    /// `[rows, action_width]`. All have to come, in their order.
    pub fn push_acted_on(&mut self, rows: Range<usize>, obs: &ObsBatch, actions: &[f32]) {
        self.obs.extend_rows(obs, rows);
        self.actions.extend_from_slice(actions);
    }

    /// Second half: what came of the actions. `obs` and `final_obs` are `[n, obs_width]`.
    pub fn push_observed(&mut self, obs: &ObsBatch, final_obs: &ObsBatch, steps: &[Step]) {
        self.next_obs.set(0, obs, 0, steps.len());
        for (i, step) in steps.iter().enumerate() {
            let done = step.terminated || step.truncated;
            if done {
                self.episodes += 1;
                self.next_obs.set(i, final_obs, i, 1);
            }
            if done && !step.terminated {
                self.truncated.push(self.rewards.len() as u32);
                self.truncated_obs.push(final_obs, i);
            }
            self.rewards.push(step.reward as f32);
            self.terminated.push(step.terminated);
            self.done.push(done);
        }
    }

    /// The final observation `[obs_width]` of a row that a time limit cut.
    pub fn truncated_obs(&self, row: usize) -> Option<ObsBatch> {
        let k = self.truncated.binary_search(&(row as u32)).ok()?;
        Some(self.truncated_obs.row(k))
    }

    /// Final observations of all rows that a time limit cut, in the order of the rows
    /// `[rows cut, obs_width]`.
    pub fn truncated_rows_obs(&self) -> &ObsBatch {
        self.truncated_obs.values()
    }

    /// Observations whose value bootstraps: those after the newest actions `[n, obs_width]`, then
    /// the final ones of truncated rows.
    pub fn bootstrap_obs(&self) -> ObsBatch {
        let mut obs = self.next_obs.clone();
        obs.extend(self.truncated_obs.values());
        obs.into_values()
    }

    /// The rows that [`bootstrap_obs`](Self::bootstrap_obs) follow.
    pub fn bootstrap_rows(&self) -> Vec<u32> {
        let last = (self.len() - self.plan.num_envs) as u32..self.len() as u32;
        last.chain(self.truncated.iter().copied()).collect()
    }

    /// Rows `[T, n]` that begin an episode after one that ended in this rollout.
    pub fn starts(&self) -> Vec<bool> {
        let n = self.plan.num_envs;
        let ended_before = &self.done[..self.len() - n];
        std::iter::repeat_n(false, n).chain(ended_before.iter().copied()).collect()
    }

    /// Whether the episodes of the newest vector step ended with it `[n]`.
    pub fn newest_ended(&self) -> &[bool] {
        &self.done[self.len() - self.plan.num_envs..]
    }

    /// The rows in chunks of at most `len` steps of one environment.
    pub fn chunks(&self, len: usize) -> Chunks {
        Chunks { num_envs: self.plan.num_envs, steps: self.steps(), len }
    }

    /// V of the observation after each action `[T, n]`, from V of those acted on `[T, n]` and of
    /// [`bootstrap_obs`](Self::bootstrap_obs).
    pub fn next_values(&self, values: &[f32], bootstrap: &[f32]) -> Vec<f32> {
        let (last, truncated) = bootstrap.split_at(self.plan.num_envs);
        let mut next_values = [&values[self.plan.num_envs..], last].concat();
        for (&row, &value) in self.truncated.iter().zip(truncated) {
            next_values[row as usize] = value;
        }
        next_values
    }

    /// Rewards and ends, with the values `[T, n]` that followed.
    pub fn transitions<'a>(&'a self, next_values: &'a [f32]) -> Transitions<'a> {
        Transitions {
            n: self.plan.num_envs,
            rewards: &self.rewards,
            terminated: &self.terminated,
            done: &self.done,
            next_values,
        }
    }

    /// Forgets everything but the capacity.
    pub fn clear(&mut self) {
        self.obs.clear();
        self.actions.clear();
        self.rewards.clear();
        self.terminated.clear();
        self.done.clear();
        self.truncated.clear();
        self.truncated_obs.clear();
        self.episodes = 0;
    }

    /// Writes the transitions.
    pub fn save(&self, out: &mut StateWriter) {
        self.obs.save(out);
        out.f32s(&self.actions);
        out.f32s(&self.rewards);
        out.bytes(&to_bytes(&self.terminated));
        out.bytes(&to_bytes(&self.done));
        self.next_obs.save(out);
        out.u32s(&self.truncated);
        self.truncated_obs.save(out);
        out.u64(self.episodes);
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.obs.load(from)?;
        self.actions = from.f32s()?;
        self.rewards = from.f32s()?;
        self.terminated = to_flags(&from.bytes()?);
        self.done = to_flags(&from.bytes()?);
        self.next_obs.load(from)?;
        self.truncated = from.u32s()?;
        self.truncated_obs.load(from)?;
        self.episodes = from.u64()?;
        Ok(())
    }
}

fn to_bytes(flags: &[bool]) -> Vec<u8> {
    flags.iter().copied().map(u8::from).collect()
}

fn to_flags(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().map(|&byte| byte != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(reward: f64, terminated: bool, truncated: bool) -> Step {
        Step { reward, terminated, truncated }
    }

    fn features(values: &[u8]) -> ObsBatch {
        ObsBatch::F32(values.iter().copied().map(f32::from).collect())
    }

    /// Two environments, two steps; environment 1 is truncated at t = 0, environment 0 terminates
    /// at t = 1. Values acted on [1, 2, 3, 4]; bootstraps 30 and 40 (last), 20 (truncated row 1).
    fn two_steps(obs_u8: bool) -> Rollout {
        let plan = RolloutPlan { num_envs: 2, obs_width: 1, obs_u8, action_width: 1 };
        let obs = |values: [u8; 2]| {
            if obs_u8 { ObsBatch::U8(values.into()) } else { features(&values) }
        };
        let mut rollout = Rollout::new(plan);
        rollout.push_acted(&obs([1, 2]), &[0.0, 1.0]);
        let steps = [step(1.0, false, false), step(1.0, false, true)];
        rollout.push_observed(&obs([3, 4]), &obs([9, 8]), &steps);
        rollout.push_acted(&obs([3, 4]), &[1.0, 0.0]);
        let steps = [step(2.0, true, false), step(2.0, false, false)];
        rollout.push_observed(&obs([5, 6]), &obs([7, 9]), &steps);
        rollout
    }

    #[test]
    fn a_truncated_row_bootstraps_from_its_own_final_observation() {
        let rollout = two_steps(false);
        assert_eq!(rollout.bootstrap_obs(), features(&[7, 6, 8]));
        assert_eq!(rollout.bootstrap_rows(), [2, 3, 1]);
        assert_eq!(rollout.starts(), [false, false, false, true]);
        assert_eq!(rollout.newest_ended(), [true, false]);
        let next_values = rollout.next_values(&[1.0, 2.0, 3.0, 4.0], &[30.0, 40.0, 20.0]);
        assert_eq!(next_values, [3.0, 20.0, 30.0, 40.0]);
        assert_eq!((rollout.steps(), rollout.episodes()), (2, 2));
    }

    #[test]
    fn pixels_are_kept_as_bytes() {
        let rollout = two_steps(true);
        assert_eq!(rollout.obs.values(), &ObsBatch::U8(vec![1, 2, 3, 4]));
        assert_eq!(rollout.bootstrap_obs(), ObsBatch::U8(vec![7, 6, 8]));
    }

    #[test]
    fn a_saved_rollout_reads_back_equal() {
        for rollout in [two_steps(false), two_steps(true)] {
            let mut out = StateWriter::new();
            rollout.save(&mut out);
            let bytes = out.into_bytes();
            let mut copy = Rollout::new(rollout.plan());
            copy.load(&mut StateReader::new(&bytes)).unwrap();
            assert_eq!(copy, rollout);
        }
    }
}
