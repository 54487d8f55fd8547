//! `slm-lab bench`: how fast specs are on this machine, as a table and as JSON.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value as Json, json};
use slm_lab::config::Given;
use slm_lab::device::{self, DeviceChoice};
use slm_lab::experiment::{
    BenchOptions, BenchReport, Mode, Plan, REPETITIONS, Spread, TrainingSpreads, WIDE_BATCH, bench,
};

use super::args::BenchArgs;
use super::failure::{Failure, Outcome};
use super::lab::cores;
use super::machine;
use super::spec::SpecChoice;
use super::terminal::{columns, print};

/// What is measured where no spec is named.
const DEFAULT_SPECS: [(&str, &str); 4] = [
    ("demo.json", "ppo_cartpole"),
    ("benchmark/a2c/a2c_gae_cartpole.json", "a2c_gae_cartpole"),
    ("benchmark/reinforce/reinforce_cartpole.json", "reinforce_cartpole"),
    ("benchmark/ppo/ppo_pendulum.json", "ppo_pendulum"),
];

/// Measures spec after spec and prints each as it comes.
pub(super) fn run(args: &BenchArgs) -> Outcome {
    let choices = choices(&args.specs)?;
    let plans = choices.iter().map(|(file, name)| plan(file, name, &args.set));
    let plans = plans.collect::<Result<Vec<Plan>, Failure>>()?;
    let (options, card) = options(args)?;
    let device_name = card.unwrap_or_else(|| machine::device_name(args.device, &options.device));
    let device_line = device_line(args.device, &device_name, options.threads);
    print(&format!("{}\n{device_line}", machine::line()))?;
    let mut reports = Vec::new();
    for (plan, (file, _)) in plans.iter().zip(&choices) {
        let report = bench(plan, &options)?;
        print(&format!("\n{}", table(file, &report)))?;
        reports.push(entry(file, &report));
    }
    let peak = machine::peak_memory_mb();
    if let Some(peak) = peak {
        print(&format!("\npeak memory of the process: {peak:.1} MB"))?;
    }
    let whole = json!({
        "machine": machine::description(),
        "device": args.device.to_string(),
        "device_name": device_name,
        "threads": options.threads,
        "seconds": args.seconds,
        "repetitions": REPETITIONS,
        "peak_memory_mb": peak,
        "specs": reports,
    });
    args.json.as_deref().map_or(Ok(()), |path| write(path, &whole))
}

/// How to measure, with the device ready, and the card that `auto` took.
fn options(args: &BenchArgs) -> Result<(BenchOptions, Option<String>), Failure> {
    let opened = device::open_for(args.device, 0, 1)?;
    opened.notice.map_or(Ok(()), |notice| print(&notice))?;
    let options = BenchOptions {
        device: opened.devices.of_session(0).clone(),
        threads: args.threads.unwrap_or_else(cores),
        budget: Duration::from_secs_f64(args.seconds),
    };
    Ok((options, opened.card))
}

/// File and name of each spec.
fn choices(words: &[String]) -> Result<Vec<(&str, &str)>, Failure> {
    if words.is_empty() {
        return Ok(DEFAULT_SPECS.to_vec());
    }
    let (pairs, rest) = words.as_chunks::<2>();
    match rest {
        [] => Ok(pairs.iter().map(|[file, name]| (file.as_str(), name.as_str())).collect()),
        _ => Err(Failure::Request(format!(
            "`{}` has no spec name after it; `slm-lab bench` takes SPEC_FILE SPEC_NAME pairs",
            words[words.len() - 1]
        ))),
    }
}

fn plan(file: &str, name: &str, settings: &[Given]) -> Result<Plan, Failure> {
    SpecChoice { file, name, settings, is_strict: false }.resolve_to_train(Mode::Dev, 1)
}

/// Where networks train, on a line.
fn device_line(choice: DeviceChoice, name: &str, threads: usize) -> String {
    let s = if threads == 1 { "" } else { "s" };
    format!("device {choice}: {name}; {threads} thread{s}")
}

fn entry(file: &str, report: &BenchReport) -> Json {
    let mut entry = json!({ "spec_file": file });
    let measured = serde_json::to_value(report).expect("a report has names for keys");
    let measured = measured.as_object().cloned().unwrap_or_default();
    measured.into_iter().for_each(|(key, value)| entry[key] = value);
    entry
}

fn write(path: &Path, whole: &Json) -> Outcome {
    let text = serde_json::to_string_pretty(whole).expect("the keys are names");
    fs::write(path, text + "\n")
        .map_err(|error| Failure::Run(format!("{}: {error}", path.display())))
}

fn table(file: &str, report: &BenchReport) -> String {
    let TrainingSpreads { train_frames_per_second, act_us, update, shares } = &report.training;
    let n = report.num_envs;
    let mut rows = vec![
        [String::new(), right("median"), right("min"), right("max"), String::new()],
        row("training", "frames/s", train_frames_per_second),
        row(&format!("env step, {n} together"), "ns", &report.env_step_ns),
        row(&format!("env step, {WIDE_BATCH} together"), "ns", &report.wide_env_step_ns),
        row("env steps, random actions", "a second", &report.env_steps_per_second),
        row(&format!("act, {n} together"), "µs", act_us),
    ];
    rows.extend(report.policy_act_ns.iter().map(|s| row("greedy action of the policy", "ns", s)));
    if let Some(update) = update {
        let step = format!("one of its {:.0} optimizer steps", update.opt_steps);
        rows.push(row("update", "ms", &update.ms));
        rows.push(row(&step, "µs", &update.opt_step_us));
    }
    let percent = [shares.act, shares.env_step, shares.observe, shares.update].map(|s| s * 100.0);
    let [act, step, observe, learn] = percent;
    format!(
        "{} ({file}): {} on {} × {n}\n{}time: act {act:.1} %, env step {step:.1} %, \
         observe {observe:.1} %, update {learn:.1} %\n",
        report.spec_name,
        report.algorithm,
        report.env,
        columns(&rows)
    )
}

fn row(name: &str, unit: &str, spread: &Spread) -> [String; 5] {
    let [median, min, max] = [spread.median, spread.min, spread.max].map(|x| right(&number(x)));
    [name.to_owned(), median, min, max, unit.to_owned()]
}

fn right(text: &str) -> String {
    format!("{text:>10}")
}

/// Three figures, or all of those before the point.
fn number(x: f64) -> String {
    match x {
        x if x >= 100.0 => format!("{x:.0}"),
        x if x >= 10.0 => format!("{x:.1}"),
        x if x >= 1.0 => format!("{x:.2}"),
        _ => format!("{x:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_come_in_pairs() {
        let words = ["a.json", "x", "b.json"].map(str::to_owned);
        assert_eq!(choices(&words[..2]), Ok(vec![("a.json", "x")]));
        assert_eq!(choices(&[]).unwrap().len(), DEFAULT_SPECS.len());
        let failure = choices(&words).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.message().unwrap().contains("`b.json` has no spec name"));
    }

    #[test]
    fn the_specs_measured_by_default_can_run() {
        for (file, name) in DEFAULT_SPECS {
            assert!(plan(file, name, &[]).is_ok(), "{file} {name}");
        }
    }

    #[test]
    fn numbers_have_three_figures() {
        let numbers = [12_345.6, 123.4, 12.34, 1.234, 0.1234].map(number);
        assert_eq!(numbers, ["12346", "123", "12.3", "1.23", "0.123"]);
    }
}
