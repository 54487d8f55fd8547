//! `slm-lab env rollout`: what an environment returns, in the format of recordings made with Gymnasium.
//!
//! First line: `{"env", "seed", "gymnasium", "kwargs", "obs"}` after the reset. Then one line a step,
//! `{"action", "obs", "reward", "terminated", "truncated"}`, and after an episode's end
//! `{"reset": true, "obs"}`. Floats are written with all their digits, so they read back bit for bit.

use std::fmt::Display;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use slm_env::{EnvOptions, Rng, Rollout, RolloutRow, Space};
use slm_lab::experiment::env_options;

use super::args::RolloutArgs;
use super::failure::{Failure, Outcome};
use super::{env, json};

/// Writes the rollout to stdout.
pub(super) fn run(args: &RolloutArgs) -> Outcome {
    let def = env::find(&args.name)?;
    let kwargs = parse_kwargs(&args.kwargs)?;
    let options = EnvOptions { kwargs: env_options(&kwargs, def), ..EnvOptions::new(1, args.seed) };
    let errors = def.option_errors(&options);
    if !errors.is_empty() {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        return Err(Failure::Request(errors.join("\nerror: ")));
    }
    let rollout = Rollout::new(def.make(&options)?);
    let format = Format::new(&rollout, args.digest);
    let mut out = BufWriter::new(io::stdout().lock());
    let header = json!({
        "env": def.id,
        "seed": args.seed,
        "gymnasium": concat!("slm-lab ", env!("CARGO_PKG_VERSION")),
        "kwargs": kwargs,
        "obs": format.obs(&rollout.obs()),
    });
    writeln!(out, "{}", json::dumps(&header))?;
    match &args.actions {
        Some(path) => replay(rollout, path, &format, &mut out)?,
        None => wander(rollout, args.random.unwrap_or(0), args.action_seed, &format, &mut out)?,
    }
    Ok(out.flush()?)
}

fn replay(
    mut rollout: Rollout,
    recording: &Path,
    format: &Format,
    out: &mut impl Write,
) -> Outcome {
    for (line, action) in recorded_actions(recording)? {
        let row = rollout.step(&action).map_err(|error| wrong_line(recording, line, &error))?;
        format.write(&row, out)?;
    }
    Ok(())
}

fn wander(
    mut rollout: Rollout,
    steps: u64,
    seed: u64,
    format: &Format,
    out: &mut impl Write,
) -> Outcome {
    let mut rng = Rng::from_seed(seed);
    for _ in 0..steps {
        format.write(&rollout.step_random(&mut rng), out)?;
    }
    Ok(())
}

/// How numbers of this environment are written.
struct Format {
    action_space: Space,
    is_pixels: bool,
    obs_shape: Vec<usize>,
    is_digest: bool,
}

impl Format {
    fn new(rollout: &Rollout, is_digest: bool) -> Self {
        let env = rollout.env();
        let is_pixels = matches!(env.new_batch().obs, slm_env::ObsBatch::U8(_));
        let obs_shape = env.obs_space().shape();
        Self { action_space: env.action_space().clone(), is_pixels, obs_shape, is_digest }
    }

    fn write(&self, row: &RolloutRow, out: &mut impl Write) -> io::Result<()> {
        let line = json!({
            "action": self.action(&row.action),
            "obs": self.obs(&row.obs),
            "reward": row.step.reward,
            "terminated": row.step.terminated,
            "truncated": row.step.truncated,
        });
        writeln!(out, "{}", json::dumps(&line))?;
        if let Some(obs) = &row.reset {
            writeln!(out, "{}", json::dumps(&json!({"reset": true, "obs": self.obs(obs)})))?;
        }
        Ok(())
    }

    fn action(&self, action: &[f64]) -> Value {
        match self.action_space {
            Space::Discrete { .. } => json!(action[0] as i64),
            Space::Box { .. } => floats(action),
            Space::MultiDiscrete { .. } | Space::MultiBinary { .. } => integers(action),
        }
    }

    fn obs(&self, obs: &[f64]) -> Value {
        if self.is_digest {
            return json!(format!("{:016x}", self.digest(obs)));
        }
        let flat = if self.is_pixels { integers(obs) } else { floats(obs) };
        nest(flat, &self.obs_shape)
    }

    /// 64-bit FNV-1a of the observation's bytes, little endian.
    fn digest(&self, obs: &[f64]) -> u64 {
        let bytes = |x: &f64| {
            if self.is_pixels { vec![*x as u8] } else { (*x as f32).to_le_bytes().to_vec() }
        };
        obs.iter().flat_map(bytes).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

/// Numbers in the nested lists of an array of this shape.
fn nest(flat: Value, shape: &[usize]) -> Value {
    let Value::Array(mut items) = flat else { return flat };
    for &len in shape.iter().skip(1).rev() {
        items = items.chunks(len.max(1)).map(|chunk| Value::Array(chunk.to_vec())).collect();
    }
    Value::Array(items)
}

/// `serde_json` has no numbers that are not finite; observations and actions are always finite.
fn floats(values: &[f64]) -> Value {
    values.iter().map(|x| json!(x)).collect()
}

fn integers(values: &[f64]) -> Value {
    values.iter().map(|x| json!(*x as i64)).collect()
}

fn parse_kwargs(text: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::Request(format!(
            "--kwargs should be a JSON object such as {{\"gravity\": -9}}: {error}"
        ))
    })
}

/// The actions of a recording with their lines: those that have one.
fn recorded_actions(path: &Path) -> Result<Vec<(usize, Vec<f64>)>, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::Request(format!("{}: {error}", path.display())))?;
    let mut actions = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &dyn Display| wrong_line(path, i + 1, what);
        let row: Value = serde_json::from_str(line).map_err(|error| wrong(&error))?;
        if let Some(action) = row.get("action") {
            let numbers = numbers(action)
                .ok_or_else(|| wrong(&"an action is a number or a list of numbers"))?;
            if !numbers.iter().all(|&number| (number as f32).is_finite()) {
                return Err(wrong(&"an action is beyond the range of 32-bit numbers"));
            }
            actions.push((i + 1, numbers));
        }
    }
    Ok(actions)
}

fn wrong_line(path: &Path, line: usize, what: &dyn Display) -> Failure {
    Failure::Request(format!("{}:{line}: {what}", path.display()))
}

/// A number or a list of numbers.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Array(items) => items.iter().map(Value::as_f64).collect(),
        _ => Some(vec![value.as_f64()?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_nested_lists_row_by_row() {
        let flat = json!([1, 2, 3, 4, 5, 6]);
        assert_eq!(nest(flat.clone(), &[6]), flat);
        assert_eq!(nest(flat, &[3, 2, 1]), json!([[[1], [2]], [[3], [4]], [[5], [6]]]));
    }

    /// FNV-1a of no bytes is its offset basis; of the four bytes of 0.0f32, worked with Python.
    #[test]
    fn the_digest_is_fnv_1a_of_the_bytes() {
        let format = Format {
            action_space: Space::Discrete { n: 2 },
            is_pixels: false,
            obs_shape: vec![1],
            is_digest: true,
        };
        assert_eq!(format.obs(&[]), json!("cbf29ce484222325"));
        assert_eq!(format.obs(&[0.0]), json!("4d25767f9dce13f5"));
    }

    #[test]
    fn an_action_is_a_number_or_a_list() {
        assert_eq!(numbers(&json!(1)), Some(vec![1.0]));
        assert_eq!(numbers(&json!([0.5, -1])), Some(vec![0.5, -1.0]));
        assert_eq!(numbers(&json!("left")), None);
    }
}
