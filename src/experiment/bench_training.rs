//! How fast an agent learns on this machine: stretches of the training loop, timed as a whole and by phase.

use std::array::from_fn;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use slm_env::{ActionBatch, SeedSequence, StepBatch, VecEnv};
use slm_policy::Policy;

use super::artifact;
use super::bench::{BenchOptions, REPETITIONS, Spread};
use super::error::RunError;
use super::interaction::interact;
use super::plan::Plan;
use super::profile::{Phase, Profile, Profiler};
use super::session::stream_seed;
use crate::algorithm::{Agent, AgentContext};
use crate::analysis::stats::median;
use crate::device::TrainDevice;

/// Empty phases that tell what measuring one adds to it.
const EMPTY_PHASES: u32 = 10_000;

/// What was measured of training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainingSpreads {
    /// Frames per second with learning.
    pub train_frames_per_second: Spread,
    /// Microseconds in which actions for all environments are chosen and stored.
    pub act_us: Spread,
    /// What was measured of updates; none where the algorithm does not learn.
    pub update: Option<UpdateSpreads>,
    /// Where the time of the loop goes.
    pub shares: Shares,
}

/// What was measured of updates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UpdateSpreads {
    /// Milliseconds of one.
    pub ms: Spread,
    /// Its optimizer steps, of all networks together.
    pub opt_steps: f64,
    /// Microseconds of one optimizer step: the update's time over their number.
    pub opt_step_us: Spread,
}

/// Parts of the loop's time, of 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Shares {
    /// Choosing actions.
    pub act: f64,
    /// Stepping environments.
    pub env_step: f64,
    /// Storing what followed.
    pub observe: f64,
    /// Learning.
    pub update: f64,
}

/// An agent that learns in its environments, without anything written.
pub(super) struct Trainer {
    device: TrainDevice,
    agent: Box<dyn Agent>,
    env: Box<dyn VecEnv>,
    batch: StepBatch,
    actions: ActionBatch,
    max_frame: u64,
    frame: u64,
}

/// A stretch of training, of whole updates.
struct Stretch {
    frames: u64,
    updates: u64,
    opt_steps: u64,
    time: Duration,
    profile: Option<Profile>,
}

impl Trainer {
    /// At frame 0.
    pub(super) fn new(plan: &Plan, options: &BenchOptions) -> Result<Self, RunError> {
        let seed = SeedSequence::new(0_u64).child("session", 0);
        let compute = &options.device.compute(options.threads);
        let agent = plan.agent.build(&AgentContext { compute, seed: &seed });
        let env_seed = stream_seed(&seed, "env", 0);
        let mut env = plan.env.make_for(&*agent, env_seed, options.threads)?;
        let (mut batch, actions) = (env.new_batch(), env.new_actions());
        env.reset(&mut batch);
        let (device, max_frame) = (options.device.clone(), plan.env.max_frame);
        Ok(Self { device, agent, env, batch, actions, max_frame, frame: 0 })
    }

    /// Trains for at least `part`, and to the end of an update if there are any.
    fn train(&mut self, part: Duration, is_profiled: bool) -> Stretch {
        let mut profiler = Profiler::new(is_profiled);
        let (start, first) = (Instant::now(), self.frame);
        let (learns, opt_step) = (self.agent.grad_norm().is_some(), self.agent.opt_step());
        let mut updates = 0;
        loop {
            let has_learned = self.step(&mut profiler, is_profiled);
            updates += u64::from(has_learned);
            let is_late = !learns || has_learned || self.frame - first >= self.max_frame;
            if is_late && start.elapsed() >= part {
                break;
            }
        }
        wait(&self.device);
        Stretch {
            frames: self.frame - first,
            updates,
            opt_steps: self.agent.opt_step() - opt_step,
            time: start.elapsed(),
            profile: profiler.finish(),
        }
    }

    /// One step of all environments, as a session makes it; whether the agent learned. Where it `waits`, an update
    /// ends when the device has carried it out.
    fn step(&mut self, profiler: &mut Profiler, waits: bool) -> bool {
        let Self { device, agent, env, batch, actions, frame, .. } = self;
        interact(&mut **agent, &mut **env, batch, actions, profiler);
        *frame += env.num_envs() as u64;
        profiler.time(Phase::Update, || {
            let has_learned = agent.update(*frame).is_some();
            if has_learned && waits {
                wait(device);
            }
            has_learned
        })
    }

    /// The policy as it is; none where the algorithm has none.
    pub(super) fn policy(&self, plan: &Plan) -> Result<Option<Policy>, RunError> {
        let Some(net) = self.agent.acting_net() else { return Ok(None) };
        if let Some(name) = artifact::non_finite(&net, &*self.env) {
            return Err(RunError::NonFinite { session: 0, frame: self.frame, name });
        }
        let policy = artifact::policy(net, &*self.env, &plan.env, BTreeMap::new());
        policy.map(Some).map_err(|error| RunError::unusable("policy", error.to_string()))
    }
}

/// Lets a device finish what it was told to do: it is told ahead of time.
fn wait(device: &TrainDevice) {
    if let TrainDevice::Burn(device) = device {
        device.sync().expect("a device carries out what it has taken on");
    }
}

/// Trains in stretches without looking inside, then in as many that are profiled.
pub(super) fn training(trainer: &mut Trainer, part: Duration) -> TrainingSpreads {
    let num_envs = trainer.env.num_envs() as f64;
    trainer.train(part, false);
    let plain: [f64; REPETITIONS] = from_fn(|_| {
        let stretch = trainer.train(part, false);
        stretch.frames as f64 / stretch.time.as_secs_f64()
    });
    let cost = cost_of_measuring();
    let profiled: [Stretch; REPETITIONS] = from_fn(|_| trainer.train(part, true));
    let seconds = profiled.each_ref().map(|stretch| stretch.phases(cost));
    let acts: [f64; REPETITIONS] =
        from_fn(|k| seconds[k][0] * 1e6 * num_envs / profiled[k].frames as f64);
    TrainingSpreads {
        train_frames_per_second: Spread::of(&plain),
        act_us: Spread::of(&acts),
        update: updates(&profiled, &seconds),
        shares: Shares::new(&seconds),
    }
}

fn updates(profiled: &[Stretch], seconds: &[[f64; 4]]) -> Option<UpdateSpreads> {
    if profiled.iter().any(|stretch| stretch.updates == 0 || stretch.opt_steps == 0) {
        return None;
    }
    let each = |scale: f64, count: fn(&Stretch) -> u64| -> Vec<f64> {
        let pairs = profiled.iter().zip(seconds);
        pairs.map(|(stretch, [.., update])| update * scale / count(stretch) as f64).collect()
    };
    let sum = |count: fn(&Stretch) -> u64| profiled.iter().map(count).sum::<u64>() as f64;
    Some(UpdateSpreads {
        ms: Spread::of(&each(1e3, |stretch| stretch.updates)),
        opt_steps: sum(|stretch| stretch.opt_steps) / sum(|stretch| stretch.updates),
        opt_step_us: Spread::of(&each(1e6, |stretch| stretch.opt_steps)),
    })
}

/// Seconds that measuring a phase adds to it.
fn cost_of_measuring() -> f64 {
    let mut profiler = Profiler::new(true);
    (0..EMPTY_PHASES).for_each(|_| profiler.time(Phase::Act, || ()));
    let profile = profiler.finish().expect("it was on");
    profile.phases[Phase::Act as usize].0.as_secs_f64() / f64::from(EMPTY_PHASES)
}

impl Stretch {
    /// Seconds of act, env step, observe and update, each without what measuring it costs.
    fn phases(&self, cost: f64) -> [f64; 4] {
        let profile = self.profile.as_ref().expect("the stretch was profiled");
        [Phase::Act, Phase::Step, Phase::Observe, Phase::Update].map(|phase| {
            let (sum, calls) = profile.phases[phase as usize];
            (sum.as_secs_f64() - cost * calls as f64).max(0.0)
        })
    }
}

impl Shares {
    /// Medians over the stretches.
    fn new(seconds: &[[f64; 4]]) -> Self {
        let share = |phase: usize| {
            let shares = seconds.iter().map(|s| s[phase] / s.iter().sum::<f64>());
            median(&shares.collect::<Vec<_>>())
        };
        Self { act: share(0), env_step: share(1), observe: share(2), update: share(3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(updates: u64, opt_steps: u64) -> Stretch {
        Stretch { frames: 100, updates, opt_steps, time: Duration::from_secs(1), profile: None }
    }

    /// 0.5 s of updates: 2 updates of 250 ms, 20 steps of 25 ms; then 0.9 s: 3 of 300, 30 of 30.
    #[test]
    fn an_updates_time_is_shared_among_its_steps() {
        let stretches = [stretch(2, 20), stretch(3, 30)];
        let seconds = [[0.1, 0.2, 0.2, 0.5], [0.0, 0.1, 0.0, 0.9]];
        let found = updates(&stretches, &seconds).unwrap();
        assert!((found.ms.min - 250.0).abs() < 1e-9 && (found.ms.max - 300.0).abs() < 1e-9);
        assert!((found.opt_step_us.median - 27.5e3).abs() < 1e-6);
        assert_eq!(found.opt_steps, 10.0);
        let shares = Shares::new(&seconds);
        assert!((shares.update - 0.7).abs() < 1e-9 && (shares.act - 0.05).abs() < 1e-9);
    }

    #[test]
    fn an_algorithm_that_does_not_learn_has_no_updates() {
        assert_eq!(updates(&[stretch(0, 0)], &[[0.5, 0.5, 0.0, 0.0]]), None);
    }

    #[test]
    fn measuring_a_phase_costs_little_but_something() {
        assert!((1e-9..1e-4).contains(&cost_of_measuring()));
    }
}
