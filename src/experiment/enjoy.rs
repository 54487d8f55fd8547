//! Playback: a trained policy in an environment, watched, without learning or touching what training wrote.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use slm_env::{Frame, Rng, SeedSequence};
use slm_policy::Policy;

use super::env_plan::EnvPlan;
use super::error::RunError;
use super::observer::{Level, Observer, PlayProgress};
use super::outputs::POLICY_FILE;
use super::play_meter::PlayMeter;
use super::player::Player;
use super::run_folder::{TRIAL, find_paths};
use super::saved_spec::SavedSpec;
use super::session::stream_seed;
use crate::analysis::atomic_file::read_file;
use crate::analysis::json::{read_scalar, write_json};
use crate::analysis::paths::{Checkpoint as Which, DataMode, RunPaths};
use crate::config::{Diagnostics, EnvSpec, FromNode, SpecErrors, parse};
use crate::registry::{find_env, pictures};

/// What to play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnjoySource {
    /// The session whose spec this is; of a trial spec, its best session.
    Spec(PathBuf),
    /// The best session of the run in this folder.
    Folder(PathBuf),
    /// A policy file.
    Policy(PathBuf),
}

/// How to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnjoyOptions {
    /// Episodes to play.
    pub episodes: usize,
    /// Draw actions from the policy's distribution instead of taking the likeliest.
    pub sample: bool,
    /// Seed of the environment, and of actions that are drawn.
    pub seed: u64,
    /// Whether frames are drawn.
    pub render: bool,
    /// Shortest time between two reports of progress.
    pub progress_interval: Duration,
}

/// What was played.
#[derive(Clone, Debug, PartialEq)]
pub struct EnjoyReport {
    /// The environment.
    pub env: String,
    /// Frames a second at which a recording plays at the speed of the physics.
    pub render_fps: u32,
    /// The policy's file; none where actions were drawn uniformly.
    pub policy: Option<PathBuf>,
    /// Which session of a run it is from.
    pub session: Option<usize>,
    /// Return of each whole episode.
    pub returns: Vec<f64>,
    /// Length of each whole episode, in steps.
    pub lengths: Vec<u32>,
    /// Where to put a recording: a path without extension that only `.json` of this report is at.
    pub output_stem: PathBuf,
}

/// Plays whole episodes, or until `on_frame` breaks off, and saves the returns in a new file below `enjoy/`.
///
/// # Errors
/// When there is no policy, it can not be read, or it is made for another environment.
pub fn enjoy(
    source: &EnjoySource,
    options: &EnjoyOptions,
    on_frame: &mut dyn FnMut(&Frame) -> ControlFlow<()>,
    observer: &dyn Observer,
) -> Result<EnjoyReport, RunError> {
    let scene = Scene::set(source)?;
    let mut player = scene.player(options)?;
    if scene.policy.is_none() {
        let text = "this algorithm has no policy: playing uniformly at random";
        observer.message(scene.session, Level::Info, text);
    }
    let (returns, lengths) = scene.play(&mut player, options, on_frame, observer)?;
    if options.render {
        scene.tell_of_pictures(observer);
    }
    let report = EnjoyReport {
        env: scene.env.def.id.to_owned(),
        render_fps: scene.env.def.render_fps,
        policy: scene.policy,
        session: scene.session,
        returns,
        lengths,
        output_stem: unused_stem(&scene.output_stem),
    };
    if let Err(error) = report.save(options) {
        observer.message(report.session, Level::Warning, &error.to_string());
    }
    Ok(report)
}

/// Frames a second at which a playback of `source` has the speed of the physics.
///
/// # Errors
/// When there is nothing to play.
pub fn render_fps(source: &EnjoySource) -> Result<u32, RunError> {
    Ok(Scene::set(source)?.env.def.render_fps)
}

/// Who plays where.
struct Scene {
    env: EnvPlan,
    policy: Option<PathBuf>,
    session: Option<usize>,
    output_stem: PathBuf,
}

impl Scene {
    fn set(source: &EnjoySource) -> Result<Self, RunError> {
        match source {
            EnjoySource::Folder(folder) => {
                let paths = find_paths(folder)?;
                let spec = SavedSpec::read(&paths.trial_spec(TRIAL))?;
                Self::of_run(&paths, &spec)
            }
            EnjoySource::Spec(path) => {
                let spec = SavedSpec::read(path)?;
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                Self::of_run(&find_paths(folder.unwrap_or(Path::new(".")))?, &spec)
            }
            EnjoySource::Policy(path) => Self::of_policy(path),
        }
    }

    fn of_run(paths: &RunPaths, spec: &SavedSpec) -> Result<Self, RunError> {
        let plan = spec.resolve()?;
        let session = match spec.number("session") {
            Ok(session) => session as usize,
            Err(_) => best_session(paths, spec.number("max_session")? as usize),
        };
        let policy = policy_file(paths, session);
        if policy.is_none() && plan.algorithm != "Random" {
            let reason = format!("has no policy of session {session} yet; train first");
            return Err(RunError::unusable(paths.root(), reason));
        }
        let name = format!("{}_t{TRIAL}_s{session}", paths.prefix());
        let output_stem = paths.root().join("enjoy").join(name);
        Ok(Self { env: plan.env, policy, session: Some(session), output_stem })
    }

    fn of_policy(path: &Path) -> Result<Self, RunError> {
        let policy = load(path)?;
        let bad = |reason: String| RunError::unusable(path, reason);
        let text = policy.metadata.get("env_spec");
        let text = text.ok_or_else(|| bad("does not say its environment".to_owned()))?;
        let node = parse(&path.display().to_string(), text).map_err(SpecErrors::from)?;
        let mut found = Diagnostics::new();
        let spec = EnvSpec::from_node(&node, &mut found);
        let spec = found.finish(spec)?;
        let def = find_env(&spec.name);
        let def =
            def.ok_or_else(|| bad(format!("plays {}, which is not in this build", spec.name)))?;
        let name = path.file_stem().unwrap_or_default();
        let output_stem = path.with_file_name("enjoy").join(name);
        let (env, policy) = (EnvPlan::new(&spec, def, None), Some(path.to_owned()));
        Ok(Self { env, policy, session: None, output_stem })
    }

    /// Says so where pictures could not be made as they should.
    fn tell_of_pictures(&self, observer: &dyn Observer) {
        if let Some(pictures) = pictures(self.env.def).filter(|pictures| pictures.is_fallback) {
            let text = format!("pictures were drawn {}", pictures.how);
            observer.message(self.session, Level::Info, &text);
        }
    }

    fn player(&self, options: &EnjoyOptions) -> Result<Player, RunError> {
        let rng = Rng::from_sequence(&SeedSequence::new(options.seed).child("act", 0));
        let Some(path) = &self.policy else { return Ok(Player::Random(rng)) };
        let policy = Box::new(load(path)?);
        Ok(if options.sample { Player::Sampling(policy, rng) } else { Player::Greedy(policy) })
    }

    fn play(
        &self,
        player: &mut Player,
        options: &EnjoyOptions,
        on_frame: &mut dyn FnMut(&Frame) -> ControlFlow<()>,
        observer: &dyn Observer,
    ) -> Result<(Vec<f64>, Vec<u32>), RunError> {
        let mut env = self.env.make_raw(1)?;
        let policy = self.policy.clone().unwrap_or_default();
        player.check(&*env).map_err(|reason| RunError::unusable(policy, reason))?;
        env.seed(stream_seed(&SeedSequence::new(options.seed), "env", 0));
        let (mut batch, mut actions, mut frame) =
            (env.new_batch(), env.new_actions(), Frame::new());
        let (mut returns, mut lengths) = (Vec::new(), Vec::new());
        let tell = |progress: &PlayProgress| observer.playing(progress);
        let mut meter = PlayMeter::new(options.episodes, options.progress_interval, &tell);
        env.reset(&mut batch);
        player.reset();
        while returns.len() < options.episodes {
            if options.render {
                env.render(0, &mut frame);
                if on_frame(&frame).is_break() {
                    break;
                }
            }
            player.act(&batch.obs, env.action_space(), &mut actions);
            env.step(&actions, &mut batch);
            player.observe(&batch.steps);
            for episode in env.episode_stats().finished() {
                returns.push(episode.return_);
                lengths.push(episode.length);
                meter.episode(episode.return_);
            }
            meter.step(1);
        }
        meter.finish();
        Ok((returns, lengths))
    }
}

impl EnjoyReport {
    /// Mean of the returns; none without a whole episode.
    pub fn mean_return(&self) -> Option<f64> {
        (!self.returns.is_empty()).then(|| crate::analysis::stats::mean(&self.returns))
    }

    fn save(&self, options: &EnjoyOptions) -> Result<(), crate::analysis::atomic_file::FileError> {
        let policy = self.policy.as_ref().map(|path| path.display().to_string());
        let report = json!({
            "env": self.env, "policy": policy, "seed": options.seed, "sample": options.sample,
            "mean_return": self.mean_return(), "returns": self.returns, "lengths": self.lengths,
        });
        write_json(&with_extension(&self.output_stem, "json"), &report)
    }
}

/// Of the sessions that have a policy the one with the highest score, the first of equals; session 0 if none has.
fn best_session(paths: &RunPaths, sessions: usize) -> usize {
    let score = |session| {
        let path = paths.session_metrics_scalar(TRIAL, session, DataMode::Train);
        read_scalar(&path, "total_reward_ma").ok().filter(|score| !score.is_nan())
    };
    let mut best: Option<(usize, Option<f64>)> = None;
    for session in (0..sessions).filter(|session| policy_file(paths, *session).is_some()) {
        let score = score(session);
        // No score is less than any.
        if best.is_none_or(|(_, highest)| score > highest) {
            best = Some((session, score));
        }
    }
    best.map_or(0, |(session, _)| session)
}

/// The policy of a session to play: the best, else the last.
fn policy_file(paths: &RunPaths, session: usize) -> Option<PathBuf> {
    let of = |which| paths.model(TRIAL, session, which, POLICY_FILE);
    [Which::Best, Which::Latest].map(of).into_iter().find(|path| path.exists())
}

fn load(path: &Path) -> Result<Policy, RunError> {
    let bytes = read_file(path)?;
    Policy::from_bytes(&bytes).map_err(|error| RunError::unusable(path, error.to_string()))
}

/// The stem with the first number that no file has.
fn unused_stem(stem: &Path) -> PathBuf {
    let numbered = (0_u32..).map(|number| {
        let mut name = stem.file_name().unwrap_or_default().to_owned();
        name.push(format!("_{number}"));
        stem.with_file_name(name)
    });
    let is_free =
        |stem: &PathBuf| !["json", "gif"].iter().any(|e| with_extension(stem, e).exists());
    numbered.into_iter().find(is_free).expect("a number is free among four billion")
}

fn with_extension(stem: &Path, extension: &str) -> PathBuf {
    let mut name = stem.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{extension}"));
    stem.with_file_name(name)
}
