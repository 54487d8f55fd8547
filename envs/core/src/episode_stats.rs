//! Returns and lengths of episodes, in the environment's own rewards.

use crate::env::Step;
use crate::state::{StateError, StateReader, StateWriter};

/// How many of the last finished episodes the mean runs over.
const WINDOW: usize = 100;

/// A finished episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Episode {
    /// The row it ran in.
    pub env: usize,
    /// Sum of its rewards.
    pub return_: f64,
    /// Its steps.
    pub length: u32,
}

/// The running episodes of n environments and the last finished ones.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeStats {
    returns: Vec<f64>,
    lengths: Vec<u32>,
    /// Those of the latest step, by row; never more than n.
    finished: Vec<Episode>,
    /// Ring of the last finished episodes; entry `count % WINDOW` is the oldest once it is full.
    window: Vec<Episode>,
    count: u64,
}

impl EpisodeStats {
    /// Statistics of `n` environments at the start of their first episodes.
    pub fn new(n: usize) -> Self {
        Self {
            returns: vec![0.0; n],
            lengths: vec![0; n],
            finished: Vec::with_capacity(n),
            window: Vec::with_capacity(WINDOW),
            count: 0,
        }
    }

    /// Adds a step of the environments from `first` on; from the first of all on, another step begins.
    pub fn add(&mut self, first: usize, steps: &[Step]) {
        if first == 0 {
            self.finished.clear();
        }
        for (env, step) in (first..).zip(steps) {
            self.returns[env] += step.reward;
            self.lengths[env] += 1;
            if step.is_last() {
                self.finish(env);
            }
        }
    }

    /// Forgets the running episodes, not the finished ones.
    pub fn restart(&mut self) {
        self.returns.fill(0.0);
        self.lengths.fill(0);
        self.finished.clear();
    }

    /// The episodes that the latest step finished, by row.
    pub fn finished(&self) -> &[Episode] {
        &self.finished
    }

    /// The last finished episodes, at most 100, oldest first.
    pub fn window(&self) -> impl Iterator<Item = &Episode> {
        let oldest = if self.window.len() < WINDOW { 0 } else { self.oldest() };
        self.window[oldest..].iter().chain(&self.window[..oldest])
    }

    /// The mean return of the last finished episodes, at most 100; none before the first.
    pub fn mean_return(&self) -> Option<f64> {
        self.mean(|episode| episode.return_)
    }

    /// The mean length of the last finished episodes, at most 100; none before the first.
    pub fn mean_length(&self) -> Option<f64> {
        self.mean(|episode| f64::from(episode.length))
    }

    /// The last finished episode.
    pub fn last(&self) -> Option<&Episode> {
        self.window().last()
    }

    /// How many episodes have finished.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The returns of the running episodes so far, by row.
    pub fn running_returns(&self) -> &[f64] {
        &self.returns
    }

    /// The lengths of the running episodes so far, by row.
    pub fn running_lengths(&self) -> &[u32] {
        &self.lengths
    }

    /// Writes the statistics.
    pub fn save(&self, out: &mut StateWriter) {
        out.f64s(&self.returns);
        out.u32s(&self.lengths);
        out.u64(self.count);
        save_episodes(&self.finished, out);
        save_episodes(&self.window, out);
    }

    /// Takes over saved statistics of as many environments.
    ///
    /// # Errors
    /// When the state is that of another number of environments.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        from.f64s_into(&mut self.returns)?;
        from.u32s_into(&mut self.lengths)?;
        self.count = from.u64()?;
        load_episodes(&mut self.finished, self.returns.len(), from)?;
        load_episodes(&mut self.window, WINDOW, from)
    }

    fn finish(&mut self, env: usize) {
        let episode = Episode { env, return_: self.returns[env], length: self.lengths[env] };
        self.finished.push(episode);
        if self.window.len() < WINDOW {
            self.window.push(episode);
        } else {
            let oldest = self.oldest();
            self.window[oldest] = episode;
        }
        self.count += 1;
        self.returns[env] = 0.0;
        self.lengths[env] = 0;
    }

    fn oldest(&self) -> usize {
        (self.count % WINDOW as u64) as usize
    }

    fn mean(&self, value: impl Fn(&Episode) -> f64) -> Option<f64> {
        let n = self.window.len();
        (n > 0).then(|| self.window().map(value).sum::<f64>() / n as f64)
    }
}

fn save_episodes(episodes: &[Episode], out: &mut StateWriter) {
    out.u64(episodes.len() as u64);
    for episode in episodes {
        out.u64(episode.env as u64);
        out.f64(episode.return_);
        out.u32(episode.length);
    }
}

/// Reads at most `most` episodes, into the room there is.
fn load_episodes(
    episodes: &mut Vec<Episode>,
    most: usize,
    from: &mut StateReader<'_>,
) -> Result<(), StateError> {
    let n = from.u64()?;
    if n > most as u64 {
        return Err(StateError::mismatch("the number of episodes", format!("at most {most}"), n));
    }
    episodes.clear();
    for _ in 0..n {
        let (env, return_, length) = (from.u64()? as usize, from.f64()?, from.u32()?);
        episodes.push(Episode { env, return_, length });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(reward: f64, is_last: bool) -> Step {
        Step { reward, terminated: is_last, truncated: false }
    }

    #[test]
    fn sums_rewards_until_the_episode_ends() {
        let mut stats = EpisodeStats::new(2);
        stats.add(0, &[step(1.0, false), step(5.0, true)]);
        stats.add(0, &[step(2.0, true), step(7.0, false)]);
        assert_eq!(stats.finished(), [Episode { env: 0, return_: 3.0, length: 2 }]);
        assert_eq!((stats.count(), stats.mean_return()), (2, Some(4.0)));
        assert_eq!(
            (stats.running_returns(), stats.running_lengths()),
            (&[0.0, 7.0][..], &[0, 1][..])
        );
    }

    #[test]
    fn there_is_no_mean_before_the_first_end() {
        let mut stats = EpisodeStats::new(1);
        stats.add(0, &[step(1.0, false)]);
        assert_eq!((stats.mean_return(), stats.last()), (None, None));
    }

    #[test]
    fn the_mean_runs_over_the_last_hundred() {
        let mut stats = EpisodeStats::new(1);
        (1..=130).for_each(|i| stats.add(0, &[step(f64::from(i), true)]));
        // 31, ..., 130
        assert_eq!(stats.mean_return(), Some(80.5));
        let returns: Vec<f64> = stats.window().map(|episode| episode.return_).collect();
        assert_eq!((returns[0], returns[99], stats.last().unwrap().return_), (31.0, 130.0, 130.0));
    }

    #[test]
    fn a_saved_copy_goes_on_the_same() {
        let mut stats = EpisodeStats::new(1);
        (1..=130).for_each(|i| stats.add(0, &[step(f64::from(i), i % 3 == 0)]));
        let mut out = StateWriter::new();
        stats.save(&mut out);
        let bytes = out.into_bytes();
        let mut copy = EpisodeStats::new(1);
        copy.load(&mut StateReader::new(&bytes)).unwrap();
        assert_eq!(copy, stats);
        let error = EpisodeStats::new(2).load(&mut StateReader::new(&bytes)).unwrap_err();
        assert_eq!(error, StateError::mismatch("a length", 2, 1));
    }
}
