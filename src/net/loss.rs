//! Regression losses, with `PyTorch`'s formulas.

use burn::tensor::Tensor;

/// How far a prediction is from its target; always the mean over the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossFn {
    /// d².
    Mse,
    /// |d|.
    L1,
    /// d²/(2β) below β, |d| − β/2 above.
    SmoothL1 {
        /// Where the parabola meets the line.
        beta: f64,
    },
    /// d²/2 below δ, δ·(|d| − δ/2) above.
    Huber {
        /// Where the parabola meets the line.
        delta: f64,
    },
}

impl LossFn {
    /// Loss of one difference d, and its derivative with respect to d.
    pub fn of(self, d: f32) -> (f32, f32) {
        match self {
            Self::Mse => (d * d, 2.0 * d),
            Self::L1 => (d.abs(), sign(d)),
            Self::SmoothL1 { beta } => {
                let (loss, slope) = huber_of(d, beta as f32);
                (loss / beta as f32, slope / beta as f32)
            }
            Self::Huber { delta } => huber_of(d, delta as f32),
        }
    }

    /// Loss `[1]` of predictions against targets, both `[batch]`.
    pub fn mean(self, prediction: Tensor<1>, target: Tensor<1>) -> Tensor<1> {
        self.each(prediction - target).mean()
    }

    /// Loss of each difference.
    pub fn each<const D: usize>(self, difference: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Mse => difference.square(),
            Self::L1 => difference.abs(),
            Self::SmoothL1 { beta } => huber(difference, beta) / beta,
            Self::Huber { delta } => huber(difference, delta),
        }
    }
}

/// With c = min(|d|, δ): c²/2 + δ·(|d| − c), one expression on both sides of δ.
fn huber<const D: usize>(difference: Tensor<D>, delta: f64) -> Tensor<D> {
    let distance = difference.abs();
    let inner = distance.clone().clamp_max(delta);
    inner.clone().square() * 0.5 + (distance - inner) * delta
}

fn huber_of(d: f32, delta: f32) -> (f32, f32) {
    let inner = d.abs().min(delta);
    (0.5 * inner * inner + delta * (d.abs() - inner), d.clamp(-delta, delta))
}

/// −1, 0 or 1: the derivative of |d|, 0 at 0 as in `PyTorch`.
fn sign(d: f32) -> f32 {
    if d == 0.0 { 0.0 } else { d.signum() }
}

/// sign(x)·ln(1 + |x|). Hafner et al. (2023), arXiv:2301.04104, eq. 9.
pub fn symlog<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // Not `sign`, which is 0 at 0, and the gradient with it.
    let sign = x.clone().greater_equal_scalar(0.0).float() * 2.0 - 1.0;
    sign.clone() * (sign * x).log1p()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// Differences ½ and −3 against zero.
    fn loss(kind: LossFn) -> f32 {
        let prediction = Tensor::<1>::from_data([0.5f32, -3.0], &Device::flex());
        kind.mean(prediction.clone(), prediction.zeros_like()).into_scalar()
    }

    /// MSE (¼ + 9)/2; L1 (½ + 3)/2; smooth L1, β = 1: (⅛ + 2.5)/2, β = 2: (1/16 + 2)/2;
    /// Huber, δ = 2: (⅛ + 2·2)/2.
    #[test]
    fn losses_match_hand_computation() {
        assert_eq!(loss(LossFn::Mse), 4.625);
        assert_eq!(loss(LossFn::L1), 1.75);
        assert_eq!(loss(LossFn::SmoothL1 { beta: 1.0 }), 1.3125);
        assert_eq!(loss(LossFn::SmoothL1 { beta: 2.0 }), 1.03125);
        assert_eq!(loss(LossFn::Huber { delta: 2.0 }), 2.0625);
    }

    /// 1/(1 + |x|).
    #[test]
    fn symlog_has_a_slope_everywhere() {
        let x =
            Tensor::<1>::from_data([-3.0f32, 0.0, 1.0], &Device::flex()).autodiff().require_grad();
        let slopes = x.grad(&symlog(x.clone()).sum().backward()).unwrap();
        let slopes: Vec<f32> = slopes.into_data().try_to_vec().unwrap();
        for (found, expected) in slopes.iter().zip([0.25, 1.0, 0.5]) {
            assert!((found - expected).abs() < 1e-6, "{slopes:?}");
        }
    }

    /// `slm_golden.json`, symlog.
    #[test]
    fn symlog_matches_the_recorded_values() {
        let x = Tensor::<1>::from_data([-3.0f32, -0.5, 0.0, 2.0, 10.0], &Device::flex());
        let found: Vec<f32> = symlog(x).to_data().try_to_vec().unwrap();
        let expected = [-1.386_294_4, -0.405_465_1, 0.0, 1.098_612_3, 2.397_895_3];
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-6, "{f} is not {e}");
        }
    }
}
