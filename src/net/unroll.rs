//! A network stepped through time on the host: what it says where each observation counts on those before.

use slm_policy::{Network, Scratch};

/// Sequences of T steps, side by side on the host, time first: row t·m + j is step t of sequence j.
#[derive(Clone, Copy, Debug)]
pub struct Sequences<'a> {
    /// How many there are, m.
    pub count: usize,
    /// Observations `[T, m, input]`.
    pub obs: &'a [f32],
    /// Rows `[T, m]` that begin an episode, which forget the state before them.
    pub starts: &'a [bool],
}

/// What a network said, and the states that each step left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unrolled {
    /// Output rows `[T, m, output]`.
    pub outputs: Vec<f32>,
    /// States after each row `[T, m, state_width]`.
    pub states: Vec<f32>,
}

impl<'a> Sequences<'a> {
    /// The earlier half of their steps, and the later one.
    ///
    /// # Panics
    /// When the number of steps is odd.
    pub fn halves(&self) -> [Self; 2] {
        assert!(
            (self.starts.len() / self.count).is_multiple_of(2),
            "two halves have equal lengths"
        );
        let (obs, starts) = (self.obs.split_at(self.obs.len() / 2), self.starts);
        let starts = starts.split_at(starts.len() / 2);
        let half = |obs: &'a [f32], starts: &'a [bool]| Self { count: self.count, obs, starts };
        [half(obs.0, starts.0), half(obs.1, starts.1)]
    }
}

/// Steps `network` through `sequences`, which begin in `states` `[m, state_width]`.
///
/// # Panics
/// When there are not as many states or starts as sequences and rows.
pub fn unroll(network: &Network, sequences: Sequences<'_>, states: &[f32]) -> Unrolled {
    let Sequences { count, obs, starts } = sequences;
    let (mut states, mut unrolled) = (states.to_vec(), Unrolled::default());
    let mut scratch = Scratch::default();
    let steps = starts.len() / count;
    for (obs, starts) in obs.chunks_exact(obs.len() / steps).zip(starts.chunks_exact(count)) {
        forget(&mut states, starts.iter().copied());
        unrolled.outputs.extend_from_slice(network.step(obs, count, &mut states, &mut scratch));
        unrolled.states.extend_from_slice(&states);
    }
    unrolled
}

/// Output rows `[m, output]` and states `[m, state_width]` after the last step of `sequences`, which begin
/// with no state.
pub fn unroll_to_end(network: &Network, sequences: Sequences<'_>) -> Unrolled {
    let before = vec![0.0; sequences.count * network.state_width()];
    let Unrolled { mut outputs, mut states } = unroll(network, sequences, &before);
    let steps = sequences.starts.len() / sequences.count;
    outputs.drain(..outputs.len() / steps * (steps - 1));
    states.drain(..states.len() / steps * (steps - 1));
    Unrolled { outputs, states }
}

/// Sets the states `[n, state_width]` of rows that begin an episode to zero.
pub fn forget(states: &mut [f32], begins: impl ExactSizeIterator<Item = bool>) {
    if !states.is_empty() {
        let width = states.len() / begins.len();
        for (state, begins) in states.chunks_exact_mut(width).zip(begins) {
            if begins {
                state.fill(0.0);
            }
        }
    }
}
