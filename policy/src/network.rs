//! The acting network: layers applied in order to rows of observations.

use crate::error::LoadError;
use crate::isa;
use crate::layer::Layer;
use crate::recurrent::States;
use alloc::vec::Vec;

/// Observations `[n, inputs]` of a pass, and the states `[n, state_width]` that it moves on.
pub(crate) struct Rows<'a> {
    pub(crate) obs: &'a [f32],
    pub(crate) n: usize,
    pub(crate) states: &'a mut [f32],
}

/// A sequence of layers; several heads are one last `Linear` whose columns are theirs side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// The layers, in the order they are applied; each must take the width the one before gives.
    pub layers: Vec<Layer>,
}

/// Buffers of [`Network::forward`] and [`Network::step`]: they grow to the largest batch seen and are
/// then reused.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    buffers: Buffers,
    /// States where a pass begins with none.
    states: Vec<f32>,
}

/// What a pass works in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    front: Vec<f32>,
    back: Vec<f32>,
    /// Of convolutions and cells.
    inner: Vec<f32>,
}

impl Network {
    /// Computes the outputs `[n, outputs]` of observations `obs` `[n, inputs]`, row-major; a
    /// recurrent network takes each row for the first of an episode.
    ///
    /// A row's bits depend only on that row: not on `n`, nor on the processor. Nothing is
    /// allocated once `scratch` has seen a batch as large.
    ///
    /// # Panics
    /// When `obs` is not `n` rows of the width the layers take; [`Network::check`] tells which that is.
    pub fn forward<'s>(&self, obs: &[f32], n: usize, scratch: &'s mut Scratch) -> &'s [f32] {
        let Scratch { buffers, states } = scratch;
        let size = n * self.state_width();
        states.clear();
        states.resize(size, 0.0);
        isa::forward(self, Rows { obs, n, states }, buffers)
    }

    /// As [`forward`](Self::forward) with the states `[n, state_width]` that earlier observations of
    /// the rows' episodes left, which move on; they are zero where an episode begins.
    ///
    /// # Panics
    /// Also when there are not `n` rows of states.
    pub fn step<'s>(
        &self,
        obs: &[f32],
        n: usize,
        states: &mut [f32],
        scratch: &'s mut Scratch,
    ) -> &'s [f32] {
        assert_eq!(states.len(), n * self.state_width(), "states are [n, state_width]");
        isa::forward(self, Rows { obs, n, states }, &mut scratch.buffers)
    }

    /// Numbers that one row carries from step to step: those of its recurrent layers, in order; 0
    /// where there are none.
    pub fn state_width(&self) -> usize {
        self.layers.iter().map(Layer::state_width).sum()
    }

    /// Follows a row of width `inputs` through the layers and returns the width that comes out.
    ///
    /// # Errors
    /// When there is no linear layer after the last convolution, or a layer does not take the
    /// width the one before gives.
    pub fn check(&self, inputs: usize) -> Result<usize, LoadError> {
        // Its weights also prove that the widths are real, not just claimed by a file.
        let mut from_last = self.layers.iter().rev();
        let last = from_last.find(|layer| matches!(layer, Layer::Linear(_) | Layer::Conv2d(_)));
        if !matches!(last, Some(Layer::Linear(_))) {
            return Err(LoadError::shape("a network ends in a linear layer"));
        }
        self.layers.iter().try_fold(inputs, |width, layer| match layer {
            Layer::Linear(l) if l.inputs() == width => Ok(l.outputs()),
            Layer::ChannelsFirst(l) if l.width() == width => Ok(width),
            Layer::Conv2d(l) if l.inputs() == width => Ok(l.outputs()),
            Layer::Recurrent(l) if l.inputs() == width => Ok(l.hidden()),
            Layer::LayerNorm(l) if l.width() == width => Ok(width),
            Layer::Scale(l) if l.width() == width => Ok(width),
            Layer::Activation(_) => Ok(width),
            _ => Err(LoadError::shape("each layer takes the width that the one before gives")),
        })
    }

    /// Whether there are neither pictures nor cells.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        let is_plain = |layer: &Layer| match layer {
            Layer::ChannelsFirst(_) | Layer::Conv2d(_) | Layer::Recurrent(_) => false,
            Layer::Linear(_) | Layer::LayerNorm(_) | Layer::Scale(_) | Layer::Activation(_) => true,
        };
        self.layers.iter().all(is_plain)
    }

    /// The body of [`Network::step`], inlined into a function for each instruction set; plain
    /// networks have one of their own, without `ALL` kinds of layers, so that what acts on a few
    /// numbers does not carry the code of convolutions and cells.
    #[inline(always)]
    pub(crate) fn run<'s, const ROWS: usize, const PAIRS: bool, const ALL: bool>(
        &self,
        rows: Rows<'_>,
        buffers: &'s mut Buffers,
    ) -> &'s [f32] {
        let Rows { obs, n, states } = rows;
        let mut states = States { values: states, width: self.state_width(), start: 0 };
        let mut size = obs.len();
        let (mut from, mut to, inner) =
            buffers.parts::<ALL>(self, n, n * self.widest().max(size / n.max(1)));
        let mut in_obs = true;
        for layer in &self.layers {
            let input = if in_obs { obs } else { &from[..size] };
            if let Some(inputs) = layer.inputs() {
                assert_eq!(input.len(), n * inputs, "a layer takes [n, inputs]");
                size = n * layer.outputs();
                layer.forward::<ROWS, PAIRS, ALL>(input, &mut to[..size], &mut states, inner);
                core::mem::swap(&mut from, &mut to);
            } else {
                if in_obs {
                    from[..size].copy_from_slice(obs);
                }
                layer.apply(&mut from[..size]);
            }
            in_obs = false;
        }
        if in_obs {
            from[..size].copy_from_slice(obs);
        }
        &from[..size]
    }

    /// Largest width a layer gives.
    #[inline(always)]
    fn widest(&self) -> usize {
        self.layers.iter().map(Layer::outputs).max().unwrap_or(0)
    }
}

impl Buffers {
    /// Two buffers of at least `size` elements, and what layers of `net` work in for `n` rows.
    #[inline(always)]
    fn parts<const ALL: bool>(
        &mut self,
        net: &Network,
        n: usize,
        size: usize,
    ) -> (&mut [f32], &mut [f32], &mut [f32]) {
        if self.front.len() < size {
            self.front.resize(size, 0.0);
            self.back.resize(size, 0.0);
        }
        for layer in &net.layers {
            let inner = match layer {
                Layer::Conv2d(conv) if ALL => conv.scratch(),
                Layer::Recurrent(cell) if ALL => cell.scratch(n),
                _ => 0,
            };
            if self.inner.len() < inner {
                self.inner.resize(inner, 0.0);
            }
        }
        (&mut self.front, &mut self.back, &mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv_shape::ConvShape;
    use crate::recurrent::{Cell, Recurrent};
    use crate::{Activation, Conv2d, LayerNorm, Linear, Scale};

    fn linear(inputs: usize, outputs: usize, seed: usize) -> Layer {
        let value = |i: usize| ((i * 7919 + seed * 104_729) % 2003) as f32 / 2003.0 - 0.5;
        let weight: Vec<f32> = (0..inputs * outputs).map(value).collect();
        let bias: Vec<f32> = (0..outputs).map(|i| value(i + 5)).collect();
        Layer::Linear(Linear::new(inputs, outputs, &weight, &bias).unwrap())
    }

    /// Images of 2 x 6 x 7 pixels through two convolutions to 3 outputs.
    fn images() -> Network {
        let conv = |input, outputs, padding| {
            let stride = [2, 1];
            let shape =
                ConvShape { input, outputs, kernel: [3, 2], stride, padding, dilation: [1, 1] };
            let value = |i: usize| ((i * 7919 + outputs) % 2003) as f32 / 2003.0 - 0.5;
            let weight: Vec<f32> = (0..outputs * shape.patch()).map(value).collect();
            Layer::Conv2d(Conv2d::new(shape, &weight, &weight[..outputs]).unwrap())
        };
        let scale = Scale::new(&[0.5, 2.0, -1.0, 0.1, 1.5], &[0.1; 5], 18).unwrap();
        let layers = alloc::vec![
            conv([2, 6, 7], 5, [1, 0]),
            Layer::Activation(Activation::Relu),
            Layer::Scale(scale),
            conv([5, 3, 6], 7, [0, 1]),
            Layer::Activation(Activation::Relu),
            linear(49, 3, 4)
        ];
        Network { layers }
    }

    /// A cell of each kind, one after another.
    fn cells() -> Network {
        let map = |inputs, outputs, seed| match linear(inputs, outputs, seed) {
            Layer::Linear(linear) => linear,
            _ => unreachable!(),
        };
        let cell = |kind: Cell, inputs, hidden| {
            let width = kind.gates() * hidden;
            let maps = (map(inputs, width, hidden), map(hidden, width, inputs));
            Layer::Recurrent(Recurrent::new(kind, maps.0, maps.1).unwrap())
        };
        let layers = alloc::vec![
            cell(Cell::Gru, 4, 9),
            cell(Cell::Lstm, 9, 6),
            Layer::Activation(Activation::Relu),
            cell(Cell::Rnn, 6, 17),
            linear(17, 3, 8)
        ];
        Network { layers }
    }

    fn tower() -> Network {
        let tanh = Layer::Activation(Activation::Tanh);
        let norm = LayerNorm::new(&[1.0; 70], &[0.1; 70], 1e-5).unwrap();
        let layers = alloc::vec![
            linear(4, 70, 1),
            Layer::LayerNorm(norm),
            tanh.clone(),
            linear(70, 64, 2),
            tanh,
            linear(64, 3, 3)
        ];
        Network { layers }
    }

    /// A picture `[6, 7, 2]` with its channels last is turned, then as in `images`.
    fn pictures() -> Network {
        let mut net = images();
        let turn = crate::ChannelsFirst::new(2, 42).unwrap();
        net.layers.insert(0, Layer::ChannelsFirst(turn));
        net
    }

    #[test]
    fn a_picture_says_the_same_wherever_its_channels_are() {
        let first: Vec<f32> = (0..84).map(|i| (i * 31 % 97) as f32 / 40.0 - 1.2).collect();
        let last: Vec<f32> = (0..84).map(|i| first[i % 2 * 42 + i / 2]).collect();
        let (mut a, mut b) = (Scratch::default(), Scratch::default());
        assert_eq!(pictures().check(84), Ok(3));
        assert!(pictures().check(85).is_err());
        assert_eq!(pictures().forward(&last, 1, &mut a), images().forward(&first, 1, &mut b));
    }

    #[test]
    fn two_layers_equal_the_hand_computed_result() {
        let first = Linear::new(2, 2, &[1.0, -1.0, 2.0, 0.5], &[0.5, 0.0]).unwrap();
        let last = Linear::new(2, 1, &[3.0, -4.0], &[1.0]).unwrap();
        let relu = Layer::Activation(Activation::Relu);
        let net = Network { layers: alloc::vec![Layer::Linear(first), relu, Layer::Linear(last)] };
        // [1, 2] -> [1+4+0.5, -1+1+0] = [5.5, 0] -> 16.5 + 1; [-1, 0] -> [-0.5, 1] -> [0, 1] -> -4 + 1.
        let mut scratch = Scratch::default();
        assert_eq!(net.forward(&[1.0, 2.0, -1.0, 0.0], 2, &mut scratch), [17.5, -3.0]);
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_in_any_batch() {
        for (net, width) in [(tower(), 4), (images(), 84), (pictures(), 84), (cells(), 4)] {
            let obs: Vec<f32> =
                (0..width * 33).map(|i| (i * 31 % 97) as f32 / 40.0 - 1.2).collect();
            let mut scratch = Scratch::default();
            let all = net.forward(&obs, 33, &mut scratch).to_vec();
            for n in [1, 2, 3, 5, 16] {
                for (rows, want) in obs.chunks_exact(width * n).zip(all.chunks_exact(3 * n)) {
                    assert_eq!(net.forward(rows, n, &mut scratch), want);
                }
            }
        }
    }

    #[test]
    fn every_tiling_and_instruction_set_gives_the_same_bits() {
        for (net, width) in [(tower(), 4), (images(), 84), (pictures(), 84), (cells(), 4)] {
            let obs: Vec<f32> =
                (0..width * 11).map(|i| (i * 29 % 83) as f32 / 30.0 - 1.3).collect();
            let begun: Vec<f32> =
                (0..11 * net.state_width()).map(|i| (i % 7) as f32 / 7.0 - 0.4).collect();
            // Outputs and the states they leave.
            let pass = |run: &dyn Fn(Rows<'_>, &mut Buffers) -> Vec<f32>| {
                let mut states = begun.clone();
                let rows = Rows { obs: &obs, n: 11, states: &mut states };
                (run(rows, &mut Buffers::default()), states)
            };
            let want = pass(&|rows, b| net.run::<1, false, true>(rows, b).to_vec());
            assert_eq!(pass(&|rows, b| net.run::<4, true, true>(rows, b).to_vec()), want);
            assert_eq!(pass(&|rows, b| net.run::<2, true, true>(rows, b).to_vec()), want);
            assert_eq!(pass(&|rows, b| isa::forward(&net, rows, b).to_vec()), want);
            for set in isa::available() {
                let found = pass(&|rows, b| isa::forward_with::<true>(set, &net, rows, b).to_vec());
                assert_eq!(found, want, "{set:?}");
            }
        }
    }

    #[test]
    fn check_refuses_widths_that_do_not_meet() {
        assert_eq!(tower().check(4), Ok(3));
        assert!(tower().check(5).is_err());
        assert!(Network::default().check(4).is_err());
        let net = Network { layers: alloc::vec![linear(4, 8, 1), linear(9, 2, 1)] };
        assert!(net.check(4).is_err());
        let net = Network { layers: alloc::vec![Layer::Activation(Activation::Tanh)] };
        assert!(net.check(4).is_err());
        assert_eq!((cells().check(4), cells().state_width()), (Ok(3), 9 + 12 + 17));
        assert!(cells().check(3).is_err());
        assert_eq!(images().check(84), Ok(3));
        assert!(images().check(83).is_err());
        let mut open = images();
        open.layers.pop();
        assert!(open.check(84).is_err());
    }

    #[test]
    fn an_empty_batch_gives_no_rows() {
        assert!(tower().forward(&[], 0, &mut Scratch::default()).is_empty());
    }
}
