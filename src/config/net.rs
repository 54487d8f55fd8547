//! `agent.net` and `agent.critic_net`: what each network is built of and how it is trained.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use super::net_body::BodySpec;
use super::place::Place;
use super::{
    Diagnostics, Entry, Fields, FromNode, GpuSpec, LossSpec, LrSchedulerSpec, Node, OptimSpec,
    Record, Value, above, spec, spec_enum, to_json,
};

spec_enum! {
    /// How weights start; the name of a function of `torch.nn.init`.
    pub enum InitFnSpec: "weight initialization" {
        /// An orthogonal matrix.
        Orthogonal = "orthogonal_",
        /// Uniform, keeping the variance in both directions.
        XavierUniform = "xavier_uniform_",
        /// Normal, keeping the variance in both directions.
        XavierNormal = "xavier_normal_",
        /// Uniform, keeping the variance forward, for rectifiers.
        KaimingUniform = "kaiming_uniform_",
        /// Normal, keeping the variance forward, for rectifiers.
        KaimingNormal = "kaiming_normal_",
    }
    not_built [
        "uniform_", "normal_", "constant_", "ones_", "zeros_", "eye_", "dirac_", "trunc_normal_", "sparse_"
    ]
}

spec_enum! {
    /// How a target network follows.
    pub enum UpdateTypeSpec: "target network update" {
        /// Copied every `update_frequency` frames.
        Replace = "replace",
        /// Moved by `polyak_coef` every time.
        Polyak = "polyak",
    }
}

spec! {
    /// How a network is initialized and trained.
    pub struct NetTrainingSpec {
        /// How weights start; null means `PyTorch`'s defaults.
        init_fn: Option<InitFnSpec> = nullable;
        /// The global L2 norm that gradients are clipped to, despite the name.
        clip_grad_val: Option<f64> = nullable, in above(0.0);
        /// Loss of the values.
        loss_spec: LossSpec = default(LossSpec::default());
        /// Optimizer.
        optim_spec: OptimSpec = default(OptimSpec::default());
        /// Learning rate schedule; null means constant.
        lr_scheduler_spec: Option<LrSchedulerSpec> = nullable;
        /// How a target network follows.
        update_type: UpdateTypeSpec = default(UpdateTypeSpec::Replace);
        /// Frames between copies to the target network, for `replace`; SLM-Lab takes fractions too.
        update_frequency: f64 = default(1.0), in above(0.0);
        /// Weight of the online network in each move of the target, for `polyak`.
        polyak_coef: f64 = default(0.0), in 0.0..=1.0;
        /// Start of a log σ that does not depend on the observation.
        log_std_init: Option<f64> = nullable;
        /// Gain of the heads' orthogonal weights, written `actor_init_std` and `critic_init_std`.
        init_std: Option<f64> = nullable, in above(0.0);
        /// Whether networks train on a graphics card, where `--device` does not say.
        gpu: GpuSpec = default(GpuSpec::Unsaid);
    }
}

/// One network: its body and its training.
#[derive(Clone, Debug, PartialEq)]
pub struct NetPartSpec {
    /// The layers up to the heads.
    pub body: BodySpec,
    /// Initialization, loss, optimizer, target network.
    pub training: NetTrainingSpec,
    /// Where its keys are written.
    pub place: Place,
}

/// `agent.net`: the networks of an agent.
///
/// A key `actor_x` or `critic_x` is the key `x` of that one network; where there are none, `actor`
/// and `critic` are equal. Algorithms with one network use `actor`.
#[derive(Clone, Debug, PartialEq)]
pub struct NetSpec {
    /// Whether actor and critic share one body; required by actor-critic algorithms.
    pub shared: Option<bool>,
    /// Whether the critic is specified like the actor; required by actor-critic algorithms.
    pub use_same_optim: Option<bool>,
    /// The policy network, or the only one.
    pub actor: NetPartSpec,
    /// The value network.
    pub critic: NetPartSpec,
}

impl FromNode for NetSpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let mut fields = Fields::new(node, found)?;
        let shared = fields.or_default("shared", || None);
        let use_same_optim = fields.or_default("use_same_optim", || None);
        let actor = NetPartSpec::from_node(&part(node, "actor_", "critic_"), found);
        let critic = NetPartSpec::from_node(&part(node, "critic_", "actor_"), found);
        Some(Self {
            shared: shared?,
            use_same_optim: use_same_optim?,
            actor: actor?,
            critic: critic?,
        })
    }

    fn schema() -> Json {
        let mut schemas = BodySpec::schemas(NetTrainingSpec::describe);
        for schema in &mut schemas {
            for key in ["shared", "use_same_optim"] {
                schema["properties"][key] = Option::<bool>::schema();
            }
            // A key may be given as `actor_key` and `critic_key` instead.
            schema["required"] = json!(["type"]);
            schema["patternProperties"] = json!({ "^(actor|critic)_": {} });
        }
        json!({ "description": "The networks of an agent.", "oneOf": schemas })
    }
}

/// The keys of one network: the plain ones, overridden by those that start with `own`.
fn part(node: &Node, own: &str, other: &str) -> Node {
    let owned = |key: &str| node.get(&format!("{own}{key}")).is_some();
    let of_both = ["shared", "use_same_optim"];
    let mut entries: Vec<Entry> = Vec::new();
    for entry in node.entries() {
        let key = entry.key.as_str();
        if let Some(key) = key.strip_prefix(own) {
            entries.push(Entry { key: key.to_owned(), ..entry.clone() });
        } else if !key.starts_with(other) && !of_both.contains(&key) && !owned(key) {
            entries.push(entry.clone());
        }
    }
    Node { value: Value::Map(entries), ..node.clone() }
}

impl FromNode for NetPartSpec {
    fn from_node(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let mut fields = Fields::new(node, found)?;
        let kind = fields.required::<Node>("type");
        let training = NetTrainingSpec::read(&mut fields);
        let body = kind.and_then(|kind| BodySpec::read(&kind, &mut fields));
        if body.is_some() || training.is_none() {
            fields.finish();
        }
        Some(Self { body: body?, training: training?, place: Place(node.clone()) })
    }

    fn schema() -> Json {
        json!({ "oneOf": BodySpec::schemas(NetTrainingSpec::describe) })
    }
}

impl NetPartSpec {
    /// The card that its `gpu` asks for, of any or by number; none where it trains on the processor.
    pub fn card(&self) -> Option<Option<usize>> {
        match self.training.gpu {
            GpuSpec::Unsaid | GpuSpec::Never => None,
            GpuSpec::Auto => self.body.has_convolutions().then_some(None),
            GpuSpec::Card(index) => Some(index),
        }
    }

    fn write(&self) -> Map<String, Json> {
        let mut out = self.body.write();
        self.training.write(&mut out);
        out
    }
}

impl Serialize for NetPartSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write().serialize(serializer)
    }
}

impl Serialize for NetSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (actor, critic) = (self.actor.write(), self.critic.write());
        let mut out = Map::new();
        for (key, value) in &actor {
            let same = critic.get(key) == Some(value);
            out.insert(if same { key.clone() } else { format!("actor_{key}") }, value.clone());
        }
        let own = critic.iter().filter(|(key, value)| actor.get(*key) != Some(*value));
        out.extend(own.map(|(key, value)| (format!("critic_{key}"), value.clone())));
        out.insert("shared".to_owned(), to_json(&self.shared));
        out.insert("use_same_optim".to_owned(), to_json(&self.use_same_optim));
        out.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn read(text: &str) -> (Option<NetSpec>, Diagnostics) {
        let node = parse("t.yaml", text).unwrap().rebased("agent.net");
        let mut found = Diagnostics::new();
        (NetSpec::from_node(&node, &mut found), found)
    }

    const MLP: &str = "type: MLPNet\nhid_layers: [64, 64]\nhid_layers_activation: tanh\n";

    #[test]
    fn without_prefixed_keys_actor_and_critic_are_equal() {
        let (net, found) = read(&format!("{MLP}shared: false\nuse_same_optim: true\n"));
        let net = net.unwrap();
        assert_eq!(found, Diagnostics::new());
        assert_eq!(net.actor, net.critic);
        assert_eq!((net.shared, net.use_same_optim), (Some(false), Some(true)));
        assert_eq!(net.actor.training.optim_spec.lr(), 1e-3);
    }

    #[test]
    fn prefixed_keys_belong_to_one_network_and_are_saved_so() {
        let (net, found) = read(&format!(
            "{MLP}actor_optim_spec: {{name: Adam, lr: 1e-4}}\ncritic_optim_spec: {{name: SGD, lr: \
             0.5}}\ncritic_hid_layers: [256]\n"
        ));
        let net = net.unwrap();
        assert_eq!(found, Diagnostics::new());
        assert_eq!(net.actor.training.optim_spec.lr(), 1e-4);
        assert_eq!(net.critic.training.optim_spec.lr(), 0.5);
        let saved = to_json(&net);
        assert_eq!(saved["actor_hid_layers"], json!([64, 64]));
        assert_eq!(saved["critic_hid_layers"], json!([256]));
        assert_eq!(saved["hid_layers_activation"], json!("Tanh"));
        assert_eq!(read(&saved.to_string()), (Some(net), Diagnostics::new()));
    }

    #[test]
    fn errors_in_shared_keys_are_said_once() {
        let (net, found) =
            read("type: MLPNet\nhid_layers: [0]\nhid_layers_activation: tan\nlr: 3\n");
        assert_eq!(net, None);
        let paths: Vec<&str> = found.errors.iter().map(|e| e.path.as_str()).collect();
        assert_eq!(paths, ["agent.net.hid_layers.0", "agent.net.hid_layers_activation"]);
    }

    #[test]
    fn each_network_has_its_own_gain_of_the_heads() {
        let (net, found) = read(&format!("{MLP}actor_init_std: 0.01\n"));
        let net = net.unwrap();
        assert_eq!(found, Diagnostics::new());
        assert_eq!(net.actor.training.init_std, Some(0.01));
        assert_eq!(net.critic.training.init_std, None);
    }
}
