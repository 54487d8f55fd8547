//! `slm-lab bench`: a table, JSON, and requests that are wrong.

use serde_json::Value as Json;

use crate::cli_program::Workplace;

/// Median, min and max of a measured quantity.
fn spread(value: &Json) -> [f64; 3] {
    ["median", "min", "max"].map(|key| value[key].as_f64().unwrap_or(f64::NAN))
}

fn assert_sane(spec: &Json, keys: &[&str]) {
    for key in keys {
        let [median, min, max] = spread(&spec[key]);
        assert!(min > 0.0 && min <= median && median <= max, "{key} of {spec}");
    }
}

#[test]
fn a_spec_is_measured_into_a_table_and_json_and_nothing_else_is_written() {
    let place = Workplace::new();
    let asked = "bench demo.json ppo_cartpole --seconds 0.05 --threads 1 --json speed.json";
    let table = place.run(asked).ok().out;
    let title = "ppo_cartpole (demo.json): PPO on CartPole-v1 × 4";
    for text in ["device cpu: ", "; 1 thread\n", title, "frames/s", "optimizer steps"] {
        assert!(table.contains(text), "no {text:?} in {table}");
    }
    let whole: Json =
        serde_json::from_slice(&std::fs::read(place.path().join("speed.json")).unwrap()).unwrap();
    assert!(whole["machine"]["cores"].as_u64().unwrap() >= 1, "{whole}");
    assert_eq!((&whole["device"], &whole["threads"]), (&"cpu".into(), &1.into()));
    assert_eq!(whole["device_name"], whole["machine"]["cpu"]);
    let spec = &whole["specs"][0];
    let keys = ["env_step_ns", "wide_env_step_ns", "env_steps_per_second", "policy_act_ns"];
    assert_sane(spec, &keys);
    assert_sane(&spec["training"], &["train_frames_per_second", "act_us"]);
    let update = &spec["training"]["update"];
    assert_sane(update, &["ms", "opt_step_us"]);
    // 15 epochs of 1024 rows in minibatches of 128, for actor and critic.
    assert_eq!(update["opt_steps"], 240.0);
    let files = std::fs::read_dir(place.path()).unwrap().map(|file| file.unwrap().file_name());
    assert_eq!(files.collect::<Vec<_>>(), ["speed.json"]);
}

/// 3 epochs of 2 x 256 rows in minibatches of 128, for actor and critic: 24 optimizer steps.
#[test]
fn a_spec_is_measured_on_a_device_as_settings_change_it() {
    let place = Workplace::new();
    let asked = "bench demo.json ppo_cartpole --seconds 0.05 --device flex -s env.num_envs=2 \
                 --set agent.algorithm.training_epoch=3";
    let table = place.run(asked).ok().out;
    for text in ["device flex: the processor under", "CartPole-v1 × 2", "one of its 24 optimizer"]
    {
        assert!(table.contains(text), "no {text:?} in {table}");
    }
    let wrong = "bench demo.json ppo_cartpole -s env.num_env=2";
    place.run(wrong).refused("did you mean `num_envs`?");
}

#[test]
fn an_agent_that_does_not_learn_is_measured_without_updates() {
    let place = Workplace::new();
    let spec = slm_lab::config::locate("experimental/misc/random.json").unwrap();
    let asked = format!(
        "bench experimental/misc/random.json {} --seconds 0.05 --json speed.json",
        spec.names()[0]
    );
    assert!(!place.run(&asked).ok().out.contains("optimizer steps"));
    let text = std::fs::read_to_string(place.path().join("speed.json")).unwrap();
    let whole: Json = serde_json::from_str(&text).unwrap();
    let spec = &whole["specs"][0];
    assert_sane(&spec["training"], &["train_frames_per_second"]);
    assert_eq!((&spec["training"]["update"], &spec["policy_act_ns"]), (&Json::Null, &Json::Null));
}

#[test]
fn an_unknown_spec_or_half_a_pair_is_refused_before_anything_is_measured() {
    let place = Workplace::new();
    let unknown = place.run("bench demo.json ppo_cartpole demo.json ppo_cartpol");
    assert_eq!(unknown.out, "");
    unknown.refused("ppo_cartpole");
    place.run("bench demo.json").refused("`demo.json` has no spec name after it");
    place.run("bench demo.json ppo_cartpole --seconds=-1").refused("--seconds");
}
