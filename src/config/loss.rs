//! `loss_spec`: losses by `PyTorch`'s names, arguments and defaults.

use super::{above, spec, spec_enum, spec_union};

spec_enum! {
    /// How a loss is summed up over a batch.
    pub enum ReductionSpec: "reduction" {
        /// The mean.
        Mean = "mean",
    }
    not_built ["sum", "none"]
}

spec! {
    /// The squared error.
    pub struct MseLossSpec {
        /// How it is summed up.
        reduction: ReductionSpec = default(ReductionSpec::Mean);
    }
}

spec! {
    /// The absolute error.
    pub struct L1LossSpec {
        /// How it is summed up.
        reduction: ReductionSpec = default(ReductionSpec::Mean);
    }
}

spec! {
    /// Squared below `beta` and absolute above it, divided by `beta`.
    pub struct SmoothL1LossSpec {
        /// Where the error turns from squared to absolute.
        beta: f64 = default(1.0), in 0.0..;
        /// How it is summed up.
        reduction: ReductionSpec = default(ReductionSpec::Mean);
    }
}

spec! {
    /// Squared below `delta` and absolute above it.
    pub struct HuberLossSpec {
        /// Where the error turns from squared to absolute.
        delta: f64 = default(1.0), in above(0.0);
        /// How it is summed up.
        reduction: ReductionSpec = default(ReductionSpec::Mean);
    }
}

spec! {
    /// The cross entropy of classes.
    pub struct CrossEntropyLossSpec {
        /// How it is summed up.
        reduction: ReductionSpec = default(ReductionSpec::Mean);
    }
}

spec_union! {
    /// Loss of values: `PyTorch`'s class name in any case.
    pub enum LossSpec: "loss" by "name", any case {
        /// The squared error.
        Mse(MseLossSpec) = "MSELoss",
        /// Huber's, scaled by its threshold.
        SmoothL1(SmoothL1LossSpec) = "SmoothL1Loss",
        /// Huber's.
        Huber(HuberLossSpec) = "HuberLoss",
        /// The absolute error.
        L1(L1LossSpec) = "L1Loss",
        /// Of classes, not of values: only an algorithm that learns no values takes it, and has no
        /// use for it.
        CrossEntropy(CrossEntropyLossSpec) = "CrossEntropyLoss",
    }
    not_built ["BCELoss", "BCEWithLogitsLoss", "NLLLoss", "KLDivLoss"]
}

impl Default for LossSpec {
    /// SLM-Lab's: the mean squared error.
    fn default() -> Self {
        Self::Mse(MseLossSpec { reduction: ReductionSpec::Mean })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Diagnostics, FromNode, parse};
    use super::*;

    fn read<T: FromNode>(text: &str) -> (Option<T>, Diagnostics) {
        let node = parse("t.yaml", text).unwrap();
        let mut found = Diagnostics::new();
        (T::from_node(&node, &mut found), found)
    }

    #[test]
    fn losses_are_found_in_any_case() {
        let (loss, _) = read::<LossSpec>("{name: smoothl1loss, beta: 0.5}");
        let beta =
            LossSpec::SmoothL1(SmoothL1LossSpec { beta: 0.5, reduction: ReductionSpec::Mean });
        assert_eq!(loss, Some(beta));
    }
}
