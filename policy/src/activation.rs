//! Activation functions, applied in place.

use crate::math;

/// An element-wise function. The names are `PyTorch`'s, in snake case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// x.
    Identity,
    /// max(0, x).
    Relu,
    /// min(max(0, x), 6).
    Relu6,
    /// x where positive, `slope` · x elsewhere; `PyTorch`'s default slope is 0.01.
    LeakyRelu {
        /// Factor on negative inputs.
        slope: f32,
    },
    /// x where positive, `alpha` (eˣ - 1) elsewhere; `PyTorch`'s default alpha is 1.
    Elu {
        /// Negated limit at minus infinity.
        alpha: f32,
    },
    /// Klambauer et al. (2017), "Self-Normalizing Neural Networks", arXiv:1706.02515.
    Selu,
    /// x Φ(x) with the error function (`PyTorch`'s default, not the tanh approximation).
    Gelu,
    /// x · sigmoid(x), also called swish.
    Silu,
    /// x · tanh(softplus(x)).
    Mish,
    /// tanh x.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// ln(1 + eˣ).
    Softplus,
    /// x / (1 + |x|).
    Softsign,
    /// x limited to [-1, 1].
    Hardtanh,
}

const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;

impl Activation {
    /// Slope of `PyTorch`'s `LeakyReLU` unless told otherwise.
    pub const LEAKY_RELU: Activation = Activation::LeakyRelu { slope: 0.01 };
    /// `PyTorch`'s `ELU` unless told otherwise.
    pub const ELU: Activation = Activation::Elu { alpha: 1.0 };

    /// The name in a policy file.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Identity => "identity",
            Activation::Relu => "relu",
            Activation::Relu6 => "relu6",
            Activation::LeakyRelu { .. } => "leaky_relu",
            Activation::Elu { .. } => "elu",
            Activation::Selu => "selu",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Mish => "mish",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::Softplus => "softplus",
            Activation::Softsign => "softsign",
            Activation::Hardtanh => "hardtanh",
        }
    }

    /// The function of that name, with `PyTorch`'s default parameter where it has one.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
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
        all.into_iter().find(|activation| activation.name() == name)
    }

    /// Applies the function to every element.
    #[inline(always)]
    pub fn apply(self, values: &mut [f32]) {
        match self {
            Activation::Identity => {}
            Activation::Relu => map(values, relu),
            Activation::Relu6 => map(values, |x| math::clamp(x, 0.0, 6.0)),
            Activation::LeakyRelu { slope } => map(values, |x| if x < 0.0 { slope * x } else { x }),
            Activation::Elu { alpha } => map(values, |x| elu(x, alpha)),
            Activation::Selu => map(values, |x| SELU_SCALE * elu(x, SELU_ALPHA)),
            Activation::Gelu => map(values, gelu),
            Activation::Silu => map(values, |x| x * math::sigmoid(x)),
            Activation::Mish => map(values, |x| x * math::tanh(math::softplus(x))),
            Activation::Tanh => map(values, math::tanh),
            Activation::Sigmoid => map(values, math::sigmoid),
            Activation::Softplus => map(values, math::softplus),
            Activation::Softsign => map(values, softsign),
            Activation::Hardtanh => map(values, |x| math::clamp(x, -1.0, 1.0)),
        }
    }
}

/// Lanes of one block: as wide as the widest vector register.
const LANES: usize = 16;

#[inline(always)]
fn map(values: &mut [f32], f: impl Fn(f32) -> f32) {
    let (blocks, rest) = values.as_chunks_mut::<LANES>();
    for block in blocks {
        for x in block {
            *x = f(*x);
        }
    }
    for x in rest {
        *x = f(*x);
    }
}

#[inline(always)]
fn relu(x: f32) -> f32 {
    if 0.0 > x { 0.0 } else { x }
}

#[inline(always)]
fn elu(x: f32, alpha: f32) -> f32 {
    let negative = alpha * math::expm1(x);
    if x > 0.0 { x } else { negative }
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    let magnitude = if x < 0.0 { -x } else { x };
    // The tail of the normal distribution beyond |x|: exact zero far out, unlike 1 - erf.
    let tail = 0.5 * math::erfc_positive(magnitude * core::f32::consts::FRAC_1_SQRT_2);
    if x > 0.0 { x - x * tail } else { x * tail }
}

#[inline(always)]
fn softsign(x: f32) -> f32 {
    let magnitude = if x < 0.0 { -x } else { x };
    x / (1.0 + magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks values at -2, -0.5, 0 and 1.5 computed from the definitions in f64.
    fn check(activation: Activation, want: [f32; 4]) {
        let mut values = [-2.0, -0.5, 0.0, 1.5];
        activation.apply(&mut values);
        for (got, want) in values.iter().zip(want) {
            assert!((got - want).abs() < 1e-6, "{activation:?}: {got} is not {want}");
        }
    }

    #[test]
    fn piecewise_linear_functions_equal_their_definitions() {
        check(Activation::Identity, [-2.0, -0.5, 0.0, 1.5]);
        check(Activation::Relu, [0.0, 0.0, 0.0, 1.5]);
        check(Activation::LEAKY_RELU, [-0.02, -0.005, 0.0, 1.5]);
        check(Activation::Hardtanh, [-1.0, -0.5, 0.0, 1.0]);
        check(Activation::Softsign, [-2.0 / 3.0, -1.0 / 3.0, 0.0, 0.6]);
        let mut large = [7.5, -1.0];
        Activation::Relu6.apply(&mut large);
        assert_eq!(large, [6.0, 0.0]);
    }

    #[test]
    fn smooth_functions_equal_recorded_values() {
        check(Activation::ELU, [-0.864_664_7, -0.393_469_3, 0.0, 1.5]);
        check(Activation::Selu, [-1.520_166_5, -0.691_758_2, 0.0, 1.576_051_5]);
        let mut far = [-10.0, 10.0];
        Activation::Gelu.apply(&mut far);
        assert!(far[0].abs() < 1e-20 && far[1] == 10.0, "{far:?}");
        check(Activation::Gelu, [-0.045_500_3, -0.154_268_8, 0.0, 1.399_789_2]);
        check(Activation::Silu, [-0.238_405_8, -0.188_770_3, 0.0, 1.226_361_7]);
        check(Activation::Mish, [-0.252_501_5, -0.220_743_8, 0.0, 1.403_378_3]);
        check(Activation::Tanh, [-0.964_027_6, -0.462_117_2, 0.0, 0.905_148_3]);
        check(Activation::Sigmoid, [0.119_202_9, 0.377_540_7, 0.5, 0.817_574_5]);
        let ln_2 = core::f32::consts::LN_2;
        check(Activation::Softplus, [0.126_928, 0.474_077, ln_2, 1.701_413_3]);
    }

    #[test]
    fn names_lead_back_to_their_functions() {
        for name in ["relu", "leaky_relu", "tanh", "selu", "silu", "gelu", "elu", "softplus"] {
            assert_eq!(Activation::from_name(name).map(Activation::name), Some(name));
        }
        assert_eq!(Activation::from_name("sine"), None);
    }

    #[test]
    fn nan_stays_nan_instead_of_becoming_an_action() {
        for activation in [Activation::Relu, Activation::Tanh, Activation::ELU, Activation::Gelu] {
            let mut values = [f32::NAN];
            activation.apply(&mut values);
            assert!(values[0].is_nan(), "{activation:?}");
        }
    }

    #[test]
    fn an_element_does_not_depend_on_its_place_in_the_slice() {
        let values: alloc::vec::Vec<f32> = (0..37).map(|i| i as f32 * 0.31 - 5.0).collect();
        for activation in [Activation::Tanh, Activation::Gelu, Activation::Mish, Activation::Selu] {
            let mut all = values.clone();
            activation.apply(&mut all);
            for (x, y) in values.iter().zip(&all) {
                let mut one = [*x];
                activation.apply(&mut one);
                assert_eq!(one[0].to_bits(), y.to_bits());
            }
        }
    }
}
