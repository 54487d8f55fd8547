//! Distributions of continuous actions, as tensors that carry gradients.
//!
//! The same formulas as the kernels' (`slm_kernels::Continuous`), which state their sources.

use burn::tensor::{Tensor, activation::softplus};
use slm_kernels::NORMAL_QUADRATURE;
use slm_policy::Family;

use super::dist::LOG_STD_BOUNDS;

/// ½·ln 2π.
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_7;
const LN_2: f64 = std::f64::consts::LN_2;
/// Euler's γ.
const EULER: f64 = 0.577_215_664_901_532_9;
/// Where e⁻ᶻ of Gumbel's density stops growing.
const LARGEST: f32 = 60.0;
/// How far arguments of the gamma function are moved to where its series holds in f32.
const SHIFTS: usize = 6;

/// log π and entropy `[batch, 1]`, summed over the `k` dimensions, of `outputs` `[batch, 2 k]` for
/// base values `[batch, k]`.
pub(super) fn continuous(
    family: Family,
    outputs: Tensor<2>,
    base: Tensor<2>,
    k: usize,
) -> (Tensor<2>, Tensor<2>) {
    let loc = outputs.clone().narrow(1, 0, k);
    let second = outputs.narrow(1, k, k);
    let clamped = || second.clone().clamp(LOG_STD_BOUNDS.0, LOG_STD_BOUNDS.1);
    let (log_prob, entropy) = match family {
        Family::Normal => normal(loc, clamped(), base),
        Family::NormalTanh => normal_tanh(&loc, &clamped(), base),
        Family::LogNormal => {
            let (log_prob, entropy) = normal(loc.clone(), clamped(), base.clone());
            (log_prob - base, entropy + loc)
        }
        Family::Gumbel => gumbel(loc, clamped(), base),
        Family::Beta => beta(loc, second, base),
    };
    (log_prob.sum_dim(1), entropy.sum_dim(1))
}

fn normal(mean: Tensor<2>, log_std: Tensor<2>, base: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let z = (base - mean) / log_std.clone().exp();
    let log_prob = (z.square() * 0.5 + log_std.clone() + HALF_LN_2PI).neg();
    (log_prob, log_std + (0.5 + HALF_LN_2PI))
}

fn normal_tanh(mean: &Tensor<2>, log_std: &Tensor<2>, base: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let (log_prob, mut entropy) = normal(mean.clone(), log_std.clone(), base.clone());
    let sigma = log_std.clone().exp();
    for (z, weight) in NORMAL_QUADRATURE {
        let away = sigma.clone() * z;
        let both = correction(mean.clone() + away.clone()) + correction(mean.clone() - away);
        entropy = entropy + both * weight;
    }
    (log_prob - correction(base), entropy)
}

/// ln(1 - tanh² u) = 2 (ln 2 - u - softplus(-2u)).
fn correction(u: Tensor<2>) -> Tensor<2> {
    (u.clone() + softplus(u * -2.0, 1.0) - LN_2) * -2.0
}

fn gumbel(loc: Tensor<2>, log_scale: Tensor<2>, base: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let z = (base - loc) / log_scale.clone().exp();
    let e = z.clone().neg().clamp_max(LARGEST).exp();
    ((log_scale.clone() + z + e).neg(), log_scale + (EULER + 1.0))
}

fn beta(first: Tensor<2>, second: Tensor<2>, base: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    // α - 1 and β - 1.
    let (a, b) = (softplus(first, 1.0), softplus(second, 1.0));
    let [ln_x, ln_rest] = [base.clone().neg(), base].map(|x| softplus(x, 1.0).neg());
    let ln_beta = ln_beta(a.clone() + 1.0, b.clone() + 1.0);
    let log_prob = a.clone() * ln_x + b.clone() * ln_rest - ln_beta.clone() - LN_2;
    let digammas = a.clone() * digamma(a.clone() + 1.0) + b.clone() * digamma(b.clone() + 1.0);
    let total = a + b;
    let entropy = ln_beta - digammas + total.clone() * digamma(total + 2.0) + LN_2;
    (log_prob, entropy)
}

/// ln B(a, b) for a, b ≥ 1: Stirling's formula, whose large terms cancel before they are computed.
fn ln_beta(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let total = a.clone() + b.clone();
    // ln (x / (x + y)), without loss where y is small.
    let ratio = |x: &Tensor<2>, y: &Tensor<2>| (y.clone() / x.clone()).log1p().neg();
    let (of_a, of_b) = (ratio(&a, &b), ratio(&b, &a));
    let large = (a.clone() - 0.5) * of_a + b.clone() * of_b - b.clone().log() * 0.5;
    large + HALF_LN_2PI + stirling_rest(a) + stirling_rest(b) - stirling_rest(total)
}

/// ln Γ(x) - ((x - ½) ln x - x + ½ ln 2π) for x ≥ 1.
fn stirling_rest(x: Tensor<2>) -> Tensor<2> {
    let mut y = x;
    let mut rest = y.zeros_like();
    for _ in 0..SHIFTS {
        rest = rest + (y.clone() + 0.5) * y.clone().recip().log1p() - 1.0;
        y = y + 1.0;
    }
    let inverse = y.recip();
    let z = inverse.clone().square();
    rest + inverse * ((z.clone() / 1260.0 - 1.0 / 360.0) * z + 1.0 / 12.0)
}

/// ψ(x) for x ≥ 1.
fn digamma(x: Tensor<2>) -> Tensor<2> {
    let mut y = x;
    let mut sum = y.zeros_like();
    for _ in 0..SHIFTS {
        sum = sum + y.clone().recip();
        y = y + 1.0;
    }
    let inverse = y.clone().recip();
    let z = inverse.clone().square();
    let series = ((z.clone() / -252.0 + 1.0 / 120.0) * z.clone() - 1.0 / 12.0) * z;
    y.log() - inverse * 0.5 + series - sum
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use slm_kernels::ln_gamma;

    use super::*;

    fn host(tensor: &Tensor<2>) -> Vec<f32> {
        tensor.to_data().try_to_vec().unwrap()
    }

    #[test]
    fn the_special_functions_equal_the_exact_ones() {
        let xs = [1.0_f32, 1.2, 2.0, 3.7, 10.0, 55.0, 800.0];
        let tensor = Tensor::<2>::from_data([xs], &Device::flex());
        for (x, found) in xs.iter().zip(host(&digamma(tensor.clone()))) {
            let expected = slm_kernels::digamma(f64::from(*x));
            assert!((f64::from(found) - expected).abs() < 2e-6, "ψ({x}): {found} {expected}");
        }
        let ones = tensor.ones_like() * 3.0;
        for (x, found) in xs.iter().zip(host(&ln_beta(tensor, ones))) {
            let x = f64::from(*x);
            let expected = ln_gamma(x) + ln_gamma(3.0) - ln_gamma(x + 3.0);
            assert!((f64::from(found) - expected).abs() < 1e-5, "B({x}, 3): {found} {expected}");
        }
    }

    /// From SLM-Lab's own functions: `slm_golden.json`, `tanh_normal`, `squashed_log_prob`.
    #[test]
    fn squashed_log_probabilities_equal_the_recorded_ones() {
        let device = Device::flex();
        let outputs =
            Tensor::<2>::from_data([[0.3f32, -1.2, -1.0, 0.5], [0.0, 2.0, 3.0, -7.0]], &device);
        let base = Tensor::<2>::from_data([[0.1f32, -1.0], [1.0, 2.0]], &device);
        let (log_prob, _) = continuous(Family::NormalTanh, outputs, base, 2);
        for (found, expected) in host(&log_prob).iter().zip([-0.615_470_4_f32, 4.670_532]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }
}
