//! `PyTorch`'s `ReduceLROnPlateau`: a smaller learning rate whenever the loss has not got better for
//! a while.

use slm_env::{StateError, StateReader, StateWriter};

/// When the learning rate is reduced, and by how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// What counts as better.
    pub better: Better,
    /// By how much the loss must be better than the best one to count.
    pub threshold: Threshold,
    /// Factor of a reduction.
    pub factor: f64,
    /// Updates without a better loss that are let pass.
    pub patience: u64,
    /// Updates after a reduction that do not count.
    pub cooldown: u64,
    /// The least learning rate.
    pub min_lr: f64,
    /// A reduction by less than this is not made.
    pub eps: f64,
}

/// What counts as better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less.
    Lower,
    /// More.
    Higher,
}

/// A distance from the best loss so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// As a part of it.
    Relative(f64),
    /// As it is.
    Absolute(f64),
}

/// What a [`Plateau`] has seen, and the learning rate that comes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PlateauState {
    lr: f64,
    best: f64,
    bad_updates: u64,
    cooldown: u64,
}

impl Plateau {
    /// Before the first update, at the base rate.
    pub(super) fn start(&self, base: f64) -> PlateauState {
        let best = match self.better {
            Better::Lower => f64::INFINITY,
            Better::Higher => f64::NEG_INFINITY,
        };
        PlateauState { lr: base, best, bad_updates: 0, cooldown: 0 }
    }

    fn is_better(&self, loss: f64, best: f64) -> bool {
        match (self.better, self.threshold) {
            (Better::Lower, Threshold::Relative(part)) => loss < best * (1.0 - part),
            (Better::Lower, Threshold::Absolute(distance)) => loss < best - distance,
            (Better::Higher, Threshold::Relative(part)) => loss > best * (1.0 + part),
            (Better::Higher, Threshold::Absolute(distance)) => loss > best + distance,
        }
    }
}

impl PlateauState {
    /// Learning rate of the next update.
    pub(super) fn lr(&self) -> f64 {
        self.lr
    }

    /// Counts an update with its loss.
    pub(super) fn observe(&mut self, plan: &Plateau, loss: f64) {
        if plan.is_better(loss, self.best) {
            self.best = loss;
            self.bad_updates = 0;
        } else {
            self.bad_updates += 1;
        }
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.bad_updates = 0;
        }
        if self.bad_updates > plan.patience {
            self.reduce(plan);
            self.cooldown = plan.cooldown;
            self.bad_updates = 0;
        }
    }

    fn reduce(&mut self, plan: &Plateau) {
        let lr = (self.lr * plan.factor).max(plan.min_lr);
        if self.lr - lr > plan.eps {
            self.lr = lr;
        }
    }

    /// Writes everything.
    pub(super) fn save(&self, out: &mut StateWriter) {
        out.f64(self.lr);
        out.f64(self.best);
        out.u64(self.bad_updates);
        out.u64(self.cooldown);
    }

    /// Reads what [`save`](Self::save) wrote.
    pub(super) fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        let (lr, best) = (from.f64()?, from.f64()?);
        Ok(Self { lr, best, bad_updates: from.u64()?, cooldown: from.u64()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSSES: [f64; 16] =
        [1.0, 0.9, 0.95, 0.9, 0.899_95, 0.91, 0.92, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6];

    /// PyTorch's defaults, but for a patience of 1.
    const PLAN: Plateau = Plateau {
        better: Better::Lower,
        threshold: Threshold::Relative(1e-4),
        factor: 0.1,
        patience: 1,
        cooldown: 0,
        min_lr: 0.0,
        eps: 1e-8,
    };

    fn assert_rates(plan: &Plateau, expected: [f64; 16]) {
        let mut state = plan.start(0.1);
        for (loss, expected) in LOSSES.into_iter().zip(expected) {
            assert!((state.lr() - expected).abs() < 1e-12, "{state:?} at {loss}: {expected}");
            state.observe(plan, loss);
        }
    }

    // Recorded from PyTorch 2.8.0, base rate 0.1.

    #[test]
    fn a_loss_that_does_not_fall_reduces_the_rate_as_in_pytorch() {
        let expected = [
            0.1, 0.1, 0.1, 0.1, 1e-2, 1e-2, 1e-3, 1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-6,
            1e-6,
        ];
        assert_rates(&PLAN, expected);
    }

    #[test]
    fn higher_may_be_better_with_a_cooldown_and_a_least_rate_as_in_pytorch() {
        let plan = Plateau {
            better: Better::Higher,
            threshold: Threshold::Absolute(0.05),
            factor: 0.5,
            patience: 0,
            cooldown: 2,
            min_lr: 0.02,
            ..PLAN
        };
        let mut expected = [0.02; 16];
        expected[..8].copy_from_slice(&[0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025]);
        assert_rates(&plan, expected);
    }

    #[test]
    fn a_small_reduction_is_not_made_as_in_pytorch() {
        let plan = Plateau {
            threshold: Threshold::Relative(0.02),
            factor: 0.5,
            patience: 0,
            eps: 0.02,
            ..PLAN
        };
        let mut expected = [0.025; 16];
        expected[..4].copy_from_slice(&[0.1, 0.1, 0.1, 0.05]);
        assert_rates(&plan, expected);
    }

    #[test]
    fn higher_by_a_part_is_better_as_in_pytorch() {
        let plan = Plateau {
            better: Better::Higher,
            threshold: Threshold::Relative(0.05),
            factor: 0.5,
            ..PLAN
        };
        let halvings = [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7];
        assert_rates(&plan, halvings.map(|n| 0.1 * 0.5f64.powi(n)));
    }

    #[test]
    fn a_saved_state_goes_on_bit_for_bit() {
        let mut state = PLAN.start(0.1);
        LOSSES[..6].iter().for_each(|&loss| state.observe(&PLAN, loss));
        let mut out = StateWriter::new();
        state.save(&mut out);
        let bytes = out.into_bytes();
        let mut reader = StateReader::new(&bytes);
        assert_eq!(PlateauState::load(&mut reader), Ok(state));
        assert_eq!(reader.finish(), Ok(()));
    }
}
