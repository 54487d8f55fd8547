//! Batch normalization as a step of a network.

use crate::backward::GradShare;
use crate::batch_norm::BatchNorm;
use crate::batch_norm::Share;
use crate::batch_norm::affine_grads;
use crate::batch_norm::parts;
use crate::batch_norm_pass::BatchNormBackward;
use crate::batch_norm_pass::BatchNormForward;
use crate::input::Buffers;
use crate::simd::Isa;
use crate::step::Kind;
use crate::step::Step;
use crate::tape::Tape;

impl Step {
    /// Sets this step's buffers to what they are before the first batch.
    pub(crate) fn init_buffers(&self, buffers: &mut [f32]) {
        if let Kind::BatchNorm(norm) = &self.kind {
            norm.init_buffers(&mut buffers[self.buffers..][..norm.num_buffers()]);
        }
    }

    /// Puts the statistics that the forward pass needs into the tape, and in training those of
    /// the batch into the buffers.
    pub(crate) fn prepare(
        &self,
        isa: Isa,
        norm: &BatchNorm,
        params: &[f32],
        buffers: &mut Buffers<'_>,
        tape: &mut Tape,
    ) {
        let affine = self.affine(params);
        let stats = &mut tape.stats.get_mut()[self.stats..][..norm.num_stats()];
        match buffers {
            Buffers::Evaluation(buffers) => norm.recall(&buffers[self.buffers..], affine, stats),
            Buffers::Training(buffers) => {
                let own = &mut buffers[self.buffers..][..norm.num_buffers()];
                let steps = norm.steps(own);
                let (mean, rest) = own.split_at_mut(norm.channels);
                let running = [mean, &mut rest[..norm.channels]];
                let stats = parts(stats, norm.channels);
                let x = &tape.values.get()[self.input.range(tape.n)];
                let share = Share { channels: 0..norm.channels, stats, running, steps };
                norm.observe(isa, &[[x, x]], affine, share);
                norm.count_step(own);
            }
        }
    }

    /// Gamma and beta, empty where there are none.
    pub(crate) fn affine<'p>(&self, params: &'p [f32]) -> [&'p [f32]; 2] {
        let (gamma, beta) = self.weight_and_bias(params);
        [gamma, beta]
    }

    pub(crate) fn batch_norm(&self, isa: Isa, norm: &BatchNorm, tape: &mut Tape) {
        let [normalized, out] = [self.normalized, self.before].map(|block| block.range(tape.n));
        let (kept, free) = tape.values.get_mut().split_at_mut(normalized.start);
        let (to_normalized, free) = free.split_at_mut(out.start - normalized.start);
        isa.run(BatchNormForward {
            positions: norm.positions,
            stats: &tape.stats.get()[self.stats..][..norm.num_stats()],
            input: &kept[self.input.range(tape.n)],
            normalized: &mut to_normalized[..normalized.len()],
            output: &mut free[..out.len()],
        });
    }

    /// Puts the sums over the batch that a batch normalization's gradients need into the tape;
    /// `differentiate` was before.
    pub(crate) fn sum_slopes(&self, isa: Isa, tape: &mut Tape) {
        let Kind::BatchNorm(norm) = &self.kind else { return };
        let stats = &mut tape.stats.get_mut()[self.stats..][..norm.num_stats()];
        let [_, _, _, _, _, _, slopes, products] = parts(stats, norm.channels);
        let normalized = &tape.values.get()[self.normalized.range(tape.n)];
        let d = &tape.grads.get()[self.grad.range(tape.n)];
        norm.sum_slopes(isa, &[[d, normalized]], 0..norm.channels, [slopes, products]);
    }

    /// Gradients of gamma and beta, which are of all parts of a batch at once.
    pub(crate) fn batch_norm_grads(&self, norm: &BatchNorm, tape: &Tape, share: GradShare<'_>) {
        let GradShare { weight, bias, resume, .. } = share;
        if !resume {
            affine_grads(&tape.stats.get()[self.stats..][..norm.num_stats()], weight, bias);
        }
    }

    pub(crate) fn batch_norm_inputs<'a>(
        &self,
        norm: &BatchNorm,
        [stats, values, d_output]: [&'a [f32]; 3],
        row_share: f32,
        d_input: &'a mut [f32],
    ) -> BatchNormBackward<'a> {
        let n = d_output.len() / self.outputs;
        let stats = &stats[self.stats..][..norm.num_stats()];
        let normalized = &values[self.normalized.range(n)];
        let positions = norm.positions;
        BatchNormBackward { positions, stats, row_share, normalized, d_output, d_input }
    }
}
