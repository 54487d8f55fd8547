//! Forward passes and gradients against a plain network in f64 and its finite differences.

use proptest::prelude::*;
use slm_kernels::{Isa, Layer, Mlp, Tape, gather_rows};
use slm_policy::Activation;

const ACTIVATIONS: [Activation; 14] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Relu6,
    Activation::LEAKY_RELU,
    Activation::ELU,
    Activation::Selu,
    Activation::Gelu,
    Activation::Silu,
    Activation::Mish,
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Softplus,
    Activation::Softsign,
    Activation::Hardtanh,
];

/// erf by its Maclaurin series, good to 1e-11 for |x| ≤ 4.
fn erf(x: f64) -> f64 {
    if x.abs() > 4.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..120 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

fn activate(activation: Activation, x: f64) -> f64 {
    let elu = |alpha: f64| if x > 0.0 { x } else { alpha * x.exp_m1() };
    let softplus = x.max(0.0) + (-x.abs()).exp().ln_1p();
    match activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::LeakyRelu { slope } => x.max(0.0) + f64::from(slope) * x.min(0.0),
        Activation::Elu { alpha } => elu(f64::from(alpha)),
        Activation::Selu => 1.050_700_987_355_480_5 * elu(1.673_263_242_354_377_2),
        Activation::Gelu => 0.5 * x * (1.0 + erf(x / 2.0_f64.sqrt())),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Mish => x * softplus.tanh(),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Softplus => softplus,
        Activation::Softsign => x / (1.0 + x.abs()),
        Activation::Hardtanh => x.clamp(-1.0, 1.0),
    }
}

fn affine(x: &[f64], params: &mut &[f64], outputs: usize, bias: bool) -> Vec<f64> {
    let (weight, rest) = params.split_at(x.len() * outputs);
    let (bias, rest) = rest.split_at(if bias { outputs } else { 0 });
    *params = rest;
    let mut y = if bias.is_empty() { vec![0.0; outputs] } else { bias.to_vec() };
    for (x, row) in x.iter().zip(weight.chunks_exact(outputs)) {
        y.iter_mut().zip(row).for_each(|(y, w)| *y += x * w);
    }
    y
}

fn normalize(x: &[f64], params: &mut &[f64], eps: f32, affine: bool) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let mut y: Vec<f64> =
        x.iter().map(|x| (x - mean) / (variance + f64::from(eps)).sqrt()).collect();
    if affine {
        let (gamma, rest) = params.split_at(x.len());
        let (beta, rest) = rest.split_at(x.len());
        *params = rest;
        y.iter_mut().zip(gamma).zip(beta).for_each(|((y, g), b)| *y = *y * g + b);
    }
    y
}

/// One row through the network, the plainest way.
fn reference(layers: &[Layer], mut params: &[f64], x: &[f64]) -> Vec<f64> {
    let mut x = x.to_vec();
    for layer in layers {
        x = match *layer {
            Layer::Linear { outputs, bias, .. } => affine(&x, &mut params, outputs, bias),
            Layer::LayerNorm { eps, affine, .. } => normalize(&x, &mut params, eps, affine),
            Layer::Activation(kind) => x.iter().map(|x| activate(kind, *x)).collect(),
        };
    }
    x
}

/// A network with numbers to run it on.
#[derive(Debug)]
struct Case {
    inputs: usize,
    layers: Vec<Layer>,
    n: usize,
    params: Vec<f32>,
    x: Vec<f32>,
    d_outputs: Vec<f32>,
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}

/// Numbers in [-1, 1) from a linear congruential generator.
fn numbers(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(n).collect()
}

impl Case {
    fn new(inputs: usize, layers: Vec<Layer>, n: usize, seed: u64) -> Self {
        let net = Mlp::new(inputs, &layers);
        Self {
            params: numbers(seed, net.num_params()),
            x: numbers(seed + 1, n * inputs),
            d_outputs: numbers(seed + 2, n * net.outputs()),
            inputs,
            layers,
            n,
        }
    }

    /// The outputs weighted with `d_outputs`, of which those are the gradients.
    fn loss(&self, params: &[f64], x: &[f64]) -> f64 {
        let rows = x.chunks_exact(self.inputs);
        let outputs = rows.flat_map(|x| reference(&self.layers, params, x));
        outputs.zip(&self.d_outputs).map(|(y, d)| y * f64::from(*d)).sum()
    }

    /// The slope of the loss along one of the params followed by the inputs.
    fn slope(&self, at: usize) -> f64 {
        let loss = |by: f64| {
            let (mut params, mut x) = (doubles(&self.params), doubles(&self.x));
            let count = params.len();
            *params.iter_mut().chain(&mut x).nth(at).expect("an index below both") += by;
            debug_assert!(at < count + x.len());
            self.loss(&params, &x)
        };
        // So small that hardly any kink lies within.
        (loss(1e-7) - loss(-1e-7)) / 2e-7
    }

    /// Gradients of params, then inputs.
    fn gradients(&self, isa: Isa) -> Vec<f32> {
        let net = Mlp::with_isa(isa, self.inputs, &self.layers);
        let mut tape = Tape::default();
        let mut grads = vec![9.0; net.num_params()];
        let mut d_inputs = vec![9.0; self.x.len()];
        net.forward(&self.params, &self.x, self.n, &mut tape);
        net.backward(&self.params, &self.d_outputs, &mut tape, &mut grads);
        net.forward(&self.params, &self.x, self.n, &mut tape);
        net.backward_inputs(&self.params, &self.d_outputs, &mut tape, &mut d_inputs);
        grads.extend(d_inputs);
        grads
    }

    fn check_outputs(&self) -> Result<(), TestCaseError> {
        let expected: Vec<f64> = doubles(&self.x)
            .chunks_exact(self.inputs)
            .flat_map(|x| reference(&self.layers, &doubles(&self.params), x))
            .collect();
        let scale = expected.iter().fold(1.0, |max: f64, y| max.max(y.abs()));
        for isa in Isa::available() {
            let net = Mlp::with_isa(isa, self.inputs, &self.layers);
            let mut tape = Tape::default();
            let found = net.forward(&self.params, &self.x, self.n, &mut tape);
            prop_assert_eq!(found.len(), expected.len());
            for (f, e) in found.iter().zip(&expected) {
                prop_assert!((f64::from(*f) - e).abs() < 2e-5 * scale, "{isa:?}: {f} is not {e}");
            }
        }
        Ok(())
    }

    fn check_gradients(&self) -> Result<(), TestCaseError> {
        let portable = self.gradients(Isa::PORTABLE);
        let scale = portable.iter().fold(1.0, |max: f32, g| max.max(g.abs()));
        for isa in Isa::available() {
            for (f, e) in self.gradients(isa).iter().zip(&portable) {
                prop_assert!((f - e).abs() <= 1e-5 * scale, "{isa:?}: {f} is not {e}");
            }
        }
        let every = (portable.len() / 60).max(1);
        for at in (0..portable.len()).step_by(every) {
            let (found, expected) = (f64::from(portable[at]), self.slope(at));
            let close = (found - expected).abs() < 1e-4 * f64::from(scale);
            prop_assert!(close, "gradient {at}: {found} is not {expected}");
        }
        Ok(())
    }
}

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
    fn gradients_of_any_network_equal_finite_differences_in_f64(case in cases()) {
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
        let case = Case::new(3, layers, 19, 77 + seed as u64);
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
