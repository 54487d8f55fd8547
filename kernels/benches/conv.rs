//! Milliseconds of the network that plays Atari games (Mnih et al. 2015, "Human-level control
//! through deep reinforcement learning"), forward and backward, on every instruction set and on two threads.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::hint::black_box;
use std::time::Instant;

use slm_kernels::{Isa, Layer, Mlp, Pool, SplitTape, Tape};
use slm_policy::Activation;

const INPUT: [usize; 3] = [4, 84, 84];
const OUTPUTS: usize = 7;

fn nature(isa: Isa) -> Mlp {
    let conv = |input, outputs, kernel: usize, stride: usize| Layer::Conv2d {
        input,
        outputs,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [0; 2],
        dilation: [1; 2],
        bias: true,
    };
    let linear = |inputs, outputs| Layer::Linear { inputs, outputs, bias: true };
    let relu = Layer::Activation(Activation::Relu);
    let layers = [
        conv(INPUT, 32, 8, 4),
        relu,
        conv([32, 20, 20], 64, 4, 2),
        relu,
        conv([64, 9, 9], 64, 3, 1),
        relu,
        linear(64 * 7 * 7, 512),
        relu,
        linear(512, OUTPUTS),
    ];
    Mlp::with_isa(isa, INPUT.iter().product(), &layers)
}

/// Least and median milliseconds of a call.
fn measure(mut call: impl FnMut()) -> [f64; 2] {
    let mut times: Vec<f64> = Vec::new();
    let start = Instant::now();
    while times.len() < 5 || start.elapsed().as_secs_f64() < 1.0 {
        let start = Instant::now();
        call();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    [times[0], times[times.len() / 2]]
}

fn print(name: &str, n: usize, [least, median]: [f64; 2]) {
    println!("{name:28} b{n:<4} {least:9.3} {median:9.3}");
}

fn numbers(n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|i| (((i * 7919) % 2003) as f32 / 1001.5 - 1.0) * scale).collect()
}

fn one_thread(isa: Isa, n: usize) {
    let net = nature(isa);
    let (params, d) = (numbers(net.num_params(), 0.05), numbers(n * OUTPUTS, 1.0));
    let pixels: Vec<u8> = (0..n * net.inputs()).map(|i| (i * 31 % 256) as u8).collect();
    let rows: Vec<u32> = (0..n as u32).collect();
    let (mut tape, mut grads) = (Tape::default(), vec![0.0; net.num_params()]);
    let forward = measure(|| {
        black_box(net.forward_rows_u8(&params, &pixels, 1.0 / 255.0, &rows, &mut tape));
    });
    let both = measure(|| {
        net.forward_rows_u8(&params, &pixels, 1.0 / 255.0, &rows, &mut tape);
        net.backward(&params, &d, &mut tape, &mut grads);
    });
    print(&format!("forward, {}", isa.name()), n, forward);
    print(&format!("forward and backward, {}", isa.name()), n, both);
}

fn threads(count: usize, n: usize) {
    let net = nature(Isa::detect());
    let (params, d) = (numbers(net.num_params(), 0.05), numbers(n * OUTPUTS, 1.0));
    let (x, mut grads) = (numbers(n * net.inputs(), 1.0), vec![0.0; net.num_params()]);
    let (mut pool, mut tape) = (Pool::new(count), SplitTape::default());
    let both = measure(|| {
        net.forward_on(&mut pool, &params, &x, n, &mut tape);
        net.backward_on(&mut pool, &params, &d, &mut tape, &mut grads);
    });
    print(&format!("forward and backward, {count} threads"), n, both);
}

fn main() {
    println!("{:34} {:>9} {:>9}", "milliseconds", "least", "median");
    for isa in Isa::available() {
        one_thread(isa, 32);
    }
    one_thread(Isa::detect(), 1);
    one_thread(Isa::detect(), 8);
    one_thread(Isa::detect(), 256);
    threads(1, 32);
    threads(2, 32);
}
