//! Linear layers that consist of smaller ones side by side, each with initial weights of its own.
//!
//! They are learned as one matrix, in which a branch that reads its own part of the row only is a
//! block: outside the blocks the matrix is zero and stays so.

use std::ops::Range;

use super::plan::{NetPlan, ParamSlot};

/// How a linear layer consists of smaller ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branches {
    /// Index in the trunk; behind its end are the heads.
    pub layer: usize,
    /// Width of what each reads, side by side; empty where all of them read the whole row.
    pub inputs: Vec<usize>,
    /// Width of what each gives, side by side.
    pub outputs: Vec<usize>,
}

/// Part of a matrix that is a matrix of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Inputs.
    pub(super) rows: Range<usize>,
    /// Outputs.
    pub(super) columns: Range<usize>,
}

impl Block {
    /// Number of rows and columns.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }
}

impl NetPlan {
    /// The blocks of linear layer `layer` of a trunk, or of the heads behind its end, from `inputs`
    /// to `outputs` numbers.
    pub(super) fn blocks(&self, layer: usize, [inputs, outputs]: [usize; 2]) -> Vec<Block> {
        let branches = self.branches.iter().find(|branches| branches.layer == layer);
        let (rows, columns): (&[usize], &[usize]) = match branches {
            Some(branches) => (&branches.inputs, &branches.outputs),
            None if layer == self.trunk.len() => (&[], &self.heads),
            None => (&[], &[outputs]),
        };
        let mut rows = side_by_side(rows);
        let block = |columns| Block { rows: rows.next().unwrap_or(0..inputs), columns };
        side_by_side(columns).map(block).collect()
    }

    /// Which parameters are learned, `[num_params]` of 1 and 0; `None` where all are.
    pub(super) fn mask(&self) -> Option<Vec<f32>> {
        if self.branches.iter().all(|branches| branches.inputs.is_empty()) {
            return None;
        }
        let mut mask = vec![1.0; self.num_params()];
        for slot in self.slots().iter().filter(|slot| slot.name.ends_with("weight")) {
            if !slot.blocks.is_empty() {
                mask_blocks(slot, &mut mask[slot.range()]);
            }
        }
        Some(mask)
    }
}

/// 1 in the blocks of a matrix, 0 elsewhere.
fn mask_blocks(slot: &ParamSlot, mask: &mut [f32]) {
    mask.fill(0.0);
    for block in &slot.blocks {
        for row in block.rows.clone() {
            mask[row * slot.shape[1]..][block.columns.clone()].fill(1.0);
        }
    }
}

/// Where parts of these widths lie, one after the other.
fn side_by_side(widths: &[usize]) -> impl Iterator<Item = Range<usize>> {
    widths.iter().scan(0, |start, width| {
        let range = *start..*start + width;
        *start = range.end;
        Some(range)
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use slm_env::{Rng, StateReader, StateWriter};
    use slm_policy::{Activation, Scratch};

    use super::*;
    use crate::net::init::init_params;
    use crate::net::{
        Adam, Compute, Init, LayerPlan, LrSchedule, NetLearner, OptimPlan, TrainPlan,
        acting_network, plain,
    };

    /// Two heads of 3 and 2, each with a layer of its own on top (2 and 1), then tails of 2 and 3
    /// with outputs of 1 and 2.
    fn hydra(init: Init) -> NetPlan {
        let linear = |width| LayerPlan::Linear { width, bias: true };
        let tanh = LayerPlan::Activation(Activation::Tanh);
        let trunk = vec![linear(5), tanh, linear(3), tanh, linear(5), tanh];
        let branches = [
            (0, vec![], vec![3, 2]),
            (2, vec![3, 2], vec![2, 1]),
            (4, vec![], vec![2, 3]),
            (6, vec![2, 3], vec![1, 2]),
        ];
        let branches = branches.map(|(layer, inputs, outputs)| Branches { layer, inputs, outputs });
        NetPlan { branches: branches.into(), init, ..plain(4, trunk, &[1, 2]) }
    }

    fn learner(plan: NetPlan, compute: &Compute) -> NetLearner {
        let adam = Adam {
            betas: [0.9, 0.999],
            eps: 1e-5,
            weight_decay: 0.1,
            decoupled: true,
            amsgrad: false,
        };
        let (optim, lr_schedule) = (OptimPlan::Adam(adam), LrSchedule::Constant);
        let train = TrainPlan { optim, lr: 0.01, lr_schedule, clip_grad: Some(0.5) };
        NetLearner::new(plan, train, &mut Rng::from_seed(5), compute)
    }

    fn inputs() -> Vec<f32> {
        (0..24).map(|i| (i as f32 * 1.7).sin()).collect()
    }

    /// The second layer's matrix is `[5, 3]` from parameter 4·5 + 5 on; columns 0 and 1 read rows 0
    /// to 2, column 2 reads rows 3 and 4.
    #[test]
    fn a_branch_that_reads_its_own_part_is_a_block() {
        let plan = hydra(Init::Default);
        let mask = plan.mask().unwrap();
        let expected = [1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1].map(|x| x as f32);
        assert_eq!(mask[25..40], expected);
        assert!(mask[..25].iter().chain(&mask[40..43]).all(|&x| x == 1.0));
        // The heads' `[5, 3]`: 9 and 6 of 15 entries are blocks.
        assert_eq!(mask[63..78].iter().sum::<f32>(), (2 + 3 * 2) as f32);
        let beside = Branches { layer: 0, inputs: vec![], outputs: vec![3, 2] };
        assert_eq!(NetPlan { branches: vec![beside], ..plan }.mask(), None);
    }

    /// Xavier's bound is √(6/(rows + columns)) of a block: √(6/7) of the first head's `[4, 3]`, √(6/3)
    /// of the last block `[2, 1]` of the second layer; as one matrix it were √(6/8).
    #[test]
    fn every_branch_starts_as_a_matrix_of_its_own() {
        let xavier = hydra(Init::XavierUniform { gain: 1.0 });
        let orthogonal = hydra(Init::Orthogonal { gain: 2.0 });
        let mut above = 0;
        for seed in 0..20 {
            let params = init_params(&xavier, &mut Rng::from_seed(seed));
            let block = [params[25 + 11], params[25 + 14]];
            assert!(block.iter().all(|w| w.abs() < 2f32.sqrt()));
            above += block.iter().filter(|w| w.abs() > 0.75f32.sqrt()).count();
            let params = init_params(&orthogonal, &mut Rng::from_seed(seed));
            let norm = params[25 + 11].hypot(params[25 + 14]);
            assert!((norm - 2.0).abs() < 1e-5, "{norm}");
        }
        assert!(above > 5, "{above} of 40");
        let mask = xavier.mask().unwrap();
        let params = init_params(&xavier, &mut Rng::from_seed(1));
        assert!(params.iter().zip(&mask).all(|(w, m)| *m == 1.0 || *w == 0.0));
    }

    #[test]
    fn branches_learn_the_same_on_host_and_device_and_never_mix() {
        let plan = hydra(Init::Default);
        let mask = plan.mask().unwrap();
        let [host, device] = [Compute::kernels(1), Compute::burn(Device::flex())].map(|compute| {
            let mut net = learner(plan.clone(), &compute);
            for _ in 0..5 {
                let d_outputs: Vec<f32> = net.forward(&inputs()).iter().map(|y| y - 0.5).collect();
                net.step(&d_outputs);
            }
            let norm = net.grad_norm().unwrap() as f32;
            [net.params().into_owned(), net.infer(&inputs()).to_vec(), vec![norm]]
        });
        for (host, device) in host.iter().zip(&device) {
            assert_eq!(host.len(), device.len());
            let far = |(h, d): (&f32, &f32)| (h - d).abs() > 1e-5;
            assert!(!host.iter().zip(device).any(far), "{host:?} {device:?}");
        }
        assert!(host[0].iter().zip(&mask).all(|(w, m)| *m == 1.0 || *w == 0.0));
    }

    /// Head 1's output hangs on tail 1 only; so does that of the exported network.
    #[test]
    fn a_saved_network_with_branches_goes_on_and_acts_as_it_learned() {
        let compute = Compute::kernels(1);
        let mut first = learner(hydra(Init::Default), &compute);
        let mut out = StateWriter::new();
        first.save(&mut out);
        let bytes = out.into_bytes();
        let mut second = learner(hydra(Init::XavierNormal { gain: 1.0 }), &compute);
        second.load(&mut StateReader::new(&bytes)).unwrap();
        let step = |net: &mut NetLearner| {
            let d_outputs = net.forward(&inputs()).to_vec();
            net.step(&d_outputs);
            net.params().into_owned()
        };
        assert_eq!(step(&mut first), step(&mut second));
        let network = acting_network(first.plan(), &first.params(), 3);
        let acted = network.forward(&inputs(), 6, &mut Scratch::default()).to_vec();
        for (a, t) in acted.iter().zip(first.infer(&inputs())) {
            assert!((a - t).abs() < 1e-5, "{a} is not {t}");
        }
    }
}
