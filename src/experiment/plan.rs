//! What a spec means: environment, agent and rules between them, settled before anything runs.

use serde_json::{Value as Json, json};

use super::env_plan::EnvPlan;
use super::env_shape::KnownShape;
use super::options::Mode;
use crate::algorithm::{AgentPlan, EnvShape};
use crate::config::{Diagnostics, DistributedSpec, NetPartSpec, Node, Spec};
use crate::device::DeviceChoice;
use crate::registry::{find_algorithm, find_env};

/// A spec with everything derived from it and every rule checked.
pub struct Plan {
    /// The spec.
    pub spec: Spec,
    /// The environments.
    pub env: EnvPlan,
    /// The agent.
    pub agent: Box<dyn AgentPlan>,
    /// The algorithm's name.
    pub algorithm: &'static str,
}

impl Plan {
    /// Settles what `spec` means; `None` after saying in `diagnostics` why it means nothing.
    pub fn resolve(spec: Spec, diagnostics: &mut Diagnostics) -> Option<Self> {
        let max_frame = frames_of_session(&spec, diagnostics);
        check_frequencies(&spec, max_frame, diagnostics);
        note_gpu_of_workers(&spec, diagnostics);
        // What is not in this build has been noted when the spec was read.
        let algorithm = find_algorithm(&spec.agent.algorithm_name);
        let Some(def) = find_env(&spec.env.name) else {
            if let Some(algorithm) = algorithm {
                (algorithm.check)(&spec.agent, diagnostics);
            }
            return None;
        };
        let gamma = spec.source.lookup("agent.algorithm.gamma").and_then(Node::as_f64);
        let env = EnvPlan { max_frame, ..EnvPlan::new(&spec.env, def, gamma) };
        let KnownShape { shape, is_right, is_sure } = KnownShape::of(&env, &spec, diagnostics)?;
        let algorithm = algorithm?;
        if !is_sure {
            (algorithm.check)(&spec.agent, diagnostics);
            return None;
        }
        need_of_envs(&spec, &shape, diagnostics);
        let agent = (algorithm.plan)(&spec.agent, &shape, diagnostics)?;
        is_right.then_some(Self { spec, env, agent, algorithm: algorithm.name })
    }

    /// Where its sessions train: where it is `asked` for, else as the first of its networks that wants a card,
    /// as all networks of an agent are in one place. Workers, who train on the processor alone, are left there.
    pub fn device(&self, asked: Option<DeviceChoice>) -> DeviceChoice {
        let card = || parts(&self.spec).find_map(NetPartSpec::card);
        let choice = asked.or_else(|| card().map(DeviceChoice::Auto)).unwrap_or(DeviceChoice::Cpu);
        match (self.spec.meta.distributed, choice) {
            (DistributedSpec::Shared | DistributedSpec::Synced, DeviceChoice::Auto(_)) => {
                DeviceChoice::Cpu
            }
            _ => choice,
        }
    }

    /// How many sessions train at a time with so many threads; of workers, who wait for each other, all.
    pub fn sessions_at_a_time(&self, mode: Mode, threads: usize) -> usize {
        let meta = &self.spec.meta;
        match (mode, meta.distributed) {
            (Mode::Dev, _) => 1,
            (Mode::Train, DistributedSpec::Off) => threads.clamp(1, meta.max_session),
            (Mode::Train, _) => meta.max_session,
        }
    }

    /// The spec as JSON with every default filled in.
    pub fn expanded(&self) -> Json {
        let mut algorithm = json!({ "name": self.algorithm });
        let keys = self.agent.algorithm_json().as_object().cloned().unwrap_or_default();
        keys.into_iter().for_each(|(key, value)| algorithm[key] = value);
        self.spec.expanded(&algorithm, &self.agent.memory_json())
    }
}

/// The networks that `spec` describes.
fn parts(spec: &Spec) -> impl Iterator<Item = &NetPartSpec> {
    let nets = spec.agent.net.iter().chain(&spec.agent.critic_net);
    nets.flat_map(|net| [&net.actor, &net.critic])
}

/// Notes a `gpu` where workers train together.
fn note_gpu_of_workers(spec: &Spec, diagnostics: &mut Diagnostics) {
    if spec.meta.distributed == DistributedSpec::Off {
        return;
    }
    for part in parts(spec).filter(|part| part.card().is_some()) {
        let text = "the key `gpu` changes nothing: the workers of a distributed run train on the processor";
        diagnostics.unread_key(part.place.0.error_in("gpu", text));
    }
}

/// Frames of a session; the workers of a distributed run divide those of the spec between them.
fn frames_of_session(spec: &Spec, diagnostics: &mut Diagnostics) -> u64 {
    let (frames, workers) = (spec.env.max_frame, spec.meta.max_session as u64);
    if spec.meta.distributed == DistributedSpec::Off {
        return frames;
    }
    if frames < workers {
        let text = format!("{workers} workers can not divide {frames} frames between them");
        let meta = spec.source.get("meta").unwrap_or(&spec.source);
        diagnostics.error(meta.error_in("max_session", text));
    }
    (frames / workers).max(1)
}

/// Notes the memory of the environments' observations: present and final ones, in the vector and as rows of
/// a network.
fn need_of_envs(spec: &Spec, shape: &EnvShape, diagnostics: &mut Diagnostics) {
    let n = shape.num_envs;
    let env = spec.source.get("env").unwrap_or(&spec.source);
    let what = env.error_in("num_envs", format!("the observations of {n} environments"));
    let numbers = (n as u64).saturating_mul(shape.obs_space.width() as u64);
    diagnostics.need(what, numbers.saturating_mul(4 * size_of::<f32>() as u64));
}

/// Frequencies that give no row, or one at every step, are legal and surely not meant.
fn check_frequencies(spec: &Spec, max_frame: u64, diagnostics: &mut Diagnostics) {
    let Some(meta) = spec.source.get("meta") else { return };
    let frequency = spec.meta.log_frequency;
    if frequency > max_frame {
        let text = format!("rows are {frequency} frames apart and a session has {max_frame}");
        let help = "there will be one row, at the end".to_owned();
        diagnostics.warning(meta.error_in("log_frequency", text).with_help(help));
    }
    if frequency < spec.env.num_envs as u64 {
        let text = format!("a step of {} environments is more frames than this", spec.env.num_envs);
        let help = "there will be a row at every step".to_owned();
        diagnostics.warning(meta.error_in("log_frequency", text).with_help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Available, Given, load};
    use crate::registry::{algorithm_names, env_names};

    fn plan(file: &str, name: &str, settings: &[&str]) -> (Plan, Diagnostics) {
        let (algorithms, envs) = (algorithm_names(), env_names());
        let available = Available { algorithms: &algorithms, envs: &envs };
        let given = |text: &&str| Given { option: "-s", text: (*text).to_owned() };
        let settings: Vec<Given> = settings.iter().map(given).collect();
        let mut found = Diagnostics::new();
        let spec = load(file, name, &settings, &available, &mut found).unwrap();
        (Plan::resolve(spec, &mut found).unwrap(), found)
    }

    /// The demo trains four sessions.
    #[test]
    fn threads_limit_the_sessions_at_a_time_but_workers_all_train() {
        let (mut plan, _) = plan("demo.json", "ppo_cartpole", &[]);
        let at_a_time =
            |plan: &Plan, mode| [1, 3, 16].map(|threads| plan.sessions_at_a_time(mode, threads));
        assert_eq!(at_a_time(&plan, Mode::Train), [1, 3, 4]);
        assert_eq!(at_a_time(&plan, Mode::Dev), [1, 1, 1]);
        plan.spec.meta.distributed = DistributedSpec::Synced;
        assert_eq!(at_a_time(&plan, Mode::Train), [4, 4, 4]);
    }

    #[test]
    fn a_spec_asks_for_a_card_by_gpu() {
        let device = |settings: &[&str]| plan("demo.json", "ppo_cartpole", settings).0.device(None);
        assert_eq!(device(&[]), DeviceChoice::Cpu);
        for (gpu, choice) in [
            ("null", DeviceChoice::Cpu),
            ("false", DeviceChoice::Cpu),
            ("auto", DeviceChoice::Cpu), // the demo's networks are small
            ("true", DeviceChoice::Auto(None)),
            ("1", DeviceChoice::Auto(Some(1))),
        ] {
            assert_eq!(device(&[&format!("agent.net.gpu={gpu}")]), choice, "{gpu}");
        }
        let critic = ["agent.net.actor_gpu=false", "agent.net.critic_gpu=2"];
        assert_eq!(device(&critic), DeviceChoice::Auto(Some(2)));
    }

    #[test]
    fn workers_train_on_the_processor_whatever_gpu_says() {
        let distributed = ["meta.distributed=synced", "agent.net.gpu=true"];
        let (plan, found) = plan("demo.json", "ppo_cartpole", &distributed);
        assert_eq!(plan.device(None), DeviceChoice::Cpu);
        assert_eq!(plan.device(Some(DeviceChoice::Auto(None))), DeviceChoice::Cpu);
        let refused = DeviceChoice::Cuda(None);
        assert_eq!(plan.device(Some(refused)), refused, "what is named is refused later");
        let said: Vec<&str> = found.warnings.iter().map(|w| w.path.as_str()).collect();
        assert_eq!(said, ["agent.net.gpu"]);
        assert!(found.warnings[0].message.contains("train on the processor"));
    }
}
