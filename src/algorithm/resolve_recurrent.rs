//! From the spec of a recurrent network to its layers, and where there can be none.

use slm_policy::Cell;

use super::resolve::Resolver;
use super::resolve_net::activation;
use crate::config::{BodySpec, CellSpec, NetPartSpec, RecurrentNetSpec};
use crate::net::{LayerPlan, NetPlan};

impl Resolver<'_> {
    /// The layers up to the heads.
    pub(super) fn recurrent_trunk(
        &mut self,
        part: &NetPartSpec,
        net: &RecurrentNetSpec,
    ) -> Option<Vec<LayerPlan>> {
        if net.bidirectional {
            let message = "a policy can not see what comes after an observation";
            self.found.error(part.place.0.error_in("bidirectional", message));
            return None;
        }
        let hidden = LayerPlan::Activation(activation(net.hid_layers_activation));
        let linear = |&width| [LayerPlan::Linear { width, bias: true }, hidden];
        let cell = match net.cell_type {
            CellSpec::Rnn => Cell::Rnn,
            CellSpec::Gru => Cell::Gru,
            CellSpec::Lstm => Cell::Lstm,
        };
        let cell = LayerPlan::Recurrent { cell, hidden: net.rnn_hidden_size };
        let cells = std::iter::repeat_n(cell, net.rnn_num_layers);
        Some(net.fc_hid_layers.iter().flat_map(linear).chain(cells).collect())
    }

    /// Notes an error where a network depends on what came before.
    pub(super) fn refuse_recurrent(&mut self, part: &NetPartSpec) -> Option<()> {
        if matches!(part.body, BodySpec::Recurrent(_)) {
            let name = &self.agent.algorithm_name;
            let message = format!("{name} learns from single steps, a RecurrentNet from sequences");
            self.found.error(part.place.0.error_in("type", message));
            return None;
        }
        Some(())
    }

    /// Notes an error where two recurrent networks are learned from in chunks of different lengths.
    pub(super) fn check_seq_len(
        &mut self,
        actor: &NetPlan,
        critic: &NetPlan,
        part: &NetPartSpec,
    ) -> Option<()> {
        if actor.is_recurrent() && critic.is_recurrent() && actor.seq_len != critic.seq_len {
            let message = "actor and critic learn from the same chunks of `seq_len` steps";
            self.found.error(part.place.0.error_in("seq_len", message));
            return None;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use slm_env::{SeedSequence, Space};
    use slm_policy::Layer;

    use crate::algorithm::agent::{AgentContext, AgentPlan, AlgorithmDef, EnvShape};
    use crate::algorithm::conformance::{NUM_ENVS, plan_in};
    use crate::algorithm::{actor_critic, dqn, sac, sarsa};
    use crate::config::Diagnostics;
    use crate::net::Compute;

    const NET: &str = "type: RecurrentNet, cell_type: LSTM, rnn_hidden_size: 8, seq_len: 4,
        fc_hid_layers: [16], hid_layers_activation: relu, shared: false, use_same_optim: false";
    const ON_POLICY: &str = "memory: {name: OnPolicyBatchReplay}";
    const REPLAY: &str = "memory: {name: Replay, batch_size: 4, max_size: 99}";
    const A2C: &str = "ActorCritic, gamma: 0.9, lam: 0.9, training_frequency: 4";
    const DQN: &str =
        "DQN, gamma: 0.9, training_batch_iter: 1, training_iter: 1, training_frequency: 4";

    fn found(def: &AlgorithmDef, algorithm: &str, memory: &str, net: &str) -> Diagnostics {
        let (found, plan) = planned(def, algorithm, memory, net);
        let is_clean = found.errors.is_empty() && found.unavailable.is_empty();
        assert!(plan.map_or(!is_clean, |plan| plan.is_recurrent()));
        found
    }

    fn planned(
        def: &AlgorithmDef,
        algorithm: &str,
        memory: &str,
        net: &str,
    ) -> (Diagnostics, Option<Box<dyn AgentPlan>>) {
        let env = EnvShape {
            num_envs: NUM_ENVS,
            max_frame: 1000,
            obs_space: Space::symmetric(&[1.0; 3]),
            obs_u8: false,
            action_space: Space::Discrete { n: 2 },
        };
        let agent = format!("{{algorithm: {{name: {algorithm}}}, {memory}, net: {{{net}}}}}");
        let mut found = Diagnostics::new();
        let plan = plan_in(def, &agent, &env, &mut found);
        (found, plan)
    }

    /// Message and place of the only error.
    fn error(def: &AlgorithmDef, algorithm: &str, memory: &str, net: &str) -> (String, String) {
        let found = found(def, algorithm, memory, net);
        assert_eq!(found.errors.len(), 1, "{found:?}");
        (found.errors[0].message.clone(), found.errors[0].path.clone())
    }

    #[test]
    fn recurrent_networks_are_planned_where_sequences_are_learned_from() {
        let plain = found(&actor_critic::DEF, A2C, ON_POLICY, NET);
        assert_eq!((plain.errors, plain.warnings), (vec![], vec![]));
        let mixed = format!("{NET}, critic_type: MLPNet, critic_hid_layers: [8]");
        assert_eq!(found(&actor_critic::DEF, A2C, ON_POLICY, &mixed).errors, []);
        assert_eq!(found(&dqn::DQN, DQN, REPLAY, NET).errors, []);
    }

    /// 3 inputs, a layer of 16, two LSTMs of 8 units, each of which carries h and a memory.
    #[test]
    fn layers_are_those_that_the_keys_say() {
        let net = format!("{NET}, rnn_num_layers: 2");
        let (_, plan) = planned(&actor_critic::DEF, A2C, ON_POLICY, &net);
        let context =
            AgentContext { compute: &Compute::kernels(1), seed: &SeedSequence::new(0_u64) };
        let network = plan.unwrap().build(&context).acting_net().unwrap().network;
        let sizes = network.layers.iter().map(|layer| match layer {
            Layer::Linear(linear) => ("linear", linear.inputs(), linear.outputs()),
            Layer::Recurrent(cell) => (cell.cell().name(), cell.inputs(), cell.hidden()),
            _ => ("activation", 0, 0),
        });
        let cells = [("lstm", 16, 8), ("lstm", 8, 8)];
        let expected =
            [("linear", 3, 16), ("activation", 0, 0), cells[0], cells[1], ("linear", 8, 2)];
        assert_eq!(sizes.collect::<Vec<_>>(), expected);
        assert_eq!(network.state_width(), 2 * 2 * 8);
    }

    #[test]
    fn what_learns_from_single_steps_refuses_them() {
        let sarsa = "SARSA, gamma: 0.9, training_frequency: 4";
        let sac = "SoftActorCritic, gamma: 0.9, training_frequency: 4";
        for (def, algorithm, memory) in [(&sarsa::DEF, sarsa, ON_POLICY), (&sac::SAC, sac, REPLAY)]
        {
            let (message, path) = error(def, algorithm, memory, NET);
            assert!(message.contains("learns from single steps"), "{message}");
            assert_eq!(path, "agent.net.type");
        }
    }

    #[test]
    fn what_can_not_be_is_said_at_its_key() {
        let (a2c, dqn) = (&actor_critic::DEF, &dqn::DQN);
        let both_ways = format!("{NET}, bidirectional: true");
        let uneven = format!("{NET}, critic_seq_len: 8");
        let elite = "memory: {name: OnPolicyCrossEntropy, cross_entropy: 0.3}";
        let prioritized = "memory: {name: PrioritizedReplay, alpha: 0.6, epsilon: 0.01, \
            batch_size: 4, max_size: 99}";
        let small = "memory: {name: Replay, batch_size: 4, max_size: 28}";
        let cases = [
            (error(dqn, DQN, REPLAY, &both_ways), "bidirectional", "can not see"),
            (error(a2c, A2C, ON_POLICY, &uneven), "seq_len", "same chunks"),
            (error(a2c, A2C, elite, NET), "name", "out of their order"),
            (error(dqn, DQN, prioritized, NET), "name", "have no priorities"),
            // 7 steps of 4 environments before the last of a sequence of 8.
            (error(dqn, DQN, small, NET), "max_size", "more than 28 transitions"),
        ];
        for ((message, path), key, reason) in cases {
            assert!(message.contains(reason), "{message}");
            assert!(path.ends_with(key), "{path}");
        }
    }
}
