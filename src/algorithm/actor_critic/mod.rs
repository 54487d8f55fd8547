//! Advantage actor-critic (A2C). Mnih et al. (2016), arXiv:1602.01783, without asynchrony.
//!
//! One gradient step per rollout. Advantages by GAE (`lam`), by n-step returns
//! (`num_step_returns`) or by Monte-Carlo returns, then standardized over the rollout. Returns are
//! bootstrapped at truncations and at the rollout's end, and zero after terminations.
//! The same rule without a critic is REINFORCE.

mod loss;
mod spec;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use self::loss::ActorCriticLoss;
use super::agent::TrainStats;
use super::nets::{Epoch, Evaluation, PolicyValueNets, TrainingBatch};
use super::on_policy::OnPolicyRule;
use super::value_target::{ValueLoss, ValueTarget};
use crate::memory::Rollout;
use crate::net::LossFn;
use crate::ops::{Schedule, bootstrapped_returns, gae, mean_bootstrapped_returns, standardize};

pub(super) use spec::resolve;
pub use spec::{ActorCriticSpec, DEF};

/// How the worth of an action is estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Estimate {
    /// Generalized advantages with that λ.
    Gae(f32),
    /// Returns to the end of the rollout, bootstrapped from the critic.
    Returns,
    /// Returns without a critic, bootstrapped from their own mean.
    MeanReturns,
}

/// Numbers of one actor-critic agent.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorCriticPlan {
    /// Discount γ.
    pub gamma: f64,
    /// How advantages and value targets come about.
    pub estimate: Estimate,
    /// Entropy bonus over frames.
    pub entropy_coef: Schedule,
    /// Weight of the policy loss.
    pub policy_loss_coef: f64,
    /// Weight of the value loss.
    pub val_loss_coef: f64,
    /// Value loss.
    pub value_loss: LossFn,
    /// Divide values and targets by the targets' running deviation.
    pub normalize_v_targets: bool,
}

/// The actor-critic rule.
pub struct ActorCritic {
    plan: ActorCriticPlan,
    value_target: ValueTarget,
    entropy_coef: f64,
    entropy: f64,
}

/// What a rollout teaches, both `[T, n]`.
struct Targets {
    /// Standardized advantages.
    advantages: Vec<f32>,
    /// Value targets.
    returns: Vec<f32>,
}

impl ActorCritic {
    /// The rule at frame 0.
    pub fn new(plan: ActorCriticPlan) -> Self {
        Self {
            value_target: ValueTarget::new(plan.normalize_v_targets),
            entropy_coef: plan.entropy_coef.at(0),
            entropy: f64::NAN,
            plan,
        }
    }

    fn targets(&self, rollout: &Rollout, before: &Evaluation) -> Targets {
        let transitions = rollout.transitions(&before.next_values);
        let (values, gamma) = (&before.values, self.plan.gamma);
        let minus = |r: &[f32]| r.iter().zip(values).map(|(r, v)| r - v).collect();
        let plus = |a: &[f32]| a.iter().zip(values).map(|(a, v)| a + v).collect();
        let (mut advantages, returns): (Vec<f32>, Vec<f32>) = match self.plan.estimate {
            Estimate::Gae(lam) => {
                let advantages = gae(transitions, values, gamma as f32, lam);
                let returns = plus(&advantages);
                (advantages, returns)
            }
            Estimate::Returns => {
                let returns = bootstrapped_returns(transitions, gamma as f32);
                (minus(&returns), returns)
            }
            Estimate::MeanReturns => {
                let returns = mean_bootstrapped_returns(transitions, gamma);
                (returns.clone(), returns)
            }
        };
        standardize(&mut advantages);
        Targets { advantages, returns }
    }

    fn loss(&self) -> ActorCriticLoss {
        ActorCriticLoss {
            policy_loss_coef: self.plan.policy_loss_coef,
            entropy_coef: self.entropy_coef,
            value: ValueLoss {
                kind: self.plan.value_loss,
                coef: self.plan.val_loss_coef,
                sigma: self.value_target.sigma(),
                symlog: false,
                clip: None,
            },
        }
    }
}

impl OnPolicyRule for ActorCritic {
    fn learn(&mut self, nets: &mut PolicyValueNets, rollout: &Rollout, _: &mut Rng) -> TrainStats {
        let before = nets.evaluate(rollout);
        let Targets { advantages, returns } = self.targets(rollout, &before);
        self.value_target.update(&returns);
        let batch = TrainingBatch::of(rollout, &returns, &before);
        let order = (0..rollout.len() as u32).collect();
        let mut once = std::iter::once(Epoch { order, advantages });
        let means = nets.learn(batch, rollout.len(), &mut once, &self.loss());
        self.entropy = means.entropy;
        TrainStats { loss: means.loss }
    }

    fn advance(&mut self, frame: u64) {
        self.entropy_coef = self.plan.entropy_coef.at(frame);
    }

    fn metric_names(&self) -> Vec<&'static str> {
        vec!["entropy_coef", "entropy"]
    }

    fn metrics(&self) -> Vec<f64> {
        vec![self.entropy_coef, self.entropy]
    }

    fn save(&self, out: &mut StateWriter) {
        self.value_target.save(out);
        out.f64(self.entropy_coef);
        out.f64(self.entropy);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.value_target.load(from)?;
        self.entropy_coef = from.f64()?;
        self.entropy = from.f64()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::DEF;
    use crate::algorithm::conformance_images::{self, LARGE};
    use crate::algorithm::{conformance, memory_task};

    const AGENT: &str = "{
        algorithm: {name: ActorCritic, gamma: 0.9, lam: 0.9, training_frequency: 8,
          entropy_coef_spec: {name: no_decay, start_val: 0.001}},
        memory: {name: OnPolicyBatchReplay},
        net: {type: MLPNet, shared: true, use_same_optim: true, hid_layers: [8],
          hid_layers_activation: tanh, clip_grad_val: 0.5, optim_spec: {name: Adam, lr: 0.02}}}";

    #[test]
    fn keeps_the_agent_contract_with_gae_and_one_net() {
        conformance::check(&DEF, AGENT);
    }

    #[test]
    fn a_loss_of_classes_is_refused() {
        let agent = AGENT.replace("optim_spec", "loss_spec: {name: CrossEntropyLoss}, optim_spec");
        conformance::refuses(&DEF, &agent, &slm_env::Space::Discrete { n: 2 }, "compares classes");
    }

    #[test]
    fn keeps_the_agent_contract_with_every_distribution() {
        conformance::check_every_dist(&DEF, AGENT);
    }

    #[test]
    fn keeps_the_agent_contract_with_n_step_returns_and_two_nets() {
        let agent = AGENT
            .replace("lam: 0.9", "lam: null, num_step_returns: 8, normalize_v_targets: true")
            .replace("shared: true", "shared: false")
            .replace("Adam, lr: 0.02", "RMSprop, lr: 0.01");
        conformance::check(&DEF, &agent);
    }

    #[test]
    fn keeps_the_agent_contract_where_it_sees_pixels() {
        let arc = "type: TorchArcNet, normalize: true, arc: {
            modules: {body: {Sequential: [{LazyConv2d: {out_channels: 6, kernel_size: 3, stride: 2}},
              {ReLU: }, {Flatten: }, {LazyLinear: {out_features: 12}}, {ReLU: }]}},
            graph: {input: x, modules: {body: [x]}, output: body}}";
        let agent = AGENT.replace("type: MLPNet", arc).replace("hid_layers: [8],", "");
        conformance_images::check(&DEF, &agent);
    }

    #[test]
    fn networks_of_pixels_do_on_a_device_what_they_do_on_the_processor() {
        let agent = AGENT
            .replace("type: MLPNet, shared: true", &format!("{LARGE}, shared: false"))
            .replace("hid_layers: [8],", "")
            .replace("lr: 0.02", "lr: 0.002");
        conformance_images::check_on_device(&DEF, &agent);
    }

    #[test]
    fn keeps_the_agent_contract_with_whole_episodes() {
        let agent = AGENT
            .replace("lam: 0.9", "lam: null")
            .replace("OnPolicyBatchReplay", "OnPolicyReplay")
            .replace("training_frequency: 8", "training_frequency: 32");
        conformance::check(&DEF, &agent);
    }

    #[test]
    fn a_recurrent_network_learns_what_takes_memory() {
        let net = "type: RecurrentNet, cell_type: LSTM, rnn_hidden_size: 8, seq_len: 8,
            fc_hid_layers: [], shared: true, use_same_optim: true,";
        let agent = AGENT
            .replace("type: MLPNet, shared: true, use_same_optim: true, hid_layers: [8],", net)
            .replace("start_val: 0.001", "start_val: 0.02");
        memory_task::check(&DEF, &agent, 4000);
    }
}
