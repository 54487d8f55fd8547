//! What a replay hands out: transitions, or sequences of them.

use slm_env::ObsBatch;

use super::obs_arena::ObsRows;

/// Transitions drawn from a replay; its memory is reused from draw to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Transitions<O> {
    /// Places in the ring `[b]`.
    pub indices: Vec<u32>,
    /// Observations acted on `[b, obs_width]`.
    pub obs: O,
    /// Actions `[b, action_width]`; a discrete action is its index.
    pub actions: Vec<f32>,
    /// Rewards `[b]`.
    pub rewards: Vec<f32>,
    /// Ends of the decision process `[b]`; a truncated row is none, and bootstraps from `next_obs`.
    pub terminated: Vec<bool>,
    /// Observations after the actions `[b, obs_width]`, final where an episode ended.
    pub next_obs: O,
    /// Importance weights `[b]`; 1 where there are none.
    pub weights: Vec<f32>,
    /// How many of the last rows were not drawn: the newest ones of combined experience replay.
    pub num_newest: usize,
}

/// Transitions whose observations are numbers, pixels from 0 to 255.
pub type Batch = Transitions<Vec<f32>>;

/// Transitions whose observations are as they are stored: pixels stay bytes.
pub type StoredBatch = Transitions<ObsBatch>;

/// Sequences drawn from a replay `[L, b]`, time first: row t·b + j is step t of sequence j.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SequenceBatch {
    /// Steps of a sequence L.
    pub len: usize,
    /// Number of each sequence's first transition among all ever stored `[b]`.
    pub firsts: Vec<u64>,
    /// Observations acted on `[L, b, obs_width]`.
    pub obs: Vec<f32>,
    /// Actions `[L, b, action_width]`.
    pub actions: Vec<f32>,
    /// Rewards `[L, b]`.
    pub rewards: Vec<f32>,
    /// Ends of the decision process `[L, b]`.
    pub terminated: Vec<bool>,
    /// Observations after the actions `[L, b, obs_width]`, final where an episode ended.
    pub next_obs: Vec<f32>,
    /// Rows `[L, b]` whose hidden state is the initial one: the first of each sequence and the
    /// first of each episode.
    pub starts: Vec<bool>,
}

/// What an environment showed up to each of b transitions `[L, b]`, time first: row t·b + j is step t of
/// the sequence that ends in transition j.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histories {
    /// Observations `[L, b, obs_width]`; anything before the first one that is held.
    pub obs: Vec<f32>,
    /// Rows `[L, b]` that begin an episode, or are the first one held.
    pub starts: Vec<bool>,
}

/// The columns that both have, to append a row to.
pub(super) struct Columns<'a, O = Vec<f32>> {
    pub(super) obs: &'a mut O,
    pub(super) actions: &'a mut Vec<f32>,
    pub(super) rewards: &'a mut Vec<f32>,
    pub(super) terminated: &'a mut Vec<bool>,
    pub(super) next_obs: &'a mut O,
}

impl<O: ObsRows> Default for Transitions<O> {
    fn default() -> Self {
        Self {
            indices: Vec::new(),
            obs: O::none(),
            actions: Vec::new(),
            rewards: Vec::new(),
            terminated: Vec::new(),
            next_obs: O::none(),
            weights: Vec::new(),
            num_newest: 0,
        }
    }
}

impl<O: ObsRows> Transitions<O> {
    /// Forgets the rows but not their memory, before observations of pixels (`is_u8`) or features come.
    pub(super) fn clear(&mut self, is_u8: bool) {
        self.indices.clear();
        self.obs.clear_for(is_u8);
        self.actions.clear();
        self.rewards.clear();
        self.terminated.clear();
        self.next_obs.clear_for(is_u8);
        self.weights.clear();
        self.num_newest = 0;
    }

    pub(super) fn columns(&mut self) -> Columns<'_, O> {
        Columns {
            obs: &mut self.obs,
            actions: &mut self.actions,
            rewards: &mut self.rewards,
            terminated: &mut self.terminated,
            next_obs: &mut self.next_obs,
        }
    }
}

impl SequenceBatch {
    /// Forgets the rows but not their memory.
    pub(super) fn clear(&mut self) {
        self.obs.clear();
        self.actions.clear();
        self.rewards.clear();
        self.terminated.clear();
        self.next_obs.clear();
        self.starts.clear();
        self.firsts.clear();
    }

    pub(super) fn columns(&mut self) -> Columns<'_> {
        Columns {
            obs: &mut self.obs,
            actions: &mut self.actions,
            rewards: &mut self.rewards,
            terminated: &mut self.terminated,
            next_obs: &mut self.next_obs,
        }
    }
}
