//! Values that change with the frame: exploration, entropy bonus, clipping range.

/// A value over frames.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// The same value throughout.
    Constant(f64),
    /// A straight line between two values, in either direction.
    Linear(Ramp),
    /// start·0.9^k with k running from 0 to 20, but not past the end value.
    Rate(Ramp),
    /// A cosine of shrinking amplitude between the two values, ten periods long, then the end value.
    Periodic(Ramp),
}

/// From `start_val` at `start_step` to `end_val` at `end_step`, both in frames; constant outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Value before and at the start.
    pub start_val: f64,
    /// Value at and after the end.
    pub end_val: f64,
    /// First frame of the change.
    pub start_step: f64,
    /// Last frame of the change.
    pub end_step: f64,
}

impl Schedule {
    /// Value at `frame`.
    pub fn at(&self, frame: u64) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Linear(ramp) => ramp.interpolate(frame, |progress| {
                ramp.start_val + (ramp.end_val - ramp.start_val) * progress
            }),
            Self::Rate(ramp) => ramp.interpolate(frame, |progress| ramp.rate_decay(progress)),
            Self::Periodic(ramp) => {
                ramp.interpolate(frame, |progress| ramp.periodic_decay(progress))
            }
        }
    }

    /// Whether the value is below 0 at some frame.
    pub fn is_ever_negative(&self) -> bool {
        match self {
            Self::Constant(value) => *value < 0.0,
            Self::Linear(ramp) | Self::Rate(ramp) | Self::Periodic(ramp) => {
                ramp.start_val < 0.0 || ramp.end_val < 0.0
            }
        }
    }
}

impl Ramp {
    fn interpolate(&self, frame: u64, value: impl Fn(f64) -> f64) -> f64 {
        let frame = frame as f64;
        if frame >= self.end_step {
            self.end_val
        } else if frame <= self.start_step {
            self.start_val
        } else {
            value((frame - self.start_step) / (self.end_step - self.start_step))
        }
    }

    /// 0.9^(20·progress)·start, never past the end value on either side.
    fn rate_decay(&self, progress: f64) -> f64 {
        let value = self.start_val * 0.9f64.powf(20.0 * progress);
        value.clamp(self.end_val.min(self.start_val), self.end_val.max(self.start_val))
    }

    /// end + ½·(start − end)·(1 + cos x·(1 − x/60)), x = 60·progress: what SLM-Lab's formula,
    /// which multiplies by `end` instead of adding it, evidently means.
    fn periodic_decay(&self, progress: f64) -> f64 {
        let amplitude = 0.5 * (self.start_val - self.end_val);
        let swing = (60.0 * progress).cos() * (1.0 - progress);
        self.end_val + amplitude * (1.0 + swing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(start_val: f64, end_val: f64, start_step: f64, end_step: f64) -> Ramp {
        Ramp { start_val, end_val, start_step, end_step }
    }

    fn values(schedule: &Schedule, frames: &[u64]) -> Vec<f64> {
        frames.iter().map(|&frame| (schedule.at(frame) * 1e9).round() / 1e9).collect()
    }

    /// `slm_golden.json`, schedulers.
    #[test]
    fn linear_decay_matches_the_recorded_values() {
        let schedule = Schedule::Linear(ramp(1.0, 0.1, 100.0, 1000.0));
        let frames = [0, 50, 100, 250, 500, 750, 999, 1000, 1500];
        let expected = [1.0, 1.0, 1.0, 0.85, 0.6, 0.35, 0.101, 0.1, 0.1];
        assert_eq!(values(&schedule, &frames), expected);
    }

    #[test]
    fn linear_reaches_zero_and_can_rise() {
        let to_zero = Schedule::Linear(ramp(0.01, 0.0, 0.0, 1000.0));
        assert_eq!(values(&to_zero, &[0, 500, 1000, 2000]), [0.01, 0.005, 0.0, 0.0]);
        let rising = Schedule::Linear(ramp(0.1, 0.2, 0.0, 100.0));
        assert_eq!(values(&rising, &[0, 50, 100, 200]), [0.1, 0.15, 0.2, 0.2]);
    }

    /// Reference, golden numbers: 0.9^(20·s/100).
    #[test]
    fn rate_decay_matches_the_recorded_values() {
        let schedule = Schedule::Rate(ramp(1.0, 0.0, 0.0, 100.0));
        assert_eq!(
            values(&schedule, &[5, 10, 25, 50, 100]),
            [0.9, 0.81, 0.590_49, 0.348_678_440, 0.0]
        );
    }

    /// Half-way x = 30: cos 30 rad = 0.1542514; 0.1 + ½·0.9·(1 + 0.1542514·½) = 0.5847066.
    #[test]
    fn periodic_decay_swings_and_ends_at_its_end_value() {
        let schedule = Schedule::Periodic(ramp(1.0, 0.1, 0.0, 100.0));
        assert!((schedule.at(50) - 0.584_706_6).abs() < 1e-7);
        assert_eq!((schedule.at(0), schedule.at(100)), (1.0, 0.1));
    }
}
