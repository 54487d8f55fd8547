//! Statistics, files and pictures of a run, from plain numbers and paths.
//!
//! Nothing here knows environments, specs or algorithms; nothing reads a clock or an environment
//! variable.

pub mod atomic_file;
pub mod bootstrap;
mod canvas;
pub mod comparison_graph;
mod event_proto;
pub mod figure;
pub mod graphs;
pub mod json;
pub mod metrics;
pub mod paths;
pub mod plot;
pub mod random_baseline;
pub mod report;
pub mod run_folder;
pub mod series;
pub mod session_csv;
pub mod session_table;
pub mod stats;
pub mod tensorboard;
mod ticks;
pub mod trial_metrics;
