//! One layer of a network: what it takes, what it gives and how.

use crate::activation::Activation;
use crate::channels_first::ChannelsFirst;
use crate::conv::Conv2d;
use crate::linear::Linear;
use crate::norm::LayerNorm;
use crate::recurrent::Recurrent;
use crate::recurrent::States;
use crate::scale::Scale;

/// One step of a network.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Layer {
    /// Fully connected.
    Linear(Linear),
    /// Pictures with their channels last, for convolutions.
    ChannelsFirst(ChannelsFirst),
    /// Convolution of channel-first images.
    Conv2d(Conv2d),
    /// Recurrent: its output depends on what came before.
    Recurrent(Recurrent),
    /// Layer normalization.
    LayerNorm(LayerNorm),
    /// Gain and offset per channel.
    Scale(Scale),
    /// Element-wise function.
    Activation(Activation),
}

impl Layer {
    /// Width of an input row of a layer that writes its output elsewhere; `None` for one that works
    /// in place.
    #[inline(always)]
    pub(crate) fn inputs(&self) -> Option<usize> {
        match self {
            Layer::Linear(linear) => Some(linear.inputs()),
            Layer::ChannelsFirst(turn) => Some(turn.width()),
            Layer::Conv2d(conv) => Some(conv.inputs()),
            Layer::Recurrent(cell) => Some(cell.inputs()),
            Layer::LayerNorm(_) | Layer::Scale(_) | Layer::Activation(_) => None,
        }
    }

    /// Width of the rows it writes elsewhere, or 0.
    #[inline(always)]
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Layer::Linear(linear) => linear.outputs(),
            Layer::ChannelsFirst(turn) => turn.width(),
            Layer::Conv2d(conv) => conv.outputs(),
            Layer::Recurrent(cell) => cell.hidden(),
            Layer::LayerNorm(_) | Layer::Scale(_) | Layer::Activation(_) => 0,
        }
    }

    /// Numbers that a row carries from step to step.
    #[inline(always)]
    pub(crate) fn state_width(&self) -> usize {
        match self {
            Layer::Recurrent(cell) => cell.state_width(),
            _ => 0,
        }
    }

    /// Computes `output` `[n, outputs]` from `input` `[n, inputs]`, and moves the states on that are
    /// this layer's.
    #[inline(always)]
    pub(crate) fn forward<const ROWS: usize, const PAIRS: bool, const ALL: bool>(
        &self,
        input: &[f32],
        output: &mut [f32],
        states: &mut States<'_>,
        inner: &mut [f32],
    ) {
        match self {
            Layer::Linear(linear) => linear.forward::<ROWS, PAIRS>(input, output),
            Layer::ChannelsFirst(turn) if ALL => turn.forward(input, output),
            Layer::Conv2d(conv) if ALL => conv.forward::<ROWS>(input, output, inner),
            Layer::Recurrent(cell) if ALL => {
                cell.forward::<ROWS, PAIRS>(input, output, states, inner);
                states.start += cell.state_width();
            }
            _ => unreachable!("of the layers that write elsewhere"),
        }
    }

    /// Works on `values` `[n, width]` in place.
    #[inline(always)]
    pub(crate) fn apply(&self, values: &mut [f32]) {
        match self {
            Layer::Activation(activation) => activation.apply(values),
            Layer::LayerNorm(norm) => {
                assert_eq!(values.len() % norm.width(), 0, "a layer norm takes [n, width]");
                norm.apply(values);
            }
            Layer::Scale(scale) => {
                assert_eq!(values.len() % scale.width(), 0, "a scale takes [n, width]");
                scale.apply(values);
            }
            Layer::Linear(_) | Layer::ChannelsFirst(_) | Layer::Conv2d(_) | Layer::Recurrent(_) => {
            }
        }
    }
}
