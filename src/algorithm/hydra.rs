//! The layers of a `HydraMLPNet`: heads side by side, a body, tails side by side.
//!
//! SLM-Lab's network of several environments had one head for the observations of each. One
//! environment gives one observation, which all heads read.

use super::resolve::Resolver;
use super::resolve_net::{activation, hidden_norm};
use super::trunk::Body;
use crate::config::{HydraMlpNetSpec, NetPartSpec};
use crate::net::{Branches, LayerPlan};

/// Layers so far, and which of them consist of branches.
#[derive(Default)]
struct Hydra {
    trunk: Vec<LayerPlan>,
    branches: Vec<Branches>,
}

impl Resolver<'_> {
    /// The layers of a hydra whose outputs have these widths.
    pub(super) fn hydra(
        &mut self,
        part: &NetPartSpec,
        net: &HydraMlpNetSpec,
        outputs: &[usize],
    ) -> Option<Body> {
        let place = &part.place.0;
        let layers = &net.hid_layers;
        let tails = match layers.tails.as_slice() {
            [all] => vec![all.clone(); outputs.len()],
            tails => tails.to_vec(),
        };
        if !tails.is_empty() && tails.len() != outputs.len() {
            let (n, m) = (outputs.len(), tails.len());
            let message = format!("expected one tail per output, {n}, found {m}");
            self.found.error(place.error_in("hid_layers", message));
            return None;
        }
        let several = [&layers.heads, &tails].iter().any(|b| b.len() > 1 && !b[0].is_empty());
        if net.layer_norm && !net.batch_norm && several {
            let node = place.child("layer_norm").unwrap_or(place);
            self.found.not_built(node, "layer normalization of several heads or tails");
            return None;
        }
        let mut hydra = Hydra::default();
        hydra.grow(net, &layers.heads);
        for &width in &layers.body {
            hydra.push(net, width);
        }
        hydra.grow(net, &tails);
        if tails.len() > 1 && !tails[0].is_empty() {
            let inputs = tails.iter().filter_map(|tail| tail.last().copied()).collect();
            let layer = hydra.trunk.len();
            hydra.branches.push(Branches { layer, inputs, outputs: outputs.to_vec() });
        }
        Some(Body { branches: hydra.branches, ..hydra.trunk.into() })
    }
}

impl Hydra {
    /// Adds layers of these branches, all of the same depth; the first ones read what comes.
    fn grow(&mut self, net: &HydraMlpNetSpec, branches: &[Vec<usize>]) {
        let depth = branches.first().map_or(0, Vec::len);
        for level in 0..depth {
            let at = |level: usize| branches.iter().map(|widths| widths[level]).collect();
            let outputs: Vec<usize> = at(level);
            let width = outputs.iter().sum();
            if branches.len() > 1 {
                let inputs = if level == 0 { Vec::new() } else { at(level - 1) };
                self.branches.push(Branches { layer: self.trunk.len(), inputs, outputs });
            }
            self.push(net, width);
        }
    }

    /// Adds one hidden layer.
    fn push(&mut self, net: &HydraMlpNetSpec, width: usize) {
        self.trunk.push(LayerPlan::Linear { width, bias: true });
        self.trunk.extend(hidden_norm(net.batch_norm, net.layer_norm));
        self.trunk.push(LayerPlan::Activation(activation(net.hid_layers_activation)));
    }
}

#[cfg(test)]
mod tests {
    use slm_env::Space;

    use crate::algorithm::conformance::plan_in;
    use crate::algorithm::dqn;
    use crate::algorithm::{agent::EnvShape, conformance};
    use crate::config::Diagnostics;

    fn agent(net: &str) -> String {
        format!(
            "{{algorithm: {{name: HydraDQN, gamma: 0.9, training_batch_iter: 2, training_iter: 1,
              training_frequency: 4, training_start_step: 40, action_policy: epsilon_greedy,
              explore_var_spec: {{name: linear_decay, start_val: 1.0, end_val: 0.1, end_step: 4000}}}},
              memory: {{name: Replay, batch_size: 32, max_size: 2000}},
              net: {{type: HydraMLPNet, hid_layers_activation: tanh,
                optim_spec: {{name: Adam, lr: 0.005}}, update_frequency: 40, {net}}}}}"
        )
    }

    #[test]
    fn heads_body_and_tails_keep_the_agent_contract() {
        let net = "hid_layers: [[[8, 4], [8, 6]], [16], [[6, 4]]]";
        conformance::check_multi_discrete(&dqn::HYDRA_DQN, &agent(net));
        conformance::check_discrete(&dqn::HYDRA_DQN, &agent("hid_layers: [[[8], [8]], [], []]"));
    }

    #[test]
    fn tails_belong_to_outputs_and_layer_norms_to_whole_rows() {
        let shape = EnvShape {
            num_envs: 4,
            max_frame: 1000,
            obs_space: Space::symmetric(&[1.0]),
            obs_u8: false,
            action_space: Space::MultiDiscrete { nvec: vec![2, 3] },
        };
        let resolve = |net: &str| {
            let mut found = Diagnostics::new();
            let plan = plan_in(&dqn::HYDRA_DQN, &agent(net), &shape, &mut found);
            (plan.is_some(), found)
        };
        let (_, found) = resolve("hid_layers: [[[8]], [8], [[2], [2], [2]]]");
        assert_eq!(found.errors[0].message, "expected one tail per output, 2, found 3");
        assert_eq!(found.errors[0].path, "agent.net.hid_layers");
        let (_, found) = resolve("hid_layers: [[[8], [8]], [8], []], layer_norm: true");
        assert_eq!(found.unavailable[0].path, "agent.net.layer_norm");
        assert!(resolve("hid_layers: [[[8]], [8], []], layer_norm: true").0);
        assert!(resolve("hid_layers: [[[8], [8]], [8], [[3]]], batch_norm: true").0);
    }
}
