//! Microseconds of a whole train step, forward to Adam, beside the same step written by hand for
//! one shape, and on every instruction set.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

#[cfg(target_arch = "x86_64")]
mod bound;

use std::hint::black_box;
use std::time::{Duration, Instant};

use slm_kernels::{Adam, Isa, Layer, Mlp, OptStep, Pool, SplitTape, Tape};
use slm_policy::Activation;

const ADAM: Adam =
    Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false, amsgrad: false };

/// A network, its optimizer and a batch.
struct Case {
    net: Mlp,
    params: Vec<f32>,
    grads: Vec<f32>,
    moments: [Vec<f32>; 2],
    tape: Tape,
    x: Vec<f32>,
    target: Vec<f32>,
    d_outputs: Vec<f32>,
    n: usize,
    steps: u64,
}

fn numbers(n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|i| (((i * 7919) % 2003) as f32 / 1001.5 - 1.0) * scale).collect()
}

fn mlp(isa: Isa, [i, h, o]: [usize; 3], activation: Activation) -> Mlp {
    let linear = |inputs, outputs| Layer::Linear { inputs, outputs, bias: true };
    let act = Layer::Activation(activation);
    Mlp::with_isa(isa, i, &[linear(i, h), act, linear(h, h), act, linear(h, o)])
}

impl Case {
    fn new(net: Mlp, n: usize) -> Self {
        let count = net.num_params();
        Self {
            params: numbers(count, 0.15),
            grads: vec![0.0; count],
            moments: [vec![0.0; count], vec![0.0; count]],
            tape: Tape::default(),
            x: numbers(n * net.inputs(), 1.0),
            target: numbers(n * net.outputs(), 1.0),
            d_outputs: vec![0.0; n * net.outputs()],
            net,
            n,
            steps: 0,
        }
    }

    /// Forward, mean squared error, backward and Adam.
    fn step(&mut self) {
        let outputs = self.net.forward(&self.params, &self.x, self.n, &mut self.tape);
        let scale = 2.0 / self.target.len() as f32;
        for ((d, y), t) in self.d_outputs.iter_mut().zip(outputs).zip(&self.target) {
            *d = (y - t) * scale;
        }
        self.net.backward(&self.params, &self.d_outputs, &mut self.tape, &mut self.grads);
        self.adam();
    }

    fn adam(&mut self) {
        self.steps += 1;
        let step = OptStep { number: self.steps, lr: 1e-3, grad_scale: 1.0 };
        ADAM.step(step, &mut self.params, &self.grads, &mut self.moments);
    }
}

/// Least microseconds of one call of each function, in turns so that noise meets all alike.
fn measure(calls: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; calls.len()];
    let end = Instant::now() + Duration::from_millis(300 * calls.len() as u64);
    while Instant::now() < end {
        for (call, least) in calls.iter_mut().zip(&mut least) {
            for _ in 0..8 {
                let start = Instant::now();
                call();
                *least = least.min(start.elapsed().as_secs_f64() * 1e6);
            }
        }
    }
    least
}

#[cfg(target_arch = "x86_64")]
fn against_bound<const I: usize, const H: usize, const O: usize, const N: usize, const T: bool>() {
    let activation = if T { Activation::Tanh } else { Activation::Relu };
    let mut ours = Case::new(mlp(Isa::detect(), [I, H, O], activation), N);
    if !bound::available() {
        println!("{:24} b{N:<4} no AVX-512, so no bound", format!("{I}-{H}-{H}-{O}"));
        return;
    }
    let (x, target) = (ours.x.clone(), ours.target.clone());
    let mut hand = bound::Bound::<I, H, O, N, T>::new(&ours.params);
    for _ in 0..3 {
        hand.step(&x, &target);
        ours.step();
    }
    let apart = ours.params.iter().zip(&hand.params).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-4, "both train the same network");
    let least = measure(&mut [&mut || ours.step(), &mut || hand.step(black_box(&x), &target)]);
    let name = format!("{I}-{H}-{H}-{O} {activation:?}");
    let [ours, hand] = least[..] else { return };
    println!("{name:24} b{N:<4} {ours:9.2} {hand:9.2} {:7.3}", ours / hand);
}

fn parts(widths: [usize; 3], activation: Activation, n: usize) {
    for isa in Isa::available() {
        let mut case = Case::new(mlp(isa, widths, activation), n);
        let all = measure(&mut [&mut || case.step()])[0];
        let forward = measure(&mut [&mut || {
            black_box(case.net.forward(&case.params, &case.x, n, &mut case.tape));
        }])[0];
        let backward = measure(&mut [&mut || {
            case.net.backward(&case.params, &case.d_outputs, &mut case.tape, &mut case.grads);
        }])[0];
        let adam = measure(&mut [&mut || case.adam()])[0];
        let [i, h, o] = widths;
        let name = format!("{i}-{h}-{h}-{o} {}", isa.name());
        println!("{name:24} b{n:<4} {all:9.2} {forward:9.2} {backward:9.2} {adam:9.2}");
    }
}

/// Forward and backward on one thread and on two.
fn threads(widths: [usize; 3], n: usize) {
    let mut case = Case::new(mlp(Isa::detect(), widths, Activation::Relu), n);
    let mut grads = case.grads.clone();
    let (net, params, x, d) = (&case.net, &case.params, &case.x, &case.d_outputs);
    let (mut pool, mut split) = (Pool::new(2), SplitTape::default());
    let (tape, own_grads) = (&mut case.tape, &mut case.grads);
    let least = measure(&mut [
        &mut || {
            net.forward(params, x, n, tape);
            net.backward(params, d, tape, own_grads);
        },
        &mut || {
            net.forward_on(&mut pool, params, x, n, &mut split);
            net.backward_on(&mut pool, params, d, &mut split, &mut grads);
        },
    ]);
    let [i, h, o] = widths;
    let name = format!("{i}-{h}-{h}-{o}");
    println!("{name:24} b{n:<4} {:9.2} {:9.2} {:9.2}", least[0], least[1], least[0] / least[1]);
}

fn main() {
    println!("train step, µs{:>25} {:>9} {:>7}", "ours", "bound", "ratio");
    #[cfg(target_arch = "x86_64")]
    {
        against_bound::<4, 64, 2, 64, true>();
        against_bound::<4, 64, 2, 128, true>();
        against_bound::<4, 64, 2, 256, true>();
        against_bound::<17, 256, 6, 64, false>();
        against_bound::<17, 256, 6, 256, false>();
    }
    println!("\nparts, µs{:>30} {:>9} {:>9} {:>9}", "step", "forward", "backward", "Adam");
    parts([4, 64, 2], Activation::Tanh, 64);
    parts([4, 64, 2], Activation::Tanh, 256);
    parts([17, 256, 6], Activation::Relu, 256);
    println!("\nforward and backward, µs{:>17} {:>9} {:>9}", "1 thread", "2", "speedup");
    threads([17, 256, 6], 64);
    threads([17, 256, 6], 256);
    threads([17, 512, 6], 512);
}
