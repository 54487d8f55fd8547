//! Initial weights, drawn on the host from a stream of ours.
//!
//! `PyTorch`'s schemes: He et al. (2015), arXiv:1502.01852; Glorot & Bengio (2010);
//! Saxe et al. (2013), arXiv:1312.6120 for orthogonal matrices.

use slm_env::Rng;
use slm_policy::Activation;

use super::plan::{NetPlan, ParamSlot};

/// How the weights of linear, convolutional and recurrent layers start; biases are zero except under
/// [`Init::Default`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Weights and biases uniform in ±1/√fan-in, of recurrent layers in ±1/√hidden: `PyTorch`'s own
    /// default.
    Default,
    /// (Semi-)orthogonal matrix times the gain.
    Orthogonal {
        /// Scale of the singular values.
        gain: f64,
    },
    /// Uniform in ±gain·√(6/(fan-in + fan-out)).
    XavierUniform {
        /// Scale of the activations.
        gain: f64,
    },
    /// Normal with σ = gain·√(2/(fan-in + fan-out)).
    XavierNormal {
        /// Scale of the activations.
        gain: f64,
    },
    /// Uniform in ±gain·√(3/fan-in).
    KaimingUniform {
        /// Scale of the activations.
        gain: f64,
    },
    /// Normal with σ = gain/√fan-in.
    KaimingNormal {
        /// Scale of the activations.
        gain: f64,
    },
}

/// `torch.nn.init.calculate_gain` of an activation; where `PyTorch` defines none, that of the
/// rectifier, which the others (SiLU, GELU, ELU, …) smooth.
pub fn gain(activation: Activation) -> f64 {
    match activation {
        Activation::Identity | Activation::Sigmoid => 1.0,
        Activation::Tanh => 5.0 / 3.0,
        Activation::LeakyRelu { slope } => (2.0 / (1.0 + f64::from(slope).powi(2))).sqrt(),
        Activation::Selu => 0.75,
        _ => 2f64.sqrt(),
    }
}

/// Initial values of every parameter of `plan`, in the order of its slots.
pub(crate) fn init_params(plan: &NetPlan, rng: &mut Rng) -> Vec<f32> {
    let mut params = vec![0.0; plan.num_params()];
    for slot in plan.slots() {
        let values = &mut params[slot.range()];
        match slot.name.rsplit('.').next().expect("rsplit yields at least one part") {
            "weight" if slot.blocks.is_empty() => {
                init_weight(plan.init, slot.shape, slot.fan, values, rng);
            }
            "weight" => init_blocks(plan, &slot, values, rng),
            "weight_ih" | "weight_hh" => init_recurrence(plan.init, &slot, values, rng),
            "bias" | "bias_ih" | "bias_hh" if plan.init == Init::Default => {
                init_bias(&slot, values, rng);
            }
            "gamma" => values.fill(1.0),
            "log_std" => values.fill(plan.log_std_init.expect("a log_std slot has a value")),
            _ => {}
        }
    }
    params
}

/// All gates of a cell are one matrix, as `torch.nn.init` sees them.
fn init_recurrence(init: Init, slot: &ParamSlot, values: &mut [f32], rng: &mut Rng) {
    let fan = if init == Init::Default { slot.fan } else { slot.shape };
    init_weight(init, slot.shape, fan, values, rng);
}

/// Blocks are drawn one by one, heads and other branches among them: each is a matrix of its own in
/// `PyTorch`.
fn init_blocks(plan: &NetPlan, slot: &ParamSlot, values: &mut [f32], rng: &mut Rng) {
    let gains: &[Option<f64>] = if slot.name.starts_with("head") { &plan.head_std } else { &[] };
    for (i, block) in slot.blocks.iter().enumerate() {
        let gain = gains.get(i).copied().flatten();
        let init = gain.map_or(plan.init, |gain| Init::Orthogonal { gain });
        let [rows, columns] = block.shape();
        let mut matrix = vec![0.0; rows * columns];
        init_weight(init, [rows, columns], [rows, columns], &mut matrix, rng);
        for (row, part) in block.rows.clone().zip(matrix.chunks_exact(columns)) {
            values[row * slot.shape[1]..][block.columns.clone()].copy_from_slice(part);
        }
    }
}

/// Biases as `PyTorch` draws them.
fn init_bias(slot: &ParamSlot, values: &mut [f32], rng: &mut Rng) {
    if slot.blocks.is_empty() {
        return uniform(values, bound(slot.fan[0]), rng);
    }
    for block in &slot.blocks {
        uniform(&mut values[block.columns.clone()], bound(block.rows.len()), rng);
    }
}

/// Fills a weight matrix of that shape; `fan` says how many inputs and outputs it joins.
fn init_weight(init: Init, shape: [usize; 2], fan: [usize; 2], values: &mut [f32], rng: &mut Rng) {
    let (fan_in, sum) = (fan[0] as f64, (fan[0] + fan[1]) as f64);
    match init {
        Init::Default => uniform(values, bound(fan[0]), rng),
        Init::Orthogonal { gain } => orthogonal(shape, gain, values, rng),
        Init::XavierUniform { gain } => uniform(values, gain * (6.0 / sum).sqrt(), rng),
        Init::XavierNormal { gain } => normal(values, gain * (2.0 / sum).sqrt(), rng),
        Init::KaimingUniform { gain } => uniform(values, gain * (3.0 / fan_in).sqrt(), rng),
        Init::KaimingNormal { gain } => normal(values, gain / fan_in.sqrt(), rng),
    }
}

fn bound(fan_in: usize) -> f64 {
    1.0 / (fan_in as f64).sqrt()
}

fn uniform(values: &mut [f32], bound: f64, rng: &mut Rng) {
    values.fill_with(|| rng.uniform(-bound, bound) as f32);
}

fn normal(values: &mut [f32], std: f64, rng: &mut Rng) {
    values.fill_with(|| (rng.standard_normal() * std) as f32);
}

/// Orthonormal rows or columns, whichever are fewer, by Gram–Schmidt on a normal matrix.
///
/// Equal in distribution to QR with the signs of R's diagonal made positive.
fn orthogonal([rows, columns]: [usize; 2], gain: f64, values: &mut [f32], rng: &mut Rng) {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| rng.standard_normal()).collect();
        // Twice is enough to remove the rounding error of the first pass.
        for _ in 0..2 {
            for unit in &basis {
                subtract_projection(&mut vector, unit);
            }
        }
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        basis.push(vector.iter().map(|x| x / norm).collect());
    }
    for (i, unit) in basis.iter().enumerate() {
        for (j, x) in unit.iter().enumerate() {
            let at = if rows <= columns { i * columns + j } else { j * columns + i };
            values[at] = (x * gain) as f32;
        }
    }
}

fn subtract_projection(vector: &mut [f64], unit: &[f64]) {
    let dot: f64 = vector.iter().zip(unit).map(|(a, b)| a * b).sum();
    vector.iter_mut().zip(unit).for_each(|(a, b)| *a -= dot * b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Cell, LayerPlan, conv, plain};

    fn gram(values: &[f32], rows: usize, columns: usize) -> Vec<f64> {
        let at = |i: usize, j: usize| f64::from(values[i * columns + j]);
        let mut gram = Vec::new();
        for i in 0..rows {
            for j in 0..rows {
                gram.push((0..columns).map(|k| at(i, k) * at(j, k)).sum());
            }
        }
        gram
    }

    #[test]
    fn orthogonal_rows_have_length_gain_and_right_angles() {
        let mut values = vec![0.0; 3 * 8];
        orthogonal([3, 8], 2.0, &mut values, &mut Rng::from_seed(0));
        let expected = [4.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 4.0];
        for (g, e) in gram(&values, 3, 8).iter().zip(expected) {
            assert!((g - e).abs() < 1e-6, "{g} is not {e}");
        }
    }

    #[test]
    fn default_init_stays_within_one_over_root_fan_in() {
        let trunk = vec![LayerPlan::Linear { width: 9, bias: true }];
        let params = init_params(&plain(16, trunk, &[2, 1]), &mut Rng::from_seed(1));
        let (trunk, head) = params.split_at(16 * 9 + 9);
        assert!(trunk.iter().all(|x| x.abs() <= 0.25) && trunk.iter().any(|x| x.abs() > 0.2));
        assert!(head.iter().all(|x| x.abs() <= 1.0 / 3.0));
    }

    /// 4 channels in, 3 x 3: fan-in 36, so ±1/6 for weights and biases.
    #[test]
    fn a_convolution_s_default_init_stays_within_one_over_root_of_its_patch() {
        let plan = plain(4 * 25, vec![conv([4, 5, 5], 8, 1)], &[1]);
        let params = init_params(&plan, &mut Rng::from_seed(1));
        let (weight, bias) = (&params[..8 * 36], &params[8 * 36..8 * 36 + 8]);
        assert!(weight.iter().all(|x| x.abs() <= 1.0 / 6.0) && weight.iter().any(|x| *x > 0.16));
        assert!(bias.iter().all(|x| x.abs() <= 1.0 / 6.0) && bias.iter().any(|x| *x != 0.0));
    }

    /// 9 hidden units: ±1/3 for every weight and bias, however many inputs there are.
    #[test]
    fn a_recurrent_layer_s_default_init_stays_within_one_over_root_of_its_units() {
        let gru = LayerPlan::Recurrent { cell: Cell::Gru, hidden: 9 };
        let plan = plain(100, vec![gru], &[1]);
        let params = init_params(&plan, &mut Rng::from_seed(1));
        for slot in &plan.slots()[..4] {
            let values = &params[slot.range()];
            assert!(values.iter().all(|x| x.abs() <= 1.0 / 3.0), "{}", slot.name);
            assert!(values.iter().any(|x| x.abs() > 0.25), "{}", slot.name);
        }
        let plan = NetPlan { init: Init::Orthogonal { gain: 2.0 }, ..plan };
        let params = init_params(&plan, &mut Rng::from_seed(2));
        let hh = &params[plan.slots()[1].range()];
        for (k, g) in gram(hh, 9, 27).iter().enumerate() {
            let expected = if k % 10 == 0 { 4.0 } else { 0.0 };
            assert!((g - expected).abs() < 1e-5, "{g} is not {expected}");
        }
        assert!(params[plan.slots()[2].range()].iter().all(|x| *x == 0.0));
    }

    #[test]
    fn orthogonal_kernels_are_orthogonal_as_rows_of_a_matrix() {
        let init = Init::Orthogonal { gain: 2.0 };
        let plan = NetPlan { init, ..plain(4 * 25, vec![conv([4, 5, 5], 3, 1)], &[1]) };
        let params = init_params(&plan, &mut Rng::from_seed(2));
        let expected = [4.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 4.0];
        for (g, e) in gram(&params, 3, 36).iter().zip(expected) {
            assert!((g - e).abs() < 1e-5, "{g} is not {e}");
        }
        assert_eq!(params[3 * 36..3 * 36 + 3], [0.0; 3]);
    }

    #[test]
    fn head_std_scales_one_head_only() {
        let plan = NetPlan {
            init: Init::Orthogonal { gain: 1.0 },
            head_std: vec![Some(0.01), None],
            ..plain(4, vec![], &[2, 1])
        };
        let params = init_params(&plan, &mut Rng::from_seed(2));
        let column = |j: usize| (0..4).map(|i| params[i * 3 + j].powi(2)).sum::<f32>().sqrt();
        assert!((column(0) - 0.01).abs() < 1e-6 && (column(1) - 0.01).abs() < 1e-6);
        assert!((column(2) - 1.0).abs() < 1e-6);
    }
}
