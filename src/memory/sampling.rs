//! Draws from a replay: transitions, and sequences of them.

use slm_env::Rng;

use super::batch::{Histories, SequenceBatch, Transitions};
use super::obs_arena::ObsRows;
use super::replay::Replay;

impl Replay {
    /// Draws `batch_size` transitions, with replacement.
    ///
    /// # Panics
    /// When nothing is held.
    pub fn sample<O: ObsRows>(&mut self, rng: &mut Rng, batch: &mut Transitions<O>) {
        assert!(!self.is_empty(), "there are transitions to draw from");
        batch.clear(self.plan.obs_u8);
        let (len, count) = (self.len(), self.plan.batch_size);
        batch.num_newest = self.count_newest();
        let drawn = count - batch.num_newest;
        match &self.priorities {
            Some(priorities) => priorities.draw(rng, drawn, &mut batch.indices),
            None => batch.indices.extend((0..drawn).map(|_| rng.integers(0, len as i64) as u32)),
        }
        let newest = self.seen - batch.num_newest as u64..self.seen;
        batch.indices.extend(newest.map(|number| self.index_of(number) as u32));
        for k in 0..count {
            self.gather(self.number_at(batch.indices[k] as usize), &mut batch.columns());
        }
        match &self.priorities {
            Some(priorities) => priorities.weigh(&batch.indices, len, &mut batch.weights),
            None => batch.weights.resize(count, 1.0),
        }
    }

    /// How many of the newest transitions the batch includes, those since the last one.
    fn count_newest(&mut self) -> usize {
        if !self.plan.use_cer {
            return 0;
        }
        let new = (self.seen - self.sampled_at).min(self.len() as u64) as usize;
        self.sampled_at = self.seen;
        new.min(self.plan.batch_size)
    }

    /// Takes in the errors `[b]` of a batch just learned from, where there are priorities; those of
    /// rows that were not drawn are left out.
    pub fn set_priorities<O>(&mut self, batch: &Transitions<O>, errors: &[f32]) {
        if let Some(priorities) = &mut self.priorities {
            let drawn = batch.indices.len() - batch.num_newest;
            priorities.set(&batch.indices[..drawn], &errors[..drawn]);
        }
    }

    /// The `len` steps that end in each of the transitions at these places `[b]`.
    pub(super) fn histories(&self, indices: &[u32], len: usize) -> Histories {
        let n = self.plan.num_envs as u64;
        let oldest = self.seen - self.len() as u64;
        let mut histories = Histories::default();
        for before in (0..len as u64).rev() {
            for &index in indices {
                let last = self.number_at(index as usize);
                let number = last.checked_sub(before * n).filter(|number| *number >= oldest);
                let starts = |number: u64| number < oldest + n || self.ended(number - n);
                histories.starts.push(number.is_some_and(starts));
                self.gather_obs(number.unwrap_or(last), &mut histories.obs);
            }
        }
        histories
    }

    /// Whether there are sequences of `len` steps to draw.
    pub fn has_sequences(&self, len: usize) -> bool {
        self.len() > (len - 1) * self.plan.num_envs
    }

    /// Draws `batch_size` sequences of `len` steps of one environment each, uniformly, with
    /// replacement; a sequence may run across the ends of episodes. In combined replay the last ones
    /// end in what is new since the last draw, oldest first.
    ///
    /// # Panics
    /// When nothing that long is held.
    pub fn sample_sequences(&mut self, rng: &mut Rng, len: usize, batch: &mut SequenceBatch) {
        assert!(self.has_sequences(len), "there are sequences to draw from");
        batch.clear();
        batch.len = len;
        let (n, count) = (self.plan.num_envs, self.plan.batch_size);
        let oldest = self.seen - self.len() as u64;
        let choices = (self.len() - (len - 1) * n) as i64;
        batch.firsts.extend((0..count).map(|_| oldest + rng.integers(0, choices) as u64));
        if self.plan.use_cer {
            let new = (self.seen - self.sampled_at).min(choices as u64) as usize;
            let new = new.min(count);
            let begin = self.seen - (new + (len - 1) * n) as u64;
            batch.firsts.truncate(count - new);
            batch.firsts.extend(begin..begin + new as u64);
            self.sampled_at = self.seen;
        }
        for t in 0..len {
            for j in 0..count {
                let number = batch.firsts[j] + (t * n) as u64;
                batch.starts.push(t == 0 || self.ended(number - n as u64));
                self.gather(number, &mut batch.columns());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use slm_env::{ObsBatch, StateReader, StateWriter, Step};

    use super::*;
    use crate::memory::{Batch, PriorityPlan, ReplayPlan};
    use crate::ops::Schedule;

    fn replay(num_envs: usize, max_size: usize, use_cer: bool, prioritized: bool) -> Replay {
        let beta = Some(Schedule::Constant(0.5));
        let priorities = PriorityPlan { alpha: 1.0, epsilon: 0.0, beta };
        Replay::new(ReplayPlan {
            num_envs,
            obs_width: 1,
            obs_u8: false,
            action_width: 1,
            max_size,
            batch_size: 4,
            use_cer,
            priorities: prioritized.then_some(priorities),
        })
    }

    /// A vector step whose observations are `obs` and then `next`; nothing ends.
    fn push(replay: &mut Replay, obs: &[f32], next: &[f32]) {
        let (obs, next) = (ObsBatch::F32(obs.to_vec()), ObsBatch::F32(next.to_vec()));
        replay.push_acted(&obs, obs.f32s());
        replay.push_observed(&next, &next, &vec![Step::default(); obs.len()]);
    }

    /// Priorities of 2³² − 1 transitions at once would be 64 GB.
    #[test]
    fn the_largest_replay_takes_memory_only_as_it_fills() {
        let mut largest = replay(1, u32::MAX as usize, false, true);
        let mut small = replay(1, 9, false, true);
        for replay in [&mut largest, &mut small] {
            count(replay, 0, 7);
        }
        let drawn = |replay: &mut Replay| {
            let mut batch = Batch::default();
            replay.sample(&mut Rng::from_seed(2), &mut batch);
            batch.obs
        };
        assert_eq!(drawn(&mut largest), drawn(&mut small));
    }

    /// One environment whose observations count on from `first`, for `steps` steps.
    fn count(replay: &mut Replay, first: usize, steps: usize) {
        (first..first + steps).for_each(|k| push(replay, &[k as f32], &[(k + 1) as f32]));
    }

    /// `slm_golden.json`, `sample_next_states`: places 0 and 1 hold the newest vector step's second
    /// and third row, place 8 its first; their next ones are 40, 41, 42.
    #[test]
    fn next_observations_are_looked_up_as_recorded() {
        let mut replay = replay(3, 9, false, false);
        let rows: [[f32; 3]; 4] =
            [[10.0, 11.0, 12.0], [20.0, 21.0, 22.0], [30.0, 31.0, 32.0], [40.0, 41.0, 42.0]];
        // As if two rows had been stored before: that is where the recording's ring began.
        replay.seen = 2;
        rows.windows(2).for_each(|pair| push(&mut replay, &pair[0], &pair[1]));
        let mut batch = Batch::default();
        for index in 0..9 {
            replay.gather(replay.number_at(index), &mut batch.columns());
        }
        assert_eq!(batch.obs, [31.0, 32.0, 10.0, 11.0, 12.0, 20.0, 21.0, 22.0, 30.0]);
        assert_eq!(batch.next_obs, [41.0, 42.0, 20.0, 21.0, 22.0, 30.0, 31.0, 32.0, 40.0]);
    }

    /// Three stored: the last three of four places are 0, 1, 2. Then two: the last two are 3, 4. Then
    /// none. Then six, of which a batch holds the last four: 7, 8, 9, 10.
    #[test]
    fn what_is_new_since_the_last_draw_comes_last_in_the_batch() {
        let (mut replay, mut rng) = (replay(1, 5, true, false), Rng::from_seed(0));
        let mut batch = Batch::default();
        let mut newest = |replay: &mut Replay| {
            replay.sample(&mut rng, &mut batch);
            batch.obs[4 - batch.num_newest..].to_vec()
        };
        count(&mut replay, 0, 3);
        assert_eq!(newest(&mut replay), [0.0, 1.0, 2.0]);
        count(&mut replay, 3, 2);
        assert_eq!(newest(&mut replay), [3.0, 4.0]);
        assert_eq!(newest(&mut replay), [] as [f32; 0]);
        count(&mut replay, 5, 6);
        assert_eq!(newest(&mut replay), [7.0, 8.0, 9.0, 10.0]);
    }

    #[test]
    fn rows_that_were_not_drawn_keep_their_priorities() {
        let (mut replay, mut rng) = (replay(1, 8, true, true), Rng::from_seed(0));
        let mut batch = Batch::default();
        count(&mut replay, 0, 2);
        replay.sample(&mut rng, &mut batch);
        // Two draws from two equal priorities, then the newest two.
        assert_eq!((batch.num_newest, batch.indices.as_slice()), (2, &[0, 1, 0, 1][..]));
        replay.set_priorities(&batch, &[3.0, 5.0, 70.0, 80.0]);
        // Places 0 and 1 have the priorities 3 and 5 of the draws: (3/5)^β is √0.6.
        let mut weights = Vec::new();
        let priorities = replay.priorities.as_ref().unwrap();
        priorities.weigh(&[0, 1], 2, &mut weights);
        assert_eq!(weights, [1.0, 0.6f32.sqrt()]);
    }

    /// Eight places of equal priority, one new row per batch of four: 3 of 8 draws per place and batch.
    #[test]
    fn combined_replay_leaves_no_priority_undrawn() {
        let (mut replay, mut rng) = (replay(1, 8, true, true), Rng::from_seed(5));
        count(&mut replay, 0, 8);
        let (mut batch, mut counts) = (Batch::default(), [0; 8]);
        replay.sample(&mut rng, &mut batch);
        for step in 0..800 {
            count(&mut replay, 8 + step, 1);
            replay.sample(&mut rng, &mut batch);
            batch.indices[..3].iter().for_each(|&index| counts[index as usize] += 1);
        }
        // 2,400 draws over 8 places; five standard errors of 300 are 81.
        assert!(counts.iter().all(|&count: &i32| (count - 300).abs() < 81), "{counts:?}");
    }

    #[test]
    fn a_draw_takes_all_transitions_alike() {
        let (mut replay, mut rng) = (replay(1, 5, false, false), Rng::from_seed(1));
        count(&mut replay, 0, 7);
        let mut batch = Batch::default();
        let mut counts = [0.0; 7];
        for _ in 0..2500 {
            replay.sample(&mut rng, &mut batch);
            batch.obs.iter().for_each(|&obs| counts[obs as usize] += 1.0);
        }
        assert_eq!(counts[..2], [0.0, 0.0]);
        // χ² with 4 degrees of freedom is below 18.47 in 999 of 1000 cases.
        let chi2: f64 = counts[2..].iter().map(|c: &f64| (c - 2000.0).powi(2) / 2000.0).sum();
        assert!(chi2 < 18.47, "{counts:?}");
    }

    /// Two environments with 10 steps each, sequences of 3 steps: the newest two end in numbers 18 and
    /// 19, and begin 2 steps of 2 environments before.
    #[test]
    fn sequences_of_combined_replay_end_in_what_is_new() {
        let (mut replay, mut rng) = (replay(2, 100, true, false), Rng::from_seed(3));
        let step = |replay: &mut Replay, k: usize| push(replay, &[k as f32; 2], &[k as f32; 2]);
        (0..9).for_each(|k| step(&mut replay, k));
        let mut batch = SequenceBatch::default();
        replay.sample_sequences(&mut rng, 3, &mut batch);
        // All 18 are new: the newest four.
        assert_eq!(batch.firsts, [10, 11, 12, 13]);
        step(&mut replay, 9);
        replay.sample_sequences(&mut rng, 3, &mut batch);
        assert_eq!(batch.firsts[2..], [14, 15]);
        replay.sample_sequences(&mut rng, 3, &mut batch);
        assert!(batch.firsts.iter().all(|&first| first < 16));
    }

    /// Two environments; the first one's episode ends in its second of four steps, numbers 0, 2, 4 and
    /// 6. A ring of 6 rows holds numbers 2 to 7, so that 2 and 3 are the oldest.
    #[test]
    fn a_history_begins_where_the_episode_or_the_ring_does() {
        let mut replay = replay(2, 6, false, false);
        for k in 0..4 {
            let obs = ObsBatch::F32(vec![k as f32, k as f32 + 10.0]);
            replay.push_acted(&obs, &[0.0; 2]);
            let end = Step { truncated: k == 1, ..Step::default() };
            replay.push_observed(&obs, &obs, &[end, Step::default()]);
        }
        let places = [6, 7, 3].map(|number| replay.index_of(number) as u32);
        let Histories { obs, starts } = replay.histories(&places, 3);
        // The last sequence only has its end: what is before it is not said.
        assert_eq!(obs[..2], [1.0, 11.0]);
        assert_eq!(obs[3..5], [2.0, 12.0]);
        assert_eq!(obs[6..], [3.0, 13.0, 11.0]);
        let (t, f) = (true, false);
        assert_eq!(starts, [t, t, f, t, f, f, f, f, t]);
    }

    #[test]
    fn a_loaded_replay_draws_what_the_saved_one_draws() {
        let (mut whole, mut rng) = (replay(2, 7, true, true), Rng::from_seed(2));
        let mut batch = Batch::default();
        let push_at = |replay: &mut Replay, k: usize| {
            push(replay, &[k as f32, -(k as f32)], &[k as f32 + 1.0, -(k as f32) - 1.0]);
        };
        (0..9).for_each(|k| push_at(&mut whole, k));
        whole.sample(&mut rng, &mut batch);
        whole.set_priorities(&batch, &[1.0, 2.0, 3.0, 4.0]);
        push_at(&mut whole, 9);
        let mut out = StateWriter::new();
        whole.save(&mut out);
        let bytes = out.into_bytes();
        let mut resumed = replay(2, 7, true, true);
        resumed.load(&mut StateReader::new(&bytes)).unwrap();
        let (mut again, mut other) = (rng.clone(), Batch::default());
        for k in 10..40 {
            whole.sample(&mut rng, &mut batch);
            resumed.sample(&mut again, &mut other);
            assert_eq!(batch, other);
            let errors: Vec<f32> = batch.obs.iter().map(|obs| obs / 3.0).collect();
            whole.set_priorities(&batch, &errors);
            resumed.set_priorities(&batch, &errors);
            push_at(&mut whole, k);
            push_at(&mut resumed, k);
        }
    }
}
