//! Passes of one network on several threads.
//!
//! Each thread takes some rows of the batch, and for the parameters' gradients some rows of each
//! weight. Every sum keeps the order it has on one thread, so that the results are the same bits.
#![allow(unsafe_code, reason = "threads write disjoint parts of one gradient vector")]

use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;

use crate::backward::GradShare;
use crate::mlp::Mlp;
use crate::pool::Disjoint;
use crate::pool::Pool;
use crate::step::Step;
use crate::tape::Tape;

/// Rows of a batch and of a weight go to threads in multiples of this, the height of a tile.
const ROWS: usize = 8;

/// Like [`Tape`], in one part per thread.
#[derive(Debug, Default)]
pub struct SplitTape {
    n: usize,
    parts: Vec<Part>,
    outputs: Vec<f32>,
}

#[derive(Debug, Default)]
struct Part {
    tape: RwLock<Tape>,
    pack: Mutex<Vec<f32>>,
}

impl Part {
    // A panic while a tape is written leaves only numbers that the next pass overwrites.
    fn write(&self) -> RwLockWriteGuard<'_, Tape> {
        self.tape.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Tape> {
        self.tape.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SplitTape {
    fn start(&mut self, n: usize, width: usize, threads: usize) {
        assert!(n > 0, "a batch has rows");
        self.n = n;
        self.parts.resize_with(threads, Part::default);
        self.outputs.resize(n * width, 0.0);
    }

    /// The rows of one thread's part.
    fn rows(&self, index: usize) -> Range<usize> {
        share(self.n, index, self.parts.len())
    }
}

/// Which of `n` rows belong to a thread.
fn share(n: usize, index: usize, threads: usize) -> Range<usize> {
    let rows = n.div_ceil(threads).next_multiple_of(ROWS);
    n.min(index * rows)..n.min((index + 1) * rows)
}

/// The numbers of some rows of that width.
fn numbers(rows: &Range<usize>, width: usize) -> Range<usize> {
    rows.start * width..rows.end * width
}

impl Mlp {
    /// [`Mlp::forward`] on the threads of a pool, to the same bits. It pays for nets of about 256
    /// units and more.
    ///
    /// # Panics
    /// When n is zero or a slice has another length.
    pub fn forward_on<'t>(
        &self,
        pool: &mut Pool,
        params: &[f32],
        x: &[f32],
        n: usize,
        tape: &'t mut SplitTape,
    ) -> &'t [f32] {
        assert_eq!(x.len(), n * self.inputs(), "x is [n, inputs]");
        tape.start(n, self.outputs(), pool.threads());
        let shared = &*tape;
        pool.run(&|index| {
            let rows = shared.rows(index);
            if !rows.is_empty() {
                let x = &x[numbers(&rows, self.inputs())];
                self.forward(params, x, rows.len(), &mut shared.parts[index].write());
            }
        });
        for index in 0..tape.parts.len() {
            let rows = tape.rows(index);
            if !rows.is_empty() {
                let part = tape.parts[index].read();
                tape.outputs[numbers(&rows, self.outputs())].copy_from_slice(self.output(&part));
            }
        }
        &tape.outputs
    }

    /// Outputs `[n, outputs]` of the last pass of [`Mlp::forward_on`].
    pub fn output_on<'t>(&self, tape: &'t SplitTape) -> &'t [f32] {
        &tape.outputs
    }

    /// [`Mlp::backward`] of a pass of [`Mlp::forward_on`], to the same bits.
    ///
    /// # Panics
    /// When a slice has another length than in the forward pass or the pool other threads.
    pub fn backward_on(
        &self,
        pool: &mut Pool,
        params: &[f32],
        d_outputs: &[f32],
        tape: &mut SplitTape,
        grads: &mut [f32],
    ) {
        assert_eq!(grads.len(), self.num_params(), "there is a gradient for each parameter");
        assert_eq!(d_outputs.len(), tape.n * self.outputs(), "d_outputs is [n, outputs]");
        assert_eq!(tape.parts.len(), pool.threads(), "the pool is that of the forward pass");
        let tape = &*tape;
        pool.run(&|index| {
            let rows = tape.rows(index);
            if !rows.is_empty() {
                let d_outputs = &d_outputs[numbers(&rows, self.outputs())];
                self.backward_rows(params, d_outputs, &mut tape.parts[index].write());
            }
        });
        let grads = Disjoint::new(grads);
        pool.run(&|index| {
            for step in &self.steps {
                self.step_share(step, tape, index, &grads);
            }
        });
    }

    /// [`Mlp::backward_inputs`] of a pass of [`Mlp::forward_on`], to the same bits.
    ///
    /// # Panics
    /// When a slice has another length than in the forward pass or the pool other threads.
    pub fn backward_inputs_on(
        &self,
        pool: &mut Pool,
        params: &[f32],
        d_outputs: &[f32],
        tape: &mut SplitTape,
        d_inputs: &mut [f32],
    ) {
        assert_eq!(d_outputs.len(), tape.n * self.outputs(), "d_outputs is [n, outputs]");
        assert_eq!(d_inputs.len(), tape.n * self.inputs(), "d_inputs is [n, inputs]");
        assert_eq!(tape.parts.len(), pool.threads(), "the pool is that of the forward pass");
        let (tape, d_inputs) = (&*tape, Disjoint::new(d_inputs));
        pool.run(&|index| {
            let rows = tape.rows(index);
            if !rows.is_empty() {
                let d_outputs = &d_outputs[numbers(&rows, self.outputs())];
                // SAFETY: each thread has rows of its own.
                let d_inputs = unsafe { d_inputs.part(numbers(&rows, self.inputs())) };
                let mut tape = tape.parts[index].write();
                self.backward_inputs(params, d_outputs, &mut tape, d_inputs);
            }
        });
    }

    /// One thread's share of the gradients of one step's parameters, summed over all parts.
    fn step_share(&self, step: &Step, tape: &SplitTape, index: usize, grads: &Disjoint<'_>) {
        let rows = share(step.weight_shape()[0], index, tape.parts.len());
        let [weight, bias] = step.param_ranges(&rows);
        // SAFETY: the shares of the threads, of one thread's steps, and of weight and bias are
        // disjoint.
        let (weight, bias) = unsafe { (grads.part(weight), grads.part(bias)) };
        let mut pack = tape.parts[index].pack.lock().unwrap_or_else(PoisonError::into_inner);
        pack.resize(self.pack_len(), 0.0);
        for part in (0..tape.parts.len()).filter(|part| !tape.rows(*part).is_empty()) {
            let resume = part > 0;
            let share = GradShare { rows: rows.clone(), weight, bias, resume };
            step.weight_grads(self.isa, &tape.parts[part].read(), &mut pack, share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlp::Layer;
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
