//! A step of an agent in its environments, as training and its benchmark make it.

use slm_env::{ActionBatch, StepBatch, VecEnv};

use super::profile::{Phase, Profiler};
use crate::algorithm::Agent;

/// Acts, steps every environment and lets the agent observe what came of it. Where environments step in parts,
/// the agent thinks about the others meanwhile.
pub(super) fn interact(
    agent: &mut dyn Agent,
    env: &mut dyn VecEnv,
    batch: &mut StepBatch,
    actions: &mut ActionBatch,
    profiler: &mut Profiler,
) {
    if env.num_parts() == 1 {
        profiler.time(Phase::Act, || agent.act(batch, actions));
        profiler.time(Phase::Step, || env.step(actions, batch));
    } else {
        for part in 0..env.num_parts() {
            let rows = env.part(part);
            profiler.time(Phase::Act, || agent.act_on(rows, batch, actions));
            profiler.time(Phase::Step, || env.step_part(part, actions, batch));
        }
    }
    profiler.time(Phase::Observe, || agent.observe(batch));
}
