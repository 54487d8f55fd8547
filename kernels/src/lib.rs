//! The arithmetic of learning on a CPU: forward and backward passes of small networks, gradients
//! of policy losses and optimizer passes, all over flat slices and without allocation.
//!
//! Instructions are chosen at run time ([`Isa`]); AVX-512, AVX2 with FMA, or what the target
//! guarantees. Every sum has a fixed order, so that one processor gives the same bits in every run
//! and with any number of threads. Processors with other instructions may differ in the last bits.
//!
//! ```
//! use slm_kernels::{Adam, Layer, Mlp, OptStep, Tape};
//! use slm_policy::Activation;
//!
//! let net = Mlp::new(1, &[
//!     Layer::Linear { inputs: 1, outputs: 16, bias: true },
//!     Layer::Activation(Activation::Tanh),
//!     Layer::Linear { inputs: 16, outputs: 1, bias: true },
//! ]);
//! let mut params: Vec<f32> = (0..net.num_params()).map(|i| (i as f32).sin()).collect();
//! let (mut moments, mut grads) = (vec![vec![0.0; 49]; 2], vec![0.0; 49]);
//! let betas = [0.9, 0.999];
//! let adam = Adam { betas, eps: 1e-8, weight_decay: 0.0, decoupled: false, amsgrad: false };
//! let (mut tape, mut d_outputs, mut loss) = (Tape::default(), [0.0; 2], 1.0);
//! for number in 1..300 {
//!     let y = net.forward(&params, &[-1.0, 1.0], 2, &mut tape);
//!     d_outputs = [y[0] - 0.5, y[1] - 2.0];
//!     net.backward(&params, &d_outputs, &mut tape, &mut grads);
//!     let step = OptStep { number, lr: 0.01, grad_scale: 1.0 };
//!     adam.step(step, &mut params, &grads, &mut moments);
//!     loss = d_outputs[0].powi(2) + d_outputs[1].powi(2);
//! }
//! assert!(loss < 1e-3);
//! ```
#![allow(
    clippy::inline_always,
    reason = "code is compiled once per instruction set by inlining it into functions that enable one"
)]

mod activation;
mod backward;
mod batch_norm;
mod batch_norm_pass;
mod batch_norm_split;
mod batch_norm_step;
mod bernoulli;
mod beta;
mod categorical;
mod clip;
mod continuous;
mod conv;
mod forward;
mod gemm;
mod gumbel;
mod gumbel_softmax;
mod input;
mod lanes;
mod layer;
mod math;
mod mlp;
mod narrow;
mod norm;
mod normal;
mod optim;
mod optim_adam;
mod optim_lookahead;
mod optim_pass;
mod pack;
mod pool;
mod rows;
mod simd;
mod special;
mod split;
mod split_backward;
mod step;
mod tanh_normal;
mod tape;
mod tile;

pub use bernoulli::Bernoulli;
pub use categorical::MultiCategorical;
pub use categorical::categorical_backward;
pub use categorical::categorical_log_prob_entropy;
pub use clip::clip_scale;
pub use clip::global_norm;
pub use continuous::Continuous;
pub use gumbel_softmax::gumbel_softmax;
pub use gumbel_softmax::gumbel_softmax_backward;
pub use input::Buffers;
pub use input::Input;
pub use input::gather_rows;
pub use layer::Layer;
pub use mlp::Mlp;
pub use normal::LOG_STD_BOUNDS;
pub use normal::Normal;
pub use optim::OptStep;
pub use optim::RmsProp;
pub use optim::Sgd;
pub use optim_adam::Adam;
pub use optim_adam::RAdam;
pub use optim_lookahead::Lookahead;
pub use pool::Pool;
pub use rows::Rows;
pub use rows::RowsMut;
pub use simd::Isa;
pub use special::digamma;
pub use special::ln_gamma;
pub use special::trigamma;
pub use split::SplitTape;
pub use tanh_normal::NORMAL_QUADRATURE;
pub use tape::Tape;
