//! `optim_spec`: optimizers by `PyTorch`'s names, arguments and defaults.

use super::{Fields, spec, spec_union};

spec! {
    /// Adam (Kingma & Ba 2015).
    pub struct AdamSpec {
        /// Learning rate.
        lr: f64 = default(1e-3), in 0.0..;
        /// Decay of the running mean of the gradient and of its square.
        betas: [f64; 2] = default([0.9, 0.999]), in 0.0..1.0;
        /// Added to the denominator.
        eps: f64 = default(1e-8), in 0.0..;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = default(0.0), in 0.0..;
        /// The `AMSGrad` variant; not built yet.
        amsgrad: bool = default(false);
    }
    ignored {
        foreach: "it chooses PyTorch's implementation only";
        fused: "it chooses PyTorch's implementation only";
        capturable: "it chooses PyTorch's implementation only";
    }
    check adam_is_built;
}

fn adam_is_built(adam: &AdamSpec, fields: &mut Fields<'_>) -> bool {
    refuse(fields, "amsgrad", adam.amsgrad, "option amsgrad")
}

spec! {
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    pub struct AdamWSpec {
        /// Learning rate.
        lr: f64 = default(1e-3), in 0.0..;
        /// Decay of the running mean of the gradient and of its square.
        betas: [f64; 2] = default([0.9, 0.999]), in 0.0..1.0;
        /// Added to the denominator.
        eps: f64 = default(1e-8), in 0.0..;
        /// Each step shrinks the weights by `lr · weight_decay`; `PyTorch`'s default is not 0.
        weight_decay: f64 = default(0.01), in 0.0..;
        /// The `AMSGrad` variant; not built yet.
        amsgrad: bool = default(false);
    }
    ignored {
        foreach: "it chooses PyTorch's implementation only";
        fused: "it chooses PyTorch's implementation only";
        capturable: "it chooses PyTorch's implementation only";
    }
    check adamw_is_built;
}

fn adamw_is_built(adam: &AdamWSpec, fields: &mut Fields<'_>) -> bool {
    refuse(fields, "amsgrad", adam.amsgrad, "option amsgrad")
}

spec! {
    /// `RMSprop`.
    pub struct RmsPropSpec {
        /// Learning rate.
        lr: f64 = default(1e-2), in 0.0..;
        /// Decay of the running mean of the squared gradient.
        alpha: f64 = default(0.99), in 0.0..=1.0;
        /// Added to the denominator, outside the root.
        eps: f64 = default(1e-8), in 0.0..;
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
    }
    not_built [
        "RAdam", "Lookahead", "GlobalAdam", "GlobalRMSprop", "Adadelta", "Adagrad", "Adamax", "ASGD",
        "LBFGS", "NAdam", "Rprop", "SparseAdam"
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

/// Notes that an option is not built if it is asked for; whether all is well.
fn refuse(fields: &mut Fields<'_>, key: &'static str, asked: bool, feature: &str) -> bool {
    if let Some(node) = fields.node().get(key).filter(|_| asked) {
        fields.found().not_built(node, feature);
    }
    !asked
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
    fn global_adam_is_known_and_adamz_is_not() {
        let (_, found) = read::<OptimSpec>("{name: GlobalAdam, lr: 1e-3}");
        assert_eq!(found.unavailable[0].feature, "optimizer GlobalAdam");
        let (_, found) = read::<OptimSpec>("{name: Adamz}");
        assert_eq!(found.errors[0].message, "unknown optimizer `Adamz`");
        assert!(found.errors[0].help.as_deref().unwrap().starts_with("did you mean `Adam`?"));
        let (_, found) = read::<OptimSpec>("{name: Adam, amsgrad: true}");
        assert_eq!(found.unavailable[0].path, "amsgrad");
    }

    #[test]
    fn nesterov_without_momentum_is_an_error_as_in_pytorch() {
        let (sgd, found) = read::<OptimSpec>("{name: SGD, nesterov: true}");
        assert_eq!((sgd, found.errors.len()), (None, 1));
    }
}
