//! A trained policy: normalizer, network and action head together.

use crate::error::LoadError;
use crate::head::ActionHead;
use crate::network::Network;
use crate::network::Scratch;
use crate::normalizer::ObsNormalizer;
use crate::parity::Parity;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A trained policy. It takes raw observations and gives actions in the environment's units.
///
/// Acting can not fail, and panics on observations that are not [`obs_width`](Self::obs_width)
/// numbers each: compare that with what the environment gives once, where the policy is loaded.
#[derive(Clone, Debug)]
pub struct Policy {
    obs_shape: Vec<usize>,
    pub(crate) obs_width: usize,
    pub(crate) normalizer: Option<ObsNormalizer>,
    pub(crate) network: Network,
    pub(crate) outputs: usize,
    pub(crate) head: ActionHead,
    pub(crate) parity: Option<Parity>,
    /// Where the policy comes from: any keys but those of the format itself. The lab writes
    /// `env`, `algorithm`, `spec_name`, `frame` and `score`.
    pub metadata: BTreeMap<String, String>,
    pub(crate) buffers: Buffers,
    pub(crate) action: Vec<f32>,
    pub(crate) indices: Vec<u32>,
}

/// Memory reused from one call to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    scratch: Scratch,
    normalized: Vec<f32>,
    /// What each row carries from step to step `[n, state_width]`.
    states: Vec<f32>,
}

/// Equal when the files are: buffers do not count.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.obs_shape == other.obs_shape
            && self.normalizer == other.normalizer
            && self.network == other.network
            && self.head == other.head
            && self.parity == other.parity
            && self.metadata == other.metadata
    }
}

impl Policy {
    /// A policy from its parts. The network may give more outputs than the head reads.
    ///
    /// # Errors
    /// When the parts do not fit together.
    pub fn new(
        obs_shape: &[usize],
        normalizer: Option<ObsNormalizer>,
        network: Network,
        head: ActionHead,
    ) -> Result<Self, LoadError> {
        let width = obs_shape.iter().try_fold(1_usize, |size, dim| size.checked_mul(*dim));
        let obs_width = width.filter(|w| *w > 0);
        let obs_width = obs_width.ok_or(LoadError::Shape("an observation has a positive size"))?;
        if normalizer.as_ref().is_some_and(|n| n.width() != obs_width) {
            return Err(LoadError::Shape("normalizer: mean and var are as wide as an observation"));
        }
        let outputs = network.check(obs_width)?;
        head.check()?;
        if outputs < head.outputs() {
            return Err(LoadError::Shape("the network gives at least the outputs the head reads"));
        }
        Ok(Policy {
            obs_shape: obs_shape.to_vec(),
            obs_width,
            normalizer,
            network,
            outputs,
            parity: None,
            metadata: BTreeMap::new(),
            buffers: Buffers::default(),
            action: vec![0.0; head.width()],
            indices: vec![0; head.width()],
            head,
        })
    }

    /// Dimensions of one observation; it is passed flat, row-major.
    pub fn obs_shape(&self) -> &[usize] {
        &self.obs_shape
    }

    /// Numbers in one observation.
    pub fn obs_width(&self) -> usize {
        self.obs_width
    }

    /// Numbers in one row of network outputs.
    pub fn output_width(&self) -> usize {
        self.outputs
    }

    /// The normalization of observations, if the policy was trained with one.
    pub fn normalizer(&self) -> Option<&ObsNormalizer> {
        self.normalizer.as_ref()
    }

    /// The acting network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The mapping from outputs to actions.
    pub fn head(&self) -> &ActionHead {
        &self.head
    }

    /// The recorded observations and outputs, if there are any.
    pub fn parity(&self) -> Option<&Parity> {
        self.parity.as_ref()
    }

    /// Whether actions depend on the episode so far, not on the observation alone.
    ///
    /// Each row of a batch then has a state of its own, carried from one call to the next. Another
    /// number of rows than in the call before begins new episodes in all of them.
    pub fn is_recurrent(&self) -> bool {
        self.network.state_width() > 0
    }

    /// Begins a new episode in every row.
    pub fn reset(&mut self) {
        self.buffers.states.fill(0.0);
    }

    /// Begins a new episode in row `row` of the batches it acts on; nothing where there is none yet.
    pub fn reset_row(&mut self, row: usize) {
        let width = self.network.state_width();
        if let Some(state) = self.buffers.states.get_mut(row * width..(row + 1) * width) {
            state.fill(0.0);
        }
    }

    /// The network's outputs `[n, output_width]` for raw observations `obs` `[n, obs_width]`.
    ///
    /// # Panics
    /// When `obs` is not a whole number of observations.
    pub fn outputs(&mut self, obs: &[f32]) -> &[f32] {
        let n = self.rows(obs);
        self.buffers.forward(self.normalizer.as_ref(), &self.network, obs, n)
    }

    pub(crate) fn rows(&self, obs: &[f32]) -> usize {
        assert!(obs.len().is_multiple_of(self.obs_width), "observations are [n, obs_width]");
        obs.len() / self.obs_width
    }
}

impl Buffers {
    /// Normalizes `obs` `[n, obs_width]` and returns the network's outputs.
    #[inline]
    pub(crate) fn forward(
        &mut self,
        normalizer: Option<&ObsNormalizer>,
        network: &Network,
        obs: &[f32],
        n: usize,
    ) -> &[f32] {
        let Self { scratch, normalized, states } = self;
        let size = n * network.state_width();
        if states.len() != size {
            states.clear();
            states.resize(size, 0.0);
        }
        let Some(normalizer) = normalizer else {
            return network.step(obs, n, states, scratch);
        };
        if normalized.len() < obs.len() {
            normalized.resize(obs.len(), 0.0);
        }
        let input = &mut normalized[..obs.len()];
        normalizer.apply(obs, input);
        network.step(input, n, states, scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Layer;
    use crate::linear::Linear;
    use crate::recurrent::{Cell, Recurrent};

    fn network(inputs: usize, outputs: usize, weight: &[f32]) -> Network {
        let linear = Linear::new(inputs, outputs, weight, &vec![0.0; outputs]).unwrap();
        Network { layers: vec![Layer::Linear(linear)] }
    }

    /// A vanilla cell with one unit: h ← tanh(x + h), which is the output.
    fn memory() -> Policy {
        let one = |weight| Linear::new(1, 1, &[weight], &[0.0]).unwrap();
        let cell = Recurrent::new(Cell::Rnn, one(1.0), one(1.0)).unwrap();
        let layers = vec![Layer::Recurrent(cell), Layer::Linear(one(1.0))];
        Policy::new(&[1], None, Network { layers }, ActionHead::Bernoulli { n: 1 }).unwrap()
    }

    #[test]
    fn each_row_of_a_recurrent_policy_remembers_its_own_episode() {
        let mut policy = memory();
        assert!(policy.is_recurrent());
        let first = policy.outputs(&[1.0, -1.0]).to_vec();
        let second = policy.outputs(&[0.0, 0.0]).to_vec();
        assert!((first[0] - 1f32.tanh()).abs() < 1e-6 && first[1] == -first[0]);
        assert!((second[0] - first[0].tanh()).abs() < 1e-6 && second[1] == -second[0]);
        policy.reset_row(1);
        assert_eq!(policy.outputs(&[0.0, 0.0])[1], 0.0);
        assert_eq!(policy.outputs(&[1.0, -1.0])[1], first[1]);
        policy.reset();
        assert_eq!(policy.outputs(&[1.0, -1.0]), first);
        // Another number of rows is another set of episodes.
        assert_eq!(policy.outputs(&[1.0]), &first[..1]);
    }

    #[test]
    fn a_recording_of_a_recurrent_policy_is_one_episode() {
        let mut policy = memory();
        let obs = [1.0, 0.0, -0.5];
        let outputs: Vec<f32> = obs.iter().map(|x| policy.outputs(&[*x])[0]).collect();
        policy.set_parity(&obs, &outputs).unwrap();
        assert_eq!(policy.verify(), Ok(3));
        policy.set_parity(&obs, &[outputs[0], outputs[1], outputs[0]]).unwrap();
        assert_eq!(policy.verify().unwrap_err().row, 2);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let head = || ActionHead::Categorical { n: 3 };
        let net = || network(2, 3, &[0.0; 6]);
        assert!(Policy::new(&[2], None, net(), head()).is_ok());
        assert!(Policy::new(&[3], None, net(), head()).is_err());
        assert!(Policy::new(&[], None, net(), head()).is_err());
        assert!(Policy::new(&[2, 0], None, net(), head()).is_err());
        assert!(Policy::new(&[2], None, net(), ActionHead::Categorical { n: 4 }).is_err());
        let narrow = ObsNormalizer::new(&[0.0], &[1.0], 0.0, None).unwrap();
        assert!(Policy::new(&[2], Some(narrow), net(), head()).is_err());
    }
}
