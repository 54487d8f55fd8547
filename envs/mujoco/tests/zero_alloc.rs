//! A vector step allocates nothing: counted.

use slm_env::{EnvError, EnvOptions};

#[path = "../../core/tests/counting/mod.rs"]
mod counting;

#[test]
#[allow(clippy::print_stderr, reason = "what a test leaves out is said")]
fn a_vector_step_allocates_nothing_plain_or_preprocessed_or_threaded() {
    let made = slm_env_mujoco::ENVS[0].make(&EnvOptions::new(1, 0));
    if let Err(error @ EnvError::Missing { .. }) = made {
        return eprintln!("not tested: {error}");
    }
    drop(made);
    counting::check_steps(slm_env_mujoco::ENVS);
}
