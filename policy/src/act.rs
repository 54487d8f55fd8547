//! Acting: greedy and sampled actions, one observation or a batch at a time.

use crate::head::ActionHead;
use crate::head::Never;
use crate::noise::Noise;
use crate::policy::Policy;

/// One action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action<'a> {
    /// Index of a discrete action.
    Discrete(u32),
    /// Indices `[k]` of several choices, or of switches.
    Multi(&'a [u32]),
    /// Vector `[k]` in the environment's units.
    Continuous(&'a [f32]),
}

/// Where the actions of a batch go.
#[derive(Debug)]
pub enum ActionsMut<'a> {
    /// Indices `[n]`.
    Discrete(&'a mut [u32]),
    /// Indices `[n, k]` of several choices, or of switches.
    Multi(&'a mut [u32]),
    /// Vectors `[n, k]` in the environment's units.
    Continuous(&'a mut [f32]),
}

impl Policy {
    /// The best action for one raw observation `[obs_width]`: the likeliest indices, or the middle
    /// of the distribution ([`ContinuousHead::greedy`](crate::ContinuousHead::greedy)).
    ///
    /// # Panics
    /// When `obs` is not one observation.
    pub fn act(&mut self, obs: &[f32]) -> Action<'_> {
        self.one(obs, None::<&mut Never>)
    }

    /// An action drawn from the policy's distribution for one raw observation `[obs_width]`.
    ///
    /// # Panics
    /// When `obs` is not one observation.
    pub fn sample(&mut self, obs: &[f32], noise: &mut impl Noise) -> Action<'_> {
        self.one(obs, Some(noise))
    }

    /// The best actions for raw observations `obs` `[n, obs_width]`.
    ///
    /// # Panics
    /// When `actions` is of the other kind than the head, or not for `n` rows.
    pub fn act_batch(&mut self, obs: &[f32], actions: ActionsMut<'_>) {
        self.batch(obs, actions, None::<&mut Never>);
    }

    /// Actions drawn for raw observations `obs` `[n, obs_width]`, row by row in order.
    ///
    /// # Panics
    /// When `actions` is of the other kind than the head, or not for `n` rows.
    pub fn sample_batch(&mut self, obs: &[f32], actions: ActionsMut<'_>, noise: &mut impl Noise) {
        self.batch(obs, actions, Some(noise));
    }

    #[inline]
    fn one<N: Noise>(&mut self, obs: &[f32], noise: Option<&mut N>) -> Action<'_> {
        assert_eq!(obs.len(), self.obs_width, "one observation is [obs_width]");
        match self.head {
            ActionHead::Categorical { .. } | ActionHead::Argmax { .. } => {
                let mut index = [0];
                self.batch(obs, ActionsMut::Discrete(&mut index), noise);
                Action::Discrete(index[0])
            }
            ActionHead::MultiCategorical { .. } | ActionHead::Bernoulli { .. } => {
                let mut indices = core::mem::take(&mut self.indices);
                self.batch(obs, ActionsMut::Multi(&mut indices), noise);
                self.indices = indices;
                Action::Multi(&self.indices)
            }
            ActionHead::Continuous(_) => {
                let mut action = core::mem::take(&mut self.action);
                self.batch(obs, ActionsMut::Continuous(&mut action), noise);
                self.action = action;
                Action::Continuous(&self.action)
            }
        }
    }

    #[inline]
    fn batch<N: Noise>(&mut self, obs: &[f32], actions: ActionsMut<'_>, mut noise: Option<&mut N>) {
        let n = self.rows(obs);
        let outputs = self.buffers.forward(self.normalizer.as_ref(), &self.network, obs, n);
        let rows = outputs.chunks_exact(self.outputs);
        let width = self.head.width();
        match (&self.head, actions) {
            (
                ActionHead::Categorical { .. } | ActionHead::Argmax { .. },
                ActionsMut::Discrete(to),
            )
            | (
                ActionHead::MultiCategorical { .. } | ActionHead::Bernoulli { .. },
                ActionsMut::Multi(to),
            ) => {
                assert_eq!(to.len(), n * width, "one action per observation");
                for (row, to) in rows.zip(to.chunks_exact_mut(width)) {
                    self.head.choose(row, noise.as_deref_mut(), to);
                }
            }
            (ActionHead::Continuous(head), ActionsMut::Continuous(to)) => {
                assert_eq!(to.len(), n * width, "one action per observation");
                for (row, to) in rows.zip(to.chunks_exact_mut(width)) {
                    match noise.as_deref_mut() {
                        None => head.greedy(row, to),
                        Some(noise) => head.sample(row, noise, to),
                    }
                }
            }
            _ => panic!("the actions are of the kind the head gives"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::continuous::{Bounds, ContinuousHead, LogStd};
    use crate::family::Family;
    use crate::layer::Layer;
    use crate::linear::Linear;
    use crate::network::Network;
    use crate::normalizer::ObsNormalizer;
    use alloc::vec;

    struct Half;

    impl Noise for Half {
        fn uniform(&mut self) -> f64 {
            0.5
        }
        fn normal(&mut self) -> f64 {
            0.5
        }
    }

    fn network(inputs: usize, outputs: usize, weight: &[f32]) -> Network {
        let linear = Linear::new(inputs, outputs, weight, &vec![0.0; outputs]).unwrap();
        Network { layers: vec![Layer::Linear(linear)] }
    }

    #[test]
    fn discrete_policies_normalize_and_take_the_largest_logit() {
        // obs 3 -> (3 - 1) / 2 = 1 -> logits [1, 2, -1]; obs -1 -> -1 -> [-1, -2, 1].
        let normalizer = ObsNormalizer::new(&[1.0], &[4.0], 0.0, None).unwrap();
        let head = ActionHead::Categorical { n: 3 };
        let net = network(1, 3, &[1.0, 2.0, -1.0]);
        let mut policy = Policy::new(&[1], Some(normalizer), net, head).unwrap();
        assert_eq!(policy.outputs(&[3.0]), [1.0, 2.0, -1.0]);
        assert_eq!(policy.act(&[3.0]), Action::Discrete(1));
        let mut actions = [9; 2];
        policy.act_batch(&[3.0, -1.0], ActionsMut::Discrete(&mut actions));
        assert_eq!(actions, [1, 2]);
        // softmax [1, 2, -1] = [0.26, 0.70, 0.04]: the middle of the distribution is action 1.
        assert_eq!(policy.sample(&[3.0], &mut Half), Action::Discrete(1));
    }

    #[test]
    fn continuous_policies_give_actions_in_the_environment_s_units() {
        let bounds = Bounds { low: vec![-2.0], high: vec![2.0] };
        let head = ContinuousHead::new(Family::Normal, 1, LogStd::Output, Some(bounds));
        let head = ActionHead::Continuous(head);
        // A third output, the value estimate of a shared network, is ignored.
        let net = network(1, 3, &[0.25, 0.0, 100.0]);
        let mut policy = Policy::new(&[1], None, net, head).unwrap();
        assert_eq!(policy.act(&[1.0]), Action::Continuous(&[0.5]));
        // 0.25 + e⁰ · 0.5 = 0.75, times 2.
        assert_eq!(policy.sample(&[1.0], &mut Half), Action::Continuous(&[1.5]));
        let mut actions = [0.0; 2];
        policy.sample_batch(&[1.0, 2.0], ActionsMut::Continuous(&mut actions), &mut Half);
        assert_eq!(actions, [1.5, 2.0]);
    }

    #[test]
    fn several_choices_are_given_together() {
        let net = network(1, 5, &[1.0, 2.0, 3.0, -1.0, 0.0]);
        let head = ActionHead::MultiCategorical { nvec: vec![2, 3] };
        let mut policy = Policy::new(&[1], None, net, head).unwrap();
        assert_eq!(policy.act(&[1.0]), Action::Multi(&[1, 0]));
        let mut actions = [9; 4];
        policy.act_batch(&[1.0, -1.0], ActionsMut::Multi(&mut actions));
        assert_eq!(actions, [1, 0, 0, 1]);
        // softmax [1, 2] = [0.27, 0.73], softmax [3, -1, 0] = [0.94, 0.02, 0.05].
        assert_eq!(policy.sample(&[1.0], &mut Half), Action::Multi(&[1, 0]));
    }
}
