//! `agent.memory`: where experience waits to be learned from.

use super::{spec, spec_union};

spec! {
    /// A memory of the latest experience; the keys are for the second memory of self-imitation.
    pub struct OnPolicySpec {
        /// The second memory.
        sil_replay_name: Option<String> = nullable;
        /// Transitions per batch of the second memory.
        batch_size: Option<usize> = nullable, in 1..;
        /// Transitions that the second memory holds.
        max_size: Option<usize> = nullable, in 1..;
        /// Whether each batch of the second memory includes the newest transition.
        use_cer: Option<bool> = nullable;
    }
}

spec_union! {
    /// Memory of an agent.
    pub enum MemorySpec: "memory" by "name" {
        /// Whole episodes; trains after `training_frequency` of them.
        OnPolicyReplay(OnPolicySpec) = "OnPolicyReplay",
        /// Vector steps; trains after `training_frequency` of them.
        OnPolicyBatchReplay(OnPolicySpec) = "OnPolicyBatchReplay",
    }
    not_built ["Replay", "PrioritizedReplay", "OnPolicyCrossEntropy"]
}

#[cfg(test)]
mod tests {
    use super::super::{Diagnostics, FromNode, parse};
    use super::*;

    fn read(text: &str) -> (Option<MemorySpec>, Diagnostics) {
        let mut found = Diagnostics::new();
        (MemorySpec::from_node(&parse("t.yaml", text).unwrap(), &mut found), found)
    }

    #[test]
    fn an_on_policy_memory_may_carry_the_keys_of_the_second_one() {
        let (memory, found) = read("{name: OnPolicyReplay, batch_size: 32, max_size: 1e4}");
        let Some(MemorySpec::OnPolicyReplay(keys)) = memory else { panic!("{found:?}") };
        assert_eq!((keys.batch_size, keys.max_size), (Some(32), Some(10_000)));
    }

    #[test]
    fn a_replay_memory_is_known_and_not_built() {
        let (memory, found) = read("{name: Replay, batch_size: 32, max_size: 1e4}");
        assert_eq!((memory, found.unavailable[0].feature.as_str()), (None, "memory Replay"));
    }
}
