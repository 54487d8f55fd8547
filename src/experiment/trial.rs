//! One trial: a spec's sessions side by side, each from its own seed, then what they come to together.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::clock::process_cpu;
use super::error::RunError;
use super::observer::{Level, Observer};
use super::options::{Mode, RunOptions};
use super::outputs::has_curve;
use super::plan::Plan;
use super::profile::chrome_trace;
use super::report::{SessionFailure, SessionReport, TrialReport};
use super::run_folder::{RunFolder, TRIAL};
use super::saved_spec::SavedSpec;
use super::session::{Setup, run_session};
use super::team::{Team, check_device};
use crate::analysis::graphs::{Returns, write_trial_graphs};
use crate::analysis::json::{TrialCurves, write_json};
use crate::analysis::metrics::session_metrics;
use crate::analysis::paths::RunPaths;
use crate::analysis::plot::PaintBuffer;
use crate::analysis::random_baseline::random_baseline;
use crate::analysis::run_folder::runs_of;
use crate::analysis::trial_metrics::{TrialMetrics, trial_metrics};
use crate::config::DistributedSpec;
use crate::device::DeviceChoice;

/// Trains what `plan` says in a new folder `data/{spec}_{timestamp}/`.
///
/// # Errors
/// When the folder or the environment can not be made, when every session failed, and
/// [`RunError::Interrupted`] when `interrupt` turned true: all sessions have then written a checkpoint.
pub fn run_trial(
    plan: &Plan,
    options: &RunOptions,
    observer: &dyn Observer,
    interrupt: &AtomicBool,
) -> Result<TrialReport, RunError> {
    check_device(plan, options)?;
    let (folder, _lock) = RunFolder::create(plan, options)?;
    let team = Team::of(plan, &folder)?;
    let (paint, team) = (&Mutex::default(), team.as_ref());
    Trial { plan, options, folder: &folder, observer, interrupt, paint, team }.run()
}

/// Goes on with the run in `predir`: sessions continue from their checkpoints, those without one start
/// from their seeds, complete ones are left as they are.
///
/// # Errors
/// As [`run_trial`]; also when the folder holds no run, or not one of this version of the program, and
/// [`RunError::Busy`] when another process trains there.
pub fn resume_trial(
    predir: &Path,
    options: &RunOptions,
    observer: &dyn Observer,
    interrupt: &AtomicBool,
) -> Result<TrialReport, RunError> {
    let (folder, plan) = RunFolder::open(predir)?;
    check_device(&plan, options)?;
    let _lock = folder.lock()?;
    let team = Team::of(&plan, &folder)?;
    let (paint, team) = (&Mutex::default(), team.as_ref());
    let report =
        Trial { plan: &plan, options, folder: &folder, observer, interrupt, paint, team }.run()?;
    if report.was_complete() {
        let (mode, root) = (folder.mode.name(), folder.paths.root().display());
        let text = format!("the {mode} run in {root} was complete already: nothing left to do");
        observer.message(None, Level::Info, &text);
    }
    Ok(report)
}

/// Where the run in `predir` trains, `asked` now, else when it was started, else by its spec; and how many
/// sessions it has.
///
/// # Errors
/// When the folder holds no run, or not one of this version of the program.
pub fn device_of_run(
    predir: &Path,
    asked: Option<DeviceChoice>,
) -> Result<(DeviceChoice, usize), RunError> {
    let (folder, plan) = RunFolder::open(predir)?;
    Ok((plan.device(asked.or(folder.device)), folder.sessions))
}

/// The newest run of a spec, or of any spec when the name is empty. Runs of mode dev, which are tries, count
/// only where their spec has no run of mode train.
pub fn find_latest(data_dir: &Path, spec_name: &str) -> Option<PathBuf> {
    let runs = runs_of(data_dir, spec_name).ok()?;
    let is_try = |run: &RunPaths| {
        SavedSpec::read(&run.trial_spec(TRIAL)).is_ok_and(|spec| spec.mode() == Mode::Dev)
    };
    let has_training = |spec: &str| runs.iter().any(|run| run.prefix() == spec && !is_try(run));
    let latest = runs.iter().find(|run| !is_try(run) || !has_training(run.prefix()));
    latest.map(|run| run.root().to_owned())
}

#[derive(Clone, Copy)]
struct Trial<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    folder: &'a RunFolder,
    observer: &'a dyn Observer,
    interrupt: &'a AtomicBool,
    paint: &'a Mutex<PaintBuffer>,
    team: Option<&'a Team>,
}

type SessionResult = Result<SessionReport, RunError>;

impl Trial<'_> {
    fn run(&self) -> Result<TrialReport, RunError> {
        let (started, cpu) = (Instant::now(), process_cpu());
        self.notice_tensors();
        let (mut sessions, mut failures) = (Vec::new(), Vec::new());
        self.say_if_asynchronous();
        for (session, result) in self.run_sessions().into_iter().enumerate() {
            match result {
                Some(Ok(report)) => sessions.push(report),
                Some(Err(RunError::Interrupted { .. })) | None => return Err(self.interrupted()),
                Some(Err(error)) => failures.push(SessionFailure { session, error }),
            }
        }
        if sessions.is_empty() {
            let errors = failures.into_iter().map(|failure| failure.error);
            return Err(RunError::AllSessionsFailed(errors.collect()));
        }
        let metrics = self.write_metrics(&sessions);
        let trace = self.write_trace(&sessions);
        Ok(TrialReport {
            folder: self.folder.paths.root().to_owned(),
            spec_name: self.plan.spec.name.clone(),
            env: self.plan.env.def.id.to_owned(),
            algorithm: self.plan.algorithm.to_owned(),
            seed: self.folder.seed,
            sessions,
            failures,
            metrics: metrics.scalar,
            wall: started.elapsed(),
            cpu: process_cpu().saturating_sub(cpu),
            trace,
        })
    }

    fn say_if_asynchronous(&self) {
        if self.plan.spec.meta.distributed == DistributedSpec::Shared {
            let text = "`meta.distributed: shared`: workers train in no fixed order, so that neither \
                        the same seed nor a resumed run gives the same result again";
            self.observer.message(None, Level::Info, text);
        }
    }

    /// Says where training on the processor goes without the fused kernels.
    fn notice_tensors(&self) {
        if self.plan.agent.is_recurrent() && self.options.devices.are_cpu() {
            let text = "a RecurrentNet learns as Burn tensors: there are no fused kernels for it";
            self.observer.message(None, Level::Info, text);
        }
    }

    /// Runs all sessions, at most as many at a time as asked for; `None` for those not begun before an interrupt.
    fn run_sessions(&self) -> Vec<Option<SessionResult>> {
        let count = self.folder.sessions;
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<Option<SessionResult>>> =
            Mutex::new((0..count).map(|_| None).collect());
        let work = || {
            // Workers wait for each other, so all begin.
            while self.team.is_some() || !self.interrupt.load(Ordering::Relaxed) {
                let session = next.fetch_add(1, Ordering::Relaxed);
                if session >= count {
                    break;
                }
                let result = self.run_session(session);
                results.lock().expect("no one panics while holding the results")[session] =
                    Some(result);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.sessions_at_a_time() {
                scope.spawn(work);
            }
        });
        self.tidy();
        results.into_inner().expect("no one panics while holding the results")
    }

    /// As many as asked for; of workers, who wait for each other, all.
    fn sessions_at_a_time(&self) -> usize {
        match self.team {
            Some(_) => self.folder.sessions,
            None => self.options.sessions_in_parallel.clamp(1, self.folder.sessions),
        }
    }

    fn run_session(&self, index: usize) -> SessionResult {
        let Self { plan, options, folder, observer, interrupt, paint, team } = *self;
        let setup = Setup { plan, options, folder, index, observer, interrupt, paint, team };
        let result = catch_unwind(AssertUnwindSafe(|| run_session(setup)));
        let result = result.unwrap_or_else(|panic| {
            let message = panic_message(panic.as_ref());
            Err(RunError::Panicked { session: index, message })
        });
        let error = result.as_ref().err().filter(|e| !matches!(e, RunError::Interrupted { .. }));
        if let Some(team) = team {
            team.leave(index, error.is_some());
        }
        if let Some(error) = error {
            observer.message(Some(index), Level::Error, &error.to_string());
        }
        result
    }

    /// Clears away what only counted while workers in lockstep were under way.
    fn tidy(&self) {
        if let Some(joint) = self.team.and_then(Team::joint) {
            self.warn(joint.tidy());
        }
    }

    fn interrupted(&self) -> RunError {
        RunError::Interrupted { folder: self.folder.paths.root().to_owned() }
    }

    /// Metrics and graphs over sessions; what can not be written is warned of.
    fn write_metrics(&self, sessions: &[SessionReport]) -> TrialMetrics {
        let baseline = random_baseline(self.plan.env.def.id).mean;
        let of_sessions: Vec<_> =
            sessions.iter().map(|session| session_metrics(&session.table, baseline)).collect();
        let metrics = trial_metrics(&of_sessions);
        let paths = &self.folder.paths;
        self.warn(write_json(&paths.trial_metrics(TRIAL), &metrics));
        for path in paths.trial_metrics_scalar(TRIAL) {
            self.warn(write_json(&path, &metrics.scalar));
        }
        if self.options.graphs && sessions.iter().any(|session| has_curve(&session.table)) {
            self.draw(&metrics);
        }
        metrics
    }

    fn draw(&self, metrics: &TrialMetrics) {
        let curves = TrialCurves {
            frames: metrics.local.frames.clone(),
            mean_returns: metrics.local.mean_returns.clone(),
        };
        let (paths, env) = (&self.folder.paths, &self.plan.env);
        let what = (env.def.id, Returns::of_training(env.num_envs));
        let mut paint = self.paint.lock().unwrap_or_else(PoisonError::into_inner);
        let mut draw = || write_trial_graphs(paths, TRIAL, what, &curves, &mut paint);
        match catch_unwind(AssertUnwindSafe(&mut draw)) {
            Ok(drawn) => self.warn(drawn),
            Err(_) => self.warn(Err::<(), _>("graphs not drawn: a bug")),
        }
    }

    fn write_trace(&self, sessions: &[SessionReport]) -> Option<PathBuf> {
        let profiles: Vec<_> = sessions
            .iter()
            .filter_map(|session| Some((session.session, session.profile.as_ref()?)))
            .collect();
        if profiles.is_empty() {
            return None;
        }
        let path = self.folder.trace();
        let written = write_json(&path, &chrome_trace(profiles));
        let path = written.is_ok().then_some(path);
        self.warn(written);
        path
    }

    fn warn<T, E: std::fmt::Display>(&self, result: Result<T, E>) {
        if let Err(error) = result {
            self.observer.message(None, Level::Warning, &error.to_string());
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}
