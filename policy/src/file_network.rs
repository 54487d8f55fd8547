//! The layers of a network in the policy file: one JSON entry each, and its tensors.

use crate::activation::Activation;
use crate::channels_first::ChannelsFirst;
use crate::conv::Conv2d;
use crate::conv_shape::ConvShape;
use crate::error::LoadError;
use crate::file::text;
use crate::json::Value;
use crate::layer::Layer;
use crate::linear::Linear;
use crate::network::Network;
use crate::norm::LayerNorm;
use crate::recurrent::Cell;
use crate::recurrent::Recurrent;
use crate::safetensors::Container;
use crate::safetensors::Writer;
use crate::scale::Scale;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Writes the entry `network` and the tensors `net.<i>.weight` and `net.<i>.bias`, of a recurrent layer
/// `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`.
pub(crate) fn write_network(writer: &mut Writer, network: &Network) {
    let layers = network.layers.iter().enumerate();
    let ops: Vec<String> = layers.map(|(i, layer)| write_layer(writer, i, layer)).collect();
    writer.metadata.insert("network".into(), format!("[{}]", ops.join(",")));
}

fn write_layer(writer: &mut Writer, i: usize, layer: &Layer) -> String {
    let mut tensor = |name: &str, shape: &[usize], values: &[f32]| {
        writer.f32s(&format!("net.{i}.{name}"), shape, values);
    };
    match layer {
        Layer::Linear(linear) => {
            let (inputs, outputs) = (linear.inputs(), linear.outputs());
            tensor("weight", &[outputs, inputs], &linear.weight_out_in());
            tensor("bias", &[outputs], linear.bias());
            format!("{{\"op\":\"linear\",\"in\":{inputs},\"out\":{outputs}}}")
        }
        Layer::ChannelsFirst(turn) => {
            let (channels, pixels) = (turn.channels(), turn.pixels());
            format!("{{\"op\":\"channels_first\",\"channels\":{channels},\"pixels\":{pixels}}}")
        }
        Layer::Conv2d(conv) => {
            let shape = conv.shape();
            tensor("weight", &weight_dims(shape), conv.weight());
            tensor("bias", &[shape.outputs], conv.bias());
            conv_text(shape)
        }
        Layer::Recurrent(cell) => write_cell(&mut tensor, cell),
        Layer::LayerNorm(norm) => {
            let (width, eps) = (norm.width(), norm.eps());
            tensor("weight", &[width], norm.weight());
            tensor("bias", &[width], norm.bias());
            format!("{{\"op\":\"layer_norm\",\"width\":{width},\"eps\":{eps:?}}}")
        }
        Layer::Scale(scale) => write_scale(&mut tensor, scale),
        Layer::Activation(activation) => activation_text(*activation),
    }
}

fn write_cell(tensor: &mut impl FnMut(&str, &[usize], &[f32]), cell: &Recurrent) -> String {
    let (input, recurrence) = (cell.input(), cell.recurrence());
    let (inputs, hidden, width) = (cell.inputs(), cell.hidden(), input.outputs());
    tensor("weight_ih", &[width, inputs], &input.weight_out_in());
    tensor("weight_hh", &[width, hidden], &recurrence.weight_out_in());
    tensor("bias_ih", &[width], input.bias());
    tensor("bias_hh", &[width], recurrence.bias());
    let name = cell.cell().name();
    format!("{{\"op\":\"{name}\",\"in\":{inputs},\"hidden\":{hidden}}}")
}

fn write_scale(tensor: &mut impl FnMut(&str, &[usize], &[f32]), scale: &Scale) -> String {
    let (channels, positions) = (scale.gain().len(), scale.positions());
    tensor("weight", &[channels], scale.gain());
    tensor("bias", &[channels], scale.offset());
    format!("{{\"op\":\"scale\",\"channels\":{channels},\"positions\":{positions}}}")
}

fn activation_text(activation: Activation) -> String {
    let name = activation.name();
    match activation {
        Activation::LeakyRelu { slope } => format!("{{\"op\":\"{name}\",\"slope\":{slope:?}}}"),
        Activation::Elu { alpha } => format!("{{\"op\":\"{name}\",\"alpha\":{alpha:?}}}"),
        _ => format!("{{\"op\":\"{name}\"}}"),
    }
}

fn conv_text(shape: &ConvShape) -> String {
    let ConvShape { input, outputs, kernel, stride, padding, dilation } = shape;
    format!(
        "{{\"op\":\"conv2d\",\"in\":{input:?},\"out\":{outputs},\"kernel\":{kernel:?},\
         \"stride\":{stride:?},\"padding\":{padding:?},\"dilation\":{dilation:?}}}"
    )
}

/// Dimensions of the weights as `torch.nn.Conv2d` keeps them.
fn weight_dims(shape: &ConvShape) -> [usize; 4] {
    [shape.outputs, shape.input[0], shape.kernel[0], shape.kernel[1]]
}

/// Reads what [`write_network`] wrote.
pub(crate) fn read_network(file: &Container<'_>) -> Result<Network, LoadError> {
    let entry = Value::parse(text(file, "network")?, "network")?;
    let layers = entry.as_array().ok_or_else(|| LoadError::metadata("network", "a list"))?;
    let layers = layers.iter().enumerate().map(|(i, entry)| LayerEntry { file, i, entry }.read());
    Ok(Network { layers: layers.collect::<Result<_, _>>()? })
}

/// One layer of a file.
struct LayerEntry<'e, 'f> {
    file: &'e Container<'f>,
    i: usize,
    entry: &'e Value<'e>,
}

impl LayerEntry<'_, '_> {
    fn read(&self) -> Result<Layer, LoadError> {
        let op = self.entry.get("op").and_then(Value::as_text);
        match op.ok_or_else(|| LoadError::metadata(&self.at("op"), "a name"))? {
            "linear" => self.linear().map(Layer::Linear),
            "channels_first" => {
                let (channels, pixels) = (self.size("channels")?, self.size("pixels")?);
                ChannelsFirst::new(channels, pixels).map(Layer::ChannelsFirst)
            }
            "conv2d" => self.conv().map(Layer::Conv2d),
            "rnn" => self.cell(Cell::Rnn),
            "gru" => self.cell(Cell::Gru),
            "lstm" => self.cell(Cell::Lstm),
            "layer_norm" => {
                let (weight, bias) = self.vectors(self.size("width")?)?;
                LayerNorm::new(&weight, &bias, self.real("eps")?).map(Layer::LayerNorm)
            }
            "scale" => {
                let (gain, offset) = self.vectors(self.size("channels")?)?;
                Scale::new(&gain, &offset, self.size("positions")?).map(Layer::Scale)
            }
            "leaky_relu" => {
                Ok(Layer::Activation(Activation::LeakyRelu { slope: self.real("slope")? }))
            }
            "elu" => Ok(Layer::Activation(Activation::Elu { alpha: self.real("alpha")? })),
            name => {
                let activation = Activation::from_name(name).map(Layer::Activation);
                activation.ok_or_else(|| LoadError::UnknownOp(name.into()))
            }
        }
    }

    fn linear(&self) -> Result<Linear, LoadError> {
        let (inputs, outputs) = (self.size("in")?, self.size("out")?);
        let weight = self.tensor("weight", &[outputs, inputs])?;
        Linear::from_out_in(inputs, outputs, &weight, &self.tensor("bias", &[outputs])?)
    }

    fn conv(&self) -> Result<Conv2d, LoadError> {
        let shape = ConvShape {
            input: self.sizes("in")?,
            outputs: self.size("out")?,
            kernel: self.sizes("kernel")?,
            stride: self.sizes("stride")?,
            padding: self.sizes("padding")?,
            dilation: self.sizes("dilation")?,
        };
        let weight = self.tensor("weight", &weight_dims(&shape))?;
        Conv2d::new(shape, &weight, &self.tensor("bias", &[shape.outputs])?)
    }

    fn cell(&self, cell: Cell) -> Result<Layer, LoadError> {
        let (inputs, hidden) = (self.size("in")?, self.size("hidden")?);
        let width = hidden.checked_mul(cell.gates());
        let width = width.ok_or_else(|| LoadError::metadata(&self.at("hidden"), "a size"))?;
        let map = |inputs: usize, part: &str| {
            let weight = self.tensor(&format!("weight_{part}"), &[width, inputs])?;
            let bias = self.tensor(&format!("bias_{part}"), &[width])?;
            Linear::from_out_in(inputs, width, &weight, &bias)
        };
        Recurrent::new(cell, map(inputs, "ih")?, map(hidden, "hh")?).map(Layer::Recurrent)
    }

    /// Tensors `weight` and `bias` of one dimension.
    fn vectors(&self, width: usize) -> Result<(Vec<f32>, Vec<f32>), LoadError> {
        Ok((self.tensor("weight", &[width])?, self.tensor("bias", &[width])?))
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        self.file.f32s(&format!("net.{}.{name}", self.i), shape)
    }

    fn at(&self, key: &str) -> String {
        format!("network[{}].{key}", self.i)
    }

    fn size(&self, key: &'static str) -> Result<usize, LoadError> {
        let found = self.entry.get(key).and_then(Value::number::<usize>);
        found.ok_or_else(|| LoadError::metadata(&self.at(key), "a size"))
    }

    fn sizes<const N: usize>(&self, key: &'static str) -> Result<[usize; N], LoadError> {
        let found = self.entry.get(key).and_then(Value::as_array);
        let found = found.and_then(|all| all.iter().map(Value::number::<usize>).collect());
        let found = found.and_then(|all: Vec<usize>| <[usize; N]>::try_from(all).ok());
        found.ok_or_else(|| LoadError::metadata(&self.at(key), "a list of sizes"))
    }

    fn real(&self, key: &'static str) -> Result<f32, LoadError> {
        match self.entry.get(key).map(Value::number::<f32>) {
            Some(Some(x)) if x.is_finite() => Ok(x),
            _ => Err(LoadError::metadata(&self.at(key), "a finite number")),
        }
    }
}
