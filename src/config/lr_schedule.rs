//! `lr_scheduler_spec`: how the learning rate changes, by the names of SLM-Lab and `PyTorch`.

use std::ops::Bound;

use super::{above, spec, spec_enum, spec_union};

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

spec! {
    /// Half a cosine from the full rate to the least one, over and over.
    pub struct CosineAnnealingWarmRestartsSpec {
        /// Updates of the first cycle.
        t_0 as "T_0": u64 = required, in 1..;
        /// How much longer each cycle is than the one before.
        t_mult as "T_mult": u64 = default(1), in 1..;
        /// The least rate.
        eta_min: f64 = default(0.0), in 0.0..;
    }
}

spec! {
    /// A part of the rate at first.
    pub struct ConstantLrSpec {
        /// That part.
        factor: f64 = default(1.0 / 3.0), in 0.0..=1.0;
        /// Updates before the full rate.
        total_iters: u64 = default(5);
    }
}

spec! {
    /// A straight line from one part of the rate to another.
    pub struct LinearLrSpec {
        /// The part at the start.
        start_factor: f64 = default(1.0 / 3.0), in (Bound::Excluded(0.0), Bound::Included(1.0));
        /// The part at the end and after it.
        end_factor: f64 = default(1.0), in 0.0..=1.0;
        /// Updates from the start to the end.
        total_iters: u64 = default(5), in 1..;
    }
}

spec! {
    /// A power of what is left of the updates, down to 0.
    pub struct PolynomialLrSpec {
        /// Updates until 0.
        total_iters: u64 = default(5), in 1..;
        /// The power; 1 is a straight line.
        power: f64 = default(1.0), in 0.0..;
    }
}

spec_enum! {
    /// Which losses are better.
    pub enum PlateauModeSpec: "mode" {
        /// Lower ones.
        Min = "min",
        /// Higher ones.
        Max = "max",
    }
}

spec_enum! {
    /// How a threshold is meant.
    pub enum ThresholdModeSpec: "threshold mode" {
        /// As a part of the best loss.
        Rel = "rel",
        /// As a distance from it.
        Abs = "abs",
    }
}

spec! {
    /// One factor whenever the loss has not got better for long. It watches the loss of each
    /// update: the mean over its gradient steps of all that is minimized, as the metrics report it.
    pub struct ReduceLrOnPlateauSpec {
        /// Which losses are better.
        mode: PlateauModeSpec = default(PlateauModeSpec::Min);
        /// The factor.
        factor: f64 = default(0.1), in (Bound::Excluded(0.0), Bound::Excluded(1.0));
        /// Updates without a better loss that are let pass.
        patience: u64 = default(10);
        /// By how much a loss must be better than the best one to count.
        threshold: f64 = default(1e-4), in 0.0..;
        /// How that is meant.
        threshold_mode: ThresholdModeSpec = default(ThresholdModeSpec::Rel);
        /// Updates after a reduction that do not count.
        cooldown: u64 = default(0);
        /// The least rate.
        min_lr: f64 = default(0.0), in 0.0..;
        /// A reduction by less than this is not made.
        eps: f64 = default(1e-8), in 0.0..;
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
        /// Half a cosine, over and over.
        CosineAnnealingWarmRestarts(CosineAnnealingWarmRestartsSpec) = "CosineAnnealingWarmRestarts",
        /// A part of the rate at first.
        ConstantLr(ConstantLrSpec) = "ConstantLR",
        /// A straight line over updates.
        LinearLr(LinearLrSpec) = "LinearLR",
        /// A power of what is left of the updates.
        PolynomialLr(PolynomialLrSpec) = "PolynomialLR",
        /// One factor whenever the loss stops falling.
        ReduceLrOnPlateau(ReduceLrOnPlateauSpec) = "ReduceLROnPlateau",
    }
    not_built [
        "CyclicLR", "OneCycleLR", "LambdaLR", "MultiplicativeLR", "ChainedScheduler", "SequentialLR"
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Diagnostics, FromNode, parse, to_json};
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

    /// PyTorch 2.8.0's signatures.
    #[test]
    fn what_a_schedule_leaves_out_is_pytorchs() {
        for (text, expected) in [
            ("{name: ConstantLR}", json!({"factor": 1.0 / 3.0, "total_iters": 5})),
            (
                "{name: LinearLR}",
                json!({"start_factor": 1.0 / 3.0, "end_factor": 1.0, "total_iters": 5}),
            ),
            ("{name: PolynomialLR}", json!({"total_iters": 5, "power": 1.0})),
            (
                "{name: CosineAnnealingWarmRestarts, T_0: 3}",
                json!({"T_0": 3, "T_mult": 1, "eta_min": 0.0}),
            ),
            (
                "{name: ReduceLROnPlateau}",
                json!({
                    "mode": "min", "factor": 0.1, "patience": 10, "threshold": 1e-4,
                    "threshold_mode": "rel", "cooldown": 0, "min_lr": 0.0, "eps": 1e-8
                }),
            ),
        ] {
            let (schedule, found) = read::<LrSchedulerSpec>(text);
            assert_eq!(found, Diagnostics::new());
            let mut saved = to_json(&schedule.unwrap());
            saved.as_object_mut().unwrap().remove("name");
            assert_eq!(saved, expected, "{text}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_errors_at_their_key() {
        for (text, key) in [
            ("{name: LinearToZero, frame: 0}", "frame"),
            ("{name: LinearToMin, frame: 10, min_factor: 1.5}", "min_factor"),
            ("{name: ReduceLROnPlateau, factor: 1.0}", "factor"),
            ("{name: ReduceLROnPlateau, mode: least}", "mode"),
            ("{name: LinearLR, start_factor: 0}", "start_factor"),
            ("{name: CosineAnnealingWarmRestarts, T_0: 0}", "T_0"),
            ("{name: StepLR, step_size: 0}", "step_size"),
        ] {
            let (schedule, found) = read::<LrSchedulerSpec>(text);
            let paths: Vec<&str> = found.errors.iter().map(|error| error.path.as_str()).collect();
            assert_eq!((schedule, paths), (None, vec![key]), "{text}");
        }
    }

    #[test]
    fn a_schedule_that_is_not_built_names_those_that_are() {
        let (_, found) = read::<LrSchedulerSpec>("{name: OneCycleLR, max_lr: 0.1}");
        let help = found.unavailable[0].help.as_deref().unwrap();
        assert!(help.starts_with("there are LinearToZero, LinearToMin, StepLR, "), "{help}");
        assert!(!help.contains("OneCycleLR"), "{help}");
    }
}
