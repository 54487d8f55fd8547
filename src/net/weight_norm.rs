//! Weight normalization: weights as a direction and a length, which are learned apart.
//!
//! Salimans & Kingma (2016), "Weight Normalization", arXiv:1602.07868, eq. 2-3; as `PyTorch`'s
//! `weight_norm` with `dim=0`: one length per output.

/// A matrix `[inputs, outputs]`, row-major, inside a flat vector of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixAt {
    /// Its first element.
    pub start: usize,
    /// Rows.
    pub inputs: usize,
    /// Columns.
    pub outputs: usize,
}

/// Which matrices of a flat parameter vector are learned as w = g·v/‖v‖, a column each.
///
/// The raw vector `[num_raw]` is the flat one with v in the place of each such w, then the g of
/// every column.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightNorm {
    matrices: Vec<MatrixAt>,
    num_params: usize,
}

impl MatrixAt {
    /// Elements of the flat vector.
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start..self.start + self.inputs * self.outputs
    }
}

impl WeightNorm {
    /// `matrices` of `num_params` parameters.
    pub fn new(num_params: usize, matrices: Vec<MatrixAt>) -> Self {
        Self { matrices, num_params }
    }

    /// Length of the raw vector.
    pub fn num_raw(&self) -> usize {
        self.num_params + self.matrices.iter().map(|matrix| matrix.outputs).sum::<usize>()
    }

    /// The raw vector `[num_raw]` of these parameters `[num_params]`: v = w, g = ‖w‖.
    ///
    /// # Panics
    /// When there is another number of parameters.
    pub fn raw(&self, params: &[f32]) -> Vec<f32> {
        assert_eq!(params.len(), self.num_params, "there is one number for each parameter");
        let norms = self
            .matrices
            .iter()
            .flat_map(|matrix| column_norms(matrix.outputs, &params[matrix.range()]));
        params.iter().copied().chain(norms.map(|norm| norm as f32)).collect()
    }

    /// Writes the parameters `[num_params]` that a raw vector `[num_raw]` stands for; a column
    /// without a direction gives NaN, as in `PyTorch`.
    ///
    /// # Panics
    /// When a length is another.
    pub fn effective(&self, raw: &[f32], params: &mut [f32]) {
        self.check(raw, params);
        let (directions, mut gains) = raw.split_at(self.num_params);
        params.copy_from_slice(directions);
        for matrix in &self.matrices {
            let (own, rest) = gains.split_at(matrix.outputs);
            let norms = column_norms(matrix.outputs, &directions[matrix.range()]);
            let scales: Vec<f64> = own.iter().zip(norms).map(|(&g, n)| f64::from(g) / n).collect();
            for row in params[matrix.range()].chunks_exact_mut(matrix.outputs) {
                for (w, scale) in row.iter_mut().zip(&scales) {
                    *w = (f64::from(*w) * scale) as f32;
                }
            }
            gains = rest;
        }
    }

    /// Writes the gradient of a raw vector, given the one of the parameters it stands for:
    /// ∂g = ∂w·v/‖v‖, ∂v = (g/‖v‖)·(∂w − ∂g·v/‖v‖).
    ///
    /// # Panics
    /// When a length is another.
    pub fn backward(&self, raw: &[f32], d_params: &[f32], d_raw: &mut [f32]) {
        self.check(raw, d_params);
        self.check(d_raw, d_params);
        let (directions, mut gains) = raw.split_at(self.num_params);
        let (d_directions, mut d_gains) = d_raw.split_at_mut(self.num_params);
        d_directions.copy_from_slice(d_params);
        for matrix in &self.matrices {
            let (own, rest) = gains.split_at(matrix.outputs);
            let (d_own, d_rest) = d_gains.split_at_mut(matrix.outputs);
            let v = &directions[matrix.range()];
            backward_matrix(matrix.outputs, v, own, &mut d_directions[matrix.range()], d_own);
            (gains, d_gains) = (rest, d_rest);
        }
    }

    fn check(&self, raw: &[f32], params: &[f32]) {
        let fit = raw.len() == self.num_raw() && params.len() == self.num_params;
        assert!(fit, "there is one number for each parameter");
    }
}

/// As [`WeightNorm::backward`] for one matrix: `d` holds ∂w and becomes ∂v.
fn backward_matrix(outputs: usize, v: &[f32], g: &[f32], d: &mut [f32], d_g: &mut [f32]) {
    let alongs = column_dots(outputs, v, d);
    let norms = column_norms(outputs, v);
    for (d_g, (along, norm)) in d_g.iter_mut().zip(alongs.iter().zip(&norms)) {
        *d_g = (along / norm) as f32;
    }
    for (d, v) in d.chunks_exact_mut(outputs).zip(v.chunks_exact(outputs)) {
        for j in 0..outputs {
            let direction = f64::from(v[j]) / norms[j];
            let across = f64::from(d[j]) - alongs[j] / norms[j] * direction;
            d[j] = (f64::from(g[j]) / norms[j] * across) as f32;
        }
    }
}

/// ‖v‖ of every column of `[n, outputs]`.
fn column_norms(outputs: usize, v: &[f32]) -> Vec<f64> {
    column_dots(outputs, v, v).into_iter().map(f64::sqrt).collect()
}

/// a·b of every column of `[n, outputs]`, both.
fn column_dots(outputs: usize, a: &[f32], b: &[f32]) -> Vec<f64> {
    let mut dots = vec![0.0; outputs];
    for (a, b) in a.chunks_exact(outputs).zip(b.chunks_exact(outputs)) {
        for (dot, (a, b)) in dots.iter_mut().zip(a.iter().zip(b)) {
            *dot += f64::from(*a) * f64::from(*b);
        }
    }
    dots
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A parameter, a matrix `[3, 2]` with columns (1, 2, 2) and (0, -3, 4), and another parameter.
    const PARAMS: [f32; 8] = [9.0, 1.0, 0.0, 2.0, -3.0, 2.0, 4.0, -9.0];

    fn norm() -> WeightNorm {
        WeightNorm::new(8, vec![MatrixAt { start: 1, inputs: 3, outputs: 2 }])
    }

    #[test]
    fn raw_parameters_stand_for_those_they_were_made_from() {
        let raw = norm().raw(&PARAMS);
        assert_eq!(raw[..8], PARAMS);
        assert_eq!(raw[8..], [3.0, 5.0]);
        let mut params = [0.0; 8];
        norm().effective(&raw, &mut params);
        assert_eq!(params, PARAMS);
    }

    /// Recorded from PyTorch 2.8.0 (`parametrizations.weight_norm`), g = (6, 2).
    #[test]
    fn weights_and_gradients_equal_pytorch() {
        let mut raw = norm().raw(&PARAMS);
        raw[8..].copy_from_slice(&[6.0, 2.0]);
        let mut params = [0.0; 8];
        norm().effective(&raw, &mut params);
        let expected = [9.0, 2.0, 0.0, 4.0, -1.2, 4.0, 1.6, -9.0];
        let far = |a: &[f32], b: &[f32]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-6);
        assert!(!far(&params, &expected), "{params:?}");
        let d_params = [0.25, 1.0, 2.0, -1.0, 1.0, 0.5, -1.0, 0.75];
        let mut d_raw = [0.0; 10];
        norm().backward(&raw, &d_params, &mut d_raw);
        let expected = [0.25, 2.0, 0.8, -2.0, 0.064, 1.0, 0.048, 0.75, 0.0, -1.4];
        assert!(!far(&d_raw, &expected), "{d_raw:?}");
    }

    /// Two matrices; loss Σ cᵢ·wᵢ, differences of ±10⁻² around raw numbers of size 1.
    #[test]
    fn gradients_are_the_slopes_of_the_loss() {
        let matrices = [(0, 2, 3), (6, 4, 1)];
        let matrices = matrices.map(|(start, inputs, outputs)| MatrixAt { start, inputs, outputs });
        let norm = WeightNorm::new(11, matrices.to_vec());
        let raw: Vec<f32> = (0..15).map(|i| 1.5 + (i as f32 * 1.7).sin()).collect();
        let slopes: Vec<f32> = (0..11).map(|i| (i as f32 * 2.3).cos()).collect();
        let loss = |raw: &[f32]| -> f64 {
            let mut params = [0.0; 11];
            norm.effective(raw, &mut params);
            params.iter().zip(&slopes).map(|(w, c)| f64::from(w * c)).sum()
        };
        let mut d_raw = vec![0.0; 15];
        norm.backward(&raw, &slopes, &mut d_raw);
        for i in 0..raw.len() {
            let moved = |by: f32| {
                let mut raw = raw.clone();
                raw[i] += by;
                loss(&raw)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - f64::from(d_raw[i])).abs() < 1e-3, "{i}: {slope} {}", d_raw[i]);
        }
    }
}
