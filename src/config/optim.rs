//! `optim_spec`: optimizers by `PyTorch`'s names, arguments and defaults.

use super::{Fields, LookaheadSpec, spec, spec_union};

/// Least ε of an optimizer. A gradient of zero, as a unit that is off has, is divided by it in single
/// precision; by an ε of 0 it would be NaN.
const LEAST_EPS: f64 = 1e-30;

spec! {
    /// Adam (Kingma & Ba 2015).
    pub struct AdamSpec {
        /// Learning rate.
        lr: f64 = default(1e-3), in 0.0..;
        /// Decay of the running mean of the gradient and of its square.
        betas: [f64; 2] = default([0.9, 0.999]), in 0.0..1.0;
        /// Added to the denominator.
        eps: f64 = default(1e-8), in LEAST_EPS..;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = default(0.0), in 0.0..;
        /// Divide by the largest second moment so far (`AMSGrad`).
        amsgrad: bool = default(false);
    }
    ignored {
        foreach: "it chooses PyTorch's implementation only";
        fused: "it chooses PyTorch's implementation only";
        capturable: "it chooses PyTorch's implementation only";
    }
}

spec! {
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    pub struct AdamWSpec {
        /// Learning rate.
        lr: f64 = default(1e-3), in 0.0..;
        /// Decay of the running mean of the gradient and of its square.
        betas: [f64; 2] = default([0.9, 0.999]), in 0.0..1.0;
        /// Added to the denominator.
        eps: f64 = default(1e-8), in LEAST_EPS..;
        /// Each step shrinks the weights by `lr · weight_decay`; `PyTorch`'s default is not 0.
        weight_decay: f64 = default(0.01), in 0.0..;
        /// Divide by the largest second moment so far (`AMSGrad`).
        amsgrad: bool = default(false);
    }
    ignored {
        foreach: "it chooses PyTorch's implementation only";
        fused: "it chooses PyTorch's implementation only";
        capturable: "it chooses PyTorch's implementation only";
    }
}

spec! {
    /// Adam whose first steps, where the second moment is not known well, are smaller (Liu et al.
    /// 2020).
    pub struct RAdamSpec {
        /// Learning rate.
        lr: f64 = default(1e-3), in 0.0..;
        /// Decay of the running mean of the gradient and of its square.
        betas: [f64; 2] = default([0.9, 0.999]), in 0.0..1.0;
        /// Added to the denominator.
        eps: f64 = default(1e-8), in LEAST_EPS..;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = default(0.0), in 0.0..;
        /// Whether `weight_decay` shrinks the weights instead, as `AdamW` does.
        decoupled_weight_decay: bool = default(false);
    }
    ignored {
        foreach: "it chooses PyTorch's implementation only";
        capturable: "it chooses PyTorch's implementation only";
    }
}

spec! {
    /// Adam whose moments the workers of a distributed run share; alone it is Adam.
    pub struct GlobalAdamSpec {
        /// Learning rate.
        lr: f64 = default(1e-3), in 0.0..;
        /// Decay of the running mean of the gradient and of its square.
        betas: [f64; 2] = default([0.9, 0.999]), in 0.0..1.0;
        /// Added to the denominator.
        eps: f64 = default(1e-8), in LEAST_EPS..;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = default(0.0), in 0.0..;
    }
}

spec! {
    /// `RMSprop` whose moment the workers of a distributed run share; alone it is `RMSprop`.
    pub struct GlobalRmsPropSpec {
        /// Learning rate.
        lr: f64 = default(1e-2), in 0.0..;
        /// Decay of the running mean of the squared gradient.
        alpha: f64 = default(0.99), in 0.0..=1.0;
        /// Added to the denominator, outside the root.
        eps: f64 = default(1e-8), in LEAST_EPS..;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = default(0.0), in 0.0..;
    }
}

spec! {
    /// `RMSprop`.
    pub struct RmsPropSpec {
        /// Learning rate.
        lr: f64 = default(1e-2), in 0.0..;
        /// Decay of the running mean of the squared gradient.
        alpha: f64 = default(0.99), in 0.0..=1.0;
        /// Added to the denominator, outside the root.
        eps: f64 = default(1e-8), in LEAST_EPS..;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = default(0.0), in 0.0..;
        /// Momentum.
        momentum: f64 = default(0.0), in 0.0..;
        /// Whether the gradient is normalized by its variance instead of its square.
        centered: bool = default(false);
    }
    ignored {
        foreach: "it chooses PyTorch's implementation only";
        capturable: "it chooses PyTorch's implementation only";
    }
}

spec! {
    /// Stochastic gradient descent.
    pub struct SgdSpec {
        /// Learning rate.
        lr: f64 = default(1e-3), in 0.0..;
        /// Momentum.
        momentum: f64 = default(0.0), in 0.0..;
        /// How much of a new gradient the momentum leaves out.
        dampening: f64 = default(0.0), in 0.0..=1.0;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = default(0.0), in 0.0..;
        /// Nesterov momentum; needs momentum and no dampening.
        nesterov: bool = default(false);
    }
    ignored {
        foreach: "it chooses PyTorch's implementation only";
        fused: "it chooses PyTorch's implementation only";
    }
    check nesterov_has_momentum;
}

fn nesterov_has_momentum(sgd: &SgdSpec, fields: &mut Fields<'_>) -> bool {
    let ok = !sgd.nesterov || (sgd.momentum > 0.0 && sgd.dampening == 0.0);
    if !ok {
        let message = "nesterov needs a momentum above 0 and a dampening of 0";
        let error = fields.node().error_in("nesterov", message);
        fields.found().error(error);
    }
    ok
}

spec_union! {
    /// Optimizer: `PyTorch`'s class name, arguments and defaults.
    pub enum OptimSpec: "optimizer" by "name" {
        /// Adam.
        Adam(AdamSpec) = "Adam",
        /// Adam with decoupled weight decay.
        AdamW(AdamWSpec) = "AdamW",
        /// `RMSprop`.
        RmsProp(RmsPropSpec) = "RMSprop",
        /// Stochastic gradient descent.
        Sgd(SgdSpec) = "SGD",
        /// Adam with a rectified variance.
        RAdam(RAdamSpec) = "RAdam",
        /// Slow weights behind those of another optimizer.
        Lookahead(LookaheadSpec) = "Lookahead",
        /// Adam, shared between workers.
        GlobalAdam(GlobalAdamSpec) = "GlobalAdam",
        /// `RMSprop`, shared between workers.
        GlobalRmsProp(GlobalRmsPropSpec) = "GlobalRMSprop",
    }
    not_built [
        "Adadelta", "Adafactor", "Adagrad", "Adamax", "ASGD", "LBFGS", "NAdam", "Rprop", "SparseAdam"
    ]
}

impl OptimSpec {
    /// The learning rate that training starts with.
    pub fn lr(&self) -> f64 {
        match self {
            Self::Adam(adam) => adam.lr,
            Self::AdamW(adam) => adam.lr,
            Self::RmsProp(rms) => rms.lr,
            Self::Sgd(sgd) => sgd.lr,
            Self::RAdam(radam) => radam.lr,
            Self::Lookahead(lookahead) => lookahead.fast.lr(),
            Self::GlobalAdam(adam) => adam.lr,
            Self::GlobalRmsProp(rms) => rms.lr,
        }
    }
}

impl Default for OptimSpec {
    /// SLM-Lab's: Adam as `PyTorch` has it.
    fn default() -> Self {
        let betas = [0.9, 0.999];
        Self::Adam(AdamSpec { lr: 1e-3, betas, eps: 1e-8, weight_decay: 0.0, amsgrad: false })
    }
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
    fn what_an_optimizer_leaves_out_is_pytorchs() {
        let (optim, _) = read::<OptimSpec>("{name: AdamW, lr: 3e-4}");
        let expected = json!({
            "name": "AdamW", "lr": 3e-4, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01,
            "amsgrad": false
        });
        assert_eq!(to_json(&optim.unwrap()), expected);
        let (optim, _) = read::<OptimSpec>("{name: RMSprop}");
        assert_eq!(optim.unwrap().lr(), 1e-2);
    }

    #[test]
    fn betas_are_a_list_of_two_within_range() {
        let (_, found) = read::<OptimSpec>("{name: Adam, betas: [0.9, 1.0]}");
        assert_eq!(found.errors[0].message, "expected a number from 0 to below 1, found 1");
        let (_, found) = read::<OptimSpec>("{name: Adam, betas: [0.9]}");
        assert_eq!(found.errors[0].message, "expected a list of 2, found a list of 1");
    }

    #[test]
    fn an_unknown_optimizer_and_one_that_is_not_built_name_those_that_are() {
        let (_, found) = read::<OptimSpec>("{name: Adamz}");
        assert_eq!(found.errors[0].message, "unknown optimizer `Adamz`");
        assert!(found.errors[0].help.as_deref().unwrap().starts_with("did you mean `Adam`?"));
        let (_, found) = read::<OptimSpec>("{name: LBFGS}");
        assert_eq!(found.unavailable[0].feature, "optimizer LBFGS");
        let built = "there are Adam, AdamW, RMSprop, SGD, RAdam, Lookahead, GlobalAdam, \
                     GlobalRMSprop";
        assert_eq!(found.unavailable[0].help.as_deref(), Some(built));
    }

    #[test]
    fn each_optimizer_starts_from_its_own_defaults() {
        for (name, lr, weight_decay) in [
            ("Adam", 1e-3, 0.0),
            ("AdamW", 1e-3, 0.01),
            ("RAdam", 1e-3, 0.0),
            ("RMSprop", 1e-2, 0.0),
            ("SGD", 1e-3, 0.0),
            ("GlobalAdam", 1e-3, 0.0),
            ("GlobalRMSprop", 1e-2, 0.0),
            ("Lookahead", 1e-3, 0.0),
        ] {
            let (optim, found) = read::<OptimSpec>(&format!("{{name: {name}}}"));
            let optim = optim.unwrap();
            assert_eq!((found, optim.name(), optim.lr()), (Diagnostics::new(), name, lr));
            assert_eq!(to_json(&optim)["weight_decay"], json!(weight_decay));
        }
    }

    #[test]
    fn numbers_out_of_range_are_errors_at_their_key() {
        for text in [
            "{name: RAdam, lr: -1}",
            "{name: RAdam, betas: [1, 0.9]}",
            "{name: GlobalAdam, eps: -1e-8}",
            "{name: Adam, eps: 0}",
            "{name: RMSprop, eps: 1e-50}",
            "{name: GlobalRMSprop, alpha: 1.5}",
            "{name: AdamW, weight_decay: -0.1}",
        ] {
            let (optim, found) = read::<OptimSpec>(text);
            assert_eq!((optim, found.errors.len()), (None, 1), "{text}");
        }
    }

    #[test]
    fn nesterov_without_momentum_is_an_error_as_in_pytorch() {
        let (sgd, found) = read::<OptimSpec>("{name: SGD, nesterov: true}");
        assert_eq!((sgd, found.errors.len()), (None, 1));
    }
}
