//! What every environment owes to its learner.

use slm_env::{EnvDef, EnvOptions, Rollout, conformance};

fn def(id: &str) -> &'static EnvDef {
    slm_env_box2d::ENVS.iter().find(|def| def.id == id).expect("it is listed")
}

#[test]
fn lunar_lander_keeps_the_contract() {
    conformance::check(def("LunarLander-v3"));
}

#[test]
fn lunar_lander_continuous_keeps_the_contract() {
    conformance::check(def("LunarLanderContinuous-v3"));
}

fn error_of(id: &str, options: &EnvOptions) -> String {
    def(id).make(options).err().expect("the options are wrong").to_string()
}

#[test]
fn gravity_pulls_down_and_not_too_much() {
    for (gravity, shown) in [(0.0, "0"), (-12.0, "-12"), (9.81, "9.81")] {
        assert_eq!(
            error_of("LunarLander-v3", &EnvOptions::new(1, 0).with("gravity", gravity)),
            format!(
                "LunarLander-v3: option `gravity` should be between -12 and 0, both excluded, \
                 not {shown}"
            )
        );
    }
}

#[test]
fn a_mistyped_option_names_the_nearest() {
    let options = EnvOptions::new(1, 0).with("enable_winds", true);
    assert_eq!(
        error_of("LunarLanderContinuous-v3", &options),
        "LunarLanderContinuous-v3 has no option `enable_winds`, did you mean `enable_wind`?; \
         it takes continuous, gravity, enable_wind, wind_power, turbulence_power"
    );
}

#[test]
fn a_number_in_place_of_a_truth_value_is_refused() {
    let options = EnvOptions::new(1, 0).with("continuous", 1.0);
    assert_eq!(
        error_of("LunarLander-v3", &options),
        "LunarLander-v3: option `continuous` should be true or false, not 1"
    );
}

#[test]
fn the_option_and_not_the_name_decides_about_the_actions() {
    let width = |id: &str, is_continuous: bool| {
        let options = EnvOptions::new(1, 0).with("continuous", is_continuous);
        def(id).spaces(&options).expect("the options are valid").1.shape()
    };
    assert_eq!(width("LunarLander-v3", true), [2]);
    assert_eq!(width("LunarLanderContinuous-v3", false), [0; 0]);
}

#[test]
fn bipedal_walker_keeps_the_contract() {
    conformance::check(def("BipedalWalker-v3"));
}

#[test]
fn bipedal_walker_hardcore_keeps_the_contract() {
    conformance::check(def("BipedalWalkerHardcore-v3"));
}

#[test]
fn car_racing_keeps_the_contract() {
    conformance::check(def("CarRacing-v3"));
}

#[test]
fn a_share_of_a_lap_lies_between_nothing_and_all() {
    for share in [-0.5, 1.5] {
        let options = EnvOptions::new(1, 0).with("lap_complete_percent", share);
        assert_eq!(
            error_of("CarRacing-v3", &options),
            format!(
                "CarRacing-v3: option `lap_complete_percent` should be from 0 to 1, not {share}"
            )
        );
    }
}

#[test]
fn obstacles_come_by_option_or_by_name() {
    let walk = |id: &str, options: &EnvOptions| {
        let mut walk = Rollout::new(def(id).make(options).expect("the options are valid"));
        // Falling forward brings the first obstacles into sight.
        (0..60).map(|_| walk.step(&[1.0, 1.0, 1.0, 1.0]).expect("it fits").obs).collect::<Vec<_>>()
    };
    let options = EnvOptions::new(1, 9);
    let by_name = walk("BipedalWalkerHardcore-v3", &options);
    assert_eq!(walk("BipedalWalker-v3", &options.clone().with("hardcore", true)), by_name);
    assert_ne!(walk("BipedalWalker-v3", &options), by_name);
}
