//! Keys of `agent.algorithm` for SARSA, and what they mean.

use serde_json::Value as Json;

use super::{Sarsa, SarsaPlan};
use crate::algorithm::acting_spec::ActingSpec;
use crate::algorithm::agent::{Agent, AgentContext, AgentPlan, AlgorithmDef, EnvShape};
use crate::algorithm::resolve::{NO_TARGET, Resolver};
use crate::config::{
    AgentSpec, Diagnostics, MemorySpec, algorithm_schema, read_algorithm, spec, to_json,
};

/// The registry line.
pub const DEF: AlgorithmDef = AlgorithmDef {
    name: "SARSA",
    summary: "on-policy learning of action values (Rummery & Niranjan 1994)",
    check: |agent, found| {
        read_algorithm::<SarsaSpec>(&agent.algorithm, found);
    },
    plan,
    schema: || algorithm_schema::<SarsaSpec>("SARSA"),
};

spec! {
    /// SARSA.
    pub struct SarsaSpec {
        /// How actions are chosen.
        acting: ActingSpec = flatten;
        /// Discount γ of future rewards.
        gamma: f64 = required, in 0.0..=1.0;
        /// Vector steps (or episodes, with `OnPolicyReplay`) between updates.
        training_frequency: usize = required, in 1..;
    }
    ignored {
        normalize_state: "since SLM-Lab 5 the key is `env.normalize_obs`";
    }
}

/// A SARSA agent, resolved, and the spec it came from.
struct ResolvedSarsa {
    plan: SarsaPlan,
    algorithm: Json,
    memory: Json,
}

impl AgentPlan for ResolvedSarsa {
    fn build(&self, context: &AgentContext<'_>) -> Box<dyn Agent> {
        Box::new(Sarsa::new(self.plan.clone(), context))
    }

    fn algorithm_json(&self) -> Json {
        self.algorithm.clone()
    }

    fn memory_json(&self) -> Json {
        self.memory.clone()
    }
}

fn plan(agent: &AgentSpec, env: &EnvShape, found: &mut Diagnostics) -> Option<Box<dyn AgentPlan>> {
    let spec = read_algorithm::<SarsaSpec>(&agent.algorithm, found);
    let mut resolver = Resolver { agent, env, found };
    let memory = resolver.memory();
    let (spec, memory) = (spec?, memory?);
    if let MemorySpec::OnPolicyCrossEntropy(_) = memory {
        let message = "SARSA learns from all episodes, this memory keeps the best";
        let error = agent.memory.error_in("name", message.to_owned());
        resolver.found.error(error.with_help("OnPolicyReplay keeps all of them".to_owned()));
        return None;
    }
    let update_every = resolver.update_every(&memory, spec.training_frequency);
    let dist = resolver.value_dist(&spec.acting, false)?;
    let acting = resolver.value_acting(&spec.acting, &dist);
    let net = resolver.value_net(&[dist.width()]);
    let rollout = resolver.rollout(&dist);
    let (acting, net) = (acting?, net?);
    resolver.note_target_keys(&net.part, None, NO_TARGET);
    resolver.check_rollout("training_frequency", update_every);
    let plan = SarsaPlan {
        loss: net.loss,
        net: net.plan,
        train: net.train,
        acting,
        rollout,
        update_every,
        gamma: spec.gamma,
    };
    let (algorithm, memory) = (to_json(&spec), to_json(&memory));
    Some(Box::new(ResolvedSarsa { plan, algorithm, memory }))
}
