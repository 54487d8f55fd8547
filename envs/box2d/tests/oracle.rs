//! Episodes recorded from Gymnasium 1.4.0 (`benches/parity/record_box2d.py`), repeated bit for bit.

use std::path::Path;

use serde_json::Value;
use slm_env::{EnvOptions, OptionValue, Rng, Rollout, RolloutRow, Step};

/// A line of a recording.
struct Recording {
    head: Value,
    rollout: Rollout,
    actions: Actions,
    /// Rows met so far.
    row: usize,
}

/// Where the actions come from.
enum Actions {
    Drawn(Rng),
    Written(Vec<Vec<f64>>),
}

fn recordings(name: &str) -> Vec<Recording> {
    let file = format!("{}/../../tests/data/env/{name}_box2d.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(Path::new(&file)).expect("the recording is in the tree");
    text.lines()
        .map(|line| Recording::new(serde_json::from_str(line).expect("a line is JSON")))
        .collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("`{key}` is a text"))
}

fn count(value: &Value, key: &str) -> usize {
    value[key].as_u64().unwrap_or_else(|| panic!("`{key}` is a count")) as usize
}

/// The 32-bit words written in a row of hexadecimal digits.
fn words(digits: &str) -> Vec<u32> {
    let word = |i: usize| u32::from_str_radix(&digits[8 * i..8 * i + 8], 16).expect("hexadecimal");
    (0..digits.len() / 8).map(word).collect()
}

fn floats(digits: &str) -> Vec<f64> {
    words(digits).into_iter().map(|word| f64::from(f32::from_bits(word))).collect()
}

fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u32 {
    bytes
        .into_iter()
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What a sum over pixels is taken modulo.
const PRIME: u64 = (1 << 31) - 1;

/// The bytes of an observation, of pixels those of a sum over all but the digits in their corner.
fn bytes(obs: &[f64]) -> Vec<u8> {
    if obs.len() < 96 * 96 * 3 {
        return obs.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect();
    }
    let is_digit = |i: usize| (86..94).contains(&(i / 3 / 96)) && i / 3 % 96 < 12;
    let (sum, _) = obs.iter().enumerate().fold((0, 1), |(sum, weight), (i, &value)| {
        let pixel = if is_digit(i) { 0 } else { value as u64 };
        ((sum + pixel * weight) % PRIME, weight * 31 % PRIME)
    });
    sum.to_le_bytes().to_vec()
}

fn hash_of_step(obs: &[f64], step: Step) -> u32 {
    let flags = u8::from(step.terminated) + 2 * u8::from(step.truncated);
    fnv1a(bytes(obs).into_iter().chain(step.reward.to_le_bytes()).chain([flags]))
}

impl Recording {
    fn new(head: Value) -> Self {
        let id = text(&head, "env");
        let def = slm_env_box2d::ENVS.iter().find(|def| def.id == id).expect("it is ours");
        let mut options = EnvOptions::new(1, head["seed"].as_u64().expect("a seed"));
        for (name, value) in head["kwargs"].as_object().expect("constructor options") {
            let value = match value {
                Value::Bool(value) => OptionValue::Bool(*value),
                number => OptionValue::Number(number.as_f64().expect("a number")),
            };
            options.kwargs.insert(name.clone(), value);
        }
        let rollout = Rollout::new(def.make(&options).expect("the options are Gymnasium's"));
        let actions = Actions::of(&head);
        Self { head, rollout, actions, row: 0 }
    }

    fn step(&mut self, t: usize) -> RolloutRow {
        match &mut self.actions {
            Actions::Drawn(rng) => self.rollout.step_random(rng),
            Actions::Written(actions) => self.rollout.step(&actions[t]).expect("the action fits"),
        }
    }

    /// Repeats it; returns the first row that differs, if any does.
    fn difference(&mut self) -> Option<String> {
        let name = format!("{} of seed {}", text(&self.head, "env"), self.head["seed"]);
        let first = self.rollout.obs();
        let reset = words(text(&self.head, "reset"));
        if reset.len() == first.len() {
            let found: Vec<u32> = first.iter().map(|&value| (value as f32).to_bits()).collect();
            assert_eq!(found, reset, "{name}: reset(seed)");
        } else {
            assert_eq!(fnv1a(bytes(&first)), reset[0], "{name}: reset(seed)");
        }
        let expected = words(text(&self.head, "rows"));
        for t in 0..count(&self.head, "steps") {
            let row = self.step(t);
            let step = hash_of_step(&row.obs, row.step);
            let reset = row.reset.as_deref().map(|obs| fnv1a(bytes(obs)));
            for hash in [Some(step), reset].into_iter().flatten() {
                if hash != expected[self.row] {
                    return Some(format!("{name} differs from row {} on: {row:?}", self.row));
                }
                self.row += 1;
            }
        }
        assert_eq!(self.row, expected.len(), "{name}: rows");
        None
    }
}

impl Actions {
    fn of(head: &Value) -> Self {
        let Some(digits) = head["actions"].as_str() else {
            return Self::Drawn(Rng::from_seed(1000 + head["seed"].as_u64().expect("a seed")));
        };
        let n = count(head, "steps");
        let rows = if digits.len() == n {
            digits.bytes().map(|digit| vec![f64::from(digit - b'0')]).collect()
        } else {
            floats(digits).chunks(digits.len() / 8 / n).map(<[f64]>::to_vec).collect()
        };
        Self::Written(rows)
    }
}

/// Whether the functions of angles round as in the C library that the recordings were made with (glibc): forces and
/// tracks are computed with them, and contacts make the last bit of a force another episode.
fn has_the_recorded_rounding() -> bool {
    let values = (0..4096).flat_map(|i| {
        let x = f64::from(i) * 0.0137 - 28.0;
        [x.sin(), x.cos(), x.tanh(), x.atan2(3.0)]
    });
    fnv1a(values.flat_map(f64::to_le_bytes)) == 0xe2c4_ba96
}

#[allow(clippy::print_stderr, reason = "what a test leaves out is said")]
fn assert_replays(name: &str) {
    if !has_the_recorded_rounding() {
        return eprintln!("{name}: not repeated, this C library is not that of the recording");
    }
    let mut recordings = recordings(name);
    let differences: Vec<String> =
        recordings.iter_mut().filter_map(Recording::difference).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn lunar_lander_is_gymnasiums() {
    assert_replays("lunar_lander");
}

#[test]
fn lunar_lander_with_continuous_actions_is_gymnasiums() {
    assert_replays("lunar_lander_continuous");
}

#[test]
fn lunar_lander_in_wind_and_less_gravity_is_gymnasiums() {
    assert_replays("lunar_lander_wind");
}

#[test]
fn landings_of_a_controller_are_gymnasiums() {
    assert_replays("lunar_lander_scripted");
    assert_replays("lunar_lander_continuous_scripted");
}

#[test]
fn bipedal_walker_is_gymnasiums() {
    assert_replays("bipedal_walker");
}

#[test]
fn bipedal_walker_among_obstacles_is_gymnasiums() {
    assert_replays("bipedal_walker_hardcore");
}

#[test]
fn walks_of_a_controller_are_gymnasiums() {
    assert_replays("bipedal_walker_scripted");
    assert_replays("bipedal_walker_hardcore_scripted");
}

#[test]
fn car_racing_is_gymnasiums_but_for_the_digits() {
    assert_replays("car_racing");
    assert_replays("car_racing_discrete");
}
