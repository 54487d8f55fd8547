//! One network that several workers train: its parameters, and the optimizer that moves them.

use slm_env::{StateError, StateReader, StateWriter};
use slm_kernels::{clip_scale, global_norm};

use crate::net::host_optim::HostOptim;
use crate::net::optim::OptimPlan;

/// Parameters `[num_params]` of which each worker has a copy.
pub(super) struct SharedNet {
    params: Vec<f32>,
    optim: HostOptim,
    /// Steps that moved the parameters, whoever's optimizer took them.
    steps: u64,
    grad_norm: f64,
    /// Where a round's gradients are added up.
    sum: Vec<f32>,
}

/// A gradient `[num_params]` and how far to go down it.
#[derive(Clone, Copy)]
pub(super) struct Slope<'a> {
    pub(super) grads: &'a [f32],
    pub(super) lr: f64,
    pub(super) clip: Option<f64>,
}

impl SharedNet {
    pub(super) fn new(params: Vec<f32>, optim: &OptimPlan) -> Self {
        let optim = HostOptim::new(optim.clone(), params.len());
        let sum = vec![0.0; params.len()];
        Self { params, optim, steps: 0, grad_norm: 0.0, sum }
    }

    pub(super) fn params(&self) -> &[f32] {
        &self.params
    }

    /// L2 norm of the last gradient of a [`round`](Self::round), before clipping.
    pub(super) fn grad_norm(&self) -> f64 {
        self.grad_norm
    }

    /// One step by `own`, a worker's optimizer, or by the shared one.
    pub(super) fn step(&mut self, slope: Slope<'_>, grad_norm: f64, own: Option<&mut HostOptim>) {
        let scale = slope.clip.map_or(1.0, |max| clip_scale(grad_norm, max));
        self.steps += 1;
        let optim = own.unwrap_or(&mut self.optim);
        optim.step(&mut self.params, slope.grads, slope.lr, scale);
    }

    /// One step on the mean of the workers' gradients, added up in the order given, clipped as a
    /// whole, at their mean learning rate.
    pub(super) fn round<'a>(&mut self, mut slopes: impl Iterator<Item = Slope<'a>>) {
        let Some(first) = slopes.next() else { return };
        let mut sum = std::mem::take(&mut self.sum);
        sum.copy_from_slice(first.grads);
        let (mut count, mut lr_rise) = (1.0, 0.0);
        for slope in slopes {
            sum.iter_mut().zip(slope.grads).for_each(|(sum, grad)| *sum += grad);
            lr_rise += slope.lr - first.lr;
            count += 1.0;
        }
        for sum in &mut sum {
            *sum /= count;
        }
        let norm = global_norm(&sum);
        let lr = first.lr + lr_rise / f64::from(count);
        self.step(Slope { grads: &sum, lr, clip: first.clip }, norm, None);
        (self.grad_norm, self.sum) = (norm, sum);
    }

    /// Writes the parameters, the optimizer, and how many steps they are from the start. A worker's own
    /// copy of the parameters may be older.
    pub(super) fn save(&self, out: &mut StateWriter) {
        out.u64(self.steps);
        out.f32s(&self.params);
        self.optim.save(out);
    }

    /// Takes over what [`save`](Self::save) wrote, unless what is here is further.
    ///
    /// # Errors
    /// When the state belongs to another network or optimizer.
    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let (steps, mut params) = (from.u64()?, vec![0.0; self.params.len()]);
        from.f32s_into(&mut params)?;
        let mut optim = self.optim.fresh();
        optim.load(from)?;
        if steps >= self.steps {
            (self.steps, self.params, self.optim) = (steps, params, optim);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Sgd;

    fn sgd() -> OptimPlan {
        OptimPlan::Sgd(Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false })
    }

    fn slope(grads: &[f32], lr: f64, clip: Option<f64>) -> Slope<'_> {
        Slope { grads, lr, clip }
    }

    #[test]
    fn a_round_is_one_step_down_the_mean_gradient() {
        let mut net = SharedNet::new(vec![1.0], &sgd());
        // Mean (2 + 4 + 9) / 3 = 5; 1 − 0.1·5 = 0.5.
        let grads = [[2.0], [4.0], [9.0]];
        net.round(grads.iter().map(|grads| slope(grads, 0.1, None)));
        assert_eq!((net.params(), net.grad_norm(), net.steps), ([0.5].as_slice(), 5.0, 1));
        // Means of gradients 3 and of rates 0.2; 0.5 − 0.2·3 = −0.1.
        net.round([slope(&[2.0], 0.1, None), slope(&[4.0], 0.3, None)].into_iter());
        assert!((net.params()[0] + 0.1).abs() < 1e-7, "{:?}", net.params());
    }

    #[test]
    fn the_mean_is_clipped_and_not_what_it_is_made_of() {
        let mut net = SharedNet::new(vec![0.0, 0.0], &sgd());
        // Mean (3, 4) of (6, 0) and (0, 8): norm 5, clipped to 1: (0.6, 0.8).
        let slopes = [slope(&[6.0, 0.0], 1.0, Some(1.0)), slope(&[0.0, 8.0], 1.0, Some(1.0))];
        net.round(slopes.into_iter());
        let error = net.params().iter().zip([-0.6, -0.8]).map(|(x, y)| (x - y).abs());
        assert!(error.fold(0.0, f32::max) < 1e-5, "{:?}", net.params());
        assert_eq!(net.grad_norm(), 5.0);
    }

    #[test]
    fn of_several_saved_states_the_furthest_counts() {
        let state = |steps: usize| {
            let mut net = SharedNet::new(vec![0.0], &sgd());
            (0..steps).for_each(|_| net.step(slope(&[1.0], 1.0, None), 1.0, None));
            let mut out = StateWriter::new();
            net.save(&mut out);
            out.into_bytes()
        };
        let mut net = SharedNet::new(vec![0.0], &sgd());
        for steps in [1, 3, 2] {
            let bytes = state(steps);
            net.load(&mut StateReader::new(&bytes)).unwrap();
        }
        assert_eq!((net.params(), net.steps), ([-3.0].as_slice(), 3));
    }
}
