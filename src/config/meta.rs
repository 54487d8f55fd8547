//! `meta`: how many sessions run, how often they report, and from which seed.

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::{Diagnostics, Fields, FromNode, Node, Value, spec};

/// `meta.distributed`: whether sessions train one set of weights together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DistributedSpec {
    /// Each session has its own.
    Off,
    /// One set, which moves by the mean of all workers' gradients.
    Synced,
    /// One set, which moves by each worker's gradient when it is there.
    Shared,
}

impl FromNode for DistributedSpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let mode = match &node.value {
            Value::Bool(false) => Some(Self::Off),
            Value::Str(text) if text == "synced" => Some(Self::Synced),
            Value::Str(text) if text == "shared" => Some(Self::Shared),
            _ => None,
        };
        if mode.is_none() {
            let what = node.describe();
            let text = format!("expected false, \"synced\" or \"shared\", found {what}");
            found.error(node.error(text));
        }
        mode
    }

    fn schema() -> Json {
        json!({ "enum": [false, "synced", "shared"] })
    }
}

impl Serialize for DistributedSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_bool(false),
            Self::Synced => serializer.serialize_str("synced"),
            Self::Shared => serializer.serialize_str("shared"),
        }
    }
}

/// A flag that may be written as a number, as SLM-Lab does: 0 is off, all else on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(pub bool);

impl FromNode for Flag {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match node.as_f64() {
            Some(number) => Some(Self(number != 0.0)),
            None => bool::from_node(node, found).map(Self),
        }
    }

    fn schema() -> Json {
        json!({ "type": ["boolean", "integer"] })
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(self.0)
    }
}

spec! {
    /// What one trial of a search may use.
    pub struct SearchResourcesSpec {
        /// Processor cores.
        cpu: f64 = default(1.0), in 0.0..;
        /// Graphics processors.
        gpu: f64 = default(0.0), in 0.0..;
    }
}

spec! {
    /// How many sessions run, how often they report, and from which seed.
    pub struct MetaSpec {
        /// Whether sessions train one set of weights together.
        distributed: DistributedSpec = default(DistributedSpec::Off);
        /// Sessions per trial: the same spec from different seeds.
        max_session: usize = required, in 1..=10_000;
        /// Trials of a search.
        max_trial: Option<usize> = nullable, in 1..;
        /// Frames between rows of metrics.
        log_frequency: u64 = default(10_000), in 1..;
        /// Frames between evaluations.
        eval_frequency: u64 = default(10_000), in 1..;
        /// Whether evaluations run in environments of their own.
        rigorous_eval: Flag = default(Flag(false));
        /// What one trial of a search may use.
        search_resources: SearchResourcesSpec =
            default(SearchResourcesSpec { cpu: 1.0, gpu: 0.0 });
        /// Options of successive halving (ASHA) in a search; null means every trial runs to its end.
        search_scheduler: Json = default(Json::Null);
        /// Seed of everything random; null means one is chosen and recorded.
        random_seed: Option<u64> = nullable;
        /// Another name for `random_seed`.
        seed: Option<u64> = nullable;
    }
    ignored {
        num_gpus: "`search_resources` took its place";
        experiment: "it is filled in when a run starts";
        trial: "it is filled in when a run starts";
        session: "it is filled in when a run starts";
        cuda_offset: "the command line sets it";
        resume: "the mode `train@…` says so";
        experiment_ts: "it is filled in when a run starts";
        prepath: "it is filled in when a run starts";
        predir: "it is filled in when a run starts";
        graph_prepath: "it is filled in when a run starts";
        info_prepath: "it is filled in when a run starts";
        log_prepath: "it is filled in when a run starts";
        model_prepath: "it is filled in when a run starts";
        git_sha: "it is filled in when a run starts";
        program: "it is filled in when a run starts";
        lab_mode: "the command line sets it";
        device: "the command line sets it";
    }
    check one_seed;
}

fn one_seed(meta: &MetaSpec, fields: &mut Fields<'_>) -> bool {
    let ok = meta.seed.is_none() || meta.random_seed.is_none() || meta.seed == meta.random_seed;
    if !ok {
        let message = "`seed` and `random_seed` are two names of one thing and differ";
        let error = fields.node().error_in("seed", message);
        fields.found().error(error);
    }
    ok
}

impl MetaSpec {
    /// The seed, by either name.
    pub fn seed(&self) -> Option<u64> {
        self.random_seed.or(self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn read(text: &str) -> (Option<MetaSpec>, Diagnostics) {
        let node = parse("t.yaml", text).unwrap();
        let mut found = Diagnostics::new();
        (MetaSpec::from_node(&node, &mut found), found)
    }

    #[test]
    fn only_the_number_of_sessions_has_to_be_said() {
        let (meta, _) = read("{max_session: 4}");
        let meta = meta.unwrap();
        assert_eq!((meta.log_frequency, meta.eval_frequency), (10_000, 10_000));
        assert_eq!((meta.max_trial, meta.rigorous_eval, meta.seed()), (None, Flag(false), None));
    }

    #[test]
    fn rigorous_eval_is_a_number_or_a_flag() {
        assert_eq!(read("{max_session: 1, rigorous_eval: 1}").0.unwrap().rigorous_eval, Flag(true));
        assert_eq!(
            read("{max_session: 1, rigorous_eval: true}").0.unwrap().rigorous_eval,
            Flag(true)
        );
    }

    #[test]
    fn workers_train_together_in_one_of_two_ways() {
        let distributed = |text| read(text).0.unwrap().distributed;
        assert_eq!(distributed("{max_session: 1}"), DistributedSpec::Off);
        assert_eq!(distributed("{max_session: 2, distributed: synced}"), DistributedSpec::Synced);
        assert_eq!(distributed("{max_session: 2, distributed: shared}"), DistributedSpec::Shared);
        let (_, found) = read("{max_session: 1, distributed: true}");
        assert_eq!(found.errors[0].message, "expected false, \"synced\" or \"shared\", found true");
    }

    #[test]
    fn two_different_seeds_are_an_error() {
        assert_eq!(read("{max_session: 1, seed: 3}").0.unwrap().seed(), Some(3));
        assert_eq!(read("{max_session: 1, seed: 3, random_seed: 4}").1.errors.len(), 1);
    }
}
