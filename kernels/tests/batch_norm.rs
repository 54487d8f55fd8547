//! Batch normalization and renormalization: SLM-Lab's own numbers, finite differences, threads.

use slm_kernels::{Buffers, Input, Isa, Layer, Mlp, Pool, SplitTape, Tape};
use slm_policy::Activation;

fn numbers(seed: usize, n: usize) -> Vec<f32> {
    (0..n).map(|i| (((i + 31 * seed) * 7919) % 2003) as f32 / 1001.5 - 1.0).collect()
}

fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance * (1.0 + e.abs()), "{found:?} is not {expected:?}");
    }
}

fn renorm(width: usize, warmup_steps: u64) -> Layer {
    Layer::BatchRenorm { width, eps: 1e-3, momentum: 0.1, r_max: 3.0, d_max: 5.0, warmup_steps }
}

fn norm(channels: usize, positions: usize) -> Layer {
    Layer::BatchNorm { channels, positions, eps: 1e-5, momentum: 0.1, affine: true }
}

/// Gains 1, biases 0 and fresh buffers.
fn fresh(net: &Mlp, width: usize) -> (Vec<f32>, Vec<f32>) {
    let mut buffers = vec![9.0; net.num_buffers()];
    net.init_buffers(&mut buffers);
    ([vec![1.0; width], vec![0.0; width]].concat(), buffers)
}

/// Recorded from SLM-Lab's `BatchRenorm1d(2, momentum=0.1, eps=1e-3, warmup_steps=4, r_max=3,
/// d_max=5)`.
#[test]
fn batch_renorm_gives_the_recorded_numbers_of_slm_lab() {
    let net = Mlp::new(2, &[renorm(2, 4)]);
    let (params, mut buffers) = fresh(&net, 2);
    let mut tape = Tape::default();
    let batches = [
        (
            [1.0, 2.0, 3.0, -2.0, 5.0, 0.0],
            [-1.224_515, 1.224_515, 0.0, -1.224_515, 1.224_515, 0.0],
            [0.3, 0.0, 1.166_666_6, 1.166_666_6, 1.0],
        ),
        (
            [2.0, 4.0, 6.0, -4.0, 10.0, 0.0],
            [-0.587_031, 1.837_031, 1.25, -1.837_031, 3.087_031, 0.0],
            [0.87, 0.0, 2.116_666_6, 2.116_666_6, 2.0],
        ),
        (
            [3.0, 6.0, 9.0, -6.0, 15.0, 0.0],
            [0.050_561, 2.449_439, 2.5, -2.449_439, 4.949_439, 0.0],
            [1.683, 0.0, 4.305, 4.305, 3.0],
        ),
    ];
    for (x, y, after) in batches {
        let training = Buffers::Training(&mut buffers);
        let found = net.forward_pass(&params, training, Input::Rows(&x), &mut tape);
        assert_close(found, &y, 2e-6);
        assert_close(&buffers, &after, 1e-6);
    }
    let evaluation = Buffers::Evaluation(&buffers);
    let found = net.forward_pass(&params, evaluation, Input::Rows(&[1.0, 2.0]), &mut tape);
    assert_close(found, &[-0.329_142, 0.963_814], 2e-6);
}

/// Two rows of one channel at two positions: 1 3 / 5 7 have mean 4 and variance 5, unbiased
/// 20/3. The running mean becomes 0.1 · 4, the running variance 0.9 + 0.1 · 20/3. With gain 2 and
/// bias 1 the outputs are 1 + 2 · (-3, -1, 1, 3)/√5.
#[test]
fn batch_norm_keeps_the_unbiased_variance_and_normalizes_by_the_biased_one() {
    let layer =
        Layer::BatchNorm { channels: 1, positions: 2, eps: 0.0, momentum: 0.1, affine: true };
    let net = Mlp::new(2, &[layer]);
    let (params, x, mut tape) = ([2.0, 1.0], [1.0, 3.0, 5.0, 7.0], Tape::default());
    let mut buffers = vec![0.0, 1.0];
    let training = Buffers::Training(&mut buffers);
    let found = net.forward_pass(&params, training, Input::Rows(&x), &mut tape);
    let unit = 2.0 / 5.0_f32.sqrt();
    assert_close(found, &[-3.0, -1.0, 1.0, 3.0].map(|x| 1.0 + unit * x), 1e-6);
    assert_close(&buffers, &[0.4, 0.9 + 2.0 / 3.0], 1e-6);
    let evaluation = Buffers::Evaluation(&buffers);
    let found = net.forward_pass(&params, evaluation, Input::Rows(&x[..2]), &mut tape);
    let scale = 2.0 / (0.9_f32 + 2.0 / 3.0).sqrt();
    assert_close(found, &[1.0 + 0.6 * scale, 1.0 + 2.6 * scale], 1e-6);
}

/// A normalization of vectors and one of images within a network.
fn net(isa: Isa) -> Mlp {
    let conv = Layer::Conv2d {
        input: [2, 4, 5],
        outputs: 3,
        kernel: [2, 2],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        bias: false,
    };
    let tanh = Layer::Activation(Activation::Tanh);
    let linear = Layer::Linear { inputs: 36, outputs: 70, bias: true };
    let head = Layer::Linear { inputs: 70, outputs: 2, bias: true };
    let silu = Layer::Activation(Activation::Silu);
    let plain =
        Layer::BatchNorm { channels: 70, positions: 1, eps: 1e-2, momentum: 0.3, affine: false };
    let layers = [norm(2, 20), conv, norm(3, 12), tanh, linear, plain, renorm(70, 2), silu, head];
    Mlp::with_isa(isa, 40, &layers)
}

struct Case {
    params: Vec<f32>,
    buffers: Vec<f32>,
    x: Vec<f32>,
    d: Vec<f32>,
}

impl Case {
    /// After a batch, so that renormalization corrects something.
    fn new(net: &Mlp, n: usize) -> Self {
        let mut buffers = vec![0.0; net.num_buffers()];
        net.init_buffers(&mut buffers);
        let params = numbers(1, net.num_params()).iter().map(|p| p * 0.5 + 0.2).collect();
        let mut case = Case { params, buffers, x: numbers(2, n * 40), d: numbers(3, n * 2) };
        let mut trained = case.buffers.clone();
        let first = numbers(4, 50 * 40);
        let training = Buffers::Training(&mut trained);
        net.forward_pass(&case.params, training, Input::Rows(&first), &mut Tape::default());
        case.buffers = trained;
        case
    }

    /// The outputs weighted with `d`, of which those are the gradients.
    fn loss(&self, net: &Mlp, params: &[f32], x: &[f32], is_training: bool) -> f64 {
        let (mut buffers, mut tape) = (self.buffers.clone(), Tape::default());
        let mode = mode(&mut buffers, is_training);
        let y = net.forward_pass(params, mode, Input::Rows(x), &mut tape);
        y.iter().zip(&self.d).map(|(y, d)| f64::from(*y) * f64::from(*d)).sum()
    }

    /// Forward and backward, then forward and backward for the inputs.
    fn passes(&self, net: &Mlp, is_training: bool) -> Passes {
        let Self { params, d, .. } = self;
        let (mut found, mut tape) = (Passes::new(self), Tape::default());
        let (mut again, input) = (self.buffers.clone(), Input::Rows(&self.x));
        let own_mode = mode(&mut found.buffers, is_training);
        found.outputs = net.forward_pass(params, own_mode, input, &mut tape).to_vec();
        net.backward(params, d, &mut tape, &mut found.grads);
        net.forward_pass(params, mode(&mut again, is_training), input, &mut tape);
        net.backward_inputs(params, d, &mut tape, &mut found.d_inputs);
        found
    }

    /// The same on the threads of a pool.
    fn passes_on(&self, pool: &mut Pool, net: &Mlp, is_training: bool) -> Passes {
        let Self { params, d, .. } = self;
        let (mut found, mut tape) = (Passes::new(self), SplitTape::default());
        let (mut again, input) = (self.buffers.clone(), Input::Rows(&self.x));
        let own_mode = mode(&mut found.buffers, is_training);
        found.outputs = net.forward_pass_on(pool, params, own_mode, input, &mut tape).to_vec();
        net.backward_on(pool, params, d, &mut tape, &mut found.grads);
        net.forward_pass_on(pool, params, mode(&mut again, is_training), input, &mut tape);
        net.backward_inputs_on(pool, params, d, &mut tape, &mut found.d_inputs);
        found
    }
}

fn mode(buffers: &mut [f32], is_training: bool) -> Buffers<'_> {
    if is_training { Buffers::Training(buffers) } else { Buffers::Evaluation(buffers) }
}

#[derive(Debug, PartialEq)]
struct Passes {
    outputs: Vec<f32>,
    buffers: Vec<f32>,
    grads: Vec<f32>,
    d_inputs: Vec<f32>,
}

impl Passes {
    fn new(case: &Case) -> Self {
        let [grads, d_inputs] = [case.params.len(), case.x.len()].map(|n| vec![7.0; n]);
        Passes { outputs: Vec::new(), buffers: case.buffers.clone(), grads, d_inputs }
    }
}

/// r and d of renormalization are constants in backward passes, which finite differences do not
/// know; so its corrections are switched off here, and checked below.
fn check_differences(net: &Mlp, case: &Case, is_training: bool) {
    let found = case.passes(net, is_training);
    let grads = [found.grads, found.d_inputs].concat();
    let scale = grads.iter().fold(1.0, |max: f32, g| max.max(g.abs()));
    let count = case.params.len();
    for at in (0..grads.len()).step_by(13) {
        let slope = |by: f32| {
            let (mut params, mut x) = (case.params.clone(), case.x.clone());
            let to = if at < count { &mut params[at] } else { &mut x[at - count] };
            *to += by;
            case.loss(net, &params, &x, is_training)
        };
        let expected = ((slope(4e-3) - slope(-4e-3)) / 8e-3) as f32;
        // The step's square and rounding in f32 both stay below this.
        let close = (grads[at] - expected).abs() < 4e-3 * scale;
        assert!(close, "gradient {at}: {} is not {expected}", grads[at]);
    }
}

#[test]
fn gradients_equal_finite_differences_in_both_modes() {
    for isa in Isa::available() {
        let net = net(isa);
        let mut case = Case::new(&net, 24);
        check_differences(&net, &case, false);
        // No batch seen: no corrections.
        *case.buffers.last_mut().unwrap() = 0.0;
        check_differences(&net, &case, true);
    }
}

/// With r and d held, y = (x̂ r + d) gamma + beta is r times an affine function of the plain
/// normalization: its input gradients are r times those without corrections, its gain's gradient
/// is Σ dy · (x̂ r + d). Here r = 0.5/0.25 = 2 within its bound, d = (0 - 0.5)/0.25 = -2.
#[test]
fn corrections_of_renormalization_are_constants_in_backward_passes() {
    let layer = |warmup_steps| Layer::BatchRenorm {
        width: 1,
        eps: 0.0,
        momentum: 0.1,
        r_max: 3.0,
        d_max: 5.0,
        warmup_steps,
    };
    let (params, x, d) = ([1.5, 0.25], [-0.5, 0.5, 0.5, -0.5], [0.3, -0.2, 0.9, 0.1]);
    let run = |warmup_steps, steps| {
        let (net, mut tape) = (Mlp::new(1, &[layer(warmup_steps)]), Tape::default());
        let mut buffers = [0.5, 0.0625, steps];
        let training = Buffers::Training(&mut buffers);
        let y = net.forward_pass(&params, training, Input::Rows(&x), &mut tape).to_vec();
        let (mut grads, mut d_inputs) = ([0.0; 2], [0.0; 4]);
        net.backward(&params, &d, &mut tape, &mut grads);
        net.backward_inputs(&params, &d, &mut tape, &mut d_inputs);
        (y, grads, d_inputs)
    };
    let (_, _, plain) = run(10, 0.0);
    let (y, grads, d_inputs) = run(10, 10.0);
    // x̂ is -1 1 1 -1; corrected -4 0 0 -4; times 1.5 plus 0.25.
    assert_close(&y, &[-5.75, 0.25, 0.25, -5.75], 1e-6);
    // -4 · (0.3 + 0.1), and 0.3 - 0.2 + 0.9 + 0.1.
    assert_close(&grads, &[-1.6, 1.1], 1e-6);
    assert_close(&d_inputs, &plain.map(|d| 2.0 * d), 1e-6);
    assert_eq!(run(0, 0.0), run(10, 10.0));
}

#[test]
fn evaluation_leaves_rows_independent_and_training_couples_them() {
    let net = net(Isa::detect());
    let case = Case::new(&net, 6);
    let (mut tape, mut other) = (Tape::default(), Tape::default());
    let all = Input::Rows(&case.x);
    let all = net.forward_pass(&case.params, Buffers::Evaluation(&case.buffers), all, &mut tape);
    let one = Input::Picked { x: &case.x, indices: &[4] };
    let one = net.forward_pass(&case.params, Buffers::Evaluation(&case.buffers), one, &mut other);
    assert_eq!(one, &all[8..10]);
    let mut buffers = case.buffers.clone();
    let training = Buffers::Training(&mut buffers);
    let coupled = net.forward_pass(&case.params, training, Input::Rows(&case.x), &mut other);
    assert_ne!(coupled, all);
    assert_ne!(buffers, case.buffers);
}

#[test]
fn any_number_of_threads_gives_the_bits_of_one() {
    let net = net(Isa::detect());
    for (n, is_training) in [2, 9, 33, 130].into_iter().flat_map(|n| [(n, true), (n, false)]) {
        let case = Case::new(&net, n);
        let expected = case.passes(&net, is_training);
        for threads in 1..5 {
            let found = case.passes_on(&mut Pool::new(threads), &net, is_training);
            assert_eq!(found, expected, "{n} rows on {threads} threads");
        }
    }
}

#[test]
fn a_network_with_buffers_does_not_run_without_them() {
    let net = Mlp::new(3, &[norm(3, 1)]);
    assert_eq!([net.num_params(), net.num_buffers()], [6, 6]);
    let result = std::panic::catch_unwind(|| {
        net.forward(&[1.0; 6], &[1.0; 6], 2, &mut Tape::default()).to_vec()
    });
    assert!(result.is_err());
}
