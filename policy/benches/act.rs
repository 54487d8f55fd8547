//! Nanoseconds per forward pass and greedy action, for batches of 1, 4, 16 and 64 rows.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use slm_policy::{ActionHead, ActionsMut, Activation, Bounds, ContinuousHead, Conv2d, ConvShape};
use slm_policy::{Family, Layer, Linear, LogStd, Network, ObsNormalizer, Policy, Scratch};
use std::hint::black_box;
use std::time::Instant;

fn linear(inputs: usize, outputs: usize) -> Layer {
    let value = |i: usize| ((i * 7919 + outputs * 104_729) % 2003) as f32 / 2003.0 - 0.5;
    let weight: Vec<f32> = (0..inputs * outputs).map(value).collect();
    let bias: Vec<f32> = (0..outputs).map(value).collect();
    Layer::Linear(Linear::new(inputs, outputs, &weight, &bias).expect("widths match"))
}

fn policy(widths: &[usize], activation: Activation, head: ActionHead) -> Policy {
    let mut layers = Vec::new();
    for pair in widths.windows(2) {
        layers.push(linear(pair[0], pair[1]));
        layers.push(Layer::Activation(activation));
    }
    layers.pop();
    let width = widths[0];
    let normalizer = (width > 4).then(|| {
        ObsNormalizer::new(&vec![0.5; width], &vec![2.0; width], 1e-8, Some(10.0))
            .expect("the statistics are finite")
    });
    Policy::new(&[width], normalizer, Network { layers }, head).expect("the parts fit")
}

/// Mnih et al. (2015), "Human-level control through deep reinforcement learning": its network.
fn nature() -> Policy {
    let mut layers = Vec::new();
    let mut input = [4, 84, 84];
    for (outputs, kernel, stride) in [(32, 8, 4), (64, 4, 2), (64, 3, 1)] {
        let (kernel, stride) = ([kernel; 2], [stride; 2]);
        let shape = ConvShape { input, outputs, kernel, stride, padding: [0; 2], dilation: [1; 2] };
        input = shape.output().expect("the kernels fit");
        let value = |i: usize| ((i * 7919 + outputs) % 2003) as f32 / 2003.0 - 0.5;
        let weight: Vec<f32> = (0..outputs * shape.patch()).map(value).collect();
        let conv = Conv2d::new(shape, &weight, &weight[..outputs]).expect("the lengths match");
        layers.extend([Layer::Conv2d(conv), Layer::Activation(Activation::Relu)]);
    }
    layers.extend([linear(3136, 512), Layer::Activation(Activation::Relu), linear(512, 6)]);
    let head = ActionHead::Categorical { n: 6 };
    Policy::new(&[4, 84, 84], None, Network { layers }, head).expect("the parts fit")
}

/// Least nanoseconds of one call over a third of a second of samples.
fn measure(mut call: impl FnMut()) -> f64 {
    (0..100).for_each(|_| call());
    let start = Instant::now();
    (0..100).for_each(|_| call());
    let calls = (20_000 * 100 / start.elapsed().as_nanos().max(1)).clamp(1, 10_000) as u32;
    let mut least = f64::INFINITY;
    let begin = Instant::now();
    while begin.elapsed().as_millis() < 333 {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        least = least.min(start.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    least
}

/// Least nanoseconds of a bare forward pass and of a greedy action from raw observations.
fn bench(policy: &mut Policy, rows: usize) -> [f64; 2] {
    let network = policy.network().clone();
    let obs: Vec<f32> = (0..rows * policy.obs_width()).map(|i| (i % 17) as f32 * 0.1).collect();
    let mut scratch = Scratch::default();
    let forward = measure(|| {
        black_box(network.forward(black_box(&obs), rows, &mut scratch));
    });
    let mut indices = vec![0; rows];
    let mut vectors = vec![0.0; rows * policy.head().width()];
    let discrete = matches!(policy.head(), ActionHead::Categorical { .. });
    let act = measure(|| {
        let actions = if discrete {
            ActionsMut::Discrete(&mut indices)
        } else {
            ActionsMut::Continuous(&mut vectors)
        };
        policy.act_batch(black_box(&obs), actions);
    });
    black_box((&indices, &vectors));
    [forward, act]
}

fn main() {
    let bounds = Bounds { low: vec![-1.0; 6], high: vec![1.0; 6] };
    let log_std = LogStd::Vector(vec![0.0; 6]);
    let normal = ContinuousHead::new(Family::Normal, 6, log_std, Some(bounds));
    let normal = ActionHead::Continuous(normal);
    let categorical = ActionHead::Categorical { n: 2 };
    let small = policy(&[4, 64, 64, 2], Activation::Tanh, categorical);
    let large = policy(&[17, 256, 256, 6], Activation::Relu, normal);
    println!("{:34} {:>6} {:>12} {:>12}", "ns per call", "rows", "forward", "action");
    let images = nature();
    let cases = [
        ("4-64-64-2 tanh", small),
        ("17-256-256-6 relu, normalized", large),
        ("4x84x84 Nature network", images),
    ];
    for (name, mut policy) in cases {
        for rows in [1, 4, 16, 64] {
            let [forward, act] = bench(&mut policy, rows);
            println!("{name:34} {rows:6} {forward:12.0} {act:12.0}");
        }
    }
}
