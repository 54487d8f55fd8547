//! Nanoseconds a step of each synthetic environment takes.

#[path = "../../core/benches/steps/mod.rs"]
mod steps;

fn main() {
    steps::print_nanos(slm_env_synthetic::ENVS, 500);
}
