//! Episodes recorded from Gymnasium 1.4.0 with MuJoCo 3.17.0 (`benches/parity/record_mujoco.py`), repeated bit for bit.

use serde_json::Value;
use slm_env::{ActionBatch, Env, EnvOptions, OptionValue, Rng, Step};

use slm_env_mujoco::{Robot, robot};

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("`{key}` is a text"))
}

fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("`{key}` is a count"))
}

fn option(value: &Value) -> OptionValue {
    match value {
        Value::Bool(flag) => OptionValue::Bool(*flag),
        Value::String(text) => OptionValue::Text(text.clone()),
        Value::Array(bounds) => OptionValue::Range(
            bounds[0].as_f64().unwrap_or(f64::NEG_INFINITY),
            bounds[1].as_f64().unwrap_or(f64::INFINITY),
        ),
        number => OptionValue::Number(number.as_f64().expect("a number")),
    }
}

/// Eight hexadecimal digits.
fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> String {
    let step = |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{:08x}", bytes.into_iter().fold(0x811c_9dc5, step))
}

/// The bits of doubles, most significant first.
fn bits(values: &[f64]) -> String {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

fn bytes(obs: &[f64]) -> impl Iterator<Item = u8> {
    obs.iter().flat_map(|value| value.to_le_bytes())
}

fn hash_of_step(obs: &[f64], step: Step) -> String {
    let flags = u8::from(step.terminated) + 2 * u8::from(step.truncated);
    fnv1a(bytes(obs).chain(step.reward.to_le_bytes()).chain([flags]))
}

/// A recording, and the environment that repeats it.
struct Replay {
    name: String,
    robot: Robot,
    rng: Rng,
    /// The observation in single precision, which is not compared: it is what the other one rounds to.
    obs: Vec<f32>,
    actions: ActionBatch,
    action_rng: Rng,
    limit: u64,
    elapsed: u64,
}

impl Replay {
    fn new(head: &Value) -> Self {
        let id = text(head, "env");
        let mut options = EnvOptions::default();
        for (name, value) in head["kwargs"].as_object().expect("constructor options") {
            options.kwargs.insert(name.clone(), option(value));
        }
        let robot = robot(id, &options).expect("ours").expect("the options are Gymnasium's");
        let seed = count(head, "seed");
        Self {
            name: format!("{id} {}", head["kwargs"]),
            obs: vec![0.0; robot.obs_space().width()],
            actions: ActionBatch::Continuous(vec![0.0; robot.action_space().width()]),
            robot,
            rng: Rng::from_seed(seed),
            action_rng: Rng::from_seed(1000 + seed),
            limit: count(head, "limit"),
            elapsed: 0,
        }
    }

    fn reset(&mut self) -> String {
        self.elapsed = 0;
        self.robot.reset(&mut self.rng, &mut self.obs);
        fnv1a(bytes(self.robot.observed()))
    }

    fn step(&mut self) -> (Step, String) {
        self.robot.action_space().sample(&mut self.action_rng, &mut self.actions, 0);
        let ActionBatch::Continuous(action) = &self.actions else { unreachable!("as made") };
        let mut step = self.robot.step(action, &mut self.rng, &mut self.obs);
        self.elapsed += 1;
        step.truncated |= self.elapsed >= self.limit;
        (step, hash_of_step(self.robot.observed(), step))
    }

    /// Repeats a recording; what differs first, if anything does.
    fn difference(head: &Value) -> Option<String> {
        let mut replay = Self::new(head);
        replay.reset();
        if bits(replay.robot.observed()) != text(head, "reset") {
            return Some(format!("{}: reset(seed)", replay.name));
        }
        let rows = text(head, "rows");
        let mut rows = (0..rows.len() / 8).map(|i| &rows[8 * i..8 * i + 8]);
        let mut episodes = 0;
        for t in 0..count(head, "steps") {
            let (step, hash) = replay.step();
            if rows.next() != Some(&hash) {
                let obs = replay.robot.observed();
                return Some(format!("{}: step {t}, {step:?}, {obs:?}", replay.name));
            }
            if step.is_last() {
                episodes += 1;
                if rows.next() != Some(&replay.reset()) {
                    return Some(format!("{}: reset after step {t}", replay.name));
                }
            }
        }
        assert_eq!((rows.next(), episodes), (None, count(head, "episodes")), "{}", replay.name);
        None
    }
}

/// Whether the functions of angles round as in the C library that the recordings were made with (glibc): MuJoCo and
/// observations call them.
fn has_the_recorded_rounding() -> bool {
    let values = (0..4096).flat_map(|i| {
        let x = f64::from(i) * 0.0137 - 28.0;
        [x.sin(), x.cos(), x.tanh(), x.atan2(3.0)]
    });
    fnv1a(values.flat_map(f64::to_le_bytes)) == "e2c4ba96"
}

#[allow(clippy::print_stderr, reason = "what a test leaves out is said")]
fn assert_replays(id: &str) {
    if let Some(Err(error)) = robot(id, &EnvOptions::default()) {
        return eprintln!("{id}: not repeated: {error}");
    }
    if !has_the_recorded_rounding() {
        return eprintln!("{id}: not repeated, this C library is not that of the recording");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/env/mujoco.jsonl");
    let file = std::fs::read_to_string(file).expect("the recordings are in the tree");
    let lines = file.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    let ours: Vec<Value> = lines.filter(|head| text(head, "env") == id).collect();
    assert!(ours.len() > 1, "{id} is recorded with its defaults and other options");
    let differences: Vec<String> = ours.iter().filter_map(Replay::difference).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn ant_is_gymnasiums() {
    assert_replays("Ant-v5");
}

#[test]
fn half_cheetah_is_gymnasiums() {
    assert_replays("HalfCheetah-v5");
}

#[test]
fn hopper_is_gymnasiums() {
    assert_replays("Hopper-v5");
}

#[test]
fn humanoid_is_gymnasiums() {
    assert_replays("Humanoid-v5");
}

#[test]
fn humanoid_standup_is_gymnasiums() {
    assert_replays("HumanoidStandup-v5");
}

#[test]
fn inverted_double_pendulum_is_gymnasiums() {
    assert_replays("InvertedDoublePendulum-v5");
}

#[test]
fn inverted_pendulum_is_gymnasiums() {
    assert_replays("InvertedPendulum-v5");
}

#[test]
fn pusher_is_gymnasiums() {
    assert_replays("Pusher-v5");
}

#[test]
fn reacher_is_gymnasiums() {
    assert_replays("Reacher-v5");
}

#[test]
fn swimmer_is_gymnasiums() {
    assert_replays("Swimmer-v5");
}

#[test]
fn walker2d_is_gymnasiums() {
    assert_replays("Walker2d-v5");
}
