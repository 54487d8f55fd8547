//! Passes of one network on several threads.
//!
//! Each thread takes some rows of the batch, and for the parameters' gradients some rows of each
//! weight. Every sum keeps the order it has on one thread, so that the results are the same bits.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;

use crate::input::Buffers;
use crate::input::Input;
use crate::mlp::Mlp;
use crate::pool::Pool;
use crate::tape::Tape;

/// Rows of a batch and of a weight go to threads in multiples of this, the height of a tile.
const ROWS: usize = 8;

/// Like [`Tape`], in one part per thread.
#[derive(Debug, Default)]
pub struct SplitTape {
    pub(crate) n: usize,
    pub(crate) parts: Vec<Part>,
    outputs: Vec<f32>,
    /// Like those of a tape, of all parts together.
    pub(crate) stats: Vec<f32>,
}

#[derive(Debug, Default)]
pub(crate) struct Part {
    tape: RwLock<Tape>,
    pack: Mutex<Vec<f32>>,
}

impl Part {
    // A panic while a tape is written leaves only numbers that the next pass overwrites.
    fn write(&self) -> RwLockWriteGuard<'_, Tape> {
        self.tape.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pack(&self) -> MutexGuard<'_, Vec<f32>> {
        self.pack.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Tape> {
        self.tape.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SplitTape {
    fn start(&mut self, n: usize, threads: usize, net: &Mlp) {
        self.n = n;
        self.parts.resize_with(threads, Part::default);
        self.outputs.resize(n * net.outputs(), 0.0);
        self.stats.resize(net.num_stats, 0.0);
    }

    fn gather_outputs(&mut self, net: &Mlp) {
        for index in 0..self.parts.len() {
            let rows = self.rows(index);
            if !rows.is_empty() {
                let part = self.parts[index].read();
                let to = &mut self.outputs[numbers(&rows, net.outputs())];
                to.copy_from_slice(net.output(&part));
            }
        }
    }

    /// Does something on each thread with its rows, its tape and the statistics of all, unless
    /// it has no rows.
    pub(crate) fn each(
        &self,
        pool: &mut Pool,
        job: impl Fn(Range<usize>, &mut Tape, &[f32]) + Sync,
    ) {
        pool.run(&|index| {
            let rows = self.rows(index);
            if !rows.is_empty() {
                job(rows, &mut self.parts[index].write(), &self.stats);
            }
        });
    }

    /// The tapes of the parts that have rows.
    pub(crate) fn tapes(&self) -> Vec<RwLockReadGuard<'_, Tape>> {
        let parts = self.parts.iter().enumerate();
        let used = parts.filter(|(index, _)| !self.rows(*index).is_empty());
        used.map(|(_, part)| part.read()).collect()
    }

    /// The rows of one thread's part.
    pub(crate) fn rows(&self, index: usize) -> Range<usize> {
        share(self.n, index, self.parts.len())
    }
}

/// Which of `n` rows belong to a thread.
pub(crate) fn share(n: usize, index: usize, threads: usize) -> Range<usize> {
    let rows = n.div_ceil(threads).next_multiple_of(ROWS);
    n.min(index * rows)..n.min((index + 1) * rows)
}

/// The numbers of some rows of that width.
pub(crate) fn numbers(rows: &Range<usize>, width: usize) -> Range<usize> {
    rows.start * width..rows.end * width
}

impl Mlp {
    /// [`Mlp::forward`] on the threads of a pool, to the same bits. It pays for nets of about 256
    /// units and more.
    ///
    /// # Panics
    /// When n is zero, a slice has another length or the network has buffers.
    pub fn forward_on<'t>(
        &self,
        pool: &mut Pool,
        params: &[f32],
        x: &[f32],
        n: usize,
        tape: &'t mut SplitTape,
    ) -> &'t [f32] {
        assert_eq!(x.len(), n * self.inputs(), "x is [n, inputs]");
        self.forward_pass_on(pool, params, Buffers::NONE, Input::Rows(x), tape)
    }

    /// [`Mlp::forward_pass`] on the threads of a pool, to the same bits.
    ///
    /// # Panics
    /// When there is no row, a slice has another length, or a batch normalization trains on one
    /// number per channel.
    pub fn forward_pass_on<'t>(
        &self,
        pool: &mut Pool,
        params: &[f32],
        mut buffers: Buffers<'_>,
        input: Input<'_>,
        tape: &'t mut SplitTape,
    ) -> &'t [f32] {
        self.check(params, &buffers);
        tape.start(input.rows(self.inputs()), pool.threads(), self);
        let row_share = buffers.row_share(tape.n);
        for segment in 0..=self.norms.len() {
            if segment > 0 {
                self.prepare_on(pool, segment - 1, params, &mut buffers, tape);
            }
            tape.each(pool, |rows, part, stats| {
                if segment == 0 {
                    self.start(rows.len(), part);
                    part.row_share = row_share;
                    input.copy(rows, self.layout, part.values.get_mut());
                }
                part.stats.get_mut()[..stats.len()].copy_from_slice(stats);
                for step in &self.steps[self.segment(segment)] {
                    step.forward(self.isa, params, part);
                }
            });
        }
        tape.gather_outputs(self);
        &tape.outputs
    }

    /// Outputs `[n, outputs]` of the last pass of [`Mlp::forward_on`].
    pub fn output_on<'t>(&self, tape: &'t SplitTape) -> &'t [f32] {
        &tape.outputs
    }

    /// The steps between two batch normalizations, with the one before them.
    pub(crate) fn segment(&self, index: usize) -> Range<usize> {
        let start = if index == 0 { 0 } else { self.norms[index - 1] };
        start..self.norms.get(index).copied().unwrap_or(self.steps.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Layer;
    use slm_policy::Activation;

    fn net() -> Mlp {
        let linear = |inputs, outputs| Layer::Linear { inputs, outputs, bias: true };
        Mlp::new(
            5,
            &[
                linear(5, 40),
                Layer::LayerNorm { width: 40, eps: 1e-5, affine: true },
                Layer::Activation(Activation::Tanh),
                linear(40, 33),
                Layer::Activation(Activation::Silu),
                linear(33, 3),
            ],
        )
    }

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.731).sin() * 0.4).collect()
    }

    #[test]
    fn any_number_of_threads_gives_the_bits_of_one() {
        let net = net();
        let params = numbers(net.num_params());
        for n in [1, 8, 9, 64, 300, 701] {
            let (x, d) = (numbers(n * 5), numbers(n * 3));
            let (mut tape, mut grads) = (Tape::default(), vec![0.0; net.num_params()]);
            let outputs = net.forward(&params, &x, n, &mut tape).to_vec();
            net.backward(&params, &d, &mut tape, &mut grads);
            let mut d_inputs = vec![0.0; n * 5];
            net.backward_inputs(&params, &d, &mut tape, &mut d_inputs);
            for threads in 1..5 {
                let (mut pool, mut split) = (Pool::new(threads), SplitTape::default());
                let mut found = vec![7.0; net.num_params()];
                let split_outputs = net.forward_on(&mut pool, &params, &x, n, &mut split);
                assert_eq!(split_outputs, outputs, "{n} rows on {threads} threads");
                net.backward_on(&mut pool, &params, &d, &mut split, &mut found);
                assert_eq!(found, grads, "{n} rows on {threads} threads");
                let mut found = vec![7.0; n * 5];
                net.backward_inputs_on(&mut pool, &params, &d, &mut split, &mut found);
                assert_eq!(found, d_inputs, "{n} rows on {threads} threads");
            }
        }
    }
}
