//! Spectral normalization: weights divided by their largest singular value.
//!
//! Miyato et al. (2018), arXiv:1802.05957, algorithm 1; as `PyTorch`'s
//! `parametrizations.spectral_norm` with one power iteration a step.

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::weight_norm::MatrixAt;

/// Power iterations before the first step, as in `PyTorch`.
const START_ITERATIONS: usize = 15;

/// Smallest length that a vector is divided by.
const EPS: f64 = 1e-12;

/// Which matrices of a flat parameter vector act as w/σ(w), and what is known of their σ.
pub struct SpectralNorm {
    matrices: Vec<Singular>,
}

/// A matrix with its estimated singular vectors: σ = aᵀ·w·b.
struct Singular {
    at: MatrixAt,
    /// On the side of the inputs, `[inputs]`.
    input: Vec<f32>,
    /// On the side of the outputs, `[outputs]`.
    output: Vec<f32>,
}

impl SpectralNorm {
    /// `matrices` of the raw parameters `raw`, with singular vectors found from directions that
    /// `rng` draws.
    pub fn new(raw: &[f32], matrices: &[MatrixAt], rng: &mut Rng) -> Self {
        let mut draw = |n: usize| -> Vec<f32> {
            let drawn: Vec<f64> = (0..n).map(|_| rng.standard_normal()).collect();
            normalized(&drawn)
        };
        let found = |&at: &MatrixAt| {
            let mut matrix = Singular { at, output: draw(at.outputs), input: draw(at.inputs) };
            (0..START_ITERATIONS).for_each(|_| matrix.iterate(raw));
            matrix
        };
        Self { matrices: matrices.iter().map(found).collect() }
    }

    /// Singular vectors of each matrix: `[inputs]` and `[outputs]`.
    pub(super) fn vectors(&self) -> impl Iterator<Item = [&[f32]; 2]> {
        self.matrices.iter().map(|matrix| [matrix.input.as_slice(), matrix.output.as_slice()])
    }

    /// One power iteration: before each pass that is learned from.
    ///
    /// # Panics
    /// When a matrix does not lie in `raw` `[num_params]`.
    pub fn iterate(&mut self, raw: &[f32]) {
        self.matrices.iter_mut().for_each(|matrix| matrix.iterate(raw));
    }

    /// Writes the parameters that `raw` stands for, both `[num_params]`.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn effective(&self, raw: &[f32], params: &mut [f32]) {
        params.copy_from_slice(raw);
        for matrix in &self.matrices {
            let sigma = matrix.sigma(raw);
            for w in &mut params[matrix.at.range()] {
                *w = (f64::from(*w) / sigma) as f32;
            }
        }
    }

    /// Writes the gradient of `raw`, given the one of the parameters it stands for, all
    /// `[num_params]`: (∂ − (∂·w/σ)·a·bᵀ)/σ, where the singular vectors count as constants.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn backward(&self, raw: &[f32], d_params: &[f32], d_raw: &mut [f32]) {
        d_raw.copy_from_slice(d_params);
        for matrix in &self.matrices {
            let range = matrix.at.range();
            matrix.backward(matrix.sigma(raw), &raw[range.clone()], &mut d_raw[range]);
        }
    }

    /// Writes the singular vectors.
    pub fn save(&self, out: &mut StateWriter) {
        for matrix in &self.matrices {
            out.f32s(&matrix.input);
            out.f32s(&matrix.output);
        }
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state belongs to other matrices.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.matrices.iter_mut().try_for_each(|matrix| {
            from.f32s_into(&mut matrix.input)?;
            from.f32s_into(&mut matrix.output)
        })
    }
}

impl Singular {
    fn iterate(&mut self, raw: &[f32]) {
        let w = &raw[self.at.range()];
        self.output = normalized(&times_input(w, &self.input, self.at.outputs));
        self.input = normalized(&times_output(w, &self.output));
    }

    /// aᵀ·w·b.
    fn sigma(&self, raw: &[f32]) -> f64 {
        let w = &raw[self.at.range()];
        let product = times_input(w, &self.input, self.at.outputs);
        product.iter().zip(&self.output).map(|(x, b)| x * f64::from(*b)).sum()
    }

    fn backward(&self, sigma: f64, w: &[f32], d: &mut [f32]) {
        let along: f64 = w.iter().zip(&*d).map(|(w, d)| f64::from(*w) * f64::from(*d)).sum();
        for (d, a) in d.chunks_exact_mut(self.output.len()).zip(&self.input) {
            for (d, b) in d.iter_mut().zip(&self.output) {
                let shrink = along / sigma * f64::from(*a) * f64::from(*b);
                *d = ((f64::from(*d) - shrink) / sigma) as f32;
            }
        }
    }
}

/// wᵀ·a `[outputs]` of w `[inputs, outputs]` and a `[inputs]`.
fn times_input(w: &[f32], a: &[f32], outputs: usize) -> Vec<f64> {
    let mut product = vec![0.0; outputs];
    for (row, a) in w.chunks_exact(outputs).zip(a) {
        for (sum, w) in product.iter_mut().zip(row) {
            *sum += f64::from(*w) * f64::from(*a);
        }
    }
    product
}

/// w·b `[inputs]` of w `[inputs, outputs]` and b `[outputs]`.
fn times_output(w: &[f32], b: &[f32]) -> Vec<f64> {
    let dot = |row: &[f32]| row.iter().zip(b).map(|(w, b)| f64::from(*w) * f64::from(*b)).sum();
    w.chunks_exact(b.len()).map(dot).collect()
}

fn normalized(v: &[f64]) -> Vec<f32> {
    let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt().max(EPS);
    v.iter().map(|x| (x / norm) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A parameter, a matrix `[3, 2]` with columns (1, 2, 2) and (0, -3, 4), and another parameter.
    const RAW: [f32; 8] = [9.0, 1.0, 0.0, 2.0, -3.0, 2.0, 4.0, -9.0];
    const AT: MatrixAt = MatrixAt { start: 1, inputs: 3, outputs: 2 };

    /// As PyTorch's after setting u = (0.6, 0.8) and v = (1, 0, 0).
    fn recorded() -> SpectralNorm {
        let (input, output) = (vec![1.0, 0.0, 0.0], vec![0.6, 0.8]);
        SpectralNorm { matrices: vec![Singular { at: AT, input, output }] }
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-6, "{found:?} is not {expected:?}");
        }
    }

    /// Recorded from PyTorch 2.8.0 (`parametrizations.spectral_norm`).
    #[test]
    fn weights_and_gradients_equal_pytorch_over_two_iterations() {
        let mut norm = recorded();
        norm.iterate(&RAW);
        assert_close(&norm.matrices[0].output, &[1.0, 0.0]);
        assert_close(&norm.matrices[0].input, &[1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0]);
        let mut params = [0.0; 8];
        norm.effective(&RAW, &mut params);
        let third = 1.0 / 3.0;
        assert_close(
            &params,
            &[9.0, third, 0.0, 2.0 * third, -1.0, 2.0 * third, 4.0 * third, -9.0],
        );
        let d_params = [0.25, 1.0, 2.0, -1.0, 1.0, 0.5, -1.0, 0.75];
        let mut d_raw = [0.0; 8];
        norm.backward(&RAW, &d_params, &mut d_raw);
        let expected =
            [0.25, 0.592_592_6, 0.666_666_7, 0.185_185_2, third, 0.685_185_25, -third, 0.75];
        assert_close(&d_raw, &expected);
        norm.iterate(&RAW);
        assert_close(&norm.matrices[0].output, &[0.976_187, 0.216_930_48]);
        norm.effective(&RAW, &mut params);
        assert_close(&params[1..4], &[0.307_147_53, 0.0, 0.614_295_07]);
    }

    /// Singular values 5.02456 and 2.95868 (recorded): each iteration shrinks the error of the
    /// direction by (2.96/5.02)², so that fifteen leave less than 10⁻⁶ of it.
    #[test]
    fn a_fresh_norm_knows_the_largest_singular_value() {
        let norm = SpectralNorm::new(&RAW, &[AT], &mut Rng::from_seed(1));
        assert!((norm.matrices[0].sigma(&RAW) - 5.024_560_45).abs() < 1e-5);
    }

    /// Loss Σ cᵢ·wᵢ with the singular vectors held, differences of ±10⁻².
    #[test]
    fn gradients_are_the_slopes_of_the_loss() {
        let norm = SpectralNorm::new(&RAW, &[AT], &mut Rng::from_seed(2));
        let slopes: Vec<f32> = (0..8).map(|i| (i as f32 * 2.3).cos()).collect();
        let loss = |raw: &[f32]| -> f64 {
            let mut params = [0.0; 8];
            norm.effective(raw, &mut params);
            params.iter().zip(&slopes).map(|(w, c)| f64::from(w * c)).sum()
        };
        let mut d_raw = [0.0; 8];
        norm.backward(&RAW, &slopes, &mut d_raw);
        for i in 0..8 {
            let moved = |by: f32| {
                let mut raw = RAW;
                raw[i] += by;
                loss(&raw)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - f64::from(d_raw[i])).abs() < 1e-3, "{i}: {slope} {}", d_raw[i]);
        }
    }

    #[test]
    fn a_saved_norm_goes_on_bit_for_bit() {
        let mut first = SpectralNorm::new(&RAW, &[AT], &mut Rng::from_seed(3));
        let mut out = StateWriter::new();
        first.save(&mut out);
        let bytes = out.into_bytes();
        let mut second = recorded();
        second.load(&mut StateReader::new(&bytes)).unwrap();
        let next = |norm: &mut SpectralNorm| {
            norm.iterate(&RAW.map(|w| w * w));
            let mut params = [0.0; 8];
            norm.effective(&RAW, &mut params);
            params
        };
        assert_eq!(next(&mut first), next(&mut second));
    }
}
