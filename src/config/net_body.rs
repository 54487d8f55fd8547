//! The network types of `agent.net.type` and the keys that only one of them reads.

use serde_json::{Map, Value as Json, json};

use super::net_layer::MAX_WIDTH;
use super::{
    ActivationSpec, ArcSpec, ConvLayerSpec, Fields, HeadActivationSpec, HydraLayersSpec, LayerSpec,
    Names, Node, Record, RecordSchema, spec, spec_enum, to_json,
};

spec! {
    /// A multi-layer perceptron.
    pub struct MlpNetSpec {
        /// Widths of the hidden layers.
        hid_layers: Vec<usize> = required, in 1..=MAX_WIDTH;
        /// Activation after each of them.
        hid_layers_activation: ActivationSpec = required;
        /// Activation after the heads.
        out_layer_activation: HeadActivationSpec = default(HeadActivationSpec::All(None));
        /// Whether hidden layers are normalized over the batch; wins over `layer_norm`.
        batch_norm: bool = default(false);
        /// Whether hidden layers are normalized over their width.
        layer_norm: bool = default(false);
    }
    ignored {
        normalize: "only networks for images divide their input by 255";
    }
}

spec! {
    /// An MLP with branches: heads that read the observation, a body that joins them, tails.
    pub struct HydraMlpNetSpec {
        /// Widths of the hidden layers of each head, of the body and of each tail:
        /// `[heads, body, tails]`.
        hid_layers: HydraLayersSpec = required;
        /// Activation after each hidden layer.
        hid_layers_activation: ActivationSpec = required;
        /// Activation after the tails.
        out_layer_activation: HeadActivationSpec = default(HeadActivationSpec::All(None));
        /// Whether hidden layers are normalized over the batch.
        batch_norm: bool = default(false);
        /// Whether hidden layers are normalized over their width.
        layer_norm: bool = default(false);
    }
}

spec! {
    /// A network for images, whose channels may be first or last. A critic's action comes in before the
    /// fully connected layers.
    pub struct ConvNetSpec {
        /// The convolutions.
        conv_hid_layers: Vec<ConvLayerSpec> = required;
        /// Widths of the fully connected layers after them.
        fc_hid_layers: Vec<usize> = required, in 1..=MAX_WIDTH;
        /// Activation after each layer.
        hid_layers_activation: ActivationSpec = required;
        /// Activation after the heads.
        out_layer_activation: HeadActivationSpec = default(HeadActivationSpec::All(None));
        /// Whether convolutions but the first are normalized over the batch.
        batch_norm: bool = default(true);
        /// Whether the input is divided by 255.
        normalize: bool = default(false);
    }
}

spec! {
    /// A network for images, whose channels may be first or last, with a dueling head.
    pub struct DuelingConvNetSpec {
        /// The convolutions.
        conv_hid_layers: Vec<ConvLayerSpec> = required;
        /// Widths of the fully connected layers after them.
        fc_hid_layers: Vec<usize> = required, in 1..=MAX_WIDTH;
        /// Activation after each layer.
        hid_layers_activation: ActivationSpec = required;
        /// Whether convolutions but the first are normalized over the batch.
        batch_norm: bool = default(false);
        /// Whether the input is divided by 255.
        normalize: bool = default(false);
    }
}

spec_enum! {
    /// The cell of a recurrent network.
    pub enum CellSpec: "recurrent cell" {
        /// Gated recurrent unit.
        Gru = "GRU",
        /// Long short-term memory.
        Lstm = "LSTM",
        /// Plain recurrence.
        Rnn = "RNN",
    }
}

spec! {
    /// A network that remembers the episode so far.
    ///
    /// Its state is carried from step to step and forgotten where an episode ends. Gradients go back
    /// through time for `seq_len` steps, from the state that the network had there. SLM-Lab 5 shows
    /// `seq_len` copies of one observation instead.
    pub struct RecurrentNetSpec {
        /// The cell.
        cell_type: CellSpec = default(CellSpec::Gru);
        /// Widths of the fully connected layers before it.
        fc_hid_layers: Vec<usize> = required, in 1..=MAX_WIDTH;
        /// Activation after each of them.
        hid_layers_activation: ActivationSpec = required;
        /// Activation after the heads.
        out_layer_activation: HeadActivationSpec = default(HeadActivationSpec::All(None));
        /// Width of the recurrent state.
        rnn_hidden_size: usize = required, in 1..=MAX_WIDTH;
        /// Recurrent layers on top of one another.
        rnn_num_layers: usize = default(1), in 1..=MAX_WIDTH;
        /// Whether a second pass goes backwards; no policy can, so true is refused.
        bidirectional: bool = default(false);
        /// Steps that gradients go back through time; longer learns what lies further apart, slower.
        seq_len: usize = required, in 1..=MAX_WIDTH;
    }
}

spec! {
    /// A network written layer by layer.
    pub struct TorchArcNetSpec {
        /// The layers.
        arc: ArcSpec = required;
        /// Chooses the gain of the weight initialization only.
        hid_layers_activation: ActivationSpec = default(ActivationSpec::ReLU);
        /// Activation after the heads.
        out_layer_activation: HeadActivationSpec = default(HeadActivationSpec::All(None));
        /// Whether the input is divided by 255.
        normalize: bool = default(false);
    }
    ignored {
        batch_norm: "the layers of `arc` say where to normalize";
    }
}

/// The body of a network, by `type`.
#[derive(Clone, Debug, PartialEq)]
pub enum BodySpec {
    /// `MLPNet`.
    Mlp(MlpNetSpec),
    /// `TorchArcNet`.
    TorchArc(TorchArcNetSpec),
    /// `ConvNet`.
    Conv(ConvNetSpec),
    /// `RecurrentNet`.
    Recurrent(RecurrentNetSpec),
    /// `DuelingMLPNet`.
    DuelingMlp(MlpNetSpec),
    /// `DuelingConvNet`.
    DuelingConv(DuelingConvNetSpec),
    /// `HydraMLPNet`.
    HydraMlp(HydraMlpNetSpec),
}

impl BodySpec {
    const NAMES: Names = Names {
        noun: "network",
        any_case: false,
        names: &[
            ("MLPNet", &[]),
            ("TorchArcNet", &[]),
            ("ConvNet", &[]),
            ("RecurrentNet", &[]),
            ("DuelingMLPNet", &[]),
            ("DuelingConvNet", &[]),
            ("HydraMLPNet", &[]),
        ],
        not_built: &[],
    };

    /// Reads the body of the type that `kind` names.
    pub(super) fn read(kind: &Node, fields: &mut Fields<'_>) -> Option<Self> {
        match Self::NAMES.read(kind, fields.found())? {
            "MLPNet" => Record::read(fields).map(Self::Mlp),
            "TorchArcNet" => torch_arc(fields).map(Self::TorchArc),
            "ConvNet" => Record::read(fields).map(Self::Conv),
            "RecurrentNet" => Record::read(fields).map(Self::Recurrent),
            "DuelingMLPNet" => Record::read(fields).map(Self::DuelingMlp),
            "DuelingConvNet" => Record::read(fields).map(Self::DuelingConv),
            _ => Record::read(fields).map(Self::HydraMlp),
        }
    }

    /// The value of `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mlp(_) => "MLPNet",
            Self::TorchArc(_) => "TorchArcNet",
            Self::Conv(_) => "ConvNet",
            Self::Recurrent(_) => "RecurrentNet",
            Self::DuelingMlp(_) => "DuelingMLPNet",
            Self::DuelingConv(_) => "DuelingConvNet",
            Self::HydraMlp(_) => "HydraMLPNet",
        }
    }

    /// Whether it looks at images with convolutions.
    pub fn has_convolutions(&self) -> bool {
        match self {
            Self::Conv(_) | Self::DuelingConv(_) => true,
            Self::TorchArc(net) => {
                net.arc.layers.iter().any(|layer| matches!(layer, LayerSpec::Conv2d(_)))
            }
            Self::Mlp(_) | Self::Recurrent(_) | Self::DuelingMlp(_) | Self::HydraMlp(_) => false,
        }
    }

    /// Activation of the hidden layers, which chooses the gain of the weight initialization.
    pub fn activation(&self) -> ActivationSpec {
        match self {
            Self::Mlp(net) | Self::DuelingMlp(net) => net.hid_layers_activation,
            Self::TorchArc(net) => net.hid_layers_activation,
            Self::Conv(net) => net.hid_layers_activation,
            Self::Recurrent(net) => net.hid_layers_activation,
            Self::DuelingConv(net) => net.hid_layers_activation,
            Self::HydraMlp(net) => net.hid_layers_activation,
        }
    }

    /// Activations after the heads; a dueling network for images has no such key.
    pub fn out_layer_activation(&self) -> Option<&HeadActivationSpec> {
        match self {
            Self::Mlp(net) | Self::DuelingMlp(net) => Some(&net.out_layer_activation),
            Self::TorchArc(net) => Some(&net.out_layer_activation),
            Self::Conv(net) => Some(&net.out_layer_activation),
            Self::Recurrent(net) => Some(&net.out_layer_activation),
            Self::HydraMlp(net) => Some(&net.out_layer_activation),
            Self::DuelingConv(_) => None,
        }
    }

    /// The keys with their values, `type` first.
    pub(super) fn write(&self) -> Map<String, Json> {
        let mut out = Map::from_iter([("type".to_owned(), to_json(&self.name()))]);
        match self {
            Self::Mlp(net) | Self::DuelingMlp(net) => net.write(&mut out),
            Self::TorchArc(net) => net.write(&mut out),
            Self::Conv(net) => net.write(&mut out),
            Self::Recurrent(net) => net.write(&mut out),
            Self::DuelingConv(net) => net.write(&mut out),
            Self::HydraMlp(net) => net.write(&mut out),
        }
        out
    }

    /// The schema of each type, with the keys that `common` adds.
    pub(super) fn schemas(common: fn(&mut RecordSchema)) -> Vec<Json> {
        vec![
            schema::<MlpNetSpec>("MLPNet", common),
            schema::<TorchArcNetSpec>("TorchArcNet", common),
            schema::<ConvNetSpec>("ConvNet", common),
            schema::<RecurrentNetSpec>("RecurrentNet", common),
            schema::<MlpNetSpec>("DuelingMLPNet", common),
            schema::<DuelingConvNetSpec>("DuelingConvNet", common),
            schema::<HydraMlpNetSpec>("HydraMLPNet", common),
        ]
    }
}

fn schema<T: Record>(name: &str, common: fn(&mut RecordSchema)) -> Json {
    let mut schema = RecordSchema::default();
    schema.key("type", json!({ "const": name }), &[], None);
    T::describe(&mut schema);
    common(&mut schema);
    schema.finish(T::DOC)
}

/// A `TorchArcNet` may name a file instead of its layers.
fn torch_arc(fields: &mut Fields<'_>) -> Option<TorchArcNetSpec> {
    let file = fields.get("arc_file").filter(|file| !file.is_null());
    match file.filter(|_| fields.node().get("arc").is_none()) {
        Some(file) => {
            fields.found().not_built(file, "network from an arc_file");
            None
        }
        None => Record::read(fields),
    }
}
