//! What every environment owes to its learner, and what it says of wrong options.

use slm_env::{ActionBatch, EnvDef, EnvOptions, Frame, OptionValue, VecEnv, conformance};

fn def(id: &str) -> &'static EnvDef {
    slm_env_mujoco::ENVS.iter().find(|def| def.id == id).expect("it is listed")
}

/// Whether MuJoCo's library is here; without it there is nothing to test.
#[allow(clippy::print_stderr, reason = "what a test leaves out is said")]
fn has_mujoco() -> bool {
    let made = def("Reacher-v5").make(&EnvOptions::default());
    made.inspect_err(|error| eprintln!("not tested: {error}")).is_ok()
}

fn check(id: &str) {
    if has_mujoco() {
        conformance::check(def(id));
    }
}

#[test]
fn ant_keeps_the_contract() {
    check("Ant-v5");
}

#[test]
fn half_cheetah_keeps_the_contract() {
    check("HalfCheetah-v5");
}

#[test]
fn hopper_keeps_the_contract() {
    check("Hopper-v5");
}

#[test]
fn humanoid_keeps_the_contract() {
    check("Humanoid-v5");
}

#[test]
fn humanoid_standup_keeps_the_contract() {
    check("HumanoidStandup-v5");
}

#[test]
fn inverted_double_pendulum_keeps_the_contract() {
    check("InvertedDoublePendulum-v5");
}

#[test]
fn inverted_pendulum_keeps_the_contract() {
    check("InvertedPendulum-v5");
}

#[test]
fn pusher_keeps_the_contract() {
    check("Pusher-v5");
}

#[test]
fn reacher_keeps_the_contract() {
    check("Reacher-v5");
}

#[test]
fn swimmer_keeps_the_contract() {
    check("Swimmer-v5");
}

#[test]
fn walker2d_keeps_the_contract() {
    check("Walker2d-v5");
}

/// The widths that Gymnasium's documentation states.
#[test]
fn observations_and_actions_have_gymnasiums_widths() {
    if !has_mujoco() {
        return;
    }
    let widths = slm_env_mujoco::ENVS.iter().map(|def| {
        let (obs, action) = def.spaces(&EnvOptions::default()).expect("the defaults are valid");
        (def.id.trim_end_matches("-v5"), obs.width(), action.width())
    });
    let expected = [
        ("Ant", 105, 8),
        ("HalfCheetah", 17, 6),
        ("Hopper", 11, 3),
        ("Humanoid", 348, 17),
        ("HumanoidStandup", 348, 17),
        ("InvertedDoublePendulum", 9, 1),
        ("InvertedPendulum", 4, 1),
        ("Pusher", 23, 7),
        ("Reacher", 10, 2),
        ("Swimmer", 8, 2),
        ("Walker2d", 17, 6),
    ];
    assert_eq!(widths.collect::<Vec<_>>(), expected);
}

fn error_of(id: &str, options: &EnvOptions) -> String {
    def(id).make(options).err().expect("the options are wrong").to_string()
}

#[test]
fn a_step_takes_some_physics_and_a_picture_fits_in_memory() {
    if !has_mujoco() {
        return;
    }
    for (name, count) in
        [("frame_skip", 0.0), ("frame_skip", 1e11), ("width", 0.0), ("height", 1e5)]
    {
        assert_eq!(
            error_of("Hopper-v5", &EnvOptions::default().with(name, count)),
            format!("Hopper-v5: option `{name}` should be from 1 to 10000, not {count}")
        );
    }
}

#[test]
fn a_range_upside_down_is_refused() {
    let options = EnvOptions::default().with("healthy_z_range", OptionValue::Range(2.0, 1.0));
    assert_eq!(
        error_of("Humanoid-v5", &options),
        "Humanoid-v5: option `healthy_z_range` should be two numbers, the lower first (null for no \
         bound), not [2, 1]"
    );
}

#[test]
fn an_unknown_model_names_those_there_are() {
    if has_mujoco() {
        let message = error_of("Ant-v5", &EnvOptions::default().with("xml_file", "spider.xml"));
        assert!(
            message.starts_with("Ant-v5: option `xml_file` should be one of ant.xml, "),
            "{message}"
        );
        assert!(
            message.ends_with("or a path that starts with ., / or ~, not spider.xml"),
            "{message}"
        );
    }
}

#[test]
fn a_model_that_the_task_can_not_use_is_refused() {
    if !has_mujoco() {
        return;
    }
    let with = |model: &str| EnvOptions::default().with("xml_file", model);
    assert_eq!(
        error_of("Hopper-v5", &with("inverted_pendulum.xml")),
        "Hopper-v5: option `xml_file` should be a model of at least 3 coordinates, 1 velocities and \
         one actuator, not inverted_pendulum.xml"
    );
    assert_eq!(
        error_of("Reacher-v5", &with("ant.xml")),
        "Reacher-v5: option `xml_file` should be a model with a body called fingertip, not ant.xml"
    );
    assert_eq!(
        error_of("Ant-v5", &EnvOptions::default().with("main_body", "head")),
        "Ant-v5: option `main_body` should be a body of the model, not \"head\""
    );
}

#[test]
fn a_model_is_read_from_a_path() {
    if !has_mujoco() {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/walker2d.xml");
    let first = |model: &str| {
        let mut env = def("Walker2d-v5")
            .make(&EnvOptions::default().with("xml_file", model))
            .expect("it is there");
        let mut batch = env.new_batch();
        env.reset(&mut batch);
        batch
    };
    assert_eq!(first(path), first("walker2d.xml"));
    let message = error_of("Walker2d-v5", &EnvOptions::default().with("xml_file", "/nowhere.xml"));
    let start = "Walker2d-v5: option `xml_file` should be a model that MuJoCo takes (";
    assert!(message.starts_with(start), "{message}");
    assert!(message.contains("/nowhere.xml"), "{message}");
}

#[test]
fn cameras_are_those_of_the_model_and_noise_is_not_negative() {
    assert_eq!(
        error_of("Ant-v5", &EnvOptions::default().with("reset_noise_scale", -0.1)),
        "Ant-v5: option `reset_noise_scale` should be at least 0, not -0.1"
    );
    if !has_mujoco() {
        return;
    }
    let by_number = EnvOptions::default().with("camera_id", 1.0);
    assert_eq!(
        error_of("Ant-v5", &by_number),
        "Ant-v5: option `camera_id` should be one of the model's 1 cameras, not 1"
    );
    let by_name = EnvOptions::default().with("camera_name", "above");
    assert_eq!(
        error_of("Ant-v5", &by_name),
        "Ant-v5: option `camera_name` should be a camera of the model, not above"
    );
    assert_eq!(
        error_of("Ant-v5", &by_name.with("camera_id", 0.0)),
        "Ant-v5: option `camera_name` should be left out where there is camera_id, not \"above\""
    );
}

/// Settings of a free camera of Hopper, and what is said of them.
const WRONG_SETTINGS: [(&str, &[f64], &str); 5] = [
    ("distance", &[0.0], "a distance of more than 0, not distance: 0"),
    ("lookat", &[1.0, 2.0], "a point of three numbers to look at, not lookat: [1.0, 2.0]"),
    ("trackbodyid", &[5.0], "one of the model's 5 bodies, or -1 for none, not trackbodyid: 5"),
    (
        "distanse",
        &[1.0],
        "numbers for some of azimuth, distance, elevation, lookat, trackbodyid (did you mean \
         `distance`?), not distanse: 1",
    ),
    (
        "azimuth",
        &[1.0, 2.0],
        "numbers for some of azimuth, distance, elevation, lookat, trackbodyid, not azimuth: \
         [1.0, 2.0]",
    ),
];

#[test]
fn a_camera_is_configured_by_numbers_that_make_sense() {
    if !has_mujoco() {
        return;
    }
    let with = |name: &str, values: &[f64]| {
        let numbers = OptionValue::Numbers([(name.to_owned(), values.to_vec())].into());
        EnvOptions::default().with("default_camera_config", numbers)
    };
    for (name, values, problem) in WRONG_SETTINGS {
        let said = format!("Hopper-v5: option `default_camera_config` should be {problem}");
        assert_eq!(error_of("Hopper-v5", &with(name, values)), said);
    }
    assert_eq!(
        error_of("Ant-v5", &with("distance", &[2.0]).with("camera_id", 0.0)),
        "Ant-v5: option `default_camera_config` should be left out where there is camera_id, not \
         {\"distance\": [2.0]}"
    );
}

/// An environment `InvertedPendulum` of another model.
fn pendulum(name: &str, model: &str) -> Box<dyn VecEnv> {
    let path = std::env::temp_dir().join(format!("slm-{name}-{}.xml", std::process::id()));
    std::fs::write(&path, model).expect("there is a folder for what is temporary");
    let options = EnvOptions::default().with("xml_file", path.to_str().expect("a text"));
    let made = def("InvertedPendulum-v5").make(&options);
    std::fs::remove_file(&path).expect("it was written");
    made.expect("the model is valid")
}

/// A pendulum whose pole a motor of boundless force turns: its speed leaves the finite.
#[test]
fn a_simulation_that_diverges_is_cut_and_starts_again() {
    if !has_mujoco() {
        return;
    }
    let mut env = pendulum(
        "diverging",
        r#"<mujoco><option timestep="1"/><worldbody><body><joint name="a" type="slide"/>
        <geom size="0.1"/><body><joint name="b" type="hinge"/><geom pos="1 0 0" size="0.1"/></body></body></worldbody>
        <actuator><motor joint="b" gear="1e12"/></actuator></mujoco>"#,
    );
    let (mut batch, mut actions) = (env.new_batch(), env.new_actions());
    env.reset(&mut batch);
    let ActionBatch::Continuous(values) = &mut actions else { panic!("a motor's action") };
    values.fill(1.0);
    let is_cut = (0..10).any(|_| {
        env.step(&actions, &mut batch);
        assert!(batch.obs.f32s().iter().all(|value| value.is_finite()));
        batch.steps[0].truncated
    });
    assert!(is_cut);
}

/// A red mesh before the camera, which looks along y, and a green field of heights below its left half.
#[test]
fn meshes_and_fields_of_heights_are_drawn() {
    if !has_mujoco() {
        return;
    }
    let mut env = pendulum(
        "shapes",
        r#"<mujoco><asset><mesh name="m" vertex="-.3 0 -.3 .3 0 -.3 0 0 .5 0 .3 0"/>
        <hfield name="h" nrow="2" ncol="2" elevation="0 1 1 0" size=".5 .5 .5 .1"/></asset>
        <worldbody><camera name="track" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
        <body><joint name="j" type="slide"/><joint type="hinge"/><geom type="mesh" mesh="m" rgba="1 0 0 1"/></body>
        <geom type="hfield" hfield="h" pos="-.5 0 -1" rgba="0 1 0 1"/></worldbody>
        <actuator><motor joint="j"/></actuator></mujoco>"#,
    );
    env.reset(&mut env.new_batch());
    let mut frame = Frame::new();
    env.render(0, &mut frame);
    // A light of OpenGL leaves some white on them.
    let is_red = |[r, g, b]: [u8; 3]| r > 80 && g.max(b) < r / 2;
    let is_green = |[r, g, b]: [u8; 3]| g > 80 && r.max(b) < g / 2;
    assert!(is_red(frame.pixel(240, 240)), "{:?}", frame.pixel(240, 240));
    let green = (0..240).flat_map(|x| (240..480).map(move |y| (x, y)));
    assert!(green.into_iter().any(|(x, y)| is_green(frame.pixel(x, y))));
}
