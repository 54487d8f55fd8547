//! Weights that are learned in another form than passes use them.
//!
//! The learned form is the raw vector, which an optimizer moves; passes, targets and exported
//! policies use the parameters that it stands for.

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::plan::NetPlan;
use super::spectral_norm::SpectralNorm;
use super::weight_norm::{MatrixAt, WeightNorm};

/// In what form the weights of linear layers are learned; layers by their index in the trunk, in
/// order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WeightsPlan {
    /// All as they are.
    #[default]
    Plain,
    /// Those of these layers as directions and lengths.
    WeightNorm(Vec<usize>),
    /// Those of these layers divided by their largest singular value.
    SpectralNorm(Vec<usize>),
}

impl NetPlan {
    /// Where the weights of these layers lie.
    pub(super) fn matrices(&self, layers: &[usize]) -> Vec<MatrixAt> {
        let slots = self.slots();
        let matrix = |layer: &usize| {
            let name = format!("{layer}.weight");
            let slot = slots.iter().find(|slot| slot.name == name);
            let slot = slot.expect("a plan names layers that have weights");
            MatrixAt { start: slot.start, inputs: slot.shape[0], outputs: slot.shape[1] }
        };
        layers.iter().map(matrix).collect()
    }
}

/// The raw vector of a network in host memory.
pub(super) struct HostWeights {
    norm: Norm,
    raw: Vec<f32>,
    d_raw: Vec<f32>,
}

enum Norm {
    Weight(WeightNorm),
    Spectral(SpectralNorm),
}

impl HostWeights {
    /// The raw vector of `params` `[num_params]`; `None` where they are learned as they are.
    pub(super) fn new(plan: &NetPlan, params: &[f32], rng: &mut Rng) -> Option<Self> {
        let (norm, raw) = match &plan.weights {
            WeightsPlan::Plain => return None,
            WeightsPlan::WeightNorm(layers) => {
                let norm = WeightNorm::new(params.len(), plan.matrices(layers));
                let raw = norm.raw(params);
                (Norm::Weight(norm), raw)
            }
            WeightsPlan::SpectralNorm(layers) => {
                let norm = SpectralNorm::new(params, &plan.matrices(layers), rng);
                (Norm::Spectral(norm), params.to_vec())
            }
        };
        Some(Self { norm, d_raw: vec![0.0; raw.len()], raw })
    }

    /// What is learned, `[num_raw]`.
    pub(super) fn raw(&self) -> &[f32] {
        &self.raw
    }

    /// Before a pass that is learned from: a power iteration.
    pub(super) fn start_pass(&mut self, params: &mut [f32]) {
        if let Norm::Spectral(norm) = &mut self.norm {
            norm.iterate(&self.raw);
            self.refresh(params);
        }
    }

    /// Changes what is learned, and `params` `[num_params]` with it.
    pub(super) fn change<T>(
        &mut self,
        params: &mut [f32],
        change: impl FnOnce(&mut Vec<f32>) -> T,
    ) -> T {
        let result = change(&mut self.raw);
        self.refresh(params);
        result
    }

    /// As [`change`](Self::change), with the gradient of what is learned beside it, given the one of
    /// the parameters.
    pub(super) fn step<T>(
        &mut self,
        params: &mut [f32],
        d_params: &[f32],
        step: impl FnOnce(&mut Vec<f32>, &mut Vec<f32>) -> T,
    ) -> T {
        match &self.norm {
            Norm::Weight(norm) => norm.backward(&self.raw, d_params, &mut self.d_raw),
            Norm::Spectral(norm) => norm.backward(&self.raw, d_params, &mut self.d_raw),
        }
        let mut d_raw = std::mem::take(&mut self.d_raw);
        let result = self.change(params, |raw| step(raw, &mut d_raw));
        self.d_raw = d_raw;
        result
    }

    /// Writes the parameters that the raw vector stands for.
    pub(super) fn refresh(&self, params: &mut [f32]) {
        match &self.norm {
            Norm::Weight(norm) => norm.effective(&self.raw, params),
            Norm::Spectral(norm) => norm.effective(&self.raw, params),
        }
    }

    /// Writes what is known beside the raw vector.
    pub(super) fn save(&self, out: &mut StateWriter) {
        if let Norm::Spectral(norm) = &self.norm {
            norm.save(out);
        }
    }

    /// Reads what [`save`](Self::save) wrote, after the raw vector.
    ///
    /// # Errors
    /// When the state belongs to another network.
    pub(super) fn load(
        &mut self,
        params: &mut [f32],
        from: &mut StateReader<'_>,
    ) -> Result<(), StateError> {
        if let Norm::Spectral(norm) = &mut self.norm {
            norm.load(from)?;
        }
        self.refresh(params);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use slm_policy::{Activation, Scratch};

    use super::*;
    use crate::net::{
        Adam, Compute, LayerPlan, LrSchedule, NetLearner, OptimPlan, TargetNet, TrainPlan,
        acting_network, plain,
    };

    fn plans() -> [NetPlan; 2] {
        let linear = |width| LayerPlan::Linear { width, bias: true };
        let tanh = LayerPlan::Activation(Activation::Tanh);
        let trunk = vec![linear(7), tanh, linear(5), tanh];
        [WeightsPlan::WeightNorm(vec![0, 2]), WeightsPlan::SpectralNorm(vec![2])]
            .map(|weights| NetPlan { weights, ..plain(3, trunk.clone(), &[2]) })
    }

    fn learner(plan: &NetPlan, seed: u64, compute: &Compute) -> NetLearner {
        let adam = Adam {
            betas: [0.9, 0.999],
            eps: 1e-5,
            weight_decay: 0.01,
            decoupled: true,
            amsgrad: false,
        };
        let (optim, lr_schedule) = (OptimPlan::Adam(adam), LrSchedule::Constant);
        let train = TrainPlan { optim, lr: 0.02, lr_schedule, clip_grad: Some(0.5) };
        NetLearner::new(plan.clone(), train, &mut Rng::from_seed(seed), compute)
    }

    fn everywhere() -> [Compute; 2] {
        [Compute::kernels(1), Compute::burn(Device::flex())]
    }

    fn inputs() -> Vec<f32> {
        (0..24).map(|i| (i as f32 * 1.7).sin()).collect()
    }

    fn learn(net: &mut NetLearner, steps: usize) {
        for _ in 0..steps {
            let d_outputs: Vec<f32> = net.forward(&inputs()).iter().map(|y| y - 2.0).collect();
            net.step(&d_outputs);
        }
    }

    fn saved(net: &NetLearner) -> Vec<u8> {
        let mut out = StateWriter::new();
        net.save(&mut out);
        out.into_bytes()
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-4, "{f} is not {e}");
        }
    }

    #[test]
    fn host_and_device_learn_the_same() {
        for plan in plans() {
            let [host, device] = everywhere().map(|compute| {
                let mut net = learner(&plan, 5, &compute);
                let start = net.params().into_owned();
                learn(&mut net, 6);
                let norm = net.grad_norm().unwrap() as f32;
                let end = net.params().into_owned();
                assert_eq!((start.len(), end.len()), (plan.num_params(), plan.num_params()));
                [start, end, net.infer(&inputs()).to_vec(), vec![norm]]
            });
            host.iter().zip(&device).for_each(|(host, device)| assert_close(host, device));
        }
    }

    /// After steps of Adam on the direction, the length of a column is the gain that was learned,
    /// not that of the direction; the network stays the function that it learned to be.
    #[test]
    fn raw_vectors_and_parameters_stay_together() {
        let [plan, _] = plans();
        let params = crate::net::init::init_params(&plan, &mut Rng::from_seed(5));
        let mut weights = HostWeights::new(&plan, &params, &mut Rng::from_seed(1)).unwrap();
        assert_eq!(weights.raw().len(), plan.num_params() + 7 + 5);
        let mut found = params.clone();
        weights.change(&mut found, |raw| raw[plan.num_params()] = 3.0);
        let column: f32 = (0..3).map(|row| found[row * 7].powi(2)).sum();
        assert!((column.sqrt() - 3.0).abs() < 1e-5, "{column}");
        assert_close(&found[1..7], &params[1..7]);
    }

    /// The spectral norm is 1 at once, and stays so while the raw weights grow.
    #[test]
    fn the_largest_singular_value_stays_one() {
        let [_, plan] = plans();
        for compute in everywhere() {
            let mut net = learner(&plan, 5, &compute);
            let start = net.params().into_owned();
            for steps in [0, 40] {
                learn(&mut net, steps);
                let params = net.params().into_owned();
                let matrices = plan.matrices(&[2]);
                let [_, one] = plans();
                let again = HostWeights::new(&one, &params, &mut Rng::from_seed(9)).unwrap();
                let mut normalized = params.clone();
                again.refresh(&mut normalized);
                let at = matrices[0].range();
                let ratio = params[at.start] / normalized[at.start];
                assert!((ratio - 1.0).abs() < 0.02, "{ratio} after {steps} steps");
            }
            assert_ne!(start, *net.params());
        }
    }

    #[test]
    fn inference_moves_nothing() {
        for (plan, compute) in plans().iter().zip(everywhere()) {
            let mut net = learner(plan, 5, &compute);
            learn(&mut net, 2);
            let before = saved(&net);
            net.infer(&inputs());
            net.slopes(&inputs(), 2);
            assert_eq!(saved(&net), before);
        }
    }

    #[test]
    fn either_goes_on_from_the_state_of_the_other_and_its_own_exactly() {
        for plan in plans() {
            let [host, device] = everywhere();
            for [from, to] in [[&host, &host], [&host, &device], [&device, &host]] {
                let mut first = learner(&plan, 5, from);
                learn(&mut first, 3);
                let mut second = learner(&plan, 6, to);
                second.load(&mut StateReader::new(&saved(&first))).unwrap();
                assert_eq!(saved(&second), saved(&first));
                assert_close(&second.params(), &first.params());
                learn(&mut first, 2);
                learn(&mut second, 2);
                assert_close(&second.params(), &first.params());
                if std::ptr::eq(from, to) {
                    assert_eq!(saved(&second), saved(&first));
                    assert_eq!(second.params(), first.params());
                }
            }
        }
    }

    #[test]
    fn targets_and_policies_take_over_what_passes_use() {
        for (plan, compute) in plans().iter().flat_map(|plan| everywhere().map(|c| (plan, c))) {
            let mut net = learner(plan, 5, &compute);
            let mut target = TargetNet::of(&net);
            learn(&mut net, 3);
            let expected = net.infer(&inputs()).to_vec();
            assert_ne!(target.outputs(&inputs()), expected);
            target.copy_from(&net);
            assert_close(&target.outputs(&inputs()), &expected);
            let network = acting_network(net.plan(), &net.params(), 2);
            assert_close(network.forward(&inputs(), 8, &mut Scratch::default()), &expected);
        }
    }
}
