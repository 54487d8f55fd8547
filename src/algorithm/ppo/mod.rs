//! Proximal policy optimization. Schulman et al. (2017), arXiv:1707.06347.
//!
//! One update: advantages by GAE over a rollout, then `training_epoch` passes over shuffled
//! minibatches, each one gradient step on the clipped surrogate (eq. 7), the value loss and the
//! entropy bonus (eq. 9).
//!
//! Unlike the paper: advantages are normalized per minibatch, and the log-ratio is clamped to ±20
//! against overflow. Unlike SLM-Lab 5: a truncated episode bootstraps from its own final
//! observation and cuts the trace.

mod spec;

use burn::tensor::{Int, Tensor, TensorData};
use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::agent::TrainStats;
use super::nets::PolicyValueNets;
use super::on_policy::OnPolicyRule;
use super::value_target::ValueTarget;
use crate::memory::Rollout;
use crate::net::{LossFn, symlog};
use crate::ops::{PercentileScale, Schedule, Transitions, gae, standardize};

pub use spec::{AdvantageScaleSpec, DEF, PpoSpec};

/// How advantages are brought to a common scale, per minibatch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AdvantageScale {
    /// Mean 0, standard deviation 1.
    Standardize,
    /// Divided by a moving range between percentiles.
    Percentile(PercentileScale),
}

/// Numbers of one PPO agent.
#[derive(Clone, Debug, PartialEq)]
pub struct PpoPlan {
    /// Discount γ.
    pub gamma: f32,
    /// GAE's λ.
    pub lam: f32,
    /// Clipping range ε over frames.
    pub clip_eps: Schedule,
    /// Entropy bonus over frames.
    pub entropy_coef: Schedule,
    /// Weight of the value loss.
    pub val_loss_coef: f64,
    /// Rows per gradient step.
    pub minibatch_size: usize,
    /// Passes over a rollout.
    pub training_epoch: usize,
    /// Value loss where it is not clipped.
    pub value_loss: LossFn,
    /// Clip the value's change to ±ε as the policy's.
    pub clip_vloss: bool,
    /// Compare values on a symmetric logarithmic scale.
    pub symlog: bool,
    /// Divide values and targets by the targets' running deviation.
    pub normalize_v_targets: bool,
    /// How advantages are scaled.
    pub advantage_scale: AdvantageScale,
}

/// PPO's rule.
pub struct Ppo {
    plan: PpoPlan,
    value_target: ValueTarget,
    advantage_scale: AdvantageScale,
    clip_eps: f64,
    entropy_coef: f64,
    entropy: f64,
}

/// A rollout on the device, its rows in one epoch's order.
struct Batch {
    obs: Tensor<2>,
    actions: Tensor<2>,
    /// Columns: return, old value, old log-probability.
    targets: Tensor<2>,
}

/// Sums over minibatches, kept on the device until the update ends.
struct Sums {
    loss: Tensor<1>,
    entropy: Tensor<1>,
    count: usize,
}

impl Ppo {
    /// PPO at frame 0.
    pub fn new(plan: PpoPlan) -> Self {
        Self {
            value_target: ValueTarget::new(plan.normalize_v_targets),
            advantage_scale: plan.advantage_scale,
            clip_eps: plan.clip_eps.at(0),
            entropy_coef: plan.entropy_coef.at(0),
            entropy: f64::NAN,
            plan,
        }
    }

    /// Advantages `[T·n]` on the host and the rollout on the device, in time order.
    fn prepare(&mut self, nets: &PolicyValueNets, rollout: &Rollout) -> (Vec<f32>, Batch) {
        let widths = rollout.plan();
        let obs = nets.upload(&rollout.obs, widths.obs_width);
        let actions = nets.upload(&rollout.actions, widths.action_width);
        let bootstrap_obs = nets.upload(&rollout.bootstrap_obs(), widths.obs_width);
        let values = host(nets.values(&obs));
        let next_values = rollout.next_values(&values, &host(nets.values(&bootstrap_obs)));
        let transitions = Transitions {
            n: widths.num_envs,
            rewards: &rollout.rewards,
            terminated: &rollout.terminated,
            done: &rollout.done,
            next_values: &next_values,
        };
        let advantages = gae(transitions, &values, self.plan.gamma, self.plan.lam);
        let returns: Vec<f32> = advantages.iter().zip(&values).map(|(a, v)| a + v).collect();
        self.value_target.update(&returns);
        let column = |values: &[f32]| nets.upload(values, 1);
        let log_probs = nets.log_probs(&obs, &actions).unsqueeze_dim(1);
        let targets = Tensor::cat(vec![column(&returns), column(&values), log_probs], 1);
        (advantages, Batch { obs, actions, targets })
    }

    /// One gradient step on rows `start..start + len` of an epoch's batch.
    fn step(
        &self,
        nets: &mut PolicyValueNets,
        rows: Batch,
        advantages: Tensor<1>,
        sums: &mut Sums,
    ) {
        let column = |j: usize| rows.targets.clone().narrow(1, j, 1).squeeze_dim::<1>(1);
        let (returns, old_values, old_log_probs) = (column(0), column(1), column(2));
        let tracked = nets.tracked();
        let (outputs, values) = nets.forward(&tracked, rows.obs);
        let (log_probs, entropy) = nets.dist().log_prob_and_entropy(outputs, rows.actions);
        let entropy = entropy.mean();
        let surrogate = self.surrogate(log_probs - old_log_probs, advantages);
        let policy_loss = surrogate.neg() - entropy.clone() * self.entropy_coef;
        let values = values.expect("PPO always has a critic");
        let value_loss = self.value_loss(values, old_values, returns) * self.plan.val_loss_coef;
        sums.add(&policy_loss, &value_loss, &entropy);
        nets.step(&tracked, policy_loss, Some(value_loss));
    }

    /// mean min(ρA, clip(ρ, 1 ± ε)·A), eq. 7, from the log-ratio ln ρ.
    fn surrogate(&self, log_ratio: Tensor<1>, advantages: Tensor<1>) -> Tensor<1> {
        let ratio = log_ratio.clamp(-20.0, 20.0).exp();
        let clipped = ratio.clone().clamp(1.0 - self.clip_eps, 1.0 + self.clip_eps);
        (ratio * advantages.clone()).min_pair(clipped * advantages).mean()
    }

    fn value_loss(&self, values: Tensor<1>, old: Tensor<1>, returns: Tensor<1>) -> Tensor<1> {
        let scaled = |x: Tensor<1>| if self.plan.symlog { symlog(x) } else { x };
        let (values, old, returns) = (scaled(values), scaled(old), scaled(returns));
        if !self.plan.clip_vloss {
            return self.value_target.loss(self.plan.value_loss, values, returns);
        }
        let change = (values.clone() - old.clone()).clamp(-self.clip_eps, self.clip_eps);
        let unclipped = (values - returns.clone()).square();
        let clipped = (old + change - returns).square();
        unclipped.max_pair(clipped).mean() * 0.5
    }

    /// Advantages of one epoch in its order, scaled per minibatch.
    fn scale_advantages(&mut self, advantages: &[f32], order: &[i32]) -> Vec<f32> {
        let mut scaled: Vec<f32> = order.iter().map(|&row| advantages[row as usize]).collect();
        for minibatch in scaled.chunks_mut(self.plan.minibatch_size) {
            match &mut self.advantage_scale {
                AdvantageScale::Standardize => standardize(minibatch),
                AdvantageScale::Percentile(scale) => scale.normalize(minibatch),
            }
        }
        scaled
    }
}

impl OnPolicyRule for Ppo {
    fn learn(&mut self, nets: &mut PolicyValueNets, rollout: &Rollout, rng: &mut Rng) -> TrainStats {
        let (advantages, batch) = self.prepare(nets, rollout);
        let device = batch.obs.device();
        let mut sums = Sums::new(&batch.obs);
        let rows = advantages.len();
        let mut order: Vec<i32> = (0..rows as i32).collect();
        for _ in 0..self.plan.training_epoch {
            rng.shuffle(&mut order);
            let scaled = self.scale_advantages(&advantages, &order);
            let scaled = Tensor::<1>::from_data(scaled.as_slice(), &device);
            let order = Tensor::<1, Int>::from_data(TensorData::from(order.as_slice()), &device);
            let epoch = batch.select(&order);
            for start in (0..rows).step_by(self.plan.minibatch_size) {
                let len = self.plan.minibatch_size.min(rows - start);
                let advantages = scaled.clone().narrow(0, start, len);
                self.step(nets, epoch.narrow(start, len), advantages, &mut sums);
            }
        }
        let (loss, entropy) = sums.means();
        self.entropy = entropy;
        TrainStats { loss }
    }

    fn advance(&mut self, frame: u64) {
        self.clip_eps = self.plan.clip_eps.at(frame);
        self.entropy_coef = self.plan.entropy_coef.at(frame);
    }

    fn metric_names(&self) -> &'static [&'static str] {
        &["clip_eps", "entropy_coef", "entropy"]
    }

    fn metrics(&self) -> Vec<f64> {
        vec![self.clip_eps, self.entropy_coef, self.entropy]
    }

    fn save(&self, out: &mut StateWriter) {
        self.value_target.save(out);
        out.f64(self.clip_eps);
        out.f64(self.entropy_coef);
        out.f64(self.entropy);
        if let AdvantageScale::Percentile(scale) = self.advantage_scale {
            out.f64(scale.low);
            out.f64(scale.high);
        }
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.value_target.load(from)?;
        self.clip_eps = from.f64()?;
        self.entropy_coef = from.f64()?;
        self.entropy = from.f64()?;
        if let AdvantageScale::Percentile(scale) = &mut self.advantage_scale {
            *scale = PercentileScale { low: from.f64()?, high: from.f64()? };
        }
        Ok(())
    }
}

impl Batch {
    fn select(&self, order: &Tensor<1, Int>) -> Self {
        Self {
            obs: self.obs.clone().select(0, order.clone()),
            actions: self.actions.clone().select(0, order.clone()),
            targets: self.targets.clone().select(0, order.clone()),
        }
    }

    fn narrow(&self, start: usize, len: usize) -> Self {
        Self {
            obs: self.obs.clone().narrow(0, start, len),
            actions: self.actions.clone().narrow(0, start, len),
            targets: self.targets.clone().narrow(0, start, len),
        }
    }
}

impl Sums {
    fn new(like: &Tensor<2>) -> Self {
        let zero = Tensor::zeros([1], &like.device());
        Self { loss: zero.clone(), entropy: zero, count: 0 }
    }

    fn add(&mut self, policy_loss: &Tensor<1>, value_loss: &Tensor<1>, entropy: &Tensor<1>) {
        let loss = policy_loss.clone().inner() + value_loss.clone().inner();
        self.loss = self.loss.clone() + loss;
        self.entropy = self.entropy.clone() + entropy.clone().inner();
        self.count += 1;
    }

    /// Mean loss and entropy: the update's only reads from the device.
    fn means(self) -> (f64, f64) {
        let sums = host(Tensor::cat(vec![self.loss, self.entropy], 0));
        let mean = |sum: f32| f64::from(sum) / self.count as f64;
        (mean(sums[0]), mean(sums[1]))
    }
}

fn host(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("values are f32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::conformance;

    const AGENT: &str = "{
        algorithm: {name: PPO, gamma: 0.9, lam: 0.9, time_horizon: 16, minibatch_size: 16,
          training_epoch: 4, clip_eps_spec: {name: linear_decay, start_val: 0.2, end_val: 0.1,
          start_step: 0, end_step: 900}, entropy_coef_spec: null, normalize_v_targets: true},
        memory: {name: OnPolicyBatchReplay},
        net: {type: MLPNet, shared: false, use_same_optim: true, hid_layers: [8],
          hid_layers_activation: tanh, optim_spec: {name: Adam, lr: 0.02}}}";

    #[test]
    fn keeps_the_agent_contract() {
        conformance::check(&DEF, AGENT);
    }

    #[test]
    fn keeps_the_agent_contract_with_one_net_and_every_option() {
        let agent = AGENT
            .replace("shared: false", "shared: true")
            .replace("normalize_v_targets: true", "clip_vloss: true, symlog: true")
            .replace("{name: PPO,", "{name: PPO, normalize_advantages: percentile,");
        // Advantages that are not centered drive the mean of a normal policy away on this bandit.
        conformance::check_discrete(&DEF, &agent);
    }

    #[test]
    fn keeps_the_agent_contract_with_a_log_std_of_its_own_in_one_net() {
        let agent = AGENT
            .replace("shared: false", "shared: true, log_std_init: -0.5, actor_init_std: 0.01");
        conformance::check(&DEF, &agent);
    }

    fn ppo(clip_vloss: bool) -> Ppo {
        Ppo::new(PpoPlan {
            gamma: 0.99,
            lam: 0.95,
            clip_eps: Schedule::Constant(0.2),
            entropy_coef: Schedule::Constant(0.0),
            val_loss_coef: 1.0,
            minibatch_size: 4,
            training_epoch: 1,
            value_loss: LossFn::Mse,
            clip_vloss,
            symlog: false,
            normalize_v_targets: false,
            advantage_scale: AdvantageScale::Standardize,
        })
    }

    fn tensor(values: [f32; 4]) -> Tensor<1> {
        Tensor::from_data(values, &burn::tensor::Device::flex())
    }

    /// ε = 0.2, ρ = [1.5, 1.5, 0.5, 0.5], A = [1, −1, 1, −1]:
    /// min(ρA, clip(ρ)A) = [1.2, −1.5, 0.5, −0.8], mean −0.15.
    #[test]
    fn the_surrogate_is_clipped_only_where_it_would_gain() {
        let log_ratio = tensor([1.5, 1.5, 0.5, 0.5]).log();
        let surrogate = ppo(false).surrogate(log_ratio, tensor([1.0, -1.0, 1.0, -1.0]));
        assert!((surrogate.into_scalar::<f32>() + 0.15).abs() < 1e-6);
    }

    /// ε = 0.2, V_old = 0, R = 1, V = [1, 0.1, −1, 0.5]: clipped V = [0.2, 0.1, −0.2, 0.2];
    /// max of squares = [0.64, 0.81, 4, 0.64]; half their mean = 0.76125.
    #[test]
    fn the_clipped_value_loss_takes_the_larger_error() {
        let loss = ppo(true).value_loss(tensor([1.0, 0.1, -1.0, 0.5]), tensor([0.0; 4]), tensor([1.0; 4]));
        assert!((loss.into_scalar::<f32>() - 0.761_25).abs() < 1e-6);
    }
}
