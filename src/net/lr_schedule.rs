//! Learning rate while training goes on: `PyTorch`'s schedulers in closed form, which count
//! updates, and SLM-Lab's linear one, which counts frames.

use super::plateau::Plateau;

/// How far training is: what learning-rate schedules depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Updates made.
    pub updates: u64,
    /// Frame at which the last of them was made.
    pub frame: u64,
}

/// A learning rate that depends on how far training is.
#[derive(Clone, Debug, PartialEq)]
pub enum LrSchedule {
    /// The base rate throughout.
    Constant,
    /// A straight line from the base rate to `min_factor` of it at `frame`.
    Linear {
        /// End of the line.
        frame: u64,
        /// Factor at its end and after.
        min_factor: f64,
    },
    /// The factor `gamma` every `step_size` updates.
    Step {
        /// Updates between two drops.
        step_size: u64,
        /// Factor of a drop.
        gamma: f64,
    },
    /// The factor `gamma` at each milestone.
    MultiStep {
        /// Updates at which the rate drops.
        milestones: Vec<u64>,
        /// Factor of a drop.
        gamma: f64,
    },
    /// The factor `gamma` every update.
    Exponential {
        /// Factor of one update.
        gamma: f64,
    },
    /// Half a cosine from the base rate to `eta_min` in `t_max` updates, and back.
    Cosine {
        /// Updates from top to bottom.
        t_max: u64,
        /// Rate at the bottom.
        eta_min: f64,
    },
    /// Half a cosine from the base rate to `eta_min`, over and over.
    WarmRestarts {
        /// Updates of the first cycle.
        t_0: u64,
        /// How much longer each cycle is than the one before.
        t_mult: u64,
        /// Rate that a cycle ends with.
        eta_min: f64,
    },
    /// A line from one factor to another: SLM-Lab's counts frames, this one updates.
    Ramp {
        /// Factor at the start.
        start_factor: f64,
        /// Factor after `total_iters` updates, and from there on.
        end_factor: f64,
        /// Length of the line.
        total_iters: u64,
    },
    /// The factor (1 − update/total)^power, then 0.
    Polynomial {
        /// Updates until 0.
        total_iters: u64,
        /// 1 is a line.
        power: f64,
    },
    /// A part of the base rate at first.
    Hold {
        /// Factor during the first updates.
        factor: f64,
        /// How many those are.
        total_iters: u64,
    },
    /// A factor whenever the loss has not got better for long.
    Plateau(Box<Plateau>),
}

impl LrSchedule {
    /// Learning rate of the next update, starting from `base`; of a plateau, which depends on more
    /// than progress, the rate it starts with.
    pub fn lr(&self, base: f64, progress: Progress) -> f64 {
        let update = progress.updates;
        match *self {
            Self::Linear { frame, min_factor } => {
                let share = progress.frame as f64 / frame as f64;
                base * (1.0 - share * (1.0 - min_factor)).max(min_factor)
            }
            Self::Step { step_size, gamma } => base * gamma.powf((update / step_size) as f64),
            Self::MultiStep { ref milestones, gamma } => {
                let drops = milestones.iter().filter(|&&milestone| update >= milestone).count();
                base * gamma.powf(drops as f64)
            }
            Self::Exponential { gamma } => base * gamma.powf(update as f64),
            Self::Cosine { t_max, eta_min } => cosine(base, eta_min, update, t_max),
            Self::WarmRestarts { t_0, t_mult, eta_min } => {
                let (update, length) = within_cycle(update, t_0, t_mult);
                cosine(base, eta_min, update, length)
            }
            Self::Ramp { start_factor, end_factor, total_iters } => {
                let share = share(update, total_iters);
                base * (start_factor + (end_factor - start_factor) * share)
            }
            Self::Polynomial { total_iters, power } => {
                base * (1.0 - share(update, total_iters)).powf(power)
            }
            Self::Hold { factor, total_iters } if update < total_iters => base * factor,
            Self::Constant | Self::Hold { .. } | Self::Plateau(_) => base,
        }
    }
}

/// Half a cosine from `base` at update 0 to `eta_min` at `length`, and back.
fn cosine(base: f64, eta_min: f64, update: u64, length: u64) -> f64 {
    let angle = std::f64::consts::PI * update as f64 / length as f64;
    eta_min + (base - eta_min) * (1.0 + angle.cos()) / 2.0
}

/// Updates since the present cycle began, and its length: `t_0`, then `t_mult` times as much as
/// the one before.
fn within_cycle(mut update: u64, t_0: u64, t_mult: u64) -> (u64, u64) {
    if t_mult == 1 {
        return (update % t_0, t_0);
    }
    let mut length = t_0;
    while update >= length {
        update -= length;
        length = length.saturating_mul(t_mult);
    }
    (update, length)
}

/// How much of so many updates is done, at most all.
fn share(update: u64, total: u64) -> f64 {
    update.min(total) as f64 / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_rates(schedule: &LrSchedule, expected: &[f64]) {
        for (update, expected) in (0..).zip(expected) {
            let found = schedule.lr(0.1, Progress { updates: update, frame: 100 * update });
            assert!((found - expected).abs() < 1e-12, "{schedule:?} at {update}: {found}");
        }
    }

    // Recorded from PyTorch 2.8.0, base rate 0.1.

    #[test]
    fn steps_and_decays_equal_pytorch() {
        let step = LrSchedule::Step { step_size: 2, gamma: 0.5 };
        assert_rates(&step, &[0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125]);
        let multi = LrSchedule::MultiStep { milestones: vec![4, 1, 4], gamma: 0.5 };
        assert_rates(&multi, &[0.1, 0.05, 0.05, 0.05, 0.0125, 0.0125]);
        let exponential = LrSchedule::Exponential { gamma: 0.9 };
        assert_rates(&exponential, &[0.1, 0.09, 0.081, 0.0729, 0.06561]);
        let hold = LrSchedule::Hold { factor: 1.0 / 3.0, total_iters: 5 };
        let third = 0.1 / 3.0;
        assert_rates(&hold, &[third, third, third, third, third, 0.1, 0.1]);
    }

    #[test]
    fn lines_and_polynomials_equal_pytorch() {
        let up = LrSchedule::Ramp { start_factor: 1.0 / 3.0, end_factor: 1.0, total_iters: 5 };
        let third = 0.1 / 3.0;
        let expected = [third, 0.14 / 3.0, 0.06, 0.22 / 3.0, 0.26 / 3.0, 0.1, 0.1];
        assert_rates(&up, &expected);
        let down = LrSchedule::Ramp { start_factor: 1.0, end_factor: 0.25, total_iters: 3 };
        assert_rates(&down, &[0.1, 0.075, 0.05, 0.025, 0.025]);
        let line = LrSchedule::Polynomial { total_iters: 5, power: 1.0 };
        assert_rates(&line, &[0.1, 0.08, 0.06, 0.04, 0.02, 0.0, 0.0]);
        let parabola = LrSchedule::Polynomial { total_iters: 4, power: 2.0 };
        assert_rates(&parabola, &[0.1, 0.05625, 0.025, 0.00625, 0.0, 0.0]);
    }

    #[test]
    fn cosines_equal_pytorch_also_after_their_first_half_period() {
        let [a, b] = [0.086_819_805_153_394_64, 0.023_180_194_846_605_36];
        let cosine = LrSchedule::Cosine { t_max: 4, eta_min: 0.01 };
        assert_rates(&cosine, &[0.1, a, 0.055, b, 0.01, b, 0.055, a, 0.1, a]);
        let restarts = LrSchedule::WarmRestarts { t_0: 2, t_mult: 1, eta_min: 0.0 };
        assert_rates(&restarts, &[0.1, 0.05, 0.1, 0.05, 0.1]);
        let longer = LrSchedule::WarmRestarts { t_0: 2, t_mult: 2, eta_min: 0.01 };
        let [c, d] = [0.096_574_578_963_007_9, 0.072_220_754_456_429_05];
        let [e, f] = [0.037_779_245_543_570_97, 0.013_425_421_036_992_097];
        let expected = [0.1, 0.055, 0.1, a, 0.055, b, 0.1, c, a, d, 0.055, e, b, f, 0.1];
        assert_rates(&longer, &expected);
    }

    /// SLM-Lab: max(0, 1 − k/n), and with a floor max(m, 1 − k(1 − m)/n); 100 frames an update.
    #[test]
    fn linear_stops_at_its_floor() {
        let to_zero = LrSchedule::Linear { frame: 400, min_factor: 0.0 };
        assert_rates(&to_zero, &[0.1, 0.075, 0.05, 0.025, 0.0, 0.0]);
        let to_min = LrSchedule::Linear { frame: 400, min_factor: 0.2 };
        assert_rates(&to_min, &[0.1, 0.08, 0.06, 0.04, 0.02, 0.02]);
    }
}
