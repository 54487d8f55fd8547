//! The integration tests, in one binary: each binary links Burn again.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod cli_bench;
mod cli_enjoy;
mod cli_information;
mod cli_program;
mod cli_run;
mod cli_seed_commands;
mod comparison;
mod determinism;
mod distributed;
mod failure;
mod kill;
mod playback;
mod resume;
mod source;
mod spec_folder;
mod spec_runs;
mod specs;
mod tidy;
