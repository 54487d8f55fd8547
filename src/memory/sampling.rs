//! Draws from a replay: transitions, and sequences of them.

use slm_env::Rng;

use super::batch::{Batch, SequenceBatch};
use super::replay::Replay;

impl Replay {
    /// Draws `batch_size` transitions, with replacement.
    ///
    /// # Panics
    /// When nothing is held.
    pub fn sample(&mut self, rng: &mut Rng, batch: &mut Batch) {
        assert!(!self.is_empty(), "there are transitions to draw from");
        batch.clear();
        let (len, count) = (self.len(), self.plan.batch_size);
        match &self.priorities {
            Some(priorities) => priorities.draw(rng, count, &mut batch.indices),
            None => batch.indices.extend((0..count).map(|_| rng.integers(0, len as i64) as u32)),
        }
        if self.plan.use_cer {
            self.put_newest(batch);
        }
        for k in 0..count {
            self.gather(self.number_at(batch.indices[k] as usize), &mut batch.columns());
        }
        match &self.priorities {
            Some(priorities) => priorities.weigh(&batch.indices, len, &mut batch.weights),
            None => batch.weights.resize(count, 1.0),
        }
    }

    /// Puts what is new since the last draw into the last places of the batch, oldest first.
    fn put_newest(&mut self, batch: &mut Batch) {
        let new = (self.seen - self.sampled_at).min(self.len() as u64) as usize;
        batch.num_newest = new.min(batch.indices.len());
        let drawn = batch.indices.len() - batch.num_newest;
        let newest = self.seen - batch.num_newest as u64..self.seen;
        for (place, number) in batch.indices[drawn..].iter_mut().zip(newest) {
            *place = self.index_of(number) as u32;
        }
        self.sampled_at = self.seen;
    }

    /// Takes in the errors `[b]` of a batch just learned from, where there are priorities; those of
    /// rows that were not drawn are left out.
    pub fn set_priorities(&mut self, batch: &Batch, errors: &[f32]) {
        if let Some(priorities) = &mut self.priorities {
            let drawn = batch.indices.len() - batch.num_newest;
            priorities.set(&batch.indices[..drawn], &errors[..drawn]);
        }
    }

    /// Whether there are sequences of `len` steps to draw.
    pub fn has_sequences(&self, len: usize) -> bool {
        self.len() > (len - 1) * self.plan.num_envs
    }

    /// Draws `batch_size` sequences of `len` steps of one environment each, uniformly, with
    /// replacement; a sequence may run across the ends of episodes.
    ///
    /// # Panics
    /// When nothing that long is held.
    pub fn sample_sequences(&self, rng: &mut Rng, len: usize, batch: &mut SequenceBatch) {
        assert!(self.has_sequences(len), "there are sequences to draw from");
        batch.clear();
        batch.len = len;
        let (n, count) = (self.plan.num_envs, self.plan.batch_size);
        let oldest = self.seen - self.len() as u64;
        let choices = (self.len() - (len - 1) * n) as i64;
        batch.firsts.extend((0..count).map(|_| oldest + rng.integers(0, choices) as u64));
        for t in 0..len {
            for j in 0..count {
                let number = batch.firsts[j] + (t * n) as u64;
                batch.starts.push(t == 0 || self.ended(number - n as u64));
                self.gather(number, &mut batch.columns());
            }
        }
    }
}
