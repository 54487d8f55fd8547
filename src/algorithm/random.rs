//! Uniformly random actions: the baseline that every learner has to beat.

use serde_json::Value as Json;
use slm_env::{ActionBatch, Rng, Space, StateError, StateReader, StateWriter, StepBatch};

use super::acting_spec::ActingSpec;
use super::agent::{ActingNet, Agent, AgentContext, AgentPlan, AlgorithmDef, EnvShape, TrainStats};
use crate::config::{AgentSpec, Diagnostics, algorithm_schema, read_algorithm, spec, to_json};

/// The registry line.
pub const DEF: AlgorithmDef = AlgorithmDef {
    name: "Random",
    summary: "uniformly random actions: the baseline",
    check: |agent, found| {
        read_algorithm::<RandomSpec>(&agent.algorithm, found);
    },
    plan,
    schema: || algorithm_schema::<RandomSpec>("Random"),
};

spec! {
    /// Uniformly random actions; the keys of learning algorithms are allowed and change nothing.
    pub struct RandomSpec {
        /// How actions are chosen.
        acting: ActingSpec = flatten;
    }
    ignored {
        gamma: "Random does not learn";
        training_frequency: "Random does not learn";
    }
}

struct RandomPlan {
    spec: RandomSpec,
    memory: Json,
    space: Space,
}

fn plan(agent: &AgentSpec, env: &EnvShape, found: &mut Diagnostics) -> Option<Box<dyn AgentPlan>> {
    let spec = read_algorithm::<RandomSpec>(&agent.algorithm, found)?;
    let (memory, space) = (agent.memory.to_json(), env.action_space.clone());
    Some(Box::new(RandomPlan { spec, memory, space }))
}

impl AgentPlan for RandomPlan {
    fn build(&self, context: &AgentContext<'_>) -> Box<dyn Agent> {
        let rng = Rng::from_sequence(&context.seed.child("act", 0));
        Box::new(Random { space: self.space.clone(), rng, steps: 0 })
    }

    fn algorithm_json(&self) -> Json {
        to_json(&self.spec)
    }

    fn memory_json(&self) -> Json {
        self.memory.clone()
    }
}

struct Random {
    space: Space,
    rng: Rng,
    /// Vector steps, which SLM-Lab counts as this agent's optimizer steps.
    steps: u64,
}

impl Agent for Random {
    fn act(&mut self, batch: &StepBatch, actions: &mut ActionBatch) {
        (0..batch.steps.len()).for_each(|i| self.space.sample(&mut self.rng, actions, i));
    }

    fn observe(&mut self, _: &StepBatch) {}

    fn update(&mut self, _: u64) -> Option<TrainStats> {
        self.steps += 1;
        None
    }

    fn metric_names(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn metrics(&self) -> Vec<f64> {
        Vec::new()
    }

    fn grad_norm(&self) -> Option<f64> {
        None
    }

    fn lr(&self) -> f64 {
        f64::NAN
    }

    fn opt_step(&self) -> u64 {
        self.steps
    }

    fn acting_net(&self) -> Option<ActingNet> {
        None
    }

    fn save(&self, out: &mut StateWriter) {
        self.rng.save(out);
        out.u64(self.steps);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.rng.load(from)?;
        self.steps = from.u64()?;
        Ok(())
    }
}
