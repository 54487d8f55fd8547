//! What a network looks like: its layers, its heads and where each parameter lies in the flat vector.

use slm_policy::{Activation, Cell, ConvShape};

use super::branches::{Block, Branches};
use super::init::Init;
use super::lr_schedule::LrSchedule;
use super::optim::OptimPlan;
use super::weights::WeightsPlan;

/// One layer of a trunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerPlan {
    /// Pictures whose channels lie last, `[pixels, channels]`, become `[channels, pixels]`; the first
    /// layer alone.
    ChannelsFirst {
        /// Channels of a picture.
        channels: usize,
        /// Its height times its width.
        pixels: usize,
    },
    /// The last numbers of an input row, which no layer before sees, go after what comes: a critic's
    /// actions, after what it made of a picture.
    Beside {
        /// How many they are.
        width: usize,
    },
    /// Affine map.
    Linear {
        /// Number of features out.
        width: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Convolution of a channel-first image; the row that comes out is flat too.
    Conv2d {
        /// Its geometry, which has an output.
        shape: ConvShape,
        /// Whether a bias is added.
        bias: bool,
    },
    /// A recurrent layer, whose output is its hidden state.
    Recurrent {
        /// Its kind.
        cell: Cell,
        /// Number of hidden units.
        hidden: usize,
    },
    /// Normalization over the features.
    LayerNorm {
        /// Added to the variance.
        eps: f64,
        /// Whether gain and bias are learned.
        affine: bool,
    },
    /// Normalization over the batch.
    BatchNorm(BatchNormPlan),
    /// Element-wise nonlinearity.
    Activation(Activation),
}

/// Normalization of each channel over the rows of a batch and its positions; where nothing is
/// learned, by running statistics, which are buffers beside the parameters.
///
/// Ioffe & Szegedy (2015), arXiv:1502.03167.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormPlan {
    /// Numbers of a channel in a row; 1 where rows are vectors.
    pub positions: usize,
    /// Added to the variance.
    pub eps: f64,
    /// Share of a batch in the running statistics.
    pub momentum: f64,
    /// Whether gain and bias are learned.
    pub affine: bool,
    /// Corrections towards the running statistics.
    pub renorm: Option<RenormPlan>,
}

/// Batch renormalization, of vectors, with gain and bias. Ioffe (2017), arXiv:1702.03275.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RenormPlan {
    /// Bound of the ratio of deviations, and of its inverse.
    pub r_max: f64,
    /// Bound of the distance of means in running deviations.
    pub d_max: f64,
    /// Batches until the bounds are reached; they start at 1 and 0.
    pub warmup_steps: u64,
}

/// A sequential network: trunk, then heads side by side in one output row.
#[derive(Clone, Debug, PartialEq)]
pub struct NetPlan {
    /// Width of one input row: an observation, of a critic with an action after it.
    pub input: usize,
    /// What observations are multiplied by: 1/255 for pixels that are normalized, else 1. Numbers that
    /// come in [beside](LayerPlan::Beside) them are not.
    pub obs_scale: f32,
    /// Trunk, in order.
    pub trunk: Vec<LayerPlan>,
    /// Which linear layers consist of smaller ones, other than heads that all read the whole row.
    pub branches: Vec<Branches>,
    /// In what form weights are learned.
    pub weights: WeightsPlan,
    /// Steps that gradients go back through time where a layer is recurrent, else 1.
    pub seq_len: usize,
    /// Width of each head; the output row is their concatenation.
    pub heads: Vec<usize>,
    /// Whether the heads are V and A of n actions, `[1, n]`, and the output row is Q `[n]`.
    pub dueling: bool,
    /// Applied to the heads' outputs.
    pub out_activation: Activation,
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
    /// Numbers that one output of its layer depends on, and that one input reaches, as `PyTorch`
    /// counts them.
    pub fan: [usize; 2],
    /// Matrices that a linear layer consists of; none for others.
    pub(super) blocks: Vec<Block>,
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
    /// Numbers of an input row that a [`LayerPlan::Beside`] takes, or 0.
    pub fn beside(&self) -> usize {
        let widths = self.trunk.iter().map(|layer| match layer {
            LayerPlan::Beside { width } => *width,
            _ => 0,
        });
        widths.sum()
    }

    /// Numbers of an input row that the first layer takes.
    pub fn seen(&self) -> usize {
        self.input - self.beside()
    }

    /// Width of an output row: all heads, and log σ where it does not depend on the observation;
    /// one Q per action of a dueling network.
    pub fn output(&self) -> usize {
        if self.dueling { self.heads[1] } else { self.head_width() + self.log_std_width() }
    }

    /// Width of all heads together.
    pub fn head_width(&self) -> usize {
        self.heads.iter().sum()
    }

    /// Width of the state-independent log σ, or 0.
    pub fn log_std_width(&self) -> usize {
        self.log_std_init.map_or(0, |_| self.heads[0])
    }

    /// Numbers that a row carries from step to step: those of its recurrent layers, in order; 0
    /// where there are none.
    pub fn state_width(&self) -> usize {
        let states = self.trunk.iter().map(|layer| match layer {
            LayerPlan::Recurrent { cell, hidden } => cell.state_width(*hidden),
            _ => 0,
        });
        states.sum()
    }

    /// Whether what it says depends on the episode so far.
    pub fn is_recurrent(&self) -> bool {
        self.state_width() > 0
    }

    /// Number of parameters.
    pub fn num_params(&self) -> usize {
        self.slots().last().map_or(0, |slot| slot.range().end)
    }

    /// Number of buffers: running mean and variance per channel of each batch normalization, and
    /// of a renormalization the number of batches.
    pub fn num_buffers(&self) -> usize {
        self.init_buffers().len()
    }

    /// Buffers before the first batch: mean 0, variance 1, no batches.
    pub(crate) fn init_buffers(&self) -> Vec<f32> {
        let mut buffers = Vec::new();
        let mut width = self.seen();
        for layer in &self.trunk {
            if let LayerPlan::BatchNorm(norm) = layer {
                let channels = width / norm.positions;
                buffers.extend(std::iter::repeat_n(0.0, channels));
                buffers.extend(std::iter::repeat_n(1.0, channels));
                buffers.extend(norm.renorm.map(|_| 0.0));
            }
            width = layer.output(width);
        }
        buffers
    }

    /// Multiplications with a weight in a forward pass of one row.
    pub(crate) fn multiply_adds(&self) -> usize {
        let mut width = self.seen();
        let mut sum = 0;
        for layer in &self.trunk {
            let output = layer.output(width);
            sum += match layer {
                LayerPlan::Linear { .. } => width * output,
                LayerPlan::Conv2d { shape, .. } => shape.patch() * output,
                LayerPlan::Recurrent { cell, hidden } => (width + hidden) * cell.gates() * hidden,
                LayerPlan::ChannelsFirst { .. }
                | LayerPlan::Beside { .. }
                | LayerPlan::LayerNorm { .. }
                | LayerPlan::BatchNorm(_)
                | LayerPlan::Activation(_) => 0,
            };
            width = output;
        }
        sum + width * self.head_width()
    }

    /// Every parameter in file order: per layer weight then bias, heads as one matrix, log σ last.
    pub(crate) fn slots(&self) -> Vec<ParamSlot> {
        let mut slots = Slots::default();
        let mut width = self.seen();
        for (i, layer) in self.trunk.iter().enumerate() {
            match *layer {
                LayerPlan::Linear { width: out, bias } => {
                    slots.push_linear(&i.to_string(), self.blocks(i, [width, out]), bias);
                }
                _ => slots.push_layer(i, layer, width),
            }
            width = layer.output(width);
        }
        let fan = [width, self.head_width()];
        slots.push_linear("head", self.blocks(self.trunk.len(), fan), true);
        if self.log_std_init.is_some() {
            slots.push("log_std".into(), [1, self.heads[0]], fan);
        }
        slots.0
    }
}

impl LayerPlan {
    /// Width of the row it makes of one of `width`.
    ///
    /// # Panics
    /// When it is a convolution whose geometry is impossible.
    pub fn output(&self, width: usize) -> usize {
        match self {
            Self::Linear { width, .. } | Self::Recurrent { hidden: width, .. } => *width,
            Self::Conv2d { shape, .. } => {
                let image = shape.output().expect("plans hold geometries that have an output");
                image.iter().product()
            }
            Self::Beside { width: beside } => width + beside,
            Self::ChannelsFirst { .. }
            | Self::LayerNorm { .. }
            | Self::BatchNorm(_)
            | Self::Activation(_) => width,
        }
    }
}

/// `torch.nn.init._calculate_fan_in_and_fan_out` of a convolution.
fn fan_of(shape: &ConvShape) -> [usize; 2] {
    [shape.patch(), shape.outputs * shape.kernel[0] * shape.kernel[1]]
}

#[derive(Default)]
struct Slots(Vec<ParamSlot>);

impl Slots {
    /// The parameters of layer `i` of a trunk, no linear one, which takes rows of `width`.
    fn push_layer(&mut self, i: usize, layer: &LayerPlan, width: usize) {
        match *layer {
            LayerPlan::Conv2d { shape, bias } => {
                let fan = fan_of(&shape);
                self.push(format!("{i}.weight"), [shape.outputs, shape.patch()], fan);
                if bias {
                    self.push(format!("{i}.bias"), [1, shape.outputs], fan);
                }
            }
            LayerPlan::Recurrent { cell, hidden } => {
                // `PyTorch` counts the hidden units alone.
                let (gates, fan) = (cell.gates() * hidden, [hidden; 2]);
                self.push(format!("{i}.weight_ih"), [width, gates], fan);
                self.push(format!("{i}.weight_hh"), [hidden, gates], fan);
                self.push(format!("{i}.bias_ih"), [1, gates], fan);
                self.push(format!("{i}.bias_hh"), [1, gates], fan);
            }
            LayerPlan::LayerNorm { affine: true, .. } => self.push_affine(i, width),
            LayerPlan::BatchNorm(norm) if norm.affine => {
                self.push_affine(i, width / norm.positions);
            }
            _ => {}
        }
    }

    /// Weight and bias of a linear layer of these blocks.
    fn push_linear(&mut self, name: &str, blocks: Vec<Block>, bias: bool) {
        let end = |of: fn(&Block) -> usize| blocks.iter().map(of).max().unwrap_or(0);
        let shape = [end(|block| block.rows.end), end(|block| block.columns.end)];
        let bias_blocks = bias.then(|| blocks.clone());
        self.push_blocks(format!("{name}.weight"), shape, shape, blocks);
        if let Some(blocks) = bias_blocks {
            self.push_blocks(format!("{name}.bias"), [1, shape[1]], shape, blocks);
        }
    }

    /// Gain and bias of a normalization.
    fn push_affine(&mut self, i: usize, width: usize) {
        self.push(format!("{i}.gamma"), [1, width], [width; 2]);
        self.push(format!("{i}.beta"), [1, width], [width; 2]);
    }

    fn push(&mut self, name: String, shape: [usize; 2], fan: [usize; 2]) {
        self.push_blocks(name, shape, fan, Vec::new());
    }

    fn push_blocks(
        &mut self,
        name: String,
        shape: [usize; 2],
        fan: [usize; 2],
        blocks: Vec<Block>,
    ) {
        let start = self.0.last().map_or(0, |slot| slot.range().end);
        self.0.push(ParamSlot { name, shape, fan, blocks, start });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A network without anything special about it.
    pub(crate) fn plain(input: usize, trunk: Vec<LayerPlan>, heads: &[usize]) -> NetPlan {
        NetPlan {
            input,
            obs_scale: 1.0,
            trunk,
            branches: Vec::new(),
            weights: WeightsPlan::Plain,
            seq_len: 1,
            heads: heads.to_vec(),
            dueling: false,
            out_activation: Activation::Identity,
            log_std_init: None,
            init: Init::Default,
            head_std: vec![None; heads.len()],
        }
    }

    /// Batch normalization of channels of that many numbers.
    pub(crate) fn batch_norm(positions: usize) -> LayerPlan {
        let (eps, momentum) = (1e-5, 0.1);
        LayerPlan::BatchNorm(BatchNormPlan { positions, eps, momentum, affine: true, renorm: None })
    }

    /// Batch renormalization whose corrections matter from the second batch on.
    pub(crate) fn renorm() -> LayerPlan {
        let renorm = Some(RenormPlan { r_max: 1.5, d_max: 0.5, warmup_steps: 2 });
        let (positions, eps, momentum) = (1, 1e-3, 0.3);
        LayerPlan::BatchNorm(BatchNormPlan { positions, eps, momentum, affine: true, renorm })
    }

    /// 3 x 3 kernels that move by `stride` over an image.
    pub(crate) fn conv(input: [usize; 3], outputs: usize, stride: usize) -> LayerPlan {
        let (kernel, stride, padding, dilation) = ([3; 2], [stride; 2], [0; 2], [1; 2]);
        let shape = ConvShape { input, outputs, kernel, stride, padding, dilation };
        LayerPlan::Conv2d { shape, bias: true }
    }

    /// A critic of pictures `[5, 6, 2]` and of two numbers: 2 x 5 x 6 to 4 x 3 x 4, which is 48.
    pub(crate) fn critic_of_pictures() -> NetPlan {
        let trunk = vec![
            LayerPlan::ChannelsFirst { channels: 2, pixels: 30 },
            conv([2, 5, 6], 4, 1),
            LayerPlan::Activation(Activation::Relu),
            LayerPlan::Beside { width: 2 },
            LayerPlan::Linear { width: 9, bias: true },
            LayerPlan::Activation(Activation::Tanh),
        ];
        NetPlan { obs_scale: 0.5, ..plain(62, trunk, &[1]) }
    }

    /// Conv 4·18 + 4 = 76, linear (48 + 2)·9 + 9 = 459, head 9 + 1 = 10: 545 in all.
    #[test]
    fn what_comes_in_beside_a_picture_has_weights_after_the_picture_s() {
        let plan = critic_of_pictures();
        assert_eq!((plan.seen(), plan.beside(), plan.num_params()), (60, 2, 545));
        let slots = plan.slots();
        let shapes: Vec<_> = slots.iter().map(|slot| (slot.name.as_str(), slot.shape)).collect();
        assert_eq!(shapes[0], ("1.weight", [4, 18]));
        assert_eq!(shapes[2], ("4.weight", [50, 9]));
        assert_eq!(plan.multiply_adds(), 48 * 18 + 50 * 9 + 9);
    }

    /// 4·3 + 3 = 15, layer norm 3 + 3 = 6, head 3·2 + 2 = 8, log σ 2: 31 in all.
    #[test]
    fn parameters_lie_one_after_the_other() {
        let plan = NetPlan {
            trunk: vec![
                LayerPlan::Linear { width: 3, bias: true },
                LayerPlan::LayerNorm { eps: 1e-5, affine: true },
                LayerPlan::Activation(Activation::Tanh),
            ],
            log_std_init: Some(0.0),
            ..plain(4, vec![], &[2])
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

    /// 2 channels of 7 x 5 to 4 of 3 x 2: 4·2·9 + 4 = 76 parameters; a linear layer of 24 inputs
    /// follows.
    #[test]
    fn a_convolution_has_a_row_of_weights_per_output_channel() {
        let plan = plain(70, vec![conv([2, 7, 5], 4, 2)], &[3]);
        let slots = plan.slots();
        assert_eq!((slots[0].shape, slots[0].fan), ([4, 18], [18, 36]));
        assert_eq!((slots[1].shape, slots[1].start), ([1, 4], 72));
        assert_eq!((slots[2].shape, slots[2].start), ([24, 3], 76));
        // 24 outputs of 18 products each, and 24 times 3.
        assert_eq!(plan.multiply_adds(), 24 * 18 + 72);
    }

    /// 5 channels of 8 numbers and their affine: 10 parameters, 10 buffers; renormalization of 40
    /// features: 80 parameters, 81 buffers.
    #[test]
    fn batch_normalizations_have_buffers_beside_the_parameters() {
        let trunk = vec![batch_norm(8), renorm(), LayerPlan::LayerNorm { eps: 1.0, affine: false }];
        let plan = plain(40, trunk, &[1]);
        assert_eq!((plan.num_params(), plan.num_buffers()), (10 + 80 + 41, 10 + 81));
        let buffers = plan.init_buffers();
        assert_eq!(buffers[..10], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(buffers[49..51], [0.0, 1.0]);
        assert_eq!(buffers[89..], [1.0, 0.0]);
    }

    /// A GRU of 2 units on 3 inputs: 3·6 + 2·6 + 6 + 6 = 42; an LSTM of 5 on 2: (2 + 5 + 2)·20 = 180.
    #[test]
    fn a_recurrent_layer_has_two_maps_and_carries_its_state() {
        let cell = |cell, hidden| LayerPlan::Recurrent { cell, hidden };
        let plan = plain(3, vec![cell(Cell::Gru, 2), cell(Cell::Lstm, 5)], &[1]);
        let names: Vec<_> = plan.slots().into_iter().map(|slot| slot.name).collect();
        let of_cell = ["0.weight_ih", "0.weight_hh", "0.bias_ih", "0.bias_hh"];
        assert_eq!(names[..4], of_cell);
        assert_eq!((plan.num_params(), plan.state_width()), (42 + 180 + 6, 2 + 10));
        assert_eq!(plan.multiply_adds(), 5 * 6 + 7 * 20 + 5);
    }

    #[test]
    fn a_dueling_network_gives_one_number_per_action() {
        let plan = NetPlan { dueling: true, ..plain(4, vec![], &[1, 3]) };
        assert_eq!((plan.head_width(), plan.output(), plan.num_params()), (4, 3, 20));
    }
}
