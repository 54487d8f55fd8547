//! Recurrent layers as Burn tensors, unrolled along sequences so that gradients go back through time.

use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Tensor};
use slm_policy::Cell;

use super::device_learner::upload_rows;
use super::mlp::Linear;
use super::unroll::Sequences;

/// Sequences of T steps, side by side on a device, time first: row t·m + j is step t of sequence j.
#[derive(Clone)]
pub struct DeviceSequences {
    /// Observations `[T·m, input]`.
    pub obs: Tensor<2>,
    /// Rows `[T·m, 1]`: 0 where an episode begins, which forgets the state before it, else 1.
    pub keep: Tensor<2>,
    /// States that the sequences begin in `[m, state_width]`.
    pub states: Tensor<2>,
}

impl DeviceSequences {
    /// Sequences of the host that begin in `states` `[m, state_width]`.
    pub fn upload(sequences: Sequences<'_>, states: &[f32], device: &Device) -> Self {
        let Sequences { count, obs, starts } = sequences;
        let keep: Vec<f32> = starts.iter().map(|&start| f32::from(u8::from(!start))).collect();
        Self {
            obs: upload_rows(obs, obs.len() / starts.len(), device),
            keep: upload_rows(&keep, 1, device),
            states: Self::upload_states(states, count, device),
        }
    }

    /// States `[m, state_width]`; a column that nothing reads where there are none.
    pub fn upload_states(states: &[f32], m: usize, device: &Device) -> Tensor<2> {
        match states.len() / m {
            0 => Tensor::zeros([m, 1], device),
            width => upload_rows(states, width, device),
        }
    }
}

/// One recurrent layer, as [`Cell`] says.
pub(super) struct RecurrentLayer {
    cell: Cell,
    /// W x + b, as wide as all gates.
    input: Linear,
    /// U h + c, likewise.
    recurrence: Linear,
}

impl RecurrentLayer {
    /// A layer of its maps of the input and of the hidden state.
    pub(super) fn new(cell: Cell, [input, recurrence]: [Linear; 2]) -> Self {
        Self { cell, input, recurrence }
    }

    /// Maps of the input and of the hidden state.
    pub(super) fn maps(&self) -> [&Linear; 2] {
        [&self.input, &self.recurrence]
    }

    fn hidden(&self) -> usize {
        self.recurrence.weight.dims()[0]
    }

    /// Numbers in a row's state.
    pub(super) fn state_width(&self) -> usize {
        self.cell.state_width(self.hidden())
    }

    /// Hidden states `[n, hidden]` after `x` `[n, input]`, before which nothing was.
    pub(super) fn begin(&self, x: Tensor<2>) -> Tensor<2> {
        let state = Tensor::zeros([x.dims()[0], self.state_width()], &x.device());
        self.hidden_of(self.advance(self.input.forward(x), state))
    }

    /// Hidden states `[T·m, hidden]` after each row of `x` `[T·m, input]`, from `state`
    /// `[m, state_width]` on; it is forgotten where `keep` `[T·m, 1]` is 0.
    pub(super) fn unroll(&self, x: Tensor<2>, keep: &Tensor<2>, state: Tensor<2>) -> Tensor<2> {
        let m = state.dims()[0];
        let gates = self.input.forward(x).split(m, 0);
        let keeps = keep.clone().split(m, 0);
        let mut state = state;
        let mut hidden = Vec::with_capacity(gates.len());
        for (gates, keep) in gates.into_iter().zip(keeps) {
            state = self.advance(gates, state * keep);
            hidden.push(self.hidden_of(state.clone()));
        }
        Tensor::cat(hidden, 0)
    }

    /// The state `[m, state_width]` after the one given, where W x + b is `x` `[m, gates]`.
    fn advance(&self, x: Tensor<2>, state: Tensor<2>) -> Tensor<2> {
        let k = self.hidden();
        let h = self.hidden_of(state.clone());
        let u = self.recurrence.forward(h.clone());
        match self.cell {
            Cell::Rnn => tanh(x + u),
            Cell::Gru => {
                let open = sigmoid(x.clone().narrow(1, 0, 2 * k) + u.clone().narrow(1, 0, 2 * k));
                let (reset, update) = (open.clone().narrow(1, 0, k), open.narrow(1, k, k));
                let new = tanh(x.narrow(1, 2 * k, k) + reset * u.narrow(1, 2 * k, k));
                new.clone() + update * (h - new)
            }
            Cell::Lstm => {
                let gates = x + u;
                let open = |gate: usize| sigmoid(gates.clone().narrow(1, gate * k, k));
                let new = tanh(gates.clone().narrow(1, 2 * k, k));
                let memory = open(1) * state.narrow(1, k, k) + open(0) * new;
                Tensor::cat(vec![open(3) * tanh(memory.clone()), memory], 1)
            }
        }
    }

    /// The hidden state `[m, hidden]` in a state `[m, state_width]`.
    fn hidden_of(&self, state: Tensor<2>) -> Tensor<2> {
        match self.cell {
            Cell::Rnn | Cell::Gru => state,
            Cell::Lstm => state.narrow(1, 0, self.hidden()),
        }
    }
}
