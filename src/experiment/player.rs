//! A policy at play in raw environments, without learning: evaluation and playback.

use std::sync::atomic::{AtomicBool, Ordering};

use slm_env::{ActionBatch, ObsBatch, Rng, Space, Step, StepBatch, VecEnv};
use slm_policy::{ActionHead, ActionsMut, Policy};

use super::error::RunError;
use super::play_meter::PlayMeter;
use crate::algorithm::HostNoise;

/// What chooses the actions.
#[derive(Clone, Debug)]
pub(super) enum Player {
    /// The policy's likeliest actions.
    Greedy(Box<Policy>),
    /// Actions drawn from the policy's distribution.
    Sampling(Box<Policy>, Rng),
    /// Actions drawn uniformly.
    Random(Rng),
}

impl Player {
    /// Whether it can play where observations and actions are these.
    ///
    /// # Errors
    /// In words, when a policy is made for another environment.
    pub(super) fn check(&self, env: &dyn VecEnv) -> Result<(), String> {
        let (Self::Greedy(policy) | Self::Sampling(policy, _)) = self else { return Ok(()) };
        let (obs_width, width) = (policy.obs_width(), env.obs_space().width());
        let fits = fits(policy.head(), env.action_space());
        if obs_width != width {
            return Err(format!(
                "the policy takes {obs_width} numbers, the environment has {width}"
            ));
        }
        if fits { Ok(()) } else { Err("the policy's actions are not the environment's".to_owned()) }
    }

    /// Begins an episode in every row.
    pub(super) fn reset(&mut self) {
        if let Self::Greedy(policy) | Self::Sampling(policy, _) = self {
            policy.reset();
        }
    }

    /// Takes in what followed the actions: rows whose episode ended begin another one.
    pub(super) fn observe(&mut self, steps: &[Step]) {
        let (Self::Greedy(policy) | Self::Sampling(policy, _)) = self else { return };
        for (row, step) in steps.iter().enumerate() {
            if step.terminated || step.truncated {
                policy.reset_row(row);
            }
        }
    }

    /// Chooses actions for raw observations.
    pub(super) fn act(&mut self, obs: &ObsBatch, space: &Space, actions: &mut ActionBatch) {
        match self {
            Self::Greedy(policy) => policy.act_batch(&features(obs), actions_mut(actions)),
            Self::Sampling(policy, rng) => {
                policy.sample_batch(&features(obs), actions_mut(actions), &mut HostNoise(rng));
            }
            Self::Random(rng) => {
                for i in 0..actions.len() / space.width() {
                    space.sample(rng, actions, i);
                }
            }
        }
    }
}

/// Returns of the first episode of every environment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EvalReport {
    /// Returns, by environment.
    pub(super) returns: Vec<f64>,
}

impl EvalReport {
    /// Their mean.
    pub(super) fn mean(&self) -> f64 {
        crate::analysis::stats::mean(&self.returns)
    }
}

/// Environments of their own for evaluation: nothing of them touches training.
pub(super) struct Evaluator {
    env: Box<dyn VecEnv>,
    batch: StepBatch,
    actions: ActionBatch,
}

impl Evaluator {
    /// Evaluates in the rows of `env`, one episode in each.
    pub(super) fn new(env: Box<dyn VecEnv>) -> Self {
        let (batch, actions) = (env.new_batch(), env.new_actions());
        Self { env, batch, actions }
    }

    /// Plays one episode in each environment, from the states of `seed`, and counts on `meter`; none when asked to stop before
    /// the last of them has ended.
    ///
    /// # Errors
    /// When the player is made for another environment.
    pub(super) fn run(
        &mut self,
        player: &mut Player,
        seed: u64,
        interrupt: &AtomicBool,
        meter: &mut PlayMeter<'_>,
    ) -> Result<Option<EvalReport>, RunError> {
        let env = self.env.as_mut();
        player.check(env).map_err(|reason| RunError::unusable("policy", reason))?;
        env.seed(seed);
        env.reset(&mut self.batch);
        player.reset();
        let mut returns = vec![None; env.num_envs()];
        while returns.contains(&None) {
            if interrupt.load(Ordering::Relaxed) {
                return Ok(None);
            }
            player.act(&self.batch.obs, env.action_space(), &mut self.actions);
            env.step(&self.actions, &mut self.batch);
            player.observe(&self.batch.steps);
            for episode in env.episode_stats().finished() {
                returns[episode.env].get_or_insert_with(|| {
                    meter.episode(episode.return_);
                    episode.return_
                });
            }
            meter.step(returns.len());
        }
        Ok(Some(EvalReport { returns: returns.into_iter().flatten().collect() }))
    }
}

/// Whether the head's actions are the space's.
fn fits(head: &ActionHead, space: &Space) -> bool {
    match (head, space) {
        (
            ActionHead::Categorical { n: choices } | ActionHead::Argmax { n: choices },
            Space::Discrete { n },
        )
        | (ActionHead::Bernoulli { n: choices }, Space::MultiBinary { n }) => {
            *choices == *n as usize
        }
        (ActionHead::MultiCategorical { nvec: choices }, Space::MultiDiscrete { nvec }) => {
            choices.iter().copied().eq(nvec.iter().map(|n| *n as usize))
        }
        (ActionHead::Continuous(head), Space::Box { low, .. }) => head.k == low.len(),
        _ => false,
    }
}

fn features(obs: &ObsBatch) -> std::borrow::Cow<'_, [f32]> {
    match obs {
        ObsBatch::F32(values) => values.into(),
        ObsBatch::U8(values) => values.iter().map(|x| f32::from(*x)).collect::<Vec<_>>().into(),
    }
}

fn actions_mut(actions: &mut ActionBatch) -> ActionsMut<'_> {
    match actions {
        ActionBatch::Discrete(values) => ActionsMut::Discrete(values),
        ActionBatch::Continuous(values) => ActionsMut::Continuous(values),
        ActionBatch::Multi(values) => ActionsMut::Multi(values),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use slm_env::EnvOptions;
    use slm_policy::{Cell, Layer, Linear, Network, Recurrent};

    use super::*;
    use crate::registry::find_env;

    fn env(id: &str, n: usize) -> Box<dyn VecEnv> {
        find_env(id).unwrap().make(&EnvOptions::new(n, 0)).unwrap()
    }

    /// Pushes to the side the pole leans to: logits 0 and θ.
    fn balancer() -> Player {
        let weight = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let linear = Linear::from_out_in(4, 2, &weight, &[0.0, 0.0]).unwrap();
        let network = Network { layers: vec![Layer::Linear(linear)] };
        let head = ActionHead::Categorical { n: 2 };
        Player::Greedy(Box::new(Policy::new(&[4], None, network, head).unwrap()))
    }

    fn unheard(episodes: usize) -> PlayMeter<'static> {
        PlayMeter::new(episodes, Duration::ZERO, &|_| {})
    }

    #[test]
    fn one_episode_is_played_in_each_environment_and_a_seed_repeats_them() {
        let mut evaluator = Evaluator::new(env("CartPole-v1", 6));
        let calm = AtomicBool::new(false);
        let mut play = |seed| {
            let report = evaluator.run(&mut balancer(), seed, &calm, &mut unheard(6)).unwrap();
            report.unwrap().returns
        };
        let (first, other, again) = (play(3), play(4), play(3));
        assert_eq!((first.len(), &first), (6, &again));
        assert_ne!(first, other);
        // Without a look at the speed the swings grow: better than chance (22), far from 500.
        assert!(first.iter().all(|return_| (23.0..100.0).contains(return_)), "{first:?}");
    }

    #[test]
    fn an_evaluation_stops_when_asked_to_and_can_be_repeated() {
        let mut evaluator = Evaluator::new(env("CartPole-v1", 6));
        let mut play = |stop| {
            let (stop, mut meter) = (AtomicBool::new(stop), unheard(6));
            evaluator.run(&mut balancer(), 3, &stop, &mut meter).unwrap()
        };
        let whole = play(false);
        assert_eq!(play(true), None);
        assert_eq!(play(false), whole);
    }

    #[test]
    fn a_policy_for_something_else_is_refused_in_words() {
        let refusal = |id| balancer().check(&*env(id, 1)).unwrap_err();
        assert_eq!(refusal("Pendulum-v1"), "the policy takes 4 numbers, the environment has 3");
        assert_eq!(refusal("MountainCar-v0"), "the policy takes 4 numbers, the environment has 2");
        assert_eq!(balancer().check(&*env("CartPole-v1", 1)), Ok(()));
    }

    /// One cell, h ← tanh(x + h), whose sign is the action: the row that ended does not remember its 1.
    #[test]
    fn a_recurrent_policy_forgets_an_episode_when_it_ends() {
        let one = || Linear::new(1, 1, &[1.0], &[0.0]).unwrap();
        let cell = Recurrent::new(Cell::Rnn, one(), one()).unwrap();
        let network = Network { layers: vec![Layer::Recurrent(cell), Layer::Linear(one())] };
        let policy = Policy::new(&[1], None, network, ActionHead::Bernoulli { n: 1 }).unwrap();
        let (mut player, space) = (Player::Greedy(Box::new(policy)), Space::MultiBinary { n: 1 });
        let act = |player: &mut Player, obs: f32| {
            let mut actions = ActionBatch::new(&space, 2);
            player.act(&ObsBatch::F32(vec![obs; 2]), &space, &mut actions);
            actions
        };
        assert_eq!(act(&mut player, 1.0), ActionBatch::Multi(vec![1, 1]));
        player.observe(&[Step::default(), Step { terminated: true, ..Step::default() }]);
        assert_eq!(act(&mut player, 0.0), ActionBatch::Multi(vec![1, 0]));
        player.reset();
        assert_eq!(act(&mut player, 0.0), ActionBatch::Multi(vec![0, 0]));
    }

    /// Logits 2, 1 and 0, 0, 1 for one observation: the first value of two, the last of three.
    #[test]
    fn several_choices_are_played_where_they_fit() {
        let linear = Linear::from_out_in(1, 5, &[0.0; 5], &[2.0, 1.0, 0.0, 0.0, 1.0]).unwrap();
        let network = Network { layers: vec![Layer::Linear(linear)] };
        let head = ActionHead::MultiCategorical { nvec: vec![2, 3] };
        let space = |nvec: &[u32]| Space::MultiDiscrete { nvec: nvec.to_vec() };
        assert!(fits(&head, &space(&[2, 3])));
        assert!(!fits(&head, &space(&[3, 2])) && !fits(&head, &Space::MultiBinary { n: 2 }));
        let mut player = Player::Greedy(Box::new(Policy::new(&[1], None, network, head).unwrap()));
        let mut actions = ActionBatch::new(&space(&[2, 3]), 2);
        player.act(&ObsBatch::F32(vec![0.0; 2]), &space(&[2, 3]), &mut actions);
        assert_eq!(actions, ActionBatch::Multi(vec![0, 2, 0, 2]));
    }
}
