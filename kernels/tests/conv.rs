//! Convolutions against their definition in f64 and finite differences.

mod plain;

use plain::{ACTIVATIONS, Case, conv_image, numbers};
use proptest::prelude::*;
use slm_kernels::{Buffers, Input, Layer, Mlp, Pool, SplitTape, Tape};
use slm_policy::Activation;

/// A convolution without padding, in steps of one pixel.
fn plain_conv(input: [usize; 3], outputs: usize, kernel: [usize; 2]) -> Layer {
    let (stride, padding, dilation) = ([1, 1], [0, 0], [1, 1]);
    Layer::Conv2d { input, outputs, kernel, stride, padding, dilation, bias: true }
}

fn output(layer: &Layer, outputs: usize) -> [usize; 3] {
    let [height, width] = conv_image(layer);
    [outputs, height, width]
}

fn pairs(values: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    (values.clone(), values).prop_map(|(a, b)| [a, b])
}

fn convolutions() -> impl Strategy<Value = Layer> {
    let images = ((1..5_usize), pairs(1..11));
    let steps = (pairs(1..4), pairs(0..4), pairs(1..4));
    let widths = prop_oneof![4 => 1..20_usize, 1 => 30..36_usize];
    (images, widths, pairs(1..5), steps, any::<bool>()).prop_filter_map(
        "the kernel fits",
        |((channels, [height, width]), outputs, kernel, (stride, padding, dilation), bias)| {
            let input = [channels, height, width];
            let fits = (0..2).all(|axis| {
                dilation[axis] * (kernel[axis] - 1) < input[axis + 1] + 2 * padding[axis]
            });
            let layer = Layer::Conv2d { input, outputs, kernel, stride, padding, dilation, bias };
            fits.then_some(layer)
        },
    )
}

/// A convolution between two layers, so that all its gradients are needed.
fn cases() -> impl Strategy<Value = Case> {
    let others = (0..ACTIVATIONS.len(), 0..ACTIVATIONS.len(), 1..4_usize);
    (convolutions(), others, 1..12_usize, any::<u32>()).prop_map(
        |(conv, (before, after, width), n, seed)| {
            let Layer::Conv2d { input, outputs, .. } = conv else { unreachable!() };
            let pointwise = plain_conv(input, input[0], [1, 1]);
            let inputs = output(&conv, outputs).iter().product();
            let [before, after] = [before, after].map(|i| Layer::Activation(ACTIVATIONS[i]));
            let head = Layer::Linear { inputs, outputs: width, bias: true };
            let layers = vec![pointwise, before, conv, after, head];
            Case::new(input.iter().product(), layers, n, u64::from(seed))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn outputs_of_any_convolution_equal_the_plain_ones_in_f64(case in cases()) {
        case.check_outputs()?;
    }

    #[test]
    fn gradients_of_any_convolution_equal_finite_differences_in_f64(mut case in cases()) {
        case.check_gradients()?;
    }
}

/// A small relative of the network that plays Atari games: strides that leave pixels over,
/// several panels of channels, several groups of samples and a kernel deeper than a block.
fn net() -> (usize, Vec<Layer>) {
    let relu = Layer::Activation(Activation::Relu);
    let first = Layer::Conv2d {
        input: [3, 20, 18],
        outputs: 34,
        kernel: [5, 4],
        stride: [3, 2],
        padding: [1, 0],
        dilation: [1, 1],
        bias: true,
    };
    let second = plain_conv(output(&first, 34), 40, [3, 3]);
    let third = Layer::Conv2d {
        input: output(&second, 40),
        outputs: 18,
        kernel: [2, 2],
        stride: [1, 2],
        padding: [0, 1],
        dilation: [2, 1],
        bias: false,
    };
    let inputs = output(&third, 18).iter().product();
    let head = Layer::Linear { inputs, outputs: 5, bias: true };
    (3 * 20 * 18, vec![first, relu, second, relu, third, Layer::Activation(Activation::Tanh), head])
}

fn case(n: usize) -> Case {
    let (inputs, layers) = net();
    let mut case = Case::new(inputs, layers, n, 12);
    case.params.iter_mut().for_each(|p| *p *= 0.15);
    case
}

#[test]
fn stacked_convolutions_equal_the_plain_ones() {
    let mut case = case(3);
    case.check_outputs().unwrap();
    case.check_gradients().unwrap();
}

/// Input 1 2 3 / 4 5 6 / 7 8 9, kernel 1 0 / 0 -1 and bias 10: every output is 10 + a - d of a
/// window a b / c d, 10 - 4. The kernel's gradient for ones is the sum over each tap's windows:
/// 1+2+4+5, 2+3+5+6, 4+5+7+8 and 5+6+8+9. The last pixel gets -1 from one window.
#[test]
fn a_convolution_worked_by_hand() {
    let net = Mlp::new(9, &[plain_conv([1, 3, 3], 1, [2, 2])]);
    let (params, x) = ([1.0, 0.0, 0.0, -1.0, 10.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    let mut tape = Tape::default();
    assert_eq!(net.forward(&params, &x, 1, &mut tape), [6.0; 4]);
    let (mut grads, mut d_inputs) = ([0.0; 5], [0.0; 9]);
    net.backward(&params, &[1.0; 4], &mut tape, &mut grads);
    assert_eq!(grads, [12.0, 16.0, 24.0, 28.0, 4.0]);
    net.backward_inputs(&params, &[1.0; 4], &mut tape, &mut d_inputs);
    assert_eq!(d_inputs, [1.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0, -1.0, -1.0]);
}

#[test]
fn a_row_gets_the_same_bits_alone_and_in_any_batch() {
    let case = case(19);
    let net = Mlp::new(case.inputs, &case.layers);
    let (mut tape, mut other) = (Tape::default(), Tape::default());
    let (mut d_inputs, mut d_input) = (vec![0.0; case.x.len()], vec![0.0; case.inputs]);
    let all = net.forward(&case.params, &case.x, case.n, &mut tape).to_vec();
    net.backward_inputs(&case.params, &case.d_outputs, &mut tape, &mut d_inputs);
    for i in 0..case.n {
        let (x, row) = (i * case.inputs, i * net.outputs()..(i + 1) * net.outputs());
        let x = x..x + case.inputs;
        let y = net.forward(&case.params, &case.x[x.clone()], 1, &mut other);
        assert_eq!(y, &all[row.clone()]);
        net.backward_inputs(&case.params, &case.d_outputs[row], &mut other, &mut d_input);
        assert_eq!(d_input, d_inputs[x]);
    }
}

#[test]
fn any_number_of_threads_gives_the_bits_of_one() {
    for n in [1, 9, 40] {
        let case = case(n);
        let net = Mlp::new(case.inputs, &case.layers);
        let (mut tape, mut grads) = (Tape::default(), vec![0.0; net.num_params()]);
        let outputs = net.forward(&case.params, &case.x, n, &mut tape).to_vec();
        net.backward(&case.params, &case.d_outputs, &mut tape, &mut grads);
        let mut d_inputs = vec![0.0; case.x.len()];
        net.forward(&case.params, &case.x, n, &mut tape);
        net.backward_inputs(&case.params, &case.d_outputs, &mut tape, &mut d_inputs);
        for threads in 1..5 {
            let (mut pool, mut split) = (Pool::new(threads), SplitTape::default());
            let mut found = vec![7.0; net.num_params()];
            let split_outputs = net.forward_on(&mut pool, &case.params, &case.x, n, &mut split);
            assert_eq!(split_outputs, outputs, "{n} rows on {threads} threads");
            net.backward_on(&mut pool, &case.params, &case.d_outputs, &mut split, &mut found);
            assert_eq!(found, grads, "{n} rows on {threads} threads");
            let (d, mut found) = (&case.d_outputs, vec![7.0; case.x.len()]);
            net.forward_on(&mut pool, &case.params, &case.x, n, &mut split);
            net.backward_inputs_on(&mut pool, &case.params, d, &mut split, &mut found);
            assert_eq!(found, d_inputs, "{n} rows on {threads} threads");
        }
    }
}

#[test]
fn rows_of_bytes_equal_scaled_rows() {
    let (inputs, layers) = net();
    let net = Mlp::new(inputs, &layers);
    let params = numbers(4, net.num_params());
    let bytes: Vec<u8> = (0..5 * inputs).map(|i| (i * 37 % 256) as u8).collect();
    let (scale, indices) = (1.0 / 255.0, [4, 1, 1]);
    let rows = indices.iter().flat_map(|i| &bytes[i * inputs..(i + 1) * inputs]);
    let x: Vec<f32> = rows.map(|byte| f32::from(*byte) * scale).collect();
    let (mut a, mut b) = (Tape::default(), Tape::default());
    let picked = net.forward_rows_u8(&params, &bytes, scale, &[4, 1, 1], &mut a);
    assert_eq!(picked, net.forward(&params, &x, 3, &mut b));
    let indices: Vec<u32> = (0..21).map(|i| i * 3 % 5).collect();
    let input = Input::Bytes { x: &bytes, scale, indices: &indices };
    let expected = net.forward_pass(&params, Buffers::NONE, input, &mut a);
    let (mut pool, mut split) = (Pool::new(2), SplitTape::default());
    let found = net.forward_pass_on(&mut pool, &params, Buffers::NONE, input, &mut split);
    assert_eq!(found, expected);
}

#[test]
fn a_kernel_larger_than_its_padded_input_is_refused() {
    let result = std::panic::catch_unwind(|| Mlp::new(8, &[plain_conv([1, 2, 4], 3, [3, 3])]));
    assert!(result.is_err());
}
