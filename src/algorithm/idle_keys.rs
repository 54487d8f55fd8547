//! Keys that a spec sets and that change nothing: warnings, as they are left over where a spec is changed,
//! and errors in strict mode but where SLM-Lab's own specs have them.

use super::acting_spec::{ActingSpec, ActionPolicySpec};
use super::resolve::{NO_TARGET, Resolver};
use crate::config::{
    LossSpec, MemorySpec, NetPartSpec, NetSpec, NetTrainingSpec, SpecError, UpdateTypeSpec,
};

impl Resolver<'_> {
    /// Notes what describes critics, in an agent whose only network is the actor of `net`.
    pub(super) fn note_critics(&mut self, net: &NetSpec) {
        let why = format!("{} has no critic", self.agent.algorithm_name);
        self.note_critic_keys(net, &why);
        self.note_critic_net(&why);
        self.warn_if_shared(net, &why);
    }

    /// Notes that `agent.algorithm.key` changes nothing.
    pub(super) fn note_idle(&mut self, key: &'static str, why: &str) {
        self.found.unread_key(self.agent.algorithm.error_in(key, unread(key, why)));
    }

    /// Notes an exploration variable beside an action policy that has none.
    pub(super) fn note_explore_var(&mut self, spec: &ActingSpec) {
        let policy = spec.action_policy;
        let has_none = matches!(policy, ActionPolicySpec::Default | ActionPolicySpec::Random);
        if has_none && spec.explore_var_spec.is_some() {
            let why = format!("the action policy {} has no ε or τ", policy.name());
            self.note_idle("explore_var_spec", &why);
        }
    }

    /// Notes keys of the critic in `net`.
    pub(super) fn note_critic_keys(&mut self, net: &NetSpec, why: &str) {
        critic_keys(net, &["gpu"]).for_each(|key| self.found.unread_key(key(why)));
    }

    /// Notes what changes nothing in the networks of a policy and a value without targets.
    pub(super) fn check_actor_critic(&mut self, net: &NetSpec) {
        let why = "the critic is described in `agent.net`, by keys that begin with `critic_`";
        self.note_critic_net(why);
        for part in [&net.actor, &net.critic] {
            self.note_target_keys(part, None, NO_TARGET);
        }
        if net.shared == Some(true) {
            self.warn_of_critic_keys(net, "actor and critic share the actor's network");
        } else if net.use_same_optim == Some(true) {
            let why = "with `use_same_optim` the critic is specified like the actor";
            self.warn_of_critic_keys(net, why);
        }
    }

    /// Warns of keys of the critic in `net`, but for those that every critic has, and what says where all
    /// networks train.
    fn warn_of_critic_keys(&mut self, net: &NetSpec, why: &str) {
        let read = ["init_std", "loss_spec", "gpu"];
        critic_keys(net, &read).for_each(|key| self.found.warning(key(why)));
    }

    /// Notes a `critic_net`, in an agent that has none.
    fn note_critic_net(&mut self, why: &str) {
        if let Some(critic) = &self.agent.critic_net {
            self.found.unread_key(critic.actor.place.0.error(unread("critic_net", why)));
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

    /// Notes what says that the target network of `part` follows otherwise than that of `other`, or
    /// that it follows at all where there is none.
    pub(super) fn note_target_keys(
        &mut self,
        part: &NetPartSpec,
        other: Option<&NetPartSpec>,
        why: &str,
    ) {
        idle_target_keys(part, other, why).for_each(|key| self.found.unread_key(key));
    }

    /// Refuses what says that a target network follows, as SLM-Lab does in VanillaDQN.
    pub(super) fn refuse_target_keys(&mut self, part: &NetPartSpec) {
        idle_target_keys(part, None, NO_TARGET).for_each(|key| self.found.error(key));
    }

    /// Notes keys of the target networks of `part` that are not of its way of following.
    pub(super) fn check_target_keys(&mut self, part: &NetPartSpec) {
        let place = &part.place.0;
        match part.training.update_type {
            UpdateTypeSpec::Replace if part.training.polyak_coef != 0.0 => {
                let error = unread("polyak_coef", "the target network is replaced");
                let help = "`update_type: polyak` moves it by this coefficient".to_owned();
                self.found.unread_key(place.error_in("polyak_coef", error).with_help(help));
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

    /// Notes the start of a log σ in a network that has none.
    pub(super) fn note_log_std(&mut self, part: &NetPartSpec, why: &str) {
        if part.training.log_std_init.is_some() {
            let issue = unread("log_std_init", why);
            self.found.unread_key(part.place.0.error_in("log_std_init", issue));
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

/// Findings about the keys of target networks that are written in `part` and say something else than
/// `other`, or than the defaults.
fn idle_target_keys(
    part: &NetPartSpec,
    other: Option<&NetPartSpec>,
    why: &str,
) -> impl Iterator<Item = SpecError> {
    let own = target_keys(&part.training);
    let other = other.map_or(TARGET_DEFAULTS, |other| target_keys(&other.training));
    let keys = [
        ("update_type", own.0 != other.0),
        ("update_frequency", own.1 != other.1),
        ("polyak_coef", own.2 != other.2),
    ];
    let place = &part.place.0;
    let idle = keys.into_iter().filter(|(key, differs)| *differs && place.get(key).is_some());
    idle.map(move |(key, _)| place.error_in(key, unread(key, why)))
}

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

/// What is said of a key that changes nothing.
pub(super) fn unread(key: &str, why: &str) -> String {
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
    fn keys_of_target_networks_warn_where_there_is_none_and_are_refused_where_slm_lab_does() {
        let why = "this algorithm has no target network";
        let idle = [("net.update_type", why), ("net.polyak_coef", why)];
        check(&dqn::VANILLA_DQN, EXPLORE, AVERAGE, &idle, &[]);
        check(&sarsa::DEF, EXPLORE, AVERAGE, &[], &idle);
        check(&sac::CROSS_Q, "", AVERAGE, &[], &idle);
        check(&reinforce::DEF, "", AVERAGE, &[], &idle);
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
        let idle = [("net.polyak_coef", "is replaced")];
        for def in [&dqn::DQN, &sac::SAC, &td3::TD3] {
            let keys = if def.name == "DQN" { EXPLORE } else { "" };
            check(def, keys, "update_frequency: 9, polyak_coef: 0.1", &[], &idle);
        }
    }

    #[test]
    fn targets_of_critics_follow_as_the_actors_keys_say() {
        let why = "targets follow as the actor's keys";
        let net = format!("{AVERAGE}, critic_polyak_coef: 0.2");
        check(&sac::SAC, "", &net, &[], &[("net.critic_polyak_coef", why)]);
        let net = format!(
            "{AVERAGE}}}, critic_net: {{type: MLPNet, hid_layers: [4], hid_layers_activation: relu, "
        );
        check(&td3::TD3, "", &net, &[], &[]);
        // As where a spec copies `net`.
        check(&td3::TD3, "", &format!("{net}{AVERAGE}"), &[], &[]);
        let own = format!("{net}polyak_coef: 0.2, log_std_init: 0, critic_init_fn: null, ");
        let idle = [
            ("critic_net.critic_init_fn", "every key is one of the critics"),
            ("critic_net.polyak_coef", why),
            ("critic_net.log_std_init", "no σ"),
        ];
        check(&td3::TD3, "", &own, &[], &idle);
        let loss = format!("loss_spec: {{name: L1Loss}}, critic_hid_layers: [5], {net}");
        let idle = [
            ("net.critic_hid_layers", "`agent.critic_net` describes the critics"),
            ("net.loss_spec", "values are learned as"),
        ];
        check(&sac::SAC, "", &loss, &[], &idle);
    }

    #[test]
    fn an_agent_of_one_network_has_no_keys_of_a_critic() {
        let net = "critic_hid_layers: [5], shared: true";
        for def in [&dqn::DQN, &sarsa::DEF, &reinforce::DEF] {
            let keys = if def.name == "Reinforce" { "" } else { EXPLORE };
            let why = "has no critic";
            check(def, keys, net, &[], &[("net.critic_hid_layers", why), ("net.shared", why)]);
        }
        let beside = "critic_net: {type: MLPNet, hid_layers: [4], hid_layers_activation: relu";
        let net = format!("init_fn: null}}, {beside}");
        check(&dqn::DQN, EXPLORE, &net, &[], &[("critic_net", "has no critic")]);
        let separate = format!("shared: false, use_same_optim: false}}, {beside}");
        let idle = [("critic_net", "described in `agent.net`")];
        check(&actor_critic::DEF, ", lam: 0.9", &separate, &[], &idle);
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
    fn keys_of_a_learned_temperature_change_nothing_beside_a_fixed_one() {
        let why = "is not learned";
        let keys = ", fixed_alpha: 0.2, alpha_lr: 0.1, log_alpha_min: -9, log_alpha_max: 1, target_entropy: -1,
            entropy_anneal: {frames: 9}";
        let learned =
            ["alpha_lr", "log_alpha_min", "log_alpha_max", "target_entropy", "entropy_anneal"];
        let mut idle: Vec<(String, &str)> =
            learned.iter().map(|key| (format!("algorithm.{key}"), why)).collect();
        idle.push(("algorithm.entropy_anneal".to_owned(), "only a `target_entropy`"));
        let idle: Vec<(&str, &str)> =
            idle.iter().map(|(path, why)| (path.as_str(), *why)).collect();
        check(&sac::SAC, keys, AVERAGE, &[], &idle);
        let fixed = ", fixed_alpha: 0.2, alpha_anneal_frames: 9";
        check(&sac::SAC, fixed, AVERAGE, &[], &[]);
        let alone = [("algorithm.alpha_anneal_frames", "only a `fixed_alpha`")];
        check(&sac::SAC, ", alpha_anneal_frames: 9", AVERAGE, &[], &alone);
        let anneal = ", entropy_anneal: {end_ratio: 0.1, frames: 9}";
        check(&sac::SAC, anneal, AVERAGE, &[], &[]);
        let idle = [("algorithm.entropy_penalty_coef", "only a Categorical policy")];
        check(&sac::SAC, ", entropy_penalty_coef: 0.1continuous", AVERAGE, &[], &idle);
        let idle = [("algorithm.entropy_anneal", "of discrete actions")];
        check(&sac::SAC, &format!("{anneal}continuous"), AVERAGE, &[], &idle);
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
        check(&sarsa::DEF, &explore("random", "0.5"), "", &[], &none);
        check(&reinforce::DEF, &explore("default", "0.5"), "", &[], &none);
    }

    #[test]
    fn what_learns_no_values_or_has_no_sigma_says_so() {
        let loss = [("net.loss_spec", "learns no values")];
        check(&reinforce::DEF, "", "loss_spec: {name: L1Loss}", &[], &loss);
        let sigma = [("net.log_std_init", "σ")];
        check(&reinforce::DEF, "", "log_std_init: 0", &[], &sigma);
        check(&reinforce::DEF, "continuous", "log_std_init: 0", &[], &[]);
        check(&dqn::DQN, EXPLORE, "log_std_init: 0", &[], &sigma);
        check(&td3::TD3, "", "log_std_init: 0", &[], &sigma);
    }

    /// Of the second, SLM-Lab's own specs have keys.
    #[test]
    fn in_strict_mode_idle_keys_are_errors_but_those_of_a_second_memory_without_self_imitation() {
        let agent = "{algorithm: {name: Reinforce, gamma: 0.9, training_frequency: 8},
            memory: {name: OnPolicyReplay, batch_size: 4, max_size: null},
            net: {type: MLPNet, hid_layers: [4], hid_layers_activation: relu, polyak_coef: 0.1}}";
        let env = EnvShape {
            num_envs: 1,
            max_frame: 9000,
            obs_space: Space::symmetric(&[1.0]),
            obs_u8: false,
            action_space: Space::Discrete { n: 2 },
        };
        let mut found = Diagnostics::strict();
        conformance::plan_in(&reinforce::DEF, agent, &env, &mut found);
        assert_said(&found.warnings, &[("memory.batch_size", "only self-imitation")], agent);
        assert_said(&found.errors, &[("net.polyak_coef", "no target network")], agent);
    }
}
