//! Forward passes and gradients against a plain network in f64 and its finite differences.

mod plain;

use plain::{ACTIVATIONS, Case, numbers};
use proptest::prelude::*;
use slm_kernels::{Layer, Mlp, Tape, gather_rows};
use slm_policy::Activation;

/// Up to four blocks of linear layer, perhaps layer norm, and activation.
fn cases() -> impl Strategy<Value = Case> {
    let block = (1..40_usize, any::<bool>(), 0..4_u8, 0..ACTIVATIONS.len());
    let blocks = proptest::collection::vec(block, 1..5);
    (1..20_usize, blocks, 1..30_usize, any::<u32>()).prop_map(|(inputs, blocks, n, seed)| {
        let (mut layers, mut width) = (Vec::new(), inputs);
        for (outputs, bias, norm, activation) in blocks {
            layers.push(Layer::Linear { inputs: width, outputs, bias });
            width = outputs;
            // Two numbers are always normalized to ±1, a step without a slope.
            if norm < 2 && width > 2 {
                layers.push(Layer::LayerNorm { width, eps: 1e-2, affine: norm == 0 });
            }
            layers.push(Layer::Activation(ACTIVATIONS[activation]));
        }
        Case::new(inputs, layers, n, u64::from(seed))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn outputs_of_any_network_equal_the_plain_ones_in_f64(case in cases()) {
        case.check_outputs()?;
    }

    #[test]
    fn gradients_of_any_network_equal_finite_differences_in_f64(mut case in cases()) {
        case.check_gradients()?;
    }
}

fn linear(inputs: usize, outputs: usize) -> Layer {
    Layer::Linear { inputs, outputs, bias: true }
}

#[test]
fn every_activation_has_the_gradient_of_finite_differences() {
    for (seed, activation) in ACTIVATIONS.into_iter().enumerate() {
        let act = Layer::Activation(activation);
        let layers = vec![act, linear(3, 20), act, act, linear(20, 17), act, linear(17, 2), act];
        let mut case = Case::new(3, layers, 19, 77 + seed as u64);
        case.check_outputs().unwrap();
        case.check_gradients().unwrap();
    }
}

#[test]
fn large_networks_whose_products_come_in_several_blocks_equal_the_reference() {
    let relu = Layer::Activation(Activation::Relu);
    let norm = Layer::LayerNorm { width: 70, eps: 1e-5, affine: true };
    let mut case = Case::new(300, vec![linear(300, 70), norm, relu, linear(70, 5)], 530, 5);
    case.params.iter_mut().for_each(|p| *p *= 0.1);
    case.check_outputs().unwrap();
    case.check_gradients().unwrap();
}

fn small() -> (Mlp, Case) {
    let layers = vec![linear(6, 50), Layer::Activation(Activation::Tanh), linear(50, 4)];
    let case = Case::new(6, layers, 37, 3);
    (Mlp::new(6, &case.layers), case)
}

#[test]
fn a_row_gets_the_same_bits_alone_and_in_any_batch() {
    let (net, case) = small();
    let (mut tape, mut other) = (Tape::default(), Tape::default());
    let all = net.forward(&case.params, &case.x, case.n, &mut tape);
    for (x, y) in case.x.chunks_exact(6).zip(all.chunks_exact(4)) {
        assert_eq!(net.forward(&case.params, x, 1, &mut other), y);
    }
}

#[test]
fn a_used_tape_gives_the_same_bits_as_a_new_one() {
    let (net, case) = small();
    let run = |tape: &mut Tape| {
        let outputs = net.forward(&case.params, &case.x, case.n, tape).to_vec();
        let mut grads = vec![0.0; net.num_params()];
        net.backward(&case.params, &case.d_outputs, tape, &mut grads);
        (outputs, grads)
    };
    let mut used = Tape::default();
    net.forward(&case.params, &numbers(9, 600), 100, &mut used);
    assert_eq!(run(&mut used), run(&mut Tape::default()));
    assert_eq!(run(&mut used), run(&mut used));
}

#[test]
fn rows_picked_by_index_equal_rows_copied_by_hand() {
    let (net, case) = small();
    let indices = [36, 0, 5, 5];
    let mut copied = vec![0.0; 4 * 6];
    gather_rows(&case.x, 6, &indices, &mut copied);
    assert_eq!(&copied[..6], &case.x[216..222]);
    let (mut a, mut b) = (Tape::default(), Tape::default());
    let picked = net.forward_rows(&case.params, &case.x, &indices, &mut a);
    assert_eq!(picked, net.forward(&case.params, &copied, 4, &mut b));
}
