//! How an agent chooses actions: its network on the host, a distribution, an action policy.

use std::borrow::Cow;
use std::ops::Range;

use slm_env::{ActionBatch, Rng, Space, StateError, StateReader, StateWriter, Step};
use slm_policy::{ActionHead, ContinuousHead, Family, LogStd, Network, Scratch};

use super::agent::ActingNet;
use super::choice::Choice;
use crate::net::{Dist, LOG_STD_BOUNDS, NetPlan, acting_network, forget, log_std};
use crate::ops::Schedule;

/// How an action is taken from a distribution.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionPolicy {
    /// A sample of the distribution.
    Sample,
    /// A uniform sample of the action space.
    Random,
    /// Per environment: with probability ε a uniform sample, of all its dimensions together, else
    /// the most likely action.
    EpsilonGreedy(Schedule),
    /// A sample after dividing the logits by the temperature τ; at τ = 0 the most likely action.
    Boltzmann(Schedule),
    /// The action with normal noise of this standard deviation, clipped to ±1.
    Gaussian(Schedule),
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
    /// None where the outputs are computed elsewhere.
    network: Option<Network>,
    choice: Choice,
    scratch: Scratch,
    /// What a recurrent network carries in each environment's episode `[n, state_width]`.
    states: Vec<f32>,
}

impl Acting {
    /// Acts as the network of plan `actor` with `params` `[num_params]` does, drawing from `rng`.
    pub fn new(plan: ActingPlan, actor: &NetPlan, params: &[f32], rng: Rng) -> Self {
        let (network, head) = freeze(&plan.dist, actor, params);
        let choice = Choice::new(plan, head, rng);
        Self { network: Some(network), choice, scratch: Scratch::default(), states: Vec::new() }
    }

    /// Chooses by outputs that are computed elsewhere, drawing from `rng`.
    pub fn of_outputs(plan: ActingPlan, rng: Rng) -> Self {
        let head = action_head(&plan.dist, LogStd::Output);
        let choice = Choice::new(plan, head, rng);
        Self { network: None, choice, scratch: Scratch::default(), states: Vec::new() }
    }

    /// Takes over other parameters.
    pub fn refresh(&mut self, actor: &NetPlan, params: &[f32]) {
        let (network, head) = freeze(&self.choice.plan.dist, actor, params);
        (self.network, self.choice.head) = (Some(network), head);
    }

    /// Moves the exploration schedule on to `frame`.
    pub fn advance(&mut self, frame: u64) {
        self.choice.advance(frame);
    }

    /// Writes an action for every row of `obs` `[n, width]`; returns them as they are stored,
    /// `[n, action_width]`: indices, base values as [`Family`] says, or the
    /// actions of [`Dist::Deterministic`] themselves.
    ///
    /// # Panics
    /// When the outputs are computed elsewhere.
    pub fn act(&mut self, obs: &[f32], actions: &mut ActionBatch) -> &[f32] {
        let n = actions.len() / self.choice.plan.action_space.width();
        let network = self.network.as_ref().expect("who acts by observations has a network");
        self.states.resize(n * network.state_width(), 0.0);
        let outputs = network.step(obs, n, &mut self.states, &mut self.scratch);
        self.choice.act(outputs, actions)
    }

    /// As [`act`](Self::act) for some `rows`, by what parameterizes their distributions `[rows, width]`.
    pub fn choose(
        &mut self,
        rows: Range<usize>,
        outputs: &[f32],
        actions: &mut ActionBatch,
    ) -> &[f32] {
        self.choice.act_on(rows, outputs, actions)
    }

    /// Takes in what followed: episodes that ended are forgotten.
    pub fn observe(&mut self, steps: &[Step]) {
        forget(&mut self.states, steps.iter().map(|step| step.terminated || step.truncated));
    }

    /// `explore_var`, where the action policy has one.
    pub fn metric_names(&self) -> &'static [&'static str] {
        self.choice.metric_names()
    }

    /// Values of [`metric_names`](Self::metric_names).
    pub fn metrics(&self) -> &[f64] {
        self.choice.metrics()
    }

    /// Network and head, for export; `elsewhere` gives the parameters of a network that is not here.
    pub fn acting_net<'a>(
        &self,
        actor: &NetPlan,
        elsewhere: impl FnOnce() -> Cow<'a, [f32]>,
    ) -> ActingNet {
        let (network, head) = match &self.network {
            Some(network) => (network.clone(), self.choice.head.clone()),
            None => freeze(&self.choice.plan.dist, actor, &elsewhere()),
        };
        ActingNet { network, head }
    }

    /// Writes the generator, the exploration variable and the states; parameters belong to the
    /// learner.
    pub fn save(&self, out: &mut StateWriter) {
        self.choice.save(out);
        out.f32s(&self.states);
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.choice.load(from)?;
        self.states = from.f32s()?;
        Ok(())
    }
}

impl ActionPolicy {
    pub(super) fn schedule(&self) -> Option<&Schedule> {
        match self {
            Self::Sample | Self::Random => None,
            Self::EpsilonGreedy(schedule)
            | Self::Boltzmann(schedule)
            | Self::Gaussian(schedule) => Some(schedule),
        }
    }

    pub(super) fn explore_var(&self, frame: u64) -> f64 {
        self.schedule().map_or(f64::NAN, |schedule| schedule.at(frame))
    }
}

/// The network of plan `actor` with `params` `[num_params]` and its head, for export.
pub(super) fn freeze(dist: &Dist, actor: &NetPlan, params: &[f32]) -> (Network, ActionHead) {
    let log_std = match log_std(actor, params) {
        [] => LogStd::Output,
        values => LogStd::Vector(values.to_vec()),
    };
    let head = action_head(dist, log_std);
    (acting_network(actor, params, head.outputs()), head)
}

/// What takes actions from the rows that parameterize `dist`.
pub(super) fn action_head(dist: &Dist, log_std: LogStd) -> ActionHead {
    match dist {
        Dist::Categorical { n } => ActionHead::Categorical { n: *n },
        Dist::Argmax { n } => ActionHead::Argmax { n: *n },
        Dist::MultiCategorical { nvec } => ActionHead::MultiCategorical { nvec: nvec.clone() },
        Dist::Bernoulli { n } => ActionHead::Bernoulli { n: *n },
        Dist::Continuous { family, k } => {
            let log_std_range = LOG_STD_BOUNDS.into();
            let head = ContinuousHead::new(*family, *k, log_std, None);
            ActionHead::Continuous(ContinuousHead { log_std_range, ..head })
        }
        Dist::Deterministic { k } => {
            let head = ContinuousHead::new(Family::NormalTanh, *k, LogStd::Absent, None);
            ActionHead::Continuous(head)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::plain;
    use crate::ops::Schedule;

    /// Acts by the biases `outputs` of a network without other weights.
    fn acting(dist: Dist, space: Space, action_policy: ActionPolicy, outputs: &[f32]) -> Acting {
        let actor = plain(1, Vec::new(), &[outputs.len()]);
        let params = [vec![0.0; outputs.len()], outputs.to_vec()].concat();
        let plan = ActingPlan { dist, action_policy, action_space: space };
        Acting::new(plan, &actor, &params, Rng::from_seed(2))
    }

    /// Actions `[n, width]` taken in `n` environments.
    fn taken(acting: &mut Acting, n: usize) -> (Vec<Vec<f64>>, Vec<f32>) {
        let space = acting.choice.plan.action_space.clone();
        let mut actions = ActionBatch::new(&space, n);
        let stored = acting.act(&vec![0.0; n], &mut actions).to_vec();
        ((0..n).map(|i| actions.row_f64(i, space.width())).collect(), stored)
    }

    fn choices() -> (Dist, Space) {
        let dist = Dist::MultiCategorical { nvec: vec![2, 3] };
        (dist, Space::MultiDiscrete { nvec: vec![2, 3] })
    }

    /// ln 1, ln 4 at τ = 2 are weights 1, 2: the first ⅓ of the time, five standard errors.
    #[test]
    fn boltzmann_divides_by_the_temperature_and_is_greedy_at_zero() {
        let first = |tau: f64| {
            let policy = ActionPolicy::Boltzmann(Schedule::Constant(tau));
            let (dist, space) = (Dist::Categorical { n: 2 }, Space::Discrete { n: 2 });
            let mut acting = acting(dist, space, policy, &[0.0, 4f32.ln()]);
            let (actions, _) = taken(&mut acting, 20_000);
            actions.iter().filter(|action| action[0] == 0.0).count() as f64 / 20_000.0
        };
        assert!((first(2.0) - 1.0 / 3.0).abs() < 0.0167, "{}", first(2.0));
        assert_eq!([first(0.0), first(1e-45), first(1e-30)], [0.0; 3]);
    }

    /// As above for the second choice, whose logits come after the first's.
    #[test]
    fn a_temperature_holds_for_each_of_several_choices() {
        let (dist, space) = choices();
        let policy = ActionPolicy::Boltzmann(Schedule::Constant(2.0));
        let outputs = [9.0, -9e9, 0.0, 4f32.ln(), -9e9];
        let (actions, _) = taken(&mut acting(dist, space, policy, &outputs), 20_000);
        assert!(actions.iter().all(|action| action[0] == 0.0 && action[1] < 2.0));
        let first = actions.iter().filter(|action| action[1] == 0.0).count() as f64 / 20_000.0;
        assert!((first - 1.0 / 3.0).abs() < 0.0167, "{first}");
    }

    /// With ε = ½ the best pair comes by ½ + ½ · 1/6, other pairs by 1/12 each: all dimensions of an
    /// environment are random together.
    #[test]
    fn all_choices_of_an_environment_are_random_together() {
        let (dist, space) = choices();
        let policy = ActionPolicy::EpsilonGreedy(Schedule::Constant(0.5));
        let outputs = [0.0, 1.0, 3.0, 2.0, 1.0];
        let (actions, stored) = taken(&mut acting(dist, space, policy, &outputs), 20_000);
        let share = |pair: [f64; 2]| {
            actions.iter().filter(|action| **action == pair).count() as f64 / 20_000.0
        };
        assert!((share([1.0, 0.0]) - 7.0 / 12.0).abs() < 0.0175, "{}", share([1.0, 0.0]));
        for other in [[0.0, 0.0], [1.0, 2.0]] {
            assert!((share(other) - 1.0 / 12.0).abs() < 0.0098, "{}", share(other));
        }
        let flat: Vec<f64> = actions.concat();
        assert!(flat.iter().zip(&stored).all(|(a, s)| *a == f64::from(*s)));
    }

    #[test]
    fn argmax_is_greedy_under_every_temperature() {
        let policy = ActionPolicy::Boltzmann(Schedule::Constant(5.0));
        let (dist, space) = (Dist::Argmax { n: 2 }, Space::Discrete { n: 2 });
        let (actions, _) = taken(&mut acting(dist, space, policy, &[0.0, 0.1]), 50);
        assert!(actions.iter().all(|action| action[0] == 1.0));
    }

    #[test]
    fn what_is_stored_is_what_the_action_is_made_of() {
        for family in Family::ALL {
            let dist = Dist::Continuous { family, k: 2 };
            let space = Space::symmetric(&[1.0, 1.0]);
            let mut acting = acting(dist, space, ActionPolicy::Sample, &[0.3, -0.2, -1.0, 0.5]);
            let (actions, stored) = taken(&mut acting, 5);
            for (action, base) in actions.concat().iter().zip(stored) {
                assert_eq!(*action, f64::from(family.to_action(base)), "{family:?}");
            }
        }
    }

    /// tanh ½ = 0.4621172 with noise of σ = ¼: 5 standard errors of the mean and, as clipping at 1 is
    /// 2.15 σ away, a little less spread. Without noise, and exported, the action is that itself.
    #[test]
    fn noise_explores_around_a_certain_action_within_bounds() {
        let taken = |outputs: &[f32], std| {
            let policy = ActionPolicy::Gaussian(Schedule::Constant(std));
            let space = Space::symmetric(&[1.0]);
            let mut acting = acting(Dist::Deterministic { k: 1 }, space, policy, outputs);
            taken(&mut acting, 20_000)
        };
        let (actions, stored) = taken(&[0.5], 0.25);
        let numbers: Vec<f64> = actions.concat();
        assert!(numbers.iter().zip(&stored).all(|(a, s)| *a == f64::from(*s)));
        let mean = numbers.iter().sum::<f64>() / 20_000.0;
        let variance = numbers.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!((mean - 0.462).abs() < 0.01 && (variance.sqrt() - 0.25).abs() < 0.01, "{mean}");
        let (at_bound, _) = taken(&[9.0], 0.25);
        assert!(at_bound.iter().all(|a| a[0] <= 1.0) && at_bound.iter().any(|a| a[0] == 1.0));
        assert!(taken(&[0.5], 0.0).1.iter().all(|a| (a - 0.462_117_2).abs() < 1e-6));
    }

    #[test]
    fn random_actions_are_stored_as_base_values() {
        let dist = Dist::Continuous { family: Family::Beta, k: 1 };
        let space = Space::symmetric(&[1.0]);
        let mut acting = acting(dist, space, ActionPolicy::Random, &[0.0, 0.0]);
        let (actions, stored) = taken(&mut acting, 200);
        for (action, base) in actions.concat().iter().zip(&stored) {
            // a = tanh(u / 2).
            assert!((f64::from(*base * 0.5).tanh() - action).abs() < 1e-5, "{action} {base}");
        }
        assert!(actions.concat().iter().any(|a| *a < -0.9) && stored.iter().any(|u| *u > 2.0));
    }
}
