//! Acting allocates nothing once the largest batch has been seen.
#![allow(unsafe_code, reason = "a counting allocator implements an unsafe trait")]

use slm_policy::{ActionHead, ActionsMut, Activation, Cell, Conv2d, ConvShape, Layer};
use slm_policy::{Linear, Network, ObsNormalizer, Policy, Recurrent};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `alloc` used the same allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const FITS: &str = "the sizes fit";

/// A policy of every layer that works in memory of its own.
fn policy() -> Policy {
    let linear = |inputs: usize, outputs: usize| {
        let weight = vec![0.01; inputs * outputs];
        Layer::Linear(Linear::new(inputs, outputs, &weight, &vec![0.0; outputs]).expect(FITS))
    };
    let (kernel, padding) = ([3; 2], [1; 2]);
    let shape = ConvShape {
        input: [1, 2, 2],
        outputs: 4,
        kernel,
        stride: [1; 2],
        padding,
        dilation: [1; 2],
    };
    let conv = Conv2d::new(shape, &[0.01; 36], &[0.0; 4]).expect(FITS);
    let tanh = Layer::Activation(Activation::Tanh);
    let map =
        |inputs: usize| Linear::new(inputs, 24, &vec![0.01; inputs * 24], &[0.0; 24]).expect(FITS);
    let cell = Layer::Recurrent(Recurrent::new(Cell::Gru, map(64), map(8)).expect(FITS));
    let layers = vec![Layer::Conv2d(conv), linear(16, 64), tanh, cell, linear(8, 2)];
    let normalizer = ObsNormalizer::new(&[0.0; 4], &[1.0; 4], 1e-8, Some(10.0)).expect(FITS);
    let head = ActionHead::Categorical { n: 2 };
    Policy::new(&[4], Some(normalizer), Network { layers }, head).expect(FITS)
}

#[test]
fn acting_allocates_nothing_after_the_first_batch() {
    let mut policy = policy();
    let obs = [0.3; 32 * 4];
    let mut actions = [0; 32];
    policy.act_batch(&obs, ActionsMut::Discrete(&mut actions));
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for n in [32, 1, 7, 32] {
        policy.act_batch(&obs[..4 * n], ActionsMut::Discrete(&mut actions[..n]));
        policy.act(&obs[..4]);
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
}
