//! Recurrent policies and values: a rollout is learned from in chunks of a few steps, through which
//! gradients go back in time. Williams & Peng (1990), doi:10.1162/neco.1990.2.4.490.
//!
//! A chunk begins in the state that the network has there: one pass over the whole rollout before
//! the update, from the state where the rollout begins, gives it for the parameters that acted. Through
//! the gradient steps of the update the states stand still, as the "stored state" of Kapturowski et al.
//! (2019), "Recurrent Experience Replay in Distributed Reinforcement Learning", ICLR, does for longer.
//!
//! Unlike SLM-Lab 5, whose recurrent networks see `seq_len` copies of one observation.

use burn::tensor::{Device, Int, Tensor};
use slm_env::{StateError, StateReader, StateWriter};

use super::NetsPlan;
use super::source::{ObsSource, indices};
use super::stepped::{Stepped, Whose};
use crate::memory::{Chunks, Rollout};
use crate::net::{DeviceSequences, Net, NetPlan, Sequences, forget};

/// What recurrent networks carry from rollout to rollout, and know of the latest one.
pub(super) struct Carried {
    seq_len: usize,
    actor: States,
    /// Of a critic apart.
    critic: States,
    /// The latest rollout's chunks.
    chunks: Chunks,
    /// Its rows that begin an episode, which forget the state before them `[T, n]`.
    starts: Vec<bool>,
}

/// The states of one network.
#[derive(Default)]
struct States {
    width: usize,
    /// Where the next rollout begins `[n, width]`.
    next: Vec<f32>,
    /// Where each chunk of the latest one begins `[chunks, width]`.
    chunks: Vec<f32>,
    /// After each of its rows that a time limit cut `[rows cut, width]`.
    truncated: Vec<f32>,
}

/// What a network says of a rollout.
pub(super) struct Said {
    /// Output rows of the observations acted on `[T, n, output]`.
    pub(super) rows: Vec<f32>,
    /// Of those whose value bootstraps, as [`Rollout::bootstrap_obs`] gives them.
    pub(super) bootstrap: Vec<f32>,
}

/// The chunks of a minibatch, on the device.
pub(super) struct ChunkBatch {
    actor: DeviceSequences,
    /// States of a critic apart `[m, width]`.
    critic_states: Tensor<2>,
    /// Where the minibatch's rows are among those of the sequences.
    picks: Tensor<1, Int>,
}

impl Carried {
    /// Nothing yet; `None` where no network is recurrent.
    pub(super) fn new(plan: &NetsPlan) -> Option<Self> {
        let critic = plan.separate_critic();
        plan.is_recurrent().then(|| Self {
            seq_len: plan.seq_len(),
            actor: States { width: plan.actor.state_width(), ..States::default() },
            critic: States { width: critic.map_or(0, NetPlan::state_width), ..States::default() },
            chunks: Chunks { num_envs: 1, steps: 0, len: 1 },
            starts: Vec::new(),
        })
    }

    /// Steps that gradients go back.
    pub(super) fn seq_len(&self) -> usize {
        self.seq_len
    }

    /// Takes in a rollout, which follows the one before; its networks are stepped through it next.
    pub(super) fn begin(&mut self, rollout: &Rollout) {
        self.chunks = rollout.chunks(self.seq_len);
        // What was carried here was forgotten where it had to be.
        self.starts = rollout.starts();
    }

    /// Steps `net` through the rollout.
    pub(super) fn say(&mut self, net: &Stepped, rollout: &Rollout) -> Said {
        let (chunks, starts) = (self.chunks, &self.starts);
        let states = match net.whose {
            Whose::Actor => &mut self.actor,
            Whose::Critic => &mut self.critic,
        };
        states.say(net, rollout, chunks, starts)
    }

    /// V of what a time limit cut off in the rollout, through which `net` has been stepped.
    pub(super) fn truncated_values(&self, net: &Stepped, rollout: &Rollout) -> Vec<f32> {
        let states = match net.whose {
            Whose::Actor => &self.actor.truncated,
            Whose::Critic => &self.critic.truncated,
        };
        net.values(&net.rows(rollout.truncated_rows_obs(), states.clone()))
    }

    /// The chunks in which `rows` lie, whose observations are among `obs` `[T·n, input]`.
    pub(super) fn batch(&self, obs: &ObsSource<'_>, rows: &[u32], device: &Device) -> ChunkBatch {
        let (found, picks) = self.find(rows);
        let (steps, keep) = self.unfold(&found);
        ChunkBatch {
            actor: DeviceSequences {
                obs: obs.pick(&steps, &indices(&steps, device)),
                keep: Tensor::<1>::from_data(keep.as_slice(), device).reshape([keep.len(), 1]),
                states: self.actor.of_chunks(&found, device),
            },
            critic_states: self.critic.of_chunks(&found, device),
            picks: indices(&picks, device),
        }
    }

    /// The chunks in which `rows` lie `[m]`, and where the rows are among theirs `[seq_len, m]`.
    fn find(&self, rows: &[u32]) -> (Vec<usize>, Vec<u32>) {
        let mut places = vec![None; self.chunks.count()];
        let mut found = Vec::new();
        let mut steps = Vec::with_capacity(rows.len());
        for &row in rows {
            let (chunk, step) = self.chunks.place_of(row as usize);
            let place = *places[chunk].get_or_insert_with(|| {
                found.push(chunk);
                found.len() - 1
            });
            steps.push((step, place));
        }
        let picks = steps.iter().map(|(step, place)| (step * found.len() + place) as u32).collect();
        (found, picks)
    }

    /// Rows of the steps of some chunks `[seq_len, m]`, and 0 where one begins an episode, else 1.
    fn unfold(&self, found: &[usize]) -> (Vec<u32>, Vec<f32>) {
        let Self { chunks, starts, .. } = self;
        let (mut indices, mut keep) = (Vec::new(), Vec::new());
        for step in 0..chunks.len.min(chunks.steps) {
            for &chunk in found {
                let first = chunks.first_row(chunk);
                // Beyond a shorter chunk's end anything will do: it is not picked.
                let row = first + step * chunks.num_envs;
                let row = if row < starts.len() { row } else { first };
                indices.push(row as u32);
                keep.push(if step > 0 && starts[row] { 0.0 } else { 1.0 });
            }
        }
        (indices, keep)
    }

    /// Writes the states that the next rollout begins in.
    pub(super) fn save(&self, out: &mut StateWriter) {
        out.f32s(&self.actor.next);
        out.f32s(&self.critic.next);
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state ends early.
    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.actor.next = from.f32s()?;
        self.critic.next = from.f32s()?;
        Ok(())
    }
}

impl States {
    fn say(&mut self, net: &Stepped, rollout: &Rollout, chunks: Chunks, starts: &[bool]) -> Said {
        let Chunks { num_envs: n, .. } = chunks;
        self.next.resize(n * self.width, 0.0);
        let said = net.through(rollout, starts, &self.next);
        self.set_chunks(chunks, starts, &said.states);
        let rows = rollout.bootstrap_rows();
        let states = gather(&said.states, rows.iter().map(|&row| row as usize), self.width);
        self.next.copy_from_slice(&states[..n * self.width]);
        forget(&mut self.next, rollout.newest_ended().iter().copied());
        self.truncated = states[n * self.width..].to_vec();
        Said { rows: said.outputs, bootstrap: net.rows(&rollout.bootstrap_obs(), states) }
    }

    /// Takes the states where chunks begin from those that each row `left`.
    fn set_chunks(&mut self, chunks: Chunks, starts: &[bool], left: &[f32]) {
        let n = chunks.num_envs;
        self.chunks.clear();
        self.chunks.extend_from_slice(&self.next);
        let firsts = (n..chunks.count()).map(|chunk| chunks.first_row(chunk));
        let mut states = gather(left, firsts.clone().map(|row| row - n), self.width);
        let begins: Vec<bool> = firsts.map(|row| starts[row]).collect();
        forget(&mut states, begins.into_iter());
        self.chunks.extend_from_slice(&states);
    }

    /// Those of some chunks `[m, width]`.
    fn of_chunks(&self, chunks: &[usize], device: &Device) -> Tensor<2> {
        let states = gather(&self.chunks, chunks.iter().copied(), self.width);
        DeviceSequences::upload_states(&states, chunks.len(), device)
    }
}

impl Said {
    /// V of the rows, and of what bootstraps, where `net` said it.
    pub(super) fn values(&self, net: &Stepped) -> (Vec<f32>, Vec<f32>) {
        (net.values(&self.rows), net.values(&self.bootstrap))
    }
}

impl ChunkBatch {
    /// The later halves of `histories`, from the states that the earlier ones lead to; their last steps
    /// are the rows.
    pub(super) fn of_histories(
        histories: Sequences<'_>,
        actor: &Stepped,
        critic: Option<&Stepped>,
        device: &Device,
    ) -> Self {
        let [seen, learned] = histories.halves();
        let upload =
            |net: &Stepped| DeviceSequences::upload(learned, &net.to_end(seen).states, device);
        let actor = upload(actor);
        let critic_states = critic.map_or_else(|| actor.states.clone(), |net| upload(net).states);
        let (count, rows) = (histories.count as u32, learned.starts.len() as u32);
        let picks: Vec<u32> = (rows - count..rows).collect();
        Self { actor, critic_states, picks: indices(&picks, device) }
    }

    /// The same with some of the rows.
    pub(super) fn pick(&self, rows: &[u32]) -> Self {
        let Self { actor, critic_states, picks } = self;
        let picks = picks.clone().select(0, indices(rows, &picks.device()));
        Self { actor: actor.clone(), critic_states: critic_states.clone(), picks }
    }

    /// Output rows of the minibatch, from a net that learns from them; one that carries nothing sees
    /// the rows alone, as a batch to normalize.
    pub(super) fn forward_training(&self, net: &mut Net, whose: Whose) -> Tensor<2> {
        if !net.is_recurrent() {
            return net.forward_training(self.actor.obs.clone().select(0, self.picks.clone()));
        }
        let outputs = match whose {
            Whose::Actor => net.forward_sequences(&self.actor),
            Whose::Critic => {
                let states = self.critic_states.clone();
                net.forward_sequences(&DeviceSequences { states, ..self.actor.clone() })
            }
        };
        outputs.select(0, self.picks.clone())
    }
}

/// Rows of `values` `[rows, width]`, one after another.
fn gather(values: &[f32], rows: impl Iterator<Item = usize>, width: usize) -> Vec<f32> {
    rows.flat_map(|row| &values[row * width..(row + 1) * width]).copied().collect()
}
