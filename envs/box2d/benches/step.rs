//! Nanoseconds a step of each Box2D environment takes.

#[path = "../../core/benches/steps/mod.rs"]
mod steps;

fn main() {
    steps::print_nanos(slm_env_box2d::ENVS, 100);
}
