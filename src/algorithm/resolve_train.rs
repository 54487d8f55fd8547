//! From the specs of optimizers and learning-rate schedules to plans.

use crate::config::{
    AdamSpec, AdamWSpec, GlobalAdamSpec, GlobalRmsPropSpec, LookaheadSpec, LrSchedulerSpec,
    NetTrainingSpec, OptimSpec, PlateauModeSpec, RAdamSpec, ReduceLrOnPlateauSpec, RmsPropSpec,
    SgdSpec, ThresholdModeSpec,
};
use crate::net::{
    Adam, Better, Lookahead, LrSchedule, OptimPlan, Plateau, RAdam, RmsProp, Sgd, Threshold,
    TrainPlan,
};

/// How a network is trained.
pub(super) fn train_plan(spec: &NetTrainingSpec) -> TrainPlan {
    TrainPlan {
        optim: optim_plan(&spec.optim_spec),
        lr: spec.optim_spec.lr(),
        lr_schedule: lr_schedule_plan(spec.lr_scheduler_spec.as_ref()),
        clip_grad: spec.clip_grad_val,
    }
}

fn optim_plan(spec: &OptimSpec) -> OptimPlan {
    match spec {
        OptimSpec::Adam(spec) => OptimPlan::Adam(adam(spec)),
        OptimSpec::AdamW(spec) => OptimPlan::Adam(adamw(spec)),
        OptimSpec::GlobalAdam(spec) => global(OptimPlan::Adam(global_adam(spec))),
        OptimSpec::RAdam(spec) => OptimPlan::RAdam(radam(spec)),
        OptimSpec::RmsProp(spec) => OptimPlan::RmsProp(rms_prop(spec)),
        OptimSpec::GlobalRmsProp(spec) => global(OptimPlan::RmsProp(global_rms_prop(spec))),
        OptimSpec::Sgd(spec) => OptimPlan::Sgd(sgd(spec)),
        OptimSpec::Lookahead(LookaheadSpec { fast, slow }) => {
            let lookahead = Lookahead { alpha: slow.alpha, k: slow.k };
            OptimPlan::Lookahead(lookahead, Box::new(optim_plan(fast)))
        }
    }
}

fn global(optim: OptimPlan) -> OptimPlan {
    OptimPlan::Global(Box::new(optim))
}

fn adam(spec: &AdamSpec) -> Adam {
    let AdamSpec { betas, eps, weight_decay, amsgrad, .. } = *spec;
    Adam { betas, eps, weight_decay, decoupled: false, amsgrad }
}

fn adamw(spec: &AdamWSpec) -> Adam {
    let AdamWSpec { betas, eps, weight_decay, amsgrad, .. } = *spec;
    Adam { betas, eps, weight_decay, decoupled: true, amsgrad }
}

fn global_adam(spec: &GlobalAdamSpec) -> Adam {
    let GlobalAdamSpec { betas, eps, weight_decay, .. } = *spec;
    Adam { betas, eps, weight_decay, decoupled: false, amsgrad: false }
}

fn radam(spec: &RAdamSpec) -> RAdam {
    let RAdamSpec { betas, eps, weight_decay, decoupled_weight_decay: decoupled, .. } = *spec;
    RAdam { betas, eps, weight_decay, decoupled }
}

fn rms_prop(spec: &RmsPropSpec) -> RmsProp {
    let RmsPropSpec { alpha, eps, weight_decay, momentum, centered, .. } = *spec;
    RmsProp { alpha, eps, weight_decay, momentum, centered }
}

fn global_rms_prop(spec: &GlobalRmsPropSpec) -> RmsProp {
    let GlobalRmsPropSpec { alpha, eps, weight_decay, .. } = *spec;
    RmsProp { alpha, eps, weight_decay, momentum: 0.0, centered: false }
}

fn sgd(spec: &SgdSpec) -> Sgd {
    let SgdSpec { momentum, dampening, weight_decay, nesterov, .. } = *spec;
    Sgd { momentum, dampening, weight_decay, nesterov }
}

fn lr_schedule_plan(spec: Option<&LrSchedulerSpec>) -> LrSchedule {
    use LrSchedulerSpec as Spec;
    let Some(spec) = spec else { return LrSchedule::Constant };
    match spec {
        Spec::LinearToZero(s) => LrSchedule::Linear { frame: s.frame, min_factor: 0.0 },
        Spec::LinearToMin(s) => LrSchedule::Linear { frame: s.frame, min_factor: s.min_factor },
        Spec::StepLr(s) => LrSchedule::Step { step_size: s.step_size, gamma: s.gamma },
        Spec::MultiStepLr(s) => {
            LrSchedule::MultiStep { milestones: s.milestones.clone(), gamma: s.gamma }
        }
        Spec::ExponentialLr(s) => LrSchedule::Exponential { gamma: s.gamma },
        Spec::CosineAnnealingLr(s) => LrSchedule::Cosine { t_max: s.t_max, eta_min: s.eta_min },
        Spec::CosineAnnealingWarmRestarts(s) => {
            LrSchedule::WarmRestarts { t_0: s.t_0, t_mult: s.t_mult, eta_min: s.eta_min }
        }
        Spec::ConstantLr(s) => LrSchedule::Hold { factor: s.factor, total_iters: s.total_iters },
        Spec::LinearLr(s) => LrSchedule::Ramp {
            start_factor: s.start_factor,
            end_factor: s.end_factor,
            total_iters: s.total_iters,
        },
        Spec::PolynomialLr(s) => {
            LrSchedule::Polynomial { total_iters: s.total_iters, power: s.power }
        }
        Spec::ReduceLrOnPlateau(s) => LrSchedule::Plateau(Box::new(plateau(s))),
    }
}

fn plateau(spec: &ReduceLrOnPlateauSpec) -> Plateau {
    let ReduceLrOnPlateauSpec { factor, patience, cooldown, min_lr, eps, .. } = *spec;
    let better = match spec.mode {
        PlateauModeSpec::Min => Better::Lower,
        PlateauModeSpec::Max => Better::Higher,
    };
    let threshold = match spec.threshold_mode {
        ThresholdModeSpec::Rel => Threshold::Relative(spec.threshold),
        ThresholdModeSpec::Abs => Threshold::Absolute(spec.threshold),
    };
    Plateau { better, threshold, factor, patience, cooldown, min_lr, eps }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Diagnostics, FromNode, parse};

    fn read<T: FromNode>(text: &str) -> T {
        let node = parse("t.yaml", text).unwrap();
        T::from_node(&node, &mut Diagnostics::new()).unwrap()
    }

    #[test]
    fn every_optimizer_becomes_the_one_it_names() {
        let adam = |weight_decay, decoupled, amsgrad| {
            let betas = [0.9, 0.999];
            OptimPlan::Adam(Adam { betas, eps: 1e-8, weight_decay, decoupled, amsgrad })
        };
        let betas = [0.9, 0.999];
        let radam = RAdam { betas, eps: 1e-8, weight_decay: 0.1, decoupled: true };
        let radam = OptimPlan::RAdam(radam);
        let ahead = Lookahead { alpha: 0.5, k: 5 };
        let rms =
            RmsProp { alpha: 0.99, eps: 1e-8, weight_decay: 0.0, momentum: 0.0, centered: false };
        let decayed = "weight_decay: 0.1, decoupled_weight_decay: true";
        for (text, expected) in [
            ("{name: Adam, amsgrad: true}".to_owned(), adam(0.0, false, true)),
            ("{name: AdamW}".to_owned(), adam(0.01, true, false)),
            ("{name: GlobalAdam, weight_decay: 0.1}".to_owned(), global(adam(0.1, false, false))),
            (format!("{{name: RAdam, {decayed}}}"), radam.clone()),
            (
                format!("{{name: Lookahead, optimizer: RAdam, {decayed}}}"),
                OptimPlan::Lookahead(ahead, Box::new(radam)),
            ),
            ("{name: RMSprop}".to_owned(), OptimPlan::RmsProp(rms)),
            ("{name: GlobalRMSprop}".to_owned(), global(OptimPlan::RmsProp(rms))),
        ] {
            assert_eq!(optim_plan(&read(&text)), expected, "{text}");
        }
    }

    #[test]
    fn every_schedule_becomes_the_one_it_names() {
        let plan = |text: &str| lr_schedule_plan(Some(&read(text)));
        let half = Plateau {
            better: Better::Higher,
            threshold: Threshold::Absolute(0.5),
            factor: 0.5,
            patience: 3,
            cooldown: 2,
            min_lr: 1e-5,
            eps: 1e-8,
        };
        let text = "{name: ReduceLROnPlateau, mode: max, threshold: 0.5, threshold_mode: abs, \
                    factor: 0.5, patience: 3, cooldown: 2, min_lr: 1e-5}";
        assert_eq!(plan(text), LrSchedule::Plateau(Box::new(half)));
        assert_eq!(
            plan("{name: LinearToMin, frame: 10}"),
            LrSchedule::Linear { frame: 10, min_factor: 0.1 }
        );
        assert_eq!(
            plan("{name: CosineAnnealingWarmRestarts, T_0: 3, T_mult: 2, eta_min: 0.1}"),
            LrSchedule::WarmRestarts { t_0: 3, t_mult: 2, eta_min: 0.1 }
        );
        assert_eq!(
            plan("{name: PolynomialLR, power: 2}"),
            LrSchedule::Polynomial { total_iters: 5, power: 2.0 }
        );
        assert_eq!(lr_schedule_plan(None), LrSchedule::Constant);
    }
}
