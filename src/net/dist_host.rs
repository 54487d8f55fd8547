//! Action distributions over output rows in host memory, differentiated by hand.

use slm_kernels::{Bernoulli, Continuous, MultiCategorical, Rows, RowsMut};
use slm_policy::Family;

use super::dist::Dist;

/// Stored actions of a batch as the kernels take them; buffers that are used again.
#[derive(Default)]
pub struct HostActions {
    /// Indices `[n, action_width]`, of choices.
    indices: Vec<u32>,
    /// Switches and base values `[n, action_width]`.
    values: Vec<f32>,
}

impl HostActions {
    /// Takes rows `[action_width]` of stored actions of `dist`.
    pub fn set<'a>(&mut self, dist: &Dist, rows: impl Iterator<Item = &'a [f32]>) {
        self.indices.clear();
        self.values.clear();
        match dist {
            Dist::Categorical { .. } | Dist::Argmax { .. } | Dist::MultiCategorical { .. } => {
                rows.for_each(|row| self.indices.extend(row.iter().map(|&index| index as u32)));
            }
            Dist::Bernoulli { .. } | Dist::Continuous { .. } | Dist::Deterministic { .. } => {
                rows.for_each(|row| self.values.extend_from_slice(row));
            }
        }
    }
}

/// The distributions of a batch, and the actions taken from them.
#[derive(Clone, Copy)]
pub struct HostDist<'a> {
    /// What the policy columns mean.
    pub dist: &'a Dist,
    /// Output rows `[n, width]`, the policy's columns first.
    pub heads: &'a [f32],
    /// Columns of a row.
    pub width: usize,
    /// The log σ `[k]` that does not depend on the observation; empty where it is among the columns.
    pub log_std: &'a [f32],
    /// Stored actions.
    pub actions: &'a HostActions,
}

/// Derivatives with respect to what a [`HostDist`] is made of; buffers that are used again.
#[derive(Default)]
pub struct DistGradients {
    /// Of the output rows `[n, width]`, zero beyond the policy's columns.
    pub heads: Vec<f32>,
    /// Of the log σ of its own; empty where there is none.
    pub log_std: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl<'a> HostDist<'a> {
    /// log π(a|s) `[n]` and entropy `[n]`.
    ///
    /// # Panics
    /// For [`Dist::Argmax`] and [`Dist::Deterministic`], which plans of policy gradients refuse.
    pub fn log_prob_and_entropy(&self, log_prob: &mut Vec<f32>, entropy: &mut Vec<f32>) {
        log_prob.resize(self.rows(), 0.0);
        entropy.resize(self.rows(), 0.0);
        match self.dist {
            Dist::Categorical { n } => {
                self.choices(std::slice::from_ref(n)).log_prob_entropy(log_prob, entropy);
            }
            Dist::MultiCategorical { nvec } => {
                self.choices(nvec).log_prob_entropy(log_prob, entropy);
            }
            Dist::Bernoulli { n } => self.switches(*n).log_prob_entropy(log_prob, entropy),
            Dist::Continuous { family, k } => {
                self.numbers(*family, *k).log_prob_entropy(log_prob, entropy);
            }
            Dist::Argmax { .. } | Dist::Deterministic { .. } => {
                unreachable!("plans of policy gradients refuse what has no probabilities")
            }
        }
    }

    /// Derivatives of a loss, given those with respect to log-probability and entropy, both `[n]`.
    ///
    /// # Panics
    /// As [`log_prob_and_entropy`](Self::log_prob_and_entropy).
    pub fn backward(&self, d_log_prob: &[f32], d_entropy: &[f32], to: &mut DistGradients) {
        to.heads.clear();
        to.heads.resize(self.heads.len(), 0.0);
        to.log_std.clear();
        let d_heads = RowsMut { values: &mut to.heads, stride: self.width };
        match self.dist {
            Dist::Categorical { n } => {
                self.choices(std::slice::from_ref(n)).backward(d_log_prob, d_entropy, d_heads);
            }
            Dist::MultiCategorical { nvec } => {
                self.choices(nvec).backward(d_log_prob, d_entropy, d_heads);
            }
            Dist::Bernoulli { n } => self.switches(*n).backward(d_log_prob, d_entropy, d_heads),
            Dist::Continuous { family, k } => {
                to.continuous(self.numbers(*family, *k), self.width, [d_log_prob, d_entropy]);
            }
            Dist::Argmax { .. } | Dist::Deterministic { .. } => {
                unreachable!("plans of policy gradients refuse what has no probabilities")
            }
        }
    }

    fn rows(&self) -> usize {
        self.heads.len() / self.width
    }

    fn columns(&self) -> Rows<'a> {
        Rows { values: self.heads, stride: self.width }
    }

    fn choices(&self, nvec: &'a [usize]) -> MultiCategorical<'a> {
        MultiCategorical { nvec, logits: self.columns(), actions: &self.actions.indices }
    }

    fn switches(&self, k: usize) -> Bernoulli<'a> {
        let actions = Rows { values: &self.actions.values, stride: k };
        Bernoulli { k, logits: self.columns(), actions }
    }

    fn numbers(&self, family: Family, k: usize) -> Continuous<'a> {
        let log_scale = match self.log_std {
            [] => Rows { values: &self.heads[k..], stride: self.width },
            log_std => Rows { values: log_std, stride: 0 },
        };
        let actions = Rows { values: &self.actions.values, stride: k };
        Continuous { family, k, loc: self.columns(), log_scale, actions }
    }
}

impl DistGradients {
    /// Both parameters' derivatives, to where they belong in rows of `width` columns.
    fn continuous(&mut self, dist: Continuous<'_>, width: usize, rows: [&[f32]; 2]) {
        let (n, k) = (rows[0].len(), dist.k);
        let stride = if dist.log_scale.stride == 0 { 0 } else { k };
        let second = if stride == 0 { &mut self.log_std } else { &mut self.second };
        self.first.resize(n * k, 0.0);
        second.resize(if stride == 0 { k } else { n * k }, 0.0);
        let d_loc = RowsMut { values: &mut self.first, stride: k };
        dist.backward(rows[0], rows[1], d_loc, RowsMut { values: second, stride });
        for (i, row) in self.heads.chunks_exact_mut(width).enumerate() {
            row[..k].copy_from_slice(&self.first[i * k..][..k]);
            if stride > 0 {
                row[k..2 * k].copy_from_slice(&self.second[i * k..][..k]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use slm_env::Rng;

    use super::*;

    const ROWS: usize = 37;

    fn dists() -> Vec<Dist> {
        let continuous = Family::ALL.map(|family| Dist::Continuous { family, k: 3 });
        let discrete = [
            Dist::Categorical { n: 4 },
            Dist::MultiCategorical { nvec: vec![2, 5, 3] },
            Dist::Bernoulli { n: 4 },
        ];
        discrete.into_iter().chain(continuous).collect()
    }

    /// Random outputs `[ROWS, width]` and stored actions `[ROWS, action_width]`.
    fn draw(dist: &Dist, width: usize, rng: &mut Rng) -> [Vec<f32>; 2] {
        let outputs = (0..ROWS * width).map(|_| rng.normal(0.0, 1.5) as f32).collect();
        let row = |rng: &mut Rng| -> Vec<f32> {
            let index = |n: usize, rng: &mut Rng| rng.integers(0, n as i64) as f32;
            match dist {
                Dist::Categorical { n } | Dist::Argmax { n } => vec![index(*n, rng)],
                Dist::MultiCategorical { nvec } => nvec.iter().map(|n| index(*n, rng)).collect(),
                Dist::Bernoulli { n } => (0..*n).map(|_| index(2, rng)).collect(),
                Dist::Continuous { k, .. } | Dist::Deterministic { k } => {
                    (0..*k).map(|_| rng.standard_normal() as f32).collect()
                }
            }
        };
        let actions = (0..ROWS).flat_map(|_| row(rng)).collect();
        [outputs, actions]
    }

    /// log π, entropy and the gradient of Σ w log π + Σ v H by Burn.
    fn on_device(
        dist: &Dist,
        outputs: &[f32],
        actions: &[f32],
        weights: &[Vec<f32>; 2],
    ) -> Vec<f32> {
        let tensor = |values: &[f32]| Tensor::<1>::from_data(values, &Device::flex());
        let width = outputs.len() / ROWS;
        let leaf = tensor(outputs).reshape([ROWS, width]).autodiff().require_grad();
        let actions = tensor(actions).reshape([ROWS, dist.action_width()]);
        let policy = leaf.clone().narrow(1, 0, dist.width());
        let (log_prob, entropy) = dist.log_prob_and_entropy(policy, actions);
        let loss = (log_prob.clone() * tensor(&weights[0])).sum()
            + (entropy.clone() * tensor(&weights[1])).sum();
        let grads = loss.backward();
        let gradient = leaf.grad(&grads).unwrap();
        let gradient: Vec<f32> = gradient.into_data().try_to_vec().unwrap();
        let host = |t: Tensor<1>| -> Vec<f32> { t.inner().into_data().try_to_vec().unwrap() };
        [host(log_prob), host(entropy), gradient].concat()
    }

    fn on_host(dist: &Dist, outputs: &[f32], actions: &[f32], weights: &[Vec<f32>; 2]) -> Vec<f32> {
        let mut stored = HostActions::default();
        stored.set(dist, actions.chunks_exact(dist.action_width()));
        let width = outputs.len() / ROWS;
        let host = HostDist { dist, heads: outputs, width, log_std: &[], actions: &stored };
        let (mut log_prob, mut entropy) = (Vec::new(), Vec::new());
        host.log_prob_and_entropy(&mut log_prob, &mut entropy);
        let mut gradients = DistGradients::default();
        host.backward(&weights[0], &weights[1], &mut gradients);
        [log_prob, entropy, gradients.heads].concat()
    }

    #[test]
    fn the_gradients_by_hand_are_those_of_burn_for_every_distribution() {
        for dist in dists() {
            let mut rng = Rng::from_seed(9);
            // One more column, as beside a value.
            let [outputs, actions] = draw(&dist, dist.width() + 1, &mut rng);
            let mut weights = || (0..ROWS).map(|_| rng.standard_normal() as f32).collect();
            let weights: [Vec<f32>; 2] = [weights(), weights()];
            let expected = on_device(&dist, &outputs, &actions, &weights);
            let found = on_host(&dist, &outputs, &actions, &weights);
            assert_eq!(found.len(), expected.len());
            for (f, e) in found.iter().zip(&expected) {
                assert!((f - e).abs() < 5e-5 * (1.0 + e.abs()), "{dist:?}: {f} is not {e}");
            }
        }
    }

    #[test]
    fn a_log_std_of_its_own_gathers_the_gradients_of_all_rows() {
        for family in [Family::Normal, Family::NormalTanh, Family::LogNormal, Family::Gumbel] {
            let (k, mut rng) = (2, Rng::from_seed(4));
            let dist = Dist::Continuous { family, k };
            let [mut outputs, actions] = draw(&dist, 2 * k, &mut rng);
            let log_std = [0.3, -0.7];
            outputs.chunks_exact_mut(2 * k).for_each(|row| row[k..].copy_from_slice(&log_std));
            let mut stored = HostActions::default();
            stored.set(&dist, actions.chunks_exact(k));
            let gradients = |log_std: &[f32]| {
                let (dist, heads, width) = (&dist, &outputs[..], 2 * k);
                let host = HostDist { dist, heads, width, log_std, actions: &stored };
                let mut to = DistGradients::default();
                host.backward(&[0.5; ROWS], &[-0.2; ROWS], &mut to);
                to
            };
            let (own, among) = (gradients(&log_std), gradients(&[]));
            for (j, found) in own.log_std.iter().enumerate() {
                let expected: f32 = among.heads.iter().skip(k + j).step_by(2 * k).sum();
                assert!((found - expected).abs() < 1e-3, "{family:?}: {found} is not {expected}");
            }
            assert!(own.heads.chunks_exact(2 * k).all(|row| row[k..] == [0.0; 2]));
            assert!(among.log_std.is_empty());
        }
    }
}
