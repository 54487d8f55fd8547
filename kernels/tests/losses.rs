//! Gradients of the policy distributions against finite differences of plain formulas in f64.

use proptest::prelude::*;
use slm_kernels::{Normal, Rows, RowsMut, categorical_backward, categorical_log_prob_entropy};

/// log π(a) and entropy of a softmax distribution.
fn categorical(logits: &[f64], action: usize) -> [f64; 2] {
    let max = logits.iter().fold(f64::NEG_INFINITY, |max, x| max.max(*x));
    let log_total = logits.iter().map(|x| (x - max).exp()).sum::<f64>().ln() + max;
    let entropy = logits.iter().map(|x| -(x - log_total).exp() * (x - log_total)).sum();
    [logits[action] - log_total, entropy]
}

/// log π(a) and entropy of independent normal numbers, `[mean, log σ, action]` each.
fn normal(numbers: &[[f64; 3]]) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for [mean, log_std, action] in numbers {
        let log_std = log_std.clamp(-5.0, 2.0);
        let half_ln_2pi = 0.5 * (2.0 * std::f64::consts::PI).ln();
        let z = (action - mean) / log_std.exp();
        sums[0] -= 0.5 * z * z + log_std + half_ln_2pi;
        sums[1] += log_std + 0.5 + half_ln_2pi;
    }
    sums
}

fn close(found: f32, expected: f64) -> bool {
    (f64::from(found) - expected).abs() < 1e-4 * (1.0 + expected.abs())
}

proptest! {
    #[test]
    fn categorical_values_and_gradients_equal_the_formula(
        k in 1..20_usize,
        extra in 0..3_usize,
        rows in proptest::collection::vec(
            (proptest::collection::vec(-6.0..6.0_f32, 22), any::<u32>(), -2.0..2.0_f32, -2.0..2.0_f32),
            1..40,
        ),
    ) {
        let stride = k + extra;
        let logits: Vec<f32> = rows.iter().flat_map(|row| row.0[..stride].to_vec()).collect();
        let actions: Vec<u32> = rows.iter().map(|row| row.1 % k as u32).collect();
        let (d_log_prob, d_entropy): (Vec<f32>, Vec<f32>) =
            rows.iter().map(|row| (row.2, row.3)).unzip();
        let n = rows.len();
        let (mut log_prob, mut entropy) = (vec![0.0; n], vec![0.0; n]);
        let view = Rows { values: &logits, stride };
        categorical_log_prob_entropy(view, k, &actions, &mut log_prob, &mut entropy);
        let mut found = vec![0.0; n * stride];
        let to = RowsMut { values: &mut found, stride };
        categorical_backward(view, k, &actions, &d_log_prob, &d_entropy, to);
        for i in 0..n {
            let row: Vec<f64> =
                logits[i * stride..][..k].iter().map(|x| f64::from(*x)).collect();
            let values = categorical(&row, actions[i] as usize);
            prop_assert!(close(log_prob[i], values[0]) && close(entropy[i], values[1]));
            for j in 0..k {
                let loss = |by: f64| {
                    let mut row = row.clone();
                    row[j] += by;
                    let [log_prob, entropy] = categorical(&row, actions[i] as usize);
                    log_prob * f64::from(d_log_prob[i]) + entropy * f64::from(d_entropy[i])
                };
                let slope = (loss(1e-6) - loss(-1e-6)) / 2e-6;
                prop_assert!(close(found[i * stride + j], slope));
            }
        }
    }

    #[test]
    fn normal_values_and_gradients_equal_the_formula(
        k in 1..9_usize,
        rows in proptest::collection::vec(
            (proptest::collection::vec((-2.0..2.0_f32, -1.0..2.5_f32, -2.0..2.0_f32), 8),
            -2.0..2.0_f32, -2.0..2.0_f32),
            1..40,
        ),
    ) {
        let n = rows.len();
        let column = |f: fn(&(f32, f32, f32)) -> f32| -> Vec<f32> {
            rows.iter().flat_map(|row| row.0[..k].iter().map(f).collect::<Vec<_>>()).collect()
        };
        let (means, log_stds) = (column(|x| x.0), column(|x| x.1));
        let actions = column(|x| x.2);
        let dist = Normal {
            k,
            mean: Rows { values: &means, stride: k },
            log_std: Rows { values: &log_stds, stride: k },
            actions: Rows { values: &actions, stride: k },
        };
        let (d_log_prob, d_entropy): (Vec<f32>, Vec<f32>) =
            rows.iter().map(|row| (row.1, row.2)).unzip();
        let (mut log_prob, mut entropy) = (vec![0.0; n], vec![0.0; n]);
        dist.log_prob_entropy(&mut log_prob, &mut entropy);
        let (mut d_mean, mut d_log_std) = (vec![0.0; n * k], vec![0.0; n * k]);
        let to_mean = RowsMut { values: &mut d_mean, stride: k };
        let to_log_std = RowsMut { values: &mut d_log_std, stride: k };
        dist.backward(&d_log_prob, &d_entropy, to_mean, to_log_std);
        for i in 0..n {
            let row: Vec<[f64; 3]> =
                rows[i].0[..k].iter().map(|x| [x.0, x.1, x.2].map(f64::from)).collect();
            let values = normal(&row);
            prop_assert!(close(log_prob[i], values[0]) && close(entropy[i], values[1]));
            for (at, found) in [&d_mean, &d_log_std].into_iter().enumerate() {
                for j in 0..k {
                    let loss = |by: f64| {
                        let mut row = row.clone();
                        row[j][at] += by;
                        let [log_prob, entropy] = normal(&row);
                        log_prob * f64::from(d_log_prob[i]) + entropy * f64::from(d_entropy[i])
                    };
                    let slope = (loss(1e-6) - loss(-1e-6)) / 2e-6;
                    prop_assert!(close(found[i * k + j], slope));
                }
            }
        }
    }
}
