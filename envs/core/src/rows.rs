//! A contiguous chunk of the copies of one environment, stepped on one thread.

use crate::env::{Action, Env, Step};
use crate::frame::Frame;
use crate::rng::Rng;
use crate::state::{StateError, StateReader, StateWriter};

/// What an action batch of the environment holds.
pub(crate) type ActionValue<E> = <<E as Env>::Action as Action>::Value;

/// Copies of one environment, with what each needs to run for itself.
pub(crate) struct Rows<E: Env> {
    rows: Vec<Row<E>>,
    shape: RowShape,
}

/// What all rows have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowShape {
    /// Numbers of an observation.
    pub(crate) obs_width: usize,
    /// Numbers of an action.
    pub(crate) action_width: usize,
    /// Steps after which an episode is truncated.
    pub(crate) max_episode_steps: u32,
}

/// Where the rows write, of as many rows.
pub(crate) struct RowsOut<'a, T> {
    pub(crate) obs: &'a mut [T],
    pub(crate) final_obs: &'a mut [T],
    pub(crate) steps: &'a mut [Step],
}

/// A step of copies of an environment: each with its action, its generator and where its results go.
pub struct StepRows<'a, E: Env> {
    rows: &'a mut [Row<E>],
    actions: &'a [ActionValue<E>],
    obs: &'a mut [E::Obs],
    steps: &'a mut [Step],
    shape: RowShape,
}

/// A step of one copy.
pub struct StepRow<'a, E: Env> {
    /// The copy.
    pub env: &'a mut E,
    /// Its generator.
    pub rng: &'a mut Rng,
    /// Its action.
    pub action: &'a E::Action,
    /// Where its observation goes.
    pub obs: &'a mut [E::Obs],
    /// Where the rest of its results goes.
    pub step: &'a mut Step,
}

struct Row<E> {
    env: E,
    rng: Rng,
    elapsed: u32,
}

impl<E: Env> StepRows<'_, E> {
    /// How many copies there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// Copy `i`.
    pub fn row(&mut self, i: usize) -> StepRow<'_, E> {
        let RowShape { obs_width, action_width, .. } = self.shape;
        let Row { env, rng, .. } = &mut self.rows[i];
        StepRow {
            env,
            rng,
            action: E::Action::row(self.actions, i, action_width),
            obs: &mut self.obs[i * obs_width..(i + 1) * obs_width],
            step: &mut self.steps[i],
        }
    }
}

impl<E: Env> Rows<E> {
    pub(crate) fn new(envs: impl Iterator<Item = E>, shape: RowShape) -> Self {
        let rows = envs.map(|env| Row { env, rng: Rng::from_seed(0), elapsed: 0 }).collect();
        Self { rows, shape }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn shape(&self) -> RowShape {
        self.shape
    }

    /// Gives row i the generator of seed `first + i`.
    pub(crate) fn seed(&mut self, first: u64) {
        for (i, row) in self.rows.iter_mut().enumerate() {
            row.rng = Rng::from_seed(first.wrapping_add(i as u64));
            row.env.forget();
        }
    }

    pub(crate) fn reset(&mut self, obs: &mut [E::Obs]) {
        for (row, obs) in self.rows.iter_mut().zip(obs.chunks_exact_mut(self.shape.obs_width)) {
            row.reset(obs);
        }
    }

    pub(crate) fn step(&mut self, actions: &[ActionValue<E>], out: RowsOut<'_, E::Obs>) {
        let RowsOut { obs, final_obs, steps } = out;
        let Self { rows, shape } = self;
        E::step_rows(&mut StepRows { rows, actions, obs, steps, shape: *shape });
        let RowShape { obs_width, max_episode_steps, .. } = *shape;
        let obs_rows = obs.chunks_exact_mut(obs_width);
        let written = obs_rows.zip(final_obs.chunks_exact_mut(obs_width)).zip(steps);
        for (row, ((obs, final_obs), step)) in rows.iter_mut().zip(written) {
            row.elapsed += 1;
            step.truncated |= row.elapsed >= max_episode_steps;
            if step.is_last() {
                final_obs.copy_from_slice(obs);
                row.reset(obs);
            }
        }
    }

    pub(crate) fn render(&self, i: usize, frame: &mut Frame) {
        self.rows[i].env.render(frame);
    }

    pub(crate) fn save(&self, out: &mut StateWriter) {
        for row in &self.rows {
            row.rng.save(out);
            out.u32(row.elapsed);
            row.env.save(out);
        }
    }

    pub(crate) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        for row in &mut self.rows {
            row.rng.load(from)?;
            row.elapsed = from.u32()?;
            row.env.load(from)?;
        }
        Ok(())
    }
}

impl<E: Env> Row<E> {
    fn reset(&mut self, obs: &mut [E::Obs]) {
        self.elapsed = 0;
        self.env.reset(&mut self.rng, obs);
    }
}
