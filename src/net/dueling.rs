//! Dueling heads: Q = V + A − mean A.
//!
//! Wang et al. (2016), "Dueling Network Architectures for Deep Reinforcement Learning",
//! arXiv:1511.06581, eq. 9.

/// Q `[n, actions]` of rows of V and A `[n, 1 + actions]`.
pub fn dueling_forward(rows: &[f32], actions: usize, q_values: &mut Vec<f32>) {
    q_values.clear();
    for row in rows.chunks_exact(1 + actions) {
        let (value, advantages) = (row[0], &row[1..]);
        let mean = advantages.iter().sum::<f32>() / actions as f32;
        q_values.extend(advantages.iter().map(|advantage| value + advantage - mean));
    }
}

/// Derivatives with respect to V and A `[n, 1 + actions]` of a loss whose derivatives with respect
/// to Q are `d_q` `[n, actions]`: ∂V is the sum, ∂A is what is left after the mean is taken away.
pub fn dueling_backward(d_q: &[f32], actions: usize, d_rows: &mut Vec<f32>) {
    d_rows.clear();
    for d_q in d_q.chunks_exact(actions) {
        let sum = d_q.iter().sum::<f32>();
        d_rows.push(sum);
        d_rows.extend(d_q.iter().map(|d| d - sum / actions as f32));
    }
}

/// The one linear map that gives Q: columns of V and A, in a matrix `[rows, 1 + actions]`, become
/// columns of Q `[rows, actions]`.
pub(super) fn folded(matrix: &[f32], actions: usize) -> Vec<f32> {
    let fold = |row: &[f32]| {
        let mean = row[1..].iter().copied().map(f64::from).sum::<f64>() / actions as f64;
        let value = f64::from(row[0]) - mean;
        row[1..].iter().map(|&a| (f64::from(a) + value) as f32).collect::<Vec<f32>>()
    };
    matrix.chunks_exact(1 + actions).flat_map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from SLM-Lab: V [1, 2, 3], A [[0, 1], [1, 1], [1, 0]].
    #[test]
    fn q_values_are_slm_labs() {
        let rows = [1.0, 0.0, 1.0, 2.0, 1.0, 1.0, 3.0, 1.0, 0.0];
        let mut q_values = vec![9.0];
        dueling_forward(&rows, 2, &mut q_values);
        assert_eq!(q_values, [0.5, 1.5, 2.0, 2.0, 3.5, 2.5]);
    }

    /// ∂Q = [1, 2, 6]: ∂V = 9; mean 3, so ∂A = [-2, -1, 3].
    #[test]
    fn gradients_go_to_the_value_in_sum_and_to_advantages_without_their_mean() {
        let mut d_rows = Vec::new();
        dueling_backward(&[1.0, 2.0, 6.0, 0.0, 0.0, 3.0], 3, &mut d_rows);
        assert_eq!(d_rows, [9.0, -2.0, -1.0, 3.0, 3.0, -1.0, -1.0, 2.0]);
    }

    /// Rows [5; 1, 3] and [0; -2, 4]: means 2 and 1, so [5 + 1 - 2, 5 + 3 - 2] and [-3, 3].
    #[test]
    fn folded_heads_are_one_linear_map() {
        assert_eq!(folded(&[5.0, 1.0, 3.0, 0.0, -2.0, 4.0], 2), [4.0, 6.0, -3.0, 3.0]);
    }
}
