//! From logits to indices: the best, or one drawn at random.

use crate::math;
use crate::noise::Noise;

/// Index of the largest value, the lowest one on ties; NaN never wins.
#[inline]
pub fn argmax(values: &[f32]) -> usize {
    let mut best = (f32::NEG_INFINITY, 0);
    for (i, value) in values.iter().enumerate() {
        if *value > best.0 {
            best = (*value, i);
        }
    }
    best.1
}

/// Draws an index with probability softmax(`logits`), given `u` drawn uniformly from [0, 1).
///
/// The inverse of the cumulative distribution: larger `u` gives larger indices.
pub fn sample_categorical(logits: &[f32], u: f64) -> usize {
    let top = logits[argmax(logits)];
    let weight = |x: &f32| f64::from(math::exp(x - top));
    let mut left = u * logits.iter().map(weight).sum::<f64>();
    let mut last = 0;
    for (i, weight) in logits.iter().map(weight).enumerate() {
        if weight > 0.0 {
            last = i;
            if left < weight {
                return i;
            }
        }
        left -= weight;
    }
    last
}

/// Draws 1 with probability sigmoid(`logit`), else 0.
pub(crate) fn sample_switch(logit: f32, noise: &mut impl Noise) -> u32 {
    u32::from(noise.uniform() < f64::from(math::sigmoid(logit)))
}

/// Writes one index per choice of `nvec` `[k]`, whose logits lie side by side: drawn with noise, the best without.
pub(crate) fn choose_each<N: Noise>(
    nvec: &[usize],
    logits: &[f32],
    mut noise: Option<&mut N>,
    to: &mut [u32],
) {
    let mut rest = logits;
    for (to, n) in to.iter_mut().zip(nvec) {
        let (own, others) = rest.split_at(*n);
        *to = choose(own, noise.as_deref_mut());
        rest = others;
    }
}

/// One index: drawn with noise, the best without.
#[inline]
pub(crate) fn choose<N: Noise>(logits: &[f32], noise: Option<&mut N>) -> u32 {
    match noise {
        None => argmax(logits) as u32,
        Some(noise) => sample_categorical(logits, noise.uniform()) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argmax_takes_the_lowest_index_on_ties_and_ignores_nan() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0, 2.0]), 1);
        assert_eq!(argmax(&[f32::NAN, -1.0]), 1);
        assert_eq!(argmax(&[f32::NEG_INFINITY; 3]), 0);
    }

    #[test]
    fn sampling_inverts_the_cumulative_softmax() {
        // softmax of ln 1, ln 2, ln 1 = 1/4, 1/2, 1/4.
        let logits = [0.0, core::f32::consts::LN_2, 0.0];
        let drawn =
            [0.0, 0.249, 0.251, 0.749, 0.751, 0.999_999].map(|u| sample_categorical(&logits, u));
        assert_eq!(drawn, [0, 0, 1, 1, 2, 2]);
        assert_eq!(sample_categorical(&[1e4, -1e4], 0.999_999_999), 0);
    }
}
