//! What papers and other libraries call an algorithm or a key, and what it is called here.

/// Algorithms: other names in small letters without signs, the name here, what else of the spec it takes.
const ALGORITHMS: &[(&[&str], &str, &str)] = &[
    (&["sac"], "SoftActorCritic", ""),
    (&["a2c", "ac"], "ActorCritic", ""),
    (&["a3c"], "ActorCritic", "meta.distributed: shared"),
    (&["dppo"], "PPO", "meta.distributed: synced"),
    (&["ddqn"], "DoubleDQN", ""),
    (&["duelingdqn"], "DQN", "agent.net.type: DuelingMLPNet"),
    (&["duelingddqn", "d3qn"], "DoubleDQN", "agent.net.type: DuelingMLPNet"),
    (&["vpg", "pg", "policygradient"], "Reinforce", ""),
];

/// Keys: other names, the path here, and the key that only mappings have in which the name means this.
const KEYS: &[(&[&str], &str, &str)] = &[
    (&["lambda", "gae_lambda"], "agent.algorithm.lam", "lam"),
    (&["clip_range", "clip_coef", "clip_ratio"], "agent.algorithm.clip_eps_spec", "clip_eps_spec"),
    (&["ent_coef"], "agent.algorithm.entropy_coef_spec", "entropy_coef_spec"),
    (&["vf_coef", "value_coef"], "agent.algorithm.val_loss_coef", "val_loss_coef"),
    (
        &["n_epochs", "num_epochs", "update_epochs"],
        "agent.algorithm.training_epoch",
        "training_epoch",
    ),
    (&["n_steps", "num_steps"], "agent.algorithm.time_horizon", "time_horizon"),
    (&["batch_size"], "agent.algorithm.minibatch_size", "minibatch_size"),
    (&["batch_size"], "agent.memory.batch_size", "training_start_step"),
    (&["buffer_size", "replay_size", "capacity"], "agent.memory.max_size", "training_start_step"),
    (&["train_freq"], "agent.algorithm.training_frequency", "training_frequency"),
    (
        &["learning_starts", "start_steps"],
        "agent.algorithm.training_start_step",
        "training_start_step",
    ),
    (&["tau", "polyak"], "agent.net.polyak_coef", "training_start_step"),
    (&["target_update_interval"], "agent.net.update_frequency", "training_start_step"),
    (&["max_grad_norm"], "agent.net.clip_grad_val", "gamma"),
    (&["hidden_sizes", "net_arch"], "agent.net.hid_layers", "hid_layers"),
    (&["activation", "activation_fn"], "agent.net.hid_layers_activation", "hid_layers_activation"),
    (&["learning_rate", "lr"], "agent.net.optim_spec.lr", ""),
    (&["total_timesteps"], "env.max_frame", ""),
];

/// A question for the algorithm that is meant by a name from elsewhere.
pub(super) fn algorithm_from_elsewhere(name: &str) -> Option<String> {
    let folded: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let (_, ours, with) = ALGORITHMS.iter().find(|(names, ..)| names.contains(&folded.as_str()))?;
    let with = if with.is_empty() { String::new() } else { format!(" with `{with}`") };
    Some(format!("did you mean `{ours}`{with}?"))
}

/// What a key from elsewhere is called here, where it stands in a mapping with the keys `known`.
pub(crate) fn key_from_elsewhere(name: &str, known: &[&str]) -> Option<String> {
    KEYS.iter().filter(|(names, ..)| names.contains(&name)).find_map(|(_, path, beside)| {
        let key = path.rsplit('.').next().unwrap_or(path);
        if known.contains(&key) {
            return Some(format!("did you mean `{key}`?"));
        }
        let is_meant = beside.is_empty() || known.contains(beside);
        is_meant.then(|| format!("its name here is `{path}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_algorithms_are_found_however_they_are_written() {
        let meant = |name| algorithm_from_elsewhere(name);
        assert_eq!(meant("SAC").as_deref(), Some("did you mean `SoftActorCritic`?"));
        assert_eq!(meant("ddqn").as_deref(), Some("did you mean `DoubleDQN`?"));
        let dueling = "did you mean `DoubleDQN` with `agent.net.type: DuelingMLPNet`?";
        assert_eq!(meant("Dueling-DDQN").as_deref(), Some(dueling));
        assert_eq!(meant("MuZero"), None);
    }

    #[test]
    fn a_key_from_elsewhere_is_named_only_where_it_means_one_thing() {
        let ppo = ["gamma", "lam", "time_horizon", "minibatch_size"];
        let dqn = ["gamma", "training_frequency", "training_start_step"];
        let (sarsa, memory) = (["gamma"], ["name", "batch_size", "max_size"]);
        let said = |name, known: &[&str]| key_from_elsewhere(name, known).unwrap_or_default();
        assert_eq!(said("lambda", &ppo), "did you mean `lam`?");
        assert_eq!(said("lambda", &dqn), "");
        assert_eq!(said("batch_size", &ppo), "did you mean `minibatch_size`?");
        assert_eq!(said("batch_size", &dqn), "its name here is `agent.memory.batch_size`");
        assert_eq!(said("batch_size", &sarsa), "");
        assert_eq!(said("buffer_size", &memory), "did you mean `max_size`?");
        assert_eq!(said("learning_rate", &ppo), "its name here is `agent.net.optim_spec.lr`");
        assert_eq!(said("learning_rate", &["lr"]), "did you mean `lr`?");
    }
}
