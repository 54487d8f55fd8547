//! The part that off-policy agents share: act, store, and learn from what is drawn.

use slm_env::{ActionBatch, Rng, StateError, StateReader, StateWriter, Step, StepBatch};
use slm_policy::LogStd;

use super::acting::{ActingPlan, action_head, freeze};
use super::agent::{ActingNet, Agent, AgentContext, TrainStats};
use super::choice::Choice;
use crate::memory::{Replay, ReplayPlan};
use crate::net::{Compute, NetLearner};

/// When an off-policy agent learns, in transitions stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnTiming {
    /// Learns only with more than so many.
    pub training_start_step: u64,
    /// Learns each time so many were added, but at most once per vector step.
    pub training_frequency: u64,
}

/// What [`OffPolicy`] needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct OffPolicyPlan {
    /// How actions are chosen.
    pub acting: ActingPlan,
    /// What is remembered.
    pub replay: ReplayPlan,
    /// When to learn.
    pub timing: LearnTiming,
    /// Actions are uniformly random before that frame.
    pub random_frames: u64,
}

/// The rule by which an off-policy agent learns; it owns its networks.
pub trait OffPolicyRule: Send {
    /// Output rows `[n, output]` of the network that acts, for `obs` `[n, width]`: once in each vector
    /// step.
    fn policy_rows(&mut self, obs: &[f32]) -> &[f32];

    /// Takes in what followed, where acting depends on the episode so far.
    fn observe(&mut self, _steps: &[Step]) {}

    /// Learns from draws of `replay`.
    fn learn(&mut self, replay: &mut Replay, rng: &mut Rng) -> TrainStats;

    /// Moves target networks and schedules on to `frame`, after a vector step that began at
    /// `previous`.
    fn advance(&mut self, previous: u64, frame: u64);

    /// Marks the end of one update at `frame`, on which learning-rate schedules count.
    fn finish_update(&mut self, frame: u64, stats: TrainStats);

    /// The networks that learn; the first one acts.
    fn nets(&self) -> Vec<&NetLearner>;

    /// Optimizer steps.
    fn opt_steps(&self) -> u64;

    /// Names of the rule's own metric columns.
    fn metric_names(&self) -> &'static [&'static str];

    /// Their values, in the order of the names.
    fn metrics(&self) -> Vec<f64>;

    /// Writes networks and whatever else changes.
    fn save(&self, out: &mut StateWriter);

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state belongs to another plan or ends early.
    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError>;
}

/// A rule that can be made from its plan.
pub trait MakeRule: Send + Sync {
    /// The rule.
    type Rule: OffPolicyRule;

    /// The rule at frame 0, its networks' weights drawn from `rng`.
    fn make(&self, rng: &mut Rng, compute: &Compute) -> Self::Rule;

    /// Whether acting depends on the episode so far.
    fn is_recurrent(&self) -> bool {
        false
    }
}

/// An off-policy agent around its rule.
pub struct OffPolicy<R> {
    rule: R,
    choice: Choice,
    /// Pixels as the network takes them; a buffer.
    pixels: Vec<f32>,
    replay: Replay,
    timing: LearnTiming,
    random_frames: u64,
    /// Frames taken in.
    frame: u64,
    /// Transitions seen at the last look whether to learn.
    seen: u64,
    replay_rng: Rng,
}

impl<R: OffPolicyRule> OffPolicy<R> {
    /// A new agent with networks where the context has them.
    pub fn new<M: MakeRule<Rule = R>>(
        plan: &OffPolicyPlan,
        rule: &M,
        context: &AgentContext<'_>,
    ) -> Self {
        let seed = context.seed;
        let rule = rule.make(&mut Rng::from_sequence(&seed.child("net", 0)), context.compute);
        let act_rng = Rng::from_sequence(&seed.child("act", 0));
        let head = action_head(&plan.acting.dist, LogStd::Output);
        Self {
            rule,
            choice: Choice::new(plan.acting.clone(), head, act_rng),
            pixels: Vec::new(),
            replay: Replay::new(plan.replay.clone()),
            timing: plan.timing,
            random_frames: plan.random_frames,
            frame: 0,
            seen: 0,
            replay_rng: Rng::from_sequence(&seed.child("memory", 0)),
        }
    }

    /// Whether what was stored since the last look crossed a multiple of the training frequency.
    fn is_due(&mut self) -> bool {
        let LearnTiming { training_start_step, training_frequency } = self.timing;
        let (before, seen) = (self.seen, self.replay.seen());
        self.seen = seen;
        seen > training_start_step && seen / training_frequency > before / training_frequency
    }

    fn learn(&mut self, frame: u64) -> TrainStats {
        let stats = self.rule.learn(&mut self.replay, &mut self.replay_rng);
        self.rule.finish_update(frame, stats);
        stats
    }
}

impl<R: OffPolicyRule> Agent for OffPolicy<R> {
    fn act(&mut self, batch: &StepBatch, actions: &mut ActionBatch) {
        let stored = if self.frame < self.random_frames {
            self.choice.act_at_random(actions)
        } else {
            let obs = batch.obs.as_f32s(&mut self.pixels);
            self.choice.act(self.rule.policy_rows(obs), actions)
        };
        self.replay.push_acted(&batch.obs, stored);
    }

    fn observe(&mut self, batch: &StepBatch) {
        self.rule.observe(&batch.steps);
        self.replay.push_observed(&batch.obs, &batch.final_obs, &batch.steps);
    }

    fn update(&mut self, frame: u64) -> Option<TrainStats> {
        let stats = self.is_due().then(|| self.learn(frame));
        self.rule.advance(self.frame, frame);
        self.replay.advance(frame);
        self.choice.advance(frame);
        self.frame = frame;
        stats
    }

    fn metric_names(&self) -> Vec<&'static str> {
        [self.choice.metric_names(), self.rule.metric_names()].concat()
    }

    fn metrics(&self) -> Vec<f64> {
        [self.choice.metrics(), &self.rule.metrics()].concat()
    }

    /// Root of the summed squares of the networks' last gradient norms.
    fn grad_norm(&self) -> Option<f64> {
        let norms = self.rule.nets().into_iter().filter_map(NetLearner::grad_norm);
        Some(norms.map(|norm| norm * norm).sum::<f64>().sqrt())
    }

    /// Mean learning rate over the networks.
    fn lr(&self) -> f64 {
        let nets = self.rule.nets();
        nets.iter().map(|net| net.lr()).sum::<f64>() / nets.len() as f64
    }

    fn opt_step(&self) -> u64 {
        self.rule.opt_steps()
    }

    fn acting_net(&self) -> Option<ActingNet> {
        let actor = self.rule.nets()[0];
        let (network, head) = freeze(&self.choice.plan.dist, actor.plan(), &actor.params());
        Some(ActingNet { network, head })
    }

    fn save(&self, out: &mut StateWriter) {
        out.u64(self.frame);
        out.u64(self.seen);
        self.rule.save(out);
        self.choice.save(out);
        self.replay.save(out);
        self.replay_rng.save(out);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.frame = from.u64()?;
        self.seen = from.u64()?;
        self.rule.load(from)?;
        self.choice.load(from)?;
        self.replay.load(from)?;
        self.replay_rng.load(from)
    }
}
