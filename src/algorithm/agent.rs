//! The contract between an algorithm and the loop that runs it.

use std::ops::Range;

use serde_json::Value as Json;
use slm_env::{ActionBatch, SeedSequence, Space, StateError, StateReader, StateWriter, StepBatch};
use slm_policy::{ActionHead, Network};

use crate::config::{AgentSpec, Diagnostics};
use crate::net::Compute;

/// A line of the registry: an algorithm by name.
pub struct AlgorithmDef {
    /// Value of `agent.algorithm.name`.
    pub name: &'static str,
    /// One line for `slm-lab algorithm list`.
    pub summary: &'static str,
    /// Reads the keys of `agent.algorithm` alone, where there is no environment to resolve it for.
    pub check: fn(&AgentSpec, &mut Diagnostics),
    /// Resolves `agent` of a spec for an environment; `None` after reporting why it can not.
    pub plan: fn(&AgentSpec, &EnvShape, &mut Diagnostics) -> Option<Box<dyn AgentPlan>>,
    /// Keys of `agent.algorithm`, for the JSON schema.
    pub schema: fn() -> Json,
}

/// What an algorithm must know of the environments it learns in.
#[derive(Clone, Debug)]
pub struct EnvShape {
    /// Number of environments stepped together.
    pub num_envs: usize,
    /// Frames of the whole session.
    pub max_frame: u64,
    /// Observations as the agent sees them.
    pub obs_space: Space,
    /// Whether observations are pixels of one byte.
    pub obs_u8: bool,
    /// Actions as the environment takes them.
    pub action_space: Space,
}

/// What a spec means to its algorithm: every number derived, every rule checked.
pub trait AgentPlan: Send + Sync {
    /// A new agent.
    fn build(&self, context: &AgentContext<'_>) -> Box<dyn Agent>;

    /// `agent.algorithm` with every default filled in, to be saved beside results.
    fn algorithm_json(&self) -> Json;

    /// `agent.memory`, likewise.
    fn memory_json(&self) -> Json;

    /// Whether a network depends on the episode so far. The kernels have no such layers: it learns as
    /// Burn tensors on the processor too.
    fn is_recurrent(&self) -> bool {
        false
    }
}

/// What an agent is made with.
pub struct AgentContext<'a> {
    /// What trains its networks.
    pub compute: &'a Compute,
    /// Source of the agent's random streams.
    pub seed: &'a SeedSequence,
}

/// What one update reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainStats {
    /// Mean loss over the update's gradient steps.
    pub loss: f64,
}

/// The part of an agent that a game or a robot embeds.
pub struct ActingNet {
    /// From normalized observations to distribution parameters.
    pub network: Network,
    /// From those to an action.
    pub head: ActionHead,
}

/// A learning agent, driven as act → step → observe → update.
///
/// All methods are infallible: what can fail is checked when plans are made.
pub trait Agent: Send {
    /// Chooses actions `[n, …]` for the observations `[n, width]` of `batch`.
    fn act(&mut self, batch: &StepBatch, actions: &mut ActionBatch);

    /// From how many nanoseconds of stepping on it gains from environments in two halves: it thinks about one
    /// while the other steps. None where it does not.
    fn min_nanos_per_half(&self) -> Option<u64> {
        None
    }

    /// As [`act`](Self::act) for some `rows` of `batch` alone: all of them, or half of the environments. The second
    /// half has its turn when the first has stepped.
    ///
    /// # Panics
    /// When it gains nothing from halves and is asked for less than all rows.
    fn act_on(&mut self, rows: Range<usize>, batch: &StepBatch, actions: &mut ActionBatch) {
        assert_eq!(rows, 0..batch.steps.len(), "this agent acts in all environments at once");
        self.act(batch, actions);
    }

    /// Takes in what followed the actions.
    fn observe(&mut self, batch: &StepBatch);

    /// Learns, if it is time, and moves schedules on to `frame`.
    fn update(&mut self, frame: u64) -> Option<TrainStats>;

    /// Names of the metric columns this agent adds to SLM-Lab's.
    fn metric_names(&self) -> Vec<&'static str>;

    /// Their present values, in the order of the names.
    fn metrics(&self) -> Vec<f64>;

    /// L2 norm of the last gradient, before clipping; `None` without networks.
    fn grad_norm(&self) -> Option<f64>;

    /// Mean learning rate of the next step.
    fn lr(&self) -> f64;

    /// Optimizer steps taken so far.
    fn opt_step(&self) -> u64;

    /// The network that acts, for export and playback; `None` for agents without one.
    fn acting_net(&self) -> Option<ActingNet>;

    /// Writes everything that changes while the agent lives.
    fn save(&self, out: &mut StateWriter);

    /// Reads what [`save`](Self::save) wrote, in an agent of the same plan.
    ///
    /// # Errors
    /// When the state belongs to another plan or ends early.
    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError>;
}
