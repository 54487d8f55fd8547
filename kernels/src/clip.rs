//! The global norm of gradients and the factor that limits it.

use crate::simd::Isa;
use crate::simd::Kernel;
use crate::simd::MAX_LANES;
use crate::simd::Simd;

/// The L2 norm of a vector, summed in f64.
pub fn global_norm(values: &[f32]) -> f64 {
    Isa::detect().run(SumOfSquares(values)).sqrt()
}

/// `torch.nn.utils.clip_grad_norm_`: the factor min(1, max / (norm + 1e-6)) on gradients of that
/// norm; NaN if the norm is.
pub fn clip_scale(norm: f64, max: f64) -> f32 {
    let scale = max / (norm + 1e-6);
    if scale > 1.0 { 1.0 } else { scale as f32 }
}

struct SumOfSquares<'a>(&'a [f32]);

impl Kernel for SumOfSquares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        // As many partial sums for every instruction set, so that all agree to the bit.
        let mut sums = [0.0_f64; 2 * MAX_LANES];
        let (blocks, rest) = self.0.as_chunks::<{ 2 * MAX_LANES }>();
        for block in blocks {
            for (sum, x) in sums.iter_mut().zip(block) {
                *sum += f64::from(*x) * f64::from(*x);
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            *sum += f64::from(*x) * f64::from(*x);
        }
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3² + 4² = 5²; a million times 0.1 has norm √(10⁶ · 0.01) = 100, where f32 sums drift.
    #[test]
    fn norms_equal_hand_computation() {
        assert_eq!(global_norm(&[3.0, 4.0]), 5.0);
        assert_eq!(global_norm(&[]), 0.0);
        assert!((global_norm(&vec![0.1; 1_000_000]) - 100.0).abs() < 1e-5);
    }

    #[test]
    fn norms_are_the_same_bits_on_every_instruction_set() {
        let values: Vec<f32> = (0..1003).map(|i| (i as f32 * 0.7).sin()).collect();
        for isa in Isa::available() {
            let found = isa.run(SumOfSquares(&values)).sqrt();
            assert_eq!(found.to_bits(), global_norm(&values).to_bits());
        }
    }

    #[test]
    fn only_longer_gradients_are_scaled() {
        assert_eq!(clip_scale(0.3, 0.5), 1.0);
        assert_eq!(clip_scale(0.0, 0.5), 1.0);
        assert!((clip_scale(5.0, 0.5) - 0.1).abs() < 1e-7);
        assert!(clip_scale(f64::NAN, 0.5).is_nan());
    }
}
