//! `optim_spec` of Lookahead: its own keys beside those of the optimizer it wraps.

use serde_json::{Map, Value as Json, json};

use super::{
    AdamSpec, AdamWSpec, Fields, FromNode, OptimSpec, RAdamSpec, Record, RecordSchema, RmsPropSpec,
    SgdSpec, spec, spec_enum, to_json,
};

/// Lookahead (Zhang et al. 2019) around another optimizer, whose keys stand beside its own.
#[derive(Clone, Debug, PartialEq)]
pub struct LookaheadSpec {
    /// The optimizer that it wraps, by the key `optimizer`.
    pub fast: Box<OptimSpec>,
    /// How the slow weights follow.
    pub slow: SlowWeightsSpec,
}

spec! {
    /// How Lookahead's slow weights follow the fast ones.
    pub struct SlowWeightsSpec {
        /// How far they go: 0 not at all, 1 all the way.
        alpha: f64 = default(0.5), in 0.0..=1.0;
        /// Steps of the wrapped optimizer between two of them.
        k: u64 = default(5), in 1..;
    }
}

spec_enum! {
    /// What Lookahead can wrap.
    enum FastOptim: "optimizer" {
        /// SLM-Lab's choice.
        RAdam = "RAdam",
        /// Adam.
        Adam = "Adam",
        /// Adam with decoupled weight decay.
        AdamW = "AdamW",
        /// `RMSprop`.
        RmsProp = "RMSprop",
        /// Stochastic gradient descent.
        Sgd = "SGD",
    }
}

impl Record for LookaheadSpec {
    const DOC: &'static [&'static str] = &[
        "Lookahead (Zhang et al. 2019) around another optimizer, whose keys stand beside its own.",
    ];

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let slow = SlowWeightsSpec::read(fields);
        let name = fields.or_default("optimizer", || FastOptim::RAdam);
        let Some(name) = name else {
            // Which keys belong to the optimizer is not known then.
            fields.rest();
            return None;
        };
        let fast = match name {
            FastOptim::RAdam => RAdamSpec::read(fields).map(OptimSpec::RAdam),
            FastOptim::Adam => AdamSpec::read(fields).map(OptimSpec::Adam),
            FastOptim::AdamW => AdamWSpec::read(fields).map(OptimSpec::AdamW),
            FastOptim::RmsProp => RmsPropSpec::read(fields).map(OptimSpec::RmsProp),
            FastOptim::Sgd => SgdSpec::read(fields).map(OptimSpec::Sgd),
        };
        Some(Self { fast: Box::new(fast?), slow: slow? })
    }

    fn write(&self, out: &mut Map<String, Json>) {
        out.insert("optimizer".to_owned(), self.fast.name().into());
        self.slow.write(out);
        let mut keys = to_json(&self.fast).as_object().cloned().unwrap_or_default();
        keys.remove("name");
        out.extend(keys);
    }

    fn describe(schema: &mut RecordSchema) {
        AdamSpec::describe(schema);
        RmsPropSpec::describe(schema);
        SgdSpec::describe(schema);
        RAdamSpec::describe(schema);
        SlowWeightsSpec::describe(schema);
        let doc = ["The optimizer that it wraps, whose keys stand beside this one."];
        schema.key("optimizer", FastOptim::schema(), &doc, Some(json!(FastOptim::RAdam)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Diagnostics, parse};
    use super::*;

    fn read(text: &str) -> (Option<OptimSpec>, Diagnostics) {
        let node = parse("t.yaml", text).unwrap();
        let mut found = Diagnostics::new();
        (OptimSpec::from_node(&node, &mut found), found)
    }

    #[test]
    fn lookahead_passes_keys_on_to_the_optimizer_it_wraps_as_slm_lab_4_wrote_it() {
        let (optim, found) = read("{name: Lookahead, optimizer: RAdam, lr: 3e-4}");
        assert_eq!(found, Diagnostics::new());
        let optim = optim.unwrap();
        let expected = json!({
            "name": "Lookahead", "optimizer": "RAdam", "alpha": 0.5, "k": 5, "lr": 3e-4,
            "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0,
            "decoupled_weight_decay": false
        });
        assert_eq!((to_json(&optim), optim.lr()), (expected.clone(), 3e-4));
        assert_eq!(read(&expected.to_string()), (Some(optim), Diagnostics::new()));
    }

    #[test]
    fn what_is_left_out_is_the_wrapped_optimizers_default() {
        let (optim, _) = read("{name: Lookahead, optimizer: SGD, momentum: 0.9, k: 6, alpha: 0.8}");
        let saved = to_json(&optim.unwrap());
        assert_eq!((&saved["lr"], &saved["nesterov"]), (&json!(1e-3), &json!(false)));
        assert_eq!((&saved["k"], &saved["alpha"]), (&json!(6), &json!(0.8)));
    }

    #[test]
    fn wrong_keys_of_either_part_are_found() {
        let errors = |text: &str| -> Vec<String> {
            read(text).1.errors.into_iter().map(|error| error.path).collect()
        };
        assert_eq!(errors("{name: Lookahead, alpha: 2, k: 0, lr: -1}"), ["alpha", "k", "lr"]);
        assert_eq!(errors("{name: Lookahead, optimizer: Lookahead, lr: 1}"), ["optimizer"]);
        let (_, found) = read("{name: Lookahead, momentum: 0.9}");
        assert_eq!(found.warnings[0].path, "momentum");
    }
}
