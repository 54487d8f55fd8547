//! From a learner to the network that acts: plain numbers, no tensors.

use slm_policy::{Activation, Cell, ChannelsFirst, Conv2d, ConvShape, Layer, LayerNorm, Linear};
use slm_policy::{Network, Recurrent, Scale};

use super::dueling::folded;
use super::plan::{BatchNormPlan, LayerPlan, NetPlan};

/// The network of `plan` with `values`, which are parameters `[num_params]`, then buffers
/// `[num_buffers]`; its outputs cut to the first `columns`. Running statistics of batches become
/// gain and offset.
///
/// # Panics
/// When there are not as many values or columns as the plan says.
pub fn acting_network(plan: &NetPlan, values: &[f32], columns: usize) -> Network {
    let (params, buffers) = values.split_at(plan.num_params());
    let mut buffers = Values { params: buffers, start: 0 };
    let mut values = Values { params, start: 0 };
    let mut width = plan.input;
    let mut layers = Vec::with_capacity(plan.trunk.len() + 3);
    if plan.obs_scale != 1.0 {
        let scale = Scale::new(&[plan.obs_scale], &[0.0], plan.input);
        layers.push(Layer::Scale(scale.expect("an observation has a width")));
    }
    for layer in &plan.trunk {
        layers.push(values.layer(*layer, width, &mut buffers));
        width = layer.output(width);
    }
    layers.push(Layer::Linear(values.heads(plan, width, columns)));
    if plan.out_activation != Activation::Identity {
        layers.push(Layer::Activation(plan.out_activation));
    }
    Network { layers }
}

/// The state-independent log σ at the end of the parameters, with which `values` begin; empty where
/// the plan has none.
pub fn log_std<'a>(plan: &NetPlan, values: &'a [f32]) -> &'a [f32] {
    let params = &values[..plan.num_params()];
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

    /// The next layer, which takes rows of `width`.
    fn layer(&mut self, layer: LayerPlan, width: usize, buffers: &mut Values<'a>) -> Layer {
        match layer {
            LayerPlan::ChannelsFirst { channels, pixels } => {
                let turn = ChannelsFirst::new(channels, pixels);
                Layer::ChannelsFirst(turn.expect("a picture has channels and pixels"))
            }
            LayerPlan::Beside { .. } => unreachable!("what acts takes observations alone"),
            LayerPlan::Linear { width: out, bias } => {
                Layer::Linear(self.linear([width, out], bias))
            }
            LayerPlan::Conv2d { shape, bias } => Layer::Conv2d(self.conv(shape, bias)),
            LayerPlan::Recurrent { cell, hidden } => {
                Layer::Recurrent(self.recurrent(cell, width, hidden))
            }
            LayerPlan::LayerNorm { eps, affine } => {
                Layer::LayerNorm(self.layer_norm(width, eps, affine))
            }
            LayerPlan::BatchNorm(norm) => {
                Layer::Scale(self.batch_norm(&norm, width / norm.positions, buffers))
            }
            LayerPlan::Activation(activation) => Layer::Activation(activation),
        }
    }

    /// The next affine map `[input, output]`.
    fn linear(&mut self, [input, output]: [usize; 2], bias: bool) -> Linear {
        let (weight, zeros) = (self.take(input * output), vec![0.0; output]);
        let bias = if bias { self.take(output) } else { &zeros };
        Linear::new(input, output, weight, bias).expect("slots match the plan's widths")
    }

    fn conv(&mut self, shape: ConvShape, bias: bool) -> Conv2d {
        let (weight, zeros) = (self.take(shape.outputs * shape.patch()), vec![0.0; shape.outputs]);
        let bias = if bias { self.take(shape.outputs) } else { &zeros };
        Conv2d::new(shape, weight, bias).expect("slots match the plan's geometries")
    }

    fn recurrent(&mut self, cell: Cell, input: usize, hidden: usize) -> Recurrent {
        let width = cell.gates() * hidden;
        let weights = [self.take(input * width), self.take(hidden * width)];
        let [input, recurrence] = [(input, weights[0]), (hidden, weights[1])].map(|(rows, w)| {
            Linear::new(rows, width, w, self.take(width)).expect("slots match the plan's widths")
        });
        Recurrent::new(cell, input, recurrence).expect("slots have a column for every gate")
    }

    /// The first `columns` outputs of the heads; those of a dueling network become one map to Q.
    fn heads(&mut self, plan: &NetPlan, input: usize, columns: usize) -> Linear {
        let width = plan.head_width();
        let (weight, bias) = (self.take(input * width), self.take(width));
        let map = |matrix: &[f32]| -> Vec<f32> {
            if plan.dueling {
                return folded(matrix, columns);
            }
            matrix.chunks_exact(width).flat_map(|row| &row[..columns]).copied().collect()
        };
        Linear::new(input, columns, &map(weight), &map(bias))
            .expect("heads match the plan's widths")
    }

    /// The next gain and bias with the next running statistics: one gain and one offset.
    fn batch_norm(&mut self, norm: &BatchNormPlan, channels: usize, buffers: &mut Self) -> Scale {
        let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
        let (gamma, beta) = if norm.affine {
            (self.take(channels), self.take(channels))
        } else {
            (&*ones, &*zeros)
        };
        let (mean, variance) = (buffers.take(channels), buffers.take(channels));
        buffers.start += usize::from(norm.renorm.is_some());
        let deviations = variance.iter().map(|&v| (f64::from(v) + norm.eps).sqrt());
        let gain: Vec<f64> = deviations.zip(gamma).map(|(d, &g)| f64::from(g) / d).collect();
        let shifts = gain.iter().zip(mean).zip(beta);
        let offset = shifts.map(|((g, &m), &b)| (f64::from(b) - g * f64::from(m)) as f32);
        let offset: Vec<f32> = offset.collect();
        let gain: Vec<f32> = gain.into_iter().map(|gain| gain as f32).collect();
        Scale::new(&gain, &offset, norm.positions).expect("there is a gain for each channel")
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
    use crate::net::{
        Cell, DeviceLearner, DeviceSequences, Init, LrSchedule, OptimPlan, Sequences, Sgd, Tensors,
        TrainPlan, batch_norm, conv, plain, renorm, unroll,
    };

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

    fn learner(plan: NetPlan) -> DeviceLearner {
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        let optim = OptimPlan::Sgd(sgd);
        let train =
            TrainPlan { optim, lr: 0.1, lr_schedule: LrSchedule::Constant, clip_grad: None };
        DeviceLearner::new(plan, train, &mut Rng::from_seed(3), &Tensors::on(Device::flex()))
    }

    /// Holds the first `columns` outputs of the acting network against the training network's.
    fn assert_acts_as_it_trains(plan: NetPlan, obs: &[f32], columns: usize) {
        let n = obs.len() / plan.input;
        let mut learner = learner(plan);
        let network = acting_network(learner.plan(), &learner.host_params(), columns);
        let mut scratch = Scratch::default();
        let acted = network.forward(obs, n, &mut scratch);
        let rows = Tensor::<1>::from_data(obs, &Device::flex()).reshape([n, learner.plan().input]);
        let trained = learner.frozen().forward(rows).narrow(1, 0, columns);
        let trained: Vec<f32> = trained.to_data().try_to_vec().unwrap();
        assert_eq!(acted.len(), trained.len());
        for (a, t) in acted.iter().zip(&trained) {
            assert!((a - t).abs() < 2e-5, "{:?}: {a} is not {t}", learner.plan());
        }
    }

    #[test]
    fn the_acting_network_equals_the_training_network_on_recorded_observations() {
        for activation in ACTIVATIONS {
            let trunk = vec![
                LayerPlan::Linear { width: 33, bias: true },
                LayerPlan::LayerNorm { eps: 1e-5, affine: true },
                LayerPlan::Activation(activation),
                LayerPlan::Linear { width: 17, bias: false },
                LayerPlan::LayerNorm { eps: 1e-3, affine: false },
                LayerPlan::Activation(activation),
            ];
            let init = Init::Orthogonal { gain: 1.4 };
            let plan = NetPlan { init, out_activation: activation, ..plain(WIDTH, trunk, &[3, 1]) };
            assert_acts_as_it_trains(plan, &recorded_obs(), 3);
        }
    }

    #[test]
    fn convolutions_of_pixels_with_dueling_heads_act_as_they_train() {
        let pixels: Vec<f32> = (0..3 * 120).map(|i| (i * 7919 % 256) as f32).collect();
        let relu = LayerPlan::Activation(Activation::Relu);
        let (kernel, stride, padding, dilation) = ([3, 2], [2, 1], [1, 0], [1, 2]);
        let shape = ConvShape { input: [2, 10, 6], outputs: 5, kernel, stride, padding, dilation };
        let first = LayerPlan::Conv2d { shape, bias: false };
        let second = conv([5, 5, 4], 7, 1);
        let trunk = vec![first, relu, second, relu, LayerPlan::Linear { width: 9, bias: true }];
        let plan = plain(120, trunk, &[1, 4]);
        let plan = NetPlan { dueling: true, obs_scale: 1.0 / 255.0, ..plan };
        assert_acts_as_it_trains(plan, &pixels, 4);
    }

    #[test]
    fn pictures_with_their_channels_last_act_as_they_train() {
        let pixels: Vec<f32> = (0..3 * 120).map(|i| (i * 7919 % 256) as f32).collect();
        let turn = LayerPlan::ChannelsFirst { channels: 2, pixels: 60 };
        let relu = LayerPlan::Activation(Activation::Relu);
        let trunk = vec![turn, conv([2, 10, 6], 5, 2), relu];
        let plan = NetPlan { obs_scale: 1.0 / 255.0, ..plain(120, trunk, &[3]) };
        assert_acts_as_it_trains(plan, &pixels, 3);
    }

    #[test]
    fn batch_normalizations_act_by_their_running_statistics() {
        let pixels: Vec<f32> = (0..6 * 50).map(|i| (i * 7919 % 13) as f32 / 6.0).collect();
        let relu = LayerPlan::Activation(Activation::Relu);
        let mut plain_norm = batch_norm(9);
        if let LayerPlan::BatchNorm(norm) = &mut plain_norm {
            norm.affine = false;
        }
        let trunk = vec![conv([2, 5, 5], 4, 1), relu, batch_norm(9), plain_norm, renorm()];
        let mut learner = learner(plain(50, trunk, &[3]));
        for _ in 0..4 {
            let d_outputs: Vec<f32> = learner.outputs(&pixels).to_vec();
            learner.step_outputs(&d_outputs);
        }
        let network = acting_network(learner.plan(), &learner.host_values(), 2);
        let mut scratch = Scratch::default();
        let acted = network.forward(&pixels, 6, &mut scratch);
        let trained = learner.infer(&pixels).chunks_exact(3).flat_map(|row| &row[..2]);
        for (a, t) in acted.iter().zip(trained) {
            assert!((a - t).abs() < 2e-5 * t.abs().max(1.0), "{a} is not {t}");
        }
    }

    const STEPS: usize = 7;
    const COUNT: usize = 3;

    /// What the training network says of sequences that begin in `states`.
    fn unrolled_in_training(
        learner: &mut DeviceLearner,
        sequences: Sequences<'_>,
        states: &[f32],
    ) -> Vec<f32> {
        let sequences = DeviceSequences::upload(sequences, states, &Device::flex());
        let outputs = learner.frozen().forward_sequences(&sequences);
        outputs.to_data().try_to_vec().unwrap()
    }

    #[test]
    fn recurrent_layers_act_as_they_train_from_any_state_and_across_episodes() {
        for cell in Cell::ALL {
            let recurrent = |hidden| LayerPlan::Recurrent { cell, hidden };
            let tanh = LayerPlan::Activation(Activation::Tanh);
            let linear = LayerPlan::Linear { width: 5, bias: true };
            let trunk = vec![linear, tanh, recurrent(6), recurrent(4)];
            let mut learner = learner(plain(WIDTH, trunk, &[3]));
            let obs = &recorded_obs()[..STEPS * COUNT * WIDTH];
            let starts: Vec<bool> = (0..STEPS * COUNT).map(|row| row % 5 == 4).collect();
            let width = learner.plan().state_width();
            let states: Vec<f32> = (0..COUNT * width).map(|k| (k as f32).sin()).collect();
            let network = acting_network(learner.plan(), &learner.host_params(), 3);
            let sequences = Sequences { count: COUNT, obs, starts: &starts };
            let acted = unroll(&network, sequences, &states).outputs;
            let trained = unrolled_in_training(&mut learner, sequences, &states);
            for (a, t) in acted.iter().zip(&trained) {
                assert!((a - t).abs() < 2e-5, "{cell:?}: {a} is not {t}");
            }
            assert_eq!((acted.len(), trained.len()), (63, 63));
        }
    }
}
