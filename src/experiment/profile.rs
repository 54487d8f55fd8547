//! Where the time of a session went: a sum per phase, and the first events for Chrome's trace viewer.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

/// Events kept for the trace; sums go on after that.
const MAX_EVENTS: usize = 50_000;

/// A part of the training loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The agent chooses actions.
    Act,
    /// The environments step.
    Step,
    /// The agent stores what followed.
    Observe,
    /// The agent learns.
    Update,
    /// Rows, snapshots and what else is handed to the writer.
    Track,
    /// Separate evaluation.
    Evaluate,
}

impl Phase {
    /// All phases, in the order of the loop.
    pub const ALL: [Self; 6] =
        [Self::Act, Self::Step, Self::Observe, Self::Update, Self::Track, Self::Evaluate];

    /// Its name in tables and traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Step => "env step",
            Self::Observe => "observe",
            Self::Update => "update",
            Self::Track => "track",
            Self::Evaluate => "evaluate",
        }
    }
}

/// Time and calls of each phase, of one session.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Sum and number of calls by phase, in the order of [`Phase::ALL`].
    pub phases: [(Duration, u64); Phase::ALL.len()],
    /// Time of the whole loop.
    pub total: Duration,
    events: Vec<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Event {
    phase: Phase,
    start: Duration,
    length: Duration,
}

/// Measures phases where asked to; a branch on a flag where not.
#[derive(Debug)]
pub(super) struct Profiler {
    is_on: bool,
    started: Instant,
    profile: Profile,
}

impl Profiler {
    /// A profiler that measures only if `is_on`.
    pub(super) fn new(is_on: bool) -> Self {
        let events = Vec::with_capacity(if is_on { MAX_EVENTS } else { 0 });
        let phases = [(Duration::ZERO, 0); Phase::ALL.len()];
        let profile = Profile { phases, total: Duration::ZERO, events };
        Self { is_on, started: Instant::now(), profile }
    }

    /// Runs `work` as part of `phase`.
    #[inline]
    pub(super) fn time<T>(&mut self, phase: Phase, work: impl FnOnce() -> T) -> T {
        if !self.is_on {
            return work();
        }
        let start = self.started.elapsed();
        let result = work();
        self.add(phase, start);
        result
    }

    /// What was measured; none when it was off.
    pub(super) fn finish(mut self) -> Option<Profile> {
        self.profile.total = self.started.elapsed();
        self.is_on.then_some(self.profile)
    }

    fn add(&mut self, phase: Phase, start: Duration) {
        let length = self.started.elapsed().saturating_sub(start);
        let (sum, count) = &mut self.profile.phases[phase as usize];
        *sum += length;
        *count += 1;
        if self.profile.events.len() < MAX_EVENTS {
            self.profile.events.push(Event { phase, start, length });
        }
    }
}

/// The sessions' events in the format of Chrome's `about:tracing` and of Perfetto; a thread is a session.
pub(super) fn chrome_trace<'a>(sessions: impl IntoIterator<Item = (usize, &'a Profile)>) -> Json {
    let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
    let events = sessions.into_iter().flat_map(|(session, profile)| {
        profile.events.iter().map(move |event| {
            json!({
                "name": event.phase.name(), "ph": "X", "pid": 0, "tid": session,
                "ts": micros(event.start), "dur": micros(event.length),
            })
        })
    });
    json!({ "traceEvents": events.collect::<Vec<_>>(), "displayTimeUnit": "ms" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_summed_and_counted_in_the_order_of_the_list() {
        let mut profiler = Profiler::new(true);
        for _ in 0..3 {
            profiler.time(Phase::Step, || std::thread::sleep(Duration::from_millis(1)));
        }
        let four = profiler.time(Phase::Update, || 2 + 2);
        let profile = profiler.finish().unwrap();
        assert_eq!(four, 4);
        assert_eq!(profile.phases.map(|(_, count)| count), [0, 3, 0, 1, 0, 0]);
        assert!(profile.phases[1].0 >= Duration::from_millis(3));
        assert!(profile.total >= profile.phases[1].0);
    }

    #[test]
    fn events_are_bounded_while_sums_go_on() {
        let mut profiler = Profiler::new(true);
        for _ in 0..MAX_EVENTS + 7 {
            profiler.time(Phase::Act, || ());
        }
        let profile = profiler.finish().unwrap();
        assert_eq!(profile.phases[0].1, MAX_EVENTS as u64 + 7);
        let trace = chrome_trace([(2, &profile)]);
        let events = trace["traceEvents"].as_array().unwrap();
        assert_eq!(events.len(), MAX_EVENTS);
        assert_eq!((&events[0]["name"], &events[0]["tid"]), (&json!("act"), &json!(2)));
    }

    #[test]
    fn nothing_is_measured_when_off() {
        let mut profiler = Profiler::new(false);
        profiler.time(Phase::Act, || ());
        assert_eq!(profiler.finish(), None);
    }
}
