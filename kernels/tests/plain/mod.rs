//! A plain network in f64, its finite differences, and checks of the kernels against both.

use proptest::prelude::*;
use slm_kernels::{Isa, Layer, Mlp, Tape};
use slm_policy::Activation;

pub(crate) const ACTIVATIONS: [Activation; 14] = [
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

/// erf, smooth to the last digits so that differences of it mean something: its Maclaurin series
/// near zero, beyond it the continued fraction of erfc.
fn erf(x: f64) -> f64 {
    if x.abs() > 2.0 {
        let fraction = (1..=120).rev().fold(x.abs(), |rest, n| x.abs() + f64::from(n) / 2.0 / rest);
        let erfc = (-x * x).exp() / fraction / std::f64::consts::PI.sqrt();
        return (1.0 - erfc).copysign(x);
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..40 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

#[test]
fn erf_has_the_digits_of_the_tables() {
    let table = [(0.5, 0.520_499_877_813_046_5), (1.9, 0.992_790_429_235_257_5)];
    let beyond = [(2.1, 0.997_020_533_343_667), (-3.0, -0.999_977_909_503_001_4)];
    for (x, expected) in table.into_iter().chain(beyond) {
        assert!((erf(x) - expected).abs() < 4e-16, "{x}: {} is not {expected}", erf(x));
    }
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

/// Every output of a convolution as its definition has it.
fn convolve(layer: &Layer, x: &[f64], params: &mut &[f64]) -> Vec<f64> {
    let Layer::Conv2d { input: [channels, height, width], outputs, kernel, bias, .. } = *layer
    else {
        return Vec::new();
    };
    let taps = channels * kernel[0] * kernel[1];
    let (weight, rest) = params.split_at(outputs * taps);
    let (bias, rest) = rest.split_at(if bias { outputs } else { 0 });
    *params = rest;
    let [rows, columns] = conv_image(layer);
    let output = |at: usize| {
        let (out, i, j) = (at / (rows * columns), at / columns % rows, at % columns);
        let tap = |tap: usize| {
            let (c, k) = (tap / (kernel[0] * kernel[1]), tap % (kernel[0] * kernel[1]));
            let [y, x_] = conv_pixel(layer, [i, j], [k / kernel[1], k % kernel[1]]);
            let inside = y < height && x_ < width;
            if inside { weight[out * taps + tap] * x[(c * height + y) * width + x_] } else { 0.0 }
        };
        (0..taps).map(tap).sum::<f64>() + bias.get(out).copied().unwrap_or(0.0)
    };
    (0..outputs * rows * columns).map(output).collect()
}

/// Height and width of a convolution's output.
pub(crate) fn conv_image(layer: &Layer) -> [usize; 2] {
    let Layer::Conv2d { input, kernel, stride, padding, dilation, .. } = *layer else {
        return [0; 2];
    };
    [0, 1].map(|axis| {
        let room = input[axis + 1] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1;
        room / stride[axis] + 1
    })
}

/// The pixel below a tap; beyond the image where there is none.
fn conv_pixel(layer: &Layer, position: [usize; 2], tap: [usize; 2]) -> [usize; 2] {
    let Layer::Conv2d { stride, padding, dilation, .. } = *layer else {
        return [0; 2];
    };
    [0, 1].map(|axis| {
        let padded = position[axis] * stride[axis] + tap[axis] * dilation[axis];
        padded.wrapping_sub(padding[axis])
    })
}

/// The arguments at which an activation has two slopes.
fn kinks(activation: Activation) -> &'static [f64] {
    match activation {
        Activation::Relu | Activation::LeakyRelu { .. } | Activation::Selu => &[0.0],
        Activation::Relu6 => &[0.0, 6.0],
        Activation::Hardtanh => &[-1.0, 1.0],
        _ => &[],
    }
}

/// Numbers of an input row that the first layer does not see.
fn beside(layers: &[Layer]) -> usize {
    let widths = layers.iter().map(|layer| match layer {
        Layer::Beside { width } => *width,
        _ => 0,
    });
    widths.sum()
}

/// One row through the network, the plainest way.
fn reference(layers: &[Layer], params: &[f64], x: &[f64]) -> Vec<f64> {
    reference_seeing(layers, params, x, |_, _| ())
}

/// The same, showing every activation the numbers it is given.
fn reference_seeing(
    layers: &[Layer],
    mut params: &[f64],
    x: &[f64],
    mut seen: impl FnMut(Activation, &[f64]),
) -> Vec<f64> {
    let (own, beside) = x.split_at(x.len() - beside(layers));
    let mut x = own.to_vec();
    for layer in layers {
        if let Layer::Activation(kind) = *layer {
            seen(kind, &x);
        }
        x = match *layer {
            Layer::BatchNorm { .. } | Layer::BatchRenorm { .. } => {
                unreachable!("rows depend on each other")
            }
            Layer::ChannelsFirst { channels, pixels } => {
                (0..channels * pixels).map(|i| x[i % pixels * channels + i / pixels]).collect()
            }
            Layer::Beside { .. } => [&x, beside].concat(),
            Layer::Linear { outputs, bias, .. } => affine(&x, &mut params, outputs, bias),
            Layer::Conv2d { .. } => convolve(layer, &x, &mut params),
            Layer::LayerNorm { eps, affine, .. } => normalize(&x, &mut params, eps, affine),
            Layer::Activation(kind) => x.iter().map(|x| activate(kind, *x)).collect(),
        };
    }
    x
}

/// A network with numbers to run it on.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) inputs: usize,
    pub(crate) layers: Vec<Layer>,
    pub(crate) n: usize,
    pub(crate) params: Vec<f32>,
    pub(crate) x: Vec<f32>,
    pub(crate) d_outputs: Vec<f32>,
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}

/// Numbers in [-1, 1) from a linear congruential generator.
pub(crate) fn numbers(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(n).collect()
}

impl Case {
    pub(crate) fn new(inputs: usize, layers: Vec<Layer>, n: usize, seed: u64) -> Self {
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

    /// Where in `x` the input of a gradient is, of which there are as many as the network gives.
    fn place(&self, at: usize) -> usize {
        let width = match beside(&self.layers) {
            0 => self.inputs,
            beside => beside,
        };
        at / width * self.inputs + self.inputs - width + at % width
    }

    /// The slope of the loss along one of the params followed by the differentiated inputs.
    fn slope(&self, at: usize) -> f64 {
        let loss = |by: f64| {
            let (mut params, mut x) = (doubles(&self.params), doubles(&self.x));
            match at.checked_sub(params.len()) {
                None => params[at] += by,
                Some(at) => x[self.place(at)] += by,
            }
            self.loss(&params, &x)
        };
        (loss(1e-6) - loss(-1e-6)) / 2e-6
    }

    /// Gradients of params, then inputs.
    fn gradients(&self, isa: Isa) -> Vec<f32> {
        let net = Mlp::with_isa(isa, self.inputs, &self.layers);
        let mut tape = Tape::default();
        let mut grads = vec![9.0; net.num_params()];
        let mut d_inputs = vec![9.0; self.n * net.differentiated_inputs()];
        net.forward(&self.params, &self.x, self.n, &mut tape);
        net.backward(&self.params, &self.d_outputs, &mut tape, &mut grads);
        net.forward(&self.params, &self.x, self.n, &mut tape);
        net.backward_inputs(&self.params, &self.d_outputs, &mut tape, &mut d_inputs);
        grads.extend(d_inputs);
        grads
    }

    pub(crate) fn check_outputs(&self) -> Result<(), TestCaseError> {
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

    /// Whether a row comes so near a kink that f32 and f64 may be on different sides of it.
    fn meets_a_kink(&self, params: &[f64], row: &[f64]) -> bool {
        let mut met = false;
        reference_seeing(&self.layers, params, row, |activation, inputs| {
            // At the kink itself is what comes flat from the activation before.
            let near =
                |x: &f64| kinks(activation).iter().any(|kink| x != kink && (x - kink).abs() < 3e-5);
            met |= inputs.iter().any(near);
        });
        met
    }

    /// Rows at a kink have no slope to compare with: the loss leaves them out.
    fn leave_out_rows_at_kinks(&mut self) {
        let (params, x) = (doubles(&self.params), doubles(&self.x));
        let outputs = self.d_outputs.len() / self.n;
        for (row, x) in x.chunks_exact(self.inputs).enumerate() {
            if self.meets_a_kink(&params, x) {
                self.d_outputs[row * outputs..][..outputs].fill(0.0);
            }
        }
    }

    pub(crate) fn check_gradients(&mut self) -> Result<(), TestCaseError> {
        self.leave_out_rows_at_kinks();
        prop_assume!(self.d_outputs.iter().any(|d| *d != 0.0));
        let portable = self.gradients(Isa::PORTABLE);
        let scale = portable.iter().fold(1.0, |max: f32, g| max.max(g.abs()));
        for isa in Isa::available() {
            for (f, e) in self.gradients(isa).iter().zip(&portable) {
                prop_assert!((f - e).abs() <= 1e-4 * scale, "{isa:?}: {f} is not {e}");
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
