//! From the network's outputs to an action of the environment.

use crate::continuous::ContinuousHead;
use crate::discrete;
use crate::error::LoadError;
use crate::noise::Noise;
use alloc::vec::Vec;

/// How a row of network outputs becomes an action.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ActionHead {
    /// One of `n` actions; the first `n` outputs are logits.
    Categorical {
        /// Number of actions.
        n: usize,
    },
    /// The best of `n` actions, also when sampled; the first `n` outputs are action values.
    Argmax {
        /// Number of actions.
        n: usize,
    },
    /// Several choices; their logits lie side by side.
    MultiCategorical {
        /// Number of values of each choice `[k]`.
        nvec: Vec<usize>,
    },
    /// Several switches; the first `n` outputs are the logits of 1.
    Bernoulli {
        /// Number of switches.
        n: usize,
    },
    /// A vector of numbers.
    Continuous(ContinuousHead),
}

impl ActionHead {
    /// Number of network outputs the head reads; the network may have more (a value estimate).
    pub fn outputs(&self) -> usize {
        match self {
            ActionHead::Categorical { n }
            | ActionHead::Argmax { n }
            | ActionHead::Bernoulli { n } => *n,
            ActionHead::MultiCategorical { nvec } => nvec.iter().sum(),
            ActionHead::Continuous(head) => head.outputs(),
        }
    }

    /// Length of one action: 1 for a discrete one.
    pub fn width(&self) -> usize {
        match self {
            ActionHead::Categorical { .. } | ActionHead::Argmax { .. } => 1,
            ActionHead::MultiCategorical { nvec } => nvec.len(),
            ActionHead::Bernoulli { n } => *n,
            ActionHead::Continuous(head) => head.k,
        }
    }

    /// Writes the best indices `[width]` for one row of outputs; of switches, those more likely on than off.
    ///
    /// # Panics
    /// When the head gives vectors of numbers.
    pub fn best(&self, outputs: &[f32], to: &mut [u32]) {
        self.choose(outputs, None::<&mut Never>, to);
    }

    /// Draws indices `[width]` from one row of outputs, one uniform number for each.
    ///
    /// # Panics
    /// When the head gives vectors of numbers.
    pub fn draw(&self, outputs: &[f32], noise: &mut impl Noise, to: &mut [u32]) {
        self.choose(outputs, Some(noise), to);
    }

    #[inline]
    pub(crate) fn choose<N: Noise>(
        &self,
        outputs: &[f32],
        mut noise: Option<&mut N>,
        to: &mut [u32],
    ) {
        match self {
            ActionHead::Categorical { n } => to[0] = discrete::choose(&outputs[..*n], noise),
            ActionHead::Argmax { n } => to[0] = discrete::argmax(&outputs[..*n]) as u32,
            ActionHead::MultiCategorical { nvec } => {
                discrete::choose_each(nvec, outputs, noise, to);
            }
            ActionHead::Bernoulli { .. } => {
                for (to, logit) in to.iter_mut().zip(outputs) {
                    *to = match noise.as_deref_mut() {
                        None => u32::from(*logit > 0.0),
                        Some(noise) => discrete::sample_switch(*logit, noise),
                    };
                }
            }
            ActionHead::Continuous(_) => panic!("a head of numbers has no indices"),
        }
    }

    /// # Errors
    /// When sizes or bounds contradict each other.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let fits = |n: usize| n > 0 && u32::try_from(n).is_ok();
        let (holds, expected) = match self {
            ActionHead::Categorical { n } | ActionHead::Argmax { n } => {
                (fits(*n), "discrete head: at least one action, and they fit 32 bits")
            }
            ActionHead::Bernoulli { n } => {
                (fits(*n), "bernoulli head: at least one switch, and they fit 32 bits")
            }
            ActionHead::MultiCategorical { nvec } => {
                let total = nvec.iter().try_fold(0, |sum: usize, n| sum.checked_add(*n));
                let holds = nvec.iter().all(|n| fits(*n)) && total.is_some_and(|n| n > 0);
                (holds, "multi-categorical head: each choice has a value, and they fit 32 bits")
            }
            ActionHead::Continuous(head) => return head.check(),
        };
        if holds { Ok(()) } else { Err(LoadError::shape(expected)) }
    }
}

/// The noise of greedy acting: there is none.
pub(crate) enum Never {}

impl Noise for Never {
    fn uniform(&mut self) -> f64 {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::tests::Random;
    use alloc::vec;

    #[test]
    fn several_choices_are_made_from_logits_side_by_side() {
        let head = ActionHead::MultiCategorical { nvec: vec![2, 3] };
        assert_eq!((head.outputs(), head.width()), (5, 2));
        let mut to = [9; 2];
        head.best(&[0.0, 1.0, 3.0, 2.0, 1.0, 99.0], &mut to);
        assert_eq!(to, [1, 0]);
        head.draw(&[1e4, -1e4, -1e4, -1e4, 1e4], &mut Random(1), &mut to);
        assert_eq!(to, [0, 2]);
    }

    /// sigmoid(ln 3) = ¾ and ½: means over 40 000 draws within five standard errors, 0.0125.
    #[test]
    fn switches_are_on_as_often_as_their_logits_say() {
        let head = ActionHead::Bernoulli { n: 2 };
        let outputs = [3.0_f32.ln(), 0.0];
        let (mut random, mut to, mut on) = (Random(5), [9; 2], [0; 2]);
        head.best(&outputs, &mut to);
        assert_eq!(to, [1, 0]);
        for _ in 0..40_000 {
            head.draw(&outputs, &mut random, &mut to);
            on = [on[0] + to[0], on[1] + to[1]];
        }
        let [first, second] = on.map(|n| f64::from(n) / 40_000.0);
        assert!((first - 0.75).abs() < 0.0125 && (second - 0.5).abs() < 0.0125, "{on:?}");
    }

    #[test]
    fn the_best_action_is_taken_even_when_drawn() {
        let mut to = [9];
        ActionHead::Argmax { n: 2 }.draw(&[0.1, 0.2, 99.0], &mut Random(5), &mut to);
        assert_eq!(to, [1]);
    }

    #[test]
    fn heads_without_actions_are_refused() {
        assert!(ActionHead::Categorical { n: 0 }.check().is_err());
        assert!(ActionHead::Argmax { n: 0 }.check().is_err());
        assert!(ActionHead::Bernoulli { n: 0 }.check().is_err());
        for nvec in [vec![], vec![2, 0], vec![usize::MAX, 2]] {
            assert!(ActionHead::MultiCategorical { nvec }.check().is_err());
        }
        assert!(ActionHead::MultiCategorical { nvec: vec![2, 1] }.check().is_ok());
    }
}
