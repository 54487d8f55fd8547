//! What every environment owes to its learner.

use slm_env::{EnvDef, EnvOptions, conformance};

fn def(id: &str) -> &'static EnvDef {
    slm_env_classic::ENVS.iter().find(|def| def.id == id).expect("it is listed")
}

#[test]
fn cartpole_keeps_the_contract() {
    conformance::check(def("CartPole-v1"));
    conformance::check(def("CartPole-v0"));
}

#[test]
fn mountain_car_keeps_the_contract() {
    conformance::check(def("MountainCar-v0"));
}

#[test]
fn mountain_car_continuous_keeps_the_contract() {
    conformance::check(def("MountainCarContinuous-v0"));
}

#[test]
fn acrobot_keeps_the_contract() {
    conformance::check(def("Acrobot-v1"));
}

#[test]
fn pendulum_keeps_the_contract() {
    conformance::check(def("Pendulum-v1"));
}

fn error_of(id: &str, options: &EnvOptions) -> String {
    def(id).make(options).err().expect("the options are wrong").to_string()
}

#[test]
fn an_unknown_option_names_the_valid_ones_and_the_nearest() {
    let options = EnvOptions::new(1, 0).with("goal_velocty", 0.1);
    assert_eq!(
        error_of("MountainCar-v0", &options),
        "MountainCar-v0 has no option `goal_velocty`, did you mean `goal_velocity`?; \
         it takes goal_velocity"
    );
}

#[test]
fn acrobot_takes_no_option() {
    let options = EnvOptions::new(1, 0).with("book_or_nips", "nips");
    assert_eq!(
        error_of("Acrobot-v1", &options),
        "Acrobot-v1 has no option `book_or_nips`; it takes none"
    );
}

#[test]
fn a_wrong_value_says_what_the_option_takes() {
    let options = EnvOptions::new(1, 0).with("g", "strong");
    assert_eq!(
        error_of("Pendulum-v1", &options),
        "Pendulum-v1: option `g` should be a finite number, not \"strong\""
    );
}

#[test]
fn no_environments_are_none() {
    assert_eq!(
        error_of("CartPole-v1", &EnvOptions::new(0, 0)),
        "CartPole-v1: option `num_envs` should be at least 1, not 0"
    );
}
