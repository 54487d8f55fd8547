//! `lr_scheduler_spec`: how the learning rate changes, by the names of SLM-Lab and `PyTorch`.

use super::{above, spec, spec_union};

spec! {
    /// A straight line from the full learning rate to none.
    pub struct LinearToZeroSpec {
        /// Frame at which the learning rate is 0.
        frame: u64 = required, in 1..;
    }
}

spec! {
    /// A straight line from the full learning rate to a part of it.
    pub struct LinearToMinSpec {
        /// Frame at which the learning rate is at its least.
        frame: u64 = required, in 1..;
        /// That least, as a part of the full rate.
        min_factor: f64 = default(0.1), in 0.0..=1.0;
    }
}

spec! {
    /// One factor every so many updates.
    pub struct StepLrSpec {
        /// Updates between changes.
        step_size: u64 = required, in 1..;
        /// The factor.
        gamma: f64 = default(0.1), in above(0.0);
    }
}

spec! {
    /// One factor at each of the given updates.
    pub struct MultiStepLrSpec {
        /// Updates at which the rate changes.
        milestones: Vec<u64> = required;
        /// The factor.
        gamma: f64 = default(0.1), in above(0.0);
    }
}

spec! {
    /// One factor after every update.
    pub struct ExponentialLrSpec {
        /// The factor.
        gamma: f64 = required, in above(0.0);
    }
}

spec! {
    /// Half a cosine from the full rate to the least one.
    pub struct CosineAnnealingLrSpec {
        /// Updates until the least rate.
        t_max as "T_max": u64 = required, in 1..;
        /// The least rate.
        eta_min: f64 = default(0.0), in 0.0..;
    }
}

spec_union! {
    /// Learning rate schedule: SLM-Lab's two, and `PyTorch`'s, which count training calls.
    pub enum LrSchedulerSpec: "learning rate schedule" by "name" {
        /// A straight line to 0.
        LinearToZero(LinearToZeroSpec) = "LinearToZero",
        /// A straight line to a least factor.
        LinearToMin(LinearToMinSpec) = "LinearToMin",
        /// One factor every so many updates.
        StepLr(StepLrSpec) = "StepLR",
        /// One factor at given updates.
        MultiStepLr(MultiStepLrSpec) = "MultiStepLR",
        /// One factor every update.
        ExponentialLr(ExponentialLrSpec) = "ExponentialLR",
        /// Half a cosine.
        CosineAnnealingLr(CosineAnnealingLrSpec) = "CosineAnnealingLR",
    }
    not_built [
        "ReduceLROnPlateau", "CyclicLR", "OneCycleLR", "CosineAnnealingWarmRestarts", "ConstantLR",
        "LinearLR", "PolynomialLR", "LambdaLR", "MultiplicativeLR"
    ]
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
    fn a_schedule_of_the_learning_rate_takes_frames_as_floats() {
        let (schedule, _) = read::<LrSchedulerSpec>("{name: LinearToMin, frame: 1e7}");
        let expected = LinearToMinSpec { frame: 10_000_000, min_factor: 0.1 };
        assert_eq!(schedule, Some(LrSchedulerSpec::LinearToMin(expected)));
        let (cosine, _) = read::<LrSchedulerSpec>("{name: CosineAnnealingLR, T_max: 5}");
        assert!(matches!(cosine, Some(LrSchedulerSpec::CosineAnnealingLr(_))));
    }
}
