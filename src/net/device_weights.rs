//! Weights that are learned in another form than passes use them, as Burn tensors.
//!
//! The formulas and the saved state are those of the host; Burn differentiates them.

use burn::tensor::{Device, Tensor};
use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::device_optim::{device_copy, host};
use super::plan::NetPlan;
use super::spectral_norm::SpectralNorm;
use super::weight_norm::{MatrixAt, WeightNorm};
use super::weights::WeightsPlan;

/// The raw vector of a network on a device.
pub(super) struct DeviceWeights {
    raw: Tensor<1>,
    num_params: usize,
    norms: Vec<Norm>,
}

/// One matrix.
struct Norm {
    at: MatrixAt,
    kind: Kind,
}

enum Kind {
    /// Its columns' lengths lie at this place of the raw vector.
    Weight { gains: usize },
    /// Singular vectors on the side of its inputs and of its outputs.
    Spectral(Box<[Tensor<1>; 2]>),
}

impl DeviceWeights {
    /// The raw vector of `params` `[num_params]`; `None` where they are learned as they are.
    pub(super) fn new(
        plan: &NetPlan,
        params: &[f32],
        rng: &mut Rng,
        device: &Device,
    ) -> Option<Self> {
        let upload = |values: &[f32]| Tensor::<1>::from_data(values, device);
        let (raw, norms) = match &plan.weights {
            WeightsPlan::Plain => return None,
            WeightsPlan::WeightNorm(layers) => {
                let matrices = plan.matrices(layers);
                let raw = WeightNorm::new(params.len(), matrices.clone()).raw(params);
                (upload(&raw), weight_norms(params.len(), &matrices))
            }
            WeightsPlan::SpectralNorm(layers) => {
                let matrices = plan.matrices(layers);
                let norm = SpectralNorm::new(params, &matrices, rng);
                let vectors = norm.vectors().map(|pair| Kind::Spectral(Box::new(pair.map(upload))));
                let norms = matrices.into_iter().zip(vectors);
                (upload(params), norms.map(|(at, kind)| Norm { at, kind }).collect())
            }
        };
        Some(Self { raw, num_params: params.len(), norms })
    }

    /// What is learned, `[num_raw]`.
    pub(super) fn raw(&self) -> &Tensor<1> {
        &self.raw
    }

    /// The same, to be changed.
    pub(super) fn raw_mut(&mut self) -> &mut Tensor<1> {
        &mut self.raw
    }

    /// The parameters `[num_params]` that the raw vector stands for.
    pub(super) fn params(&self) -> Tensor<1> {
        self.effective(self.raw.clone())
    }

    /// Before a pass that is learned from: a power iteration.
    pub(super) fn start_pass(&mut self) {
        for Norm { at, kind } in &mut self.norms {
            if let Kind::Spectral(vectors) = kind {
                let [input, output] = &mut **vectors;
                let w = matrix(&self.raw, *at);
                let a = input.clone().reshape([1, at.inputs]);
                let b = normalized(a.matmul(w.clone()).reshape([at.outputs]));
                *input =
                    normalized(w.matmul(b.clone().reshape([at.outputs, 1])).reshape([at.inputs]));
                *output = b;
            }
        }
    }

    /// The gradient of the raw vector, given the one of the parameters.
    pub(super) fn backward(&self, d_params: Tensor<1>) -> Tensor<1> {
        let raw = self.raw.clone().autodiff().require_grad();
        let grads = (self.effective(raw.clone()) * d_params).sum().backward();
        raw.grad(&grads).expect("parameters depend on the raw vector")
    }

    fn effective(&self, raw: Tensor<1>) -> Tensor<1> {
        let (mut parts, mut end) = (Vec::new(), 0);
        for norm in &self.norms {
            let range = norm.at.range();
            if range.start > end {
                parts.push(raw.clone().narrow(0, end, range.start - end));
            }
            parts.push(norm.effective(&raw).reshape([range.len()]));
            end = range.end;
        }
        if self.num_params > end {
            parts.push(raw.narrow(0, end, self.num_params - end));
        }
        Tensor::cat(parts, 0)
    }

    /// Writes what is known beside the raw vector.
    pub(super) fn save(&self, out: &mut StateWriter) {
        for norm in &self.norms {
            if let Kind::Spectral(vectors) = &norm.kind {
                for vector in &**vectors {
                    out.f32s(&host(vector));
                }
            }
        }
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state belongs to another network.
    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        for norm in &mut self.norms {
            if let Kind::Spectral(vectors) = &mut norm.kind {
                for vector in &mut **vectors {
                    *vector = device_copy(&from.f32s()?, vector)?;
                }
            }
        }
        Ok(())
    }
}

impl Norm {
    /// The matrix that the raw vector stands for.
    fn effective(&self, raw: &Tensor<1>) -> Tensor<2> {
        let Self { at, kind } = self;
        let w = matrix(raw, *at);
        match kind {
            Kind::Weight { gains } => {
                let lengths = w.clone().square().sum_dim(0).sqrt();
                let gains = raw.clone().narrow(0, *gains, at.outputs);
                w * (gains.reshape([1, at.outputs]) / lengths)
            }
            Kind::Spectral(vectors) => {
                let [a, b] = (**vectors).clone();
                let products = w.clone() * a.reshape([at.inputs, 1]) * b.reshape([1, at.outputs]);
                w / products.sum().reshape::<2, _>([1, 1])
            }
        }
    }
}

/// Matrices whose columns' lengths lie behind the parameters.
fn weight_norms(num_params: usize, matrices: &[MatrixAt]) -> Vec<Norm> {
    let norms = matrices.iter().scan(num_params, |gains, &at| {
        let kind = Kind::Weight { gains: *gains };
        *gains += at.outputs;
        Some(Norm { at, kind })
    });
    norms.collect()
}

fn matrix(raw: &Tensor<1>, at: MatrixAt) -> Tensor<2> {
    raw.clone().narrow(0, at.start, at.inputs * at.outputs).reshape([at.inputs, at.outputs])
}

/// v/‖v‖.
fn normalized(v: Tensor<1>) -> Tensor<1> {
    let length = v.clone().square().sum().sqrt().clamp_min(1e-12);
    v / length
}
