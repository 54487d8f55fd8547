//! Tells whoever watches, every now and then, how far a policy at play is.

use std::time::{Duration, Instant};

use super::observer::PlayProgress;

/// Counts frames and episodes of a policy at play.
pub(super) struct PlayMeter<'a> {
    max_episodes: usize,
    frame: u64,
    returns: Vec<f64>,
    interval: Duration,
    /// When and at which frame progress was last told.
    told: (Instant, u64),
    tell: &'a dyn Fn(&PlayProgress),
}

impl<'a> PlayMeter<'a> {
    /// A meter of so many episodes, which tells at most once per `interval`.
    pub(super) fn new(
        max_episodes: usize,
        interval: Duration,
        tell: &'a dyn Fn(&PlayProgress),
    ) -> Self {
        let told = (Instant::now(), 0);
        Self { max_episodes, frame: 0, returns: Vec::new(), interval, told, tell }
    }

    /// Counts a step of so many environments, and tells if it is time.
    pub(super) fn step(&mut self, frames: usize) {
        self.frame += frames as u64;
        let elapsed = self.told.0.elapsed();
        if elapsed >= self.interval {
            self.tell_after(elapsed);
        }
    }

    /// Tells how it ended, where something else was told last.
    pub(super) fn finish(&mut self) {
        let (since, frame) = self.told;
        if (1..self.frame).contains(&frame) {
            self.tell_after(since.elapsed());
        }
    }

    /// Tells what there is, so long after the last time.
    fn tell_after(&mut self, elapsed: Duration) {
        let fps = (self.frame - self.told.1) as f64 / elapsed.as_secs_f64();
        self.told = (Instant::now(), self.frame);
        (self.tell)(&self.progress(fps));
    }

    /// Counts a whole episode.
    pub(super) fn episode(&mut self, return_: f64) {
        self.returns.push(return_);
    }

    fn progress(&self, fps: f64) -> PlayProgress {
        let has_returns = !self.returns.is_empty();
        PlayProgress {
            episodes: self.returns.len(),
            max_episodes: self.max_episodes,
            frame: self.frame,
            fps,
            mean_return: has_returns.then(|| crate::analysis::stats::mean(&self.returns)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn frames_and_episodes_are_told_at_every_step_without_an_interval() {
        let said = RefCell::new(Vec::new());
        let tell = |p: &PlayProgress| {
            said.borrow_mut().push((p.frame, p.episodes, p.max_episodes, p.mean_return));
        };
        let mut meter = PlayMeter::new(3, Duration::ZERO, &tell);
        meter.step(2);
        meter.episode(5.0);
        meter.episode(8.0);
        meter.step(2);
        assert_eq!(*said.borrow(), [(2, 0, 3, None), (4, 2, 3, Some(6.5))]);
    }

    #[test]
    fn nothing_is_told_before_its_time() {
        let tell = |_: &PlayProgress| panic!("an hour has not passed");
        let mut meter = PlayMeter::new(1, Duration::from_hours(1), &tell);
        (0..1000).for_each(|_| meter.step(1));
        meter.finish();
        assert_eq!(meter.frame, 1000);
    }

    #[test]
    fn the_end_is_told_once_where_there_was_time_for_more() {
        let said = RefCell::new(Vec::new());
        let tell = |p: &PlayProgress| said.borrow_mut().push((p.frame, p.episodes));
        let mut meter = PlayMeter::new(1, Duration::ZERO, &tell);
        meter.step(1);
        meter.interval = Duration::from_hours(1);
        meter.step(1);
        meter.episode(2.0);
        (0..2).for_each(|_| meter.finish());
        assert_eq!(*said.borrow(), [(1, 0), (2, 1)]);
    }
}
