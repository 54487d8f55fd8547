//! Runs a policy trained by SLM-Lab anywhere: in a game, on a robot, without the lab.
//!
//! A [`Policy`] is one safetensors file: the acting [`Network`], the normalization of observations
//! and the mapping to actions. It takes raw observations and gives actions in the environment's
//! units. The same file gives the same bits on every processor, alone or in any batch.
//!
//! ```no_run
//! use slm_policy::{Action, Policy};
//!
//! let mut policy = Policy::from_bytes(&std::fs::read("policy.safetensors")?)?;
//! policy.verify()?;
//! assert_eq!(policy.obs_shape(), [4], "the policy is for what this environment shows");
//! match policy.act(&[0.02, 0.0, -0.03, 0.01]) {
//!     Action::Discrete(index) => assert!(index < 2),
//!     Action::Multi(indices) => assert!(!indices.is_empty()),
//!     Action::Continuous(values) => assert!(!values.is_empty()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A recurrent policy remembers the episode so far: call [`Policy::reset`] where a new one begins.
//!
//! Rows are contiguous and row-major everywhere. Feature `std` (on by default) only adds code for
//! AVX2 and AVX-512, chosen at run time; without it the crate is `no_std` with `alloc`.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(not(feature = "std"), forbid(unsafe_code))]
#![allow(
    clippy::inline_always,
    reason = "code is compiled once per instruction set by inlining it into functions that enable one"
)]

extern crate alloc;

mod act;
mod activation;
mod channels_first;
mod continuous;
mod conv;
mod conv_shape;
mod discrete;
mod error;
mod family;
mod file;
mod file_head;
mod file_network;
mod head;
mod isa;
mod json;
mod kernel;
mod layer;
mod linear;
pub mod math;
mod network;
mod noise;
mod norm;
mod normalizer;
mod parity;
mod policy;
mod recurrent;
mod root;
mod safetensors;
mod scale;

pub use act::Action;
pub use act::ActionsMut;
pub use activation::Activation;
pub use channels_first::ChannelsFirst;
pub use continuous::Bounds;
pub use continuous::ContinuousHead;
pub use continuous::LogStd;
pub use conv::Conv2d;
pub use conv_shape::ConvShape;
pub use discrete::argmax;
pub use discrete::sample_categorical;
pub use error::LoadError;
pub use family::Family;
pub use head::ActionHead;
pub use layer::Layer;
pub use linear::Linear;
pub use network::Network;
pub use network::Scratch;
pub use noise::Noise;
pub use norm::LayerNorm;
pub use normalizer::ObsNormalizer;
pub use parity::PARITY_TOLERANCE;
pub use parity::Parity;
pub use parity::ParityError;
pub use policy::Policy;
pub use recurrent::Cell;
pub use recurrent::Recurrent;
pub use scale::Scale;
