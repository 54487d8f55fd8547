//! REINFORCE. Williams (1992), "Simple statistical gradient-following algorithms for
//! connectionist reinforcement learning".
//!
//! The actor-critic's rule without a critic: discounted returns, standardized over the rollout,
//! weigh the log-probabilities.
//!
//! Unlike SLM-Lab 5: where a trajectory is cut, by a time limit or by the rollout's end, its return
//! goes on with the mean return instead of with nothing, or with the next episode's rewards.

use super::acting_spec::ActingSpec;
use super::actor_critic::{ActorCritic, ActorCriticPlan, Estimate};
use super::agent::{AgentPlan, AlgorithmDef, EnvShape};
use super::on_policy::OnPolicyPlan;
use super::on_policy_plan::ResolvedOnPolicy;
use super::resolve::{Resolver, coef_plan};
use crate::config::{
    AgentSpec, Diagnostics, ScheduleSpec, algorithm_schema, read_algorithm, spec, to_json,
};
use crate::net::LossFn;

/// The registry line.
pub const DEF: AlgorithmDef = AlgorithmDef {
    name: "Reinforce",
    summary: "Monte-Carlo policy gradient (Williams 1992)",
    check: |agent, found| {
        read_algorithm::<ReinforceSpec>(&agent.algorithm, found);
    },
    plan,
    schema: || algorithm_schema::<ReinforceSpec>("Reinforce"),
};

spec! {
    /// REINFORCE.
    pub struct ReinforceSpec {
        /// How actions are chosen.
        acting: ActingSpec = flatten;
        /// Discount γ of future rewards.
        gamma: f64 = required, in 0.0..=1.0;
        /// Whether returns are centered; they are standardized in any case, which centers them.
        center_return: bool = default(false);
        /// Entropy bonus over frames; null means none.
        entropy_coef_spec: Option<ScheduleSpec> = nullable;
        /// Weight of the policy loss.
        policy_loss_coef: f64 = default(1.0), in 0.0..;
        /// Vector steps (or episodes, with `OnPolicyReplay`) between updates.
        training_frequency: usize = required, in 1..;
    }
    ignored {
        normalize_state: "since SLM-Lab 5 the key is `env.normalize_obs`";
    }
}

fn plan(agent: &AgentSpec, env: &EnvShape, found: &mut Diagnostics) -> Option<Box<dyn AgentPlan>> {
    let spec = read_algorithm::<ReinforceSpec>(&agent.algorithm, found);
    let mut resolver = Resolver { agent, env, found };
    let memory = resolver.memory();
    let (spec, memory) = (spec?, memory?);
    let dist = resolver.dist(&spec.acting)?;
    let acting = resolver.acting(&spec.acting, &dist);
    let nets = resolver.policy_net(&dist);
    let rollout = resolver.rollout(&dist);
    let update_every = resolver.update_every(&memory, spec.training_frequency);
    let (acting, nets) = (acting?, nets?);
    let elite = resolver.elite(&memory, update_every, &nets);
    resolver.check_rollout("training_frequency", update_every);
    let rule = rule_plan(&spec);
    Some(Box::new(ResolvedOnPolicy {
        plan: OnPolicyPlan { nets, acting, rollout, update_every, elite },
        rule: Box::new(move || ActorCritic::new(rule.clone())),
        algorithm: to_json(&spec),
        memory: to_json(&memory),
    }))
}

fn rule_plan(spec: &ReinforceSpec) -> ActorCriticPlan {
    ActorCriticPlan {
        gamma: spec.gamma,
        estimate: Estimate::MeanReturns,
        entropy_coef: coef_plan(spec.entropy_coef_spec.as_ref()),
        policy_loss_coef: spec.policy_loss_coef,
        val_loss_coef: 0.0,
        value_loss: LossFn::Mse,
        normalize_v_targets: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::conformance_images::{self, LARGE};
    use crate::algorithm::{conformance, memory_task};

    const AGENT: &str = "{
        algorithm: {name: Reinforce, gamma: 0.9, training_frequency: 8},
        memory: {name: OnPolicyBatchReplay},
        net: {type: MLPNet, hid_layers: [8], hid_layers_activation: tanh,
          optim_spec: {name: Adam, lr: 0.02}}}";

    #[test]
    fn keeps_the_agent_contract() {
        conformance::check(&DEF, AGENT);
    }

    /// 1000 frames of a session, each with one observed number of 4 bytes.
    #[test]
    fn a_rollout_takes_no_more_memory_than_a_session_has_frames() {
        let agent = AGENT.replace("training_frequency: 8", "training_frequency: 1e15");
        let (space, mut found) = (slm_env::Space::Discrete { n: 2 }, Diagnostics::new());
        assert!(conformance::plan(&DEF, &agent, &space, &mut found).is_some());
        let need = found.needs.iter().find(|need| need.what.path.ends_with("training_frequency"));
        let need = need.map(|need| (need.what.message.as_str(), need.bytes));
        assert_eq!(need, Some(("a rollout of 1000 frames", 4000)));
    }

    #[test]
    fn keeps_the_agent_contract_with_every_distribution() {
        conformance::check_every_dist(&DEF, AGENT);
    }

    #[test]
    fn keeps_the_agent_contract_at_a_temperature() {
        let agent = "{
            algorithm: {name: Reinforce, gamma: 0.9, training_frequency: 8,
              action_policy: boltzmann, explore_var_spec: {name: linear_decay, start_val: 2.0,
              end_val: 1.0, start_step: 0, end_step: 100}},
            memory: {name: OnPolicyBatchReplay},
            net: {type: MLPNet, hid_layers: [8], hid_layers_activation: tanh,
              optim_spec: {name: SGD, lr: 0.1, momentum: 0.9}}}";
        conformance::check_discrete(&DEF, agent);
    }

    /// As SLM-Lab's spec, with a loss that it has no values for.
    #[test]
    fn keeps_the_agent_contract_on_the_best_episodes() {
        let agent = "{
            algorithm: {name: Reinforce, gamma: 0.9, training_frequency: 32},
            memory: {name: OnPolicyCrossEntropy, cross_entropy: 0.25},
            net: {type: MLPNet, hid_layers: [8], hid_layers_activation: tanh,
              loss_spec: {name: CrossEntropyLoss},
              optim_spec: {name: Adam, lr: 0.02}}}";
        conformance::check(&DEF, agent);
    }

    #[test]
    fn a_network_of_pixels_does_on_a_device_what_it_does_on_the_processor_with_the_best_episodes() {
        let agent = format!(
            "{{
            algorithm: {{name: Reinforce, gamma: 0.9, training_frequency: 32}},
            memory: {{name: OnPolicyCrossEntropy, cross_entropy: 0.25}},
            net: {{{LARGE}, hid_layers_activation: relu, optim_spec: {{name: SGD, lr: 0.01}}}}}}"
        );
        conformance_images::check_on_device(&DEF, &agent);
    }

    #[test]
    fn keeps_the_agent_contract_with_slow_weights_and_a_rate_that_falls_on_plateaus() {
        let agent = "{
            algorithm: {name: Reinforce, gamma: 0.9, training_frequency: 8},
            memory: {name: OnPolicyBatchReplay},
            net: {type: MLPNet, hid_layers: [8], hid_layers_activation: tanh,
              optim_spec: {name: Lookahead, optimizer: RAdam, lr: 0.05, k: 3},
              lr_scheduler_spec: {name: ReduceLROnPlateau, factor: 0.9, patience: 20}}}";
        conformance::check(&DEF, agent);
    }

    #[test]
    fn a_recurrent_network_learns_what_takes_memory() {
        let net = "type: RecurrentNet, cell_type: RNN, rnn_hidden_size: 8, seq_len: 4,
            fc_hid_layers: [],";
        let agent = AGENT
            .replace("type: MLPNet, hid_layers: [8],", net)
            .replace("OnPolicyBatchReplay", "OnPolicyReplay")
            .replace("training_frequency: 8", "training_frequency: 16");
        memory_task::check(&DEF, &agent, 4000);
    }
}
