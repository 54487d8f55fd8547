//! How an agent chooses actions: its network on the host, a distribution, an action policy.

use slm_env::{ActionBatch, Rng, Space, StateError, StateReader, StateWriter};
use slm_policy::{
    ActionHead, LogStd, Network, Noise, NormalHead, Scratch, argmax, sample_categorical,
};

use super::agent::ActingNet;
use crate::net::{Dist, LOG_STD_BOUNDS, NetPlan, acting_network, log_std};
use crate::ops::Schedule;

/// How an action is taken from a distribution.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionPolicy {
    /// A sample of the distribution.
    Sample,
    /// A uniform sample of the action space.
    Random,
    /// Per environment: uniform with probability ε, else the most likely action.
    EpsilonGreedy(Schedule),
    /// A sample after dividing the logits by the temperature τ.
    Boltzmann(Schedule),
}

/// What [`Acting`] needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct ActingPlan {
    /// What the network's policy columns mean.
    pub dist: Dist,
    /// How actions are taken from it.
    pub action_policy: ActionPolicy,
    /// Actions as the agent gives them.
    pub action_space: Space,
}

/// Chooses actions `[n]` or `[n, k]` for observations `[n, width]`, without tensors.
pub struct Acting {
    plan: ActingPlan,
    network: Network,
    head: ActionHead,
    rng: Rng,
    explore_var: f64,
    scratch: Scratch,
    stored: Vec<f32>,
    logits: Vec<f32>,
}

impl Acting {
    /// Acts as the network of plan `actor` with `params` `[num_params]` does, drawing from `rng`.
    pub fn new(plan: ActingPlan, actor: &NetPlan, params: &[f32], rng: Rng) -> Self {
        let (network, head) = freeze(plan.dist, actor, params);
        let explore_var = plan.action_policy.explore_var(0);
        let (scratch, stored, logits) = (Scratch::default(), Vec::new(), Vec::new());
        Self { plan, network, head, rng, explore_var, scratch, stored, logits }
    }

    /// Takes over other parameters.
    pub fn refresh(&mut self, actor: &NetPlan, params: &[f32]) {
        (self.network, self.head) = freeze(self.plan.dist, actor, params);
    }

    /// Moves the exploration schedule on to `frame`.
    pub fn advance(&mut self, frame: u64) {
        self.explore_var = self.plan.action_policy.explore_var(frame);
    }

    /// Writes an action for every row of `obs` `[n, width]`; returns them as they are stored,
    /// `[n, action_width]`.
    pub fn act(&mut self, obs: &[f32], actions: &mut ActionBatch) -> &[f32] {
        self.stored.clear();
        match actions {
            ActionBatch::Discrete(actions) => self.act_discrete(obs, actions),
            ActionBatch::Continuous(_) if self.plan.action_policy == ActionPolicy::Random => {
                self.act_anywhere(actions);
            }
            ActionBatch::Continuous(actions) => self.act_continuous(obs, actions),
            ActionBatch::Multi(_) => unreachable!("plans refuse multi-discrete action spaces"),
        }
        &self.stored
    }

    /// `explore_var`, where the action policy has one.
    pub fn metric_names(&self) -> &'static [&'static str] {
        if self.plan.action_policy.schedule().is_some() { &["explore_var"] } else { &[] }
    }

    /// Values of [`metric_names`](Self::metric_names).
    pub fn metrics(&self) -> &[f64] {
        let count = self.metric_names().len();
        &std::slice::from_ref(&self.explore_var)[..count]
    }

    /// Network and head, for export.
    pub fn acting_net(&self) -> ActingNet {
        ActingNet { network: self.network.clone(), head: self.head.clone() }
    }

    /// Writes the generator and the exploration variable; parameters belong to the learner.
    pub fn save(&self, out: &mut StateWriter) {
        self.rng.save(out);
        out.f64(self.explore_var);
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.rng.load(from)?;
        self.explore_var = from.f64()?;
        Ok(())
    }

    fn act_discrete(&mut self, obs: &[f32], actions: &mut [u32]) {
        let n = actions.len();
        let outputs = self.network.forward(obs, n, &mut self.scratch);
        let width = outputs.len() / n;
        for (action, logits) in actions.iter_mut().zip(outputs.chunks_exact(width)) {
            let choice = match self.plan.action_policy {
                ActionPolicy::Sample => sample_categorical(logits, self.rng.random()),
                ActionPolicy::Random => uniform_index(width, &mut self.rng),
                ActionPolicy::EpsilonGreedy(_) => {
                    let explores = self.rng.random() < self.explore_var;
                    if explores { uniform_index(width, &mut self.rng) } else { argmax(logits) }
                }
                ActionPolicy::Boltzmann(_) => {
                    let u = self.rng.random();
                    boltzmann(logits, self.explore_var as f32, u, &mut self.logits)
                }
            };
            *action = choice as u32;
            self.stored.push(choice as f32);
        }
    }

    fn act_continuous(&mut self, obs: &[f32], actions: &mut [f32]) {
        let k = self.plan.action_space.width();
        let n = actions.len() / k;
        let ActionHead::Normal(head) = &self.head else {
            unreachable!("plans give continuous action spaces a normal head")
        };
        let outputs = self.network.forward(obs, n, &mut self.scratch);
        let width = outputs.len() / n;
        for (action, row) in actions.chunks_exact_mut(k).zip(outputs.chunks_exact(width)) {
            head.sample(row, &mut HostNoise(&mut self.rng), action);
        }
        self.stored.extend_from_slice(actions);
    }

    fn act_anywhere(&mut self, actions: &mut ActionBatch) {
        let space = &self.plan.action_space;
        for i in 0..actions.len() / space.width() {
            space.sample(&mut self.rng, actions, i);
        }
        if let ActionBatch::Continuous(actions) = actions {
            self.stored.extend_from_slice(actions);
        }
    }
}

impl ActionPolicy {
    fn schedule(&self) -> Option<&Schedule> {
        match self {
            Self::Sample | Self::Random => None,
            Self::EpsilonGreedy(schedule) | Self::Boltzmann(schedule) => Some(schedule),
        }
    }

    fn explore_var(&self, frame: u64) -> f64 {
        self.schedule().map_or(f64::NAN, |schedule| schedule.at(frame))
    }
}

/// An environment's generator as the policy crate's source of randomness.
struct HostNoise<'a>(&'a mut Rng);

impl Noise for HostNoise<'_> {
    fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    fn normal(&mut self) -> f64 {
        self.0.standard_normal()
    }
}

/// Draws an index with probability softmax(logits/τ), given `u` from [0, 1); at τ = 0 the limit,
/// which is the most likely action.
fn boltzmann(logits: &[f32], tau: f32, u: f64, scaled: &mut Vec<f32>) -> usize {
    let best = argmax(logits);
    if !tau.is_normal() {
        return best;
    }
    scaled.clear();
    scaled.extend(logits.iter().map(|x| (x - logits[best]) / tau));
    sample_categorical(scaled, u)
}

fn uniform_index(n: usize, rng: &mut Rng) -> usize {
    rng.integers(0, n as i64) as usize
}

fn freeze(dist: Dist, actor: &NetPlan, params: &[f32]) -> (Network, ActionHead) {
    let log_std = log_std(actor, params);
    let (columns, head) = match dist {
        Dist::Categorical { n } => (n, ActionHead::Categorical { n }),
        Dist::Normal { k } if log_std.is_empty() => (2 * k, normal_head(k, LogStd::Output)),
        Dist::Normal { k } => (k, normal_head(k, LogStd::Vector(log_std.to_vec()))),
    };
    (acting_network(actor, params, columns), head)
}

fn normal_head(k: usize, log_std: LogStd) -> ActionHead {
    let log_std_range = LOG_STD_BOUNDS.into();
    ActionHead::Normal(NormalHead { log_std_range, ..NormalHead::new(k, log_std, None) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits ln 1, ln 4 at τ = 2: weights 1, 2, so u below ⅓ draws the first.
    #[test]
    fn boltzmann_divides_by_the_temperature_and_is_greedy_at_zero() {
        let (logits, mut scaled) = ([0.0, 4f32.ln()], Vec::new());
        let mut draw = |tau, u| boltzmann(&logits, tau, u, &mut scaled);
        assert_eq!([draw(2.0, 0.33), draw(2.0, 0.34)], [0, 1]);
        assert_eq!([draw(0.0, 0.0), draw(1e-45, 0.0), draw(1e-30, 0.0)], [1, 1, 1]);
    }
}
