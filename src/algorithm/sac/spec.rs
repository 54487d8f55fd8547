//! Keys of `agent.algorithm` for soft actor-critics, and what they mean.

use slm_env::Space;
use slm_policy::Family;

use super::{SacActions, SacPlan, TargetEntropy, TemperaturePlan};
use crate::algorithm::acting_spec::{ActingSpec, ActionPdSpec};
use crate::algorithm::agent::{AgentPlan, AlgorithmDef, EnvShape};
use crate::algorithm::critics::CriticsPlan;
use crate::algorithm::off_policy::{LearnTiming, OffPolicyPlan};
use crate::algorithm::off_policy_plan::ResolvedOffPolicy;
use crate::algorithm::resolve::{NO_TARGET, Resolver};
use crate::algorithm::resolve_acting::kind_of;
use crate::algorithm::resolve_train::train_plan;
use crate::config::{
    AgentSpec, Diagnostics, TargetEntropySpec, algorithm_schema, read_algorithm, spec, to_json,
};
use crate::net::{Dist, LayerPlan, NetPlan, TrainPlan, WeightsPlan};

/// Transitions before the first update where a spec gives none, at least.
const LEAST_START: usize = 1000;

/// Target entropy of discrete actions in shares of ln |A| where a spec gives none.
const DISCRETE_ENTROPY_RATIO: f64 = 0.6;

/// Least and greatest logarithm of the temperature where a spec gives none.
const LOG_ALPHA_RANGE: [f64; 2] = [-5.0, 2.0];

/// Soft actor-critic.
pub const SAC: AlgorithmDef = AlgorithmDef {
    name: "SoftActorCritic",
    summary: "soft actor-critic, SAC (Haarnoja et al. 2018): continuous and discrete actions",
    check,
    plan: |agent, env, found| plan(agent, env, found, false),
    schema: || algorithm_schema::<SacSpec>("SoftActorCritic"),
};

/// Soft actor-critic without target networks.
pub const CROSS_Q: AlgorithmDef = AlgorithmDef {
    name: "CrossQ",
    summary: "SAC without target networks, its critics batch-normalized (Bhatt et al. 2024)",
    check,
    plan: |agent, env, found| plan(agent, env, found, true),
    schema: || algorithm_schema::<SacSpec>("CrossQ"),
};

spec! {
    /// A target entropy over frames, in shares of ln |A|.
    pub struct EntropyAnnealSpec {
        /// Share at frame 0.
        start_ratio: f64 = default(DISCRETE_ENTROPY_RATIO), in 0.0..=1.0;
        /// Share from `frames` on; null keeps the first.
        end_ratio: Option<f64> = nullable, in 0.0..=1.0;
        /// Frames from one to the other; 0 keeps the first.
        frames: u64 = default(0);
    }
}

spec! {
    /// Soft actor-critic.
    pub struct SacSpec {
        /// How actions are chosen.
        acting: ActingSpec = flatten;
        /// Discount γ of future rewards.
        gamma: f64 = required, in 0.0..=1.0;
        /// Transitions between updates; there is at most one update per vector step.
        training_frequency: usize = required, in 1..;
        /// Batches per update; null means `env.num_envs`.
        training_iter: Option<usize> = nullable, in 1..;
        /// Transitions before the first update, until which actions are random; null means
        /// `agent.memory.batch_size`, at least 1000.
        training_start_step: Option<usize> = nullable;
        /// Batches per step of the actor, the temperature and the targets.
        policy_delay: u64 = default(1), in 1..;
        /// Weight of the squared distance of a discrete policy's entropy from its running mean.
        entropy_penalty_coef: f64 = default(0.0), in 0.0..;
        /// Whether values are compared on a symmetric logarithmic scale.
        symlog: bool = default(false);
        /// Whether the last hidden linear layer of each critic is divided by its largest singular
        /// value.
        spectral_norm: bool = default(false);
        /// Least logarithm of the temperature.
        log_alpha_min: f64 = default(LOG_ALPHA_RANGE[0]);
        /// Greatest logarithm of the temperature.
        log_alpha_max: f64 = default(LOG_ALPHA_RANGE[1]);
        /// Learning rate of the temperature; null means the actor's.
        alpha_lr: Option<f64> = nullable, in 0.0..;
        /// A temperature that is not learned.
        fixed_alpha: Option<f64> = nullable, in 0.0..;
        /// Frames in which a fixed temperature falls to 0; 0 keeps it.
        alpha_anneal_frames: u64 = default(0);
        /// Entropy that the temperature is to bring about, in nats; "auto" is −dim(A), or a share
        /// of ln |A| for discrete actions.
        target_entropy: TargetEntropySpec = default(TargetEntropySpec::Auto);
        /// That share over frames.
        entropy_anneal: Option<EntropyAnnealSpec> = nullable;
    }
    ignored {
        normalize_state: "since SLM-Lab 5 the key is `env.normalize_obs`";
    }
}

fn check(agent: &AgentSpec, found: &mut Diagnostics) {
    read_algorithm::<SacSpec>(&agent.algorithm, found);
}

fn plan(
    agent: &AgentSpec,
    env: &EnvShape,
    found: &mut Diagnostics,
    is_cross_q: bool,
) -> Option<Box<dyn AgentPlan>> {
    let spec = read_algorithm::<SacSpec>(&agent.algorithm, found);
    let mut resolver = Resolver { agent, env, found };
    let replay = resolver.replay(env.action_space.width());
    let (spec, (memory, replay)) = (spec?, replay?);
    let (dist, actions) = dist_and_actions(&mut resolver, &spec.acting)?;
    refuse_contradictions(&mut resolver, &spec)?;
    note_idle_penalty(&mut resolver, &spec, actions);
    note_idle_temperature(&mut resolver, &spec, actions);
    let acting = resolver.acting(&spec.acting, &dist);
    let nets = nets(&mut resolver, &dist, actions, &spec);
    if let Some(net) = &agent.net {
        if is_cross_q {
            resolver.note_target_keys(&net.actor, None, NO_TARGET);
        } else {
            resolver.check_target_keys(&net.actor);
        }
    }
    let start = spec.training_start_step.unwrap_or(replay.batch_size.max(LEAST_START)) as u64;
    let training_frequency = spec.training_frequency as u64;
    resolver.warn_if_never_started(start, training_frequency);
    let timing = LearnTiming { training_start_step: start, training_frequency };
    let (acting, nets) = (acting?, nets?);
    Some(Box::new(ResolvedOffPolicy {
        plan: OffPolicyPlan { acting, replay, timing, random_frames: start },
        rule: rule_plan(&spec, env, nets, actions, is_cross_q),
        algorithm: to_json(&spec),
        memory: to_json(&memory),
    }))
}

/// Keys that can not hold together.
fn refuse_contradictions(resolver: &mut Resolver<'_>, spec: &SacSpec) -> Option<()> {
    if spec.log_alpha_min > spec.log_alpha_max {
        let message = format!("it is above log_alpha_max, {}", spec.log_alpha_max);
        resolver.error("log_alpha_min", message);
        return None;
    }
    Some(())
}

/// Notes a penalty that such actions do not have.
fn note_idle_penalty(resolver: &mut Resolver<'_>, spec: &SacSpec, actions: SacActions) {
    if spec.entropy_penalty_coef > 0.0 && !has_penalty(actions) {
        let why = "only a Categorical policy over discrete actions has this penalty";
        resolver.note_idle("entropy_penalty_coef", why);
    }
}

/// Notes keys of the temperature that nothing reads beside the others.
fn note_idle_temperature(resolver: &mut Resolver<'_>, spec: &SacSpec, actions: SacActions) {
    let has_target = spec.target_entropy != TargetEntropySpec::Auto;
    let anneals = spec.entropy_anneal.is_some();
    let learned = [
        ("alpha_lr", spec.alpha_lr.is_some()),
        ("log_alpha_min", spec.log_alpha_min != LOG_ALPHA_RANGE[0]),
        ("log_alpha_max", spec.log_alpha_max != LOG_ALPHA_RANGE[1]),
        ("target_entropy", has_target),
        ("entropy_anneal", anneals),
    ];
    if spec.fixed_alpha.is_some() {
        for (key, _) in learned.into_iter().filter(|(_, is_set)| *is_set) {
            resolver.note_idle(key, "a `fixed_alpha` is not learned");
        }
    } else if spec.alpha_anneal_frames > 0 {
        resolver.note_idle("alpha_anneal_frames", "only a `fixed_alpha` is annealed");
    }
    if anneals && has_target {
        resolver.note_idle("entropy_anneal", "only a `target_entropy` of \"auto\" is annealed");
    } else if anneals && matches!(actions, SacActions::Squashed { .. }) {
        let why = "it is of discrete actions: that of continuous ones is −dim(A) throughout";
        resolver.note_idle("entropy_anneal", why);
    }
}

/// The distribution that acts, and what the actor's rows mean.
fn dist_and_actions(resolver: &mut Resolver<'_>, spec: &ActingSpec) -> Option<(Dist, SacActions)> {
    match &resolver.env.action_space {
        Space::Box { .. } => squashed(resolver, spec),
        Space::Discrete { n } => {
            let n = *n as usize;
            let is_relaxed = spec.action_pdtype == ActionPdSpec::GumbelSoftmax;
            let actions =
                if is_relaxed { SacActions::Relaxed { n } } else { SacActions::Categorical { n } };
            let dist = resolver.dist(spec)?;
            if matches!(dist, Dist::Argmax { .. }) {
                let message = "Argmax has no probabilities that this algorithm could learn";
                resolver.error("action_pdtype", message);
                return None;
            }
            Some((dist, actions))
        }
        space => {
            let message =
                format!("it learns continuous or discrete actions, not {}", kind_of(space));
            resolver.error("name", message);
            None
        }
    }
}

/// A normal policy, which tanh always squashes here, whatever the spec calls it.
fn squashed(resolver: &mut Resolver<'_>, spec: &ActingSpec) -> Option<(Dist, SacActions)> {
    let action_pdtype = match spec.action_pdtype {
        ActionPdSpec::Default | ActionPdSpec::Normal | ActionPdSpec::MultivariateNormal => {
            ActionPdSpec::NormalTanh
        }
        other => other,
    };
    let dist = resolver.dist(&ActingSpec { action_pdtype, ..spec.clone() })?;
    if let Dist::Continuous { family: Family::NormalTanh, k } = dist {
        return Some((dist, SacActions::Squashed { k }));
    }
    let name = spec.action_pdtype.name();
    let message = format!("{name} has no samples to differentiate; Normal has");
    resolver.error("action_pdtype", message);
    None
}

/// Actor and critics, resolved.
struct SacNets {
    actor: (NetPlan, TrainPlan),
    critics: CriticsPlan,
}

/// The actor of `agent.net`; the critics of `agent.critic_net`, or of the same.
fn nets(
    resolver: &mut Resolver<'_>,
    dist: &Dist,
    actions: SacActions,
    spec: &SacSpec,
) -> Option<SacNets> {
    let net = resolver.net_spec()?;
    let part = &net.actor;
    let (heads, log_std_init) = resolver.policy_heads(dist, part.training.log_std_init)?;
    let stds = vec![part.training.init_std; heads.len()];
    resolver.refuse_dueling(part)?;
    let actor = resolver.net_plan(part, &heads, &stds, log_std_init)?;
    let (width, extra) = (actions.value_width(), actions.input_width());
    let mut critics = resolver.critics(&net, width, extra, spec.symlog)?;
    if spec.spectral_norm {
        normalize_last_hidden_layer(resolver, &mut critics.net)?;
    }
    Some(SacNets { actor: (actor, train_plan(&part.training)), critics })
}

/// Of Miyato et al. (2018), arXiv:1802.05957, for the second-to-last linear layer.
fn normalize_last_hidden_layer(resolver: &mut Resolver<'_>, critic: &mut NetPlan) -> Option<()> {
    let is_linear = |layer: &LayerPlan| matches!(layer, LayerPlan::Linear { .. });
    let problem = match critic.trunk.iter().rposition(is_linear) {
        None => "the critics have no hidden linear layer that it could normalize",
        Some(_) if critic.weights != WeightsPlan::Plain => "the critics have weight norm already",
        Some(last) => {
            critic.weights = WeightsPlan::SpectralNorm(vec![last]);
            return Some(());
        }
    };
    resolver.error("spectral_norm", problem);
    None
}

fn rule_plan(
    spec: &SacSpec,
    env: &EnvShape,
    nets: SacNets,
    actions: SacActions,
    is_cross_q: bool,
) -> SacPlan {
    SacPlan {
        temperature: temperature(spec, &nets.actor.1, actions),
        actor: nets.actor.0,
        actor_train: nets.actor.1,
        critics: CriticsPlan {
            target_update: nets.critics.target_update.filter(|_| !is_cross_q),
            ..nets.critics
        },
        actions,
        gamma: spec.gamma,
        training_iter: spec.training_iter.unwrap_or(env.num_envs),
        policy_delay: spec.policy_delay,
        entropy_penalty_coef: if has_penalty(actions) { spec.entropy_penalty_coef } else { 0.0 },
    }
}

/// Whether `entropy_penalty_coef` weighs anything.
fn has_penalty(actions: SacActions) -> bool {
    matches!(actions, SacActions::Categorical { .. })
}

fn temperature(spec: &SacSpec, actor: &TrainPlan, actions: SacActions) -> TemperaturePlan {
    if let Some(alpha) = spec.fixed_alpha {
        return TemperaturePlan::Fixed { alpha, anneal_frames: spec.alpha_anneal_frames };
    }
    TemperaturePlan::Learned {
        target: target_entropy(spec, actions),
        optim: actor.optim.clone(),
        lr: spec.alpha_lr.unwrap_or(actor.lr),
        log_alpha_range: [spec.log_alpha_min, spec.log_alpha_max],
    }
}

fn target_entropy(spec: &SacSpec, actions: SacActions) -> TargetEntropy {
    let constant = |nats| TargetEntropy { start: nats, end: nats, frames: 0 };
    match (spec.target_entropy, actions) {
        (TargetEntropySpec::Nats(nats), _) => constant(nats),
        (TargetEntropySpec::Auto, SacActions::Squashed { k }) => constant(-(k as f64)),
        (TargetEntropySpec::Auto, SacActions::Categorical { n } | SacActions::Relaxed { n }) => {
            let most = (n as f64).ln();
            let Some(anneal) = &spec.entropy_anneal else {
                return constant(DISCRETE_ENTROPY_RATIO * most);
            };
            TargetEntropy {
                start: anneal.start_ratio * most,
                end: anneal.end_ratio.unwrap_or(anneal.start_ratio) * most,
                frames: anneal.frames,
            }
        }
    }
}
