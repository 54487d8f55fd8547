//! Every kind of network with every learner: which go together, and why the others do not.

use super::probe::Sight::{self, Numbers, Picture};

/// A kind of network.
pub(super) struct Net {
    pub(super) name: &'static str,
    pub(super) sight: Sight,
    /// One letter for each learner: `+` where they go together, else one of [`REFUSALS`].
    pub(super) cells: &'static str,
    /// Keys of `agent.net` that say what it looks like.
    pub(super) keys: &'static str,
}

/// What the names in capitals stand for.
pub(super) struct Size(pub(super) [(&'static str, usize); 4]);

impl Size {
    /// As small as networks and batches can be.
    pub(super) const SMALL: Self =
        Self([("WIDTH", 6), ("BATCH", 8), ("STEPS", 8), ("EPISODES", 3)]);
    /// Batches that are shared between threads: 64 rows of 224 · 224 multiply-adds and more are 3.2 million.
    pub(super) const WIDE: Self =
        Self([("WIDTH", 224), ("BATCH", 64), ("STEPS", 32), ("EPISODES", 32)]);

    pub(super) fn fill(&self, text: &str) -> String {
        let fill =
            |text: String, (name, size): &(&str, usize)| text.replace(name, &size.to_string());
        self.0.iter().fold(text.to_owned(), fill)
    }
}

/// Why some do not go together.
pub(super) const REFUSALS: &[(char, &str)] = &[
    ('d', "gives action values, and"),
    ('s', "a dueling network values one choice, not several at once"),
    ('w', "the critics have weight norm already"),
    ('o', "takes episodes out of their order"),
    ('q', "learns from sequences, which have no priorities"),
    ('r', "learns from single steps, a RecurrentNet from sequences"),
];

/// The rows of the table. To add a network, add its line.
pub(super) const NETS: &[Net] = &[
    Net {
        name: "MLPNet",
        sight: Numbers,
        cells: "++++++++++++++++++++++",
        keys: "type: MLPNet, hid_layers: [WIDTH, WIDTH]",
    },
    Net {
        name: "MLPNet, layer norm",
        sight: Numbers,
        cells: "++++++++++++++++++++++",
        keys: "type: MLPNet, hid_layers: [WIDTH, WIDTH], layer_norm: true",
    },
    Net {
        name: "MLPNet, batch norm",
        sight: Numbers,
        cells: "++++++++++++++++++++++",
        keys: "type: MLPNet, hid_layers: [WIDTH, WIDTH], batch_norm: true",
    },
    Net {
        name: "HydraMLPNet",
        sight: Numbers,
        cells: "++++++++++++++++++++++",
        keys: "type: HydraMLPNet, hid_layers: [[[WIDTH], [WIDTH]], [WIDTH], [[WIDTH]]]",
    },
    Net {
        name: "DuelingMLPNet",
        sight: Numbers,
        cells: "ddddddddd++++sdddddddd",
        keys: "type: DuelingMLPNet, hid_layers: [WIDTH, WIDTH]",
    },
    Net {
        name: "ConvNet",
        sight: Picture,
        cells: "++++++++++++++++++++++",
        keys: "type: ConvNet, conv_hid_layers: [[4, 3, 2], [6, 2]], fc_hid_layers: [WIDTH, WIDTH], \
            normalize: true",
    },
    Net {
        name: "DuelingConvNet",
        sight: Picture,
        cells: "ddddddddd++++sdddddddd",
        keys: "type: DuelingConvNet, conv_hid_layers: [[4, 3, 2]], fc_hid_layers: [WIDTH, WIDTH], \
            normalize: true",
    },
    Net {
        name: "RecurrentNet",
        sight: Numbers,
        cells: "++o++++++r++q+rrrrrrrr",
        keys: "type: RecurrentNet, cell_type: LSTM, rnn_num_layers: 2, fc_hid_layers: [WIDTH], \
            rnn_hidden_size: 6, seq_len: 3",
    },
    Net {
        name: "TorchArcNet",
        sight: Numbers,
        cells: "++++++++++++++++++++++",
        keys: "type: TorchArcNet, arc: {modules: {body: {Sequential: [{LazyLinear: {out_features: WIDTH}}, \
            {LayerNorm: {normalized_shape: WIDTH}}, {SiLU: }, {LazyLinear: {out_features: WIDTH}}]}}, \
            graph: {input: x, modules: {body: [x]}, output: body}}",
    },
    Net {
        name: "TorchArcNet, BatchRenorm1d",
        sight: Numbers,
        cells: "++++++++++++++++++++++",
        keys: "type: TorchArcNet, arc: {modules: {body: {Sequential: [{LazyLinear: {out_features: WIDTH}}, \
            {LazyBatchRenorm1d: {momentum: 0.1, eps: 0.001, warmup_steps: 5}}, {ReLU: }, \
            {LazyLinear: {out_features: WIDTH}}]}}, \
            graph: {input: x, modules: {body: [x]}, output: body}}",
    },
    Net {
        name: "TorchArcNet, WeightNormLinear",
        sight: Numbers,
        cells: "+++++++++++++++++w++++",
        keys: "type: TorchArcNet, arc: {modules: {body: {Sequential: [\
            {LazyWeightNormLinear: {out_features: WIDTH}}, {Tanh: }, \
            {LazyWeightNormLinear: {out_features: WIDTH}}]}}, \
            graph: {input: x, modules: {body: [x]}, output: body}}",
    },
    Net {
        name: "TorchArcNet of pictures",
        sight: Picture,
        cells: "++++++++++++++++++++++",
        keys: "type: TorchArcNet, normalize: true, arc: {modules: {body: {Sequential: [\
            {LazyConv2d: {out_channels: 4, kernel_size: 3, padding: 1}}, {LazyBatchNorm2d: }, {SELU: }, \
            {Flatten: }, {LazyLinear: {out_features: WIDTH}}, {Tanh: }, \
            {LazyLinear: {out_features: WIDTH}}]}}, \
            graph: {input: x, modules: {body: [x]}, output: body}}",
    },
];
