//! Activation functions and their derivatives over slices.

use slm_policy::Activation;

use crate::lanes::blocks;
use crate::math;
use crate::simd::Kernel;
use crate::simd::Simd;

const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;
/// 1/√(2π).
const NORMAL_PEAK: f32 = 0.398_942_3;

/// Which side of an activation its derivative is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The output, which the next layer needs anyway.
    Output,
    /// The input, kept besides.
    Input,
}

/// What the derivative of an activation is computed from.
pub(crate) fn keep(activation: Activation) -> Keep {
    match activation {
        Activation::Identity
        | Activation::Relu
        | Activation::Relu6
        | Activation::Tanh
        | Activation::Sigmoid
        | Activation::Selu
        | Activation::Softsign
        | Activation::Hardtanh => Keep::Output,
        Activation::Elu { alpha } if alpha > 0.0 => Keep::Output,
        Activation::Elu { .. }
        | Activation::LeakyRelu { .. }
        | Activation::Gelu
        | Activation::Silu
        | Activation::Mish
        | Activation::Softplus => Keep::Input,
    }
}

/// Applies an activation in place.
pub(crate) struct Activate<'a> {
    pub(crate) activation: Activation,
    pub(crate) values: &'a mut [f32],
}

/// Multiplies gradients with the derivative of an activation, in place.
pub(crate) struct Differentiate<'a> {
    pub(crate) activation: Activation,
    /// Inputs or outputs of the activation, as [`keep`] says.
    pub(crate) kept: &'a [f32],
    pub(crate) grads: &'a mut [f32],
}

impl Kernel for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for at in blocks::<S>(self.values.len()) {
            let y = value(s, self.activation, at.load(s, self.values));
            at.store(s, y, self.values);
        }
    }
}

impl Kernel for Differentiate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { activation, kept, grads } = self;
        assert_eq!(kept.len(), grads.len(), "each gradient has a value");
        for at in blocks::<S>(grads.len()) {
            let slope = match keep(activation) {
                Keep::Output => slope_where(s, activation, at.load(s, kept)),
                Keep::Input => slope_at(s, activation, at.load(s, kept)),
            };
            at.store(s, s.mul(slope, at.load(s, grads)), grads);
        }
    }
}

/// The activation of x. A branch per vector is cheap, as it goes the same way every time.
#[inline(always)]
fn value<S: Simd>(s: S, activation: Activation, x: S::V) -> S::V {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    match activation {
        Activation::Identity => x,
        Activation::Relu => s.max(zero, x),
        Activation::Relu6 => math::clamp(s, x, 0.0, 6.0),
        Activation::LeakyRelu { slope } => s.select_gt(zero, x, s.mul(s.splat(slope), x), x),
        Activation::Elu { alpha } => elu(s, x, 1.0, alpha),
        Activation::Selu => elu(s, x, SELU_SCALE, SELU_ALPHA),
        Activation::Gelu => s.mul(x, normal_share(s, x)),
        Activation::Silu => s.mul(x, math::sigmoid(s, x)),
        Activation::Mish => s.mul(x, mish_parts(s, x)[0]),
        Activation::Tanh => math::tanh(s, x),
        Activation::Sigmoid => math::sigmoid(s, x),
        Activation::Softplus => math::softplus(s, x),
        Activation::Softsign => s.div(x, s.add(one, s.abs(x))),
        Activation::Hardtanh => math::clamp(s, x, -1.0, 1.0),
    }
}

/// The derivative, where the activation took the value y, of those that keep their output.
#[inline(always)]
fn slope_where<S: Simd>(s: S, activation: Activation, y: S::V) -> S::V {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    match activation {
        Activation::Relu => s.select_gt(y, zero, one, zero),
        Activation::Relu6 => inside(s, y, [0.0, 6.0]),
        Activation::Hardtanh => inside(s, y, [-1.0, 1.0]),
        Activation::Tanh => s.fma(math::neg(s, y), y, one),
        Activation::Sigmoid => s.mul(y, s.sub(one, y)),
        Activation::Elu { alpha } => elu_slope(s, y, 1.0, alpha),
        Activation::Selu => elu_slope(s, y, SELU_SCALE, SELU_ALPHA),
        Activation::Softsign => {
            let rest = s.sub(one, s.abs(y));
            s.mul(rest, rest)
        }
        _ => one, // Identity.
    }
}

/// The derivative at input x of the activations that keep their input.
#[inline(always)]
fn slope_at<S: Simd>(s: S, activation: Activation, x: S::V) -> S::V {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    match activation {
        Activation::LeakyRelu { slope } => s.select_gt(x, zero, one, s.splat(slope)),
        Activation::Elu { alpha } => {
            s.select_gt(x, zero, one, s.mul(s.splat(alpha), math::exp(s, x)))
        }
        Activation::Gelu => {
            let density = math::exp(s, s.mul(s.splat(-0.5), s.mul(x, x)));
            s.fma(s.mul(x, s.splat(NORMAL_PEAK)), density, normal_share(s, x))
        }
        Activation::Silu => {
            let y = math::sigmoid(s, x);
            s.mul(y, s.fma(x, s.sub(one, y), one))
        }
        Activation::Mish => {
            let [share, slope] = mish_parts(s, x);
            s.fma(x, slope, share)
        }
        _ => math::sigmoid(s, x), // Softplus, the last one.
    }
}

/// `scale` · x where positive, `scale` · `alpha` (eˣ - 1) elsewhere.
#[inline(always)]
fn elu<S: Simd>(s: S, x: S::V, scale: f32, alpha: f32) -> S::V {
    let negative = s.mul(s.splat(alpha), math::expm1(s, x));
    s.mul(s.splat(scale), s.select_gt(x, s.splat(0.0), x, negative))
}

/// The derivative of [`elu`] where it took the value y: eˣ is y / (`scale` · `alpha`) + 1.
#[inline(always)]
fn elu_slope<S: Simd>(s: S, y: S::V, scale: f32, alpha: f32) -> S::V {
    let negative = s.add(y, s.splat(scale * alpha));
    s.select_gt(y, s.splat(0.0), s.splat(scale), negative)
}

/// 1 where y lies strictly between the bounds, 0 elsewhere.
#[inline(always)]
fn inside<S: Simd>(s: S, y: S::V, [low, high]: [f32; 2]) -> S::V {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    s.select_gt(y, s.splat(low), s.select_gt(s.splat(high), y, one, zero), zero)
}

/// Φ(x), the share of the standard normal distribution below x.
#[inline(always)]
fn normal_share<S: Simd>(s: S, x: S::V) -> S::V {
    let tail = math::normal_tail(s, s.abs(x));
    s.select_gt(x, s.splat(0.0), s.sub(s.splat(1.0), tail), tail)
}

/// tanh(softplus(x)) and its derivative.
///
/// With e = eˣ and w = e² + 2e they are w / (w + 2) and 4 e (e + 1) / (w + 2)².
#[inline(always)]
fn mish_parts<S: Simd>(s: S, x: S::V) -> [S::V; 2] {
    // At 20 the first is one in f32 and the second zero.
    let e = math::exp(s, math::clamp(s, x, -87.0, 20.0));
    let two = s.splat(2.0);
    let w = s.mul(e, s.add(e, two));
    let inverse = s.div(s.splat(1.0), s.add(w, two));
    let rise = s.mul(s.mul(s.splat(4.0), e), s.add(e, s.splat(1.0)));
    [s.mul(w, inverse), s.mul(s.mul(rise, inverse), inverse)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Isa;

    const ALL: [Activation; 15] = [
        Activation::Identity,
        Activation::Relu,
        Activation::Relu6,
        Activation::LEAKY_RELU,
        Activation::ELU,
        Activation::Elu { alpha: -0.5 },
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

    fn grid() -> Vec<f32> {
        (-1203..1203).map(|i| i as f32 * 0.01 + 0.003).collect()
    }

    #[test]
    fn every_activation_equals_the_one_that_acts() {
        let x = grid();
        for (isa, activation) in
            Isa::available().into_iter().flat_map(|isa| ALL.map(|activation| (isa, activation)))
        {
            let (mut found, mut expected) = (x.clone(), x.clone());
            isa.run(Activate { activation, values: &mut found });
            activation.apply(&mut expected);
            for (f, e) in found.iter().zip(&expected) {
                let close = (f - e).abs() < 1e-6 * (1.0 + e.abs());
                assert!(close, "{activation:?} {isa:?}: {f} is not {e}");
            }
        }
    }

    #[test]
    fn every_derivative_equals_the_slope_of_the_activation() {
        let x = grid();
        for (isa, activation) in
            Isa::available().into_iter().flat_map(|isa| ALL.map(|activation| (isa, activation)))
        {
            let shifted = |by: f32| {
                let mut values: Vec<f32> = x.iter().map(|x| x + by).collect();
                activation.apply(&mut values);
                values
            };
            let (low, y, high) = (shifted(-1e-2), shifted(0.0), shifted(1e-2));
            let mut found = vec![2.0; x.len()];
            let kept = if keep(activation) == Keep::Output { &y } else { &x };
            isa.run(Differentiate { activation, kept, grads: &mut found });
            for (i, d) in found.iter().enumerate() {
                // Kinks lie at these points.
                let kink = [-1.0, 0.0, 1.0, 6.0].iter().any(|k| (x[i] - k).abs() < 0.011);
                let slope = (high[i] - low[i]) / 2e-2;
                let close = kink || (d - 2.0 * slope).abs() < 1e-3;
                assert!(close, "{activation:?} {isa:?} at {}: {d} is not 2 · {slope}", x[i]);
            }
        }
    }

    #[test]
    fn derivatives_at_the_kinks_are_those_of_pytorch() {
        let at_kinks = |activation, kept: [f32; 2]| {
            let mut grads = [1.0; 2];
            Isa::detect().run(Differentiate { activation, kept: &kept, grads: &mut grads });
            grads
        };
        assert_eq!(at_kinks(Activation::Relu, [0.0, -0.0]), [0.0, 0.0]);
        assert_eq!(at_kinks(Activation::Relu6, [0.0, 6.0]), [0.0, 0.0]);
        assert_eq!(at_kinks(Activation::Hardtanh, [-1.0, 1.0]), [0.0, 0.0]);
        assert_eq!(at_kinks(Activation::LEAKY_RELU, [0.0, 1.0]), [0.01, 1.0]);
        assert_eq!(at_kinks(Activation::ELU, [0.0, 1.0]), [1.0, 1.0]);
    }
}
