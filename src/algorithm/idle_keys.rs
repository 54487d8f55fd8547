//! Keys that a spec sets and that change nothing: errors, or warnings where SLM-Lab's own specs have them.

use super::resolve::{NO_TARGET, Resolver};
use crate::config::{
    LossSpec, MemorySpec, NetPartSpec, NetSpec, NetTrainingSpec, SpecError, UpdateTypeSpec,
};

impl Resolver<'_> {
    /// Refuses what describes critics, in an agent whose only network is the actor of `net`.
    pub(super) fn refuse_critics(&mut self, net: &NetSpec) {
        let why = format!("{} has no critic", self.agent.algorithm_name);
        self.refuse_critic_keys(net, &why);
        if let Some(critic) = &self.agent.critic_net {
            self.found.error(critic.actor.place.0.error(why.clone()));
        }
        self.warn_if_shared(net, &why);
    }

    /// Refuses keys of the critic in `net`.
    pub(super) fn refuse_critic_keys(&mut self, net: &NetSpec, why: &str) {
        critic_keys(net, &[]).for_each(|key| self.found.error(key(why)));
    }

    /// Notes what changes nothing in the networks of a policy and a value without targets.
    pub(super) fn check_actor_critic(&mut self, net: &NetSpec) {
        self.refuse_critic_net();
        for part in [&net.actor, &net.critic] {
            self.refuse_target_keys(part, None, NO_TARGET);
        }
        if net.shared == Some(true) {
            self.warn_of_critic_keys(net, "actor and critic share the actor's network");
        } else if net.use_same_optim == Some(true) {
            let why = "with `use_same_optim` the critic is specified like the actor";
            self.warn_of_critic_keys(net, why);
        }
    }

    /// Warns of keys of the critic in `net`, but for those that every critic has.
    fn warn_of_critic_keys(&mut self, net: &NetSpec, why: &str) {
        let read = ["init_std", "loss_spec"];
        critic_keys(net, &read).for_each(|key| self.found.warning(key(why)));
    }

    /// Refuses `critic_net`, in an agent whose critic `agent.net` describes.
    fn refuse_critic_net(&mut self) {
        if let Some(critic) = &self.agent.critic_net {
            let why = "the critic is described in `agent.net`, by keys that begin with `critic_`";
            self.found.error(critic.actor.place.0.error(why));
        }
    }

    /// Warns of networks that are to be shared in an agent that never shares any.
    pub(super) fn warn_if_shared(&mut self, net: &NetSpec, why: &str) {
        for (key, value) in [("shared", net.shared), ("use_same_optim", net.use_same_optim)] {
            if value == Some(true) {
                self.found.warning(net.actor.place.0.error_in(key, unread(key, why)));
            }
        }
    }

    /// Refuses what says that the target network of `part` follows otherwise than that of `other`, or
    /// that it follows at all where there is none.
    pub(super) fn refuse_target_keys(
        &mut self,
        part: &NetPartSpec,
        other: Option<&NetPartSpec>,
        why: &str,
    ) {
        let own = target_keys(&part.training);
        let other = other.map_or(TARGET_DEFAULTS, |other| target_keys(&other.training));
        let keys = [
            ("update_type", own.0 != other.0),
            ("update_frequency", own.1 != other.1),
            ("polyak_coef", own.2 != other.2),
        ];
        for (key, _) in keys.into_iter().filter(|(_, differs)| *differs) {
            self.found.error(part.place.0.error_in(key, unread(key, why)));
        }
    }

    /// Checks that each key of the target networks of `part` is one of its way of following.
    pub(super) fn check_target_keys(&mut self, part: &NetPartSpec) {
        let place = &part.place.0;
        match part.training.update_type {
            UpdateTypeSpec::Replace if part.training.polyak_coef != 0.0 => {
                let error = unread("polyak_coef", "the target network is replaced");
                let help = "`update_type: polyak` moves it by this coefficient".to_owned();
                self.found.error(place.error_in("polyak_coef", error).with_help(help));
            }
            UpdateTypeSpec::Polyak if part.training.polyak_coef == 0.0 => {
                let text = "a polyak_coef of 0 leaves the target network as it starts";
                let help = "SLM-Lab 3 counted the weight of the old network".to_owned();
                self.found.warning(place.error_in("polyak_coef", text).with_help(help));
            }
            UpdateTypeSpec::Polyak if part.training.update_frequency != 1.0 => {
                let why = "a target network that is an average moves whenever there is an update";
                let warning = unread("update_frequency", why);
                self.found.warning(place.error_in("update_frequency", warning));
            }
            UpdateTypeSpec::Replace | UpdateTypeSpec::Polyak => {}
        }
    }

    /// Warns of a loss of values in an agent, or a network, that learns none.
    pub(super) fn warn_of_loss(&mut self, part: &NetPartSpec, why: &str) {
        if part.training.loss_spec != LossSpec::default() {
            let warning = unread("loss_spec", why);
            self.found.warning(part.place.0.error_in("loss_spec", warning));
        }
    }

    /// Refuses the start of a log σ in a network that has none.
    pub(super) fn refuse_log_std(&mut self, part: &NetPartSpec, why: &str) {
        if part.training.log_std_init.is_some() {
            self.found.error(part.place.0.error_in("log_std_init", why));
        }
    }

    /// Warns of the start of a log σ where actions are not continuous, as in a spec for any environment.
    pub(super) fn warn_of_log_std(&mut self) {
        if let Some(net) = &self.agent.net {
            let text = unread("log_std_init", "only continuous actions have a σ");
            self.found.warning(net.actor.place.0.error_in("log_std_init", text));
        }
    }

    /// Warns of the keys of a second memory, which only self-imitation has.
    pub(super) fn warn_of_second_memory(&mut self, memory: &MemorySpec) {
        let (MemorySpec::OnPolicyReplay(_) | MemorySpec::OnPolicyBatchReplay(_)) = memory else {
            return;
        };
        for entry in self.agent.memory.entries() {
            if entry.key != "name" && !entry.node.is_null() {
                let text = unread(&entry.key, "only self-imitation has a second memory");
                self.found.warning(entry.node.error(text));
            }
        }
    }
}

/// The defaults of the keys of target networks.
const TARGET_DEFAULTS: (UpdateTypeSpec, f64, f64) = (UpdateTypeSpec::Replace, 1.0, 0.0);

fn target_keys(training: &NetTrainingSpec) -> (UpdateTypeSpec, f64, f64) {
    (training.update_type, training.update_frequency, training.polyak_coef)
}

/// Findings about the keys `critic_…` that say something else than the actor's, but for those in `read`.
fn critic_keys<'a>(
    net: &'a NetSpec,
    read: &'a [&str],
) -> impl Iterator<Item = impl Fn(&str) -> SpecError + 'a> + 'a {
    let (actor, critic) = (&net.actor.place.0, &net.critic.place.0);
    let own = critic.entries().iter().filter(move |entry| {
        let name = entry.node.path.rsplit('.').next().unwrap_or_default();
        let same = actor.get(&entry.key).is_some_and(|of| of.to_json() == entry.node.to_json());
        name.starts_with("critic_") && !same && !read.contains(&entry.key.as_str())
    });
    own.map(|entry| {
        move |why: &str| entry.node.error(unread(&format!("critic_{}", entry.key), why))
    })
}

fn unread(key: &str, why: &str) -> String {
    format!("the key `{key}` changes nothing: {why}")
}

#[cfg(test)]
mod tests {
    use slm_env::Space;

    use crate::algorithm::agent::AlgorithmDef;
    use crate::algorithm::{EnvShape, actor_critic, conformance, dqn, reinforce, sac, sarsa, td3};
    use crate::config::{Diagnostics, SpecError};

    /// Ends of the messages at each path.
    type Said<'a> = &'a [(&'a str, &'a str)];

    fn assert_said(issues: &[SpecError], expected: Said<'_>, agent: &str) {
        let said: Vec<(&str, &str)> =
            issues.iter().map(|issue| (issue.path.as_str(), issue.message.as_str())).collect();
        assert_eq!(said.len(), expected.len(), "{agent}: {said:?}");
        for (found, expected) in said.iter().zip(expected) {
            assert_eq!(found.0, format!("agent.{}", expected.0), "{agent}");
            assert!(found.1.contains(expected.1), "{agent}: {}", found.1);
        }
    }

    /// Resolves an agent with two discrete or one continuous action; `keys` are of its algorithm,
    /// `net` is what it has beyond a small perceptron.
    fn check(def: &AlgorithmDef, keys: &str, net: &str, errors: Said<'_>, warnings: Said<'_>) {
        let is_continuous = def.name == "TD3" || keys.contains("continuous");
        let keys = keys.replace("continuous", "");
        let replay = !["ActorCritic", "Reinforce", "SARSA"].contains(&def.name);
        let memory = if replay { "Replay, batch_size: 4, max_size: 9" } else { "OnPolicyReplay" };
        let iter = if def.name.contains("DQN") {
            ", training_iter: 1, training_batch_iter: 1"
        } else {
            ""
        };
        let agent = format!(
            "{{algorithm: {{name: {}, gamma: 0.9, training_frequency: 8{iter}{keys}}}, memory: {{name: {memory}}},
              net: {{type: MLPNet, hid_layers: [4], hid_layers_activation: relu, {net}}}}}",
            def.name
        );
        let action_space =
            if is_continuous { Space::symmetric(&[1.0]) } else { Space::Discrete { n: 2 } };
        let obs_space = Space::symmetric(&[1.0]);
        let env = EnvShape { num_envs: 1, max_frame: 9000, obs_space, obs_u8: false, action_space };
        let mut found = Diagnostics::new();
        let plan = conformance::plan_in(def, &agent, &env, &mut found);
        assert_said(&found.errors, errors, &agent);
        assert_said(&found.warnings, warnings, &agent);
        assert!(plan.is_some() || !errors.is_empty(), "{agent}");
    }

    const EXPLORE: &str =
        ", action_policy: epsilon_greedy, explore_var_spec: {name: no_decay, start_val: 0.1}";
    const AVERAGE: &str = "update_type: polyak, polyak_coef: 0.1";

    #[test]
    fn keys_of_target_networks_are_refused_where_there_is_none() {
        let why = "this algorithm has no target network";
        let errors = [("net.update_type", why), ("net.polyak_coef", why)];
        check(&dqn::VANILLA_DQN, EXPLORE, AVERAGE, &errors, &[]);
        check(&sarsa::DEF, EXPLORE, AVERAGE, &errors, &[]);
        check(&sac::CROSS_Q, "", AVERAGE, &errors, &[]);
        check(&reinforce::DEF, "", AVERAGE, &errors, &[]);
        check(
            &dqn::VANILLA_DQN,
            EXPLORE,
            "update_frequency: 2",
            &[("net.update_frequency", why)],
            &[],
        );
        check(&dqn::VANILLA_DQN, EXPLORE, "update_type: replace, update_frequency: 1", &[], &[]);
        check(&dqn::DQN, EXPLORE, AVERAGE, &[], &[]);
    }

    #[test]
    fn keys_of_one_way_of_following_are_not_those_of_the_other() {
        let slow = format!("{AVERAGE}, update_frequency: 32");
        let warning = [("net.update_frequency", "that is an average moves")];
        check(&dqn::DQN, EXPLORE, &slow, &[], &warning);
        let fixed = [("net.polyak_coef", "leaves the target network")];
        check(&dqn::DQN, EXPLORE, "update_type: polyak", &[], &fixed);
        let error = [("net.polyak_coef", "is replaced")];
        for def in [&dqn::DQN, &sac::SAC, &td3::TD3] {
            let keys = if def.name == "DQN" { EXPLORE } else { "" };
            check(def, keys, "update_frequency: 9, polyak_coef: 0.1", &error, &[]);
        }
    }

    #[test]
    fn targets_of_critics_follow_as_the_actors_keys_say() {
        let why = "targets follow as the actor's keys";
        let net = format!("{AVERAGE}, critic_polyak_coef: 0.2");
        check(&sac::SAC, "", &net, &[("net.critic_polyak_coef", why)], &[]);
        let net = format!(
            "{AVERAGE}}}, critic_net: {{type: MLPNet, hid_layers: [4], hid_layers_activation: relu, "
        );
        check(&td3::TD3, "", &net, &[], &[]);
        let own = format!("{net}polyak_coef: 0.2, log_std_init: 0, critic_init_fn: null, ");
        let errors = [
            ("critic_net.critic_init_fn", "every key is one of the critics"),
            ("critic_net.polyak_coef", why),
            ("critic_net.log_std_init", "no σ"),
        ];
        check(&td3::TD3, "", &own, &errors, &[]);
        let loss = format!("loss_spec: {{name: L1Loss}}, critic_hid_layers: [5], {net}");
        let errors = [("net.critic_hid_layers", "`agent.critic_net` describes the critics")];
        let warnings = [("net.loss_spec", "values are learned as")];
        check(&sac::SAC, "", &loss, &errors, &warnings);
    }

    #[test]
    fn an_agent_of_one_network_has_no_keys_of_a_critic() {
        let net = "critic_hid_layers: [5], shared: true";
        for def in [&dqn::DQN, &sarsa::DEF, &reinforce::DEF] {
            let keys = if def.name == "Reinforce" { "" } else { EXPLORE };
            let errors = [("net.critic_hid_layers", "has no critic")];
            check(def, keys, net, &errors, &[("net.shared", "has no critic")]);
        }
        let beside = "critic_net: {type: MLPNet, hid_layers: [4], hid_layers_activation: relu";
        let net = format!("init_fn: null}}, {beside}");
        check(&dqn::DQN, EXPLORE, &net, &[("critic_net", "has no critic")], &[]);
        let separate = format!("shared: false, use_same_optim: false}}, {beside}");
        let error = [("critic_net", "described in `agent.net`")];
        check(&actor_critic::DEF, ", lam: 0.9", &separate, &error, &[]);
    }

    /// SLM-Lab's own specs of shared networks have an optimizer for each.
    #[test]
    fn keys_of_a_critic_that_is_shared_warn_where_they_differ_from_the_actors() {
        let optim = |lr: &str| {
            format!(
                "actor_optim_spec: {{name: Adam, lr: 0.1}}, critic_optim_spec: {{name: Adam, lr: {lr}}}"
            )
        };
        let a2c = |net: &str, warnings: Said<'_>| {
            check(&actor_critic::DEF, ", lam: 0.9", net, &[], warnings);
        };
        let shared = "shared: true, use_same_optim: false, critic_init_std: 0.5";
        a2c(&format!("{shared}, {}", optim("0.1")), &[]);
        let warning = [("net.critic_optim_spec", "share the actor's network")];
        a2c(&format!("{shared}, {}", optim("0.2")), &warning);
        let same = "shared: false, use_same_optim: true";
        let warning = [("net.critic_optim_spec", "specified like the actor")];
        a2c(&format!("{same}, {}", optim("0.2")), &warning);
        a2c(&format!("shared: false, use_same_optim: false, {}", optim("0.2")), &[]);
    }

    #[test]
    fn keys_of_a_learned_temperature_are_refused_beside_a_fixed_one() {
        let why = "is not learned";
        let keys = ", fixed_alpha: 0.2, alpha_lr: 0.1, log_alpha_min: -9, log_alpha_max: 1, target_entropy: -1,
            entropy_anneal: {frames: 9}";
        let learned =
            ["alpha_lr", "log_alpha_min", "log_alpha_max", "target_entropy", "entropy_anneal"];
        let mut errors: Vec<(String, &str)> =
            learned.iter().map(|key| (format!("algorithm.{key}"), why)).collect();
        errors.push(("algorithm.entropy_anneal".to_owned(), "only a `target_entropy`"));
        let errors: Vec<(&str, &str)> =
            errors.iter().map(|(path, why)| (path.as_str(), *why)).collect();
        check(&sac::SAC, keys, AVERAGE, &errors, &[]);
        let fixed = ", fixed_alpha: 0.2, alpha_anneal_frames: 9";
        check(&sac::SAC, fixed, AVERAGE, &[], &[]);
        let alone = [("algorithm.alpha_anneal_frames", "only a `fixed_alpha`")];
        check(&sac::SAC, ", alpha_anneal_frames: 9", AVERAGE, &alone, &[]);
        let anneal = ", entropy_anneal: {end_ratio: 0.1, frames: 9}";
        check(&sac::SAC, anneal, AVERAGE, &[], &[]);
        let error = [("algorithm.entropy_anneal", "of discrete actions")];
        check(&sac::SAC, &format!("{anneal}continuous"), AVERAGE, &error, &[]);
    }

    #[test]
    fn an_epsilon_is_a_probability_and_belongs_to_a_policy_that_explores() {
        let explore = |policy: &str, value: &str| {
            format!(
                ", action_policy: {policy}, explore_var_spec: {{name: no_decay, start_val: {value}}}"
            )
        };
        let error = |message| [("algorithm.explore_var_spec", message)];
        let wide = error("ε is a probability");
        check(&sarsa::DEF, &explore("epsilon_greedy", "1.01"), "", &wide, &[]);
        check(&sarsa::DEF, &explore("epsilon_greedy", "1"), "", &[], &[]);
        check(&sarsa::DEF, &explore("epsilon_greedy", "-0.1"), "", &error("never negative"), &[]);
        check(&sarsa::DEF, &explore("boltzmann", "5"), "", &[], &[]);
        let none = error("has no ε or τ");
        check(&sarsa::DEF, &explore("random", "0.5"), "", &none, &[]);
        check(&reinforce::DEF, &explore("default", "0.5"), "", &none, &[]);
    }

    #[test]
    fn what_learns_no_values_or_has_no_sigma_says_so() {
        let loss = [("net.loss_spec", "learns no values")];
        check(&reinforce::DEF, "", "loss_spec: {name: L1Loss}", &[], &loss);
        let sigma = [("net.log_std_init", "σ")];
        check(&reinforce::DEF, "", "log_std_init: 0", &[], &sigma);
        check(&reinforce::DEF, "continuous", "log_std_init: 0", &[], &[]);
        check(&dqn::DQN, EXPLORE, "log_std_init: 0", &sigma, &[]);
    }

    #[test]
    fn keys_of_a_second_memory_warn_without_self_imitation() {
        let agent = "{algorithm: {name: Reinforce, gamma: 0.9, training_frequency: 8},
            memory: {name: OnPolicyReplay, batch_size: 4, max_size: null},
            net: {type: MLPNet, hid_layers: [4], hid_layers_activation: relu}}";
        let env = EnvShape {
            num_envs: 1,
            max_frame: 9000,
            obs_space: Space::symmetric(&[1.0]),
            obs_u8: false,
            action_space: Space::Discrete { n: 2 },
        };
        let mut found = Diagnostics::new();
        conformance::plan_in(&reinforce::DEF, agent, &env, &mut found);
        assert_said(&found.warnings, &[("memory.batch_size", "only self-imitation")], agent);
    }
}
