//! From the keys of acting to distributions, and the columns of a network that parameterize them.

use slm_env::Space;
use slm_policy::Family;

use super::acting::{ActingPlan, ActionPolicy};
use super::acting_spec::{ActingSpec, ActionPdSpec, ActionPolicySpec};
use super::resolve::{Resolver, schedule_plan};
use crate::config::ScheduleSpec;
use crate::net::Dist;
use crate::ops::Schedule;

impl Resolver<'_> {
    /// The distribution that the action space asks for and `action_pdtype` allows.
    pub fn dist(&mut self, spec: &ActingSpec) -> Option<Dist> {
        let space = &self.env.action_space;
        let options = options(space);
        let name = match spec.action_pdtype {
            ActionPdSpec::Default => options[0],
            name => name,
        };
        if !options.contains(&name) {
            let names: Vec<_> = options.iter().map(|option| option.name()).collect();
            let (name, kind, names) = (name.name(), kind_of(space), names.join(", "));
            let message = format!("{name} does not fit a {kind} action space; what does: {names}");
            self.error("action_pdtype", message);
            return None;
        }
        let dist = dist_of(name, space);
        self.refuse_beyond_bounds(&dist, name)?;
        Some(dist)
    }

    /// How actions are taken from the distribution.
    pub fn acting(&mut self, spec: &ActingSpec, dist: &Dist) -> Option<ActingPlan> {
        let schedule = match &spec.explore_var_spec {
            Some(spec) => Some(self.explore_var(spec)?),
            None => None,
        };
        self.note_explore_var(spec);
        let is_continuous = matches!(dist, Dist::Continuous { .. });
        let action_policy = match (spec.action_policy, schedule) {
            (ActionPolicySpec::Default, _) => Some(ActionPolicy::Sample),
            (ActionPolicySpec::Random, _) => self.random(dist),
            (policy, _) if is_continuous => {
                let message = format!("{} needs a discrete action space", policy.name());
                self.error("action_policy", message);
                None
            }
            (policy, None) => {
                let message = format!("{} needs an explore_var_spec", policy.name());
                self.error("explore_var_spec", message);
                None
            }
            (ActionPolicySpec::EpsilonGreedy, Some(s)) => self.epsilon_greedy(s),
            (ActionPolicySpec::Boltzmann, Some(s)) => Some(self.boltzmann(dist, s)),
        };
        let (dist, action_space) = (dist.clone(), self.env.action_space.clone());
        Some(ActingPlan { dist, action_policy: action_policy?, action_space })
    }

    /// An exploration variable over frames.
    pub(super) fn explore_var(&mut self, spec: &ScheduleSpec) -> Option<Schedule> {
        let schedule = schedule_plan(spec);
        if schedule.is_ever_negative() {
            self.error("explore_var_spec", "an exploration variable is never negative");
            return None;
        }
        Some(schedule)
    }

    /// Heads of a policy that learns by its log-probabilities, and log σ where it does not depend on
    /// the observation.
    ///
    /// As in SLM-Lab one-dimensional actions have a single head of both parameters, and each of
    /// several choices a head of its own.
    pub(super) fn policy_heads(
        &mut self,
        dist: &Dist,
        log_std_init: Option<f64>,
    ) -> Option<(Vec<usize>, Option<f32>)> {
        if log_std_init.is_some() && !matches!(dist, Dist::Continuous { .. }) {
            self.warn_of_log_std();
        }
        let problem = match dist {
            Dist::Argmax { .. } => {
                Some("Argmax has no probabilities that this algorithm could learn")
            }
            Dist::Continuous { family: Family::Beta, .. } if log_std_init.is_some() => {
                Some("Beta has no σ for `agent.net.log_std_init` to start")
            }
            _ => None,
        };
        if let Some(problem) = problem {
            self.error("action_pdtype", problem);
            return None;
        }
        Some(match (dist, log_std_init) {
            (Dist::Continuous { k, .. }, Some(init)) => (vec![*k], Some(init as f32)),
            (Dist::Continuous { k: 1, .. }, None) => (vec![2], None),
            (Dist::Continuous { k, .. }, None) => (vec![*k, *k], None),
            (Dist::MultiCategorical { nvec }, _) => (nvec.clone(), None),
            (dist, _) => (vec![dist.width()], None),
        })
    }

    /// Actions between ±1 must be actions of the environment.
    fn refuse_beyond_bounds(&mut self, dist: &Dist, name: ActionPdSpec) -> Option<()> {
        match dist {
            Dist::Continuous { family, .. } if family.is_bounded() => {
                self.refuse_other_bounds("action_pdtype", name.name())
            }
            _ => Some(()),
        }
    }

    /// Notes an error at `key` where the environment does not take every action between ±1, which
    /// `name` gives.
    pub(super) fn refuse_other_bounds(&mut self, key: &'static str, name: &str) -> Option<()> {
        let Space::Box { low, high, .. } = &self.env.action_space else { return Some(()) };
        let holds = low.iter().all(|low| *low <= -1.0) && high.iter().all(|high| *high >= 1.0);
        if !holds {
            let message =
                format!("{name} gives actions from -1 to 1, the environment takes others");
            self.error(key, message);
            return None;
        }
        Some(())
    }

    fn random(&mut self, dist: &Dist) -> Option<ActionPolicy> {
        let is_positive = matches!(dist, Dist::Continuous { family: Family::LogNormal, .. });
        let Space::Box { low, .. } = &self.env.action_space else {
            return Some(ActionPolicy::Random);
        };
        if is_positive && low.iter().any(|low| *low < 0.0) {
            let message = "random actions may be negative, those of LogNormal never are";
            self.error("action_policy", message);
            return None;
        }
        Some(ActionPolicy::Random)
    }

    fn epsilon_greedy(&mut self, schedule: Schedule) -> Option<ActionPolicy> {
        if schedule.is_ever_above(1.0) {
            self.error("explore_var_spec", "ε is a probability, from 0 to 1");
            return None;
        }
        Some(ActionPolicy::EpsilonGreedy(schedule))
    }

    fn boltzmann(&mut self, dist: &Dist, schedule: Schedule) -> ActionPolicy {
        if matches!(dist, Dist::Argmax { .. }) {
            let text = "boltzmann changes nothing where Argmax always takes the best action";
            let warning = self.agent.algorithm.error_in("action_policy", text.to_owned());
            let help = "`action_pdtype: Categorical` draws actions at the temperature";
            self.found.warning(warning.with_help(help.to_owned()));
        }
        ActionPolicy::Boltzmann(schedule)
    }
}

/// Distributions that fit, the default first (SLM-Lab's table, and `NormalTanh`).
fn options(space: &Space) -> &'static [ActionPdSpec] {
    match space {
        Space::Discrete { .. } => {
            &[ActionPdSpec::Categorical, ActionPdSpec::Argmax, ActionPdSpec::GumbelSoftmax]
        }
        Space::MultiDiscrete { .. } => &[ActionPdSpec::MultiCategorical],
        Space::MultiBinary { .. } => &[ActionPdSpec::Bernoulli],
        Space::Box { .. } => &[
            ActionPdSpec::Normal,
            ActionPdSpec::MultivariateNormal,
            ActionPdSpec::NormalTanh,
            ActionPdSpec::Beta,
            ActionPdSpec::LogNormal,
            ActionPdSpec::Gumbel,
        ],
    }
}

/// The distribution of that name over the space, which is one of its options.
fn dist_of(name: ActionPdSpec, space: &Space) -> Dist {
    match space {
        Space::Discrete { n } if name == ActionPdSpec::Argmax => Dist::Argmax { n: *n as usize },
        Space::Discrete { n } => Dist::Categorical { n: *n as usize },
        Space::MultiDiscrete { nvec } => {
            Dist::MultiCategorical { nvec: nvec.iter().map(|&n| n as usize).collect() }
        }
        Space::MultiBinary { n } => Dist::Bernoulli { n: *n as usize },
        Space::Box { .. } => {
            let family = match name {
                ActionPdSpec::NormalTanh => Family::NormalTanh,
                ActionPdSpec::Beta => Family::Beta,
                ActionPdSpec::LogNormal => Family::LogNormal,
                ActionPdSpec::Gumbel => Family::Gumbel,
                _ => Family::Normal,
            };
            Dist::Continuous { family, k: space.width() }
        }
    }
}

/// What kind of space it is, in words.
pub(super) fn kind_of(space: &Space) -> &'static str {
    match space {
        Space::Discrete { .. } => "discrete",
        Space::Box { shape, .. } if shape.len() > 1 => "image",
        Space::Box { .. } => "continuous",
        Space::MultiDiscrete { .. } => "multi-discrete",
        Space::MultiBinary { .. } => "multi-binary",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::EnvShape;
    use crate::config::{AgentSpec, Available, Diagnostics, Spec, SpecFile};

    fn agent() -> AgentSpec {
        let text = "a: {agent: {algorithm: {name: Random}}, env: {name: Bandit, max_frame: 9},
            meta: {max_session: 1}}";
        let raw = SpecFile::parse("a.yaml", text).and_then(|file| file.choose("a")).unwrap();
        let available = Available { algorithms: &["Random"], envs: &["Bandit"] };
        Spec::read(&raw, &available, &mut Diagnostics::new()).unwrap().agent
    }

    fn acting(action_pdtype: ActionPdSpec, action_policy: ActionPolicySpec) -> ActingSpec {
        ActingSpec { action_pdtype, action_policy, explore_var_spec: None }
    }

    /// What `resolve` makes of an agent in an environment with these actions, and the findings.
    fn resolved<T>(
        action_space: Space,
        resolve: impl Fn(&mut Resolver<'_>) -> T,
    ) -> (T, Diagnostics) {
        let (agent, mut found) = (agent(), Diagnostics::new());
        let obs_space = Space::symmetric(&[1.0]);
        let env = EnvShape { num_envs: 1, max_frame: 9, obs_space, obs_u8: false, action_space };
        let result = resolve(&mut Resolver { agent: &agent, env: &env, found: &mut found });
        (result, found)
    }

    fn assert_refused<T>((result, found): &(Option<T>, Diagnostics), reason: &str) {
        assert!(result.is_none() && found.errors[0].message.contains(reason), "{found:?}");
    }

    #[test]
    fn every_space_has_a_default_distribution() {
        let default = acting(ActionPdSpec::Default, ActionPolicySpec::Default);
        for (space, expected) in [
            (Space::Discrete { n: 3 }, Dist::Categorical { n: 3 }),
            (
                Space::MultiDiscrete { nvec: vec![2, 5] },
                Dist::MultiCategorical { nvec: vec![2, 5] },
            ),
            (Space::MultiBinary { n: 4 }, Dist::Bernoulli { n: 4 }),
            (Space::symmetric(&[1.0, 1.0]), Dist::Continuous { family: Family::Normal, k: 2 }),
        ] {
            let (dist, found) = resolved(space, |resolver| resolver.dist(&default));
            assert_eq!(dist, Some(expected), "{found:?}");
        }
    }

    #[test]
    fn values_are_taken_by_argmax_but_for_a_temperature() {
        let discrete = || Space::Discrete { n: 3 };
        let dist =
            |pd, policy| resolved(discrete(), |r| r.value_dist(&acting(pd, policy), false)).0;
        let (default, greedy) = (ActionPdSpec::Default, ActionPolicySpec::EpsilonGreedy);
        assert_eq!(dist(default, greedy), Some(Dist::Argmax { n: 3 }));
        let boltzmann = ActionPolicySpec::Boltzmann;
        assert_eq!(dist(default, boltzmann), Some(Dist::Categorical { n: 3 }));
        assert_eq!(dist(ActionPdSpec::Argmax, boltzmann), Some(Dist::Argmax { n: 3 }));
        let refused =
            resolved(Space::symmetric(&[1.0]), |r| r.value_dist(&acting(default, greedy), false));
        assert_refused(&refused, "discrete action space, not a continuous one");
    }

    #[test]
    fn a_temperature_under_argmax_warns() {
        let plan = |resolver: &mut Resolver<'_>| {
            let schedule = Schedule::Constant(1.0);
            resolver.boltzmann(&Dist::Argmax { n: 2 }, schedule)
        };
        let (_, found) = resolved(Space::Discrete { n: 2 }, plan);
        assert!(found.is_ok() && found.warnings[0].message.contains("changes nothing"));
    }

    #[test]
    fn actions_the_environment_does_not_take_are_refused() {
        let beta = acting(ActionPdSpec::Beta, ActionPolicySpec::Default);
        let narrow = || Space::symmetric(&[1.0, 0.5]);
        assert_refused(&resolved(narrow(), |r| r.dist(&beta)), "from -1 to 1");
        let random = acting(ActionPdSpec::LogNormal, ActionPolicySpec::Random);
        let plan = |resolver: &mut Resolver<'_>| {
            let dist = resolver.dist(&random).expect("it fits");
            resolver.acting(&random, &dist)
        };
        assert_refused(&resolved(narrow(), plan), "never are");
    }

    #[test]
    fn beta_has_no_log_std_of_its_own() {
        let dist = |family| Dist::Continuous { family, k: 2 };
        let heads = |family, init| {
            resolved(Space::symmetric(&[1.0; 2]), |r| r.policy_heads(&dist(family), init))
        };
        assert_refused(&heads(Family::Beta, Some(0.0)), "has no σ");
        assert_eq!(heads(Family::Beta, None).0, Some((vec![2, 2], None)));
        assert_eq!(heads(Family::Gumbel, Some(-1.0)).0, Some((vec![2], Some(-1.0))));
    }
}
