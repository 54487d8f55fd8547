//! The acting network: layers applied in order to rows of observations.

use crate::activation::Activation;
use crate::conv::Conv2d;
use crate::error::LoadError;
use crate::isa;
use crate::linear::Linear;
use crate::norm::LayerNorm;
use crate::scale::Scale;
use alloc::vec::Vec;

/// One step of a network.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Layer {
    /// Fully connected.
    Linear(Linear),
    /// Convolution of channel-first images.
    Conv2d(Conv2d),
    /// Layer normalization.
    LayerNorm(LayerNorm),
    /// Gain and offset per channel.
    Scale(Scale),
    /// Element-wise function.
    Activation(Activation),
}

/// A sequence of layers; several heads are one last `Linear` whose columns are theirs side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// The layers, in the order they are applied; each must take the width the one before gives.
    pub layers: Vec<Layer>,
}

/// Buffers of [`Network::forward`]: they grow to the largest batch seen and are then reused.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    front: Vec<f32>,
    back: Vec<f32>,
    patches: Vec<f32>,
}

impl Network {
    /// Computes the outputs `[n, outputs]` of observations `obs` `[n, inputs]`, row-major.
    ///
    /// A row's bits depend only on that row: not on `n`, nor on the processor. Nothing is
    /// allocated once `scratch` has seen a batch as large.
    ///
    /// # Panics
    /// When `obs` is not `n` rows of the width the layers take; [`Network::check`] tells which that is.
    pub fn forward<'s>(&self, obs: &[f32], n: usize, scratch: &'s mut Scratch) -> &'s [f32] {
        isa::forward(self, obs, n, scratch)
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
            Layer::Conv2d(l) if l.inputs() == width => Ok(l.outputs()),
            Layer::LayerNorm(l) if l.width() == width => Ok(width),
            Layer::Scale(l) if l.width() == width => Ok(width),
            Layer::Activation(_) => Ok(width),
            _ => Err(LoadError::shape("each layer takes the width that the one before gives")),
        })
    }

    /// Whether there are convolutions.
    #[inline]
    pub(crate) fn takes_images(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer, Layer::Conv2d(_)))
    }

    /// The body of [`Network::forward`], inlined into a function for each instruction set; one
    /// without the convolutions of `IMAGES` is a fifth faster on everything else.
    #[inline(always)]
    pub(crate) fn run<'s, const ROWS: usize, const PAIRS: bool, const IMAGES: bool>(
        &self,
        obs: &[f32],
        n: usize,
        scratch: &'s mut Scratch,
    ) -> &'s [f32] {
        let mut size = obs.len();
        let (mut from, mut to, patches) =
            scratch.parts::<IMAGES>(self, n * self.widest().max(size / n.max(1)));
        let mut in_obs = true;
        for layer in &self.layers {
            let input = if in_obs { obs } else { &from[..size] };
            if let Some(inputs) = layer.inputs() {
                assert_eq!(input.len(), n * inputs, "a layer takes [n, inputs]");
                size = n * layer.outputs();
                layer.forward::<ROWS, PAIRS, IMAGES>(input, &mut to[..size], patches);
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

impl Layer {
    /// Width of an input row of a layer that writes its output elsewhere; `None` for one that works
    /// in place.
    #[inline(always)]
    fn inputs(&self) -> Option<usize> {
        match self {
            Layer::Linear(linear) => Some(linear.inputs()),
            Layer::Conv2d(conv) => Some(conv.inputs()),
            Layer::LayerNorm(_) | Layer::Scale(_) | Layer::Activation(_) => None,
        }
    }

    /// Width of the rows it writes elsewhere, or 0.
    #[inline(always)]
    fn outputs(&self) -> usize {
        match self {
            Layer::Linear(linear) => linear.outputs(),
            Layer::Conv2d(conv) => conv.outputs(),
            Layer::LayerNorm(_) | Layer::Scale(_) | Layer::Activation(_) => 0,
        }
    }

    /// Computes `output` `[n, outputs]` from `input` `[n, inputs]`.
    #[inline(always)]
    fn forward<const ROWS: usize, const PAIRS: bool, const IMAGES: bool>(
        &self,
        input: &[f32],
        output: &mut [f32],
        patches: &mut [f32],
    ) {
        match self {
            Layer::Linear(linear) => linear.forward::<ROWS, PAIRS>(input, output),
            Layer::Conv2d(conv) if IMAGES => conv.forward::<ROWS>(input, output, patches),
            _ => unreachable!("of the layers that write elsewhere"),
        }
    }

    /// Works on `values` `[n, width]` in place.
    #[inline(always)]
    fn apply(&self, values: &mut [f32]) {
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
            Layer::Linear(_) | Layer::Conv2d(_) => {}
        }
    }
}

impl Scratch {
    /// Two buffers of at least `size` elements, and what the convolutions of `net` work in.
    #[inline(always)]
    fn parts<const IMAGES: bool>(
        &mut self,
        net: &Network,
        size: usize,
    ) -> (&mut [f32], &mut [f32], &mut [f32]) {
        if self.front.len() < size {
            self.front.resize(size, 0.0);
            self.back.resize(size, 0.0);
        }
        for layer in &net.layers {
            if let Layer::Conv2d(conv) = layer
                && IMAGES
                && self.patches.len() < conv.scratch()
            {
                self.patches.resize(conv.scratch(), 0.0);
            }
        }
        (&mut self.front, &mut self.back, &mut self.patches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv_shape::ConvShape;

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
        for (net, width) in [(tower(), 4), (images(), 84)] {
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
        for (net, width) in [(tower(), 4), (images(), 84)] {
            let obs: Vec<f32> =
                (0..width * 11).map(|i| (i * 29 % 83) as f32 / 30.0 - 1.3).collect();
            let (mut a, mut b) = (Scratch::default(), Scratch::default());
            let want = net.run::<1, false, true>(&obs, 11, &mut a).to_vec();
            assert_eq!(net.run::<4, true, true>(&obs, 11, &mut b), want);
            assert_eq!(net.run::<2, true, true>(&obs, 11, &mut b), want);
            for set in isa::available() {
                assert_eq!(isa::forward_with::<true>(set, &net, &obs, 11, &mut b), want, "{set:?}");
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
