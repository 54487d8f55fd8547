//! The layers that networks are made of.

use slm_policy::Activation;

use crate::batch_norm::BatchNorm;
use crate::batch_norm::Renorm;
use crate::conv::Conv;
use crate::conv::ConvShape;
use crate::step::Kind;
use crate::step::Step;

/// One layer of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layer {
    /// Puts the channels of pictures first: of a row `[pixels, channels]` it makes one
    /// `[channels, pixels]`. Only the first layer can, and it costs nothing but the order in which
    /// inputs are copied.
    ChannelsFirst {
        /// Channels of the picture.
        channels: usize,
        /// Its height times its width.
        pixels: usize,
    },
    /// Puts the last numbers of the input row after those that come, `[inputs + width]`; the layers
    /// before this one do not see them. There is one at most.
    Beside {
        /// How many they are.
        width: usize,
    },
    /// Affine map; parameters are the weight `[inputs, outputs]`, row-major, then the bias.
    Linear {
        /// Width of an input row.
        inputs: usize,
        /// Width of an output row.
        outputs: usize,
        /// Whether a bias `[outputs]` is added.
        bias: bool,
    },
    /// Convolution of images, channel first: a row `[channels · height · width]` gives a row
    /// `[outputs · height · width]`; parameters are the weight `[outputs, channels · kernel]`,
    /// row-major, then the bias. Of two numbers the first goes with the height.
    Conv2d {
        /// Channels, height and width of the input.
        input: [usize; 3],
        /// Channels of the output.
        outputs: usize,
        /// Rows and columns of the kernel.
        kernel: [usize; 2],
        /// Distance between neighboring positions of the kernel.
        stride: [usize; 2],
        /// Zeros added on each side of the input.
        padding: [usize; 2],
        /// Distance between neighboring taps of the kernel.
        dilation: [usize; 2],
        /// Whether a bias `[outputs]` is added.
        bias: bool,
    },
    /// Normalization over a row; parameters are gamma, then beta, if affine.
    LayerNorm {
        /// Width of a row.
        width: usize,
        /// Added to the variance.
        eps: f32,
        /// Whether there are a gain and a bias `[width]`.
        affine: bool,
    },
    /// Normalization of each channel over the rows of a batch and its positions, as PyTorch's
    /// `BatchNorm`; parameters are gamma, then beta `[channels]`, if affine, and buffers the
    /// running mean, then the running variance.
    ///
    /// Ioffe, Szegedy (2015), "Batch Normalization", arXiv:1502.03167.
    BatchNorm {
        /// Channels of a row `[channels, positions]`.
        channels: usize,
        /// Numbers of a channel in a row; 1 where rows are vectors.
        positions: usize,
        /// Added to the variance.
        eps: f32,
        /// Share of a batch in the running statistics.
        momentum: f32,
        /// Whether there are a gain and a bias.
        affine: bool,
    },
    /// Batch normalization corrected towards the running statistics; parameters are gamma, then
    /// beta `[width]`, and buffers the running mean, the running variance and the number of
    /// batches seen.
    ///
    /// The corrections grow from none to their bounds over the warm-up and count as constants in
    /// backward passes. Unlike [`Layer::BatchNorm`] the running variance is the biased one.
    ///
    /// Ioffe (2017), "Batch Renormalization", arXiv:1702.03275.
    BatchRenorm {
        /// Width of a row.
        width: usize,
        /// Added to variances.
        eps: f32,
        /// Share of a batch in the running statistics.
        momentum: f32,
        /// Bound of the ratio of deviations, and of its inverse.
        r_max: f32,
        /// Bound of the distance of means in running deviations.
        d_max: f32,
        /// Batches until the bounds are reached.
        warmup_steps: u64,
    },
    /// Element-wise nonlinearity.
    Activation(Activation),
}

impl Layer {
    /// The step of this layer on rows of that width.
    ///
    /// # Panics
    /// When the layer does not fit them.
    pub(crate) fn step(self, width: usize) -> Step {
        let (kind, widths) = match self {
            Layer::ChannelsFirst { .. } => panic!("channels are put first before other layers"),
            Layer::Beside { width: beside } => (Kind::Beside, [width, width + beside]),
            Layer::Linear { inputs, outputs, bias } => (Kind::Linear { bias }, [inputs, outputs]),
            Layer::Conv2d { input, outputs, kernel, stride, padding, dilation, bias } => {
                let shape = ConvShape { input, outputs, kernel, stride, padding, dilation, bias };
                let conv = Conv::new(shape);
                let widths = [input.iter().product(), conv.width()];
                (Kind::Conv(Box::new(conv)), widths)
            }
            Layer::LayerNorm { width, eps, affine } => {
                (Kind::LayerNorm { eps, affine }, [width; 2])
            }
            Layer::BatchNorm { channels, positions, eps, momentum, affine } => {
                let norm = BatchNorm { channels, positions, eps, momentum, affine, renorm: None };
                (Kind::BatchNorm(norm), [channels * positions; 2])
            }
            Layer::BatchRenorm { width, eps, momentum, r_max, d_max, warmup_steps } => {
                let renorm = Some(Renorm { r_max, d_max, warmup_steps });
                let [channels, positions] = [width, 1];
                let norm = BatchNorm { channels, positions, eps, momentum, affine: true, renorm };
                (Kind::BatchNorm(norm), [width; 2])
            }
            Layer::Activation(activation) => return Step::new(Kind::Copy, activation, [width; 2]),
        };
        assert!(widths[0] == width && widths[1] > 0, "a layer fits the one before");
        Step::new(kind, Activation::Identity, widths)
    }
}
