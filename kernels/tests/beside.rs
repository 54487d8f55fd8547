//! Pictures with their channels last, and numbers beside a picture that only later layers see.

mod plain;

use plain::{ACTIVATIONS, Case, numbers};
use slm_kernels::{Buffers, Input, Layer, Mlp, Pool, SplitTape, Tape};
use slm_policy::Activation;

/// 3 x 3 kernels over a picture.
fn conv(input: [usize; 3], outputs: usize) -> Layer {
    let (kernel, stride, padding, dilation) = ([3, 3], [2, 1], [0, 0], [1, 1]);
    Layer::Conv2d { input, outputs, kernel, stride, padding, dilation, bias: true }
}

/// A critic of pictures `[7, 6, 3]` and of two numbers: 3 x 7 x 6 to 5 x 3 x 4, which makes 60.
fn critic() -> (usize, Vec<Layer>) {
    let layers = vec![
        Layer::ChannelsFirst { channels: 3, pixels: 42 },
        conv([3, 7, 6], 5),
        Layer::Activation(Activation::Relu),
        Layer::Beside { width: 2 },
        Layer::Linear { inputs: 62, outputs: 40, bias: true },
        Layer::Activation(Activation::Tanh),
        Layer::Linear { inputs: 40, outputs: 1, bias: true },
    ];
    (3 * 7 * 6 + 2, layers)
}

/// The same with batch normalization before and after the numbers come in.
fn normalized() -> (usize, Vec<Layer>) {
    let (inputs, mut layers) = critic();
    let norm = |channels, positions| Layer::BatchNorm {
        channels,
        positions,
        eps: 1e-5,
        momentum: 0.1,
        affine: true,
    };
    layers.insert(5, norm(40, 1));
    layers.insert(3, norm(5, 12));
    (inputs, layers)
}

/// A network of pictures with their channels last, all of whose inputs have gradients.
fn pictures() -> (usize, Vec<Layer>) {
    let (_, mut layers) = critic();
    layers.truncate(3);
    layers.push(Layer::Linear { inputs: 60, outputs: 2, bias: true });
    (3 * 7 * 6, layers)
}

#[test]
fn outputs_and_gradients_equal_the_plain_ones_in_f64() {
    for (inputs, layers) in [critic(), pictures()] {
        let mut case = Case::new(inputs, layers, 5, 3);
        case.check_outputs().unwrap();
        case.check_gradients().unwrap();
    }
}

#[test]
fn numbers_may_come_in_before_every_layer_and_behind_the_last() {
    let linear = |inputs| Layer::Linear { inputs, outputs: 4, bias: true };
    for activation in ACTIVATIONS.map(Layer::Activation) {
        let before = vec![Layer::Beside { width: 3 }, activation, linear(8)];
        let behind = vec![linear(5), activation, Layer::Beside { width: 3 }, activation];
        for layers in [before, behind] {
            let mut case = Case::new(8, layers, 5, 6);
            case.check_outputs().unwrap();
            case.check_gradients().unwrap();
        }
    }
}

/// What a network gives for all rows of a case: outputs, gradients of parameters, and of inputs.
fn pass(net: &Mlp, case: &Case, x: &[f32], threads: Option<usize>) -> [Vec<f32>; 3] {
    let mut buffers = vec![0.0; net.num_buffers()];
    net.init_buffers(&mut buffers);
    let (params, d) = (&case.params, &case.d_outputs);
    let mut grads = vec![7.0; net.num_params()];
    let mut d_inputs = vec![7.0; case.n * net.differentiated_inputs()];
    let buffers = Buffers::Training(&mut buffers);
    let outputs = if let Some(threads) = threads {
        let (mut pool, mut tape) = (Pool::new(threads), SplitTape::default());
        let outputs = net.forward_pass_on(&mut pool, params, buffers, Input::Rows(x), &mut tape);
        let outputs = outputs.to_vec();
        net.backward_on(&mut pool, params, d, &mut tape, &mut grads);
        net.forward_pass_on(&mut pool, params, evaluation(net), Input::Rows(x), &mut tape);
        net.backward_inputs_on(&mut pool, params, d, &mut tape, &mut d_inputs);
        outputs
    } else {
        let mut tape = Tape::default();
        let outputs = net.forward_pass(params, buffers, Input::Rows(x), &mut tape).to_vec();
        net.backward(params, d, &mut tape, &mut grads);
        net.forward_pass(params, evaluation(net), Input::Rows(x), &mut tape);
        net.backward_inputs(params, d, &mut tape, &mut d_inputs);
        outputs
    };
    [outputs, grads, d_inputs]
}

/// Running statistics of 0 and 1.
fn evaluation(net: &Mlp) -> Buffers<'static> {
    let mut buffers = vec![0.0; net.num_buffers()];
    net.init_buffers(&mut buffers);
    Buffers::Evaluation(buffers.leak())
}

#[test]
fn any_number_of_threads_gives_the_bits_of_one() {
    for (inputs, layers) in [critic(), normalized(), pictures()] {
        for n in [2, 9, 40] {
            let case = Case::new(inputs, layers.clone(), n, 12);
            let net = Mlp::new(inputs, &layers);
            let alone = pass(&net, &case, &case.x, None);
            for threads in 1..5 {
                let split = pass(&net, &case, &case.x, Some(threads));
                assert!(split == alone, "{n} rows on {threads} threads");
            }
        }
    }
}

/// Bytes of the row that holds pixel p of channel c at p·3 + c, and at c·42 + p.
#[test]
fn a_picture_gives_the_same_bits_wherever_its_channels_are() {
    let (inputs, layers) = pictures();
    let [last, first] = [&layers[..], &layers[1..]].map(|layers| Mlp::new(inputs, layers));
    let params = numbers(4, last.num_params());
    let bytes: Vec<u8> = (0..3 * inputs).map(|i| (i * 37 % 256) as u8).collect();
    let turned: Vec<u8> = (0..3 * inputs)
        .map(|i| bytes[i / inputs * inputs + i % inputs % 42 * 3 + i % inputs / 42])
        .collect();
    let floats = |bytes: &[u8]| -> Vec<f32> { bytes.iter().map(|x| f32::from(*x)).collect() };
    let indices = [2, 0, 0, 1];
    let (mut a, mut b) = (Tape::default(), Tape::default());
    let expected = first.forward_rows_u8(&params, &turned, 1.0, &indices, &mut a).to_vec();
    assert_eq!(last.forward_rows_u8(&params, &bytes, 1.0, &indices, &mut b), expected);
    assert_eq!(last.forward_rows(&params, &floats(&bytes), &indices, &mut b), expected);
    let d = numbers(5, expected.len());
    let (mut d_first, mut d_last) = (vec![0.0; 4 * inputs], vec![0.0; 4 * inputs]);
    first.backward_inputs(&params, &d, &mut a, &mut d_first);
    last.backward_inputs(&params, &d, &mut b, &mut d_last);
    for (i, d) in d_last.iter().enumerate() {
        let (row, at) = (i / inputs, i % inputs);
        assert_eq!(*d, d_first[row * inputs + at % 3 * 42 + at / 3]);
    }
}
