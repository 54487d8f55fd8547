//! The layers of a network one after another, with the dimensions of what passes between them.

use slm_policy::ConvShape;

use crate::config::{
    BatchNormSpec, BatchRenormSpec, Conv2dSpec, LayerNormSpec, LinearSpec, PairSpec,
};
use crate::net::{BatchNormPlan, Branches, LayerPlan, RenormPlan, WeightsPlan};

/// What a batch normalization of `PyTorch`'s takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// `[features]`.
    Rows,
    /// `[channels, height, width]`.
    Images,
}

/// A trunk that grows; every layer that is added must take what the one before gives.
pub(super) struct Trunk {
    /// `[width]` of a row, `[channels, height, width]` of an image.
    dims: Vec<usize>,
    /// The layers so far.
    pub(super) layers: Vec<LayerPlan>,
    /// Which of them are learned as directions and lengths.
    weight_norms: Vec<usize>,
}

/// The layers of a network up to its outputs.
pub(super) struct Body {
    pub(super) trunk: Vec<LayerPlan>,
    pub(super) branches: Vec<Branches>,
    pub(super) weights: WeightsPlan,
}

impl From<Vec<LayerPlan>> for Body {
    fn from(trunk: Vec<LayerPlan>) -> Self {
        Self { trunk, branches: Vec::new(), weights: WeightsPlan::Plain }
    }
}

impl From<Trunk> for Body {
    fn from(Trunk { layers, weight_norms, .. }: Trunk) -> Self {
        let weights = match weight_norms.as_slice() {
            [] => WeightsPlan::Plain,
            _ => WeightsPlan::WeightNorm(weight_norms),
        };
        Self { weights, ..layers.into() }
    }
}

impl Trunk {
    /// No layers; observations have these dimensions.
    pub(super) fn new(dims: Vec<usize>) -> Self {
        Self { dims, layers: Vec::new(), weight_norms: Vec::new() }
    }

    /// Adds a layer that takes rows of any width, where images count as flat; a batch
    /// normalization is one of channels.
    pub(super) fn push(&mut self, layer: LayerPlan) {
        let layer = match layer {
            LayerPlan::BatchNorm(norm) => {
                let positions = self.dims[1..].iter().product();
                LayerPlan::BatchNorm(BatchNormPlan { positions, ..norm })
            }
            other => other,
        };
        if let LayerPlan::Linear { width, .. } = layer {
            self.dims = vec![width];
        }
        self.layers.push(layer);
    }

    /// Makes rows of images.
    pub(super) fn flatten(&mut self) {
        self.dims = vec![self.dims.iter().product()];
    }

    /// Adds a batch normalization of an `arc`.
    pub(super) fn batch_norm(&mut self, norm: &BatchNormSpec, takes: Takes) -> Result<(), String> {
        let BatchNormSpec { num_features, eps, momentum, affine, .. } = *norm;
        self.check_features(num_features, takes)?;
        let plan = BatchNormPlan { positions: 1, eps, momentum, affine, renorm: None };
        self.push(LayerPlan::BatchNorm(plan));
        Ok(())
    }

    /// Adds a batch renormalization of an `arc`.
    pub(super) fn batch_renorm(&mut self, norm: &BatchRenormSpec) -> Result<(), String> {
        let BatchRenormSpec { num_features, eps, momentum, r_max, d_max, warmup_steps } = *norm;
        self.check_features(num_features, Takes::Rows)?;
        let renorm = Some(RenormPlan { r_max, d_max, warmup_steps });
        let plan = BatchNormPlan { positions: 1, eps, momentum, affine: true, renorm };
        self.push(LayerPlan::BatchNorm(plan));
        Ok(())
    }

    /// Whether as many features or channels come, and of the right kind.
    fn check_features(&self, features: Option<usize>, takes: Takes) -> Result<(), String> {
        let (come, dims) = (self.dims[0], &self.dims);
        match takes {
            Takes::Rows if dims.len() != 1 => {
                return Err(format!("it takes rows; what comes is {dims:?}"));
            }
            Takes::Images if dims.len() != 3 => {
                return Err(format!("it takes images; what comes is {dims:?}"));
            }
            Takes::Rows | Takes::Images => {}
        }
        match features.filter(|features| *features != come) {
            Some(takes) => Err(format!("it takes {takes} features, not the {come} that come")),
            None => Ok(()),
        }
    }

    /// Adds a convolution of that kernel; its input is what comes.
    pub(super) fn conv(&mut self, kernel: ConvShape, bias: bool) -> Result<(), String> {
        let Ok(input) = <[usize; 3]>::try_from(self.dims.as_slice()) else {
            let dims = &self.dims;
            return Err(format!(
                "a convolution takes images `[channels, height, width]`; what comes is {dims:?}"
            ));
        };
        let [rows, columns, depth] = input;
        if self.layers.is_empty() && depth <= 4 && rows.min(columns) > 4 {
            return Err(format!(
                "a convolution takes images `[channels, height, width]`; what comes is {input:?}, \
                 with the channels last"
            ));
        }
        let shape = ConvShape { input, ..kernel };
        let output = shape.output().map_err(|_| does_not_fit(&shape))?;
        self.dims = output.to_vec();
        self.layers.push(LayerPlan::Conv2d { shape, bias });
        Ok(())
    }

    /// Adds a convolution of an `arc`.
    pub(super) fn arc_conv(&mut self, conv: &Conv2dSpec) -> Result<(), String> {
        let channels = self.dims[0];
        if let Some(takes) = conv.in_channels.filter(|takes| *takes != channels) {
            return Err(format!("it takes {takes} channels, not the {channels} that come"));
        }
        let [PairSpec(kernel), PairSpec(stride)] = [conv.kernel_size, conv.stride];
        let [PairSpec(padding), PairSpec(dilation)] = [conv.padding, conv.dilation];
        let outputs = conv.out_channels;
        self.conv(
            ConvShape { input: [0; 3], outputs, kernel, stride, padding, dilation },
            conv.bias,
        )
    }

    /// Adds a linear layer of an `arc` whose weight is learned as directions and lengths.
    pub(super) fn weight_norm_linear(&mut self, linear: &LinearSpec) -> Result<(), String> {
        self.linear(linear)?;
        self.weight_norms.push(self.layers.len() - 1);
        Ok(())
    }

    /// Adds a linear layer of an `arc`.
    pub(super) fn linear(&mut self, linear: &LinearSpec) -> Result<(), String> {
        let [width] = self.dims[..] else {
            return Err("it takes rows, and images come: put `Flatten` before it".to_owned());
        };
        if let Some(takes) = linear.in_features.filter(|takes| *takes != width) {
            return Err(format!("it takes {takes} features, not the {width} that come"));
        }
        self.push(LayerPlan::Linear { width: linear.out_features, bias: linear.bias });
        Ok(())
    }

    /// Adds a layer norm of an `arc`, over all that comes.
    pub(super) fn layer_norm(&mut self, norm: &LayerNormSpec) -> Result<(), String> {
        let (takes, dims) = (&norm.normalized_shape, &self.dims);
        if takes != dims {
            return Err(format!("it normalizes over {takes:?}; what comes is {dims:?}"));
        }
        self.push(LayerPlan::LayerNorm { eps: norm.eps, affine: norm.elementwise_affine });
        Ok(())
    }
}

fn does_not_fit(shape: &ConvShape) -> String {
    let ConvShape { input, kernel, padding, dilation, .. } = shape;
    let reach = |axis: usize| dilation[axis].saturating_mul(kernel[axis] - 1).saturating_add(1);
    let room = |axis: usize| padding[axis].saturating_mul(2).saturating_add(input[axis + 1]);
    if (0..2).all(|axis| reach(axis) <= room(axis)) {
        return format!("an image of more than 2^24 numbers comes of one of {input:?}");
    }
    format!(
        "its kernel reaches over {:?} pixels, and an image of {input:?} with its padding has {:?}",
        [reach(0), reach(1)],
        [room(0), room(1)]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(size: usize, stride: usize) -> ConvShape {
        let (kernel, stride, padding, dilation) = ([size; 2], [stride; 2], [0; 2], [1; 2]);
        ConvShape { input: [0; 3], outputs: 32, kernel, stride, padding, dilation }
    }

    #[test]
    fn each_convolution_takes_the_image_of_the_one_before() {
        let mut trunk = Trunk::new(vec![4, 84, 84]);
        trunk.conv(kernel(8, 4), true).unwrap();
        trunk.conv(kernel(4, 2), false).unwrap();
        assert_eq!(trunk.dims, [32, 9, 9]);
        let LayerPlan::Conv2d { shape, bias } = trunk.layers[1] else {
            panic!("{:?}", trunk.layers)
        };
        assert_eq!((shape.input, bias), ([32, 20, 20], false));
        trunk.flatten();
        assert_eq!(trunk.dims, [2592]);
    }

    #[test]
    fn what_does_not_fit_is_said_in_numbers() {
        let mut trunk = Trunk::new(vec![4, 7, 9]);
        let wrong = trunk.conv(kernel(8, 4), true).unwrap_err();
        assert!(wrong.contains("over [8, 8] pixels") && wrong.contains("has [7, 9]"), "{wrong}");
        let huge = ConvShape { padding: [9_999; 2], ..kernel(8, 1) };
        assert!(trunk.conv(huge, true).unwrap_err().contains("2^24"));
        let mut channels_last = Trunk::new(vec![96, 96, 3]);
        assert!(channels_last.conv(kernel(1, 1), true).unwrap_err().contains("channels last"));
        let mut flat = Trunk::new(vec![4]);
        assert!(flat.conv(kernel(1, 1), true).unwrap_err().contains("what comes is [4]"));
    }
}
