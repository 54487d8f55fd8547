//! Counts heap allocations of train steps.
#![allow(unsafe_code, reason = "a counting global allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use slm_kernels::{Adam, Buffers, Input, Layer, Mlp, OptStep, Rows, RowsMut, Tape};
use slm_kernels::{categorical_backward, categorical_log_prob_entropy, clip_scale, global_norm};
use slm_policy::Activation;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System.alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ADAM: Adam =
    Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false, amsgrad: false };

#[test]
fn train_steps_allocate_only_the_first_time() {
    let linear = |inputs, outputs| Layer::Linear { inputs, outputs, bias: true };
    let act = Layer::Activation(Activation::Gelu);
    let norm = Layer::LayerNorm { width: 48, eps: 1e-5, affine: true };
    let net = Mlp::new(4, &[linear(4, 48), norm, act, linear(48, 48), act, linear(48, 2)]);
    let mut params: Vec<f32> = (0..net.num_params()).map(|i| (i as f32).sin() * 0.2).collect();
    let mut grads = vec![0.0; params.len()];
    let mut moments = vec![vec![0.0; params.len()]; 2];
    let x = vec![0.3; 4 * 64];
    let actions = [1; 64];
    let (mut log_prob, mut entropy, mut d_logits) = ([0.0; 64], [0.0; 64], [0.0; 128]);
    let mut tape = Tape::default();
    let mut counts = Vec::with_capacity(8);
    for (number, n) in [64, 64, 17, 64, 64].into_iter().enumerate() {
        let before = COUNT.get();
        let logits = net.forward(&params, &x[..4 * n], n, &mut tape);
        let (logits, actions) = (Rows { values: logits, stride: 2 }, &actions[..n]);
        let (log_prob, entropy) = (&mut log_prob[..n], &mut entropy[..n]);
        categorical_log_prob_entropy(logits, 2, actions, log_prob, entropy);
        let to = RowsMut { values: &mut d_logits[..2 * n], stride: 2 };
        categorical_backward(logits, 2, actions, log_prob, entropy, to);
        net.backward(&params, &d_logits[..2 * n], &mut tape, &mut grads);
        let grad_scale = clip_scale(global_norm(&grads), 0.5);
        let step = OptStep { number: number as u64 + 1, lr: 1e-3, grad_scale };
        ADAM.step(step, &mut params, &grads, &mut moments);
        counts.push(COUNT.get() - before);
    }
    assert!(counts[0] > 0, "{counts:?}");
    assert_eq!(counts[1..], [0; 4], "{counts:?}");
}

#[test]
fn passes_of_images_and_statistics_allocate_only_the_first_time() {
    let conv = Layer::Conv2d {
        input: [2, 9, 9],
        outputs: 20,
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1],
        dilation: [1, 1],
        bias: true,
    };
    let norm =
        Layer::BatchNorm { channels: 20, positions: 25, eps: 1e-5, momentum: 0.1, affine: true };
    let head = Layer::Linear { inputs: 500, outputs: 3, bias: true };
    let net = Mlp::new(162, &[conv, norm, Layer::Activation(Activation::Relu), head]);
    let params: Vec<f32> = (0..net.num_params()).map(|i| (i as f32).sin() * 0.2).collect();
    let (mut grads, mut buffers) = (vec![0.0; params.len()], vec![0.0; net.num_buffers()]);
    net.init_buffers(&mut buffers);
    let (x, d) = (vec![7_u8; 4 * 162], [1.0; 18]);
    let mut tape = Tape::default();
    let mut counts = Vec::with_capacity(8);
    for indices in [&[0, 1, 2, 3, 3, 1][..], &[0, 1, 2], &[3, 2, 1, 0, 0, 1]] {
        let before = COUNT.get();
        let input = Input::Bytes { x: &x, scale: 1.0 / 255.0, indices };
        net.forward_pass(&params, Buffers::Training(&mut buffers), input, &mut tape);
        net.backward(&params, &d[..3 * indices.len()], &mut tape, &mut grads);
        counts.push(COUNT.get() - before);
    }
    assert!(counts[0] > 0, "{counts:?}");
    assert_eq!(counts[1..], [0; 2], "{counts:?}");
}
