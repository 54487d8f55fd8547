//! One layer of an `arc`, in `PyTorch`'s notation.

use serde_json::{Value as Json, json};

use super::net_layer::MAX_WIDTH;
use super::pair::PairSpec;
use super::{Diagnostics, Fields, FromNode, Names, Node, Value, read_record, spec, spec_enum};

spec_enum! {
    /// An activation function: `PyTorch`'s class name in any case.
    pub enum ActivationSpec: "activation", any case {
        /// max(0, x).
        ReLU = "ReLU",
        /// Hyperbolic tangent.
        Tanh = "Tanh",
        /// Scaled exponential linear unit.
        Selu = "SELU",
        /// x · sigmoid(x).
        Silu = "SiLU",
        /// max(x, 0.01 x).
        LeakyReLU = "LeakyReLU" | "leaky_relu",
        /// 1 / (1 + e⁻ˣ).
        Sigmoid = "Sigmoid",
        /// x · Φ(x).
        Gelu = "GELU",
        /// x above 0, eˣ − 1 below.
        Elu = "ELU",
        /// x.
        Identity = "Identity",
    }
    not_built [
        "CELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LogSigmoid", "LogSoftmax",
        "Mish", "PReLU", "ReLU6", "RReLU", "Softmax", "Softplus", "Softshrink", "Softsign", "Tanhshrink"
    ]
}

spec! {
    /// A fully connected layer.
    pub struct LinearSpec {
        /// Width of its output.
        out_features: usize = required, in 1..=MAX_WIDTH;
        /// Width of its input; found out where absent.
        in_features: Option<usize> = nullable, in 1..=MAX_WIDTH;
        /// Whether it adds a bias.
        bias: bool = default(true);
    }
}

spec! {
    /// Normalization of each row to mean 0 and variance 1, with learned scale and shift.
    pub struct LayerNormSpec {
        /// Width of the row, in a list.
        normalized_shape: Vec<usize> = required, in 1..=MAX_WIDTH;
        /// Added to the variance.
        eps: f64 = default(1e-5), in 0.0..;
        /// Whether scale and shift are learned.
        elementwise_affine: bool = default(true);
    }
}

spec_enum! {
    /// What lies around an image.
    pub enum PaddingModeSpec: "padding" {
        /// Zeros.
        Zeros = "zeros",
    }
    not_built ["reflect", "replicate", "circular"]
}

spec! {
    /// A convolution of images; the observation's channels may be first or last.
    pub struct Conv2dSpec {
        /// Channels of its output.
        out_channels: usize = required, in 1..=MAX_WIDTH;
        /// Height and width of its kernel; one number for both, here and below.
        kernel_size: PairSpec = required, in 1..=MAX_WIDTH;
        /// Channels of its input; found out where absent.
        in_channels: Option<usize> = nullable, in 1..=MAX_WIDTH;
        /// Distance between two places of the kernel.
        stride: PairSpec = default(PairSpec([1; 2])), in 1..;
        /// Zeros around its input.
        padding: PairSpec = default(PairSpec([0; 2])), in 0..=MAX_WIDTH;
        /// Distance between the pixels the kernel reads.
        dilation: PairSpec = default(PairSpec([1; 2])), in 1..;
        /// Groups of channels that do not see one another.
        groups: usize = default(1), in 1..;
        /// Whether it adds a bias.
        bias: bool = default(true);
        /// What lies around its input.
        padding_mode: PaddingModeSpec = default(PaddingModeSpec::Zeros);
    }
    check has_one_group;
}

/// Convolutions in groups are not built.
fn has_one_group(conv: &Conv2dSpec, fields: &mut Fields<'_>) -> bool {
    if conv.groups > 1 {
        let node = fields.node().child("groups").unwrap_or(fields.node()).clone();
        fields.found().not_built(&node, "convolution in groups");
    }
    true
}

spec! {
    /// Normalization of features or channels over the batch.
    pub struct BatchNormSpec {
        /// Number of features or channels; found out where absent.
        num_features: Option<usize> = nullable, in 1..=MAX_WIDTH;
        /// Added to the variance.
        eps: f64 = default(1e-5), in 0.0..;
        /// Share of a batch in the running statistics.
        momentum: f64 = default(0.1), in 0.0..=1.0;
        /// Whether scale and shift are learned.
        affine: bool = default(true);
        /// Whether statistics run along.
        track_running_stats: bool = default(true);
    }
    check has_running_stats;
}

/// Statistics of the batch alone are not built.
fn has_running_stats(norm: &BatchNormSpec, fields: &mut Fields<'_>) -> bool {
    if !norm.track_running_stats {
        let node = fields.node().child("track_running_stats").unwrap_or(fields.node()).clone();
        fields.found().not_built(&node, "batch normalization without running statistics");
    }
    true
}

spec! {
    /// Batch normalization corrected towards the running statistics.
    pub struct BatchRenormSpec {
        /// Number of features; found out where absent.
        num_features: Option<usize> = nullable, in 1..=MAX_WIDTH;
        /// Share of a batch in the running statistics.
        momentum: f64 = default(0.01), in 0.0..=1.0;
        /// Added to the variance.
        eps: f64 = default(1e-5), in 0.0..;
        /// Bound of the ratio of deviations, and of its inverse.
        r_max: f64 = default(3.0), in 1.0..;
        /// Bound of the distance of means in running deviations.
        d_max: f64 = default(5.0), in 0.0..;
        /// Batches until the bounds are reached.
        warmup_steps: u64 = default(10_000);
    }
}

spec! {
    /// Images to rows.
    struct FlattenSpec {
        /// First dimension that goes in; 0 is the batch.
        start_dim: i64 = default(1), in 1..=1;
        /// Last one, counted from the end.
        end_dim: i64 = default(-1), in -1..=-1;
    }
}

spec! {
    /// An activation has no keys that are read.
    struct NoKeys {}
    ignored {
        inplace: "it chooses PyTorch's implementation only";
    }
}

/// One layer of a chain.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerSpec {
    /// Fully connected.
    Linear(LinearSpec),
    /// Fully connected, its weight learned as directions and lengths.
    WeightNormLinear(LinearSpec),
    /// Convolution.
    Conv2d(Conv2dSpec),
    /// From an image to a row.
    Flatten,
    /// Normalization of rows.
    LayerNorm(LayerNormSpec),
    /// Normalization of features over the batch.
    BatchNorm1d(BatchNormSpec),
    /// Normalization of channels over the batch and their pixels.
    BatchNorm2d(BatchNormSpec),
    /// Renormalization of features over the batch.
    BatchRenorm1d(BatchRenormSpec),
    /// Element by element.
    Activation(ActivationSpec),
}

impl LayerSpec {
    const NAMES: Names = Names {
        noun: "layer",
        any_case: false,
        names: &[
            ("Linear", &["LazyLinear"]),
            ("WeightNormLinear", &["LazyWeightNormLinear"]),
            ("Conv2d", &["LazyConv2d"]),
            ("Flatten", &[]),
            ("LayerNorm", &[]),
            ("BatchNorm1d", &["LazyBatchNorm1d"]),
            ("BatchNorm2d", &["LazyBatchNorm2d"]),
            ("BatchRenorm1d", &["LazyBatchRenorm1d"]),
            ("ReLU", &[]),
            ("Tanh", &[]),
            ("SELU", &[]),
            ("SiLU", &[]),
            ("LeakyReLU", &[]),
            ("Sigmoid", &[]),
            ("GELU", &[]),
            ("ELU", &[]),
            ("Identity", &[]),
        ],
        not_built: &[
            "LazyConv1d",
            "Conv1d",
            "GroupNorm",
            "Dropout",
            "MaxPool2d",
            "AvgPool2d",
            "AdaptiveAvgPool2d",
            "GRU",
            "LSTM",
            "RNN",
            "Embedding",
            "Bilinear",
            "Unflatten",
            "Softmax",
            "Softplus",
            "Mish",
            "CELU",
            "ReLU6",
            "Hardtanh",
            "Reduce",
            "TorchFn",
            "ForkChunk",
            "ForkSplit",
            "Get",
            "Narrow",
            "IndexSelect",
            "MergeConcat",
            "MergeStack",
            "MergeSum",
            "MergeProd",
            "MergeMean",
            "MergeDot",
            "MergeBMM",
            "MergeFiLM",
        ],
    };

    /// Reads `{Class: arguments}`.
    pub(super) fn from_module(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let [entry] = node.entries() else {
            let what = node.describe();
            found.error(
                node.error(format!("expected one layer `{{Class: arguments}}`, found {what}")),
            );
            return None;
        };
        let class = Node { value: Value::Str(entry.key.clone()), ..entry.node.clone() };
        let class = Node { at: entry.key_at.clone(), defined: None, ..class };
        let name = Self::NAMES.read(&class, found)?;
        let empty = Node { value: Value::Map(Vec::new()), ..entry.node.clone() };
        let arguments = if entry.node.is_null() { &empty } else { &entry.node };
        match name {
            "Linear" => read_record(arguments, found).map(Self::Linear),
            "WeightNormLinear" => read_record(arguments, found).map(Self::WeightNormLinear),
            "Conv2d" => read_record(arguments, found).map(Self::Conv2d),
            "Flatten" => read_record::<FlattenSpec>(arguments, found).map(|_| Self::Flatten),
            "LayerNorm" => layer_norm(arguments, found).map(Self::LayerNorm),
            "BatchNorm1d" => read_record(arguments, found).map(Self::BatchNorm1d),
            "BatchNorm2d" => read_record(arguments, found).map(Self::BatchNorm2d),
            "BatchRenorm1d" => read_record(arguments, found).map(Self::BatchRenorm1d),
            _ => {
                read_record::<NoKeys>(arguments, found)?;
                ActivationSpec::from_node(&class, found).map(Self::Activation)
            }
        }
    }

    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Linear(linear) => json!({ "Linear": linear }),
            Self::WeightNormLinear(linear) => json!({ "WeightNormLinear": linear }),
            Self::Conv2d(conv) => json!({ "Conv2d": conv }),
            Self::Flatten => json!({ "Flatten": null }),
            Self::LayerNorm(norm) => json!({ "LayerNorm": norm }),
            Self::BatchNorm1d(norm) => json!({ "BatchNorm1d": norm }),
            Self::BatchNorm2d(norm) => json!({ "BatchNorm2d": norm }),
            Self::BatchRenorm1d(norm) => json!({ "BatchRenorm1d": norm }),
            Self::Activation(activation) => json!({ activation.name(): null }),
        }
    }
}

/// `normalized_shape` may be a number, as in `PyTorch`.
fn layer_norm(arguments: &Node, found: &mut Diagnostics) -> Option<LayerNormSpec> {
    let mut arguments = arguments.clone();
    if let Some(shape) = arguments.child_mut("normalized_shape").filter(|n| n.as_f64().is_some()) {
        shape.value = Value::Seq(vec![shape.clone()]);
    }
    read_record(&arguments, found)
}
