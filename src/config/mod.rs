//! Spec files to typed specs: one parser with positions, all errors at once, no global state.

mod arc;
mod arc_graph;
mod arc_layer;
mod arc_module;
mod builtin;
mod choice_macros;
mod comments;
mod env;
mod error;
mod fields;
mod from_node;
mod gpu;
mod hydra_layers;
mod known;
mod locate;
mod loss;
mod lr_schedule;
mod macros;
mod memory;
mod meta;
mod names;
mod nearest;
mod net;
mod net_body;
mod net_layer;
mod node;
mod optim;
mod optim_lookahead;
mod other_names;
mod pair;
mod parse;
mod place;
mod range;
mod render;
#[cfg(test)]
mod robustness;
mod schedule;
mod schema;
mod spec;
mod spec_file;
mod substitute;
mod target_entropy;

pub use arc::ArcSpec;
pub use arc_layer::{
    ActivationSpec, BatchNormSpec, BatchRenormSpec, Conv2dSpec, LayerNormSpec, LayerSpec,
    LinearSpec, PaddingModeSpec,
};
pub(crate) use choice_macros::{spec_enum, spec_union};
pub use env::{ClipSpec, EnvSpec};
pub use error::{Diagnostics, NotBuilt, SpecError, SpecErrors};
pub use fields::{
    Fields, Kwargs, Record, RecordSchema, read_record, read_tagged, record_schema, within_schema,
};
pub use from_node::FromNode;
pub use gpu::GpuSpec;
pub use hydra_layers::HydraLayersSpec;
pub use known::Available;
pub use locate::{built_in_paths, locate};
pub use loss::{
    CrossEntropyLossSpec, HuberLossSpec, L1LossSpec, LossSpec, MseLossSpec, ReductionSpec,
    SmoothL1LossSpec,
};
pub use lr_schedule::{
    ConstantLrSpec, CosineAnnealingLrSpec, CosineAnnealingWarmRestartsSpec, ExponentialLrSpec,
    LinearLrSpec, LinearToMinSpec, LinearToZeroSpec, LrSchedulerSpec, MultiStepLrSpec,
    PlateauModeSpec, PolynomialLrSpec, ReduceLrOnPlateauSpec, StepLrSpec, ThresholdModeSpec,
};
pub(crate) use macros::spec;
pub use memory::{
    MemorySpec, OnPolicyCrossEntropySpec, OnPolicySpec, PrioritizedReplaySpec, ReplaySpec,
    SilReplaySpec,
};
pub use meta::{DistributedSpec, Flag, MetaSpec, SearchResourcesSpec};
pub use names::{Names, to_json};
pub use nearest::{did_you_mean, hint, nearest};
pub use net::{InitFnSpec, NetPartSpec, NetSpec, NetTrainingSpec, UpdateTypeSpec};
pub use net_body::{
    BodySpec, CellSpec, ConvNetSpec, DuelingConvNetSpec, HydraMlpNetSpec, MlpNetSpec,
    RecurrentNetSpec, TorchArcNetSpec,
};
pub use net_layer::{ConvLayerSpec, HeadActivationSpec};
pub use node::{Entry, Location, Node, Source, Value};
pub use optim::{
    AdamSpec, AdamWSpec, GlobalAdamSpec, GlobalRmsPropSpec, OptimSpec, RAdamSpec, RmsPropSpec,
    SgdSpec,
};
pub use optim_lookahead::{LookaheadSpec, SlowWeightsSpec};
pub(crate) use other_names::key_from_elsewhere;
pub use pair::PairSpec;
pub use parse::parse;
pub use place::Place;
pub use range::{Ranged, above};
pub use render::wrapped;
pub use schedule::{ScheduleKind, ScheduleSpec};
pub use schema::{algorithm_schema, json_schema};
pub use spec::{AgentSpec, Spec, load, read_algorithm};
pub use spec_file::{RawSpec, SpecFile};
pub use substitute::{Given, Setting};
pub use target_entropy::TargetEntropySpec;
