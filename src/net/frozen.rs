//! From a learner to the network that acts: plain numbers, no tensors.

use slm_policy::{Layer, LayerNorm, Linear, Network};

use super::plan::{LayerPlan, NetPlan};

/// The network of `plan` with `params` `[num_params]`, its heads cut to the first `columns`.
pub fn acting_network(plan: &NetPlan, params: &[f32], columns: usize) -> Network {
    let mut values = Values { params, start: 0 };
    let mut width = plan.input;
    let mut layers = Vec::with_capacity(plan.trunk.len() + 1);
    for layer in &plan.trunk {
        layers.push(match *layer {
            LayerPlan::Linear { width: out, bias } => {
                let linear = values.linear([width, out], bias, out);
                width = out;
                Layer::Linear(linear)
            }
            LayerPlan::LayerNorm { eps, affine } => {
                Layer::LayerNorm(values.layer_norm(width, eps, affine))
            }
            LayerPlan::Activation(activation) => Layer::Activation(activation),
        });
    }
    layers.push(Layer::Linear(values.linear([width, plan.head_width()], true, columns)));
    Network { layers }
}

/// The state-independent log σ at the end of `params`; empty where the plan has none.
pub fn log_std<'a>(plan: &NetPlan, params: &'a [f32]) -> &'a [f32] {
    &params[params.len() - plan.log_std_width()..]
}

struct Values<'a> {
    params: &'a [f32],
    start: usize,
}

impl<'a> Values<'a> {
    fn take(&mut self, len: usize) -> &'a [f32] {
        let values = &self.params[self.start..self.start + len];
        self.start += len;
        values
    }

    /// The first `columns` outputs of the next affine map `[input, output]`.
    fn linear(&mut self, [input, output]: [usize; 2], bias: bool, columns: usize) -> Linear {
        let weight = self.take(input * output);
        let kept: Vec<f32> =
            weight.chunks_exact(output).flat_map(|row| &row[..columns]).copied().collect();
        let zeros = vec![0.0; columns];
        let bias = if bias { &self.take(output)[..columns] } else { &zeros };
        Linear::new(input, columns, &kept, bias).expect("slots match the plan's widths")
    }

    fn layer_norm(&mut self, width: usize, eps: f64, affine: bool) -> LayerNorm {
        let (ones, zeros) = (vec![1.0; width], vec![0.0; width]);
        let (gamma, beta) =
            if affine { (self.take(width), self.take(width)) } else { (&*ones, &*zeros) };
        LayerNorm::new(gamma, beta, eps as f32).expect("gain and bias are as wide as the layer")
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use slm_env::Rng;
    use slm_policy::{Activation, Scratch};

    use super::*;
    use crate::net::{DeviceLearner, Init, LrSchedule, OptimPlan, Sgd, TrainPlan};

    const ACTIVATIONS: [Activation; 14] = [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.01 },
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Selu,
        Activation::Silu,
        Activation::Gelu,
        Activation::Elu { alpha: 1.0 },
        Activation::Softplus,
        Activation::Softsign,
        Activation::Mish,
        Activation::Hardtanh,
        Activation::Relu6,
    ];

    /// Features of an Acrobot observation.
    const WIDTH: usize = 6;
    const RECORDING: &str = include_str!("../../tests/data/env/acrobot_0.jsonl");

    /// Observations `[n, WIDTH]` that Gymnasium returned.
    fn recorded_obs() -> Vec<f32> {
        let row = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let obs = |line| serde_json::from_value::<Vec<f32>>(row(line)["obs"].clone()).unwrap();
        RECORDING.lines().take(200).flat_map(obs).collect()
    }

    fn learner(activation: Activation) -> DeviceLearner {
        let plan = NetPlan {
            input: WIDTH,
            trunk: vec![
                LayerPlan::Linear { width: 33, bias: true },
                LayerPlan::LayerNorm { eps: 1e-5, affine: true },
                LayerPlan::Activation(activation),
                LayerPlan::Linear { width: 17, bias: false },
                LayerPlan::LayerNorm { eps: 1e-3, affine: false },
                LayerPlan::Activation(activation),
            ],
            heads: vec![3, 1],
            log_std_init: None,
            init: Init::Orthogonal { gain: 1.4 },
            head_std: vec![None, None],
        };
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        let optim = OptimPlan::Sgd(sgd);
        let train =
            TrainPlan { optim, lr: 0.1, lr_schedule: LrSchedule::Constant, clip_grad: None };
        DeviceLearner::new(plan, train, &mut Rng::from_seed(3), &Device::flex())
    }

    #[test]
    fn the_acting_network_equals_the_training_network_on_recorded_observations() {
        let obs = recorded_obs();
        let n = obs.len() / WIDTH;
        for activation in ACTIVATIONS {
            let learner = learner(activation);
            let network = acting_network(learner.plan(), &learner.host_params(), 3);
            let mut scratch = Scratch::default();
            let acted = network.forward(&obs, n, &mut scratch);
            let rows = Tensor::<1>::from_data(obs.as_slice(), &Device::flex()).reshape([n, WIDTH]);
            let trained = learner.frozen().forward(rows).narrow(1, 0, 3);
            let trained: Vec<f32> = trained.to_data().try_to_vec().unwrap();
            for (a, t) in acted.iter().zip(&trained) {
                assert!((a - t).abs() < 2e-5, "{activation:?}: {a} is not {t}");
            }
        }
    }
}
