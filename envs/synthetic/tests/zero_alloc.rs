//! A vector step allocates nothing: counted.

#[path = "../../core/tests/counting/mod.rs"]
mod counting;

#[test]
fn a_vector_step_allocates_nothing_plain_or_threaded() {
    counting::check_steps(slm_env_synthetic::ENVS);
}
