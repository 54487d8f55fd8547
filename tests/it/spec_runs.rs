//! Every spec that SLM-Lab ships and whose environment is here runs its first frames, and learns in them.
//!
//! `SLM_SPEC_DIR=slm_lab/spec SLM_SPEC_FRAMES=2000 cargo test --test it -- spec_runs --nocapture`; a
//! folder within it will do too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use slm_lab::config::{Available, Diagnostics, RawSpec, Setting, Spec};
use slm_lab::experiment::{Plan, RunOptions, Silent, TrialReport, run_trial};
use slm_lab::registry::{algorithm_names, env_names, find_env};

use crate::spec_folder::{env_for, specs_below};
use crate::specs::options;

/// What came of all specs.
#[derive(Default)]
struct Tally {
    ran: usize,
    /// Those that learned only with less experience per update than they ask for.
    hurried: Vec<String>,
    /// Missing feature and the specs that wait for it.
    waiting: BTreeMap<String, Vec<String>>,
    wrong: Vec<String>,
}

enum Outcome {
    Learned,
    LearnedHurried,
    Waits(Vec<String>),
    Wrong(String),
}

/// Frames of a session, and the folder that runs go to.
struct Runs<'a> {
    frames: u64,
    data: &'a Path,
}

impl Runs<'_> {
    fn run(&self, raw: &RawSpec) -> Outcome {
        let plan = match self.plan(raw, &[]) {
            Ok(plan) => plan,
            Err(outcome) => return outcome,
        };
        match self.train(&plan) {
            Ok(report) if has_learned(&report) => Outcome::Learned,
            Ok(_) => self.run_hurried(raw, &plan),
            Err(error) => Outcome::Wrong(error),
        }
    }

    /// With fewer environments, shorter rollouts and an earlier start, where nothing was learned.
    fn run_hurried(&self, raw: &RawSpec, plan: &Plan) -> Outcome {
        let num_envs = plan.spec.env.num_envs.min(2) as u64;
        let rollout = self.frames / 4 / num_envs;
        let most = [
            ("agent.algorithm.training_start_step", self.frames / 8),
            ("agent.algorithm.training_frequency", rollout),
            ("agent.algorithm.time_horizon", rollout),
            ("env.num_envs", num_envs),
        ];
        let given = |path| plan.spec.source.lookup(path).and_then(slm_lab::config::Node::as_f64);
        let settings: Vec<_> = most
            .iter()
            .filter(|(path, most)| given(path).is_some_and(|given| given > *most as f64))
            .map(|(path, most)| format!("{path}={most}"))
            .collect();
        let plan = match self.plan(raw, &settings) {
            Ok(plan) => plan,
            Err(outcome) => return outcome,
        };
        match self.train(&plan) {
            Ok(report) if has_learned(&report) => Outcome::LearnedHurried,
            Ok(_) => Outcome::Wrong(format!("nothing was learned, even with {settings:?}")),
            Err(error) => Outcome::Wrong(error),
        }
    }

    /// What the spec means for so few frames in one session, or two workers.
    fn plan(&self, raw: &RawSpec, more: &[String]) -> Result<Plan, Outcome> {
        let text = raw.node.to_json().to_string();
        let distributed = raw.node.lookup("meta.distributed").and_then(|node| node.as_str());
        let workers = if distributed.is_some() { 2 } else { 1 };
        let frames = self.frames * workers;
        let variables = [
            ("${env}", format!("env={}", env_here(raw))),
            ("${max_frame}", format!("max_frame={frames}")),
        ];
        let variables = variables.into_iter().filter(|(variable, _)| text.contains(variable));
        let mut settings: Vec<_> = variables.map(|(_, setting)| setting).collect();
        settings.extend([
            format!("env.max_frame={frames}"),
            format!("meta.max_session={workers}"),
            format!("meta.log_frequency={}", (self.frames / 4).max(1)),
        ]);
        settings.extend_from_slice(more);
        let settings: Vec<_> = settings.iter().map(|text| Setting::parse(text).unwrap()).collect();
        resolve(raw, &settings)
    }

    fn train(&self, plan: &Plan) -> Result<TrialReport, String> {
        let never = Duration::from_hours(1);
        let options = RunOptions { checkpoint_interval: never, ..options(self.data) };
        let report = run_trial(plan, &options, &Silent, &AtomicBool::new(false));
        let report = report.map_err(|error| error.to_string())?;
        fs::remove_dir_all(&report.folder).unwrap();
        if let Some(failure) = report.failures.first() {
            return Err(format!("session {}: {}", failure.session, failure.error));
        }
        let is_whole = report.sessions.iter().all(|session| session.frame >= self.frames);
        if is_whole { Ok(report) } else { Err("a session ended early".to_owned()) }
    }
}

fn has_learned(report: &TrialReport) -> bool {
    report.sessions.iter().all(|session| session.opt_step > 0)
}

/// The environment that a spec with `${env}` is run in: the one it is meant for, or another with
/// continuous actions where that one has them and is not here, unless there are options for it.
fn env_here(raw: &RawSpec) -> &'static str {
    let env = env_for(&raw.name);
    let is_continuous = ["Hopper-v5", "playground/CartpoleBalance"].contains(&env);
    let has_options = raw.node.lookup("env.reward_scale").is_some();
    let is_replaced = is_continuous && !has_options && find_env(env).is_none();
    if is_replaced { "Pendulum-v1" } else { env }
}

fn resolve(raw: &RawSpec, settings: &[Setting]) -> Result<Plan, Outcome> {
    let (mut raw, mut found) = (raw.clone(), Diagnostics::new());
    raw.set(settings, &mut found);
    let (algorithms, envs) = (algorithm_names(), env_names());
    let available = Available { algorithms: &algorithms, envs: &envs };
    let spec = Spec::read(&raw, &available, &mut found);
    let plan = spec.and_then(|spec| Plan::resolve(spec, &mut found));
    if !found.errors.is_empty() {
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(Outcome::Wrong(errors.join("\n")));
    }
    if !found.unavailable.is_empty() {
        let missing = found.unavailable.into_iter().map(|missing| missing.feature);
        return Err(Outcome::Waits(missing.collect()));
    }
    plan.ok_or_else(|| Outcome::Wrong("it means nothing, and does not say why".to_owned()))
}

impl Tally {
    fn add(&mut self, name: &str, outcome: Outcome) {
        let text = match outcome {
            Outcome::Learned => {
                self.ran += 1;
                "learned".to_owned()
            }
            Outcome::LearnedHurried => {
                self.ran += 1;
                self.hurried.push(name.to_owned());
                "learned, hurried".to_owned()
            }
            Outcome::Waits(mut features) => {
                features.sort();
                features.dedup();
                let text = format!("waits for {}", features.join(", "));
                for feature in features {
                    self.waiting.entry(feature).or_default().push(name.to_owned());
                }
                text
            }
            Outcome::Wrong(error) => {
                self.wrong.push(format!("{name}: {error}"));
                error
            }
        };
        let line = format!("{name}: {text}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }

    fn summary(&self, specs: usize) -> String {
        let mut text = format!("{} of {specs} specs learn\n", self.ran);
        if !self.hurried.is_empty() {
            writeln!(text, "hurried: {}", self.hurried.join(", ")).unwrap();
        }
        for (feature, names) in &self.waiting {
            writeln!(text, "{} wait for {feature}: {}", names.len(), names.join(", ")).unwrap();
        }
        text
    }
}

#[test]
fn every_spec_of_slm_lab_whose_environment_is_here_runs_and_learns() {
    let (Some(folder), Some(frames)) =
        (env::var_os("SLM_SPEC_DIR"), env::var("SLM_SPEC_FRAMES").ok())
    else {
        let text = "skipped: SLM_SPEC_DIR or SLM_SPEC_FRAMES is not set";
        return writeln!(std::io::stderr(), "{text}").unwrap();
    };
    let frames = frames.parse().expect("SLM_SPEC_FRAMES is a number");
    let specs = specs_below(&PathBuf::from(folder));
    let data = tempfile::tempdir().unwrap();
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = |runs: Runs<'_>| {
        while let Some((path, raw)) = specs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = format!("{} {}", path.display(), raw.name);
            let outcome = runs.run(raw);
            tally.lock().unwrap().add(&name, outcome);
        }
    };
    thread::scope(|scope| {
        for i in 0..thread::available_parallelism().map_or(1, usize::from) {
            let data = data.path().join(i.to_string());
            scope.spawn(move || work(Runs { frames, data: &data }));
        }
    });
    let tally = tally.into_inner().unwrap();
    std::io::stderr().write_all(tally.summary(specs.len()).as_bytes()).unwrap();
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    assert!(tally.ran > 0, "no spec's environment is here");
}
