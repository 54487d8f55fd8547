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

/// What the rows of a network hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inputs {
    /// Dimensions of an observation.
    pub(super) dims: Vec<usize>,
    /// Numbers after it: a critic's actions.
    pub(super) beside: usize,
}

impl Inputs {
    /// Width of a row.
    pub(super) fn width(&self) -> usize {
        self.dims.iter().product::<usize>() + self.beside
    }
}

/// A trunk that grows; every layer that is added must take what the one before gives.
pub(super) struct Trunk {
    /// `[width]` of a row, `[channels, height, width]` of an image.
    dims: Vec<usize>,
    /// Numbers beside an observation that have not come in yet.
    beside: usize,
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
    fn from(mut trunk: Trunk) -> Self {
        trunk.join();
        let Trunk { layers, weight_norms, .. } = trunk;
        let weights = match weight_norms.as_slice() {
            [] => WeightsPlan::Plain,
            _ => WeightsPlan::WeightNorm(weight_norms),
        };
        Self { weights, ..layers.into() }
    }
}

impl Trunk {
    /// No layers over rows of these.
    pub(super) fn new(Inputs { dims, beside }: Inputs) -> Self {
        Self { dims, beside, layers: Vec::new(), weight_norms: Vec::new() }
    }

    /// As [`new`](Self::new), for layers that take images: channels that lie last are put first.
    ///
    /// They do where the last dimension is 4 at most and the others are larger; Gymnasium's pictures
    /// are such.
    pub(super) fn of_images(inputs: Inputs) -> Self {
        let mut trunk = Self::new(inputs);
        let [height, width, channels] = trunk.dims[..] else { return trunk };
        if channels <= 4 && height.min(width) > 4 {
            trunk.dims = vec![channels, height, width];
            if channels > 1 {
                let pixels = height * width;
                trunk.layers.push(LayerPlan::ChannelsFirst { channels, pixels });
            }
        }
        trunk
    }

    /// Lets the numbers beside an observation in, after what it has become, which is a row from here
    /// on.
    fn join(&mut self) {
        if self.beside > 0 {
            self.layers.push(LayerPlan::Beside { width: self.beside });
            self.dims = vec![self.dims.iter().product::<usize>() + self.beside];
            self.beside = 0;
        }
    }

    /// Adds a layer that takes rows of any width, where images count as flat; a batch
    /// normalization is one of channels. Before the first linear layer comes what is beside an
    /// observation.
    pub(super) fn push(&mut self, layer: LayerPlan) {
        if let LayerPlan::Linear { .. } = layer {
            self.join();
        }
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
        let width = width + self.beside;
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
    use crate::net::plain;

    fn observation(dims: &[usize]) -> Inputs {
        Inputs { dims: dims.to_vec(), beside: 0 }
    }

    fn kernel(size: usize, stride: usize) -> ConvShape {
        let (kernel, stride, padding, dilation) = ([size; 2], [stride; 2], [0; 2], [1; 2]);
        ConvShape { input: [0; 3], outputs: 32, kernel, stride, padding, dilation }
    }

    #[test]
    fn each_convolution_takes_the_image_of_the_one_before() {
        let mut trunk = Trunk::of_images(observation(&[4, 84, 84]));
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
        let mut trunk = Trunk::of_images(observation(&[4, 7, 9]));
        let wrong = trunk.conv(kernel(8, 4), true).unwrap_err();
        assert!(wrong.contains("over [8, 8] pixels") && wrong.contains("has [7, 9]"), "{wrong}");
        let huge = ConvShape { padding: [9_999; 2], ..kernel(8, 1) };
        assert!(trunk.conv(huge, true).unwrap_err().contains("2^24"));
        let mut flat = Trunk::of_images(observation(&[4]));
        assert!(flat.conv(kernel(1, 1), true).unwrap_err().contains("what comes is [4]"));
    }

    #[test]
    fn channels_that_lie_last_are_put_first() {
        let turned = |dims: &[usize]| {
            let trunk = Trunk::of_images(observation(dims));
            (trunk.dims, trunk.layers)
        };
        let turn = LayerPlan::ChannelsFirst { channels: 3, pixels: 96 * 80 };
        assert_eq!(turned(&[96, 80, 3]), (vec![3, 96, 80], vec![turn]));
        // A single channel lies alike first and last.
        assert_eq!(turned(&[96, 80, 1]), (vec![1, 96, 80], vec![]));
        for first in [[3, 96, 80], [16, 4, 4], [12, 8, 5]] {
            assert_eq!(turned(&first), (first.to_vec(), vec![]));
        }
    }

    /// 3 x 9 x 9 to 32 x 4 x 4, which is 512, and two numbers beside it.
    #[test]
    fn what_is_beside_an_image_comes_in_before_the_first_linear_layer() {
        let inputs = || Inputs { dims: vec![9, 9, 3], beside: 2 };
        assert_eq!(inputs().width(), 245);
        let mut trunk = Trunk::of_images(inputs());
        trunk.conv(kernel(3, 2), true).unwrap();
        trunk.push(LayerPlan::Linear { width: 5, bias: true });
        trunk.push(LayerPlan::Linear { width: 4, bias: true });
        let plan = plain(245, Body::from(trunk).trunk, &[1]);
        assert_eq!(plan.trunk[2], LayerPlan::Beside { width: 2 });
        assert_eq!((plan.seen(), plan.trunk.len()), (243, 5));
        let linear = plan.slots().into_iter().find(|slot| slot.name == "3.weight").unwrap();
        assert_eq!(linear.shape, [514, 5]);
        // Without one it comes in before the heads.
        let mut trunk = Trunk::of_images(inputs());
        trunk.conv(kernel(3, 2), true).unwrap();
        let body = Body::from(trunk);
        assert_eq!(body.trunk.last(), Some(&LayerPlan::Beside { width: 2 }));
    }
}
