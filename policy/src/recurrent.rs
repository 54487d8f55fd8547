//! Recurrent layers: cells that carry a state from one observation of an episode to the next.

use crate::error::LoadError;
use crate::linear::Linear;
use crate::math::{sigmoid, tanh};

/// The kind of a recurrent layer, with `PyTorch`'s formulas, order of gates and two biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Elman (1990), doi:10.1207/s15516709cog1402_1: h ← tanh(W x + b + U h + c).
    Rnn,
    /// Cho et al. (2014), arXiv:1406.1078, as `PyTorch` has it: with the gates r, z and n,
    /// r, z = σ(W x + b + U h + c), n = tanh(W x + b + r·(U h + c)), h ← (1 − z)·n + z·h.
    Gru,
    /// Hochreiter & Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735, with forget gates: with the
    /// gates i, f, g and o of W x + b + U h + c, the memory m ← σ(f)·m + σ(i)·tanh(g) and
    /// h ← σ(o)·tanh(m).
    Lstm,
}

/// One recurrent layer of `hidden` units, whose output is its hidden state h.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrent {
    cell: Cell,
    /// W x + b `[inputs, gates · hidden]`.
    input: Linear,
    /// U h + c `[hidden, gates · hidden]`.
    recurrence: Linear,
}

/// The columns of states `[n, width]` that belong to one layer: `start` is the first of them.
pub(crate) struct States<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) width: usize,
    pub(crate) start: usize,
}

impl Cell {
    /// Every cell.
    pub const ALL: [Self; 3] = [Self::Rnn, Self::Gru, Self::Lstm];

    /// Its name in policy files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rnn => "rnn",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
        }
    }

    /// Number of its gates, each as wide as the hidden state.
    pub fn gates(self) -> usize {
        match self {
            Self::Rnn => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Numbers that `hidden` units carry: h, and after it an LSTM's memory.
    pub fn state_width(self, hidden: usize) -> usize {
        match self {
            Self::Rnn | Self::Gru => hidden,
            Self::Lstm => 2 * hidden,
        }
    }

    /// Moves the state of one row on, given W x + b and U h + c, both `[gates · hidden]`.
    #[inline(always)]
    fn advance(self, x: &[f32], h: &[f32], state: &mut [f32]) {
        match self {
            Self::Rnn => {
                for (state, (x, h)) in state.iter_mut().zip(x.iter().zip(h)) {
                    *state = tanh(x + h);
                }
            }
            Self::Gru => advance_gru(x, h, state),
            Self::Lstm => advance_lstm(x, h, state),
        }
    }
}

#[inline(always)]
fn advance_gru(x: &[f32], h: &[f32], state: &mut [f32]) {
    let k = state.len();
    let ([xr, xz, xn], [hr, hz, hn]) = (gates(x, k), gates(h, k));
    for j in 0..k {
        let reset = sigmoid(xr[j] + hr[j]);
        let update = sigmoid(xz[j] + hz[j]);
        let new = tanh(xn[j] + reset * hn[j]);
        state[j] = (1.0 - update) * new + update * state[j];
    }
}

#[inline(always)]
fn advance_lstm(x: &[f32], h: &[f32], state: &mut [f32]) {
    let k = state.len() / 2;
    let ([xi, xf, xg, xo], [hi, hf, hg, ho]) = (gates(x, k), gates(h, k));
    let (hidden, memory) = state.split_at_mut(k);
    let memory = &mut memory[..k];
    for j in 0..k {
        let kept = sigmoid(xf[j] + hf[j]) * memory[j];
        memory[j] = kept + sigmoid(xi[j] + hi[j]) * tanh(xg[j] + hg[j]);
        hidden[j] = sigmoid(xo[j] + ho[j]) * tanh(memory[j]);
    }
}

/// The gates of one row, each `[k]`.
#[inline(always)]
fn gates<const N: usize>(row: &[f32], k: usize) -> [&[f32]; N] {
    core::array::from_fn(|gate| &row[gate * k..(gate + 1) * k])
}

impl Recurrent {
    /// A layer from its two maps: of the input `[inputs, gates · hidden]` and of the hidden state
    /// `[hidden, gates · hidden]`, each with its bias.
    ///
    /// # Errors
    /// When the widths are not those of the cell.
    pub fn new(cell: Cell, input: Linear, recurrence: Linear) -> Result<Self, LoadError> {
        let width = recurrence.inputs().checked_mul(cell.gates());
        if Some(recurrence.outputs()) != width || input.outputs() != recurrence.outputs() {
            return Err(LoadError::shape("a cell: both maps give every gate of the hidden units"));
        }
        Ok(Self { cell, input, recurrence })
    }

    /// Its kind.
    pub fn cell(&self) -> Cell {
        self.cell
    }

    /// Width of an input row.
    pub fn inputs(&self) -> usize {
        self.input.inputs()
    }

    /// Width of an output row, the hidden state.
    pub fn hidden(&self) -> usize {
        self.recurrence.inputs()
    }

    /// Numbers in a row's state.
    pub fn state_width(&self) -> usize {
        self.cell.state_width(self.hidden())
    }

    /// The map of the input.
    pub fn input(&self) -> &Linear {
        &self.input
    }

    /// The map of the hidden state.
    pub fn recurrence(&self) -> &Linear {
        &self.recurrence
    }

    /// Numbers that [`forward`](Self::forward) works in for `n` rows.
    #[inline(always)]
    pub(crate) fn scratch(&self, n: usize) -> usize {
        n * (self.hidden() + 2 * self.input.outputs())
    }

    /// Moves the states on by `input` `[n, inputs]` and writes `output` `[n, hidden]`, working in
    /// `scratch`.
    #[inline(always)]
    pub(crate) fn forward<const ROWS: usize, const PAIRS: bool>(
        &self,
        input: &[f32],
        output: &mut [f32],
        states: &mut States<'_>,
        scratch: &mut [f32],
    ) {
        let (n, width) = (output.len() / self.hidden(), self.input.outputs());
        let (h, rest) = scratch.split_at_mut(output.len());
        let (x_gates, rest) = rest.split_at_mut(n * width);
        let h_gates = &mut rest[..n * width];
        let (first, last) = (states.start, states.start + self.state_width());
        let rows = states.values.chunks_exact_mut(states.width);
        for (row, h) in rows.zip(h.chunks_exact_mut(self.hidden())) {
            h.copy_from_slice(&row[first..first + self.hidden()]);
        }
        self.input.forward::<ROWS, PAIRS>(input, x_gates);
        self.recurrence.forward::<ROWS, PAIRS>(h, h_gates);
        let gates = x_gates.chunks_exact(width).zip(h_gates.chunks_exact(width));
        let rows = states.values.chunks_exact_mut(states.width);
        let outputs = output.chunks_exact_mut(self.hidden());
        for (((x, h), row), output) in gates.zip(rows).zip(outputs) {
            let state = &mut row[first..last];
            self.cell.advance(x, h, state);
            output.copy_from_slice(&state[..output.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Layer;
    use crate::network::{Network, Scratch};
    use alloc::vec;
    use alloc::vec::Vec;

    /// Tenths between -0.9 and 0.9 without pattern.
    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| (((i * 37 + seed * 11) % 19) as f32 - 9.0) / 10.0).collect()
    }

    /// Two inputs, two hidden units; weights as `PyTorch` lays them out.
    fn layer(cell: Cell) -> Network {
        let width = 2 * cell.gates();
        let map = |seed| {
            Linear::from_out_in(2, width, &numbers(2 * width, seed), &numbers(width, seed + 2))
        };
        let layer = Recurrent::new(cell, map(1).unwrap(), map(2).unwrap()).unwrap();
        Network { layers: vec![Layer::Recurrent(layer)] }
    }

    /// Hidden states after three observations, from the equations in the documentation of
    /// `torch.nn.RNN`, `torch.nn.GRU` and `torch.nn.LSTM`, evaluated in double precision.
    const EXPECTED: [(Cell, [f32; 6]); 3] = [
        (Cell::Rnn, [0.197_375, 0.099_668, 0.324_624, -0.266_044, 0.236_871, -0.216_766]),
        (Cell::Gru, [0.057_305, 0.041_918, -0.523_997, -0.691_667, -0.877_152, -0.925_845]),
        (Cell::Lstm, [-0.022_255, -0.092_666, -0.359_322, -0.432_069, -0.310_711, -0.489_794]),
    ];

    #[test]
    fn every_cell_gives_what_pytorch_s_equations_give() {
        for (cell, expected) in EXPECTED {
            let (network, mut scratch) = (layer(cell), Scratch::default());
            let mut state = vec![0.0; network.state_width()];
            let inputs = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]];
            for (obs, expected) in inputs.iter().zip(expected.chunks(2)) {
                let found = network.step(obs, 1, &mut state, &mut scratch);
                let is_close = |(f, e): (&f32, &f32)| (f - e).abs() < 1e-6;
                assert!(found.iter().zip(expected).all(is_close), "{cell:?}: {found:?}");
            }
        }
    }

    #[test]
    fn without_a_state_each_observation_is_the_first() {
        for cell in Cell::ALL {
            let (network, mut scratch) = (layer(cell), Scratch::default());
            let mut state = vec![0.0; network.state_width()];
            let first = network.step(&[1.5, 0.25], 1, &mut state, &mut scratch).to_vec();
            network.step(&[1.5, 0.25], 1, &mut state, &mut scratch);
            let again = network.forward(&[1.5, 0.25, 1.5, 0.25], 2, &mut scratch);
            assert_eq!(again, [&*first, &first].concat());
        }
    }

    #[test]
    fn maps_that_do_not_fit_the_cell_are_refused() {
        let map = |inputs: usize, outputs: usize| {
            Linear::new(inputs, outputs, &vec![0.0; inputs * outputs], &vec![0.0; outputs]).unwrap()
        };
        assert!(Recurrent::new(Cell::Gru, map(4, 6), map(2, 6)).is_ok());
        assert!(Recurrent::new(Cell::Lstm, map(4, 6), map(2, 6)).is_err());
        assert!(Recurrent::new(Cell::Gru, map(4, 9), map(2, 6)).is_err());
    }
}
