//! Keys of `agent.algorithm` that say how actions are chosen; the same for every algorithm.

use crate::config::{ScheduleSpec, spec, spec_enum};

spec_enum! {
    /// The distribution that the network's outputs parameterize.
    pub enum ActionPdSpec: "action distribution" {
        /// Categorical for discrete actions, Normal for continuous ones.
        Default = "default",
        /// One of n actions, by logits.
        Categorical = "Categorical",
        /// Independent normal distributions.
        Normal = "Normal",
    }
    not_built [
        "Argmax", "GumbelSoftmax", "MultiCategorical", "Bernoulli", "MultivariateNormal", "Beta",
        "LogNormal", "Gumbel", "NormalTanh"
    ]
}

spec_enum! {
    /// How an action is taken from its distribution.
    pub enum ActionPolicySpec: "action policy" {
        /// A sample of the distribution.
        Default = "default",
        /// A uniform sample of the action space.
        Random = "random",
        /// Uniform with probability ε, else the most likely action.
        EpsilonGreedy = "epsilon_greedy",
        /// A sample at temperature τ.
        Boltzmann = "boltzmann",
    }
}

spec! {
    /// How actions are chosen.
    pub struct ActingSpec {
        /// The distribution that the network's outputs parameterize.
        action_pdtype: ActionPdSpec = default(ActionPdSpec::Default);
        /// How an action is taken from it.
        action_policy: ActionPolicySpec = default(ActionPolicySpec::Default);
        /// ε or τ over frames, for the policies that have one.
        explore_var_spec: Option<ScheduleSpec> = nullable;
    }
}
