//! A learning rate at work: its schedule, and how far training is.

use slm_env::{StateError, StateReader, StateWriter};

use super::lr_schedule::{LrSchedule, Progress};
use super::plan::TrainPlan;
use super::plateau::PlateauState;

/// A learning rate that follows its schedule.
pub(super) struct LearningRate {
    schedule: LrSchedule,
    base: f64,
    progress: Progress,
    plateau: Option<PlateauState>,
}

impl LearningRate {
    /// The learning rate before the first update.
    pub(super) fn new(plan: &TrainPlan) -> Self {
        let (schedule, base) = (plan.lr_schedule.clone(), plan.lr);
        let plateau = match &schedule {
            LrSchedule::Plateau(plan) => Some(plan.start(base)),
            _ => None,
        };
        Self { schedule, base, progress: Progress::default(), plateau }
    }

    /// Learning rate of the next step.
    pub(super) fn lr(&self) -> f64 {
        match &self.plateau {
            Some(plateau) => plateau.lr(),
            None => self.schedule.lr(self.base, self.progress),
        }
    }

    /// Marks the end of one update at `frame`; `loss` is the mean over its gradient steps of all
    /// that was minimized.
    pub(super) fn finish_update(&mut self, frame: u64, loss: f64) {
        self.progress = Progress { updates: self.progress.updates + 1, frame };
        if let (LrSchedule::Plateau(plan), Some(plateau)) = (&self.schedule, &mut self.plateau) {
            plateau.observe(plan, loss);
        }
    }

    /// Writes the position, and what a plateau has seen.
    pub(super) fn save(&self, out: &mut StateWriter) {
        out.u64(self.progress.updates);
        out.u64(self.progress.frame);
        if let Some(plateau) = &self.plateau {
            plateau.save(out);
        }
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early.
    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.progress = Progress { updates: from.u64()?, frame: from.u64()? };
        if let Some(plateau) = &mut self.plateau {
            *plateau = PlateauState::load(from)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use slm_kernels::Sgd;

    use super::super::optim::OptimPlan;
    use super::super::plateau::{Better, Plateau, Threshold};
    use super::*;

    fn rate(lr_schedule: LrSchedule) -> LearningRate {
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        let optim = OptimPlan::Sgd(sgd);
        LearningRate::new(&TrainPlan { optim, lr: 0.1, lr_schedule, clip_grad: None })
    }

    fn plateau() -> LrSchedule {
        LrSchedule::Plateau(Box::new(Plateau {
            better: Better::Lower,
            threshold: Threshold::Absolute(0.0),
            factor: 0.5,
            patience: 1,
            cooldown: 0,
            min_lr: 0.0,
            eps: 0.0,
        }))
    }

    #[test]
    fn frames_updates_or_losses_move_the_rate_as_its_schedule_says() {
        let schedules = [
            LrSchedule::Linear { frame: 400, min_factor: 0.0 },
            LrSchedule::Step { step_size: 2, gamma: 0.1 },
            plateau(),
        ];
        let lrs = schedules.map(|schedule| {
            let mut rate = rate(schedule);
            (1..=3).for_each(|update| rate.finish_update(100 * update, 1.0));
            rate.lr()
        });
        for (found, expected) in lrs.into_iter().zip([0.025, 0.01, 0.05]) {
            assert!((found - expected).abs() < 1e-12, "{lrs:?}");
        }
    }

    #[test]
    fn a_saved_rate_goes_on_as_if_nothing_had_been() {
        for schedule in [plateau(), LrSchedule::Linear { frame: 900, min_factor: 0.1 }] {
            let mut first = rate(schedule.clone());
            (1..=2).for_each(|update| first.finish_update(100 * update, 1.0));
            let mut out = StateWriter::new();
            first.save(&mut out);
            let bytes = out.into_bytes();
            let mut second = rate(schedule);
            let mut reader = StateReader::new(&bytes);
            second.load(&mut reader).unwrap();
            assert_eq!(reader.finish(), Ok(()));
            for rate in [&mut first, &mut second] {
                rate.finish_update(300, 1.0);
            }
            assert_eq!(first.lr(), second.lr());
            assert!(first.lr() < 0.1);
        }
    }
}
