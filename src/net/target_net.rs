//! A network that follows another one: its copy at some moment, or its moving average.

use burn::tensor::Tensor;
use slm_env::{StateError, StateReader, StateWriter};

#[cfg(test)]
use super::device_learner::{host_rows, upload_rows};
use super::device_optim::{device_copy, host};
use super::host_net::{HostNet, Mode};
use super::mlp::Net;
use super::net_learner::NetLearner;
use super::plan::NetPlan;

/// A copy of a [`NetLearner`]'s parameters, in the form that passes use them, behind it in time.
pub enum TargetNet {
    /// In host memory.
    Host(Box<HostNet>),
    /// On a device of Burn's.
    Device(Box<DeviceTarget>),
}

/// Parameters on a device.
pub struct DeviceTarget {
    plan: NetPlan,
    params: Tensor<1>,
    buffers: Option<Tensor<1>>,
}

impl TargetNet {
    /// A copy of `online` as it is.
    pub fn of(online: &NetLearner) -> Self {
        match online {
            NetLearner::Host(net) => Self::Host(Box::new(net.net().copy())),
            NetLearner::Device(net) => Self::Device(Box::new(DeviceTarget {
                plan: net.plan().clone(),
                params: net.params().clone(),
                buffers: net.buffers().cloned(),
            })),
        }
    }

    /// The network as it is, as tensors.
    ///
    /// # Panics
    /// In host memory.
    pub fn on_device(&self) -> Net {
        match self {
            Self::Device(net) => net.frozen(),
            Self::Host(_) => panic!("a target in host memory is on no device"),
        }
    }

    /// Outputs `[n, output]` of `inputs` `[n, input]`.
    ///
    /// # Panics
    /// On a device.
    pub fn infer(&mut self, inputs: &[f32]) -> &[f32] {
        match self {
            Self::Host(net) => net.outputs(inputs, Mode::Evaluation),
            Self::Device(_) => unreachable!("on a device outputs stay there"),
        }
    }

    /// Outputs on the host, wherever they come from.
    #[cfg(test)]
    pub(crate) fn outputs(&mut self, inputs: &[f32]) -> Vec<f32> {
        match self {
            Self::Host(_) => self.infer(inputs).to_vec(),
            Self::Device(net) => {
                let inputs = upload_rows(inputs, net.plan.input, &net.params.device());
                host_rows(net.frozen().forward(inputs))
            }
        }
    }

    /// Parameters, then buffers, on the host: what it takes to act.
    pub fn params(&self) -> Vec<f32> {
        match self {
            Self::Host(net) => [net.params(), net.buffers()].concat(),
            Self::Device(net) => {
                [host(&net.params), net.buffers.as_ref().map_or(Vec::new(), host)].concat()
            }
        }
    }

    /// Takes over parameters and buffers of `online`.
    ///
    /// # Panics
    /// When `online` lives elsewhere.
    pub fn copy_from(&mut self, online: &NetLearner) {
        match (self, online) {
            (Self::Host(net), NetLearner::Host(online)) => {
                net.params_mut().copy_from_slice(online.params());
                net.set_buffers(online.net().buffers());
            }
            (Self::Device(net), NetLearner::Device(online)) => {
                net.params = online.params().clone();
                net.buffers = online.buffers().cloned();
            }
            _ => panic!("a target lives where its network does"),
        }
    }

    /// Moves toward `online`: θ ← θ + coef·(θ_online − θ). Polyak & Juditsky (1992). Buffers are
    /// moving averages already and taken over.
    ///
    /// # Panics
    /// When `online` lives elsewhere.
    pub fn blend_from(&mut self, online: &NetLearner, coef: f64) {
        match (self, online) {
            (Self::Host(net), NetLearner::Host(online)) => {
                let coef = coef as f32;
                let params = net.params_mut().iter_mut().zip(online.params());
                params.for_each(|(own, new)| *own += coef * (new - *own));
                net.set_buffers(online.net().buffers());
            }
            (Self::Device(net), NetLearner::Device(online)) => {
                let params = net.params.clone();
                net.params = params.clone() + (online.params().clone() - params) * coef;
                net.buffers = online.buffers().cloned();
            }
            _ => panic!("a target lives where its network does"),
        }
    }

    /// Writes the parameters and, if there are any, buffers.
    pub fn save(&self, out: &mut StateWriter) {
        match self {
            Self::Host(net) => {
                out.f32s(net.params());
                net.save_buffers(out);
            }
            Self::Device(net) => {
                out.f32s(&host(&net.params));
                net.buffers.iter().for_each(|buffers| out.f32s(&host(buffers)));
            }
        }
    }

    /// Reads what [`save`](Self::save) wrote, here or on another device.
    ///
    /// # Errors
    /// When the state belongs to another network.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        match self {
            Self::Host(net) => {
                from.f32s_into(net.params_mut())?;
                net.load_buffers(from)
            }
            Self::Device(net) => {
                net.params = device_copy(&from.f32s()?, &net.params)?;
                if let Some(buffers) = &mut net.buffers {
                    *buffers = device_copy(&from.f32s()?, buffers)?;
                }
                Ok(())
            }
        }
    }
}

impl DeviceTarget {
    fn frozen(&self) -> Net {
        Net::new(&self.plan, &self.params, self.buffers.as_ref(), false)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use slm_env::Rng;
    use slm_policy::Activation;

    use super::*;
    use crate::net::{
        Compute, LayerPlan, LrSchedule, OptimPlan, Sgd, TrainPlan, batch_norm, critic_of_pictures,
        plain, renorm,
    };

    const INPUTS: [f32; 6] = [0.3, -1.0, 0.7, 0.2, 0.9, -0.4];

    fn learner(log_std_init: Option<f32>, compute: &Compute) -> NetLearner {
        let plan = NetPlan {
            trunk: vec![
                LayerPlan::Linear { width: 5, bias: true },
                LayerPlan::Activation(Activation::Tanh),
            ],
            log_std_init,
            ..plain(3, vec![], &[2, 1])
        };
        NetLearner::new(plan, sgd(), &mut Rng::from_seed(5), compute)
    }

    fn sgd() -> TrainPlan {
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        let optim = OptimPlan::Sgd(sgd);
        let lr_schedule = LrSchedule::Constant;
        TrainPlan { optim, lr: 0.1, lr_schedule, clip_grad: None }
    }

    fn everywhere() -> [Compute; 2] {
        [Compute::kernels(1), Compute::burn(Device::flex())]
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-5, "{f} is not {e}");
        }
    }

    /// Outputs, parameters after a step and outputs after it, from both.
    #[test]
    fn host_and_device_learn_the_same_from_gradients_of_their_outputs() {
        for log_std_init in [None, Some(-0.5)] {
            let [host, device] = everywhere().map(|compute| {
                let mut net = learner(log_std_init, &compute);
                let outputs = net.forward(&INPUTS).to_vec();
                let d_outputs: Vec<f32> = outputs.iter().map(|y| y - 0.3).collect();
                net.step(&d_outputs);
                [outputs, net.params().into_owned(), net.infer(&INPUTS).to_vec()]
            });
            host.iter().zip(&device).for_each(|(host, device)| assert_close(host, device));
            assert_eq!(host[0].len(), 2 * if log_std_init.is_some() { 5 } else { 3 });
        }
    }

    #[test]
    fn host_and_device_agree_on_the_gradients_of_inputs() {
        let [host, device] = everywhere().map(|compute| learner(None, &compute).slopes(&INPUTS, 2));
        host.iter().zip(&device).for_each(|(host, device)| assert_close(host, device));
        assert_eq!((host[0].len(), host[1].len()), (2 * 3, 2 * 2));
    }

    /// Seven pictures of whole numbers with two numbers beside each.
    fn seen_and_done() -> Vec<f32> {
        let number = |i: usize| if i % 62 < 60 { (i * 7919 % 5) as f32 } else { (i as f32).sin() };
        (0..7 * 62).map(number).collect()
    }

    #[test]
    fn a_critic_of_pictures_and_actions_is_the_same_on_host_and_device() {
        let inputs = seen_and_done();
        let [host, device] = everywhere().map(|compute| {
            let mut net =
                NetLearner::new(critic_of_pictures(), sgd(), &mut Rng::from_seed(5), &compute);
            let mut target = TargetNet::of(&net);
            let [_, d_actions] = net.slopes(&inputs, 2);
            let outputs = net.forward(&inputs).to_vec();
            net.step(&outputs);
            target.copy_from(&net);
            assert_eq!(target.outputs(&inputs), net.infer(&inputs));
            [outputs, d_actions, net.params().into_owned(), target.outputs(&inputs)]
        });
        host.iter().zip(&device).for_each(|(host, device)| assert_close(host, device));
        assert_eq!((host[0].len(), host[1].len()), (7, 7 * 2));
    }

    /// ½·Σ Q² at pictures and actions moved by ±0.01, whose slope is Σ Q·∂Q/∂a.
    #[test]
    fn gradients_of_a_critic_s_actions_are_slopes_on_host_and_device() {
        for compute in everywhere() {
            let mut net =
                NetLearner::new(critic_of_pictures(), sgd(), &mut Rng::from_seed(5), &compute);
            let inputs = seen_and_done();
            let [_, d_actions] = net.slopes(&inputs, 2);
            assert_eq!(d_actions.len(), 7 * 2);
            for (k, found) in d_actions.into_iter().enumerate() {
                let mut loss = |step: f32| {
                    let mut moved = inputs.clone();
                    moved[k / 2 * 62 + 60 + k % 2] += step;
                    let values = net.infer(&moved).iter();
                    values.map(|q| 0.5 * f64::from(*q).powi(2)).sum::<f64>()
                };
                let slope = (loss(0.01) - loss(-0.01)) / 0.02;
                assert!((f64::from(found) - slope).abs() < 1e-3, "{k}: {found} is not {slope}");
            }
        }
    }

    #[test]
    fn a_dueling_network_of_scaled_inputs_learns_the_same_on_host_and_device() {
        let [host, device] = everywhere().map(|compute| {
            let trunk = vec![
                LayerPlan::Linear { width: 5, bias: true },
                LayerPlan::Activation(Activation::Tanh),
            ];
            let plan = plain(3, trunk, &[1, 4]);
            let plan = NetPlan { dueling: true, obs_scale: 0.5, ..plan };
            let mut net = NetLearner::new(plan, sgd(), &mut Rng::from_seed(5), &compute);
            let [_, d_inputs] = net.slopes(&INPUTS, 2);
            let outputs = net.forward(&INPUTS).to_vec();
            net.step(&outputs);
            [outputs, d_inputs, net.params().into_owned(), net.infer(&INPUTS).to_vec()]
        });
        host.iter().zip(&device).for_each(|(host, device)| assert_close(host, device));
        assert_eq!((host[0].len(), host[1].len()), (2 * 4, 2 * 2));
    }

    /// Four steps, so that renormalization is warm; then one row alone, which has no statistics.
    #[test]
    fn batch_normalization_is_the_same_on_host_and_device_and_targets_take_it_over() {
        let trunk = vec![
            LayerPlan::Linear { width: 4, bias: true },
            batch_norm(2),
            LayerPlan::Activation(Activation::Tanh),
            renorm(),
        ];
        let plan = plain(3, trunk, &[2]);
        let inputs: Vec<f32> = (0..15).map(|i| (i as f32 * 1.7).sin()).collect();
        let [host, device] = everywhere().map(|compute| {
            let mut net = NetLearner::new(plan.clone(), sgd(), &mut Rng::from_seed(5), &compute);
            let mut target = TargetNet::of(&net);
            for rows in [5, 5, 3, 5, 1] {
                let d_outputs = net.forward(&inputs[..3 * rows]).to_vec();
                net.step(&d_outputs);
            }
            let before = target.outputs(&inputs);
            target.copy_from(&net);
            let after = target.outputs(&inputs);
            assert_eq!(after, net.infer(&inputs));
            assert_eq!(saved(&target).len(), plan.num_params());
            let [_, d_inputs] = net.slopes(&inputs, 2);
            [before, after, d_inputs, net.params().into_owned()]
        });
        host.iter().zip(&device).for_each(|(host, device)| assert_close(host, device));
        // Four batches were seen; the single row was none.
        assert_eq!((host[3].len(), host[3].last()), (plan.num_params() + 4 + 9, Some(&4.0)));
    }

    #[test]
    fn a_target_and_its_network_read_their_buffers_back() {
        for compute in everywhere() {
            let plan = plain(3, vec![renorm()], &[2]);
            let new = || NetLearner::new(plan.clone(), sgd(), &mut Rng::from_seed(5), &compute);
            let mut net = new();
            net.forward(&INPUTS);
            net.step(&[1.0; 4]);
            let mut state = StateWriter::new();
            net.save(&mut state);
            TargetNet::of(&net).save(&mut state);
            let bytes = state.into_bytes();
            let (mut from, mut copy) = (StateReader::new(&bytes), new());
            let mut target = TargetNet::of(&copy);
            copy.load(&mut from).unwrap();
            target.load(&mut from).unwrap();
            from.finish().unwrap();
            assert_eq!(copy.params(), net.params());
            assert_eq!(target.outputs(&INPUTS), net.infer(&INPUTS));
        }
    }

    /// `slm_golden.json`, polyak: the new parameters weigh `coef`.
    #[test]
    fn a_target_follows_by_the_share_it_is_told() {
        for compute in everywhere() {
            let mut online = learner(None, &compute);
            let (mut target, start) = (TargetNet::of(&online), online.params().into_owned());
            let outputs = online.forward(&INPUTS).to_vec();
            assert_eq!(target.outputs(&INPUTS), outputs);
            online.step(&outputs);
            let end = online.params().into_owned();
            target.blend_from(&online, 0.25);
            let blended: Vec<f32> =
                start.iter().zip(&end).map(|(a, b)| 0.75 * a + 0.25 * b).collect();
            assert_close(&saved(&target), &blended);
            target.copy_from(&online);
            assert_eq!(saved(&target), end);
        }
    }

    fn saved(target: &TargetNet) -> Vec<f32> {
        let mut out = StateWriter::new();
        target.save(&mut out);
        StateReader::new(&out.into_bytes()).f32s().unwrap()
    }
}
