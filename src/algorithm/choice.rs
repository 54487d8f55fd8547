//! One action from one row of outputs, as an action policy says.

use std::ops::Range;

use slm_env::{ActionBatch, Rng, StateError, StateReader, StateWriter};
use slm_policy::{ActionHead, Noise, argmax};

use super::acting::{ActingPlan, ActionPolicy};
use crate::net::Dist;

/// From a row of outputs to an action.
pub(super) struct Choice {
    pub(super) plan: ActingPlan,
    pub(super) head: ActionHead,
    /// ε, τ or σ; no number where the action policy has none.
    pub(super) explore_var: f64,
    rng: Rng,
    tempered: Vec<f32>,
    stored: Vec<f32>,
}

/// A generator of ours as the policy crate's source of randomness.
pub struct HostNoise<'a>(pub &'a mut Rng);

impl Noise for HostNoise<'_> {
    fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    fn normal(&mut self) -> f64 {
        self.0.standard_normal()
    }
}

impl Choice {
    /// Chooses by `head`, drawing from `rng`.
    pub(super) fn new(plan: ActingPlan, head: ActionHead, rng: Rng) -> Self {
        let explore_var = plan.action_policy.explore_var(0);
        Self { plan, head, explore_var, rng, tempered: Vec::new(), stored: Vec::new() }
    }

    /// Moves the exploration schedule on to `frame`.
    pub(super) fn advance(&mut self, frame: u64) {
        self.explore_var = self.plan.action_policy.explore_var(frame);
    }

    /// Writes an action for every row of `outputs` `[n, width]`; returns them as they are stored,
    /// `[n, action_width]`: indices, base values as [`Family`](slm_policy::Family) says, or the actions of
    /// [`Dist::Deterministic`] themselves.
    pub(super) fn act(&mut self, outputs: &[f32], actions: &mut ActionBatch) -> &[f32] {
        self.act_on(0..actions.len() / self.plan.action_space.width(), outputs, actions)
    }

    /// As [`act`](Self::act) for some `rows` of the actions, of which `outputs` are.
    pub(super) fn act_on(
        &mut self,
        rows: Range<usize>,
        outputs: &[f32],
        actions: &mut ActionBatch,
    ) -> &[f32] {
        let width = self.plan.action_space.width();
        let mut stored = std::mem::take(&mut self.stored);
        stored.resize(rows.len() * width, 0.0);
        let outputs = outputs.chunks_exact(outputs.len() / rows.len());
        for ((i, row), stored) in rows.zip(outputs).zip(stored.chunks_exact_mut(width)) {
            self.act_row(row, i, actions, stored);
        }
        self.stored = stored;
        &self.stored
    }

    /// What `values` `[actions]` of one row come to under the policy as it chooses among them: the
    /// value of a state, where they are action values.
    pub(super) fn expectation(&mut self, values: &[f32]) -> f32 {
        let best = values[argmax(values)];
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variable = self.explore_var as f32;
        let tau = match (&self.plan.action_policy, &self.plan.dist) {
            (ActionPolicy::Random, _) => return mean,
            (ActionPolicy::EpsilonGreedy(_), _) => return best + variable * (mean - best),
            (_, Dist::Argmax { .. }) => return best,
            (ActionPolicy::Boltzmann(_), _) if !variable.is_normal() => return best,
            (ActionPolicy::Boltzmann(_), _) => variable,
            (ActionPolicy::Sample | ActionPolicy::Gaussian(_), _) => 1.0,
        };
        let weights = values.iter().map(|value| ((value - best) / tau).exp());
        let (sum, total) = weights
            .zip(values)
            .fold((0.0, 0.0), |(sum, total), (w, value)| (sum + w * value, total + w));
        sum / total
    }

    /// As [`act`](Self::act) with a uniform sample of the action space in every row.
    pub(super) fn act_at_random(&mut self, actions: &mut ActionBatch) -> &[f32] {
        let width = self.plan.action_space.width();
        let mut stored = std::mem::take(&mut self.stored);
        stored.resize(actions.len(), 0.0);
        for (i, stored) in stored.chunks_exact_mut(width).enumerate() {
            self.act_anywhere(i, actions, stored);
        }
        self.stored = stored;
        &self.stored
    }

    /// `explore_var`, where the action policy has one.
    pub(super) fn metric_names(&self) -> &'static [&'static str] {
        if self.plan.action_policy.schedule().is_some() { &["explore_var"] } else { &[] }
    }

    /// Values of [`metric_names`](Self::metric_names).
    pub(super) fn metrics(&self) -> &[f64] {
        let count = self.metric_names().len();
        &std::slice::from_ref(&self.explore_var)[..count]
    }

    /// Writes row `i` of the actions, and the same as it is stored.
    fn act_row(
        &mut self,
        outputs: &[f32],
        i: usize,
        actions: &mut ActionBatch,
        stored: &mut [f32],
    ) {
        let width = stored.len();
        let row = i * width..(i + 1) * width;
        if self.explores() {
            return self.act_anywhere(i, actions, stored);
        }
        match actions {
            ActionBatch::Discrete(actions) | ActionBatch::Multi(actions) => {
                let action = &mut actions[row];
                self.choose(outputs, action);
                stored.iter_mut().zip(action).for_each(|(to, &mut index)| *to = index as f32);
            }
            ActionBatch::Continuous(actions) => {
                let ActionHead::Continuous(head) = &self.head else {
                    unreachable!("plans give continuous action spaces a continuous head")
                };
                if let ActionPolicy::Gaussian(_) = self.plan.action_policy {
                    head.greedy(outputs, stored);
                    perturb(stored, self.explore_var as f32, &mut self.rng);
                    return actions[row].copy_from_slice(stored);
                }
                head.sample_base(outputs, &mut HostNoise(&mut self.rng), stored);
                for (j, (to, base)) in actions[row].iter_mut().zip(stored).enumerate() {
                    *to = head.to_env(*base, j);
                }
            }
        }
    }

    /// Whether this action is a uniform one.
    fn explores(&mut self) -> bool {
        match self.plan.action_policy {
            ActionPolicy::Random => true,
            ActionPolicy::EpsilonGreedy(_) => self.rng.random() < self.explore_var,
            ActionPolicy::Sample | ActionPolicy::Boltzmann(_) | ActionPolicy::Gaussian(_) => false,
        }
    }

    fn choose(&mut self, outputs: &[f32], action: &mut [u32]) {
        let tau = self.explore_var as f32;
        let noise = &mut HostNoise(&mut self.rng);
        match self.plan.action_policy {
            ActionPolicy::EpsilonGreedy(_) => self.head.best(outputs, action),
            ActionPolicy::Boltzmann(_) if !tau.is_normal() => self.head.best(outputs, action),
            ActionPolicy::Boltzmann(_) => {
                temper(&self.head, outputs, tau, &mut self.tempered);
                self.head.draw(&self.tempered, noise, action);
            }
            ActionPolicy::Sample | ActionPolicy::Random | ActionPolicy::Gaussian(_) => {
                self.head.draw(outputs, noise, action);
            }
        }
    }

    fn act_anywhere(&mut self, i: usize, actions: &mut ActionBatch, stored: &mut [f32]) {
        self.plan.action_space.sample(&mut self.rng, actions, i);
        let width = stored.len();
        let row = i * width..(i + 1) * width;
        match actions {
            ActionBatch::Discrete(actions) | ActionBatch::Multi(actions) => {
                stored.iter_mut().zip(&actions[row]).for_each(|(to, &index)| *to = index as f32);
            }
            ActionBatch::Continuous(actions) => {
                let bases = actions[row].iter().map(|&action| to_stored(&self.plan.dist, action));
                stored.iter_mut().zip(bases).for_each(|(to, base)| *to = base);
            }
        }
    }

    /// Writes the generator and the exploration variable.
    pub(super) fn save(&self, out: &mut StateWriter) {
        self.rng.save(out);
        out.f64(self.explore_var);
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early.
    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.rng.load(from)?;
        self.explore_var = from.f64()?;
        Ok(())
    }
}

/// Adds normal noise of standard deviation `std` to `action` `[k]` and clips it to ±1.
fn perturb(action: &mut [f32], std: f32, rng: &mut Rng) {
    for a in action {
        *a = (*a + std * rng.standard_normal() as f32).clamp(-1.0, 1.0);
    }
}

/// How a number of a continuous action is stored: by its base value, or as it is.
fn to_stored(dist: &Dist, action: f32) -> f32 {
    match dist {
        Dist::Continuous { family, .. } => family.to_base(action),
        Dist::Deterministic { .. } => action,
        _ => unreachable!("plans give continuous action spaces a continuous distribution"),
    }
}

/// Logits divided by the temperature; those of a choice are moved first, so that the best is 0.
fn temper(head: &ActionHead, logits: &[f32], tau: f32, tempered: &mut Vec<f32>) {
    tempered.clear();
    let mut choice = |logits: &[f32]| {
        let best = logits[argmax(logits)];
        tempered.extend(logits.iter().map(|x| (x - best) / tau));
    };
    match head {
        ActionHead::MultiCategorical { nvec } => {
            let mut rest = logits;
            for n in nvec {
                let (own, others) = rest.split_at(*n);
                choice(own);
                rest = others;
            }
        }
        ActionHead::Bernoulli { .. } => tempered.extend(logits.iter().map(|x| x / tau)),
        _ => choice(logits),
    }
}
