//! Sums and powers in the order and rounding of `NumPy`.

use std::hint::black_box;
use std::ops::Add;

/// Numbers up to which a sum is not split.
const BLOCK: usize = 128;

/// `np.sum` of what `at` gives for the indices 0, ..., n-1: pairwise in blocks, eight partial sums in a block.
pub(crate) fn sum<T: Copy + Default + Add<Output = T>>(n: usize, at: impl Fn(usize) -> T) -> T {
    sum_from(0, n, &at)
}

/// `np.sum(np.square(values))` of the numbers of an action, which are of single precision.
pub(crate) fn squares(values: &[f32]) -> f32 {
    sum(values.len(), |i| values[i] * values[i])
}

/// `np.sum(np.square(rows))`.
pub(crate) fn squares_of_rows(rows: &[[f64; 6]]) -> f64 {
    let values = rows.as_flattened();
    sum(values.len(), |i| values[i] * values[i])
}

/// `np.linalg.norm(values)`.
pub(crate) fn norm(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value * value).sqrt()
}

/// `x ** 2` of a scalar: the C library's `pow`, which rounds about one square in a thousand away from the nearest
/// number.
pub(crate) fn square(x: f64) -> f64 {
    // Kept from becoming a product.
    x.powf(black_box(2.0))
}

fn sum_from<T: Copy + Default + Add<Output = T>>(
    start: usize,
    n: usize,
    at: &impl Fn(usize) -> T,
) -> T {
    if n < 8 {
        return (start..start + n).fold(T::default(), |sum, i| sum + at(i));
    }
    if n > BLOCK {
        let half = n / 2 - n / 2 % 8;
        return sum_from(start, half, at) + sum_from(start + half, n - half, at);
    }
    let mut parts = [T::default(); 8];
    let whole = n - n % 8;
    for (k, part) in parts.iter_mut().enumerate() {
        *part =
            (start + 8..start + whole).skip(k).step_by(8).fold(at(start + k), |sum, i| sum + at(i));
    }
    let [a, b, c, d, e, f, g, h] = parts;
    let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
    (start + whole..start + n).fold(sum, |sum, i| sum + at(i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_sums_go_from_left_to_right() {
        // 1 and 2^-53 round to 1, whose next neighbor is 1 + 2^-52: from the left every addend is lost.
        let small = (-53.0_f64).exp2();
        assert_eq!(sum(7, |i| if i == 0 { 1.0 } else { small }), 1.0);
    }

    #[test]
    fn eight_numbers_are_summed_in_pairs() {
        // (1 + s) + (s + s) + ((s + s) + (s + s)) with s = 2^-53: 1 + 2^-52 + 2^-51 without loss but of the first s.
        let small = (-53.0_f64).exp2();
        let expected = (1.0 + (-52.0_f64).exp2()) + (-51.0_f64).exp2();
        assert_eq!(sum(8, |i| if i == 0 { 1.0 } else { small }), expected);
    }

    #[test]
    fn long_sums_are_exact_on_integers() {
        // n (n - 1) / 2, with blocks, halves and remainders.
        for n in [9, 84, 128, 129, 1000] {
            assert_eq!(sum(n, |i| i as f64), (n * (n - 1) / 2) as f64, "{n}");
        }
    }
}
