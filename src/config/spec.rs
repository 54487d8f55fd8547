//! One spec, read: what to train, where, and how often.

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::env::check_env_name;
use super::known::{Available, is_unbuilt_algorithm};
use super::locate::locate;
use super::other_names::algorithm_from_elsewhere;
use super::{
    Diagnostics, EnvSpec, Fields, FromNode, Given, MemorySpec, MetaSpec, NetSpec, Node, RawSpec,
    Record, Value, hint, read_tagged, to_json,
};

/// A whole spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Its name, with what `-s env=…` adds to it.
    pub name: String,
    /// The learner.
    pub agent: AgentSpec,
    /// The environment.
    pub env: EnvSpec,
    /// Sessions, reports, seed.
    pub meta: MetaSpec,
    /// What a search varies.
    pub search: Option<Node>,
    /// The spec as it was written, settings applied; its place names the file.
    pub source: Node,
}

/// `agent`: the learner.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentSpec {
    /// A free label.
    pub name: String,
    /// `algorithm.name`.
    pub algorithm_name: String,
    /// Keys of the algorithm, which the algorithm reads.
    pub algorithm: Node,
    /// Keys of the memory, which the algorithm reads; null where the spec has none.
    pub memory: Node,
    /// Networks; absent for agents that need none.
    pub net: Option<NetSpec>,
    /// Networks of the critics, where they differ from `net`.
    pub critic_net: Option<NetSpec>,
    /// Whether one of them was given and could not be read; the reason has been noted.
    pub has_wrong_net: bool,
}

impl Spec {
    /// Reads a chosen spec; `None` means that `found` now says why there is none.
    pub fn read(raw: &RawSpec, available: &Available<'_>, found: &mut Diagnostics) -> Option<Self> {
        raw.check_variables(found);
        let mut fields = Fields::new(&raw.node, found)?;
        fields.get("name");
        fields.ignore("body", "since SLM-Lab 5 a spec is one agent in one environment");
        let agent = fields.required::<Node>("agent");
        let env = fields.required::<Node>("env");
        let meta = fields.required::<MetaSpec>("meta");
        let search = fields.or_default::<Option<Node>>("search", || None);
        fields.finish();
        let agent = agent.and_then(|agent| AgentSpec::read(&agent, available, found));
        let env = env.and_then(|env| {
            check_env_name(&env, available, found);
            EnvSpec::from_node(&env, found)
        });
        let (name, source) = (raw.name.clone(), raw.node.clone());
        Some(Self { name, agent: agent?, env: env?, meta: meta?, search: search?, source })
    }

    /// The spec as JSON with every default written out; `algorithm` and `memory` come from the
    /// algorithm, which alone knows their defaults.
    pub fn expanded(&self, algorithm: &Json, memory: &Json) -> Json {
        let mut agent = json!({
            "name": self.agent.name, "algorithm": algorithm, "memory": memory,
            "net": to_json(&self.agent.net).as_object().cloned().unwrap_or_default(),
        });
        if let Some(net) = &self.agent.critic_net {
            agent["critic_net"] = to_json(net);
        }
        let mut spec = json!({
            "name": self.name, "agent": agent, "env": to_json(&self.env), "meta": to_json(&self.meta),
        });
        if let Some(search) = &self.search {
            spec["search"] = search.to_json();
        }
        spec
    }
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (algorithm, memory) = (self.agent.algorithm.to_json(), self.agent.memory.to_json());
        self.expanded(&algorithm, &memory).serialize(serializer)
    }
}

impl AgentSpec {
    fn read(node: &Node, available: &Available<'_>, found: &mut Diagnostics) -> Option<Self> {
        let mut fields = Fields::new(node, found)?;
        let name = fields.or_default::<Option<String>>("name", || None);
        let algorithm = fields.required::<Node>("algorithm");
        let memory = fields.get("memory").cloned();
        let net = fields.or_default("net", || NetOrNone(None));
        let critic_net = fields.or_default("critic_net", || NetOrNone(None));
        fields.finish();
        if let Some(memory) = &memory {
            MemorySpec::from_node(memory, found);
        }
        let algorithm = algorithm?;
        let algorithm_name = algorithm_name(&algorithm, available, found)?;
        let name = name?.unwrap_or_else(|| algorithm_name.clone());
        let memory = memory.unwrap_or_else(|| absent(node, "memory"));
        // Wrong networks do not keep the algorithm's own keys from being checked.
        let has_wrong_net = net.is_none() || critic_net.is_none();
        let [net, critic_net] = [net, critic_net].map(|net| net.and_then(|net| net.0));
        Some(Self { name, algorithm_name, algorithm, memory, net, critic_net, has_wrong_net })
    }
}

/// A network, or none where the mapping is empty.
struct NetOrNone(Option<NetSpec>);

impl FromNode for NetOrNone {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        if node.is_map() && node.entries().is_empty() {
            return Some(Self(None));
        }
        NetSpec::from_node(node, found).map(|net| Self(Some(net)))
    }

    fn schema() -> Json {
        NetSpec::schema()
    }
}

/// A null in the place of a key that is not there.
fn absent(node: &Node, key: &str) -> Node {
    let path = format!("{}.{key}", node.path);
    Node { value: Value::Null, path, ..node.clone() }
}

fn algorithm_name(
    algorithm: &Node,
    available: &Available<'_>,
    found: &mut Diagnostics,
) -> Option<String> {
    let node = Fields::new(algorithm, found)?.required::<Node>("name")?;
    let name = String::from_node(&node, found)?;
    if available.algorithms.contains(&name.as_str()) {
        return Some(name);
    }
    if is_unbuilt_algorithm(&name) {
        found.not_built(&node, format!("algorithm {name}"));
    } else {
        let all = available.algorithms.iter().copied();
        let help = algorithm_from_elsewhere(&name).unwrap_or_else(|| hint(&name, all));
        found.error(node.error(format!("unknown algorithm `{name}`")).with_help(help));
    }
    Some(name)
}

/// Reads the keys of `agent.algorithm` as those of one algorithm; `name` counts as read.
pub fn read_algorithm<T: Record>(algorithm: &Node, found: &mut Diagnostics) -> Option<T> {
    read_tagged(algorithm, "name", found)
}

/// Finds the file, chooses the spec, applies `-s` settings and reads it.
///
/// `None` means that `found` now says why there is none; a spec may be given although `found` has
/// errors, so `Diagnostics::finish` decides.
pub fn load(
    file: &str,
    name: &str,
    settings: &[Given],
    available: &Available<'_>,
    found: &mut Diagnostics,
) -> Option<Spec> {
    let mut parsed = Vec::new();
    for given in settings {
        match given.parse() {
            Ok(setting) => parsed.push(setting),
            Err(error) => found.error(error),
        }
    }
    match locate(file).and_then(|file| file.choose(name)) {
        Ok(mut raw) => {
            raw.set(&parsed, found);
            Spec::read(&raw, available, found)
        }
        Err(errors) => {
            errors.0.into_iter().for_each(|error| found.error(error));
            None
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::locate::built_in_paths;
    use super::super::{NotBuilt, ScheduleSpec, Setting, SpecError, SpecFile, spec};
    use super::*;

    /// All that the built-in specs name.
    pub(in super::super) const AVAILABLE: Available<'_> = Available {
        algorithms: &[
            "Random",
            "Reinforce",
            "SARSA",
            "VanillaDQN",
            "DQN",
            "DoubleDQN",
            "HydraDQN",
            "ActorCritic",
            "PPO",
            "SIL",
            "PPOSIL",
            "SoftActorCritic",
            "CrossQ",
            "DDPG",
            "TD3",
        ],
        envs: &[
            "CartPole-v1",
            "MountainCar-v0",
            "MountainCarContinuous-v0",
            "Acrobot-v1",
            "Pendulum-v1",
            "LunarLander-v3",
            "LunarLanderContinuous-v3",
            "BipedalWalker-v3",
            "SyntheticFrames-v0",
        ],
    };

    fn read(text: &str) -> (Option<Spec>, Diagnostics) {
        let raw = SpecFile::parse("t.yaml", text).unwrap().choose("s").unwrap();
        let mut found = Diagnostics::new();
        (Spec::read(&raw, &AVAILABLE, &mut found), found)
    }

    #[test]
    fn the_demo_reads_without_a_word_and_its_expansion_reads_the_same() {
        let mut found = Diagnostics::strict();
        let spec = load("demo.json", "ppo_cartpole", &[], &AVAILABLE, &mut found).unwrap();
        assert_eq!(found, Diagnostics::strict());
        assert_eq!((spec.agent.algorithm_name.as_str(), spec.env.num_envs), ("PPO", 4));
        let saved = to_json(&spec).to_string();
        let raw = SpecFile::parse("saved.json", &saved).unwrap().choose("ppo_cartpole").unwrap();
        let again = Spec::read(&raw, &AVAILABLE, &mut found).unwrap();
        assert_eq!(found, Diagnostics::strict());
        assert_eq!(
            (&again.env, &again.meta, &again.agent.net),
            (&spec.env, &spec.meta, &spec.agent.net)
        );
        assert_eq!(to_json(&again).to_string(), saved);
    }

    #[test]
    fn every_built_in_spec_reads_without_errors_or_warnings() {
        for path in built_in_paths() {
            let file = locate(path).unwrap();
            for name in file.names() {
                let mut found = Diagnostics::new();
                let mut raw = file.choose(name).unwrap();
                let text = raw.node.to_json().to_string();
                let given: Vec<Setting> = ["env=Hopper-v5", "max_frame=1e6"]
                    .into_iter()
                    .filter(|given| {
                        let (variable, _) = given.split_once('=').unwrap();
                        text.contains(&format!("${{{variable}}}"))
                    })
                    .map(|given| Setting::parse(given).unwrap())
                    .collect();
                raw.set(&given, &mut found);
                Spec::read(&raw, &AVAILABLE, &mut found);
                assert_eq!((&found.errors, &found.warnings), (&vec![], &vec![]), "{path} {name}");
                let is_env = |missing: &NotBuilt| missing.feature.starts_with("environment ");
                assert!(found.unavailable.iter().all(is_env), "{path} {name}: {found:?}");
            }
        }
    }

    const BROKEN: &str = "\
s:
  agent:
    algorithm: {name: PP0}
    memory: {name: OnPolicyBatchRepay}
    net: {type: MLPNett}
  env: {name: CartPole-v2, max_frame: 1.5}
  meta: {max_session: 0, max_sesion: 2}
  serch: {}
";

    #[test]
    fn all_errors_of_a_spec_are_found_at_once_each_with_its_place_and_the_nearest_name() {
        let (spec, found) = read(BROKEN);
        assert_eq!(spec, None);
        let say = |e: &SpecError| {
            let help = e.help.clone().unwrap_or_default();
            let first = help.split(" (one of").next().unwrap_or_default().to_owned();
            (e.at.line, e.at.column, e.path.clone(), first)
        };
        let mut said: Vec<_> = found.errors.iter().chain(&found.warnings).map(say).collect();
        said.sort();
        let expected = [
            (3, 23, "agent.algorithm.name", "did you mean `PPO`?"),
            (4, 20, "agent.memory.name", "did you mean `OnPolicyBatchReplay`?"),
            (5, 17, "agent.net.type", "did you mean `MLPNet`?"),
            (6, 15, "env.name", "did you mean `CartPole-v1`?"),
            (6, 39, "env.max_frame", ""),
            (7, 23, "meta.max_session", ""),
            (7, 26, "meta.max_sesion", "did you mean `max_session`?"),
            (8, 3, "serch", "did you mean `search`?"),
        ];
        let expected = expected.map(|(l, c, path, help)| (l, c, path.to_owned(), help.to_owned()));
        assert_eq!(said, expected);
    }

    #[test]
    fn what_is_not_built_is_no_error() {
        let (spec, found) = read(
            "s: {agent: {algorithm: {name: DQNBase}, net: {}}, env: {name: ALE/Pong-v5, max_frame: \
             1e7}, meta: {max_session: 1, distributed: shared}}",
        );
        assert_eq!(found.errors, []);
        let features: Vec<&str> = found.unavailable.iter().map(|u| u.feature.as_str()).collect();
        let expected = ["algorithm DQNBase", "environment ALE/Pong-v5"];
        assert_eq!(features, expected);
        assert_eq!(spec.unwrap().agent.net, None);
    }

    spec! {
        /// A toy.
        struct ToySpec {
            /// Discount.
            gamma: f64 = required, in 0.0..=1.0;
            /// Entropy.
            entropy_coef_spec: Option<ScheduleSpec> = nullable;
        }
    }

    #[test]
    fn an_algorithm_reads_its_own_keys_beside_its_name() {
        let node = super::super::parse("t.yaml", "{name: Toy, gamma: 0.9, lamda: 1}").unwrap();
        let mut found = Diagnostics::new();
        let toy = read_algorithm::<ToySpec>(&node, &mut found).unwrap();
        assert_eq!((toy.gamma, toy.entropy_coef_spec), (0.9, None));
        assert_eq!(found.warnings.len(), 1);
    }
}
