//! Environments in a world of their own: stepped alone, or many at once.

use slm_env::{Env, Rng, Step, StepRow, StepRows};

use crate::physics::{World, Worlds};

/// An environment in a world.
pub(crate) trait InWorld: Env {
    /// Duration of a step, s.
    const DT: f32;
    /// The most iterations for velocities and for positions.
    const ITERATIONS: [u32; 2];

    /// Its world.
    fn world(&mut self) -> &mut World;

    /// What comes before the world's step.
    fn act(&mut self, action: &Self::Action, rng: &mut Rng);

    /// What comes after it.
    fn conclude(&mut self, action: &Self::Action, obs: &mut [Self::Obs]) -> Step;
}

/// The worlds of many environments.
struct RowWorlds<'a, 'r, E: Env>(&'a mut StepRows<'r, E>);

impl<E: InWorld> Worlds for RowWorlds<'_, '_, E> {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn world(&mut self, i: usize) -> &mut World {
        self.0.row(i).env.world()
    }
}

/// Steps an environment's world.
pub(crate) fn advance<E: InWorld>(env: &mut E) {
    let [velocity_iterations, position_iterations] = E::ITERATIONS;
    env.world().step(E::DT, velocity_iterations, position_iterations);
}

/// Steps one environment.
pub(crate) fn step<E: InWorld>(
    env: &mut E,
    action: &E::Action,
    rng: &mut Rng,
    obs: &mut [E::Obs],
) -> Step {
    env.act(action, rng);
    advance(env);
    env.conclude(action, obs)
}

/// Steps many environments, their worlds at once.
pub(crate) fn step_rows<E: InWorld>(rows: &mut StepRows<'_, E>) {
    for i in 0..rows.count() {
        let StepRow { env, rng, action, .. } = rows.row(i);
        env.act(action, rng);
    }
    let [velocity_iterations, position_iterations] = E::ITERATIONS;
    RowWorlds(rows).step(E::DT, velocity_iterations, position_iterations);
    for i in 0..rows.count() {
        let StepRow { env, action, obs, step, .. } = rows.row(i);
        *step = env.conclude(action, obs);
    }
}
