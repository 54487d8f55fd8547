//! One session: an agent learns in its environments, act → step → observe → update → track, until the last frame.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value as Json;
use slm_env::{ActionBatch, Frame, SeedSequence, StepBatch, VecEnv};
use slm_policy::Policy;

use super::artifact;
use super::clock::Clock;
use super::error::RunError;
use super::interaction::interact;
use super::observer::{Observer, Progress};
use super::options::{Mode, RunOptions};
use super::outputs::SessionOutputs;
use super::plan::Plan;
use super::player::Evaluator;
use super::profile::{Phase, Profiler};
use super::report::SessionReport;
use super::run_folder::RunFolder;
use super::session_eval::EVAL_EPISODES;
use super::snapshot::Restored;
use super::team::Team;
use super::tracker::Tracker;
use super::writer::Writer;
use crate::algorithm::{Agent, AgentContext, TrainStats};
use crate::analysis::plot::PaintBuffer;
use crate::net::Worker;

/// Vector steps between two looks at the clock on the wall.
const STEPS_PER_GLANCE: u64 = 32;

/// What a session is given.
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    /// What its spec means.
    pub(super) plan: &'a Plan,
    /// How it is run.
    pub(super) options: &'a RunOptions,
    /// Where its files go, and the seed of all sessions.
    pub(super) folder: &'a RunFolder,
    /// Its number.
    pub(super) index: usize,
    /// Who watches.
    pub(super) observer: &'a dyn Observer,
    /// Turns true when it should write a checkpoint and stop.
    pub(super) interrupt: &'a AtomicBool,
    /// Where the sessions draw their graphs, one after another.
    pub(super) paint: &'a Mutex<PaintBuffer>,
    /// Of a distributed run, its workers.
    pub(super) team: Option<&'a Team>,
}

/// How a session stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Interrupted,
}

/// Runs a session to its end, from its checkpoint if there is one.
///
/// # Errors
/// When learning diverges, the checkpoint does not fit, the environment can not be made or the last
/// checkpoint not be written; [`RunError::Interrupted`] when asked to stop.
pub(super) fn run_session(setup: Setup<'_>) -> Result<SessionReport, RunError> {
    let Setup { folder, index, .. } = setup;
    let joint = setup.team.and_then(Team::joint);
    let path = joint.map_or_else(|| folder.checkpoint(index), |joint| joint.path(index).to_owned());
    let identity = folder.identity(setup.plan, index);
    let restored = Restored::read(&path, &identity)?;
    let mut outputs = SessionOutputs::new(setup);
    if let Some(restored) = restored.as_ref().filter(|r| r.is_complete()) {
        outputs.rewrite(restored);
        if let Some(joint) = joint {
            joint.found_complete(index)?;
        }
        return Ok(restored.report(index));
    }
    let mut session = Session::new(setup, identity)?;
    if let Some(restored) = restored {
        session.restore(&restored).map_err(|error| RunError::at_checkpoint(&path, error))?;
        session.glanced.1 = session.clock.frame();
        outputs.restore(&restored, session.clock.wall());
    }
    setup.observer.session_started(index, session.clock.frame(), session.clock.max_frame());
    let end = session.run_with_writer(outputs);
    setup.observer.session_finished(index, &session.progress_now(0.0));
    match end? {
        End::Complete => Ok(session.into_report()),
        End::Interrupted => Err(RunError::Interrupted { folder: folder.paths.root().to_owned() }),
    }
}

/// A session at work.
pub(super) struct Session<'a> {
    pub(super) setup: Setup<'a>,
    /// What its checkpoints are of.
    pub(super) identity: Json,
    pub(super) seed: SeedSequence,
    pub(super) agent: Box<dyn Agent>,
    pub(super) env: Box<dyn VecEnv>,
    pub(super) batch: StepBatch,
    actions: ActionBatch,
    pub(super) clock: Clock,
    pub(super) tracker: Tracker,
    pub(super) evaluator: Evaluator,
    pub(super) profiler: Profiler,
    /// Itself as one of several workers.
    pub(super) worker: Option<Worker>,
    /// When and at which frame progress was last reported.
    glanced: (Instant, u64),
}

impl<'a> Session<'a> {
    /// A session at frame 0.
    fn new(setup: Setup<'a>, identity: Json) -> Result<Self, RunError> {
        let Setup { plan, options, folder, index, .. } = setup;
        let seed = SeedSequence::new(folder.seed).child("session", index as u64);
        let compute = options.devices.of_session(index).compute(options.threads);
        let worker = setup.team.map(|team| team.worker(index));
        let compute = match &worker {
            Some(worker) => compute.of_worker(worker.clone()),
            None => compute,
        };
        let agent = plan.agent.build(&AgentContext { compute: &compute, seed: &seed });
        let env_seed = stream_seed(&seed, "env", 0);
        let mut env = plan.env.make_for(&*agent, env_seed, options.threads)?;
        let (mut batch, actions) = (env.new_batch(), env.new_actions());
        env.reset(&mut batch);
        Ok(Self {
            setup,
            identity,
            tracker: Tracker::new(&*agent, folder.mode == Mode::Dev),
            agent,
            batch,
            actions,
            clock: Clock::new(plan.env.num_envs, plan.env.max_frame),
            evaluator: Evaluator::new(plan.env.make_raw(EVAL_EPISODES)?),
            profiler: Profiler::new(options.profile),
            worker,
            glanced: (Instant::now(), 0),
            env,
            seed,
        })
    }

    fn run_with_writer(&mut self, outputs: SessionOutputs<'a>) -> Result<End, RunError> {
        let interval = self.setup.options.checkpoint_interval;
        std::thread::scope(|scope| {
            let mut writer = Writer::spawn(scope, outputs, interval);
            let end = self.run(&mut writer);
            self.leave_partners(end.is_err());
            let written = writer.finish();
            end.and_then(|end| written.map(|()| end))
        })
    }

    fn run(&mut self, writer: &mut Writer<'_>) -> Result<End, RunError> {
        // An evaluation that was interrupted comes first.
        let mut is_evaluated = self.evaluate_if_due()?;
        while is_evaluated && !self.clock.is_over() && !self.is_to_stop()? {
            self.step()?;
            self.show();
            is_evaluated = self.track(writer)?;
        }
        self.check_partners()?;
        let is_complete = is_evaluated && self.clock.is_over();
        writer.send(self.last_snapshot(is_complete)?);
        Ok(if is_complete { End::Complete } else { End::Interrupted })
    }

    /// Whether to stop here, where workers in lockstep only stop together.
    fn is_to_stop(&self) -> Result<bool, RunError> {
        self.check_partners()?;
        let is_asked = self.setup.interrupt.load(Ordering::Relaxed);
        Ok(is_asked && self.partners().is_none_or(|partners| partners.worker.pause()))
    }

    /// One step of all environments.
    fn step(&mut self) -> Result<(), RunError> {
        let Self { agent, env, batch, actions, clock, profiler, .. } = self;
        interact(&mut **agent, &mut **env, batch, actions, profiler);
        clock.tick();
        match profiler.time(Phase::Update, || agent.update(clock.frame())) {
            Some(stats) => self.take_in(stats),
            None => Ok(()),
        }
    }

    /// Lets whoever watches see environment 0.
    fn show(&self) {
        let Setup { observer, index, .. } = self.setup;
        if observer.wants_frame(index) {
            let mut frame = Frame::new();
            self.env.render(0, &mut frame);
            observer.frame(index, &frame);
        }
    }

    fn take_in(&mut self, stats: TrainStats) -> Result<(), RunError> {
        self.finite("the loss", stats.loss)?;
        self.tracker.updated(stats.loss, &*self.agent);
        Ok(())
    }

    /// Rows, evaluations, snapshots and progress, where they are due; false when an evaluation was interrupted.
    fn track(&mut self, writer: &mut Writer<'_>) -> Result<bool, RunError> {
        let log_frequency = self.setup.plan.spec.meta.log_frequency;
        let logs = self.clock.is_over() || self.clock.has_crossed(log_frequency);
        if logs {
            self.log()?;
        }
        if !self.evaluate_if_due()? {
            return Ok(false);
        }
        if self.takes_snapshot(logs && writer.wants_snapshot()) {
            writer.send(self.snapshot(false)?);
        }
        if self.clock.t().is_multiple_of(STEPS_PER_GLANCE) {
            self.glance();
        }
        Ok(true)
    }

    fn log(&mut self) -> Result<(), RunError> {
        let Self { tracker, clock, env, agent, profiler, .. } = self;
        let stats = env.episode_stats();
        if profiler.time(Phase::Track, || tracker.log(clock, stats, &**agent)) {
            let policy = self.export()?;
            self.tracker.best_policy = policy.map(|policy| policy.to_bytes().into());
        }
        Ok(())
    }

    /// The policy as it is; none where the algorithm has none.
    pub(super) fn export(&self) -> Result<Option<Policy>, RunError> {
        let Some(net) = self.agent.acting_net() else { return Ok(None) };
        if let Some(name) = artifact::non_finite(&net, &*self.env) {
            return Err(self.not_finite(name));
        }
        let plan = self.setup.plan;
        let score = self.tracker.table.total_reward_ma();
        let metadata = artifact::metadata(plan, &self.identity, &self.clock, score);
        let policy = artifact::policy(net, &*self.env, &plan.env, metadata);
        policy.map(Some).map_err(|error| RunError::unusable("policy", error.to_string()))
    }

    /// Reports progress if it is time.
    fn glance(&mut self) {
        let (since, frame) = self.glanced;
        let elapsed = since.elapsed();
        if elapsed >= self.setup.options.progress_interval {
            let fps = (self.clock.frame() - frame) as f64 / elapsed.as_secs_f64();
            self.setup.observer.progress(self.setup.index, &self.progress_now(fps));
            self.glanced = (Instant::now(), self.clock.frame());
        }
    }

    fn progress_now(&self, fps: f64) -> Progress {
        let stats = self.env.episode_stats();
        Progress {
            frame: self.clock.frame(),
            max_frame: self.clock.max_frame(),
            opt_step: self.agent.opt_step(),
            episodes: stats.count(),
            fps,
            mean_return: stats.mean_return(),
            wall: self.clock.wall(),
        }
    }

    pub(super) fn finite(&self, name: &'static str, value: f64) -> Result<(), RunError> {
        if value.is_finite() { Ok(()) } else { Err(self.not_finite(name)) }
    }

    fn not_finite(&self, name: &'static str) -> RunError {
        RunError::NonFinite { session: self.setup.index, frame: self.clock.frame(), name }
    }

    fn into_report(self) -> SessionReport {
        let Tracker { table, eval_table, .. } = self.tracker;
        let profile = self.profiler.finish();
        let report = SessionReport::new(self.setup.index, table, eval_table, self.clock.cpu());
        SessionReport { profile, ..report }
    }
}

/// The seed of a stream; below 2⁶³, so that row i can add i.
pub(super) fn stream_seed(seed: &SeedSequence, name: &str, index: u64) -> u64 {
    seed.child(name, index).generate_u64() >> 1
}
