//! Values within `agent.net`: one convolution, and the activations of the heads.

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::{ActivationSpec, Diagnostics, FromNode, Node, Ranged, Value};

/// Widths of layers, and sizes of images and kernels, at most: far beyond any network, so that products of
/// them can not overflow.
pub(super) const MAX_WIDTH: usize = 1 << 20;

/// `out_layer_activation`: for all heads, or one for each.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadActivationSpec {
    /// The same for every head; null means none.
    All(Option<ActivationSpec>),
    /// One per head.
    Each(Vec<Option<ActivationSpec>>),
}

impl FromNode for HeadActivationSpec {
    const ACCEPTS_NULL: bool = true;

    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match node.value {
            Value::Seq(_) => Vec::from_node(node, found).map(Self::Each),
            _ => Option::from_node(node, found).map(Self::All),
        }
    }

    fn schema() -> Json {
        let one = Option::<ActivationSpec>::schema();
        json!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

impl Serialize for HeadActivationSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All(one) => one.serialize(serializer),
            Self::Each(each) => each.serialize(serializer),
        }
    }
}

/// One convolution, written `[out_channels, kernel, stride, padding, dilation]`; the last three
/// may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvLayerSpec {
    /// Channels of its output.
    pub out_channels: usize,
    /// Side of its kernel.
    pub kernel: usize,
    /// Step between two places of the kernel.
    pub stride: usize,
    /// Zeros around its input.
    pub padding: usize,
    /// Step within the kernel.
    pub dilation: usize,
}

impl ConvLayerSpec {
    /// What the numbers are where they are left out; the first two never are.
    const DEFAULTS: [usize; 5] = [0, 0, 1, 0, 1];
}

impl FromNode for ConvLayerSpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let numbers = Vec::<usize>::from_node(node, found)?;
        if !(2..=5).contains(&numbers.len()) {
            let what = node.describe();
            let expected = "expected [out_channels, kernel, stride, padding, dilation]";
            found.error(node.error(format!("{expected}, found {what}")));
            return None;
        }
        let at = |i: usize| numbers.get(i).copied().unwrap_or(Self::DEFAULTS[i]);
        let [out_channels, kernel, stride, padding, dilation] = std::array::from_fn(at);
        let sizes = [(0, out_channels), (1, kernel), (2, stride), (4, dilation)];
        if let Some((i, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            found.error(node.items()[i].error("expected a number of at least 1, found 0"));
            return None;
        }
        numbers.check(node, &(0..=MAX_WIDTH), found).then_some(Self {
            out_channels,
            kernel,
            stride,
            padding,
            dilation,
        })
    }

    fn schema() -> Json {
        let number = json!({ "type": "integer", "minimum": 0, "maximum": MAX_WIDTH });
        json!({ "type": "array", "items": number, "minItems": 2, "maxItems": 5 })
    }
}

impl Serialize for ConvLayerSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { out_channels, kernel, stride, padding, dilation } = *self;
        [out_channels, kernel, stride, padding, dilation].serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse, to_json};
    use super::*;

    #[test]
    fn a_convolution_may_leave_out_its_last_numbers() {
        let read = |text| {
            ConvLayerSpec::from_node(&parse("t.json", text).unwrap(), &mut Diagnostics::new())
        };
        let layer = read("[32, 8, 4, 0, 1]").unwrap();
        assert_eq!((layer.out_channels, layer.kernel, layer.stride), (32, 8, 4));
        assert_eq!(to_json(&read("[16, 3]").unwrap()), json!([16, 3, 1, 0, 1]));
        for wrong in ["[16]", "[16, 0]", "[16, 3, 0]", "[16, 3, 1, 0, 0]", "[16, 3, 1, 0, 1, 2]"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!((read("[1048577, 1]"), read("[1, 1, 1, 1048577]")), (None, None));
    }

    #[test]
    fn head_activations_are_one_or_a_list() {
        let read = |text| {
            HeadActivationSpec::from_node(&parse("t.json", text).unwrap(), &mut Diagnostics::new())
        };
        assert_eq!(read("null"), Some(HeadActivationSpec::All(None)));
        let pair = vec![Some(ActivationSpec::Tanh), None];
        assert_eq!(read("[\"tanh\", null]"), Some(HeadActivationSpec::Each(pair)));
        assert_eq!(read("\"tangent\""), None);
    }
}
