//! Backward passes on several threads.
#![allow(unsafe_code, reason = "threads write disjoint parts of vectors of gradients")]

use crate::backward::GradShare;
use crate::mlp::Mlp;
use crate::pool::Disjoint;
use crate::pool::Pool;
use crate::split::SplitTape;
use crate::split::numbers;
use crate::split::share;
use crate::step::Step;
use crate::tape::Tape;

impl Mlp {
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
        self.backward_rows_on(pool, params, d_outputs, tape, None);
        let (tape, grads) = (&*tape, Disjoint::new(grads));
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
        let width = self.differentiated_inputs();
        assert_eq!(d_inputs.len(), tape.n * width, "d_inputs is [n, inputs]");
        self.backward_rows_on(pool, params, d_outputs, tape, Some(&Disjoint::new(d_inputs)));
    }

    /// The part of a backward pass that is not of parameters.
    fn backward_rows_on(
        &self,
        pool: &mut Pool,
        params: &[f32],
        d_outputs: &[f32],
        tape: &mut SplitTape,
        d_inputs: Option<&Disjoint<'_>>,
    ) {
        assert_eq!(d_outputs.len(), tape.n * self.outputs(), "d_outputs is [n, outputs]");
        assert_eq!(tape.parts.len(), pool.threads(), "the pool is that of the forward pass");
        let first = self.first_differentiated(d_inputs.is_some());
        let first_segment = self.norms.partition_point(|norm| *norm < first);
        for segment in (first_segment..=self.norms.len()).rev() {
            tape.each(pool, |rows, part, stats| {
                if segment == self.norms.len() {
                    let d_outputs = &d_outputs[numbers(&rows, self.outputs())];
                    self.start_backward(params, d_outputs, part);
                }
                part.stats.get_mut()[..stats.len()].copy_from_slice(stats);
                let own = numbers(&rows, self.differentiated_inputs());
                // SAFETY: each thread has rows of its own.
                let mut d_inputs = d_inputs.map(|d| unsafe { d.part(own) });
                self.backward_segment(segment, params, part, d_inputs.as_deref_mut());
                if let Some(d_inputs) = d_inputs.filter(|_| segment == first_segment) {
                    self.finish_inputs(d_inputs, part);
                }
            });
            if segment > first_segment {
                self.sum_slopes_on(pool, segment - 1, tape);
            }
        }
    }

    /// The part of a backward pass in which every row is on its own: from the inputs of the batch
    /// normalization after a segment to the outputs of the one before.
    fn backward_segment(
        &self,
        segment: usize,
        params: &[f32],
        tape: &mut Tape,
        mut d_inputs: Option<&mut [f32]>,
    ) {
        if let Some(after) = self.norms.get(segment) {
            self.steps[*after].input_grads(self.isa, params, tape, d_inputs.as_deref_mut());
        }
        let (range, first) = (self.segment(segment), self.first_differentiated(d_inputs.is_some()));
        let is_norm = usize::from(segment > 0 && range.start >= first);
        let (norm, steps) = self.steps[range.start.max(first)..range.end].split_at(is_norm);
        for step in steps.iter().rev() {
            step.differentiate(self.isa, tape);
            step.input_grads(self.isa, params, tape, d_inputs.as_deref_mut());
        }
        for step in norm {
            step.differentiate(self.isa, tape);
        }
    }

    /// One thread's share of the gradients of one step's parameters, summed over all parts.
    fn step_share(&self, step: &Step, tape: &SplitTape, index: usize, grads: &Disjoint<'_>) {
        let rows = share(step.weight_shape()[0], index, tape.parts.len());
        let [weight, bias] = step.param_ranges(&rows);
        // SAFETY: the shares of the threads, of one thread's steps, and of weight and bias are
        // disjoint.
        let (weight, bias) = unsafe { (grads.part(weight), grads.part(bias)) };
        let mut pack = tape.parts[index].pack();
        pack.resize(self.pack_len(), 0.0);
        for part in (0..tape.parts.len()).filter(|part| !tape.rows(*part).is_empty()) {
            let resume = part > 0;
            let share = GradShare { rows: rows.clone(), weight, bias, resume };
            step.weight_grads(self.isa, &tape.parts[part].read(), &mut pack, share);
        }
    }
}
