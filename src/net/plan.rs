//! What a network looks like: its layers, its heads and where each parameter lies in the flat vector.

use slm_policy::Activation;

use super::init::Init;
use super::lr_schedule::LrSchedule;
use super::optim::OptimPlan;

/// One layer of a trunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerPlan {
    /// Affine map.
    Linear {
        /// Number of features out.
        width: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Normalization over the features.
    LayerNorm {
        /// Added to the variance.
        eps: f64,
        /// Whether gain and bias are learned.
        affine: bool,
    },
    /// Element-wise nonlinearity.
    Activation(Activation),
}

/// A sequential network: trunk, then heads side by side in one output row.
#[derive(Clone, Debug, PartialEq)]
pub struct NetPlan {
    /// Width of one observation.
    pub input: usize,
    /// Trunk, in order.
    pub trunk: Vec<LayerPlan>,
    /// Width of each head; the output row is their concatenation.
    pub heads: Vec<usize>,
    /// Initial value of a log σ that does not depend on the observation: as wide as the first
    /// head, and after it in the output row.
    pub log_std_init: Option<f32>,
    /// How weights start.
    pub init: Init,
    /// Gain of each head's initial weights, where it differs from the trunk's.
    pub head_std: Vec<Option<f64>>,
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainPlan {
    /// The optimizer.
    pub optim: OptimPlan,
    /// Learning rate before any schedule.
    pub lr: f64,
    /// Learning rate over updates.
    pub lr_schedule: LrSchedule,
    /// Upper bound of the gradient's L2 norm over all parameters.
    pub clip_grad: Option<f64>,
}

/// One parameter tensor inside the flat vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParamSlot {
    /// Dotted name, as it appears in files.
    pub name: String,
    /// `[rows, columns]` of a matrix, `[1, columns]` of a vector.
    pub shape: [usize; 2],
    /// First element in the flat vector.
    pub start: usize,
}

impl ParamSlot {
    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Elements of the flat vector that belong to this parameter.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.len()
    }
}

impl NetPlan {
    /// Width of an output row: all heads, and log σ where it does not depend on the observation.
    pub fn output(&self) -> usize {
        self.head_width() + self.log_std_width()
    }

    /// Width of all heads together.
    pub fn head_width(&self) -> usize {
        self.heads.iter().sum()
    }

    /// Width of the state-independent log σ, or 0.
    pub fn log_std_width(&self) -> usize {
        self.log_std_init.map_or(0, |_| self.heads[0])
    }

    /// Number of parameters.
    pub fn num_params(&self) -> usize {
        self.slots().last().map_or(0, |slot| slot.range().end)
    }

    /// Every parameter in file order: per layer weight then bias, heads as one matrix, log σ last.
    pub(crate) fn slots(&self) -> Vec<ParamSlot> {
        let mut slots = Slots::default();
        let mut width = self.input;
        for (i, layer) in self.trunk.iter().enumerate() {
            match *layer {
                LayerPlan::Linear { width: out, bias } => {
                    slots.push(format!("{i}.weight"), [width, out]);
                    if bias {
                        slots.push(format!("{i}.bias"), [1, out]);
                    }
                    width = out;
                }
                LayerPlan::LayerNorm { affine: true, .. } => {
                    slots.push(format!("{i}.gamma"), [1, width]);
                    slots.push(format!("{i}.beta"), [1, width]);
                }
                LayerPlan::LayerNorm { affine: false, .. } | LayerPlan::Activation(_) => {}
            }
        }
        slots.push("head.weight".into(), [width, self.head_width()]);
        slots.push("head.bias".into(), [1, self.head_width()]);
        if self.log_std_init.is_some() {
            slots.push("log_std".into(), [1, self.heads[0]]);
        }
        slots.0
    }
}

#[derive(Default)]
struct Slots(Vec<ParamSlot>);

impl Slots {
    fn push(&mut self, name: String, shape: [usize; 2]) {
        let start = self.0.last().map_or(0, |slot| slot.range().end);
        self.0.push(ParamSlot { name, shape, start });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4·3 + 3 = 15, layer norm 3 + 3 = 6, head 3·2 + 2 = 8, log σ 2: 31 in all.
    #[test]
    fn parameters_lie_one_after_the_other() {
        let plan = NetPlan {
            input: 4,
            trunk: vec![
                LayerPlan::Linear { width: 3, bias: true },
                LayerPlan::LayerNorm { eps: 1e-5, affine: true },
                LayerPlan::Activation(Activation::Tanh),
            ],
            heads: vec![2],
            log_std_init: Some(0.0),
            init: Init::Default,
            head_std: vec![None],
        };
        let starts: Vec<_> = plan.slots().into_iter().map(|slot| (slot.name, slot.start)).collect();
        let expected = [
            ("0.weight", 0),
            ("0.bias", 12),
            ("1.gamma", 15),
            ("1.beta", 18),
            ("head.weight", 21),
            ("head.bias", 27),
            ("log_std", 29),
        ];
        assert_eq!(starts, expected.map(|(name, start)| (name.to_owned(), start)));
        assert_eq!((plan.num_params(), plan.output()), (31, 4));
    }
}
