//! Learning rate while training goes on: `PyTorch`'s schedulers in closed form, which count
//! updates, and SLM-Lab's linear one, which counts frames.

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
}

impl LrSchedule {
    /// Learning rate of the next update, starting from `base`.
    pub fn lr(&self, base: f64, progress: Progress) -> f64 {
        let update = progress.updates;
        match self {
            Self::Constant => base,
            Self::Linear { frame, min_factor } => {
                let share = progress.frame as f64 / *frame as f64;
                base * (1.0 - share * (1.0 - min_factor)).max(*min_factor)
            }
            Self::Step { step_size, gamma } => base * gamma.powf((update / step_size) as f64),
            Self::MultiStep { milestones, gamma } => {
                let drops = milestones.iter().filter(|&&milestone| update >= milestone).count();
                base * gamma.powf(drops as f64)
            }
            Self::Exponential { gamma } => base * gamma.powf(update as f64),
            Self::Cosine { t_max, eta_min } => {
                let angle = std::f64::consts::PI * update as f64 / *t_max as f64;
                eta_min + (base - eta_min) * (1.0 + angle.cos()) / 2.0
            }
        }
    }
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

    /// Recorded from PyTorch 2.8.0, base rate 0.1.
    #[test]
    fn schedules_equal_pytorch() {
        let step = LrSchedule::Step { step_size: 2, gamma: 0.5 };
        assert_rates(&step, &[0.1, 0.1, 0.05, 0.05, 0.025, 0.025]);
        let multi = LrSchedule::MultiStep { milestones: vec![1, 4], gamma: 0.1 };
        assert_rates(&multi, &[0.1, 0.01, 0.01, 0.01, 0.001, 0.001]);
        let exponential = LrSchedule::Exponential { gamma: 0.9 };
        assert_rates(&exponential, &[0.1, 0.09, 0.081, 0.0729, 0.06561]);
        let cosine = LrSchedule::Cosine { t_max: 4, eta_min: 0.01 };
        assert_rates(
            &cosine,
            &[0.1, 0.086_819_805_153_394_64, 0.055, 0.023_180_194_846_605_36, 0.01],
        );
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
