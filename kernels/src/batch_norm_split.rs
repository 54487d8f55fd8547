//! Statistics of a batch whose rows lie on several threads: each thread takes some channels.
#![allow(unsafe_code, reason = "threads write disjoint parts of vectors of all channels")]

use crate::batch_norm::BatchNorm;
use crate::batch_norm::PRODUCTS;
use crate::batch_norm::SLOPES;
use crate::batch_norm::Share;
use crate::input::Buffers;
use crate::mlp::Mlp;
use crate::pool::Disjoint;
use crate::pool::Pool;
use crate::split::SplitTape;
use crate::split::share;
use crate::step::Kind;
use crate::step::Step;

impl Mlp {
    /// [`Step::prepare`] for a batch normalization, counted among those, of all parts of a batch.
    pub(crate) fn prepare_on(
        &self,
        pool: &mut Pool,
        index: usize,
        params: &[f32],
        buffers: &mut Buffers<'_>,
        tape: &mut SplitTape,
    ) {
        let Some((step, norm)) = self.norm(index) else { return };
        match buffers {
            Buffers::Evaluation(buffers) => {
                let stats = &mut tape.stats[step.stats..][..norm.num_stats()];
                norm.recall(&buffers[step.buffers..], step.affine(params), stats);
            }
            Buffers::Training(buffers) => {
                let own = &mut buffers[step.buffers..][..norm.num_buffers()];
                self.observe_on(pool, [index, step.stats], params, own, tape);
                norm.count_step(own);
            }
        }
    }

    fn observe_on(
        &self,
        pool: &mut Pool,
        [index, first]: [usize; 2],
        params: &[f32],
        buffers: &mut [f32],
        tape: &mut SplitTape,
    ) {
        let Some((step, norm)) = self.norm(index) else { return };
        let steps = norm.steps(buffers);
        let mut stats = std::mem::take(&mut tape.stats);
        let (own, running) = (Disjoint::new(&mut stats[first..]), Disjoint::new(buffers));
        let (threads, shared) = (pool.threads(), &*tape);
        pool.run(&|thread| {
            let channels = share(norm.channels, thread, threads);
            let tapes = shared.tapes();
            let inputs = tapes.iter().map(|tape| &tape.values.get()[step.input.range(tape.n)]);
            let pairs: Vec<_> = inputs.map(|x| [x, x]).collect();
            let range = |which| {
                which * norm.channels + channels.start..which * norm.channels + channels.end
            };
            // SAFETY: the channels of the threads and the vectors of each are disjoint.
            let stats = std::array::from_fn(|which| unsafe { own.part(range(which)) });
            // SAFETY: as above.
            let running = std::array::from_fn(|which| unsafe { running.part(range(which)) });
            let share = Share { channels: channels.clone(), stats, running, steps };
            norm.observe(self.isa, &pairs, step.affine(params), share);
        });
        tape.stats = stats;
    }

    /// [`Step::sum_slopes`] of a batch normalization, counted among those, of all parts of a batch.
    pub(crate) fn sum_slopes_on(&self, pool: &mut Pool, index: usize, tape: &mut SplitTape) {
        let Some((step, norm)) = self.norm(index) else { return };
        let mut stats = std::mem::take(&mut tape.stats);
        let own = Disjoint::new(&mut stats[step.stats..]);
        let (threads, shared) = (pool.threads(), &*tape);
        pool.run(&|thread| {
            let channels = share(norm.channels, thread, threads);
            let tapes = shared.tapes();
            let pairs = tapes.iter().map(|tape| {
                let d = &tape.grads.get()[step.grad.range(tape.n)];
                [d, &tape.values.get()[step.normalized.range(tape.n)]]
            });
            let pairs: Vec<_> = pairs.collect();
            let sums = [SLOPES, PRODUCTS].map(|which| {
                let first = which * norm.channels;
                // SAFETY: the channels of the threads and the vectors of each are disjoint.
                unsafe { own.part(first + channels.start..first + channels.end) }
            });
            norm.sum_slopes(self.isa, &pairs, channels, sums);
        });
        tape.stats = stats;
    }

    /// A batch normalization, counted among those.
    fn norm(&self, index: usize) -> Option<(&Step, &BatchNorm)> {
        let step = &self.steps[self.norms[index]];
        match &step.kind {
            Kind::BatchNorm(norm) => Some((step, norm)),
            _ => None,
        }
    }
}
