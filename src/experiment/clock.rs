//! The units in which a session counts its progress.

use std::time::{Duration, Instant};

use slm_env::{StateError, StateReader, StateWriter};

/// Frames, vector steps and time of a session; time adds up over resumes.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    num_envs: u64,
    max_frame: u64,
    frame: u64,
    wall_before: Duration,
    cpu_before: Duration,
    started: Instant,
    cpu_started: Duration,
}

impl Clock {
    /// A clock at frame 0 that starts now.
    pub(super) fn new(num_envs: usize, max_frame: u64) -> Self {
        Self {
            num_envs: num_envs as u64,
            max_frame,
            frame: 0,
            wall_before: Duration::ZERO,
            cpu_before: Duration::ZERO,
            started: Instant::now(),
            cpu_started: thread_cpu(),
        }
    }

    /// Counts one vector step.
    pub(super) fn tick(&mut self) {
        self.frame += self.num_envs;
    }

    /// Environment steps so far, over all vector rows.
    pub(super) fn frame(&self) -> u64 {
        self.frame
    }

    /// Frames of the whole session.
    pub(super) fn max_frame(&self) -> u64 {
        self.max_frame
    }

    /// Vector steps so far.
    pub(super) fn t(&self) -> u64 {
        self.frame / self.num_envs
    }

    /// Whether the session has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.frame >= self.max_frame
    }

    /// Whether the last step reached or crossed a multiple of `frequency`, SLM-Lab's rule for its log rows.
    pub(super) fn has_crossed(&self, frequency: u64) -> bool {
        self.frame % frequency < self.num_envs
    }

    /// Time since the session began, without the pauses between resumes.
    pub(super) fn wall(&self) -> Duration {
        self.wall_before + self.started.elapsed()
    }

    /// Processor time of the session's own thread, which has to be the one that calls.
    pub(super) fn cpu(&self) -> Duration {
        self.cpu_before + thread_cpu().saturating_sub(self.cpu_started)
    }

    /// Writes the position.
    pub(super) fn save(&self, out: &mut StateWriter) {
        out.u64(self.frame);
        out.f64(self.wall().as_secs_f64());
        out.f64(self.cpu().as_secs_f64());
    }

    /// Takes over a saved position; time goes on from there.
    ///
    /// # Errors
    /// When the state ends early or no clock could have written it.
    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.frame = from.u64()?;
        if !self.frame.is_multiple_of(self.num_envs) {
            let expected = format!("a multiple of {}", self.num_envs);
            return Err(StateError::mismatch("the frame", expected, self.frame));
        }
        self.wall_before = seconds(from)?;
        self.cpu_before = seconds(from)?;
        self.started = Instant::now();
        self.cpu_started = thread_cpu();
        Ok(())
    }
}

fn seconds(from: &mut StateReader<'_>) -> Result<Duration, StateError> {
    let seconds = from.f64()?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| StateError::mismatch("a time", "seconds", seconds))
}

/// Processor time of the calling thread so far.
fn thread_cpu() -> Duration {
    cpu_clock(rustix::time::ClockId::ThreadCPUTime)
}

/// Processor time of the process so far, all threads together.
pub(super) fn process_cpu() -> Duration {
    cpu_clock(rustix::time::ClockId::ProcessCPUTime)
}

fn cpu_clock(id: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(id);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_rows_follow_slm_labs_modulo_rule() {
        // 4 environments, every 10 frames: 12 % 10 = 2, 20 % 10 = 0, 32 % 10 = 2, 40 % 10 = 0 are below 4.
        let mut clock = Clock::new(4, 40);
        let mut crossed = Vec::new();
        while !clock.is_over() {
            clock.tick();
            if clock.has_crossed(10) {
                crossed.push(clock.frame());
            }
        }
        assert_eq!(crossed, [12, 20, 32, 40]);
        assert_eq!(clock.t(), 10);
    }

    #[test]
    fn ends_at_the_first_vector_step_that_reaches_max_frame() {
        let mut clock = Clock::new(4, 10);
        let steps = std::iter::from_fn(|| (!clock.is_over()).then(|| clock.tick())).count();
        assert_eq!((steps, clock.frame()), (3, 12));
    }

    #[test]
    fn time_adds_up_over_resumes() {
        let mut saved = StateWriter::new();
        saved.u64(8);
        saved.f64(5000.0);
        saved.f64(60.0);
        let mut clock = Clock::new(4, 100);
        clock.load(&mut StateReader::new(&saved.into_bytes())).unwrap();
        assert_eq!(clock.frame(), 8);
        assert!(clock.wall() >= Duration::from_secs(5000));
        assert!((60.0..70.0).contains(&clock.cpu().as_secs_f64()));
    }

    #[test]
    fn a_frame_between_vector_steps_is_refused() {
        let mut saved = StateWriter::new();
        saved.u64(7);
        let loaded = Clock::new(4, 100).load(&mut StateReader::new(&saved.into_bytes()));
        assert!(loaded.unwrap_err().to_string().contains("a multiple of 4"));
    }

    #[test]
    fn work_takes_processor_time() {
        let (clock, before) = (Clock::new(1, 1), process_cpu());
        let mut x = 1_u64;
        for k in 0..3_000_000_u64 {
            x = std::hint::black_box(x.wrapping_mul(k | 1));
        }
        assert!(clock.cpu() > Duration::ZERO && process_cpu() > before, "{x}");
    }
}
