//! SARSA with a network. Rummery & Niranjan (1994); Sutton & Barto (2018), §6.4.
//!
//! L = mean loss(Q(s, a), r + γ·(1 − terminated)·Q(s', a')) over a rollout, where a' is the action that was
//! taken next and Q(s', a') is not differentiated.
//!
//! Where no action was taken next, at a truncation and at the rollout's end, its value's expectation under
//! the policy stands in, as in Expected SARSA (ibid. §6.6). SLM-Lab 5 takes action 0 at the rollout's
//! end, and after a truncation the first action of the next episode.

mod spec;

use slm_env::{ActionBatch, Rng, StateError, StateReader, StateWriter, StepBatch};
use slm_policy::LogStd;

use super::acting::{ActingPlan, action_head, freeze};
use super::action_value::{ActionValueGradients, ActionValueLoss};
use super::agent::{ActingNet, Agent, AgentContext, TrainStats};
use super::choice::Choice;
use super::on_policy::UpdateEvery;
use crate::memory::{Rollout, RolloutPlan};
use crate::net::{LossFn, NetLearner, NetPlan, TrainPlan};

pub use spec::{DEF, SarsaSpec};

/// What a SARSA agent needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct SarsaPlan {
    /// The value network.
    pub net: NetPlan,
    /// How it is trained.
    pub train: TrainPlan,
    /// How actions are chosen by their values.
    pub acting: ActingPlan,
    /// Widths of stored rows.
    pub rollout: RolloutPlan,
    /// When to learn.
    pub update_every: UpdateEvery,
    /// Discount γ.
    pub gamma: f64,
    /// Loss of a TD error.
    pub loss: LossFn,
}

/// A SARSA agent.
pub struct Sarsa {
    plan: SarsaPlan,
    net: NetLearner,
    choice: Choice,
    rollout: Rollout,
    gradients: ActionValueGradients,
    /// Pixels as the network takes them; a buffer.
    pixels: Vec<f32>,
}

impl Sarsa {
    /// A new agent with its network where the context has it.
    pub fn new(plan: SarsaPlan, context: &AgentContext<'_>) -> Self {
        let rng = |name| Rng::from_sequence(&context.seed.child(name, 0));
        let (net, train) = (plan.net.clone(), plan.train.clone());
        let head = action_head(&plan.acting.dist, LogStd::Output);
        Self {
            net: NetLearner::new(net, train, &mut rng("net"), context.compute),
            choice: Choice::new(plan.acting.clone(), head, rng("act")),
            rollout: Rollout::new(plan.rollout),
            gradients: ActionValueGradients::default(),
            pixels: Vec::new(),
            plan,
        }
    }

    /// One gradient step on the rollout.
    fn learn(&mut self) -> TrainStats {
        let targets = self.targets();
        let Self { plan, net, rollout, gradients, pixels, .. } = self;
        let heads = [plan.net.output()];
        let values = net.forward(rollout.obs.values().as_f32s(pixels));
        let loss = ActionValueLoss { heads: &heads, kind: plan.loss, weights: &[] };
        let loss = gradients.set(loss, values, &rollout.actions, &targets);
        net.step(&gradients.values);
        TrainStats { loss }
    }

    /// What Q(s, a) should be `[T, n]`.
    fn targets(&mut self) -> Vec<f32> {
        let Self { plan, net, choice, rollout, pixels, .. } = self;
        let (width, gamma) = (plan.net.output(), plan.gamma as f32);
        let rows = net.infer(rollout.obs.values().as_f32s(pixels)).chunks_exact(width);
        let taken: Vec<f32> =
            rows.zip(&rollout.actions).map(|(row, &action)| row[action as usize]).collect();
        let rows = net.infer(rollout.bootstrap_obs().as_f32s(pixels)).chunks_exact(width);
        let expected: Vec<f32> = rows.map(|row| choice.expectation(row)).collect();
        let next_values = rollout.next_values(&taken, &expected);
        let rows = rollout.rewards.iter().zip(&rollout.terminated).zip(next_values);
        rows.map(|((reward, &ended), next)| reward + if ended { 0.0 } else { gamma * next })
            .collect()
    }

    fn is_due(&self) -> bool {
        match self.plan.update_every {
            UpdateEvery::Steps(steps) => self.rollout.steps() >= steps,
            UpdateEvery::Episodes(episodes) => self.rollout.episodes() >= episodes,
        }
    }
}

impl Agent for Sarsa {
    fn act(&mut self, batch: &StepBatch, actions: &mut ActionBatch) {
        let obs = batch.obs.as_f32s(&mut self.pixels);
        let stored = self.choice.act(self.net.infer(obs), actions);
        self.rollout.push_acted(&batch.obs, stored);
    }

    fn observe(&mut self, batch: &StepBatch) {
        self.rollout.push_observed(&batch.obs, &batch.final_obs, &batch.steps);
    }

    fn update(&mut self, frame: u64) -> Option<TrainStats> {
        let stats = self.is_due().then(|| self.learn());
        if let Some(stats) = stats {
            self.net.finish_update(frame, stats.loss);
            self.rollout.clear();
        }
        self.choice.advance(frame);
        stats
    }

    fn metric_names(&self) -> Vec<&'static str> {
        [self.choice.metric_names(), &["q_mean"]].concat()
    }

    fn metrics(&self) -> Vec<f64> {
        [self.choice.metrics(), &[self.gradients.mean_value]].concat()
    }

    fn grad_norm(&self) -> Option<f64> {
        Some(self.net.grad_norm().unwrap_or(0.0))
    }

    fn lr(&self) -> f64 {
        self.net.lr()
    }

    fn opt_step(&self) -> u64 {
        self.net.opt_steps()
    }

    fn acting_net(&self) -> Option<ActingNet> {
        let dist = &self.plan.acting.dist;
        let (network, head) = freeze(dist, self.net.plan(), &self.net.params());
        Some(ActingNet { network, head })
    }

    fn save(&self, out: &mut StateWriter) {
        self.net.save(out);
        self.choice.save(out);
        self.rollout.save(out);
        out.f64(self.gradients.mean_value);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.net.load(from)?;
        self.choice.load(from)?;
        self.rollout.load(from)?;
        self.gradients.mean_value = from.f64()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
