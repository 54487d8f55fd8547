//! What every environment owes to its learner, and what this one's options take.

use slm_env::{EnvDef, EnvOptions, Space, conformance};

fn def() -> &'static EnvDef {
    slm_env_synthetic::ENVS.iter().find(|def| def.id == "SyntheticFrames-v0").expect("it is listed")
}

fn error_of(options: &EnvOptions) -> String {
    def().make(options).err().expect("the options are wrong").to_string()
}

#[test]
fn frames_keep_the_contract() {
    conformance::check(def());
}

#[test]
fn frames_are_four_of_84_pixels_square_and_six_actions_or_as_many_as_asked_for() {
    let spaces = |options: &EnvOptions| def().spaces(options).expect("the options are valid");
    let (obs, actions) = spaces(&EnvOptions::default());
    assert_eq!((obs.shape(), actions), (vec![4, 84, 84], Space::Discrete { n: 6 }));
    let (_, actions) = spaces(&EnvOptions::default().with("actions", 18.0));
    assert_eq!(actions, Space::Discrete { n: 18 });
}

#[test]
fn a_wrong_option_says_what_it_takes() {
    let with = |name, value| EnvOptions::default().with(name, value);
    assert_eq!(
        error_of(&with("actoins", 4.0)),
        "SyntheticFrames-v0 has no option `actoins`, did you mean `actions`?; it takes actions"
    );
    for count in [1.0, 22.0] {
        assert_eq!(
            error_of(&with("actions", count)),
            format!(
                "SyntheticFrames-v0: option `actions` should be a whole number from 2 to 21, not {count}"
            )
        );
    }
}
