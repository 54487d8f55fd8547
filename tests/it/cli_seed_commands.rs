//! The commands that people paste from SLM-Lab's pages run as they stand, but for a shorter run.

use crate::cli_program::{Workplace, saved_spec};

const SHORT: &str = "-s env.max_frame=600 -s meta.log_frequency=300 -s meta.max_session=1";

fn runs(variable: (&str, &str), command: &str, spec_name: &str) {
    let place = Workplace::new();
    place.run_with(variable.0, variable.1, &format!("{command} {SHORT}")).ok();
    assert_eq!(saved_spec(&place.only_run())["name"], spec_name, "{command}");
}

#[test]
fn commands_whose_parts_are_built_run() {
    let none = ("UNUSED", "");
    runs(none, "", "ppo_cartpole");
    let benchmark = "slm_lab/spec/benchmark";
    for (file, name, mode) in [
        ("reinforce/reinforce_cartpole.json", "reinforce_cartpole", "train"),
        ("ppo/ppo_cartpole.json", "ppo_shared_cartpole", "dev"),
        ("a2c/a2c_gae_cartpole.json", "a2c_gae_cartpole", "dev"),
    ] {
        runs(none, &format!("{benchmark}/{file} {name} {mode}"), name);
    }
    for name in ["a2c_gae_pendulum_single", "a2c_gae_pendulum"] {
        runs(none, &format!("slm_lab/spec/cont_test.json {name} train"), name);
    }
    let compiled = format!("{benchmark}/ppo/ppo_cartpole.json ppo_shared_cartpole train");
    runs(("TORCH_COMPILE", "true"), &compiled, "ppo_shared_cartpole");
    runs(("RENDER", "true"), "--episodes 1", "ppo_cartpole");
}
