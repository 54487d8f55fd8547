//! Keys of `agent.algorithm` that say how actions are chosen; the same for every algorithm.

use crate::config::{ScheduleSpec, spec, spec_enum};

spec_enum! {
    /// The distribution that the network's outputs parameterize.
    ///
    /// Continuous ones take actions of any number of dimensions, which are independent. Their σ, or
    /// scale, is limited to [e⁻⁵, e²].
    pub enum ActionPdSpec: "action distribution" {
        /// Categorical for discrete actions (Argmax in value-based algorithms), MultiCategorical for
        /// multi-discrete, Bernoulli for multi-binary, Normal for continuous ones.
        Default = "default",
        /// One of n actions, by logits.
        Categorical = "Categorical",
        /// The action of the largest output, always; for value-based algorithms.
        Argmax = "Argmax",
        /// Categorical, sampled as the largest logit plus Gumbel noise; algorithms that
        /// differentiate their samples use the relaxed ones.
        GumbelSoftmax = "GumbelSoftmax",
        /// Several choices at once, each by its own logits.
        MultiCategorical = "MultiCategorical",
        /// Several switches at once, each by its own logit.
        Bernoulli = "Bernoulli",
        /// Independent normal distributions.
        Normal = "Normal",
        /// The same as Normal: SLM-Lab knows only diagonal covariances, and writes σ where σ² belongs.
        MultivariateNormal = "MultivariateNormal",
        /// A beta distribution with α, β > 1, stretched to actions between -1 and 1.
        Beta = "Beta",
        /// The exponential of a normal distribution: actions above 0.
        LogNormal = "LogNormal",
        /// A Gumbel distribution by location and scale.
        Gumbel = "Gumbel",
        /// tanh of a normal distribution: actions between -1 and 1.
        NormalTanh = "NormalTanh",
    }
}

spec_enum! {
    /// How an action is taken from its distribution.
    pub enum ActionPolicySpec: "action policy" {
        /// A sample of the distribution.
        Default = "default",
        /// A uniform sample of the action space.
        Random = "random",
        /// In each environment uniform with probability ε, else the most likely action.
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
