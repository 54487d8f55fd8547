//! Nanoseconds a step of each classic environment takes.

#[path = "../../core/benches/steps/mod.rs"]
mod steps;

fn main() {
    steps::print_nanos(slm_env_classic::ENVS, 2_000);
}
