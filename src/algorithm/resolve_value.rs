//! From specs to networks of action values, and to how actions are chosen by them.

use slm_env::Space;

use super::acting::{ActingPlan, ActionPolicy};
use super::acting_spec::{ActingSpec, ActionPdSpec, ActionPolicySpec};
use super::resolve::Resolver;
use super::resolve_acting::kind_of;
use super::resolve_train::train_plan;
use crate::config::NetPartSpec;
use crate::net::{Dist, LossFn, NetPlan, TrainPlan};

/// A network of action values, resolved.
pub struct ValueNet {
    /// What it looks like.
    pub plan: NetPlan,
    /// How it is trained.
    pub train: TrainPlan,
    /// What the spec says of it.
    pub part: NetPartSpec,
    /// Loss of a TD error.
    pub loss: LossFn,
}

impl Resolver<'_> {
    /// The distribution over action values: by default [`Dist::Argmax`], which under `boltzmann`
    /// leaves nothing to the temperature and gives way to [`Dist::Categorical`].
    ///
    /// Several discrete actions at once only `is_hydra` can value.
    pub fn value_dist(&mut self, spec: &ActingSpec, is_hydra: bool) -> Option<Dist> {
        if is_hydra && matches!(self.env.action_space, Space::MultiDiscrete { .. }) {
            return self.dist(spec);
        }
        let Space::Discrete { n } = self.env.action_space else {
            let kind = kind_of(&self.env.action_space);
            let message = format!("action values need a discrete action space, not a {kind} one");
            self.error("name", message);
            return None;
        };
        let is_boltzmann = spec.action_policy == ActionPolicySpec::Boltzmann;
        if spec.action_pdtype == ActionPdSpec::Default && !is_boltzmann {
            return Some(Dist::Argmax { n: n as usize });
        }
        self.dist(spec)
    }

    /// How actions are chosen by their values; `default` with an `explore_var_spec` is ε-greedy.
    pub fn value_acting(&mut self, spec: &ActingSpec, dist: &Dist) -> Option<ActingPlan> {
        let explores = spec.explore_var_spec.is_some();
        if spec.action_policy == ActionPolicySpec::Default && explores {
            let action_policy = ActionPolicySpec::EpsilonGreedy;
            return self.acting(&ActingSpec { action_policy, ..spec.clone() }, dist);
        }
        let acting = self.acting(spec, dist)?;
        if matches!((&acting.action_policy, dist), (ActionPolicy::Sample, Dist::Argmax { .. })) {
            let text = "the best action is always taken, nothing else is tried".to_owned();
            let warning = self.agent.algorithm.error_in("action_policy", text);
            let help = "`action_policy: epsilon_greedy` with an `explore_var_spec` explores";
            self.found.warning(warning.with_help(help.to_owned()));
        }
        Some(acting)
    }

    /// A network of action values with a head of each width; recurrent ones are refused.
    pub fn value_net(&mut self, heads: &[usize]) -> Option<ValueNet> {
        let net = self.net_spec()?;
        self.refuse_recurrent(&net.actor)?;
        self.sequence_value_net(heads)
    }

    /// As [`value_net`](Self::value_net), also recurrent, for what learns from sequences.
    pub fn sequence_value_net(&mut self, heads: &[usize]) -> Option<ValueNet> {
        let net = self.net_spec()?;
        let part = &net.actor;
        self.note_critics(&net);
        self.note_log_std(part, "action values have no σ to start");
        let stds = vec![part.training.init_std; heads.len()];
        let plan = self.sequence_net_plan(part, heads, &stds, None)?;
        let (loss, train) = (self.value_loss(part)?, train_plan(&part.training));
        Some(ValueNet { plan, train, part: net.actor, loss })
    }
}
