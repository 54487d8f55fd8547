//! Trajectories recorded from Gymnasium 1.4.0, repeated: initial states bit for bit, every step after them.
#![allow(clippy::float_cmp, reason = "most recordings are met bit for bit")]

use std::hint::black_box;
use std::path::Path;

use serde_json::Value;
use slm_env::{EnvOptions, OptionValue, Rng, Rollout, RolloutRow};

/// Recorded numbers are met to this relative error with any C library.
const TOLERANCE: f64 = 1e-6;

fn recording(name: &str) -> Vec<Value> {
    let file = format!("{}/../../tests/data/env/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(Path::new(&file)).expect("the recording is in the tree");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn start(head: &Value) -> Rollout {
    let id = head["env"].as_str().expect("the first line names the environment");
    let def = slm_env_classic::ENVS.iter().find(|def| def.id == id).expect("it is ours");
    let mut options = EnvOptions::new(1, head["seed"].as_u64().expect("a seed"));
    for (name, value) in head["kwargs"].as_object().expect("constructor options") {
        let value = match value {
            Value::Bool(value) => OptionValue::Bool(*value),
            number => OptionValue::Number(number.as_f64().expect("a number")),
        };
        options.kwargs.insert(name.clone(), value);
    }
    Rollout::new(def.make(&options).expect("the options are Gymnasium's"))
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().map(|v| v.as_f64().expect("a number")).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

fn assert_close(found: &[f64], expected: &[f64], at: &str) {
    assert_eq!(found.len(), expected.len(), "{at}");
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error <= TOLERANCE * expected.abs().max(1e-3), "{at}: {found} for {expected}");
    }
}

/// Repeats a recording; returns how many steps there were and how many of them were met bit for bit.
fn replay(name: &str) -> (usize, usize) {
    let lines = recording(name);
    let mut rollout = start(&lines[0]);
    assert_eq!(rollout.obs(), numbers(&lines[0]["obs"]), "{name}: reset(seed)");
    let (mut steps, mut exact) = (0, 0);
    let mut last: Option<RolloutRow> = None;
    for (i, line) in lines.iter().enumerate().skip(1) {
        let at = format!("{name}, line {}", i + 1);
        if line.get("reset").is_some() {
            let first = last.take().and_then(|row| row.reset).expect("an episode ended");
            assert_eq!(first, numbers(&line["obs"]), "{at}: reset()");
            continue;
        }
        let row = rollout.step(&numbers(&line["action"])).expect("the action fits");
        let (obs, reward) = (numbers(&line["obs"]), numbers(&line["reward"]));
        assert_close(&row.obs, &obs, &at);
        assert_close(&[row.step.reward], &reward, &at);
        assert_eq!(Some(row.step.terminated), line["terminated"].as_bool(), "{at}: terminated");
        assert_eq!(Some(row.step.truncated), line["truncated"].as_bool(), "{at}: truncated");
        steps += 1;
        exact += usize::from(row.obs == obs && row.step.reward == reward[0]);
        last = Some(row);
    }
    (steps, exact)
}

/// Whether sine, cosine and power round as in the C library that the recordings were made with (glibc).
fn has_the_recorded_rounding() -> bool {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for i in 0..4096 {
        let x = f64::from(i) * 0.0137 - 28.0;
        let single = (x as f32).powf(black_box(2.0));
        for value in [x.sin(), x.cos(), x.powf(black_box(2.0)), f64::from(single)] {
            for byte in value.to_le_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }
    hash == 0x41e1_d889_fc1f_98ff
}

/// Every recording is met, and bit for bit where the C library rounds as the recorded one.
#[allow(clippy::print_stderr, reason = "what a test leaves out is said")]
fn assert_replays(names: &[&str]) {
    for name in names {
        let (steps, exact) = replay(name);
        if has_the_recorded_rounding() {
            assert_eq!(exact, steps, "{name}: steps met bit for bit");
        } else {
            eprintln!("{name}: {exact} of {steps} steps met bit for bit by another C library");
        }
    }
}

#[test]
fn cartpole_is_gymnasiums() {
    assert_replays(&["cartpole_0", "cartpole_42"]);
}

#[test]
fn cartpole_v0_ends_after_200_steps() {
    assert_replays(&["cartpole_v0_7"]);
}

#[test]
fn cartpole_with_the_reward_of_sutton_and_barto_is_gymnasiums() {
    assert_replays(&["cartpole_sutton_barto_reward_7"]);
}

#[test]
fn mountain_car_is_gymnasiums() {
    assert_replays(&["mountain_car_0", "mountain_car_42", "mountain_car_goal_velocity_7"]);
}

#[test]
fn mountain_car_continuous_is_gymnasiums() {
    let names = ["continuous_0", "continuous_42", "continuous_goal_velocity_7"];
    assert_replays(&names.map(|name| format!("mountain_car_{name}")).each_ref().map(|s| &**s));
}

#[test]
fn acrobot_is_gymnasiums() {
    assert_replays(&["acrobot_0", "acrobot_42"]);
}

#[test]
fn pendulum_is_gymnasiums() {
    assert_replays(&["pendulum_0", "pendulum_42", "pendulum_g_7"]);
}

#[test]
fn random_actions_are_those_of_gymnasiums_action_spaces() {
    for (name, action_seed) in [("cartpole_0", 1), ("acrobot_0", 1), ("pendulum_0", 1)] {
        let lines = recording(name);
        let mut rollout = start(&lines[0]);
        let mut rng = Rng::from_seed(action_seed);
        for line in lines.iter().skip(1).filter(|line| line.get("action").is_some()) {
            let row = rollout.step_random(&mut rng);
            assert_eq!(row.action, numbers(&line["action"]), "{name}");
        }
    }
}
