//! `agent.memory`: where experience waits to be learned from.

use super::{Fields, ScheduleSpec, spec, spec_enum, spec_union};

spec_enum! {
    /// How the second memory of self-imitation is drawn from.
    pub enum SilReplaySpec: "replay" {
        /// Uniformly.
        Replay = "Replay",
        /// By how much better than expected the transitions turned out.
        PrioritizedReplay = "PrioritizedReplay",
    }
}

spec! {
    /// A memory of the latest experience; the keys are for the second memory of self-imitation.
    pub struct OnPolicySpec {
        /// The second memory; null means `Replay`.
        sil_replay_name: Option<SilReplaySpec> = nullable;
        /// Transitions per batch of the second memory.
        batch_size: Option<usize> = nullable, in 1..;
        /// Transitions that the second memory holds.
        max_size: Option<usize> = nullable, in 1..;
        /// Whether each batch of the second memory includes the transitions stored since the last one.
        use_cer: Option<bool> = nullable;
        /// Exponent of priorities, where the second memory is a `PrioritizedReplay`.
        alpha: Option<f64> = nullable, in 0.0..;
        /// Added to each priority, where the second memory is a `PrioritizedReplay`.
        epsilon: Option<f64> = nullable, in 0.0..;
    }
}

spec! {
    /// A memory of whole episodes that learns from the best of them only.
    pub struct OnPolicyCrossEntropySpec {
        /// Episodes are kept whose total reward is at least this quantile of the batch's; 1 keeps all.
        cross_entropy: f64 = default(1.0), in 0.0..=1.0;
    }
}

spec! {
    /// The latest transitions, drawn from at random.
    pub struct ReplaySpec {
        /// Transitions per batch.
        batch_size: usize = required, in 1..;
        /// Transitions that it holds.
        max_size: usize = required, in 1..=MAX_SIZE;
        /// Whether each batch includes the transitions stored since the last one.
        use_cer: bool = default(false);
    }
    check holds_a_batch;
}

spec! {
    /// A replay that draws transitions with large errors more often.
    pub struct PrioritizedReplaySpec {
        /// What it shares with a replay without priorities.
        replay: ReplaySpec = flatten;
        /// Exponent of priorities; 0 draws uniformly.
        alpha: f64 = required, in 0.0..;
        /// Added to each error's size, so that all transitions can be drawn.
        epsilon: f64 = required, in 0.0..;
        /// Exponent β of importance weights over frames, from 0 (no correction) to 1 (full); null means
        /// no weights, as in SLM-Lab.
        beta_spec: Option<ScheduleSpec> = nullable;
    }
    check beta_is_an_exponent;
}

/// Places in a replay are numbered by 32 bits.
const MAX_SIZE: usize = u32::MAX as usize;

fn holds_a_batch(replay: &ReplaySpec, fields: &mut Fields<'_>) -> bool {
    let ReplaySpec { batch_size, max_size, .. } = *replay;
    let ok = batch_size <= max_size;
    if !ok {
        let message =
            format!("a batch of {batch_size} needs a max_size of as many, not {max_size}");
        let error = fields.node().error_in("batch_size", message);
        fields.found().error(error);
    }
    ok
}

fn beta_is_an_exponent(replay: &PrioritizedReplaySpec, fields: &mut Fields<'_>) -> bool {
    let values = replay.beta_spec.iter().flat_map(|beta| [Some(beta.start_val), beta.end_val]);
    let ok = values.flatten().all(|beta| (0.0..=1.0).contains(&beta));
    if !ok {
        let error = fields.node().error_in("beta_spec", "β is a number from 0 to 1");
        fields.found().error(error);
    }
    ok
}

spec_union! {
    /// Memory of an agent.
    pub enum MemorySpec: "memory" by "name" {
        /// Whole episodes; trains after `training_frequency` of them.
        OnPolicyReplay(OnPolicySpec) = "OnPolicyReplay",
        /// Vector steps; trains after `training_frequency` of them.
        OnPolicyBatchReplay(OnPolicySpec) = "OnPolicyBatchReplay",
        /// The best of `training_frequency` whole episodes.
        OnPolicyCrossEntropy(OnPolicyCrossEntropySpec) = "OnPolicyCrossEntropy",
        /// Transitions drawn uniformly.
        Replay(ReplaySpec) = "Replay",
        /// Transitions drawn by their errors.
        PrioritizedReplay(PrioritizedReplaySpec) = "PrioritizedReplay",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Diagnostics, FromNode, parse, to_json};
    use super::*;

    fn read(text: &str) -> (Option<MemorySpec>, Diagnostics) {
        let mut found = Diagnostics::new();
        (MemorySpec::from_node(&parse("t.yaml", text).unwrap(), &mut found), found)
    }

    fn error(text: &str) -> (String, String) {
        let (memory, found) = read(text);
        assert_eq!((memory, found.errors.len()), (None, 1), "{found:?}");
        (found.errors[0].path.clone(), found.errors[0].message.clone())
    }

    #[test]
    fn an_on_policy_memory_may_carry_the_keys_of_the_second_one() {
        let (memory, found) = read("{name: OnPolicyReplay, batch_size: 32, max_size: 1e4}");
        let Some(MemorySpec::OnPolicyReplay(keys)) = memory else { panic!("{found:?}") };
        assert_eq!((keys.batch_size, keys.max_size), (Some(32), Some(10_000)));
    }

    #[test]
    fn a_prioritized_replay_is_saved_with_its_defaults() {
        let text =
            "{name: PrioritizedReplay, alpha: 0.6, epsilon: 1e-4, batch_size: 32, max_size: 2e5}";
        let (memory, found) = read(text);
        assert_eq!(found, Diagnostics::new());
        let saved = json!({
            "name": "PrioritizedReplay", "batch_size": 32, "max_size": 200_000, "use_cer": false,
            "alpha": 0.6, "epsilon": 0.0001, "beta_spec": null,
        });
        assert_eq!(to_json(&memory), saved);
    }

    #[test]
    fn a_batch_that_the_replay_can_not_hold_is_an_error() {
        let (path, message) = error("{name: Replay, batch_size: 32, max_size: 31}");
        assert_eq!(path, "batch_size");
        assert_eq!(message, "a batch of 32 needs a max_size of as many, not 31");
    }

    #[test]
    fn a_share_of_episodes_and_a_beta_lie_between_0_and_1() {
        let (path, _) = error("{name: OnPolicyCrossEntropy, cross_entropy: 1.5}");
        assert_eq!(path, "cross_entropy");
        let beta = "{name: linear_decay, start_val: 0.4, end_val: 1.1, end_step: 9}";
        let (path, message) = error(&format!(
            "{{name: PrioritizedReplay, alpha: 1, epsilon: 0, batch_size: 1, max_size: 1, beta_spec: {beta}}}"
        ));
        assert_eq!((path.as_str(), message.as_str()), ("beta_spec", "β is a number from 0 to 1"));
    }
}
