//! Values that change with the frame: exploration, entropy bonus, clipping range.

/// A value over frames.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// The same value throughout.
    Constant(f64),
    /// A straight line between two values, in either direction.
    Linear(Ramp),
    /// start·0.9^k with k running from 0 to 20, but not past the end value; start/0.9^k where that
    /// is the way to it.
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
        self.ends().iter().any(|value| *value < 0.0)
    }

    /// Whether the value is above `most` at some frame.
    pub fn is_ever_above(&self, most: f64) -> bool {
        self.ends().iter().any(|value| *value > most)
    }

    /// The first and the last value, between which all others lie.
    fn ends(&self) -> [f64; 2] {
        match self {
            Self::Constant(value) => [*value; 2],
            Self::Linear(ramp) | Self::Rate(ramp) | Self::Periodic(ramp) => {
                [ramp.start_val, ramp.end_val]
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

    /// 0.9^(±20·progress)·start, never past the end value on either side.
    fn rate_decay(&self, progress: f64) -> f64 {
        let shrinks = self.end_val.abs() <= self.start_val.abs();
        let exponent = if shrinks { 20.0 } else { -20.0 } * progress;
        let value = self.start_val * 0.9f64.powf(exponent);
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

    /// 0.9^5 = 0.59049 and 0.9^10 = 0.3487 at a quarter and half of the way; 0.5 is the floor.
    #[test]
    fn rate_decay_stops_at_its_end_value() {
        let schedule = Schedule::Rate(ramp(1.0, 0.5, 100.0, 200.0));
        let expected = [1.0, 1.0, 0.59049, 0.5, 0.5, 0.5];
        assert_eq!(values(&schedule, &[0, 100, 125, 150, 199, 300]), expected);
    }

    /// 0.1/0.9^2, 0.1/0.9^10, and at 0.1/0.9^16 = 0.54 the ceiling of 0.5 is passed.
    #[test]
    fn rate_decay_can_rise() {
        let schedule = Schedule::Rate(ramp(0.1, 0.5, 0.0, 100.0));
        let expected = [0.1, 0.123_456_79, 0.286_797_199, 0.5, 0.5];
        assert_eq!(values(&schedule, &[0, 10, 50, 80, 100]), expected);
    }

    /// As below, mirrored: 1.1 − 0.5847066.
    #[test]
    fn periodic_decay_can_rise() {
        let schedule = Schedule::Periodic(ramp(0.1, 1.0, 0.0, 100.0));
        assert!((schedule.at(50) - 0.515_293_4).abs() < 1e-7);
        assert_eq!((schedule.at(0), schedule.at(100)), (0.1, 1.0));
        assert!((1..100).all(|frame| (0.1..=1.0).contains(&schedule.at(frame))));
    }

    #[test]
    fn every_schedule_stays_between_its_ends_and_never_jumps_before_its_start() {
        for (start_val, end_val) in [(1.0, 0.1), (0.1, 1.0), (0.5, 0.0), (0.0, 0.5), (-1.0, 0.0)] {
            let ramp = ramp(start_val, end_val, 50.0, 150.0);
            for schedule in [Schedule::Linear(ramp), Schedule::Rate(ramp), Schedule::Periodic(ramp)]
            {
                let bounds = start_val.min(end_val)..=start_val.max(end_val);
                assert!((0..200).all(|frame| bounds.contains(&schedule.at(frame))), "{schedule:?}");
                assert!((0..=50).all(|frame| schedule.at(frame) == start_val), "{schedule:?}");
                assert!((150..200).all(|frame| schedule.at(frame) == end_val), "{schedule:?}");
            }
        }
    }

    /// Half-way x = 30: cos 30 rad = 0.1542514; 0.1 + ½·0.9·(1 + 0.1542514·½) = 0.5847066.
    #[test]
    fn periodic_decay_swings_and_ends_at_its_end_value() {
        let schedule = Schedule::Periodic(ramp(1.0, 0.1, 0.0, 100.0));
        assert!((schedule.at(50) - 0.584_706_6).abs() < 1e-7);
        assert_eq!((schedule.at(0), schedule.at(100)), (1.0, 0.1));
    }
}
