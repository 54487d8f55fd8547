//! The part that on-policy agents share: act, store, and learn when enough is stored.

use std::ops::Range;

use slm_env::{ActionBatch, Rng, StateError, StateReader, StateWriter, StepBatch};

use super::acting::{Acting, ActingPlan};
use super::agent::{ActingNet, Agent, AgentContext, TrainStats};
use super::nets::{LEAST_NANOS_PER_HALF, NetsPlan, PolicyValueNets};
use crate::memory::{CrossEntropy, Rollout, RolloutPlan};

/// When an on-policy agent learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateEvery {
    /// After that many vector steps (`OnPolicyBatchReplay`).
    Steps(usize),
    /// After that many finished episodes (`OnPolicyReplay`).
    Episodes(u64),
}

/// What [`OnPolicy`] needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct OnPolicyPlan {
    /// The networks.
    pub nets: NetsPlan,
    /// How actions are chosen.
    pub acting: ActingPlan,
    /// Widths of stored rows.
    pub rollout: RolloutPlan,
    /// When to learn.
    pub update_every: UpdateEvery,
    /// The quantile of total rewards from which on episodes are learned from; `None` for all.
    pub elite: Option<f64>,
}

/// The rule by which an on-policy agent learns from one rollout.
pub trait OnPolicyRule: Send {
    /// Learns from `rollout`; draws from `rng` only what a minibatch order needs.
    fn learn(&mut self, nets: &mut PolicyValueNets, rollout: &Rollout, rng: &mut Rng)
    -> TrainStats;

    /// Moves schedules on to `frame`.
    fn advance(&mut self, frame: u64);

    /// Names of the rule's own metric columns.
    fn metric_names(&self) -> Vec<&'static str>;

    /// Their values, in the order of the names.
    fn metrics(&self) -> Vec<f64>;

    /// Writes what the rule itself remembers between updates.
    fn save(&self, out: &mut StateWriter);

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early.
    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError>;
}

/// An on-policy agent around its rule.
pub struct OnPolicy<R> {
    rule: R,
    nets: PolicyValueNets,
    acting: Acting,
    /// Pixels as the acting network takes them; a buffer.
    pixels: Vec<f32>,
    rollout: Rollout,
    elite: Option<CrossEntropy>,
    update_every: UpdateEvery,
    minibatch_rng: Rng,
}

impl<R: OnPolicyRule> OnPolicy<R> {
    /// A new agent with networks where the context has them.
    pub fn new(plan: &OnPolicyPlan, rule: R, context: &AgentContext<'_>) -> Self {
        let seed = context.seed;
        let mut net_rng = Rng::from_sequence(&seed.child("net", 0));
        let nets = PolicyValueNets::new(&plan.nets, &mut net_rng, context.compute);
        let act_rng = Rng::from_sequence(&seed.child("act", 0));
        let acting = if nets.acts_on_device(plan.rollout.num_envs) {
            Acting::of_outputs(plan.acting.clone(), act_rng)
        } else {
            Acting::new(plan.acting.clone(), nets.actor_plan(), &nets.actor_params(), act_rng)
        };
        Self {
            rule,
            nets,
            acting,
            pixels: Vec::new(),
            rollout: Rollout::new(plan.rollout),
            elite: plan.elite.map(|quantile| CrossEntropy::new(quantile, plan.rollout.num_envs)),
            update_every: plan.update_every,
            minibatch_rng: Rng::from_sequence(&seed.child("memory", 0)),
        }
    }

    fn learn(&mut self, frame: u64) -> TrainStats {
        let best = self.elite.as_mut().map(|elite| elite.best(&self.rollout));
        if best.is_some() {
            self.nets.forget_shown();
        }
        let rollout = best.as_ref().unwrap_or(&self.rollout);
        let stats = self.rule.learn(&mut self.nets, rollout, &mut self.minibatch_rng);
        self.nets.finish_update(frame, stats.loss);
        self.rollout.clear();
        self.refresh_acting();
        stats
    }

    /// Gives a network on the host the new weights; one on the device has them.
    fn refresh_acting(&mut self) {
        if !self.nets.acts_on_device(self.rollout.plan().num_envs) {
            self.acting.refresh(self.nets.actor_plan(), &self.nets.actor_params());
        }
    }

    /// The half of `n` environments that is acted in after `rows`, by the same weights, and can be thought about
    /// while those step; empty where there is none. Whether a step ends in an update is known ahead where
    /// steps are counted.
    fn next_rows(&self, rows: &Range<usize>, n: usize) -> Range<usize> {
        match self.update_every {
            _ if rows.end < n => rows.end..n,
            UpdateEvery::Steps(steps) if self.rollout.steps() + 1 < steps => 0..rows.start,
            UpdateEvery::Steps(_) | UpdateEvery::Episodes(_) => 0..0,
        }
    }

    fn is_due(&self) -> bool {
        match self.update_every {
            UpdateEvery::Steps(steps) => self.rollout.steps() >= steps,
            UpdateEvery::Episodes(episodes) => self.rollout.episodes() >= episodes,
        }
    }
}

impl<R: OnPolicyRule> Agent for OnPolicy<R> {
    fn act(&mut self, batch: &StepBatch, actions: &mut ActionBatch) {
        self.act_on(0..batch.steps.len(), batch, actions);
    }

    fn min_nanos_per_half(&self) -> Option<u64> {
        self.nets.acts_on_device(self.rollout.plan().num_envs).then_some(LEAST_NANOS_PER_HALF)
    }

    fn act_on(&mut self, rows: Range<usize>, batch: &StepBatch, actions: &mut ActionBatch) {
        let next = self.next_rows(&rows, batch.steps.len());
        let stored = match self.nets.acting_on_device(batch.steps.len()) {
            Some(nets) => {
                let outputs = nets.act(&batch.obs, rows.clone());
                if !next.is_empty() {
                    nets.begin(&batch.obs, next);
                }
                self.acting.choose(rows.clone(), &outputs, actions)
            }
            None => self.acting.act(batch.obs.as_f32s(&mut self.pixels), actions),
        };
        self.rollout.push_acted_on(rows, &batch.obs, stored);
    }

    fn observe(&mut self, batch: &StepBatch) {
        self.acting.observe(&batch.steps);
        self.rollout.push_observed(&batch.obs, &batch.final_obs, &batch.steps);
    }

    fn update(&mut self, frame: u64) -> Option<TrainStats> {
        let stats = self.is_due().then(|| self.learn(frame));
        self.rule.advance(frame);
        self.acting.advance(frame);
        stats
    }

    fn metric_names(&self) -> Vec<&'static str> {
        [self.acting.metric_names(), &self.rule.metric_names()].concat()
    }

    fn metrics(&self) -> Vec<f64> {
        [self.acting.metrics(), &self.rule.metrics()].concat()
    }

    fn grad_norm(&self) -> Option<f64> {
        Some(self.nets.grad_norm())
    }

    fn lr(&self) -> f64 {
        self.nets.lr()
    }

    fn opt_step(&self) -> u64 {
        self.nets.opt_steps()
    }

    fn acting_net(&self) -> Option<ActingNet> {
        let params = || self.nets.actor_params();
        Some(self.acting.acting_net(self.nets.actor_plan(), params))
    }

    fn save(&self, out: &mut StateWriter) {
        self.nets.save(out);
        self.acting.save(out);
        self.rollout.save(out);
        self.elite.iter().for_each(|elite| elite.save(out));
        self.minibatch_rng.save(out);
        self.rule.save(out);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.nets.load(from)?;
        self.acting.load(from)?;
        self.rollout.load(from)?;
        self.elite.as_mut().map_or(Ok(()), |elite| elite.load(from))?;
        self.minibatch_rng.load(from)?;
        self.rule.load(from)?;
        self.refresh_acting();
        Ok(())
    }
}
