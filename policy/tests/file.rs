//! The policy file: round trips, files written by other programs, and files that lie.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;
use slm_policy::{Action, ActionHead, Activation, Bounds, ContinuousHead, Conv2d, ConvShape};
use slm_policy::{Cell, ChannelsFirst, Policy, Recurrent, Scale, Scratch};
use slm_policy::{Family, Layer, LayerNorm, Linear, LoadError, LogStd, Network, ObsNormalizer};

/// Numbers without pattern in [-0.5, 0.5).
fn numbers(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 2003.0 - 0.5).collect()
}

fn linear(inputs: usize, outputs: usize) -> Layer {
    let weight = numbers(inputs * outputs, outputs);
    Layer::Linear(Linear::new(inputs, outputs, &weight, &numbers(outputs, 3)).unwrap())
}

/// A policy that uses every part of the format.
fn continuous() -> Policy {
    let norm = LayerNorm::new(&numbers(9, 1), &numbers(9, 2), 1e-5).unwrap();
    let layers = vec![
        linear(3, 9),
        Layer::LayerNorm(norm),
        Layer::Activation(Activation::LeakyRelu { slope: 0.01 }),
        linear(9, 5),
        Layer::Activation(Activation::Elu { alpha: 0.7 }),
        linear(5, 2),
        Layer::Activation(Activation::Tanh),
    ];
    let normalizer =
        ObsNormalizer::new(&[0.1, -2.0, 1e-7], &[1.0, 0.3, 2.5], 1e-8, Some(10.0)).unwrap();
    let bounds = Bounds { low: vec![-2.0, 0.1], high: vec![2.0, 0.7] };
    let log_std = LogStd::Vector(vec![-0.5, 0.25]);
    let head = ContinuousHead::new(Family::NormalTanh, 2, log_std, Some(bounds));
    let head = ActionHead::Continuous(head);
    let mut policy = Policy::new(&[3], Some(normalizer), Network { layers }, head).unwrap();
    let obs = numbers(12, 9);
    let outputs = policy.outputs(&obs).to_vec();
    policy.set_parity(&obs, &outputs).unwrap();
    for (key, value) in
        [("env", "Pendulum-v1"), ("spec_name", "a \"quoted\" name\n"), ("frame", "3")]
    {
        policy.metadata.insert(key.into(), value.into());
    }
    policy
}

fn discrete() -> Policy {
    let layers = vec![linear(4, 8), Layer::Activation(Activation::Relu), linear(8, 3)];
    Policy::new(&[2, 2], None, Network { layers }, ActionHead::Categorical { n: 2 }).unwrap()
}

/// A policy that sees images of 2 x 5 x 6 pixels.
fn images() -> Policy {
    let shape = ConvShape {
        input: [2, 5, 6],
        outputs: 3,
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 0],
        dilation: [1, 2],
    };
    let conv = Conv2d::new(shape, &numbers(3 * 12, 1), &numbers(3, 2)).unwrap();
    let layers = vec![
        Layer::Scale(Scale::new(&[1.0 / 255.0], &[0.0], 60).unwrap()),
        Layer::Conv2d(conv),
        Layer::Activation(Activation::Relu),
        Layer::Scale(Scale::new(&numbers(3, 5), &numbers(3, 6), 12).unwrap()),
        linear(36, 2),
    ];
    let head = ActionHead::Categorical { n: 2 };
    Policy::new(&[2, 5, 6], None, Network { layers }, head).unwrap()
}

/// The same of images of 5 x 6 pixels with their 2 channels last.
fn pictures() -> Policy {
    let mut layers = images().network().layers.clone();
    layers.insert(1, Layer::ChannelsFirst(ChannelsFirst::new(2, 30).unwrap()));
    let head = ActionHead::Categorical { n: 2 };
    Policy::new(&[5, 6, 2], None, Network { layers }, head).unwrap()
}

/// A policy with a cell of each kind.
fn recurrent() -> Policy {
    let map = |inputs, outputs| match linear(inputs, outputs) {
        Layer::Linear(linear) => linear,
        _ => unreachable!(),
    };
    let cell = |kind: Cell, inputs, hidden| {
        let width = kind.gates() * hidden;
        let cell = Recurrent::new(kind, map(inputs, width), map(hidden, width));
        Layer::Recurrent(cell.unwrap())
    };
    let cells = [cell(Cell::Gru, 3, 5), cell(Cell::Lstm, 5, 2), cell(Cell::Rnn, 2, 4)];
    let layers = cells.into_iter().chain([linear(4, 2)]).collect();
    let head = ActionHead::Categorical { n: 2 };
    let mut policy = Policy::new(&[3], None, Network { layers }, head).unwrap();
    let obs = numbers(12, 9);
    let outputs = obs.chunks(3).flat_map(|obs| policy.outputs(obs).to_vec()).collect::<Vec<_>>();
    policy.set_parity(&obs, &outputs).unwrap();
    policy
}

#[test]
fn a_policy_survives_its_file_bit_for_bit() {
    for mut policy in [continuous(), discrete(), images(), pictures(), recurrent()] {
        policy.reset();
        let bytes = policy.to_bytes();
        let mut loaded = Policy::from_bytes(&bytes).unwrap();
        assert_eq!(loaded, policy);
        assert_eq!(loaded.to_bytes(), bytes);
        let obs = numbers(policy.obs_width(), 5);
        assert_eq!(loaded.outputs(&obs), policy.clone().outputs(&obs));
        assert!(loaded.verify().is_ok());
    }
}

#[test]
fn every_head_survives_its_file() {
    let continuous = Family::ALL
        .map(|family| ActionHead::Continuous(ContinuousHead::new(family, 2, LogStd::Output, None)));
    let discrete = [
        ActionHead::Argmax { n: 3 },
        ActionHead::Bernoulli { n: 4 },
        ActionHead::MultiCategorical { nvec: vec![2, 1] },
    ];
    let certain = ContinuousHead::new(Family::NormalTanh, 4, LogStd::Absent, None);
    let certain = [ActionHead::Continuous(certain)];
    for head in discrete.into_iter().chain(continuous).chain(certain) {
        let network = Network { layers: vec![linear(3, 4)] };
        let policy = Policy::new(&[3], None, network, head).unwrap();
        let bytes = policy.to_bytes();
        assert_eq!(Policy::from_bytes(&bytes).unwrap(), policy);
    }
}

#[test]
fn reads_a_file_written_by_python_safetensors() {
    // Written by `tests/data/make.py`: obs [2] -> relu(2x) -> [3] -> logits [2], worked there by hand.
    let mut policy = Policy::from_bytes(include_bytes!("data/python.safetensors")).unwrap();
    assert_eq!(policy.metadata["env"], "Hand-v0");
    assert_eq!(policy.verify(), Ok(2));
    assert_eq!(policy.act(&[1.0, 2.0]), Action::Discrete(1));
    assert_eq!(policy.act(&[-1.0, 0.0]), Action::Discrete(0));
}

/// FNV-1a.
fn digest(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn the_bytes_of_a_file_are_pinned() {
    // A change here breaks the files people have and needs a new version of the format.
    assert_eq!(digest(discrete().to_bytes()), 0x7f9d_f8f3_5683_6829);
}

#[test]
fn the_bits_of_the_outputs_are_pinned_on_every_processor() {
    // The same constant must hold with and without feature `std`, and on every target.
    let mut layers = Vec::new();
    let functions = ["tanh", "gelu", "mish", "selu", "sigmoid", "softplus", "silu", "softsign"];
    for name in functions {
        layers.extend([linear(40, 40), Layer::Activation(Activation::from_name(name).unwrap())]);
        let norm = LayerNorm::new(&numbers(40, 4), &numbers(40, 8), 1e-5).unwrap();
        layers.push(Layer::LayerNorm(norm));
    }
    let outputs =
        Network { layers }.forward(&numbers(400, 6), 10, &mut Scratch::default()).to_vec();
    assert_eq!(digest(outputs.iter().flat_map(|x| x.to_le_bytes())), 0x7cda_7f91_8a27_c55a);
}

/// The file with one text in its header replaced by another of any length.
fn with(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    assert!(header.contains(from), "{from} is not in {header}");
    let header = header.replacen(from, to, 1);
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat()
}

#[test]
fn every_lie_in_the_metadata_is_its_own_error() {
    let bytes = continuous().to_bytes();
    let load = |from, to| Policy::from_bytes(&with(&bytes, from, to)).unwrap_err();
    assert_eq!(load("slm-policy", "something"), LoadError::NotAPolicy);
    assert_eq!(load(r#""version":"1""#, r#""version":"2""#), LoadError::Version("2".into()));
    assert_eq!(load(r#"op\":\"tanh"#, r#"op\":\"sine"#), LoadError::UnknownOp("sine".into()));
    assert_eq!(
        load(r#"type\":\"normal"#, r#"type\":\"cauchy"#),
        LoadError::UnknownOp("cauchy".into())
    );
    let metadata = [
        ("float32", "float64", "observation.dtype"),
        (r#"eps\":1e-8"#, r#"eps\":\"x\""#, "normalizer.eps"),
        (r#"slope\":0.01"#, r#"slope\":1e999"#, "network[2].slope"),
        (r#"in\":9"#, r#"in\":-9"#, "network[3].in"),
        ("log_std_range\\\":[-5.0, 2.0]", "log_std_range\\\":[2.0]", "action.log_std_range"),
        (r#"log_std\":\"vector"#, r#"log_std\":\"nowhere"#, "action.log_std"),
    ];
    for (from, to, key) in metadata {
        match load(from, to) {
            LoadError::Metadata { key: found, .. } => assert_eq!(found, key),
            other => panic!("{to} gave {other}"),
        }
    }
    assert!(matches!(load("[{", "{{"), LoadError::Json { what: "network", .. }));
    assert!(matches!(load("[-5.0, 2.0]", "[5, 2]"), LoadError::Shape(_)));
}

#[test]
fn tensors_that_contradict_the_metadata_are_named() {
    let bytes = continuous().to_bytes();
    let tensors = [
        (r#"out\":9"#, r#"out\":18446744073709551615"#),
        (r#""net.0.bias""#, r#""net.0.other""#),
        (r#""parity.outputs""#, r#""parity.other""#),
        (r#"shape":[9, 3]"#, r#"shape":[3, 9]"#),
        (r#"shape\":[3]"#, r#"shape\":[3,0]"#),
        (r#"k\":2"#, r#"k\":99999999999"#),
    ];
    for (from, to) in tensors {
        let error = Policy::from_bytes(&with(&bytes, from, to)).unwrap_err();
        assert!(matches!(error, LoadError::Tensor { .. }), "{to} gave {error}");
    }
}

#[test]
fn a_cell_of_other_sizes_than_its_weights_is_an_error() {
    let bytes = recurrent().to_bytes();
    let load = |from, to| Policy::from_bytes(&with(&bytes, from, to)).unwrap_err();
    for (from, to) in [
        (r#"op\":\"gru"#, r#"op\":\"lstm"#),
        (r#"hidden\":5"#, r#"hidden\":15"#),
        (r#""net.1.weight_hh""#, r#""net.1.weight""#),
    ] {
        let error = load(from, to);
        assert!(matches!(error, LoadError::Tensor { .. }), "{to} gave {error}");
    }
    let error = load(r#"hidden\":5"#, r#"hidden\":18446744073709551615"#);
    assert!(matches!(error, LoadError::Metadata { .. }), "{error}");
}

#[test]
fn a_picture_of_another_size_than_the_observation_is_an_error() {
    let bytes = pictures().to_bytes();
    for (from, to) in [
        (r#"pixels\":30"#, r#"pixels\":31"#),
        (r#"pixels\":30"#, r#"pixels\":0"#),
        (r#"pixels\":30"#, r#"pixels\":18446744073709551615"#),
        (r#"first\",\"channels\":2"#, r#"first\",\"channels\":3"#),
    ] {
        let error = Policy::from_bytes(&with(&bytes, from, to)).unwrap_err();
        assert!(matches!(error, LoadError::Shape(_)), "{to} gave {error}");
    }
}

#[test]
fn a_convolution_that_can_not_be_is_an_error() {
    let bytes = images().to_bytes();
    let load = |from, to| Policy::from_bytes(&with(&bytes, from, to)).unwrap_err();
    for (from, to) in [
        (r#"stride\":[2, 1]"#, r#"stride\":[0, 1]"#),
        (r#"dilation\":[1, 2]"#, r#"dilation\":[1, 9]"#),
        (r#"padding\":[1, 0]"#, r#"padding\":[18446744073709551615, 0]"#),
        (r#"padding\":[1, 0]"#, r#"padding\":[4000000000, 0]"#),
        (r#"in\":[2, 5, 6]"#, r#"in\":[2, 18446744073709551615, 6]"#),
        (r#"positions\":12"#, r#"positions\":13"#),
        (r#"positions\":12"#, r#"positions\":18446744073709551615"#),
    ] {
        let error = load(from, to);
        assert!(matches!(error, LoadError::Shape(_)), "{to} gave {error}");
    }
    let error = load(r#"kernel\":[3, 2]"#, r#"kernel\":[2, 3]"#);
    assert!(matches!(error, LoadError::Tensor { .. }), "{error}");
    match load(r#"kernel\":[3, 2]"#, r#"kernel\":3"#) {
        LoadError::Metadata { key, .. } => assert_eq!(key, "network[1].kernel"),
        other => panic!("{other}"),
    }
}

#[test]
fn sizes_without_weights_behind_them_are_refused_before_memory_is_taken() {
    let header = r#"{"__metadata__":{"format":"slm-policy","version":"1",
        "observation":"{\"shape\":[2000000000000],\"dtype\":\"float32\"}","network":"[{\"op\":\"tanh\"}]",
        "action":"{\"type\":\"normal\",\"k\":1000000000000,\"log_std\":\"output\",
        \"log_std_range\":[-5,2],\"squash\":false,\"bounds\":false}"}}"#;
    let header = header.replace('\n', "");
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
    assert!(matches!(Policy::from_bytes(&bytes), Err(LoadError::Shape(_))));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = continuous().to_bytes();
    for length in 0..bytes.len() {
        assert!(Policy::from_bytes(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
    }
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    let mut bytes = discrete().to_bytes();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert_eq!(Policy::from_bytes(&bytes), Err(LoadError::NonFinite("net.2.weight".into())));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..Default::default() })]

    /// Whatever a few changed, inserted or removed bytes make of a file, loading it ends in a
    /// policy that acts or in an error.
    #[test]
    fn mutated_files_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
        in_header in any::<bool>(),
        which in 0..3_usize,
    ) {
        let mut bytes = [images, continuous, recurrent][which]().to_bytes();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for (place, byte, kind) in edits {
            let at = place.index(if in_header { header.min(bytes.len()) } else { bytes.len() });
            match kind {
                0 => bytes.insert(at, byte),
                1 => drop(bytes.remove(at)),
                2 => bytes[at] = b"0123456789[]{},:\"\\-e"[usize::from(byte) % 20],
                _ => bytes[at] = byte,
            }
        }
        if let Ok(mut policy) = Policy::from_bytes(&bytes) {
            let obs = vec![0.5; policy.obs_width()];
            policy.act(&obs);
            let again = policy.to_bytes();
            prop_assert_eq!(Policy::from_bytes(&again).map(|p| p.to_bytes()), Ok(again));
        }
    }

    /// The same with headers of plausible pieces in any order.
    #[test]
    fn random_headers_never_panic(
        pieces in prop::collection::vec(0..PIECES.len(), 0..40),
        data in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let header: String = pieces.into_iter().map(|i| PIECES[i]).collect();
        let length = (header.len() as u64).to_le_bytes();
        let bytes = [&length[..], header.as_bytes(), &data].concat();
        prop_assert!(Policy::from_bytes(&bytes).is_err());
    }
}

const PIECES: [&str; 18] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"__metadata__\"",
    "\"format\"",
    "\"slm-policy\"",
    "\"a\"",
    "\"dtype\"",
    "\"F32\"",
    "\"shape\"",
    "\"data_offsets\"",
    "0",
    "4",
    "18446744073709551615",
    "1e9",
];
